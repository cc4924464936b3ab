//! Adapters of RoBERTa, in half precision, and over a head of the checkpoint.

use crate::tiny::{self, Array};
use crate::transformers::folder;
use candle_core::{IndexOp, Tensor};
use half::f16;
use logattn_accuracy::{Adapter, Batch, Bert, FloatAttention};
use safetensors::Dtype;
use std::collections::BTreeMap;
use std::path::Path;

/// The names of a layer's linear layers in an adapter and in a checkpoint.
const LINEAR: [(&str, &str); 6] = [
    ("q", "attention.self.query"),
    ("k", "attention.self.key"),
    ("v", "attention.self.value"),
    ("o", "attention.output.dense"),
    ("f1", "intermediate.dense"),
    ("f2", "output.dense"),
];
const NORMS: [(&str, &str); 2] = [
    ("ln1", "attention.output.LayerNorm"),
    ("ln2", "output.LayerNorm"),
];

/// Values that half precision holds exactly.
fn array(shape: &[usize], seed: usize) -> Array {
    let count = shape.iter().product::<usize>();
    let value = |index: usize| ((index * 7 + seed * 13) % 17) as f32 / 32.0 - 0.25;
    Array {
        dtype: Dtype::F32,
        shape: shape.into(),
        bytes: (0..count).flat_map(|i| value(i).to_le_bytes()).collect(),
    }
}

/// An adapter of rank 3 for the tiny RoBERTa, and what it makes of the checkpoint's tensors: `W`
/// and `a` and `b` are multiples of 2^-5, so that W + 2·b·a of some of them is exact.
fn adapter() -> BTreeMap<String, Array> {
    let mut tensors = BTreeMap::new();
    for layer in 0..2 {
        for (seed, (short, _)) in LINEAR.iter().enumerate() {
            let (outputs, inputs) = match *short {
                "f1" => (24, 16),
                "f2" => (16, 24),
                _ => (16, 16),
            };
            let name = format!("layers.{layer}.{short}");
            tensors.insert(format!("{name}.a"), array(&[3, inputs], seed + layer));
            tensors.insert(format!("{name}.b"), array(&[outputs, 3], seed + 9));
        }
        for (seed, (short, _)) in NORMS.iter().enumerate() {
            for part in ["weight", "bias"] {
                let name = format!("layers.{layer}.{short}.{part}");
                tensors.insert(name, array(&[16], seed + part.len()));
            }
        }
    }
    tensors.insert("ln.weight".into(), array(&[16], 21));
    tensors.insert("ln.bias".into(), array(&[16], 22));
    tensors.insert("head.weight".into(), array(&[2, 16], 23));
    tensors.insert("head.bias".into(), array(&[2], 24));
    tensors
}

fn values(array: &Array) -> Vec<f32> {
    let (chunks, _) = array.bytes.as_chunks::<4>();
    chunks.iter().map(|&b| f32::from_le_bytes(b)).collect()
}

/// The checkpoint with the adapter worked into its weights, in double precision.
fn merged(tensors: &mut BTreeMap<String, Array>, adapter: &BTreeMap<String, Array>) {
    let mut set = |name: String, values: Vec<f32>| {
        let array = tensors.get_mut(&name).unwrap();
        assert_eq!(array.shape.iter().product::<usize>(), values.len());
        array.bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    };
    for part in ["weight", "bias"] {
        let name = format!("roberta.embeddings.LayerNorm.{part}");
        set(name, values(&adapter[&format!("ln.{part}")]));
        for layer in 0..2 {
            for (short, long) in NORMS {
                let name = format!("roberta.encoder.layer.{layer}.{long}.{part}");
                set(
                    name,
                    values(&adapter[&format!("layers.{layer}.{short}.{part}")]),
                );
            }
        }
    }
    for layer in 0..2 {
        for (short, long) in LINEAR {
            let name = format!("roberta.encoder.layer.{layer}.{long}.weight");
            let weight = &tensors[&name];
            let inputs = weight.shape[1];
            let a = values(&adapter[&format!("layers.{layer}.{short}.a")]);
            let b = values(&adapter[&format!("layers.{layer}.{short}.b")]);
            let sums = values(weight).into_iter().enumerate().map(|(index, w)| {
                let (row, column) = (index / inputs, index % inputs);
                let product = |r: usize| f64::from(b[row * 3 + r] * a[r * inputs + column]);
                (f64::from(w) + 2.0 * (0..3).map(product).sum::<f64>()) as f32
            });
            let bytes = sums.flat_map(f32::to_le_bytes).collect();
            tensors.get_mut(&name).unwrap().bytes = bytes;
        }
    }
}

fn hidden(model: &Bert) -> Tensor {
    let ids = [0, 71, 39, 24, 19, 28, 2];
    let batch = Batch::new(model.config(), &[(&ids, &[0; 7])]).unwrap();
    model.encode(&batch, &mut FloatAttention).unwrap()
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn load(folder: &Path, adapter: &Path) -> Bert {
    let model = Bert::load(folder).unwrap();
    model.adapt(Adapter::load(adapter).unwrap()).unwrap()
}

#[test]
fn an_adapter_of_roberta_changes_its_weights_and_goes_before_its_head() {
    let copy = tiny::copy_of(&folder("roberta_classifier"));
    let file = copy.path().join("adapter.safetensors");
    std::fs::copy(copy.path().join("model.safetensors"), &file).unwrap();
    tiny::edit(&file, |tensors| *tensors = adapter());
    let adapted = load(copy.path(), &file);

    tiny::edit(&copy.path().join("model.safetensors"), |t| {
        merged(t, &adapter())
    });
    let plain = Bert::load(copy.path()).unwrap();
    let (found, wanted) = (hidden(&adapted), hidden(&plain));
    tiny::assert_close(&floats(&found), &floats(&wanted), 1e-5);

    // The adapter's head has two outputs, the checkpoint's one.
    let logits = |model: &Bert| model.class_logits(&found).unwrap().unwrap();
    assert_eq!(logits(&adapted).dims(), [1, 2]);
    assert_eq!(logits(&plain).dims(), [1, 1]);
    let head = adapted.head(&found).unwrap().unwrap();
    assert_eq!(floats(&logits(&adapted)), floats(&head.i((0, 0)).unwrap()));
    let (start, end) = adapted.span_logits(&found).unwrap().unwrap();
    let column = |index: usize| floats(&head.i((.., .., index)).unwrap());
    assert_eq!((floats(&start), floats(&end)), (column(0), column(1)));
    assert!(plain.span_logits(&found).unwrap().is_none());
    assert!(plain.head(&found).unwrap().is_none());
}

#[test]
fn an_adapter_in_half_precision_is_the_same() {
    let copy = tiny::copy_of(&folder("roberta_qa"));
    let files = ["single", "half"].map(|name| copy.path().join(format!("{name}.safetensors")));
    for file in &files {
        let any = copy.path().join("model-00001-of-00002.safetensors");
        std::fs::copy(any, file).unwrap();
        tiny::edit(file, |tensors| *tensors = adapter());
    }
    tiny::edit(&files[1], |tensors| {
        for array in tensors.values_mut() {
            let halves = values(array).into_iter().map(f16::from_f32);
            array.bytes = halves.flat_map(f16::to_le_bytes).collect();
            array.dtype = Dtype::F16;
        }
    });
    let [single, half] = files.map(|file| floats(&hidden(&load(copy.path(), &file))));
    assert_eq!(single, half);
}
