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
        SelectorInput {
            source,
            quantizer_free: 0,
            next: 0,
            held: None,
            held_leaves: 0,
            places: vec![0; depth],
            write_place: 0,
            free_place: 0,
        }
    }

    /// A beat with `visits` survivors arrives. Gives the entries that its coming sends into the
    /// queue: the beat held before it and, when it ends its row, the row's last beat.
    #[inline]
    pub(crate) fn beat(&mut self, visits: u8, last: bool) -> [Option<Entry>; 2] {
        let registered = self.source.send().max(self.quantizer_free);
        self.source.leaves(registered);
        let offered = (registered + 1).max(self.next);
        let mut taken = offered;
        let mut before = None;
        if visits > 0 {
            taken = match self.held.replace(visits) {
                Some(held) => {
                    let taken = offered.max(self.places[self.write_place]);
                    before = Some(self.push(held, false, taken));
                    taken
                }
                None => offered.max(self.held_leaves),
            };
        } else if last && self.held.is_none() {
            taken = offered.max(self.held_leaves);
        }
        self.quantizer_free = taken;
        self.next = taken + 1;
        let ending = last.then(|| {
            let visits = self.held.take().unwrap_or(0);
            self.held_leaves = (taken + 1).max(self.places[self.write_place]);
            self.push(visits, true, self.held_leaves)
        });
        [before, ending]
    }

    #[inline]
    fn push(&mut self, visits: u8, last: bool, pushed: Cycle) -> Entry {
        self.write_place = (self.write_place + 1) & (self.places.len() - 1);
        Entry { visits, last, pushed }
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
