//! Wrong choices of units with sorted accumulation.

use super::scores::score_unit;
use super::{expect_all_caught, small};
use logattn_golden::{Accumulate, Configuration, Normalize};
use logattn_hdl::netlist::Mutation::*;

/// As [`score_unit`], sorted.
fn complement_unit() -> Configuration {
    Configuration {
        accumulate: Accumulate::Sorted,
        ..score_unit()
    }
}

#[test]
fn wrong_choices_of_the_sorter_are_caught() {
    #[rustfmt::skip]
    let choices = [
        ("survivor_sorter", "s_ready_now", StuckAt(1), "a row overtakes the one that waits"),
        ("survivor_sorter", "completes", StuckAt(0), "no row is ever complete"),
        ("survivor_sorter", "keys_3", StuckAt(0), "a level is lost"),
        ("survivor_sorter", "keys_1", StuckAt(15), "pruned keys are visited"),
        ("survivor_sorter", "end_2_now", SwapAddSub, "a list is written backwards"),
        ("survivor_sorter", "present_5_now", StuckAt(1), "an empty list is read"),
        ("survivor_sorter", "end_1", DropReset, "a list goes on after a reset"),
        ("survivor_sorter", "present_1", DropReset, "a list survives a reset"),
        ("survivor_sorter", "write_region", StuckAt(0), "all rows are written in one region"),
        ("survivor_sorter", "read_region", DropReset, "the region read survives a reset"),
        ("survivor_sorter", "ready_valid", DropReset, "a complete row survives a reset"),
        ("survivor_sorter", "reading", DropReset, "the row in hand survives a reset"),
        ("survivor_sorter", "row_begins", StuckAt(0), "no row is ever read"),
        ("survivor_sorter", "row_end_1", DropEnable, "a list is as long as that of the next row"),
        ("survivor_sorter", "at_end", StuckAt(0), "every row has an end of its own"),
        ("survivor_sorter", "at_end", StuckAt(127), "no row is doubled to its end"),
        ("survivor_sorter", "ends_item", StuckAt(1), "every list is one entry"),
        ("survivor_sorter", "ends_row", StuckAt(1), "a row is its first item"),
        ("survivor_sorter", "index", DropReset, "the index survives a reset"),
        ("survivor_sorter", "first_ready", StuckAt(0), "every row has the largest level"),
        ("survivor_sorter", "first_waiting", StuckAt(0), "every level is the largest"),
        ("survivor_sorter", "first_again", StuckAt(0), "every pass has the largest level"),
        ("survivor_sorter", "final_pass", StuckAt(1), "there is one pass"),
        ("survivor_sorter", "row_items", DropEnable, "the second pass is one of the next row"),
        ("survivor_sorter", "next_item", DropEnable, "the item changes while it waits"),
        ("survivor_sorter", "next_shift", StuckAt(0), "nothing is doubled"),
        ("survivor_sorter", "shift_before", DropEnable, "the shift before is the present one"),
        ("survivor_sorter", "opens_row", StuckAt(0), "a row begins where the last one ended"),
        ("survivor_sorter", "fetched_keys", DropEnable, "an entry changes while it waits"),
        ("survivor_sorter", "fetched_steps", DropEnable, "its steps change while it waits"),
        ("survivor_sorter", "behind", StuckAt(0), "nothing is doubled more than once"),
        ("survivor_sorter", "remaining_after", StuckAt(0), "an entry is one visit"),
        ("survivor_sorter", "visits", StuckAt(1), "doublings are visits"),
        ("survivor_sorter", "first", StuckAt(0), "the sum goes on from row to row"),
        ("survivor_sorter", "head_last", DropEnable, "a row ends before its end"),
        ("survivor_sorter", "lowest", StuckAt(0), "every key is its beat's first"),
        ("sorted_accumulator", "fetched_doubles", StuckAt(1), "every visit doubles"),
        ("sorted_accumulator", "fetched_holds", StuckAt(0), "a sum is lost where nothing comes"),
        ("sorted_accumulator", "fetched_holds", StuckAt(1), "a sum goes on into the next row"),
        ("sorted_accumulator", "fetched_adds", StuckAt(1), "doublings add"),
        ("sorted_accumulator", "fetched_ends", DropReset, "a row ends after a reset"),
        ("sorted_accumulator", "row_done", DropReset, "a finished row survives a reset"),
        ("row_gate", "rows", DropReset, "a row that a reset ended is waited for"),
        ("row_gate", "rows_next", StuckAt(0), "rows enter at any time"),
        ("row_gate", "certain", StuckAt(1), "a row overwrites one that waits"),
        ("row_gate", "certain", StuckAt(0), "every row waits for the one before it"),
        ("sorted_lane", "base", StuckAt(0), "a sum is its last value"),
        ("sorted_lane", "sum", KeepLowBits(16), "the sum is too narrow"),
        ("sorted_level_sum", "sum", KeepLowBits(7), "the normalizer is too narrow"),
    ];
    expect_all_caught(&small(Accumulate::Sorted, 1, Normalize::None), &choices);
}

#[test]
fn wrong_choices_of_sorted_complement_are_caught() {
    #[rustfmt::skip]
    let choices = [
        ("survivor_sorter", "ready_largest_key", DropEnable, "the key is that of the next row"),
        ("survivor_sorter", "ready_largest_survives", StuckAt(1), "the largest key always survives"),
        ("survivor_sorter", "row_largest_key", DropEnable, "the key changes while it is in hand"),
        ("survivor_sorter", "is_largest", StuckAt(0), "the largest key is one of many"),
        ("survivor_sorter", "weight", DropReset, "a weight goes on after a reset"),
        ("survivor_sorter", "ready_weight", DropEnable, "the weight is that of the next row"),
        ("survivor_sorter", "row_weight", DropEnable, "the weight changes while it is in hand"),
        ("survivor_sorter", "head_weight", DropEnable, "the weight changes in the head"),
        ("survivor_sorter", "head_largest_key", DropEnable, "the key changes in the head"),
        ("survivor_sorter", "weight_above_one", StuckAt(0), "no weight is below -1"),
        ("survivor_sorter", "weight_bit", DropEnable, "bits pass while the head waits"),
        ("survivor_sorter", "weight_place", DropEnable, "places pass while the head waits"),
        ("survivor_sorter", "visits_largest", StuckAt(0), "the largest key is never visited"),
        ("survivor_sorter", "subtracts", StuckAt(0), "signs are nothing"),
        ("survivor_sorter", "at_sign", StuckAt(0), "signs add"),
        ("survivor_sorter", "doubles", StuckAt(1), "a row begins with what is left of the last"),
        ("sorted_lane", "counted", KeepLowBits(7), "values are counted from 0 on"),
        ("sorted_lane", "sum_next", KeepLowBits(8), "nothing is carried above the values"),
        ("normalizer", "held_excess", DropEnable, "the excess is that of the next row"),
        ("complement_rounding", "whole", StuckAt(0), "the integer part is lost"),
    ];
    expect_all_caught(&complement_unit(), &choices);
}

/// With the registers of `pipeline_depth` 2.
#[test]
fn wrong_choices_of_deep_sorted_complement_are_caught() {
    let deep = Configuration {
        pipeline_depth: 2,
        ..complement_unit()
    };
    #[rustfmt::skip]
    let choices = [
        ("survivor_sorter", "levels_of_beat", StuckAt(0), "the largest key weighs 1"),
        ("survivor_sorter", "levels_accepted_1", StuckAt(1), "every cycle brings levels"),
        ("survivor_sorter", "levels_complete_1", StuckAt(0), "a weight goes on from row to row"),
        ("survivor_sorter", "row_begun_1", StuckAt(0), "all weights are the first row's"),
        ("survivor_sorter", "row_weight", DropEnable, "the weight changes while it is in hand"),
        ("survivor_sorter", "read_item", DropEnable, "the item changes behind the memories"),
        ("survivor_sorter", "read_weight", DropEnable, "the weight changes behind the memories"),
        ("survivor_sorter", "read_valid", DropReset, "an entry survives a reset"),
        ("row_statistics", "maximum_known_1", DropReset, "a maximum survives a reset"),
        ("complement_rounding", "whole", StuckAt(0), "the integer part is lost"),
        ("normalizer", "chosen_excess", StuckAt(0), "sums stay too high"),
    ];
    expect_all_caught(&deep, &choices);
}
