//! What tests/data/attention.json holds, and tensors for the tests.

use candle_core::{Device, Tensor};
use logattn_accuracy::{Attention, AttentionInput, Counts, ModelShape, Specification};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

/// The whole file.
#[derive(Deserialize)]
pub struct Expected {
    pub common_values: Vec<f32>,
    pub quantizers: Vec<Fixed>,
    pub ranked: RankedCases,
    pub attention: Vec<Case>,
}

/// A quantizer with fixed steps, on the common values and some near its edges.
#[derive(Deserialize)]
pub struct Fixed {
    pub name: String,
    pub bits: u32,
    pub clamp: bool,
    pub near_edges: Vec<f32>,
    pub levels: Vec<f64>,
}

#[derive(Deserialize)]
pub struct RankedCases {
    pub values: Vec<f32>,
    pub cases: Vec<RankedCase>,
}

/// A quantizer whose steps follow from the values.
#[derive(Deserialize)]
pub struct RankedCase {
    pub name: String,
    pub bits: u32,
    pub levels: Vec<f64>,
}

/// A layer and what some attentions make of it.
#[derive(Deserialize)]
pub struct Case {
    pub texts: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub tokens: usize,
    pub dimension: usize,
    pub causal: bool,
    pub lengths: Vec<usize>,
    pub q: Vec<f32>,
    pub k: Vec<f32>,
    pub v: Vec<f32>,
    pub values_per_head: u64,
    pub results: Vec<Outcome>,
}

#[derive(Deserialize)]
pub struct Outcome {
    pub specification: String,
    /// [text][head][row][D] without padding.
    pub outputs: Vec<f64>,
    pub pruned: Vec<u64>,
}

impl Expected {
    pub fn load() -> Self {
        serde_json::from_str(include_str!("../data/attention.json")).unwrap()
    }
}

/// A layer's tensors.
pub struct Layer {
    pub q: Tensor,
    pub k: Tensor,
    pub v: Tensor,
    pub lengths: Vec<usize>,
    pub causal: bool,
}

impl Layer {
    pub fn of(case: &Case) -> Self {
        let tensor = |values: &[f32], heads| {
            let shape = (case.texts, heads, case.tokens, case.dimension);
            Tensor::from_vec(values.to_vec(), shape, &Device::Cpu).unwrap()
        };
        Layer {
            q: tensor(&case.q, case.heads),
            k: tensor(&case.k, case.kv_heads),
            v: tensor(&case.v, case.kv_heads),
            lengths: case.lengths.clone(),
            causal: case.causal,
        }
    }

    /// Random tensors whose logits reach about `spread`.
    pub fn random(shape: &ModelShape, lengths: &[usize], causal: bool, spread: f32) -> Self {
        let rng = &mut ChaCha8Rng::seed_from_u64(5);
        let tokens = *lengths.iter().max().unwrap();
        let mut tensor = |heads, most: f32| {
            let shape = (lengths.len(), heads, tokens, shape.head_dimension);
            let count = shape.0 * shape.1 * shape.2 * shape.3;
            let values: Vec<f32> = (0..count).map(|_| rng.random_range(-most..most)).collect();
            Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
        };
        let root = spread.sqrt();
        Layer {
            q: tensor(shape.heads, root),
            k: tensor(shape.kv_heads, root),
            v: tensor(shape.kv_heads, 1.0),
            lengths: lengths.to_vec(),
            causal,
        }
    }

    pub fn input(&self, layer: usize) -> AttentionInput<'_> {
        AttentionInput {
            layer,
            q: &self.q,
            k: &self.k,
            v: &self.v,
            lengths: &self.lengths,
            causal: self.causal,
        }
    }

    /// Sizes of a model of one such layer.
    pub fn shape(&self) -> ModelShape {
        let (_, heads, _, head_dimension) = self.q.dims4().unwrap();
        ModelShape {
            layers: 1,
            heads,
            kv_heads: self.k.dim(1).unwrap(),
            head_dimension,
        }
    }

    /// Output, [batch, heads, tokens, D], and counts of a specification.
    pub fn attend(&self, specification: &str) -> (Tensor, Counts) {
        let specification = Specification::parse(specification).unwrap();
        let prepared = specification.prepare(&self.shape()).unwrap();
        let mut attention = prepared.start();
        let output = attention.attend(self.input(0)).unwrap();
        (output, attention.into_counts())
    }

    /// A tensor's elements in order, without those of padding.
    pub fn valid(&self, tensor: &Tensor) -> Vec<f32> {
        let mut valid = Vec::new();
        for (text, length) in self.lengths.iter().enumerate() {
            let rows = tensor.get(text).unwrap().narrow(1, 0, *length).unwrap();
            valid.extend(rows.flatten_all().unwrap().to_vec1::<f32>().unwrap());
        }
        valid
    }
}

/// Asserts that numbers agree.
pub fn assert_close(found: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (f, e)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(*f) - e).abs();
        assert!(difference <= tolerance, "{what}: {f} is not {e} at {index}");
    }
}
