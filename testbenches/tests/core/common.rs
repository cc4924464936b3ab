//! Heads whose lengths registers can say, and devices.

use logattn_golden::{Configuration, Input};
use logattn_testbenches::random::{Rows, heads};
use logattn_testbenches::{Head, HeadRows};
use ndarray::s;

/// Lengths as the registers have them.
#[derive(Clone, Copy, Debug)]
pub struct Lengths {
    /// `HEAD_KEYS`.
    pub head_keys: usize,
    /// `ROW_LENGTH`.
    pub row_length: usize,
    /// `MASK.causal`.
    pub causal: bool,
}

impl Lengths {
    /// Keys of the (first row of) block `block`.
    pub fn of(&self, c: &Configuration, block: usize) -> usize {
        match self.causal {
            true => self.row_length + block * c.query_block,
            false => self.row_length,
        }
    }
}

/// `SCORE_SHIFT` for such heads, where there is that register.
pub fn score_shift(heads: &[Head]) -> Option<u32> {
    match heads[0].rows {
        HeadRows::Qkv { score_shift, .. } => Some(score_shift),
        _ => None,
    }
}

/// Heads of `blocks` blocks with such lengths; whole rows are sent where `padded`.
pub fn uniform(
    c: &Configuration,
    rows: Rows,
    (count, blocks): (usize, usize),
    lengths: Lengths,
    padded: bool,
    seed: u64,
) -> Vec<Head> {
    let drawn = (seed..).map(|seed| heads(c, rows, count, blocks, seed));
    let mut heads = drawn
        .filter(|heads| !heads[0].causal && heads[0].values.nrows() == c.max_keys)
        .take(1)
        .flatten()
        .collect::<Vec<_>>();
    if c.input == Input::Qkv {
        share_score_shift(c, rows, blocks, &mut heads, seed);
    }
    // Within a block rows differ in length only where the unit knows of it.
    let grows = lengths.causal && c.query_block > 1;
    let more = if grows { c.query_block - 1 } else { 0 };
    for head in &mut heads {
        head.causal = grows;
        head.values = head.values.slice(s![..lengths.head_keys, ..]).to_owned();
        let keys = ..lengths.head_keys;
        match &mut head.rows {
            HeadRows::Probabilities(rows) => *rows = rows.slice(s![.., keys]).to_owned(),
            HeadRows::Scores(rows) => *rows = rows.slice(s![.., keys]).to_owned(),
            HeadRows::Qkv { key, .. } => *key = key.slice(s![keys, ..]).to_owned(),
        }
        for block in 0..blocks {
            let length = lengths.of(c, block);
            head.lengths[block] = length;
            head.sent[block] = match (padded, c.input) {
                (true, _) | (_, Input::Qkv) => lengths.head_keys,
                _ => length + more,
            };
        }
    }
    heads
}

/// SCORE_SHIFT is a register, and random heads differ in it: takes others until all have the shift of
/// the first, or that one again where none is found.
fn share_score_shift(c: &Configuration, rows: Rows, blocks: usize, all: &mut [Head], seed: u64) {
    let shift = score_shift(all);
    let mut others = (seed + 1_000..seed + 1_006)
        .map(|seed| heads(c, rows, 1, blocks, seed))
        .filter(|other| {
            !other[0].causal && other[0].values.nrows() == c.max_keys && score_shift(other) == shift
        });
    for index in 1..all.len() {
        if score_shift(&all[index..]) != shift {
            let first = all[0].clone();
            all[index] = others.next().map_or(first, |mut other| other.remove(0));
        }
    }
}
