//! The node list that checking, printing, evaluating and mutating share.

use super::module::{Module, Port};
use super::{Type, unsigned};
use std::sync::Arc;

/// Index of a node in its module.
pub(super) type Id = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reduction {
    Any,
    All,
    Parity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bitwise {
    And,
    Or,
    Xor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    Left,
    Right,
}

/// What a node computes. Widths and signs are those of the operands' nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Input,
    /// Little-endian words, without bits beyond the width.
    Constant(Vec<u64>),
    Not(Id),
    Negate(Id),
    Reduce(Reduction, Id),
    Arithmetic(Arithmetic, Id, Id),
    /// At least two operands.
    Bitwise(Bitwise, Vec<Id>),
    Compare(Comparison, Id, Id),
    ShiftBy(Shift, Id, u32),
    Shift(Shift, Id, Id),
    Mux(Id, Id, Id),
    /// Most significant first.
    Concat(Vec<Id>),
    /// Operand and lowest bit.
    Slice(Id, u32),
    Replicate(Id, u32),
    Extend(Id),
    Cast(Id),
    /// A second name.
    Alias(Id),
    /// A forward reference and what drives it.
    Wire(Option<Id>),
    Register(usize),
    MemoryRead(usize),
    /// Instance, and index among all ports of its module.
    InstanceOutput(usize, usize),
}

impl Op {
    /// Calls `visit` for each operand that the node depends on within the cycle, inside its module.
    pub(super) fn operands(&self, mut visit: impl FnMut(Id)) {
        match self {
            Op::Input
            | Op::Constant(_)
            | Op::Wire(None)
            | Op::Register(_)
            | Op::MemoryRead(_)
            | Op::InstanceOutput(..) => {}
            Op::Not(a)
            | Op::Negate(a)
            | Op::Reduce(_, a)
            | Op::ShiftBy(_, a, _)
            | Op::Slice(a, _)
            | Op::Replicate(a, _)
            | Op::Extend(a)
            | Op::Cast(a)
            | Op::Alias(a)
            | Op::Wire(Some(a)) => visit(*a),
            Op::Arithmetic(_, a, b) | Op::Compare(_, a, b) | Op::Shift(_, a, b) => {
                visit(*a);
                visit(*b);
            }
            Op::Mux(a, b, c) => {
                visit(*a);
                visit(*b);
                visit(*c);
            }
            Op::Bitwise(_, all) | Op::Concat(all) => all.iter().for_each(|a| visit(*a)),
        }
    }

    /// The operation's name, as the builder's methods are called.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Op::Input => "input",
            Op::Constant(_) => "constant",
            Op::Not(_) => "not",
            Op::Negate(_) => "neg",
            Op::Reduce(Reduction::Any, _) => "any",
            Op::Reduce(Reduction::All, _) => "all",
            Op::Reduce(Reduction::Parity, _) => "parity",
            Op::Arithmetic(Arithmetic::Add, ..) => "add",
            Op::Arithmetic(Arithmetic::Subtract, ..) => "sub",
            Op::Arithmetic(Arithmetic::Multiply, ..) => "mul",
            Op::Bitwise(Bitwise::And, _) => "and",
            Op::Bitwise(Bitwise::Or, _) => "or",
            Op::Bitwise(Bitwise::Xor, _) => "xor",
            Op::Compare(Comparison::Equal, ..) => "eq",
            Op::Compare(Comparison::NotEqual, ..) => "ne",
            Op::Compare(Comparison::Less, ..) => "lt",
            Op::Compare(Comparison::LessEqual, ..) => "le",
            Op::Compare(Comparison::Greater, ..) => "gt",
            Op::Compare(Comparison::GreaterEqual, ..) => "ge",
            Op::ShiftBy(Shift::Left, ..) => "shl_by",
            Op::ShiftBy(Shift::Right, ..) => "shr_by",
            Op::Shift(Shift::Left, ..) => "shl",
            Op::Shift(Shift::Right, ..) => "shr",
            Op::Mux(..) => "mux",
            Op::Concat(_) => "concat",
            Op::Slice(..) => "slice",
            Op::Replicate(..) => "replicate",
            Op::Extend(_) => "extend",
            Op::Cast(_) => "as_signed or as_unsigned",
            Op::Alias(_) => "name",
            Op::Wire(_) => "wire",
            Op::Register(_) => "register",
            Op::MemoryRead(_) => "memory_read",
            Op::InstanceOutput(..) => "instance output",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) op: Op,
    pub(super) ty: Type,
    /// A node with a name is a net of the Verilog.
    pub(super) name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RegisterData {
    pub(super) node: Id,
    pub(super) reset: Option<Vec<u64>>,
    pub(super) next: Option<Id>,
    pub(super) enable: Option<Id>,
}

/// A port of a memory; without `enable` it works in every cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MemoryWrite {
    pub(super) enable: Option<Id>,
    pub(super) address: Id,
    pub(super) data: Id,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MemoryRead {
    pub(super) enable: Option<Id>,
    pub(super) address: Id,
    pub(super) node: Id,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MemoryData {
    pub(super) name: String,
    pub(super) depth: usize,
    pub(super) width: u32,
    /// No read meets a write of the same word.
    pub(super) exclusive: bool,
    pub(super) write: Option<MemoryWrite>,
    pub(super) read: Option<MemoryRead>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InstanceData {
    pub(super) name: String,
    pub(super) module: Arc<Module>,
    /// One for each port of the module: what drives an input, or the node of an output. `None` for
    /// clock and reset.
    pub(super) connections: Vec<Option<Id>>,
    /// Resets the instance beside the module's own reset.
    pub(super) clear: Option<Id>,
}

/// What is printed, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Comment(String),
    Node(Id),
    Drive(Id),
    Update(usize),
    Memory(usize),
    MemoryWrite(usize),
    MemoryRead(usize),
    Instance(usize),
    /// Index of the port.
    Output(usize),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ModuleData {
    pub(super) name: String,
    pub(super) doc: String,
    pub(super) nodes: Vec<Node>,
    /// Clock and reset first, where there are any.
    pub(super) ports: Vec<Port>,
    pub(super) registers: Vec<RegisterData>,
    pub(super) memories: Vec<MemoryData>,
    pub(super) instances: Vec<InstanceData>,
    pub(super) items: Vec<Item>,
    /// Signals whose remaining bits are deliberately not read.
    pub(super) discarded: Vec<Id>,
    /// For each port that is an output: the ports that reach it within a cycle.
    pub(super) reached_by: Vec<Vec<usize>>,
}

impl ModuleData {
    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }

    /// The node as an error message calls it: its name, or its operation on its operands.
    pub(super) fn describe(&self, id: Id) -> String {
        self.describe_to(id, 2)
    }

    fn describe_to(&self, id: Id, depth: u32) -> String {
        let node = self.node(id);
        match (&node.name, &node.op) {
            (Some(name), _) => format!("`{name}`"),
            (None, Op::Constant(words)) => format!("{:#x}", words[0]),
            (None, Op::InstanceOutput(instance, port)) => {
                let instance = &self.instances[*instance];
                format!(
                    "`{}.{}`",
                    instance.name,
                    instance.module.ports()[*port].name
                )
            }
            _ if depth == 0 => "...".into(),
            (None, op) => {
                let mut operands = Vec::new();
                op.operands(|a| operands.push(a));
                let more = operands.len() > 4;
                operands.truncate(4);
                let mut list: Vec<String> = operands
                    .iter()
                    .map(|a| self.describe_to(*a, depth - 1))
                    .collect();
                if more {
                    list.push("...".into());
                }
                format!("{}({})", op.label(), list.join(", "))
            }
        }
    }
}

/// Words that hold `width` bits.
pub(super) fn words_of(width: u32) -> usize {
    width.div_ceil(64) as usize
}

/// The bits of the highest word that a value of `width` bits has.
pub(super) fn top_mask(width: u32) -> u64 {
    u64::MAX >> ((64 - width % 64) % 64)
}

/// Bits that an address of a memory of `depth` words has.
pub(super) fn address_width(depth: usize) -> u32 {
    (depth.max(2) - 1).ilog2() + 1
}

/// The type of every condition.
pub(super) const BIT: Type = unsigned(1);

/// The wire that reads what [`super::Builder::unused`] was given; lint tools know names like it.
pub(super) const UNUSED: &str = "unused";

/// What the ports added for registers and memories are called.
pub(super) const CLOCK: &str = "clk";
pub(super) const RESET: &str = "rst";
