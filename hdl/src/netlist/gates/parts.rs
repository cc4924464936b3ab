//! A hierarchy as gates: what crosses the borders of its modules, as a tool that flattens it sees.

use super::graph::Bit;
use super::lower::{Border, Surroundings, lower, port_bits};
use super::{Gates, Style, Tie};
use crate::netlist::data::ModuleData;
use crate::netlist::module::{Direction, Module};
use std::collections::HashMap;

/// A module as it is in one kind of place.
#[derive(Clone, Debug)]
pub struct Part {
    /// The module's name.
    pub module: String,
    /// How often it is there.
    pub count: u64,
    /// What it is made of there.
    pub gates: Gates,
    /// The part that each of its instances is, as [`Gates::children`]; each comes after this one.
    pub children: Vec<usize>,
}

/// What is known of each module.
type Borders = HashMap<*const ModuleData, Border>;

/// The hierarchy's distinct parts, the top first, each before those in it. Two instances of a module
/// are one part if the same is known of their inputs (constants, bits that are equal) and the same
/// of their outputs is read.
pub fn parts(top: &Module, style: &Style) -> Vec<Part> {
    let mut borders = Borders::new();
    learn(top, style, &mut borders);
    let mut kinds: Vec<(Module, Surroundings)> = vec![(top.clone(), unknown(top))];
    let mut index: HashMap<(*const ModuleData, Surroundings), usize> = HashMap::new();
    let mut parts: Vec<Part> = Vec::new();
    while let Some((module, surroundings)) = kinds.get(parts.len()).cloned() {
        let gates = lower(&module.data, style, &surroundings, &|child| {
            known(&borders, child)
        });
        let instances = module.data.instances.iter().zip(gates.children());
        let children = instances.map(|(instance, child)| {
            let surroundings = Surroundings {
                inputs: ties(&child.inputs),
                read: child.read.clone(),
            };
            let key = (
                std::sync::Arc::as_ptr(&instance.module.data),
                surroundings.clone(),
            );
            *index.entry(key).or_insert_with(|| {
                kinds.push((Module::clone(&instance.module), surroundings));
                kinds.len() - 1
            })
        });
        let children = children.collect();
        parts.push(Part {
            module: module.name().into(),
            count: 0,
            gates,
            children,
        });
    }
    in_order(parts)
}

/// Puts parts before those in them and counts them.
fn in_order(parts: Vec<Part>) -> Vec<Part> {
    let mut order = Vec::new();
    visit(&parts, 0, &mut vec![false; parts.len()], &mut order);
    order.reverse();
    let mut place = vec![0; parts.len()];
    order
        .iter()
        .enumerate()
        .for_each(|(new, old)| place[*old] = new);
    let mut parts: Vec<Part> = order.iter().map(|old| parts[*old].clone()).collect();
    for part in &mut parts {
        part.children
            .iter_mut()
            .for_each(|child| *child = place[*child]);
    }
    parts[0].count = 1;
    for i in 0..parts.len() {
        for child in parts[i].children.clone() {
            parts[child].count += parts[i].count;
        }
    }
    parts
}

fn visit(parts: &[Part], part: usize, seen: &mut [bool], order: &mut Vec<usize>) {
    if !std::mem::replace(&mut seen[part], true) {
        for child in parts[part].children.iter().rev() {
            visit(parts, *child, seen, order);
        }
        order.push(part);
    }
}

/// Finds the borders of a module and of all in it.
fn learn(module: &Module, style: &Style, borders: &mut Borders) {
    let key = std::sync::Arc::as_ptr(&module.data);
    if borders.contains_key(&key) {
        return;
    }
    for (_, child) in module.instances() {
        learn(child, style, borders);
    }
    let of_child = |child: &Module| known(borders, child);
    let gates = lower(&module.data, style, &unknown(module), &of_child);
    let border = Border {
        outputs: ties(gates.outputs()),
        needs: gates.needs,
    };
    borders.insert(key, border);
}

fn known(borders: &Borders, module: &Module) -> Border {
    let key = std::sync::Arc::as_ptr(&module.data);
    borders.get(&key).cloned().unwrap_or_default()
}

/// Nothing is known of the inputs, and all outputs are read.
fn unknown(module: &Module) -> Surroundings {
    let count = |direction| port_bits(&module.data, direction);
    Surroundings {
        inputs: (0..count(Direction::Input))
            .map(|i| Tie::Like(i, false))
            .collect(),
        read: vec![true; count(Direction::Output)],
    }
}

/// What is known of bits that go over a border.
fn ties(bits: &[Bit]) -> Vec<Tie> {
    let mut first: HashMap<Bit, usize> = HashMap::new();
    let tie = |(i, bit): (usize, &Bit)| {
        if bit.is_constant() {
            return Tie::Constant(*bit == Bit::ONE);
        }
        let other = *first.entry(bit.plain()).or_insert(i);
        Tie::Like(other, bits[other] != *bit)
    };
    bits.iter().enumerate().map(tie).collect()
}
