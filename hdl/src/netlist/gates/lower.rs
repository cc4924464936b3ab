//! A module's nodes as gates.

use super::adder::{Chains, Term};
use super::graph::{Bit, Graph};
use super::register::ties;
use super::words::{constant, equal, extended, inverted, mux, shifted, shifted_by, significant};
use super::{Flop, Gates, Product, Style, Tie};
use crate::netlist::data::{
    Arithmetic, Bitwise, Comparison, Id, MemoryData, ModuleData, Op, Reduction,
};
use crate::netlist::module::{Direction, Module, Role};

/// What is known of a module's surroundings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Surroundings {
    /// For each bit of the input ports.
    pub(super) inputs: Vec<Tie>,
    /// Whether something reads it, for each bit of the output ports.
    pub(super) read: Vec<bool>,
}

/// What is known of a module wherever it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Border {
    /// Whether it reads it, for each bit of the input ports.
    pub(super) needs: Vec<bool>,
    /// For each bit of the output ports.
    pub(super) outputs: Vec<Tie>,
}

/// Bits of the ports of one direction, without clock and reset.
pub(super) fn port_bits(module: &ModuleData, direction: Direction) -> usize {
    let ports = module.ports.iter();
    let ports = ports.filter(|port| port.role == Role::Data && port.direction == direction);
    ports.map(|port| port.ty.width() as usize).sum()
}

/// A module on its way to gates.
pub(super) struct Lowering<'a> {
    pub(super) data: &'a ModuleData,
    style: &'a Style,
    pub(super) graph: Graph,
    pub(super) chains: Chains,
    /// Products in hard blocks, and the sources of their bits.
    pub(super) products: Vec<(Product, Vec<Bit>)>,
    /// The bits of each node once they are known.
    words: Vec<Option<Vec<Bit>>>,
    /// How often each node is read.
    readers: Vec<u32>,
}

/// Rounds that look for registers that are equal to others, each with what was found before.
const ROUNDS: usize = 4;

/// The module's own logic; instances in it are sources and sinks, of which `border` knows more.
pub(super) fn lower(
    data: &ModuleData,
    style: &Style,
    surroundings: &Surroundings,
    border: &impl Fn(&Module) -> Border,
) -> Gates {
    let bits = data
        .registers
        .iter()
        .map(|register| data.node(register.node).ty.width() as usize);
    let mut known: Vec<Tie> = (0..bits.sum()).map(|i| Tie::Like(i, false)).collect();
    let mut round = 0;
    loop {
        let mut lowering = Lowering {
            data,
            style,
            graph: Graph::new(),
            chains: Chains::default(),
            products: Vec::new(),
            words: vec![None; data.nodes.len()],
            readers: readers(data),
        };
        lowering.place_sources(surroundings, border, &known);
        for id in 0..data.nodes.len() as Id {
            lowering.compute(id);
        }
        let clear = lowering.graph.source();
        let registers = data.registers.iter();
        let flops: Vec<Flop> = registers
            .flat_map(|register| lowering.flops(register, clear))
            .collect();
        let found = ties(&flops, &known);
        round += 1;
        if found == known || round == ROUNDS {
            let distinct = known.iter().enumerate().zip(flops);
            let own = distinct.filter(|((i, tie), _)| **tie == Tie::Like(*i, false));
            return lowering.finish(own.map(|(_, flop)| flop).collect(), surroundings, border);
        }
        known = found;
    }
}

/// How often each node is read by others.
fn readers(data: &ModuleData) -> Vec<u32> {
    let mut readers = vec![0; data.nodes.len()];
    let mut read = |id: Id| readers[id as usize] += 1;
    data.nodes
        .iter()
        .for_each(|node| node.op.operands(&mut read));
    for register in &data.registers {
        register
            .next
            .into_iter()
            .chain(register.enable)
            .for_each(&mut read);
    }
    for memory in &data.memories {
        memory_inputs(memory).into_iter().for_each(&mut read);
    }
    sinks(data).into_iter().for_each(&mut read);
    readers
}

/// All nodes that a memory reads.
pub(super) fn memory_inputs(memory: &MemoryData) -> Vec<Id> {
    let mut inputs = Vec::new();
    if let Some(write) = &memory.write {
        inputs.extend([write.address, write.data]);
        inputs.extend(write.enable);
    }
    if let Some(read) = &memory.read {
        inputs.push(read.address);
        inputs.extend(read.enable);
    }
    inputs
}

/// Output ports, and what goes into instances.
fn sinks(data: &ModuleData) -> Vec<Id> {
    let ports = data
        .ports
        .iter()
        .filter(|port| port.direction == Direction::Output);
    let mut sinks: Vec<Id> = ports.filter_map(|port| port.node).collect();
    for instance in 0..data.instances.len() {
        sinks.extend(connections(data, instance, Direction::Input));
        sinks.extend(data.instances[instance].clear);
    }
    sinks
}

/// What is connected to the ports of an instance, without clock and reset.
pub(super) fn connections(data: &ModuleData, instance: usize, direction: Direction) -> Vec<Id> {
    let instance = &data.instances[instance];
    let ports = instance.module.ports().iter().zip(&instance.connections);
    let ports = ports.filter(|(port, _)| port.direction == direction);
    ports.filter_map(|(_, connection)| *connection).collect()
}

impl Lowering<'_> {
    /// Gives each bit that comes from outside, from an instance or from a register its source, or
    /// the bit that it is tied to.
    fn place_sources(
        &mut self,
        surroundings: &Surroundings,
        border: &impl Fn(&Module) -> Border,
        registers: &[Tie],
    ) {
        let data = self.data;
        let ports = data
            .ports
            .iter()
            .filter(|port| port.direction == Direction::Input);
        let inputs: Vec<Id> = ports.filter_map(|port| port.node).collect();
        self.place(&inputs, &surroundings.inputs);
        for (i, instance) in data.instances.iter().enumerate() {
            let nodes = connections(data, i, Direction::Output);
            self.place(&nodes, &border(&instance.module).outputs);
        }
        let nodes: Vec<Id> = data
            .registers
            .iter()
            .map(|register| register.node)
            .collect();
        self.place(&nodes, registers);
    }

    fn place(&mut self, nodes: &[Id], ties: &[Tie]) {
        let mut bits: Vec<Bit> = Vec::with_capacity(ties.len());
        for (i, tie) in ties.iter().enumerate() {
            bits.push(match *tie {
                Tie::Constant(value) => Bit::of(value),
                Tie::Like(other, inverted) if other < i => {
                    if inverted {
                        !bits[other]
                    } else {
                        bits[other]
                    }
                }
                Tie::Like(..) => self.graph.source(),
            });
        }
        let mut rest = bits.as_slice();
        for id in nodes {
            let (word, more) = rest.split_at(self.data.node(*id).ty.width() as usize);
            self.words[*id as usize] = Some(word.to_vec());
            rest = more;
        }
    }

    /// The bits of a node that has been computed.
    pub(super) fn word(&self, id: Id) -> Vec<Bit> {
        self.words[id as usize].clone().unwrap_or_default()
    }

    fn is_known(&self, id: Id) -> bool {
        self.words[id as usize].is_some()
    }

    /// Computes a node after those it reads; a stack of our own, since chains of nodes may be long.
    fn compute(&mut self, id: Id) {
        let mut waiting = vec![id];
        while let Some(id) = waiting.last().copied() {
            let mut missing = Vec::new();
            let data = self.data;
            if !self.is_known(id) {
                data.node(id).op.operands(|operand| {
                    if !self.is_known(operand) {
                        missing.push(operand);
                    }
                });
            }
            if missing.is_empty() {
                if !self.is_known(id) {
                    self.words[id as usize] = Some(self.bits(id));
                }
                waiting.pop();
            }
            waiting.extend(missing);
        }
    }

    fn bits(&mut self, id: Id) -> Vec<Bit> {
        let data = self.data;
        let node = data.node(id);
        let (width, signed) = (node.ty.width(), node.ty.is_signed());
        match &node.op {
            Op::Constant(words) => constant(words, width),
            Op::Not(a) => inverted(&self.word(*a)),
            Op::Negate(a) => {
                let (zero, a) = (vec![Bit::ZERO; width as usize], self.word(*a));
                self.added(&zero, &a, true)
            }
            Op::Reduce(reduction, a) => vec![self.reduced(*reduction, *a)],
            Op::Arithmetic(Arithmetic::Multiply, a, b) => self.product(*a, *b, width, signed),
            Op::Arithmetic(..) => self.sum(id, width),
            Op::Bitwise(operation, all) => self.bitwise(*operation, all),
            Op::Compare(comparison, a, b) => vec![self.compared(*comparison, *a, *b)],
            Op::ShiftBy(direction, a, n) => shifted_by(&self.word(*a), *direction, signed, *n),
            Op::Shift(direction, a, n) => {
                let (a, n) = (self.word(*a), self.word(*n));
                shifted(&mut self.graph, &a, *direction, signed, &n)
            }
            Op::Mux(condition, yes, no) => {
                let (condition, yes, no) =
                    (self.word(*condition)[0], self.word(*yes), self.word(*no));
                mux(&mut self.graph, condition, &yes, &no)
            }
            Op::Concat(parts) => parts
                .iter()
                .rev()
                .flat_map(|part| self.word(*part))
                .collect(),
            Op::Slice(a, low) => self.word(*a)[*low as usize..(*low + width) as usize].to_vec(),
            Op::Replicate(a, n) => self.word(*a).repeat(*n as usize),
            Op::Extend(a) => extended(&self.word(*a), width, data.node(*a).ty.is_signed()),
            Op::Cast(a) | Op::Alias(a) | Op::Wire(Some(a)) => self.word(*a),
            Op::Input
            | Op::Wire(None)
            | Op::Register(_)
            | Op::MemoryRead(_)
            | Op::InstanceOutput(..) => self.graph.sources(width),
        }
    }

    fn reduced(&mut self, reduction: Reduction, a: Id) -> Bit {
        let a = self.word(a);
        match reduction {
            Reduction::Any => self.graph.tree(&a, Bit::ZERO, Graph::or),
            Reduction::All => self.graph.tree(&a, Bit::ONE, Graph::and),
            Reduction::Parity => self.graph.tree(&a, Bit::ZERO, Graph::xor),
        }
    }

    fn bitwise(&mut self, operation: Bitwise, all: &[Id]) -> Vec<Bit> {
        let combine = match operation {
            Bitwise::And => Graph::and,
            Bitwise::Or => Graph::or,
            Bitwise::Xor => Graph::xor,
        };
        let words: Vec<Vec<Bit>> = all.iter().map(|a| self.word(*a)).collect();
        (0..words[0].len())
            .map(|i| {
                let bits: Vec<Bit> = words.iter().map(|word| word[i]).collect();
                self.graph.tree(&bits, Bit::ZERO, combine)
            })
            .collect()
    }

    fn compared(&mut self, comparison: Comparison, a: Id, b: Id) -> Bit {
        let signed = self.data.node(a).ty.is_signed();
        let (mut a, mut b) = (self.word(a), self.word(b));
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            let same = equal(&mut self.graph, &a, &b);
            return if comparison == Comparison::Equal {
                same
            } else {
                !same
            };
        }
        if signed {
            let length = significant(&a, true).max(significant(&b, true));
            a.truncate(length);
            b.truncate(length);
            // With the sign inverted, two's complement numbers are ordered as unsigned ones.
            for word in [&mut a, &mut b] {
                word[length - 1] = !word[length - 1];
            }
        }
        let (operands, or_equal) = match comparison {
            Comparison::Less => ((a, b), false),
            Comparison::LessEqual => ((a, b), true),
            Comparison::Greater => ((b, a), false),
            _ => ((b, a), true),
        };
        let operands = (operands.0.as_slice(), operands.1.as_slice());
        self.chains
            .less(&mut self.graph, self.style, operands, or_equal)
    }

    /// `a + b` or `a - b`, of one width, in as many bits as can differ.
    fn added(&mut self, a: &[Bit], b: &[Bit], subtracts: bool) -> Vec<Bit> {
        let term = |bits: &[Bit], negated| Term {
            bits: bits.to_vec(),
            negated,
        };
        self.summed(vec![term(a, false), term(b, subtracts)])
    }

    fn summed(&mut self, mut terms: Vec<Term>) -> Vec<Bit> {
        let width = terms[0].bits.len();
        let top = |term: &Term| term.bits[width - 1];
        let signed = terms.iter().any(|term| top(term) != Bit::ZERO);
        let subtracts = terms.iter().any(|term| term.negated);
        let longest = terms.iter().map(|term| significant(&term.bits, signed));
        let growth = terms.len().next_power_of_two().ilog2() as usize;
        let length = (longest.max().unwrap_or(0) + growth).clamp(1, width);
        terms.iter_mut().for_each(|term| term.bits.truncate(length));
        let sum = self.chains.sum(&mut self.graph, self.style, terms);
        extended(&sum, width as u32, signed || subtracts)
    }

    /// The sum whose root is node `id`, with all sums that only it reads.
    fn sum(&mut self, id: Id, width: u32) -> Vec<Bit> {
        let mut terms = Vec::new();
        self.terms(id, width, false, &mut terms);
        self.summed(terms)
    }

    fn terms(&mut self, id: Id, width: u32, negated: bool, terms: &mut Vec<Term>) {
        let Op::Arithmetic(operation, a, b) = self.data.node(id).op else {
            return;
        };
        let second = negated ^ (operation == Arithmetic::Subtract);
        for (operand, negated) in [(a, negated), (b, second)] {
            match self.inner_sum(operand) {
                Some(inner) => self.terms(inner, width, negated, terms),
                None => {
                    let signed = self.data.node(operand).ty.is_signed();
                    let bits = extended(&self.word(operand), width, signed);
                    terms.push(Term { bits, negated });
                }
            }
        }
    }

    /// The addition that only a sum's operand `id` reads and that loses no carry, if it is one.
    fn inner_sum(&self, mut id: Id) -> Option<Id> {
        let mut widened = false;
        loop {
            if self.readers[id as usize] != 1 {
                return None;
            }
            let node = self.data.node(id);
            match node.op {
                Op::Alias(a) | Op::Wire(Some(a)) => id = a,
                Op::Extend(a) => (id, widened) = (a, true),
                Op::Arithmetic(Arithmetic::Add | Arithmetic::Subtract, a, b) => {
                    let signed = node.ty.is_signed();
                    let fits =
                        |a: Id| significant(&self.word(a), signed) < node.ty.width() as usize;
                    return (!widened || fits(a) && fits(b)).then_some(id);
                }
                _ => return None,
            }
        }
    }

    fn product(&mut self, a: Id, b: Id, width: u32, signed: bool) -> Vec<Bit> {
        let (a, b) = (self.word(a), self.word(b));
        let (a, b) = if a.len() < b.len() { (b, a) } else { (a, b) };
        if self.style.hard_products {
            let bits = self.graph.sources(width);
            let widths = [a.len() as u32, b.len() as u32];
            let inputs = [a, b].concat();
            self.products
                .push((Product { widths, inputs }, bits.clone()));
            return bits;
        }
        let last = b.len() - 1;
        let rows = b.iter().enumerate().map(|(i, bit)| {
            let mut row = vec![Bit::ZERO; i];
            for a in &a {
                row.push(self.graph.and(*a, *bit));
            }
            row.truncate(width as usize);
            let negated = signed && i == last;
            Term {
                bits: extended(&row, width, signed),
                negated,
            }
        });
        let rows: Vec<Term> = rows.collect();
        match rows.len() {
            1 => self.added(
                &vec![Bit::ZERO; width as usize],
                &rows[0].bits,
                rows[0].negated,
            ),
            _ => self.chains.sum(&mut self.graph, self.style, rows),
        }
    }
}
