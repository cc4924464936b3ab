//! How often attention values of each size occur.

use super::report::Histogram;
use logattn_golden::Configuration;
use ndarray::ArrayView2;

/// log2 of the lower edge of the first bin.
const LOWEST: i32 = -24;
/// Bins of an octave.
const BINS_PER_OCTAVE: i32 = 4;
/// Bins, up to 1.
pub const BINS: usize = (-LOWEST * BINS_PER_OCTAVE) as usize;

/// Values by size.
#[derive(Clone, Debug)]
pub struct Counts {
    zeros: u64,
    bins: Vec<u64>,
}

impl Default for Counts {
    fn default() -> Self {
        Counts {
            zeros: 0,
            bins: vec![0; BINS],
        }
    }
}

impl Counts {
    /// Of the keys within the rows' lengths.
    ///
    /// # Arguments
    /// - `probabilities`: [rows, keys].
    pub fn of(probabilities: ArrayView2<f32>, lengths: &[usize]) -> Self {
        let mut counts = Counts::default();
        for (row, length) in probabilities.outer_iter().zip(lengths) {
            for p in row.iter().take(*length) {
                match bin(*p) {
                    Some(bin) => counts.bins[bin] += 1,
                    None => counts.zeros += 1,
                }
            }
        }
        counts
    }

    /// Adds those of another head.
    pub fn add(&mut self, other: &Counts) {
        self.zeros += other.zeros;
        for (sum, more) in self.bins.iter_mut().zip(&other.bins) {
            *sum += more;
        }
    }
}

/// The bin of a value, 1 in the last one; absent for 0.
fn bin(p: f32) -> Option<usize> {
    if p <= 0.0 {
        return None;
    }
    let place = (p.log2() - LOWEST as f32) * BINS_PER_OCTAVE as f32;
    // A negative place saturates at 0.
    Some((place.floor() as usize).min(BINS - 1))
}

/// The histogram of layers, with the thresholds of a configuration.
pub fn histogram(c: &Configuration, layers: &[Counts]) -> Histogram {
    let mut all = Counts::default();
    for layer in layers {
        all.add(layer);
    }
    Histogram {
        lowest_log2: f64::from(LOWEST),
        bins_per_octave: BINS_PER_OCTAVE as u32,
        zeros: all.zeros,
        counts: all.bins,
        layers: layers.iter().map(|layer| layer.bins.clone()).collect(),
        threshold_log2: threshold_log2(c),
    }
}

/// The thresholds of a configuration as log2 of a probability.
fn threshold_log2(c: &Configuration) -> Vec<f64> {
    match c.fraction_bits {
        Some(fraction_bits) => {
            let one = f64::from(1_u32 << fraction_bits);
            let thresholds = c.score_thresholds.iter();
            thresholds.map(|t| f64::from(*t) / one).collect()
        }
        None => {
            let thresholds = c.thresholds.iter();
            let bits = f64::from(c.probability_bits);
            thresholds.map(|t| f64::from(*t).log2() - bits).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn values_fall_into_their_bins() {
        let probabilities = arr2(&[[1.0, 0.5, 0.49, 0.0, 1e-12], [0.25, 9.0, 9.0, 9.0, 9.0]]);
        let counts = Counts::of(probabilities.view(), &[5, 1]);
        assert_eq!(counts.zeros, 1);
        // 1 in the last bin, 2^-1 at the start of the bin four below the end, 0.49 below it, 2^-2
        // eight below the end, 1e-12 in the first bin.
        for bin in [95, 92, 91, 88, 0] {
            assert_eq!(counts.bins[bin], 1, "{bin}");
        }
        assert_eq!(counts.bins.iter().sum::<u64>(), 5);
    }

    #[test]
    fn thresholds_of_both_kinds_of_input() {
        let edge = Configuration::named("edge").unwrap();
        let lowest = threshold_log2(&edge)[0];
        assert!((lowest + 7.75).abs() < 0.01, "{lowest}");
        let scores = Configuration::named("edge_scores").unwrap();
        assert_eq!(threshold_log2(&scores)[0], -7.75);
    }
}
