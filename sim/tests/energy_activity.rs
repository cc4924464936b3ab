//! How often things happen: what the strategies load by hand, the rest against the simulator's
//! counters.

use logattn_golden::config::{Accumulate, Configuration, Input, Normalize};
use logattn_sim::energy::{Activity, OperationKind, Operations};
use logattn_sim::memory::{Strategy, SurvivorMap};
use logattn_sim::{BlockRows, Ports, Workload, simulate};
use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;

fn named(name: &str) -> Configuration {
    Configuration::named(name).expect("known")
}

/// `base` with beats of four keys and a queue of beats.
fn unsorted_base() -> Configuration {
    Configuration {
        keys_per_beat: 4,
        accumulate: Accumulate::Shift,
        ..named("base")
    }
}

/// What the strategies write to the unit's memories: base (queries and keys in, one row a block),
/// two rows that keep one and two of five keys.
#[test]
fn strategies_differ_in_what_is_loaded() {
    let base = unsorted_base();
    let mut map = SurvivorMap::new(5);
    map.push_row(&[0, 0, 0, 1, 0], 5);
    map.push_row(&[1, 0, 0, 1, 0], 4);
    let loaded = |strategy| {
        let activity = Activity::of(&base, &map, strategy);
        (activity.value_words_loaded, activity.keys_loaded)
    };
    assert_eq!(loaded(Strategy::LoadOnce), (5, 5));
    assert_eq!(loaded(Strategy::DenseRefetch), (9, 9));
    assert_eq!(loaded(Strategy::Skip), (3, 9));
    let step = Activity::of_new_keys(&base, &map, Strategy::LoadOnce, 1);
    assert_eq!((step.value_words_loaded, step.keys_loaded), (1, 1));
    // The twin needs every value.
    let twin = base.int8_twin();
    let skip = Activity::of(&twin, &map, Strategy::Skip);
    assert_eq!((skip.value_words_loaded, skip.keys_loaded), (9, 0));
    let mut sum = skip;
    sum += skip;
    assert_eq!((sum.visits, sum.rows, sum.entries), (2 * 9, 4, 2 * (2 + 1)));
}

/// The largest key goes with the row's first entry: its own beat is an entry only if another key
/// of it survives.
#[test]
fn the_largest_key_alone_is_no_entry() {
    let base = unsorted_base();
    let entries = |codes: &[u8], largest| {
        let mut map = SurvivorMap::new(codes.len());
        map.push_row_with_largest(codes, codes.len(), Some(largest));
        let activity = Activity::of(&base, &map, Strategy::Skip);
        (activity.entries, activity.visits)
    };
    assert_eq!(entries(&[0, 0, 0, 0, 1, 0, 0, 0, 1], 4), (1, 2));
    assert_eq!(entries(&[0, 0, 0, 0, 1, 1, 0, 0, 1], 4), (2, 3));
    assert_eq!(entries(&[0, 0, 0, 0, 1, 0, 0, 0, 0], 4), (1, 1));
    assert_eq!(entries(&[0, 0, 0, 0, 0, 0, 0, 0, 1], 4), (1, 2));
}

const UNITS: [&str; 12] = [
    "nano",
    "edge",
    "base",
    "server",
    "paper",
    "nano_int8",
    "server_int8",
    "base_int8",
    "server_scores",
    "server_qkv",
    "edge_qkv",
    "nano_scores",
];

fn heads() -> impl Generator<Value = (usize, usize, Vec<Vec<u8>>)> {
    (0..UNITS.len(), 1_usize..140).prop_flat_map(|(unit, keys)| {
        let code = prop_oneof![3 => Just(0_u8), 1 => 1_u8..8];
        let rows = prop::collection::vec(prop::collection::vec(code, keys), 4..=4);
        (Just(unit), Just(keys), rows)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Visits, survivors, elements and beats are those that the simulator counts.
    #[test]
    fn activity_is_what_the_simulator_counts((unit, keys, rows) in heads(), largest in 0_usize..140) {
        let c = named(UNITS[unit]);
        let largest = (c.normalize == Normalize::Complement).then_some(largest % keys);
        let mut map = SurvivorMap::new(keys);
        let mut workload = Workload::new(&c);
        let mut blocks = Vec::new();
        for block in rows.chunks(c.query_block) {
            for codes in block {
                map.push_row_with_largest(codes, keys, largest);
            }
            let codes: Vec<&[u8]> = block.iter().map(Vec::as_slice).collect();
            blocks.push(BlockRows::new(keys, codes).with_largest(largest));
        }
        workload.push_head(keys, blocks).expect("legal");
        let activity = Activity::of(&c, &map, Strategy::LoadOnce);
        let counters = simulate(&c, &workload, &Ports::free()).expect("runs").counters;
        prop_assert_eq!(activity.visits, counters.value_reads);
        prop_assert_eq!(activity.survivors, counters.survivors);
        prop_assert_eq!(activity.elements, counters.keys);
        prop_assert_eq!(activity.rows, counters.rows);
        let beats: u64 = workload.costs().map(|cost| cost.beats).sum();
        prop_assert_eq!(activity.beats, beats);
        prop_assert_eq!(activity.blocks, workload.costs().count() as u64);
        prop_assert!(activity.entries <= activity.beats.max(activity.blocks));
        let passes = (c.head_dimension / c.lanes) as u64;
        prop_assert_eq!(activity.value_words_loaded, keys as u64 * passes);
        prop_assert_eq!(activity.keys_loaded, if c.input == Input::Qkv { keys as u64 } else { 0 });
        // Multipliers stand in the twin, in front of scores and behind reciprocals and buckets.
        let multiplies = Operations::of(&c, &activity).count(OperationKind::Multiply);
        let free = c.input != Input::Qkv
            && c.accumulate == Accumulate::Shift
            && c.normalize != Normalize::Reciprocal;
        prop_assert_eq!(multiplies == 0, free);
    }
}
