//! Cycle-accurate simulator of the attention unit.
//!
//! Not an interpreter of the RTL but a model of its timing: every register stage of the unit is
//! elastic, or never stalls since room for what passes it was kept, so the cycle in which something moves is the maximum of a few earlier cycles (when it
//! came, when the one before it moved on, when the port allowed it). One pass over the beats and
//! survivors of a workload gives the exact cycle of every output beat, under any stall pattern,
//! and every counter of the RTL.
//!
//! ```
//! use logattn_golden::config::Configuration;
//! use logattn_sim::{BlockRows, Ports, Workload, simulate};
//!
//! let nano = Configuration::named("nano")?;
//! let mut workload = Workload::new(&nano);
//! // One row of five keys, of which keys 0 and 3 survive.
//! let codes = [3, 0, 0, 1, 0];
//! workload.push_head(5, [BlockRows::new(5, [&codes[..]])])?;
//! let run = simulate(&nano, &workload, &Ports::free())?;
//! assert_eq!(run.counters.survivors, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod energy;
mod engine;
mod levels;
mod loader;
pub mod memory;
mod output;
mod ports;
mod reserved;
mod ring;
mod scores;
mod selector;
mod simulate;
mod sorter;
mod way;
mod workload;

pub use ports::{Pattern, Ports};
pub use simulate::{Counters, Run, simulate, trace};
pub use workload::{BlockCost, BlockRows, SimulationError, Workload};

/// A clock cycle, counted from the first rising edge at which the unit is out of reset.
pub type Cycle = u64;
