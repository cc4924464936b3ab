//! Expected traffic and crossovers, against all outcomes of small cases and plain search.

use logattn_sim::memory::{
    DramOptions, ExpectedTraffic, GroupShape, Strategy, SurvivorMap, traffic,
};

fn group(value_bytes: usize, key_bits: u32, keys: usize, rows: usize) -> ExpectedTraffic {
    ExpectedTraffic {
        shape: GroupShape {
            head_dimension: value_bytes,
            value_bits: 8,
            key_bits,
            query_bits: key_bits,
            output_row_bytes: value_bytes,
            new_keys: keys,
            ..GroupShape::default()
        },
        keys,
        rows,
        dram: DramOptions::default(),
    }
}

/// The mean over all ways in which keys survive, each with its probability.
fn mean(group: &ExpectedTraffic, strategy: Strategy, query_block: usize, sparsity: f64) -> f64 {
    let elements = group.keys * group.rows;
    (0..1_u32 << elements)
        .map(|pattern| {
            let mut map = SurvivorMap::new(group.keys);
            for row in 0..group.rows {
                let code = |key| (pattern >> (row * group.keys + key) & 1) as u8;
                let codes: Vec<u8> = (0..group.keys).map(code).collect();
                map.push_row(&codes, group.keys);
            }
            let survivors = pattern.count_ones();
            let probability = (1.0 - sparsity).powf(f64::from(survivors))
                * sparsity.powf(f64::from(elements as u32 - survivors));
            let moved = traffic(&group.shape, &map, strategy, query_block, &group.dram);
            probability * moved.burst_bytes as f64
        })
        .sum()
}

#[test]
fn the_expectation_is_the_mean_of_all_outcomes() {
    // Values of a whole burst, of several, of a fraction, and across bursts; with and without K.
    for (value_bytes, key_bits) in [(64, 0), (128, 8), (16, 8), (48, 0), (96, 8), (40, 0)] {
        for (keys, rows) in [(5, 2), (3, 4), (1, 2)] {
            let group = group(value_bytes, key_bits, keys, rows);
            for query_block in [1, 2, 3] {
                for strategy in Strategy::ALL {
                    let expected = mean(&group, strategy, query_block, 0.7);
                    let found = group.bytes(strategy, query_block, 0.7);
                    assert!(
                        (found - expected).abs() < 1e-6 * expected,
                        "{value_bytes} {keys} {rows} {query_block} {strategy:?}: {found}, {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_pattern_of_bursts_repeats() {
    // 48 bytes a value: four values in three bursts of 64, of which 0..64 and 128..192 hold two
    // values (0, 1 and 2, 3) and 64..128 holds 1, 2. All pruned but with probability 1/2.
    let group = group(48, 0, 400, 1);
    let streams = 1.0;
    let expected = (streams + 300.0 * (1.0 - 0.25)) * 64.0;
    assert!((group.bytes(Strategy::Skip, 1, 0.5) - expected).abs() < 1e-6);
}

#[test]
fn the_crossover_in_sparsity_is_where_the_curves_meet() {
    // One row: any pruning wins. Without K, R rows of a burst a key, B = 1: R (1 - s) < 1.
    let at = |rows, query_block| group(64, 0, 100, rows).crossover_sparsity(query_block);
    assert!(at(1, 1).expect("wins") < 1e-12);
    assert!((at(10, 1).expect("wins") - 0.9).abs() < 1e-9);
    assert!((at(384, 1).expect("wins") - 383.0 / 384.0).abs() < 1e-9);
    // Blocks of 2: 5 (1 - s^2) < 1.
    assert!((at(10, 2).expect("wins") - 0.8_f64.sqrt()).abs() < 1e-9);
    // K of two blocks weighs as much as K and V once: never, be everything pruned.
    assert_eq!(group(64, 8, 100, 2).crossover_sparsity(1), None);
    assert_eq!(group(64, 8, 100, 384).crossover_sparsity(8), None);
    // One block reads K once, as a load does.
    assert!(group(64, 8, 100, 2).crossover_sparsity(2).is_some());
}

#[test]
fn the_crossover_in_rows_is_the_last_that_wins() {
    let wins = |group: &ExpectedTraffic, query_block, sparsity| {
        let bytes = |strategy| group.bytes(strategy, query_block, sparsity);
        bytes(Strategy::Skip) < bytes(Strategy::LoadOnce)
    };
    for (key_bits, sparsity) in [(0, 0.9), (0, 0.995), (0, 0.3), (8, 0.9), (8, 0.2)] {
        for query_block in [1, 2, 4] {
            let keys = 96;
            let at = |rows| group(64, key_bits, keys, rows);
            let last = (1..2000).rfind(|rows| wins(&at(*rows), query_block, sparsity));
            let found = at(1).crossover_rows(query_block, sparsity);
            assert_eq!(
                found,
                Some(last.unwrap_or(0)),
                "{key_bits} {sparsity} {query_block}"
            );
        }
    }
    assert_eq!(group(64, 0, 96, 1).crossover_rows(1, 1.0), None);
    assert_eq!(group(64, 0, 96, 1).crossover_rows(1, 0.0), Some(0));
}

#[test]
fn the_crossover_in_keys_is_the_last_prefill_that_wins() {
    for (query_heads, sparsity) in [(1, 0.9), (3, 0.9), (1, 0.99), (3, 0.2)] {
        let last = (1..500).rfind(|keys| {
            let group = group(64, 0, *keys, keys * query_heads);
            let bytes = |strategy| group.bytes(strategy, 1, sparsity);
            bytes(Strategy::Skip) < bytes(Strategy::LoadOnce)
        });
        // Sizes of the group itself are not read.
        let found = group(64, 0, 1, 1).crossover_keys(query_heads, 1, sparsity);
        assert_eq!(found, Some(last.unwrap_or(0)), "{query_heads} {sparsity}");
    }
}

#[test]
fn more_sparsity_never_moves_more() {
    let group = group(48, 8, 77, 13);
    for query_block in [1, 4, 13] {
        let bytes = |step: u32| group.bytes(Strategy::Skip, query_block, f64::from(step) / 50.0);
        assert!((0..50).all(|step| bytes(step + 1) <= bytes(step)));
        assert!(bytes(50) < bytes(25) && bytes(25) < bytes(0));
        assert_eq!(
            bytes(0),
            group.bytes(Strategy::DenseRefetch, query_block, 0.0)
        );
        // Nonsense is cut to the range.
        assert_eq!(bytes(51), bytes(50));
    }
}
