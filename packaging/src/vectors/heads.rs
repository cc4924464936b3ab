//! Which heads are played.

use logattn_golden::config::Accumulate;
use logattn_golden::{Configuration, Input};
use logattn_hdl::attention_core::has_causal;
use logattn_testbenches::random::{Rows, heads};
use logattn_testbenches::stimulus::{Head, HeadRows};
use ndarray::s;

/// Query blocks of most heads.
const BLOCKS: usize = 4;

/// Heads of one shape, for registers that are the same for all of them.
pub(super) struct Play {
    pub name: &'static str,
    pub doc: &'static str,
    /// With the thresholds and weights of these heads.
    pub configuration: Configuration,
    pub heads: Vec<Head>,
    pub keys: usize,
    pub blocks: usize,
    pub row_length: usize,
    pub causal: bool,
    pub score_shift: u32,
}

/// The shape of a play's heads.
#[derive(Clone, Copy)]
struct Shape {
    heads: usize,
    keys: usize,
    blocks: usize,
    row_length: usize,
    causal: bool,
}

/// Everything that is played, in this order.
pub(super) fn plays(c: &Configuration, seed: u64) -> Vec<Play> {
    // A row that ends within a beat, and some beats before it.
    let keys = (4 * c.keys_per_beat + 5)
        .max(BLOCKS * c.query_block)
        .min(c.max_keys);
    let short = Shape {
        heads: 2,
        keys,
        blocks: BLOCKS,
        row_length: keys,
        causal: false,
    };
    let mut plays = vec![
        play(c, "short", "two heads of whole rows", short, seed),
        play(
            c,
            "masked",
            "rows shorter than their head; the packet of every other row is padded to the head's keys",
            Shape {
                row_length: (2 * keys).div_ceil(3),
                ..short
            },
            seed + 1,
        ),
    ];
    plays.extend(causal(c, short, seed + 2));
    plays.extend(reprogrammed(c, short, seed + 3));
    plays.push(play(
        c,
        "whole",
        "a head of as many keys as there can be",
        Shape {
            heads: 1,
            keys: c.max_keys,
            blocks: 2,
            row_length: c.max_keys,
            causal: false,
        },
        seed + 4,
    ));
    plays
}

/// Rows that each have a key more than the row before.
fn causal(c: &Configuration, short: Shape, seed: u64) -> Option<Play> {
    let blocks = BLOCKS.min(short.keys / c.query_block);
    let grown = blocks * c.query_block;
    if !has_causal(c) || grown == 0 {
        return None;
    }
    let shape = Shape {
        blocks,
        row_length: short.keys + 1 - grown,
        causal: true,
        ..short
    };
    let doc = "every row has a key more than the row before, the last one all";
    Some(play(c, "causal", doc, shape, seed))
}

/// Other thresholds and weights than those after reset, if there are any.
fn reprogrammed(c: &Configuration, short: Shape, seed: u64) -> Option<Play> {
    if c.accumulate == Accumulate::Multiply {
        return None;
    }
    let mut other = c.clone();
    // Each code needs as much as the next one did ...
    drop_first(&mut other.thresholds);
    drop_first(&mut other.score_thresholds);
    // ... and weighs as little as the one before.
    drop_last(&mut other.shifts);
    drop_last(&mut other.levels);
    other.validate().ok()?;
    let doc = "other thresholds and weights than those after reset";
    Some(play(&other, "reprogrammed", doc, short, seed))
}

fn drop_first<T: Copy>(values: &mut [T]) {
    if !values.is_empty() {
        values.copy_within(1.., 0);
    }
}

fn drop_last<T: Copy>(values: &mut [T]) {
    if !values.is_empty() {
        values.copy_within(..values.len() - 1, 1);
    }
}

fn play(c: &Configuration, name: &'static str, doc: &'static str, shape: Shape, seed: u64) -> Play {
    let mut heads = heads(c, Rows::FullLength, shape.heads, shape.blocks, seed);
    let score_shift = heads.iter().filter_map(score_shift).max().unwrap_or(0);
    for head in &mut heads {
        cut(c, head, shape, score_shift);
    }
    Play {
        name,
        doc,
        configuration: c.clone(),
        heads,
        keys: shape.keys,
        blocks: shape.blocks,
        row_length: shape.row_length,
        causal: shape.causal,
        score_shift,
    }
}

fn score_shift(head: &Head) -> Option<u32> {
    match &head.rows {
        HeadRows::Qkv { score_shift, .. } => Some(*score_shift),
        HeadRows::Probabilities(_) | HeadRows::Scores(_) => None,
    }
}

/// Makes a head of `max_keys` keys one of the shape.
fn cut(c: &Configuration, head: &mut Head, shape: Shape, score_shift: u32) {
    let keys = shape.keys;
    head.values = head.values.slice(s![..keys, ..]).to_owned();
    head.rows = match &head.rows {
        HeadRows::Probabilities(rows) => {
            HeadRows::Probabilities(rows.slice(s![.., ..keys]).to_owned())
        }
        HeadRows::Scores(rows) => HeadRows::Scores(rows.slice(s![.., ..keys]).to_owned()),
        HeadRows::Qkv { query, key, .. } => HeadRows::Qkv {
            query: query.clone(),
            key: key.slice(s![..keys, ..]).to_owned(),
            // Scores that fit still do with a larger shift.
            score_shift,
        },
    };
    let growth = if shape.causal { c.query_block } else { 0 };
    let lengths = (0..shape.blocks).map(|block| shape.row_length + growth * block);
    head.lengths = lengths.collect();
    // Within a block rows grow by the unit's input for that, which is for scores alone.
    head.causal = shape.causal && c.query_block > 1 && c.input != Input::Probabilities;
    let more = if head.causal { c.query_block - 1 } else { 0 };
    let sent = |(block, length): (usize, &usize)| {
        if block % 2 == 0 { keys } else { length + more }
    };
    head.sent = head.lengths.iter().enumerate().map(sent).collect();
}
