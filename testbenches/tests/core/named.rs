//! Every named configuration, Verilated: as the unit's bench plays it, and a million cycles of legal
//! and illegal traffic.

use crate::support::verilator;
use crate::{cosim, fuzz};
use logattn_golden::Configuration;
use logattn_testbenches::core::{Core, verilated_core};
use logattn_testbenches::verilator::{PowerUp, default_cache_directory};

const CYCLES: u64 = 1_000_000;

fn check(name: &str) {
    let Some(verilator) = verilator() else { return };
    let c = Configuration::named(name).expect("known");
    let cache = default_cache_directory();
    let device = |seed| {
        verilated_core(&verilator, &c, PowerUp::Random(seed), &cache)
            .expect("builds without a warning")
    };
    let mut core = Core::new(device(1), &c).expect("has all ports");
    cosim::check(&mut core, &c, 1);
    fuzz::fuzz(device(2), &c, 1, CYCLES);
}

crate::support::each_named!(check);
