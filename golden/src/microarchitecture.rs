//! What the RTL and the simulator must agree on besides the arithmetic: depths and latencies that
//! follow from a configuration.

use crate::config::{Accumulate, Configuration, Input, Normalize};
use crate::reciprocal::ReciprocalFormat;

/// Bits of the number of query blocks in a head.
pub const HEAD_BLOCKS_BITS: u32 = 16;

/// Bits of the right shift of products to scores.
pub const SCORE_SHIFT_BITS: u32 = 5;

/// Quotient bits that the reciprocal's divider finds in a cycle.
pub const QUOTIENT_BITS_A_CYCLE: u32 = 2;

/// Cycles that the combination of counts and levels takes in bucket mode.
const LEVEL_SUM_CYCLES: u32 = 2;

/// Cycles before a division: the leading zeros, then the shift.
const DIVISION_SETUP_CYCLES: u32 = 2;

/// Registers that `pipeline_depth` 2 adds in front of each of these, 0 or 1: the multipliers of
/// queries and keys (behind the key memory), the saturation of scores, the rows that wait with their
/// maximum, the distances (behind the score buffer), the moved thresholds (behind the distance
/// buffer), the comparators' second half, the selector's head (behind the queue; the sorter's,
/// behind its lists), the value memory (a stream register), the accumulator (behind the value
/// memory; sorted ones have it at any depth), the barrel shifter of `normalize = "complement"` and
/// its rounding.
/// Trees have one level between two registers then, otherwise two; and the normalizer takes a
/// finished row only when the one before has left, not in the same cycle, so that its receiver's
/// readiness reaches no farther back.
pub fn extra_registers(c: &Configuration) -> u32 {
    (c.pipeline_depth - 1).min(1)
}

/// Registers that `pipeline_depth` 3 adds for the length of wires, 0 or 1 each: in front of the
/// multipliers of queries and keys two more, and one more behind them; within the shift of a
/// product; for the rows that wait for a pass over their scores or distances; between the distances
/// and what masks them; in front of the shift to a power of two; behind the comparators of scores;
/// in front of the sorter's lists, and behind what a complete row's items are; in front of a sorted
/// lane's adder; between the excess and the rounding of `normalize = "complement"`.
///
/// Readiness goes no farther than a register where it had a long way: a block's queries are all
/// staged before its first issue; the quantizer of scores, the sorter and the normalizer give what
/// they make into queues whose places are reserved ([`RESERVED_PLACES`]); a bank of keys or values is
/// given up a cycle later ([`BANK_LAG`]), and sums of a sorted accumulator let a row in a cycle later.
/// The other stages are elastic at every depth.
pub fn wire_registers(c: &Configuration) -> u32 {
    c.pipeline_depth.saturating_sub(2)
}

/// Levels of a tree of adders or comparators between two registers.
pub fn tree_levels(c: &Configuration) -> u32 {
    2 - extra_registers(c)
}

/// Rows that may be on their way from their first score (with `input = "qkv"`: the read of its
/// key) to the read of their last one from the buffer, and as many from the first of these reads
/// to their last code. So a row of n beats takes (2 n + latency - 1) / 4 cycles at least, whichever
/// latency is longer, [`offset_cycles`] or the sum of [`score_engine_cycles`] and
/// [`maximum_cycles`]: rows of four beats and more follow each other at once in most units, of nine
/// and more in `base`.
pub const ROW_SLOTS: usize = 4;

/// Cycles of a product of queries and keys without its sum: key memory, multipliers, and the
/// shift to F fraction bits.
const PRODUCT_CYCLES: u32 = 3;

/// Cycles from a beat of the buffer to the row's offset without the sum over the beat: the
/// buffer, the distances, the powers of two, the sum over the row, the octave, the offset.
const OFFSET_CYCLES: u32 = 6;

/// Registers in a tree of `terms` terms.
pub fn tree_stages(c: &Configuration, terms: usize) -> u32 {
    terms.next_power_of_two().ilog2().div_ceil(tree_levels(c))
}

/// Places of a queue whose places are reserved before what comes into it is on its way, a power of
/// two. A place is in use for its word's way, from the cycle of its reservation to that in which the
/// word moves into the register at the queue's end, and two cycles more; so that a word can come in
/// every cycle the way may take six cycles at most, which a test holds it to.
pub const RESERVED_PLACES: usize = 8;

/// At `pipeline_depth` 3: cycles more from the last read of a head's keys or values to the first one
/// of the next head, if that is loaded; and from its last word to the next head's first, if there is
/// a bank for it.
pub const BANK_LAG: u32 = 1;

/// At `pipeline_depth` 3: cycles more from the last read of a head's keys or values to the first
/// word that is written to the same bank.
pub const WRITE_LAG: u32 = 2;

/// Cycles that a reserved queue takes: its memory and the register behind that.
pub const QUEUE_CYCLES: usize = 2;

/// Registers between the quantizer's input and its codes, beside that of the codes: with
/// scores also those between the distance buffer's output and the quantizer. They are elastic, but
/// with scores and `pipeline_depth` 3, where a reserved queue comes behind them.
pub fn quantizer_registers(c: &Configuration) -> usize {
    let extra = extra_registers(c) as usize;
    match c.input {
        Input::Probabilities => extra,
        Input::Scores | Input::Qkv => 2 * extra + (1 + QUEUE_CYCLES) * wire_registers(c) as usize,
    }
}

/// Registers from the read of a value to the sums, that of the value memory included. They are
/// elastic, but with `accumulate = "sorted"`, where nothing holds up what has been read.
pub fn visit_registers(c: &Configuration) -> usize {
    let extra = extra_registers(c) as usize;
    match (c.accumulate, c.normalize) {
        (Accumulate::Sorted, _) => 2 + wire_registers(c) as usize,
        (Accumulate::Shift, Normalize::Complement) => 2 + 2 * extra,
        _ => 2 + extra,
    }
}

/// Bits of the weight that `accumulate = "sorted"` with `normalize = "complement"` leaves to a row's
/// largest key, a signed number in steps of 2^-max_shift: 1 less all other levels of the row, each
/// of which is 1 at most.
pub fn largest_weight_bits(c: &Configuration) -> u32 {
    let keys = c.max_keys.next_power_of_two().ilog2();
    c.max_shift.unwrap_or(0) + keys + 1
}

/// Beats of scores that the score buffer holds, a power of two: two full rows, one that comes in
/// and one whose maximum is known, or a full row and all beats under way if that is more.
pub fn score_buffer_depth(c: &Configuration) -> usize {
    let way = match c.input {
        Input::Qkv => score_engine_cycles(c),
        Input::Probabilities | Input::Scores => 0,
    };
    buffer_depth(c, way + maximum_cycles(c))
}

/// Beats of distances that the distance buffer holds, a power of two: two full rows, or one and
/// all beats under way.
pub fn distance_buffer_depth(c: &Configuration) -> usize {
    buffer_depth(c, offset_cycles(c) + 1)
}

/// Room for a full row and as many beats as come while it waits for `cycles` cycles more.
fn buffer_depth(c: &Configuration, cycles: u32) -> usize {
    let beats = c.beats(c.max_keys);
    (beats + beats.max(cycles as usize + 1)).next_power_of_two()
}

/// Cycles from the read of a beat of keys to its scores.
pub fn score_engine_cycles(c: &Configuration) -> u32 {
    let added = 2 * extra_registers(c) + 4 * wire_registers(c);
    PRODUCT_CYCLES + added + tree_stages(c, c.head_dimension)
}

/// Cycles from a row's last scores to the first cycle in which its maximum can be used.
pub fn maximum_cycles(c: &Configuration) -> u32 {
    tree_stages(c, c.keys_per_beat) + 1 + extra_registers(c) + wire_registers(c)
}

/// Cycles from the read of a row's last scores from the buffer to the first cycle in which its
/// offset can be used.
pub fn offset_cycles(c: &Configuration) -> u32 {
    let added = extra_registers(c) + 3 * wire_registers(c);
    tree_stages(c, c.keys_per_beat) + added + OFFSET_CYCLES
}

/// Cycles from the transfer of the first beat of a row of `keys` keys (with `input = "qkv"`: of its
/// block's last query) to its first code, in a unit that has nothing else to do and its keys
/// loaded.
///
/// Probabilities pass the stream register and the quantizer. Scores pass the row twice more: a
/// row's maximum is known when all of it is there, its logarithm when all of it has been read.
pub fn code_latency(c: &Configuration, keys: usize) -> usize {
    let way = match c.input {
        Input::Probabilities => return 1 + quantizer_registers(c),
        Input::Scores => 0,
        Input::Qkv => score_engine_cycles(c) + wire_registers(c),
    };
    let known = way + maximum_cycles(c) + offset_cycles(c);
    2 * c.beats(keys) + known as usize + quantizer_registers(c)
}

/// Entries of the survivor selector's queue, a power of two: two full rows, so that one enters
/// while the other one is visited.
pub fn queue_depth(c: &Configuration) -> usize {
    (2 * c.beats(c.max_keys)).next_power_of_two().max(4)
}

/// Rows that the survivor sorter of `accumulate = "sorted"` holds, a power of two: one that comes in,
/// one that waits, one that is visited; a row's number is then its place.
pub const SORTED_ROWS: usize = 4;

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
        Accumulate::Shift | Accumulate::Sorted | Accumulate::Multiply => 0,
    };
    let division = match division_cycles(c) {
        0 => 0,
        cycles => DIVISION_SETUP_CYCLES + cycles,
    };
    combination + division
}

/// Registers between the normalizer's beat selection and its output: the combination in bucket
/// mode takes two, the division three, the rounding of `normalize = "complement"` one, three or
/// four; and at `pipeline_depth` 3 the reserved queue at its end.
pub fn normalizer_stages(c: &Configuration) -> usize {
    let combination = if c.accumulate == Accumulate::Bucket {
        2
    } else {
        0
    };
    let division = if division_cycles(c) > 0 { 3 } else { 0 };
    let rounding = match c.normalize {
        Normalize::Complement => (1 + 2 * extra_registers(c) + wire_registers(c)) as usize,
        Normalize::None | Normalize::Reciprocal => 0,
    };
    combination + division + rounding + QUEUE_CYCLES * wire_registers(c) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of what reaches the queues of `pipeline_depth` 3: codes, entries of the sorter, output beats.
    #[test]
    fn a_word_can_come_to_a_reserved_queue_in_every_cycle() {
        let accumulates = [
            Accumulate::Shift,
            Accumulate::Sorted,
            Accumulate::Bucket,
            Accumulate::Multiply,
        ];
        let normalizes = [
            Normalize::None,
            Normalize::Reciprocal,
            Normalize::Complement,
        ];
        for (accumulate, normalize) in accumulates
            .into_iter()
            .flat_map(|a| normalizes.map(|n| (a, n)))
        {
            if (accumulate, normalize) == (Accumulate::Bucket, Normalize::Complement) {
                // Not legal.
                continue;
            }
            let c = Configuration {
                pipeline_depth: 3,
                accumulate,
                normalize,
                output_bits: Some(8),
                ..Configuration::named("base").expect("known")
            };
            for way in [normalizer_stages(&c) - 1, quantizer_registers(&c) + 1] {
                assert!(
                    way + 2 <= RESERVED_PLACES,
                    "{accumulate:?} {normalize:?}: {way}"
                );
            }
        }
    }
}
