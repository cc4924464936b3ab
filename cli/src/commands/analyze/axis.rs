//! Axes of the plots.

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

/// Most ticks of an axis.
const TICKS: f64 = 9.0;

/// An axis. Its units are what is drawn: the logarithm of a value where it is logarithmic.
pub struct Axis {
    /// What it shows, with the unit.
    pub label: String,
    /// From where to where.
    pub range: Range<f64>,
    /// Where it has ticks.
    pub ticks: Vec<f64>,
    /// The text of a tick.
    pub format: fn(f64) -> String,
    /// A value's place.
    pub place: fn(f64) -> f64,
}

impl Axis {
    /// Logarithmic, with ticks at powers of two.
    pub fn octaves(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = ends(values.map(f64::log2));
        let step = ((high - low) / TICKS).log2().ceil().exp2().max(1.0);
        let room = if high > low { 0.02 * (high - low) } else { 0.5 };
        Axis {
            label: label.into(),
            range: low - room..high + room,
            ticks: multiples(step, low - room, high + room),
            format: |octave| format!("2^{octave:.0}"),
            place: f64::log2,
        }
    }

    /// Logarithmic, of shares, with ticks at powers of ten.
    pub fn share_decades(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = ends(values.map(f64::log10));
        let (low, high) = (low.floor(), high.ceil().max(low.floor() + 1.0));
        Axis {
            label: label.into(),
            range: low..high,
            ticks: multiples(1.0, low, high),
            format: |decade| format!("{} %", 10_f64.powi(2 + decade as i32)),
            place: f64::log10,
        }
    }

    /// Shares from 0 to 1, in percent.
    pub fn shares(label: &str) -> Self {
        Axis {
            label: label.into(),
            range: 0.0..1.0,
            ticks: (0..=5).map(|i| f64::from(i) / 5.0).collect(),
            format: |share| format!("{:.0} %", 100.0 * share),
            place: |share| share,
        }
    }

    /// Whole numbers.
    pub fn integers(label: &str, low: u32, high: u32) -> Self {
        Axis {
            label: label.into(),
            range: f64::from(low) - 0.4..f64::from(high) + 0.4,
            ticks: (low..=high).map(f64::from).collect(),
            format: |number| format!("{number:.0}"),
            place: |number| number,
        }
    }

    /// Numbers around these values.
    pub fn numbers(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = ends(values);
        let room = match high > low {
            true => 0.06 * (high - low),
            false => (0.1 * high.abs()).max(0.1),
        };
        let (low, high) = (low - room, high + room);
        let step = nice((high - low) / TICKS);
        Axis {
            label: label.into(),
            range: low..high,
            ticks: multiples(step, low, high),
            format: match step {
                step if step >= 1.0 => |number| format!("{:.0}", number + 0.0),
                step if step >= 0.1 => |number| format!("{:.1}", number + 0.0),
                _ => |number| format!("{:.3}", number + 0.0),
            },
            place: |number| number,
        }
    }

    /// Numbers above 0, logarithmic, with ticks at 1, 2 and 5 times powers of ten.
    pub fn decades(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = ends(values.map(f64::log10));
        let room = 0.04 * (high - low).max(1.0);
        let (low, high) = (low - room, high + room);
        let decades = low.floor() as i32..=high.ceil() as i32;
        let ticks = decades.flat_map(|d| [1.0, 2.0, 5.0].map(|n: f64| f64::from(d) + n.log10()));
        Axis {
            label: label.into(),
            range: low..high,
            ticks: ticks.filter(|tick| (low..=high).contains(tick)).collect(),
            format: |decade| format!("{:.3}", 10_f64.powf(decade)).replace(".000", ""),
            place: f64::log10,
        }
    }
}

/// An axis as the drawing library wants it, with ticks where the axis has them.
pub struct Scale {
    range: Range<f64>,
    ticks: Vec<f64>,
}

impl From<&Axis> for Scale {
    fn from(axis: &Axis) -> Self {
        Scale {
            range: axis.range.clone(),
            ticks: axis.ticks.clone(),
        }
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let part = (value - self.range.start) / (self.range.end - self.range.start);
        from + (part * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight().allow_light_points() {
            true => Vec::new(),
            false => self.ticks.clone(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// Least and largest of the finite values; 0 and 1 of none.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    match finite.is_empty() {
        true => (0.0, 1.0),
        false => (
            finite.iter().copied().fold(f64::INFINITY, f64::min),
            finite.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ),
    }
}

/// The multiples of a step from one value to another.
fn multiples(step: f64, low: f64, high: f64) -> Vec<f64> {
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|number| number as f64 * step).collect()
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn nice(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * power >= step);
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|tick| (axis.format)(*tick)).collect()
    }

    #[test]
    fn ticks_can_be_read() {
        let octaves = Axis::octaves("", [2_f64.powi(-24), 1.0].into_iter());
        assert_eq!(texts(&octaves)[0], "2^-24");
        assert_eq!(texts(&octaves).len(), 7);
        let shares = Axis::share_decades("", [0.002, 0.3].into_iter());
        assert_eq!(texts(&shares), ["0.1 %", "1 %", "10 %", "100 %"]);
        let numbers = Axis::numbers("", [40.0, 90.0, f64::NAN].into_iter());
        assert_eq!(texts(&numbers), ["40", "50", "60", "70", "80", "90"]);
        let decades = Axis::decades("", [15.0, 600.0].into_iter());
        assert_eq!(texts(&decades), ["20", "50", "100", "200", "500"]);
    }

    #[test]
    fn a_single_value_or_none_has_an_axis() {
        for values in [vec![], vec![0.25]] {
            let iter = || values.iter().copied();
            for axis in [Axis::numbers("", iter()), Axis::octaves("", iter())] {
                assert!(axis.range.end > axis.range.start);
                assert!(!axis.ticks.is_empty());
            }
        }
    }
}
