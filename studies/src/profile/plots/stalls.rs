//! What the unit does in its cycles, by layer.

use super::Plot;
use crate::Error;
use crate::profile::canvas::{Canvas, MARGIN};
use crate::profile::frame::{Frame, Sign, legend};
use crate::profile::scale::Scale;
use crate::profile::theme::STACK;
use crate::study::Study;
use logattn_sim::Counters;
use plotters::style::RGBColor;

const HEIGHT: i32 = 420;
const LEFT: i32 = 92;
const RIGHT: i32 = 940;

/// Names and colors of the parts of a cycle count, from the base up.
pub const PARTS: [(&str, RGBColor); 5] = [
    ("visiting survivors", STACK[0]),
    ("waiting for input", STACK[1]),
    ("waiting for values", STACK[5]),
    ("waiting for output", STACK[3]),
    ("other", STACK[6]),
];

/// Cycles of each part, in the order of [`PARTS`].
pub fn parts(counters: &Counters) -> [u64; 5] {
    let c = counters;
    let known = c.value_reads + c.stall_input + c.stall_value + c.stall_output;
    [
        c.value_reads,
        c.stall_input,
        c.stall_value,
        c.stall_output,
        c.cycles.saturating_sub(known),
    ]
}

/// Draws it.
pub fn plot(study: &Study) -> Result<Plot, Error> {
    let caption = "Share of the unit's clock cycles, %, by its own counters. Visiting: a value is read \
         for a survivor. Waiting for input: no survivor is there to visit, because a row takes \
         ceil(N / W) beats to come in or because it is the start or the end of a run. Waiting for \
         values: a survivor's head is still being loaded. Waiting for output: the rows before it have \
         not left. External memory is taken to be fast enough here; what its bandwidth adds is under \
         Traffic."
        .into();
    let title = "Where the cycles go, by layer".into();
    Plot::draw("stalls", title, caption, HEIGHT, |canvas| {
        let shown = shown(study);
        let signs: Vec<_> = shown
            .iter()
            .map(|part| (Sign::Fill(PARTS[*part].1), PARTS[*part].0))
            .collect();
        legend(canvas, (MARGIN, 52), RIGHT, &signs);
        bars(canvas, study, &shown);
    })
}

/// The parts that occur at all; the first four are always named.
fn shown(study: &Study) -> Vec<usize> {
    let all = parts(&study.counters);
    (0..PARTS.len())
        .filter(|part| *part < 4 || all[*part] > 0)
        .collect()
}

fn bars(canvas: &Canvas, study: &Study, shown: &[usize]) {
    let frame = Frame {
        canvas,
        from: (LEFT, 84),
        to: (RIGHT, 356),
        x: Scale::linear(-0.5, study.layers.len() as f64 - 0.5),
        y: Scale::linear(0.0, 100.0),
    };
    frame.y_axis("share of cycles, %", 6, |y| format!("{y:.0}"));
    for (index, layer) in study.layers.iter().enumerate() {
        let all = parts(&layer.counters);
        let sum = all.iter().sum::<u64>().max(1) as f64;
        let mut low = 0.0;
        for part in shown {
            let high = low + 100.0 * all[*part] as f64 / sum;
            let sides = (index as f64 - 0.36, index as f64 + 0.36);
            frame.segment(sides, (low, high), PARTS[*part].1);
            low = high;
        }
    }
    frame.columns("layer", study.layers.len(), |index| {
        study.layers[index].layer.to_string()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_up_the_cycles() {
        let counters = Counters {
            cycles: 100,
            value_reads: 40,
            stall_input: 30,
            stall_value: 5,
            stall_output: 3,
            ..Counters::default()
        };
        assert_eq!(parts(&counters), [40, 30, 5, 3, 22]);
    }
}
