//! Attention by weights: float, int8, pruned and with the published quantizers.

use crate::expected::{Expected, Layer, assert_close};
use candle_core::Tensor;
use logattn_accuracy::{Attention, FloatAttention, ModelShape, attention_values};
use proptest::prelude::*;

#[test]
fn outputs_and_counts_are_those_of_double_precision() {
    for case in Expected::load().attention {
        let layer = Layer::of(&case);
        for outcome in &case.results {
            let what = format!("{}, causal {}", outcome.specification, case.causal);
            let (output, counts) = layer.attend(&outcome.specification);
            assert_close(&layer.valid(&output), &outcome.outputs, 2e-6, &what);
            let pruned: Vec<u64> = counts.heads().iter().map(|head| head.pruned).collect();
            assert_eq!(pruned, outcome.pruned, "{what}");
            let values = counts.heads().iter().map(|head| head.values);
            assert!(values.clone().all(|v| v == case.values_per_head), "{what}");
        }
    }
}

#[test]
fn float_is_the_attention_of_the_tensor_library() {
    let shape = ModelShape {
        layers: 1,
        heads: 6,
        kv_heads: 2,
        head_dimension: 32,
    };
    // More rows than one block has, one text without padding.
    for (causal, lengths) in [
        (false, &[70, 131, 1][..]),
        (true, &[70, 131, 1]),
        (true, &[129]),
    ] {
        let layer = Layer::random(&shape, lengths, causal, 6.0);
        let (found, counts) = layer.attend("float");
        let expected = FloatAttention.attend(layer.input(0)).unwrap();
        let expected: Vec<f64> = layer.valid(&expected).into_iter().map(f64::from).collect();
        assert_close(
            &layer.valid(&found),
            &expected,
            1e-5,
            &format!("causal {causal}"),
        );
        let seen = |n: &usize| if causal { n * (n + 1) / 2 } else { n * n };
        let seen: usize = lengths.iter().map(seen).sum();
        assert_eq!(counts.total().values, 6 * seen as u64);
        assert_eq!(counts.total().pruned, 0);
    }
}

#[test]
fn padding_comes_to_0_and_changes_nothing() {
    let shape = ModelShape {
        layers: 1,
        heads: 2,
        kv_heads: 2,
        head_dimension: 8,
    };
    let layer = Layer::random(&shape, &[3, 9], false, 3.0);
    let first = |part: &Tensor| {
        let text = part.narrow(0, 0, 1).unwrap();
        text.narrow(2, 0, 3).unwrap().contiguous().unwrap()
    };
    let alone = Layer {
        q: first(&layer.q),
        k: first(&layer.k),
        v: first(&layer.v),
        lengths: vec![3],
        causal: false,
    };
    // Ranked quantizers are left out: their bins are those of the whole batch.
    for text in [
        "float",
        "int8",
        "prune:0.2",
        "paper",
        "golden:edge",
        "golden:edge,input=scores",
    ] {
        let padded = layer.attend(text).0;
        let expected = alone.valid(&alone.attend(text).0);
        assert_eq!(layer.valid(&padded)[..expected.len()], expected, "{text}");
        let padding = padded.narrow(0, 0, 1).unwrap().narrow(2, 3, 6).unwrap();
        let padding = padding.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(padding.iter().all(|x| *x == 0.0), "{text}");
    }
}

#[test]
fn attention_values_are_what_the_rows_see() {
    let case = &Expected::load().attention[1];
    let layer = Layer::of(case);
    assert!(case.causal);
    let values = attention_values(layer.input(0), 1, 3).unwrap();
    assert_eq!(values.dim(), (3, 3));
    for (row, values) in values.rows().into_iter().enumerate() {
        assert!((values.sum() - 1.0).abs() < 1e-6);
        assert!(values.iter().skip(row + 1).all(|p| *p == 0.0));
    }
    // The float output of that head from its values.
    let v = layer
        .v
        .get(1)
        .unwrap()
        .get(1)
        .unwrap()
        .to_vec2::<f32>()
        .unwrap();
    let output = layer.attend("float").0.get(1).unwrap().get(3).unwrap();
    let output = output.to_vec2::<f32>().unwrap();
    for (row, values) in values.rows().into_iter().enumerate() {
        for d in 0..case.dimension {
            let sum: f32 = values.iter().zip(&v).map(|(p, v)| p * v[d]).sum();
            assert!((sum - output[row][d]).abs() < 1e-6);
        }
    }
    assert!(attention_values(layer.input(0), 2, 0).is_err());
    assert!(attention_values(layer.input(0), 0, 4).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn the_pruned_share_never_falls_as_the_threshold_rises(
        mut thresholds in prop::collection::vec(1e-4_f64..1.0, 2..6),
        causal: bool,
    ) {
        thresholds.sort_by(f64::total_cmp);
        let shape = ModelShape { layers: 1, heads: 2, kv_heads: 1, head_dimension: 4 };
        let layer = Layer::random(&shape, &[12, 20], causal, 8.0);
        let mut before = 0;
        for threshold in thresholds {
            let total = layer.attend(&format!("prune:{threshold}")).1.total();
            prop_assert!(total.pruned >= before && total.pruned <= total.values);
            before = total.pruned;
        }
    }
}
