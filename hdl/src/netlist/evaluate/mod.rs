//! Cycle-accurate evaluation of a module with everything below it.

mod compile;
mod flatten;
mod lower;
mod step;

use super::data::{top_mask, words_of};
use super::module::{Direction, Module, Role};
use super::{NetlistError, Type};
use std::collections::HashMap;
use step::{MemoryState, RegisterStep, Step, WideStep};

/// Where the evaluator keeps a port: for access without a search by name.
#[derive(Clone, Copy, Debug)]
pub struct PortHandle {
    offset: usize,
    ty: Type,
    is_input: bool,
}

impl PortHandle {
    /// The port's type.
    pub fn ty(self) -> Type {
        self.ty
    }

    fn words(self) -> std::ops::Range<usize> {
        self.offset..self.offset + words_of(self.ty.width)
    }
}

/// What has changed since the combinational logic was last evaluated.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Change {
    Nothing,
    Inputs,
    Everything,
}

/// Evaluates a module and everything below it, bit for bit as its Verilog is simulated.
///
/// Registers and memories start at 0, which the Verilog leaves undefined. A memory read beyond its
/// depth gives 0 and a write there is ignored; the Verilog leaves both undefined.
#[derive(Clone, Debug)]
pub struct Evaluator {
    name: String,
    /// All values: the state (registers, then read registers), inputs, constants, then the
    /// combinational nodes, each after those it depends on.
    values: Vec<u64>,
    /// The state at the next edge.
    next: Vec<u64>,
    steps: Vec<Step>,
    /// Those of `steps` that an input reaches within a cycle.
    input_steps: Vec<Step>,
    wide: Vec<WideStep>,
    registers: Vec<RegisterStep>,
    memories: Vec<MemoryState>,
    /// What resets registers, in each combination that there is: places of bits.
    resets: Vec<Vec<usize>>,
    /// Whether each of them does in this cycle.
    is_reset: Vec<bool>,
    ports: HashMap<String, PortHandle>,
    names: HashMap<String, (usize, Type)>,
    changed: Change,
}

impl Evaluator {
    /// Prepares `module` for evaluation.
    ///
    /// # Errors
    /// [`NetlistError::CombinationalLoop`] if a signal depends on itself within a cycle. The
    /// modules' own checks exclude it, unless a mutation brought it in.
    pub fn new(module: &Module) -> Result<Evaluator, NetlistError> {
        compile::compile(module)
    }

    /// The handle of a port. The clock has none: [`Evaluator::clock`] is its edge.
    ///
    /// # Errors
    /// [`NetlistError::UnknownPort`] if there is no such port.
    pub fn port(&self, name: &str) -> Result<PortHandle, NetlistError> {
        self.ports
            .get(name)
            .copied()
            .ok_or_else(|| self.unknown_port(name))
    }

    pub(crate) fn unknown_port(&self, name: &str) -> NetlistError {
        NetlistError::UnknownPort {
            module: self.name.clone(),
            instance: "the module".into(),
            direction: "port",
            port: name.into(),
        }
    }

    /// Sets an input to `value`, whose bits beyond the port's width are dropped. Outputs follow at
    /// the next [`Evaluator::settle`] or [`Evaluator::clock`]. An output's handle has no effect.
    pub fn set_at(&mut self, port: PortHandle, value: u64) {
        self.set_words_at(port, &[value]);
    }

    /// Sets an input of any width from its words, lowest first; missing words are 0.
    pub fn set_words_at(&mut self, port: PortHandle, words: &[u64]) {
        if !port.is_input {
            return;
        }
        let to = &mut self.values[port.words()];
        let last = to.len() - 1;
        let mut differs = false;
        for (i, to) in to.iter_mut().enumerate() {
            let mask = if i == last {
                top_mask(port.ty.width)
            } else {
                u64::MAX
            };
            let word = words.get(i).map_or(0, |word| word & mask);
            differs |= *to != word;
            *to = word;
        }
        if differs && self.changed == Change::Nothing {
            self.changed = Change::Inputs;
        }
    }

    /// The lowest 64 bits of a port, as of the last [`Evaluator::settle`] or [`Evaluator::clock`].
    pub fn get_at(&self, port: PortHandle) -> u64 {
        self.values[port.offset]
    }

    /// All words of a port, lowest first, as of the last settling.
    pub fn get_words_at(&self, port: PortHandle) -> &[u64] {
        &self.values[port.words()]
    }

    /// [`Evaluator::set_at`] by name, for tests.
    ///
    /// # Panics
    /// If there is no such input port.
    pub fn set(&mut self, port: &str, value: u64) {
        let handle = self.expect(port, true);
        self.set_at(handle, value);
    }

    /// [`Evaluator::set_words_at`] by name, for tests.
    ///
    /// # Panics
    /// If there is no such input port.
    pub fn set_words(&mut self, port: &str, words: &[u64]) {
        let handle = self.expect(port, true);
        self.set_words_at(handle, words);
    }

    /// [`Evaluator::get_at`] by name, for tests.
    ///
    /// # Panics
    /// If there is no such port.
    pub fn get(&self, port: &str) -> u64 {
        self.get_at(self.expect(port, false))
    }

    /// [`Evaluator::get_words_at`] by name, for tests.
    ///
    /// # Panics
    /// If there is no such port.
    pub fn get_words(&self, port: &str) -> &[u64] {
        self.get_words_at(self.expect(port, false))
    }

    fn expect(&self, port: &str, input: bool) -> PortHandle {
        match self.port(port) {
            Ok(handle) if handle.is_input || !input => handle,
            Ok(_) => panic!("`{port}` is an output of {}", self.name),
            Err(error) => panic!("{error}"),
        }
    }

    /// The words of a named signal, by its path: `u_child.u_grandchild.signal`, or `signal` for one
    /// of the module itself. As of the last settling; `None` if there is no such signal.
    pub fn peek(&self, path: &str) -> Option<Vec<u64>> {
        let (offset, ty) = *self.names.get(path)?;
        Some(self.values[offset..offset + words_of(ty.width)].to_vec())
    }

    /// The type of a named signal, by its path.
    pub fn signal_type(&self, path: &str) -> Option<Type> {
        self.names.get(path).map(|(_, ty)| *ty)
    }

    /// The paths of all named signals, sorted.
    pub fn signals(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.names.keys().map(String::as_str).collect();
        paths.sort_unstable();
        paths
    }

    /// How often a word of a memory was read and written at one edge although
    /// [`super::Builder::memory_exclusive`] promised otherwise.
    pub fn collisions(&self) -> u64 {
        self.memories
            .iter()
            .filter_map(|memory| memory.collisions)
            .sum()
    }

    /// Lets the combinational logic follow the inputs.
    pub fn settle(&mut self) {
        let steps = match self.changed {
            Change::Nothing => return,
            Change::Inputs => &self.input_steps,
            Change::Everything => &self.steps,
        };
        step::run(steps, &self.wide, &mut self.values);
        self.changed = Change::Nothing;
    }

    /// One cycle: settles, takes the rising edge, settles again.
    pub fn clock(&mut self) {
        self.rise();
        self.settle();
    }

    /// Settles and takes the rising edge. Outputs follow at the next [`Evaluator::settle`], so that a
    /// loop of setting inputs, settling, reading outputs and rising evaluates each cycle once.
    pub fn rise(&mut self) {
        self.settle();
        for (is_reset, by) in self.is_reset.iter_mut().zip(&self.resets) {
            *is_reset = by.iter().any(|offset| self.values[*offset] != 0);
        }
        for register in &self.registers {
            register.stage(&self.values, &mut self.next, &self.is_reset);
        }
        for memory in &mut self.memories {
            memory.clock(&self.values, &mut self.next);
        }
        self.values[..self.next.len()].copy_from_slice(&self.next);
        self.changed = Change::Everything;
    }
}

fn is_visible(direction: Direction, role: Role) -> bool {
    !(direction == Direction::Input && role == Role::Clock)
}
