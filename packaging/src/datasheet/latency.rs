//! Latency of a row, measured on the core's netlist.

/// A measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Latency {
    /// Keys of the row.
    pub keys: usize,
    /// Cycles from the transfer of its first beat (its block's last query) to its first output beat.
    pub cycles: usize,
}
