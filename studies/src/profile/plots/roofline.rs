//! Roofline: work a cycle over work a byte.

use super::{Plot, STRATEGIES};
use crate::Error;
use crate::profile::canvas::{Canvas, MARGIN, Marker};
use crate::profile::frame::{Frame, Sign, legend};
use crate::profile::scale::{Scale, count, digits};
use crate::profile::theme::{INK, TWIN};
use crate::study::{Roofline, RooflinePoint, Study};
use plotters::style::RGBColor;

const LEFT: i32 = 92;
const RIGHT: i32 = 930;
const LEGEND_LINE: i32 = 22;

/// Operations a byte, operations a cycle.
pub fn place(point: &RooflinePoint) -> (f64, f64) {
    let operations = point.operations as f64;
    (
        operations / point.bytes.max(1) as f64,
        operations / point.cycles.max(1) as f64,
    )
}

/// Draws it.
pub fn plot(study: &Study) -> Result<Plot, Error> {
    let roofline = &study.roofline;
    let caption = format!(
        "Work a clock cycle over work a byte of external traffic, logarithmic axes. Work is that of \
         dense attention, whether it is done or pruned, so a unit that prunes may stand above the \
         roof of its own arithmetic: {} operations a cycle. The slope is the bandwidth limit of {} \
         bytes a cycle: a point on it waits for memory. The int8 twin's markers are larger, so that \
         they are seen behind the unit's.",
        digits(roofline.peak_operations_per_cycle),
        digits(roofline.bytes_per_cycle)
    );
    let title = "Roofline".into();
    Plot::draw("roofline", title, caption, 520, |canvas| {
        draw(canvas, roofline);
    })
}

/// Name, marker and color of a point: those of its strategy, gray for the twin.
pub fn look(point: &RooflinePoint) -> (String, Marker, RGBColor) {
    let strategy = STRATEGIES
        .into_iter()
        .find(|strategy| point.name.ends_with(strategy.name()));
    let Some(strategy) = strategy else {
        return (point.name.clone(), Marker::Triangle, INK);
    };
    let (name, marker, color) = super::look(strategy);
    match point.name.strip_suffix(strategy.name()) {
        None | Some("") => (format!("unit, {name}"), marker, color),
        Some(design) => (format!("{design}{name}"), marker, TWIN),
    }
}

fn draw(canvas: &Canvas, roofline: &Roofline) {
    let roofs = format!(
        "roof: {} bytes a cycle, {} operations a cycle",
        digits(roofline.bytes_per_cycle),
        digits(roofline.peak_operations_per_cycle)
    );
    let signs: Vec<_> = roofline
        .points
        .iter()
        .map(|point| {
            let (name, marker, color) = look(point);
            (Sign::Marker(marker, color), name)
        })
        .chain([(Sign::Line(INK), roofs)])
        .collect();
    legend(canvas, (MARGIN, 52), RIGHT, &signs);
    let places: Vec<(f64, f64)> = roofline.points.iter().map(place).collect();
    let peak = roofline.peak_operations_per_cycle.max(f64::MIN_POSITIVE);
    let ridge = peak / roofline.bytes_per_cycle.max(f64::MIN_POSITIVE);
    let frame = Frame {
        canvas,
        from: (LEFT, 60 + 2 * LEGEND_LINE),
        to: (RIGHT, 456),
        x: Scale::decades(places.iter().map(|p| p.0).chain([ridge / 2.0, ridge * 2.0])),
        y: Scale::decades(places.iter().map(|p| p.1).chain([peak * 1.3])),
    };
    frame.y_axis("operations a cycle", 7, count);
    frame.x_axis("operations a byte of external traffic", 7, count);
    roof(&frame, roofline, ridge);
    // The twin's are larger and behind, so that they are seen where they coincide with ours.
    let looks = roofline.points.iter().map(look).zip(places);
    let (twins, own): (Vec<_>, Vec<_>) = looks.partition(|((_, _, color), _)| *color == TWIN);
    for (more, points) in [(4, twins), (0, own)] {
        for ((_, marker, color), (x, y)) in points {
            canvas.large_marker(frame.at(x, y), marker, color, more);
        }
    }
}

fn roof(frame: &Frame, roofline: &Roofline, ridge: f64) {
    let peak = roofline.peak_operations_per_cycle;
    // The slope begins at the left or at the lower edge.
    let start = frame.x.low().max(frame.y.low() / roofline.bytes_per_cycle);
    let points = [
        frame.at(start, start * roofline.bytes_per_cycle),
        frame.at(ridge, peak),
        frame.at(frame.x.high(), peak),
    ];
    frame.canvas.line(&points, INK, 2);
}
