//! The golden model as attention: its outputs, as integers, are those of a unit on the same head.

use crate::expected::Layer;
use candle_core::{Device, Tensor};
use logattn_accuracy::registers::{HeadRegisters, Registers};
use logattn_accuracy::{
    Attention, Batch, Bert, FloatAttention, ModelShape, RecordingAttention, Specification,
    attention_values,
};
use logattn_captures::{Capture, Metadata, Stored, Tensors, unit_head};
use logattn_golden::{
    Accumulate, Configuration, HeadInput, Input, Normalize, Thresholds, attend_unit,
    probabilities_to_fixed, quantize_values,
};
use ndarray::{Array2, Array3, Axis};
use std::path::Path;

/// The floats of a capture's layer, as the attention of a model gets them.
fn layer_of(capture: &Capture, layer: usize) -> Layer {
    let heads = capture.heads_per_layer();
    let heads = || (layer * heads..(layer + 1) * heads).map(|i| capture.head(i).unwrap());
    let stack = |matrices: Vec<Array2<f32>>| {
        let shape = (1, matrices.len(), matrices[0].nrows(), matrices[0].ncols());
        let values = matrices.iter().flat_map(|matrix| matrix.iter().copied());
        Tensor::from_vec(values.collect(), shape, &Device::Cpu).unwrap()
    };
    Layer {
        q: stack(heads().map(|head| head.query().unwrap()).collect()),
        k: stack(heads().map(|head| head.key().unwrap()).collect()),
        v: stack(heads().map(|head| head.value()).collect()),
        lengths: vec![capture.tokens()],
        causal: false,
    }
}

/// What the tiny BERT's layers get of a made-up text.
fn tiny_bert_layers() -> Vec<Layer> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny_bert");
    let model = Bert::load(&folder).unwrap();
    let most = model.config().vocab_size as u32;
    let ids: Vec<u32> = (0..13).map(|i| (i * 5 + 1) % most).collect();
    let batch = Batch::new(model.config(), &[(&ids, &vec![0; ids.len()])]).unwrap();
    let mut attention = RecordingAttention::new(FloatAttention);
    model.encode(&batch, &mut attention).unwrap();
    let layer = |record: logattn_accuracy::attention::LayerRecord| Layer {
        q: record.q,
        k: record.k,
        v: record.v,
        lengths: vec![ids.len()],
        causal: false,
    };
    attention.into_layers().into_iter().map(layer).collect()
}

/// A layer of one text as a capture, with the probabilities that the attention computes.
fn capture_of(layer: &Layer) -> Capture {
    let stored = |tensor: &Tensor| {
        let (_, heads, tokens, d) = tensor.dims4().unwrap();
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let array = Array3::from_shape_vec((heads, tokens, d), values).unwrap();
        Some(Stored::Float(array))
    };
    let shape = layer.shape();
    let values = (0..shape.heads).map(|head| attention_values(layer.input(0), 0, head).unwrap());
    let values: Vec<Array2<f32>> = values.collect();
    let views: Vec<_> = values.iter().map(|matrix| matrix.view()).collect();
    let tensors = Tensors {
        q: stored(&layer.q),
        k: stored(&layer.k),
        v: stored(&layer.v),
        probabilities: Some(ndarray::stack(Axis(0), &views).unwrap()),
        mask: None,
    };
    let metadata = Metadata {
        causal: layer.causal,
        ..Metadata::default()
    };
    Capture::new("layer", tensors, metadata).unwrap()
}

/// What 1 of a unit's outputs is of 1 of a value.
fn output_unit(c: &Configuration) -> f64 {
    let bits = match (c.normalize, c.accumulate) {
        (Normalize::None, Accumulate::Shift | Accumulate::Sorted) => c.max_shift.unwrap(),
        (Normalize::None, Accumulate::Bucket) => c.level_bits.unwrap(),
        (Normalize::None, Accumulate::Multiply) => 8,
        _ => c.output_bits.unwrap() - c.value_bits,
    };
    0.5_f64.powi(bits as i32)
}

/// Asserts that outputs [rows, D] are the unit's integers; returns how many keys survive.
fn assert_integers(found: &[Vec<f32>], c: &Configuration, scale: f64, unit: &UnitRows) -> usize {
    let one = scale * output_unit(c);
    for (row, (found, expected)) in found.iter().zip(unit.outputs.rows()).enumerate() {
        for (found, expected) in found.iter().zip(expected) {
            let integer = f64::from(*found) / one;
            let off = (integer - *expected as f64).abs();
            let name = &c.name;
            // Sums without division are rounded to single precision.
            assert!(
                off <= 1e-6 * integer.abs() + 1e-4,
                "{name}: {integer} {expected} row {row}"
            );
        }
    }
    unit.survivors
}

/// What a unit gives.
struct UnitRows {
    outputs: Array2<i64>,
    survivors: usize,
}

fn unit_rows(c: &Configuration, input: HeadInput, lengths: &[usize], v: &Array2<i8>) -> UnitRows {
    let attention = attend_unit(c, input, lengths, v.view()).unwrap().attention;
    let outputs = attention.outputs.map(|outputs| outputs.mapv(i64::from));
    UnitRows {
        outputs: outputs.unwrap_or(attention.accumulators),
        survivors: attention.survivors.iter().sum(),
    }
}

/// One head's valid outputs, [rows, D].
fn head_outputs(output: &Tensor, head: usize) -> Vec<Vec<f32>> {
    output.get(0).unwrap().get(head).unwrap().to_vec2().unwrap()
}

/// Compares a specification on a layer of one text with the unit of each head.
fn compare(layer: &Layer, specification: &str, unit_of: impl Fn(usize) -> Configuration) {
    let capture = capture_of(layer);
    let (output, counts) = layer.attend(specification);
    let tokens = capture.tokens();
    let lengths: Vec<usize> = (0..tokens).map(|row| capture.row_length(row)).collect();
    let seen: usize = lengths.iter().sum();
    for index in 0..layer.shape().heads {
        let c = unit_of(index);
        let head = unit_head(&capture, &c, index, usize::MAX).unwrap();
        let unit = unit_rows(&c, head.rows.input(), &lengths, &head.values);
        let found = head_outputs(&output, index);
        let survivors = assert_integers(&found, &c, head.value_scale.into(), &unit);
        let counted = counts.heads()[index];
        assert_eq!(counted.values, seen as u64, "{specification} head {index}");
        assert_eq!(
            counted.pruned,
            (seen - survivors) as u64,
            "{specification} head {index}"
        );
    }
}

/// A configuration that is built in, for another head dimension.
fn configuration(name: &str, head_dimension: usize) -> Configuration {
    let c = Configuration::named(name).unwrap();
    Configuration {
        head_dimension,
        lanes: head_dimension,
        output_lanes: 1,
        ..c
    }
}

/// All inputs, ways to normalize and ways to accumulate.
fn compare_all(layer: &Layer) {
    let d = layer.shape().head_dimension;
    let all = [
        "nano",
        "edge",
        "paper",
        "server",
        "edge_int8",
        "nano_int8",
        "edge_scores",
        "nano_scores",
        "edge_qkv",
        "base",
        "base_scores",
        "paper_scores",
    ];
    for name in all {
        compare(layer, &format!("golden:{name}"), |_| configuration(name, d));
    }
    let none = |name: &str| Configuration {
        normalize: Normalize::None,
        output_bits: None,
        ..configuration(name, d)
    };
    compare(layer, "golden:paper,normalize=none", |_| none("paper"));
    compare(layer, "golden:edge_int8,normalize=none", |_| {
        none("edge_int8")
    });
    let complement = Configuration {
        normalize: Normalize::Complement,
        output_bits: Some(10),
        ..configuration("edge_scores", d)
    };
    let text = "golden:edge,input=scores,normalize=complement,output_bits=10";
    compare(layer, text, |_| complement.clone());
    let thresholds = Thresholds::powers_of_two(&[5, 3, 1], 6.5, 20).unwrap();
    let coarse = Configuration {
        code_bits: 2,
        probability_bits: 20,
        shifts: vec![5, 3, 1],
        thresholds: thresholds.into_vec(),
        ..configuration("edge", d)
    };
    let text = "golden:edge,code_bits=2,probability_bits=20,shifts=5/3/1,lowest=6.5";
    compare(layer, text, |_| coarse.clone());
}

#[test]
fn heads_of_the_demo_are_those_of_a_unit() {
    let demo = Capture::demo();
    for layer in [0, 3] {
        let mut layer = layer_of(&demo, layer);
        // Some of the heads and tokens are enough here.
        for tensor in [&mut layer.q, &mut layer.k, &mut layer.v] {
            let part = tensor.narrow(1, 4, 3).unwrap().narrow(2, 0, 150).unwrap();
            *tensor = part.contiguous().unwrap();
        }
        layer.lengths = vec![150];
        compare_all(&layer);
    }
}

#[test]
fn a_recorded_text_is_that_of_a_unit() {
    for layer in tiny_bert_layers() {
        compare_all(&layer);
    }
}

#[test]
fn causal_heads_that_share_keys_are_those_of_a_unit() {
    let shape = ModelShape {
        layers: 1,
        heads: 6,
        kv_heads: 2,
        head_dimension: 24,
    };
    compare_all(&Layer::random(&shape, &[90], true, 9.0));
}

#[test]
fn values_of_few_bits_are_those_of_a_unit() {
    let layer = tiny_bert_layers().remove(0);
    let c = Configuration {
        value_bits: 4,
        output_bits: Some(9),
        ..configuration("edge", layer.shape().head_dimension)
    };
    let (output, _) = layer.attend("golden:edge,value_bits=4,output_bits=9");
    let lengths = vec![13; 13];
    for index in 0..layer.shape().heads {
        let v = layer.v.get(0).unwrap().get(index).unwrap();
        let (rows, d) = v.dims2().unwrap();
        let v = v.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let v = Array2::from_shape_vec((rows, d), v).unwrap();
        let values = quantize_values(&v.view(), 4).unwrap();
        let p = attention_values(layer.input(0), 0, index).unwrap();
        let p = probabilities_to_fixed::<_, u32, _>(&p.view(), 16).unwrap();
        let input = HeadInput::Probabilities(p.view());
        let unit = unit_rows(&c, input, &lengths, &values.integers);
        assert_integers(&head_outputs(&output, index), &c, values.scale, &unit);
    }
}

#[test]
fn every_head_may_have_registers_of_its_own() {
    let layer = tiny_bert_layers().remove(0);
    let shape = layer.shape();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.registers.toml");
    let thresholds = |lowest| {
        let thresholds = Thresholds::powers_of_two(&[7, 6, 5, 4, 3, 2, 1], lowest, 16);
        thresholds.unwrap().into_vec()
    };
    let entry = |head: usize| HeadRegisters {
        layer: 0,
        head: Some(head),
        thresholds: thresholds(6.5 + head as f64),
        shifts: vec![7, 6, 5, 4, 3, 2, (head % 2) as u32],
        ..HeadRegisters::default()
    };
    let entries = (0..shape.heads).map(entry).collect();
    let edge = Configuration::named("edge").unwrap();
    Registers::new(&file, "edge", edge, entries)
        .unwrap()
        .save()
        .unwrap();
    let unit_of = |head: usize| Configuration {
        thresholds: thresholds(6.5 + head as f64),
        shifts: vec![7, 6, 5, 4, 3, 2, (head % 2) as u32],
        ..configuration("edge", shape.head_dimension)
    };
    let own = file.display();
    compare(&layer, &format!("golden:{own}"), unit_of);
    compare(&layer, &format!("golden:server,registers={own}"), |head| {
        Configuration {
            output_bits: Some(12),
            ..unit_of(head)
        }
    });
    compare(&layer, &format!("golden:{own},output_bits=11"), |head| {
        Configuration {
            output_bits: Some(11),
            ..unit_of(head)
        }
    });
}

#[test]
fn outputs_are_near_to_those_of_float() {
    let layer = layer_of(&Capture::demo(), 2);
    let float = layer.valid(&layer.attend("float").0);
    let norm: f32 = float.iter().map(|x| x * x).sum();
    // By the way, that the integers are scaled back as they should be.
    for (text, most) in [
        ("int8", 0.02),
        ("golden:edge_int8,output_bits=12", 0.1),
        ("golden:edge", 0.25),
        ("golden:nano_int8", 0.25),
        ("golden:paper", 0.25),
        ("golden:base", 0.3),
    ] {
        let found = layer.valid(&layer.attend(text).0);
        let off: f32 = found
            .iter()
            .zip(&float)
            .map(|(f, e)| (f - e) * (f - e))
            .sum();
        let distance = (off / norm).sqrt();
        println!("{text}: {distance:.4}");
        assert!(distance < most, "{text}: {distance}");
    }
}

#[test]
fn a_text_that_is_too_long_says_what_to_do() {
    let shape = ModelShape {
        layers: 1,
        heads: 1,
        kv_heads: 1,
        head_dimension: 8,
    };
    let layer = Layer::random(&shape, &[40, 300], true, 2.0);
    let attend = |text: &str| {
        let prepared = Specification::parse(text).unwrap().prepare(&shape).unwrap();
        prepared.start().attend(layer.input(0)).map(|_| ())
    };
    assert_eq!(
        attend("golden:nano").unwrap_err().to_string(),
        "attention `golden:nano`: max_keys is `256`; legal: at least 300, the tokens of a text: \
         add `,max_keys=300` to the specification"
    );
    attend("golden:nano,max_keys=300").unwrap();
    let narrow = attend("golden:edge,input=scores,score_bits=6")
        .unwrap_err()
        .to_string();
    assert!(narrow.contains("layer 0 head 0: score = "), "{narrow}");
    assert!(narrow.contains("6 signed bits (score_bits)"), "{narrow}");
    assert_eq!(
        Input::Scores,
        Configuration::named("edge_scores").unwrap().input
    );
}
