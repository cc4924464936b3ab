//! Proof that the bench can fail: units with one wrong RTL choice each, all of which it must catch.

mod probabilities;
mod resets;
mod scores;
mod sorted;

use logattn_golden::{Accumulate, Configuration, Input, Normalize};
use logattn_hdl::netlist::{Evaluator, Module, Mutation};
use logattn_hdl::unit::attention_unit;
use logattn_sim::Ports;
use logattn_testbenches::bench::run_partly;
use logattn_testbenches::random::{Rows, heads};
use logattn_testbenches::{Stimulus, run};

/// A small unit with several passes and two banks, or with a query block of two.
fn small(accumulate: Accumulate, query_block: usize, normalize: Normalize) -> Configuration {
    let (shift, bucket) = (accumulate.shifts(), accumulate == Accumulate::Bucket);
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
        pipeline_depth: 1,
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
        fraction_bits: None,
        score_bits: None,
        distance_bits: None,
        guard_bits: None,
        exp2: None,
        score_thresholds: Vec::new(),
    }
}

/// Whether the bench finds a difference on `module`: all kinds of rows, ports with and without
/// stalls, every run after one that was cut off by a reset.
fn caught(c: &Configuration, module: &Module) -> bool {
    let mut device = Evaluator::new(module).expect("a mutated unit still elaborates");
    let mut seed = 0;
    // Several seeds, since some are causal and others are not.
    for (rows, heads_seed) in (7..15).flat_map(|seed| Rows::ALL.map(|rows| (rows, seed))) {
        let stimulus = Stimulus::new(c, &heads(c, rows, 4, 4, heads_seed)).expect("fits");
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
    let missed: Vec<&Choice> = choices
        .iter()
        .filter(|(module, signal, mutation, _)| {
            let wrong = unit.mutate(module, signal, *mutation);
            !caught(c, &wrong.expect("the choice exists"))
        })
        .collect();
    assert!(missed.is_empty(), "not caught: {missed:#?}");
}
