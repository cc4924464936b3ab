//! Units without one of their resets.

use super::scores::{qkv_unit, score_unit};
use super::small;
use logattn_golden::{Accumulate, Configuration, Normalize};
use logattn_hdl::netlist::{Evaluator, Module, Mutation};
use logattn_hdl::unit::attention_unit;
use logattn_sim::{Pattern, Ports};
use logattn_testbenches::bench::run_partly;
use logattn_testbenches::random::{Rows, heads};
use logattn_testbenches::{Stimulus, run};

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
    // Many rows, so that a full unit stalls its inputs too.
    let kinds = [
        (Rows::Random, 3),
        (Rows::Random, 20),
        (Rows::NonePruned, 3),
        (Rows::SingleKey, 30),
        (Rows::FullLength, 8),
    ];
    kinds.into_iter().any(|(rows, blocks)| {
        let stimulus = Stimulus::new(c, &heads(c, rows, 3, blocks, 7)).expect("fits");
        (1..200).any(|cut| {
            let ports = match cut % 4 {
                0 => late_values(cut),
                1 => Ports::random(cut, 180),
                _ => Ports::random(cut, 60),
            };
            run_partly(&mut device, &stimulus, &ports, cut).is_err()
                || run(&mut device, &stimulus, &ports).is_err()
        })
    })
}

/// Values come so slowly that survivors wait for them.
fn late_values(seed: u64) -> Ports {
    Ports {
        value: Pattern::Random { seed, stalled: 230 },
        ..Ports::free()
    }
}

/// What only illegal traffic sets: the tests of bad traffic prove the resets of these.
const ILLEGAL: [&str; 2] = ["surplus", "error_score"];

/// Every reset is needed: without any one of them the bench finds a difference after a reset
/// somewhere in a run.
#[test]
fn every_missing_reset_is_caught() {
    let units = [
        small(Accumulate::Shift, 1, Normalize::Reciprocal),
        small(Accumulate::Bucket, 2, Normalize::Reciprocal),
        score_unit(),
        qkv_unit(),
    ];
    for c in &units {
        let unit = attention_unit(c).expect("elaborates");
        let registers = reset_registers(&unit);
        assert!(registers.len() > 30, "the text is read: {registers:?}");
        let missed: Vec<_> = registers
            .iter()
            .filter(|(_, register)| !ILLEGAL.contains(&register.as_str()))
            .filter(|(module, register)| {
                let wrong = unit.mutate(module, register, Mutation::DropReset);
                !caught_by_resets(c, &wrong.expect("it has a reset"))
            })
            .collect();
        assert!(missed.is_empty(), "not caught: {missed:?}");
    }
}
