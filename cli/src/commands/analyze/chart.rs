//! Figures of curves, with a legend on the right, as SVG and PNG.

use super::axis::{Axis, Scale};
use crate::error::Error;
use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Sizes in pixels; the bitmap has [`BITMAP_SCALE`] times as many each way.
const WIDTH: i32 = 1040;
const LEGEND_WIDTH: i32 = 230;
const TITLE_HEIGHT: i32 = 76;
const BITMAP_SCALE: i32 = 2;
/// Height of a line of the legend.
const LINE: i32 = 20;

/// Black on white.
pub const INK: RGBColor = RGBColor(33, 37, 41);
const FAINT: RGBColor = RGBColor(108, 117, 125);
const GRID: RGBColor = RGBColor(233, 236, 239);

type Area<B> = DrawingArea<B, Shift>;
type Chart<'a, B> = ChartContext<'a, B, Cartesian2d<Scale, Scale>>;
type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// A line.
    Line,
    /// A thin, pale line.
    Thin,
    /// A dashed line.
    Dashed,
    /// A line with a dot at each point.
    Dotted,
}

/// Points that belong together; a point that is not finite interrupts the line.
pub struct Curve {
    /// Values on both axes.
    pub points: Vec<(f64, f64)>,
    /// Its color.
    pub color: RGBColor,
    /// How it is drawn.
    pub stroke: Stroke,
}

/// Curves over two axes.
pub struct Panel {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The curves; the last one is in front.
    pub curves: Vec<Curve>,
    /// What is behind the curves: values on the horizontal axis with both ends of an interval.
    pub band: Vec<(f64, [f64; 2])>,
}

/// A line of the legend.
pub struct Entry {
    /// What the curve is.
    pub text: String,
    /// Its color.
    pub color: RGBColor,
    /// How it is drawn.
    pub stroke: Stroke,
}

/// Panels above each other.
pub struct Figure {
    /// In the first line.
    pub title: String,
    /// In the second line.
    pub subtitle: String,
    /// The panels.
    pub panels: Vec<Panel>,
    /// The legend.
    pub legend: Vec<Entry>,
}

impl Figure {
    fn size(&self) -> (i32, i32) {
        let panel = if self.panels.len() > 1 { 380 } else { 500 };
        (WIDTH, TITLE_HEIGHT + self.panels.len() as i32 * panel)
    }

    /// The figure as SVG.
    ///
    /// # Errors
    /// The drawing library fails.
    pub fn svg(&self, name: &str) -> Result<String, Error> {
        register_fonts();
        let (width, height) = self.size();
        let mut svg = String::new();
        {
            let size = (width as u32, height as u32);
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            let drawn = Drawing { scale: 1 }.figure(&area, self);
            drawn.map_err(|error| failed(Path::new(name), &error))?;
        }
        Ok(svg)
    }

    /// Writes the figure as PNG.
    ///
    /// # Errors
    /// The drawing library fails, or the file cannot be written.
    pub fn write_png(&self, path: &Path) -> Result<(), Error> {
        register_fonts();
        let scaled = |length: i32| (length * BITMAP_SCALE) as u32;
        let (width, height) = self.size();
        let size = (scaled(width), scaled(height));
        let area = BitMapBackend::new(path, size).into_drawing_area();
        let scale = BITMAP_SCALE;
        let drawn = Drawing { scale }.figure(&area, self);
        drawn.map_err(|error| failed(path, &error))
    }
}

fn register_fonts() {
    for (style, font) in [
        (FontStyle::Normal, notosans::REGULAR_TTF),
        (FontStyle::Bold, notosans::BOLD_TTF),
    ] {
        // A font that does not load shows when text is drawn with it.
        let _ = register_font("sans-serif", style, font);
    }
}

fn failed(path: &Path, error: &dyn std::error::Error) -> Error {
    Error::Plot {
        path: path.into(),
        reason: error.to_string(),
    }
}

/// Draws at a scale: all lengths are for scale 1.
struct Drawing {
    scale: i32,
}

impl Drawing {
    fn px(&self, length: i32) -> i32 {
        length * self.scale
    }

    fn text(&self, size: i32, color: RGBColor) -> TextStyle<'static> {
        TextStyle {
            color: color.to_backend_color(),
            ..TextStyle::from(("sans-serif", self.px(size)).into_font())
        }
    }

    fn style(&self, color: RGBColor, stroke: Stroke) -> ShapeStyle {
        let (width, opacity) = match stroke {
            Stroke::Thin => (1, 0.3),
            Stroke::Dashed => (1, 1.0),
            Stroke::Line | Stroke::Dotted => (2, 1.0),
        };
        let color = color.mix(opacity);
        color.stroke_width(self.px(width) as u32)
    }

    fn figure<B: DrawingBackend>(&self, area: &Area<B>, figure: &Figure) -> Drawn<B> {
        area.fill(&WHITE)?;
        let (head, body) = area.split_vertically(self.px(TITLE_HEIGHT));
        let font = ("sans-serif", self.px(20), FontStyle::Bold).into_font();
        let bold = TextStyle::from(font).color(&INK);
        head.draw_text(&figure.title, &bold, (self.px(24), self.px(14)))?;
        let at = (self.px(24), self.px(44));
        head.draw_text(&figure.subtitle, &self.text(14, FAINT), at)?;
        let (left, right) = body.split_horizontally(self.px(WIDTH - LEGEND_WIDTH));
        for (area, panel) in left
            .split_evenly((figure.panels.len().max(1), 1))
            .iter()
            .zip(&figure.panels)
        {
            self.panel(area, panel)?;
        }
        self.legend(&right, &figure.legend)?;
        area.present()
    }

    fn panel<B: DrawingBackend>(&self, area: &Area<B>, panel: &Panel) -> Drawn<B> {
        let (x, y) = (&panel.x, &panel.y);
        let mut chart = ChartBuilder::on(area)
            .margin(self.px(14))
            .x_label_area_size(self.px(52))
            .y_label_area_size(self.px(86))
            .build_cartesian_2d(Scale::from(x), Scale::from(y))?;
        chart
            .configure_mesh()
            .x_desc(&x.label)
            .y_desc(&y.label)
            .axis_desc_style(self.text(15, INK))
            .label_style(self.text(13, FAINT))
            .x_label_formatter(&|place| (x.format)(*place))
            .y_label_formatter(&|place| (y.format)(*place))
            .light_line_style(WHITE)
            .bold_line_style(GRID.stroke_width(self.px(1) as u32))
            .axis_style(FAINT)
            .draw()?;
        let place = |(a, b): (f64, f64)| ((x.place)(a), (y.place)(b));
        let ends = |end: usize| panel.band.iter().map(move |(a, ends)| (*a, ends[end]));
        let band = ends(0).chain(ends(1).rev()).map(place);
        let band: Vec<(f64, f64)> = band.collect();
        chart.draw_series((band.len() > 2).then(|| Polygon::new(band, INK.mix(0.1))))?;
        for curve in &panel.curves {
            let points: Vec<(f64, f64)> = curve.points.iter().copied().map(place).collect();
            for line in points.split(|(x, y)| !(x.is_finite() && y.is_finite())) {
                self.line(&mut chart, curve, line)?;
            }
        }
        Ok(())
    }

    /// A part of a curve without gaps, by its places on the axes.
    fn line<B: DrawingBackend>(
        &self,
        chart: &mut Chart<B>,
        curve: &Curve,
        places: &[(f64, f64)],
    ) -> Drawn<B> {
        let style = self.style(curve.color, curve.stroke);
        let line = places.iter().copied();
        if curve.stroke == Stroke::Dashed {
            let dash = self.px(6);
            chart.draw_series(DashedLineSeries::new(line, dash, dash, style))?;
            return Ok(());
        }
        chart.draw_series(LineSeries::new(line.clone(), style))?;
        if curve.stroke == Stroke::Dotted {
            let dot = |at| Circle::new(at, self.px(3), curve.color.filled());
            chart.draw_series(line.map(dot))?;
        }
        Ok(())
    }

    fn legend<B: DrawingBackend>(&self, area: &Area<B>, legend: &[Entry]) -> Drawn<B> {
        for (index, entry) in legend.iter().enumerate() {
            let y = self.px(24 + index as i32 * LINE);
            let style = self.style(entry.color, entry.stroke);
            let segment = |from: i32, to: i32| {
                PathElement::new(vec![(self.px(from), y), (self.px(to), y)], style)
            };
            match entry.stroke {
                Stroke::Dashed => {
                    for from in [4, 16] {
                        area.draw(&segment(from, from + 8))?;
                    }
                }
                _ => area.draw(&segment(4, 28))?,
            }
            if entry.stroke == Stroke::Dotted {
                let dot = Circle::new((self.px(16), y), self.px(3), entry.color.filled());
                area.draw(&dot)?;
            }
            let text = self.text(14, INK).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw_text(&entry.text, &text, (self.px(38), y))?;
        }
        Ok(())
    }
}
