//! Co-simulation of the attention unit: Verilated RTL (or the netlist's own evaluator) against the
//! golden model, bit by bit, and against the simulator, cycle by cycle.
//!
//! [`stimulus`] turns heads into the beats of the streams and what must come back, [`mod@bench`]
//! plays them on a [`device::Device`] and reports the first difference, [`mod@unit`] builds such a
//! device, [`random`] makes heads that are worth playing.

pub mod bench;
pub mod captured;
pub mod core;
pub mod device;
pub mod random;
pub mod stimulus;
pub mod unit;
pub mod verilator;

pub use bench::{Mismatch, Outcome, run, run_on};
pub use captured::captured_head;
pub use stimulus::{Head, HeadRows, Stimulus, StimulusError};
