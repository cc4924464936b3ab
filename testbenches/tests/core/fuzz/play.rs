//! Heads that can be played, with the registers that go with them.

use super::world::Beat;
use crate::common::{Lengths, score_shift, uniform};
use logattn_golden::{Configuration, Input};
use logattn_hdl::attention_core::has_causal;
use logattn_testbenches::Stimulus;
use logattn_testbenches::core::offset;
use logattn_testbenches::random::Rows;
use logattn_testbenches::stimulus::Beats;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use std::rc::Rc;

/// Heads of equal lengths.
#[derive(Clone)]
pub struct Play {
    pub lengths: Lengths,
    /// Blocks of a head.
    pub blocks: usize,
    pub score_shift: Option<u32>,
    pub heads: Vec<PlayedHead>,
}

/// The packets of a head, and what comes out.
#[derive(Clone)]
pub struct PlayedHead {
    pub rows: Vec<Vec<Beat>>,
    /// Values, then keys where there are some.
    pub loads: Vec<Vec<Beat>>,
    /// Of each block and row of it the beats.
    pub outputs: Vec<Vec<Vec<Rc<[u32]>>>>,
}

/// Lengths of the packets in a queue; the last one may lack its end.
pub fn packets(queue: &VecDeque<Beat>) -> impl Iterator<Item = usize> {
    let mut ends: Vec<usize> = (queue.iter().enumerate())
        .filter(|(_, beat)| beat.last)
        .map(|(index, _)| index + 1)
        .collect();
    if ends.last() != Some(&queue.len()) && !queue.is_empty() {
        ends.push(queue.len());
    }
    let mut from = 0;
    ends.into_iter().map(move |end| {
        let length = end - from;
        from = end;
        length
    })
}

fn split(beats: &Beats) -> VecDeque<Vec<Beat>> {
    let (mut all, mut packet) = (VecDeque::new(), Vec::new());
    for index in 0..beats.len() {
        let last = beats.last[index];
        packet.push(Beat {
            words: beats.words(index).into(),
            last,
        });
        if last {
            all.push_back(std::mem::take(&mut packet));
        }
    }
    all
}

impl Play {
    /// Plays of all kinds.
    pub fn pool(c: &Configuration, seed: u64) -> Vec<Play> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let kinds = [Rows::FullLength, Rows::Halves, Rows::Widest];
        (0..14)
            .map(|index| {
                let head_keys = match index % 4 {
                    0 => c.max_keys,
                    1 => random.random_range(1..=c.max_keys),
                    _ => random.random_range(1..=c.max_keys.min(4 * c.keys_per_beat + 3)),
                };
                let blocks = random.random_range(1..4);
                let rows = blocks * c.query_block;
                let causal = has_causal(c) && rows <= head_keys && random.random_bool(0.4);
                let most = if causal {
                    head_keys + 1 - rows
                } else {
                    head_keys
                };
                let lengths = Lengths {
                    head_keys,
                    row_length: random.random_range(1..=most),
                    causal,
                };
                let count = random.random_range(1..4);
                let padded = random.random_bool(0.5);
                let kind = kinds[random.random_range(0..kinds.len())];
                let heads = uniform(c, kind, (count, blocks), lengths, padded, seed + index);
                Play::new(c, lengths, blocks, &heads)
            })
            .collect()
    }

    fn new(
        c: &Configuration,
        lengths: Lengths,
        blocks: usize,
        heads: &[logattn_testbenches::Head],
    ) -> Play {
        let stimulus = Stimulus::new(c, heads).expect("the heads fit");
        let mut rows = split(&stimulus.attn);
        let mut loads = vec![split(&stimulus.value)];
        if c.input == Input::Qkv {
            loads.push(split(&stimulus.key));
        }
        let mut outputs = split(&stimulus.out);
        let head = |_| PlayedHead {
            rows: rows.drain(..blocks).collect(),
            loads: loads.iter_mut().filter_map(VecDeque::pop_front).collect(),
            outputs: (0..blocks)
                .map(|_| {
                    let rows = outputs.drain(..c.query_block);
                    let words = |row: Vec<Beat>| row.into_iter().map(|beat| beat.words).collect();
                    rows.map(words).collect()
                })
                .collect(),
        };
        Play {
            lengths,
            blocks,
            score_shift: score_shift(heads),
            heads: (0..heads.len()).map(head).collect(),
        }
    }

    /// Keys of the longest row of a block.
    pub fn longest(&self, c: &Configuration, block: usize) -> usize {
        let more = if self.lengths.causal {
            c.query_block - 1
        } else {
            0
        };
        self.lengths.of(c, block) + more
    }

    /// The registers, with their values.
    pub fn registers(&self, c: &Configuration) -> Vec<(u32, u32)> {
        let mut registers = vec![
            (offset::HEAD_KEYS, self.lengths.head_keys as u32),
            (offset::HEAD_BLOCKS, self.blocks as u32),
            (offset::ROW_LENGTH, self.lengths.row_length as u32),
        ];
        if has_causal(c) {
            registers.push((offset::MASK, u32::from(self.lengths.causal)));
        }
        registers.extend(self.score_shift.map(|shift| (offset::SCORE_SHIFT, shift)));
        registers
    }
}
