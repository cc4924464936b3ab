//! Tests of the attention unit as a whole.

mod bad_traffic;
mod bound;
mod common;
mod cosim;
mod early_prune;
mod evaluator;
mod lint;
mod mutations;
mod netlists;
mod rust_hdl;
mod stimuli;

#[path = "../support/mod.rs"]
mod support;
