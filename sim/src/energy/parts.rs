//! The work of each part, as the RTL does it.

use super::counter::{Counter, Memory};
use super::operations::Datapath;
use super::{OperationKind, Operations, Part};
use logattn_golden::config::{
    Accumulate, Configuration, Input, LINEAR_CODE_BITS, Normalize, QUERY_KEY_BITS,
};
use logattn_golden::microarchitecture::{
    QUOTIENT_BITS_A_CYCLE, SORTED_ROWS, distance_buffer_depth, division_cycles,
    largest_weight_bits, queue_depth, score_buffer_depth, tree_levels,
};
use logattn_golden::reciprocal::ReciprocalFormat;
use logattn_golden::scores::{Exp2, ScoreFormat, ScoreParameters};

/// All parts.
pub(super) fn count(d: &Datapath, operations: &mut Operations) {
    let mut n = Counter {
        operations,
        part: Part::Streams,
        tree_levels: tree_levels(d.c),
        pipeline_depth: d.c.pipeline_depth,
    };
    streams(d, &mut n);
    if d.c.input == Input::Qkv {
        score_engine(d, n.at(Part::ScoreEngine));
    }
    if let Some(format) = d.c.score_format() {
        row_statistics(d, &format, n.at(Part::RowStatistics));
        score_quantizer(d, &format, n.at(Part::Quantizer));
    } else {
        quantizer(d, n.at(Part::Quantizer));
    }
    if d.c.accumulate == Accumulate::Sorted {
        survivor_sorter(d, n.at(Part::SurvivorSelector));
    } else {
        survivor_selector(d, n.at(Part::SurvivorSelector));
    }
    value_memory(d, n.at(Part::ValueMemory));
    let accumulate = match d.c.accumulate {
        Accumulate::Shift => shift_accumulator,
        Accumulate::Sorted => sorted_accumulator,
        Accumulate::Bucket => bucket_accumulator,
        Accumulate::Multiply => multiply_accumulator,
    };
    accumulate(d, n.at(Part::Accumulate));
    normalizer(d, n.at(Part::Normalizer));
}

impl Datapath<'_> {
    /// Places of all beats: keys of a beat times rows of a block.
    fn places(&self) -> u64 {
        self.a.beats * self.c.keys_per_beat as u64 * self.block_rows()
    }

    /// Beats times rows of a block.
    fn row_beats(&self) -> u64 {
        self.a.beats * self.block_rows()
    }

    /// Rows of a query block, B.
    fn block_rows(&self) -> u64 {
        self.c.query_block as u64
    }

    /// Rows of all query blocks, filled up.
    fn filled_rows(&self) -> u64 {
        self.a.blocks * self.block_rows()
    }

    /// Query blocks times passes: what the accumulator hands over.
    fn finished(&self) -> u64 {
        self.a.blocks * self.c.passes() as u64
    }

    /// Visits times rows of a block.
    fn row_visits(&self) -> u64 {
        self.a.visits * self.block_rows()
    }

    /// Visits times rows of a block times lanes.
    fn lane_visits(&self) -> u64 {
        self.row_visits() * self.c.lanes as u64
    }

    /// Elements of all outputs.
    fn outputs(&self) -> u64 {
        self.filled_rows() * self.c.head_dimension as u64
    }

    /// Bits of the index of a beat in its row.
    fn beat_bits(&self) -> u32 {
        self.c.beats(self.c.max_keys).next_power_of_two().ilog2()
    }
}

fn score_engine(d: &Datapath, n: &mut Counter) {
    let c = d.c;
    let vector = c.head_dimension as u32 * QUERY_KEY_BITS;
    let bank = match c.value_banks {
        1 => c.beats(c.max_keys),
        banks => banks << d.beat_bits(),
    };
    let keys = Memory {
        words: bank,
        bits: vector,
    };
    n.memory(
        OperationKind::SramWrite,
        "keys loaded",
        keys,
        d.a.keys_loaded,
    );
    let read = d.a.beats * c.keys_per_beat as u64;
    n.memory(OperationKind::SramRead, "keys read", keys, read);
    n.register("queries in use", vector, d.filled_rows());
    let staged = d.a.blocks * d.block_rows().saturating_sub(1);
    n.register("queries staged", vector, staged);
    n.wire_register("last queries staged", vector, d.a.blocks);

    let (places, elements) = (d.places(), c.head_dimension as u64);
    let factors = (QUERY_KEY_BITS, QUERY_KEY_BITS);
    n.multiply("products of query and key", factors, places * elements);
    n.further_register("keys in use", vector, read);
    n.further_register("queries multiplied", vector, d.filled_rows());
    n.register("products", 2 * QUERY_KEY_BITS, places * elements);
    n.wire_register("keys on their way", vector, 2 * read);
    n.wire_register("queries on their way", vector, 2 * d.filled_rows());
    n.wire_register(
        "products on their way",
        2 * QUERY_KEY_BITS,
        places * elements,
    );
    n.tree(
        OperationKind::Add,
        ("sums of products", "sums of products"),
        (c.head_dimension, 2 * QUERY_KEY_BITS, 1),
        places,
    );
    n.shift("products to scores", c.product_bits(), places);
    n.wire_register("partly shifted products", c.product_bits(), places);
    n.further_register("shifted products", c.product_bits(), places);
    n.register("scores", c.attention_bits(), places);
}

fn row_statistics(d: &Datapath, format: &ScoreFormat, n: &mut Counter) {
    let (c, p) = (d.c, format.parameters());
    let beat_places = (c.keys_per_beat * c.query_block) as u32;
    let scores = Memory {
        words: score_buffer_depth(c),
        bits: beat_places * (p.score_bits + 1),
    };
    let distances = Memory {
        words: distance_buffer_depth(c),
        bits: beat_places * p.distance_bits,
    };
    let buffers = [
        ("scores buffered", "scores read back", scores),
        ("distances buffered", "distances read back", distances),
    ];
    for (written, read, buffer) in buffers {
        n.memory(OperationKind::SramWrite, written, buffer, d.a.beats);
        n.memory(OperationKind::SramRead, read, buffer, d.a.beats);
    }
    n.further_register("scores in hand", scores.bits, d.a.beats);
    n.further_register("distances in hand", distances.bits, d.a.beats);
    largest_scores(d, p, n);
    powers_of_two(d, format, n);

    let width = p.distance_bits.max(format.offset_bits()) + 2;
    let levels = c.levels_count() as u64;
    n.add("thresholds moved", width, d.filled_rows() * (1 + levels));
    n.further_register("offsets", width, d.filled_rows());
    n.register(
        "thresholds moved",
        p.distance_bits,
        d.filled_rows() * levels,
    );
}

/// The largest score of each row, and the distances to it.
fn largest_scores(d: &Datapath, p: &ScoreParameters, n: &mut Counter) {
    n.tree(
        OperationKind::Compare,
        ("largest score of a beat", "largest score of a beat"),
        (d.c.keys_per_beat, p.score_bits, 0),
        d.row_beats(),
    );
    n.compare("largest score so far", p.score_bits, d.row_beats());
    n.register("largest score so far", p.score_bits, d.row_beats());
    let width = p.score_bits.max(p.distance_bits) + 1;
    n.add("distances to the largest score", width, d.places());
    n.register("distances", p.distance_bits, d.places());
}

/// Powers of two of the distances, and their sum over each row.
fn powers_of_two(d: &Datapath, format: &ScoreFormat, n: &mut Counter) {
    let p = format.parameters();
    let power = p.fraction_bits + p.guard_bits + 1;
    if p.exp2 == Exp2::Mitchell && p.fraction_bits > 0 {
        let bits = p.fraction_bits + 2;
        n.add("mantissas of powers of two", bits, d.places());
    }
    n.shift("powers of two", power + 1, d.places());
    n.register("powers of two", power, d.places());
    n.tree(
        OperationKind::Add,
        ("sums of powers of a beat", "sums of powers of a beat"),
        (d.c.keys_per_beat, power, 1),
        d.row_beats(),
    );
    n.add("sums of powers of a row", format.sum_bits(), d.row_beats());
    n.register("sums of powers of a row", format.sum_bits(), d.row_beats());
}

/// Codes of probabilities; the twin rounds them to 8 bits.
fn quantizer(d: &Datapath, n: &mut Counter) {
    let (c, places) = (d.c, d.places());
    if c.accumulate == Accumulate::Multiply {
        n.add("rounding to 8 bits", c.probability_bits + 1, places);
        n.further_register("rounded", LINEAR_CODE_BITS, places);
    } else {
        let compares = places * c.levels_count() as u64;
        n.compare("thresholds", c.probability_bits, compares);
        n.further_register("comparisons", c.levels_count() as u32, places);
    }
    codes(d, n);
}

/// Codes of distances: a comparison tells in which half a code is, and half of the thresholds
/// remain. With `normalize = "complement"` the largest key is coded too.
fn score_quantizer(d: &Datapath, format: &ScoreFormat, n: &mut Counter) {
    let bits = format.parameters().distance_bits;
    let largest = match d.c.normalize {
        Normalize::Complement => d.filled_rows(),
        Normalize::None | Normalize::Reciprocal => 0,
    };
    let coded = d.places() + largest;
    n.compare("middle threshold", bits, coded);
    n.further_register("distances compared", bits + 1, d.places());
    // Written as additions of which the carry is used.
    let others = (d.c.levels_count() / 2) as u64;
    n.add("thresholds of the half", bits, coded * others);
    codes(d, n);
}

fn codes(d: &Datapath, n: &mut Counter) {
    n.register("codes", d.c.stored_code_bits(), d.places());
    n.register("survivors of a beat", d.c.keys_per_beat as u32, d.a.beats);
}

fn survivor_selector(d: &Datapath, n: &mut Counter) {
    let c = d.c;
    let keys = c.keys_per_beat as u32;
    let mut entry = keys + keys * c.query_block as u32 * c.stored_code_bits() + d.beat_bits() + 1;
    let mut visits = keys;
    if c.normalize == Normalize::Complement {
        entry += 1 + d.beat_bits() + keys.ilog2() + c.stored_code_bits();
        visits += 1;
    }
    let queue = Memory {
        words: queue_depth(c),
        bits: entry,
    };
    let read = d.a.entries * c.passes() as u64;
    n.register("held entry", entry, d.a.entries);
    n.memory(
        OperationKind::SramWrite,
        "entries queued",
        queue,
        d.a.entries,
    );
    n.memory(OperationKind::SramRead, "entries read", queue, read);
    n.further_register("entry fetched", entry, read);
    n.register("entry in hand", entry, read);
    n.add("next survivor", visits, d.a.visits);
    n.register("survivors left", visits, d.a.visits);
}

/// Lists of the levels' survivors. How many of them share an entry is not known here: one entry a
/// survivor is the most there can be.
fn survivor_sorter(d: &Datapath, n: &mut Counter) {
    let c = d.c;
    let keys = c.keys_per_beat as u32;
    let entry = keys + d.beat_bits();
    let list = Memory {
        words: SORTED_ROWS << d.beat_bits().max(1),
        bits: entry,
    };
    let written = d.a.survivors;
    let read = written * c.passes() as u64;
    let levels = c.levels_count() as u64;
    n.compare("levels of keys", c.code_bits, d.places() * levels);
    n.register("lists' ends", d.beat_bits().max(1), written);
    n.memory(OperationKind::SramWrite, "entries queued", list, written);
    n.memory(OperationKind::SramRead, "entries read", list, read);
    n.further_register("entries fetched", entry, read);
    n.register("entries in hand", 2 * entry, read);
    n.add("next survivor", keys, d.a.visits);
    n.register("survivors left", keys, d.a.visits);
    if c.normalize == Normalize::Complement {
        let weight = largest_weight_bits(c);
        n.add("weight of the largest key", weight, d.places());
        n.register("weight of the largest key", weight, d.a.beats);
    }
}

fn value_memory(d: &Datapath, n: &mut Counter) {
    let c = d.c;
    let words = match c.value_banks {
        1 => c.value_words(),
        banks => banks * c.value_words().next_power_of_two(),
    };
    let values = Memory {
        words,
        bits: value_word(c),
    };
    let loaded = d.a.value_words_loaded;
    n.memory(OperationKind::SramWrite, "values loaded", values, loaded);
    n.memory(OperationKind::SramRead, "values read", values, d.a.visits);
    let codes = match c.accumulate {
        Accumulate::Sorted => 2 + u32::from(c.normalize == Normalize::Complement),
        _ => c.stored_code_bits() * c.query_block as u32,
    };
    n.register("codes of the key", codes, d.a.visits);
    let handed_over = c.key_bits() + codes + 3;
    n.further_register("survivors handed over", handed_over, d.a.visits);
    // Values that are sorted have one register, which is the accumulator's.
    if c.accumulate != Accumulate::Sorted {
        n.further_register("values fetched", value_word(c), d.a.visits);
    }
}

fn value_word(c: &Configuration) -> u32 {
    c.lanes as u32 * c.value_bits
}

fn shift_accumulator(d: &Datapath, n: &mut Counter) {
    let (c, lanes) = (d.c, d.lane_visits());
    let max_shift = c.max_shift.unwrap_or(0);
    let complement = c.normalize == Normalize::Complement;
    let shifted = c.value_bits + u32::from(complement) + max_shift;
    if complement {
        n.add("differences to the largest key", c.value_bits + 1, lanes);
        n.register("values of the largest key", c.value_bits, d.outputs());
        n.further_register("differences", c.value_bits + 1, lanes);
    }
    n.shift("values", shifted, lanes);
    n.register("shifted values", shifted, lanes);
    n.add("sums", c.accumulator_bits(), lanes);
    n.register("sums", c.accumulator_bits(), lanes);
    if !complement {
        let rows = d.row_visits();
        n.shift("levels", max_shift + 1, rows);
        n.register("levels", max_shift + 1, rows);
        n.add("normalizers", c.normalizer_bits(), rows);
        n.register("normalizers", c.normalizer_bits(), rows);
    }
}

/// The cycles that only double a sum are not counted: the workload's activity does not know them.
fn sorted_accumulator(d: &Datapath, n: &mut Counter) {
    let (c, lanes) = (d.c, d.lane_visits());
    let rows = d.row_visits();
    n.register("values added", c.value_bits, lanes);
    n.add("sums", c.accumulator_bits(), lanes);
    n.register("sums", c.accumulator_bits(), lanes);
    if c.normalize == Normalize::Complement {
        n.add("excess", c.accumulator_bits(), rows);
        n.register("excess", c.accumulator_bits(), rows);
    } else {
        n.register("levels", 1, rows);
        n.add("normalizers", c.normalizer_bits(), rows);
        n.register("normalizers", c.normalizer_bits(), rows);
    }
}

fn bucket_accumulator(d: &Datapath, n: &mut Counter) {
    let (c, lanes, rows) = (d.c, d.lane_visits(), d.row_visits());
    n.register("values", c.value_bits, lanes);
    n.add("buckets", c.bucket_bits(), lanes);
    n.register("buckets", c.bucket_bits(), lanes);
    n.add("counts", c.count_bits(), rows);
    n.register("counts", c.count_bits(), rows);
}

fn multiply_accumulator(d: &Datapath, n: &mut Counter) {
    let (c, lanes, rows) = (d.c, d.lane_visits(), d.row_visits());
    let product = c.value_bits + LINEAR_CODE_BITS + 1;
    n.multiply("values", (c.value_bits, LINEAR_CODE_BITS), lanes);
    n.register("products", product, lanes);
    n.add("sums", c.accumulator_bits(), lanes);
    n.register("sums", c.accumulator_bits(), lanes);
    n.register("probabilities", LINEAR_CODE_BITS, rows);
    n.add("normalizers", c.normalizer_bits(), rows);
    n.register("normalizers", c.normalizer_bits(), rows);
}

fn normalizer(d: &Datapath, n: &mut Counter) {
    let c = d.c;
    let sums = c.lanes as u64 * d.block_rows() * d.finished();
    if c.accumulate == Accumulate::Bucket {
        let levels = c.levels_count() as u32;
        n.register("held buckets", levels * c.bucket_bits(), sums);
        combine_levels(d, n);
    } else {
        n.register("held sums", c.accumulator_bits(), sums);
    }
    match (c.normalize, ReciprocalFormat::of(c), c.output_bits) {
        (Normalize::Reciprocal, Some(format), _) => divide(d, &format, n),
        (Normalize::Complement, _, Some(output_bits)) => round(d, output_bits, n),
        _ => {}
    }
}

/// Bucket mode: buckets and counts times the levels.
fn combine_levels(d: &Datapath, n: &mut Counter) {
    let (c, levels) = (d.c, d.c.levels_count() as u64);
    let level_bits = c.level_bits.unwrap_or(0);
    let (rows, outputs) = (d.block_rows() * d.finished(), d.outputs());
    // Buckets are signed: the level gets a leading zero, which costs nothing.
    let factors = (c.bucket_bits(), level_bits);
    n.multiply("buckets times levels", factors, levels * outputs);
    n.register(
        "products of buckets",
        c.bucket_bits() + level_bits + 1,
        levels * outputs,
    );
    n.add(
        "sums of products",
        c.accumulator_bits(),
        (levels - 1) * outputs,
    );
    n.register("sums of products", c.accumulator_bits(), outputs);
    let factors = (c.count_bits(), level_bits);
    n.multiply("counts times levels", factors, levels * rows);
    n.register(
        "products of counts",
        c.count_bits() + level_bits,
        levels * rows,
    );
    n.add("normalizers", c.normalizer_bits(), (levels - 1) * rows);
    n.register("normalizers", c.normalizer_bits(), rows);
}

/// One reciprocal a row and pass, one multiplication an element.
fn divide(d: &Datapath, format: &ReciprocalFormat, n: &mut Counter) {
    let c = d.c;
    let (rows, outputs) = (d.block_rows() * d.finished(), d.outputs());
    let cycles = rows * u64::from(division_cycles(c));
    let steps = cycles * u64::from(QUOTIENT_BITS_A_CYCLE);
    let bits = format.normalizer_bits;
    n.shift("normalizers aligned", bits, rows);
    n.register("normalizers aligned", bits, rows);
    n.compare("division steps", bits + 1, steps);
    n.add("division steps", bits + 1, steps);
    n.register("remainders", bits, cycles);
    n.register("reciprocals", format.reciprocal_bits, cycles);
    n.add("reciprocals rounded up", format.reciprocal_bits, rows);

    n.add("magnitudes", c.accumulator_bits(), outputs);
    n.add("dividends", format.numerator_bits, outputs);
    n.register("dividends", format.numerator_bits, outputs);
    let factors = (format.numerator_bits, format.reciprocal_bits);
    n.multiply("dividends times reciprocals", factors, outputs);
    let window = format.output_bits + bits - 1;
    n.register("products", window, outputs);
    n.shift("quotients", window, outputs);
    n.add("signs", format.output_bits, outputs);
    n.register("outputs", format.output_bits, outputs);
}

/// `normalize = "complement"`: the denominator is a power of two.
fn round(d: &Datapath, output_bits: u32, n: &mut Counter) {
    let c = d.c;
    n.further_register("sums chosen", c.accumulator_bits(), d.outputs());
    let dropped = (c.max_shift.unwrap_or(0) + c.value_bits).saturating_sub(output_bits);
    if c.accumulate == Accumulate::Sorted {
        let whole = c.accumulator_bits() - c.max_shift.unwrap_or(0);
        n.add("excess", whole, d.outputs());
    }
    if dropped > 0 {
        let bits = c.accumulator_bits() + 1 - dropped;
        n.add("rounding", bits, d.outputs());
    }
    n.register("outputs", output_bits, d.outputs());
}

/// The register at each input stream.
fn streams(d: &Datapath, n: &mut Counter) {
    let c = d.c;
    if c.input == Input::Qkv {
        let vector = c.head_dimension as u32 * QUERY_KEY_BITS;
        n.register("queries", vector, d.filled_rows());
        n.register("keys", vector, d.a.keys_loaded);
    } else {
        n.register("attention", c.attention_bits(), d.places());
    }
    n.register("values", value_word(c), d.a.value_words_loaded);
}
