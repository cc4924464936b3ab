//! Wrong choices of units with score and qkv input.

use super::{expect_all_caught, small};
use logattn_golden::{Accumulate, Configuration, Exp2, Input, Normalize};
use logattn_hdl::netlist::Mutation::*;

/// Four keys a beat, two passes, two banks, complement normalization. In a flat row even the
/// largest key is pruned.
pub(super) fn score_unit() -> Configuration {
    Configuration {
        input: Input::Scores,
        // Ten beats: more than fit the distance buffer as often as rows may be under way.
        max_keys: 40,
        thresholds: Vec::new(),
        fraction_bits: Some(3),
        score_bits: Some(10),
        distance_bits: Some(7),
        guard_bits: Some(5),
        exp2: Some(Exp2::Mitchell),
        score_thresholds: vec![-38, -34, -30, -26, -22, -18, -12],
        output_bits: Some(8),
        ..small(Accumulate::Shift, 1, Normalize::Complement)
    }
}

/// Two rows a block, two keys a beat, two banks, the table of powers.
pub(super) fn qkv_unit() -> Configuration {
    Configuration {
        input: Input::Qkv,
        thresholds: Vec::new(),
        keys_per_beat: 2,
        fraction_bits: Some(2),
        score_bits: Some(9),
        distance_bits: Some(6),
        guard_bits: Some(4),
        exp2: Some(Exp2::Table),
        score_thresholds: vec![-30, -26, -22, -18, -14, -10, -6],
        ..small(Accumulate::Shift, 2, Normalize::Reciprocal)
    }
}

#[test]
fn wrong_choices_of_the_score_input_are_caught() {
    #[rustfmt::skip]
    let choices = [
        ("score_input", "more_than_0", StuckAt(1), "a row of length 0 has a key"),
        ("score_input", "more_than_2", FlipComparison, "the third key is inside a beat too early"),
        ("score_input", "more_than_3", StuckAt(1), "masked keys count"),
        ("score_input", "s_ready_now", StuckAt(1), "a beat is taken without a place for it"),
        ("score_input", "illegal_row", StuckAt(0), "a row of length 0 is not flagged"),
        ("score_input", "error", StuckAt(0), "nothing is flagged"),
        ("row_maximum", "first", StuckAt(0), "a row goes on with the maximum before it"),
        ("row_maximum", "maximum_0", SwapMux, "the smaller score is kept"),
        ("row_maximum", "largest_0_2_0", KeepLowBits(10), "no key of a beat counts"),
        ("row_maximum", "index", StuckAt(0), "a row is taken for one beat"),
        ("row_statistics", "score_room", StuckAt(1), "the score buffer overflows"),
        ("row_statistics", "row_room", StuckAt(1), "more rows start than there are places"),
        ("row_statistics", "summable", StuckAt(1), "more rows are summed than there are places"),
        ("row_statistics", "distance_room", StuckAt(1), "the distance buffer overflows"),
        ("row_statistics", "row_complete", StuckAt(1), "scores are read before they are there"),
        ("row_statistics", "row_known", StuckAt(1), "distances are read before they are there"),
        ("row_statistics", "maxima", StuckAt(0), "distances are to 0"),
        ("row_statistics", "closeness_0_0", SwapMux, "a far key is near"),
        ("row_statistics", "power_3_0", SwapMux, "masked keys are summed"),
        ("row_statistics", "sum_first", StuckAt(0), "the sum goes on from row to row"),
        ("row_statistics", "sum_0", DropEnable, "the sum takes what is no beat"),
        ("row_statistics", "sum_0", KeepLowBits(9), "the sum is too narrow"),
        ("row_statistics", "base_0", SwapAddSub, "thresholds move the wrong way"),
        ("row_statistics", "moved_threshold_0_1", DropEnable, "thresholds change before their row has left"),
        ("row_statistics", "moved_threshold_0_7", SwapMux, "a threshold out of reach wraps"),
        ("row_statistics", "distance_word", DropEnable, "a waiting beat changes"),
        ("row_statistics", "largest_before", StuckAt(0), "the last of equal keys is the largest"),
        ("row_statistics", "largest_known", StuckAt(1), "a row of length 0 has a largest key"),
        ("row_statistics", "lowest", StuckAt(0), "the largest key is at a beat's start"),
        ("score_distance", "sum", SwapAddSub, "the distance has the wrong sign"),
        ("score_distance", "near", StuckAt(1), "far distances wrap"),
        ("power_of_two", "octave", Invert, "near keys weigh little"),
        ("power_of_two", "mantissa", ShiftByOneMore, "powers are twice too large"),
        ("row_offset", "octave", StuckAt(0), "sums over 2 are not seen"),
        ("row_offset", "sum_held", KeepLowBits(3), "the fraction is lost"),
        ("quantizer", "upper_0_0", FlipComparison, "a tie is decided the other way"),
        ("comparator_ladder", "sum_1", SwapAddSub, "the lower comparison is upside down"),
        ("comparator_ladder", "exceeds_3", StuckAt(0), "codes 3 and 7 are lost"),
        ("quantizer", "largest_code", StuckAt(7), "the largest key's code is guessed"),
        ("quantizer", "survive", StuckAt(15), "pruned keys are visited"),
        ("quantizer", "largest_key", DropEnable, "the largest key of the next row is taken"),
        ("survivor_selector", "opens_row", StuckAt(1), "the largest key is visited more than once"),
        ("survivor_selector", "opens_row", StuckAt(0), "the largest key is not visited"),
        ("survivor_selector", "held_largest_key", DropEnable, "the largest key changes while it waits"),
        ("survivor_selector", "head_largest_code", StuckAt(0), "the largest key does not count as a survivor"),
        ("shift_lane", "difference", StuckAt(0), "only the largest value counts"),
        ("shift_lane", "largest_value", DropEnable, "every value is taken for the largest"),
        ("shift_amount", "amount", StuckAt(0), "nothing is shifted"),
        ("value_memory", "m_largest", StuckAt(0), "no value is the largest"),
        ("complement_rounding", "round_up", StuckAt(0), "outputs are rounded down"),
        ("complement_rounding", "fits", StuckAt(1), "outputs wrap"),
        ("normalizer", "rounded_0", DropEnable, "an output changes while it waits"),
        ("performance_counters", "keys_now", StuckAt(0), "keys are not counted"),
    ];
    expect_all_caught(&score_unit(), &choices);
}

#[test]
fn wrong_choices_of_the_qkv_input_are_caught() {
    #[rustfmt::skip]
    let choices = [
        ("score_engine", "may_start", StuckAt(1), "a block starts without keys or queries"),
        ("score_engine", "query_0", DropEnable, "the query changes within its block"),
        ("score_engine", "shift", DropEnable, "the shift is that of the next block"),
        ("score_engine", "shift_1", StuckAt(0), "products are not shifted"),
        ("score_engine", "remaining", SwapMux, "row_length is not that of the block"),
        ("score_engine", "is_last", StuckAt(1), "every block is one beat"),
        ("score_engine", "valid_1", StuckAt(1), "there are scores without an issue"),
        ("score_engine", "last_2", Invert, "rows end where they do not"),
        ("score_engine", "more_than_0", StuckAt(1), "a row of length 0 has a key"),
        ("score_engine", "longest_row", SwapAddSub, "a causal block is too short"),
        ("key_memory", "all_blocks", StuckAt(0), "keys are never given up"),
        ("key_memory", "read_bank", StuckAt(0), "the second bank is never read"),
        ("key_memory", "word", DropReset, "the load address survives a reset"),
        ("key_memory", "key_1", StuckAt(0), "every second key is lost"),
        ("key_memory", "loaded_now", StuckAt(1), "keys are read before they are there"),
        ("key_memory", "bank_1_loaded", StuckAt(0), "the second bank is never loaded"),
        ("key_memory", "write", StuckAt(1), "keys are written that were not sent"),
        ("dot_product", "product_3", StuckAt(0), "the last element does not count"),
        ("dot_product", "sum_1_0", SwapAddSub, "the second product is subtracted"),
        ("dot_product", "sum_2_0", KeepLowBits(16), "the sum is too narrow"),
        ("dot_product", "shifted", KeepLowBits(8), "the score is too narrow"),
        ("dot_product", "fits", StuckAt(0), "every score is saturated"),
        ("row_statistics", "scores_written", DropReset, "the write address survives a reset"),
        ("row_statistics", "row_room", StuckAt(1), "more rows start than there are places"),
        ("row_statistics", "score_room", StuckAt(1), "the score buffer overflows"),
        ("row_maximum", "so_far_1", StuckAt(0), "the second row has no maximum"),
        ("row_statistics", "power_1_1", StuckAt(0), "a key of the second row is not summed"),
        ("power_of_two", "mantissa", KeepLowBits(6), "the table is too narrow"),
        ("row_offset", "octave", StuckAt(1), "every sum is taken for 2 to 4"),
        ("comparator_ladder", "exceeds_2", StuckAt(1), "codes 1 and 5 become 2 and 6"),
        ("stream_register_query", "spare_valid", DropReset, "a query survives a reset"),
        ("stream_register_key", "main", DropEnable, "a waiting key changes"),
    ];
    expect_all_caught(&qkv_unit(), &choices);
}
