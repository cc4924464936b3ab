//! Wrong choices of units with probability input.

use super::{expect_all_caught, small};
use logattn_golden::{Accumulate, Normalize};
use logattn_hdl::netlist::Mutation;

#[test]
fn wrong_choices_of_the_shift_unit_are_caught() {
    use Mutation::*;
    let c = small(Accumulate::Shift, 1, Normalize::None);
    expect_all_caught(
        &c,
        &[
            (
                "comparator_ladder",
                "reaches_1",
                FlipComparison,
                "a tie with the lowest threshold is pruned",
            ),
            (
                "comparator_ladder",
                "reaches_7",
                FlipComparison,
                "a tie with the highest threshold drops a code",
            ),
            (
                "thermometer_decoder",
                "code_2",
                StuckAt(0),
                "codes over 3 are lost",
            ),
            (
                "quantizer",
                "inside_0",
                FlipComparison,
                "a row of length 0 keeps its first key",
            ),
            ("quantizer", "inside_3", StuckAt(1), "masked keys survive"),
            (
                "quantizer",
                "remaining",
                KeepLowBits(4),
                "a full row counts as empty",
            ),
            (
                "quantizer",
                "index",
                DropReset,
                "the beat's index survives a reset",
            ),
            (
                "quantizer",
                "at_start",
                DropReset,
                "a reset within a row does not restart it",
            ),
            (
                "survivor_selector",
                "remaining_after",
                KeepLowBits(3),
                "the last survivor of a beat is dropped",
            ),
            (
                "survivor_selector",
                "mark_last",
                StuckAt(0),
                "a row that ends on pruned keys does not end",
            ),
            (
                "survivor_selector",
                "room",
                StuckAt(1),
                "the queue overflows",
            ),
            (
                "survivor_selector",
                "first",
                StuckAt(0),
                "a row goes on with the sums of the one before",
            ),
            (
                "survivor_selector",
                "first",
                DropReset,
                "a reset within a row keeps its sums",
            ),
            (
                "survivor_selector",
                "rewinds",
                StuckAt(0),
                "the second pass visits nothing",
            ),
            (
                "survivor_selector",
                "row_start",
                DropEnable,
                "entries are freed before the last pass",
            ),
            (
                "survivor_selector",
                "next_entry",
                DropEnable,
                "the entry read ahead is overwritten",
            ),
            (
                "survivor_selector",
                "held_valid",
                DropReset,
                "a held beat survives a reset",
            ),
            (
                "survivor_selector",
                "head_valid",
                DropReset,
                "a visited beat survives a reset",
            ),
            (
                "survivor_selector",
                "write_pointer",
                DropReset,
                "the queue survives a reset",
            ),
            (
                "value_memory",
                "all_blocks",
                StuckAt(0),
                "a bank is never given up",
            ),
            (
                "value_memory",
                "read_bank",
                StuckAt(0),
                "the second bank is never read",
            ),
            (
                "value_memory",
                "bank_0_full",
                DropReset,
                "values survive a reset",
            ),
            (
                "value_memory",
                "blocks_read",
                DropReset,
                "the count of blocks survives a reset",
            ),
            (
                "value_memory",
                "word",
                DropReset,
                "the load address survives a reset",
            ),
            (
                "value_memory",
                "value",
                DropEnable,
                "a value is overwritten while the sums stall",
            ),
            (
                "shift_amount",
                "amount",
                SwapAddSub,
                "the shift has the wrong sign",
            ),
            (
                "shift_lane",
                "kept",
                ShiftByOneMore,
                "every level is twice too large",
            ),
            (
                "shift_lane",
                "kept",
                KeepLowBits(14),
                "the shifted value wraps",
            ),
            (
                "shift_lane",
                "sum",
                KeepLowBits(18),
                "the accumulator is one bit short",
            ),
            (
                "shift_lane",
                "sum",
                DropEnable,
                "the sum goes on while it stalls",
            ),
            (
                "level_sum",
                "first",
                StuckAt(1),
                "the normalizer misses all keys but the last",
            ),
            (
                "level_sum",
                "one",
                StuckAt(0),
                "the normalizer misses the keys",
            ),
            (
                "level_sum",
                "sum",
                KeepLowBits(11),
                "the normalizer is one bit short",
            ),
            (
                "shift_accumulator",
                "row_done",
                DropReset,
                "a finished row survives a reset",
            ),
            (
                "shift_accumulator",
                "scaled_valid",
                DropReset,
                "a survivor survives a reset",
            ),
            (
                "normalizer",
                "held_sums",
                DropEnable,
                "a row is overwritten while it leaves",
            ),
            (
                "normalizer",
                "held_valid",
                DropReset,
                "an output row survives a reset",
            ),
            (
                "normalizer",
                "beat",
                DropReset,
                "the output beat survives a reset",
            ),
            (
                "normalizer",
                "pass",
                DropReset,
                "the output pass survives a reset",
            ),
            (
                "stream_register_out",
                "accepts",
                StuckAt(1),
                "a beat is lost under back-pressure",
            ),
            (
                "stream_register_out",
                "main",
                DropEnable,
                "a waiting beat changes",
            ),
            (
                "stream_register_attn",
                "spare_valid",
                DropReset,
                "an input beat survives a reset",
            ),
            (
                "stream_register_value",
                "main_valid",
                DropReset,
                "a value word survives a reset",
            ),
            (
                "performance_counters",
                "keys_now",
                StuckAt(0),
                "keys are not counted",
            ),
            (
                "performance_counters",
                "survivors",
                DropReset,
                "a counter survives a reset",
            ),
            (
                "performance_counters",
                "stall_output_now",
                StuckAt(0),
                "stalls are not counted",
            ),
        ],
    );
}

#[test]
fn wrong_choices_of_the_reciprocal_are_caught() {
    use Mutation::*;
    let c = small(Accumulate::Shift, 2, Normalize::Reciprocal);
    expect_all_caught(
        &c,
        &[
            (
                "level_sum",
                "one",
                StuckAt(1),
                "the normalizer counts keys that another row kept",
            ),
            (
                "shift_lane",
                "survives",
                StuckAt(1),
                "a row adds keys that another row kept",
            ),
            (
                "reciprocal",
                "fits_1",
                StuckAt(0),
                "every second bit of the factor is missing",
            ),
            (
                "reciprocal",
                "quotient",
                DropEnable,
                "the division goes on after its end",
            ),
            (
                "reciprocal",
                "factor",
                SwapAddSub,
                "the factor is rounded down twice",
            ),
            (
                "reciprocal",
                "zeros_held",
                StuckAt(0),
                "the normalizer is not aligned",
            ),
            ("normalizer", "negative_0", Invert, "the sign is lost"),
            (
                "normalizer",
                "dividend_0",
                KeepLowBits(12),
                "the dividend is too narrow",
            ),
            (
                "normalizer",
                "product_right_shift",
                StuckAt(0),
                "the quotient is not shifted",
            ),
            (
                "normalizer",
                "row_normalizer",
                StuckAt(0),
                "halves are rounded toward zero",
            ),
            (
                "normalizer",
                "row_factor",
                KeepLowBits(8),
                "the factor is too narrow",
            ),
            (
                "normalizer",
                "countdown",
                StuckAt(0),
                "the first beat does not wait for the reciprocal",
            ),
            (
                "normalizer",
                "output_0",
                DropEnable,
                "an output changes while it waits",
            ),
        ],
    );
}

#[test]
fn wrong_choices_of_twin_and_buckets_are_caught() {
    use Mutation::*;
    expect_all_caught(
        &small(Accumulate::Multiply, 1, Normalize::None),
        &[
            (
                "linear_rounding",
                "rounded",
                SwapAddSub,
                "probabilities are rounded the wrong way",
            ),
            (
                "multiply_lane",
                "nonnegative",
                KeepLowBits(8),
                "probabilities over one half turn negative",
            ),
            (
                "multiply_lane",
                "sum",
                KeepLowBits(19),
                "the accumulator is one bit short",
            ),
            (
                "probability_sum",
                "first",
                StuckAt(0),
                "the normalizer goes on from row to row",
            ),
        ],
    );
    expect_all_caught(
        &small(Accumulate::Bucket, 2, Normalize::Reciprocal),
        &[
            ("bucket_lane", "hit_1", StuckAt(0), "code 1 is not added"),
            (
                "bucket_lane",
                "hit_7",
                FlipComparison,
                "code 7 takes the others",
            ),
            (
                "bucket_lane",
                "bucket_3",
                KeepLowBits(9),
                "a bucket is too narrow",
            ),
            (
                "bucket_count",
                "bucket_2",
                DropEnable,
                "a count goes on while it stalls",
            ),
            (
                "normalizer",
                "normalizer_0",
                StuckAt(1),
                "the row is divided by 1",
            ),
        ],
    );
}
