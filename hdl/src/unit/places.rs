//! Buffers whose places are reserved before they are written.

use super::{Builder, bit, ceil_log2};
use crate::netlist::{Signal, unsigned};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::wire_registers;

/// A counter of events that wraps.
#[derive(Clone, Copy)]
pub(super) struct Counter {
    pub count: Signal,
    event: Signal,
    /// What the count is after the next event.
    following: Signal,
}

impl Counter {
    /// From `pipeline_depth` 3 on what follows is a register too.
    pub(super) fn new(
        m: &mut Builder,
        c: &Configuration,
        name: &str,
        bits: u32,
        event: Signal,
    ) -> Self {
        let count = m.register_reset(name, unsigned(bits), 0);
        let one = m.constant(1, count.ty());
        let following_name = format!("{name}_following");
        let following = if wire_registers(c) == 0 {
            let following = m.add(count, one);
            m.name(following, following_name)
        } else {
            let following = m.register_reset(following_name, count.ty(), 1);
            let further = m.add(following, one);
            m.update_if(following, event, further);
            m.comment("some readers want the count only, some what follows, some its low bits");
            m.unused(count);
            m.unused(following);
            following
        };
        m.update_if(count, event, following);
        Counter {
            count,
            event,
            following,
        }
    }

    /// Whether the count is not a lap ahead of that of `older`; both have one bit more than an
    /// address. An event here needs room.
    ///
    /// A register, since much waits for it; so is [`Counter::ahead`].
    pub(super) fn room(self, m: &mut Builder, name: &str, older: Counter) -> Signal {
        let lap = m.constant(1 << (self.count.width() - 1), self.count.ty());
        let wrapped = m.xor(older.count, lap);
        let stays = m.ne(self.following, wrapped);
        let room = m.register_reset(name, bit(), 1);
        let changes = m.xor(self.event, older.event);
        let next = m.or(older.event, stays);
        m.update_if(room, changes, next);
        room
    }

    /// Whether the count is ahead of that of `older`, which has an event only then.
    pub(super) fn ahead(self, m: &mut Builder, name: &str, older: Counter) -> Signal {
        let stays = m.ne(self.count, older.following);
        let ahead = m.register_reset(name, bit(), 0);
        let changes = m.xor(self.event, older.event);
        let next = m.or(self.event, stays);
        m.update_if(ahead, changes, next);
        ahead
    }
}

/// A buffer of beats in block RAM: gives whether a place can be reserved, and the word that was
/// read.
///
/// `write` is absent if a word comes in the cycle in which its place is reserved.
pub(super) fn ring(
    m: &mut Builder,
    c: &Configuration,
    name: &str,
    depth: usize,
    (reserve, write, read): (Signal, Option<Signal>, Signal),
    word: Signal,
) -> (Signal, Signal) {
    let bits = ceil_log2(depth);
    let reserved = Counter::new(m, c, &format!("{name}s_reserved"), bits + 1, reserve);
    let left = Counter::new(m, c, &format!("{name}s_read"), bits + 1, read);
    let room = reserved.room(m, &format!("{name}_room"), left);
    let memory = m.memory(format!("{name}_buffer"), depth, word.width());
    // A place is written after it has been reserved, and read after it has been written.
    m.memory_exclusive(memory);
    let address = match write {
        Some(write) => Counter::new(m, c, &format!("{name}s_written"), bits, write).count,
        None => m.slice(reserved.count, 0, bits),
    };
    m.memory_write(memory, write.unwrap_or(reserve), address, word);
    let address = m.slice(left.count, 0, bits);
    let word = m.memory_read(memory, format!("{name}_word"), read, address);
    (room, word)
}
