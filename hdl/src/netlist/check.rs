//! What [`super::Builder::finish`] checks, on the whole module.

use super::data::Arithmetic;
use super::data::{BIT, CLOCK, Id, Item, ModuleData, Op, RESET, Shift, top_mask, words_of};
use super::module::{Direction, Module, Port, Role};
use super::{NetlistError, graph};
use std::collections::HashSet;
use std::sync::Arc;

/// Deeper expressions without a name in them cannot be read any more.
const DEEPEST_EXPRESSION: u32 = 200;

pub(super) fn finish(mut data: ModuleData) -> Result<Module, NetlistError> {
    check_driven(&data)?;
    name_instance_outputs(&mut data)?;
    add_clock_and_reset(&mut data);
    graph::check_loops(&data)?;
    data.reached_by = graph::reached_by(&data);
    check_uses(&data)?;
    Ok(Module {
        data: Arc::new(data),
    })
}

fn check_driven(data: &ModuleData) -> Result<(), NetlistError> {
    let undriven = |signal| {
        Err(NetlistError::Undriven {
            module: data.name.clone(),
            signal,
        })
    };
    for (id, node) in data.nodes.iter().enumerate() {
        match node.op {
            Op::Wire(None) => return undriven(data.describe(id as Id)),
            Op::Register(index) if data.registers[index].next.is_none() => {
                return undriven(data.describe(id as Id));
            }
            _ => {}
        }
    }
    for memory in &data.memories {
        if memory.write.is_none() {
            return undriven(format!("the write port of `{}`", memory.name));
        }
        if memory.read.is_none() {
            return undriven(format!("the read port of `{}`", memory.name));
        }
    }
    Ok(())
}

/// Outputs of instances without a name are called after instance and port.
fn name_instance_outputs(data: &mut ModuleData) -> Result<(), NetlistError> {
    let mut names: HashSet<String> = data.nodes.iter().filter_map(|n| n.name.clone()).collect();
    names.extend(data.ports.iter().map(|port| port.name.clone()));
    names.extend(data.memories.iter().map(|memory| memory.name.clone()));
    names.extend(data.instances.iter().map(|instance| instance.name.clone()));
    for node in &mut data.nodes {
        let (Op::InstanceOutput(index, port), None) = (&node.op, &node.name) else {
            continue;
        };
        let instance = &data.instances[*index];
        let stem = instance.name.strip_prefix("u_").unwrap_or(&instance.name);
        let name = format!("{stem}_{}", instance.module.ports()[*port].name);
        if !names.insert(name.clone()) {
            return Err(NetlistError::DuplicateName {
                module: data.name.clone(),
                name,
            });
        }
        node.name = Some(name);
    }
    Ok(())
}

fn add_clock_and_reset(data: &mut ModuleData) {
    let below = |role| {
        data.instances
            .iter()
            .any(|instance| instance.module.has_role(role))
    };
    let clock = !data.registers.is_empty() || !data.memories.is_empty() || below(Role::Clock);
    let reset = data.registers.iter().any(|r| r.reset.is_some()) || below(Role::Reset);
    let port = |name: &str, role, doc: &str| Port {
        name: name.into(),
        ty: BIT,
        direction: Direction::Input,
        role,
        doc: doc.into(),
        node: None,
    };
    let mut added = Vec::new();
    if clock {
        added.push(port(CLOCK, Role::Clock, "clock, rising edge"));
    }
    if reset {
        added.push(port(RESET, Role::Reset, "synchronous reset, active high"));
    }
    for item in &mut data.items {
        if let Item::Output(index) = item {
            *index += added.len();
        }
    }
    data.ports.splice(0..0, added);
}

/// Checks that every bit of every net is read, and that every node has a name that needs one.
fn check_uses(data: &ModuleData) -> Result<(), NetlistError> {
    let mut uses = Uses {
        data,
        counts: vec![0; data.nodes.len()],
        bits: data
            .nodes
            .iter()
            .map(|node| vec![0; words_of(node.ty.width)])
            .collect(),
    };
    for item in &data.items {
        uses.visit_item(item)?;
    }
    for id in &data.discarded {
        uses.visit(*id, true, 0)?;
    }
    for (id, node) in data.nodes.iter().enumerate() {
        let read = &uses.bits[id];
        if node.name.is_some() && !is_all_ones(read, node.ty.width) {
            return Err(NetlistError::Unused {
                module: data.name.clone(),
                signal: data.describe(id as Id),
                bits: list_unused(read, node.ty.width),
            });
        }
    }
    Ok(())
}

struct Uses<'a> {
    data: &'a ModuleData,
    /// How often each node without a name is referred to.
    counts: Vec<u32>,
    /// Which bits of each net are read.
    bits: Vec<Vec<u64>>,
}

impl Uses<'_> {
    fn visit_item(&mut self, item: &Item) -> Result<(), NetlistError> {
        let data = self.data;
        match item {
            Item::Comment(_) | Item::Memory(_) => Ok(()),
            Item::Node(id) if data.node(*id).name.is_some() => match data.node(*id).op {
                // What drives a wire is a statement of its own.
                Op::Wire(_) => Ok(()),
                _ => self.visit_operands(*id, true, 0),
            },
            Item::Node(_) => Ok(()),
            Item::Drive(id) => self.visit_operands(*id, true, 0),
            Item::Update(index) => {
                let register = &data.registers[*index];
                self.visit_all(register.next.into_iter().chain(register.enable))
            }
            Item::MemoryWrite(index) => match &data.memories[*index].write {
                Some(port) => {
                    self.visit_all(port.enable.into_iter().chain([port.address, port.data]))
                }
                None => Ok(()),
            },
            Item::MemoryRead(index) => match &data.memories[*index].read {
                Some(port) => self.visit_all(port.enable.into_iter().chain([port.address])),
                None => Ok(()),
            },
            Item::Instance(index) => {
                let instance = &data.instances[*index];
                let ports = instance.module.ports().iter().zip(&instance.connections);
                let inputs = ports.filter(|(port, _)| port.direction == Direction::Input);
                self.visit_all(inputs.filter_map(|(_, driver)| *driver))?;
                self.visit_all(instance.clear)
            }
            Item::Output(index) => self.visit_all(data.ports[*index].node),
        }
    }

    fn visit_all(&mut self, ids: impl IntoIterator<Item = Id>) -> Result<(), NetlistError> {
        ids.into_iter().try_for_each(|id| self.visit(id, true, 0))
    }

    /// One reference to a node. `root` says that it is the whole right-hand side of a statement.
    fn visit(&mut self, id: Id, root: bool, depth: u32) -> Result<(), NetlistError> {
        let node = self.data.node(id);
        if node.name.is_some() {
            mark(&mut self.bits[id as usize], 0, node.ty.width);
            return Ok(());
        }
        if matches!(
            node.op,
            Op::ShiftBy(Shift::Right, ..) | Op::Shift(Shift::Right, ..)
        ) && node.ty.signed
            && !root
        {
            return self.name_it(
                id,
                "an arithmetic shift is a logical one in some expressions",
            );
        }
        if depth > DEEPEST_EXPRESSION {
            return self.name_it(id, "the expression around it is too deep to be read");
        }
        self.counts[id as usize] += 1;
        match self.counts[id as usize] {
            1 => self.visit_operands(id, root, depth),
            _ if self.is_short(id) => Ok(()),
            _ => self.name_it(id, "it is used more than once"),
        }
    }

    fn visit_operands(&mut self, id: Id, root: bool, depth: u32) -> Result<(), NetlistError> {
        let node = self.data.node(id);
        match &node.op {
            Op::Slice(a, low) => {
                self.require_net(*a, "a slice is taken of it")?;
                mark(&mut self.bits[*a as usize], *low, node.ty.width);
                return Ok(());
            }
            Op::Extend(a) if node.ty.signed && self.data.node(*a).ty.width > 1 => {
                self.require_net(*a, "its sign is extended")?;
            }
            Op::Arithmetic(Arithmetic::Multiply, a, b) if node.ty.signed => {
                for factor in [*a, *b] {
                    if self.data.node(factor).ty.width > 1 {
                        self.require_net(factor, "its sign is extended for the multiplication")?;
                    }
                }
            }
            _ => {}
        }
        let root = root && matches!(node.op, Op::Cast(_) | Op::Alias(_) | Op::Wire(_));
        let mut operands = Vec::new();
        node.op.operands(|a| operands.push(a));
        operands
            .into_iter()
            .try_for_each(|a| self.visit(a, root, depth + 1))
    }

    /// Whether the node reads as well in several places as a name would.
    fn is_short(&self, id: Id) -> bool {
        let node = self.data.node(id);
        node.name.is_some()
            || match &node.op {
                Op::Constant(_) | Op::Slice(..) => true,
                Op::Extend(a) | Op::Cast(a) | Op::Replicate(a, _) | Op::Not(a) => self.is_short(*a),
                _ => false,
            }
    }

    fn require_net(&self, id: Id, reason: &'static str) -> Result<(), NetlistError> {
        let mut net = id;
        while let (None, Op::Cast(a)) = (&self.data.node(net).name, &self.data.node(net).op) {
            net = *a;
        }
        if self.data.node(net).name.is_some() {
            Ok(())
        } else {
            self.name_it(id, reason)
        }
    }

    fn name_it(&self, id: Id, reason: &'static str) -> Result<(), NetlistError> {
        let (module, signal) = (self.data.name.clone(), self.data.describe(id));
        Err(NetlistError::NameIt {
            module,
            signal,
            reason,
        })
    }
}

fn mark(bits: &mut [u64], low: u32, width: u32) {
    for bit in low..low + width {
        bits[(bit / 64) as usize] |= 1 << (bit % 64);
    }
}

fn is_all_ones(bits: &[u64], width: u32) -> bool {
    let (top, rest) = match bits.split_last() {
        Some(split) => split,
        None => return true,
    };
    *top == top_mask(width) && rest.iter().all(|word| *word == u64::MAX)
}

/// The zeros of `bits` as ranges, highest first.
fn list_unused(bits: &[u64], width: u32) -> String {
    let is_read = |bit: u32| bits[(bit / 64) as usize] >> (bit % 64) & 1 == 1;
    let mut ranges: Vec<String> = Vec::new();
    let mut bit = width;
    while bit > 0 {
        bit -= 1;
        if is_read(bit) {
            continue;
        }
        let high = bit;
        while bit > 0 && !is_read(bit - 1) {
            bit -= 1;
        }
        ranges.push(if high == bit {
            format!("{bit}")
        } else {
            format!("{high}:{bit}")
        });
    }
    ranges.join(", ")
}
