//! Tables against the definition, written out for each setting on its own.

use super::*;
use crate::{Attention, AttentionInput, FloatAttention, ModelShape};
use candle_core::{Device, Tensor};
use logattn_golden::Normalize;

const SHAPE: ModelShape = ModelShape {
    layers: 1,
    heads: 4,
    kv_heads: 2,
    head_dimension: 4,
};
const TOKENS: usize = 9;
const HIDDEN: usize = 5;

/// Numbers of about -2..2 that follow no pattern.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((state >> 40) as f32 / (1 << 24) as f32 - 0.5) * 4.0
    };
    (0..count).map(|_| next()).collect()
}

struct Case {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    projection: Vec<f32>,
}

impl Case {
    fn new() -> Self {
        let (heads, kv_heads, d) = (SHAPE.heads, SHAPE.kv_heads, SHAPE.head_dimension);
        Case {
            q: numbers(heads * TOKENS * d, 1)
                .iter()
                .map(|x| 3.0 * x)
                .collect(),
            k: numbers(kv_heads * TOKENS * d, 2),
            v: numbers(kv_heads * TOKENS * d, 3),
            projection: numbers(HIDDEN * heads * d, 4),
        }
    }

    /// Probabilities of a row of a head, in double precision.
    fn probabilities(&self, head: usize, row: usize, seen: usize) -> Vec<f64> {
        let d = SHAPE.head_dimension;
        let q = &self.q[(head * TOKENS + row) * d..][..d];
        let logits: Vec<f64> = (0..seen)
            .map(|key| {
                let k = &self.k[(head / 2 * TOKENS + key) * d..][..d];
                let product: f64 = q
                    .iter()
                    .zip(k)
                    .map(|(q, k)| f64::from(*q) * f64::from(*k))
                    .sum();
                product / (d as f64).sqrt()
            })
            .collect();
        let sum: f64 = logits.iter().map(|x| x.exp()).sum();
        logits.iter().map(|x| x.exp() / sum).collect()
    }

    /// What weights of a head's keys add to the layer's attention output.
    fn contribution(&self, head: usize, weights: &[f64]) -> Vec<f64> {
        let d = SHAPE.head_dimension;
        let output: Vec<f64> = (0..d)
            .map(|i| {
                let value = |key: usize| f64::from(self.v[(head / 2 * TOKENS + key) * d + i]);
                weights
                    .iter()
                    .enumerate()
                    .map(|(key, w)| w * value(key))
                    .sum()
            })
            .collect();
        let weight =
            |row: usize, i: usize| f64::from(self.projection[row * SHAPE.heads * d + head * d + i]);
        (0..HIDDEN)
            .map(|row| (0..d).map(|i| weight(row, i) * output[i]).sum())
            .collect()
    }

    fn measured(&self, configuration: &Configuration, causal: bool) -> Tables {
        let d = SHAPE.head_dimension;
        let tensor = |values: &[f32], shape: (usize, usize, usize, usize)| {
            Tensor::from_vec(values.to_vec(), shape, &Device::Cpu).unwrap()
        };
        let projection = Tensor::from_vec(
            self.projection.clone(),
            (HIDDEN, SHAPE.heads * d),
            &Device::Cpu,
        );
        let candidates = Candidates::new(configuration, &[vec![9, 6, 5, 3, 2, 1, 0]]).unwrap();
        let weighing = Weighing::of(configuration);
        let mut tables = Tables::new(candidates, SHAPE, weighing, &[&projection.unwrap()]).unwrap();
        let input = AttentionInput {
            layer: 0,
            q: &tensor(&self.q, (1, 4, TOKENS, d)),
            k: &tensor(&self.k, (1, 2, TOKENS, d)),
            v: &tensor(&self.v, (1, 2, TOKENS, d)),
            lengths: &[TOKENS],
            causal,
        };
        let output = tables.attend(input).unwrap();
        let float = FloatAttention.attend(input).unwrap();
        let both = [output, float].map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap());
        assert_eq!(both[0], both[1]);
        tables
    }
}

/// Weights by the definition: the nearest level in the logarithm, nothing under the lowest edge.
fn weights(probabilities: &[f64], setting: &Setting, normalize: Normalize) -> Vec<f64> {
    let mut weights: Vec<f64> = probabilities
        .iter()
        .map(|p| {
            if *p < (-setting.lowest).exp2() {
                return 0.0;
            }
            let distance = |s: &&u32| (p.log2() + f64::from(**s)).abs();
            let nearest = setting
                .shifts
                .iter()
                .min_by(|a, b| distance(a).total_cmp(&distance(b)));
            (-f64::from(*nearest.unwrap())).exp2()
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    match normalize {
        Normalize::None => {}
        Normalize::Reciprocal if sum == 0.0 => {}
        Normalize::Reciprocal => weights.iter_mut().for_each(|w| *w /= sum),
        Normalize::Complement => {
            let largest = probabilities.iter().copied().fold(0.0, f64::max);
            let key = probabilities.iter().position(|p| *p == largest).unwrap();
            weights[key] += 1.0 - sum;
        }
    }
    weights
}

fn edge(normalize: Normalize) -> Configuration {
    let mut edge = Configuration::named("edge_scores").unwrap();
    edge.normalize = normalize;
    edge
}

#[test]
fn errors_and_survivors_are_those_of_the_definition() {
    let case = Case::new();
    for causal in [false, true] {
        for normalize in [
            Normalize::None,
            Normalize::Reciprocal,
            Normalize::Complement,
        ] {
            let tables = case.measured(&edge(normalize), causal);
            let mut length = 0.0;
            for row in 0..TOKENS {
                let seen = if causal { row + 1 } else { TOKENS };
                let mut sum = [0.0; HIDDEN];
                for head in 0..SHAPE.heads {
                    let exact = case.contribution(head, &case.probabilities(head, row, seen));
                    sum.iter_mut().zip(exact).for_each(|(sum, x)| *sum += x);
                }
                length += sum.iter().map(|x| x * x).sum::<f64>();
            }
            assert!((tables.lengths[0] / length - 1.0).abs() < 1e-5);
            for (head, table) in tables.heads.iter().enumerate() {
                for index in 0..tables.candidates.len() {
                    let setting = tables.candidates.setting(index);
                    let (mut error, mut survivors) = (0.0, 0);
                    for row in 0..TOKENS {
                        let seen = if causal { row + 1 } else { TOKENS };
                        let probabilities = case.probabilities(head, row, seen);
                        let kept = (-setting.lowest).exp2();
                        survivors += probabilities.iter().filter(|p| **p >= kept).count() as u64;
                        let weights = weights(&probabilities, &setting, normalize);
                        let found = case.contribution(head, &weights);
                        let exact = case.contribution(head, &probabilities);
                        error += found
                            .iter()
                            .zip(exact)
                            .map(|(a, b)| (a - b).powi(2))
                            .sum::<f64>();
                    }
                    assert_eq!(table.survivors[index], survivors, "{setting:?}");
                    let difference = (table.errors[index] - error).abs();
                    assert!(
                        difference < 1e-5 * (1.0 + error),
                        "{setting:?} of head {head}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_choice_is_the_best_of_all_that_prune_enough() {
    let tables = Case::new().measured(&edge(Normalize::Reciprocal), false);
    for sparsity in [0.0, 0.3, 0.5, 0.7] {
        let head = tables.choose(Per::Head, sparsity).unwrap();
        let layer = tables.choose(Per::Layer, sparsity).unwrap();
        let model = tables.choose(Per::Model, sparsity).unwrap();
        assert!(head.pruned >= sparsity && model.pruned >= sparsity);
        assert!(
            model
                .settings
                .iter()
                .all(|setting| *setting == model.settings[0])
        );
        // One layer: both are one group.
        assert_eq!(
            (&layer.settings, layer.pruned),
            (&model.settings, model.pruned)
        );
        // No setting that all share is better than what is chosen for all.
        for index in 0..tables.candidates.len() {
            let settings = vec![tables.candidates.setting(index); SHAPE.heads];
            let fixed = tables.cost(&settings).unwrap();
            // A multiplier finds the best of those on the convex hull, of no worse pruning.
            if fixed.pruned >= head.pruned {
                assert!(fixed.error >= head.error - 1e-12);
            }
        }
    }
    let head = tables.choose(Per::Head, 0.5).unwrap();
    let again = tables.cost(&head.settings).unwrap();
    assert!((again.error - head.error).abs() < 1e-12 && (again.pruned - head.pruned).abs() < 1e-12);
    let error = tables.choose(Per::Head, 1.5).unwrap_err().to_string();
    assert!(
        error.starts_with("sparsity: 1.5; legal: at most"),
        "{error}"
    );
}

#[test]
fn bad_shifts_and_configurations_are_named() {
    let edge = Configuration::named("edge").unwrap();
    for wrong in [
        vec![7, 6, 5],
        vec![1, 2, 3, 4, 5, 6, 7],
        vec![16, 6, 5, 4, 3, 2, 1],
    ] {
        let error = Candidates::new(&edge, &[wrong]).unwrap_err().to_string();
        assert!(
            error.contains("7 non-increasing integers of 0..=15"),
            "{error}"
        );
    }
    let paper = Configuration::named("paper").unwrap();
    let error = Candidates::new(&paper, &[]).unwrap_err().to_string();
    assert_eq!(
        error,
        "configuration `paper`: accumulate: bucket; legal: shift or sorted"
    );
}

#[test]
fn settings_become_registers_and_a_configuration() {
    let edge = Configuration::named("edge").unwrap();
    let setting = |shifts: &[u32], lowest| Setting {
        shifts: shifts.to_vec(),
        lowest,
    };
    let own = setting(&[7, 6, 5, 4, 3, 2, 1], 7.75);
    let candidates = Candidates::new(&edge, &[]).unwrap();
    assert_eq!(own_setting(&edge, &candidates).unwrap(), Some(own.clone()));
    let choice = |settings: Vec<Setting>| Choice {
        settings,
        error: 0.0,
        pruned: 0.0,
    };
    let shape = ModelShape {
        layers: 2,
        heads: 2,
        kv_heads: 2,
        head_dimension: 32,
    };
    let other = setting(&[9, 6, 5, 3, 2, 1, 0], 4.0);
    let heads = choice(vec![own.clone(), other.clone(), own.clone(), own.clone()]);
    let global = choice(vec![own.clone(); 4]);
    let per_head = calibration(&edge, &shape, &global, Some((Per::Head, &heads))).unwrap();
    // Thresholds as they were; a shift by 9 needs a wider unit.
    assert_eq!(per_head.configuration.thresholds, edge.thresholds);
    assert_eq!(per_head.configuration.max_shift, Some(9));
    let places: Vec<_> = per_head
        .registers
        .iter()
        .map(|r| (r.layer, r.head))
        .collect();
    assert_eq!(
        places,
        [(0, Some(0)), (0, Some(1)), (1, Some(0)), (1, Some(1))]
    );
    // 2^-4 for what would lie below it (7.5, 5.5, 4), then 2^-2.5, 2^-1.5, 2^-0.5.
    let thresholds = [4096, 4096, 4096, 4096, 11586, 23171, 46341];
    assert_eq!(per_head.registers[1].thresholds, thresholds);
    assert_eq!(per_head.registers[1].shifts, other.shifts);
    let model = calibration(&edge, &shape, &global, None).unwrap();
    assert_eq!((model.configuration, model.registers.len()), (edge, 0));
    let scores = Configuration::named("edge_scores").unwrap();
    let layers = choice(vec![own.clone(), own.clone(), other.clone(), other]);
    let per_layer = calibration(&scores, &shape, &global, Some((Per::Layer, &layers))).unwrap();
    assert_eq!(per_layer.registers.len(), 2);
    let sixteenths = [-64, -64, -64, -64, -40, -24, -8];
    assert_eq!(per_layer.registers[1].score_thresholds, sixteenths);
    assert_eq!(
        per_layer.configuration.score_thresholds,
        scores.score_thresholds
    );
}
