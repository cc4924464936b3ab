//! One row: its statistics and its codes.

use super::check::{check_score_shift, find_score, out_of_range};
use super::format::ScoreFormat;
use super::kernel::{closeness, extremes, sum_terms};
use crate::error::AttentionError;
use crate::kernel::threshold_codes;

/// What a row's keys are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowStatistics {
    /// m: the largest y.
    pub maximum: i32,
    /// The lowest key whose y is m.
    pub largest_key: usize,
    /// Sum of the terms, with F + G fraction bits.
    pub sum: u64,
    /// log2 of the sum, with F fraction bits.
    pub offset: u32,
}

impl RowStatistics {
    /// L = m + offset, with F fraction bits.
    pub fn log_sum(&self) -> i64 {
        i64::from(self.maximum) + i64::from(self.offset)
    }
}

/// Thresholds at most.
const THRESHOLDS: usize = 15;

impl ScoreFormat {
    /// Statistics of one row; `None` for a row without keys.
    ///
    /// # Arguments
    /// - `scores`: S of the row's keys, none of them masked.
    /// - `score_shift`: f - F, 0..=31.
    ///
    /// # Errors
    /// [`AttentionError::Shape`] for more than `max_keys` keys, [`AttentionError::Parameter`] for
    /// a shift out of range or a score that does not fit `score_bits`.
    pub fn row_statistics(
        &self,
        scores: &[i32],
        score_shift: u32,
    ) -> Result<Option<RowStatistics>, AttentionError> {
        self.check_row(scores, score_shift)?;
        let mut buffer = vec![0; scores.len()];
        Ok(self.statistics(scores, score_shift, &mut buffer))
    }

    /// How many of a row's keys the early prune keeps out of the buffer: those that never survive
    /// ([`ScoreFormat::never_survives`]) given the keys of their own and all earlier beats.
    ///
    /// # Arguments
    /// - `scores`, `score_shift`: as for [`ScoreFormat::row_statistics`].
    /// - `keys_per_beat`: W, at least 1; all keys of the row tell on each other if it is N.
    ///
    /// # Errors
    /// As [`ScoreFormat::row_statistics`]; [`AttentionError::Parameter`] for W = 0.
    pub fn early_pruned(
        &self,
        scores: &[i32],
        score_shift: u32,
        keys_per_beat: usize,
    ) -> Result<usize, AttentionError> {
        self.check_row(scores, score_shift)?;
        if keys_per_beat == 0 {
            let legal = "at least 1";
            return Err(AttentionError::parameter("keys_per_beat", 0, legal));
        }
        let mut running = i32::MIN;
        let pruned = scores.chunks(keys_per_beat).map(|beat| {
            running = running.max(extremes(beat).1 >> score_shift);
            let distance = |score: &i32| running.abs_diff(score >> score_shift);
            beat.iter()
                .filter(|score| self.never_survives(distance(score)))
                .count()
        });
        Ok(pruned.sum())
    }

    pub(crate) fn check_row(&self, scores: &[i32], score_shift: u32) -> Result<(), AttentionError> {
        check_score_shift(score_shift)?;
        let most = self.parameters().max_keys;
        if scores.len() > most {
            return Err(AttentionError::Shape {
                what: "keys of scores",
                found: scores.len(),
                legal: format!("at most max_keys = {most}"),
            });
        }
        match find_score(self, scores, score_shift) {
            None => Ok(()),
            Some(key) => Err(out_of_range(self, scores[key], score_shift, (0, key))),
        }
    }

    /// Statistics of a row that has been checked. Leaves D_MAX - d of each key in `buffer`, which
    /// has room for it.
    pub(crate) fn statistics(
        &self,
        scores: &[i32],
        score_shift: u32,
        buffer: &mut [u16],
    ) -> Option<RowStatistics> {
        if scores.is_empty() {
            return None;
        }
        let buffer = &mut buffer[..scores.len()];
        let most = self.most_distance();
        let maximum = extremes(scores).1 >> score_shift;
        closeness(scores, score_shift, maximum, most, buffer);
        let sum = sum_terms(buffer, self.terms());
        Some(RowStatistics {
            maximum,
            largest_key: buffer.iter().position(|c| u32::from(*c) == most)?,
            sum,
            offset: self.offset(sum),
        })
    }

    /// Codes of a row from what [`ScoreFormat::statistics`] left.
    pub(crate) fn encode(&self, closeness: &[u16], offset: u32, codes: &mut [u8]) {
        // d + offset <= -t turned around: D_MAX - d >= D_MAX + t + offset. The right side is at
        // least 1; from where it is over D_MAX on, no key reaches it.
        let most = self.most_distance() as i32;
        let mut moved = [0_u16; THRESHOLDS];
        let reachable = self
            .parameters()
            .thresholds
            .iter()
            .map(|threshold| most + threshold + offset as i32)
            .take_while(|threshold| *threshold <= most);
        let mut count = 0;
        for (moved, threshold) in moved.iter_mut().zip(reachable) {
            *moved = threshold as u16;
            count += 1;
        }
        threshold_codes(closeness, &moved[..count], codes);
    }
}
