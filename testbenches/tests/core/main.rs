//! Tests of the attention core: registers, guards and the unit behind them.

mod common;
mod cosim;
mod fuzz;
mod lint;
mod mutations;
mod named;

#[path = "../support/mod.rs"]
mod support;
