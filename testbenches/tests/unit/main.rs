//! Tests of the attention unit as a whole.

mod bound;
mod common;
mod cosim;
mod evaluator;
mod lint;
mod mutations;
mod rust_hdl;
