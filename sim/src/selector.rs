//! Quantizer, the survivor selector's hold-back register and the write side of its queue.

use crate::way::Way;
use crate::{Cycle, ports::Source};

/// An entry of the queue: a beat with survivors, or the token of a row without any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Keys to visit; 0 for the token of a row that visits none.
    pub visits: u8,
    /// Last of its row.
    pub last: bool,
    /// Cycle in which it is written to the queue.
    pub pushed: Cycle,
}

/// What the quantizer gets its beats from.
pub(crate) trait Feed {
    /// The next head has `keys` keys.
    fn begin_head(&mut self, keys: usize);
    /// All beats of the head have been quantized.
    fn end_head(&mut self);
    /// The next block has `beats` beats, at least 1; gives the first cycle in which one can be in
    /// the quantizer's register.
    fn begin_block(&mut self, beats: usize) -> Cycle;
    /// All beats of the block have been taken from the quantizer's register.
    fn end_block(&mut self);
    /// Whether `begin_block` says all there is to say: every beat is ready in that cycle or as soon
    /// as the quantizer's register is free. Then beats are reported as `taken`, otherwise asked for
    /// as `quantized`.
    fn is_prompt(&self) -> bool;
    /// A run of `beats` beats is taken from the quantizer's register, one a cycle from `first` on.
    fn taken(&mut self, first: Cycle, beats: usize);
    /// The next beat enters the quantizer's register, which is free from cycle `free` on; gives the
    /// cycle in which it does.
    fn quantized(&mut self, free: Cycle) -> Cycle;
    /// The cycles of the inputs' transfers; empty unless traced.
    fn transfers(self) -> Transfers;
}

/// The cycles of the transfers on the inputs but `s_axis_value`.
pub(crate) struct Transfers {
    /// On `s_axis_attn` or `s_axis_query`.
    pub attn: Vec<Cycle>,
    /// On `s_axis_key`.
    pub key: Vec<Cycle>,
}

/// The cycle in which the first beat can have passed the stream register.
const FIRST_REGISTERED: Cycle = 1;

/// Probabilities, which come straight from `s_axis_attn`.
pub(crate) struct Probabilities {
    source: Source,
    /// The registers in front of the codes'.
    way: Way,
}

impl Probabilities {
    /// `registers`: elastic registers in front of the codes'.
    pub(crate) fn new(source: Source, registers: usize) -> Self {
        Probabilities {
            source,
            way: Way::new(registers),
        }
    }
}

/// A source that never stalls and whose transfers nobody asks for is prompt: beat i is taken from
/// it no later than a cycle before beat i - 1 leaves the quantizer, as every register before it is
/// emptied in the cycle in which the next one is.
impl Feed for Probabilities {
    fn begin_head(&mut self, _: usize) {}

    fn end_head(&mut self) {}

    #[inline]
    fn begin_block(&mut self, _: usize) -> Cycle {
        FIRST_REGISTERED + self.way.before()
    }

    #[inline]
    fn end_block(&mut self) {}

    fn is_prompt(&self) -> bool {
        self.source.is_prompt()
    }

    #[inline]
    fn taken(&mut self, _: Cycle, _: usize) {}

    #[inline]
    fn quantized(&mut self, free: Cycle) -> Cycle {
        let cycle = self.way.enter(self.source.send(), free);
        self.source.leaves(self.way.entered());
        cycle
    }

    fn transfers(self) -> Transfers {
        Transfers {
            attn: self.source.transfers.unwrap_or_default(),
            key: Vec::new(),
        }
    }
}

/// From the quantizer to the queue's write port.
pub(crate) struct SelectorInput<F> {
    pub(crate) feed: F,
    prompt: bool,
    /// First cycle in which the quantizer's register can take the next beat.
    quantizer_free: Cycle,
    /// First cycle in which the next beat can be taken from the quantizer.
    next: Cycle,
    /// Survivors of the beat that is held back because its row may go on.
    held: Option<u8>,
    /// Cycle in which a held beat that is known to end its row leaves for the queue.
    held_leaves: Cycle,
    /// For each place of the queue, the first cycle in which it may be written again.
    places: Vec<Cycle>,
    write_place: usize,
    free_place: usize,
}

impl<F: Feed> SelectorInput<F> {
    pub(crate) fn new(feed: F, depth: usize) -> Self {
        SelectorInput {
            prompt: feed.is_prompt(),
            feed,
            quantizer_free: 0,
            next: 0,
            held: None,
            held_leaves: 0,
            places: vec![0; depth],
            write_place: 0,
            free_place: 0,
        }
    }

    /// A block of `beats` beats begins.
    #[inline]
    pub(crate) fn begin_block(&mut self, beats: usize) {
        self.next = self.next.max(self.feed.begin_block(beats) + 1);
    }

    /// `beats` beats without survivors arrive, none of them the last of its row.
    #[inline]
    pub(crate) fn skip(&mut self, beats: usize) {
        if self.prompt {
            self.feed.taken(self.next, beats);
            self.next += beats as Cycle;
        } else {
            for _ in 0..beats {
                let taken = self.offered();
                self.take(taken);
            }
        }
    }

    /// A beat with survivors arrives and is held back; gives the entry that was held before it.
    #[inline]
    pub(crate) fn survivors(&mut self, visits: u8) -> Option<Entry> {
        let offered = self.offered();
        let before = self.held.replace(visits);
        let taken = match before {
            Some(_) => offered.max(self.places[self.write_place]),
            None => offered.max(self.held_leaves),
        };
        self.take(taken);
        before.map(|visits| self.push(visits, false, taken))
    }

    /// A whole row of `beats` beats arrives, the last one not before cycle `free`; gives the cycle in
    /// which that one is taken.
    #[inline]
    pub(crate) fn whole_row(&mut self, beats: usize, free: Cycle) -> Cycle {
        self.skip(beats - 1);
        let taken = self.offered().max(free);
        self.take(taken);
        taken
    }

    /// The row ends after `beats` more beats without survivors; gives its last entry, a token of
    /// `alone` visits if it is the only one.
    #[inline]
    pub(crate) fn end_row(&mut self, beats: usize, alone: u8) -> Entry {
        if beats > 0 {
            self.skip(beats - 1);
            let offered = self.offered();
            // All that is left of the row is this beat's token, which needs the register.
            let taken = if self.held.is_none() {
                offered.max(self.held_leaves)
            } else {
                offered
            };
            self.take(taken);
        }
        let visits = self.held.take().unwrap_or(alone);
        self.held_leaves = self.next.max(self.places[self.write_place]);
        self.push(visits, true, self.held_leaves)
    }

    /// A beat is taken from the quantizer in `cycle`.
    #[inline]
    fn take(&mut self, cycle: Cycle) {
        if self.prompt {
            self.feed.taken(cycle, 1);
        }
        self.quantizer_free = cycle;
        self.next = cycle + 1;
    }

    /// The first cycle in which the next beat can be taken from the quantizer.
    #[inline]
    fn offered(&mut self) -> Cycle {
        if self.prompt {
            return self.next;
        }
        (self.feed.quantized(self.quantizer_free) + 1).max(self.next)
    }

    #[inline]
    fn push(&mut self, visits: u8, last: bool, pushed: Cycle) -> Entry {
        self.write_place = (self.write_place + 1) & (self.places.len() - 1);
        Entry {
            visits,
            last,
            pushed,
        }
    }

    /// The oldest entry leaves the queue for good in `cycle`.
    #[inline]
    pub(crate) fn free(&mut self, cycle: Cycle) {
        self.places[self.free_place] = cycle + 1;
        self.free_place = (self.free_place + 1) & (self.places.len() - 1);
    }
}
