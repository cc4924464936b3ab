//! What a study of a whole capture costs by its size: attention values a second should not depend
//! on how many there are. Four heads of one layer, scores of pseudo-random queries and keys.
//!
//! `cargo bench -p logattn-studies --bench study`

use criterion::{BenchmarkId, Criterion, Throughput};
use logattn_captures::{Capture, Metadata, Stored, Tensors};
use logattn_golden::Configuration;
use logattn_studies::{Source, StudyOptions, study};
use ndarray::Array3;
use std::hint::black_box;

const HEADS: usize = 4;

/// Heads of `tokens` tokens, D = 32, whose rows are as peaked as a model's.
fn capture(tokens: usize) -> Source {
    // A linear congruential generator (Knuth, The Art of Computer Programming 2, 3.3.4, table 1).
    let mut state = 1_u64;
    let mut tensor = |scale: f32| {
        let values = Array3::from_shape_simple_fn((HEADS, tokens, 32), || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1_u32 << 24) as f32 - 0.5) * scale
        });
        Some(Stored::Float(values))
    };
    let tensors = Tensors {
        q: tensor(6.0),
        k: tensor(6.0),
        v: tensor(2.0),
        ..Tensors::default()
    };
    let capture = Capture::new("random", tensors, Metadata::default()).expect("legal");
    Source::Capture(Box::new(capture))
}

fn main() {
    // Its plots need a font of the system.
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    let c = Configuration {
        max_keys: 2048,
        ..Configuration::named("edge").expect("a named configuration")
    };
    let options = StudyOptions::new().expect("embedded tables");
    let mut group = criterion.benchmark_group("study");
    group.sample_size(10);
    for tokens in [128, 256, 512, 1024] {
        let source = capture(tokens);
        group.throughput(Throughput::Elements((HEADS * tokens * tokens) as u64));
        group.bench_function(BenchmarkId::from_parameter(tokens), |b| {
            b.iter(|| {
                black_box(study(&c, black_box(&source), &options, &|_, _| ())).expect("fits")
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
