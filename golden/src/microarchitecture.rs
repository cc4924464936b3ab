//! What the RTL and the simulator must agree on besides the arithmetic: depths and latencies that
//! follow from a configuration.

use crate::config::{Accumulate, Configuration};
use crate::reciprocal::ReciprocalFormat;

/// Bits of the number of query blocks in a head.
pub const HEAD_BLOCKS_BITS: u32 = 16;

/// Quotient bits that the reciprocal's divider finds in a cycle.
pub const QUOTIENT_BITS_A_CYCLE: u32 = 2;

/// Cycles that the combination of counts and levels takes in bucket mode.
const LEVEL_SUM_CYCLES: u32 = 2;

/// Cycles before a division: the leading zeros, then the shift.
const DIVISION_SETUP_CYCLES: u32 = 2;

/// Entries of the survivor selector's queue, a power of two: two full rows, so that one enters
/// while the other one is visited.
pub fn queue_depth(c: &Configuration) -> usize {
    (2 * c.beats(c.max_keys)).next_power_of_two().max(4)
}

/// Cycles of one reciprocal's division; 0 without `normalize = "reciprocal"`.
pub fn division_cycles(c: &Configuration) -> u32 {
    ReciprocalFormat::of(c).map_or(0, |format| {
        format.reciprocal_bits.div_ceil(QUOTIENT_BITS_A_CYCLE)
    })
}

/// Cycles from a finished block's capture in the normalizer to its first beat: the normalizer's
/// combination in bucket mode and the reciprocal.
pub fn preparation_cycles(c: &Configuration) -> u32 {
    let combination = match c.accumulate {
        Accumulate::Bucket => LEVEL_SUM_CYCLES,
        Accumulate::Shift | Accumulate::Multiply => 0,
    };
    let division = match division_cycles(c) {
        0 => 0,
        cycles => DIVISION_SETUP_CYCLES + cycles,
    };
    combination + division
}

/// Registers between the normalizer's beat selection and its output: the combination in bucket
/// mode takes two, the division three.
pub fn normalizer_stages(c: &Configuration) -> usize {
    let combination = if c.accumulate == Accumulate::Bucket {
        2
    } else {
        0
    };
    let division = if division_cycles(c) > 0 { 3 } else { 0 };
    combination + division
}
