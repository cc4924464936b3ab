//! The core behaves as the unit with the simulator's cycles and counters, when its registers say
//! what its streams bring: the bench of the unit plays it.

use crate::common::{Lengths, score_shift, uniform};
use logattn_golden::Configuration;
use logattn_hdl::attention_core::has_causal;
use logattn_sim::Ports;
use logattn_testbenches::Stimulus;
use logattn_testbenches::bench::{run, run_on, run_partly};
use logattn_testbenches::core::{Core, evaluated_core, offset};
use logattn_testbenches::device::Device;
use logattn_testbenches::random::{Rows, configuration};

/// Lengths to play: whole heads, shorter ones, rows shorter than their head, causal rows.
fn all_lengths(c: &Configuration, blocks: usize) -> Vec<Lengths> {
    let n = c.max_keys;
    let plain = |head_keys, row_length| Lengths {
        head_keys,
        row_length,
        causal: false,
    };
    let mut all = vec![
        plain(n, n),
        plain(n.div_ceil(2), n.div_ceil(2)),
        plain(n, n.div_ceil(3)),
        plain(1, 1),
    ];
    let rows = blocks * c.query_block;
    if has_causal(c) && n > rows {
        all.push(Lengths {
            head_keys: n,
            row_length: n + 1 - rows,
            causal: true,
        });
        all.push(Lengths {
            head_keys: n,
            row_length: 1,
            causal: true,
        });
    }
    all
}

/// Plays heads of all lengths, with and without stalls, back to back and after resets.
pub fn check<D: Device>(core: &mut Core<D>, c: &Configuration, seed: u64) {
    let blocks = 3;
    for (index, lengths) in all_lengths(c, blocks).into_iter().enumerate() {
        let seed = seed + 100 * index as u64;
        let padded = index % 2 == 1;
        let heads = uniform(c, Rows::FullLength, (3, blocks), lengths, padded, seed);
        let stimulus = Stimulus::new(c, &heads).expect("the heads fit");
        let program = |core: &mut Core<D>| {
            core.set_lengths(lengths.head_keys, lengths.row_length);
            if has_causal(c) {
                core.set_causal(lengths.causal);
            }
            if let Some(shift) = score_shift(&heads) {
                core.set_register(offset::SCORE_SHIFT, shift);
            }
        };
        for ports in [Ports::free(), Ports::random(seed, 96)] {
            program(core);
            run(core, &stimulus, &ports).unwrap_or_else(|mismatch| {
                panic!("{}: {lengths:?}, {ports:?}: {mismatch}", c.name)
            });
            run_on(core, &stimulus, &ports)
                .unwrap_or_else(|mismatch| panic!("{}: {lengths:?} again: {mismatch}", c.name));
        }
        let (errors, _) = core.read(offset::ERRORS);
        assert_eq!(errors, 0, "{}: {lengths:?}", c.name);
        let ports = Ports::random(seed, 32);
        for cut in [7, 40] {
            run_partly(core, &stimulus, &ports, cut).expect("equal until the reset");
            // CONTROL.reset would wait for the ends of the packets that are cut here.
            core.hard_reset();
            run(core, &stimulus, &ports).expect("equal after the reset");
        }
    }
}

#[test]
fn random_small_cores_equal_golden_and_simulator() {
    for seed in 0..40 {
        let c = configuration(seed);
        let mut core =
            Core::new(evaluated_core(&c).expect("elaborates"), &c).expect("has all ports");
        check(&mut core, &c, seed);
    }
}
