//! The builder's combinational operators.

use super::data::{Arithmetic, BIT, Bitwise, Comparison, Op, Reduction, Shift};
use super::{Builder, NetlistError, Signal, Type, signed, unsigned};

impl Builder {
    /// `a + b`, modulo 2^width. Both of one type, which is the result's.
    pub fn add(&mut self, a: Signal, b: Signal) -> Signal {
        self.binary(Op::Arithmetic(Arithmetic::Add, a.id, b.id), a, b, a.ty)
    }

    /// `a - b`, modulo 2^width. Both of one type, which is the result's.
    pub fn sub(&mut self, a: Signal, b: Signal) -> Signal {
        self.binary(Op::Arithmetic(Arithmetic::Subtract, a.id, b.id), a, b, a.ty)
    }

    /// `-a`, modulo 2^width.
    pub fn neg(&mut self, a: Signal) -> Signal {
        self.unary(Op::Negate(a.id), a, a.ty)
    }

    /// `a * b`, exact: both of one sign, of any widths; the result has the sum of the widths.
    pub fn mul(&mut self, a: Signal, b: Signal) -> Signal {
        let op = Op::Arithmetic(Arithmetic::Multiply, a.id, b.id);
        let ty = Type {
            width: a.width() + b.width(),
            signed: a.ty.signed,
        };
        if !self.owns(a, "mul") || !self.owns(b, "mul") {
            return self.dummy(ty);
        }
        if a.ty.signed != b.ty.signed {
            let operation = format!("mul with {}, which is {}", self.data.describe(a.id), a.ty);
            return self.wrong_sign(operation, b, ty);
        }
        self.push(op, ty)
    }

    /// Bitwise and. Both of one type, which is the result's.
    pub fn and(&mut self, a: Signal, b: Signal) -> Signal {
        self.binary(Op::Bitwise(Bitwise::And, vec![a.id, b.id]), a, b, a.ty)
    }

    /// Bitwise or. Both of one type, which is the result's.
    pub fn or(&mut self, a: Signal, b: Signal) -> Signal {
        self.binary(Op::Bitwise(Bitwise::Or, vec![a.id, b.id]), a, b, a.ty)
    }

    /// Bitwise exclusive or. Both of one type, which is the result's.
    pub fn xor(&mut self, a: Signal, b: Signal) -> Signal {
        self.binary(Op::Bitwise(Bitwise::Xor, vec![a.id, b.id]), a, b, a.ty)
    }

    /// Bitwise complement.
    pub fn not(&mut self, a: Signal) -> Signal {
        self.unary(Op::Not(a.id), a, a.ty)
    }

    /// Bitwise and of at least one signal, all of one type.
    pub fn and_all(&mut self, all: &[Signal]) -> Signal {
        self.bitwise_all(Bitwise::And, all)
    }

    /// Bitwise or of at least one signal, all of one type.
    pub fn or_all(&mut self, all: &[Signal]) -> Signal {
        self.bitwise_all(Bitwise::Or, all)
    }

    /// 1 if any bit of `a` is 1.
    pub fn any(&mut self, a: Signal) -> Signal {
        self.unary(Op::Reduce(Reduction::Any, a.id), a, BIT)
    }

    /// 1 if all bits of `a` are 1.
    pub fn all(&mut self, a: Signal) -> Signal {
        self.unary(Op::Reduce(Reduction::All, a.id), a, BIT)
    }

    /// The exclusive or of all bits of `a`.
    pub fn parity(&mut self, a: Signal) -> Signal {
        self.unary(Op::Reduce(Reduction::Parity, a.id), a, BIT)
    }

    /// `a == b`, one bit. Both of one type.
    pub fn eq(&mut self, a: Signal, b: Signal) -> Signal {
        self.compare(Comparison::Equal, a, b)
    }

    /// `a != b`, one bit. Both of one type.
    pub fn ne(&mut self, a: Signal, b: Signal) -> Signal {
        self.compare(Comparison::NotEqual, a, b)
    }

    /// `a < b`, one bit. Both of one type, whose sign decides how they are compared.
    pub fn lt(&mut self, a: Signal, b: Signal) -> Signal {
        self.compare(Comparison::Less, a, b)
    }

    /// `a <= b`, one bit. Both of one type, whose sign decides how they are compared.
    pub fn le(&mut self, a: Signal, b: Signal) -> Signal {
        self.compare(Comparison::LessEqual, a, b)
    }

    /// `a > b`, one bit. Both of one type, whose sign decides how they are compared.
    pub fn gt(&mut self, a: Signal, b: Signal) -> Signal {
        self.compare(Comparison::Greater, a, b)
    }

    /// `a >= b`, one bit. Both of one type, whose sign decides how they are compared.
    pub fn ge(&mut self, a: Signal, b: Signal) -> Signal {
        self.compare(Comparison::GreaterEqual, a, b)
    }

    /// `a` shifted left by a constant; the width stays, zeros come in.
    pub fn shl_by(&mut self, a: Signal, n: u32) -> Signal {
        self.unary(Op::ShiftBy(Shift::Left, a.id, n), a, a.ty)
    }

    /// `a` shifted right by a constant; the width stays. Sign bits come in if `a` is signed.
    pub fn shr_by(&mut self, a: Signal, n: u32) -> Signal {
        self.unary(Op::ShiftBy(Shift::Right, a.id, n), a, a.ty)
    }

    /// `a` shifted left by an unsigned `amount`, of any width; from `a`'s width on the result is 0.
    pub fn shl(&mut self, a: Signal, amount: Signal) -> Signal {
        self.shift(Shift::Left, a, amount)
    }

    /// `a` shifted right by an unsigned `amount`, of any width. Sign bits come in if `a` is signed.
    pub fn shr(&mut self, a: Signal, amount: Signal) -> Signal {
        self.shift(Shift::Right, a, amount)
    }

    /// `if_true` where `condition`, an unsigned bit, is 1, else `if_false`; both of one type.
    pub fn mux(&mut self, condition: Signal, if_true: Signal, if_false: Signal) -> Signal {
        if !self.owns(condition, "mux") || !self.require(condition, BIT, || "mux condition".into())
        {
            return self.dummy(if_true.ty);
        }
        let op = Op::Mux(condition.id, if_true.id, if_false.id);
        self.binary(op, if_true, if_false, if_true.ty)
    }

    /// All bits of `parts` in a row, most significant first, unsigned.
    pub fn concat(&mut self, parts: &[Signal]) -> Signal {
        let width = parts.iter().map(|part| part.width()).sum();
        for part in parts {
            if !self.owns(*part, "concat") {
                return self.dummy(unsigned(width));
            }
        }
        match parts {
            [one] => self.as_unsigned(*one),
            _ => self.push(
                Op::Concat(parts.iter().map(|p| p.id).collect()),
                unsigned(width),
            ),
        }
    }

    /// `width` bits of `a` from bit `low` on, unsigned.
    pub fn slice(&mut self, a: Signal, low: u32, width: u32) -> Signal {
        if !self.owns(a, "slice") {
            return self.dummy(unsigned(width));
        }
        if u64::from(low) + u64::from(width) > u64::from(a.width()) || width == 0 {
            let error = NetlistError::SliceOutOfRange {
                module: self.data.name.clone(),
                signal: self.data.describe(a.id),
                low: low.into(),
                high: (u64::from(low) + u64::from(width)).saturating_sub(1),
                width: a.width(),
            };
            self.fail(error);
            return self.dummy(unsigned(width));
        }
        if width == a.width() {
            return self.as_unsigned(a);
        }
        // A slice of a slice, or of a cast, is one of the net itself.
        let node = self.data.node(a.id);
        match (&node.name, &node.op) {
            (None, Op::Slice(inner, offset)) => {
                let (inner, offset) = (*inner, *offset);
                self.push(Op::Slice(inner, offset + low), unsigned(width))
            }
            (None, Op::Cast(inner)) => {
                let inner = *inner;
                self.push(Op::Slice(inner, low), unsigned(width))
            }
            _ => self.push(Op::Slice(a.id, low), unsigned(width)),
        }
    }

    /// Bit `i` of `a`, unsigned.
    pub fn bit(&mut self, a: Signal, i: u32) -> Signal {
        self.slice(a, i, 1)
    }

    /// `n` copies of `a` in a row, unsigned.
    pub fn replicate(&mut self, a: Signal, n: u32) -> Signal {
        match n {
            1 => self.as_unsigned(a),
            _ => self.unary(Op::Replicate(a.id, n), a, unsigned(a.width() * n)),
        }
    }

    /// `a` with `width` bits, at least as many as it has: zeros come in front, or copies of the sign.
    pub fn extend(&mut self, a: Signal, width: u32) -> Signal {
        let ty = Type { width, ..a.ty };
        if width < a.width() {
            let error = NetlistError::ExtendNarrows {
                module: self.data.name.clone(),
                signal: self.data.describe(a.id),
                from: a.width(),
                to: width,
            };
            self.fail(error);
            return self.dummy(ty);
        }
        if width == a.width() {
            return a;
        }
        self.unary(Op::Extend(a.id), a, ty)
    }

    /// The same bits, read as two's complement.
    pub fn as_signed(&mut self, a: Signal) -> Signal {
        self.cast(a, signed(a.width()))
    }

    /// The same bits, read as an unsigned number.
    pub fn as_unsigned(&mut self, a: Signal) -> Signal {
        self.cast(a, unsigned(a.width()))
    }

    fn cast(&mut self, a: Signal, ty: Type) -> Signal {
        if a.ty == ty {
            a
        } else {
            self.unary(Op::Cast(a.id), a, ty)
        }
    }

    fn unary(&mut self, op: Op, a: Signal, ty: Type) -> Signal {
        if self.owns(a, op.label()) {
            self.push(op, ty)
        } else {
            self.dummy(ty)
        }
    }

    /// A node of operands `a` and `b`, which have to be of one type.
    fn binary(&mut self, op: Op, a: Signal, b: Signal, ty: Type) -> Signal {
        let label = op.label();
        if !self.owns(a, label) || !self.owns(b, label) {
            return self.dummy(ty);
        }
        let left = self.data.describe(a.id);
        if !self.require(b, a.ty, || format!("{label} with {left}")) {
            return self.dummy(ty);
        }
        self.push(op, ty)
    }

    fn bitwise_all(&mut self, op: Bitwise, all: &[Signal]) -> Signal {
        let Some(first) = all.first() else {
            let (module, signal) = (
                self.data.name.clone(),
                "and_all or or_all of nothing".into(),
            );
            self.fail(NetlistError::ZeroWidth { module, signal });
            return self.dummy(BIT);
        };
        let label = Op::Bitwise(op, vec![]).label();
        for signal in all {
            if !self.owns(*signal, label)
                || !self.require(*signal, first.ty, || {
                    format!("{label} of {} signals", all.len())
                })
            {
                return self.dummy(first.ty);
            }
        }
        match all {
            [one] => *one,
            _ => self.push(
                Op::Bitwise(op, all.iter().map(|s| s.id).collect()),
                first.ty,
            ),
        }
    }

    fn compare(&mut self, comparison: Comparison, a: Signal, b: Signal) -> Signal {
        let result = self.binary(Op::Compare(comparison, a.id, b.id), a, b, BIT);
        if !a.ty.signed && a.owner == b.owner && self.is_constant(comparison, a, b) {
            let (module, signal) = (self.data.name.clone(), self.data.describe(result.id));
            self.fail(NetlistError::ConstantComparison { module, signal });
        }
        result
    }

    /// Whether an unsigned comparison with 0 or the largest value has one answer only. Synthesis and
    /// lint tools warn of those, and a description that contains one has a mistake.
    fn is_constant(&mut self, comparison: Comparison, a: Signal, b: Signal) -> bool {
        if !self.owns(a, "compare") {
            return false;
        }
        let (zero, largest) = (
            [a, b].map(|s| self.is_filled(s, false)),
            [a, b].map(|s| self.is_filled(s, true)),
        );
        match comparison {
            Comparison::Equal | Comparison::NotEqual => false,
            Comparison::Less | Comparison::GreaterEqual => zero[1] || largest[0],
            Comparison::LessEqual | Comparison::Greater => zero[0] || largest[1],
        }
    }

    /// Whether `signal` is a constant all of whose bits are `ones`.
    fn is_filled(&self, signal: Signal, ones: bool) -> bool {
        let Op::Constant(words) = &self.data.node(signal.id).op else {
            return false;
        };
        let top = super::data::top_mask(signal.width());
        words.iter().enumerate().all(|(i, word)| {
            let mask = if i + 1 == words.len() { top } else { u64::MAX };
            *word == if ones { mask } else { 0 }
        })
    }

    fn shift(&mut self, direction: Shift, a: Signal, amount: Signal) -> Signal {
        let op = Op::Shift(direction, a.id, amount.id);
        if !self.owns(a, op.label()) || !self.owns(amount, op.label()) {
            return self.dummy(a.ty);
        }
        if amount.ty.signed {
            let operation = format!("shift of {}", self.data.describe(a.id));
            return self.wrong_sign(operation, amount, a.ty);
        }
        self.push(op, a.ty)
    }

    fn wrong_sign(&mut self, operation: String, operand: Signal, result: Type) -> Signal {
        let error = NetlistError::SignMismatch {
            module: self.data.name.clone(),
            operation,
            signal: self.data.describe(operand.id),
            found: operand.ty,
        };
        self.fail(error);
        self.dummy(result)
    }
}
