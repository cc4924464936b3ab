//! How many look-up tables cover a module's gates.
//!
//! Priority cuts with area flow: each gate keeps its few best sets of at most K leaves, best being
//! the least area when the area of a gate that several read is shared among them. Two more rounds
//! share by how the cover before really read them (A. Mishchenko et al., "Combinational and
//! sequential mapping with priority cuts", ICCAD 2007).

use logattn_hdl::netlist::{Bit, Gate};

/// Most inputs of a look-up table.
pub(crate) const MOST_INPUTS: usize = 6;
/// Cuts that a gate keeps.
const CUTS: usize = 6;
const ROUNDS: usize = 3;

#[derive(Clone, Copy)]
struct Cut {
    leaves: [u32; MOST_INPUTS],
    length: u8,
    /// Area of the gate's cone if its leaves are shared among their readers.
    flow: f32,
}

impl Cut {
    fn trivial(gate: usize) -> Cut {
        let mut leaves = [0; MOST_INPUTS];
        leaves[0] = gate as u32;
        Cut {
            leaves,
            length: 1,
            flow: 0.0,
        }
    }

    fn leaves(&self) -> &[u32] {
        &self.leaves[..self.length as usize]
    }

    /// The union, if it has at most `most` leaves. Leaves are in rising order.
    fn merged(&self, other: &Cut, most: usize) -> Option<Cut> {
        let (a, b) = (self.leaves(), other.leaves());
        let mut union = Cut {
            leaves: [0; MOST_INPUTS],
            length: 0,
            flow: 0.0,
        };
        let (mut i, mut j) = (0, 0);
        while i < a.len() || j < b.len() {
            let next = match (a.get(i), b.get(j)) {
                (Some(a), Some(b)) => *a.min(b),
                (Some(a), None) => *a,
                (None, Some(b)) => *b,
                (None, None) => break,
            };
            i += usize::from(a.get(i) == Some(&next));
            j += usize::from(b.get(j) == Some(&next));
            if union.length as usize == most {
                return None;
            }
            union.leaves[union.length as usize] = next;
            union.length += 1;
        }
        Some(union)
    }
}

struct Cover<'a> {
    gates: &'a [Gate],
    inputs: usize,
    /// Gates that some root needs, each after those it reads.
    order: Vec<usize>,
    roots: Vec<usize>,
    /// Readers of each gate, estimated.
    readers: Vec<f32>,
    cuts: Vec<Vec<Cut>>,
}

/// The fewest look-up tables with at most `inputs` inputs found for `roots`, an inverter being one
/// where a root is the complement of a source, or needed beside its complement.
pub(crate) fn tables(gates: &[Gate], roots: &[Bit], inputs: usize) -> usize {
    let mut needed = vec![[false; 2]; gates.len()];
    for root in roots.iter().filter(|root| !root.is_constant()) {
        needed[root.gate()][usize::from(root.is_inverted())] = true;
    }
    let is_source = |gate: usize| gates[gate] == Gate::Source;
    let inverters = (0..gates.len()).filter(|gate| {
        let [plain, inverted] = needed[*gate];
        inverted && (plain || is_source(*gate))
    });
    let inverters = inverters.count();
    let roots = (0..gates.len()).filter(|gate| needed[*gate] != [false; 2] && !is_source(*gate));
    let mut cover = Cover::new(gates, roots.collect(), inputs);
    let mut best = usize::MAX;
    for _ in 0..ROUNDS {
        cover.find_cuts();
        best = best.min(cover.choose());
    }
    best + inverters
}

impl<'a> Cover<'a> {
    fn new(gates: &'a [Gate], roots: Vec<usize>, inputs: usize) -> Self {
        let mut readers = vec![0.0; gates.len()];
        let mut waiting = roots.clone();
        let mut seen = vec![false; gates.len()];
        while let Some(gate) = waiting.pop() {
            if std::mem::replace(&mut seen[gate], true) {
                continue;
            }
            if let Gate::And(a, b) | Gate::Xor(a, b) = gates[gate] {
                for operand in [a.gate(), b.gate()] {
                    readers[operand] += 1.0;
                    waiting.push(operand);
                }
            }
        }
        roots.iter().for_each(|root| readers[*root] += 1.0);
        let is_gate = |gate: &usize| seen[*gate] && gates[*gate] != Gate::Source;
        Cover {
            gates,
            inputs,
            order: (0..gates.len()).filter(is_gate).collect(),
            roots,
            readers,
            cuts: vec![Vec::new(); gates.len()],
        }
    }

    fn find_cuts(&mut self) {
        for i in 0..self.order.len() {
            let gate = self.order[i];
            self.cuts[gate] = self.cuts_of(gate);
        }
    }

    fn cuts_of(&self, gate: usize) -> Vec<Cut> {
        let (Gate::And(a, b) | Gate::Xor(a, b)) = self.gates[gate] else {
            return Vec::new();
        };
        let with_trivial = |bit: Bit| {
            let own = self.cuts[bit.gate()].iter().copied();
            own.chain([Cut::trivial(bit.gate())])
        };
        let mut best: Vec<Cut> = Vec::with_capacity(CUTS + 1);
        for first in with_trivial(a) {
            for second in with_trivial(b) {
                let Some(mut cut) = first.merged(&second, self.inputs) else {
                    continue;
                };
                cut.flow = 1.0
                    + cut
                        .leaves()
                        .iter()
                        .map(|leaf| self.flow(*leaf))
                        .sum::<f32>();
                if best.iter().any(|other| other.leaves() == cut.leaves()) {
                    continue;
                }
                let before = |other: &Cut| (other.flow, other.length) <= (cut.flow, cut.length);
                let place = best.partition_point(before);
                best.insert(place, cut);
                best.truncate(CUTS);
            }
        }
        best
    }

    /// A leaf's area for each of its readers.
    fn flow(&self, leaf: u32) -> f32 {
        let leaf = leaf as usize;
        match self.cuts[leaf].first() {
            Some(cut) => cut.flow / self.readers[leaf].max(1.0),
            None => 0.0,
        }
    }

    /// Takes the best cut of each gate that is needed; their number. Readers become, for the next
    /// round, a mean of what they were and what this cover has.
    fn choose(&mut self) -> usize {
        let mut read = vec![0.0f32; self.gates.len()];
        self.roots.iter().for_each(|root| read[*root] += 1.0);
        let mut count = 0;
        for gate in self.order.iter().rev() {
            if read[*gate] > 0.0 {
                count += 1;
                let leaves = self.cuts[*gate]
                    .first()
                    .map(Cut::leaves)
                    .unwrap_or_default();
                leaves.iter().for_each(|leaf| read[*leaf as usize] += 1.0);
            }
        }
        for (readers, read) in self.readers.iter_mut().zip(read) {
            *readers = (*readers + 2.0 * read) / 3.0;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logattn_hdl::netlist::{Builder, Style, parts, unsigned};

    /// Tables for a function of one word.
    fn count(
        width: u32,
        inputs: usize,
        function: impl Fn(&mut Builder, logattn_hdl::netlist::Signal) -> logattn_hdl::netlist::Signal,
    ) -> usize {
        let mut m = Builder::new("tried", "A function.");
        let word = m.input("word", unsigned(width), "its inputs");
        let result = function(&mut m, word);
        m.output("result", result, "its value");
        let parts = parts(&m.finish().expect("elaborates"), &Style::default());
        let gates = &parts[0].gates;
        tables(gates.gates(), gates.outputs(), inputs)
    }

    #[test]
    fn a_tree_of_equal_gates_takes_as_few_tables_as_cover_it() {
        // Each table of 4 inputs replaces 4 signals by 1.
        for (width, expected) in [(2, 1), (4, 1), (5, 2), (7, 2), (16, 5)] {
            assert_eq!(
                count(width, 4, |m, word| m.parity(word)),
                expected,
                "{width}"
            );
        }
        // Three tables of 6 inputs have enough of them for 16, but the tree is balanced: its root's
        // table reaches four leaves at most beside a node of four and one of eight, which is two.
        assert_eq!(count(16, 6, |m, word| m.parity(word)), 4);
    }

    #[test]
    fn an_inverted_input_takes_a_table_and_a_wire_none() {
        assert_eq!(count(3, 4, |m, word| m.not(word)), 3);
        assert_eq!(count(3, 4, |_, word| word), 0);
    }

    #[test]
    fn a_choice_of_four_fits_a_table_of_six_inputs() {
        let four = |m: &mut Builder, word| {
            let bits: Vec<_> = (0..6).map(|i| m.bit(word, i)).collect();
            let low = m.mux(bits[4], bits[1], bits[0]);
            let high = m.mux(bits[4], bits[3], bits[2]);
            m.mux(bits[5], high, low)
        };
        assert_eq!(count(6, 6, four), 1);
        assert_eq!(count(6, 4, four), 3);
    }
}
