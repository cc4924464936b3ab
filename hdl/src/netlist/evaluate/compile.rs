//! From the flat list of nodes to steps over one vector of words.

use super::flatten::Flat;
use super::step::{MemoryState, RegisterStep, Step, WideStep};
use super::{Change, Evaluator, PortHandle, is_visible};
use crate::netlist::data::{Id, Op, words_of};
use crate::netlist::module::{Direction, Module, Role};
use crate::netlist::{NetlistError, Type};
use std::collections::HashMap;

pub(super) fn compile(module: &Module) -> Result<Evaluator, NetlistError> {
    let flat = Flat::new(module)?;
    let order = sort(&flat)?;
    let mut compiler = Compiler {
        flat: &flat,
        offsets: vec![usize::MAX; flat.len()],
        by_input: vec![false; flat.len()],
        values: Vec::new(),
        steps: Vec::new(),
        input_steps: Vec::new(),
        wide: Vec::new(),
    };
    let state = compiler.place_state();
    let (zero, one) = compiler.place_inputs();
    for node in order {
        compiler.compile_node(node);
    }
    let reset_port = module.ports().iter().any(|port| port.role == Role::Reset);
    let reset = if reset_port {
        compiler.push_words(&[0])
    } else {
        zero
    };
    let (resets, domains) = compiler.resets(reset);
    let mut evaluator = Evaluator {
        name: module.name().into(),
        next: vec![0; state],
        registers: compiler.registers(one, &domains),
        memories: compiler.memories(one),
        is_reset: vec![false; resets.len()],
        resets,
        ports: compiler.ports(module, reset),
        names: compiler.names(),
        values: compiler.values,
        steps: compiler.steps,
        input_steps: compiler.input_steps,
        wide: compiler.wide,
        changed: Change::Everything,
    };
    evaluator.settle();
    Ok(evaluator)
}

fn is_leaf(op: &Op) -> bool {
    matches!(
        op,
        Op::Input | Op::Constant(_) | Op::Register(_) | Op::MemoryRead(_)
    )
}

/// All nodes that hold a value of their own and are read, each after what it depends on.
fn sort(flat: &Flat) -> Result<Vec<usize>, NetlistError> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnPath,
        Done,
    }
    let mut marks = vec![Mark::New; flat.len()];
    let mut order = Vec::new();
    for start in roots(flat) {
        let mut path: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut next = Some(start);
        loop {
            if let Some(node) = next.take() {
                match marks[node] {
                    Mark::Done => {}
                    Mark::OnPath => {
                        let mut nodes: Vec<usize> = path.iter().map(|(node, _)| *node).collect();
                        let from = nodes.iter().position(|other| *other == node).unwrap_or(0);
                        nodes.drain(..from);
                        nodes.reverse();
                        return Err(flat.loop_error(&nodes));
                    }
                    Mark::New => {
                        marks[node] = Mark::OnPath;
                        let mut operands = flat.operands(node);
                        operands.reverse();
                        path.push((node, operands));
                    }
                }
            }
            let Some((node, waiting)) = path.last_mut() else {
                break;
            };
            next = waiting.pop();
            if next.is_none() {
                marks[*node] = Mark::Done;
                if !is_leaf(flat.op(*node)) {
                    order.push(*node);
                }
                path.pop();
            }
        }
    }
    Ok(order)
}

/// Everything that is read from outside the combinational logic, or can be asked for.
fn roots(flat: &Flat) -> Vec<usize> {
    let mut roots = Vec::new();
    for (number, scope) in flat.scopes.iter().enumerate() {
        let mut add = |id: Id| roots.push(flat.source(flat.number(number, id)));
        for (id, node) in scope.data.nodes.iter().enumerate() {
            if node.name.is_some() {
                add(id as Id);
            }
        }
        for register in &scope.data.registers {
            register
                .next
                .into_iter()
                .chain(register.enable)
                .for_each(&mut add);
        }
        for memory in &scope.data.memories {
            if let Some(port) = &memory.write {
                port.enable
                    .into_iter()
                    .chain([port.address, port.data])
                    .for_each(&mut add);
            }
            if let Some(port) = &memory.read {
                port.enable
                    .into_iter()
                    .chain([port.address])
                    .for_each(&mut add);
            }
        }
        let ports = scope.data.ports.iter();
        ports.filter_map(|port| port.node).for_each(&mut add);
        let instances = scope.data.instances.iter();
        instances.filter_map(|i| i.clear).for_each(&mut add);
    }
    roots
}

pub(super) struct Compiler<'a> {
    pub(super) flat: &'a Flat<'a>,
    /// Where the value of each node is, once it has been placed.
    pub(super) offsets: Vec<usize>,
    /// Whether an input reaches the node within a cycle.
    pub(super) by_input: Vec<bool>,
    values: Vec<u64>,
    pub(super) steps: Vec<Step>,
    pub(super) input_steps: Vec<Step>,
    pub(super) wide: Vec<WideStep>,
}

impl Compiler<'_> {
    fn push_words(&mut self, words: &[u64]) -> usize {
        let offset = self.values.len();
        self.values.extend_from_slice(words);
        offset
    }

    pub(super) fn place(&mut self, node: usize) -> usize {
        let offset = self.values.len();
        self.values
            .resize(offset + words_of(self.flat.ty(node).width), 0);
        self.offsets[node] = offset;
        offset
    }

    /// Places the registers, then the read registers; returns how many words they are.
    fn place_state(&mut self) -> usize {
        let flat = self.flat;
        for (number, scope) in flat.scopes.iter().enumerate() {
            for register in &scope.data.registers {
                self.place(flat.number(number, register.node));
            }
        }
        for (number, scope) in flat.scopes.iter().enumerate() {
            for read in scope
                .data
                .memories
                .iter()
                .filter_map(|memory| memory.read.as_ref())
            {
                self.place(flat.number(number, read.node));
            }
        }
        self.values.len()
    }

    /// Places the top's inputs and all constants; returns where a 0 and a 1 are.
    fn place_inputs(&mut self) -> (usize, usize) {
        let flat = self.flat;
        for port in &flat.scopes[0].data.ports {
            if let (Direction::Input, Some(id)) = (port.direction, port.node) {
                let node = flat.number(0, id);
                self.place(node);
                self.by_input[node] = true;
            }
        }
        for node in 0..flat.len() {
            if let Op::Constant(words) = flat.op(node) {
                self.offsets[node] = self.push_words(words);
            }
        }
        (self.push_words(&[0]), self.push_words(&[1]))
    }

    /// Where the value of a scope's node is.
    pub(super) fn offset(&self, scope: usize, id: Id) -> usize {
        self.offsets[self.flat.source(self.flat.number(scope, id))]
    }

    /// What can reset registers, in each combination that there is, and which of them it is for the
    /// registers of each scope.
    fn resets(&self, reset: usize) -> (Vec<Vec<usize>>, Vec<usize>) {
        let (mut resets, mut domains) = (vec![vec![reset]], Vec::<usize>::new());
        for scope in &self.flat.scopes {
            let Some((parent, instance)) = scope.parent else {
                domains.push(0);
                continue;
            };
            let outer = domains[parent];
            let clear = self.flat.scopes[parent].data.instances[instance].clear;
            domains.push(match clear {
                None => outer,
                Some(id) => {
                    let mut by = resets[outer].clone();
                    by.push(self.offset(parent, id));
                    resets.push(by);
                    resets.len() - 1
                }
            });
        }
        (resets, domains)
    }

    fn registers(&mut self, one: usize, domains: &[usize]) -> Vec<RegisterStep> {
        let flat = self.flat;
        let mut registers = Vec::new();
        for (number, scope) in flat.scopes.iter().enumerate() {
            for register in &scope.data.registers {
                let to = self.offset(number, register.node);
                registers.push(RegisterStep {
                    to,
                    words: words_of(scope.data.node(register.node).ty.width),
                    from: register.next.map_or(to, |id| self.offset(number, id)),
                    enable: register.enable.map_or(one, |id| self.offset(number, id)),
                    reset: register.reset.as_ref().map(|words| self.push_words(words)),
                    domain: domains[number],
                });
            }
        }
        registers
    }

    fn memories(&self, one: usize) -> Vec<MemoryState> {
        let flat = self.flat;
        let mut memories = Vec::new();
        for (number, scope) in flat.scopes.iter().enumerate() {
            let enable = |id: Option<Id>| id.map_or(one, |id| self.offset(number, id));
            for memory in &scope.data.memories {
                let (Some(write), Some(read)) = (&memory.write, &memory.read) else {
                    continue;
                };
                let words = words_of(memory.width);
                memories.push(MemoryState {
                    data: vec![0; memory.depth * words],
                    words,
                    write_enable: enable(write.enable),
                    write_address: self.offset(number, write.address),
                    write_data: self.offset(number, write.data),
                    read_enable: enable(read.enable),
                    read_address: self.offset(number, read.address),
                    read: self.offset(number, read.node),
                    collisions: memory.exclusive.then_some(0),
                });
            }
        }
        memories
    }

    fn ports(&self, module: &Module, reset: usize) -> HashMap<String, PortHandle> {
        let visible = module
            .ports()
            .iter()
            .filter(|p| is_visible(p.direction, p.role));
        let handles = visible.map(|port| {
            let offset = port.node.map_or(reset, |id| self.offset(0, id));
            let is_input = port.direction == Direction::Input;
            (
                port.name.clone(),
                PortHandle {
                    offset,
                    ty: port.ty,
                    is_input,
                },
            )
        });
        handles.collect()
    }

    fn names(&self) -> HashMap<String, (usize, Type)> {
        let mut names = HashMap::new();
        for (number, scope) in self.flat.scopes.iter().enumerate() {
            for (id, node) in scope.data.nodes.iter().enumerate() {
                if let Some(name) = &node.name {
                    let place = (self.offset(number, id as Id), node.ty);
                    names.insert(format!("{}{name}", scope.path), place);
                }
            }
        }
        names
    }
}
