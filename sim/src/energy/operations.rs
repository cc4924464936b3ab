//! What a unit does, operation by operation.

use super::parts;
use super::{Activity, OperationKind};
use logattn_golden::config::Configuration;
use serde::Serialize;

/// A part of the unit: a box of the drawing in the documentation, with what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Scores from queries and keys: key memory and dot products.
    ScoreEngine,
    /// Largest score, sum of powers of two, its logarithm.
    RowStatistics,
    /// Codes by comparison.
    Quantizer,
    /// The queue of beats with survivors, and the visits.
    SurvivorSelector,
    /// Values on chip.
    ValueMemory,
    /// The accumulator, whatever it does: shift, bucket or multiply.
    Accumulate,
    /// From finished sums to outputs.
    Normalizer,
    /// The registers at the input streams.
    Streams,
}

impl Part {
    /// All of them, in the order in which data flows, streams last.
    pub const ALL: [Part; 8] = [
        Part::ScoreEngine,
        Part::RowStatistics,
        Part::Quantizer,
        Part::SurvivorSelector,
        Part::ValueMemory,
        Part::Accumulate,
        Part::Normalizer,
        Part::Streams,
    ];

    /// The name as it stands in documents.
    pub fn name(self) -> &'static str {
        match self {
            Part::ScoreEngine => "score_engine",
            Part::RowStatistics => "row_statistics",
            Part::Quantizer => "quantizer",
            Part::SurvivorSelector => "survivor_selector",
            Part::ValueMemory => "value_memory",
            Part::Accumulate => "accumulate",
            Part::Normalizer => "normalizer",
            Part::Streams => "streams",
        }
    }
}

/// One kind of work, done `count` times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// Where it is done.
    pub part: Part,
    /// What is done.
    pub kind: OperationKind,
    /// What it is for.
    pub work: &'static str,
    /// Width of the operands, of the register or of the memory's word, in bits.
    pub bits: u32,
    /// Width of the other factor of a multiplication, in bits; `bits` otherwise.
    pub other_bits: u32,
    /// Capacity of the memory on chip, in bits; 0 for anything else.
    pub capacity_bits: u64,
    /// How often.
    pub count: u64,
}

/// Bits that go through each level of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LevelBits {
    /// Bits loaded into registers.
    pub register: u64,
    /// Bits read from memory on chip.
    pub sram_read: u64,
    /// Bits written to memory on chip.
    pub sram_write: u64,
}

/// Everything that a unit does for some activity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Operations {
    /// One entry a kind of work; those with a count of 0 are left out.
    pub list: Vec<Operation>,
}

impl Operations {
    /// What the RTL of a configuration does: see [`super`] for what is counted.
    ///
    /// Work is counted where the hardware does it: in all places of a beat, those beyond a row's
    /// length included, and in all rows of a query block for every key that is visited, whether a
    /// row kept it or not.
    ///
    /// The int8 twin of a unit with another input takes probabilities that somebody else computed:
    /// to compare the two fairly, add [`Operations::part`] of [`Part::ScoreEngine`] to the twin, and
    /// mind that its softmax is still not counted.
    ///
    /// # Arguments
    /// - `configuration`: a valid one, the same as that of the activity.
    pub fn of(configuration: &Configuration, activity: &Activity) -> Self {
        let mut operations = Operations::default();
        let datapath = Datapath {
            c: configuration,
            a: activity,
        };
        parts::count(&datapath, &mut operations);
        operations
    }

    /// The operations of one part.
    pub fn part(&self, part: Part) -> impl Iterator<Item = &Operation> {
        self.list.iter().filter(move |each| each.part == part)
    }

    /// How often something is done in all, whatever its width.
    pub fn count(&self, kind: OperationKind) -> u64 {
        let counts = self.list.iter().filter(|each| each.kind == kind);
        counts.map(|each| each.count).sum()
    }

    /// Bits that go through registers and memory on chip.
    pub fn level_bits(&self) -> LevelBits {
        let bits = |kind| {
            let moved = self.list.iter().filter(|each| each.kind == kind);
            moved.map(|each| each.count * u64::from(each.bits)).sum()
        };
        LevelBits {
            register: bits(OperationKind::Register),
            sram_read: bits(OperationKind::SramRead),
            sram_write: bits(OperationKind::SramWrite),
        }
    }

    pub(super) fn push(&mut self, operation: Operation) {
        if operation.count > 0 && operation.bits > 0 {
            self.list.push(operation);
        }
    }
}

/// A configuration at work.
pub(super) struct Datapath<'a> {
    pub c: &'a Configuration,
    pub a: &'a Activity,
}
