//! The quantizers whose steps follow from the values: numbers 8 to 11 of the paper's table.

use super::{LOWEST, Steps};
use rayon::slice::ParallelSliceMut;

/// A quantizer whose steps follow from all attention values of a layer and batch, padding left
/// out. [`crate::quantizers`] says what N, M and m are; n is the number of values.
///
/// Sorted values are cut into bins; a value belongs to the last bin whose least value it reaches,
/// so that equal values are never told apart. The published description leaves two things open;
/// here the values that are left over belong to the last bin, and a bin's edges are its least
/// value and that of the next bin (of the last bin: the largest value).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranked {
    /// Number 8, `quantile-linear-pruned`: of the n values of at least m, N bins of max(floor(n /
    /// N), 1) values each; the middle of the bin's two edges. 0 below m.
    LinearPruned,
    /// Number 9, `quantile-log-pruned-mean`: of the n values of at least m, M bins of floor(n /
    /// 2), floor(n / 4), ... values from the smallest up, the last with those left over; the mean
    /// of the bin's values. 0 below m. A bin without values is none.
    LogPrunedMean,
    /// Number 10, `quantile-log-mean`: the same of all values; nothing is pruned.
    LogMean,
    /// Number 11, `binarization`: 1 / n for the n values of at least m, 0 below m.
    Binarization,
}

impl Ranked {
    /// The name in specifications.
    pub fn name(self) -> &'static str {
        match self {
            Ranked::LinearPruned => "quantile-linear-pruned",
            Ranked::LogPrunedMean => "quantile-log-pruned-mean",
            Ranked::LogMean => "quantile-log-mean",
            Ranked::Binarization => "binarization",
        }
    }

    /// The least value that the steps follow from.
    pub fn least(self) -> f64 {
        match self {
            Ranked::LogMean => 0.0,
            _ => LOWEST,
        }
    }

    /// Edges and levels.
    ///
    /// # Arguments
    /// - `values`: all attention values of a layer and batch, each 0 to 1; those below
    ///   [`Ranked::least`] are left out.
    /// - `bits`: k, 2..=16; binarization has none.
    pub fn steps(self, mut values: Vec<f32>, bits: u32) -> Steps {
        let least = self.least();
        values.retain(|value| f64::from(*value) >= least);
        let count = values.len();
        if count == 0 {
            return Steps::new(0.0, []);
        }
        if self == Ranked::Binarization {
            return Steps::new(0.0, [(LOWEST, 1.0 / count as f64)]);
        }
        let starts = match self {
            Ranked::LinearPruned => {
                values.par_sort_unstable_by(f32::total_cmp);
                equal_bins(count, (1 << bits) - 1)
            }
            _ => {
                let starts = halving_bins(count, 1 << bits);
                // Bins need not be sorted within.
                starts.windows(2).for_each(|pair| {
                    let rest = &mut values[pair[0]..];
                    rest.select_nth_unstable_by(pair[1] - pair[0], f32::total_cmp);
                });
                starts
            }
        };
        let at = |rank: usize| f64::from(values[rank]);
        let ends = starts.iter().skip(1).copied().chain([count]);
        let steps = starts.iter().zip(ends).map(|(&start, end)| match self {
            // The next bin's least value, or the largest of all.
            Ranked::LinearPruned => (at(start), (at(start) + at(end.min(count - 1))) / 2.0),
            _ => {
                let bin = values[start..end].iter().map(|value| f64::from(*value));
                let least = bin.clone().fold(f64::INFINITY, f64::min);
                (least, bin.sum::<f64>() / (end - start) as f64)
            }
        });
        Steps::new(0.0, steps)
    }
}

/// Ranks at which up to `bins` bins of equal size start.
fn equal_bins(count: usize, bins: usize) -> Vec<usize> {
    let size = (count / bins).max(1);
    (0..count.min(bins)).map(|bin| bin * size).collect()
}

/// Ranks at which up to `bins` bins start that hold half of the values, a quarter, and so on, the
/// last what is left.
fn halving_bins(count: usize, bins: usize) -> Vec<usize> {
    let mut starts = vec![0];
    let mut next = 0;
    for bin in 1..bins.min(usize::BITS as usize) {
        let size = count >> bin;
        if size == 0 {
            break;
        }
        next += size;
        starts.push(next);
    }
    starts
}
