//! The inner loop of the evaluator.

use crate::netlist::data::{Arithmetic, Bitwise, Comparison, Reduction, Shift, words_of};
use crate::netlist::words;

/// What a step does with values of at most 64 bits, unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Not,
    Negate,
    /// The operand's mask is in `mask` for the reductions.
    Any,
    All,
    Parity,
    Add,
    Subtract,
    Multiply,
    /// `c` has the widths of `a` and, from bit 8 on, `b`.
    MultiplySigned,
    And,
    Or,
    Xor,
    Equal,
    NotEqual,
    /// `mask` has the bit to flip in both operands first.
    Less,
    LessEqual,
    /// By `c`, at most the width; `b` is the width.
    ShiftLeftBy,
    ShiftRightBy,
    ShiftRightSignedBy,
    /// By the value at `b`; `c` is the width.
    ShiftLeft,
    ShiftRight,
    ShiftRightSigned,
    /// `c` is the place of the condition.
    Mux,
    /// `a`, then `c` bits of `b`.
    Append,
    /// From bit `c` of the word at `a` on.
    Slice,
    /// The same, where the bits go on in the word after it.
    SliceAcross,
    /// Times the pattern in `mask`.
    Replicate,
    /// From `c` bits.
    ExtendSign,
    /// Any width: `b` bits of `a` at bit `c`.
    Put,
    /// Any width: `a` is the number of the [`WideStep`].
    Wide,
}

/// One operation on the values at `a`, `b` and `c`, whose result goes to `to`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) kind: Kind,
    pub(super) to: u32,
    pub(super) a: u32,
    pub(super) b: u32,
    pub(super) c: u32,
    /// The result's bits, unless the kind says otherwise.
    pub(super) mask: u64,
}

impl Step {
    /// A step to be completed by [`Step::of`].
    pub(super) fn to(to: u32, mask: u64) -> Step {
        Step {
            kind: Kind::Or,
            to,
            a: 0,
            b: 0,
            c: 0,
            mask,
        }
    }

    /// The step of this result with its operation.
    pub(super) fn of(self, kind: Kind, a: u32, b: u32, c: u32) -> Step {
        Step {
            kind,
            a,
            b,
            c,
            ..self
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum WideOp {
    Not,
    Negate,
    Reduce(Reduction),
    Arithmetic(Arithmetic),
    Bitwise(Bitwise),
    Compare(Comparison),
    ShiftBy(Shift, u32),
    Shift(Shift),
    Mux,
    Slice(u32),
    Replicate(u32),
    Extend,
}

/// An operation on values of any width.
#[derive(Clone, Debug)]
pub(super) struct WideStep {
    pub(super) op: WideOp,
    pub(super) to: usize,
    pub(super) width: u32,
    pub(super) signed: bool,
    /// Place and width of each; all places are before `to`.
    pub(super) operands: Vec<(usize, u32)>,
}

/// A register at the clock's edge.
#[derive(Clone, Debug)]
pub(super) struct RegisterStep {
    pub(super) to: usize,
    pub(super) words: usize,
    pub(super) from: usize,
    pub(super) enable: usize,
    /// Where its reset value is.
    pub(super) reset: Option<usize>,
    /// What resets it: an index of the evaluator's `resets`.
    pub(super) domain: usize,
}

impl RegisterStep {
    pub(super) fn stage(&self, values: &[u64], next: &mut [u64], is_reset: &[bool]) {
        let from = match self.reset {
            Some(reset) if is_reset[self.domain] => reset,
            _ if values[self.enable] != 0 => self.from,
            _ => return,
        };
        if self.words == 1 {
            next[self.to] = values[from];
        } else {
            let to = self.to..self.to + self.words;
            next[to].copy_from_slice(&values[from..from + self.words]);
        }
    }
}

/// A memory and its two ports.
#[derive(Clone, Debug)]
pub(super) struct MemoryState {
    pub(super) data: Vec<u64>,
    /// Words of 64 bits of a word of the memory.
    pub(super) words: usize,
    pub(super) write_enable: usize,
    pub(super) write_address: usize,
    pub(super) write_data: usize,
    pub(super) read_enable: usize,
    pub(super) read_address: usize,
    /// The read register.
    pub(super) read: usize,
    /// How often a word was read and written at one edge, if that was promised not to happen.
    pub(super) collisions: Option<u64>,
}

impl MemoryState {
    /// Reads, then writes.
    pub(super) fn clock(&mut self, values: &[u64], next: &mut [u64]) {
        let both = values[self.read_enable] != 0 && values[self.write_enable] != 0;
        if both && values[self.read_address] == values[self.write_address] {
            self.collisions = self.collisions.map(|count| count + 1);
        }
        if values[self.read_enable] != 0 {
            let to = &mut next[self.read..self.read + self.words];
            let at = values[self.read_address] as usize * self.words;
            match self.data.get(at..at + self.words) {
                Some(word) => to.copy_from_slice(word),
                None => to.fill(0),
            }
        }
        if values[self.write_enable] != 0 {
            let at = values[self.write_address] as usize * self.words;
            if let Some(word) = self.data.get_mut(at..at + self.words) {
                word.copy_from_slice(&values[self.write_data..self.write_data + self.words]);
            }
        }
    }
}

fn sign_extend(value: u64, width: u32) -> i64 {
    (value << (64 - width)) as i64 >> (64 - width)
}

/// `value << n`, for `n` up to 64.
fn left(value: u64, n: u32) -> u64 {
    value.checked_shl(n).unwrap_or(0)
}

fn right(value: u64, n: u32) -> u64 {
    value.checked_shr(n).unwrap_or(0)
}

pub(super) fn run(steps: &[Step], wide: &[WideStep], values: &mut [u64]) {
    for step in steps {
        let (a, b, c) = (step.a as usize, step.b as usize, step.c as usize);
        let mask = step.mask;
        let result = match step.kind {
            Kind::Not => !values[a] & mask,
            Kind::Negate => values[a].wrapping_neg() & mask,
            Kind::Any => (values[a] != 0).into(),
            Kind::All => (values[a] == mask).into(),
            Kind::Parity => (values[a].count_ones() & 1).into(),
            Kind::Add => values[a].wrapping_add(values[b]) & mask,
            Kind::Subtract => values[a].wrapping_sub(values[b]) & mask,
            Kind::Multiply => values[a].wrapping_mul(values[b]),
            Kind::MultiplySigned => {
                let a = sign_extend(values[a], step.c & 0xff);
                let b = sign_extend(values[b], step.c >> 8);
                a.wrapping_mul(b) as u64 & mask
            }
            Kind::And => values[a] & values[b],
            Kind::Or => values[a] | values[b],
            Kind::Xor => values[a] ^ values[b],
            Kind::Equal => (values[a] == values[b]).into(),
            Kind::NotEqual => (values[a] != values[b]).into(),
            Kind::Less => (values[a] ^ mask < values[b] ^ mask).into(),
            Kind::LessEqual => (values[a] ^ mask <= values[b] ^ mask).into(),
            Kind::ShiftLeftBy => left(values[a], step.c) & mask,
            Kind::ShiftRightBy => right(values[a], step.c),
            Kind::ShiftRightSignedBy => {
                (sign_extend(values[a], step.b) >> step.c.min(63)) as u64 & mask
            }
            Kind::ShiftLeft => left(values[a], values[b].min(64) as u32) & mask,
            Kind::ShiftRight => right(values[a], values[b].min(64) as u32),
            Kind::ShiftRightSigned => {
                (sign_extend(values[a], step.c) >> values[b].min(63)) as u64 & mask
            }
            Kind::Mux => values[if values[c] != 0 { a } else { b }],
            Kind::Append => values[a] << step.c | values[b],
            Kind::Slice => values[a] >> step.c & mask,
            Kind::SliceAcross => (values[a] >> step.c | values[a + 1] << (64 - step.c)) & mask,
            Kind::Replicate => values[a].wrapping_mul(mask),
            Kind::ExtendSign => sign_extend(values[a], step.c) as u64 & mask,
            Kind::Put => {
                put(step, values);
                continue;
            }
            Kind::Wide => {
                wide[a].run(values);
                continue;
            }
        };
        values[step.to as usize] = result;
    }
}

fn put(step: &Step, values: &mut [u64]) {
    let (from, to) = values.split_at_mut(step.to as usize);
    let a = step.a as usize;
    if step.b <= 64 {
        words::put_word(to, step.c, from[a], step.b);
    } else {
        words::put(to, step.c, &from[a..a + words_of(step.b)], step.b);
    }
}

impl WideStep {
    fn run(&self, values: &mut [u64]) {
        let (from, to) = values.split_at_mut(self.to);
        let to = &mut to[..words_of(self.width)];
        let operand = |i: usize| {
            let (offset, width) = self.operands[i];
            &from[offset..offset + words_of(width)]
        };
        let (a, a_width) = (operand(0), self.operands[0].1);
        match self.op {
            WideOp::Not => words::not(to, a, self.width),
            WideOp::Negate => words::negate(to, a, self.width),
            WideOp::Reduce(reduction) => {
                to[0] = match reduction {
                    Reduction::Any => a.iter().any(|word| *word != 0),
                    Reduction::All => words::all_ones(a, a_width),
                    Reduction::Parity => {
                        a.iter().map(|word| word.count_ones()).sum::<u32>() % 2 == 1
                    }
                }
                .into();
            }
            WideOp::Arithmetic(Arithmetic::Add) => words::add(to, a, operand(1), self.width),
            WideOp::Arithmetic(Arithmetic::Subtract) => {
                words::subtract(to, a, operand(1), self.width);
            }
            WideOp::Arithmetic(Arithmetic::Multiply) => {
                let b = (operand(1), self.operands[1].1);
                words::multiply(to, (a, a_width), b, self.signed);
            }
            WideOp::Bitwise(operation) => {
                to.copy_from_slice(a);
                for i in 1..self.operands.len() {
                    for (to, word) in to.iter_mut().zip(operand(i)) {
                        match operation {
                            Bitwise::And => *to &= word,
                            Bitwise::Or => *to |= word,
                            Bitwise::Xor => *to ^= word,
                        }
                    }
                }
            }
            WideOp::Compare(comparison) => {
                let order = words::compare(a, operand(1), a_width, self.signed);
                to[0] = match comparison {
                    Comparison::Equal => order.is_eq(),
                    Comparison::NotEqual => order.is_ne(),
                    Comparison::Less => order.is_lt(),
                    Comparison::LessEqual => order.is_le(),
                    Comparison::Greater => order.is_gt(),
                    Comparison::GreaterEqual => order.is_ge(),
                }
                .into();
            }
            WideOp::ShiftBy(direction, n) => self.shift(to, a, direction, n),
            WideOp::Shift(direction) => self.shift(to, a, direction, words::amount(operand(1))),
            WideOp::Mux => {
                to.copy_from_slice(if a[0] != 0 { operand(1) } else { operand(2) });
            }
            WideOp::Slice(low) => words::slice(to, a, low, self.width),
            WideOp::Replicate(n) => words::replicate(to, a, a_width, n),
            WideOp::Extend => words::extend(to, a, a_width, self.width, self.signed),
        }
    }

    fn shift(&self, to: &mut [u64], a: &[u64], direction: Shift, n: u32) {
        let n = n.min(self.width);
        match direction {
            Shift::Left => words::shift_left(to, a, n, self.width),
            Shift::Right => words::shift_right(to, a, n, self.width, self.signed),
        }
    }
}
