//! Softmax of a row in single precision, in vectors.

use multiversion::multiversion;

/// Sums and maxima that go on side by side, so that they are made in vectors; the order of
/// additions, hence the result, is the same on every machine.
const LANES: usize = 16;

/// Below this the exponential is no normal number any more: ln 2^-126.
const LEAST: f32 = -87.336_54;

/// e^x for x of at most 0, with an error below 2 units in the last place; 0 below ln 2^-126.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2, where ln 2 is taken in two parts so that n times the first
/// is exact; e^r by a polynomial; 2^n in the exponent's bits. No fused multiplication, so that
/// the result does not depend on the machine.
///
/// Source: Moshier, Cephes Mathematical Library, `expf`.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 355.0 / 512.0;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Added to a number below 2^22, it leaves the nearest integer in the low bits.
    const INTEGER: f32 = 1.5 * (1 << 23) as f32;
    let moved = x.max(LEAST) * std::f32::consts::LOG2_E + INTEGER;
    let n = moved - INTEGER;
    let r = x.max(LEAST) - n * LN_2_HIGH - n * LN_2_LOW;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 0.166_666_65;
    p = p * r + 0.5;
    let power = p * (r * r) + r + 1.0;
    let exponent = moved.to_bits().wrapping_sub(INTEGER.to_bits());
    let scale = f32::from_bits(exponent.wrapping_add(127) << 23);
    if x < LEAST { 0.0 } else { power * scale }
}

/// Turns a row of logits into their softmax: exp(x - largest), divided by the sum of those.
#[multiversion(targets = "simd")]
pub(crate) fn softmax(row: &mut [f32]) {
    let mut largest = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (largest, x) in largest.iter_mut().zip(chunk) {
            *largest = if *x > *largest { *x } else { *largest };
        }
    }
    for (largest, x) in largest.iter_mut().zip(rest) {
        *largest = largest.max(*x);
    }
    let largest = largest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0.0; LANES];
    let (chunks, rest) = row.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *x = exp(*x - largest);
            *sum += *x;
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *x = exp(*x - largest);
        *sum += *x;
    }
    let factor = 1.0 / total(sums);
    for x in row {
        *x *= factor;
    }
}

/// Divides a row by its sum, if that is not 0.
#[multiversion(targets = "simd")]
pub(crate) fn renormalize(row: &mut [f32]) {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += *x;
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += *x;
    }
    let sum = total(sums);
    if sum > 0.0 {
        let factor = 1.0 / sum;
        for x in row {
            *x *= factor;
        }
    }
}

/// The sum of the lanes.
#[inline(always)]
fn total(lanes: [f32; LANES]) -> f32 {
    lanes.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_within_two_units_in_the_last_place() {
        let mut worst = 0.0_f64;
        // Every 97th number from 0 down to where the result is no normal number.
        for bits in (0..=LEAST.abs().to_bits()).step_by(97) {
            let x = -f32::from_bits(bits);
            let expected = f64::from(x).exp();
            let found = exp(x);
            let unit = f64::from((expected as f32).next_up() - expected as f32);
            worst = worst.max((f64::from(found) - expected).abs() / unit);
        }
        assert!(worst < 2.0, "{worst} units");
        println!("largest error: {worst:.3} units in the last place");
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(LEAST.next_down()), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
    }

    #[test]
    fn a_softmax_is_that_of_double_precision() {
        for length in [1, 2, 15, 16, 17, 31, 200] {
            let logit = |i: usize| ((i * 37 % 101) as f32 - 50.0) / 7.0;
            let mut row: Vec<f32> = (0..length).map(logit).collect();
            let powers: Vec<f64> = row.iter().map(|x| f64::from(*x).exp()).collect();
            let sum: f64 = powers.iter().sum();
            softmax(&mut row);
            for (p, power) in row.iter().zip(powers) {
                let expected = power / sum;
                assert!(
                    (f64::from(*p) - expected).abs() < 1e-6 * expected,
                    "{p} {expected}"
                );
            }
        }
    }

    #[test]
    fn far_logits_come_to_nothing() {
        let mut row = [1000.0, -1000.0, 0.0];
        softmax(&mut row);
        assert_eq!(row, [1.0, 0.0, 0.0]);
        let mut none = [0.0; 3];
        renormalize(&mut none);
        assert_eq!(none, [0.0; 3]);
        let mut some = [0.25, 0.0, 0.75, 1.0];
        renormalize(&mut some);
        assert_eq!(some, [0.125, 0.0, 0.375, 0.5]);
    }
}
