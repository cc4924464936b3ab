//! Quantizers: what makes a code out of a probability.
//!
//! The golden model is defined by integer thresholds; the constructors here produce them from the
//! real-valued definitions.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::config::LINEAR_CODE_BITS;
use crate::error::AttentionError;
use crate::format::Probability;

/// Lower end of the range [1e-3, 1] of the published logarithmic quantizer.
pub const PAPER_LOWEST: f64 = 1e-3;

/// Thresholds of one quantizer, integers on the grid of the probabilities, non-decreasing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds(Vec<u32>);

impl Thresholds {
    /// Thresholds as they are.
    ///
    /// # Arguments
    /// - `thresholds`: 3, 7 or 15 integers of 1..2^probability_bits, non-decreasing.
    /// - `probability_bits`: fraction bits of the probabilities, 12..=24.
    ///
    /// # Errors
    /// [`AttentionError::Parameter`] if they are not.
    pub fn new(thresholds: Vec<u32>, probability_bits: u32) -> Result<Self, AttentionError> {
        check_probability_bits(probability_bits)?;
        let most = (1 << probability_bits) - 1;
        let legal = [3, 7, 15].contains(&thresholds.len())
            && thresholds.iter().all(|t| (1..=most).contains(t))
            && thresholds.is_sorted();
        if legal {
            return Ok(Self(thresholds));
        }
        Err(AttentionError::parameter(
            "thresholds",
            thresholds,
            format!("3, 7 or 15 non-decreasing integers of 1..={most}"),
        ))
    }

    /// The published logarithmic quantizer with pruning: 2^code_bits - 1 bins of equal width in
    /// the logarithm over [1e-3, 1]; what is below 1e-3 is pruned.
    ///
    /// Edge i is 1e-3 1000^(i / (2^code_bits - 1)), here ceil(edge 2^probability_bits), so that a
    /// probability on the grid has the code of its exact bin. Its levels are [`paper_levels`].
    ///
    /// Source: Ji et al., arXiv 2106.01335, uniform quantization on the logarithmic scale, as in
    /// the authors' code.
    ///
    /// # Errors
    /// [`AttentionError::Parameter`] for `code_bits` outside 2..=4 or `probability_bits` outside
    /// 12..=24.
    pub fn paper(code_bits: u32, probability_bits: u32) -> Result<Self, AttentionError> {
        check_code_bits(code_bits)?;
        check_probability_bits(probability_bits)?;
        let bins = (1 << code_bits) - 1;
        let edges = (0..bins).map(|i| paper_point(f64::from(i), bins));
        Self::new(on_grid(edges, probability_bits), probability_bits)
    }

    /// Thresholds for levels that are powers of two: midway in the logarithm between neighboring
    /// levels, and any lowest one.
    ///
    /// # Arguments
    /// - `shifts`: 3, 7 or 15 integers of 0..=15, non-increasing; level i is 2^-shifts\[i\].
    /// - `lowest`: the lowest threshold is 2^-lowest, e.g. 7.75.
    /// - `probability_bits`: 12..=24.
    ///
    /// # Errors
    /// [`AttentionError::Parameter`] for parameters out of range, or if the lowest threshold is
    /// above the next.
    pub fn powers_of_two(
        shifts: &[u32],
        lowest: f64,
        probability_bits: u32,
    ) -> Result<Self, AttentionError> {
        check_probability_bits(probability_bits)?;
        let falling = shifts.windows(2).all(|pair| pair[0] >= pair[1]);
        if !falling || shifts.iter().any(|shift| *shift > 15) {
            let legal = "non-increasing integers of 0..=15";
            return Err(AttentionError::parameter("shifts", shifts, legal));
        }
        // The threshold must be on the grid: at least 1, at most 2^probability_bits - 1.
        let finest = f64::from(probability_bits);
        if !(lowest > 0.0 && lowest <= finest) {
            let legal = format!("above 0, at most {finest}");
            return Err(AttentionError::parameter("lowest", lowest, legal));
        }
        let midway = shifts.windows(2).map(|pair| {
            // Half the sum may be a half: 2^-(k + 1/2) = 2^-k / sqrt(2).
            let sum = pair[0] + pair[1];
            let root = if sum % 2 == 1 { FRAC_1_SQRT_2 } else { 1.0 };
            power_of_two(f64::from(sum / 2)) * root
        });
        let edges = std::iter::once(power_of_two(lowest)).chain(midway);
        Self::new(on_grid(edges, probability_bits), probability_bits)
    }

    /// The integers, one a code from 1 up.
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }

    /// The integers, for a configuration's `thresholds`.
    pub fn into_vec(self) -> Vec<u32> {
        self.0
    }

    /// The code of a probability in fixed point: how many thresholds it reaches (ties survive).
    pub fn code(&self, probability: u32) -> u8 {
        self.0.iter().filter(|t| probability >= **t).count() as u8
    }
}

/// Levels of [`Thresholds::paper`], the geometric middles of its bins, rounded to integers of
/// `level_bits` fraction bits (but at least 1).
///
/// # Errors
/// [`AttentionError::Parameter`] for `code_bits` outside 2..=4 or `level_bits` outside 1..=16.
pub fn paper_levels(code_bits: u32, level_bits: u32) -> Result<Vec<u32>, AttentionError> {
    check_code_bits(code_bits)?;
    if !(1..=16).contains(&level_bits) {
        return Err(AttentionError::parameter(
            "level_bits",
            level_bits,
            "1..=16",
        ));
    }
    let bins = (1 << code_bits) - 1;
    let one = f64::from(1_u32 << level_bits);
    let levels = (0..bins).map(|i| paper_point(f64::from(i) + 0.5, bins) * one);
    // Never 2^level_bits itself, which a level could round to if there were very few bits.
    Ok(levels
        .map(|level| level.round().clamp(1.0, one - 1.0) as u32)
        .collect())
}

/// The int8 twin's code: the probability rounded to 8 fraction bits, halves up, saturated.
#[inline(always)]
pub fn linear_code(probability: u32, probability_bits: u32) -> u8 {
    let dropped = probability_bits - LINEAR_CODE_BITS;
    let rounded = (probability + (1 << (dropped - 1))) >> dropped;
    rounded.min(u32::from(u8::MAX)) as u8
}

/// Thresholds as integers of the probabilities' own type. One above the type's range can never be
/// reached, so it is left out.
pub(crate) fn reachable<P: Probability>(thresholds: &[u32]) -> Vec<P> {
    thresholds
        .iter()
        .filter_map(|threshold| P::try_from(*threshold).ok())
        .collect()
}

/// The point `i` bins up the published logarithmic scale.
fn paper_point(i: f64, bins: u32) -> f64 {
    PAPER_LOWEST * PAPER_LOWEST.recip().powf(i / f64::from(bins))
}

/// The least integers of the probabilities' grid that are not below the edges.
fn on_grid(edges: impl Iterator<Item = f64>, probability_bits: u32) -> Vec<u32> {
    let one = f64::from(1_u32 << probability_bits);
    edges.map(|edge| (edge * one).ceil() as u32).collect()
}

/// 2^-exponent, exact where the exponent is an integer.
fn power_of_two(exponent: f64) -> f64 {
    let whole = exponent.floor();
    0.5_f64.powi(whole as i32) * (whole - exponent).exp2()
}

fn check_code_bits(code_bits: u32) -> Result<(), AttentionError> {
    if (2..=4).contains(&code_bits) {
        return Ok(());
    }
    Err(AttentionError::parameter("code_bits", code_bits, "2..=4"))
}

fn check_probability_bits(probability_bits: u32) -> Result<(), AttentionError> {
    if (12..=24).contains(&probability_bits) {
        return Ok(());
    }
    Err(AttentionError::parameter(
        "probability_bits",
        probability_bits,
        "12..=24",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Constants as read from the authors' code, for 3 bits.
    const PAPER_16: [u32; 7] = [66, 176, 472, 1266, 3395, 9107, 24430];
    const PAPER_24: [u32; 7] = [
        16778, 45009, 120_744, 323_918, 868_972, 2_331_187, 6_253_865,
    ];
    const PAPER_LEVELS_16: [u32; 7] = [107, 288, 773, 2072, 5560, 14915, 40012];

    #[test]
    fn paper_constants_of_3_bits() {
        assert_eq!(Thresholds::paper(3, 16).unwrap().as_slice(), PAPER_16);
        assert_eq!(Thresholds::paper(3, 24).unwrap().as_slice(), PAPER_24);
        assert_eq!(paper_levels(3, 16).unwrap(), PAPER_LEVELS_16);
    }

    #[test]
    fn paper_constants_of_2_and_4_bits() {
        // Edges .001, .01, .1 and levels sqrt(10) above them.
        assert_eq!(
            Thresholds::paper(2, 16).unwrap().as_slice(),
            [66, 656, 6554]
        );
        assert_eq!(paper_levels(2, 16).unwrap(), [207, 2072, 20724]);
        // Edges 10^(-3 + 0.2 i): .001, .0015849, .0025119, .0039811, .0063096, then tenfold.
        let decade = [
            0.001,
            0.001_584_893_2,
            0.002_511_886_4,
            0.003_981_071_7,
            0.006_309_573_4,
        ];
        let edges = [1.0, 10.0, 100.0]
            .into_iter()
            .flat_map(|tens| decade.map(|edge| (edge * tens * 65536.0_f64).ceil() as u32));
        assert_eq!(
            Thresholds::paper(4, 16).unwrap().into_vec(),
            edges.collect::<Vec<_>>()
        );
    }

    #[test]
    fn powers_of_two_of_the_named_configurations() {
        let shifts = [7, 6, 5, 4, 3, 2, 1];
        let thresholds = Thresholds::powers_of_two(&shifts, 7.75, 16).unwrap();
        // 2^8.25 = 304.4, 2^9.5 = 724.1, then doubling: 1448.2, 2896.3, 5792.6, 11585.2, 23170.5.
        assert_eq!(
            thresholds.as_slice(),
            [305, 725, 1449, 2897, 5793, 11586, 23171]
        );
        for name in crate::NAMES {
            let configuration = crate::Configuration::named(name).unwrap();
            let expected = match name {
                "paper" => &PAPER_16[..],
                // It takes queries and keys.
                "base" => &[],
                _ => thresholds.as_slice(),
            };
            assert_eq!(configuration.thresholds, expected, "{name}");
        }
    }

    #[test]
    fn exact_edges_stay_exact() {
        // A gap of two shifts puts the edge on a power of two, and so can the lowest.
        let thresholds = Thresholds::powers_of_two(&[7, 5, 3], 8.0, 16).unwrap();
        assert_eq!(thresholds.as_slice(), [256, 1024, 4096]);
        assert_eq!([255, 256, 257].map(|p| thresholds.code(p)), [0, 1, 1]);
    }

    #[test]
    fn illegal_parameters_are_named() {
        let shifts = [7, 6, 5, 4, 3, 2, 1];
        let errors = [
            (Thresholds::paper(5, 16), "code_bits = 5: must be 2..=4"),
            (
                Thresholds::paper(3, 25),
                "probability_bits = 25: must be 12..=24",
            ),
            (
                Thresholds::powers_of_two(&[1, 2, 3], 7.0, 16),
                "shifts = [1, 2, 3]: must be non-increasing",
            ),
            (
                Thresholds::powers_of_two(&shifts, 17.0, 16),
                "lowest = 17.0: must be above 0, at most 16",
            ),
            (
                Thresholds::powers_of_two(&shifts, f64::NAN, 16),
                "lowest = NaN",
            ),
            (
                Thresholds::powers_of_two(&shifts, 3.0, 16),
                "non-decreasing",
            ),
            (Thresholds::new(vec![0, 1, 2], 16), "thresholds = [0, 1, 2]"),
            (Thresholds::new(vec![1, 2], 16), "3, 7 or 15"),
        ];
        for (result, expected) in errors {
            let message = result.unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        assert!(paper_levels(3, 17).is_err());
    }

    #[test]
    fn linear_code_rounds_and_saturates() {
        let codes = [0, 127, 128, 383, 384, 65_407, 65_408, 65_535].map(|p| linear_code(p, 16));
        assert_eq!(codes, [0, 0, 1, 1, 2, 255, 255, 255]);
        assert_eq!(linear_code(4095, 12), 255);
    }

    proptest! {
        #[test]
        fn linear_code_is_the_nearest_256th(bits in 12_u32..=24, p: u32) {
            let p = p % (1 << bits);
            let exact = f64::from(p) / f64::from(1_u32 << bits) * 256.0;
            let expected = (exact + 0.5).floor().min(255.0);
            prop_assert_eq!(f64::from(linear_code(p, bits)), expected);
        }
    }
}
