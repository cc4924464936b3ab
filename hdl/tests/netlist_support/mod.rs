//! What the tests share that compare the evaluator with Verilator.

pub mod bench;
pub mod verilator;
