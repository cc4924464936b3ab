//! Queries and keys that are worth playing.

use super::Rows;
use super::scores::ScoreRows;
use crate::stimulus::HeadRows;
use logattn_golden::Configuration;
use logattn_golden::scores::scores;
use ndarray::{Array2, ArrayView2, s};
use rand::{Rng, RngExt};

/// Largest legal `score_shift`.
const MOST_SHIFT: u32 = 31;

/// Queries of rows of `lengths` keys each, and `keys` keys. Scores of masked keys may not fit
/// `score_bits`; all others do.
pub(super) fn rows(
    c: &Configuration,
    scored: &ScoreRows,
    lengths: &[usize],
    keys: usize,
    rng: &mut impl Rng,
) -> HeadRows {
    let shape = (lengths.len(), keys, c.head_dimension);
    let (mut query, key) = match scored.rows {
        Rows::AllPruned => flat(shape, rng),
        Rows::Widest | Rows::Halves => near_and_far(scored, shape, rng),
        Rows::NonePruned => spread(shape, rng),
        Rows::Random | Rows::SingleKey | Rows::FullLength => match rng.random_range(0..8) {
            0 => flat(shape, rng),
            1 => extreme(shape, rng),
            2 | 3 => alike(shape, rng),
            _ => spread(shape, rng),
        },
    };
    let spans = Spans::of(query.view(), key.view(), lengths);
    let fitting = spans.fitting_shift(scored);
    let score_shift = match scored.rows {
        Rows::AllPruned | Rows::Widest | Rows::Halves => fitting,
        Rows::NonePruned => {
            let room = lengths.iter().map(|length| scored.room(*length)).min();
            let narrow = spans.narrowing_shift(fitting, room.unwrap_or(0));
            narrow.unwrap_or_else(|| {
                query.fill(0);
                0
            })
        }
        Rows::Random | Rows::SingleKey | Rows::FullLength => {
            // From one key far over the others to rows that are nearly flat.
            let narrow = spans.narrowing_shift(fitting, scored.most_distance() / 2);
            let most = (narrow.unwrap_or(MOST_SHIFT) + 2).clamp(fitting, MOST_SHIFT);
            if rng.random_bool(0.4) {
                fitting
            } else {
                rng.random_range(fitting..=most)
            }
        }
    };
    HeadRows::Qkv {
        query,
        key,
        score_shift,
    }
}

/// Rows, keys and D.
type Shape = (usize, usize, usize);

/// Queries [rows, D] and keys [keys, D].
type Vectors = (Array2<i8>, Array2<i8>);

/// Vectors of their own magnitudes each.
fn vectors(count: usize, elements: usize, rng: &mut impl Rng) -> Array2<i8> {
    let mut vectors = Array2::zeros((count, elements));
    let least = rng.random_range(0..=7);
    for mut vector in vectors.outer_iter_mut() {
        let magnitude = rng.random_range(0..=least);
        vector.mapv_inplace(|_: i8| rng.random::<i8>() >> magnitude);
    }
    vectors
}

fn spread((rows, keys, elements): Shape, rng: &mut impl Rng) -> Vectors {
    let query = vectors(rows, elements, rng);
    let mut key = vectors(keys, elements, rng);
    // Keys that are there again, so that several may be the largest.
    for _ in 0..rng.random_range(0..=keys.min(4)) {
        let (from, to) = (rng.random_range(0..keys), rng.random_range(0..keys));
        let copy = key.row(from).to_owned();
        key.row_mut(to).assign(&copy);
    }
    (query, key)
}

/// Queries of zeros, or one and the same key: rows of equal scores.
fn flat((rows, keys, elements): Shape, rng: &mut impl Rng) -> Vectors {
    let mut query = vectors(rows, elements, rng);
    let mut key = vectors(keys, elements, rng);
    if rng.random() {
        query.fill(0);
    } else {
        let first = key.slice(s![..1, ..]).to_owned();
        key.assign(&first);
    }
    (query, key)
}

/// Elements of both extremes: the widest products. Or queries of half the least element, whose
/// products with it are just the least that a power of two of them holds, if D is one too.
fn extreme((rows, keys, elements): Shape, rng: &mut impl Rng) -> Vectors {
    let both = [i8::MIN, i8::MAX];
    let one = [i8::MIN / -2; 2];
    let query = if rng.random() { both } else { one };
    let mut of = |count, ends: [i8; 2]| {
        let mut vectors = Array2::zeros((count, elements));
        for mut vector in vectors.outer_iter_mut() {
            let whole = rng.random::<bool>();
            let first = rng.random_range(0..2);
            vector.mapv_inplace(|_: i8| ends[if whole { first } else { rng.random_range(0..2) }]);
        }
        vectors
    };
    (of(rows, query), of(keys, both))
}

/// Keys with one number in all elements, few different ones: rows that order keys all alike or the
/// other way around, with many ties.
fn alike((rows, keys, elements): Shape, rng: &mut impl Rng) -> Vectors {
    let query = vectors(rows, elements, rng);
    let magnitude = rng.random_range(0..=6);
    let mut key = Array2::zeros((keys, elements));
    for mut vector in key.outer_iter_mut() {
        vector.fill(rng.random::<i8>() >> magnitude);
    }
    (query, key)
}

/// A few keys with the row's largest score, the others as far below it as can be.
fn near_and_far(scored: &ScoreRows, (rows, keys, elements): Shape, rng: &mut impl Rng) -> Vectors {
    let mut query = Array2::zeros((rows, elements));
    for mut vector in query.outer_iter_mut() {
        vector.fill(rng.random_range(64..=i8::MAX));
    }
    let mut key = Array2::zeros((keys, elements));
    for (index, mut vector) in key.outer_iter_mut().enumerate() {
        let close = scored.is_close(index, keys, rng);
        vector.fill(if close { i8::MAX } else { i8::MIN });
    }
    (query, key)
}

/// The least and the largest product of each row that has keys.
struct Spans(Vec<(i32, i32)>);

impl Spans {
    fn of(query: ArrayView2<i8>, key: ArrayView2<i8>, lengths: &[usize]) -> Self {
        // They have equally many elements, few enough of them.
        let products = scores(query, key).unwrap_or_default();
        let span = |row: &[i32]| {
            let least = row.iter().min().copied()?;
            row.iter().max().map(|most| (least, *most))
        };
        let rows = products.outer_iter().zip(lengths);
        let spans = rows.filter_map(|(row, length)| {
            let row: Vec<i32> = row.iter().take(*length).copied().collect();
            span(&row)
        });
        Spans(spans.collect())
    }

    /// The least shift with which every product fits `score_bits`.
    fn fitting_shift(&self, scored: &ScoreRows) -> u32 {
        let (least, most) = scored.range();
        let fits = |shift: &u32| {
            self.0
                .iter()
                .all(|span| span.0 >> shift >= least && span.1 >> shift <= most)
        };
        (0..=MOST_SHIFT).find(fits).unwrap_or(MOST_SHIFT)
    }

    /// The least shift from `least` on with which no row spans more than `room`.
    fn narrowing_shift(&self, least: u32, room: u32) -> Option<u32> {
        let narrow = |shift: &u32| {
            self.0
                .iter()
                .all(|span| (span.1 >> shift).abs_diff(span.0 >> shift) <= room)
        };
        (least..=MOST_SHIFT).find(narrow)
    }
}
