//! The golden model's way from scores to outputs on the demo capture, against a softmax, a
//! quantizer and an attention in double precision. `--nocapture` prints the figures.

use logattn_captures::{Capture, Head};
use logattn_golden::scores::{
    Exp2, ScaledQuery, ScoreFormat, ScoreNormalize, ScoreParameters, ScoreWeights, attend_scores,
    power_of_two_query, score_codes, score_thresholds, scores,
};
use ndarray::{Array2, Axis};

const SHIFTS: [u32; 7] = [7, 6, 5, 4, 3, 2, 1];
const MAX_KEYS: usize = 256;
const VALUE_BITS: u32 = 8;
const OUTPUT_BITS: u32 = 8;

/// One head, ready for every setting.
struct Prepared {
    query: ScaledQuery,
    scores: Array2<i32>,
    values: Array2<i8>,
    value_scale: f64,
    /// Softmax of the capture's own queries.
    model: Array2<f64>,
    /// Softmax of exactly the logits that the integer scores stand for.
    exact: Array2<f64>,
}

impl Prepared {
    fn new(head: Head, fraction_bits: u32) -> Self {
        let key = head.key_int8().unwrap();
        let query = head.query().unwrap();
        let query = power_of_two_query(query.view(), key.scale.into(), fraction_bits).unwrap();
        let scores = scores(query.integers.view(), key.values.view()).unwrap();
        let one = 2_f64.powi(-(query.scale_bits as i32));
        let value = head.value_int8();
        Self {
            exact: softmax(scores.mapv(|score| (f64::from(score) * one).exp2())),
            model: head.probabilities().mapv(f64::from),
            values: value.values,
            value_scale: value.scale.into(),
            scores,
            query,
        }
    }

    fn lengths(&self) -> Vec<usize> {
        vec![self.scores.ncols(); self.scores.nrows()]
    }

    fn codes(&self, format: &ScoreFormat) -> Array2<u8> {
        let shift = self.query.score_shift;
        score_codes(format, self.scores.view(), shift, &self.lengths()).unwrap()
    }

    /// The chain's outputs as real numbers.
    fn outputs(&self, format: &ScoreFormat, normalize: ScoreNormalize) -> Array2<f64> {
        let weights = ScoreWeights {
            value_bits: VALUE_BITS,
            max_shift: 7,
            shifts: SHIFTS.to_vec(),
            normalize,
        };
        let (lengths, values) = (self.lengths(), self.values.view());
        let (scores, shift) = (self.scores.view(), self.query.score_shift);
        let attention = attend_scores(format, &weights, scores, shift, &lengths, values).unwrap();
        let one = self.value_scale / f64::from(1 << (OUTPUT_BITS - VALUE_BITS));
        attention
            .outputs
            .unwrap()
            .mapv(|output| f64::from(output) * one)
    }

    fn attention(&self, weights: &Array2<f64>) -> Array2<f64> {
        weights.dot(&self.values.mapv(f64::from)) * self.value_scale
    }
}

/// Rows divided by their sums.
fn softmax(mut powers: Array2<f64>) -> Array2<f64> {
    for mut row in powers.rows_mut() {
        let sum = row.sum();
        row /= sum;
    }
    powers
}

/// Code of a probability by the definition in real numbers.
fn float_code(probability: f64, lowest: f64) -> u8 {
    let edges = [lowest, 6.5, 5.5, 4.5, 3.5, 2.5, 1.5];
    edges
        .iter()
        .filter(|edge| probability.log2() >= -**edge)
        .count() as u8
}

fn float_levels(probabilities: &Array2<f64>, lowest: f64) -> Array2<f64> {
    probabilities.mapv(|p| match float_code(p, lowest) {
        0 => 0.0,
        code => 0.5_f64.powi(8 - i32::from(code)),
    })
}

/// The levels, divided by their sum or with the largest key given what the others leave.
fn float_weights(probabilities: &Array2<f64>, lowest: f64, complement: bool) -> Array2<f64> {
    let mut levels = float_levels(probabilities, lowest);
    for (mut levels, probabilities) in levels.rows_mut().into_iter().zip(probabilities.rows()) {
        if complement {
            let largest = probabilities.iter().copied().fold(0.0, f64::max);
            let key = probabilities.iter().position(|p| *p == largest).unwrap();
            levels[key] += 1.0 - levels.sum();
        } else if levels.sum() > 0.0 {
            let sum = levels.sum();
            levels /= sum;
        }
    }
    levels
}

/// Relative L2 distance over all heads.
#[derive(Default)]
struct Distance {
    error: f64,
    norm: f64,
}

impl Distance {
    fn add(&mut self, found: &Array2<f64>, expected: &Array2<f64>) {
        self.error += (found - expected).mapv(|x| x * x).sum();
        self.norm += expected.mapv(|x| x * x).sum();
    }

    fn relative(&self) -> f64 {
        (self.error / self.norm).sqrt()
    }
}

fn parameters(fraction_bits: u32, exp2: Exp2, lowest: f64) -> ScoreParameters {
    let thresholds = score_thresholds(&SHIFTS, lowest, fraction_bits).unwrap();
    let mut parameters = ScoreParameters::new(MAX_KEYS, fraction_bits, thresholds);
    parameters.exp2 = exp2;
    parameters
}

fn demo(fraction_bits: u32) -> Vec<Prepared> {
    let demo = Capture::demo();
    // The lengths below are those of rows without padding.
    assert!(demo.mask().iter().all(|valid| *valid));
    demo.iter()
        .map(|head| Prepared::new(head, fraction_bits))
        .collect()
}

/// Share of keys whose code is another.
fn differing<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> (usize, usize) {
    pairs.fold((0, 0), |(differing, all), (a, b)| {
        (differing + usize::from(a != b), all + 1)
    })
}

#[test]
fn codes_differ_from_a_float_softmax_only_near_edges() {
    println!("lowest edge 7.5; codes that differ from those of the softmax in double precision");
    println!(
        "| F | 2^-d | of the integer scores | of the model | farthest from an edge, octaves |"
    );
    println!("|---|---|---|---|---|");
    for fraction_bits in [2, 3, 4, 6] {
        let heads = demo(fraction_bits);
        for exp2 in [Exp2::Mitchell, Exp2::Table] {
            let format = ScoreFormat::new(parameters(fraction_bits, exp2, 7.5)).unwrap();
            let (mut exact, mut model, mut all, mut farthest) = (0, 0, 0, 0.0_f64);
            for head in &heads {
                let codes = head.codes(&format);
                let expected = head.exact.mapv(|p| float_code(p, 7.5));
                let (count, keys) = differing(codes.iter().zip(&expected));
                exact += count;
                all += keys;
                let expected_of_model = head.model.mapv(|p| float_code(p, 7.5));
                model += differing(codes.iter().zip(&expected_of_model)).0;
                let bound = format.error_bound(codes.ncols(), head.query.score_shift);
                let edges = if fraction_bits == 0 { 0.5 } else { 0.0 };
                for ((p, code), expected) in head.exact.iter().zip(&codes).zip(&expected) {
                    if code == expected {
                        continue;
                    }
                    // The farthest edge between the two codes.
                    let (low, high) = (*code.min(expected), *code.max(expected));
                    let distance = (low..high)
                        .map(|i| if i == 0 { -7.5 } else { f64::from(i) - 7.5 })
                        .map(|edge| (p.log2() - edge).abs())
                        .fold(0.0, f64::max);
                    assert!(distance <= edges + bound.above.max(bound.below) + 1e-9);
                    farthest = farthest.max(distance);
                }
            }
            let percent = |count: usize| 100.0 * count as f64 / all as f64;
            println!(
                "| {fraction_bits} | {exp2:?} | {:.2} % | {:.2} % | {farthest:.3} |",
                percent(exact),
                percent(model)
            );
            assert!(percent(exact) < [0.0, 0.0, 10.0, 6.0, 5.0, 0.0, 4.0][fraction_bits as usize]);
            assert!(percent(model) < 12.0);
        }
    }
}
