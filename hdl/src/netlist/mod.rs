//! A small typed netlist: built in plain Rust, checked, printed as Verilog-2005 and evaluated.
//!
//! Every value has a width and a signedness, and no operation converts either silently. A mismatch,
//! an undriven wire, a loop without a register or a bit that nobody reads is an error that names
//! module and signal ([`NetlistError`]). What is printed and what is evaluated is the same list of
//! nodes, so what a test saw in [`Evaluator`] is what a synthesis tool reads.
//!
//! ```
//! use logattn_hdl::netlist::{Builder, Evaluator, unsigned};
//!
//! let mut m = Builder::new("accumulator", "Sums its input while `enable` is high.");
//! let enable = m.input("enable", unsigned(1), "add `value` in this cycle");
//! let value = m.input("value", unsigned(8), "the summand");
//! let total = m.register_reset("total", unsigned(16), 0);
//! let wide = m.extend(value, 16);
//! let sum = m.add(total, wide);
//! m.update_if(total, enable, sum);
//! m.output("total", total, "the sum so far");
//! let module = m.finish()?;
//!
//! let mut evaluator = Evaluator::new(&module)?;
//! evaluator.set("enable", 1);
//! evaluator.set("value", 200);
//! evaluator.clock();
//! evaluator.clock();
//! assert_eq!(evaluator.get("total"), 400);
//! assert!(module.verilog("").contains("total <= total + {8'd0, value};"));
//! # Ok::<(), logattn_hdl::netlist::NetlistError>(())
//! ```

mod builder;
mod check;
mod data;
mod error;
mod evaluate;
mod expression;
mod gates;
mod graph;
mod module;
mod mutate;
mod names;
mod operators;
mod print;
mod sequential;
mod words;

pub use builder::Builder;
pub use error::NetlistError;
pub use evaluate::{Evaluator, PortHandle};
pub use gates::{
    Bit, Chain, ChainKind, Child, Flop, Gate, Gates, Part, Product, Storage, Style, parts,
};
pub use module::{Direction, Module, Port, Role};
pub use mutate::Mutation;
pub use sequential::{Instance, Memory};

/// Width and signedness of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Type {
    width: u32,
    signed: bool,
}

/// The type of an unsigned value of `width` bits. A width of 0 is refused where it is used.
pub const fn unsigned(width: u32) -> Type {
    Type {
        width,
        signed: false,
    }
}

/// The type of a two's complement value of `width` bits. A width of 0 is refused where it is used.
pub const fn signed(width: u32) -> Type {
    Type {
        width,
        signed: true,
    }
}

impl Type {
    /// Width in bits.
    pub fn width(self) -> u32 {
        self.width
    }

    /// Whether the value is in two's complement.
    pub fn is_signed(self) -> bool {
        self.signed
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.signed { "signed" } else { "unsigned" };
        write!(f, "{sign}({})", self.width)
    }
}

/// A value in the module under construction. It belongs to the [`Builder`] that returned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    id: data::Id,
    ty: Type,
    /// The builder it belongs to, so that a signal of another module is noticed.
    owner: u32,
}

/// A register is used as the signal that it drives.
pub type Register = Signal;

impl Signal {
    /// Width in bits.
    pub fn width(self) -> u32 {
        self.ty.width
    }

    /// Whether the value is in two's complement.
    pub fn is_signed(self) -> bool {
        self.ty.signed
    }

    /// Width and signedness.
    pub fn ty(self) -> Type {
        self.ty
    }
}
