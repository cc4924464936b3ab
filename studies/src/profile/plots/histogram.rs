//! How large attention values are, and which of them the thresholds keep.

use super::Plot;
use crate::Error;
use crate::percent;
use crate::profile::canvas::{Anchor, Canvas, Lettering, MARGIN};
use crate::profile::frame::{Frame, Sign, legend};
use crate::profile::scale::{Scale, digits};
use crate::profile::theme::{FAINT, INK, TWIN, UNIT, sequence, size};
use crate::study::{Histogram, Study};

const LEFT: i32 = 92;
const RIGHT: i32 = 940;
/// Where the rows of layers begin.
const LAYERS_TOP: i32 = 596;

/// What the thresholds keep, of all values and of their sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// Share of the values.
    pub values: f64,
    /// Share of the probability, by the bins' middles.
    pub probability: f64,
}

/// log2(p) in the middle of a bin.
fn middle(histogram: &Histogram, bin: usize) -> f64 {
    histogram.lowest_log2 + (bin as f64 + 0.5) / f64::from(histogram.bins_per_octave.max(1))
}

/// The probability of all values of a bin together, by its middle.
fn probability(histogram: &Histogram, bin: usize) -> f64 {
    histogram.counts[bin] as f64 * middle(histogram, bin).exp2()
}

/// What lies at or above the lowest threshold; a bin with the threshold in it counts by the part
/// above it.
pub fn kept(histogram: &Histogram) -> Kept {
    let lowest = histogram.threshold_log2.first().copied().unwrap_or(0.0);
    let bins = f64::from(histogram.bins_per_octave.max(1));
    let above = |bin: usize| {
        let high = histogram.lowest_log2 + (bin as f64 + 1.0) / bins;
        ((high - lowest) * bins).clamp(0.0, 1.0)
    };
    let all = 0..histogram.counts.len();
    let sum = |of: &dyn Fn(usize) -> f64| {
        let kept: f64 = all.clone().map(|bin| of(bin) * above(bin)).sum();
        let whole: f64 = all.clone().map(of).sum();
        (kept, whole)
    };
    let (values, present) = sum(&|bin| histogram.counts[bin] as f64);
    let (kept, whole) = sum(&|bin| probability(histogram, bin));
    Kept {
        values: values / (present + histogram.zeros as f64).max(1.0),
        probability: kept / whole.max(f64::MIN_POSITIVE),
    }
}

/// Draws it, if there is a histogram.
pub fn plot(study: &Study) -> Result<Option<Plot>, Error> {
    let Some(histogram) = &study.histogram else {
        return Ok(None);
    };
    let kept = kept(histogram);
    let caption = format!(
        "Attention values p by log2(p), in bins of 1/{} octave; dashed lines are the thresholds, with \
         the code that begins there. The top shows how many values there are: {} of them lie at or \
         above the lowest threshold. In the middle, the same values weighted by p: those kept carry \
         {} of the probability (by the bins' middles). Below, a line for each layer, darker where \
         more of its values lie. Values below 2^{:.0} stand in the first bin, at the top with those that \
         are exactly 0 ({} of all values).",
        histogram.bins_per_octave,
        percent(kept.values),
        percent(kept.probability),
        histogram.lowest_log2,
        percent(histogram.zeros as f64 / total(histogram)),
    );
    let title = "Attention values and thresholds".into();
    let layers = histogram.layers.len() as i32;
    let row = (240 / layers.max(1)).clamp(9, 26);
    let height = LAYERS_TOP + layers * row + 64;
    Plot::draw("histogram", title, caption, height, |canvas| {
        let signs = [
            (Sign::Fill(UNIT), "kept: code 1 and above"),
            (Sign::Fill(TWIN), "pruned: code 0"),
        ];
        legend(canvas, (MARGIN, 52), RIGHT, &signs);
        values(canvas, histogram);
        weights(canvas, histogram);
        by_layer(canvas, study, histogram, row);
    })
    .map(Some)
}

fn total(histogram: &Histogram) -> f64 {
    let counted: u64 = histogram.counts.iter().sum();
    (counted + histogram.zeros).max(1) as f64
}

fn frame<'a, 'b>(
    canvas: &'a Canvas<'b>,
    histogram: &Histogram,
    (top, bottom): (i32, i32),
    y: Scale,
) -> Frame<'a, 'b> {
    Frame {
        canvas,
        from: (LEFT, top),
        to: (RIGHT, bottom),
        x: Scale::linear(histogram.lowest_log2, 0.0),
        y,
    }
}

fn values(canvas: &Canvas, histogram: &Histogram) {
    let all = total(histogram);
    let mut shares: Vec<f64> = histogram
        .counts
        .iter()
        .map(|count| 100.0 * *count as f64 / all)
        .collect();
    if let Some(first) = shares.first_mut() {
        *first += 100.0 * histogram.zeros as f64 / all;
    }
    panel(
        canvas,
        histogram,
        (114, 300),
        "share of all values, %",
        &shares,
    );
}

fn weights(canvas: &Canvas, histogram: &Histogram) {
    let weights: Vec<f64> = (0..histogram.counts.len())
        .map(|bin| probability(histogram, bin))
        .collect();
    let all = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let shares: Vec<f64> = weights.iter().map(|weight| 100.0 * weight / all).collect();
    panel(
        canvas,
        histogram,
        (362, 530),
        "share of probability, %",
        &shares,
    );
}

/// Bars of the bins, those under the lowest threshold in another color.
fn panel(
    canvas: &Canvas,
    histogram: &Histogram,
    span: (i32, i32),
    description: &str,
    shares: &[f64],
) {
    let highest = shares.iter().copied().fold(0.0, f64::max);
    let frame = frame(canvas, histogram, span, Scale::from_zero(highest, 0.05));
    frame.y_axis(description, 5, digits);
    frame.x_axis("", 13, |x| format!("{x:.0}"));
    let width = 1.0 / f64::from(histogram.bins_per_octave.max(1));
    let lowest = histogram.threshold_log2.first().copied().unwrap_or(0.0);
    for (bin, share) in shares.iter().enumerate() {
        let low = histogram.lowest_log2 + bin as f64 * width;
        let (high, edge) = (low + width, lowest.clamp(low, low + width));
        frame.bar((low, edge), if edge > low { *share } else { 0.0 }, TWIN);
        frame.bar((edge, high), if high > edge { *share } else { 0.0 }, UNIT);
    }
    frame.base();
    thresholds(&frame, histogram);
}

/// Dashed lines with their codes; codes that stand too close together are left out.
fn thresholds(frame: &Frame, histogram: &Histogram) {
    let mut free = i32::MIN;
    let (top, bottom) = (frame.from.1, frame.to.1);
    for (index, threshold) in histogram.threshold_log2.iter().enumerate() {
        let x = frame.x(threshold.max(histogram.lowest_log2));
        frame.canvas.dashes((x, top - 4), (x, bottom), INK, 1);
        let name = (index + 1).to_string();
        let half = frame.canvas.width(&name, size::SMALL) / 2 + 3;
        if x - half > free {
            let style = Lettering::new(size::SMALL, Anchor::Above);
            frame.canvas.text(&name, (x, top - 4), style);
            free = x + half;
        }
    }
    if let Some(lowest) = histogram.threshold_log2.first() {
        let x = frame.x(lowest.max(histogram.lowest_log2));
        let style = Lettering::new(size::SMALL, Anchor::Right).color(FAINT);
        frame.canvas.text("code", (x - 12, top - 11), style);
    }
}

fn by_layer(canvas: &Canvas, study: &Study, histogram: &Histogram, row: i32) {
    let layers = histogram.layers.len() as i32;
    let span = (LAYERS_TOP, LAYERS_TOP + layers * row);
    let frame = frame(canvas, histogram, span, Scale::linear(0.0, 1.0));
    let shares = |layer: &Vec<u64>| -> Vec<f64> {
        let all = layer.iter().sum::<u64>().max(1) as f64;
        layer.iter().map(|count| *count as f64 / all).collect()
    };
    let shares: Vec<Vec<f64>> = histogram.layers.iter().map(shares).collect();
    // All that is smaller lies in the first bin, which would leave the others pale.
    let highest = shares
        .iter()
        .flat_map(|layer| layer.iter().skip(1).copied())
        .fold(f64::MIN_POSITIVE, f64::max);
    frame.x_axis("log2(p)", 13, |x| format!("{x:.0}"));
    let width = 1.0 / f64::from(histogram.bins_per_octave.max(1));
    for (index, layer) in shares.iter().enumerate() {
        let y = LAYERS_TOP + index as i32 * row;
        for (bin, share) in layer.iter().enumerate() {
            let low = histogram.lowest_log2 + bin as f64 * width;
            let (from, to) = (frame.x(low), frame.x(low + width));
            // Small shares shall be seen, too.
            let color = sequence((share / highest).sqrt());
            canvas.rectangle((from, y), (to, y + row - 1), color);
        }
    }
    layer_names(&frame, study, row);
    thresholds(&frame, histogram);
}

fn layer_names(frame: &Frame, study: &Study, row: i32) {
    let step = (17 / row) as usize + 1;
    for layer in (0..study.shape.layers).step_by(step) {
        let y = frame.from.1 + layer as i32 * row + row / 2;
        let name = (study.shape.first_layer + layer).to_string();
        let style = Lettering::new(size::TICK, Anchor::Right);
        frame.canvas.text(&name, (LEFT - 8, y), style);
    }
    let middle = (frame.from.1 + frame.to.1) / 2;
    let style = Lettering::new(size::LABEL, Anchor::Upright);
    frame.canvas.text("layer", (LEFT - 40, middle), style);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_counted_from_the_threshold_on() {
        // Bins of an octave from 2^-3: one value of about 2^-2.5, two of 2^-1.5, one of 2^-0.5.
        let histogram = Histogram {
            lowest_log2: -3.0,
            bins_per_octave: 1,
            zeros: 4,
            counts: vec![1, 2, 1],
            layers: vec![vec![1, 2, 1]],
            threshold_log2: vec![-2.0, -1.0],
        };
        let kept = kept(&histogram);
        assert_eq!(kept.values, 3.0 / 8.0);
        let weights = [
            (-2.5_f64).exp2(),
            2.0 * (-1.5_f64).exp2(),
            (-0.5_f64).exp2(),
        ];
        let expected = (weights[1] + weights[2]) / weights.iter().sum::<f64>();
        assert!((kept.probability - expected).abs() < 1e-12);
    }

    #[test]
    fn a_threshold_inside_a_bin_divides_it() {
        let histogram = Histogram {
            lowest_log2: -2.0,
            bins_per_octave: 1,
            counts: vec![8, 0],
            threshold_log2: vec![-1.25],
            ..Histogram::default()
        };
        assert_eq!(kept(&histogram).values, 0.25);
    }
}
