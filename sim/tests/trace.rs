//! The fast paths of `simulate` against `trace`, whose input sides step through every register and
//! whose cycles co-simulation checks against the RTL on all three streams.

use logattn_golden::{Configuration, NAMES, TWIN_NAMES};
use logattn_sim::{Pattern, Ports, Workload, simulate, trace};
use proptest::prelude::*;

proptest! {
    #[test]
    fn fast_paths_change_nothing(
        name in prop::sample::select(NAMES.iter().chain(&TWIN_NAMES).copied().collect::<Vec<_>>()),
        rows in prop::collection::vec((1_usize..200, 0_u8..=100, any::<u64>()), 1..24),
        heads in 1_usize..4,
        stalled in prop::array::uniform3(prop_oneof![Just(0_u8), 1_u8..200]),
    ) {
        let c = Configuration::named(name).expect("known");
        let mut workload = Workload::new(&c);
        for _ in 0..heads {
            // Survivors in `density` percent of the keys, by a linear congruence.
            let blocks: Vec<(usize, Vec<u8>)> = rows.iter().map(|&(keys, density, seed)| {
                let mut state = seed;
                let codes = (0..keys).map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    u8::from((state >> 33) % 100 < u64::from(density))
                });
                (keys, codes.collect())
            }).collect();
            let blocks: Vec<(usize, [&[u8]; 1])> =
                blocks.iter().map(|(keys, codes)| (*keys, [codes.as_slice()])).collect();
            workload.push_head(200, blocks).expect("fits");
        }
        let port = |seed: usize| match stalled[seed] {
            0 => Pattern::Always,
            stalled => Pattern::Random { seed: seed as u64, stalled },
        };
        let ports = Ports { value: port(0), attn: port(1), out: port(2) };
        let fast = simulate(&c, &workload, &ports).expect("simulates");
        let traced = trace(&c, &workload, &ports).expect("simulates");
        prop_assert_eq!(fast.transfers, traced.transfers);
        prop_assert_eq!(fast.counters, traced.counters);
    }
}
