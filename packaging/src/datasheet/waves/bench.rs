//! Plays a stimulus to the core's netlist and writes down what every port does.

use crate::PackagingError;
use logattn_hdl::netlist::{Evaluator, Module, NetlistError, PortHandle};
use std::collections::{HashMap, VecDeque};

/// Cycles after which something that is waited for is taken not to come.
const PATIENCE: usize = 20_000;

/// A beat to be sent.
pub(super) struct Beat {
    /// Its last one has `tlast`.
    pub last: bool,
    /// Cycles without `tvalid` before it.
    pub pause: usize,
    /// `tdata`; random if absent.
    pub words: Option<Vec<u64>>,
}

/// One stream into the core.
struct Source {
    data: PortHandle,
    last: PortHandle,
    valid: PortHandle,
    ready: PortHandle,
    beats: VecDeque<Beat>,
    /// `tdata` of the beat in hand.
    words: Vec<u64>,
}

/// The core with everything around it.
pub(super) struct Bench {
    diagram: &'static str,
    evaluator: Evaluator,
    handles: HashMap<String, PortHandle>,
    sources: HashMap<&'static str, Source>,
    /// State of the generator of data.
    random: u64,
    /// Whether cycles are written down.
    pub recording: bool,
    /// Names of what is written down.
    watched: Vec<String>,
    /// For each cycle, the low 64 bits of what is watched.
    samples: Vec<Vec<u64>>,
}

impl Bench {
    /// The core after its reset, with nothing going on.
    ///
    /// # Arguments
    /// - `evaluator`: of `core`, in which nothing has happened.
    pub fn new(
        diagram: &'static str,
        core: &Module,
        evaluator: Evaluator,
    ) -> Result<Self, PackagingError> {
        let named = core.ports().iter().filter_map(|port| {
            let handle = evaluator.port(&port.name).ok()?;
            Some((port.name.clone(), handle))
        });
        let mut bench = Bench {
            diagram,
            handles: named.collect(),
            evaluator,
            sources: HashMap::new(),
            random: 1,
            recording: false,
            watched: Vec::new(),
            samples: Vec::new(),
        };
        for name in ["value", "attn", "query", "key"] {
            if let Ok(source) = bench.source(name) {
                bench.sources.insert(name, source);
            }
        }
        bench.set("m_axis_out_tready", 1)?;
        bench.set("rst", 1)?;
        bench.step();
        bench.set("rst", 0)?;
        bench.step();
        Ok(bench)
    }

    fn handle(&self, name: &str) -> Result<PortHandle, NetlistError> {
        match self.handles.get(name) {
            Some(handle) => Ok(*handle),
            None => self.evaluator.port(name),
        }
    }

    fn source(&self, name: &str) -> Result<Source, NetlistError> {
        let port = |signal: &str| self.handle(&format!("s_axis_{name}_t{signal}"));
        let data = port("data")?;
        Ok(Source {
            data,
            last: port("last")?,
            valid: port("valid")?,
            ready: port("ready")?,
            beats: VecDeque::new(),
            words: vec![0; data.ty().width().div_ceil(64) as usize],
        })
    }

    /// Drives an input.
    pub fn set(&mut self, port: &str, value: u64) -> Result<(), PackagingError> {
        let handle = self.handle(port)?;
        self.evaluator.set_at(handle, value);
        Ok(())
    }

    fn get(&self, port: &str) -> Result<u64, PackagingError> {
        Ok(self.evaluator.get_at(self.handle(port)?))
    }

    /// Writes down these ports from now on.
    pub fn watch(&mut self, ports: &[String]) {
        self.watched = ports.to_vec();
        self.samples.clear();
        self.recording = true;
    }

    /// What was written down of a port.
    pub fn recorded(&self, port: &str) -> Vec<u64> {
        let Some(column) = self.watched.iter().position(|name| name == port) else {
            return Vec::new();
        };
        self.samples.iter().map(|sample| sample[column]).collect()
    }

    /// How many cycles were written down.
    pub fn recorded_cycles(&self) -> usize {
        self.samples.len()
    }

    /// A packet to be sent on `s_axis_{stream}`, one beat a cycle; its data are random.
    ///
    /// # Arguments
    /// - `pause`: a beat, and the cycles without `tvalid` before it.
    /// - `last`: whether its last beat has `tlast`.
    pub fn send(&mut self, stream: &str, beats: usize, pause: Option<(usize, usize)>, last: bool) {
        if let Some(source) = self.sources.get_mut(stream) {
            source.beats.extend((0..beats).map(|beat| Beat {
                last: last && beat + 1 == beats,
                pause: pause.map_or(0, |(at, cycles)| if at == beat { cycles } else { 0 }),
                words: None,
            }));
        }
    }

    /// A packet of the given data, one beat a cycle.
    pub fn send_data(&mut self, stream: &str, beats: Vec<Vec<u64>>) {
        if let Some(source) = self.sources.get_mut(stream) {
            let count = beats.len();
            let numbered = beats.into_iter().enumerate();
            source.beats.extend(numbered.map(|(beat, words)| Beat {
                last: beat + 1 == count,
                pause: 0,
                words: Some(words),
            }));
        }
    }

    /// One cycle.
    pub fn step(&mut self) {
        for source in self.sources.values_mut() {
            let offered = source.beats.front().filter(|beat| beat.pause == 0);
            let valid = u64::from(offered.is_some());
            let last = u64::from(offered.is_some_and(|beat| beat.last));
            self.evaluator.set_at(source.valid, valid);
            self.evaluator.set_at(source.last, last);
            let words = offered.and_then(|beat| beat.words.as_ref());
            let words = words.unwrap_or(&source.words);
            self.evaluator.set_words_at(source.data, words);
        }
        self.evaluator.settle();
        if self.recording {
            self.record();
        }
        for name in ["value", "attn", "query", "key"] {
            let Some(source) = self.sources.get_mut(name) else {
                continue;
            };
            let valid = self.evaluator.get_at(source.valid) == 1;
            let ready = self.evaluator.get_at(source.ready) == 1;
            if valid && ready {
                source.beats.pop_front();
                for word in &mut source.words {
                    *word = next_random(&mut self.random);
                }
            } else if let (false, Some(beat)) = (valid, source.beats.front_mut()) {
                beat.pause -= 1;
            }
        }
        self.evaluator.rise();
    }

    fn record(&mut self) {
        let value = |name: &String| {
            let handle = self.handles.get(name);
            handle.map_or(0, |handle| self.evaluator.get_at(*handle))
        };
        self.samples.push(self.watched.iter().map(value).collect());
    }

    /// Some cycles.
    pub fn steps(&mut self, cycles: usize) {
        for _ in 0..cycles {
            self.step();
        }
    }

    /// Goes on until the last beat of a packet has left on `m_axis_out`.
    pub fn until_row_out(&mut self) -> Result<(), PackagingError> {
        for _ in 0..PATIENCE {
            self.evaluator.settle();
            let leaves = ["valid", "ready", "last"]
                .map(|signal| self.get(&format!("m_axis_out_t{signal}")))
                .into_iter()
                .collect::<Result<Vec<_>, _>>()?;
            self.step();
            if leaves.iter().all(|signal| *signal == 1) {
                return Ok(());
            }
        }
        Err(self.missing("the last beat of a row"))
    }

    /// Goes on until a beat is offered on an output stream, which it leaves there.
    pub fn until_offered(&mut self, stream: &str) -> Result<(), PackagingError> {
        for _ in 0..PATIENCE {
            self.evaluator.settle();
            if self.get(&format!("{stream}_tvalid"))? == 1 {
                return Ok(());
            }
            self.step();
        }
        Err(self.missing("an output"))
    }

    /// Goes on until all packets have been taken.
    pub fn until_sent(&mut self) -> Result<(), PackagingError> {
        for _ in 0..PATIENCE {
            if self.sources.values().all(|source| source.beats.is_empty()) {
                return Ok(());
            }
            self.step();
        }
        Err(self.missing("the last beat that is sent"))
    }

    fn missing(&self, wanted: &str) -> PackagingError {
        PackagingError::Diagram {
            diagram: self.diagram,
            wanted: wanted.into(),
            cycles: PATIENCE,
        }
    }

    /// Goes on until the ports of `handshakes` that are offered have been taken, then no longer
    /// offers them.
    fn until_taken(&mut self, mut channels: Vec<&str>) -> Result<(), PackagingError> {
        for _ in 0..PATIENCE {
            self.evaluator.settle();
            let mut taken = Vec::new();
            for channel in &channels {
                let valid = self.get(&format!("s_axil_{channel}valid"))? == 1;
                let ready = self.get(&format!("s_axil_{channel}ready"))? == 1;
                if valid && ready {
                    taken.push(*channel);
                }
            }
            self.step();
            for channel in taken {
                channels.retain(|other| *other != channel);
                let offers = match channel {
                    "b" | "r" => "ready",
                    _ => "valid",
                };
                self.set(&format!("s_axil_{channel}{offers}"), 0)?;
            }
            if channels.is_empty() {
                return Ok(());
            }
        }
        Err(self.missing("a handshake of the registers' port"))
    }

    /// Writes a register.
    pub fn write(&mut self, offset: u32, value: u32) -> Result<(), PackagingError> {
        for (port, value) in [
            ("awaddr", u64::from(offset)),
            ("awvalid", 1),
            ("wdata", u64::from(value)),
            ("wstrb", 15),
            ("wvalid", 1),
            ("bready", 1),
        ] {
            self.set(&format!("s_axil_{port}"), value)?;
        }
        self.until_taken(vec!["aw", "w", "b"])
    }

    /// Reads a register; its value is in what is recorded.
    pub fn read(&mut self, offset: u32) -> Result<(), PackagingError> {
        for (port, value) in [("araddr", u64::from(offset)), ("arvalid", 1), ("rready", 1)] {
            self.set(&format!("s_axil_{port}"), value)?;
        }
        self.until_taken(vec!["ar", "r"])
    }
}

/// Knuth's linear congruential generator with its low bits mixed.
fn next_random(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state ^ (*state >> 29)
}
