//! The survivor sorter of `accumulate = "sorted"`: rows are read when all of their beats have come.

use crate::Cycle;
use crate::output::Output;
use crate::reserved::ReservedQueue;
use crate::selector::{Feed, SelectorInput};
use crate::simulate::Visitor;
use crate::workload::{Block, Visits};
use logattn_golden::Configuration;
use logattn_golden::microarchitecture::{extra_registers, wire_registers};

/// The sorter's complete row that waits, its row in hand and the stages of its read side.
#[derive(Default)]
pub(crate) struct Sorter {
    /// First cycle in which a row's last beat can be taken: when the row before it is in hand.
    ready_free: Cycle,
    /// The cycle in which the last entry of the row before was read.
    released: Cycle,
    /// The cycle in which the entry before left the memories' output registers.
    moved: Cycle,
    /// The register behind those is there, and the cycle in which the entry before left it.
    deep: bool,
    left: Cycle,
    /// The cycle in which the entry before was taken into the head.
    taken: Cycle,
    /// Cycles more from a row's last beat until it can be read: on its way to the lists, and to know
    /// its items.
    matched: Cycle,
    /// In front of the head, where nothing stalls between the memories and there.
    queue: Option<ReservedQueue>,
}

/// Cycles from an entry's read to the first one in which it can move into the register at the
/// queue's end: the memories' registers, those behind them, *fetched*, the queue's memory.
const ENTRY_WAY: usize = 4;

impl Sorter {
    pub(crate) fn new(c: &Configuration) -> Self {
        Sorter {
            deep: extra_registers(c) > 0,
            matched: Cycle::from(2 * wire_registers(c)),
            queue: (wire_registers(c) > 0).then(|| ReservedQueue::new(ENTRY_WAY)),
            ..Sorter::default()
        }
    }

    /// A row arrives and is visited: its beats, its entries in the order of their levels, and the
    /// number of passes over them.
    pub(crate) fn block<F: Feed>(
        &mut self,
        input: &mut SelectorInput<F>,
        visitor: &mut Visitor,
        output: &mut Output,
        (block, visits, passes): (&Block, &[Visits], usize),
    ) {
        input.begin_block(block.beats);
        let complete = input.whole_row(block.beats, self.ready_free);
        let begins = (complete + 1 + self.matched).max(self.released);
        self.ready_free = begins + 1;
        let mut read = begins;
        for _ in 0..passes {
            for (index, entry) in visits.iter().enumerate() {
                read = (read + 1).max(self.moved);
                if let Some(queue) = &mut self.queue {
                    read = read.max(queue.room());
                    let entered = queue.enter(read, self.taken);
                    self.taken = (entered + 1).max(visitor.head_free);
                } else if self.deep {
                    self.moved = (read + 1).max(self.left);
                    self.left = (self.moved + 1).max(self.taken);
                    self.taken = (self.left + 1).max(visitor.head_free);
                } else {
                    self.moved = (read + 1).max(self.taken);
                    self.taken = (self.moved + 1).max(visitor.head_free);
                }
                let slots = entry.lead + entry.keys.max(1);
                let last = index + 1 == visits.len();
                visitor.visits(self.taken, (slots, entry.reads), last, output);
            }
        }
        self.released = read;
        input.feed.end_block();
    }
}
