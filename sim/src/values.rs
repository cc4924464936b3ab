//! Loading the values of one head after the other.

use crate::{Cycle, ports::Source};

/// `s_axis_value`, its stream register and the banks of the value memory.
pub(crate) struct ValueLoader {
    source: Source,
    /// For each bank, the first cycle in which it may be written.
    writable: Vec<Cycle>,
    head: usize,
    /// First cycle after the last word that was written.
    next: Cycle,
}

impl ValueLoader {
    pub(crate) fn new(source: Source, banks: usize) -> Self {
        ValueLoader {
            source,
            writable: vec![0; banks],
            head: 0,
            next: 0,
        }
    }

    /// Loads the next head's `words`; gives the first cycle in which they can be read.
    pub(crate) fn load(&mut self, words: usize) -> Cycle {
        let bank = self.head % self.writable.len();
        for _ in 0..words {
            let leaves = self.source.send().max(self.next).max(self.writable[bank]);
            self.source.leaves(leaves);
            self.next = leaves + 1;
        }
        self.head += 1;
        self.next
    }

    /// The cycles of the transfers on `s_axis_value`; empty unless traced.
    pub(crate) fn transfers(self) -> Vec<Cycle> {
        self.source.transfers.unwrap_or_default()
    }

    /// The head whose index is `head` reads its last value in `cycle`.
    pub(crate) fn release(&mut self, head: usize, cycle: Cycle) {
        let bank = head % self.writable.len();
        self.writable[bank] = cycle + 1;
    }
}
