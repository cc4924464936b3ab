//! Cycles under a bandwidth limit.

use logattn_sim::memory::{
    Bandwidth, BandwidthModel, DramOptions, GroupShape, MemoryError, Strategy, SurvivorMap,
};
use proptest::prelude::*;

/// 64 bytes a cycle: a burst, which is a value, takes a cycle.
fn dram() -> DramOptions {
    DramOptions {
        bytes_per_cycle: 64.0,
        ..DramOptions::default()
    }
}

fn shape(output_row_bytes: usize, new_keys: usize) -> GroupShape {
    GroupShape {
        head_dimension: 64,
        value_bits: 8,
        output_row_bytes,
        new_keys,
        ..GroupShape::default()
    }
}

/// Rows over four keys, of which the first so many survive.
fn map(survivors: &[usize]) -> SurvivorMap {
    let mut map = SurvivorMap::new(4);
    for count in survivors {
        let codes: Vec<u8> = (0..4).map(|key| u8::from(key < *count)).collect();
        map.push_row(&codes, 4);
    }
    map
}

fn run(
    strategy: Strategy,
    value_banks: usize,
    shape: &GroupShape,
    groups: &[(SurvivorMap, Vec<u64>)],
) -> Bandwidth {
    let mut model = BandwidthModel::new(strategy, value_banks, &dram());
    for (map, cycles) in groups {
        model.push_group(shape, map, 1, cycles).expect("fits");
    }
    model.finish()
}

#[test]
fn the_next_block_is_fetched_while_this_one_is_computed() {
    let groups = [(map(&[1, 3]), vec![2, 2]), (map(&[0, 4]), vec![7, 1])];
    // Skip: fetches 1 3 0 4, computing 2 2 7 1: 1 + max(2, 3) + max(2, 0) + max(7, 4) + 1.
    let skip = run(Strategy::Skip, 1, &shape(0, 4), &groups);
    let expected = Bandwidth {
        compute_cycles: 12,
        memory_cycles: 8,
        cycles: 14,
        stall_cycles: 2,
    };
    assert_eq!(skip, expected);
    assert!((skip.utilization() - 12.0 / 14.0).abs() < 1e-12);
    // Dense: 4 + max(2, 4) + max(2, 4) + max(7, 4) + 1.
    let dense = run(Strategy::DenseRefetch, 1, &shape(0, 4), &groups);
    assert_eq!((dense.cycles, dense.memory_cycles), (20, 16));
    // Outputs of a burst a row: one cycle more for each.
    let skip = run(Strategy::Skip, 1, &shape(64, 4), &groups);
    // 2 + max(2, 4) + max(2, 1) + max(7, 5) + 1.
    assert_eq!((skip.cycles, skip.memory_cycles), (16, 12));
}

#[test]
fn a_second_bank_loads_while_the_first_is_computed() {
    let groups = [(map(&[1, 3]), vec![2, 1]), (map(&[0, 4]), vec![7, 1])];
    // Loads of 4, computing 3 and 8.
    let one = run(Strategy::LoadOnce, 1, &shape(0, 4), &groups);
    assert_eq!((one.cycles, one.stall_cycles), (4 + 3 + 4 + 8, 8));
    let two = run(Strategy::LoadOnce, 2, &shape(0, 4), &groups);
    assert_eq!((two.cycles, two.stall_cycles), (4 + 4 + 8, 5));
    assert_eq!((one.memory_cycles, two.memory_cycles), (8, 8));
    // Outputs take two cycles a row: computing max(2, 2) + max(1, 2) = 4 and 7 + 2 = 9; beside the
    // second load the memory writes for 4 cycles.
    let one = run(Strategy::LoadOnce, 1, &shape(128, 4), &groups);
    assert_eq!((one.cycles, one.memory_cycles), (4 + 4 + 4 + 9, 16));
    let two = run(Strategy::LoadOnce, 2, &shape(128, 4), &groups);
    assert_eq!((two.cycles, two.memory_cycles), (4 + 8 + 9, 16));
    // Decode with the cache on chip: one key comes in.
    let step = run(Strategy::LoadOnce, 2, &shape(0, 1), &groups[..1]);
    assert_eq!((step.cycles, step.memory_cycles), (1 + 3, 1));
}

#[test]
fn runs_add_up() {
    let groups = [(map(&[1, 3]), vec![2, 2])];
    let once = run(Strategy::Skip, 1, &shape(0, 4), &groups);
    let mut twice = once;
    twice += once;
    assert_eq!((twice.cycles, twice.compute_cycles), (2 * once.cycles, 8));
    assert_eq!(twice.stall_cycles, twice.cycles - twice.compute_cycles);
    let nothing = run(Strategy::Skip, 1, &shape(0, 4), &[]);
    assert_eq!(nothing, Bandwidth::default());
    assert_eq!(nothing.utilization(), 1.0);
}

#[test]
fn there_is_a_time_for_each_block() {
    let mut model = BandwidthModel::new(Strategy::Skip, 1, &dram());
    let error = model.push_group(&shape(0, 4), &map(&[1, 1, 1]), 2, &[1, 1, 1]);
    let expected = MemoryError::Blocks {
        found: 3,
        expected: 2,
    };
    assert_eq!(error, Err(expected));
}

proptest! {
    /// No run is shorter than what either side takes alone, or longer than both after another; a
    /// second bank never hurts.
    #[test]
    fn neither_side_is_cheated(
        groups in prop::collection::vec(
            prop::collection::vec((0_usize..=4, 0_u64..9), 1..6),
            1..5,
        ),
        output_row_bytes in 0_usize..300,
    ) {
        let groups: Vec<(SurvivorMap, Vec<u64>)> = groups
            .iter()
            .map(|blocks| {
                let (survivors, cycles): (Vec<usize>, Vec<u64>) = blocks.iter().copied().unzip();
                (map(&survivors), cycles)
            })
            .collect();
        let shape = shape(output_row_bytes, 4);
        for strategy in Strategy::ALL {
            let one = run(strategy, 1, &shape, &groups);
            let two = run(strategy, 2, &shape, &groups);
            for run in [one, two] {
                prop_assert!(run.cycles >= run.compute_cycles.max(run.memory_cycles));
                prop_assert!(run.cycles <= run.compute_cycles + run.memory_cycles);
                prop_assert_eq!(run.stall_cycles, run.cycles - run.compute_cycles);
                prop_assert_eq!(run.memory_cycles, one.memory_cycles);
            }
            prop_assert!(two.cycles <= one.cycles);
        }
        let skip = run(Strategy::Skip, 1, &shape, &groups);
        prop_assert!(skip.cycles <= run(Strategy::DenseRefetch, 1, &shape, &groups).cycles);
    }
}
