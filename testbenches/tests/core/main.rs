//! Tests of the attention core: registers, guards and the unit behind them.

mod common;
mod cosim;
mod lint;
