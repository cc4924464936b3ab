//! The Pareto plot.

use super::SweepError;
use super::report::Finished;
use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::register_font;
use std::ops::Range;

/// Size in pixels; the right part lists the front.
const SIZE: (u32, u32) = (1180, 640);
const PLOT_WIDTH: u32 = 700;
const TITLE_HEIGHT: i32 = 64;

/// Height of a line of the list.
const LINE: i32 = 20;
/// Points nearer than this share of both axes share a number's place.
const NEAR: f64 = 0.03;
/// Characters that a line of the list has room for.
const LINE_LENGTH: usize = 62;

const INK: RGBColor = RGBColor(33, 37, 41);
const FAINT: RGBColor = RGBColor(108, 117, 125);
const GRID: RGBColor = RGBColor(233, 236, 239);
const OTHER: RGBColor = RGBColor(173, 181, 189);
const FRONT: RGBColor = RGBColor(0, 114, 178);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// The plot as SVG: every point, the front as a line with numbers, and what the numbers are.
///
/// # Errors
/// The drawing library fails.
pub fn pareto_svg(finished: &Finished) -> Result<String, SweepError> {
    for (style, font) in [
        (FontStyle::Normal, notosans::REGULAR_TTF),
        (FontStyle::Bold, notosans::BOLD_TTF),
    ] {
        // A font that does not load shows when text is drawn with it.
        let _ = register_font("sans-serif", style, font);
    }
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&area, finished).map_err(|error| SweepError::Drawing {
            what: "pareto.svg",
            reason: error.to_string(),
        })?;
    }
    Ok(svg)
}

fn draw<'a>(area: &Area<'a>, finished: &Finished) -> Drawn<'a> {
    area.fill(&WHITE)?;
    let (head, body) = area.split_vertically(TITLE_HEIGHT);
    let bold = TextStyle::from(("sans-serif", 20, FontStyle::Bold).into_font()).color(&INK);
    let grid = &finished.sweep.grid;
    let title = format!("{} on {}", grid.configs.join(", "), grid.input);
    head.draw_text(&shortened(&title, 90), &bold, (24, 12))?;
    let line = format!(
        "{} points, {} of them not possible; {} on the Pareto front; logattn {}",
        finished.points.len(),
        finished.invalid(),
        finished.front().len(),
        env!("CARGO_PKG_VERSION"),
    );
    head.draw_text(&line, &text(14, FAINT), (24, 40))?;
    let (left, right) = body.split_horizontally(PLOT_WIDTH);
    scatter(&left, finished)?;
    list(&right, finished)?;
    area.present()
}

fn text(size: i32, color: RGBColor) -> TextStyle<'static> {
    TextStyle {
        color: color.to_backend_color(),
        ..TextStyle::from(("sans-serif", size).into_font())
    }
}

fn scatter<'a>(area: &Area<'a>, finished: &Finished) -> Drawn<'a> {
    let axes = finished.axes;
    let all: Vec<(f64, f64)> = finished.points.iter().filter_map(|p| axes.of(p)).collect();
    let front: Vec<(f64, f64)> = finished
        .front()
        .into_iter()
        .filter_map(|point| axes.of(point))
        .collect();
    let x = range(all.iter().map(|(x, _)| *x));
    let y = range(all.iter().map(|(_, y)| *y));
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .x_label_area_size(52)
        .y_label_area_size(86)
        .build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .x_desc(axes.x.label())
        .y_desc(axes.y.label())
        .axis_desc_style(text(15, INK))
        .label_style(text(13, FAINT))
        .x_label_formatter(&|value| tick(*value, &x))
        .y_label_formatter(&|value| tick(*value, &y))
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .x_labels(6)
        .y_labels(8)
        .draw()?;
    chart.draw_series(all.iter().map(|at| Circle::new(*at, 3, OTHER.filled())))?;
    chart.draw_series(LineSeries::new(
        front.iter().copied(),
        FRONT.stroke_width(2),
    ))?;
    chart.draw_series(front.iter().map(|at| Circle::new(*at, 5, FRONT.filled())))?;
    chart.draw_series(
        numbers(&front, &x, &y)
            .into_iter()
            .map(|(at, number)| EmptyElement::at(at) + Text::new(number, (6, -18), text(14, INK))),
    )?;
    Ok(())
}

/// The numbers of points on the front, from 1, and where they stand; points that would be written
/// over each other share a place, "3-5".
fn numbers(front: &[(f64, f64)], x: &Range<f64>, y: &Range<f64>) -> Vec<((f64, f64), String)> {
    let far = |a: f64, b: f64, range: &Range<f64>| (a - b).abs() > NEAR * (range.end - range.start);
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for (index, at) in front.iter().enumerate() {
        match groups.last_mut() {
            Some((first, last))
                if !far(front[*first].0, at.0, x) && !far(front[*first].1, at.1, y) =>
            {
                *last = index;
            }
            _ => groups.push((index, index)),
        }
    }
    let label = |(first, last): (usize, usize)| match first == last {
        true => format!("{}", first + 1),
        false => format!("{}-{}", first + 1, last + 1),
    };
    let place = |group: (usize, usize)| (front[group.0], label(group));
    groups.into_iter().map(place).collect()
}

/// What the numbers on the front are.
fn list<'a>(area: &Area<'a>, finished: &Finished) -> Drawn<'a> {
    let bold = TextStyle::from(("sans-serif", 15, FontStyle::Bold).into_font()).color(&INK);
    area.draw_text("Pareto front", &bold, (0, 16))?;
    let front = finished.front();
    let (_, height) = area.dim_in_pixel();
    let room = ((height as i32 - 64) / LINE).max(1) as usize;
    for (index, point) in front.iter().take(room).enumerate() {
        let line = format!("{}  {}", index + 1, finished.label(point));
        let at = (0, 44 + index as i32 * LINE);
        area.draw_text(&shortened(&line, LINE_LENGTH), &text(13, INK), at)?;
    }
    if front.len() > room {
        let line = format!("and {} more: see sweep.md", front.len() - room);
        area.draw_text(&line, &text(13, FAINT), (0, 44 + room as i32 * LINE))?;
    }
    Ok(())
}

/// From the least to the largest value with some room, never empty.
fn range(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(f64::NEG_INFINITY, f64::max);
    if !(least.is_finite() && most.is_finite()) {
        return 0.0..1.0;
    }
    let room = match most > least {
        true => 0.06 * (most - least),
        false => 0.1 * most.abs().max(1.0),
    };
    least - room..most + room
}

/// A number at a tick, with the digits that tell it from its neighbors.
fn tick(value: f64, range: &Range<f64>) -> String {
    let span = range.end - range.start;
    let (value, suffix, span) = match range.end.abs().max(range.start.abs()) {
        most if most >= 1e9 => (value / 1e9, " G", span / 1e9),
        most if most >= 1e6 => (value / 1e6, " M", span / 1e6),
        _ => (value, "", span),
    };
    let decimals = (1.0 - span.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.decimals$}{suffix}")
}

/// A text cut to so many characters.
fn shortened(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 2).chain("..".chars()).collect(),
        false => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_do_not_cover_each_other() {
        let front = [
            (0.0, 10.0),
            (0.2, 9.9),
            (5.0, 9.8),
            (9.0, 0.1),
            (9.1, 0.0),
            (9.2, 0.0),
        ];
        let numbers = numbers(&front, &(0.0..10.0), &(0.0..10.0));
        let expected = [((0.0, 10.0), "1-2"), ((5.0, 9.8), "3"), ((9.0, 0.1), "4-6")];
        assert_eq!(numbers, expected.map(|(at, text)| (at, text.to_string())));
    }

    #[test]
    fn ticks_and_ranges() {
        assert_eq!(range([1.0, 3.0].into_iter()), 0.88..3.12);
        assert_eq!(range([5.0].into_iter()), 4.5..5.5);
        assert_eq!(range(std::iter::empty()), 0.0..1.0);
        assert_eq!(tick(0.3, &(0.1..0.4)), "0.30");
        assert_eq!(tick(120.0, &(80.0..240.0)), "120");
        assert_eq!(tick(2_500_000.0, &(1e6..4e6)), "2.5 M");
        assert_eq!(shortened("abcdef", 5), "abc..");
        assert_eq!(shortened("abcde", 5), "abcde");
    }
}
