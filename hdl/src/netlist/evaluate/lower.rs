//! One node as steps: for values of at most 64 bits, and for wider ones.

use super::compile::Compiler;
use super::step::{Kind, Step, WideOp, WideStep};
use crate::netlist::Type;
use crate::netlist::data::{Arithmetic, Bitwise, Comparison, Id, Op, Reduction, Shift, top_mask};

impl Compiler<'_> {
    pub(super) fn compile_node(&mut self, node: usize) {
        let operands = self.flat.operands(node);
        self.by_input[node] = operands.iter().any(|operand| self.by_input[*operand]);
        self.place(node);
        let mut widest = self.flat.ty(node).width;
        self.flat.op(node).operands(|id| {
            widest = widest.max(
                self.flat
                    .ty(self.flat.number(self.flat.scope(node), id))
                    .width,
            );
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
        (
            self.offset(scope, id) as u32,
            self.flat.ty(self.flat.number(scope, id)),
        )
    }

    /// Steps for a node of at most 64 bits with operands of at most 64 bits.
    fn narrow(&mut self, node: usize) {
        let flat = self.flat;
        let ty = flat.ty(node);
        let base = Step::to(self.offsets[node] as u32, top_mask(ty.width));
        let at = |id: &Id| self.operand(node, *id);
        let step = match flat.op(node) {
            Op::Not(a) => base.of(Kind::Not, at(a).0, 0, 0),
            Op::Negate(a) => base.of(Kind::Negate, at(a).0, 0, 0),
            Op::Reduce(reduction, a) => {
                let (a, of) = at(a);
                let mask = top_mask(of.width);
                let kind = match reduction {
                    Reduction::Any => Kind::Any,
                    Reduction::All => Kind::All,
                    Reduction::Parity => Kind::Parity,
                };
                Step {
                    mask,
                    ..base.of(kind, a, 0, 0)
                }
            }
            Op::Arithmetic(operation, a, b) => narrow_arithmetic(*operation, at(a), at(b), base),
            Op::Bitwise(operation, all) => return self.narrow_bitwise(node, *operation, all, base),
            Op::Compare(comparison, a, b) => narrow_compare(*comparison, at(a), at(b), base),
            Op::ShiftBy(direction, a, n) => {
                let kind = match (direction, ty.signed) {
                    (Shift::Left, _) => Kind::ShiftLeftBy,
                    (Shift::Right, false) => Kind::ShiftRightBy,
                    (Shift::Right, true) => Kind::ShiftRightSignedBy,
                };
                base.of(kind, at(a).0, ty.width, (*n).min(ty.width))
            }
            Op::Shift(direction, a, n) => {
                let kind = match (direction, ty.signed) {
                    (Shift::Left, _) => Kind::ShiftLeft,
                    (Shift::Right, false) => Kind::ShiftRight,
                    (Shift::Right, true) => Kind::ShiftRightSigned,
                };
                base.of(kind, at(a).0, at(n).0, ty.width)
            }
            Op::Mux(condition, a, b) => base.of(Kind::Mux, at(a).0, at(b).0, at(condition).0),
            Op::Concat(parts) => return self.narrow_concat(node, parts, base),
            Op::Slice(a, low) => self.slice_step(node, *a, *low, base),
            Op::Replicate(a, n) => {
                let (a, of) = at(a);
                let mask = (0..*n).fold(0, |pattern, i| pattern | 1 << (i * of.width));
                Step {
                    mask,
                    ..base.of(Kind::Replicate, a, 0, 0)
                }
            }
            Op::Extend(a) => base.of(Kind::ExtendSign, at(a).0, 0, at(a).1.width),
            _ => return,
        };
        self.emit(node, step);
    }

    fn slice_step(&self, node: usize, a: Id, low: u32, base: Step) -> Step {
        let crosses = low % 64 + self.flat.ty(node).width > 64;
        let kind = if crosses {
            Kind::SliceAcross
        } else {
            Kind::Slice
        };
        base.of(kind, self.operand(node, a).0 + low / 64, 0, low % 64)
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
            self.emit(node, base.of(kind, a, b, 0));
            a = base.to;
        }
    }

    fn narrow_concat(&mut self, node: usize, parts: &[Id], base: Step) {
        let mut a = self.operand(node, parts[0]).0;
        for id in &parts[1..] {
            let (b, ty) = self.operand(node, *id);
            self.emit(node, base.of(Kind::Append, a, b, ty.width));
            a = base.to;
        }
    }

    /// Steps for a node with more than 64 bits in it.
    fn wide(&mut self, node: usize) {
        let flat = self.flat;
        let ty = flat.ty(node);
        let to = self.offsets[node] as u32;
        let base = Step::to(to, top_mask(ty.width));
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
                    self.emit(node, base.of(Kind::Put, a, part.width, low));
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
        self.wide.push(WideStep {
            op,
            to: to as usize,
            width,
            signed,
            operands,
        });
        self.emit(node, base.of(Kind::Wide, a, 0, 0));
    }
}

fn narrow_arithmetic(op: Arithmetic, a: (u32, Type), b: (u32, Type), base: Step) -> Step {
    let kind = match op {
        Arithmetic::Add => Kind::Add,
        Arithmetic::Subtract => Kind::Subtract,
        Arithmetic::Multiply if a.1.signed => Kind::MultiplySigned,
        Arithmetic::Multiply => Kind::Multiply,
    };
    base.of(kind, a.0, b.0, a.1.width | b.1.width << 8)
}

fn narrow_compare(op: Comparison, a: (u32, Type), b: (u32, Type), base: Step) -> Step {
    let ((a, ty), (b, _)) = (a, b);
    // With the sign bit flipped, two's complement numbers are ordered as unsigned ones.
    let mask = if ty.signed { 1 << (ty.width - 1) } else { 0 };
    let base = Step { mask, ..base };
    match op {
        Comparison::Equal => base.of(Kind::Equal, a, b, 0),
        Comparison::NotEqual => base.of(Kind::NotEqual, a, b, 0),
        Comparison::Less => base.of(Kind::Less, a, b, 0),
        Comparison::LessEqual => base.of(Kind::LessEqual, a, b, 0),
        Comparison::Greater => base.of(Kind::Less, b, a, 0),
        Comparison::GreaterEqual => base.of(Kind::LessEqual, b, a, 0),
    }
}
