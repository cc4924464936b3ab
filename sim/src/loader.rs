//! Loading the values, or the keys, of one head after the other.

use crate::{Cycle, ports::Source};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{BANK_LAG, WRITE_LAG, wire_registers};

/// `s_axis_value` or `s_axis_key`, its stream register and the banks of the memory behind it.
pub(crate) struct Loader {
    source: Source,
    /// For each bank, the first cycle in which it may be written.
    writable: Vec<Cycle>,
    /// Heads that were loaded.
    loaded: usize,
    /// Heads that were released.
    released: usize,
    /// First cycle in which the next word may be written.
    next: Cycle,
    /// First cycle in which the next head may be read, as far as the one before goes.
    readable: Cycle,
    /// Cycles more between the reads of two heads, and between their words.
    lag: Cycle,
    /// Cycles more from the last read of a head to the first word in its bank.
    write_lag: Cycle,
}

impl Loader {
    pub(crate) fn new(c: &Configuration, source: Source) -> Self {
        let late = wire_registers(c);
        Loader {
            source,
            writable: vec![0; c.value_banks],
            loaded: 0,
            released: 0,
            next: 0,
            readable: 0,
            lag: Cycle::from(late * BANK_LAG),
            write_lag: Cycle::from(late * WRITE_LAG),
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
        let written = self.next;
        self.next += self.lag;
        written.max(self.readable)
    }

    /// The oldest head still in use is read for the last time in `cycle`.
    pub(crate) fn release(&mut self, cycle: Cycle) {
        let bank = self.released % self.writable.len();
        self.writable[bank] = cycle + 1 + self.write_lag;
        self.readable = cycle + 1 + self.lag;
        self.released += 1;
    }

    /// The cycles of the stream's transfers; empty unless traced.
    pub(crate) fn transfers(self) -> Vec<Cycle> {
        self.source.transfers.unwrap_or_default()
    }
}
