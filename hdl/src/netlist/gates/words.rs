//! Operators on words, bit by bit.

use super::graph::{Bit, Graph};
use crate::netlist::data::Shift;

pub(super) fn constant(words: &[u64], width: u32) -> Vec<Bit> {
    let bit = |i: u32| Bit::of(words[i as usize / 64] >> (i % 64) & 1 == 1);
    (0..width).map(bit).collect()
}

pub(super) fn extended(bits: &[Bit], width: u32, signed: bool) -> Vec<Bit> {
    let fill = if signed {
        bits[bits.len() - 1]
    } else {
        Bit::ZERO
    };
    let mut bits = bits.to_vec();
    bits.resize(width as usize, fill);
    bits
}

pub(super) fn inverted(bits: &[Bit]) -> Vec<Bit> {
    bits.iter().map(|bit| !*bit).collect()
}

pub(super) fn mux(graph: &mut Graph, condition: Bit, yes: &[Bit], no: &[Bit]) -> Vec<Bit> {
    let pairs = yes.iter().zip(no);
    pairs
        .map(|(yes, no)| graph.mux(condition, *yes, *no))
        .collect()
}

pub(super) fn shifted_by(bits: &[Bit], direction: Shift, signed: bool, n: u32) -> Vec<Bit> {
    let n = (n as usize).min(bits.len());
    let kept = bits.len() - n;
    match direction {
        Shift::Left => [&vec![Bit::ZERO; n], &bits[..kept]].concat(),
        Shift::Right => {
            let fill = if signed {
                bits[bits.len() - 1]
            } else {
                Bit::ZERO
            };
            [&bits[n..], &vec![fill; n]].concat()
        }
    }
}

/// A shifter with a row of multiplexers for each bit of `amount`.
pub(super) fn shifted(
    graph: &mut Graph,
    bits: &[Bit],
    direction: Shift,
    signed: bool,
    amount: &[Bit],
) -> Vec<Bit> {
    let mut bits = bits.to_vec();
    for (i, select) in amount.iter().enumerate() {
        let n = 1u32.checked_shl(i as u32).unwrap_or(u32::MAX);
        let moved = shifted_by(&bits, direction, signed, n);
        bits = mux(graph, *select, &moved, &bits);
    }
    bits
}

pub(super) fn equal(graph: &mut Graph, a: &[Bit], b: &[Bit]) -> Bit {
    let mut same = Vec::new();
    for (a, b) in a.iter().zip(b) {
        same.push(!graph.xor(*a, *b));
    }
    graph.tree(&same, Bit::ONE, Graph::and)
}

/// Bits above the value: a word is what its lowest bits say, extended.
pub(super) fn significant(bits: &[Bit], signed: bool) -> usize {
    let mut length = bits.len();
    if signed {
        while length > 1 && bits[length - 1] == bits[length - 2] {
            length -= 1;
        }
    } else {
        while length > 0 && bits[length - 1] == Bit::ZERO {
            length -= 1;
        }
    }
    length
}
