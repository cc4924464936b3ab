//! Random heads and random small configurations, from a seed.

mod configuration;
mod qkv;
mod scores;

pub use configuration::configuration;

use crate::stimulus::{Head, HeadRows};
use logattn_golden::{Configuration, Input, Normalize};
use ndarray::Array2;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scores::ScoreRows;

/// Cycles of 256 in which every port stalls at random, unless a run says otherwise.
pub const STALLED: u8 = 96;

/// What kind of rows to play.
///
/// What a key's score comes to depends on the scores of its whole row and on thresholds that are
/// part of the configuration, so with `input = "scores"` and `"qkv"` a kind may be out of reach;
/// then rows are as near to it as can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Random row lengths, of which a random number of masked keys is sent too; probabilities
    /// spread over all codes, many of them exactly at a threshold or one below it. Scores: rows
    /// with a few or many keys near their largest, with distances at thresholds or one beyond
    /// them, with several largest keys, flat rows, and the extremes of `score_bits`.
    Random,
    /// Every key is pruned. Scores: flat rows, of more keys than the lowest threshold lets survive
    /// if `max_keys` are so many; already the largest key is pruned then.
    AllPruned,
    /// No key is pruned. Scores: as few keys as the lowest threshold lets survive together. With
    /// causal masks the longest row of a block may be a few keys longer than that.
    NonePruned,
    /// One key a head.
    SingleKey,
    /// `max_keys` keys, all sent.
    FullLength,
    /// As `FullLength`, with every key at the highest code and every value the most negative one:
    /// the widest sums there are. Scores: as many keys at the row's largest score as come to the
    /// largest sum of weights, the others far below; with `normalize = "complement"` the key that
    /// takes the rest of the weight has the values of the other extreme.
    Widest,
    /// As `FullLength`, with about three keys a row at the lowest threshold and the others 0: means
    /// that often lie halfway between two outputs. Scores: about three keys at the row's largest
    /// score and the others far below.
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

/// `heads` heads of `blocks` query blocks each. With scores and query blocks of several rows, all
/// of them are causal or none is.
pub fn heads(c: &Configuration, rows: Rows, heads: usize, blocks: usize, seed: u64) -> Vec<Head> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let Some(format) = c.score_format() else {
        let head = |_| probability_head(c, rows, blocks, &mut rng);
        return (0..heads).map(head).collect();
    };
    let scored = ScoreRows::new(c, &format, rows);
    let causal = scored.may_be_causal() && rng.random_bool(0.5);
    (0..heads)
        .map(|_| score_head(c, &scored, causal, blocks, &mut rng))
        .collect()
}

fn probability_head(c: &Configuration, rows: Rows, blocks: usize, rng: &mut ChaCha8Rng) -> Head {
    let keys = match rows {
        Rows::SingleKey => 1,
        Rows::FullLength | Rows::Widest | Rows::Halves => c.max_keys,
        _ => rng.random_range(1..=c.max_keys),
    };
    let values = values(c, rows, keys, rng);
    // A head's own mixture: from nearly everything pruned to nearly nothing.
    let spread = rng.random_range(0..=c.probability_bits);
    let probabilities = Array2::from_shape_fn((blocks * c.query_block, keys), |_| {
        probability(c, rows, spread, rng)
    });
    let (lengths, sent) = lengths(rows, (keys, blocks), 0, rng);
    Head {
        rows: HeadRows::Probabilities(probabilities),
        values,
        lengths,
        sent,
        causal: false,
    }
}

fn score_head(
    c: &Configuration,
    scored: &ScoreRows,
    causal: bool,
    blocks: usize,
    rng: &mut ChaCha8Rng,
) -> Head {
    let more = if causal { c.query_block - 1 } else { 0 };
    let keys = scored.keys(more, rng);
    let values = values(c, scored.rows, keys, rng);
    let (lengths, sent) = lengths(scored.rows, (keys, blocks), more, rng);
    let row_lengths: Vec<usize> = lengths
        .iter()
        .flat_map(|length| (0..c.query_block).map(move |row| length + row.min(more)))
        .collect();
    let rows = match c.input {
        Input::Qkv => qkv::rows(c, scored, &row_lengths, keys, rng),
        Input::Probabilities | Input::Scores => {
            let mut scores = Array2::zeros((row_lengths.len(), keys));
            for (mut row, length) in scores.outer_iter_mut().zip(&row_lengths) {
                row.assign(&scored.row(*length, keys, rng));
            }
            HeadRows::Scores(scores)
        }
    };
    Head {
        rows,
        values,
        lengths,
        sent,
        causal,
    }
}

/// [keys, D]: random, or all of them extreme.
fn values(c: &Configuration, rows: Rows, keys: usize, rng: &mut ChaCha8Rng) -> Array2<i8> {
    let half = 1 << (c.value_bits - 1);
    let extreme = rows == Rows::Widest || rng.random_bool(0.2);
    let complement = c.normalize == Normalize::Complement;
    Array2::from_shape_fn((keys, c.head_dimension), |(key, element)| {
        if !extreme {
            return rng.random_range(-half..half) as i8;
        }
        // Differences of values are summed, so the widest take both extremes; the largest key of
        // the widest rows is key 0.
        let most = match (complement, rows) {
            (false, _) => false,
            (true, Rows::Widest) => (key == 0) == element.is_multiple_of(2),
            (true, _) => rng.random(),
        };
        (if most { half - 1 } else { -half }) as i8
    })
}

/// Row lengths of the blocks' first rows and the keys sent of each block, of `keys`; the longest
/// row of a block has `more` keys more than the first.
fn lengths(
    rows: Rows,
    (keys, blocks): (usize, usize),
    more: usize,
    rng: &mut ChaCha8Rng,
) -> (Vec<usize>, Vec<usize>) {
    (0..blocks)
        .map(|_| {
            if rows != Rows::Random {
                return (keys - more, keys);
            }
            // Rows without keys are rare among random lengths of long heads.
            let empty = rng.random_bool(0.1);
            let length = if empty {
                0
            } else {
                rng.random_range(0..=keys - more)
            };
            (length, rng.random_range((length + more).max(1)..=keys))
        })
        .unzip()
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
