//! Rows of scores that are worth playing.

use super::Rows;
use logattn_golden::{Configuration, ScoreFormat};
use ndarray::Array1;
use rand::{Rng, RngExt};
use std::ops::RangeInclusive;

/// Rounds of moving keys to thresholds: each changes the row's sum, and with it the thresholds a
/// little.
const TIE_ROUNDS: usize = 2;

/// What rows of one kind need to know of a configuration with scores.
pub(super) struct ScoreRows<'a> {
    format: &'a ScoreFormat,
    pub rows: Rows,
    query_block: usize,
    /// Legal numbers of keys of a head.
    keys: RangeInclusive<usize>,
    /// Keys of a row of the widest kind that are at its largest score.
    close: usize,
}

impl<'a> ScoreRows<'a> {
    pub fn new(c: &Configuration, format: &'a ScoreFormat, rows: Rows) -> Self {
        let all = 1..=c.max_keys;
        let survive = |keys: &usize| flat_offset(format, *keys) <= reach(format);
        let keys = match rows {
            Rows::Random => all.clone(),
            Rows::SingleKey => 1..=1,
            Rows::FullLength | Rows::Widest | Rows::Halves => c.max_keys..=c.max_keys,
            Rows::AllPruned => {
                let fewest = all.clone().find(|keys| !survive(keys));
                fewest.unwrap_or(c.max_keys)..=c.max_keys
            }
            // The offset of one key is 0, which every threshold lets survive.
            Rows::NonePruned => 1..=all.clone().take_while(survive).last().unwrap_or(1),
        };
        let weight_sum = |keys: &usize| *keys as u64 * flat_weight(c, format, *keys);
        ScoreRows {
            format,
            rows,
            query_block: c.query_block,
            keys,
            close: all.max_by_key(weight_sum).unwrap_or(1),
        }
    }

    /// Whether a head can have so many keys that each row of a block has one more than the last.
    pub fn may_be_causal(&self) -> bool {
        self.query_block > 1 && *self.keys.end() >= self.query_block
    }

    /// Keys of a head whose blocks' longest rows have `more` keys more than the first ones.
    pub fn keys(&self, more: usize, rng: &mut impl Rng) -> usize {
        let (fewest, most) = (*self.keys.start(), *self.keys.end());
        let fewest = if more == 0 {
            fewest
        } else {
            (fewest + more).min(most)
        };
        rng.random_range(fewest..=most)
    }

    /// y of a row of `length` keys, followed by masked keys up to `keys`.
    pub fn row(&self, length: usize, keys: usize, rng: &mut impl Rng) -> Array1<i32> {
        let (least, most) = self.range();
        let distances = self.distances(length, rng);
        let farthest = distances.iter().copied().max().unwrap_or(0);
        // Low enough for the most negative score, but not cut off there.
        let lowest = (i64::from(least) + i64::from(farthest)).min(i64::from(most));
        let maximum = match rng.random_range(0..4) {
            0 => i64::from(most),
            1 => lowest,
            _ => rng.random_range(lowest..=i64::from(most)),
        };
        Array1::from_shape_fn(keys, |key| match distances.get(key) {
            Some(distance) => (maximum - i64::from(*distance)).max(i64::from(least)) as i32,
            None => rng.random_range(least..=most),
        })
    }

    /// The least and the largest y.
    pub fn range(&self) -> (i32, i32) {
        let unused = i32::BITS - self.format.parameters().score_bits;
        (i32::MIN >> unused, i32::MAX >> unused)
    }

    /// The distance that no other can be told from.
    pub fn most_distance(&self) -> u32 {
        self.format.most_distance()
    }

    /// Distances of which `length` keys survive together, whatever they are, if any do.
    pub fn room(&self, length: usize) -> u32 {
        reach(self.format).saturating_sub(flat_offset(self.format, length))
    }

    /// Whether a key of a row of `length` keys is one of those at the row's largest score, of the
    /// kinds that have only those and others far below. Key 0 is one.
    pub fn is_close(&self, key: usize, length: usize, rng: &mut impl Rng) -> bool {
        let close = if self.rows == Rows::Widest {
            self.close
        } else {
            3
        };
        key == 0 || rng.random_range(0..length) < close
    }

    fn distances(&self, length: usize, rng: &mut impl Rng) -> Vec<u32> {
        let far = self.most_distance().saturating_mul(2);
        match self.rows {
            Rows::AllPruned => vec![0; length],
            Rows::NonePruned => {
                let room = self.room(length);
                (0..length).map(|_| rng.random_range(0..=room)).collect()
            }
            Rows::Widest | Rows::Halves => (0..length)
                .map(|key| {
                    if self.is_close(key, length, rng) {
                        0
                    } else {
                        far
                    }
                })
                .collect(),
            Rows::Random | Rows::SingleKey | Rows::FullLength => self.mixed(length, rng),
        }
    }

    /// Rows of all sorts.
    fn mixed(&self, length: usize, rng: &mut impl Rng) -> Vec<u32> {
        let (least, most) = self.range();
        let widest = most.abs_diff(least);
        match rng.random_range(0..10) {
            0 => (0..length).map(|_| rng.random_range(0..=widest)).collect(),
            1 => (0..length)
                .map(|_| widest * rng.random::<bool>() as u32)
                .collect(),
            // Flat, or nearly so.
            2 => {
                let step = rng.random_range(0..=1);
                (0..length).map(|_| rng.random_range(0..=step)).collect()
            }
            3..6 => self.spread(length, rng),
            _ => self.ties(length, rng),
        }
    }

    /// From one key that is near the largest to nearly all of them; every now and then several
    /// that are the largest.
    fn spread(&self, length: usize, rng: &mut impl Rng) -> Vec<u32> {
        let most = self.most_distance();
        let rare = rng.random_range(0..=length.max(1).ilog2());
        let shift = rng.random_range(0..=self.format.parameters().distance_bits);
        let mut distances: Vec<u32> = (0..length)
            .map(|_| {
                if rng.random_range(0..1 << rare) == 0 {
                    rng.random_range(0..=most) >> rng.random_range(0..=shift)
                } else {
                    rng.random_range(most / 2..=2 * most)
                }
            })
            .collect();
        for _ in 0..rng.random_range(1..=3) {
            if length > 0 {
                distances[rng.random_range(0..length)] = 0;
            }
        }
        distances
    }

    /// Spread, with many keys exactly at a threshold or one step beyond it.
    fn ties(&self, length: usize, rng: &mut impl Rng) -> Vec<u32> {
        let mut distances = self.spread(length, rng);
        // One key that stays the largest.
        let Some(largest) = distances.iter().position(|distance| *distance == 0) else {
            return distances;
        };
        let thresholds = &self.format.parameters().thresholds;
        let moved: Vec<usize> = (0..length)
            .filter(|key| *key != largest && rng.random_bool(0.3))
            .collect();
        for _ in 0..TIE_ROUNDS {
            let sum = distances.iter().map(|d| u64::from(self.format.term(*d)));
            let offset = self.format.offset(sum.sum());
            for key in &moved {
                let threshold = thresholds[rng.random_range(0..thresholds.len())];
                let reach = threshold.unsigned_abs().saturating_sub(offset);
                distances[*key] = reach + rng.random_range(0..=1);
            }
        }
        distances
    }
}

/// The largest d + offset that survives.
fn reach(format: &ScoreFormat) -> u32 {
    let lowest = format.parameters().thresholds.first();
    lowest.map_or(0, |threshold| threshold.unsigned_abs())
}

/// The offset of a row of equal scores: the largest of all rows of so many keys.
fn flat_offset(format: &ScoreFormat, keys: usize) -> u32 {
    format.offset(keys as u64 * u64::from(format.term(0)))
}

/// What each key of a row of equal scores weighs.
fn flat_weight(c: &Configuration, format: &ScoreFormat, keys: usize) -> u64 {
    let offset = flat_offset(format, keys);
    let reached = |threshold: &&i32| offset <= threshold.unsigned_abs();
    let code = format
        .parameters()
        .thresholds
        .iter()
        .filter(reached)
        .count();
    let level = code.checked_sub(1);
    let shift = level.and_then(|level| c.shifts.get(level));
    let constant = level.and_then(|level| c.levels.get(level));
    match (shift, constant) {
        (Some(shift), _) => 1 << (c.max_shift.unwrap_or(0) - shift),
        (None, Some(constant)) => u64::from(*constant),
        (None, None) => 0,
    }
}
