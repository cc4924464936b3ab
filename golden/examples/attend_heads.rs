//! Times the attention model on raw arrays, for `scripts/golden_vs_numpy`.
//!
//! `attend_heads DIR HEADS ROWS KEYS REPETITIONS` runs the configuration `edge` on
//! `DIR/probabilities.f32` [heads, rows, keys] and `DIR/values.i8` [heads, keys, 32], both little
//! endian, writes `DIR/accumulators.i64`, `DIR/normalizers.u64` and `DIR/outputs.i32`, and prints
//! the shortest times in seconds: from fixed point, and from floats.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use logattn_golden::{Configuration, HeadsAttention, attend_heads, probabilities_to_fixed};
use ndarray::{Array3, ArrayView3};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, sizes @ ..] = &arguments[..] else {
        return Err("expected: DIR HEADS ROWS KEYS REPETITIONS".into());
    };
    let directory = PathBuf::from(directory);
    let sizes: Vec<usize> = sizes
        .iter()
        .map(|size| size.parse())
        .collect::<Result<_, _>>()?;
    let [heads, rows, keys, repetitions] = sizes[..] else {
        return Err("expected: DIR HEADS ROWS KEYS REPETITIONS".into());
    };
    let configuration = Configuration::named("edge")?;

    let floats = std::fs::read(directory.join("probabilities.f32"))?;
    let floats = floats
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes));
    let probabilities = Array3::from_shape_vec((heads, rows, keys), floats.collect())?;
    let bytes = std::fs::read(directory.join("values.i8"))?;
    let values = Array3::from_shape_vec(
        (heads, keys, configuration.head_dimension),
        bytes.into_iter().map(|byte| byte as i8).collect(),
    )?;

    let lengths = vec![keys; rows];
    let fixed = to_fixed(&configuration, probabilities.view())?;
    let (attention, from_fixed) = shortest(repetitions, || {
        Ok(attend_heads(
            &configuration,
            fixed.view(),
            &lengths,
            values.view(),
        )?)
    })?;
    let (_, from_floats) = shortest(repetitions, || {
        let fixed = to_fixed(&configuration, probabilities.view())?;
        Ok(attend_heads(
            &configuration,
            fixed.view(),
            &lengths,
            values.view(),
        )?)
    })?;
    write_results(&directory, &attention)?;
    println!("{} {}", from_fixed.as_secs_f64(), from_floats.as_secs_f64());
    Ok(())
}

fn to_fixed(
    configuration: &Configuration,
    probabilities: ArrayView3<f32>,
) -> Result<Array3<u16>, Box<dyn Error>> {
    Ok(probabilities_to_fixed(
        &probabilities,
        configuration.probability_bits,
    )?)
}

/// The result of one run and the shortest time of several.
fn shortest<T>(
    repetitions: usize,
    run: impl Fn() -> Result<T, Box<dyn Error>>,
) -> Result<(T, Duration), Box<dyn Error>> {
    let mut result = run()?;
    let mut best = Duration::MAX;
    for _ in 0..repetitions {
        let start = Instant::now();
        result = run()?;
        best = best.min(start.elapsed());
    }
    Ok((result, best))
}

fn write_results(directory: &Path, heads: &HeadsAttention) -> Result<(), Box<dyn Error>> {
    let bytes: Vec<u8> = heads
        .accumulators
        .iter()
        .flat_map(|sum| sum.to_le_bytes())
        .collect();
    std::fs::write(directory.join("accumulators.i64"), bytes)?;
    let bytes: Vec<u8> = heads
        .normalizers
        .iter()
        .flat_map(|sum| sum.to_le_bytes())
        .collect();
    std::fs::write(directory.join("normalizers.u64"), bytes)?;
    let outputs = heads.outputs.iter().flatten();
    let bytes: Vec<u8> = outputs.flat_map(|output| output.to_le_bytes()).collect();
    std::fs::write(directory.join("outputs.i32"), bytes)?;
    Ok(())
}
