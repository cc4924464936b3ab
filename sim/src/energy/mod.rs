//! What a unit's work costs in energy, from a table of the energies of single operations.
//!
//! Three steps: [`Activity`] is how often things happened, [`Operations`] is what the RTL of a
//! configuration does each time, and [`energy`] prices it with an [`EnergyTable`]. The int8 twin
//! goes the same way, with its own configuration.
//!
//! Counted: every addition, comparison, shift and multiplication of the datapath, the registers
//! and memories it moves through, and what is moved from and to external memory. A shift is priced
//! as a barrel shifter, never as wiring. Not counted: the clock tree, control (handshakes, pointers,
//! counters of beats and rows, performance counters), choices by multiplexers, wires, leakage, and
//! what stands still (a register that keeps its value costs nothing), and what `pipeline_depth` 3
//! adds but in the products of queries and keys: its registers and the queues with reserved places.
//!
//! The tables' figures are of standard cells, not of an FPGA: they rank designs, they do not
//! predict a board's power.
//!
//! ```
//! use logattn_golden::config::Configuration;
//! use logattn_sim::energy::{Activity, EnergyTable, Operations, energy};
//! use logattn_sim::memory::{Strategy, SurvivorMap};
//!
//! let nano = Configuration::named("nano")?;
//! let mut map = SurvivorMap::new(5);
//! map.push_row(&[3, 0, 0, 1, 0], 5);
//! let activity = Activity::of(&nano, &map, Strategy::LoadOnce);
//! let table = EnergyTable::named("horowitz_45nm")?;
//! // 1000 bits from external memory.
//! let breakdown = energy(&table, &Operations::of(&nano, &activity), 1000);
//! assert!(breakdown.on_chip() > 0.0);
//! assert_eq!(breakdown.dram_low, 1000.0 / 64.0 * 1300.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod activity;
mod counter;
mod operations;
mod parts;
mod price;
mod table;

pub use activity::Activity;
pub use operations::{LevelBits, Operation, Operations, Part};
pub use price::{EnergyBreakdown, PartEnergy, energy};
pub use table::{EnergyEntry, EnergyTable, NAMES, OperationKind, Scaling};

use thiserror::Error;

/// What is wrong with an energy table.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum EnergyError {
    /// The text is not TOML, or a field is unknown, missing or of another type.
    #[error("{origin}: {message}")]
    Parse {
        /// File, or name of the table.
        origin: String,
        /// What the TOML reader says, with line and column.
        message: String,
    },
    /// A value is outside its legal range.
    #[error("{origin}: entry {entry} ({operation}): {field} = {value}: must be {legal}")]
    Invalid {
        /// File, or name of the table.
        origin: String,
        /// Index of the entry, from 1.
        entry: usize,
        /// Its operation.
        operation: &'static str,
        /// The offending field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The legal range.
        legal: &'static str,
    },
    /// An operation has no entry.
    #[error("{origin}: no entry with operation = {operation:?}; there must be one for each of {all}", all = OperationKind::names())]
    Missing {
        /// File, or name of the table.
        origin: String,
        /// The operation.
        operation: &'static str,
    },
    /// No embedded table has this name.
    #[error("no energy table is named {name:?}; known: {known}", known = NAMES.join(", "))]
    UnknownName {
        /// The name asked for.
        name: String,
    },
}
