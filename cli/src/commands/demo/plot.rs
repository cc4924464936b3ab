//! The demonstration's picture: cycles by layer, pruned share by head.

use super::study::{Figures, Study};
use crate::error::Error;
use logattn_golden::Configuration;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Size of the SVG in pixels; the bitmap has [`BITMAP_SCALE`] times as many each way.
const SIZE: (u32, u32) = (1200, 560);
const BITMAP_SCALE: u32 = 2;

const UNIT: RGBColor = RGBColor(0, 114, 178);
const TWIN: RGBColor = RGBColor(190, 196, 204);
const BOUND: RGBColor = RGBColor(213, 94, 0);
const INK: RGBColor = RGBColor(33, 37, 41);
const FAINT: RGBColor = RGBColor(108, 117, 125);
const GRID: RGBColor = RGBColor(233, 236, 239);

/// Dark to light; equal steps of it look like equal steps of the number.
const SCALE: [RGBColor; 6] = [
    RGBColor(255, 250, 225),
    RGBColor(199, 233, 192),
    RGBColor(127, 205, 187),
    RGBColor(65, 182, 196),
    RGBColor(34, 115, 168),
    RGBColor(20, 45, 110),
];

type Area<B> = DrawingArea<B, Shift>;
type Chart<'a, B> = ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// Writes `demo.png` and `demo.svg` into a directory.
///
/// # Errors
/// They cannot be drawn or written.
pub fn write(c: &Configuration, study: &Study, directory: &Path) -> Result<(), Error> {
    for (style, font) in [
        (FontStyle::Normal, notosans::REGULAR_TTF),
        (FontStyle::Bold, notosans::BOLD_TTF),
    ] {
        // A font that does not load shows when text is drawn with it.
        let _ = register_font("sans-serif", style, font);
    }
    let svg = directory.join("demo.svg");
    let area = SVGBackend::new(&svg, SIZE).into_drawing_area();
    Picture { c, study, scale: 1 }
        .draw(&area)
        .map_err(|error| failed(&svg, &error))?;
    let png = directory.join("demo.png");
    let size = (SIZE.0 * BITMAP_SCALE, SIZE.1 * BITMAP_SCALE);
    let area = BitMapBackend::new(&png, size).into_drawing_area();
    Picture {
        c,
        study,
        scale: BITMAP_SCALE as i32,
    }
    .draw(&area)
    .map_err(|error| failed(&png, &error))
}

fn failed(path: &Path, error: &dyn std::error::Error) -> Error {
    Error::Plot {
        path: path.into(),
        reason: error.to_string(),
    }
}

/// The picture at a scale: all lengths below are for scale 1.
struct Picture<'a> {
    c: &'a Configuration,
    study: &'a Study,
    scale: i32,
}

impl Picture<'_> {
    fn px(&self, length: i32) -> i32 {
        length * self.scale
    }

    fn text(&self, size: i32, color: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
        let font = ("sans-serif", self.px(size)).into_font();
        TextStyle {
            color: color.to_backend_color(),
            ..TextStyle::from(font).pos(Pos::new(h, v))
        }
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        area.fill(&WHITE)?;
        let (head, body) = area.split_vertically(self.px(72));
        self.title(&head)?;
        let (left, right) = body.split_horizontally(self.px(590));
        self.bars(&left)?;
        self.heat_map(&right)?;
        area.present()
    }

    fn title<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let bold =
            TextStyle::from(("sans-serif", self.px(22), FontStyle::Bold).into_font()).color(&INK);
        let title = format!(
            "{}-bit attention on real rows: configuration {}",
            self.c.stored_code_bits(),
            self.c.name
        );
        area.draw_text(&title, &bold, (self.px(24), self.px(16)))?;
        let (study, total) = (self.study, &self.study.total);
        let line = format!(
            "logattn {}, demo capture: {} heads, {} keys a row; {:.1} % pruned, {:.1} times fewer cycles than the int8 twin, cycles / bound {:.3}",
            env!("CARGO_PKG_VERSION"),
            study.heads.len(),
            study.keys,
            100.0 * total.pruned_share(),
            total.twin_over_cycles(),
            total.over_bound()
        );
        area.draw_text(
            &line,
            &self.text(14, FAINT, HPos::Left, VPos::Top),
            (self.px(24), self.px(46)),
        )
    }

    /// Cycles a row by layer: the unit, its bound, the int8 twin.
    fn bars<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let layers = &self.study.layers;
        let cycles = |layer: &Figures| layer.per_row(layer.cycles.max(layer.int8_twin_cycles));
        let highest = layers.iter().map(cycles).fold(1.0, f64::max);
        let mut chart = ChartBuilder::on(area)
            .margin_left(self.px(20))
            .margin_right(self.px(16))
            .margin_top(self.px(40))
            .margin_bottom(self.px(16))
            .x_label_area_size(self.px(44))
            .y_label_area_size(self.px(56))
            .build_cartesian_2d(-0.5..layers.len() as f64 - 0.5, 0.0..highest * 1.12)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID.stroke_width(self.scale as u32))
            .light_line_style(TRANSPARENT)
            .axis_style(FAINT.stroke_width(self.scale as u32))
            .x_desc("layer")
            .y_desc("clock cycles a row (mean)")
            .x_labels(layers.len())
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| format!("{y:.0}"))
            .label_style(self.text(14, INK, HPos::Left, VPos::Top))
            .axis_desc_style(self.text(15, INK, HPos::Left, VPos::Top))
            .draw()?;
        for (index, layer) in layers.iter().enumerate() {
            self.layer_bars(&mut chart, index as f64, layer, highest * 0.012)?;
        }
        self.legend(area)
    }

    /// One layer's bars at `at`, with their numbers `lift` above them.
    fn layer_bars<B: DrawingBackend>(
        &self,
        chart: &mut Chart<B>,
        at: f64,
        layer: &Figures,
        lift: f64,
    ) -> Drawn<B> {
        let [own, bound, twin] = [layer.cycles, layer.bound_cycles, layer.int8_twin_cycles]
            .map(|all| layer.per_row(all));
        let bar = |from: f64, to: f64, height: f64, color: RGBColor| {
            Rectangle::new([(at + from, 0.0), (at + to, height)], color.filled())
        };
        chart.draw_series([bar(-0.36, -0.02, own, UNIT), bar(0.02, 0.36, twin, TWIN)])?;
        let line = [(at - 0.40, bound), (at + 0.01, bound)];
        chart.draw_series([PathElement::new(
            line,
            BOUND.stroke_width(self.px(2) as u32),
        )])?;
        let above = self.text(13, INK, HPos::Center, VPos::Bottom);
        chart.draw_series([
            Text::new(
                format!("{own:.1}"),
                (at - 0.19, own.max(bound) + lift),
                above.clone(),
            ),
            Text::new(format!("{twin:.0}"), (at + 0.19, twin + lift), above),
        ])?;
        Ok(())
    }

    fn legend<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let names = [
            (UNIT, "this unit", 78),
            (BOUND, "bound: beats in or keys to visit", 172),
            (TWIN, "int8 twin: nothing pruned", 412),
        ];
        for (color, name, x) in names {
            let (x, y) = (self.px(x), self.px(18));
            let half = if color == BOUND {
                self.px(1)
            } else {
                self.px(6)
            };
            area.draw(&Rectangle::new(
                [(x, y - half), (x + self.px(18), y + half)],
                color.filled(),
            ))?;
            area.draw_text(
                name,
                &self.text(14, INK, HPos::Left, VPos::Center),
                (x + self.px(24), y),
            )?;
        }
        Ok(())
    }

    /// The pruned share of every head.
    fn heat_map<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let (columns, rows) = (
            self.study.heads_per_layer as i32,
            self.study.layers.len() as i32,
        );
        let grid = Grid {
            left: self.px(64),
            top: self.px(40),
            width: self.px(430) / columns.max(1),
            height: self.px(388) / rows.max(1),
            columns,
            rows,
        };
        let heading = self.text(14, INK, HPos::Left, VPos::Center);
        area.draw_text(
            "share of keys pruned by head, %",
            &heading,
            (grid.left, self.px(18)),
        )?;
        let shares: Vec<f64> = self
            .study
            .heads
            .iter()
            .map(|head| 100.0 * head.pruned_share())
            .collect();
        let range = Range::of(&shares);
        for (index, share) in shares.iter().enumerate() {
            let (row, column) = (index as i32 / columns, index as i32 % columns);
            let (from, to) = (grid.corner(column, row), grid.corner(column + 1, row + 1));
            let place = range.place(*share);
            let cell = [from, (to.0 - self.scale, to.1 - self.scale)];
            area.draw(&Rectangle::new(cell, color(place).filled()))?;
            let ink = if place > 0.55 { WHITE } else { INK };
            let style = self.text(14, ink, HPos::Center, VPos::Center);
            let middle = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
            area.draw_text(&format!("{share:.0}"), &style, middle)?;
        }
        self.grid_labels(area, &grid)?;
        let (right, bottom) = grid.corner(columns, rows);
        self.color_bar(
            area,
            (right + self.px(20), grid.top),
            bottom - grid.top,
            &range,
        )
    }

    fn grid_labels<B: DrawingBackend>(&self, area: &Area<B>, grid: &Grid) -> Drawn<B> {
        let (right, bottom) = grid.corner(grid.columns, grid.rows);
        let style = self.text(14, INK, HPos::Right, VPos::Center);
        for row in 0..grid.rows {
            let middle = grid.corner(0, row).1 + grid.height / 2;
            area.draw_text(&row.to_string(), &style, (grid.left - self.px(8), middle))?;
        }
        let style = self.text(14, INK, HPos::Center, VPos::Top);
        for column in 0..grid.columns {
            let middle = grid.corner(column, 0).0 + grid.width / 2;
            area.draw_text(&column.to_string(), &style, (middle, bottom + self.px(6)))?;
        }
        let style = self.text(15, INK, HPos::Center, VPos::Top);
        area.draw_text(
            "head",
            &style,
            ((grid.left + right) / 2, bottom + self.px(26)),
        )?;
        let upright = self
            .text(15, INK, HPos::Center, VPos::Bottom)
            .transform(FontTransform::Rotate270);
        area.draw_text(
            "layer",
            &upright,
            (grid.left - self.px(34), (grid.top + bottom) / 2),
        )
    }

    fn color_bar<B: DrawingBackend>(
        &self,
        area: &Area<B>,
        (x, top): (i32, i32),
        height: i32,
        range: &Range,
    ) -> Drawn<B> {
        for y in 0..height {
            let place = 1.0 - f64::from(y) / f64::from(height);
            // Down to the end, so that no seam shows between neighbors.
            let rest = [(x, top + y), (x + self.px(14), top + height)];
            area.draw(&Rectangle::new(rest, color(place).filled()))?;
        }
        for step in 0..=4 {
            let place = f64::from(step) / 4.0;
            let y = top + height - (place * f64::from(height)) as i32;
            let style = self.text(13, INK, HPos::Left, VPos::Center);
            area.draw_text(
                &format!("{:.0}", range.at(place)),
                &style,
                (x + self.px(20), y),
            )?;
        }
        Ok(())
    }
}

/// Cells of equal size, in pixels.
struct Grid {
    left: i32,
    top: i32,
    width: i32,
    height: i32,
    columns: i32,
    rows: i32,
}

impl Grid {
    /// The upper left corner of a cell.
    fn corner(&self, column: i32, row: i32) -> (i32, i32) {
        (
            self.left + column * self.width,
            self.top + row * self.height,
        )
    }
}

/// The numbers that a scale of colors spans.
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// From the least number down to a multiple of 10, up to 100.
    fn of(percents: &[f64]) -> Self {
        let least = percents.iter().copied().fold(90.0, f64::min);
        Range {
            low: (least / 10.0).floor() * 10.0,
            high: 100.0,
        }
    }

    fn place(&self, percent: f64) -> f64 {
        ((percent - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn at(&self, place: f64) -> f64 {
        self.low + place * (self.high - self.low)
    }
}

/// The color at a place of 0..=1 of the scale, mixed from its neighbors.
fn color(place: f64) -> RGBColor {
    let position = place.clamp(0.0, 1.0) * (SCALE.len() - 1) as f64;
    let index = (position as usize).min(SCALE.len() - 2);
    let (from, to, share) = (SCALE[index], SCALE[index + 1], position - index as f64);
    let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_where_it_should() {
        let range = Range::of(&[83.0, 99.5]);
        assert_eq!((range.low, range.place(100.0)), (80.0, 1.0));
        assert_eq!(color(0.0), SCALE[0]);
        assert_eq!(color(1.0), SCALE[5]);
    }
}
