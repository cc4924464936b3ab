//! A timing diagram as SVG, for those who have no WaveDrom.

use super::description::{Diagram, Lane, Signal};
use crate::datasheet::svg::{Anchor, Svg};

const LINE: f64 = 26.0;
const HIGH: f64 = 16.0;
const TOP: f64 = 40.0;
const SLOPE: f64 = 3.0;
const INK: &str = "#112";
/// Width of a letter of a signal's name.
const LETTER: f64 = 7.3;
/// Width of a letter of a word's text.
const SMALL: f64 = 6.3;

/// Pixels of a cycle at scale 1, as in WaveDrom.
const CYCLE: f64 = 40.0;

struct Drawing {
    svg: Svg,
    /// Where cycle 0 begins.
    left: f64,
    cycle: f64,
}

/// What a signal is from one cycle to another.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Bit(bool),
    /// Index of its text.
    Word(usize),
    Worthless,
}

/// The diagram as SVG.
pub(crate) fn draw(diagram: &Diagram) -> String {
    let signals = diagram.signal.iter().filter_map(|lane| match lane {
        Lane::Signal(signal) => Some(signal),
        Lane::Space => None,
    });
    let letters = signals.clone().map(|signal| signal.name.len()).max();
    let cycles = signals.map(|signal| signal.wave.len()).max().unwrap_or(0);
    let left = 20.0 + LETTER * letters.unwrap_or(0) as f64;
    let cycle = CYCLE * f64::from(diagram.config.hscale);
    let head = 20.0 + 7.4 * diagram.head.text.len() as f64;
    let width = (left + cycle * cycles as f64 + 14.0).max(head);
    let height = TOP + LINE * diagram.signal.len() as f64 + 12.0;
    let mut drawing = Drawing {
        svg: Svg::new(width, height, &diagram.head.text),
        left,
        cycle,
    };
    drawing
        .svg
        .bold((10.0, 22.0), 13.0, Anchor::Start, &diagram.head.text);
    drawing.grid(cycles, height - 8.0);
    for (index, lane) in diagram.signal.iter().enumerate() {
        if let Lane::Signal(signal) = lane {
            drawing.signal(signal, TOP + LINE * index as f64);
        }
    }
    drawing.svg.finish()
}

impl Drawing {
    fn x(&self, cycle: usize) -> f64 {
        self.left + self.cycle * cycle as f64
    }

    fn grid(&mut self, cycles: usize, bottom: f64) {
        for cycle in 0..=cycles {
            let x = self.x(cycle);
            self.svg
                .path(&[(x, TOP - 6.0), (x, bottom)], "#d8dce4", 0.8);
        }
    }

    fn signal(&mut self, signal: &Signal, top: f64) {
        let name_at = (self.left - 8.0, top + HIGH - 3.5);
        self.svg.text(name_at, 12.0, Anchor::End, &signal.name);
        if signal.wave.starts_with('p') {
            self.clock(signal.wave.len(), top);
        } else {
            let stretches = stretches(&signal.wave);
            let mut before = None;
            for (level, from, to) in stretches {
                match level {
                    Level::Bit(high) => self.bit(before, high, (from, to), top),
                    Level::Word(index) => {
                        let text = signal.data.get(index).map_or("", String::as_str);
                        self.word("#eef3ff", (from, to), top);
                        // Beside what is left out, not on it.
                        let gap = signal.wave[from..to].find('|');
                        let end = gap.map_or(to, |gap| from + gap);
                        self.words_text(text, (from, end), top);
                    }
                    Level::Worthless => self.word("#d0d3d9", (from, to), top),
                }
                before = Some(level);
            }
        }
        let gaps = signal.wave.match_indices('|');
        for (cycle, _) in gaps {
            self.gap(cycle, top);
        }
    }

    fn clock(&mut self, cycles: usize, top: f64) {
        let mut points = vec![(self.x(0), top + HIGH)];
        for cycle in 0..cycles {
            let (rise, fall) = (self.x(cycle), self.x(cycle) + self.cycle / 2.0);
            points.extend([(rise, top + HIGH), (rise, top), (fall, top)]);
            points.extend([(fall, top + HIGH), (self.x(cycle + 1), top + HIGH)]);
        }
        self.svg.path(&points, INK, 1.2);
    }

    fn bit(&mut self, before: Option<Level>, high: bool, (from, to): (usize, usize), top: f64) {
        let y = |high: bool| if high { top } else { top + HIGH };
        let mut points = Vec::new();
        if let Some(Level::Bit(was)) = before {
            points.push((self.x(from), y(was)));
            points.push((self.x(from) + SLOPE, y(high)));
        } else {
            points.push((self.x(from), y(high)));
        }
        points.push((self.x(to), y(high)));
        self.svg.path(&points, INK, 1.4);
    }

    fn word(&mut self, fill: &str, (from, to): (usize, usize), top: f64) {
        let (left, right, middle) = (self.x(from), self.x(to), top + HIGH / 2.0);
        let points = [
            (left, middle),
            (left + SLOPE, top),
            (right - SLOPE, top),
            (right, middle),
            (right - SLOPE, top + HIGH),
            (left + SLOPE, top + HIGH),
        ];
        self.svg.shape(&points, fill, INK);
    }

    fn words_text(&mut self, text: &str, (from, to): (usize, usize), top: f64) {
        let room = self.x(to) - self.x(from) - 2.0 * SLOPE;
        let size = (11.0 * room / (SMALL * text.len().max(1) as f64)).min(11.0);
        let middle = (self.x(from) + self.x(to)) / 2.0;
        let at = (middle, top + HIGH / 2.0 + size * 0.36);
        let size = (size * 10.0).round() / 10.0;
        self.svg.text(at, size, Anchor::Middle, text);
    }

    /// Two short strokes over the middle of a cycle.
    fn gap(&mut self, cycle: usize, top: f64) {
        let middle = self.x(cycle) + self.cycle / 2.0;
        let stroke = |at: f64| [(at - 3.0, top + HIGH + 3.0), (at + 3.0, top - 3.0)];
        let (left, right) = (stroke(middle - 3.0), stroke(middle + 3.0));
        let white = [left[0], left[1], right[1], right[0]];
        self.svg.shape(&white, "#fff", "#fff");
        self.svg.path(&left, INK, 1.0);
        self.svg.path(&right, INK, 1.0);
    }
}

/// What a wave is, from which cycle to which.
fn stretches(wave: &str) -> Vec<(Level, usize, usize)> {
    let mut stretches: Vec<(Level, usize, usize)> = Vec::new();
    let mut words = 0;
    for (cycle, letter) in wave.chars().enumerate() {
        let level = match letter {
            '0' => Some(Level::Bit(false)),
            '1' => Some(Level::Bit(true)),
            'x' => Some(Level::Worthless),
            '=' => {
                words += 1;
                Some(Level::Word(words - 1))
            }
            _ => None,
        };
        match (level, stretches.last_mut()) {
            (None, Some(last)) => last.2 = cycle + 1,
            (Some(level), Some(last)) if last.0 == level => last.2 = cycle + 1,
            (level, _) => {
                let level = level.unwrap_or(Level::Worthless);
                stretches.push((level, cycle, cycle + 1));
            }
        }
    }
    stretches
}
