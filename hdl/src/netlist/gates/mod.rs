//! A module as gates: what is left of it when a synthesis tool has turned words into bits.
//!
//! It is what area is estimated from, not a netlist to be built: the operators of one module become
//! two-input gates, adders on carry chains, registers with enable and reset, and memories. Constants
//! are propagated, equal gates are shared, and what nobody reads does not count. As in the tools,
//! a multiplexer that holds a register becomes its enable and one that clears it its reset, adders
//! that follow each other are summed before a carry runs once, and comparators are subtractors.
//!
//! ```
//! use logattn_hdl::netlist::{Builder, Style, parts, unsigned};
//!
//! let mut m = Builder::new("counter", "Counts while `enable` is high.");
//! let enable = m.input("enable", unsigned(1), "count in this cycle");
//! let count = m.register_reset("count", unsigned(8), 0);
//! let one = m.constant(1, unsigned(8));
//! let next = m.add(count, one);
//! m.update_if(count, enable, next);
//! m.output("count", count, "the count");
//! let parts = parts(&m.finish()?, &Style::default());
//! assert_eq!(parts[0].gates.flops().len(), 8);
//! assert_eq!(parts[0].gates.chains().len(), 1);
//! # Ok::<(), logattn_hdl::netlist::NetlistError>(())
//! ```

mod adder;
mod graph;
mod lower;
mod parts;
mod read;
mod register;
mod words;

pub use graph::{Bit, Gate};
pub use parts::{Part, parts};

/// How a family of chips wants words taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Fewest bits of an adder that takes a carry chain; a shorter one is gates.
    pub least_chain: u32,
    /// Most bits of a value whose comparison with a constant is gates rather than a carry chain.
    pub most_gate_comparison: u32,
    /// Inputs of the look-up tables that feed a comparator's carry chain with several bits at
    /// once; 0 where a comparator is a subtractor, a bit each.
    pub lookahead_inputs: u32,
    /// Whether products are hard blocks, outside of the gates.
    pub hard_products: bool,
}

impl Default for Style {
    fn default() -> Self {
        Style {
            least_chain: 3,
            most_gate_comparison: 4,
            lookahead_inputs: 0,
            hard_products: false,
        }
    }
}

/// What runs along a carry chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainKind {
    /// `a + b`.
    Add,
    /// `a - b`.
    Subtract,
    /// The carry alone: it goes on where `a` is 1, else it becomes `b`.
    Carry,
}

/// An adder, subtractor or comparator on a carry chain, lowest bit first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// First operand.
    pub a: Vec<Bit>,
    /// Second operand, not inverted for a subtraction.
    pub b: Vec<Bit>,
    /// What it computes.
    pub kind: ChainKind,
    /// The gates' sources that carry the result: its bits, the carry out last.
    pub results: Vec<Bit>,
    /// Result bits that are read, the carry out not among them.
    pub sums: u32,
    /// Whether the carry out is read.
    pub carries: bool,
}

/// One bit of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flop {
    /// The source that it drives.
    pub output: Bit,
    /// What it takes at the next edge.
    pub next: Bit,
    /// It keeps its value where this is 0; the constant 1 if there is none.
    pub enable: Bit,
    /// It is cleared or set where this is 1; the constant 0 if there is none.
    pub reset: Bit,
    /// What it is reset to, if it is.
    pub value: Option<Bit>,
}

/// A memory with one write port and one synchronous read port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Its name in the module.
    pub name: String,
    /// Words.
    pub depth: usize,
    /// Bits of a word that are read.
    pub width: u32,
    /// Data, addresses and enables that reach it.
    pub inputs: Vec<Bit>,
}

/// A product in a hard block ([`Style::hard_products`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Bits of the factors.
    pub widths: [u32; 2],
    /// The factors' bits.
    pub inputs: Vec<Bit>,
}

/// What is known of a bit that comes from outside a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Tie {
    Constant(bool),
    /// The bit of this index, perhaps its own, or the complement of that bit.
    Like(usize, bool),
}

/// An instance of another module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Child {
    /// What goes into it, in the order of its ports, lowest bit first; 0 where it is not read.
    pub inputs: Vec<Bit>,
    /// Which bits of what comes out of it are read.
    read: Vec<bool>,
}

/// What one module is made of, without the modules in it. Only what is read counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    gates: Vec<Gate>,
    chains: Vec<Chain>,
    flops: Vec<Flop>,
    storage: Vec<Storage>,
    products: Vec<Product>,
    inputs: Vec<Bit>,
    /// Whether an input is read.
    needs: Vec<bool>,
    outputs: Vec<Bit>,
    children: Vec<Child>,
    full_adders: usize,
}

impl Gates {
    /// All gates, each after those it reads; a [`Bit`] is the index of one.
    pub fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// Adders, subtractors and comparators.
    pub fn chains(&self) -> &[Chain] {
        &self.chains
    }

    /// Registers, bit by bit.
    pub fn flops(&self) -> &[Flop] {
        &self.flops
    }

    /// Memories.
    pub fn storage(&self) -> &[Storage] {
        &self.storage
    }

    /// Products in hard blocks.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// Input ports, in their order, lowest bit first. Bits that are equal outside are equal here.
    pub fn inputs(&self) -> &[Bit] {
        &self.inputs
    }

    /// Output ports that something reads.
    pub fn outputs(&self) -> &[Bit] {
        &self.outputs
    }

    /// Instances, in source order.
    pub fn children(&self) -> &[Child] {
        &self.children
    }

    /// Full adders among the gates, of sums of more than two terms and of products.
    pub fn full_adders(&self) -> usize {
        self.full_adders
    }
}
