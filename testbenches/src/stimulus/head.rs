//! Heads to be played.

use super::StimulusError;
use logattn_captures::HeadRows;
use logattn_golden::{Configuration, Input};
use ndarray::{Array2, ArrayView2, s};

/// One head to be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// What decides each key's weight.
    pub rows: HeadRows,
    /// [keys, D] in `value_bits` signed bits.
    pub values: Array2<i8>,
    /// Row length of each query block: keys at or beyond it are masked, whatever is sent.
    pub lengths: Vec<usize>,
    /// Keys that are sent for each query block, at least those of its longest row and 1. Not read
    /// with [`HeadRows::Qkv`], where the unit itself decides.
    pub sent: Vec<usize>,
    /// Whether each row of a block has one key more than the row before it; then `lengths` are
    /// those of the blocks' first rows. Not with [`HeadRows::Probabilities`].
    pub causal: bool,
}

impl Head {
    /// A head whose rows are all sent whole; rows of zeros fill the last query block up.
    ///
    /// # Arguments
    /// - `probabilities`: [rows, keys] in fixed point with `probability_bits` fraction bits.
    /// - `values`: [keys, D].
    pub fn whole(
        c: &Configuration,
        probabilities: ArrayView2<u32>,
        values: ArrayView2<i8>,
    ) -> Self {
        let filled = filled(c, probabilities);
        Self::of(c, HeadRows::Probabilities(filled), values)
    }

    /// As [`Head::whole`], for `input = "scores"`.
    ///
    /// # Arguments
    /// - `scores`: [rows, keys], y in `score_bits`.
    /// - `values`: [keys, D].
    pub fn whole_scores(
        c: &Configuration,
        scores: ArrayView2<i32>,
        values: ArrayView2<i8>,
    ) -> Self {
        Self::of(c, HeadRows::Scores(filled(c, scores)), values)
    }

    /// As [`Head::whole`], for `input = "qkv"`; queries of zeros fill the last query block up.
    ///
    /// # Arguments
    /// - `query`: [rows, D].
    /// - `key`: [keys, D].
    /// - `score_shift`: f - F, 0..=31.
    /// - `values`: [keys, D].
    pub fn whole_qkv(
        c: &Configuration,
        query: ArrayView2<i8>,
        key: ArrayView2<i8>,
        score_shift: u32,
        values: ArrayView2<i8>,
    ) -> Self {
        let rows = HeadRows::Qkv {
            query: filled(c, query),
            key: key.to_owned(),
            score_shift,
        };
        Self::of(c, rows, values)
    }

    fn of(c: &Configuration, rows: HeadRows, values: ArrayView2<i8>) -> Self {
        let (blocks, keys) = (rows.rows() / c.query_block, rows.keys());
        Head {
            rows,
            values: values.to_owned(),
            lengths: vec![keys; blocks],
            sent: vec![keys; blocks],
            causal: false,
        }
    }

    /// Keys of the longest row of a block.
    pub(super) fn longest(&self, c: &Configuration, block: usize) -> usize {
        self.lengths[block] + if self.causal { c.query_block - 1 } else { 0 }
    }

    /// Keys of each row.
    pub(super) fn row_lengths(&self, c: &Configuration) -> Vec<usize> {
        let rows = |length: &usize| {
            let (first, more) = (*length, usize::from(self.causal));
            (0..c.query_block).map(move |row| first + more * row)
        };
        self.lengths.iter().flat_map(rows).collect()
    }

    /// Keys of a block whose codes the unit computes, masked ones included.
    pub(super) fn coded(&self, c: &Configuration, block: usize) -> usize {
        match self.rows {
            HeadRows::Qkv { .. } => self.longest(c, block).max(1),
            _ => self.sent[block],
        }
    }

    /// That the head goes with the configuration and its parts with each other. What the golden
    /// model checks is left to it.
    pub(super) fn check(&self, c: &Configuration, head: usize) -> Result<(), StimulusError> {
        let expect = |field, found: usize, expected: usize, why: &str| {
            if found == expected {
                return Ok(());
            }
            Err(StimulusError::Shape {
                head,
                field,
                found,
                expected: format!("{expected} ({why})"),
            })
        };
        let (blocks, keys) = (self.lengths.len(), self.values.nrows());
        let rows = blocks * c.query_block;
        expect(
            "the number of rows",
            self.rows.rows(),
            rows,
            "blocks x query_block",
        )?;
        expect("the number of keys", self.rows.keys(), keys, "values")?;
        let dimension = c.head_dimension;
        let elements = "elements of a value";
        expect(elements, self.values.ncols(), dimension, "head_dimension")?;
        if let HeadRows::Qkv { query, key, .. } = &self.rows {
            let (queries, keys) = ("elements of a query", "elements of a key");
            expect(queries, query.ncols(), dimension, "head_dimension")?;
            expect(keys, key.ncols(), dimension, "head_dimension")?;
        }
        if self.causal && c.input == Input::Probabilities {
            return Err(StimulusError::Causal { head });
        }
        self.check_lengths(c, head)
    }

    fn check_lengths(&self, c: &Configuration, head: usize) -> Result<(), StimulusError> {
        let keys = self.values.nrows();
        let range = |field, found: usize, legal: std::ops::RangeInclusive<usize>| {
            if legal.contains(&found) {
                return Ok(());
            }
            let expected = format!("{legal:?}");
            Err(StimulusError::Shape {
                head,
                field,
                found,
                expected,
            })
        };
        for block in 0..self.lengths.len() {
            let longest = self.longest(c, block);
            range("the length of a row", longest, 0..=keys)?;
            if !matches!(self.rows, HeadRows::Qkv { .. }) {
                let sent = self.sent.get(block).copied().unwrap_or(0);
                range("the number of keys sent", sent, longest.max(1)..=keys)?;
            }
        }
        Ok(())
    }
}

/// Rows with rows of zeros after them up to whole query blocks.
fn filled<T: Clone + Default>(c: &Configuration, rows: ArrayView2<T>) -> Array2<T> {
    let (count, columns) = rows.dim();
    let whole = count.next_multiple_of(c.query_block);
    let mut filled = Array2::default((whole, columns));
    filled.slice_mut(s![..count, ..]).assign(&rows);
    filled
}
