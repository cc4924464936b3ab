//! Cycles against bound and int8 twin, by layer and by key and value head.

use super::Plot;
use crate::Error;
use crate::profile::canvas::{Anchor, Canvas, Lettering, MARGIN, Marker, Point};
use crate::profile::frame::{Frame, Sign, legend};
use crate::profile::scale::{Scale, digits};
use crate::profile::theme::{BOUND, FAINT, GRID, TWIN, UNIT, size};
use crate::study::{Cost, Study};

const HEIGHT: i32 = 700;
const LEFT: i32 = 92;
const RIGHT: i32 = 940;

/// Mean cycles a row of unit, bound and twin.
struct Means {
    unit: f64,
    bound: f64,
    twin: f64,
}

impl Means {
    fn of(cost: &Cost) -> Self {
        Means {
            unit: cost.per_row(cost.cycles),
            bound: cost.per_row(cost.bound_cycles),
            twin: cost.per_row(cost.int8_twin_cycles),
        }
    }

    fn highest(&self) -> f64 {
        self.unit.max(self.bound).max(self.twin)
    }
}

/// Draws it.
pub fn plot(study: &Study) -> Result<Plot, Error> {
    let caption = format!(
        "Clock cycles a row (one query of one head), mean. Blue: this unit, from idle to the last \
         output beat, loading values included. Orange line: its bound, the sum over query blocks of \
         max(ceil(N / W), survivors x D / lanes) with W = {} keys a beat, D = {} and {} lanes. Gray: \
         the int8 twin with the same lanes and rate, which prunes nothing. Below, each key and value \
         head on its own on a logarithmic axis; the start of a run counts for the first head of its \
         layer. A unit under its bound is no fault: the queue of survivors evens out long and short \
         rows.",
        study.shape.keys_per_beat, study.shape.head_dimension, study.shape.lanes
    );
    let title = "Clock cycles a row: unit, bound and int8 twin".into();
    Plot::draw("cycles", title, caption, HEIGHT, |canvas| {
        let signs = [
            (Sign::Fill(UNIT), "this unit"),
            (Sign::Line(BOUND), "bound"),
            (Sign::Fill(TWIN), "int8 twin, nothing pruned"),
        ];
        legend(canvas, (MARGIN, 52), RIGHT, &signs);
        layers(canvas, study);
        groups(canvas, study);
    })
}

fn layers(canvas: &Canvas, study: &Study) {
    let means: Vec<Means> = study.layers.iter().map(|l| Means::of(&l.cost)).collect();
    let highest = means.iter().map(Means::highest).fold(0.0, f64::max);
    let frame = Frame {
        canvas,
        from: (LEFT, 108),
        to: (RIGHT, 340),
        x: Scale::linear(-0.5, means.len() as f64 - 0.5),
        y: Scale::from_zero(highest, 0.12),
    };
    frame.heading("by layer, all heads");
    frame.y_axis("cycles a row", 6, digits);
    let room = (RIGHT - LEFT) / (2 * means.len().max(1)) as i32;
    let numbered = canvas.width("0000", size::SMALL) < room;
    for (index, mean) in means.iter().enumerate() {
        let at = index as f64;
        frame.bar((at - 0.38, at - 0.02), mean.unit, UNIT);
        frame.bar((at + 0.02, at + 0.38), mean.twin, TWIN);
        let bound = [
            frame.at(at - 0.43, mean.bound),
            frame.at(at + 0.01, mean.bound),
        ];
        canvas.line(&bound, BOUND, 2);
        if numbered {
            let above = Lettering::new(size::SMALL, Anchor::Above);
            let lift = |(x, y): Point| (x, y - 2);
            let own = frame.at(at - 0.2, mean.unit.max(mean.bound));
            canvas.text(&digits(mean.unit), lift(own), above);
            canvas.text(
                &digits(mean.twin),
                lift(frame.at(at + 0.2, mean.twin)),
                above,
            );
        }
    }
    frame.columns("layer", means.len(), |index| {
        study.layers[index].layer.to_string()
    });
}

fn groups(canvas: &Canvas, study: &Study) {
    let means: Vec<Means> = study.groups.iter().map(|g| Means::of(&g.cost)).collect();
    let all = means.iter().flat_map(|m| [m.unit, m.bound, m.twin]);
    let frame = Frame {
        canvas,
        from: (LEFT, 442),
        to: (RIGHT, 636),
        x: Scale::linear(-0.5, means.len() as f64 - 0.5),
        y: Scale::decades(all),
    };
    frame.heading("by key and value head, left to right in each layer (logarithmic)");
    frame.y_axis("cycles a row", 6, digits);
    let kv_heads = study.shape.kv_heads_per_layer.max(1);
    let layers = means.len() / kv_heads;
    for layer in 1..layers {
        let x = frame.x((layer * kv_heads) as f64 - 0.5);
        canvas.line(&[(x, frame.from.1), (x, frame.to.1)], GRID, 1);
    }
    for (index, mean) in means.iter().enumerate() {
        let at = index as f64;
        let dash = |y: f64| [frame.at(at - 0.4, y), frame.at(at + 0.4, y)];
        canvas.line(&dash(mean.twin), TWIN, 3);
        canvas.marker(frame.at(at, mean.unit), Marker::Circle, UNIT);
        canvas.line(&dash(mean.bound), BOUND, 2);
    }
    frame.base();
    layer_labels(&frame, study, layers, kv_heads);
}

/// Layers below their heads, as many as there is room for.
fn layer_labels(frame: &Frame, study: &Study, layers: usize, kv_heads: usize) {
    let below = Lettering::new(size::TICK, Anchor::Below);
    let width = frame.canvas.width("00", size::TICK) + 6;
    let room = (RIGHT - LEFT) / layers.max(1) as i32;
    let step = (width as usize).div_ceil(room.max(1) as usize).max(1);
    for layer in (0..layers).step_by(step) {
        let x = frame.x((layer * kv_heads) as f64 + (kv_heads as f64 - 1.0) / 2.0);
        let name = (study.shape.first_layer + layer).to_string();
        frame.canvas.text(&name, (x, frame.to.1 + 8), below);
    }
    let text = match kv_heads {
        1 => "layer, one key and value head each".to_string(),
        many => format!("layer, {many} key and value heads each"),
    };
    let style = Lettering::new(size::LABEL, Anchor::Below);
    frame.canvas.text(
        &text,
        ((LEFT + RIGHT) / 2, frame.to.1 + 30),
        style.color(FAINT),
    );
}
