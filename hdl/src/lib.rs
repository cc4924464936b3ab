//! The attention unit as a typed netlist, its evaluator and its Verilog.
//!
//! [`netlist`] is the language that the hardware is written in: one description is checked while it
//! is built, printed as Verilog-2005 and evaluated cycle by cycle inside `cargo test`.
//! With the feature `rust-hdl` (on by default) any module is a rust-hdl block as well.

pub mod attention_core;
pub mod netlist;
#[cfg(feature = "rust-hdl")]
pub mod rust_hdl;
pub mod unit;
