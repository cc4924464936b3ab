//! A queue whose places are reserved before what comes into it is on its way.

use crate::Cycle;
use logattn_golden::microarchitecture::RESERVED_PLACES;

/// Cycles from a word's move into the register to the first one in which its place may be reserved
/// again.
const FREED: Cycle = 2;

/// The queue and the register at its end, which someone else empties.
#[derive(Clone, Debug)]
pub(crate) struct ReservedQueue {
    /// Cycles from the reservation of a place to the first one in which its word can move into the
    /// register.
    way: Cycle,
    /// For each place, the first cycle in which it may be reserved again.
    free: [Cycle; RESERVED_PLACES],
    /// The place that is reserved next.
    place: usize,
}

impl ReservedQueue {
    pub(crate) fn new(way: usize) -> Self {
        ReservedQueue {
            way: way as Cycle,
            free: [0; RESERVED_PLACES],
            place: 0,
        }
    }

    /// The first cycle in which the next place may be reserved.
    #[inline]
    pub(crate) fn room(&self) -> Cycle {
        self.free[self.place]
    }

    /// Whether all places may be reserved from `cycle` on.
    #[inline]
    pub(crate) fn is_empty(&self, cycle: Cycle) -> bool {
        self.free.iter().all(|free| *free <= cycle)
    }

    /// The next place is reserved in cycle `reserved`, and the register is free from cycle `free` on;
    /// gives the cycle in which the word moves into that one.
    #[inline]
    pub(crate) fn enter(&mut self, reserved: Cycle, free: Cycle) -> Cycle {
        let entered = (reserved + self.way).max(free);
        self.free[self.place] = entered + FREED;
        self.place = (self.place + 1) % RESERVED_PLACES;
        entered
    }

    /// `words` words moved into the register, one a cycle, the last one in cycle `last`.
    #[inline]
    pub(crate) fn flowed(&mut self, words: usize, last: Cycle) {
        let skipped = words.saturating_sub(RESERVED_PLACES);
        self.place = (self.place + skipped) % RESERVED_PLACES;
        for word in skipped..words {
            self.free[self.place] = last + FREED + 1 + word as Cycle - words as Cycle;
            self.place = (self.place + 1) % RESERVED_PLACES;
        }
    }
}
