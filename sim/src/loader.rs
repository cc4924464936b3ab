//! Loading the values, or the keys, of one head after the other.

use crate::{Cycle, ports::Source};

/// `s_axis_value` or `s_axis_key`, its stream register and the banks of the memory behind it.
pub(crate) struct Loader {
    source: Source,
    /// For each bank, the first cycle in which it may be written.
    writable: Vec<Cycle>,
    /// Heads that were loaded.
    loaded: usize,
    /// Heads that were released.
    released: usize,
    /// First cycle after the last word that was written.
    next: Cycle,
}

impl Loader {
    pub(crate) fn new(source: Source, banks: usize) -> Self {
        Loader {
            source,
            writable: vec![0; banks],
            loaded: 0,
            released: 0,
            next: 0,
        }
    }

    /// Loads the next head's `words`; gives the first cycle in which they can be read.
    pub(crate) fn load(&mut self, words: usize) -> Cycle {
        let bank = self.loaded % self.writable.len();
        for _ in 0..words {
            let leaves = self.source.send().max(self.next).max(self.writable[bank]);
            self.source.leaves(leaves);
            self.next = leaves + 1;
        }
        self.loaded += 1;
        self.next
    }

    /// The oldest head still in use is read for the last time in `cycle`.
    pub(crate) fn release(&mut self, cycle: Cycle) {
        let bank = self.released % self.writable.len();
        self.writable[bank] = cycle + 1;
        self.released += 1;
    }

    /// The cycles of the stream's transfers; empty unless traced.
    pub(crate) fn transfers(self) -> Vec<Cycle> {
        self.source.transfers.unwrap_or_default()
    }
}
