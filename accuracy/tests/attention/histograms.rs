//! Histograms of attention values against values counted one by one in double precision.

use crate::expected::Layer;
use logattn_accuracy::analysis::{BINS, Histograms};
use logattn_accuracy::{Attention, FloatAttention, ModelShape};

const SHAPE: ModelShape = ModelShape {
    layers: 2,
    heads: 4,
    kv_heads: 2,
    head_dimension: 8,
};
/// Two of the texts are padded; the one of a single token has an attention value of 1.
const LENGTHS: [usize; 3] = [3, 9, 1];

/// Counts of the bins of one head, from softmax(q·k / sqrt(D)) in double precision.
fn counted(layer: &Layer, head: usize) -> Vec<u64> {
    let row = |tensor: &candle_core::Tensor, text: usize, head: usize, token: usize| {
        let row = tensor.get(text).unwrap().get(head).unwrap();
        let row: Vec<f32> = row.get(token).unwrap().to_vec1().unwrap();
        row.into_iter().map(f64::from).collect::<Vec<f64>>()
    };
    let kv_head = head / (SHAPE.heads / SHAPE.kv_heads);
    let mut counts = vec![0; BINS];
    for (text, length) in LENGTHS.into_iter().enumerate() {
        for query in 0..length {
            let seen = if layer.causal { query + 1 } else { length };
            let q = row(&layer.q, text, head, query);
            let weight = |key: usize| {
                let k = row(&layer.k, text, kv_head, key);
                let product: f64 = q.iter().zip(k).map(|(q, k)| q * k).sum();
                (product / (SHAPE.head_dimension as f64).sqrt()).exp()
            };
            let weights: Vec<f64> = (0..seen).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            for weight in weights {
                counts[place(weight / sum)] += 1;
            }
        }
    }
    counts
}

/// The bin of a value: quarters of an octave from 2^-24, after one for all below.
fn place(value: f64) -> usize {
    let quarters = 4.0 * (value.log2() + 24.0);
    let far = (quarters - quarters.round()).abs() > 1e-4 || value == 1.0;
    assert!(far, "{value} may be on either side of an edge");
    (1.0 + quarters.floor()).clamp(0.0, BINS as f64 - 1.0) as usize
}

#[test]
fn every_attention_value_is_in_its_bin() {
    for causal in [false, true] {
        let layer = Layer::random(&SHAPE, &LENGTHS, causal, 6.0);
        let mut histograms = Histograms::new(&SHAPE);
        let output = histograms.attend(layer.input(1)).unwrap();
        let float = FloatAttention.attend(layer.input(1)).unwrap();
        assert_eq!(layer.valid(&output), layer.valid(&float));
        let heads: Vec<_> = histograms.layers().collect();
        assert!(heads[0].iter().all(|head| head.values() == 0));
        for (index, head) in heads[1].iter().enumerate() {
            let found: Vec<u64> = head.bins().map(|bin| bin.count).collect();
            assert_eq!(found, counted(&layer, index), "head {index}, {causal}");
        }
        let seen = |n: usize| if causal { n * (n + 1) / 2 } else { n * n };
        let seen: usize = LENGTHS.into_iter().map(seen).sum();
        assert_eq!(histograms.total().values(), (SHAPE.heads * seen) as u64);
        // A second pass adds to the first.
        histograms.attend(layer.input(1)).unwrap();
        assert_eq!(histograms.total().values(), 2 * (SHAPE.heads * seen) as u64);
    }
}

#[test]
fn sparsity_is_what_pruning_removes() {
    let shape = ModelShape { layers: 1, ..SHAPE };
    let layer = Layer::random(&shape, &LENGTHS, true, 6.0);
    let mut histograms = Histograms::new(&shape);
    histograms.attend(layer.input(0)).unwrap();
    for exponent in 1..=10 {
        let (_, counts) = layer.attend(&format!("prune:2^-{exponent}"));
        for (head, counts) in histograms.heads().iter().zip(counts.heads()) {
            let share = head.share_below(2.0_f64.powi(-exponent));
            assert_eq!(share, Some(counts.pruned_share()), "2^-{exponent}");
        }
    }
    let total = histograms.total();
    assert_eq!([0.3, 1.0].map(|edge| total.share_below(edge)), [None; 2]);
}

#[test]
fn a_layer_that_the_model_does_not_have_is_refused() {
    let layer = Layer::random(&SHAPE, &LENGTHS, false, 1.0);
    for (layers, heads) in [(1, 4), (2, 3)] {
        let other = ModelShape {
            layers,
            heads,
            ..SHAPE
        };
        let refused = Histograms::new(&other).attend(layer.input(1));
        assert!(refused.unwrap_err().to_string().contains("layer 1"));
    }
}
