//! A core between sources, a sink and a processor that all stall at random; every output beat is
//! compared with what is expected of it.

use logattn_golden::{Configuration, Input};
use logattn_testbenches::core::Axi;
use logattn_testbenches::device::Device;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use std::rc::Rc;

/// A beat: its data in 32-bit words, and whether it is its packet's last.
#[derive(Clone, Debug)]
pub struct Beat {
    pub words: Rc<[u32]>,
    pub last: bool,
}

/// What is known of a row that has to come out.
#[derive(Clone, Debug)]
pub struct Row {
    pub beats: Vec<Rc<[u32]>>,
    /// Whether it has to have these bits; a row that is worth nothing has to come, too.
    pub legal: bool,
}

/// A stream into the core.
pub struct Source<P> {
    pub name: &'static str,
    pub queue: VecDeque<Beat>,
    /// It offers nothing before this cycle.
    pub from: u64,
    /// Of 256.
    pub rate: u8,
    offering: bool,
    /// A packet is under way.
    pub inside: bool,
    /// A packet has come to its end.
    pub loaded: bool,
    data: P,
    last: P,
    valid: P,
    ready: P,
}

impl<P> Source<P> {
    /// Offers nothing any more.
    pub fn give_up(&mut self) {
        self.queue.clear();
        self.offering = false;
        self.inside = false;
        self.from = 0;
    }

    /// A beat is offered and not yet taken.
    pub fn is_offering(&self) -> bool {
        self.offering
    }
}

/// When the processor writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Now,
    /// Rows are surely in flight.
    RowsLocked,
}

/// What the processor is doing.
enum Transaction {
    Idle,
    Write { offset: u32, value: u32, when: When },
    Written,
    Read { offset: u32 },
    Asked,
    Done { value: u32, response: u32 },
}

pub struct World<D: Device> {
    pub device: D,
    pub c: Configuration,
    pub sources: Vec<Source<D::Port>>,
    processor: Axi<D::Port>,
    transaction: Transaction,
    rst: D::Port,
    out: [D::Port; 4],
    pub random: ChaCha8Rng,
    pub cycle: u64,
    /// Rows that have to come out.
    pub expected: VecDeque<Row>,
    /// Beat of the first of them.
    beat: usize,
    /// Rows that came out since the last reset.
    pub rows_out: u32,
    /// Blocks of rows that the core began to take, and rows that came out, since it was idle.
    begun: usize,
    out_since: usize,
    /// The processor writes in this cycle; it takes an answer.
    writing: bool,
    answers: bool,
    sink_rate: u8,
    /// Nothing is compared: a reset is on its way.
    pub careless: bool,
    idle_for: u64,
    patience: u64,
    words: Vec<u32>,
}

impl<D: Device> World<D> {
    pub fn new(device: D, c: &Configuration, seed: u64) -> Self {
        let find = |name: &str| device.port(name).expect("a port of the core");
        let names: &[&str] = match c.input {
            Input::Qkv => &["query", "key", "value"],
            _ => &["attn", "value"],
        };
        let sources = names.iter().map(|name| {
            let port = |signal: &str| find(&format!("s_axis_{name}_{signal}"));
            Source {
                name,
                queue: VecDeque::new(),
                from: 0,
                rate: 255,
                offering: false,
                inside: false,
                loaded: false,
                data: port("tdata"),
                last: port("tlast"),
                valid: port("tvalid"),
                ready: port("tready"),
            }
        });
        let mut world = World {
            c: c.clone(),
            sources: sources.collect(),
            processor: Axi::find(&device).expect("ports of the core"),
            transaction: Transaction::Idle,
            rst: find("rst"),
            out: ["tdata", "tlast", "tvalid", "tready"].map(|s| find(&format!("m_axis_out_{s}"))),
            random: ChaCha8Rng::seed_from_u64(seed),
            cycle: 0,
            expected: VecDeque::new(),
            beat: 0,
            rows_out: 0,
            begun: 0,
            out_since: 0,
            writing: false,
            answers: false,
            sink_rate: 255,
            careless: false,
            idle_for: 0,
            // A row of all keys in all passes, and what is before and behind it.
            patience: (8 * c.max_keys * c.passes() + 4096) as u64,
            words: Vec::new(),
            device,
        };
        world.device.set(world.processor.wstrb, 0xf);
        world.hard_reset();
        world
    }

    /// Another mood of all ports.
    pub fn change_rates(&mut self) {
        let rate = |random: &mut ChaCha8Rng| match random.random_range(0..4) {
            0 | 1 => 255,
            2 => random.random_range(100..255),
            _ => random.random_range(20..100),
        };
        for source in &mut self.sources {
            source.rate = rate(&mut self.random);
        }
        self.sink_rate = rate(&mut self.random);
    }

    /// A cycle with `rst`: whatever was under way is forgotten on both sides.
    pub fn hard_reset(&mut self) {
        for source in &mut self.sources {
            source.queue.clear();
            source.offering = false;
            source.inside = false;
            self.device.set(source.valid, 0);
        }
        let p = &self.processor;
        for port in [p.awvalid, p.wvalid, p.arvalid, p.bready, p.rready] {
            self.device.set(port, 0);
        }
        self.transaction = Transaction::Idle;
        self.device.set(self.rst, 1);
        self.device.settle();
        self.device.clock();
        self.device.set(self.rst, 0);
        self.forget();
    }

    /// The unit has been reset: nothing is to come out.
    pub fn forget(&mut self) {
        self.expected.clear();
        self.beat = 0;
        self.rows_out = 0;
        self.settle_accounts();
        self.careless = false;
    }

    /// Nothing is under way.
    pub fn settle_accounts(&mut self) {
        self.begun = 0;
        self.out_since = 0;
        self.idle_for = 0;
    }

    /// Whether a write in this cycle meets the lock.
    fn locked(&self, when: When) -> bool {
        match when {
            When::Now => true,
            // Two rows may come out until the write is taken.
            When::RowsLocked => self.begun * self.c.query_block > self.out_since + 2,
        }
    }

    /// One cycle.
    pub fn step(&mut self) {
        self.offer();
        let ready = u8::MAX == self.sink_rate || self.random.random::<u8>() < self.sink_rate;
        self.device.set(self.out[3], u32::from(ready));
        self.drive_processor();
        self.device.settle();
        self.look(ready);
        self.take();
        self.watch_processor();
        self.device.clock();
        self.cycle += 1;
        self.idle_for += 1;
        let long_ago = self.cycle.saturating_sub(self.patience);
        let offered = self
            .sources
            .iter()
            .any(|s| !s.queue.is_empty() && s.from < long_ago);
        let held = self.sources[0].from == u64::MAX;
        assert!(
            self.idle_for < self.patience || held || (self.expected.is_empty() && !offered),
            "{}: cycle {}: hangs with {} rows to come, {:?} beats queued",
            self.c.name,
            self.cycle,
            self.expected.len(),
            self.sources
                .iter()
                .map(|s| (s.name, s.queue.len()))
                .collect::<Vec<_>>()
        );
    }

    fn offer(&mut self) {
        for source in &mut self.sources {
            if !source.offering
                && self.cycle >= source.from
                && !source.queue.is_empty()
                && (source.rate == u8::MAX || self.random.random::<u8>() < source.rate)
            {
                source.offering = true;
                let beat = &source.queue[0];
                self.device.set_words(source.data, &beat.words);
                self.device.set(source.last, u32::from(beat.last));
            }
            self.device.set(source.valid, u32::from(source.offering));
        }
    }

    fn take(&mut self) {
        let mut begun = 0;
        for (index, source) in self.sources.iter_mut().enumerate() {
            if source.offering && self.device.get(source.ready) != 0 {
                source.offering = false;
                self.idle_for = 0;
                if let Some(beat) = source.queue.pop_front() {
                    begun += usize::from(index == 0 && !source.inside);
                    source.inside = !beat.last;
                    source.loaded |= beat.last;
                }
            }
        }
        self.begun += begun;
    }

    fn look(&mut self, ready: bool) {
        let [data, last, valid, _] = self.out;
        if self.careless || self.device.get(valid) == 0 {
            return;
        }
        let Some(row) = self.expected.front() else {
            panic!(
                "{}: cycle {}: a beat that nobody expects",
                self.c.name, self.cycle
            );
        };
        let words = &row.beats[self.beat];
        if row.legal && !self.device.equals(data, words) {
            self.words.resize(words.len(), 0);
            self.device.read(data, &mut self.words);
            panic!(
                "{}: cycle {}: a legal row's beat {} is {:x?}, the golden model has {words:x?}",
                self.c.name, self.cycle, self.beat, self.words
            );
        }
        let ends = self.beat + 1 == row.beats.len();
        assert_eq!(self.device.get(last) != 0, ends, "{}: tlast", self.c.name);
        if ready {
            self.idle_for = 0;
            self.beat += 1;
            if ends {
                self.beat = 0;
                self.expected.pop_front();
                self.rows_out += 1;
                self.out_since += 1;
            }
        }
    }

    fn drive_processor(&mut self) {
        let p = &self.processor;
        let (mut write, mut read) = (None, None);
        match self.transaction {
            // What is offered stays offered.
            Transaction::Write {
                offset,
                value,
                when,
            } if self.writing || self.locked(when) => {
                write = Some((offset, value));
            }
            Transaction::Read { offset } => read = Some(offset),
            _ => {}
        }
        self.device.set(p.awvalid, u32::from(write.is_some()));
        self.device.set(p.wvalid, u32::from(write.is_some()));
        if let Some((offset, value)) = write {
            self.device.set(p.awaddr, offset);
            self.device.set(p.wdata, value);
        }
        self.device.set(p.arvalid, u32::from(read.is_some()));
        if let Some(offset) = read {
            self.device.set(p.araddr, offset);
        }
        self.writing = write.is_some();
        let ready = self.random.random::<bool>();
        self.answers = ready;
        self.device.set(p.bready, u32::from(ready));
        self.device.set(p.rready, u32::from(ready));
    }

    fn watch_processor(&mut self) {
        let p = &self.processor;
        let get = |port| self.device.get(port);
        self.transaction = match self.transaction {
            Transaction::Write { .. } if self.writing && get(p.awready) != 0 => {
                Transaction::Written
            }
            Transaction::Written if self.answers && get(p.bvalid) != 0 => Transaction::Done {
                value: 0,
                response: get(p.bresp),
            },
            Transaction::Read { .. } if get(p.arready) != 0 => Transaction::Asked,
            Transaction::Asked if self.answers && get(p.rvalid) != 0 => Transaction::Done {
                value: get(p.rdata),
                response: get(p.rresp),
            },
            _ => return,
        };
    }

    /// Writes while all goes on; the response. A write that waits for a lock which nothing brings
    /// any more is given up (`None`).
    pub fn write(&mut self, offset: u32, value: u32, when: When) -> Option<u32> {
        self.transaction = Transaction::Write {
            offset,
            value,
            when,
        };
        loop {
            let waits = matches!(self.transaction, Transaction::Write { .. }) && !self.writing;
            if when == When::RowsLocked && waits && self.expected.is_empty() {
                self.transaction = Transaction::Idle;
                return None;
            }
            self.step();
            if let Transaction::Done { response, .. } = self.transaction {
                self.transaction = Transaction::Idle;
                return Some(response);
            }
        }
    }

    /// Reads while all goes on: value and response.
    pub fn read(&mut self, offset: u32) -> (u32, u32) {
        self.transaction = Transaction::Read { offset };
        loop {
            self.step();
            if let Transaction::Done { value, response } = self.transaction {
                self.transaction = Transaction::Idle;
                return (value, response);
            }
        }
    }

    /// Cycles until all has been taken and come out.
    pub fn finish(&mut self) {
        while !self.expected.is_empty() || self.sources.iter().any(|s| !s.queue.is_empty()) {
            self.step();
        }
    }
}
