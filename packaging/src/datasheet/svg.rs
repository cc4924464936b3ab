//! A drawing in SVG: few shapes, no styles from outside and no identifiers, so that several of them
//! can stand in one page.

use std::fmt::Write;

/// Font of all drawings.
const FONT: &str = "DejaVu Sans, Verdana, Helvetica, sans-serif";

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// A drawing that grows.
pub(super) struct Svg {
    width: f64,
    height: f64,
    title: String,
    body: String,
}

/// `text` with the characters that mean something to XML written out.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

impl Svg {
    /// An empty drawing on white, so that it can be read in a dark viewer too.
    pub fn new(width: f64, height: f64, title: &str) -> Self {
        Svg {
            width,
            height,
            title: escaped(title),
            body: String::new(),
        }
    }

    fn line(&mut self, element: std::fmt::Arguments) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{element}");
    }

    /// A rectangle; `dashed` for what only holds others.
    pub fn rectangle(&mut self, at: (f64, f64), size: (f64, f64), fill: &str, dashed: bool) {
        let dash = if dashed {
            " stroke-dasharray=\"6 4\""
        } else {
            ""
        };
        self.line(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\" fill=\"{fill}\" stroke=\"#334\" stroke-width=\"1.2\"{dash}/>",
            tenths(at.0),
            tenths(at.1),
            tenths(size.0),
            tenths(size.1)
        ));
    }

    /// A text of `size` pixels.
    pub fn text(&mut self, at: (f64, f64), size: f64, anchor: Anchor, text: &str) {
        self.line(format_args!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{size}\" text-anchor=\"{}\">{}</text>",
            tenths(at.0),
            tenths(at.1),
            anchor.name(),
            escaped(text)
        ));
    }

    /// The same in bold.
    pub fn bold(&mut self, at: (f64, f64), size: f64, anchor: Anchor, text: &str) {
        self.line(format_args!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{size}\" font-weight=\"bold\" text-anchor=\"{}\">{}</text>",
            tenths(at.0),
            tenths(at.1),
            anchor.name(),
            escaped(text)
        ));
    }

    /// A line through all points.
    pub fn path(&mut self, points: &[(f64, f64)], color: &str, width: f64) {
        let points = joined(points);
        self.line(format_args!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\"/>"
        ));
    }

    /// A filled shape.
    pub fn shape(&mut self, points: &[(f64, f64)], fill: &str, stroke: &str) {
        let points = joined(points);
        self.line(format_args!(
            "<polygon points=\"{points}\" fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"1\"/>"
        ));
    }

    /// A line with a head at its last point, whose last part is horizontal or vertical.
    pub fn arrow(&mut self, points: &[(f64, f64)]) {
        let [.., before, end] = points else {
            return;
        };
        let (dx, dy) = (end.0 - before.0, end.1 - before.1);
        let length = dx.hypot(dy).max(1.0);
        let (ux, uy) = (dx / length, dy / length);
        let back = (end.0 - 8.0 * ux, end.1 - 8.0 * uy);
        let mut shaft = points.to_vec();
        if let Some(last) = shaft.last_mut() {
            *last = back;
        }
        self.path(&shaft, "#334", 1.4);
        let side = |sign: f64| (back.0 - sign * 3.5 * uy, back.1 + sign * 3.5 * ux);
        self.shape(&[*end, side(1.0), side(-1.0)], "#334", "#334");
    }

    /// The drawing as a file.
    pub fn finish(self) -> String {
        let Svg {
            width,
            height,
            title,
            body,
        } = self;
        let (width, height) = (tenths(width), tenths(height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-family=\"{FONT}\" fill=\"#112\" role=\"img\">\n<title>{title}</title>\n<rect x=\"0\" y=\"0\" width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{body}</svg>\n"
        )
    }
}

/// To a tenth of a pixel.
fn tenths(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

fn joined(points: &[(f64, f64)]) -> String {
    let points = points.iter();
    let points: Vec<String> = points
        .map(|(x, y)| format!("{},{}", tenths(*x), tenths(*y)))
        .collect();
    points.join(" ")
}
