//! Traffic between external memory and unit: small cases by hand, all others against a simulator
//! that looks at every byte.

use logattn_sim::memory::{
    DramOptions, GroupShape, MemoryError, Strategy, SurvivorMap, Traffic, by_query_block, traffic,
};
use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;
use std::collections::BTreeSet;

/// A row: codes and length.
type Row = (Vec<u8>, usize);

fn map_of(keys: usize, rows: &[Row]) -> SurvivorMap {
    let mut map = SurvivorMap::new(keys);
    for (codes, length) in rows {
        map.push_row(codes, *length);
    }
    map
}

fn dram(burst_bytes: u32, page_bytes: u32, banks: u32) -> DramOptions {
    DramOptions {
        burst_bytes,
        page_bytes,
        banks,
        ..DramOptions::default()
    }
}

/// Values of `value_bytes` bytes; nothing else moves.
fn values_only(value_bytes: usize, new_keys: usize) -> GroupShape {
    GroupShape {
        head_dimension: value_bytes,
        value_bits: 8,
        new_keys,
        ..GroupShape::default()
    }
}

/// The external memory, a byte at a time.
struct Bytes {
    dram: DramOptions,
    open: Vec<Option<u64>>,
    activations: u64,
}

impl Bytes {
    fn touch(&mut self, address: u64) {
        let page = address / u64::from(self.dram.page_bytes);
        let bank = (page % u64::from(self.dram.banks)) as usize;
        if self.open[bank] != Some(page) {
            self.open[bank] = Some(page);
            self.activations += 1;
        }
    }

    /// Reads vectors of a region, ascending; gives the bursts.
    fn read(&mut self, start: u64, bytes: u64, vectors: &BTreeSet<usize>) -> u64 {
        let burst = u64::from(self.dram.burst_bytes);
        let addresses = |vector: &usize| {
            let first = start + *vector as u64 * bytes;
            first..first + bytes
        };
        let bursts: BTreeSet<u64> = vectors
            .iter()
            .flat_map(addresses)
            .map(|a| a / burst)
            .collect();
        for index in &bursts {
            for address in index * burst..(index + 1) * burst {
                self.touch(address);
            }
        }
        bursts.len() as u64
    }
}

/// [`traffic`], from its description alone.
fn naive(
    shape: &GroupShape,
    keys: usize,
    rows: &[Row],
    strategy: Strategy,
    query_block: usize,
    dram: &DramOptions,
) -> Traffic {
    let sizes = [
        (keys, shape.head_dimension * shape.key_bits as usize / 8),
        (keys, shape.head_dimension * shape.value_bits as usize / 8),
        (
            rows.len(),
            shape.head_dimension * shape.query_bits as usize / 8,
        ),
        (rows.len(), shape.output_row_bytes),
    ];
    let page = u64::from(dram.page_bytes);
    let (mut starts, mut next) = ([0; 4], 0_u64);
    for (start, (count, bytes)) in starts.iter_mut().zip(sizes) {
        *start = next.div_ceil(page) * page;
        next = *start + (count * bytes) as u64;
    }
    let sizes = sizes.map(|size| size.1 as u64);
    let mut memory = Bytes {
        dram: *dram,
        open: vec![None; dram.banks as usize],
        activations: 0,
    };
    let mut total = Traffic::default();
    let mut fetch = |memory: &mut Bytes, keys: &BTreeSet<usize>, values: &BTreeSet<usize>| {
        total.key_bytes += keys.len() as u64 * sizes[0];
        total.key_bursts += memory.read(starts[0], sizes[0], keys);
        total.value_bytes += values.len() as u64 * sizes[1];
        total.value_bursts += memory.read(starts[1], sizes[1], values);
    };
    if strategy == Strategy::LoadOnce {
        let new: BTreeSet<usize> = (keys.saturating_sub(shape.new_keys)..keys).collect();
        fetch(&mut memory, &new, &new);
    }
    let (mut queries, mut outputs) = (BTreeSet::new(), BTreeSet::new());
    for (block, members) in rows.chunks(query_block).enumerate() {
        let indices: Vec<usize> = (0..members.len())
            .map(|row| block * query_block + row)
            .collect();
        let vectors = |region: usize| {
            let of = |row: &usize| {
                let first = starts[region] + *row as u64 * sizes[region];
                first..first + sizes[region]
            };
            indices.iter().flat_map(of).collect::<Vec<u64>>()
        };
        for address in vectors(2) {
            memory.touch(address);
            queries.insert(address / u64::from(dram.burst_bytes));
        }
        let longest = members.iter().map(|row| row.1).max().unwrap_or(0);
        let dense: BTreeSet<usize> = (0..longest).collect();
        let kept = |key: &usize| members.iter().any(|(c, n)| key < n && c[*key] != 0);
        let union: BTreeSet<usize> = (0..keys).filter(kept).collect();
        match strategy {
            Strategy::LoadOnce => {}
            Strategy::DenseRefetch => fetch(&mut memory, &dense, &dense),
            Strategy::Skip => fetch(&mut memory, &dense, &union),
        }
        for address in vectors(3) {
            memory.touch(address);
            outputs.insert(address / u64::from(dram.burst_bytes));
        }
    }
    let elements: usize = rows.iter().map(|row| row.1).sum();
    let streams = (queries.len() + outputs.len()) as u64;
    let bursts = total.key_bursts + total.value_bursts + streams;
    Traffic {
        query_bytes: rows.len() as u64 * sizes[2],
        output_bytes: rows.len() as u64 * sizes[3],
        attention_bytes: (elements as u64 * u64::from(shape.attention_bits)).div_ceil(8),
        bursts,
        burst_bytes: bursts * u64::from(dram.burst_bytes),
        row_activations: memory.activations,
        ..total
    }
}

#[test]
fn a_group_by_hand() {
    // Vectors of 48 bytes, bursts of 32: key j is bytes 48 j .. 48 j + 48.
    let shape = GroupShape {
        head_dimension: 48,
        value_bits: 8,
        key_bits: 8,
        query_bits: 8,
        attention_bits: 0,
        output_row_bytes: 48,
        new_keys: 4,
    };
    let rows = [
        (vec![1, 0, 0, 0], 4),
        (vec![0, 0, 2, 0], 4),
        (vec![0, 0, 0, 0], 4),
    ];
    let map = map_of(4, &rows);
    assert_eq!((map.survivors(), map.elements(), map.rows()), (2, 12, 3));
    let of = |strategy| traffic(&shape, &map, strategy, 2, &dram(32, 64, 2));
    // Blocks: rows 0 and 1, row 2. Queries and outputs: 144 bytes each, 5 bursts each.
    let skip = of(Strategy::Skip);
    // All K for each block: 192 bytes, 6 bursts. V of key 0: bursts 0, 1; of key 2 (96..144): 3, 4.
    assert_eq!((skip.key_bytes, skip.key_bursts), (2 * 192, 2 * 6));
    assert_eq!((skip.value_bytes, skip.value_bursts), (2 * 48, 4));
    assert_eq!((skip.query_bytes, skip.output_bytes), (144, 144));
    assert_eq!((skip.bursts, skip.burst_bytes), (26, 26 * 32));
    let dense = of(Strategy::DenseRefetch);
    assert_eq!((dense.value_bytes, dense.value_bursts), (2 * 192, 2 * 6));
    assert_eq!(dense.bursts, 24 + 10);
    let once = of(Strategy::LoadOnce);
    assert_eq!(
        (once.key_bursts, once.value_bursts, once.bursts),
        (6, 6, 22)
    );
}

#[test]
fn pages_stay_open_until_their_bank_needs_another() {
    // K and V of two keys, a page each: pages 0, 1 and 2, 3.
    let shape = GroupShape {
        key_bits: 8,
        ..values_only(64, 2)
    };
    let rows = [(vec![1, 1], 2), (vec![1, 1], 2)];
    let map = map_of(2, &rows);
    let activations =
        |strategy, banks| traffic(&shape, &map, strategy, 1, &dram(64, 64, banks)).row_activations;
    // Four banks hold all pages; with two (or one) each of them is opened anew by each row.
    assert_eq!(activations(Strategy::DenseRefetch, 4), 4);
    assert_eq!(activations(Strategy::DenseRefetch, 2), 8);
    assert_eq!(activations(Strategy::DenseRefetch, 1), 8);
    // Three banks: pages 0 and 3 share one: 0 1 2 3, then 0, 3.
    assert_eq!(activations(Strategy::DenseRefetch, 3), 6);
    assert_eq!(activations(Strategy::LoadOnce, 1), 4);
}

/// Prefill: many rows a load. Skipping 90 % of V loses to loading V once, by far.
#[test]
fn skipping_loses_in_prefill() {
    let (keys, value_bytes) = (384, 64);
    let rows: Vec<Row> = (0..keys)
        .map(|row| {
            let code = |key: usize| u8::from((key + row).is_multiple_of(10));
            ((0..keys).map(code).collect(), keys)
        })
        .collect();
    let map = map_of(keys, &rows);
    let bytes = |strategy| {
        let shape = values_only(value_bytes, keys);
        traffic(&shape, &map, strategy, 1, &DramOptions::default()).burst_bytes
    };
    let (dense, once, skip) = (
        bytes(Strategy::DenseRefetch),
        bytes(Strategy::LoadOnce),
        bytes(Strategy::Skip),
    );
    assert_eq!(dense, 384 * 384 * 64);
    assert_eq!(once, 384 * 64);
    assert_eq!(skip, map.survivors() * 64);
    assert!(skip > 38 * once && skip < dense / 9);
}

/// Decode, one query of a head: skipping wins where the cache does not stay on chip, and loses
/// where it does. With K, it saves less than half.
#[test]
fn skipping_wins_in_decode_unless_the_cache_stays() {
    let keys = 1000;
    let codes: Vec<u8> = (0..keys).map(|key| u8::from(key % 10 == 0)).collect();
    let map = map_of(keys, &[(codes, keys)]);
    let bytes = |shape: &GroupShape, strategy| {
        traffic(shape, &map, strategy, 1, &DramOptions::default()).burst_bytes
    };
    let reloaded = values_only(64, keys);
    assert_eq!(bytes(&reloaded, Strategy::DenseRefetch), 64_000);
    assert_eq!(bytes(&reloaded, Strategy::LoadOnce), 64_000);
    assert_eq!(bytes(&reloaded, Strategy::Skip), 6_400);
    let kept = values_only(64, 1);
    assert_eq!(bytes(&kept, Strategy::LoadOnce), 64);
    assert_eq!(kept.on_chip_bytes(keys), 64_000);
    assert_eq!(kept.keys_on_chip(64_063), 1000);
    let with_keys = GroupShape {
        key_bits: 8,
        ..reloaded
    };
    assert_eq!(bytes(&with_keys, Strategy::DenseRefetch), 128_000);
    assert_eq!(bytes(&with_keys, Strategy::Skip), 70_400);
}

/// Three of four keys are pruned, and not a byte is saved: four values share a burst.
#[test]
fn bursts_eat_the_saving() {
    let codes: Vec<u8> = (0..64).map(|key| u8::from(key % 4 == 1)).collect();
    let map = map_of(64, &[(codes, 64)]);
    let of = |strategy, burst| {
        traffic(
            &values_only(16, 64),
            &map,
            strategy,
            1,
            &dram(burst, 2048, 8),
        )
    };
    let skip = of(Strategy::Skip, 64);
    assert_eq!(skip.value_bytes, 16 * 16);
    assert_eq!(skip.burst_bytes, of(Strategy::DenseRefetch, 64).burst_bytes);
    assert_eq!(of(Strategy::Skip, 16).burst_bytes, 16 * 16);
}

#[test]
fn blocks_end_where_they_are_told_to() {
    let mut map = SurvivorMap::new(2);
    for row in 0..5 {
        if row == 3 {
            map.end_block();
        }
        map.push_row(&[1, 1], 2);
    }
    let blocks = |size| map.blocks(size).collect::<Vec<_>>();
    assert_eq!(blocks(2), [0..2, 2..3, 3..5]);
    assert_eq!(blocks(8), [0..3, 3..5]);
    assert_eq!(blocks(0).len(), 5);
    let of = |size| {
        let shape = values_only(64, 2);
        traffic(&shape, &map, Strategy::Skip, size, &dram(64, 2048, 8)).value_bursts
    };
    assert_eq!((of(1), of(2), of(8)), (10, 6, 4));
}

#[test]
fn a_largest_key_is_read_whatever_its_code() {
    let mut map = SurvivorMap::new(100);
    let mut codes = vec![0; 100];
    codes[3] = 1;
    map.push_row_with_largest(&codes, 100, Some(70));
    map.push_row_with_largest(&codes, 70, Some(70));
    map.push_row_with_largest(&codes, 100, Some(3));
    assert_eq!((map.survivors(), map.kept()), (3, 4));
    let shape = values_only(64, 100);
    let skip = traffic(&shape, &map, Strategy::Skip, 1, &DramOptions::default());
    assert_eq!(skip.value_bytes, 4 * 64);
}

#[test]
fn what_is_beyond_a_row_is_not_read() {
    let mut map = SurvivorMap::new(3);
    map.push_row(&[1, 1, 1], 1);
    // Longer than the map, longer than the codes, empty.
    map.push_row(&[1, 1, 1, 1, 1], 5);
    map.push_row(&[1], 3);
    map.push_row(&[], 0);
    assert_eq!((map.survivors(), map.elements()), (1 + 3 + 1, 1 + 3 + 1));
    let empty = SurvivorMap::new(0);
    for strategy in Strategy::ALL {
        let moved = traffic(&values_only(64, 9), &empty, strategy, 1, &dram(64, 2048, 8));
        assert_eq!(moved, Traffic::default());
    }
    assert!(by_query_block(&values_only(64, 9), &empty, &DramOptions::default()).is_empty());
}

#[test]
fn options_outside_their_ranges_are_refused() {
    DramOptions::default().validate().expect("legal");
    let refused = |change: fn(&mut DramOptions)| {
        let mut options = DramOptions::default();
        change(&mut options);
        match options.validate() {
            Err(error @ MemoryError::Option { field, .. }) => (field, error.to_string()),
            other => panic!("{other:?}"),
        }
    };
    let (field, message) = refused(|o| o.burst_bytes = 48);
    assert_eq!(field, "burst_bytes");
    assert_eq!(
        message,
        "burst_bytes = 48: must be a power of two, 8..=4096"
    );
    assert_eq!(refused(|o| o.burst_bytes = 0).0, "burst_bytes");
    assert_eq!(refused(|o| o.burst_bytes = 8192).0, "burst_bytes");
    assert_eq!(refused(|o| o.page_bytes = 32).0, "page_bytes");
    assert_eq!(refused(|o| o.page_bytes = 3000).0, "page_bytes");
    assert_eq!(refused(|o| o.banks = 0).0, "banks");
    assert_eq!(refused(|o| o.bytes_per_cycle = 0.0).0, "bytes_per_cycle");
    assert_eq!(
        refused(|o| o.bytes_per_cycle = f64::NAN).0,
        "bytes_per_cycle"
    );
    assert_eq!(
        refused(|o| o.bytes_per_cycle = f64::INFINITY).0,
        "bytes_per_cycle"
    );
}

#[test]
fn sizes_follow_from_the_configuration() {
    use logattn_golden::Configuration;
    let of = |name| GroupShape::of(&Configuration::named(name).expect("known"), 7);
    let base = GroupShape {
        head_dimension: 64,
        value_bits: 8,
        key_bits: 8,
        query_bits: 8,
        attention_bits: 0,
        output_row_bytes: 64,
        new_keys: 7,
    };
    assert_eq!(of("base"), base);
    // Scores of 12 bits come in instead of queries and keys.
    let scores = GroupShape {
        key_bits: 0,
        query_bits: 0,
        attention_bits: 12,
        ..base
    };
    assert_eq!(of("base_scores"), scores);
    // 64 outputs of 12 bits, each in 2 bytes.
    assert_eq!(of("server").output_row_bytes, 128);
    // Exact sums: 8 + 7 + 8 bits in 3 bytes for 32 elements; 16 beats with 16 bits of normalizer.
    assert_eq!(of("nano").output_row_bytes, 32 * 3 + 16 * 2);
}

fn rows(keys: usize) -> impl Generator<Value = Vec<Row>> {
    let code = prop_oneof![3 => Just(0_u8), 1 => 1_u8..8];
    let row = (prop::collection::vec(code, keys), 0..=keys);
    prop::collection::vec(row, 1..9)
}

fn shapes() -> impl Generator<Value = GroupShape> {
    let byte = |most: u32| (0..=most).prop_map(|bytes| 8 * bytes);
    (
        1_usize..40,
        1_u32..3,
        byte(1),
        byte(1),
        0_usize..50,
        0_usize..9,
    )
        .prop_map(
            |(head_dimension, value, key_bits, query_bits, output_row_bytes, new_keys)| {
                GroupShape {
                    head_dimension,
                    value_bits: 8 * value,
                    key_bits,
                    query_bits,
                    attention_bits: 3,
                    output_row_bytes,
                    new_keys,
                }
            },
        )
}

fn cases() -> impl Generator<Value = (usize, Vec<Row>, GroupShape, DramOptions)> {
    let sizes = (3_u32..8, 0_u32..4, 1_u32..6);
    let drams = sizes.prop_map(|(burst, page, banks)| dram(1 << burst, 1 << (burst + page), banks));
    let keys = prop_oneof![1_usize..9, 60_usize..70, 120_usize..135];
    keys.prop_flat_map(move |keys| (Just(keys), rows(keys), shapes(), drams.clone()))
}

proptest! {
    #[test]
    fn every_byte_agrees((keys, rows, shape, dram) in cases(), query_block in 1_usize..10) {
        dram.validate().expect("legal");
        let map = map_of(keys, &rows);
        for strategy in Strategy::ALL {
            prop_assert_eq!(
                traffic(&shape, &map, strategy, query_block, &dram),
                naive(&shape, keys, &rows, strategy, query_block, &dram)
            );
        }
    }

    /// Skipping never moves more than reading everything, more pruning never moves more, and the
    /// curve over B is that of single calls: dense and skip fall with the rows that share a read.
    #[test]
    fn traffic_is_monotonic((keys, mut rows, shape, dram) in cases()) {
        let map = map_of(keys, &rows);
        let curve = by_query_block(&shape, &map, &dram);
        let sizes: Vec<usize> = curve.iter().map(|point| point.query_block).collect();
        let mut expected: Vec<usize> = [1, 2, 4, 8].into_iter().filter(|b| *b < rows.len()).collect();
        expected.push(rows.len());
        prop_assert_eq!(sizes, expected);
        for point in &curve {
            let bytes = |strategy| traffic(&shape, &map, strategy, point.query_block, &dram).burst_bytes;
            prop_assert_eq!(point.dense_refetch_bytes, bytes(Strategy::DenseRefetch));
            prop_assert_eq!(point.load_once_bytes, bytes(Strategy::LoadOnce));
            prop_assert_eq!(point.skip_bytes, bytes(Strategy::Skip));
            prop_assert!(point.skip_bytes <= point.dense_refetch_bytes);
        }
        // Powers of two only: the last size, all rows, always shares more than any of them.
        for pair in curve.windows(2) {
            prop_assert!(pair[1].dense_refetch_bytes <= pair[0].dense_refetch_bytes);
            prop_assert!(pair[1].skip_bytes <= pair[0].skip_bytes);
        }
        rows[0].0.fill(0);
        let pruned = by_query_block(&shape, &map_of(keys, &rows), &dram);
        for (less, more) in pruned.iter().zip(&curve) {
            prop_assert!(less.skip_bytes <= more.skip_bytes);
            prop_assert_eq!(less.dense_refetch_bytes, more.dense_refetch_bytes);
        }
    }
}
