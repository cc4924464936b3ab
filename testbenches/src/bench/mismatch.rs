//! What can be wrong with a device.

use thiserror::Error;

/// The first difference between a device and what it should do.
#[derive(Debug, Error)]
pub enum Mismatch {
    /// An output beat differs from the golden model.
    #[error(
        "cycle {cycle}: output beat {beat} is {found:08x?}, the golden model has {expected:08x?} (32-bit words, lowest first)"
    )]
    Output {
        /// Cycle of the transfer.
        cycle: u64,
        /// Index of the beat on `m_axis_out`.
        beat: usize,
        /// Words found.
        found: Vec<u32>,
        /// Words of the golden model.
        expected: Vec<u32>,
    },
    /// `m_axis_out_tlast` differs.
    #[error("cycle {cycle}: output beat {beat} has tlast {found}, expected {}", !found)]
    Last {
        /// Cycle of the transfer.
        cycle: u64,
        /// Index of the beat on `m_axis_out`.
        beat: usize,
        /// What was found.
        found: bool,
    },
    /// An output beat came in another cycle than the simulator says.
    #[error("output beat {beat} came in cycle {found}, the simulator says {expected}")]
    Cycle {
        /// Index of the beat on `m_axis_out`.
        beat: usize,
        /// Cycle of the transfer.
        found: u64,
        /// Cycle of the simulator.
        expected: u64,
    },
    /// An input beat was taken in another cycle than the simulator says.
    #[error(
        "beat {beat} of s_axis_{port} was taken in cycle {found}, the simulator says {expected}"
    )]
    Taken {
        /// Name of the port.
        port: &'static str,
        /// Index of the beat.
        beat: usize,
        /// Cycle of the transfer.
        found: u64,
        /// Cycle of the simulator.
        expected: u64,
    },
    /// More output beats came than expected.
    #[error("cycle {cycle}: an output beat came after all {expected} expected ones")]
    Surplus {
        /// Cycle of the transfer.
        cycle: u64,
        /// Beats expected.
        expected: usize,
    },
    /// No output came any more.
    #[error("no output after beat {beats} of {expected} until cycle {cycle}")]
    Hang {
        /// Cycle in which the bench gave up.
        cycle: u64,
        /// Beats that came.
        beats: usize,
        /// Beats expected.
        expected: usize,
    },
    /// `m_axis_out` withdrew a beat that was not taken (AXI4-Stream 2.2.1).
    #[error("cycle {cycle}: m_axis_out withdrew tvalid before output beat {beat} was taken")]
    Withdrawn {
        /// Cycle of the violation.
        cycle: u64,
        /// Index of the beat on `m_axis_out`.
        beat: usize,
    },
    /// A counter differs from the simulator's.
    #[error("count_{name} is {found} in cycle {cycle}, the simulator has {expected}")]
    Counter {
        /// Cycle in which it was read.
        cycle: u64,
        /// Name of the counter.
        name: &'static str,
        /// Value found.
        found: u32,
        /// Value of the simulator.
        expected: u32,
    },
    /// An error output pulsed too often or too rarely.
    #[error("{name} has pulsed in {found} cycles until cycle {cycle}, expected {expected}")]
    Error {
        /// Name of the port.
        name: &'static str,
        /// Cycle of the surplus pulse, or of the end.
        cycle: u64,
        /// Pulses found.
        found: usize,
        /// Pulses that the heads must cause in the whole run.
        expected: usize,
    },
    /// The stimulus could not be simulated.
    #[error(transparent)]
    Simulation(#[from] logattn_sim::SimulationError),
    /// The device is no attention unit of this configuration.
    #[error("{0}")]
    Device(Box<dyn std::error::Error + Send + Sync>),
}
