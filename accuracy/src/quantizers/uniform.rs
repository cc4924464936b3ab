//! The quantizers whose steps are fixed: numbers 1 to 7 of the paper's table.

use super::{LOWEST, Steps};

/// A quantizer with fixed steps. a is the value; [`crate::quantizers`] says what N, M and m are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniform {
    /// Number 1, `linear-nearest`: round(a N) / N; what rounds to 0 is 0.
    LinearNearest,
    /// Number 2, `linear-middle`: (floor(a M) + 1/2) / M; 0 below 1 / M.
    LinearMiddle,
    /// Number 3, `linear-pruned-nearest`: m + round((a - m) / s) s with s = (1 - m) / N; 0 up to
    /// m + s / 2.
    LinearPrunedNearest,
    /// Number 4, `linear-pruned-middle`: m + (floor((a - m) / s) + 1/2) s with s = (1 - m) / M; 0
    /// below m + s.
    LinearPrunedMiddle,
    /// Number 5, `log-nearest`: 2^(-t round(log2 a / -t)) with t = -log2(m) / N; 0 below m 2^-t.
    LogNearest,
    /// Number 6, `log-middle`: 2^(e + (floor((log2 a - e) / t) + 1/2) t) with e = log2 1e-10 and
    /// t = -e / M; 0 below 2^(e + t).
    LogMiddle,
    /// Number 7, `log-pruned-middle`, the one of the paper's 3-bit result:
    /// 2^(e + (floor((log2 a - e) / t) + 1/2) t) with e = log2 m and t = -e / N; 0 below m. A
    /// value of 1 belongs to the last bin.
    LogPrunedMiddle,
}

/// 2^e of number 6.
const SMALLEST: f64 = 1e-10;

impl Uniform {
    /// The name in specifications.
    pub fn name(self) -> &'static str {
        match self {
            Uniform::LinearNearest => "linear-nearest",
            Uniform::LinearMiddle => "linear-middle",
            Uniform::LinearPrunedNearest => "linear-pruned-nearest",
            Uniform::LinearPrunedMiddle => "linear-pruned-middle",
            Uniform::LogNearest => "log-nearest",
            Uniform::LogMiddle => "log-middle",
            Uniform::LogPrunedMiddle => "log-pruned-middle",
        }
    }

    /// Edges and levels.
    ///
    /// # Arguments
    /// - `bits`: k, 2..=16.
    /// - `clamp`: whether a value of 1 belongs to the last bin where the published formula takes
    ///   it beyond (numbers 2, 4 and 6).
    pub fn steps(self, bits: u32, clamp: bool) -> Steps {
        let most = 1_u32 << bits;
        let (m, n) = (f64::from(most), f64::from(most - 1));
        // Bins are numbered as the formulas do; the first that is not 0 and the last follow.
        let last_middle = if clamp { most - 1 } else { most };
        let linear = (1.0 - LOWEST) / n;
        let middle = (1.0 - LOWEST) / m;
        let power = |base: f64, i: f64, bins: f64| base * base.recip().powf(i / bins);
        let steps = |bins: std::ops::RangeInclusive<u32>, step: &dyn Fn(f64) -> (f64, f64)| {
            Steps::new(0.0, bins.map(|i| step(f64::from(i))))
        };
        match self {
            Uniform::LinearNearest => steps(1..=most - 1, &|i| ((i - 0.5) / n, i / n)),
            Uniform::LinearMiddle => steps(1..=last_middle, &|i| (i / m, (i + 0.5) / m)),
            Uniform::LinearPrunedNearest => steps(1..=most - 1, &|i| {
                let edge = LOWEST + (i - 0.5) * linear;
                // The first edge itself is pruned.
                let edge = if i == 1.0 { edge.next_up() } else { edge };
                (edge, LOWEST + i * linear)
            }),
            Uniform::LinearPrunedMiddle => steps(1..=last_middle, &|i| {
                // Exactly 1 for the bin that only a value of 1 reaches.
                let edge = if i == m { 1.0 } else { LOWEST + i * middle };
                (edge, LOWEST + (i + 0.5) * middle)
            }),
            // From below: n + 1 steps under 1 down to 1 itself.
            Uniform::LogNearest => steps(0..=most, &|i| {
                let octaves = n + 1.0 - i;
                let edge = if i == 0.0 { octaves } else { octaves + 0.5 };
                (LOWEST.powf(edge / n), LOWEST.powf(octaves / n))
            }),
            Uniform::LogMiddle => steps(1..=last_middle, &|i| {
                let edge = if i == m { 1.0 } else { power(SMALLEST, i, m) };
                (edge, power(SMALLEST, i + 0.5, m))
            }),
            Uniform::LogPrunedMiddle => steps(0..=most - 2, &|i| {
                (power(LOWEST, i, n), power(LOWEST, i + 0.5, n))
            }),
        }
    }
}
