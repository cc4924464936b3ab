//! Two-input gates with inverters on their edges, each kept once.

use std::collections::HashMap;
use std::ops::Not;

/// A gate's output or its complement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bit(u32);

impl Bit {
    /// The constant 0.
    pub const ZERO: Bit = Bit(0);
    /// The constant 1.
    pub const ONE: Bit = Bit(1);

    /// The output of the gate of this index.
    pub fn of_gate(gate: usize) -> Bit {
        Bit((gate as u32) << 1)
    }

    /// The index of the gate among [`super::Gates::gates`].
    pub fn gate(self) -> usize {
        (self.0 >> 1) as usize
    }

    /// Whether it is the complement of the gate's output.
    pub fn is_inverted(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether it is 0 or 1.
    pub fn is_constant(self) -> bool {
        self.0 < 2
    }

    /// The output itself.
    pub fn plain(self) -> Bit {
        Bit(self.0 & !1)
    }

    pub(super) fn of(value: bool) -> Bit {
        Bit(u32::from(value))
    }
}

impl Not for Bit {
    type Output = Bit;

    fn not(self) -> Bit {
        Bit(self.0 ^ 1)
    }
}

/// What computes a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// Nothing: an input, a register, a result of a chain, a memory or an instance; gate 0 is the
    /// constant.
    Source,
    /// Both are 1.
    And(Bit, Bit),
    /// They differ. Neither is inverted.
    Xor(Bit, Bit),
}

/// Gates under construction.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) gates: Vec<Gate>,
    known: HashMap<Gate, Bit>,
    /// The sums of full adders that reduce terms.
    pub(super) reductions: Vec<Bit>,
}

impl Graph {
    pub(super) fn new() -> Graph {
        Graph {
            gates: vec![Gate::Source],
            known: HashMap::new(),
            reductions: Vec::new(),
        }
    }

    pub(super) fn source(&mut self) -> Bit {
        self.gates.push(Gate::Source);
        Bit::of_gate(self.gates.len() - 1)
    }

    pub(super) fn sources(&mut self, count: u32) -> Vec<Bit> {
        (0..count).map(|_| self.source()).collect()
    }

    fn push(&mut self, gate: Gate) -> Bit {
        let gates = &mut self.gates;
        *self.known.entry(gate).or_insert_with(|| {
            gates.push(gate);
            Bit::of_gate(gates.len() - 1)
        })
    }

    pub(super) fn and(&mut self, a: Bit, b: Bit) -> Bit {
        let (a, b) = (a.min(b), a.max(b));
        match (a, b) {
            (Bit::ZERO, _) => Bit::ZERO,
            (Bit::ONE, _) => b,
            _ if a == b => a,
            _ if a == !b => Bit::ZERO,
            _ => self.push(Gate::And(a, b)),
        }
    }

    pub(super) fn or(&mut self, a: Bit, b: Bit) -> Bit {
        !self.and(!a, !b)
    }

    pub(super) fn xor(&mut self, a: Bit, b: Bit) -> Bit {
        let inverted = a.is_inverted() != b.is_inverted();
        let (a, b) = (a.plain().min(b.plain()), a.plain().max(b.plain()));
        let bit = match (a, b) {
            (Bit::ZERO, _) => b,
            _ if a == b => Bit::ZERO,
            _ => self.push(Gate::Xor(a, b)),
        };
        if inverted { !bit } else { bit }
    }

    pub(super) fn mux(&mut self, condition: Bit, yes: Bit, no: Bit) -> Bit {
        if yes == no {
            return yes;
        }
        if yes == !no {
            return self.xor(condition, no);
        }
        let (yes, no) = (self.and(condition, yes), self.and(!condition, no));
        self.or(yes, no)
    }

    /// Sum and carry of three bits.
    pub(super) fn full_adder(&mut self, a: Bit, b: Bit, c: Bit) -> (Bit, Bit) {
        let differ = self.xor(a, b);
        let sum = self.xor(differ, c);
        let carry = self.mux(differ, c, a);
        (sum, carry)
    }

    /// A balanced tree of `combine`; `empty` for nothing.
    pub(super) fn tree(
        &mut self,
        bits: &[Bit],
        empty: Bit,
        combine: fn(&mut Graph, Bit, Bit) -> Bit,
    ) -> Bit {
        match bits {
            [] => empty,
            [one] => *one,
            _ => {
                let (low, high) = bits.split_at(bits.len() / 2);
                let (low, high) = (
                    self.tree(low, empty, combine),
                    self.tree(high, empty, combine),
                );
                combine(self, low, high)
            }
        }
    }
}
