//! How long a run takes where external memory is a limit.

use super::traffic::Reader;
use super::{DramOptions, GroupShape, MemoryError, Strategy, SurvivorMap};
use serde::Serialize;
use std::ops::AddAssign;

/// Cycles of some runs under a bandwidth limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bandwidth {
    /// Cycles that the unit computes, as the caller gives them for each query block: of a study the
    /// blocks' bounds, without what a run takes beside them.
    pub compute_cycles: u64,
    /// Cycles that external memory is busy.
    pub memory_cycles: u64,
    /// Cycles of the runs.
    pub cycles: u64,
    /// Cycles in which the unit waits for external memory: `cycles - compute_cycles`.
    pub stall_cycles: u64,
}

impl Bandwidth {
    /// Share of the cycles in which the unit computes, 0..=1; 1 without cycles.
    pub fn utilization(&self) -> f64 {
        match self.cycles {
            0 => 1.0,
            cycles => self.compute_cycles as f64 / cycles as f64,
        }
    }
}

impl AddAssign for Bandwidth {
    fn add_assign(&mut self, other: Self) {
        self.compute_cycles += other.compute_cycles;
        self.memory_cycles += other.memory_cycles;
        self.cycles += other.cycles;
        self.stall_cycles += other.stall_cycles;
    }
}

/// Plays the groups of a run, one after the other.
///
/// With [`Strategy::DenseRefetch`] and [`Strategy::Skip`] the next query block is fetched while
/// this one is computed, so a block takes the longer of the two. (For `Skip` that is optimistic: it
/// supposes that the next block's survivors are known that early.) With [`Strategy::LoadOnce`] a
/// group is loaded before it is computed and, with two value banks, while the group before it is.
/// Queries come in and outputs leave while their block is computed or fetched, at their share of
/// the bandwidth.
#[derive(Clone, Debug)]
pub struct BandwidthModel {
    strategy: Strategy,
    value_banks: usize,
    dram: DramOptions,
    total: Bandwidth,
    /// Computing that goes on while the next transfer does, and what it moves itself.
    computing: u64,
    streaming: u64,
}

impl BandwidthModel {
    /// A run in which the unit and the memory start idle.
    ///
    /// # Arguments
    /// - `value_banks`: 2 if a group's keys and values load while the one before is computed.
    /// - `dram`: valid options.
    pub fn new(strategy: Strategy, value_banks: usize, dram: &DramOptions) -> Self {
        BandwidthModel {
            strategy,
            value_banks,
            dram: *dram,
            total: Bandwidth::default(),
            computing: 0,
            streaming: 0,
        }
    }

    /// Adds a group.
    ///
    /// # Arguments
    /// - `query_block`: rows that share each read (B).
    /// - `block_cycles`: cycles that each query block computes.
    ///
    /// # Errors
    /// [`MemoryError::Blocks`] unless there is a number for each of the map's query blocks.
    pub fn push_group(
        &mut self,
        shape: &GroupShape,
        map: &SurvivorMap,
        query_block: usize,
        block_cycles: &[u64],
    ) -> Result<(), MemoryError> {
        let expected = map.blocks(query_block).count();
        if block_cycles.len() != expected {
            return Err(MemoryError::Blocks {
                found: block_cycles.len(),
                expected,
            });
        }
        let dram = self.dram;
        let mut reader = Reader::new(shape, map, &dram);
        let load = dram.cycles(reader.load(self.strategy));
        let (mut computing, mut streaming) = (0, 0);
        for (rows, compute) in map.blocks(query_block).zip(block_cycles) {
            let transfer = reader.block(self.strategy, rows);
            self.total.compute_cycles += compute;
            if self.strategy == Strategy::LoadOnce {
                let streams = dram.cycles(transfer.streamed);
                streaming += streams;
                computing += streams.max(*compute);
            } else {
                let fetch = dram.cycles(transfer.fetched + transfer.streamed);
                self.phase(fetch, *compute, 0);
            }
        }
        if self.strategy == Strategy::LoadOnce {
            self.total.memory_cycles += streaming;
            if self.value_banks > 1 {
                self.phase(load, computing, streaming);
            } else {
                self.phase(load, 0, 0);
                self.total.cycles += computing;
            }
        }
        Ok(())
    }

    /// A transfer of `load` cycles while what was in hand is computed; then `computing` is in hand,
    /// of which the memory is busy for `streaming` cycles.
    fn phase(&mut self, load: u64, computing: u64, streaming: u64) {
        self.total.memory_cycles += load;
        self.total.cycles += self.computing.max(self.streaming + load);
        (self.computing, self.streaming) = (computing, streaming);
    }

    /// The run's cycles, when what is in hand has been computed.
    pub fn finish(self) -> Bandwidth {
        let cycles = self.total.cycles + self.computing;
        Bandwidth {
            cycles,
            stall_cycles: cycles - self.total.compute_cycles,
            ..self.total
        }
    }
}
