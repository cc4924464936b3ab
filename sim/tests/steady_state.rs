//! Long runs: rows of equal length at full rate, and rows of very different lengths to the end.

use logattn_golden::microarchitecture::{maximum_cycles, offset_cycles, score_engine_cycles};
use logattn_golden::{Accumulate, Configuration, Input, Normalize, SORTED_NAMES, VARIANT_NAMES};
use logattn_sim::{BlockRows, Ports, Workload, simulate};

/// The named units that compute codes from scores, with an output that is never in the way.
fn units() -> Vec<Configuration> {
    let mut units = Vec::new();
    for name in VARIANT_NAMES.iter().chain(&["base"]) {
        let mut c = Configuration::named(name).expect("known");
        if c.input != Input::Probabilities {
            // Sorted rows may take some cycles more, for levels that are empty.
            if c.accumulate == Accumulate::Sorted {
                c.accumulate = Accumulate::Shift;
            }
            c.lanes = c.head_dimension;
            c.output_lanes = c.head_dimension;
            if c.normalize == Normalize::Reciprocal {
                c.normalize = Normalize::None;
            }
            units.push(c);
        }
    }
    units
}

/// Cycles from the read of a beat of keys to its scores, where there are keys.
fn engine_cycles(c: &Configuration) -> u32 {
    match c.input {
        Input::Qkv => score_engine_cycles(c),
        Input::Probabilities | Input::Scores => 0,
    }
}

/// Cycles from start to end of one head of `rows` blocks of `keys` keys whose first `survivors`
/// keys survive.
fn cycles(c: &Configuration, rows: usize, keys: usize, survivors: usize) -> u64 {
    let codes: Vec<u8> = (0..keys).map(|key| u8::from(key < survivors)).collect();
    let block = BlockRows::new(keys, [codes.as_slice()]).with_largest(Some(0));
    let mut workload = Workload::new(c);
    workload.push_head(keys, vec![block; rows]).expect("fits");
    let run = simulate(c, &workload, &Ports::free()).expect("simulates");
    run.counters.cycles
}

#[test]
fn rows_of_equal_length_run_at_full_rate() {
    for c in units() {
        let width = c.keys_per_beat;
        // What four rows between two buffers allow (`ROW_SLOTS`): 2 n + latency - 1 <= 4 n.
        let latency = offset_cycles(&c).max(maximum_cycles(&c) + engine_cycles(&c));
        let least = (latency as usize - 1).div_ceil(2).max(4);
        let lengths = [
            least * width,
            least * width + 1,
            (least + 2) * width,
            (least + 5) * width - 1,
            c.max_keys,
        ];
        for keys in lengths {
            for survivors in [0, 3, keys / 2, keys] {
                let rows = cycles(&c, 600, keys, survivors) - cycles(&c, 100, keys, survivors);
                let bound = 500 * keys.div_ceil(width).max(survivors) as u64;
                assert!(
                    rows.abs_diff(bound) * 100 <= bound,
                    "{}: {rows} cycles for 500 rows of {keys} keys, {survivors} of them survivors, \
                     bound {bound}",
                    c.name
                );
            }
        }
    }
}

/// Where no level is empty, every doubling is part of a visit.
#[test]
fn sorted_rows_without_empty_levels_run_at_full_rate() {
    for name in SORTED_NAMES {
        let c = Configuration::named(name).expect("known");
        let wide = Configuration {
            lanes: c.head_dimension,
            output_lanes: c.head_dimension,
            normalize: match c.normalize {
                Normalize::Reciprocal => Normalize::None,
                normalize => normalize,
            },
            ..c
        };
        let passes = |rows: usize| {
            let codes: Vec<u8> = (0..64).map(|key| key % 8).collect();
            let block = BlockRows::new(64, [codes.as_slice()]).with_largest(Some(7));
            let mut workload = Workload::new(&wide);
            workload.push_head(64, vec![block; rows]).expect("fits");
            let run = simulate(&wide, &workload, &Ports::free()).expect("simulates");
            run.counters.cycles
        };
        assert_eq!(passes(300) - passes(100), 200 * 56, "{name}");
    }
}

#[test]
fn short_and_long_rows_alternate_to_the_end() {
    let names = VARIANT_NAMES.iter().chain(&SORTED_NAMES);
    for name in names.chain(&["base"]) {
        let c = Configuration::named(name).expect("known");
        let codes = vec![1; c.max_keys];
        let rows: Vec<&[u8]> = (0..300)
            .map(|row| &codes[..if row % 2 == 0 { 1 } else { c.max_keys }])
            .collect();
        let mut workload = Workload::new(&c);
        for _ in 0..3 {
            let blocks = rows
                .iter()
                .map(|row| BlockRows::new(row.len(), [*row]).with_largest(Some(0)));
            workload.push_head(c.max_keys, blocks).expect("fits");
        }
        for ports in [Ports::free(), Ports::random(7, 100)] {
            let run = simulate(&c, &workload, &ports).expect("simulates");
            assert_eq!(run.transfers.len(), 900 * c.output_beats(), "{name}");
            assert!(run.transfers.is_sorted_by(|a, b| a < b), "{name}");
        }
    }
}
