//! Proof that the bench can fail: units with one wrong RTL choice each, all of which it must catch.

use logattn_golden::{Accumulate, Configuration, Input, Normalize};
use logattn_hdl::netlist::{Evaluator, Module, Mutation};
use logattn_hdl::unit::attention_unit;
use logattn_sim::Ports;
use logattn_testbenches::bench::run_partly;
use logattn_testbenches::random::{Rows, heads};
use logattn_testbenches::{Stimulus, run};

/// A small unit with several passes and two banks, or with a query block of two.
fn small(accumulate: Accumulate, query_block: usize, normalize: Normalize) -> Configuration {
    let (shift, bucket) = (
        accumulate == Accumulate::Shift,
        accumulate == Accumulate::Bucket,
    );
    Configuration {
        name: "small".into(),
        input: Input::Probabilities,
        code_bits: 3,
        head_dimension: 4,
        max_keys: 16,
        value_bits: 8,
        probability_bits: 16,
        keys_per_beat: 4,
        lanes: if query_block == 1 { 2 } else { 4 },
        query_block,
        accumulate,
        normalize,
        output_bits: (normalize == Normalize::Reciprocal).then_some(8),
        output_lanes: 1,
        value_banks: 2,
        max_shift: shift.then_some(7),
        thresholds: if accumulate == Accumulate::Multiply {
            Vec::new()
        } else {
            vec![305, 725, 1449, 2897, 5793, 11586, 23171]
        },
        shifts: if shift {
            vec![7, 6, 5, 4, 3, 2, 0]
        } else {
            Vec::new()
        },
        levels: if bucket {
            vec![107, 288, 773, 2072, 5560, 14915, 40012]
        } else {
            Vec::new()
        },
        level_bits: bucket.then_some(16),
    }
}

/// Whether the bench finds a difference on `module`: all kinds of rows, ports with and without
/// stalls, every run after one that was cut off by a reset.
fn caught(c: &Configuration, module: &Module) -> bool {
    let mut device = Evaluator::new(module).expect("a mutated unit still elaborates");
    let mut seed = 0;
    for rows in Rows::ALL {
        let stimulus = Stimulus::new(c, &heads(c, rows, 4, 4, 7)).expect("fits");
        for stalled in [0, 60, 160] {
            for cut in [13, 24, 37, 50, 71] {
                seed += 1;
                let ports = if stalled == 0 {
                    Ports::free()
                } else {
                    Ports::random(seed, stalled)
                };
                if run_partly(&mut device, &stimulus, &ports, cut + seed % 7).is_err()
                    || run(&mut device, &stimulus, &ports).is_err()
                {
                    return true;
                }
            }
        }
    }
    false
}

/// The wrong choices: module, signal, mistake, and what it stands for.
type Choice = (&'static str, &'static str, Mutation, &'static str);

fn expect_all_caught(c: &Configuration, choices: &[Choice]) {
    let unit = attention_unit(c).expect("elaborates");
    assert!(!caught(c, &unit), "the unit itself must pass");
    for (module, signal, mutation, meaning) in choices {
        let wrong = unit
            .mutate(module, signal, *mutation)
            .expect("the choice exists");
        assert!(
            caught(c, &wrong),
            "not caught: {meaning} ({module}.{signal}, {mutation:?})"
        );
    }
}

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
                "comparator_ladder",
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

/// Registers with a reset, by module: what the printed text clears under `if (rst)`.
fn reset_registers(unit: &Module) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for module in unit.hierarchy().expect("distinct names") {
        let mut in_reset = false;
        for line in module.verilog("").lines().map(str::trim) {
            if line == "if (rst) begin" {
                in_reset = true;
            } else if line.starts_with("end") {
                in_reset = false;
            } else if let (true, Some((register, _))) = (in_reset, line.split_once(" <= ")) {
                found.push((module.name().to_string(), register.to_string()));
            }
        }
    }
    found
}

/// Whether the bench finds a difference after a reset in any one of the first cycles of a run.
fn caught_by_resets(c: &Configuration, module: &Module) -> bool {
    let mut device = Evaluator::new(module).expect("a mutated unit still elaborates");
    [Rows::Random, Rows::NonePruned].iter().any(|rows| {
        let stimulus = Stimulus::new(c, &heads(c, *rows, 3, 3, 7)).expect("fits");
        (1..200).any(|cut| {
            let ports = Ports::random(cut, if cut % 2 == 0 { 60 } else { 180 });
            run_partly(&mut device, &stimulus, &ports, cut).is_err()
                || run(&mut device, &stimulus, &ports).is_err()
        })
    })
}

/// Every reset is needed: without any one of them the bench finds a difference after a reset
/// somewhere in a run.
#[test]
fn every_missing_reset_is_caught() {
    let units = [
        small(Accumulate::Shift, 1, Normalize::Reciprocal),
        small(Accumulate::Bucket, 2, Normalize::Reciprocal),
    ];
    for c in &units {
        let unit = attention_unit(c).expect("elaborates");
        let registers = reset_registers(&unit);
        assert!(registers.len() > 30, "the text is read: {registers:?}");
        let missed: Vec<_> = registers
            .iter()
            .filter(|(module, register)| {
                let wrong = unit.mutate(module, register, Mutation::DropReset);
                !caught_by_resets(c, &wrong.expect("it has a reset"))
            })
            .collect();
        assert!(missed.is_empty(), "not caught: {missed:?}");
    }
}
