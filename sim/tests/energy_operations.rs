//! What units do and what it costs: a row or two by hand for each kind of unit.

use OperationKind::{Add, Compare, Multiply, Register, Shift, SramRead, SramWrite};
use logattn_golden::config::{Accumulate, Configuration};
use logattn_sim::energy::{
    Activity, EnergyBreakdown, EnergyTable, LevelBits, OperationKind, Operations, Part, energy,
};
use logattn_sim::memory::{Strategy, SurvivorMap};

/// Kind, widths of both operands, capacity in bits, count.
type Work = (OperationKind, (u32, u32), u64, u64);

fn named(name: &str) -> Configuration {
    Configuration::named(name).expect("known")
}

fn work(kind: OperationKind, bits: u32, count: u64) -> Work {
    (kind, (bits, bits), 0, count)
}

fn multiply(bits: (u32, u32), count: u64) -> Work {
    (Multiply, bits, 0, count)
}

fn memory(kind: OperationKind, bits: u32, words: u64, count: u64) -> Work {
    (kind, (bits, bits), words * u64::from(bits), count)
}

/// The same sum and its register.
fn summed(bits: u32, count: u64) -> [Work; 2] {
    [work(Add, bits, count), work(Register, bits, count)]
}

/// A part's operations, sorted; those of the same kind and width are added up.
fn of_part(operations: &Operations, part: Part) -> Vec<Work> {
    let list = operations.part(part).map(|each| {
        let bits = (each.bits, each.other_bits);
        (each.kind, bits, each.capacity_bits, each.count)
    });
    merged(list.collect())
}

fn merged(mut list: Vec<Work>) -> Vec<Work> {
    list.sort_by_key(|work| (work.0.name(), work.1, work.2));
    let mut merged: Vec<Work> = Vec::new();
    for work in list {
        match merged.last_mut() {
            Some(last) if (last.0, last.1, last.2) == (work.0, work.1, work.2) => last.3 += work.3,
            _ => merged.push(work),
        }
    }
    merged
}

fn assert_part(operations: &Operations, part: Part, expected: &[&[Work]]) {
    assert_eq!(
        of_part(operations, part),
        merged(expected.concat()),
        "{}",
        part.name()
    );
}

/// One row of five keys, of which keys 0 and 3 survive; key 0 is the largest.
fn one_row() -> SurvivorMap {
    let mut map = SurvivorMap::new(5);
    map.push_row_with_largest(&[3, 0, 0, 1, 0], 5, Some(0));
    map
}

fn operations(configuration: &Configuration) -> Operations {
    let activity = Activity::of(configuration, &one_row(), Strategy::LoadOnce);
    Operations::of(configuration, &activity)
}

/// D = 32 in two passes of 16 lanes, four keys a beat, 256 keys; sums of 23 bits, normalizers of
/// 16.
#[test]
fn nano_by_hand() {
    let nano = named("nano");
    let found = Activity::of(&nano, &one_row(), Strategy::LoadOnce);
    let expected = Activity {
        rows: 1,
        blocks: 1,
        elements: 5,
        beats: 2,
        entries: 1,
        survivors: 2,
        visits: 2 * 2,
        value_words_loaded: 5 * 2,
        keys_loaded: 0,
    };
    assert_eq!(found, expected);
    let n = operations(&nano);
    // Two beats have eight places.
    let codes = [work(Register, 3, 8), work(Register, 4, 2)];
    assert_part(&n, Part::Quantizer, &[&[work(Compare, 16, 8 * 7)], &codes]);
    // Survivors, codes, one of 64 beats, last.
    let entry = 4 + 4 * 3 + 6 + 1;
    let queue = [
        memory(SramWrite, entry, 128, 1),
        memory(SramRead, entry, 128, 2),
        work(Register, entry, 1 + 2),
    ];
    assert_part(&n, Part::SurvivorSelector, &[&queue, &summed(4, 4)]);
    let values = [
        memory(SramWrite, 128, 512, 10),
        memory(SramRead, 128, 512, 4),
        work(Register, 3, 4),
    ];
    assert_part(&n, Part::ValueMemory, &[&values]);
    let lanes = 4 * 16;
    let shifts = [work(Shift, 15, lanes), work(Register, 15, lanes)];
    let levels = [work(Shift, 8, 4), work(Register, 8, 4)];
    assert_part(
        &n,
        Part::Accumulate,
        &[&shifts, &summed(23, lanes), &levels, &summed(16, 4)],
    );
    assert_part(&n, Part::Normalizer, &[&[work(Register, 23, 32)]]);
    let streams = [work(Register, 16, 8), work(Register, 128, 10)];
    assert_part(&n, Part::Streams, &[&streams]);
    assert_part(&n, Part::ScoreEngine, &[]);
    assert_part(&n, Part::RowStatistics, &[]);
    assert_eq!(n.count(Shift), 64 + 4);
    let registers = 8 * 3 + 2 * 4 // quantizer
        + 3 * 23 + 4 * 4 + 4 * 3 // selector, codes of the key
        + 64 * (15 + 23) + 4 * (8 + 16) + 32 * 23
        + 8 * 16 + 10 * 128;
    let expected = LevelBits {
        register: registers,
        sram_read: 2 * 23 + 4 * 128,
        sram_write: 23 + 10 * 128,
    };
    assert_eq!(n.level_bits(), expected);
}

/// The same row through the int8 twin: every key is visited and multiplied. Sums of 24 bits.
#[test]
fn the_twin_by_hand() {
    let n = operations(&named("nano_int8"));
    let codes = [work(Register, 8, 8), work(Register, 4, 2)];
    assert_part(&n, Part::Quantizer, &[&[work(Add, 17, 8)], &codes]);
    let entry = 4 + 4 * 8 + 6 + 1;
    let queue = [
        memory(SramWrite, entry, 128, 2),
        memory(SramRead, entry, 128, 4),
        work(Register, entry, 2 + 4),
    ];
    assert_part(&n, Part::SurvivorSelector, &[&queue, &summed(4, 10)]);
    let values = [
        memory(SramWrite, 128, 512, 10),
        memory(SramRead, 128, 512, 10),
        work(Register, 8, 10),
    ];
    assert_part(&n, Part::ValueMemory, &[&values]);
    let lanes = 5 * 32;
    let products = [multiply((8, 8), lanes), work(Register, 17, lanes)];
    let probabilities = [work(Register, 8, 10)];
    assert_part(
        &n,
        Part::Accumulate,
        &[
            &products,
            &summed(24, lanes),
            &probabilities,
            &summed(16, 10),
        ],
    );
    assert_part(&n, Part::Normalizer, &[&[work(Register, 24, 32)]]);
}

/// The score engine with all the registers that there are: every level of the adders has one, the
/// shifted sum too, keys, queries and products have three beside the memory's, five and two.
#[test]
fn score_engine_of_depth_3_by_hand() {
    let base = Configuration {
        keys_per_beat: 4,
        ..named("base")
    };
    assert_eq!(base.pipeline_depth, 3);
    // Keys: four memories of two banks of 128 words of 64 bytes. Two beats read all four.
    let keys = [
        memory(SramWrite, 512, 256, 5),
        memory(SramRead, 512, 256, 8),
        work(Register, 512, 3 * 8 + 5),
    ];
    let products = [multiply((8, 8), 8 * 64), work(Register, 16, 2 * 8 * 64)];
    let levels = [(17, 32), (18, 16), (19, 8), (20, 4), (21, 2), (22, 1)];
    let tree = levels.map(|(bits, sums)| summed(bits, 8 * sums)).concat();
    let scores = [
        work(Shift, 22, 8),
        work(Register, 22, 2 * 8),
        work(Register, 12, 8),
    ];
    let expected: [&[Work]; 4] = [&keys, &products, &tree, &scores];
    assert_part(&operations(&base), Part::ScoreEngine, &expected);
}

/// Queries and keys in, complement out: D = 64 lanes, four keys a beat, 512 keys, scores of 12
/// bits, distances of 8, F = 4, G = 10.
#[test]
fn base_by_hand() {
    let base = Configuration {
        keys_per_beat: 4,
        pipeline_depth: 1,
        accumulate: Accumulate::Shift,
        ..named("base")
    };
    let n = operations(&base);
    // Keys: four memories of two banks of 128 words of 64 bytes. Two beats read all four.
    let keys = [
        memory(SramWrite, 512, 256, 5),
        memory(SramRead, 512, 256, 8),
        work(Register, 512, 1),
    ];
    // Eight scores of 64 products each; registers behind every second level of adders.
    let products = [multiply((8, 8), 8 * 64), work(Register, 16, 8 * 64)];
    let tree = [
        work(Add, 17, 8 * 32),
        work(Add, 18, 8 * 16),
        work(Register, 18, 8 * 16),
        work(Add, 19, 8 * 8),
        work(Add, 20, 8 * 4),
        work(Register, 20, 8 * 4),
        work(Add, 21, 8 * 2),
        work(Add, 22, 8),
        work(Register, 22, 8),
    ];
    let scores = [work(Shift, 22, 8), work(Register, 12, 8)];
    assert_part(&n, Part::ScoreEngine, &[&keys, &products, &tree, &scores]);
    let buffers = [
        memory(SramWrite, 4 * 13, 256, 2),
        memory(SramRead, 4 * 13, 256, 2),
        memory(SramWrite, 4 * 8, 256, 2),
        memory(SramRead, 4 * 8, 256, 2),
    ];
    // Three comparisons in a beat, one with the beats before; a register after either.
    let largest = [work(Compare, 12, 2 * (3 + 1)), work(Register, 12, 2 * 2)];
    let distances = [work(Add, 13, 8), work(Register, 8, 8)];
    let powers = [work(Add, 6, 8), work(Shift, 16, 8), work(Register, 15, 8)];
    let sums = [
        work(Add, 16, 2 * 2),
        work(Add, 17, 2),
        work(Register, 17, 2),
    ];
    let thresholds = [work(Add, 10, 1 + 7), work(Register, 8, 7)];
    assert_part(
        &n,
        Part::RowStatistics,
        &[
            &buffers,
            &largest,
            &distances,
            &powers,
            &sums,
            &summed(24, 2),
            &thresholds,
        ],
    );
    // Eight places and the largest key: one comparison, then three additions.
    let coded = [work(Compare, 8, 9), work(Add, 8, 27)];
    let codes = [work(Register, 3, 8), work(Register, 4, 2)];
    assert_part(&n, Part::Quantizer, &[&coded, &codes]);
    // The entry brings the largest key along: that it does, its index and its code.
    let entry = 4 + 4 * 3 + 7 + 1 + (1 + 9 + 3);
    let queue = [
        memory(SramWrite, entry, 256, 1),
        memory(SramRead, entry, 256, 1),
        work(Register, entry, 2),
    ];
    assert_part(&n, Part::SurvivorSelector, &[&queue, &summed(5, 2)]);
    let lanes = 2 * 64;
    let differences = [work(Add, 9, lanes), work(Register, 8, 64)];
    let shifts = [work(Shift, 16, lanes), work(Register, 16, lanes)];
    assert_part(
        &n,
        Part::Accumulate,
        &[&differences, &shifts, &summed(25, lanes)],
    );
    let rounding = [work(Add, 25 - 7 + 1, 64), work(Register, 8, 64)];
    assert_part(
        &n,
        Part::Normalizer,
        &[&[work(Register, 25, 64)], &rounding],
    );
    let streams = [work(Register, 512, 1 + 5 + 5)];
    assert_part(&n, Part::Streams, &[&streams]);
}

/// Blocks of four rows: three rows keep keys 0, none and 0, so that key 0 is read once and shifted
/// for all four. Sums of 25 bits, normalizers of 18, outputs of 12.
#[test]
fn server_by_hand() {
    let server = named("server");
    let mut map = SurvivorMap::new(2);
    for codes in [[1, 0], [0, 0], [2, 0]] {
        map.push_row(&codes, 2);
    }
    let activity = Activity::of(&server, &map, Strategy::Skip);
    let expected = Activity {
        rows: 3,
        blocks: 1,
        elements: 6,
        beats: 1,
        entries: 1,
        survivors: 2,
        visits: 1,
        value_words_loaded: 1,
        keys_loaded: 0,
    };
    assert_eq!(activity, expected);
    let n = Operations::of(&server, &activity);
    let codes = [work(Register, 3, 32), work(Register, 8, 1)];
    assert_part(&n, Part::Quantizer, &[&[work(Compare, 16, 32 * 7)], &codes]);
    let lanes = 4 * 64;
    let shifts = [work(Shift, 15, lanes), work(Register, 15, lanes)];
    let levels = [work(Shift, 8, 4), work(Register, 8, 4)];
    assert_part(
        &n,
        Part::Accumulate,
        &[&shifts, &summed(25, lanes), &levels, &summed(18, 4)],
    );
    // Reciprocals of 31 bits, two a cycle: 16 cycles, 32 steps for each of four rows.
    let aligned = [work(Shift, 18, 4), work(Register, 18, 4)];
    let division = [
        work(Compare, 19, 4 * 32),
        work(Add, 19, 4 * 32),
        work(Register, 18, 4 * 16),
        work(Register, 31, 4 * 16),
        work(Add, 31, 4),
    ];
    let outputs = [
        work(Register, 25, 256),
        work(Add, 25, 256),
        work(Add, 30, 256),
        work(Register, 30, 256),
        multiply((30, 31), 256),
        work(Register, 29, 256),
        work(Shift, 29, 256),
        work(Add, 12, 256),
        work(Register, 12, 256),
    ];
    assert_part(&n, Part::Normalizer, &[&aligned, &division, &outputs]);
}

/// Buckets of 17 bits, counts of 10, levels of 16, sums of 33, normalizers of 25.
#[test]
fn paper_by_hand() {
    let n = operations(&named("paper"));
    let lanes = 2 * 32;
    assert_part(
        &n,
        Part::Accumulate,
        &[
            &[work(Register, 8, lanes)],
            &summed(17, lanes),
            &summed(10, 2),
        ],
    );
    let buckets = [
        work(Register, 7 * 17, 32),
        multiply((17, 16), 32 * 7),
        work(Register, 34, 32 * 7),
        work(Add, 33, 32 * 6),
        work(Register, 33, 32),
    ];
    let counts = [
        multiply((10, 16), 7),
        work(Register, 26, 7),
        work(Add, 25, 6),
        work(Register, 25, 1),
    ];
    // Reciprocals of 35 bits: 18 cycles, 36 steps.
    let division = [
        work(Shift, 25, 1),
        work(Register, 25, 1),
        work(Compare, 26, 36),
        work(Add, 26, 36),
        work(Register, 25, 18),
        work(Register, 35, 18),
        work(Add, 35, 1),
    ];
    let outputs = [
        work(Add, 33, 32),
        work(Add, 34, 32),
        work(Register, 34, 32),
        multiply((34, 35), 32),
        work(Register, 32, 32),
        work(Shift, 32, 32),
        work(Add, 8, 32),
        work(Register, 8, 32),
    ];
    assert_part(
        &n,
        Part::Normalizer,
        &[&buckets, &counts, &division, &outputs],
    );
}

/// A table in which nothing is free and every operation has another price a bit.
fn prices() -> EnergyTable {
    let entry = |(name, picojoules): (&str, u32)| {
        let sram = name.starts_with("sram");
        let capacity = if sram { "kilobytes = 1\n" } else { "" };
        let scaling = if name == "multiply" {
            "quadratic"
        } else {
            "linear"
        };
        format!(
            "[[entry]]\noperation = \"{name}\"\nbits = 1\npicojoules = {picojoules}\n{capacity}\
             scaling = \"{scaling}\"\nnode_nm = 7\nsource = \"made up\"\n"
        )
    };
    let entries = [
        ("compare", 1),
        ("shift", 10),
        ("add", 100),
        ("multiply", 1000),
        ("register", 3),
        ("sram_read", 30),
        ("sram_write", 300),
        ("dram_low", 7),
        ("dram_high", 8),
    ];
    let text: String = entries.into_iter().map(entry).collect();
    EnergyTable::from_toml(&format!("name = \"prices\"\n{text}"), "prices.toml").expect("legal")
}

#[test]
fn prices_by_hand() {
    let picojoules = |breakdown: &EnergyBreakdown, part: Part| {
        let mut parts = breakdown.parts.iter();
        parts
            .find(|each| each.part == part)
            .map(|each| each.picojoules)
    };
    let near = |found: Option<f64>, expected: u32| {
        let found = found.expect("every part is there");
        assert!(
            (found - f64::from(expected)).abs() < 1e-6,
            "{found}, {expected}"
        );
    };
    let nano = energy(&prices(), &operations(&named("nano")), 1000);
    near(picojoules(&nano, Part::ScoreEngine), 0);
    near(
        picojoules(&nano, Part::Quantizer),
        56 * 16 + 3 * (8 * 3 + 2 * 4),
    );
    near(
        picojoules(&nano, Part::ValueMemory),
        300 * 10 * 128 + 30 * 4 * 128 + 3 * 4 * 3,
    );
    let shifts = 10 * (64 * 15 + 4 * 8);
    let adds = 100 * (64 * 23 + 4 * 16);
    let registers = 3 * (64 * (15 + 23) + 4 * (8 + 16));
    near(
        picojoules(&nano, Part::Accumulate),
        shifts + adds + registers,
    );
    assert!((nano.dram_low - 7000.0).abs() < 1e-6 && (nano.dram_high - 8000.0).abs() < 1e-6);
    assert!((nano.total_low() - nano.on_chip() - 7000.0).abs() < 1e-6);
    assert!((nano.total_high() - nano.on_chip() - 8000.0).abs() < 1e-6);
    let twin = energy(&prices(), &operations(&named("nano_int8")), 0);
    near(
        picojoules(&twin, Part::Accumulate),
        1000 * 160 * 64 + 100 * (160 * 24 + 10 * 16) + 3 * (160 * (17 + 24) + 10 * (8 + 16)),
    );
    let mut sum = EnergyBreakdown::default();
    sum += nano.clone();
    sum += twin.clone();
    assert!((sum.on_chip() - nano.on_chip() - twin.on_chip()).abs() < 1e-6);
    assert!((sum.dram_high - 8000.0).abs() < 1e-6);
}

/// Documents and enums call things by the same names.
#[test]
fn names_are_those_of_documents() {
    let written = |value: toml::Value| value.as_str().map(str::to_owned);
    for part in Part::ALL {
        let value = toml::Value::try_from(part).expect("a string");
        assert_eq!(written(value).as_deref(), Some(part.name()));
    }
    for kind in OperationKind::ALL {
        let value = toml::Value::try_from(kind).expect("a string");
        assert_eq!(written(value).as_deref(), Some(kind.name()));
    }
    for strategy in Strategy::ALL {
        let value = toml::Value::try_from(strategy).expect("a string");
        assert_eq!(written(value).as_deref(), Some(strategy.name()));
    }
}
