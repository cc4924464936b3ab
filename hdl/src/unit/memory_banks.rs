//! The banks of a memory that holds something of a head: its values, or its keys.
//!
//! A bank is loaded, read by `head_blocks` query blocks and given up. With two banks the next
//! head is loaded while this one is read.

use super::{Builder, bit, ceil_log2};
use crate::netlist::{Signal, unsigned};
use logattn_golden::config::Configuration;

pub(crate) struct Banks {
    /// One bit a bank: loaded and not yet given up.
    full: Vec<Signal>,
    /// The bank that is loaded (next); absent if there is one only.
    pub load: Option<Signal>,
    /// The bank that is read (next); absent if there is one only.
    pub read: Option<Signal>,
}

/// The loading side of a memory.
pub(crate) struct Load {
    /// The incoming word is written in this cycle.
    pub write: Signal,
    /// Its index in its bank.
    pub word: Signal,
    /// The incoming word is taken if it is valid.
    pub ready: Signal,
    /// With this word the bank is full.
    pub ends: Signal,
}

impl Banks {
    pub(crate) fn declare(m: &mut Builder, c: &Configuration) -> Self {
        let full = (0..c.value_banks)
            .map(|i| m.register_reset(format!("bank_{i}_full"), bit(), 0))
            .collect();
        let mut side = |name: &str| (c.value_banks > 1).then(|| m.register_reset(name, bit(), 0));
        Banks {
            full,
            load: side("load_bank"),
            read: side("read_bank"),
        }
    }

    /// Whether the bank that is read next is loaded.
    pub(crate) fn loaded(&self, m: &mut Builder) -> Signal {
        let selected = self.select(m, self.read);
        m.name(selected, "loaded_now")
    }

    /// As [`Banks::loaded`], as a register: for what has a long way to go from there.
    pub(crate) fn loaded_register(
        &self,
        m: &mut Builder,
        filled: Signal,
        released: Signal,
    ) -> Signal {
        let (Some(load), Some(read)) = (self.load, self.read) else {
            return self.full[0];
        };
        let fills_first = {
            let first = m.not(load);
            m.and(filled, first)
        };
        let fills_second = m.and(filled, load);
        let [first, second] = [(0, fills_first), (1, fills_second)].map(|(bank, fills)| {
            let full = m.or(self.full[bank], fills);
            m.name(full, format!("bank_{bank}_loaded"))
        });
        let same = m.mux(read, second, first);
        let other = m.mux(read, first, second);
        let next = m.mux(released, other, same);
        // Without a reset: it follows the flags, which have one, a cycle later, and in that cycle
        // there is neither a query nor a key to be taken, as their stream registers are empty.
        let loaded = m.register("loaded_now", bit());
        m.update(loaded, next);
        loaded
    }

    /// The full flag of the bank that `index` points at.
    fn select(&self, m: &mut Builder, index: Option<Signal>) -> Signal {
        match index {
            Some(index) => m.mux(index, self.full[1], self.full[0]),
            None => self.full[0],
        }
    }

    /// The loading side: takes the words of stream `s_{stream}`, the last of a head with `s_last`,
    /// into a bank of `capacity` words. `released` says that the bank that is read is given up.
    pub(crate) fn load(
        &self,
        m: &mut Builder,
        stream: &str,
        capacity: usize,
        (s_last, s_valid): (Signal, Signal),
        released: Signal,
    ) -> Load {
        let occupied = self.select(m, self.load);
        let ready = m.not(occupied);
        let ready = m.name(ready, format!("s_{stream}_ready_now"));
        let taken = m.and(s_valid, ready);
        let taken = m.name(taken, "word_taken");
        let ends = m.and(taken, s_last);
        let ends = m.name(ends, "head_loaded");

        let word_bits = ceil_log2(capacity);
        m.comment("one bit more than an address: words beyond the bank are taken and dropped");
        let word = m.register_reset("word", unsigned(word_bits + 1), 0);
        let limit = m.constant(capacity as u64, word.ty());
        let inside = m.lt(word, limit);
        let inside = m.name(inside, "word_inside");
        let one = m.constant(1, word.ty());
        let following = m.add(word, one);
        let advanced = m.mux(inside, following, word);
        let zero = m.zero(word.ty());
        let next = m.mux(s_last, zero, advanced);
        m.update_if(word, taken, next);
        let write = m.and(taken, inside);
        let write = m.name(write, "write");

        self.change(m, ends, released);
        let word = m.slice(word, 0, word_bits);
        Load {
            write,
            word,
            ready,
            ends,
        }
    }

    /// Follows the events "the bank that is loaded is full" and "the bank that is read is given
    /// up".
    fn change(&self, m: &mut Builder, filled: Signal, released: Signal) {
        for (index, full) in self.full.iter().enumerate() {
            let fills = chosen(m, filled, self.load, index, &format!("bank_{index}_fills"));
            let empties = chosen(
                m,
                released,
                self.read,
                index,
                &format!("bank_{index}_empties"),
            );
            let changes = m.or(fills, empties);
            m.update_if(*full, changes, fills);
        }
        for (bank, event) in [(self.load, filled), (self.read, released)] {
            if let Some(bank) = bank {
                let other = m.not(bank);
                m.update_if(bank, event, other);
            }
        }
    }
}

/// High in the cycle in which the last block of a head ends, given that a block ends.
pub(crate) fn release(m: &mut Builder, block_end: Signal, head_blocks: Signal) -> Signal {
    let count = m.register_reset("blocks_read", head_blocks.ty(), 0);
    let one = m.constant(1, head_blocks.ty());
    let next = m.add(count, one);
    m.comment("registered, as the setting is there long before a block ends");
    let last = m.register("last_block", head_blocks.ty());
    let below = m.sub(head_blocks, one);
    m.update(last, below);
    let all = m.eq(count, last);
    let all = m.name(all, "all_blocks");
    let zero = m.zero(head_blocks.ty());
    let wrapped = m.mux(all, zero, next);
    m.update_if(count, block_end, wrapped);
    let released = m.and(block_end, all);
    m.name(released, "released")
}

/// `event`, if it concerns bank `index`.
fn chosen(
    m: &mut Builder,
    event: Signal,
    bank: Option<Signal>,
    index: usize,
    name: &str,
) -> Signal {
    let concerned = match bank {
        Some(bank) if index == 0 => {
            let first = m.not(bank);
            m.and(event, first)
        }
        Some(bank) => m.and(event, bank),
        None => return event,
    };
    m.name(concerned, name)
}
