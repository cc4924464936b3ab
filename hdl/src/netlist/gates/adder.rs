//! Sums, differences and comparisons.

use super::graph::{Bit, Graph};
use super::{Chain, ChainKind, Style};
use std::collections::HashMap;

/// What makes a chain the same as another one.
type Key = (Vec<Bit>, Vec<Bit>, ChainKind);

/// The chains of a module; equal ones are shared.
#[derive(Default)]
pub(super) struct Chains {
    pub(super) chains: Vec<Chain>,
    known: HashMap<Key, usize>,
}

/// An operand of a sum, with as many bits as the sum.
pub(super) struct Term {
    pub(super) bits: Vec<Bit>,
    pub(super) negated: bool,
}

impl Chains {
    /// `a + b`, or `a - b`, and the carry out of it.
    pub(super) fn add(
        &mut self,
        graph: &mut Graph,
        style: &Style,
        (a, b): (&[Bit], &[Bit]),
        subtracts: bool,
    ) -> (Vec<Bit>, Bit) {
        let (mut sum, mut a, mut b) = (Vec::new(), a.to_vec(), b.to_vec());
        // Low bits that nothing is added to are wires.
        while !b.is_empty() && (b[0] == Bit::ZERO || (a[0] == Bit::ZERO && !subtracts)) {
            sum.push(if b[0] == Bit::ZERO { a[0] } else { b[0] });
            (a, b) = (a.split_off(1), b.split_off(1));
        }
        if a.is_empty() {
            return (sum, Bit::of(subtracts));
        }
        let (high, carry) = if (a.len() as u32) < style.least_chain {
            ripple(graph, &a, &b, subtracts)
        } else {
            let kind = if subtracts {
                ChainKind::Subtract
            } else {
                ChainKind::Add
            };
            self.chain(graph, a, b, kind)
        };
        sum.extend(high);
        (sum, carry)
    }

    fn chain(
        &mut self,
        graph: &mut Graph,
        a: Vec<Bit>,
        b: Vec<Bit>,
        kind: ChainKind,
    ) -> (Vec<Bit>, Bit) {
        let swaps = kind == ChainKind::Add && b < a;
        let (a, b) = if swaps { (b, a) } else { (a, b) };
        let key = (a, b, kind);
        let index = match self.known.get(&key) {
            Some(index) => *index,
            None => {
                let (a, b) = (key.0.clone(), key.1.clone());
                let results = graph.sources(a.len() as u32 + 1);
                self.known.insert(key, self.chains.len());
                self.chains.push(Chain {
                    a,
                    b,
                    kind,
                    results,
                    sums: 0,
                    carries: false,
                });
                self.chains.len() - 1
            }
        };
        let results = &self.chains[index].results;
        let (sums, carry) = results.split_at(results.len() - 1);
        (sums.to_vec(), carry[0])
    }

    /// The sum of any number of terms: reduced to two by full adders, then added once.
    pub(super) fn sum(&mut self, graph: &mut Graph, style: &Style, terms: Vec<Term>) -> Vec<Bit> {
        let width = terms[0].bits.len();
        if let [a, b] = terms.as_slice() {
            if !a.negated {
                return self.add(graph, style, (&a.bits, &b.bits), b.negated).0;
            }
            if !b.negated {
                return self.add(graph, style, (&b.bits, &a.bits), true).0;
            }
        }
        let mut columns = vec![Vec::new(); width];
        let mut ones = 0u64;
        for term in terms {
            for (column, bit) in columns.iter_mut().zip(&term.bits) {
                column.push(if term.negated { !*bit } else { *bit });
            }
            ones += u64::from(term.negated);
        }
        for (i, column) in columns.iter_mut().enumerate().take(64) {
            if ones >> i & 1 == 1 {
                column.push(Bit::ONE);
            }
        }
        let (a, b) = compressed(graph, columns);
        self.add(graph, style, (&a, &b), false).0
    }

    /// `a < b`, both unsigned; with `or_equal`, `a <= b`.
    pub(super) fn less(
        &mut self,
        graph: &mut Graph,
        style: &Style,
        (a, b): (&[Bit], &[Bit]),
        or_equal: bool,
    ) -> Bit {
        if or_equal {
            return !self.less(graph, style, (b, a), false);
        }
        let mut length = a.len();
        while length > 0 && a[length - 1] == b[length - 1] {
            length -= 1;
        }
        let (a, b) = (&a[..length], &b[..length]);
        let constant = [a, b]
            .iter()
            .any(|bits| bits.iter().all(|bit| bit.is_constant()));
        let gates = constant && (length as u32 <= style.most_gate_comparison || is_simple(a, b));
        if gates || (length as u32) < style.least_chain {
            return ripple_less(graph, a, b);
        }
        if style.lookahead_inputs > 0 {
            return self.lookahead(graph, style, (a, b));
        }
        // a < b: a - b borrows.
        let (_, carry) = self.chain(graph, a.to_vec(), b.to_vec(), ChainKind::Subtract);
        !carry
    }

    /// A comparison with several bits a position of the chain, as the tool splits them: a bit of
    /// which one side is constant takes one input of a table, another one two.
    fn lookahead(&mut self, graph: &mut Graph, style: &Style, (a, b): (&[Bit], &[Bit])) -> Bit {
        let (mut propagate, mut generate) = (Vec::new(), Vec::new());
        let mut budget = 0;
        for (a, b) in a.iter().zip(b).rev() {
            let cost = 2 - u32::from(a.is_constant()) - u32::from(b.is_constant());
            if budget < cost || propagate.is_empty() {
                budget = style.lookahead_inputs;
                propagate.push(Bit::ONE);
                generate.push(Bit::ZERO);
            }
            budget -= cost;
            if let (Some(p), Some(g)) = (propagate.last_mut(), generate.last_mut()) {
                let less = graph.and(!*a, *b);
                let less = graph.and(*p, less);
                *g = graph.or(*g, less);
                let differ = graph.xor(*a, *b);
                *p = graph.and(*p, !differ);
            }
        }
        let steps = propagate.iter().zip(&generate).rev();
        if propagate.len() <= 2 {
            return steps.fold(Bit::ZERO, |below, (p, g)| {
                let passed = graph.and(*p, below);
                graph.or(*g, passed)
            });
        }
        let mut select = Vec::new();
        for (p, g) in steps.clone() {
            select.push(graph.and(*p, !*g));
        }
        let data: Vec<Bit> = steps.map(|(_, g)| *g).collect();
        self.chain(graph, select, data, ChainKind::Carry).1
    }
}

/// Whether a comparison with a constant is one of a few bits with zero, which tools know.
fn is_simple(a: &[Bit], b: &[Bit]) -> bool {
    let ones = |bits: &[Bit]| {
        let constant = bits.iter().all(|bit| bit.is_constant());
        constant.then(|| bits.iter().filter(|bit| **bit == Bit::ONE).count())
    };
    [a, b]
        .iter()
        .any(|bits| ones(bits).is_some_and(|ones| ones <= 1))
}

fn ripple(graph: &mut Graph, a: &[Bit], b: &[Bit], subtracts: bool) -> (Vec<Bit>, Bit) {
    let (mut sum, mut carry) = (Vec::new(), Bit::of(subtracts));
    for (a, b) in a.iter().zip(b) {
        let b = if subtracts { !*b } else { *b };
        let (bit, next) = graph.full_adder(*a, b, carry);
        sum.push(bit);
        carry = next;
    }
    (sum, carry)
}

fn ripple_less(graph: &mut Graph, a: &[Bit], b: &[Bit]) -> Bit {
    a.iter().zip(b).fold(Bit::ZERO, |below, (a, b)| {
        let differ = graph.xor(*a, *b);
        graph.mux(differ, *b, below)
    })
}

/// Two summands of the same sum as `columns`, whose lists hold the bits of one weight each.
fn compressed(graph: &mut Graph, mut columns: Vec<Vec<Bit>>) -> (Vec<Bit>, Vec<Bit>) {
    let width = columns.len();
    loop {
        let mut next: Vec<Vec<Bit>> = vec![Vec::new(); width];
        let mut done = true;
        for (i, column) in columns.iter_mut().enumerate() {
            column.retain(|bit| *bit != Bit::ZERO);
            let mut rest = column.as_slice();
            while let [a, b, c, more @ ..] = rest {
                let (sum, carry) = graph.full_adder(*a, *b, *c);
                graph.reductions.push(sum);
                next[i].push(sum);
                if i + 1 < width {
                    next[i + 1].push(carry);
                }
                (rest, done) = (more, false);
            }
            next[i].extend(rest);
        }
        columns = next;
        if done {
            break;
        }
    }
    let part = |which: usize| {
        let bit = |column: &Vec<Bit>| column.get(which).copied().unwrap_or(Bit::ZERO);
        columns.iter().map(bit).collect()
    };
    (part(0), part(1))
}
