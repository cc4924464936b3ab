//! What is under way in the unit, and which lengths go with the next row: from the ends of packets
//! that go in and of rows that come out.

use super::register_map::has_causal;
use crate::netlist::{Builder, Module, NetlistError, Signal, unsigned};
use crate::unit::{bit, ceil_log2};
use logattn_golden::config::{Configuration, Input};
use logattn_golden::microarchitecture::HEAD_BLOCKS_BITS;

/// Bits of a number of blocks (or heads) that can be under way at once: the selector's queue holds
/// two rows' beats, which can be as many rows, and a few are before and behind it.
fn under_way_bits(c: &Configuration) -> u32 {
    ceil_log2(4 * c.beats(c.max_keys) + 256)
}

/// Bits of the index of a beat in a packet of rows from outside.
pub(super) fn row_index_bits(c: &Configuration) -> u32 {
    match c.input {
        Input::Qkv => ceil_log2(c.query_block),
        Input::Probabilities | Input::Scores => ceil_log2(c.beats(c.max_keys)),
    }
}

/// Bits of the index of a word of a head's values.
pub(super) fn value_index_bits(c: &Configuration) -> u32 {
    ceil_log2(c.value_words())
}

/// The registers that it follows.
struct Settings {
    head_keys: Signal,
    head_blocks: Signal,
    row_length: Signal,
    causal: Option<Signal>,
}

impl Settings {
    fn declare(m: &mut Builder, c: &Configuration) -> Self {
        let length = unsigned(c.length_bits());
        Settings {
            head_keys: m.input("head_keys", length, "keys of a head"),
            head_blocks: m.input(
                "head_blocks",
                unsigned(HEAD_BLOCKS_BITS),
                "blocks of a head",
            ),
            row_length: m.input("row_length", length, "keys of a row"),
            causal: has_causal(c)
                .then(|| m.input("causal", bit(), "row i of a head has row_length + i keys")),
        }
    }
}

/// Numbers of things that go in and come out: up with one event, down with another.
fn balance(m: &mut Builder, name: &str, bits: u32, up: Signal, down: Signal) -> Signal {
    let count = m.register_reset(name, unsigned(bits), 0);
    let one = m.constant(1, count.ty());
    let more = m.add(count, one);
    let less = m.sub(count, one);
    let next = m.mux(up, more, less);
    let changes = m.xor(up, down);
    m.update_if(count, changes, next);
    m.any(count)
}

/// A counter that wraps after `last`, and whether it is there; it goes on with `event`.
fn wrapping(m: &mut Builder, name: &str, last: Signal, event: Signal) -> (Signal, Signal) {
    let count = m.register_reset(name, last.ty(), 0);
    let at_end = m.eq(count, last);
    let at_end = m.name(at_end, format!("{name}_at_end"));
    let one = m.constant(1, count.ty());
    let following = m.add(count, one);
    let zero = m.zero(count.ty());
    let next = m.mux(at_end, zero, following);
    m.update_if(count, event, next);
    (count, at_end)
}

/// What goes in and comes out in a cycle.
struct Events {
    row_begins: Signal,
    row_ended: Signal,
    row_inside: Signal,
    /// A row has come out of the unit.
    row_out: Signal,
    /// (ended, inside) of the packets that make a head: values, and keys where there are any.
    loads: Vec<(&'static str, Signal, Signal)>,
}

impl Events {
    fn declare(m: &mut Builder, c: &Configuration) -> Self {
        let mut load = |name: &'static str| {
            let ended = m.input(format!("{name}_ended"), bit(), "a head's packet is in");
            let inside = m.input(format!("{name}_inside"), bit(), "a head's packet has begun");
            (name, ended, inside)
        };
        let mut loads = vec![load("value")];
        if c.input == Input::Qkv {
            loads.push(load("key"));
        }
        Events {
            loads,
            row_begins: m.input(
                "row_begins",
                bit(),
                "first beat of a block of rows is taken",
            ),
            row_ended: m.input("row_ended", bit(), "last beat of a block of rows is taken"),
            row_inside: m.input("row_inside", bit(), "a block of rows has begun"),
            row_out: m.input("row_out", bit(), "the last beat of a row has left"),
        }
    }
}

/// The module: `busy`, `head_open` and `waits_for_load` for status and locks; `rows_legal`,
/// `head_legal`, `row_length_now` and the indices of last beats for guards and unit.
pub(super) fn progress(c: &Configuration) -> Result<Module, NetlistError> {
    let mut builder = Builder::new(
        "progress",
        "What is under way, and the lengths that go with it.",
    );
    let m = &mut builder;
    let settings = Settings::declare(m, c);
    let events = Events::declare(m, c);
    let one = m.constant(1, unsigned(HEAD_BLOCKS_BITS));
    let below = m.sub(settings.head_blocks, one);
    let last_block = m.register("last_block", unsigned(HEAD_BLOCKS_BITS));
    m.update(last_block, below);

    let (blocks_in, head_ends_in) = wrapping(m, "blocks_in", last_block, events.row_ended);
    let block_out = block_out(m, c, events.row_out);
    let (_, head_ends_out) = wrapping(m, "blocks_out", last_block, block_out);
    let head_out = m.and(block_out, head_ends_out);
    let head_out = m.name(head_out, "head_out");

    let bits = under_way_bits(c);
    let in_flight = balance(m, "in_flight", bits, events.row_begins, block_out);
    let in_flight = m.name(in_flight, "some_in_flight");
    let busy = m.or(in_flight, events.row_inside);
    let busy = m.name(busy, "busy_now");
    let unfinished = m.any(blocks_in);
    let unfinished = m.name(unfinished, "unfinished");
    let (mut open, mut missing) = (vec![busy, unfinished], Vec::new());
    for (name, ended, inside) in &events.loads {
        let held = balance(m, &format!("{name}s_held"), bits, *ended, head_out);
        let held = m.name(held, format!("holds_{name}s"));
        open.extend([held, *inside]);
        missing.push(m.not(held));
    }
    let head_open = m.or_all(&open);
    let missing = m.or_all(&missing);
    let waits = m.and(in_flight, missing);

    let locks_rows = match settings.causal {
        Some(causal) => {
            let growing = m.and(causal, unfinished);
            m.or(busy, growing)
        }
        None => busy,
    };
    m.output("busy", busy, "rows are in flight");
    m.output(
        "locks_rows",
        locks_rows,
        "rows are in flight, or a head whose rows grow is not finished",
    );
    m.output(
        "head_open",
        head_open,
        "a head is loaded, being loaded or not finished",
    );
    m.output(
        "waits_for_load",
        waits,
        "rows are there, and no values or keys for them",
    );
    lengths(m, c, &settings, &events, unfinished, head_ends_in);
    builder.finish()
}

/// A block has come out: its last row.
fn block_out(m: &mut Builder, c: &Configuration, row_out: Signal) -> Signal {
    if c.query_block == 1 {
        return row_out;
    }
    let rows = m.register_reset("rows_out", unsigned(ceil_log2(c.query_block)), 0);
    let one = m.constant(1, rows.ty());
    let next = m.add(rows, one);
    m.update_if(rows, row_out, next);
    let all = m.all(rows);
    let block_out = m.and(row_out, all);
    m.name(block_out, "block_out")
}

/// Lengths: checked, and those of the row that comes next.
fn lengths(
    m: &mut Builder,
    c: &Configuration,
    settings: &Settings,
    events: &Events,
    unfinished: Signal,
    head_ends_in: Signal,
) {
    let rows_legal = legal(m, c, settings);
    m.output(
        "rows_legal",
        rows_legal,
        "ROW_LENGTH and the lengths of a head are possible",
    );
    let now = m.register("row_length_now", settings.row_length.ty());
    let inside = events.row_inside;
    // Between rows the register is followed, but that of a head whose rows grow only before it.
    let (next, follows) = match settings.causal {
        Some(causal) => {
            // A step that does not fit a length is never taken: no head has a second block then.
            let step = c.query_block % (1 << c.length_bits());
            let step = m.constant(step as u64, now.ty());
            let grown = m.add(now, step);
            let more = m.not(head_ends_in);
            let grows = m.and(causal, more);
            let next = m.mux(grows, grown, settings.row_length);
            let in_head = m.and(causal, unfinished);
            let holds = m.or(inside, in_head);
            (next, m.not(holds))
        }
        None => (settings.row_length, m.not(inside)),
    };
    let next = m.mux(events.row_ended, next, settings.row_length);
    let begins_only = m.not(events.row_begins);
    let follows = m.and(follows, begins_only);
    let changes = m.or(events.row_ended, follows);
    m.update_if(now, changes, next);
    m.output(
        "row_length_now",
        now,
        "keys of the block in hand, or of the next one",
    );
    beats(m, c, settings, now);
}

/// Registered: whether the head's lengths, and those of its rows, are possible. Without reset, so that
/// they hold in the very cycle after one.
fn legal(m: &mut Builder, c: &Configuration, settings: &Settings) -> Signal {
    let head_some = m.any(settings.head_keys);
    let blocks_some = m.any(settings.head_blocks);
    let row_some = m.any(settings.row_length);
    let largest = m.constant(c.max_keys as u64, settings.head_keys.ty());
    let mut conditions = vec![head_some, blocks_some];
    if c.max_keys + 1 != 1 << c.length_bits() {
        conditions.push(m.le(settings.head_keys, largest));
    }
    // The last row of a head is the longest one.
    let log2 = ceil_log2(c.query_block);
    let bits = HEAD_BLOCKS_BITS.max(c.length_bits()) + log2 + 1;
    let limit = m.extend(settings.head_keys, bits);
    let growth = settings.causal.map(|causal| {
        let blocks = m.extend(settings.head_blocks, bits);
        let rows = m.shl_by(blocks, log2);
        let one = m.constant(1, rows.ty());
        let growth = m.sub(rows, one);
        let none = m.zero(growth.ty());
        let growth = m.mux(causal, growth, none);
        m.name(growth, "growth")
    });
    // Known before the head's first packet, so that lengths can still be changed then.
    conditions.extend(growth.map(|growth| m.lt(growth, limit)));
    let head = m.and_all(&conditions);
    let head = m.name(head, "head_possible");
    let head_legal = m.register("head_legal", bit());
    m.update(head_legal, head);
    m.output(
        "head_legal",
        head_legal,
        "HEAD_KEYS and HEAD_BLOCKS are possible",
    );

    let row = m.extend(settings.row_length, bits);
    let longest = match growth {
        Some(growth) => m.add(row, growth),
        None => row,
    };
    let longest = m.name(longest, "longest_row");
    let fits = m.le(longest, limit);
    let rows = m.and_all(&[head, row_some, fits]);
    let legal = m.register("rows_legal_now", bit());
    m.update(legal, rows);
    legal
}

/// The indices of last beats, for the guards.
fn beats(m: &mut Builder, c: &Configuration, settings: &Settings, now: Signal) {
    let length = c.length_bits();
    let one = m.constant(1, unsigned(length));
    let last_key = m.sub(settings.head_keys, one);
    let last_key = m.name(last_key, "last_key");
    let log2 = c.keys_per_beat.ilog2();
    if c.input != Input::Qkv && row_index_bits(c) > 0 {
        let bits = row_index_bits(c);
        let most = m.register("row_most", unsigned(bits));
        let index = m.slice(last_key, log2, bits);
        m.update(most, index);
        m.output(
            "most_beat",
            most,
            "index of the last beat that a row can have",
        );
        let needed = m.sub(now, one);
        let needed = match settings.causal {
            // The block's last row is its longest one.
            Some(causal) if c.query_block > 1 => {
                let more = (c.query_block - 1) % (1 << length);
                let more = m.constant(more as u64, needed.ty());
                let none = m.zero(needed.ty());
                let more = m.mux(causal, more, none);
                m.add(needed, more)
            }
            _ => needed,
        };
        let needed = m.name(needed, "last_needed");
        let least = m.slice(needed, log2, bits);
        m.output(
            "least_beat",
            least,
            "index of the last beat that the row in hand needs",
        );
        let whole = log2 == 0 && bits == length;
        if !whole {
            // A row length is at least 1, and at most what the indices reach.
            m.unused(needed);
        }
    }
    if value_index_bits(c) > 0 {
        let most = m.register("value_most", unsigned(value_index_bits(c)));
        let passes = ceil_log2(c.passes());
        let index = m.slice(last_key, 0, value_index_bits(c) - passes);
        let ones = (passes > 0).then(|| m.constant((1 << passes) - 1, unsigned(passes)));
        let parts: Vec<Signal> = [index].into_iter().chain(ones).collect();
        let index = m.concat(&parts);
        m.update(most, index);
        m.output("most_value", most, "index of a head's last value word");
    }
    if c.input == Input::Qkv {
        let most = m.register("key_most", unsigned(ceil_log2(c.max_keys)));
        let index = m.slice(last_key, 0, ceil_log2(c.max_keys));
        m.update(most, index);
        m.output("most_key", most, "index of a head's last key");
    }
    if ceil_log2(c.max_keys) < length {
        // HEAD_KEYS is at least 1.
        m.unused(last_key);
    }
}
