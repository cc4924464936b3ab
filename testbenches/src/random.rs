//! Random heads and random small configurations, from a seed.

use crate::stimulus::Head;
use logattn_golden::{Accumulate, Configuration};
use ndarray::Array2;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Cycles of 256 in which every port stalls at random, unless a run says otherwise.
pub const STALLED: u8 = 96;

/// What kind of rows to play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Random row lengths, of which a random number of masked keys is sent too; probabilities
    /// spread over all codes, many of them exactly at a threshold or one below it.
    Random,
    /// Every key is pruned.
    AllPruned,
    /// No key is pruned.
    NonePruned,
    /// One key a head.
    SingleKey,
    /// `max_keys` keys, all sent.
    FullLength,
    /// As `FullLength`, with every key at the highest code and every value the most negative one:
    /// the widest sums there are.
    Widest,
    /// As `FullLength`, with about three keys a row at the lowest threshold and the others 0: means
    /// that often lie halfway between two outputs.
    Halves,
}

impl Rows {
    /// What the kind is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Rows::Random => "random",
            Rows::AllPruned => "all-pruned",
            Rows::NonePruned => "none-pruned",
            Rows::SingleKey => "single-key",
            Rows::FullLength => "full-length",
            Rows::Widest => "widest",
            Rows::Halves => "halves",
        }
    }

    /// All kinds.
    pub const ALL: [Rows; 7] = [
        Rows::Random,
        Rows::AllPruned,
        Rows::NonePruned,
        Rows::SingleKey,
        Rows::FullLength,
        Rows::Widest,
        Rows::Halves,
    ];
}

/// `heads` heads of `blocks` query blocks each.
pub fn heads(c: &Configuration, rows: Rows, heads: usize, blocks: usize, seed: u64) -> Vec<Head> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..heads)
        .map(|_| head(c, rows, blocks, &mut rng))
        .collect()
}

fn head(c: &Configuration, rows: Rows, blocks: usize, rng: &mut ChaCha8Rng) -> Head {
    let keys = match rows {
        Rows::SingleKey => 1,
        Rows::FullLength | Rows::Widest | Rows::Halves => c.max_keys,
        _ => rng.random_range(1..=c.max_keys),
    };
    let half = 1 << (c.value_bits - 1);
    let extreme = rows == Rows::Widest || rng.random_bool(0.2);
    let values = Array2::from_shape_fn((keys, c.head_dimension), |_| {
        if extreme {
            -half as i8
        } else {
            rng.random_range(-half..half) as i8
        }
    });
    // A head's own mixture: from nearly everything pruned to nearly nothing.
    let spread = rng.random_range(0..=c.probability_bits);
    let probabilities = Array2::from_shape_fn((blocks * c.query_block, keys), |_| {
        probability(c, rows, spread, rng)
    });
    let (mut lengths, mut sent) = (Vec::new(), Vec::new());
    for _ in 0..blocks {
        let length = match rows {
            Rows::Random => rng.random_range(0..=keys),
            _ => keys,
        };
        lengths.push(length);
        sent.push(if rows == Rows::Random {
            rng.random_range(length.max(1)..=keys)
        } else {
            keys
        });
    }
    Head {
        probabilities,
        values,
        lengths,
        sent,
    }
}

fn probability(c: &Configuration, rows: Rows, spread: u32, rng: &mut impl Rng) -> u32 {
    let range = 1_u32 << c.probability_bits;
    let lowest = c.thresholds.first().copied().unwrap_or(1);
    match rows {
        Rows::AllPruned => rng.random_range(0..lowest),
        Rows::NonePruned => rng.random_range(lowest..range),
        Rows::Widest => range - 1,
        Rows::Halves => {
            if rng.random_range(0..c.max_keys) < 3 {
                lowest
            } else {
                0
            }
        }
        _ if !c.thresholds.is_empty() && rng.random_bool(0.3) => {
            let threshold = c.thresholds[rng.random_range(0..c.thresholds.len())];
            threshold - rng.random_range(0..=1)
        }
        _ => rng.random_range(0..range) >> rng.random_range(0..=spread),
    }
}

/// A random small configuration that is valid: `seed` decides every field.
pub fn configuration(seed: u64) -> Configuration {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    loop {
        let c = candidate(&mut rng);
        if c.validate().is_ok() {
            return c;
        }
    }
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
        input: logattn_golden::Input::Probabilities,
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
            logattn_golden::Normalize::Reciprocal
        } else {
            logattn_golden::Normalize::None
        },
        output_bits: reciprocal.then(|| rng.random_range(value_bits..=16)),
        output_lanes: divisors[rng.random_range(0..divisors.len())],
        value_banks: rng.random_range(1..=2),
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn kinds_have_names_of_their_own() {
        let names: BTreeSet<&str> = Rows::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Rows::ALL.len());
    }
}
