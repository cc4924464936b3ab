//! Pruned share of every query head.

use super::Plot;
use crate::Error;
use crate::profile::canvas::{Anchor, Canvas, Lettering, MARGIN, Point};
use crate::profile::scale::Scale;
use crate::profile::theme::{on_sequence, sequence, size};
use crate::study::{HeadSparsity, Study};

const LEFT: i32 = 76;
const TOP: i32 = 60;
/// Right end of the cells; the color bar stands beyond.
const RIGHT: i32 = 850;
/// Pixels between groups of heads that share keys and values, and between other cells.
const GROUP_GAP: i32 = 5;
const GAP: i32 = 1;

/// Cells of the heat map, in pixels.
struct Cells {
    columns: i32,
    rows: i32,
    /// Heads that share keys and values.
    group: i32,
    width: i32,
    height: i32,
}

impl Cells {
    fn of(study: &Study) -> Self {
        let shape = &study.shape;
        let columns = shape.heads_per_layer.max(1) as i32;
        let group = (shape.heads_per_layer / shape.kv_heads_per_layer.max(1)).max(1) as i32;
        let rows = shape.layers.max(1) as i32;
        let gaps = (columns / group - 1) * Cells::extra(group);
        Cells {
            columns,
            rows,
            group,
            width: ((RIGHT - LEFT - gaps) / columns).clamp(3, 120),
            height: (420 / rows).clamp(17, 40),
        }
    }

    /// Further pixels between groups of more than one head.
    fn extra(group: i32) -> i32 {
        if group > 1 { GROUP_GAP - GAP } else { 0 }
    }

    fn corner(&self, column: i32, row: i32) -> Point {
        let gaps = column / self.group * Cells::extra(self.group);
        (LEFT + column * self.width + gaps, TOP + row * self.height)
    }

    fn bottom(&self) -> i32 {
        TOP + self.rows * self.height
    }

    fn right(&self) -> i32 {
        self.corner(self.columns - 1, 0).0 + self.width
    }
}

/// Draws it.
pub fn plot(study: &Study) -> Result<Plot, Error> {
    let cells = Cells::of(study);
    let groups = if cells.group > 1 {
        format!(
            " Heads that stand close together share their keys and values ({} of {}).",
            cells.group, cells.columns
        )
    } else {
        String::new()
    };
    let caption = format!(
        "Share of the attention values whose code is 0, in percent of the keys within the rows' \
         lengths.{groups} The scale of colors begins at the least share, rounded down."
    );
    let title = "Pruned share of every head, %".into();
    let height = cells.bottom() + 72;
    Plot::draw("sparsity", title, caption, height, |canvas| {
        draw(canvas, study, &cells);
    })
}

fn draw(canvas: &Canvas, study: &Study, cells: &Cells) {
    let least = study.heads.iter().map(percent).fold(90.0, f64::min);
    let scale = Scale::linear((least / 10.0).floor() * 10.0, 100.0);
    let fits = |text: &str| canvas.width(text, size::SMALL) < cells.width;
    // Whole percents alone would make 99.6 a 100.
    let decimals = usize::from(fits("100.0"));
    let numbered = fits("100");
    for head in &study.heads {
        let row = head.layer.saturating_sub(study.shape.first_layer) as i32;
        let from = cells.corner(head.head as i32, row);
        let to = (from.0 + cells.width - GAP, from.1 + cells.height - GAP);
        let place = scale.place(percent(head));
        canvas.rectangle(from, to, sequence(place));
        if numbered {
            let style = Lettering::new(size::SMALL, Anchor::Center).color(on_sequence(place));
            let middle = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
            canvas.text(&format!("{:.decimals$}", percent(head)), middle, style);
        }
    }
    labels(canvas, study, cells);
    color_bar(canvas, cells, &scale);
}

fn percent(head: &HeadSparsity) -> f64 {
    100.0 * head.pruned_share
}

fn labels(canvas: &Canvas, study: &Study, cells: &Cells) {
    let right = Lettering::new(size::TICK, Anchor::Right);
    for row in 0..cells.rows {
        let y = cells.corner(0, row).1 + cells.height / 2;
        let name = (study.shape.first_layer + row as usize).to_string();
        canvas.text(&name, (LEFT - 8, y), right);
    }
    let below = Lettering::new(size::TICK, Anchor::Below);
    let widest = canvas.width(&cells.columns.to_string(), size::TICK) + 4;
    let step = (widest / cells.width + 1) as usize;
    for column in (0..cells.columns).step_by(step) {
        let x = cells.corner(column, 0).0 + cells.width / 2;
        canvas.text(&column.to_string(), (x, cells.bottom() + 6), below);
    }
    let middle = (LEFT + cells.right()) / 2;
    let style = Lettering::new(size::LABEL, Anchor::Below);
    canvas.text("head", (middle, cells.bottom() + 28), style);
    let style = Lettering::new(size::LABEL, Anchor::Upright);
    canvas.text("layer", (MARGIN + 22, (TOP + cells.bottom()) / 2), style);
}

fn color_bar(canvas: &Canvas, cells: &Cells, scale: &Scale) {
    let (x, bottom) = (cells.right() + 24, cells.bottom());
    let height = bottom - TOP;
    for y in 0..height {
        let place = 1.0 - f64::from(y) / f64::from(height);
        // Down to the end, so that no seam shows between neighbors.
        canvas.rectangle((x, TOP + y), (x + 14, bottom), sequence(place));
    }
    let style = Lettering::new(size::TICK, Anchor::Left);
    for tick in scale.ticks(6) {
        let y = bottom - (scale.place(tick) * f64::from(height)) as i32;
        canvas.text(&format!("{tick:.0}"), (x + 20, y), style);
    }
}
