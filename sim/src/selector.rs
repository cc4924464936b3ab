//! Quantizer, the survivor selector's hold-back register and the write side of its queue.

use crate::{Cycle, ports::Source};

/// An entry of the queue: a beat with survivors, or the token of a row without any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Survivors in the beat; 0 for a token.
    pub visits: u8,
    /// Last of its row.
    pub last: bool,
    /// Cycle in which it is written to the queue.
    pub pushed: Cycle,
}

/// From `s_axis_attn` to the queue's write port.
pub(crate) struct SelectorInput {
    source: Source,
    /// The source never stalls and nobody asks for its transfers. Then source, stream register and
    /// quantizer always have the next beat ready in the cycle after the selector took one: beat i
    /// is taken from the source no later than a cycle before beat i - 1 leaves the quantizer, as
    /// every register before it is emptied in the cycle in which the next one is.
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

impl SelectorInput {
    pub(crate) fn new(source: Source, depth: usize) -> Self {
        let prompt = source.is_prompt();
        SelectorInput {
            source,
            prompt,
            quantizer_free: 0,
            // The first beat passes the stream register and the quantizer.
            next: 2,
            held: None,
            held_leaves: 0,
            places: vec![0; depth],
            write_place: 0,
            free_place: 0,
        }
    }

    /// `beats` beats without survivors arrive, none of them the last of its row.
    #[inline]
    pub(crate) fn skip(&mut self, beats: usize) {
        if self.prompt {
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

    /// The row ends after `beats` more beats without survivors; gives its last entry.
    #[inline]
    pub(crate) fn end_row(&mut self, beats: usize) -> Entry {
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
        let visits = self.held.take().unwrap_or(0);
        self.held_leaves = self.next.max(self.places[self.write_place]);
        self.push(visits, true, self.held_leaves)
    }

    /// A beat is taken from the quantizer in `cycle`.
    #[inline]
    fn take(&mut self, cycle: Cycle) {
        self.quantizer_free = cycle;
        self.next = cycle + 1;
    }

    /// The first cycle in which the next beat can be taken from the quantizer.
    #[inline]
    fn offered(&mut self) -> Cycle {
        if self.prompt {
            return self.next;
        }
        let registered = self.source.send().max(self.quantizer_free);
        self.source.leaves(registered);
        (registered + 1).max(self.next)
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

    /// The cycles of the transfers on `s_axis_attn`; empty unless traced.
    pub(crate) fn transfers(self) -> Vec<Cycle> {
        self.source.transfers.unwrap_or_default()
    }

    /// The oldest entry leaves the queue for good in `cycle`.
    #[inline]
    pub(crate) fn free(&mut self, cycle: Cycle) {
        self.places[self.free_place] = cycle + 1;
        self.free_place = (self.free_place + 1) & (self.places.len() - 1);
    }
}
