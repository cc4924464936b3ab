//! A chart's frame: axes with ticks, labels and units around a rectangle of data.

use super::canvas::{Anchor, Canvas, Lettering, Marker, Point};
use super::scale::Scale;
use super::theme::{FAINT, GRID, INK, size};
use plotters::style::RGBColor;

/// A rectangle of data in a canvas.
pub struct Frame<'a, 'b> {
    pub canvas: &'a Canvas<'b>,
    /// Upper left and lower right corner in pixels.
    pub from: Point,
    pub to: Point,
    pub x: Scale,
    pub y: Scale,
}

impl Frame<'_, '_> {
    /// The pixel of a number of the horizontal axis.
    pub fn x(&self, x: f64) -> i32 {
        let width = f64::from(self.to.0 - self.from.0);
        self.from.0 + (self.x.place(x).clamp(-0.02, 1.02) * width).round() as i32
    }

    /// The pixel of a number of the vertical axis.
    pub fn y(&self, y: f64) -> i32 {
        let height = f64::from(self.to.1 - self.from.1);
        self.to.1 - (self.y.place(y).clamp(-0.02, 1.02) * height).round() as i32
    }

    pub fn at(&self, x: f64, y: f64) -> Point {
        (self.x(x), self.y(y))
    }

    /// What the frame shows, above its upper left corner.
    pub fn heading(&self, text: &str) {
        let style = Lettering::new(size::LABEL, Anchor::Left).bold();
        self.canvas
            .text(text, (self.from.0, self.from.1 - 16), style);
    }

    /// The vertical axis: level grid lines with numbers on the left, and what they are.
    pub fn y_axis(&self, description: &str, most: usize, label: impl Fn(f64) -> String) {
        let style = Lettering::new(size::TICK, Anchor::Right);
        let mut widest = 0;
        for tick in self.y.ticks(most) {
            let (y, text) = (self.y(tick), label(tick));
            self.canvas
                .line(&[(self.from.0, y), (self.to.0, y)], GRID, 1);
            self.canvas.text(&text, (self.from.0 - 8, y), style);
            widest = widest.max(self.canvas.width(&text, size::TICK));
        }
        let middle = (self.from.1 + self.to.1) / 2;
        self.canvas.text(
            description,
            (self.from.0 - 16 - widest, middle),
            Lettering::new(size::LABEL, Anchor::Upright),
        );
    }

    /// The horizontal axis with ticks of its scale: upright grid lines, numbers below.
    pub fn x_axis(&self, description: &str, most: usize, label: impl Fn(f64) -> String) {
        for tick in self.x.ticks(most) {
            let x = self.x(tick);
            self.canvas
                .line(&[(x, self.from.1), (x, self.to.1)], GRID, 1);
            self.x_tick(x, &label(tick));
        }
        self.base();
        self.x_description(description);
    }

    /// The horizontal axis with a number below the middle of each of `count` columns, as many of
    /// them as there is room for.
    pub fn columns(&self, description: &str, count: usize, label: impl Fn(usize) -> String) {
        let widest = (0..count)
            .map(|column| self.canvas.width(&label(column), size::TICK))
            .max()
            .unwrap_or(0);
        let room = f64::from(self.to.0 - self.from.0) / count.max(1) as f64;
        let step = (f64::from(widest + 6) / room).ceil().max(1.0) as usize;
        for column in (0..count).step_by(step) {
            self.x_tick(self.x(column as f64), &label(column));
        }
        self.base();
        self.x_description(description);
    }

    fn x_tick(&self, x: i32, text: &str) {
        let style = Lettering::new(size::TICK, Anchor::Below);
        self.canvas.text(text, (x, self.to.1 + 8), style);
    }

    fn x_description(&self, description: &str) {
        let middle = (self.from.0 + self.to.0) / 2;
        let style = Lettering::new(size::LABEL, Anchor::Below);
        self.canvas
            .text(description, (middle, self.to.1 + 30), style);
    }

    /// The line that everything stands on.
    pub fn base(&self) {
        let line = [(self.from.0, self.to.1), self.to];
        self.canvas.line(&line, FAINT, 1);
    }

    /// A bar from the base up.
    pub fn bar(&self, (left, right): (f64, f64), height: f64, color: RGBColor) {
        self.segment((left, right), (self.y.low(), height), color);
    }

    /// A part of a bar.
    pub fn segment(&self, (left, right): (f64, f64), (low, high): (f64, f64), color: RGBColor) {
        let (from, to) = (self.at(left, high), self.at(right, low));
        if to.1 > from.1 {
            self.canvas
                .rectangle(from, (to.0.max(from.0 + 1), to.1), color);
        }
    }

    /// A curve with a marker at each of its points.
    pub fn curve(&self, points: &[(f64, f64)], shape: Marker, color: RGBColor) {
        let points: Vec<Point> = points.iter().map(|(x, y)| self.at(*x, *y)).collect();
        self.canvas.line(&points, color, 2);
        for point in points {
            self.canvas.marker(point, shape, color);
        }
    }

    /// An upright dashed line with a name at its upper end.
    pub fn upright(&self, x: f64, name: &str) {
        let x = self.x(x);
        self.canvas
            .dashes((x, self.from.1 - 4), (x, self.to.1), INK, 1);
        let half = self.canvas.width(name, size::SMALL) / 2;
        let middle = x.clamp(
            self.from.0 + half,
            (self.to.0 - half).max(self.from.0 + half),
        );
        let style = Lettering::new(size::SMALL, Anchor::Above);
        self.canvas.text(name, (middle, self.from.1 - 6), style);
    }
}

/// What stands before a name in a legend.
#[derive(Clone, Copy, Debug)]
pub enum Sign {
    /// A filled square.
    Fill(RGBColor),
    /// A line.
    Line(RGBColor),
    /// A marker.
    Marker(Marker, RGBColor),
    /// A line with a marker.
    Curve(Marker, RGBColor),
}

/// Names side by side, in further lines where one is full.
///
/// # Arguments
/// - `at`: where the first sign begins, and the height of its middle.
/// - `right`: no name goes beyond.
pub fn legend<S: AsRef<str>>(canvas: &Canvas, at: Point, right: i32, entries: &[(Sign, S)]) {
    let (mut x, mut y) = at;
    for (sign, name) in entries {
        let name = name.as_ref();
        let needed = 26 + canvas.width(name, size::LABEL);
        if x + needed > right && x > at.0 {
            (x, y) = (at.0, y + 22);
        }
        draw_sign(canvas, (x, y), *sign);
        let style = Lettering::new(size::LABEL, Anchor::Left);
        canvas.text(name, (x + 26, y), style);
        x += needed + 18;
    }
}

fn draw_sign(canvas: &Canvas, (x, y): Point, sign: Sign) {
    match sign {
        Sign::Fill(color) => canvas.rectangle((x + 3, y - 7), (x + 18, y + 7), color),
        Sign::Line(color) => canvas.line(&[(x, y), (x + 20, y)], color, 3),
        Sign::Marker(shape, color) => canvas.marker((x + 10, y), shape, color),
        Sign::Curve(shape, color) => {
            canvas.line(&[(x, y), (x + 20, y)], color, 2);
            canvas.marker((x + 10, y), shape, color);
        }
    }
}
