//! What of a module's structure its area follows from.

use crate::cover::{MOST_INPUTS, tables};
use crate::family::Family;
use crate::storage::cells;
use logattn_hdl::netlist::{Bit, ChainKind, Gate, Gates, Part};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::ops::{AddAssign, Mul};

/// Counts in one module, or their sums over many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Features {
    /// Look-up tables that cover the gates, for families that have them.
    pub tables: f64,
    /// Positions of carry chains whose sum is read.
    pub sums: f64,
    /// Positions of carry chains of which the carry alone is read.
    pub carries: f64,
    /// Full adders of sums of more than two terms and of products.
    pub full_adders: f64,
    /// Bits of registers.
    pub flops: f64,
    /// Registers' bits with an enable.
    pub enabled: f64,
    /// Registers' bits with a reset.
    pub reset: f64,
    /// And gates of two inputs.
    pub ands: f64,
    /// Exclusive or gates of two inputs.
    pub xors: f64,
    /// Look-up tables used as memory.
    pub memory_tables: f64,
    /// Block RAMs (halves of 36 Kibit where there are such).
    pub blocks: f64,
    /// Bits of memories that the family has no cell for.
    pub memory_bits: f64,
    /// DSP blocks.
    pub dsps: f64,
}

impl Features {
    /// The feature that a calibration calls so; 0 for an unknown name.
    pub(crate) fn named(&self, name: &str) -> f64 {
        match name {
            "tables" => self.tables,
            "sums" => self.sums,
            "carries" => self.carries,
            "full_adders" => self.full_adders,
            "flops" => self.flops,
            "enabled" => self.enabled,
            "reset" => self.reset,
            "ands" => self.ands,
            "xors" => self.xors,
            _ => 0.0,
        }
    }

    fn fields(&mut self) -> [&mut f64; 13] {
        [
            &mut self.tables,
            &mut self.sums,
            &mut self.carries,
            &mut self.full_adders,
            &mut self.flops,
            &mut self.enabled,
            &mut self.reset,
            &mut self.ands,
            &mut self.xors,
            &mut self.memory_tables,
            &mut self.blocks,
            &mut self.memory_bits,
            &mut self.dsps,
        ]
    }

    /// Those of each part without the parts in it.
    ///
    /// # Arguments
    /// - `parts`: of [`logattn_hdl::netlist::parts`], in the family's style.
    pub fn of(parts: &[Part], family: Family) -> Vec<Features> {
        let mut all = vec![Features::default(); parts.len()];
        let mut inverted = vec![Vec::new(); parts.len()];
        for (i, part) in parts.iter().enumerate().rev() {
            let mut needs = Vec::new();
            for (child, index) in part.gates.children().iter().zip(&part.children) {
                let needed = inverted[*index].iter();
                needs.extend(needed.map(|input: &usize| !child.inputs[*input]));
            }
            (all[i], inverted[i]) = Features::of_part(&part.gates, family, needs);
        }
        for (features, (part, twins)) in all.iter_mut().zip(parts.iter().zip(twins(parts))) {
            features.flops -= twins as f64 / part.count.max(1) as f64;
        }
        all
    }

    /// Those of one part, and which of its inputs it needs the complement of, so that whoever
    /// drives them inverts them once for all. `needs` are the complements that those in it need.
    fn of_part(gates: &Gates, family: Family, needs: Vec<Bit>) -> (Features, Vec<usize>) {
        let mut features = Features {
            flops: gates.flops().len() as f64,
            full_adders: gates.full_adders() as f64,
            ..Features::default()
        };
        for flop in gates.flops() {
            features.enabled += f64::from(u8::from(!flop.enable.is_constant()));
            features.reset += f64::from(u8::from(!flop.reset.is_constant()));
        }
        for chain in gates.chains() {
            let sums = f64::from(chain.sums);
            features.sums += sums;
            features.carries += chain.a.len() as f64 - sums;
        }
        for product in gates.products() {
            features.dsps += f64::from(family.dsps(product.widths));
        }
        for storage in gates.storage() {
            let cells = cells(family, storage);
            features.blocks += f64::from(cells.blocks);
            features.memory_tables += f64::from(cells.memory_tables);
            features.tables += f64::from(cells.choice_tables);
            features.flops += f64::from(cells.flops);
            features.memory_bits += cells.bits as f64;
        }
        let inverted = features.logic(gates, family, needs);
        (features, inverted)
    }

    fn logic(&mut self, gates: &Gates, family: Family, needs: Vec<Bit>) -> Vec<usize> {
        let mut extended = gates.gates().to_vec();
        let mut roots = roots(gates, family, &mut extended);
        roots.extend(needs);
        let inverted = inverted_inputs(gates, &roots);
        let passed: HashSet<Bit> = inverted.iter().map(|i| !gates.inputs()[*i]).collect();
        roots.retain(|bit| !passed.contains(bit));
        if let Some(inputs) = family.table_inputs() {
            self.tables += tables(&extended, &roots, inputs.min(MOST_INPUTS)) as f64;
            return inverted;
        }
        let mut seen = vec![false; extended.len()];
        let mut waiting = roots;
        while let Some(bit) = waiting.pop() {
            if std::mem::replace(&mut seen[bit.gate()], true) {
                continue;
            }
            match extended[bit.gate()] {
                Gate::Source => {}
                Gate::And(a, b) => {
                    self.ands += 1.0;
                    waiting.extend([a, b]);
                }
                Gate::Xor(a, b) => {
                    self.xors += 1.0;
                    waiting.extend([a, b]);
                }
            }
        }
        inverted
    }
}

/// For each part, how many of its registers in the whole hierarchy take the same as one of an
/// instance beside theirs, which tools make one of: those that hold what the instances around them
/// are given alike.
fn twins(parts: &[Part]) -> Vec<u64> {
    let passed: Vec<Vec<[Option<usize>; 2]>> = parts.iter().map(passed).collect();
    let mut twins = vec![0; parts.len()];
    for part in parts {
        let mut seen = HashSet::new();
        for (child, index) in part.gates.children().iter().zip(&part.children) {
            for inputs in &passed[*index] {
                let outside = inputs.map(|input| input.map(|input| child.inputs[input]));
                if !seen.insert(outside) {
                    twins[*index] += part.count;
                }
            }
        }
    }
    twins
}

/// Registers of a part that take an input whenever another one says so, or always: both inputs.
fn passed(part: &Part) -> Vec<[Option<usize>; 2]> {
    let inputs = part.gates.inputs().iter().enumerate();
    let places: HashMap<Bit, usize> = inputs.map(|(i, bit)| (*bit, i)).collect();
    let flops = part.gates.flops().iter();
    let passed = flops.filter_map(|flop| {
        let enable = places.get(&flop.enable).copied();
        let enabled = enable.is_some() || flop.enable == Bit::ONE;
        let next = places.get(&flop.next).copied();
        (next.is_some() && enabled && flop.reset == Bit::ZERO).then_some([next, enable])
    });
    passed.collect()
}

/// Inputs whose complement is among `roots`.
fn inverted_inputs(gates: &Gates, roots: &[Bit]) -> Vec<usize> {
    let roots: HashSet<Bit> = roots.iter().copied().collect();
    let inputs = gates.inputs().iter().enumerate();
    let own = inputs.filter(|(_, bit)| !bit.is_constant() && !bit.is_inverted());
    own.filter(|(_, bit)| roots.contains(&!**bit))
        .map(|(i, _)| i)
        .collect()
}

impl AddAssign for Features {
    fn add_assign(&mut self, mut other: Features) {
        let added = other.fields();
        self.fields()
            .into_iter()
            .zip(added)
            .for_each(|(to, from)| *to += *from);
    }
}

impl Mul<f64> for Features {
    type Output = Features;

    fn mul(mut self, factor: f64) -> Features {
        self.fields().into_iter().for_each(|field| *field *= factor);
        self
    }
}

/// The bits that look-up tables or gates have to produce. `extended` gets the gates that the chains
/// of the family compute in the tables before them.
fn roots(gates: &Gates, family: Family, extended: &mut Vec<Gate>) -> Vec<Bit> {
    let mut roots = gates.outputs().to_vec();
    for child in gates.children() {
        roots.extend(&child.inputs);
    }
    for flop in gates.flops() {
        roots.extend([flop.next, flop.enable, flop.reset]);
    }
    for storage in gates.storage() {
        roots.extend(&storage.inputs);
    }
    for product in gates.products() {
        roots.extend(&product.inputs);
    }
    for chain in gates.chains() {
        roots.extend(&chain.a);
        let inverts = chain.kind == ChainKind::Subtract && !family.chain_inverts();
        match chain.kind {
            ChainKind::Add | ChainKind::Subtract if family.chain_absorbs() => {
                for (a, b) in chain.a.iter().zip(&chain.b) {
                    let (a, b) = (a.plain(), b.plain());
                    if !a.is_constant() && !b.is_constant() && a != b {
                        extended.push(Gate::Xor(a, b));
                        roots.push(Bit::of_gate(extended.len() - 1));
                    } else {
                        roots.extend([a, b]);
                    }
                }
            }
            _ if inverts => roots.extend(chain.b.iter().map(|bit| !*bit)),
            _ => roots.extend(&chain.b),
        }
    }
    roots
}
