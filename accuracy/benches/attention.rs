//! Time of the attention of one layer, by specification: that of an encoder like MiniLM, 16 texts
//! of 200 tokens, 12 heads, D = 32; and of a decoder like SmolLM2, one text of 512 tokens, 9 heads
//! of 3 KV heads, D = 64. Logits are random, with a standard deviation of 2.

use candle_core::{Device, Tensor};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logattn_accuracy::{Attention, AttentionInput, FloatAttention, ModelShape, Specification};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SPECIFICATIONS: [&str; 9] = [
    "float",
    "int8",
    "prune:2^-8",
    "paper",
    "paper:bits=16",
    "quantile-log-mean",
    "golden:edge",
    "golden:edge,input=scores",
    "golden:base,input=scores",
];

/// [texts, heads, tokens, D] of about normal numbers.
fn tensor(
    random: &mut ChaCha8Rng,
    shape: (usize, usize, usize, usize),
) -> candle_core::Result<Tensor> {
    let mut normal = || {
        let sum: f32 = (0..6).map(|_| random.random::<f32>()).sum();
        // Of 6 uniform numbers the variance is 1/2; logits shall have 4.
        (sum - 3.0) * 2.0
    };
    let count = shape.0 * shape.1 * shape.2 * shape.3;
    let values: Vec<f32> = (0..count).map(|_| normal()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}

fn layer(
    criterion: &mut Criterion,
    name: &str,
    texts: usize,
    tokens: usize,
    shape: ModelShape,
) -> logattn_accuracy::Result<()> {
    let random = &mut ChaCha8Rng::seed_from_u64(1);
    let d = shape.head_dimension;
    let q = tensor(random, (texts, shape.heads, tokens, d))?;
    let k = tensor(random, (texts, shape.kv_heads, tokens, d))?;
    let v = tensor(random, (texts, shape.kv_heads, tokens, d))?;
    let lengths = vec![tokens; texts];
    let input = AttentionInput {
        layer: 0,
        q: &q,
        k: &k,
        v: &v,
        lengths: &lengths,
        causal: shape.kv_heads < shape.heads,
    };
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    let values = texts * shape.heads * tokens * tokens;
    group.throughput(Throughput::Elements(values as u64));
    for text in SPECIFICATIONS {
        let prepared = Specification::parse(text)?.prepare(&shape)?;
        let mut attention = prepared.start();
        group.bench_function(text, |bencher| bencher.iter(|| attention.attend(input)));
    }
    group.bench_function("FloatAttention", |bencher| {
        bencher.iter(|| FloatAttention.attend(input));
    });
    group.finish();
    Ok(())
}

fn attention(criterion: &mut Criterion) {
    let encoder = ModelShape {
        layers: 1,
        heads: 12,
        kv_heads: 12,
        head_dimension: 32,
    };
    let decoder = ModelShape {
        heads: 9,
        kv_heads: 3,
        head_dimension: 64,
        ..encoder
    };
    for (name, texts, tokens, shape) in
        [("encoder", 16, 200, encoder), ("decoder", 1, 512, decoder)]
    {
        if let Err(error) = layer(criterion, name, texts, tokens, shape) {
            eprintln!("{name}: {error}");
        }
    }
}

criterion_group!(benches, attention);
criterion_main!(benches);
