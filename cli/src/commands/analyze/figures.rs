//! The four figures.

use super::axis::Axis;
use super::chart::{Curve, Entry, Figure, INK, Panel, Stroke};
use super::plan::Point;
use super::tables::shares_below;
use crate::commands::accuracy::report::title;
use crate::table::percent;
use logattn_accuracy::analysis::{Histogram, Histograms, OCTAVES};
use logattn_accuracy::evaluation::{Evaluation, Metric};
use logattn_accuracy::quantizers::Quantizer;
use plotters::style::RGBColor;

/// Layers that the legend names at most.
const NAMED_LAYERS: usize = 16;

/// From the first layer to the last.
const LAYERS: [RGBColor; 5] = [
    RGBColor(68, 1, 84),
    RGBColor(59, 82, 139),
    RGBColor(33, 145, 140),
    RGBColor(94, 190, 90),
    RGBColor(245, 166, 35),
];

/// One for each quantizer.
const QUANTIZERS: [RGBColor; 11] = [
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(120, 190, 50),
    RGBColor(213, 94, 0),
    RGBColor(230, 159, 0),
    RGBColor(190, 20, 40),
    RGBColor(204, 121, 167),
    RGBColor(117, 63, 160),
    RGBColor(140, 90, 60),
    RGBColor(33, 37, 41),
];

/// Bits by which the points of a quantizer stand beside those of the one before, so that none hides
/// another.
const ASIDE: f64 = 0.06;

const SCORE: RGBColor = RGBColor(0, 114, 178);

/// Attention values by size: a line a layer.
pub fn histogram(histograms: &Histograms, of: &str) -> Figure {
    let layers: Vec<Histogram> = histograms
        .layers()
        .map(|heads| heads.iter().sum())
        .collect();
    let curve = |layer: &Histogram| -> Vec<(f64, f64)> {
        let all = layer.values().max(1) as f64;
        // The first bin has no least value.
        let bins = layer.bins().skip(1);
        bins.map(|bin| ((bin.low * bin.high).sqrt(), bin.count as f64 / all))
            .collect()
    };
    let curves: Vec<Vec<(f64, f64)>> = layers.iter().map(curve).collect();
    let shares = curves.iter().flatten().map(|(_, share)| *share);
    let edges = [2.0_f64.powi(-(OCTAVES as i32)), 1.0];
    let under = histograms.total().share_below(edges[0]).unwrap_or(0.0);
    Figure {
        title: format!("Attention values of {of}"),
        subtitle: format!(
            "Mean over the heads of each layer. {} of all values are under 2^-{OCTAVES} and not shown.",
            percent(under)
        ),
        panels: vec![Panel {
            x: Axis::octaves("attention value", edges.into_iter()),
            y: Axis::share_decades(
                "share of the values in a quarter of an octave",
                shares.filter(|share| *share > 0.0),
            ),
            curves: by_layer(curves, Stroke::Line),
            band: Vec::new(),
        }],
        legend: layer_legend(layers.len()),
    }
}

/// Share of the values that are less than a threshold: a line a layer, and thin ones for heads.
pub fn sparsity(histograms: &Histograms, of: &str) -> Figure {
    let layers: Vec<&[Histogram]> = histograms.layers().collect();
    let count = layers.len();
    let heads = layers.iter().enumerate().flat_map(|(layer, heads)| {
        heads.iter().map(move |head| Curve {
            points: shares_below(head),
            color: layer_color(layer, count),
            stroke: Stroke::Thin,
        })
    });
    let means = layers.iter().map(|heads| shares_below(&heads.iter().sum()));
    let curves = heads.chain(by_layer(means.collect(), Stroke::Line));
    let edges = [2.0_f64.powi(-(OCTAVES as i32)), 1.0];
    Figure {
        title: format!("Sparsity of attention of {of}"),
        subtitle: "Share of the attention values under a threshold; thick: all heads of a layer, thin: each head.".into(),
        panels: vec![Panel {
            x: Axis::octaves("threshold", edges.into_iter()),
            y: Axis::shares("share of the values under it"),
            curves: curves.collect(),
            band: Vec::new(),
        }],
        legend: layer_legend(count),
    }
}

/// Scores and pruned share against the threshold.
pub fn threshold(measured: &[(&Point, &Evaluation)], float: &Evaluation, of: &str) -> Figure {
    let at = |point: &Point| point.threshold.unwrap_or(f64::NAN);
    let x = || {
        let values = measured.iter().map(|(point, _)| at(point));
        Axis::octaves("threshold", values)
    };
    let ends = || (x().range.start.exp2(), x().range.end.exp2());
    let panel = |(index, score): (usize, &logattn_accuracy::evaluation::Score)| {
        let scores = measured
            .iter()
            .filter_map(|(p, e)| Some((at(p), e.scores.get(index)?)));
        let points: Vec<(f64, f64)> = scores.clone().map(|(at, s)| (at, s.value)).collect();
        let band: Vec<(f64, [f64; 2])> = scores
            .filter_map(|(at, s)| s.interval.map(|i| (at, [i.low, i.high])))
            .collect();
        let all = points.iter().map(|(_, y)| *y);
        let all = all
            .chain(band.iter().flat_map(|(_, ends)| *ends))
            .chain([score.value]);
        Panel {
            x: x(),
            y: score_axis(score.metric, &all.collect::<Vec<_>>()),
            curves: vec![level(ends(), score.value), dotted(points, SCORE)],
            band,
        }
    };
    let mut panels: Vec<Panel> = float.scores.iter().enumerate().map(panel).collect();
    let pruned = measured
        .iter()
        .map(|(p, e)| (at(p), e.counts.total().pruned_share()));
    panels.push(Panel {
        x: x(),
        y: Axis::shares("pruned attention values"),
        curves: vec![dotted(pruned.collect(), SCORE)],
        band: Vec::new(),
    });
    Figure {
        title: format!("Pruning at a threshold: {of}"),
        subtitle: "Attention values under the threshold are 0 in every layer and head. Gray: 95 % interval over the items.".into(),
        panels,
        legend: vec![
            entry("pruned", SCORE, Stroke::Dotted),
            entry("float", INK, Stroke::Dashed),
        ],
    }
}

/// Scores against bits: a line a quantizer.
pub fn bits(measured: &[(&Point, &Evaluation)], float: &Evaluation, of: &str) -> Figure {
    // What has no number of bits has two levels.
    let at = |point: &Point| point.bits.unwrap_or(1);
    let low = measured
        .iter()
        .map(|(point, _)| at(point))
        .min()
        .unwrap_or(1);
    let high = measured
        .iter()
        .map(|(point, _)| at(point))
        .max()
        .unwrap_or(1);
    let ends = (f64::from(low) - 0.4, f64::from(high) + 0.4);
    let used: Vec<(Quantizer, RGBColor)> = Quantizer::ALL
        .into_iter()
        .zip(QUANTIZERS)
        .filter(|(known, _)| measured.iter().any(|(p, _)| p.quantizer == Some(*known)))
        .collect();
    let panel = |(index, score): (usize, &logattn_accuracy::evaluation::Score)| {
        let value = |e: &Evaluation| e.scores.get(index).map_or(f64::NAN, |score| score.value);
        let all = measured.iter().map(|(_, e)| value(e)).chain([score.value]);
        let curve = |(index, (quantizer, color)): (usize, &(Quantizer, RGBColor))| {
            let own = measured
                .iter()
                .filter(|(p, _)| p.quantizer == Some(*quantizer));
            let middle = (used.len() - 1) as f64 / 2.0;
            let aside = match quantizer.has_bits() {
                true => ASIDE * (index as f64 - middle),
                false => 0.0,
            };
            let points = own.map(|(p, e)| (f64::from(at(p)) + aside, value(e)));
            dotted(points.collect(), *color)
        };
        let float = std::iter::once(level(ends, score.value));
        Panel {
            x: Axis::integers("bits of a quantized attention value", low, high),
            y: score_axis(score.metric, &all.collect::<Vec<_>>()),
            curves: float.chain(used.iter().enumerate().map(curve)).collect(),
            band: Vec::new(),
        }
    };
    let names = used
        .iter()
        .map(|(quantizer, color)| entry(quantizer.name(), *color, Stroke::Dotted));
    Figure {
        title: format!("Published quantizers: {of}"),
        subtitle:
            "Quantized in every layer and head; binarization counts as one bit. Equal scores stand side by side."
                .into(),
        panels: float.scores.iter().enumerate().map(panel).collect(),
        legend: names.chain([entry("float", INK, Stroke::Dashed)]).collect(),
    }
}

fn entry(text: &str, color: RGBColor, stroke: Stroke) -> Entry {
    Entry {
        text: text.into(),
        color,
        stroke,
    }
}

fn dotted(points: Vec<(f64, f64)>, color: RGBColor) -> Curve {
    Curve {
        points,
        color,
        stroke: Stroke::Dotted,
    }
}

/// A horizontal line.
fn level((from, to): (f64, f64), value: f64) -> Curve {
    Curve {
        points: vec![(from, value), (to, value)],
        color: INK,
        stroke: Stroke::Dashed,
    }
}

/// The axis of a metric; perplexities that differ much need a logarithmic one.
fn score_axis(metric: Metric, values: &[f64]) -> Axis {
    let values = || values.iter().copied().filter(|value| value.is_finite());
    let least = values().fold(f64::INFINITY, f64::min);
    let name = title(metric);
    match metric {
        Metric::ExactMatch | Metric::F1 | Metric::Accuracy => {
            Axis::numbers(&format!("{name} [%]"), values())
        }
        Metric::Perplexity if values().any(|value| value > 4.0 * least) => {
            Axis::decades(name, values())
        }
        Metric::Spearman | Metric::Perplexity => Axis::numbers(name, values()),
    }
}

fn by_layer(curves: Vec<Vec<(f64, f64)>>, stroke: Stroke) -> Vec<Curve> {
    let count = curves.len();
    let curves = curves.into_iter().enumerate();
    curves
        .map(|(layer, points)| Curve {
            points,
            color: layer_color(layer, count),
            stroke,
        })
        .collect()
}

/// The color of a layer, between those of [`LAYERS`].
fn layer_color(layer: usize, layers: usize) -> RGBColor {
    let along = (LAYERS.len() - 1) as f64 * layer as f64 / layers.saturating_sub(1).max(1) as f64;
    let first = (along as usize).min(LAYERS.len() - 2);
    let (from, to, part) = (LAYERS[first], LAYERS[first + 1], along - first as f64);
    let mix = |a: u8, b: u8| (f64::from(a) + part * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// Evenly spaced layers, not too many.
fn layer_legend(layers: usize) -> Vec<Entry> {
    let step = layers.div_ceil(NAMED_LAYERS).max(1);
    let named = (0..layers).step_by(step);
    named
        .map(|layer| {
            let color = layer_color(layer, layers);
            entry(&format!("layer {layer}"), color, Stroke::Line)
        })
        .collect()
}
