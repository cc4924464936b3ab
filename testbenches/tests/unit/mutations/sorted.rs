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
        ("sorted_accumulator", "scaled_doubles", StuckAt(1), "every visit doubles"),
        ("sorted_lane", "base", StuckAt(0), "a sum is its last value"),
        ("sorted_lane", "added", DropEnable, "a value changes while it waits"),
        ("sorted_lane", "sum", KeepLowBits(16), "the sum is too narrow"),
        ("sorted_level_sum", "one", StuckAt(1), "doublings count"),
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
        ("sorted_lane", "difference", StuckAt(0), "no value counts"),
        ("sorted_lane", "largest_value", DropEnable, "every value is taken for the largest"),
        ("sorted_lane", "added", KeepLowBits(8), "the difference is too narrow"),
        ("sorted_accumulator", "keep_largest", StuckAt(0), "the largest value is not kept"),
        ("sorted_accumulator", "clear_largest", StuckAt(0), "a row is less the largest before it"),
        ("sorted_accumulator", "between_rows", DropReset, "the largest value survives a reset"),
    ];
    expect_all_caught(&complement_unit(), &choices);
}
