//! Random small configurations.

use logattn_golden::{Accumulate, Configuration, Exp2, Input, Normalize};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A random small configuration that is valid: `seed` decides every field. About half of them
/// take probabilities, a quarter scores, a quarter queries and keys.
pub fn configuration(seed: u64) -> Configuration {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // A stream of its own, so that fields do not hang on the number of inputs.
    let mut input = ChaCha8Rng::seed_from_u64(seed);
    input.set_stream(1);
    let input = [
        Input::Probabilities,
        Input::Probabilities,
        Input::Scores,
        Input::Qkv,
    ][input.random_range(0..4)];
    loop {
        let candidate = candidate(&mut rng);
        let c = match input {
            Input::Probabilities => candidate,
            Input::Scores | Input::Qkv => scored(candidate, input, &mut rng),
        };
        if c.validate().is_ok() {
            return sorted(c, seed);
        }
    }
}

/// Half of the units that may sort their survivors do.
fn sorted(c: Configuration, seed: u64) -> Configuration {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(2);
    let sorted = Configuration {
        accumulate: Accumulate::Sorted,
        ..c.clone()
    };
    let may = c.accumulate == Accumulate::Shift && sorted.validate().is_ok();
    if may && rng.random() { sorted } else { c }
}

/// The same with scores, or with queries and keys of few elements.
fn scored(c: Configuration, input: Input, rng: &mut ChaCha8Rng) -> Configuration {
    let qkv = input == Input::Qkv;
    let lanes = if qkv {
        c.lanes.min(rng.random_range(1..=6))
    } else {
        c.lanes
    };
    let passes = if qkv { c.passes().min(2) } else { c.passes() };
    let accumulate = match c.accumulate {
        // The twin takes probabilities only.
        Accumulate::Multiply => Accumulate::Shift,
        accumulate => accumulate,
    };
    let max_shift = rng.random_range(1..=15);
    let is_shift = accumulate == Accumulate::Shift;
    let mut shifts = increasing(rng, c.levels_count(), 0..=max_shift);
    shifts.reverse();
    let complement = is_shift && c.query_block == 1 && rng.random();
    let normalize = if complement {
        Normalize::Complement
    } else {
        c.normalize
    };
    let fraction_bits = rng.random_range(0..=8);
    let distance_bits = rng.random_range(fraction_bits + 1..=fraction_bits + 5);
    let least_threshold = 2 - (1 << distance_bits);
    let divisors: Vec<usize> = (1..=lanes).filter(|n| lanes.is_multiple_of(*n)).collect();
    let most_beat = if qkv { 4 } else { 32 };
    Configuration {
        input,
        head_dimension: lanes * passes,
        lanes,
        query_block: if passes == 1 { c.query_block } else { 1 },
        keys_per_beat: c.keys_per_beat.min(most_beat),
        output_lanes: divisors[rng.random_range(0..divisors.len())],
        accumulate,
        max_shift: is_shift.then_some(max_shift as u32),
        shifts: if is_shift {
            shifts.iter().map(|shift| *shift as u32).collect()
        } else {
            Vec::new()
        },
        normalize,
        output_bits: (normalize != Normalize::None).then(|| rng.random_range(c.value_bits..=16)),
        probability_bits: 16,
        thresholds: Vec::new(),
        fraction_bits: Some(fraction_bits),
        score_bits: Some(rng.random_range(fraction_bits + 1..=32)),
        distance_bits: Some(distance_bits),
        guard_bits: Some(rng.random_range(0..=16)),
        exp2: Some([Exp2::Mitchell, Exp2::Table][rng.random_range(0..2)]),
        score_thresholds: increasing(rng, c.levels_count(), least_threshold..=0),
        ..c
    }
}

fn increasing(
    rng: &mut ChaCha8Rng,
    count: usize,
    range: std::ops::RangeInclusive<i32>,
) -> Vec<i32> {
    let draw = |_| rng.random_range(range.clone());
    let mut all: Vec<i32> = (0..count).map(draw).collect();
    all.sort_unstable();
    all
}

fn candidate(rng: &mut ChaCha8Rng) -> Configuration {
    let accumulate = [
        Accumulate::Shift,
        Accumulate::Shift,
        Accumulate::Bucket,
        Accumulate::Multiply,
    ][rng.random_range(0..4)];
    let power = |rng: &mut ChaCha8Rng, most: u32| 1_usize << rng.random_range(0..=most);
    let lanes: usize = rng.random_range(1..=12);
    let divisors: Vec<usize> = (1..=lanes).filter(|n| lanes.is_multiple_of(*n)).collect();
    let passes = power(rng, 2);
    let probability_bits = rng.random_range(12..=24);
    let code_bits = if accumulate == Accumulate::Multiply {
        3
    } else {
        rng.random_range(2..=4)
    };
    let value_bits = rng.random_range(2..=8);
    let codes = (1 << code_bits) - 1;
    let increasing = |rng: &mut ChaCha8Rng, range: std::ops::Range<u32>| {
        let mut all: Vec<u32> = (0..codes)
            .map(|_| rng.random_range(range.clone()))
            .collect();
        all.sort_unstable();
        all
    };
    let max_shift = rng.random_range(1..=15);
    let level_bits = rng.random_range(1..=16);
    let (shift, bucket) = (
        accumulate == Accumulate::Shift,
        accumulate == Accumulate::Bucket,
    );
    let reciprocal = rng.random_bool(0.5);
    let mut shifts = increasing(rng, 0..max_shift + 1);
    shifts.reverse();
    let keys_per_beat = power(rng, 5);
    Configuration {
        name: "random".into(),
        input: Input::Probabilities,
        code_bits,
        head_dimension: lanes * passes,
        max_keys: rng.random_range(keys_per_beat.max(2)..=80),
        value_bits,
        probability_bits,
        keys_per_beat,
        lanes,
        query_block: if passes == 1 { power(rng, 3) } else { 1 },
        accumulate,
        normalize: if reciprocal {
            Normalize::Reciprocal
        } else {
            Normalize::None
        },
        output_bits: reciprocal.then(|| rng.random_range(value_bits..=16)),
        output_lanes: divisors[rng.random_range(0..divisors.len())],
        value_banks: rng.random_range(1..=2),
        pipeline_depth: rng.random_range(1..=3),
        max_shift: shift.then_some(max_shift),
        thresholds: if accumulate == Accumulate::Multiply {
            Vec::new()
        } else {
            increasing(rng, 1..1 << probability_bits)
        },
        shifts: if shift { shifts } else { Vec::new() },
        levels: if bucket {
            increasing(rng, 1..1 << level_bits)
        } else {
            Vec::new()
        },
        level_bits: bucket.then_some(level_bits),
        fraction_bits: None,
        score_bits: None,
        distance_bits: None,
        guard_bits: None,
        exp2: None,
        score_thresholds: Vec::new(),
    }
}
