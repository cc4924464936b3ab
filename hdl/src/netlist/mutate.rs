//! Deliberate mistakes in finished modules, to prove that a test bench notices them.

use super::NetlistError;
use super::data::{
    Arithmetic, Comparison, Id, Item, ModuleData, Node, Op, Shift, top_mask, words_of,
};
use super::module::Module;
use std::cell::RefCell;
use std::collections::HashMap;

/// A mistake that a designer could have made at one signal.
///
/// The first three change the operator of the expression that drives the signal (for a register, its
/// next value; for a wire, its driver). The others change what everything else sees of the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mutation {
    /// `<` for `<=`, `>` for `>=`, `==` for `!=`, and the other way round.
    FlipComparison,
    /// `+` for `-` and the other way round.
    SwapAddSub,
    /// The two values of a multiplexer exchanged.
    SwapMux,
    /// A register that no reset reaches.
    DropReset,
    /// A register, or the write port of the memory or read register of that name, that works in
    /// every cycle.
    DropEnable,
    /// The signal is this constant; higher bits than the signal has are dropped.
    StuckAt(u64),
    /// All bits of the signal complemented.
    Invert,
    /// The signal shifted left by one more than it should be.
    ShiftByOneMore,
    /// Only the lowest bits of the signal, extended to its width by its type: an accumulator that is
    /// too narrow.
    KeepLowBits(u32),
}

impl Module {
    /// The same hierarchy with one mistake: `mutation` at `signal_name` in every instance of the
    /// module called `module_name`. `signal_name` is the name of a port, wire or register; for
    /// [`Mutation::DropEnable`] also that of a memory.
    ///
    /// The result may be linted with warnings, but it is legal Verilog and can be evaluated.
    ///
    /// # Errors
    /// [`NetlistError::NoSuchSignal`] if nothing has these names,
    /// [`NetlistError::MutationDoesNotApply`] if the mutation makes no sense there.
    pub fn mutate(
        &self,
        module_name: &str,
        signal_name: &str,
        mutation: Mutation,
    ) -> Result<Module, NetlistError> {
        let missing = NetlistError::NoSuchSignal {
            module: module_name.into(),
            signal: signal_name.into(),
        };
        let outcome = RefCell::new(Err(missing));
        let module = self.rebuild(&mut HashMap::new(), &|data| {
            if data.name == module_name {
                *outcome.borrow_mut() = apply(data, signal_name, mutation);
            }
        });
        outcome.into_inner().map(|()| module)
    }
}

fn apply(data: &mut ModuleData, name: &str, mutation: Mutation) -> Result<(), NetlistError> {
    let not_applicable = |data: &ModuleData, reason| {
        Err(NetlistError::MutationDoesNotApply {
            module: data.name.clone(),
            signal: format!("`{name}`"),
            mutation: format!("{mutation:?}"),
            reason,
        })
    };
    if let (Mutation::DropEnable, Some(memory)) = (
        mutation,
        data.memories.iter_mut().find(|memory| memory.name == name),
    ) {
        return match memory.write.as_mut().and_then(|port| port.enable.take()) {
            Some(_) => Ok(()),
            None => not_applicable(data, "its write port has no enable"),
        };
    }
    let Some(id) = find(data, name) else {
        let (module, signal) = (data.name.clone(), name.into());
        return Err(NetlistError::NoSuchSignal { module, signal });
    };
    let outcome = match mutation {
        Mutation::FlipComparison | Mutation::SwapAddSub | Mutation::SwapMux => {
            change_operator(data, id, mutation)
        }
        Mutation::DropReset | Mutation::DropEnable => drop_control(data, id, mutation),
        _ => wrap(data, id, mutation),
    };
    outcome.or_else(|reason| not_applicable(data, reason))
}

/// The node of a name, or the one behind an output port of that name.
fn find(data: &ModuleData, name: &str) -> Option<Id> {
    let by_name = data
        .nodes
        .iter()
        .position(|node| node.name.as_deref() == Some(name));
    by_name.map(|index| index as Id).or_else(|| {
        data.ports
            .iter()
            .find(|port| port.name == name)
            .and_then(|port| port.node)
    })
}

/// The node whose operator is printed on the right-hand side for `id`.
fn operator(data: &ModuleData, id: Id) -> Id {
    let mut at = id;
    loop {
        let driver = match &data.node(at).op {
            Op::Cast(a) | Op::Alias(a) | Op::Wire(Some(a)) => Some(*a),
            Op::Register(index) if at == id => data.registers[*index].next,
            _ => None,
        };
        match driver {
            Some(driver) if data.node(driver).name.is_none() => at = driver,
            _ => return at,
        }
    }
}

fn change_operator(data: &mut ModuleData, id: Id, mutation: Mutation) -> Result<(), &'static str> {
    let at = operator(data, id) as usize;
    let op = &mut data.nodes[at].op;
    match (mutation, op) {
        (Mutation::FlipComparison, Op::Compare(comparison, ..)) => {
            *comparison = match comparison {
                Comparison::Equal => Comparison::NotEqual,
                Comparison::NotEqual => Comparison::Equal,
                Comparison::Less => Comparison::LessEqual,
                Comparison::LessEqual => Comparison::Less,
                Comparison::Greater => Comparison::GreaterEqual,
                Comparison::GreaterEqual => Comparison::Greater,
            };
            Ok(())
        }
        (Mutation::SwapAddSub, Op::Arithmetic(operation, ..)) => {
            *operation = match operation {
                Arithmetic::Add => Arithmetic::Subtract,
                Arithmetic::Subtract => Arithmetic::Add,
                Arithmetic::Multiply => return Err("it is a product"),
            };
            Ok(())
        }
        (Mutation::SwapMux, Op::Mux(_, a, b)) => {
            std::mem::swap(a, b);
            Ok(())
        }
        (Mutation::FlipComparison, _) => Err("it is no comparison"),
        (Mutation::SwapAddSub, _) => Err("it is no sum or difference"),
        _ => Err("it is no multiplexer"),
    }
}

fn drop_control(data: &mut ModuleData, id: Id, mutation: Mutation) -> Result<(), &'static str> {
    let dropped = match (mutation, &data.node(id).op) {
        (Mutation::DropReset, Op::Register(index)) => {
            let index = *index;
            data.registers[index].reset.take().is_some()
        }
        (Mutation::DropEnable, Op::Register(index)) => {
            let index = *index;
            data.registers[index].enable.take().is_some()
        }
        (Mutation::DropEnable, Op::MemoryRead(index)) => {
            let index = *index;
            data.memories[index]
                .read
                .as_mut()
                .and_then(|port| port.enable.take())
                .is_some()
        }
        _ => return Err("it is no register"),
    };
    if dropped {
        Ok(())
    } else {
        Err("the register has none")
    }
}

/// Puts a new node between the signal and everything that reads it.
fn wrap(data: &mut ModuleData, id: Id, mutation: Mutation) -> Result<(), &'static str> {
    let ty = data.node(id).ty;
    match mutation {
        Mutation::ShiftByOneMore if ty.width == 1 => return Err("it has one bit"),
        Mutation::KeepLowBits(n) if n == 0 || n >= ty.width => {
            return Err("that is not fewer bits than it has, or none");
        }
        _ => {}
    }
    let original = move_aside(data, id);
    let op = match mutation {
        Mutation::StuckAt(value) => {
            let mut words = vec![0; words_of(ty.width)];
            words[0] = if ty.width < 64 {
                value & top_mask(ty.width)
            } else {
                value
            };
            Op::Constant(words)
        }
        Mutation::Invert => Op::Not(original),
        Mutation::ShiftByOneMore => Op::ShiftBy(Shift::Left, original, 1),
        Mutation::KeepLowBits(n) => keep_low_bits(data, id, original, n),
        _ => return Err("it does not change a value"),
    };
    data.nodes[id as usize].op = op;
    Ok(())
}

/// Moves the node `id` to a new number, under which nothing refers to it yet. Its readers, and an
/// output port, keep referring to `id`.
fn move_aside(data: &mut ModuleData, id: Id) -> Id {
    let original = data.nodes.len() as Id;
    let node = data.nodes[id as usize].clone();
    let name = node.name.clone().unwrap_or_default();
    match node.op {
        Op::Register(index) => data.registers[index].node = original,
        Op::MemoryRead(index) => {
            if let Some(port) = &mut data.memories[index].read {
                port.node = original;
            }
        }
        Op::InstanceOutput(instance, port) => {
            data.instances[instance].connections[port] = Some(original);
        }
        _ => {}
    }
    let is_input = matches!(node.op, Op::Input);
    for port in &mut data.ports {
        if is_input && port.node == Some(id) && port.name == name {
            port.node = Some(original);
        }
    }
    for item in &mut data.items {
        match item {
            Item::Drive(wire) if *wire == id => *wire = original,
            _ => {}
        }
    }
    let other = fresh(data, &format!("{name}_mutated"));
    data.nodes.push(Node {
        name: Some(if is_input {
            name.clone()
        } else {
            other.clone()
        }),
        ..node
    });
    data.nodes[id as usize].name = Some(if is_input { other } else { name });
    insert_before(data, id, original);
    original
}

/// The signal with only its lowest `n` bits.
fn keep_low_bits(data: &mut ModuleData, id: Id, original: Id, n: u32) -> Op {
    let ty = data.node(id).ty;
    let low_ty = super::Type { width: n, ..ty };
    let name = data.node(id).name.clone().unwrap_or_default();
    let low = data.nodes.len() as Id;
    let name = Some(fresh(data, &format!("{name}_low")));
    data.nodes.push(Node {
        op: Op::Slice(original, 0),
        ty: low_ty,
        name,
    });
    insert_before(data, id, low);
    Op::Extend(low)
}

/// Lets `new` be printed right before `id`.
fn insert_before(data: &mut ModuleData, id: Id, new: Id) {
    let at = data.items.iter().position(|item| *item == Item::Node(id));
    data.items.insert(at.unwrap_or(0), Item::Node(new));
}

fn fresh(data: &ModuleData, wish: &str) -> String {
    let taken = |name: &str| {
        find(data, name).is_some()
            || data.memories.iter().any(|memory| memory.name == name)
            || data.instances.iter().any(|instance| instance.name == name)
    };
    let mut name = wish.to_string();
    while taken(&name) {
        name += "_x";
    }
    name
}
