//! Random small units on the netlist's own evaluator, so that RTL runs in every `cargo test`,
//! Verilator or not.

use logattn_golden::Configuration;
use logattn_hdl::netlist::Evaluator;
use logattn_hdl::unit::attention_unit;
use logattn_sim::Ports;
use logattn_testbenches::random::{Rows, configuration, heads};
use logattn_testbenches::{Mismatch, Stimulus, run};
use proptest::prelude::*;

fn play(c: &Configuration, rows: Rows, seed: u64, stalled: u8) -> Result<(), Mismatch> {
    let mut device = Evaluator::new(&attention_unit(c).expect("elaborates")).expect("flattens");
    let stimulus = Stimulus::new(c, &heads(c, rows, 3, 3, seed)).expect("fits");
    let ports = if stalled == 0 {
        Ports::free()
    } else {
        Ports::random(seed, stalled)
    };
    run(&mut device, &stimulus, &ports)?;
    assert_eq!(
        device.collisions(),
        0,
        "a memory word is read and written at one edge"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// D, N, W, B, code bits 2..4, widths and modes, all decided by `shape`.
    #[test]
    fn random_small_units_equal_golden_and_simulator(
        shape: u64,
        seed: u64,
        stalled in prop_oneof![Just(0_u8), 1_u8..200],
    ) {
        let c = configuration(shape);
        for rows in Rows::ALL {
            if let Err(mismatch) = play(&c, rows, seed, stalled) {
                let toml = c.to_toml().expect("valid");
                prop_assert!(false, "{rows:?}: {mismatch}\nconfiguration:\n{toml}");
            }
        }
    }
}
