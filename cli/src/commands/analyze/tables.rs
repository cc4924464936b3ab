//! The CSV files.

use super::plan::Point;
use crate::error::Error;
use logattn_accuracy::analysis::{Histogram, Histograms};
use logattn_accuracy::evaluation::Evaluation;
use logattn_accuracy::quantizers::Quantizer;
use serde::Serialize;

#[derive(Serialize)]
struct BinRow {
    layer: usize,
    head: usize,
    low: f64,
    high: f64,
    count: u64,
    share: f64,
}

#[derive(Serialize)]
struct SparsityRow {
    layer: Option<usize>,
    head: Option<usize>,
    threshold: f64,
    pruned_share: f64,
}

#[derive(Serialize)]
struct ScoreRow<'a> {
    attention: &'a str,
    quantizer: Option<&'a str>,
    bits: Option<u32>,
    threshold: Option<f64>,
    metric: &'a str,
    score: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    loss_percent: Option<f64>,
    pruned_share: f64,
}

/// histogram.csv: a row a layer, head and bin.
///
/// # Errors
/// None that could be foreseen: rows of one kind have as many fields.
pub fn histogram(histograms: &Histograms) -> Result<Vec<u8>, Error> {
    let heads = places(histograms);
    write(
        "histogram.csv",
        heads.flat_map(|(layer, head, histogram)| {
            let all = histogram.values().max(1) as f64;
            histogram.bins().map(move |bin| BinRow {
                layer,
                head,
                low: bin.low,
                high: bin.high,
                count: bin.count,
                share: bin.count as f64 / all,
            })
        }),
    )
}

/// sparsity.csv: a row a threshold for every head, then for every layer, then for the model.
///
/// # Errors
/// As [`histogram`].
pub fn sparsity(histograms: &Histograms) -> Result<Vec<u8>, Error> {
    let heads = places(histograms).map(|(layer, head, h)| (Some(layer), Some(head), h.clone()));
    let layers = histograms.layers().enumerate();
    let layers = layers.map(|(layer, heads)| (Some(layer), None, heads.iter().sum()));
    let model = std::iter::once((None, None, histograms.total()));
    write(
        "sparsity.csv",
        heads
            .chain(layers)
            .chain(model)
            .flat_map(|(layer, head, histogram)| {
                let rows: Vec<SparsityRow> = (shares_below(&histogram).into_iter())
                    .map(|(threshold, pruned_share)| SparsityRow {
                        layer,
                        head,
                        threshold,
                        pruned_share,
                    })
                    .collect();
                rows
            }),
    )
}

/// Share of the values below each edge between bins.
pub fn shares_below(histogram: &Histogram) -> Vec<(f64, f64)> {
    let all = histogram.values().max(1) as f64;
    let edges = histogram.less_than_edges();
    edges
        .map(|(edge, count)| (edge, count as f64 / all))
        .collect()
}

/// threshold.csv or bits.csv: a row an attention and metric.
///
/// # Errors
/// As [`histogram`].
pub fn scores(name: &'static str, measured: &[(&Point, &Evaluation)]) -> Result<Vec<u8>, Error> {
    let defined = |number: f64| number.is_finite().then_some(number);
    write(
        name,
        measured.iter().flat_map(|(point, evaluation)| {
            evaluation.scores.iter().map(move |score| ScoreRow {
                attention: &evaluation.name,
                quantizer: point.quantizer.map(Quantizer::name),
                bits: point.bits,
                threshold: point.threshold,
                metric: score.metric.name(),
                score: defined(score.value),
                low: score.interval.map(|interval| interval.low),
                high: score.interval.map(|interval| interval.high),
                loss_percent: score.loss.map(|loss| loss.percent),
                pruned_share: evaluation.counts.total().pruned_share(),
            })
        }),
    )
}

/// Every head with its layer and its number there.
fn places(histograms: &Histograms) -> impl Iterator<Item = (usize, usize, &Histogram)> {
    histograms.layers().enumerate().flat_map(|(layer, heads)| {
        let heads = heads.iter().enumerate();
        heads.map(move |(head, histogram)| (layer, head, histogram))
    })
}

fn write<R: Serialize>(
    name: &'static str,
    rows: impl Iterator<Item = R>,
) -> Result<Vec<u8>, Error> {
    let failed = |error: csv::Error| Error::write(name)(std::io::Error::other(error));
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(failed)?;
    }
    let bytes = writer.into_inner();
    bytes.map_err(|error| Error::write(name)(std::io::Error::other(error.to_string())))
}
