//! The forward pass of all-MiniLM-L6-v2 on one core: 16 texts of 200 tokens and 128 of 25, with
//! softmax attention and with none, which is what all attentions have in common. Skipped, saying
//! so, where the model is absent.
//!
//! `scripts/fetch-models && RAYON_NUM_THREADS=1 cargo bench -p logattn-accuracy --bench encoder`

use candle_core::Tensor;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logattn_accuracy::{Attention, AttentionInput, Batch, Bert, FloatAttention, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Gives the values back.
struct NoAttention;

impl Attention for NoAttention {
    fn attend(&mut self, input: AttentionInput) -> Result<Tensor> {
        Ok(input.v.clone())
    }
}

/// A batch of made-up texts of one length.
fn batch(model: &Bert, texts: u32, tokens: u32) -> Batch {
    let id = |text: u32, token: u32| 1000 + (37 * token + 101 * text) % 20_000;
    let ids: Vec<Vec<u32>> = (0..texts)
        .map(|text| (0..tokens).map(|token| id(text, token)).collect())
        .collect();
    let types = vec![0; tokens as usize];
    let texts: Vec<(&[u32], &[u32])> = ids.iter().map(|ids| (&ids[..], &types[..])).collect();
    Batch::new(model.config(), &texts).expect("ids of the model")
}

fn encoder(criterion: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let models = std::env::var_os("LOGATTN_MODELS")
        .map_or_else(|| root.join(".tools/models"), PathBuf::from);
    let folder = models.join("all-MiniLM-L6-v2");
    if !folder.exists() {
        eprintln!("skipped: {} is absent", folder.display());
        return;
    }
    let model = Bert::load(&folder).expect("a checkpoint");
    let mut group = criterion.benchmark_group("encoder");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(15));
    for (texts, tokens) in [(16, 200), (128, 25)] {
        let batch = batch(&model, texts, tokens);
        group.throughput(Throughput::Elements(u64::from(texts * tokens)));
        let attentions: [(&str, &mut dyn Attention); 2] =
            [("float", &mut FloatAttention), ("none", &mut NoAttention)];
        for (name, attention) in attentions {
            group.bench_function(format!("{texts}x{tokens}/{name}"), |bencher| {
                bencher.iter(|| model.encode(&batch, attention).expect("finite"));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, encoder);
criterion_main!(benches);
