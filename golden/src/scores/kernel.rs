//! Inner loops of the score input, each compiled for several vector extensions.

use multiversion::multiversion;

/// Keys whose scores are computed at a time.
pub(super) const KEYS: usize = 32;

/// The least and the largest of the scores; of none, the largest and the least integer.
#[multiversion(targets = "simd")]
pub(super) fn extremes(scores: &[i32]) -> (i32, i32) {
    let (mut least, mut most) = (i32::MAX, i32::MIN);
    for score in scores {
        least = least.min(*score);
        most = most.max(*score);
    }
    (least, most)
}

/// D_MAX - d of each key: how close it is to the largest, `maximum`, 0 for D_MAX and beyond.
#[multiversion(targets = "simd")]
pub(super) fn closeness(
    scores: &[i32],
    score_shift: u32,
    maximum: i32,
    most_distance: u32,
    closeness: &mut [u16],
) {
    for (closeness, score) in closeness.iter_mut().zip(scores) {
        // Right for any two integers, taken as unsigned.
        let distance = maximum.wrapping_sub(score.wrapping_shr(score_shift)) as u32;
        *closeness = (most_distance - distance.min(most_distance)) as u16;
    }
}

/// Sum of the terms, looked up by closeness.
#[multiversion(targets = "simd")]
pub(super) fn sum_terms(closeness: &[u16], terms: &[u32]) -> u64 {
    // A power of two many: the mask changes nothing but saves the check.
    let mask = terms.len() - 1;
    closeness
        .iter()
        .map(|closeness| u64::from(terms[usize::from(*closeness) & mask]))
        .sum()
}

/// One element of each of [`KEYS`] keys.
pub(super) type KeyElements = [i16; KEYS];

/// q·k of one query and [`KEYS`] keys, an element at a time.
#[multiversion(targets = "simd")]
pub(super) fn dot_products(query: &[i16], keys: &[KeyElements]) -> [i32; KEYS] {
    let mut sums = [0_i32; KEYS];
    for (query, keys) in query.iter().zip(keys) {
        for (sum, key) in sums.iter_mut().zip(keys) {
            *sum += i32::from(*query) * i32::from(*key);
        }
    }
    sums
}
