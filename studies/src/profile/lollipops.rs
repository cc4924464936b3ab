//! Numbers of very different size in groups, each as a line to a marker on a logarithmic axis.

use super::canvas::{Anchor, Canvas, Lettering, Marker};
use super::frame::Frame;
use super::scale::Scale;
use super::theme::{FAINT, GRID, PAPER, size};
use plotters::style::RGBColor;

/// A number, or a range of them, with its name.
#[derive(Clone, Debug)]
pub struct Line {
    pub name: String,
    /// The number, or the low end of the range.
    pub low: f64,
    /// The high end.
    pub high: f64,
    /// Stressed: the sum of the others.
    pub sum: bool,
    pub look: (Marker, RGBColor),
}

impl Line {
    pub fn new(name: impl Into<String>, number: f64, look: (Marker, RGBColor)) -> Self {
        Line {
            name: name.into(),
            low: number,
            high: number,
            sum: false,
            look,
        }
    }

    /// A range up to this number.
    pub fn to(self, high: f64) -> Self {
        Line { high, ..self }
    }

    /// The sum of the others.
    pub fn sum(self) -> Self {
        Line { sum: true, ..self }
    }
}

/// Lines that belong together.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub lines: Vec<Line>,
}

/// A chart of groups.
pub struct Lollipops<'a> {
    pub groups: &'a [Group],
    /// What the axis shows, with the unit.
    pub description: &'a str,
    /// Numbers with their unit.
    pub label: fn(f64) -> String,
}

const LINE: i32 = 21;
const GAP: i32 = 12;
/// Where names of lines end and the axis begins.
const LEFT: i32 = 300;
const RIGHT: i32 = 850;
/// Pixels for axis and description.
const AXIS: i32 = 62;

impl Lollipops<'_> {
    /// Pixels from top to bottom.
    pub fn height(&self) -> i32 {
        let lines: usize = self.groups.iter().map(|group| group.lines.len()).sum();
        lines as i32 * LINE + self.groups.len() as i32 * GAP + AXIS
    }

    /// Draws the chart from a height on.
    pub fn draw(&self, canvas: &Canvas, top: i32) {
        let lines = self.groups.iter().flat_map(|group| &group.lines);
        let frame = Frame {
            canvas,
            from: (LEFT, top),
            to: (RIGHT, top + self.height() - AXIS),
            x: Scale::decades(lines.flat_map(|line| [line.low, line.high])),
            y: Scale::linear(0.0, 1.0),
        };
        frame.x_axis(self.description, 6, self.label);
        let mut y = top + (GAP + LINE) / 2;
        for (index, group) in self.groups.iter().enumerate() {
            if index > 0 {
                let rule = y - (GAP + LINE) / 2;
                canvas.line(&[(20, rule), (RIGHT, rule)], GRID, 1);
            }
            let bold = Lettering::new(size::LABEL, Anchor::Left).bold();
            canvas.text(&group.name, (20, y), bold);
            for line in &group.lines {
                self.line(&frame, line, y);
                y += LINE;
            }
            y += GAP;
        }
    }

    fn line(&self, frame: &Frame, line: &Line, y: i32) {
        let canvas = frame.canvas;
        let mut name = Lettering::new(size::TICK, Anchor::Right);
        let mut number = Lettering::new(size::TICK, Anchor::Left);
        if line.sum {
            (name, number) = (name.bold(), number.bold());
        }
        canvas.text(&line.name, (LEFT - 10, y), name);
        if line.high <= 0.0 {
            canvas.text("none", (LEFT + 8, y), number.color(FAINT));
            return;
        }
        let (low, high) = (frame.x(line.low.max(f64::MIN_POSITIVE)), frame.x(line.high));
        let width = if line.sum { 4 } else { 2 };
        let (marker, color) = line.look;
        if line.low < line.high {
            // A range has no beginning at the axis.
            canvas.line(&[(low, y), (high, y)], color, width);
            canvas.marker((low, y), marker, color);
        } else {
            canvas.line(&[(LEFT, y), (high, y)], color, width);
        }
        canvas.marker((high, y), marker, color);
        let text = if line.low < line.high {
            format!("{} to {}", (self.label)(line.low), (self.label)(line.high))
        } else {
            (self.label)(line.high)
        };
        // The grid stays behind the number.
        let (left, right) = (high + 10, high + 10 + canvas.width(&text, size::TICK));
        canvas.rectangle((left, y - 8), (right, y + 9), PAPER);
        canvas.text(&text, (left + 2, y), number);
    }
}
