//! Time of the attention model: 72 heads of 256 rows, 256 keys and 32 elements (64 for
//! `base`), about 85 % of the
//! probabilities pruned by the power-of-two thresholds.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logattn_golden::{
    Configuration, DenseCodes, SurvivorCodes, attend_heads, codes, probabilities_to_fixed,
};
use ndarray::{Array3, Axis};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const HEADS: usize = 72;
const ROWS: usize = 256;
const KEYS: usize = 256;

/// Softmax of normal-like scores.
fn probabilities(random: &mut ChaCha8Rng) -> Array3<f32> {
    let mut probabilities = Array3::from_shape_simple_fn((HEADS, ROWS, KEYS), || {
        let sum: f32 = (0..12).map(|_| random.random::<f32>()).sum();
        (2.0 * (sum - 6.0)).exp()
    });
    for mut row in probabilities.rows_mut() {
        let sum = row.sum();
        row /= sum;
    }
    probabilities
}

fn attention(criterion: &mut Criterion) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let floats = probabilities(&mut random);
    let mut values = |dimension| {
        Array3::from_shape_simple_fn((HEADS, KEYS, dimension), || random.next_u32() as i8)
    };
    let (narrow, wide) = (values(32), values(64));
    let lengths = [KEYS; ROWS];
    let to_fixed = || probabilities_to_fixed::<_, u16, _>(&floats.view(), 16);
    let (Ok(fixed), Ok(edge)) = (to_fixed(), Configuration::named("edge")) else {
        return;
    };

    let mut group = criterion.benchmark_group("attend_heads");
    group.sample_size(20);
    group.throughput(Throughput::Elements((HEADS * ROWS * KEYS) as u64));
    for name in ["edge", "base", "paper", "edge_int8"] {
        let Ok(configuration) = Configuration::named(name) else {
            return;
        };
        let values = match configuration.head_dimension {
            32 => &narrow,
            _ => &wide,
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                attend_heads(
                    &configuration,
                    fixed.view(),
                    black_box(&lengths),
                    values.view(),
                )
            });
        });
    }
    group.bench_function("probabilities_to_fixed", |bencher| {
        bencher.iter(|| black_box(to_fixed()));
    });
    group.finish();

    let head = fixed.index_axis(Axis(0), 0);
    let Ok(codes) = codes(&edge, head, &lengths) else {
        return;
    };
    let mut group = criterion.benchmark_group("pack");
    group.throughput(Throughput::Elements((ROWS * KEYS) as u64));
    group.bench_function("dense", |bencher| {
        bencher.iter(|| DenseCodes::pack(black_box(codes.view()), 3));
    });
    group.bench_function("survivors", |bencher| {
        bencher.iter(|| SurvivorCodes::pack(black_box(codes.view()), 3));
    });
    group.finish();
}

criterion_group!(benches, attention);
criterion_main!(benches);
