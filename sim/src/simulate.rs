//! One pass over a workload: the read side of the queue, the accumulator, the counters.

use crate::Cycle;
use crate::engine::{Engine, ScoreStream};
use crate::loader::Loader;
use crate::output::Output;
use crate::ports::{Ports, Source, StreamRegister};
use crate::scores::Scores;
use crate::selector::{Entry, Feed, Probabilities, SelectorInput};
use crate::sorter::Sorter;
use crate::workload::{Block, SimulationError, Visits, Workload};
use logattn_golden::config::{Accumulate, Configuration, Input};
use logattn_golden::microarchitecture::{
    extra_registers, quantizer_registers, queue_depth, visit_registers, wire_registers,
};
use serde::Serialize;
use std::iter::Sum;
use std::ops::AddAssign;

/// What the unit has counted, as its `count_*` ports show it in a given cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Cycles since reset.
    pub cycles: u64,
    /// Rows handed out completely on `m_axis_out`.
    pub rows: u64,
    /// Keys within the row length, summed over the rows of every block.
    pub keys: u64,
    /// Keys whose code is not 0, counted for each row.
    pub survivors: u64,
    /// Words read from the value memory.
    pub value_reads: u64,
    /// Cycles in which no survivor was there to visit.
    pub stall_input: u64,
    /// Cycles in which a survivor waited for its head's values.
    pub stall_value: u64,
    /// Cycles in which a survivor waited for the rows before it to leave.
    pub stall_output: u64,
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.cycles += other.cycles;
        self.rows += other.rows;
        self.keys += other.keys;
        self.survivors += other.survivors;
        self.value_reads += other.value_reads;
        self.stall_input += other.stall_input;
        self.stall_value += other.stall_value;
        self.stall_output += other.stall_output;
    }
}

impl Sum for Counters {
    fn sum<I: Iterator<Item = Counters>>(runs: I) -> Self {
        runs.fold(Counters::default(), |mut sum, run| {
            sum += run;
            sum
        })
    }
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The cycle of every transfer on `m_axis_out`, in order.
    pub transfers: Vec<Cycle>,
    /// The counters in cycle [`Run::counted_at`].
    pub counters: Counters,
    /// The cycle of every transfer on `s_axis_value`, in order; empty unless traced.
    pub value_transfers: Vec<Cycle>,
    /// The cycle of every transfer on `s_axis_attn` (with `input = "qkv"`, on `s_axis_query`), in
    /// order; empty unless traced.
    pub attn_transfers: Vec<Cycle>,
    /// The cycle of every transfer on `s_axis_key`, in order; empty unless traced, and without
    /// `input = "qkv"`.
    pub key_transfers: Vec<Cycle>,
}

impl Run {
    /// The cycle in which the counters are read: three after the last transfer, when every event
    /// of the run has reached them.
    pub fn counted_at(&self) -> Cycle {
        self.counters.cycles
    }
}

/// Events reach the counters' ports two cycles later.
const COUNTER_LAG: Cycle = 2;

/// Simulates `workload` on the unit of `configuration` between ports that stall as `ports` says.
///
/// # Errors
/// A workload that was built for a unit of another shape.
pub fn simulate(
    configuration: &Configuration,
    workload: &Workload,
    ports: &Ports,
) -> Result<Run, SimulationError> {
    pass(configuration, workload, ports, false)
}

/// As [`simulate`], and gives the cycles of the inputs' transfers too.
///
/// # Errors
/// As [`simulate`].
pub fn trace(
    configuration: &Configuration,
    workload: &Workload,
    ports: &Ports,
) -> Result<Run, SimulationError> {
    pass(configuration, workload, ports, true)
}

fn pass(
    configuration: &Configuration,
    workload: &Workload,
    ports: &Ports,
    traced: bool,
) -> Result<Run, SimulationError> {
    let c = configuration;
    workload.check(c)?;
    let values = Loader::new(c, Source::new(ports.value, traced));
    let attn = Source::new(ports.attn, traced);
    Ok(match c.input {
        Input::Probabilities => {
            let feed = Probabilities::new(attn, quantizer_registers(c));
            run(c, workload, ports, feed, values)
        }
        Input::Scores => {
            let scores = Scores::new(c, ScoreStream::new(attn), traced);
            run(c, workload, ports, scores, values)
        }
        Input::Qkv => {
            let engine = Engine::new(c, attn, Source::new(ports.key, traced));
            run(c, workload, ports, Scores::new(c, engine, traced), values)
        }
    })
}

fn run<F: Feed>(
    c: &Configuration,
    workload: &Workload,
    ports: &Ports,
    feed: F,
    mut values: Loader,
) -> Run {
    let beats = workload.blocks.len() * c.output_beats();
    let mut unit = Unit {
        input: SelectorInput::new(feed, queue_depth(c)),
        visitor: Visitor {
            deep: extra_registers(c) > 0,
            registers: visit_registers(c),
            gated: c.accumulate == Accumulate::Sorted,
            gate_lag: Cycle::from(wire_registers(c)),
            ..Visitor::default()
        },
        output: Output::new(c, ports.out, beats),
        row: Vec::new(),
        passes: c.passes(),
        sorter: (c.accumulate == Accumulate::Sorted).then(|| Sorter::new(c)),
    };
    let (mut blocks, mut start) = (workload.blocks.iter(), 0);
    for head in &workload.heads {
        unit.visitor.loaded = values.load(head.value_words);
        unit.input.feed.begin_head(head.keys);
        for block in blocks.by_ref().take(head.blocks) {
            unit.block(block, &workload.visits[start..block.end]);
            start = block.end;
        }
        unit.input.feed.end_head();
        values.release(unit.visitor.popped);
    }
    Run {
        value_transfers: values.transfers(),
        ..unit.finish(c, workload)
    }
}

struct Unit<F> {
    input: SelectorInput<F>,
    visitor: Visitor,
    output: Output,
    /// Entries of the row in hand, for the passes after the first.
    row: Vec<Entry>,
    passes: usize,
    /// With `accumulate = "sorted"`, in place of the queue.
    sorter: Option<Sorter>,
}

impl<F: Feed> Unit<F> {
    /// The beats of a query block arrive.
    fn block(&mut self, block: &Block, visits: &[Visits]) {
        if let Some(sorter) = &mut self.sorter {
            sorter.block(
                &mut self.input,
                &mut self.visitor,
                &mut self.output,
                (block, visits, self.passes),
            );
            return;
        }
        self.input.begin_block(block.beats);
        let mut arrived = 0;
        for Visits { beat, keys, .. } in visits {
            self.input.skip(usize::from(*beat) - arrived);
            arrived = usize::from(*beat) + 1;
            if let Some(entry) = self.input.survivors(*keys) {
                self.enter(entry);
            }
        }
        let last = self.input.end_row(block.beats - arrived, block.alone);
        self.enter(last);
        self.input.feed.end_block();
    }

    /// An entry has been written to the queue: everything up to its last visit follows.
    #[inline(always)]
    fn enter(&mut self, entry: Entry) {
        let (read, _) = self.visitor.entry(entry, &mut self.output);
        if self.passes == 1 {
            // Nothing comes back to it: its place is free as soon as it has been read.
            self.input.free(read);
            return;
        }
        self.row.push(entry);
        if entry.last {
            let row = std::mem::take(&mut self.row);
            for pass in 1..self.passes {
                for entry in &row {
                    let (_, taken) = self.visitor.entry(*entry, &mut self.output);
                    if pass + 1 == self.passes {
                        self.input.free(taken);
                    }
                }
            }
            self.row = row;
            self.row.clear();
        }
    }

    fn finish(self, configuration: &Configuration, workload: &Workload) -> Run {
        let visitor = self.visitor;
        let (transfers, inputs) = (self.output.transfers, self.input.feed.transfers());
        let cycles = transfers.last().map_or(0, |last| last + 1 + COUNTER_LAG);
        let observed = cycles.saturating_sub(COUNTER_LAG - 1);
        let idle_after = observed.saturating_sub(visitor.next_pop);
        let counters = Counters {
            cycles,
            rows: (workload.blocks.len() * configuration.query_block) as u64,
            keys: workload.keys,
            survivors: workload.survivors,
            value_reads: visitor.reads,
            stall_input: visitor.stall_input + idle_after,
            stall_value: visitor.stall_value,
            stall_output: visitor.stall_output,
        };
        Run {
            transfers,
            counters,
            value_transfers: Vec::new(),
            attn_transfers: inputs.attn,
            key_transfers: inputs.key,
        }
    }
}

/// Most registers from the value memory's to the last one before the sums.
const MOST_REGISTERS: usize = 4;

/// From the queue's read side to the sums. Every field that is a cycle is the first one in which
/// the next thing of its kind can happen, unless it says otherwise.
#[derive(Default)]
pub(crate) struct Visitor {
    /// There is another register between the queue's output and the head.
    deep: bool,
    /// Registers from the value memory's to the last one before the sums.
    registers: usize,
    /// Those registers do not stall: a row that might have to waits in front of them.
    gated: bool,
    /// Cycles more until it is let in.
    gate_lag: Cycle,
    /// Where that is so, the first visit of the row in hand, until it has been: when the normalizer
    /// can take the row before.
    admitted: Cycle,
    /// Taking an entry out of the queue's output register, where that other one is.
    fetch_free: Cycle,
    /// In front of the value memory, where there are such registers.
    handed_over: StreamRegister,
    /// Reading the next entry into the queue's output register: when the one before is taken.
    readable: Cycle,
    /// Taking an entry: the cycle of the last visit of the entry before.
    pub(crate) head_free: Cycle,
    /// The head's values can be read from here on.
    loaded: Cycle,
    next_pop: Cycle,
    /// The cycle of the last visit.
    popped: Cycle,
    /// The cycles in which the survivor before left each register.
    left: [Cycle; MOST_REGISTERS],
    /// The sums take the next survivor: when the finished row before it is captured.
    sums_free: Cycle,
    reads: u64,
    stall_input: u64,
    stall_value: u64,
    stall_output: u64,
}

impl Visitor {
    /// Visits an entry's survivors; gives the cycles in which the entry was read from the queue and
    /// taken out of its output register.
    #[inline(always)]
    fn entry(&mut self, entry: Entry, output: &mut Output) -> (Cycle, Cycle) {
        let read = (entry.pushed + 1).max(self.readable);
        let (mut left, mut taken) = (read + 1, (read + 1).max(self.head_free));
        if self.deep {
            left = left.max(self.fetch_free);
            taken = (left + 1).max(self.head_free);
            self.fetch_free = taken;
        } else {
            left = taken;
        }
        self.readable = left;
        self.visits(
            taken,
            (entry.visits.max(1), entry.visits),
            entry.last,
            output,
        );
        (read, left)
    }

    /// Visits the keys of an entry that is taken into the head in cycle `taken`.
    ///
    /// # Arguments
    /// - `slots`: the cycles that it takes when nothing is in the way, and the values read in them.
    /// - `last`: it is its row's last one in this pass.
    #[inline(always)]
    pub(crate) fn visits(
        &mut self,
        taken: Cycle,
        (slots, reads): (u8, u8),
        last: bool,
        output: &mut Output,
    ) {
        if self.deep {
            self.hand_over(taken + 1, slots);
        } else {
            self.wait(taken + 1);
            if self.flows() {
                self.flow(slots);
            } else {
                for _ in 0..slots {
                    self.pop();
                }
            }
            self.head_free = self.popped;
        }
        self.reads += u64::from(reads);
        if last {
            if self.gated {
                self.admitted = output.free() + self.gate_lag;
            }
            self.sums_free = output.capture(self.left[self.registers - 1] + 1);
        }
    }

    /// A survivor is offered to the value memory from cycle `offered` on, which may have to wait for
    /// the head's values.
    #[inline]
    fn wait(&mut self, offered: Cycle) {
        if offered > self.next_pop {
            self.stall_input += offered - self.next_pop;
            self.next_pop = offered;
        }
        if self.loaded > self.next_pop {
            self.stall_value += self.loaded - self.next_pop;
            self.next_pop = self.loaded;
        }
    }

    /// The head offers `slots` visits from cycle `offered` on, which pass a stream register to the
    /// value memory.
    #[inline]
    fn hand_over(&mut self, offered: Cycle, slots: u8) {
        // One cycle behind the head, nothing waits in the register.
        if self.next_pop <= offered + 1 && self.loaded <= offered + 1 {
            self.wait(offered + 1);
            if self.flows() {
                self.flow(slots);
                self.head_free = self.popped - 1;
                for pop in self.popped + 1 - Cycle::from(slots.min(2))..=self.popped {
                    self.handed_over.leaves(pop);
                }
                return;
            }
        }
        let mut offered = offered;
        for _ in 0..slots {
            let handed_over = offered.max(self.handed_over.room());
            self.wait(self.handed_over.earliest(handed_over));
            self.pop();
            self.handed_over.leaves(self.popped);
            self.head_free = handed_over;
            offered = handed_over + 1;
        }
    }

    /// `slots` visits in a row, with nothing in the way.
    #[inline]
    fn flow(&mut self, slots: u8) {
        self.admitted = 0;
        self.popped = self.next_pop + Cycle::from(slots) - 1;
        self.next_pop = self.popped + 1;
        for (index, left) in self.left[..self.registers].iter_mut().enumerate() {
            *left = self.popped + 1 + index as Cycle;
        }
    }

    /// Nothing is in the way of the next survivor, and so of those right after it.
    #[inline]
    fn flows(&self) -> bool {
        if self.gated {
            return self.admitted <= self.next_pop;
        }
        let mut left = self.left[..self.registers].iter().zip(self.next_pop..);
        left.all(|(left, free)| *left <= free)
            && self.sums_free <= self.next_pop + self.registers as Cycle
    }

    /// Visits a survivor.
    #[inline]
    fn pop(&mut self) {
        if self.gated {
            self.stall_output += self.admitted.saturating_sub(self.next_pop);
            self.next_pop = self.next_pop.max(self.admitted);
            self.flow(1);
            return;
        }
        let popped = self.next_pop.max(self.left[0]);
        self.stall_output += popped - self.next_pop;
        self.popped = popped;
        self.next_pop = popped + 1;
        let mut entered = popped;
        for register in 0..self.registers {
            // It moves on when the one before it has left the next register.
            let free = match register + 1 < self.registers {
                true => self.left[register + 1],
                false => self.sums_free,
            };
            entered = (entered + 1).max(free);
            self.left[register] = entered;
        }
    }
}
