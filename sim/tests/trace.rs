//! The fast paths of `simulate` against `trace`, whose input sides step through every register and
//! whose cycles co-simulation checks against the RTL on all streams.

use logattn_golden::{
    Accumulate, Configuration, NAMES, Normalize, SORTED_NAMES, TWIN_NAMES, VARIANT_NAMES,
};
use logattn_sim::{BlockRows, Pattern, Ports, Workload, simulate, trace};
use proptest::prelude::*;

fn names() -> Vec<&'static str> {
    let names = NAMES.iter().chain(&TWIN_NAMES).chain(&VARIANT_NAMES);
    let names = names.chain(&SORTED_NAMES);
    names.copied().collect()
}

/// A row's codes with survivors in `density` percent of the keys, by a linear congruence, and its
/// largest key, which survives if any key does.
fn row(keys: usize, density: u8, seed: u64) -> (Vec<u8>, usize) {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        state >> 33
    };
    let largest = next() as usize % keys;
    let mut codes: Vec<u8> = (0..keys)
        .map(|_| u8::from(next() % 100 < u64::from(density)))
        .collect();
    if codes.contains(&1) {
        codes[largest] = 1;
    }
    (codes, largest)
}

/// The ones of what the other keys, all of code 1, leave of 1, in two's complement from 2^0 or
/// above on.
fn largest_visits(c: &Configuration, (codes, largest): &(Vec<u8>, usize)) -> i64 {
    let max_shift = c.max_shift.expect("sorted");
    let others: i64 =
        codes.iter().map(|code| i64::from(*code)).sum::<i64>() - i64::from(codes[*largest]);
    let weight = (1 << max_shift) - (others << (max_shift - c.shifts[0]));
    let mut bits = max_shift + 1;
    while weight < -1 << (bits - 1) {
        bits += 1;
    }
    (weight & ((1 << bits) - 1)).count_ones().into()
}

proptest! {
    #[test]
    fn fast_paths_change_nothing(
        name in prop::sample::select(names()),
        rows in prop::collection::vec((1_usize..200, 0_u8..=100, any::<u64>()), 1..24),
        heads in 1_usize..4,
        stalled in prop::array::uniform4(prop_oneof![Just(0_u8), 1_u8..200]),
    ) {
        let c = Configuration::named(name).expect("known");
        let mut workload = Workload::new(&c);
        let rows: Vec<(Vec<u8>, usize)> = rows
            .into_iter()
            .map(|(keys, density, seed)| row(keys, density, seed))
            .collect();
        for _ in 0..heads {
            let blocks = rows.iter().map(|(codes, largest)| {
                BlockRows::new(codes.len(), [codes.as_slice()]).with_largest(Some(*largest))
            });
            workload.push_head(200, blocks).expect("fits");
        }
        let port = |seed: usize| match stalled[seed] {
            0 => Pattern::Always,
            stalled => Pattern::Random { seed: seed as u64, stalled },
        };
        let ports = Ports { value: port(0), attn: port(1), out: port(2), key: port(3) };
        let fast = simulate(&c, &workload, &ports).expect("simulates");
        let traced = trace(&c, &workload, &ports).expect("simulates");
        prop_assert_eq!(fast.transfers, traced.transfers);
        prop_assert_eq!(fast.counters, traced.counters);
        let mut reads: u64 = workload.costs().map(|cost| cost.visits).sum();
        if c.accumulate == Accumulate::Sorted && c.normalize == Normalize::Complement {
            let again: i64 = rows.iter().map(|row| largest_visits(&c, row) - 1).sum();
            reads = reads.saturating_add_signed(again * (heads * c.passes()) as i64);
        }
        prop_assert_eq!(traced.counters.value_reads, reads);
    }
}
