//! Any [`Module`] as a block of rust-hdl.
//!
//! A [`NetlistBlock`] stands in a rust-hdl design like a block of rust-hdl's own: it is checked by
//! `check_all`, simulated by `simulate` (the evaluator does the work), traced to VCD with all named
//! signals below it, and exported by `ModuleDefines` as a wrapper around the module's own Verilog.
//! Widths are those of the module, known at run time, where rust-hdl's signals have them in their
//! type.
//!
//! ```
//! use logattn_hdl::netlist::{Builder, unsigned};
//! use logattn_hdl::rust_hdl::NetlistBlock;
//! use rust_hdl_core::prelude::{Block, check_all, simulate};
//!
//! let mut m = Builder::new("increment", "Adds one.");
//! let value = m.input("value", unsigned(12), "a number");
//! let one = m.constant(1, unsigned(12));
//! let sum = m.add(value, one);
//! m.output("sum", sum, "the number after it");
//!
//! let mut block = NetlistBlock::new(&m.finish()?)?;
//! block.connect_all();
//! assert!(check_all(&block).is_ok());
//! block.pin_mut("value")?.set(41);
//! assert!(simulate(&mut block, 10));
//! assert_eq!(block.pin("sum")?.get(), 42);
//! # Ok::<(), logattn_hdl::netlist::NetlistError>(())
//! ```

use crate::netlist::{Direction, Evaluator, Module, NetlistError, PortHandle, Role, Type};
use rust_hdl_core::ast::{Verilog, VerilogLiteral, Wrapper};
use rust_hdl_core::atom::{Atom, AtomKind};
use rust_hdl_core::block::Block;
use rust_hdl_core::check_error::{CheckError, check_all};
use rust_hdl_core::constraint::PinConstraint;
use rust_hdl_core::logic::Logic;
use rust_hdl_core::module_defines::ModuleDefines;
use rust_hdl_core::probe::Probe;
use rust_hdl_core::signal::get_signal_id;
use rust_hdl_core::synth::VCDValue;
use rust_hdl_core::type_descriptor::{TypeDescriptor, TypeKind};

/// A port of a [`NetlistBlock`]: a rust-hdl signal whose width is known at run time.
#[derive(Clone, Debug)]
pub struct Pin {
    name: String,
    ty: Type,
    is_input: bool,
    is_clock: bool,
    /// Where the evaluator has it; the clock is its edge.
    handle: Option<PortHandle>,
    value: Vec<u64>,
    next: Vec<u64>,
    changed: bool,
    connected: bool,
    id: usize,
}

impl Pin {
    /// The port's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port's type.
    pub fn ty(&self) -> Type {
        self.ty
    }

    /// The lowest 64 bits of the value.
    pub fn get(&self) -> u64 {
        self.value[0]
    }

    /// All words of the value, lowest first.
    pub fn words(&self) -> &[u64] {
        &self.value
    }

    /// Sets the value that an input takes at the next update; bits beyond the width are dropped.
    /// An output is set by its block.
    pub fn set(&mut self, value: u64) {
        self.set_words(&[value]);
    }

    /// Sets an input of any width from its words, lowest first; missing words are 0.
    pub fn set_words(&mut self, words: &[u64]) {
        if !self.is_input {
            return;
        }
        let unused = self.next.len() as u32 * 64 - self.ty.width();
        for (i, next) in self.next.iter_mut().enumerate() {
            *next = words.get(i).copied().unwrap_or(0);
        }
        if let Some(top) = self.next.last_mut() {
            *top &= u64::MAX >> unused;
        }
    }

    /// Whether the last update brought a rising edge of the clock.
    fn rose(&self) -> bool {
        self.is_clock && self.changed && self.value[0] == 1
    }
}

impl Atom for Pin {
    fn bits(&self) -> usize {
        self.ty.width() as usize
    }

    fn connected(&self) -> bool {
        self.connected
    }

    fn changed(&self) -> bool {
        self.changed
    }

    fn kind(&self) -> AtomKind {
        if self.is_input {
            AtomKind::InputParameter
        } else {
            AtomKind::OutputParameter
        }
    }

    fn descriptor(&self) -> TypeDescriptor {
        descriptor(self.ty)
    }

    fn vcd(&self) -> VCDValue {
        vcd(&self.value, self.ty)
    }

    fn id(&self) -> usize {
        self.id
    }

    fn verilog(&self) -> VerilogLiteral {
        0u64.into()
    }

    fn constraints(&self) -> Vec<PinConstraint> {
        Vec::new()
    }
}

impl Logic for Pin {
    fn update(&mut self) {}

    /// Says that something drives the pin.
    fn connect(&mut self) {
        self.connected = true;
    }
}

impl Block for Pin {
    fn connect_all(&mut self) {}

    fn update_all(&mut self) {
        self.changed = self.value != self.next;
        self.value.copy_from_slice(&self.next);
    }

    fn has_changed(&self) -> bool {
        self.changed
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_atom(name, self);
    }
}

/// A named signal inside a block, as VCD probes see it.
struct Trace<'a> {
    signal: &'a InnerSignal,
    evaluator: &'a Evaluator,
}

#[derive(Clone, Debug)]
struct InnerSignal {
    /// Path below the block, with dots.
    path: String,
    ty: Type,
    id: usize,
}

impl Atom for Trace<'_> {
    fn bits(&self) -> usize {
        self.signal.ty.width() as usize
    }

    fn connected(&self) -> bool {
        true
    }

    fn changed(&self) -> bool {
        false
    }

    fn kind(&self) -> AtomKind {
        AtomKind::LocalSignal
    }

    fn descriptor(&self) -> TypeDescriptor {
        descriptor(self.signal.ty)
    }

    fn vcd(&self) -> VCDValue {
        let words = self.evaluator.peek(&self.signal.path).unwrap_or_default();
        vcd(&words, self.signal.ty)
    }

    fn id(&self) -> usize {
        self.signal.id
    }

    fn verilog(&self) -> VerilogLiteral {
        0u64.into()
    }

    fn constraints(&self) -> Vec<PinConstraint> {
        Vec::new()
    }
}

/// A [`Module`], with everything below it, as one block of a rust-hdl design.
///
/// The clock is the pin `clk`: it has a rising edge where an update finds it at 1 after 0, and the
/// other inputs are taken as they are at that update. Blocks without registers have no such pin.
#[derive(Clone, Debug)]
pub struct NetlistBlock {
    evaluator: Evaluator,
    pins: Vec<Pin>,
    signals: Vec<InnerSignal>,
    wrapper: Wrapper,
}

impl NetlistBlock {
    /// A block of `module`, at rest: all inputs, registers and memories are 0.
    ///
    /// # Errors
    /// Those of [`Evaluator::new`] and [`Module::hierarchy`].
    pub fn new(module: &Module) -> Result<NetlistBlock, NetlistError> {
        let evaluator = Evaluator::new(module)?;
        let mut pins = Vec::new();
        for port in module.ports() {
            let is_clock = port.role == Role::Clock;
            let words = port.ty.width().div_ceil(64) as usize;
            pins.push(Pin {
                name: port.name.clone(),
                ty: port.ty,
                is_input: port.direction == Direction::Input,
                is_clock,
                handle: if is_clock {
                    None
                } else {
                    Some(evaluator.port(&port.name)?)
                },
                value: vec![0; words],
                next: vec![0; words],
                changed: false,
                connected: false,
                id: get_signal_id(),
            });
        }
        let is_inner = |path: &&str| !pins.iter().any(|pin| pin.name == **path);
        let inner = evaluator.signals().into_iter().filter(is_inner);
        let signals = inner
            .filter_map(|path| {
                let ty = evaluator.signal_type(path)?;
                Some(InnerSignal {
                    path: path.into(),
                    ty,
                    id: get_signal_id(),
                })
            })
            .collect();
        let wrapper = wrapper(module)?;
        Ok(NetlistBlock {
            evaluator,
            pins,
            signals,
            wrapper,
        })
    }

    /// The ports, clock and reset first.
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// A port by its name.
    ///
    /// # Errors
    /// [`NetlistError::UnknownPort`] if there is none.
    pub fn pin(&self, name: &str) -> Result<&Pin, NetlistError> {
        let found = self.pins.iter().find(|pin| pin.name == name);
        found.ok_or_else(|| self.evaluator.unknown_port(name))
    }

    /// A port by its name, to be set.
    ///
    /// # Errors
    /// [`NetlistError::UnknownPort`] if there is none.
    pub fn pin_mut(&mut self, name: &str) -> Result<&mut Pin, NetlistError> {
        match self.pins.iter().position(|pin| pin.name == name) {
            Some(index) => Ok(&mut self.pins[index]),
            None => Err(self.evaluator.unknown_port(name)),
        }
    }
}

impl Logic for NetlistBlock {
    fn update(&mut self) {
        for pin in self.pins.iter().filter(|pin| pin.is_input && pin.changed) {
            if let Some(handle) = pin.handle {
                self.evaluator.set_words_at(handle, &pin.value);
            }
        }
        if self.pins.iter().any(Pin::rose) {
            self.evaluator.clock();
        } else {
            self.evaluator.settle();
        }
        for pin in self.pins.iter_mut().filter(|pin| !pin.is_input) {
            if let Some(handle) = pin.handle {
                pin.next
                    .copy_from_slice(self.evaluator.get_words_at(handle));
            }
        }
    }

    fn connect(&mut self) {
        self.pins
            .iter_mut()
            .filter(|pin| !pin.is_input)
            .for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        Verilog::Wrapper(self.wrapper.clone())
    }
}

impl Block for NetlistBlock {
    fn connect_all(&mut self) {
        self.connect();
    }

    fn update_all(&mut self) {
        self.update();
        self.pins.iter_mut().for_each(Block::update_all);
    }

    fn has_changed(&self) -> bool {
        self.pins.iter().any(Block::has_changed)
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_start_scope(name, self);
        for pin in &self.pins {
            pin.accept(&pin.name, probe);
        }
        // The instances below are namespaces of the one scope: their Verilog is the module's own.
        let mut open: Vec<&str> = Vec::new();
        for signal in &self.signals {
            let mut scopes: Vec<&str> = signal.path.split('.').collect();
            let leaf = scopes.pop().unwrap_or_default();
            let common = open.iter().zip(&scopes).take_while(|(a, b)| a == b).count();
            for _ in common..open.len() {
                probe.visit_end_namespace(open.pop().unwrap_or_default(), self);
            }
            for scope in &scopes[common..] {
                probe.visit_start_namespace(scope, self);
                open.push(scope);
            }
            probe.visit_atom(
                leaf,
                &Trace {
                    signal,
                    evaluator: &self.evaluator,
                },
            );
        }
        while let Some(scope) = open.pop() {
            probe.visit_end_namespace(scope, self);
        }
        probe.visit_end_scope(name, self);
    }
}

/// Checks a rust-hdl design and exports it as Verilog in which the top module is called `name`.
///
/// rust-hdl joins the names of modules and signals by `$`, which many tools refuse; here it is an
/// underscore.
///
/// # Errors
/// What `check_all` finds: unconnected signals, loops, inputs that are written.
pub fn export(top: &dyn Block, name: &str) -> Result<String, CheckError> {
    check_all(top)?;
    let mut defines = ModuleDefines::default();
    top.accept(name, &mut defines);
    Ok(without_dollars(&defines.defines()))
}

fn without_dollars(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut result = String::with_capacity(text.len());
    let mut previous = ' ';
    for c in text.chars() {
        // A system function such as $signed follows no letter.
        result.push(if c == '$' && is_word(previous) {
            '_'
        } else {
            c
        });
        previous = c;
    }
    result
}

/// An instance of `module`, for the body of the module that rust-hdl prints, and the text of its
/// hierarchy. Two blocks of one module bring the text twice, so each module has a guard.
fn wrapper(module: &Module) -> Result<Wrapper, NetlistError> {
    let mut cores = String::new();
    for below in module.hierarchy()? {
        let guard = format!("{}_DEFINED", below.name().to_uppercase());
        cores += &format!(
            "`ifndef {guard}\n`define {guard}\n{}`endif\n",
            below.verilog("")
        );
    }
    let connections: Vec<String> = module
        .ports()
        .iter()
        .map(|port| format!("    .{0}({0})", port.name))
        .collect();
    let name = module.name();
    let code = format!("{name} u_{name} (\n{}\n);\n", connections.join(",\n"));
    Ok(Wrapper { code, cores })
}

fn descriptor(ty: Type) -> TypeDescriptor {
    let width = ty.width() as usize;
    let kind = if ty.is_signed() {
        TypeKind::Signed(width)
    } else {
        TypeKind::Bits(width)
    };
    TypeDescriptor {
        name: ty.to_string(),
        kind,
    }
}

/// The bits of a value, most significant first.
fn vcd(words: &[u64], ty: Type) -> VCDValue {
    let bit = |i: u32| {
        words
            .get(i as usize / 64)
            .is_some_and(|word| word >> (i % 64) & 1 == 1)
    };
    VCDValue::Vector((0..ty.width()).rev().map(|i| bit(i).into()).collect())
}

#[cfg(test)]
mod tests {
    use super::without_dollars;

    #[test]
    fn separators_are_renamed_and_system_functions_are_not() {
        let text = "top$u_a u_a(.x(u_a$x)); assign y = $signed(x) + ($unsigned(z));";
        let expected = "top_u_a u_a(.x(u_a_x)); assign y = $signed(x) + ($unsigned(z));";
        assert_eq!(without_dollars(text), expected);
    }
}
