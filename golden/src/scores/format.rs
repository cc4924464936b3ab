//! The parameters of the score input, checked, and what follows from them.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::config::ceil_log2;
use crate::error::AttentionError;

/// Legal F.
pub(crate) const FRACTION_BITS: RangeInclusive<u32> = 0..=8;
/// Legal G.
pub(crate) const GUARD_BITS: RangeInclusive<u32> = 0..=16;
/// Legal N.
const MAX_KEYS: RangeInclusive<usize> = 2..=16384;
/// Bits of y at most: what an `i32` holds.
const MOST_SCORE_BITS: u32 = i32::BITS;
/// Octaves that distances span at most: 2^5.
const MOST_OCTAVE_BITS: u32 = 5;
/// Largest legal `score_shift`.
pub(super) const MOST_SCORE_SHIFT: u32 = 31;

/// Legal bits of y for F fraction bits: at least the sign over the fraction.
pub(crate) fn score_bits(fraction_bits: u32) -> RangeInclusive<u32> {
    fraction_bits + 1..=MOST_SCORE_BITS
}

/// Legal bits of a distance for F fraction bits.
pub(crate) fn distance_bits(fraction_bits: u32) -> RangeInclusive<u32> {
    fraction_bits + 1..=fraction_bits + MOST_OCTAVE_BITS
}

/// The most by which Mitchell's approximation is off, in octaves: the maximum over x of
/// log2(1 + x) - x, reached at x = log2(e) - 1.
const MITCHELL: f64 = 0.086_071_332_055_934_3;

/// How 2^-d is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exp2 {
    /// 1 + fraction, shifted: up to 0.0861 octaves too large.
    ///
    /// Source: Mitchell, "Computer multiplication and division using binary logarithms", IRE
    /// Transactions on Electronic Computers, 1962.
    #[default]
    Mitchell,
    /// A table of 2^F entries, shifted.
    Table,
}

/// What is chosen when a unit with score input is generated. [`crate::scores`] gives the meaning.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreParameters {
    /// Most keys N of a row, 2..=16384.
    pub max_keys: usize,
    /// F: fraction bits of y, of the thresholds and of the logarithm, 0..=8.
    pub fraction_bits: u32,
    /// Bits of the signed y, F included: F + 1..=32.
    pub score_bits: u32,
    /// Bits of a distance: F + 1..=F + 5, that is 2 to 32 octaves.
    pub distance_bits: u32,
    /// G: fraction bits that terms have more than y, 0..=16.
    pub guard_bits: u32,
    /// How 2^-d is computed.
    pub exp2: Exp2,
    /// A key has at least code i iff y - L >= `thresholds[i - 1]`: 3, 7 or 15 integers with F
    /// fraction bits, above -(2^distance_bits - 1), at most 0, non-decreasing.
    pub thresholds: Vec<i32>,
}

impl ScoreParameters {
    /// The defaults: scores up to 2^11 octaves (`score_bits` = F + 12), distances up to 16
    /// octaves, Mitchell's 2^-d, and guard bits such that all truncation together stays below one
    /// step of the thresholds (G = ceil(log2 N) + 1).
    pub fn new(max_keys: usize, fraction_bits: u32, thresholds: Vec<i32>) -> Self {
        Self {
            max_keys,
            fraction_bits,
            score_bits: fraction_bits.saturating_add(12),
            distance_bits: fraction_bits.saturating_add(4),
            guard_bits: ceil_log2(max_keys) + 1,
            exp2: Exp2::Mitchell,
            thresholds,
        }
    }
}

/// Thresholds on y - L for levels that are powers of two: midway in the logarithm between
/// neighboring levels, and any lowest one.
///
/// Each is -edge 2^F rounded to the nearest integer; halves, which midway edges give for F = 0
/// only, down (a key that ties survives).
///
/// # Arguments
/// - `shifts`: 3, 7 or 15 integers of 0..=15, non-increasing; level i is 2^-shifts\[i\].
/// - `lowest`: edge of the lowest threshold in octaves below 1, e.g. 7.5; 0..=32.
/// - `fraction_bits`: F, 0..=8.
///
/// # Errors
/// [`AttentionError::Parameter`] for parameters out of range, or if the lowest edge is above the
/// next.
pub fn score_thresholds(
    shifts: &[u32],
    lowest: f64,
    fraction_bits: u32,
) -> Result<Vec<i32>, AttentionError> {
    in_range("fraction_bits", fraction_bits, FRACTION_BITS)?;
    let falling = shifts.windows(2).all(|pair| pair[0] >= pair[1]);
    let count = [3, 7, 15].contains(&shifts.len());
    if !falling || !count || shifts.iter().any(|shift| *shift > 15) {
        let legal = "3, 7 or 15 non-increasing integers of 0..=15";
        return Err(AttentionError::parameter("shifts", shifts, legal));
    }
    let next = f64::from(shifts[0] + shifts[1]) / 2.0;
    if !(next..=32.0).contains(&lowest) {
        let legal = format!("{next}..=32 (from the next edge down)");
        return Err(AttentionError::parameter("lowest", lowest, legal));
    }
    let midway = shifts
        .windows(2)
        .map(|pair| f64::from(pair[0] + pair[1]) / 2.0);
    let one = f64::from(1_u32 << fraction_bits);
    Ok(std::iter::once(lowest)
        .chain(midway)
        .map(|edge| -(edge * one).round() as i32)
        .collect())
}

/// How far z = (y - L) 2^-F can be from the logarithm of the softmax probability, in octaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorBound {
    /// z >= log2 p - `below`.
    pub below: f64,
    /// z <= log2 p + `above`.
    pub above: f64,
}

/// Checked [`ScoreParameters`] with what the model looks up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScoreFormat {
    parameters: ScoreParameters,
    /// Term of each closeness D_MAX - d.
    terms: Vec<u32>,
}

impl ScoreFormat {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`AttentionError::Parameter`] with the first one out of range, its value and the range.
    pub fn new(parameters: ScoreParameters) -> Result<Self, AttentionError> {
        let p = &parameters;
        in_range("max_keys", p.max_keys, MAX_KEYS)?;
        in_range("fraction_bits", p.fraction_bits, FRACTION_BITS)?;
        in_range("score_bits", p.score_bits, score_bits(p.fraction_bits))?;
        in_range(
            "distance_bits",
            p.distance_bits,
            distance_bits(p.fraction_bits),
        )?;
        in_range("guard_bits", p.guard_bits, GUARD_BITS)?;
        let most = (1 << p.distance_bits) - 1;
        check_thresholds(&p.thresholds, most)?;
        let table = Terms::new(p);
        let terms = (0..=most as u32).rev().map(|d| table.term(d)).collect();
        Ok(Self { parameters, terms })
    }

    /// The parameters as given.
    pub fn parameters(&self) -> &ScoreParameters {
        &self.parameters
    }

    /// D_MAX: the largest distance, which stands for itself and all beyond.
    pub fn most_distance(&self) -> u32 {
        (1 << self.parameters.distance_bits) - 1
    }

    /// Bits of the unsigned sum, which is at most N with F + G fraction bits.
    pub fn sum_bits(&self) -> u32 {
        let fraction_bits = self.parameters.fraction_bits + self.parameters.guard_bits;
        fraction_bits + ceil_log2(self.parameters.max_keys + 1)
    }

    /// Bits of the unsigned offset, at most log2(N) with F fraction bits.
    pub fn offset_bits(&self) -> u32 {
        let octaves = self.parameters.max_keys.ilog2();
        self.parameters.fraction_bits + u32::BITS - octaves.leading_zeros()
    }

    /// 2^-d with F + G fraction bits (point 3); a distance over D_MAX counts as D_MAX.
    pub fn term(&self, distance: u32) -> u32 {
        let most = self.most_distance();
        self.terms[(most - distance.min(most)) as usize]
    }

    /// 2^(r / 2^F) with F + G fraction bits, for r below 2^F (0 otherwise): what
    /// [`ScoreFormat::term`] shifts.
    pub fn mantissa(&self, r: u32) -> u32 {
        let mantissas = Terms::new(&self.parameters).mantissas;
        mantissas.get(r as usize).copied().unwrap_or_default()
    }

    /// The terms by closeness D_MAX - d, 2^distance_bits of them.
    pub(super) fn terms(&self) -> &[u32] {
        &self.terms
    }

    /// log2 of a sum of terms, with F fraction bits (point 5); 0 for a sum below 1.0, which no
    /// row has.
    pub fn offset(&self, sum: u64) -> u32 {
        let ScoreParameters {
            fraction_bits,
            guard_bits,
            ..
        } = self.parameters;
        let Some(octaves) = sum
            .checked_ilog2()
            .and_then(|leading| leading.checked_sub(fraction_bits + guard_bits))
        else {
            return 0;
        };
        // The leading one and the F bits below it, then the octaves in its place.
        let mantissa = (sum >> (octaves + guard_bits)) as u32;
        mantissa + (octaves << fraction_bits) - (1 << fraction_bits)
    }

    /// Whether a key has code 0 whatever the rest of its row is, given that some key of the row
    /// is larger by `distance` = y' - y: the early prune.
    pub fn never_survives(&self, distance: u32) -> bool {
        distance > self.reach()
    }

    /// The largest d + offset that survives: -t_lowest.
    pub(super) fn reach(&self) -> u32 {
        // Legal parameters have thresholds, none of them positive.
        self.parameters
            .thresholds
            .first()
            .map_or(0, |lowest| lowest.unsigned_abs())
    }

    /// The bound that [`crate::scores`] proves.
    ///
    /// # Arguments
    /// - `keys`: of the row, n; 0 counts as 1.
    /// - `score_shift`: as for [`crate::scores::attend_scores`].
    pub fn error_bound(&self, keys: usize, score_shift: u32) -> ErrorBound {
        let p = &self.parameters;
        let power = |exponent: u32| 0.5_f64.powi(exponent.min(64) as i32);
        let step = power(p.fraction_bits);
        let unit = power(p.fraction_bits + p.guard_bits);
        let others = keys.saturating_sub(1) as f64;
        let rounded_off = step * (1.0 - power(score_shift));
        let cut_down = others * f64::from(self.term(self.most_distance())) * unit;
        let (most, least) = match p.exp2 {
            Exp2::Mitchell => (MITCHELL.exp2(), 1.0),
            Exp2::Table => (1.0 + unit / 2.0, 1.0 - unit / 2.0),
        };
        ErrorBound {
            below: rounded_off + (most + cut_down).log2(),
            above: rounded_off + (1.0 + others * unit).log2() - least.log2() + MITCHELL + step,
        }
    }
}

/// What point 3 of the definition computes.
struct Terms {
    fraction_bits: u32,
    /// 2^(r / 2^F) with F + G fraction bits, for each r.
    mantissas: Vec<u32>,
}

impl Terms {
    fn new(parameters: &ScoreParameters) -> Self {
        let ScoreParameters {
            fraction_bits,
            guard_bits,
            ..
        } = *parameters;
        let one = 1_u32 << fraction_bits;
        let mantissa = |r: u32| match parameters.exp2 {
            Exp2::Mitchell => (one + r) << guard_bits,
            Exp2::Table => {
                let power = (f64::from(r) / f64::from(one)).exp2();
                (power * f64::from(one << guard_bits)).round() as u32
            }
        };
        Self {
            fraction_bits,
            mantissas: (0..one).map(mantissa).collect(),
        }
    }

    fn term(&self, distance: u32) -> u32 {
        let octaves = distance.div_ceil(1 << self.fraction_bits);
        let r = (octaves << self.fraction_bits) - distance;
        self.mantissas[r as usize]
            .checked_shr(octaves)
            .unwrap_or_default()
    }
}

fn check_thresholds(thresholds: &[i32], most_distance: i32) -> Result<(), AttentionError> {
    let legal = 1 - most_distance..=0;
    if let Some(value) = thresholds.iter().find(|value| !legal.contains(*value)) {
        let legal = format!("{legal:?} (so that a distance of 2^distance_bits - 1 is pruned)");
        return Err(AttentionError::parameter("threshold", value, legal));
    }
    if ![3, 7, 15].contains(&thresholds.len()) || !thresholds.is_sorted() {
        let legal = format!("3, 7 or 15 non-decreasing integers of {legal:?}");
        return Err(AttentionError::parameter("thresholds", thresholds, legal));
    }
    Ok(())
}

/// Refuses a parameter out of its range.
pub(super) fn in_range<T: PartialOrd + std::fmt::Debug>(
    what: &'static str,
    value: T,
    legal: RangeInclusive<T>,
) -> Result<(), AttentionError> {
    if legal.contains(&value) {
        return Ok(());
    }
    Err(AttentionError::parameter(what, value, format!("{legal:?}")))
}
