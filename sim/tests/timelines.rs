//! Timelines derived by hand from the unit's registers: the cycle of every transfer.
//!
//! What all of them have in common, for one pass and one output beat a row: codes that are loaded
//! into the quantizer's register in cycle q are held back by the selector from q + 1 on. They enter
//! its queue when the next survivors come, at the row's end a cycle after the row's last beat was
//! taken; are read in the cycle after, taken in the next and visited in the next. A visit in cycle
//! p is added in p + 2, the finished row is captured in p + 3, leaves the normalizer in p + 4 (and
//! a cycle later for each of its stages) and the port in p + 5.

use logattn_golden::microarchitecture::{
    QUEUE_CYCLES, code_latency, extra_registers, wire_registers,
};
use logattn_golden::{Accumulate, Configuration, Input, Normalize};
use logattn_sim::{BlockRows, Ports, Run, Workload, simulate, trace};

/// A configuration whose rows take one pass and leave in one beat.
fn wide(name: &str) -> Configuration {
    let mut c = Configuration::named(name).expect("known");
    c.lanes = c.head_dimension;
    c.output_lanes = c.head_dimension;
    c
}

/// [`wide`] `base_scores` with four keys a beat and without further registers or sorted levels.
fn complement() -> Configuration {
    let mut c = wide("base_scores");
    (c.keys_per_beat, c.pipeline_depth) = (4, 1);
    c.accumulate = Accumulate::Shift;
    c
}

/// One head, its values loaded long before they are used.
fn traced(c: &Configuration, keys: usize, blocks: &[BlockRows<&[&[u8]]>]) -> Run {
    let mut workload = Workload::new(c);
    workload
        .push_head(keys, blocks.iter().copied())
        .expect("fits");
    let run = trace(c, &workload, &Ports::free()).expect("simulates");
    let fast = simulate(c, &workload, &Ports::free()).expect("simulates");
    assert_eq!(
        (&fast.transfers, fast.counters),
        (&run.transfers, run.counters)
    );
    run
}

/// Sorted, a row is read when it is complete: a row's last beat that is taken in cycle t is in hand
/// from t + 2 on, its first entry is read in t + 2, leaves the memories in t + 3, is taken into the
/// head in t + 4 and visited in t + 5.
#[test]
fn sorted_rows_of_one_beat() {
    let c = wide("nano_sorted");
    let first_visit = 1 + 1 + 5;
    let cases: [(&[u8], u64); 6] = [
        // Code 1 is 2^-7, where the row ends.
        (&[0, 1, 0, 0], 0),
        (&[1, 1, 0, 1], 2),
        // Code 7 is 2^-1: the sum is doubled six times after it.
        (&[0, 0, 7, 0], 6),
        // Doubled with the visit of the next level, or on the way to it.
        (&[2, 0, 0, 1], 1),
        (&[1, 0, 7, 0], 6),
        // A row without survivors is its end.
        (&[0, 0, 0, 0], 0),
    ];
    for (codes, later) in cases {
        let run = traced(&c, 4, &[BlockRows::new(4, &[codes])]);
        assert_eq!(run.attn_transfers, [0]);
        assert_eq!(run.transfers, [first_visit + later + 5], "{codes:?}");
    }
}

/// Two rows of four beats of one key: the second one comes in while the first one is read, and is
/// visited right after it if that takes as long.
#[test]
fn sorted_rows_overlap() {
    let mut c = wide("nano_sorted");
    c.keys_per_beat = 1;
    let (few, many): (&[u8], &[u8]) = (&[1, 0, 0, 1], &[1, 1, 1, 1]);
    // Beats are taken from 2 on, the first row's last one in 5, the second row's in 9: their first
    // visits are in 10, and in 14 or when the first row is over.
    for (first, second, ends) in [
        (few, few, [11, 15]),
        (many, few, [13, 15]),
        (few, many, [11, 17]),
    ] {
        let rows = [[first], [second]];
        let blocks = rows.each_ref().map(|row| BlockRows::new(4, &row[..]));
        let run = traced(&c, 4, &blocks);
        assert_eq!(run.transfers, ends.map(|last: u64| last + 5));
    }
}

/// W = 4: the maximum takes 1 + 1 cycles, the offset 1 + 6.
#[test]
fn one_row_of_scores_of_one_beat() {
    let c = wide("nano_scores");
    let run = traced(&c, 4, &[BlockRows::new(4, &[&[0, 1, 0, 0]])]);
    // Taken at the port in 0, from the stream register in 1, from the score buffer in 1 + 2,
    // from the distance buffer in 3 + 7, quantized in 11, taken by the selector in 12, queued in 13,
    // visited in 16.
    assert_eq!(run.attn_transfers, [0]);
    assert_eq!(run.transfers, [16 + 5]);
    assert!(run.key_transfers.is_empty());
    assert_eq!(run.counters.value_reads, 1);
}

#[test]
fn two_rows_of_scores_of_two_beats() {
    let c = wide("nano_scores");
    let row: &[u8] = &[1, 0, 0, 0, 0, 0, 1, 0];
    let run = traced(
        &c,
        8,
        &[BlockRows::new(8, &[row]), BlockRows::new(8, &[row])],
    );
    // First row: issued in 1 and 2, read from the score buffer from 2 + 2 on in 4 and 5, from the
    // distance buffer from 5 + 7 on in 12 and 13, quantized in 13 and 14, taken in 14 and 15, queued
    // in 15 and 16, visited in 18 and 19. Second row: issued in 3 and 4, read in 6 and 7, 14 and
    // 15, quantized in 15 and 16, taken in 16 and 17, queued in 17 and 18, visited in 20 and 21.
    assert_eq!(run.attn_transfers, [0, 1, 2, 3]);
    assert_eq!(run.transfers, [19 + 5, 21 + 5]);
}

/// D = 32, W = 2: a product takes 3 + 3 cycles, the maximum 1 + 1, the offset 1 + 6.
#[test]
fn one_query_of_two_beats() {
    let c = wide("nano_qkv");
    let run = traced(&c, 3, &[BlockRows::new(3, &[&[0, 1, 1]])]);
    // The keys are written in 1, 2 and 3, so they are read in 4 and 5. The scores of the second beat
    // arrive in 5 + 6; read from 11 + 2 on in 13 and 14; from 14 + 7 on in 21 and 22; quantized
    // in 22 and 23, taken in 23 and 24, queued in 24 and 25, visited in 27 and 28.
    assert_eq!(run.key_transfers, [0, 1, 2]);
    assert_eq!(run.attn_transfers, [0]);
    assert_eq!(run.transfers, [28 + 5]);
}

#[test]
fn queries_of_the_next_block_wait_in_the_stream_register() {
    let mut c = wide("nano_qkv");
    c.query_block = 2;
    let rows: &[&[u8]] = &[&[1, 0], &[1, 0]];
    let run = traced(&c, 2, &[BlockRows::new(2, rows), BlockRows::new(2, rows)]);
    // Queries 0 and 1 come in 0 and 1. Query 0 is staged in 1; the block starts in 3, when both keys
    // are there, and query 1 leaves the stream register only then. Query 2 takes the place of
    // query 0 in 2, query 3 that of query 1 in 4. Query 2 is staged in 4, the second block starts
    // in 5.
    assert_eq!(run.key_transfers, [0, 1]);
    assert_eq!(run.attn_transfers, [0, 1, 2, 4]);
    // First block: arrives in 3 + 6, read in 9 + 2, in 11 + 7, quantized in 19, taken in 20, queued
    // in 21, visited in 24; its two rows leave in two beats. The second one is two cycles later.
    assert_eq!(run.transfers, [29, 30, 31, 32]);
}

/// W = 4 as for `nano_scores`; the normalizer has one stage.
#[test]
fn the_largest_key_is_visited_alone() {
    let c = complement();
    let pruned: &[&[u8]] = &[&[0, 0, 0, 0]];
    let kept: &[&[u8]] = &[&[0, 0, 5, 0]];
    let largest = Some(2);
    // As a row of one beat with one survivor, and a cycle later.
    for (rows, survivors) in [(pruned, 0), (kept, 1)] {
        let run = traced(&c, 4, &[BlockRows::new(4, rows).with_largest(largest)]);
        assert_eq!(run.transfers, [16 + 6]);
        assert_eq!(run.counters.survivors, survivors);
        assert_eq!(run.counters.value_reads, 1);
    }
    // A row without keys passes at the same time, but reads nothing.
    let run = traced(&c, 4, &[BlockRows::new(0, pruned)]);
    assert_eq!(run.transfers, [16 + 6]);
    assert_eq!(run.counters.value_reads, 0);
}

#[test]
fn the_largest_key_is_visited_with_the_first_other_survivor() {
    let c = complement();
    // A row of two beats whose largest key is the only survivor of its beat: one entry, of two
    // visits. The row's beats are taken by the selector in 14 and 15 (see the rows of two beats
    // above), so the entry is queued in 16, whichever beat it is, and visited in 19 and 20.
    let first: &[&[u8]] = &[&[7, 0, 0, 0, 0, 0, 1, 0]];
    let second: &[&[u8]] = &[&[0, 1, 0, 0, 0, 0, 7, 0]];
    for (rows, largest) in [(first, 0), (second, 6)] {
        let block = BlockRows::new(8, rows).with_largest(Some(largest));
        let run = traced(&c, 8, &[block]);
        assert_eq!(run.transfers, [20 + 6]);
        assert_eq!(run.counters.value_reads, 2);
        let mut workload = Workload::new(&c);
        workload.push_head(8, [block]).expect("fits");
        assert_eq!(workload.costs().next().expect("a block").visits, 2);
    }
}

/// Two passes over a row: the largest key is visited in each.
#[test]
fn the_largest_key_is_visited_in_every_pass() {
    let mut c = complement();
    c.lanes = 32;
    c.output_lanes = 32;
    let pruned: &[&[u8]] = &[&[0, 0, 0, 0]];
    let block = BlockRows::new(4, pruned).with_largest(Some(1));
    let run = traced(&c, 4, &[block]);
    // The token is taken out of the queue in 15 and visited in 16; it is read once more in 15, taken
    // in 16 and visited in 17. Each pass leaves in a beat of its own.
    assert_eq!(run.transfers, [16 + 6, 17 + 6]);
    assert_eq!(run.counters.value_reads, 2);
    let mut workload = Workload::new(&c);
    workload.push_head(4, [block]).expect("fits");
    assert_eq!(workload.costs().next().expect("a block").visits, 2);
}

#[test]
fn keys_are_those_within_the_rows() {
    let mut c = wide("nano_scores");
    c.query_block = 4;
    let row: &[u8] = &[0; 7];
    let counted = |length, rows: &[&[u8]], causal| {
        let block = BlockRows::new(length, rows).with_causal(causal);
        traced(&c, 8, &[block]).counters.keys
    };
    assert_eq!(counted(4, &[row], false), 4 * 4);
    assert_eq!(counted(4, &[row; 4], true), 4 + 5 + 6 + 7);
    // No more than are sent.
    assert_eq!(counted(5, &[row], true), 5 + 6 + 7 + 7);
}

/// One key survives, the last one: its code comes a cycle a beat after the row's first code, is
/// visited five cycles after it is there, and leaves five cycles later; from `pipeline_depth` 2 on
/// the queue has a register more behind it, and the value memory one before and one behind it; from
/// 3 on the output beat passes a queue of two cycles.
#[test]
fn the_first_code_comes_when_it_is_said_to() {
    let units = [
        ("nano", 9),
        ("edge", 200),
        ("nano_scores", 40),
        ("edge_scores", 200),
        ("nano_qkv", 31),
        ("edge_qkv", 200),
    ];
    for (depth, (name, keys)) in [1, 2, 3]
        .into_iter()
        .flat_map(|d| units.map(|unit| (d, unit)))
    {
        let mut c = wide(name);
        (c.normalize, c.output_bits) = (Normalize::None, None);
        c.pipeline_depth = depth;
        let more = extra_registers(&c) as usize;
        let mut row = vec![0; keys];
        row[keys - 1] = 1;
        let codes: &[&[u8]] = &[&row];
        let run = traced(&c, keys, &[BlockRows::new(keys, codes)]);
        let last_code = code_latency(&c, keys) + c.beats(keys) - 1;
        // A query waits for its keys, where it is staged, and its values may still be on their way.
        let wire = wire_registers(&c) as usize;
        let keys_loaded = if c.input == Input::Qkv {
            keys - wire
        } else {
            0
        };
        let visited = (last_code + keys_loaded + 5 + 2 * more).max(keys + 1);
        let queued = QUEUE_CYCLES * wire;
        assert_eq!(
            run.transfers,
            [(visited + 5 + more + queued) as u64],
            "{name}"
        );
    }
}
