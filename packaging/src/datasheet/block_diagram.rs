//! The block diagram of a configuration: the modules that it has, and the widths between them.

use super::streams::{Stream, streams};
use super::svg::{Anchor, Svg};
use logattn_golden::Configuration;
use logattn_golden::config::{Accumulate, Input, Normalize};
use logattn_golden::microarchitecture::{RESERVED_PLACES, wire_registers};

const BOX: (f64, f64) = (136.0, 58.0);
/// From the left of a box to that of the next.
const STEP: f64 = 226.0;
const LEFT: f64 = 330.0;
const SMALL: f64 = 10.5;

const CORE: &str = "#f7f9fc";
const UNIT: &str = "#eef3fb";
const MODULE: &str = "#ffffff";
const GUARD: &str = "#fdf3dc";
const REGISTERS: &str = "#e5f4e8";

/// Top of the rows of boxes.
const INPUT_ROW: f64 = 250.0;
/// From a row of input streams to the next.
const ROW: f64 = 84.0;

/// The modules of a configuration between its input and its survivors, and behind them.
struct Chain {
    front: Vec<&'static str>,
    back: Vec<&'static str>,
}

fn chain(c: &Configuration) -> Chain {
    let source = match c.input {
        Input::Probabilities => vec![],
        Input::Scores => vec!["score_input", "row_statistics"],
        Input::Qkv => vec!["score_engine", "row_statistics"],
    };
    let (selector, accumulator) = match c.accumulate {
        Accumulate::Shift => ("survivor_selector", "shift_accumulator"),
        Accumulate::Sorted => ("survivor_sorter", "sorted_accumulator"),
        Accumulate::Bucket => ("survivor_selector", "bucket_accumulator"),
        Accumulate::Multiply => ("survivor_selector", "multiply_accumulator"),
    };
    let gate: &[&str] = match c.accumulate {
        Accumulate::Sorted => &["row_gate"],
        _ => &[],
    };
    let queue: &[&str] = match c.input {
        Input::Scores | Input::Qkv if wire_registers(c) > 0 => &["code_queue"],
        _ => &[],
    };
    Chain {
        front: [&source[..], &["quantizer"], queue, &[selector], gate].concat(),
        back: vec!["value_memory", accumulator, "normalizer"],
    }
}

/// What a module does here, below its name.
fn role(c: &Configuration, module: &str) -> String {
    match module {
        "score_input" => "masks, frames".into(),
        "score_engine" => format!(
            "Q K^T: {} products",
            c.head_dimension * c.keys_per_beat * c.query_block
        ),
        "row_statistics" => "maximum, log of sum".into(),
        "quantizer" if c.accumulate == Accumulate::Multiply => "8-bit linear".into(),
        "quantizer" => format!("{} comparisons a key", c.levels_count()),
        "survivor_selector" => "skips pruned keys".into(),
        "survivor_sorter" => "level by level".into(),
        "code_queue" => format!("{RESERVED_PLACES} places"),
        "row_gate" => "until sums are free".into(),
        "value_memory" => format!(
            "{} x {} x {} bit",
            c.value_banks,
            c.value_words(),
            c.lanes as u32 * c.value_bits
        ),
        "normalizer" => match c.normalize {
            Normalize::None => "sums as they are".into(),
            Normalize::Reciprocal => "sum / normalizer".into(),
            Normalize::Complement => "rounds and shifts".into(),
        },
        _ => format!("{} lanes of {} bit", c.lanes * c.query_block, sum_bits(c)),
    }
}

/// Bits of a lane's sum; in bucket mode there is one for each code.
fn sum_bits(c: &Configuration) -> String {
    match c.accumulate {
        Accumulate::Bucket => format!("{} x {}", c.levels_count(), c.bucket_bits()),
        _ => c.accumulator_bits().to_string(),
    }
}

/// What goes from a module to the one behind it: a name, and bits.
fn link(c: &Configuration, from: &str) -> [String; 2] {
    let block = c.query_block as u32;
    let keys = c.keys_per_beat as u32 * block;
    let bits = |count: u32, each: u32| match count {
        1 => format!("{each} bit"),
        _ => format!("{count} x {each} bit"),
    };
    let score = c.score_parameters();
    let (name, width) = match from {
        "score_input" | "score_engine" => ("scores", bits(keys, c.attention_bits())),
        "row_statistics" => {
            let distance = score.map_or(0, |score| score.distance_bits);
            ("distances", bits(keys, distance))
        }
        "quantizer" | "code_queue" => ("codes", bits(keys, c.stored_code_bits())),
        "survivor_selector" | "survivor_sorter" | "row_gate" => (
            "key, code",
            format!("{} + {} bit", c.key_bits(), visit_bits(c)),
        ),
        "value_memory" => ("values", bits(c.lanes as u32, c.value_bits)),
        _ => (
            "sums",
            format!("{} x {} bit", c.lanes as u32 * block, sum_bits(c)),
        ),
    };
    [name.into(), width]
}

fn visit_bits(c: &Configuration) -> u32 {
    match c.accumulate {
        Accumulate::Sorted => 2 + u32::from(c.normalize == Normalize::Complement),
        _ => c.stored_code_bits() * c.query_block as u32,
    }
}

struct Drawing<'a> {
    c: &'a Configuration,
    svg: Svg,
    /// Right edge of the core.
    right: f64,
    /// Top of the row of values.
    values: f64,
}

/// The block diagram as SVG.
pub(super) fn block_diagram(c: &Configuration) -> String {
    let Chain { front, back } = chain(c);
    let streams = streams(c);
    let inputs: Vec<&Stream> = streams.iter().filter(|stream| stream.into_core).collect();
    let output = streams.iter().find(|stream| !stream.into_core);
    let columns = front.len() + back.len() - 1;
    let right = LEFT + STEP * columns as f64 - (STEP - BOX.0) + 150.0;
    let rows = inputs.len() - 1;
    let values = INPUT_ROW + ROW * rows as f64 + 46.0;
    let (width, height) = (right + 160.0, values + BOX.1 + 70.0);
    let title = format!("{}_attention_core", c.name);
    let mut drawing = Drawing {
        c,
        svg: Svg::new(width, height, &title),
        right,
        values,
    };
    drawing.frames(height);
    drawing.registers();
    drawing.progress();
    for (row, stream) in inputs
        .iter()
        .filter(|stream| stream.name != "s_axis_value")
        .enumerate()
    {
        drawing.input(stream, INPUT_ROW + ROW * row as f64, LEFT);
    }
    drawing.front(&front, rows);
    let selector = LEFT + STEP * (front.len() - 1) as f64;
    for stream in inputs.iter().filter(|stream| stream.name == "s_axis_value") {
        drawing.input(stream, values, selector);
    }
    drawing.back(&back, selector, output.map_or(0, |stream| stream.bits));
    drawing.svg.finish()
}

impl Drawing<'_> {
    fn frames(&mut self, height: f64) {
        let name = format!("{}_attention_core", self.c.name);
        let core = (130.0, 36.0);
        self.svg
            .rectangle(core, (self.right - core.0, height - 52.0), CORE, false);
        self.svg
            .bold((core.0 + 12.0, core.1 + 20.0), 13.0, Anchor::Start, &name);
        let unit = (LEFT - 28.0, INPUT_ROW - 48.0);
        let size = (self.right - 24.0 - unit.0, height - 34.0 - unit.1);
        self.svg.rectangle(unit, size, UNIT, true);
        self.svg.bold(
            (unit.0 + 10.0, unit.1 + 18.0),
            12.0,
            Anchor::Start,
            "attention_unit",
        );
        let note = "a stream_register behind every stream port";
        self.svg
            .text((unit.0 + 124.0, unit.1 + 18.0), SMALL, Anchor::Start, note);
        self.svg.text(
            (10.0, 20.0),
            11.0,
            Anchor::Start,
            "clk, rst: one clock, synchronous active-high reset",
        );
    }

    fn module(&mut self, at: (f64, f64), size: (f64, f64), fill: &str, name: &str, note: &str) {
        self.svg.rectangle(at, size, fill, false);
        let middle = (at.0 + size.0 / 2.0, at.1 + size.1 / 2.0);
        let letters = name.len() as f64;
        let letter = (12.0_f64).min((size.0 - 8.0) / (0.66 * letters));
        let letter = (letter * 10.0).floor() / 10.0;
        self.svg
            .bold((middle.0, middle.1 - 3.0), letter, Anchor::Middle, name);
        self.svg
            .text((middle.0, middle.1 + 13.0), SMALL, Anchor::Middle, note);
    }

    fn label(&mut self, x: f64, y: f64, [above, below]: [String; 2]) {
        self.svg.text((x, y - 6.0), SMALL, Anchor::Middle, &above);
        self.svg.text((x, y + 14.0), SMALL, Anchor::Middle, &below);
    }

    fn registers(&mut self) {
        let (top, height) = (76.0, 62.0);
        let at = (LEFT - 28.0, top);
        let size = (self.right - 24.0 - at.0, height);
        let note =
            "identity, capabilities, control, lengths, thresholds and weights, errors, counters";
        self.module(at, size, REGISTERS, "registers", note);
        let middle = top + height / 2.0;
        self.svg.arrow(&[(12.0, middle), (at.0, middle)]);
        self.svg.text(
            (12.0, middle - 8.0),
            11.0,
            Anchor::Start,
            "s_axil (AXI4-Lite)",
        );
        self.svg
            .text((12.0, middle + 16.0), SMALL, Anchor::Start, "32 bit");
        let edge = at.0 + size.0;
        self.svg
            .arrow(&[(edge, middle), (self.right + 60.0, middle)]);
        self.svg.text(
            (self.right + 66.0, middle + 4.0),
            11.0,
            Anchor::Start,
            "irq",
        );
        let unit = INPUT_ROW - 48.0;
        let down = at.0 + 40.0;
        self.svg.arrow(&[(down, top + height), (down, unit)]);
        let settings = settings(self.c).join(", ");
        self.svg.text(
            (down + 10.0, unit - 38.0),
            SMALL,
            Anchor::Start,
            "settings:",
        );
        self.svg
            .text((down + 10.0, unit - 22.0), SMALL, Anchor::Start, &settings);
        let up = edge - 110.0;
        self.svg.arrow(&[(up, INPUT_ROW), (up, top + height)]);
        self.svg
            .text((up - 10.0, unit - 22.0), SMALL, Anchor::End, "8 x 32 bit");
        let counters = (up - BOX.0 / 2.0 - 14.0, INPUT_ROW);
        self.module(
            counters,
            (BOX.0 + 28.0, BOX.1),
            MODULE,
            "performance_counters",
            "8 counters",
        );
    }

    /// What follows the packets, for status, locks and lengths.
    fn progress(&mut self) {
        let (at, size) = ((150.0, 150.0), (128.0, 52.0));
        let middle = at.0 + size.0 / 2.0;
        self.module(at, size, REGISTERS, "progress", "lengths, status");
        self.svg
            .arrow(&[(middle, INPUT_ROW), (middle, at.1 + size.1)]);
        self.svg.text(
            (middle + 6.0, INPUT_ROW - 18.0),
            SMALL,
            Anchor::Start,
            "packets",
        );
        let line = 126.0;
        self.svg
            .arrow(&[(middle, at.1), (middle, line), (LEFT - 28.0, line)]);
    }

    /// A stream with its guard, up to `to`.
    fn input(&mut self, stream: &Stream, top: f64, to: f64) {
        let middle = top + BOX.1 / 2.0;
        let (guard, width) = (150.0, 128.0);
        self.svg
            .text((12.0, middle - 8.0), 11.0, Anchor::Start, stream.name);
        self.svg.text(
            (12.0, middle + 16.0),
            SMALL,
            Anchor::Start,
            &format!("{} bit", stream.bits),
        );
        self.svg.arrow(&[(12.0, middle), (guard, middle)]);
        let name = format!("stream_guard_{}", stream.short());
        self.module((guard, top), (width, BOX.1), GUARD, &name, "frames packets");
        self.svg.arrow(&[(guard + width, middle), (to, middle)]);
    }

    fn front(&mut self, modules: &[&'static str], rows: usize) {
        let height = BOX.1 + ROW * (rows - 1) as f64;
        for (column, name) in modules.iter().enumerate() {
            let x = LEFT + STEP * column as f64;
            // The first one takes all input streams, the others stand beside the first of them.
            let size = if column == 0 { (BOX.0, height) } else { BOX };
            let note = role(self.c, name);
            self.module((x, INPUT_ROW), size, MODULE, name, &note);
            let middle = INPUT_ROW + BOX.1 / 2.0;
            if column + 1 < modules.len() {
                self.svg.arrow(&[(x + BOX.0, middle), (x + STEP, middle)]);
                let between = x + (BOX.0 + STEP) / 2.0;
                self.label(between, middle, link(self.c, name));
            } else {
                let down = x + BOX.0 / 2.0;
                self.svg
                    .arrow(&[(down, INPUT_ROW + BOX.1), (down, self.values)]);
                let [what, bits] = link(self.c, name);
                let text = format!("{what}: {bits}");
                let at = (down + 8.0, (INPUT_ROW + BOX.1 + self.values) / 2.0 + 4.0);
                self.svg.text(at, SMALL, Anchor::Start, &text);
            }
        }
    }

    fn back(&mut self, modules: &[&'static str], left: f64, output: u32) {
        let middle = self.values + BOX.1 / 2.0;
        for (column, name) in modules.iter().enumerate() {
            let x = left + STEP * column as f64;
            let note = role(self.c, name);
            self.module((x, self.values), BOX, MODULE, name, &note);
            if column + 1 < modules.len() {
                self.svg.arrow(&[(x + BOX.0, middle), (x + STEP, middle)]);
                let between = x + (BOX.0 + STEP) / 2.0;
                self.label(between, middle, link(self.c, name));
            } else {
                let end = self.right + 150.0;
                self.svg.arrow(&[(x + BOX.0, middle), (end, middle)]);
                let at = self.right + 12.0;
                self.svg
                    .text((at, middle - 8.0), 11.0, Anchor::Start, "m_axis_out");
                let bits = format!("{output} bit");
                self.svg
                    .text((at, middle + 16.0), SMALL, Anchor::Start, &bits);
            }
        }
    }
}

/// What the registers set in the unit.
fn settings(c: &Configuration) -> Vec<String> {
    let codes = c.levels_count();
    let mut settings = vec!["lengths".to_string()];
    if c.input == Input::Qkv {
        settings.push("score_shift".into());
    }
    if c.accumulate != Accumulate::Multiply {
        let bits = match c.score_parameters() {
            Some(score) => score.distance_bits + 1,
            None => c.probability_bits,
        };
        settings.push(format!("{codes} thresholds of {bits} bit"));
    }
    if c.accumulate.shifts() {
        settings.push(format!("{codes} shifts of {} bit", c.shift_bits()));
    }
    if c.accumulate == Accumulate::Bucket {
        settings.push(format!(
            "{codes} levels of {} bit",
            c.level_bits.unwrap_or(0)
        ));
    }
    settings
}
