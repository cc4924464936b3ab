//! Counts of attention values in bins of equal width in the logarithm.

use std::iter::Sum;
use std::ops::AddAssign;

/// Octaves below 1 that have bins of their own.
pub const OCTAVES: usize = 24;
/// Bins of an octave.
pub const BINS_PER_OCTAVE: usize = 4;
/// Bins of a histogram: one for all that is less than 2^-24, 0 included, then a quarter of an
/// octave each up to 1, which is in the last one.
pub const BINS: usize = 1 + OCTAVES * BINS_PER_OCTAVE;

/// 2^-24.
const LEAST: f32 = 1.0 / (1_u32 << OCTAVES) as f32;
/// Bits of the significand of a float, the leading 1 left out.
const SIGNIFICAND: u32 = (1 << 23) - 1;
/// Significands of 2^(1/4), 2^(1/2) and 2^(3/4), rounded to the nearest float as thresholds are.
const QUARTERS: [u32; BINS_PER_OCTAVE - 1] = [0x18_37f0, 0x35_04f3, 0x57_44fd];

/// A bin of a histogram and what is in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// The least value that belongs to it.
    pub low: f64,
    /// The end of the values that belong to it: not one of them, but for the last bin, where it
    /// is 1 and does.
    pub high: f64,
    /// How many values there are.
    pub count: u64,
}

/// How many attention values lie in each of [`BINS`] bins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BINS],
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: [0; BINS] }
    }
}

impl Histogram {
    /// Counts some attention values, 0 to 1.
    pub fn count(&mut self, values: &[f32]) {
        for value in values {
            self.counts[bin(*value)] += 1;
        }
    }

    /// Number of values.
    pub fn values(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The bins, from the least values to the largest.
    pub fn bins(&self) -> impl Iterator<Item = Bin> {
        let bins = self.counts.iter().enumerate();
        bins.map(|(index, count)| Bin {
            low: if index == 0 { 0.0 } else { edge(index - 1) },
            high: edge(index),
            count: *count,
        })
    }

    /// Every edge between bins with the number of values that are less, which is what pruning at
    /// that threshold removes; from 2^-24 to 2^-(1/4).
    pub fn less_than_edges(&self) -> impl Iterator<Item = (f64, u64)> {
        // The last bin holds values of 1, which are not less than its end.
        self.bins().take(BINS - 1).scan(0, |sum, bin| {
            *sum += bin.count;
            Some((bin.high, *sum))
        })
    }

    /// Share of the values that are less than a threshold, which is what pruning there removes;
    /// 0 of none. `None` if the threshold is no edge between bins.
    pub fn share_below(&self, threshold: f64) -> Option<f64> {
        let mut edges = self.less_than_edges();
        let (_, count) = edges.find(|(edge, _)| *edge == threshold)?;
        Some(count as f64 / self.values().max(1) as f64)
    }
}

impl AddAssign<&Histogram> for Histogram {
    fn add_assign(&mut self, other: &Histogram) {
        for (count, other) in self.counts.iter_mut().zip(&other.counts) {
            *count += other;
        }
    }
}

impl<'a> Sum<&'a Histogram> for Histogram {
    fn sum<I: Iterator<Item = &'a Histogram>>(histograms: I) -> Self {
        histograms.fold(Histogram::default(), |mut sum, histogram| {
            sum += histogram;
            sum
        })
    }
}

/// The edge after a bin: 2^-24 after the first, 1 after the last.
fn edge(bin: usize) -> f64 {
    let (octave, quarter) = (bin / BINS_PER_OCTAVE, bin % BINS_PER_OCTAVE);
    let quarter = (quarter as f64 / BINS_PER_OCTAVE as f64).exp2();
    quarter * (octave as f64 - OCTAVES as f64).exp2()
}

/// The bin of a value.
fn bin(value: f32) -> usize {
    if value.is_nan() || value < LEAST {
        return 0;
    }
    if value >= 1.0 {
        return BINS - 1;
    }
    let bits = value.to_bits();
    // From 0 for 2^-24 on: the exponent is biased by 127.
    let octave = (bits >> 23) as usize - (127 - OCTAVES);
    let significand = bits & SIGNIFICAND;
    let quarter = QUARTERS.iter().filter(|least| significand >= **least);
    1 + octave * BINS_PER_OCTAVE + quarter.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_belongs_to_the_bin_above_it() {
        for index in 0..BINS - 1 {
            let least = edge(index) as f32;
            assert_eq!(bin(least), index + 1, "{least}");
            assert_eq!(bin(least.next_down()), index, "below {least}");
        }
    }

    #[test]
    fn the_ends_have_bins() {
        let ends = [(0.0, 0), (f32::NAN, 0), (1.0, BINS - 1), (0.999, BINS - 1)];
        for (value, expected) in ends {
            assert_eq!(bin(value), expected, "{value}");
        }
        assert_eq!((edge(0), edge(BINS - 1)), (2.0_f64.powi(-24), 1.0));
        assert_eq!(edge(BINS - 2), (-0.25_f64).exp2());
    }
}
