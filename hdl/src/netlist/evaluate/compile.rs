//! From the flat list of nodes to steps over one vector of words.

use super::flatten::Flat;
use super::step::{Kind, MemoryState, RegisterStep, Step, WideOp, WideStep};
use super::{Change, Evaluator, PortHandle, is_visible};
use crate::netlist::data::{
    Arithmetic, Bitwise, Comparison, Id, Op, Reduction, Shift, top_mask, words_of,
};
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
    let reset = if reset_port { compiler.push_words(&[0]) } else { zero };
    let mut evaluator = Evaluator {
        name: module.name().into(),
        next: vec![0; state],
        registers: compiler.registers(one),
        memories: compiler.memories(one),
        reset,
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
    matches!(op, Op::Input | Op::Constant(_) | Op::Register(_) | Op::MemoryRead(_))
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
            register.next.into_iter().chain(register.enable).for_each(&mut add);
        }
        for memory in &scope.data.memories {
            if let Some(port) = &memory.write {
                port.enable.into_iter().chain([port.address, port.data]).for_each(&mut add);
            }
            if let Some(port) = &memory.read {
                port.enable.into_iter().chain([port.address]).for_each(&mut add);
            }
        }
        scope.data.ports.iter().filter_map(|port| port.node).for_each(&mut add);
    }
    roots
}

struct Compiler<'a> {
    flat: &'a Flat<'a>,
    /// Where the value of each node is, once it has been placed.
    offsets: Vec<usize>,
    /// Whether an input reaches the node within a cycle.
    by_input: Vec<bool>,
    values: Vec<u64>,
    steps: Vec<Step>,
    input_steps: Vec<Step>,
    wide: Vec<WideStep>,
}

impl Compiler<'_> {
    fn push_words(&mut self, words: &[u64]) -> usize {
        let offset = self.values.len();
        self.values.extend_from_slice(words);
        offset
    }

    fn place(&mut self, node: usize) -> usize {
        let offset = self.values.len();
        self.values.resize(offset + words_of(self.flat.ty(node).width), 0);
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
            for read in scope.data.memories.iter().filter_map(|memory| memory.read.as_ref()) {
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
    fn offset(&self, scope: usize, id: Id) -> usize {
        self.offsets[self.flat.source(self.flat.number(scope, id))]
    }

    fn registers(&mut self, one: usize) -> Vec<RegisterStep> {
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
                });
            }
        }
        memories
    }

    fn ports(&self, module: &Module, reset: usize) -> HashMap<String, PortHandle> {
        let visible = module.ports().iter().filter(|p| is_visible(p.direction, p.role));
        let handles = visible.map(|port| {
            let offset = port.node.map_or(reset, |id| self.offset(0, id));
            let is_input = port.direction == Direction::Input;
            (port.name.clone(), PortHandle { offset, ty: port.ty, is_input })
        });
        handles.collect()
    }

    fn names(&self) -> HashMap<String, (usize, u32)> {
        let mut names = HashMap::new();
        for (number, scope) in self.flat.scopes.iter().enumerate() {
            for (id, node) in scope.data.nodes.iter().enumerate() {
                if let Some(name) = &node.name {
                    let place = (self.offset(number, id as Id), node.ty.width);
                    names.insert(format!("{}{name}", scope.path), place);
                }
            }
        }
        names
    }

    fn compile_node(&mut self, node: usize) {
        let operands = self.flat.operands(node);
        self.by_input[node] = operands.iter().any(|operand| self.by_input[*operand]);
        self.place(node);
        let mut widest = self.flat.ty(node).width;
        self.flat.op(node).operands(|id| {
            widest = widest.max(self.flat.ty(self.flat.number(self.flat.scope(node), id)).width);
        });
        if widest <= 64 {
            self.narrow(node);
        } else {
            self.wide(node);
        }
    }

    fn emit(&mut self, node: usize, step: Step) {
        self.steps.push(step);
        if self.by_input[node] {
            self.input_steps.push(step);
        }
    }

    /// Offset and type of an operand of `node`.
    fn operand(&self, node: usize, id: Id) -> (u32, Type) {
        let scope = self.flat.scope(node);
        (self.offset(scope, id) as u32, self.flat.ty(self.flat.number(scope, id)))
    }

    /// Steps for a node of at most 64 bits with operands of at most 64 bits.
    fn narrow(&mut self, node: usize) {
        let flat = self.flat;
        let ty = flat.ty(node);
        let to = self.offsets[node] as u32;
        let base = Step { kind: Kind::Or, to, a: 0, b: 0, c: 0, mask: top_mask(ty.width) };
        let step = match flat.op(node) {
            Op::Not(a) => Step { kind: Kind::Not, a: self.operand(node, *a).0, ..base },
            Op::Negate(a) => Step { kind: Kind::Negate, a: self.operand(node, *a).0, ..base },
            Op::Reduce(reduction, a) => {
                let (a, of) = self.operand(node, *a);
                let kind = match reduction {
                    Reduction::Any => Kind::Any,
                    Reduction::All => Kind::All,
                    Reduction::Parity => Kind::Parity,
                };
                Step { kind, a, mask: top_mask(of.width), ..base }
            }
            Op::Arithmetic(operation, a, b) => self.narrow_arithmetic(node, *operation, *a, *b, base),
            Op::Bitwise(operation, all) => return self.narrow_bitwise(node, *operation, all, base),
            Op::Compare(comparison, a, b) => self.narrow_compare(node, *comparison, *a, *b, base),
            Op::ShiftBy(direction, a, n) => {
                let kind = match (direction, ty.signed) {
                    (Shift::Left, _) => Kind::ShiftLeftBy,
                    (Shift::Right, false) => Kind::ShiftRightBy,
                    (Shift::Right, true) => Kind::ShiftRightSignedBy,
                };
                let (a, _) = self.operand(node, *a);
                Step { kind, a, b: ty.width, c: (*n).min(ty.width), ..base }
            }
            Op::Shift(direction, a, n) => {
                let kind = match (direction, ty.signed) {
                    (Shift::Left, _) => Kind::ShiftLeft,
                    (Shift::Right, false) => Kind::ShiftRight,
                    (Shift::Right, true) => Kind::ShiftRightSigned,
                };
                let (a, b) = (self.operand(node, *a).0, self.operand(node, *n).0);
                Step { kind, a, b, c: ty.width, ..base }
            }
            Op::Mux(condition, a, b) => {
                let [condition, a, b] = [condition, a, b].map(|id| self.operand(node, *id).0);
                Step { kind: Kind::Mux, a, b, c: condition, ..base }
            }
            Op::Concat(parts) => return self.narrow_concat(node, parts, base),
            Op::Slice(a, low) => self.slice_step(node, *a, *low, base),
            Op::Replicate(a, n) => {
                let (a, of) = self.operand(node, *a);
                let pattern = (0..*n).fold(0, |pattern, i| pattern | 1 << (i * of.width));
                Step { kind: Kind::Replicate, a, mask: pattern, ..base }
            }
            Op::Extend(a) => {
                let (a, of) = self.operand(node, *a);
                Step { kind: Kind::ExtendSign, a, c: of.width, ..base }
            }
            _ => return,
        };
        self.emit(node, step);
    }

    fn slice_step(&self, node: usize, a: Id, low: u32, base: Step) -> Step {
        let (a, _) = self.operand(node, a);
        let crosses = low % 64 + self.flat.ty(node).width > 64;
        let kind = if crosses { Kind::SliceAcross } else { Kind::Slice };
        Step { kind, a: a + low / 64, c: low % 64, ..base }
    }

    fn narrow_arithmetic(&self, node: usize, op: Arithmetic, a: Id, b: Id, base: Step) -> Step {
        let ((a, a_ty), (b, b_ty)) = (self.operand(node, a), self.operand(node, b));
        let kind = match op {
            Arithmetic::Add => Kind::Add,
            Arithmetic::Subtract => Kind::Subtract,
            Arithmetic::Multiply if a_ty.signed => Kind::MultiplySigned,
            Arithmetic::Multiply => Kind::Multiply,
        };
        Step { kind, a, b, c: a_ty.width | b_ty.width << 8, ..base }
    }

    fn narrow_bitwise(&mut self, node: usize, op: Bitwise, all: &[Id], base: Step) {
        let kind = match op {
            Bitwise::And => Kind::And,
            Bitwise::Or => Kind::Or,
            Bitwise::Xor => Kind::Xor,
        };
        let mut a = self.operand(node, all[0]).0;
        for id in &all[1..] {
            let b = self.operand(node, *id).0;
            self.emit(node, Step { kind, a, b, ..base });
            a = base.to;
        }
    }

    fn narrow_compare(&self, node: usize, op: Comparison, a: Id, b: Id, base: Step) -> Step {
        let ((a, ty), (b, _)) = (self.operand(node, a), self.operand(node, b));
        let (kind, a, b) = match op {
            Comparison::Equal => (Kind::Equal, a, b),
            Comparison::NotEqual => (Kind::NotEqual, a, b),
            Comparison::Less => (Kind::Less, a, b),
            Comparison::LessEqual => (Kind::LessEqual, a, b),
            Comparison::Greater => (Kind::Less, b, a),
            Comparison::GreaterEqual => (Kind::LessEqual, b, a),
        };
        // With the sign bit flipped, two's complement numbers are ordered as unsigned ones.
        let mask = if ty.signed { 1 << (ty.width - 1) } else { 0 };
        Step { kind, a, b, mask, ..base }
    }

    fn narrow_concat(&mut self, node: usize, parts: &[Id], base: Step) {
        let mut a = self.operand(node, parts[0]).0;
        for id in &parts[1..] {
            let (b, ty) = self.operand(node, *id);
            self.emit(node, Step { kind: Kind::Append, a, b, c: ty.width, ..base });
            a = base.to;
        }
    }

    /// Steps for a node with more than 64 bits in it.
    fn wide(&mut self, node: usize) {
        let flat = self.flat;
        let ty = flat.ty(node);
        let to = self.offsets[node] as u32;
        let base = Step { kind: Kind::Wide, to, a: 0, b: 0, c: 0, mask: top_mask(ty.width) };
        match flat.op(node) {
            Op::Slice(a, low) if ty.width <= 64 => {
                let step = self.slice_step(node, *a, *low, base);
                return self.emit(node, step);
            }
            Op::Concat(parts) => {
                let mut low = ty.width;
                for id in parts {
                    let (a, part) = self.operand(node, *id);
                    low -= part.width;
                    let put = Step { kind: Kind::Put, a, b: part.width, c: low, ..base };
                    self.emit(node, put);
                }
                return;
            }
            _ => {}
        }
        let op = match flat.op(node) {
            Op::Not(_) => WideOp::Not,
            Op::Negate(_) => WideOp::Negate,
            Op::Reduce(reduction, _) => WideOp::Reduce(*reduction),
            Op::Arithmetic(operation, ..) => WideOp::Arithmetic(*operation),
            Op::Bitwise(operation, _) => WideOp::Bitwise(*operation),
            Op::Compare(comparison, ..) => WideOp::Compare(*comparison),
            Op::ShiftBy(direction, _, n) => WideOp::ShiftBy(*direction, *n),
            Op::Shift(direction, ..) => WideOp::Shift(*direction),
            Op::Mux(..) => WideOp::Mux,
            Op::Slice(_, low) => WideOp::Slice(*low),
            Op::Replicate(_, n) => WideOp::Replicate(*n),
            Op::Extend(_) => WideOp::Extend,
            _ => return,
        };
        let mut operands = Vec::new();
        flat.op(node).operands(|id| {
            let (offset, ty) = self.operand(node, id);
            operands.push((offset as usize, ty.width));
        });
        let signed = match flat.op(node) {
            Op::Compare(_, a, _) => self.operand(node, *a).1.signed,
            _ => ty.signed,
        };
        let width = ty.width;
        let a = self.wide.len() as u32;
        self.wide.push(WideStep { op, to: to as usize, width, signed, operands });
        self.emit(node, Step { a, ..base });
    }
}

