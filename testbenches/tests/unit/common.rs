//! What the co-simulation tests share.

pub use crate::support::{all_names, tools_required, verilator};
use logattn_golden::Configuration;
use logattn_sim::Ports;
use logattn_testbenches::random::{Rows, STALLED, heads};
use logattn_testbenches::unit::verilated_unit;
use logattn_testbenches::verilator::{Model, PowerUp, Verilator, default_cache_directory};
use logattn_testbenches::{Head, Outcome, Stimulus, run};
use std::path::{Path, PathBuf};

/// The Verilated unit of `c`; its registers hold random bits until they are loaded or reset.
pub fn unit(verilator: &Verilator, c: &Configuration) -> Model {
    verilated_unit(
        verilator,
        c,
        false,
        PowerUp::Random(1),
        &default_cache_directory(),
    )
    .expect("builds without a warning")
}

/// A file with the configuration, for the command that replays a failure.
pub fn saved(c: &Configuration) -> PathBuf {
    let toml = c.to_toml().expect("valid");
    let hash = c.sha256().expect("valid");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{hash}.toml", c.name));
    std::fs::write(&path, toml).expect("a writable target directory");
    path
}

/// Plays `heads` and fails with how to play them again with waves.
pub fn play(
    device: &mut Model,
    c: &Configuration,
    heads: &[Head],
    ports: &Ports,
    replay: &str,
) -> Outcome {
    let stimulus = Stimulus::new(c, heads).expect("the heads fit");
    run(device, &stimulus, ports)
        .unwrap_or_else(|mismatch| panic!("{mismatch}\n{ports:?}\nreplay: {replay}"))
}

/// Every kind of random rows, with and without stalls.
pub fn play_random(device: &mut Model, c: &Configuration, seed: u64) {
    for rows in Rows::ALL {
        let heads = heads(c, rows, 3, 3, seed);
        for (stalls, ports) in [
            ("none", Ports::free()),
            ("random", Ports::random(seed, STALLED)),
        ] {
            let replay = format!(
                "logattn cosim --config {0} --random={2} --heads 3 --rows {1} --seed {seed} --stalls {stalls} --waves cosim.vcd",
                saved(c).display(),
                3 * c.query_block,
                rows.name()
            );
            play(device, c, &heads, &ports, &replay);
        }
    }
}
