//! Enables and resets, where the tools find them: in the multiplexers before a register.

use super::graph::Bit;
use super::lower::Lowering;
use super::words::constant;
use super::{Flop, Tie};
use crate::netlist::data::{Id, Op, RegisterData, Shift};
use std::collections::HashMap;

/// One bit of a node.
type Place = (Id, u32);

impl Lowering<'_> {
    /// The register's bits. `clear` is the module's reset.
    pub(super) fn flops(&mut self, register: &RegisterData, clear: Bit) -> Vec<Flop> {
        let (outputs, Some(next)) = (self.word(register.node), register.next) else {
            return Vec::new();
        };
        let enable = register
            .enable
            .map_or(Bit::ONE, |enable| self.word(enable)[0]);
        let values = register.reset.as_ref();
        let values = values.map(|words| constant(words, outputs.len() as u32));
        let flop = |(i, output): (usize, &Bit)| {
            let flop = Flop {
                output: *output,
                next: Bit::ZERO,
                enable,
                reset: if values.is_some() { clear } else { Bit::ZERO },
                value: values.as_ref().map(|values| values[i]),
            };
            self.peeled(flop, (next, i as u32))
        };
        outputs.iter().enumerate().map(flop).collect()
    }

    /// `flop` with the multiplexers before it turned into its enable and reset as far as they go. A
    /// reset that works in every cycle cannot be merged with one that an enable gates.
    fn peeled(&mut self, mut flop: Flop, mut place: Place) -> Flop {
        loop {
            place = self.behind(place);
            flop.next = self.word(place.0)[place.1 as usize];
            let Op::Mux(condition, yes, no) = self.data.node(place.0).op else {
                return flop;
            };
            let condition = self.word(condition)[0];
            let (yes, no) = ((yes, place.1), (no, place.1));
            let bits = [yes, no].map(|(id, i)| self.word(id)[i as usize]);
            let merges = |value| Some(value) == flop.value && flop.enable == Bit::ONE;
            let can_reset = |bit: Bit| bit.is_constant() && (flop.value.is_none() || merges(bit));
            let graph = &mut self.graph;
            if bits[0] == flop.output {
                flop.enable = graph.and(flop.enable, !condition);
                place = no;
            } else if bits[1] == flop.output {
                flop.enable = graph.and(flop.enable, condition);
                place = yes;
            } else if can_reset(bits[0]) {
                flop.reset = graph.or(flop.reset, condition);
                (flop.value, place) = (Some(bits[0]), no);
            } else if can_reset(bits[1]) {
                flop.reset = graph.or(flop.reset, !condition);
                (flop.value, place) = (Some(bits[1]), yes);
            } else {
                return flop;
            }
        }
    }

    /// The place that `place` is wired to.
    fn behind(&self, (mut id, mut bit): Place) -> Place {
        loop {
            let node = self.data.node(id);
            (id, bit) = match &node.op {
                Op::Alias(a) | Op::Wire(Some(a)) | Op::Cast(a) => (*a, bit),
                Op::Slice(a, low) => (*a, bit + low),
                Op::Extend(a) if bit < self.data.node(*a).ty.width() => (*a, bit),
                Op::ShiftBy(Shift::Left, a, n) if bit >= *n => (*a, bit - n),
                Op::Concat(parts) => {
                    let mut low = bit;
                    let part = parts.iter().rev().find(|part| {
                        let width = self.data.node(**part).ty.width();
                        let inside = low < width;
                        low -= if inside { 0 } else { width };
                        inside
                    });
                    match part {
                        Some(part) => (*part, low),
                        None => return (id, bit),
                    }
                }
                _ => return (id, bit),
            };
        }
    }
}

/// What each register is found to be besides itself: a constant, or another one that takes the
/// same at the same edges. `known` is what was found before, with which `flops` were made.
pub(super) fn ties(flops: &[Flop], known: &[Tie]) -> Vec<Tie> {
    let mut first = HashMap::new();
    let tie = |(i, flop): (usize, &Flop)| {
        if known[i] != Tie::Like(i, false) {
            return known[i];
        }
        let value = flop.value.filter(|_| flop.reset != Bit::ZERO);
        let constant = flop.next.is_constant() || flop.enable == Bit::ZERO;
        if constant && value.is_none_or(|value| value == flop.next || flop.enable == Bit::ZERO) {
            return Tie::Constant(value.unwrap_or(flop.next) == Bit::ONE);
        }
        let inputs = (flop.next, flop.enable, flop.reset, value);
        Tie::Like(*first.entry(inputs).or_insert(i), false)
    };
    flops.iter().enumerate().map(tie).collect()
}
