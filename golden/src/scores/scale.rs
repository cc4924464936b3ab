//! A scale for queries that makes scores of them which are base-2 logits in fixed point.

use std::f64::consts::LOG2_E;

use multiversion::multiversion;
use ndarray::{Array2, ArrayView2};

use super::format::{FRACTION_BITS, MOST_SCORE_SHIFT, in_range};
use crate::error::AttentionError;

/// Largest magnitude of a scaled query's elements.
const MOST: f64 = 127.0;

/// Elements looked at side by side.
const LANES: usize = 16;

/// int8 queries whose scores are base-2 logits in fixed point.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaledQuery {
    /// [rows, D], each -127..=127: S = q·k of these and the int8 keys.
    pub integers: Array2<i8>,
    /// f: S 2^-f is the logit times log2(e).
    pub scale_bits: u32,
    /// f - F: how far S is shifted to the right to have F fraction bits.
    pub score_shift: u32,
    /// Share of the range -127..=127 that the queries take: what a power of two leaves of the
    /// full scale that any real scale could use. Above 0.5 but where queries are all (nearly)
    /// 0.
    pub used_range: f64,
}

impl ScaledQuery {
    /// Bits of a query's element that are of use, the sign included: 8 for the whole range, one
    /// less for half of it; 0 for queries of zeros.
    pub fn effective_bits(&self) -> f64 {
        (8.0 + self.used_range.log2()).max(0.0)
    }
}

/// Quantizes one head's queries with a scale that is a power of two in base-2 logits.
///
/// With logits q·k / sqrt(D), log2(e) q·k / sqrt(D) = S 2^-f for the scores S of the integers
/// round(q log2(e) / sqrt(D) `key_scale` 2^f) (halves away from zero) and the int8 keys. f is the
/// largest integer that keeps all of them in -127..=127, but at most F + 31.
///
/// # Arguments
/// - `query`: [rows, D]; the logits are q·k / sqrt(D). Another factor can go into `key_scale`.
/// - `key_scale`: what 1 of the int8 keys stands for; positive.
/// - `fraction_bits`: F, 0..=8.
///
/// # Errors
/// [`AttentionError::NotFinite`] with the position of a NaN or infinity;
/// [`AttentionError::Parameter`] for other parameters out of range, and if f would be below F:
/// then the logits are too large for F fraction bits.
pub fn power_of_two_query<Q: Copy + Into<f64>>(
    query: ArrayView2<Q>,
    key_scale: f64,
    fraction_bits: u32,
) -> Result<ScaledQuery, AttentionError> {
    in_range("fraction_bits", fraction_bits, FRACTION_BITS)?;
    if !(key_scale > 0.0 && key_scale.is_finite()) {
        let legal = "positive and finite";
        return Err(AttentionError::parameter("key_scale", key_scale, legal));
    }
    let factor = LOG2_E / (query.ncols().max(1) as f64).sqrt() * key_scale;
    let contiguous = query.as_standard_layout();
    let elements = contiguous.as_slice().unwrap_or_default();
    let Some(largest) = largest_scaled(elements, factor) else {
        return Err(not_finite(query));
    };
    let (least, most) = (fraction_bits as i32, fraction_bits + MOST_SCORE_SHIFT);
    let scale_bits = largest_exponent(largest).min(most as i32);
    if scale_bits < least {
        let legal = format!(
            "at least fraction_bits = {fraction_bits} (queries reach {largest:e} octaves per \
             unit of a key)"
        );
        return Err(AttentionError::parameter("scale_bits", scale_bits, legal));
    }
    let mut integers = Array2::zeros(query.raw_dim());
    let places = integers.as_slice_mut().unwrap_or_default();
    round_scaled(elements, factor * f64::from(scale_bits).exp2(), places);
    Ok(ScaledQuery {
        integers,
        scale_bits: scale_bits as u32,
        score_shift: (scale_bits - least) as u32,
        used_range: largest * f64::from(scale_bits).exp2() / MOST,
    })
}

/// The largest magnitude of the elements times a factor; `None` if one is NaN or infinite.
#[multiversion(targets = "simd")]
fn largest_scaled<Q: Copy + Into<f64>>(elements: &[Q], factor: f64) -> Option<f64> {
    let mut largest = [0.0_f64; LANES];
    let mut finite = [true; LANES];
    let mut visit = |elements: &[Q]| {
        let lanes = largest.iter_mut().zip(&mut finite);
        for ((largest, finite), element) in lanes.zip(elements) {
            let value: f64 = (*element).into();
            let magnitude = (value * factor).abs();
            *finite &= value.abs() < f64::INFINITY;
            *largest = if magnitude > *largest {
                magnitude
            } else {
                *largest
            };
        }
    };
    let (chunks, rest) = elements.as_chunks::<LANES>();
    for chunk in chunks {
        visit(chunk);
    }
    visit(rest);
    let all_finite = finite.iter().all(|finite| *finite);
    all_finite.then(|| largest.into_iter().fold(0.0, f64::max))
}

/// The elements times a factor, rounded to the nearest integer, halves away from zero.
#[multiversion(targets = "simd")]
fn round_scaled<Q: Copy + Into<f64>>(elements: &[Q], factor: f64, integers: &mut [i8]) {
    for (integer, element) in integers.iter_mut().zip(elements) {
        *integer = ((*element).into() * factor).round() as i8;
    }
}

/// The error for the first element that is NaN or infinite.
fn not_finite<Q: Copy + Into<f64>>(query: ArrayView2<Q>) -> AttentionError {
    let values = query.indexed_iter();
    let mut values = values.map(|((row, element), value)| (vec![row, element], (*value).into()));
    let found = values.find(|(_, value)| !value.is_finite());
    let (index, value) = found.unwrap_or_default();
    AttentionError::NotFinite { index, value }
}

/// The largest f for which `largest` 2^f rounds to at most 127.
fn largest_exponent(largest: f64) -> i32 {
    let limit = MOST + 0.5;
    // Saturates for 0 and infinity.
    let estimate = (limit / largest).log2().floor() as i32;
    let fits = |f: i32| largest * f64::from(f).exp2() < limit;
    // The quotient, its logarithm or both were rounded.
    match (fits(estimate), fits(estimate.saturating_add(1))) {
        (false, _) => estimate.saturating_sub(1),
        (true, false) => estimate,
        (true, true) => estimate.saturating_add(1),
    }
}
