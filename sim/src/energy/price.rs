//! Operations times their energies.

use super::{EnergyTable, OperationKind, Operations, Part};
use serde::Serialize;
use std::ops::AddAssign;

/// Energy of one part of the unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PartEnergy {
    /// The part.
    pub part: Part,
    /// Its energy, in picojoules.
    pub picojoules: f64,
}

/// Energy of some work, in picojoules.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnergyBreakdown {
    /// Each part of the unit, in the order of [`Part::ALL`]; 0 for those that there are not.
    pub parts: Vec<PartEnergy>,
    /// External memory, low end.
    pub dram_low: f64,
    /// External memory, high end.
    pub dram_high: f64,
}

impl Default for EnergyBreakdown {
    fn default() -> Self {
        let part = |part| PartEnergy {
            part,
            picojoules: 0.0,
        };
        EnergyBreakdown {
            parts: Part::ALL.map(part).to_vec(),
            dram_low: 0.0,
            dram_high: 0.0,
        }
    }
}

impl EnergyBreakdown {
    /// Energy of the unit itself, in picojoules.
    pub fn on_chip(&self) -> f64 {
        self.parts.iter().map(|part| part.picojoules).sum()
    }

    /// Energy of unit and external memory, low end, in picojoules.
    pub fn total_low(&self) -> f64 {
        self.on_chip() + self.dram_low
    }

    /// Energy of unit and external memory, high end, in picojoules.
    pub fn total_high(&self) -> f64 {
        self.on_chip() + self.dram_high
    }
}

impl AddAssign for EnergyBreakdown {
    fn add_assign(&mut self, other: Self) {
        for (part, more) in self.parts.iter_mut().zip(other.parts) {
            part.picojoules += more.picojoules;
        }
        self.dram_low += other.dram_low;
        self.dram_high += other.dram_high;
    }
}

/// Prices operations, and bits moved between unit and external memory, with a table.
///
/// External memory is priced by the bits that move. Opening a page has no price of its own: it is
/// within the range that tables give, of which scattered reads are rather at the high end.
///
/// # Arguments
/// - `dram_bits`: bits that move: 8 times [`crate::memory::Traffic::burst_bytes`].
pub fn energy(table: &EnergyTable, operations: &Operations, dram_bits: u64) -> EnergyBreakdown {
    let mut breakdown = EnergyBreakdown::default();
    for operation in &operations.list {
        let bits = (operation.bits, operation.other_bits);
        let once = table.picojoules(operation.kind, bits, operation.capacity_bits);
        let place = Part::ALL.iter().position(|part| *part == operation.part);
        if let Some(part) = place.and_then(|place| breakdown.parts.get_mut(place)) {
            part.picojoules += once * operation.count as f64;
        }
    }
    // Per bit, however many: the width of a word does not matter for what is moved in bursts.
    let bit = |kind| table.picojoules(kind, (64, 64), 0) / 64.0;
    breakdown.dram_low = dram_bits as f64 * bit(OperationKind::DramLow);
    breakdown.dram_high = dram_bits as f64 * bit(OperationKind::DramHigh);
    breakdown
}
