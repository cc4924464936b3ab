//! The banks of a memory that holds something of a head: its values, or its keys.
//!
//! A bank is loaded, read by `head_blocks` query blocks and given up. With two banks the next
//! head is loaded while this one is read.
//!
//! From `pipeline_depth` 3 on a bank is given up a cycle later, and whether there is one to load is a
//! register: between two heads a cycle passes without a read, and without a word that is taken.

use super::pipeline::delayed_valid;
use super::{Builder, bit, ceil_log2};
use crate::netlist::{Signal, unsigned};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::wire_registers;

pub(crate) struct Banks {
    /// What follows from a bank that is given up does so a cycle later.
    late: bool,
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
    /// A bank has been given up in the cycle before, where that is late.
    released_late: Option<Signal>,
}

impl Banks {
    pub(crate) fn declare(m: &mut Builder, c: &Configuration) -> Self {
        let full = (0..c.value_banks)
            .map(|i| m.register_reset(format!("bank_{i}_full"), bit(), 0))
            .collect();
        let mut side = |name: &str| (c.value_banks > 1).then(|| m.register_reset(name, bit(), 0));
        Banks {
            late: wire_registers(c) > 0,
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

    /// As [`Banks::loaded`], as a register: for what has a long way to go from there. From
    /// `pipeline_depth` 3 on with what it will be unless the bank is given up in this cycle.
    pub(crate) fn loaded_register(
        &self,
        m: &mut Builder,
        side: &Load,
        released: Signal,
    ) -> (Signal, Option<Signal>) {
        let filled = side.ends;
        if let Some(released_late) = side.released_late {
            let (loaded, next) = self.loaded_late(m, filled, (released, released_late));
            return (loaded, Some(next));
        }
        let (Some(load), Some(read)) = (self.load, self.read) else {
            return (self.full[0], None);
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
        // there is nothing to be read or written, as the registers in front are empty.
        let loaded = m.register("loaded_now", bit());
        m.update(loaded, next);
        (loaded, None)
    }

    /// [`Banks::loaded_register`], low for a cycle after the bank that is read has been given up.
    fn loaded_late(
        &self,
        m: &mut Builder,
        filled: Signal,
        (released, released_late): (Signal, Signal),
    ) -> (Signal, Signal) {
        let holds: Vec<Signal> = (self.full.iter().enumerate())
            .map(|(index, full)| {
                let fills = chosen(m, filled, self.load, index, &format!("fills_{index}"));
                let holds = m.or(*full, fills);
                m.name(holds, format!("bank_{index}_loaded"))
            })
            .collect();
        let (same, other) = match self.read {
            Some(read) => (
                m.mux(read, holds[1], holds[0]),
                m.mux(read, holds[0], holds[1]),
            ),
            None => (holds[0], m.constant(0, bit())),
        };
        let kept = m.not(released);
        let holds = m.mux(released_late, other, same);
        let holds = m.name(holds, "loaded_if_kept");
        let next = m.and(holds, kept);
        let loaded = m.register_reset("loaded_now", bit(), 0);
        m.update(loaded, next);
        (loaded, holds)
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
        let free = m.not(occupied);
        let ready_name = format!("s_{stream}_ready_now");
        let ready = match self.late {
            true => m.register_reset(ready_name, bit(), 1),
            false => m.name(free, ready_name),
        };
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

        let released_late = (self.late).then(|| delayed_valid(m, "released", released, 1));
        self.change(m, ends, released_late.unwrap_or(released));
        if self.late {
            let goes_on = m.not(ends);
            let next = m.and(free, goes_on);
            m.update(ready, next);
        }
        let word = m.slice(word, 0, word_bits);
        Load {
            write,
            word,
            ready,
            ends,
            released_late,
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
pub(crate) fn release(
    m: &mut Builder,
    c: &Configuration,
    block_end: Signal,
    head_blocks: Signal,
) -> Signal {
    let all = match wire_registers(c) {
        0 => all_blocks(m, block_end, head_blocks),
        _ => all_blocks_ahead(m, block_end, head_blocks),
    };
    let released = m.and(block_end, all);
    m.name(released, "released")
}

/// Whether the block in hand is its head's last.
fn all_blocks(m: &mut Builder, block_end: Signal, head_blocks: Signal) -> Signal {
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
    all
}

/// As [`all_blocks`], found when the block before ends. That a block ends is late, so that both cases
/// are found, and the count follows a cycle later. Blocks are counted down, so that nothing but small
/// constants is compared; before a head's first block ends the count is the setting.
fn all_blocks_ahead(m: &mut Builder, block_end: Signal, head_blocks: Signal) -> Signal {
    let [if_ended, if_not] = ["all_if_ended", "all_if_not"].map(|name| m.register(name, bit()));
    let ended = delayed_valid(m, "block_ended", block_end, 1);
    let all = m.mux(ended, if_ended, if_not);
    let all = m.name(all, "all_blocks");
    let head_ended = m.register("all_blocks_before", bit());
    m.update(head_ended, all);

    m.comment("blocks of the head that had not ended a cycle ago");
    let left = m.register("blocks_left", head_blocks.ty());
    let none_ended = m.register_reset("none_ended", bit(), 1);
    let one = m.constant(1, head_blocks.ty());
    let fewer = m.sub(left, one);
    let fewer = m.mux(head_ended, head_blocks, fewer);
    let kept = m.mux(none_ended, head_blocks, left);
    let next = m.mux(ended, fewer, kept);
    m.update(left, next);
    m.update_if(none_ended, ended, head_ended);

    let is = |m: &mut Builder, what: Signal, count: u64| {
        let count = m.constant(count, what.ty());
        m.eq(what, count)
    };
    let [setting_is_1, setting_is_2] = [1, 2].map(|count| {
        let found = is(m, head_blocks, count);
        let name = format!("setting_is_{count}");
        let register = m.register(name, bit());
        m.update(register, found);
        register
    });
    // How many are left now: all of the next head's if the last one's last has ended.
    let mut now_is = |count: u64, setting_is: Signal| {
        let (more, same) = (is(m, left, count + 1), is(m, left, count));
        let fewer = m.mux(head_ended, setting_is, more);
        let kept = m.mux(none_ended, setting_is, same);
        m.mux(ended, fewer, kept)
    };
    let (is_1, is_2) = (now_is(1, setting_is_1), now_is(2, setting_is_2));
    m.update(if_not, is_1);
    let after = m.mux(all, setting_is_1, is_2);
    m.update(if_ended, after);
    all
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlist::Evaluator;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Heads of some blocks, whose ends may follow each other at once; between heads the setting may
    /// change, if nothing ends for two cycles.
    #[test]
    fn the_last_block_of_a_head_releases_its_bank() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for pipeline_depth in [1, 3] {
            let c = Configuration {
                pipeline_depth,
                ..Configuration::named("base").expect("known")
            };
            let mut m = Builder::new("releases", "");
            let block_end = m.input("block_end", bit(), "");
            let head_blocks = m.input("head_blocks", unsigned(16), "");
            let released = release(&mut m, &c, block_end, head_blocks);
            m.output("released", released, "");
            let mut device = Evaluator::new(&m.finish().expect("builds")).expect("flattens");
            let mut cycle = |port_rst: u64, ends: bool, blocks: u64| {
                device.set("rst", port_rst);
                device.set("block_end", ends.into());
                device.set("head_blocks", blocks);
                device.settle();
                let released = device.get("released") == 1;
                device.clock();
                released
            };
            cycle(1, false, 1);
            for _ in 0..200 {
                let blocks = rng.random_range(1..=5);
                for _ in 0..2 {
                    assert!(!cycle(0, false, blocks));
                }
                for _ in 0..rng.random_range(1..=3) {
                    for block in 1..=blocks {
                        while rng.random_ratio(1, 3) {
                            assert!(!cycle(0, false, blocks));
                        }
                        assert_eq!(cycle(0, true, blocks), block == blocks, "{blocks} blocks");
                    }
                }
            }
        }
    }
}
