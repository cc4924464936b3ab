//! Random small units on the netlist's own evaluator, so that RTL runs in every `cargo test`,
//! Verilator or not.

use crate::common::saved;
use logattn_golden::{Configuration, Normalize};
use logattn_hdl::netlist::Evaluator;
use logattn_hdl::unit::attention_unit;
use logattn_sim::{Pattern, Ports, simulate, trace};
use logattn_testbenches::random::{Rows, configuration, heads};
use logattn_testbenches::{Mismatch, Stimulus, run};
use proptest::prelude::*;

fn play(c: &Configuration, rows: Rows, seed: u64, ports: &Ports) -> Result<(), Mismatch> {
    let mut device = Evaluator::new(&attention_unit(c).expect("elaborates")).expect("flattens");
    let stimulus = Stimulus::new(c, &heads(c, rows, 3, 3, seed)).expect("fits");
    run(&mut device, &stimulus, ports)?;
    assert_eq!(
        device.collisions(),
        0,
        "a memory word is read and written at one edge"
    );
    let fast = simulate(c, &stimulus.workload, ports)?;
    let traced = trace(c, &stimulus.workload, ports)?;
    assert_eq!(fast.transfers, traced.transfers);
    assert_eq!(fast.counters, traced.counters);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Input, D, N, W, B, code bits 2..4, widths and modes, all decided by `shape`.
    #[test]
    fn random_small_units_equal_golden_and_simulator(
        shape: u64,
        seed: u64,
        stalled in prop_oneof![Just(0_u8), 1_u8..200],
    ) {
        let c = configuration(shape);
        let ports = if stalled == 0 { Ports::free() } else { Ports::random(seed, stalled) };
        for rows in Rows::ALL {
            if let Err(mismatch) = play(&c, rows, seed, &ports) {
                prop_assert!(
                    false,
                    "{mismatch}\nreplay: logattn cosim --config {} --random={} --heads 3 --rows {} --seed {seed} --stalls {} --waves random.vcd\n(its stalls are those of STALLED; here {stalled} of 256)",
                    saved(&c).display(),
                    rows.name(),
                    3 * c.query_block,
                    if stalled == 0 { "none" } else { "random" }
                );
            }
        }
    }
}

/// No bubble under back-pressure: where the output is what limits a unit, a beat leaves in every
/// cycle in which the sink is ready, from the first beat to the last.
#[test]
fn a_stalling_sink_gets_a_beat_in_every_ready_cycle() {
    let c = Configuration {
        normalize: Normalize::None,
        output_bits: None,
        output_lanes: 1,
        ..Configuration::named("edge").expect("known")
    };
    let stimulus = Stimulus::new(&c, &heads(&c, Rows::SingleKey, 2, 20, 1)).expect("fits");
    let out = Pattern::Random {
        seed: 5,
        stalled: 100,
    };
    let ports = Ports {
        out,
        ..Ports::free()
    };
    let mut device = Evaluator::new(&attention_unit(&c).expect("elaborates")).expect("flattens");
    run(&mut device, &stimulus, &ports).expect("equal");
    // The transfers that the run has just found equal to the unit's.
    let transfers = trace(&c, &stimulus.workload, &ports)
        .expect("simulates")
        .transfers;
    for pair in transfers.windows(2) {
        assert_eq!(out.next(pair[0] + 1), pair[1]);
    }
}

/// The bench sees a pulse too many and a pulse too few.
#[test]
fn pulses_of_the_error_output_are_counted() {
    for name in ["nano_scores", "nano_qkv"] {
        let c = Configuration::named(name).expect("known");
        let mut device =
            Evaluator::new(&attention_unit(&c).expect("elaborates")).expect("flattens");
        let mut heads = heads(&c, Rows::Random, 1, 4, 1);
        heads[0].lengths[1] = 0;
        let stimulus = Stimulus::new(&c, &heads).expect("fits");
        let pulses = stimulus.empty_blocks;
        assert!(pulses > 0);
        run(&mut device, &stimulus, &Ports::free()).expect("equal");
        for wrong in [pulses - 1, pulses + 1] {
            let stimulus = Stimulus {
                empty_blocks: wrong,
                ..stimulus.clone()
            };
            let found = run(&mut device, &stimulus, &Ports::free());
            assert!(
                matches!(
                    found,
                    Err(Mismatch::Error { name: "error_row_length", found, expected, .. })
                        if found == pulses && expected == wrong
                ),
                "{name}: {found:?}"
            );
        }
    }
}
