//! Every named configuration, Verilated, against golden model and simulator: every output bit,
//! every output beat's cycle, every counter.

use crate::common::{play, play_random, unit, verilator};
use logattn_captures::Capture;
use logattn_golden::Configuration;
use logattn_sim::{Ports, trace};
use logattn_testbenches::bench::run_partly;
use logattn_testbenches::random::{Rows, configuration, heads};
use logattn_testbenches::{Head, Stimulus, captured_head, run};

/// One named configuration: random rows of every kind and real attention, with and without stalls,
/// and runs after a reset in the middle of a row.
fn check(name: &str) {
    let Some(verilator) = verilator() else { return };
    let c = Configuration::named(name).expect("known");
    let mut device = unit(&verilator, &c);
    play_random(&mut device, &c, 1);
    let capture = Capture::demo();
    let real: Vec<Head> = [5, 40]
        .map(|head| captured_head(&capture, &c, head, 64).expect("fits"))
        .into();
    play(
        &mut device,
        &c,
        &real,
        &Ports::free(),
        "heads 5 and 40 of the demo capture, 64 rows",
    );
    play(
        &mut device,
        &c,
        &real,
        &Ports::random(3, 64),
        "heads 5 and 40 of the demo capture, 64 rows",
    );
    let stimulus = Stimulus::new(&c, &heads(&c, Rows::Random, 2, 3, 9)).expect("fits");
    // Resets while values and keys load, within rows on their way in, and within rows on their way
    // out.
    for seed in 1..=3 {
        let ports = Ports::random(seed, 32);
        let expected = trace(&c, &stimulus.workload, &ports).expect("simulates");
        let middle = |cycles: &[u64]| cycles[cycles.len() / 2] + seed;
        let streams = [
            &expected.value_transfers,
            &expected.attn_transfers,
            &expected.key_transfers,
            &expected.transfers,
        ];
        let used = streams.iter().filter(|cycles| !cycles.is_empty());
        for cut in used.map(|cycles| middle(cycles)) {
            assert!(
                cut < expected.counted_at(),
                "the run is not over at the reset"
            );
            run_partly(&mut device, &stimulus, &ports, cut).expect("equal until the reset");
            run(&mut device, &stimulus, &ports).expect("equal after the reset");
        }
    }
}

crate::support::each_named!(check);

/// A few random small units in Verilator; many more run on the evaluator.
#[test]
fn random_small_units() {
    let Some(verilator) = verilator() else { return };
    for seed in 100..106 {
        let c = configuration(seed);
        let mut device = unit(&verilator, &c);
        play_random(&mut device, &c, seed);
    }
}
