//! Against the definition and against golden, for every width of values and outputs.

use super::complement_rounding;
use crate::netlist::Evaluator;
use logattn_golden::scores::{ScoreNormalize, ScoreWeights, complement_output};
use logattn_golden::{Accumulate, Configuration};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// (sum + half - (sum < 0)) >> k, saturated; an exact left shift where outputs have at least as
/// many fraction bits as sums.
fn defined(sum: i64, max_shift: u32, gain: u32, output_bits: u32) -> i64 {
    let rounded = if gain >= max_shift {
        sum << (gain - max_shift)
    } else {
        let k = max_shift - gain;
        (sum + (1 << (k - 1)) - i64::from(sum < 0)) >> k
    };
    let limit = 1 << (output_bits - 1);
    rounded.clamp(-limit, limit - 1)
}

/// The sums worth a test: all if there are few, else the extremes, those around the edges of
/// saturation, of rounding and of sign, and random ones of every magnitude.
fn sums(bits: u32, max_shift: u32, value_bits: u32, rng: &mut ChaCha8Rng) -> Vec<i64> {
    let limit = 1_i64 << (bits - 1);
    if bits <= 11 {
        return (-limit..limit).collect();
    }
    let half = 1 << (max_shift - 1);
    let most = 1 << (value_bits - 1 + max_shift);
    let edges = [0, half, 2 * half, 3 * half, most - half, most, most + half];
    let near = |edge: i64| (-2..=2).flat_map(move |delta| [edge + delta, delta - edge]);
    let random = (0..100).map(|_| rng.random_range(-limit..limit) >> rng.random_range(0..bits));
    edges
        .into_iter()
        .chain([limit])
        .flat_map(near)
        .filter(|sum| (-limit..limit).contains(sum))
        .chain(random)
        .collect()
}

#[test]
fn every_sum_is_rounded_as_defined() {
    let base = Configuration::named("base").expect("known");
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for value_bits in 2..=8 {
        for max_shift in 1..=15 {
            for output_bits in value_bits..=16 {
                let c = Configuration {
                    value_bits,
                    max_shift: Some(max_shift),
                    output_bits: Some(output_bits),
                    pipeline_depth: 1,
                    max_keys: if output_bits % 2 == 0 { 2 } else { 256 },
                    accumulate: if value_bits % 2 == 0 {
                        Accumulate::Sorted
                    } else {
                        Accumulate::Shift
                    },
                    ..base.clone()
                };
                let sorted = c.accumulate == Accumulate::Sorted;
                let weights = ScoreWeights {
                    value_bits,
                    max_shift,
                    shifts: c.shifts.clone(),
                    normalize: ScoreNormalize::Complement { output_bits },
                };
                let module = complement_rounding(&c).expect("builds");
                let mut device = Evaluator::new(&module).expect("flattens");
                for sum in sums(c.accumulator_bits(), max_shift, value_bits, &mut rng) {
                    let excess = match sorted {
                        true => rng.random_range(0..1_u64 << (c.accumulator_bits() - max_shift)),
                        false => 0,
                    };
                    let offered = (sum as u64).wrapping_add(excess << max_shift);
                    let bits = c.accumulator_bits();
                    device.set("sum", offered << (64 - bits) >> (64 - bits));
                    if sorted {
                        device.set("excess", excess);
                    }
                    device.settle();
                    let unused = 64 - output_bits;
                    let output = (device.get("rounded") << unused) as i64 >> unused;
                    let case =
                        format!("{sum} of {value_bits} bits >> {max_shift} in {output_bits}");
                    let gain = output_bits - value_bits;
                    assert_eq!(output, defined(sum, max_shift, gain, output_bits), "{case}");
                    assert_eq!(output, complement_output(sum, &weights).into(), "{case}");
                }
            }
        }
    }
}
