//! Several attentions in one pass give what each gives alone.

use crate::tiny::{self, Expected};
use candle_core::Tensor;
use logattn_accuracy::{
    Attention, AttentionInput, Batch, Bert, FloatAttention, Llama, RecordingAttention, Result,
};

/// Softmax attention of queries that were multiplied.
struct Sharpened(f64);

impl Attention for Sharpened {
    fn attend(&mut self, input: AttentionInput) -> Result<Tensor> {
        let q = (input.q * self.0)?;
        FloatAttention.attend(AttentionInput { q: &q, ..input })
    }
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

/// That a pass with three attentions gives what each gives alone, and that all differ.
fn assert_same(
    alone: impl Fn(&mut dyn Attention) -> Tensor,
    together: impl Fn(&mut [&mut dyn Attention]) -> Vec<Tensor>,
) {
    let (mut sharp, mut blunt) = (Sharpened(2.0), Sharpened(0.5));
    let mut recording = RecordingAttention::new(FloatAttention);
    let all = together(&mut [&mut recording, &mut sharp, &mut blunt]);
    assert_eq!(all.len(), 3);
    // Each attention is asked once a layer, the first one included.
    assert_eq!(recording.into_layers().len(), 2);
    assert_eq!(bits(&all[0]), bits(&alone(&mut FloatAttention)));
    assert_eq!(bits(&all[1]), bits(&alone(&mut sharp)));
    assert_eq!(bits(&all[2]), bits(&alone(&mut blunt)));
    assert!(bits(&all[0]) != bits(&all[1]) && bits(&all[0]) != bits(&all[2]));
    assert!(together(&mut []).is_empty());
}

#[test]
fn encoder() {
    let model = Bert::load(&tiny::folder()).unwrap();
    let expected = Expected::load();
    let texts = [0, 1].map(|i| {
        let list = |name: &str| expected.ids(&format!("{i}.{name}"));
        (list("ids"), list("types"))
    });
    let texts = texts.each_ref().map(|(ids, types)| (&ids[..], &types[..]));
    let batch = Batch::new(model.config(), &texts).unwrap();
    assert_same(
        |attention| model.encode(&batch, attention).unwrap(),
        |attentions| model.encode_each(&batch, attentions).unwrap(),
    );
}

#[test]
fn decoder() {
    let model = Llama::load_folder(&tiny::llama_folder()).unwrap();
    let expected = Expected::of(&tiny::llama_folder());
    let ids = [0, 1].map(|i| expected.ids(&format!("{i}.ids")));
    let batch = ids.each_ref().map(Vec::as_slice);
    assert_same(
        |attention| model.hidden_states(&batch, attention).unwrap(),
        |attentions| model.hidden_states_each(&batch, attentions).unwrap(),
    );
}
