//! From what was recorded to a diagram.

use super::bench::Bench;
use super::description::{Diagram, Head, Lane, Scale, Signal};

/// Cycles alike in a row that are all shown.
const MOST_ALIKE: usize = 6;
/// Of more of them, those at each end that are.
const SHOWN: usize = 2;

/// What a diagram is to show.
#[derive(Clone, Copy)]
pub(super) enum Show {
    /// The clock, and the number of each cycle.
    Clock,
    /// A bit.
    Bit(&'static str),
    /// A word in hexadecimal while the bit is high.
    Word(&'static str, &'static str),
    /// A whole stream; its beats are named by the letter, the packet and the beat in it.
    Stream(&'static str, char),
    /// Room.
    Space,
}

/// A row of what is shown: a text for each cycle.
struct Track {
    name: String,
    cells: Vec<Cell>,
    /// Whether cycles differ that differ only in this.
    tells: bool,
}

#[derive(Clone, PartialEq)]
enum Cell {
    Clock,
    Bit(bool),
    Word(String),
    Worthless,
}

/// The ports that have to be watched.
pub(super) fn watched(shown: &[Show]) -> Vec<String> {
    let ports = shown.iter().flat_map(|show| match *show {
        Show::Clock | Show::Space => Vec::new(),
        Show::Bit(name) => vec![name.to_string()],
        Show::Word(name, valid) => vec![name.to_string(), valid.to_string()],
        Show::Stream(name, _) => ["valid", "ready", "last"]
            .map(|signal| format!("{name}_t{signal}"))
            .into(),
    });
    ports.collect()
}

/// The diagram of what was recorded.
pub(super) fn diagram(title: &str, bench: &Bench, shown: &[Show], hscale: u32) -> Diagram {
    let cycles = bench.recorded_cycles();
    let mut lanes: Vec<Option<Track>> = Vec::new();
    for show in shown {
        match *show {
            Show::Space => lanes.push(None),
            Show::Clock => lanes.extend(clock(cycles).map(Some)),
            Show::Bit(name) => lanes.push(Some(bit(bench, name))),
            Show::Word(name, valid) => lanes.push(Some(word(bench, name, valid))),
            Show::Stream(name, letter) => lanes.extend(stream(bench, name, letter).map(Some)),
        }
    }
    let columns = columns(&lanes, cycles);
    let signal = lanes.iter().map(|track| match track {
        None => Lane::Space,
        Some(track) => Lane::Signal(track.signal(&columns)),
    });
    Diagram {
        signal: signal.collect(),
        head: Head { text: title.into() },
        config: Scale { hscale },
    }
}

fn clock(cycles: usize) -> [Track; 2] {
    [
        Track {
            name: "clk".into(),
            cells: vec![Cell::Clock; cycles],
            tells: false,
        },
        Track {
            name: "cycle".into(),
            cells: (0..cycles)
                .map(|cycle| Cell::Word(cycle.to_string()))
                .collect(),
            tells: false,
        },
    ]
}

fn bit(bench: &Bench, name: &str) -> Track {
    let values = bench.recorded(name).into_iter();
    Track {
        name: name.into(),
        cells: values.map(|value| Cell::Bit(value == 1)).collect(),
        tells: true,
    }
}

fn word(bench: &Bench, name: &str, valid: &str) -> Track {
    let values = bench.recorded(name).into_iter().zip(bench.recorded(valid));
    Track {
        name: name.into(),
        cells: values
            .map(|(value, valid)| match valid {
                0 => Cell::Worthless,
                _ => Cell::Word(format!("0x{value:x}")),
            })
            .collect(),
        tells: true,
    }
}

fn stream(bench: &Bench, name: &str, letter: char) -> [Track; 4] {
    let track = |signal: &str| bit(bench, &format!("{name}_t{signal}"));
    let [valid, ready, mut last] = ["valid", "ready", "last"].map(track);
    let (mut packet, mut beat) = (0, 0);
    let mut beats = Vec::new();
    for cycle in 0..valid.cells.len() {
        let [is_valid, is_ready, is_last] =
            [&valid, &ready, &last].map(|track| track.cells[cycle] == Cell::Bit(true));
        beats.push(if is_valid {
            Cell::Word(format!("{letter}{packet}.{beat}"))
        } else {
            last.cells[cycle] = Cell::Worthless;
            Cell::Worthless
        });
        (packet, beat) = match (is_valid && is_ready, is_last) {
            (true, true) => (packet + 1, 0),
            (true, false) => (packet, beat + 1),
            _ => (packet, beat),
        };
    }
    let data = Track {
        name: format!("{name}_tdata"),
        cells: beats,
        tells: false,
    };
    [data, last, valid, ready]
}

/// The cycles that are shown; `None` where some are left out.
fn columns(lanes: &[Option<Track>], cycles: usize) -> Vec<Option<usize>> {
    let telling: Vec<&Track> = lanes.iter().flatten().filter(|track| track.tells).collect();
    let alike = |a: usize, b: usize| telling.iter().all(|track| track.cells[a] == track.cells[b]);
    let mut columns = Vec::new();
    let mut from = 0;
    while from < cycles {
        let run = (from..cycles)
            .take_while(|cycle| alike(from, *cycle))
            .count();
        if run > MOST_ALIKE {
            columns.extend((from..from + SHOWN).map(Some));
            columns.push(None);
            columns.extend((from + run - SHOWN..from + run).map(Some));
        } else {
            columns.extend((from..from + run).map(Some));
        }
        from += run;
    }
    columns
}

impl Track {
    fn signal(&self, columns: &[Option<usize>]) -> Signal {
        let (mut wave, mut data) = (String::new(), Vec::new());
        let mut before = None;
        for column in columns {
            let Some(cell) = column.map(|cycle| &self.cells[cycle]) else {
                wave.push('|');
                continue;
            };
            if before == Some(cell) {
                wave.push('.');
                continue;
            }
            before = Some(cell);
            wave.push(match cell {
                Cell::Clock => 'p',
                Cell::Bit(false) => '0',
                Cell::Bit(true) => '1',
                Cell::Worthless => 'x',
                Cell::Word(text) => {
                    data.push(text.clone());
                    '='
                }
            });
        }
        Signal {
            name: self.name.clone(),
            wave,
            data,
        }
    }
}
