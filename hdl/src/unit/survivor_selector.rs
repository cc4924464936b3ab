//! From beats of codes to one survivor a cycle, without bubbles.
//!
//! ```text
//!  beats --> held --> queue (block RAM) --> next --> head --> one (key, codes) a cycle
//! ```
//!
//! Beats without a survivor are dropped on the way in, so every entry of the queue is worth at
//! least one cycle. The end of a row must not cost a cycle of its own either: the youngest beat
//! that has survivors is held back until it is known whether it is its row's last one. A row
//! without any survivor becomes one entry without survivors, a *token*.
//!
//! With fewer lanes than the head dimension the survivors of a row are visited once a pass: the
//! read pointer returns to the row's start, and the row's entries are freed on its last pass.
//!
//! With `normalize = "complement"` a row's largest key is visited in front of its survivors, in
//! every pass: the first entry of a row that enters the queue says so and brings the key along,
//! which makes it worth one cycle more. Only a row of length 0 is still a token then.

mod visits;

#[cfg(test)]
mod tests;

use super::{Builder, Widths, bit, bus, ceil_log2, elastic_register, loaded};
use crate::netlist::{Memory, Module, NetlistError, Signal, unsigned};
use logattn_golden::config::{Configuration, Normalize};
use logattn_golden::microarchitecture::{extra_registers, queue_depth};

/// What travels with a beat that has survivors. Each field is absent where it would be empty.
#[derive(Clone, Copy)]
struct Entry {
    survive: Signal,
    codes: Signal,
    beat: Option<Signal>,
    largest: Option<Largest>,
    last: Signal,
}

/// The largest key of an entry's row, with `normalize = "complement"`.
#[derive(Clone, Copy)]
pub(super) struct Largest {
    /// The entry visits it, in front of its own survivors: it is the first one of a row that has
    /// keys. (Of an incoming beat: the row has keys.)
    pub(super) visits: Signal,
    pub(super) key: Option<Signal>,
    pub(super) code: Signal,
}

impl Entry {
    fn pack(&self, m: &mut Builder) -> Signal {
        let mut fields = vec![self.survive, self.codes];
        fields.extend(self.beat);
        if let Some(largest) = self.largest {
            fields.push(largest.visits);
            fields.extend(largest.key);
            fields.push(largest.code);
        }
        fields.push(self.last);
        bus(m, &fields)
    }

    fn unpack(m: &mut Builder, packed: Signal, shape: &Entry) -> Entry {
        let mut low = 0;
        let mut take = |m: &mut Builder, like: Signal| {
            let field = m.slice(packed, low, like.width());
            low += like.width();
            field
        };
        let survive = take(m, shape.survive);
        let codes = take(m, shape.codes);
        let beat = shape.beat.map(|beat| take(m, beat));
        let largest = shape.largest.map(|largest| Largest {
            visits: take(m, largest.visits),
            key: largest.key.map(|key| take(m, key)),
            code: take(m, largest.code),
        });
        let last = take(m, shape.last);
        Entry {
            survive,
            codes,
            beat,
            largest,
            last,
        }
    }
}

/// The selector: `s_*` takes the quantizer's beats, `m_*` gives survivors in the order of the keys.
pub(crate) fn survivor_selector(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "survivor_selector",
        "Skips pruned keys: one survivor a cycle as long as there is one.",
    );
    let keys = c.keys_per_beat as u32;
    let incoming = Entry {
        survive: m.input(
            "s_survive",
            unsigned(keys),
            "keys of the beat that have to be visited",
        ),
        codes: m.input(
            "s_codes",
            unsigned(keys * w.key_codes),
            "codes of the beat, key-major",
        ),
        beat: (w.beat > 0)
            .then(|| m.input("s_beat", unsigned(w.beat), "index of the beat in its row")),
        largest: (c.normalize == Normalize::Complement).then(|| largest_inputs(&mut m, &w)),
        last: m.input("s_last", bit(), "last beat of the row"),
    };
    let s_valid = m.input("s_valid", bit(), "beat is valid");
    let m_ready = m.input("m_ready", bit(), "receiver takes the survivor");

    let full = m.wire("full", bit());
    let held = hold_back(&mut m, incoming, s_valid, full);
    let packed = held.entry.pack(&mut m);
    let packed = m.name(packed, "held_entry");
    let next = queue(&mut m, c, &w, held.push, packed, full);
    let entry = Entry::unpack(&mut m, next.packed, &held.entry);
    if let Some(last) = next.last {
        let read = Entry::unpack(&mut m, next.read, &held.entry);
        m.drive(last, read.last);
    }
    visits::visit(&mut m, c, &w, &next, entry, m_ready);
    m.output("s_ready", held.s_ready, "beat is taken");
    m.finish()
}

/// What every beat of a row says about the row's largest key.
pub(super) fn largest_inputs(m: &mut Builder, w: &Widths) -> Largest {
    Largest {
        key: (w.key > 0).then(|| {
            m.input(
                "s_largest_key",
                unsigned(w.key),
                "index of the row's largest key, which is not in s_survive",
            )
        }),
        code: m.input(
            "s_largest_code",
            unsigned(w.code),
            "code of the largest key; may be 0",
        ),
        visits: m.input("s_nonempty", bit(), "the row has keys"),
    }
}

struct Held {
    entry: Entry,
    /// The held entry moves into the queue in this cycle.
    push: Signal,
    s_ready: Signal,
}

/// Holds the youngest beat with survivors until the next one comes or its row ends.
fn hold_back(m: &mut Builder, incoming: Entry, s_valid: Signal, full: Signal) -> Held {
    let valid = m.register_reset("held_valid", bit(), 0);
    let last = m.register("held_last", bit());

    let any = m.any(incoming.survive);
    let any = m.name(any, "incoming_survives");
    let room = m.not(full);
    let room = m.name(room, "room");

    m.comment(
        "a held beat leaves when it is known to be its row's last, or when a successor comes",
    );
    let successor = m.and(s_valid, any);
    let known = m.or(last, successor);
    let push = m.and_all(&[valid, known, room]);
    let push = m.name(push, "push");

    m.comment("a beat without survivors needs no room, unless it is all that is left of its row");
    let none = m.not(any);
    let none = m.name(none, "incoming_pruned");
    let held_none = m.not(valid);
    let held_none = m.name(held_none, "held_none");
    let ends_alone = m.and(incoming.last, last);
    let not_alone = m.not(ends_alone);
    let dropped = m.and(none, not_alone);
    let s_ready = m.or_all(&[held_none, room, dropped]);
    let s_ready = m.name(s_ready, "s_ready_now");

    m.comment("the row ends on a pruned beat: the beat held for that row was its last");
    let waiting = m.not(last);
    let mark = m.and_all(&[s_valid, incoming.last, none, valid, waiting]);
    let mark = m.name(mark, "mark_last");
    let unmarked = m.not(mark);
    let token = m.and(incoming.last, unmarked);
    let wanted = m.or(any, token);
    let load = m.and_all(&[s_valid, s_ready, wanted]);
    let load = m.name(load, "load");

    let kept = m.not(push);
    let stays = m.and(valid, kept);
    let next_valid = m.or(load, stays);
    m.update(valid, next_valid);
    let last_changes = m.or(load, mark);
    m.update_if(last, last_changes, incoming.last);
    let entry = Entry {
        survive: loaded(m, "held_survive", load, incoming.survive),
        codes: loaded(m, "held_codes", load, incoming.codes),
        beat: incoming.beat.map(|beat| loaded(m, "held_beat", load, beat)),
        largest: incoming
            .largest
            .map(|largest| hold_largest(m, largest, load, (held_none, last))),
        last,
    };
    Held {
        entry,
        push,
        s_ready,
    }
}

/// The held beat's largest key: it is visited with the first beat of the row that is held, be it a
/// beat with survivors or the token.
fn hold_largest(
    m: &mut Builder,
    incoming: Largest,
    load: Signal,
    (held_none, held_last): (Signal, Signal),
) -> Largest {
    m.comment("a held beat that is not its row's last is of the row that comes in");
    let opens = m.or(held_none, held_last);
    let opens = m.name(opens, "opens_row");
    let visits = m.and(opens, incoming.visits);
    Largest {
        visits: loaded(m, "held_visits_largest", load, visits),
        key: incoming
            .key
            .map(|key| loaded(m, "held_largest_key", load, key)),
        code: loaded(m, "held_largest_code", load, incoming.code),
    }
}

/// The queue's oldest entry, read ahead into the memory's output register.
struct Next {
    /// The entry as it comes from the memory.
    read: Signal,
    /// The entry to be visited next: the same, from `pipeline_depth` 2 on a register later.
    packed: Signal,
    valid: Signal,
    /// To be driven by the caller where there are several passes: the entry is its row's last one.
    last: Option<Signal>,
    /// To be driven by the visitor: the entry moves on in this cycle.
    take: Signal,
    /// The pass that the entry is read for, where there are several.
    pass: Option<Signal>,
}

/// The queue between rows: a memory with one entry read ahead, rewound for every further pass.
fn queue(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    push: Signal,
    packed: Signal,
    full: Signal,
) -> Next {
    let depth = queue_depth(c);
    let address_bits = ceil_log2(depth);
    let pointer = unsigned(address_bits + 1);
    let memory = m.memory("queue", depth, packed.width());
    // Equal addresses mean an empty queue, which is not read, or a full one, which is not written.
    m.memory_exclusive(memory);
    let one = m.constant(1, pointer);
    let take = m.wire("take", bit());
    let leaves = m.wire("next_leaves", bit());
    let last = (w.pass > 0).then(|| m.wire("next_last", bit()));

    let write_pointer = m.register_reset("write_pointer", pointer, 0);
    let written = m.add(write_pointer, one);
    let written = m.name(written, "write_pointer_next");
    m.update_if(write_pointer, push, written);
    let write_address = m.slice(write_pointer, 0, address_bits);
    m.memory_write(memory, push, write_address, packed);

    let read_pointer = m.register_reset("read_pointer", pointer, 0);
    let unread = m.ne(write_pointer, read_pointer);
    let unread = m.name(unread, "unread");
    let (source, available, oldest, pass, freed) = match last {
        Some(last) => {
            let rewound = rewind(m, c, w, leaves, last, read_pointer, unread);
            (
                rewound.source,
                rewound.available,
                rewound.row_start,
                Some(rewound.pass),
                Some(rewound.frees),
            )
        }
        None => (read_pointer, unread, read_pointer, None, None),
    };

    let next_valid = m.register_reset("next_valid", bit(), 0);
    let (packed, read) = read_ahead(
        m,
        memory,
        next_valid,
        leaves,
        available,
        source,
        address_bits,
    );
    let following = m.add(source, one);
    m.update_if(read_pointer, read, following);
    let fields = [("entry", Some(packed)), ("pass", pass)];
    let wanted = ("fetched", extra_registers(c) > 0);
    let (fields, fetched) = elastic_register(m, wanted, fields, next_valid, take);
    let taken = m.and(next_valid, fetched.enable);
    m.drive(leaves, taken);
    let [entry, pass] = fields;

    m.comment("full when the write pointer is one lap ahead of the oldest entry still needed");
    let freed = freed.unwrap_or(read);
    fill(m, (full, push, freed), written, oldest);
    Next {
        read: packed,
        packed: entry.unwrap_or(packed),
        valid: fetched.valid,
        last,
        take,
        pass,
    }
}

/// Drives `full`, which is a register so that what holds the stages before the queue starts at one:
/// with the last free place written and none given up, it is full in the next cycle.
fn fill(
    m: &mut Builder,
    (full, push, freed): (Signal, Signal, Signal),
    written: Signal,
    oldest: Signal,
) {
    let lap = m.constant(1 << (oldest.width() - 1), oldest.ty());
    let wrapped = m.xor(oldest, lap);
    let almost = m.eq(written, wrapped);
    let almost = m.name(almost, "one_place_left");
    let fills = m.and(push, almost);
    let stays = m.or(full, fills);
    let kept = m.not(freed);
    let next = m.and(stays, kept);
    let register = m.register_reset("is_full", bit(), 0);
    m.update(register, next);
    m.drive(full, register);
}

/// Keeps the memory's output register filled with the oldest unread entry.
fn read_ahead(
    m: &mut Builder,
    memory: Memory,
    next_valid: Signal,
    take: Signal,
    available: Signal,
    source: Signal,
    address_bits: u32,
) -> (Signal, Signal) {
    let vacant = m.not(next_valid);
    let wanted = m.or(vacant, take);
    let wanted = m.name(wanted, "read_wanted");
    let read = m.and(available, wanted);
    let read = m.name(read, "read");
    m.update_if(next_valid, wanted, available);
    let address = m.slice(source, 0, address_bits);
    (m.memory_read(memory, "next_entry", read, address), read)
}

struct Rewound {
    source: Signal,
    available: Signal,
    row_start: Signal,
    pass: Signal,
    /// An entry is no longer needed.
    frees: Signal,
}

/// Several passes over a row: where to read from, and the oldest entry that is still needed.
fn rewind(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    take: Signal,
    last: Signal,
    read_pointer: Signal,
    unread: Signal,
) -> Rewound {
    let pass = m.register_reset("pass", unsigned(w.pass), 0);
    let final_index = m.constant(c.passes() as u64 - 1, unsigned(w.pass));
    let is_final = m.eq(pass, final_index);
    let is_final = m.name(is_final, "final_pass");
    let row_end = m.and(take, last);
    let row_end = m.name(row_end, "row_end");
    let one_pass = m.constant(1, unsigned(w.pass));
    m.comment("the number of passes is a power of two, so the index wraps by itself");
    let next_pass = m.add(pass, one_pass);
    m.update_if(pass, row_end, next_pass);

    let row_start = m.register_reset("row_start", read_pointer.ty(), 0);
    let frees = m.and(take, is_final);
    let frees = m.name(frees, "frees");
    let one = m.constant(1, read_pointer.ty());
    let freed = m.add(row_start, one);
    m.update_if(row_start, frees, freed);

    let again = m.not(is_final);
    let rewinds = m.and(row_end, again);
    let rewinds = m.name(rewinds, "rewinds");
    let source = m.mux(rewinds, row_start, read_pointer);
    let source = m.name(source, "read_from");
    let available = m.or(rewinds, unread);
    let available = m.name(available, "available");
    Rewound {
        source,
        available,
        row_start,
        pass,
        frees,
    }
}

/// The index of the lowest set bit; absent for a bus of one bit.
pub(super) fn lowest_one(m: &mut Builder, ones: Signal) -> Option<Signal> {
    lowest_index(m, ones, "lowest")
}

/// As [`lowest_one`], called `name`.
pub(super) fn lowest_index(m: &mut Builder, ones: Signal, name: &str) -> Option<Signal> {
    let width = ceil_log2(ones.width() as usize);
    if width == 0 {
        return None;
    }
    let mut index = m.constant(u64::from(ones.width()) - 1, unsigned(width));
    for position in (0..ones.width() - 1).rev() {
        let here = m.bit(ones, position);
        let value = m.constant(u64::from(position), unsigned(width));
        index = m.mux(here, value, index);
    }
    Some(m.name(index, name))
}
