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
                    assert!(distance <= bound.above.max(bound.below) + 1e-9);
                    farthest = farthest.max(distance);
                }
            }
            let percent = |count: usize| 100.0 * count as f64 / all as f64;
            println!(
                "| {fraction_bits} | {exp2:?} | {:.2} % | {:.2} % | {farthest:.3} |",
                percent(exact),
                percent(model)
            );
            // What does not shrink with the step is Mitchell's error.
            let most = 1.5 + 25.0 * 2_f64.powi(-(fraction_bits as i32));
            assert!(percent(exact) < most && percent(model) < most);
        }
    }
}

#[test]
fn outputs_are_as_near_to_float_attention_as_those_of_a_float_quantizer() {
    println!("relative L2 distance of 8-bit outputs from attention in double precision");
    println!("| F | 2^-d | lowest edge | reciprocal | complement |");
    println!("|---|---|---|---|---|");
    let mut float = Vec::new();
    for lowest in [7.5, 8.5] {
        let mut distances = [Distance::default(), Distance::default()];
        for head in demo(4) {
            let expected = head.attention(&head.model);
            for (distance, complement) in distances.iter_mut().zip([false, true]) {
                let weights = float_weights(&head.model, lowest, complement);
                distance.add(&head.attention(&weights), &expected);
            }
        }
        let [reciprocal, complement] = distances.map(|distance| distance.relative());
        println!("| float | float | {lowest} | {reciprocal:.4} | {complement:.4} |");
        float.push([reciprocal, complement]);
    }
    let output_bits = OUTPUT_BITS;
    for fraction_bits in [2, 3, 4, 6] {
        let heads = demo(fraction_bits);
        for exp2 in [Exp2::Mitchell, Exp2::Table] {
            for (lowest, float) in [7.5, 8.5].into_iter().zip(&float) {
                let format = ScoreFormat::new(parameters(fraction_bits, exp2, lowest)).unwrap();
                let mut distances = [Distance::default(), Distance::default()];
                for head in &heads {
                    let expected = head.attention(&head.model);
                    let outputs = |normalize| head.outputs(&format, normalize);
                    let reciprocal = outputs(ScoreNormalize::Reciprocal { output_bits });
                    let complement = outputs(ScoreNormalize::Complement { output_bits });
                    distances[0].add(&reciprocal, &expected);
                    distances[1].add(&complement, &expected);
                }
                let [reciprocal, complement] = distances.map(|distance| distance.relative());
                println!(
                    "| {fraction_bits} | {exp2:?} | {lowest} | {reciprocal:.4} | {complement:.4} |"
                );
                assert!(reciprocal < 1.02 * float[0], "{reciprocal} of {}", float[0]);
                // Farther, because z is too high rather than too low: of even rows more keys
                // survive, and what their levels are over 1 the largest key has to give back.
                let slack = 1.2 + 4.0 * 2_f64.powi(-(fraction_bits as i32));
                assert!(
                    complement < slack * float[1],
                    "{complement} of {}",
                    float[1]
                );
            }
        }
    }
}

#[test]
fn a_power_of_two_scale_leaves_over_half_of_the_range() {
    let heads = demo(4);
    let used = || heads.iter().map(|head| head.query.used_range);
    let bits = || heads.iter().map(|head| head.query.scale_bits);
    let mean = used().sum::<f64>() / heads.len() as f64;
    let least = used().fold(f64::INFINITY, f64::min);
    let effective = heads.iter().map(|head| head.query.effective_bits());
    println!(
        "used range: {mean:.3} on average, {least:.3} at least; {:.2} effective bits; f = {}..={}",
        effective.sum::<f64>() / heads.len() as f64,
        bits().min().unwrap(),
        bits().max().unwrap(),
    );
    assert!(used().all(|used| (0.5..=1.004).contains(&used)));
    let widest = heads
        .iter()
        .flat_map(|head| head.scores.iter().map(|s| s >> head.query.score_shift))
        .fold(0, |most, y| y.abs().max(most));
    println!("largest |y| with 4 fraction bits: {widest}");
}

#[test]
fn few_guard_bits_change_few_codes() {
    let heads = demo(4);
    let with = |guard_bits| {
        let mut parameters = parameters(4, Exp2::Mitchell, 7.5);
        parameters.guard_bits = guard_bits;
        ScoreFormat::new(parameters).unwrap()
    };
    let (exact, default) = (with(16), parameters(4, Exp2::Mitchell, 7.5).guard_bits);
    for guard_bits in [2, 4, 6, 8, 10, 12] {
        let format = with(guard_bits);
        let (mut changed, mut all) = (0, 0);
        for head in &heads {
            let (count, keys) = differing(head.codes(&format).iter().zip(&head.codes(&exact)));
            changed += count;
            all += keys;
        }
        println!("{guard_bits} guard bits change {changed} of {all} codes (default {default})");
        assert!(guard_bits < 8 || changed * 1000 < all);
    }
}

#[test]
fn early_prune_finds_half_of_what_is_pruned() {
    let heads = demo(4);
    for lowest in [7.5, 8.5] {
        let format = ScoreFormat::new(parameters(4, Exp2::Mitchell, lowest)).unwrap();
        let (mut all, mut pruned) = (0, 0);
        let mut early = [(8, 0), (16, 0), (MAX_KEYS, 0)];
        for head in &heads {
            all += head.scores.len();
            pruned += head
                .codes(&format)
                .iter()
                .filter(|code| **code == 0)
                .count();
            for scores in head.scores.axis_iter(Axis(0)) {
                let scores = scores.to_vec();
                for (keys_per_beat, early) in &mut early {
                    let shift = head.query.score_shift;
                    *early += format.early_pruned(&scores, shift, *keys_per_beat).unwrap();
                }
            }
        }
        let percent = |count: usize| 100.0 * count as f64 / all as f64;
        println!(
            "lowest edge {lowest}: {:.1} % of {all} keys are pruned",
            percent(pruned)
        );
        for (keys_per_beat, early) in early {
            println!(
                "  early, in beats of {keys_per_beat}: {:.1} %",
                percent(early)
            );
            assert!(early <= pruned && 2 * early > pruned);
        }
    }
}
