//! Energy by part, and with external memory.

use super::{Plot, look};
use crate::Error;
use crate::profile::canvas::{Anchor, Canvas, Lettering, MARGIN};
use crate::profile::frame::{Frame, Sign, legend};
use crate::profile::lollipops::{Group, Line, Lollipops};
use crate::profile::scale::{Scale, picojoules};
use crate::profile::theme::{STACK, TWIN, size};
use crate::study::{EnergyStudy, StrategyEnergy, Study};
use logattn_sim::energy::{EnergyBreakdown, Part};
use plotters::style::RGBColor;

const BAR: i32 = 26;
const HEADING: i32 = 34;
const LEFT: i32 = 210;
const RIGHT: i32 = 850;
/// Where the first table begins, below two lines of legend.
const TOP: i32 = 92;
const UNIT: &str = "unit";

/// A part's name in words.
pub fn name(part: Part) -> String {
    part.name().replace('_', " ")
}

/// Energy of a part in picojoules.
pub fn of(breakdown: &EnergyBreakdown, part: Part) -> f64 {
    let mut parts = breakdown.parts.iter();
    parts
        .find(|found| found.part == part)
        .map_or(0.0, |found| found.picojoules)
}

/// Unit and twin with each of their strategies.
pub fn designs(study: &EnergyStudy) -> impl Iterator<Item = (&'static str, &StrategyEnergy)> {
    let unit = study.unit.iter().map(|of| (UNIT, of));
    unit.chain(study.int8_twin.iter().map(|of| ("int8 twin", of)))
}

/// The parts that take any energy in any design.
pub fn parts(studies: &[EnergyStudy]) -> Vec<Part> {
    let takes = |part: &Part| {
        studies
            .iter()
            .flat_map(designs)
            .any(|(_, design)| of(&design.energy, *part) > 0.0)
    };
    Part::ALL.into_iter().filter(takes).collect()
}

fn color(part: Part) -> RGBColor {
    let index = Part::ALL.iter().position(|of| *of == part).unwrap_or(0);
    STACK[index % STACK.len()]
}

/// Stacks of the parts on chip.
pub fn on_chip(study: &Study) -> Result<Plot, Error> {
    let caption = "Energy on chip of everything studied, by part of the unit, for each table of energies \
         and each way in which values come to the unit; external memory is not in it. The int8 twin \
         prunes nothing, so it cannot skip."
        .into();
    let bars: usize = study.energy.iter().map(|of| designs(of).count()).sum();
    let tables = study.energy.len() as i32;
    let height = TOP + bars as i32 * BAR + tables * HEADING + 62;
    let title = "Energy on chip by part".into();
    Plot::draw("energy", title, caption, height, |canvas| {
        let signs: Vec<_> = parts(&study.energy)
            .into_iter()
            .map(|part| (Sign::Fill(color(part)), name(part)))
            .collect();
        legend(canvas, (MARGIN, 52), 940, &signs);
        stacks(canvas, study, height - 62);
    })
}

fn stacks(canvas: &Canvas, study: &Study, bottom: i32) {
    let all = study.energy.iter().flat_map(designs);
    let highest = all.map(|(_, of)| of.energy.on_chip()).fold(0.0, f64::max);
    let frame = Frame {
        canvas,
        from: (LEFT, TOP + HEADING - 8),
        to: (RIGHT, bottom),
        x: Scale::from_zero(highest, 0.0),
        y: Scale::linear(0.0, 1.0),
    };
    frame.x_axis("energy on chip", 6, picojoules);
    let mut y = TOP;
    for table in &study.energy {
        let style = Lettering::new(size::LABEL, Anchor::Left).bold();
        canvas.text(
            &format!("table {}", table.table),
            (MARGIN, y + HEADING / 2),
            style,
        );
        y += HEADING;
        for (design, of) in designs(table) {
            stack(&frame, design, of, y);
            y += BAR;
        }
    }
}

fn stack(frame: &Frame, design: &str, of_strategy: &StrategyEnergy, y: i32) {
    let label = format!("{design}, {}", look(of_strategy.strategy).0);
    let style = Lettering::new(size::TICK, Anchor::Right);
    let middle = y + BAR / 2;
    frame.canvas.text(&label, (LEFT - 10, middle), style);
    let mut sum = 0.0;
    for part in Part::ALL {
        let next = sum + of(&of_strategy.energy, part);
        let (from, to) = (frame.x(sum), frame.x(next));
        if to > from {
            let corners = ((from, y + 3), (to, y + BAR - 3));
            frame.canvas.rectangle(corners.0, corners.1, color(part));
        }
        sum = next;
    }
    let style = Lettering::new(size::TICK, Anchor::Left);
    let at = (frame.x(sum) + 8, middle);
    frame.canvas.text(&picojoules(sum), at, style);
}

/// Everything with external memory, as ranges.
pub fn totals(study: &Study) -> Result<Plot, Error> {
    let caption = "Energy of everything studied with external memory, on a logarithmic axis: from the low to \
         the high end of the table's energy for external memory. The bare unit is under Energy on \
         chip by part."
        .into();
    let group = |table: &EnergyStudy| Group {
        name: table.table.clone(),
        lines: designs(table)
            .map(|(design, of)| total(design, of))
            .collect(),
    };
    let groups: Vec<Group> = study.energy.iter().map(group).collect();
    let chart = Lollipops {
        groups: &groups,
        description: "energy (logarithmic)",
        label: picojoules,
    };
    let title = "Energy with external memory".into();
    Plot::draw(
        "energy_total",
        title,
        caption,
        48 + chart.height(),
        |canvas| {
            chart.draw(canvas, 48);
        },
    )
}

fn total(design: &str, of: &StrategyEnergy) -> Line {
    let (name, marker, color) = look(of.strategy);
    let color = if design == UNIT { color } else { TWIN };
    let energy = &of.energy;
    let line = Line::new(
        format!("{design}, {name}"),
        energy.total_low(),
        (marker, color),
    );
    line.to(energy.total_high())
}
