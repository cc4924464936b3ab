//! Shapes and text in pixels of an SVG.

use super::theme::{INK, PAPER, size};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::cell::RefCell;
use std::sync::Once;

/// A place in pixels from the upper left corner.
pub type Point = (i32, i32);

/// Where a text stands by its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The text begins there, its middle at that height.
    Left,
    /// The text ends there, its middle at that height.
    Right,
    /// The middle of the text.
    Center,
    /// The text is above the point, centered.
    Above,
    /// The text is below the point, centered.
    Below,
    /// Centered, turned by 90 degrees to read upwards; the point is its right side.
    Upright,
}

/// Looks of a text.
#[derive(Clone, Copy, Debug)]
pub struct Lettering {
    pub size: u32,
    pub color: RGBColor,
    pub anchor: Anchor,
    pub bold: bool,
}

impl Lettering {
    /// Plain text in [`INK`].
    pub fn new(size: u32, anchor: Anchor) -> Self {
        Lettering {
            size,
            color: INK,
            anchor,
            bold: false,
        }
    }

    pub fn color(self, color: RGBColor) -> Self {
        Lettering { color, ..self }
    }

    pub fn bold(self) -> Self {
        Lettering { bold: true, ..self }
    }
}

/// Shapes of the points of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    Circle,
    Square,
    Diamond,
    Triangle,
}

/// A drawing in the making. The first fault is kept and told at the end.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    fault: RefCell<Option<String>>,
}

impl Canvas<'_> {
    /// Draws a picture of this size with a title.
    ///
    /// # Returns
    /// The SVG, or what the drawing library says.
    pub fn draw(
        (width, height): (u32, u32),
        title: &str,
        picture: impl FnOnce(&Canvas),
    ) -> Result<String, String> {
        load_fonts();
        let mut svg = String::new();
        let fault = {
            let canvas = Canvas {
                area: SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area(),
                fault: RefCell::new(None),
            };
            canvas.keep(canvas.area.fill(&PAPER));
            let heading = Lettering::new(size::TITLE, Anchor::Left).bold();
            canvas.text(title, (MARGIN, 22), heading);
            picture(&canvas);
            canvas.keep(canvas.area.present());
            canvas.fault.take()
        };
        match fault {
            Some(reason) => Err(reason),
            None => Ok(labelled(&svg, title)),
        }
    }

    fn keep<E: std::fmt::Display>(&self, result: Result<(), E>) {
        if let Err(error) = result {
            self.fault
                .borrow_mut()
                .get_or_insert_with(|| error.to_string());
        }
    }

    /// A filled rectangle, `to` not included.
    pub fn rectangle(&self, from: Point, to: Point, color: RGBColor) {
        self.keep(self.area.draw(&Rectangle::new([from, to], color.filled())));
    }

    pub fn line(&self, points: &[Point], color: RGBColor, width: u32) {
        let path = PathElement::new(points.to_vec(), color.stroke_width(width));
        self.keep(self.area.draw(&path));
    }

    /// A straight line of dashes, level or upright.
    pub fn dashes(&self, from: Point, to: Point, color: RGBColor, width: u32) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.abs().max(dy.abs()).max(1);
        let at = |way: i32| (from.0 + dx * way / length, from.1 + dy * way / length);
        for start in (0..length).step_by(8) {
            self.line(&[at(start), at((start + 5).min(length))], color, width);
        }
    }

    pub fn marker(&self, at: Point, shape: Marker, color: RGBColor) {
        self.large_marker(at, shape, color, 0);
    }

    /// A marker with so many pixels more on every side.
    pub fn large_marker(&self, (x, y): Point, shape: Marker, color: RGBColor, more: i32) {
        let polygon = |points: Vec<Point>| self.keep(self.area.draw(&Polygon::new(points, color)));
        let (half, tip) = (4 + more, 6 + more);
        match shape {
            Marker::Circle => {
                self.keep(
                    self.area
                        .draw(&Circle::new((x, y), half + 1, color.filled())),
                );
            }
            Marker::Square => {
                self.rectangle((x - half, y - half), (x + half + 1, y + half + 1), color);
            }
            Marker::Diamond => {
                polygon(vec![(x - tip, y), (x, y - tip), (x + tip, y), (x, y + tip)]);
            }
            Marker::Triangle => {
                polygon(vec![(x - tip, y + half), (x, y - tip), (x + tip, y + half)]);
            }
        }
    }

    pub fn text(&self, text: &str, at: Point, lettering: Lettering) {
        let style = if lettering.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        let font = ("sans-serif", lettering.size as i32, style).into_font();
        let (h, v) = match lettering.anchor {
            Anchor::Left => (HPos::Left, VPos::Center),
            Anchor::Right => (HPos::Right, VPos::Center),
            Anchor::Center => (HPos::Center, VPos::Center),
            Anchor::Above | Anchor::Upright => (HPos::Center, VPos::Bottom),
            Anchor::Below => (HPos::Center, VPos::Top),
        };
        let mut style = TextStyle::from(font)
            .color(&lettering.color)
            .pos(Pos::new(h, v));
        if lettering.anchor == Anchor::Upright {
            style = style.transform(FontTransform::Rotate270);
        }
        self.keep(self.area.draw_text(text, &style, at));
    }

    /// Pixels that a text takes in a wide font, since a picture is shown in the reader's: a fifth
    /// more than in the font that comes with the program.
    pub fn width(&self, text: &str, size: u32) -> i32 {
        let style = TextStyle::from(("sans-serif", size as i32).into_font());
        match self.area.estimate_text_size(text, &style) {
            Ok((width, _)) => width as i32 * 6 / 5,
            Err(_) => (text.chars().count() as u32 * size * 7 / 10) as i32,
        }
    }
}

/// Pixels around everything.
pub const MARGIN: i32 = 20;

/// The font comes with the program, so that none need be installed.
fn load_fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (style, font) in [
            (FontStyle::Normal, notosans::REGULAR_TTF),
            (FontStyle::Bold, notosans::BOLD_TTF),
        ] {
            // A font that does not load shows when text is measured with it.
            let _ = register_font("sans-serif", style, font);
        }
    });
}

/// The drawing with a name for those who have it read to them.
fn labelled(svg: &str, title: &str) -> String {
    let label = super::escape(title);
    svg.replacen(
        "<svg ",
        &format!("<svg role=\"img\" aria-label=\"{label}\" "),
        1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_whole_and_named() {
        let svg = Canvas::draw((200, 100), "a < b", |canvas| {
            canvas.rectangle((10, 40), (50, 90), INK);
            canvas.dashes((10, 50), (10, 90), INK, 1);
            canvas.marker((60, 60), Marker::Diamond, INK);
        })
        .unwrap();
        assert!(svg.starts_with("<svg role=\"img\" aria-label=\"a &lt; b\" width=\"200\""));
        assert!(svg.trim_end().ends_with("</svg>"));
        // Dashes of 5 pixels every 8: 5 over 40 pixels.
        assert_eq!(
            svg.matches("<line").count() + svg.matches("<polyline").count(),
            5
        );
        assert_eq!(svg.matches("<polygon").count(), 1);
    }

    #[test]
    fn longer_text_is_wider() {
        Canvas::draw((10, 10), "", |canvas| {
            assert!(canvas.width("wide text", 14) > canvas.width("text", 14));
        })
        .unwrap();
    }
}
