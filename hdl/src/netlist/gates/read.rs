//! What of a module is read.

use super::graph::{Bit, Gate};
use super::lower::{Border, Lowering, Surroundings, connections, memory_inputs};
use super::{Child, Flop, Gates, Storage};
use crate::netlist::data::{Id, InstanceData};
use crate::netlist::module::{Direction, Module};

/// Where a source's value comes from.
#[derive(Clone, Copy)]
enum Origin {
    Outside,
    Flop(usize),
    /// Chain and result.
    Chain(usize, usize),
    /// Memory and bit of its word.
    Storage(usize, usize),
    Product(usize),
}

/// `bits` with 0 for those that are not read.
fn masked(bits: Vec<Bit>, read: &[bool]) -> Vec<Bit> {
    let bits = bits.into_iter().zip(read);
    bits.map(|(bit, read)| if *read { bit } else { Bit::ZERO })
        .collect()
}

impl Lowering<'_> {
    /// Leaves only what is read.
    pub(super) fn finish(
        mut self,
        flops: Vec<Flop>,
        surroundings: &Surroundings,
        border: &impl Fn(&Module) -> Border,
    ) -> Gates {
        let mut origin = vec![Origin::Outside; self.graph.gates.len()];
        for (i, flop) in flops.iter().enumerate() {
            origin[flop.output.gate()] = Origin::Flop(i);
        }
        for (i, chain) in self.chains.chains.iter().enumerate() {
            for (j, result) in chain.results.iter().enumerate() {
                origin[result.gate()] = Origin::Chain(i, j);
            }
        }
        for (i, memory) in self.data.memories.iter().enumerate() {
            let word = memory.read.as_ref().map(|read| self.word(read.node));
            for (j, bit) in word.unwrap_or_default().iter().enumerate() {
                origin[bit.gate()] = Origin::Storage(i, j);
            }
        }
        for (i, (_, bits)) in self.products.iter().enumerate() {
            bits.iter()
                .for_each(|bit| origin[bit.gate()] = Origin::Product(i));
        }
        let mut children = self.children(border);
        let outputs = self.outputs(surroundings);
        let inputs = children.iter().flat_map(|child| &child.inputs);
        let clears = self.data.instances.iter().filter_map(|i| i.clear);
        let clears = self.bits_of(&clears.collect::<Vec<Id>>());
        let sinks: Vec<Bit> = outputs
            .iter()
            .chain(inputs)
            .copied()
            .chain(clears)
            .collect();
        let read = self.mark(&sinks, &flops, &origin);
        for (i, child) in children.iter_mut().enumerate() {
            let bits = self.bits_of(&connections(self.data, i, Direction::Output));
            child.read = bits.iter().map(|bit| read[bit.gate()]).collect();
        }
        let gates = self.collect(flops, &read);
        Gates {
            outputs,
            children,
            ..gates
        }
    }

    fn bits_of(&self, nodes: &[Id]) -> Vec<Bit> {
        nodes.iter().flat_map(|id| self.word(*id)).collect()
    }

    /// The instances; what goes into them unread is 0.
    fn children(&self, border: &impl Fn(&Module) -> Border) -> Vec<Child> {
        let inputs = |i| self.bits_of(&connections(self.data, i, Direction::Input));
        let instances = self.data.instances.iter().enumerate();
        let child = |(i, instance): (usize, &InstanceData)| Child {
            inputs: masked(inputs(i), &border(&instance.module).needs),
            read: Vec::new(),
        };
        instances.map(child).collect()
    }

    fn ports(&self, direction: Direction) -> Vec<Bit> {
        let ports = self
            .data
            .ports
            .iter()
            .filter(|port| port.direction == direction);
        self.bits_of(&ports.filter_map(|port| port.node).collect::<Vec<Id>>())
    }

    /// The output ports; what is not read is 0.
    fn outputs(&self, surroundings: &Surroundings) -> Vec<Bit> {
        masked(self.ports(Direction::Output), &surroundings.read)
    }

    /// Which gates are read, directly or not, by `outputs`.
    fn mark(&self, outputs: &[Bit], flops: &[Flop], origin: &[Origin]) -> Vec<bool> {
        let mut read = vec![false; self.graph.gates.len()];
        let mut waiting = outputs.to_vec();
        while let Some(bit) = waiting.pop() {
            if std::mem::replace(&mut read[bit.gate()], true) {
                continue;
            }
            match (self.graph.gates[bit.gate()], origin[bit.gate()]) {
                (Gate::And(a, b) | Gate::Xor(a, b), _) => waiting.extend([a, b]),
                (Gate::Source, Origin::Outside) => {}
                (Gate::Source, Origin::Flop(i)) => {
                    waiting.extend([flops[i].next, flops[i].enable, flops[i].reset]);
                }
                (Gate::Source, Origin::Chain(i, j)) => {
                    let chain = &self.chains.chains[i];
                    let length = (j + 1).min(chain.a.len());
                    waiting.extend(chain.a[..length].iter().chain(&chain.b[..length]));
                }
                (Gate::Source, Origin::Storage(i, j)) => {
                    waiting.extend(self.storage_inputs(i, &[j]));
                }
                (Gate::Source, Origin::Product(i)) => {
                    waiting.extend(&self.products[i].0.inputs);
                }
            }
        }
        read
    }

    /// Addresses and enables of a memory, and the data of some bits of its word.
    fn storage_inputs(&self, memory: usize, bits: &[usize]) -> Vec<Bit> {
        let memory = &self.data.memories[memory];
        let data = memory.write.as_ref().map(|write| write.data);
        let mut inputs = Vec::new();
        for id in memory_inputs(memory) {
            let word = self.word(id);
            if Some(id) == data {
                inputs.extend(bits.iter().map(|i| word[*i]));
            } else {
                inputs.extend(word);
            }
        }
        inputs
    }

    fn collect(&mut self, flops: Vec<Flop>, read: &[bool]) -> Gates {
        let is_read = |bit: &Bit| read[bit.gate()];
        let mut chains = std::mem::take(&mut self.chains.chains);
        for chain in &mut chains {
            let length = chain.a.len();
            chain.carries = is_read(&chain.results[length]);
            chain.sums = chain.results[..length]
                .iter()
                .filter(|bit| is_read(bit))
                .count() as u32;
            let last = chain.results[..length].iter().rposition(is_read);
            let kept = if chain.carries {
                length
            } else {
                last.map_or(0, |last| last + 1)
            };
            chain.a.truncate(kept);
            chain.b.truncate(kept);
        }
        chains.retain(|chain| !chain.a.is_empty());
        let mut storage = Vec::new();
        for (i, memory) in self.data.memories.iter().enumerate() {
            let word = memory.read.as_ref().map(|read| self.word(read.node));
            let word = word.unwrap_or_default();
            let bits: Vec<usize> = (0..word.len()).filter(|j| is_read(&word[*j])).collect();
            if !bits.is_empty() {
                storage.push(Storage {
                    name: memory.name.clone(),
                    depth: memory.depth,
                    width: bits.len() as u32,
                    inputs: self.storage_inputs(i, &bits),
                });
            }
        }
        let products = std::mem::take(&mut self.products).into_iter();
        let reductions = std::mem::take(&mut self.graph.reductions).into_iter();
        Gates {
            gates: std::mem::take(&mut self.graph.gates),
            chains,
            flops: flops
                .into_iter()
                .filter(|flop| is_read(&flop.output))
                .collect(),
            storage,
            products: products
                .filter(|(_, bits)| bits.iter().any(is_read))
                .map(|(product, _)| product)
                .collect(),
            needs: self.ports(Direction::Input).iter().map(is_read).collect(),
            inputs: self.ports(Direction::Input),
            full_adders: reductions.filter(is_read).count(),
            ..Gates::default()
        }
    }
}
