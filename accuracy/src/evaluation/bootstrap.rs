//! Intervals of scores by the bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap",
//! 1993, section 13.3: the percentile interval).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Share of the resamples that an interval holds.
pub const CONFIDENCE: f64 = 0.95;

/// Two numbers between which a score lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower one.
    pub low: f64,
    /// The upper one.
    pub high: f64,
}

/// How items are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// How often.
    pub resamples: usize,
    /// Seed of the generator, ChaCha8; each resample is a stream of its own.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Bootstrap {
            resamples: 1000,
            seed: 0,
        }
    }
}

impl Bootstrap {
    /// A statistic of each resample: as many items as there are, drawn with replacement. All
    /// statistics of as many items see the same resamples, whatever the number of threads.
    pub fn each<T: Send>(&self, items: usize, statistic: impl Fn(&[usize]) -> T + Sync) -> Vec<T> {
        (0..self.resamples)
            .into_par_iter()
            .map(|resample| {
                let mut random = ChaCha8Rng::seed_from_u64(self.seed);
                random.set_stream(resample as u64);
                let chosen: Vec<usize> =
                    (0..items).map(|_| random.random_range(0..items)).collect();
                statistic(&chosen)
            })
            .collect()
    }
}

/// The percentile interval of a statistic's values: between 2.5 and 97.5 % of them, interpolated
/// linearly; `None` if there are none or some are not finite.
pub fn percentile_interval(mut values: Vec<f64>) -> Option<Interval> {
    if values.is_empty() || !values.iter().all(|x| x.is_finite()) {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    let at = |share: f64| {
        let place = share * last as f64;
        let below = place.floor() as usize;
        let (low, high) = (values[below], values[(below + 1).min(last)]);
        low + (high - low) * place.fract()
    };
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Some(Interval {
        low: at(tail),
        high: at(1.0 - tail),
    })
}
