//! Texts in batches, batches in parallel.

use super::Run;
use crate::{Attention, Counts, Error, ModelShape, Prepared, Result};
use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What all tasks run alike.
pub(super) struct Runner<'a> {
    pub(super) attentions: &'a [Prepared],
    pub(super) shape: ModelShape,
    pub(super) tokens_per_batch: usize,
    pub(super) progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// What a batch gives: for each attention the results of the batch's texts, and what was pruned.
type BatchRun<T> = Vec<Run<T>>;

impl Runner<'_> {
    /// Runs texts of these lengths in batches. `work` gets the indices of a batch's texts and the
    /// attentions, and gives for each attention a result for each of them. The results come in
    /// the texts' order.
    ///
    /// # Errors
    /// What `work` fails at.
    pub(super) fn run<T: Send>(
        &self,
        lengths: &[usize],
        work: impl Fn(&[usize], &mut [&mut dyn Attention]) -> Result<Vec<Vec<T>>> + Sync,
    ) -> Result<Vec<Run<T>>> {
        let batches = batches(lengths, self.tokens_per_batch);
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        (self.progress)(0, lengths.len());
        // A loop a thread, not a job a batch: a thread that waits for a part of its batch would
        // begin other ones, and hold them all.
        let loops = rayon::broadcast(|_| {
            let mut own: Vec<(&[usize], BatchRun<T>)> = Vec::new();
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                let result = self.batch(batch, &work).inspect_err(|_| {
                    next.store(batches.len(), Ordering::Relaxed);
                })?;
                own.push((batch, result));
                let before = done.fetch_add(batch.len(), Ordering::Relaxed);
                (self.progress)(before + batch.len(), lengths.len());
            }
            Ok(own)
        });
        let results = loops.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(self.merged(results.into_iter().flatten()))
    }

    fn batch<T>(
        &self,
        batch: &[usize],
        work: impl Fn(&[usize], &mut [&mut dyn Attention]) -> Result<Vec<Vec<T>>>,
    ) -> Result<BatchRun<T>> {
        let mut started: Vec<_> = self.attentions.iter().map(Prepared::start).collect();
        let mut attentions: Vec<&mut dyn Attention> = Vec::with_capacity(started.len());
        for attention in &mut started {
            attentions.push(attention);
        }
        let outcomes = work(batch, &mut attentions)?;
        let runs = outcomes.into_iter().zip(started);
        Ok(runs
            .map(|(outcomes, attention)| Run {
                outcomes,
                counts: attention.into_counts(),
            })
            .collect())
    }

    /// The results of all batches, for each attention in the texts' order.
    fn merged<'b, T>(
        &self,
        batches: impl Iterator<Item = (&'b [usize], BatchRun<T>)>,
    ) -> Vec<Run<T>> {
        let mut merged: Vec<(Vec<(usize, T)>, Counts)> = (self.attentions.iter())
            .map(|_| (Vec::new(), Counts::new(&self.shape)))
            .collect();
        for (batch, runs) in batches {
            for ((outcomes, counts), run) in merged.iter_mut().zip(runs) {
                outcomes.extend(batch.iter().copied().zip(run.outcomes));
                *counts += &run.counts;
            }
        }
        let in_order = |(mut outcomes, counts): (Vec<(usize, T)>, Counts)| {
            outcomes.sort_by_key(|(text, _)| *text);
            Run {
                outcomes: outcomes.into_iter().map(|(_, outcome)| outcome).collect(),
                counts,
            }
        };
        merged.into_iter().map(in_order).collect()
    }
}

/// Indices of texts by batch, the longest texts first: neighbors are of similar length, so that
/// there is little padding, and what is left for the last thread is short.
fn batches(lengths: &[usize], tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&text| Reverse(lengths[text]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for text in order {
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * lengths[batch[0]] <= tokens => batch.push(text),
            _ => batches.push(vec![text]),
        }
    }
    batches
}

/// That a model's output is finite; `what` it is, for the error.
pub(super) fn finite<'a>(
    attention: &Prepared,
    what: &'static str,
    output: impl IntoIterator<Item = &'a f32>,
) -> Result<()> {
    match output.into_iter().all(|x| x.is_finite()) {
        true => Ok(()),
        false => Err(Error::NotFiniteOutput {
            attention: attention.name().into(),
            what,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_texts_of_similar_length_within_the_budget() {
        let lengths = [3, 9, 4, 3, 20, 5];
        // 20 is over the budget and alone, 9 and 5 need 18 with padding, 4, 3 and 3 need 12.
        let expected = [vec![4], vec![1], vec![5, 2], vec![0, 3]];
        assert_eq!(batches(&lengths, 10), expected);
        assert_eq!(batches(&lengths, 18)[1..], [vec![1, 5], vec![2, 0, 3]]);
        assert_eq!(batches(&lengths, 1).len(), 6);
        assert!(batches(&[], 10).is_empty());
    }
}
