//! The write side: a beat into the lists of its keys' levels.

use super::{Beat, Lists, Row, Shape};
use crate::netlist::{Memory, Signal, signed, unsigned};
use crate::unit::pipeline::{delayed, delayed_valid};
use crate::unit::survivor_selector::Largest;
use crate::unit::{Builder, Widths, bit, bus, ceil_log2, choose, element, loaded, loaded_if};
use logattn_golden::config::{Configuration, Normalize};
use logattn_golden::microarchitecture::{extra_registers, largest_weight_bits, wire_registers};

/// The last row that was completed.
pub(super) struct Written {
    pub row: Row,
    /// There is such a row, which has not been taken yet, and `row` tells of it.
    pub valid: Signal,
    /// To be driven by the reader: the row is taken in this cycle.
    pub taken: Signal,
    pub s_ready: Signal,
}

/// One memory a level, the largest level first.
pub(super) fn memories(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    shape: &Shape,
) -> Vec<Memory> {
    let width = w.beat + c.keys_per_beat as u32;
    (0..shape.levels)
        .map(|rank| {
            let code = shape.levels - rank;
            let memory = m.memory(
                format!("list_{code}"),
                1 << (shape.region + shape.index),
                width,
            );
            // A row's region is read only when all of its beats have been written.
            m.memory_exclusive(memory);
            memory
        })
        .collect()
}

/// Writes beats; a row's last beat waits until the row before it has been taken. From
/// `pipeline_depth` 3 on there is a register between a beat's keys and the lists.
pub(super) fn write(
    m: &mut Builder,
    c: &Configuration,
    shape: &Shape,
    lists: &Lists,
    s: &Beat,
) -> Written {
    let valid = m.register_reset("ready_valid", bit(), 0);
    let taken = m.wire("ready_taken", bit());
    let blocked = m.and(s.last, valid);
    let s_ready = m.not(blocked);
    let s_ready = m.name(s_ready, "s_ready_now");
    let accept = m.and(s.valid, s_ready);
    let accept = m.name(accept, "accept");
    let completes = m.and(accept, s.last);
    let completes = m.name(completes, "completes");
    let stays = {
        let kept = m.not(taken);
        m.and(valid, kept)
    };
    let next_valid = m.or(completes, stays);
    m.update(valid, next_valid);

    let matched = matched(m, c, shape, s, (accept, completes));
    let (s, accept, completes) = (&matched.beat, matched.accept, matched.completes);
    let known = match wire_registers(c) {
        0 => valid,
        _ => {
            // What is found of its items is in registers a cycle after the row.
            let told = delayed_valid(m, "ready_told", completes, 1);
            let known = m.register_reset("ready_known", bit(), 0);
            let kept = m.not(taken);
            let stays = m.and(known, kept);
            let next = m.or(told, stays);
            m.update(known, next);
            known
        }
    };

    let region = counted_regions(m, "write_region", shape, completes);
    let (mut ends, mut present) = (Vec::new(), Vec::new());
    for (rank, memory) in lists.memories.iter().enumerate() {
        let code = shape.levels - rank;
        let keys = matched.keys[rank];
        let list = append(m, shape, code, keys, accept, completes);
        let enable = m.and(accept, list.any);
        let address = m.concat(&[region, list.end]);
        let fields: Vec<Signal> = std::iter::once(keys).chain(s.beat).collect();
        let entry = bus(m, &fields);
        m.memory_write(*memory, enable, address, entry);
        ends.push(loaded(m, &format!("ready_end_{code}"), completes, list.end));
        present.push(list.present);
    }
    let weight = (c.normalize == Normalize::Complement)
        .then(|| largest_weight(m, c, lists, s, accept, completes));
    let present = bus(m, &present);
    let row = Row {
        ends,
        present: loaded(m, "ready_present", completes, present),
        largest: s.largest.map(|largest| hold_largest(m, completes, largest)),
        weight,
    };
    Written {
        row,
        valid: known,
        taken,
        s_ready,
    }
}

/// The region of the row in hand: the next one after `ends`.
pub(super) fn counted_regions(m: &mut Builder, name: &str, shape: &Shape, ends: Signal) -> Signal {
    let region = m.register_reset(name, unsigned(shape.region), 0);
    let one = m.constant(1, region.ty());
    let following = m.add(region, one);
    m.update_if(region, ends, following);
    region
}

/// A beat on its way into the lists.
struct Matched {
    beat: Beat,
    /// For each level, the largest first, the keys that have it and have to be visited.
    keys: Vec<Signal>,
    accept: Signal,
    completes: Signal,
}

/// Tells the keys of a beat apart by their levels.
fn matched(
    m: &mut Builder,
    c: &Configuration,
    shape: &Shape,
    s: &Beat,
    (accept, completes): (Signal, Signal),
) -> Matched {
    let keys: Vec<Signal> = (1..=shape.levels)
        .rev()
        .map(|code| keys_of(m, c, s, code))
        .collect();
    if wire_registers(c) == 0 {
        return Matched {
            beat: *s,
            keys,
            accept,
            completes,
        };
    }
    let mut keep =
        |name: &str, signal: Signal| loaded_if(m, &format!("matched_{name}"), None, signal);
    // Survivors and codes are for the weight of the largest key.
    let (mut survive, mut codes) = (s.survive, s.codes);
    if s.largest.is_some() {
        (survive, codes) = (keep("survive", survive), keep("codes", codes));
    }
    let beat = Beat {
        survive,
        codes,
        beat: s.beat.map(|beat| keep("beat", beat)),
        largest: s.largest.map(|largest| Largest {
            visits: keep("nonempty", largest.visits),
            key: largest.key.map(|key| keep("largest_key", key)),
            code: keep("largest_code", largest.code),
        }),
        ..*s
    };
    let keys = (keys.into_iter().enumerate())
        .map(|(rank, keys)| keep(&format!("keys_{}", shape.levels - rank), keys))
        .collect();
    Matched {
        beat,
        keys,
        accept: delayed_valid(m, "matched_valid", accept, 1),
        completes: delayed_valid(m, "matched_completes", completes, 1),
    }
}

/// The beat's keys that have `code` and have to be visited.
fn keys_of(m: &mut Builder, c: &Configuration, s: &Beat, code: usize) -> Signal {
    let matches: Vec<Signal> = (0..c.keys_per_beat)
        .map(|key| {
            let found = element(m, s.codes, key, c.code_bits);
            let wanted = m.constant(code as u64, found.ty());
            m.eq(found, wanted)
        })
        .collect();
    let matches = bus(m, &matches);
    let keys = m.and(matches, s.survive);
    m.name(keys, format!("keys_{code}"))
}

/// A list once the beat in hand is in it.
struct Appended {
    /// The beat adds an entry.
    any: Signal,
    /// Index of the last entry.
    end: Signal,
    present: Signal,
}

/// Counts the entries of a list; begins again with every row.
fn append(
    m: &mut Builder,
    shape: &Shape,
    code: usize,
    keys: Signal,
    accept: Signal,
    completes: Signal,
) -> Appended {
    let ty = unsigned(shape.index);
    let none = (1 << shape.index) - 1;
    let last = m.register_reset(format!("end_{code}"), ty, none);
    let before = m.register_reset(format!("present_{code}"), bit(), 0);
    let any = m.any(keys);
    let any = m.name(any, format!("any_{code}"));
    let one = m.extend(any, shape.index);
    let end = m.add(last, one);
    let end = m.name(end, format!("end_{code}_now"));
    let present = m.or(before, any);
    let present = m.name(present, format!("present_{code}_now"));
    let nothing = m.constant(none, ty);
    let next = m.mux(completes, nothing, end);
    m.update_if(last, accept, next);
    let absent = m.zero(bit());
    let next = m.mux(completes, absent, present);
    m.update_if(before, accept, next);
    Appended { any, end, present }
}

/// The weight of the largest key of the row that was completed: 1 less the levels of all others, in
/// steps of 2^-max_shift. From `pipeline_depth` 2 on it is there a cycle after the row.
fn largest_weight(
    m: &mut Builder,
    c: &Configuration,
    lists: &Lists,
    s: &Beat,
    accept: Signal,
    completes: Signal,
) -> Signal {
    let ty = signed(largest_weight_bits(c));
    let max_shift = c.max_shift.unwrap_or(0);
    let whole = 1 << max_shift;
    let level = unsigned(max_shift + 1);
    let levels: Vec<Signal> = (lists.shifts.iter().enumerate().rev())
        .map(|(rank, shift)| {
            let one = m.constant(whole, level);
            let level = m.shr(one, *shift);
            let name = format!("level_{}", lists.shifts.len() - rank);
            // A setting, which is there long before a row.
            match wire_registers(c) {
                0 => m.name(level, name),
                _ => loaded_if(m, &name, None, level),
            }
        })
        .collect();
    let none = m.zero(level);
    let levels: Vec<Signal> = std::iter::once(none).chain(levels).collect();
    let bits = max_shift + 1 + ceil_log2(c.keys_per_beat);
    let taken: Vec<Signal> = (0..c.keys_per_beat)
        .map(|key| {
            let code = element(m, s.codes, key, c.code_bits);
            let level = choose(m, code, &levels);
            let survives = m.bit(s.survive, key as u32);
            let level = m.mux(survives, level, none);
            m.extend(level, bits)
        })
        .collect();
    let taken = taken.into_iter().reduce(|a, b| m.add(a, b)).unwrap_or(none);
    let taken = m.name(taken, "levels_of_beat");
    let extra = extra_registers(c);
    let taken = delayed(m, "levels_taken", taken, extra);
    let accept = delayed_valid(m, "levels_accepted", accept, extra);
    let completes = delayed_valid(m, "levels_complete", completes, extra);

    let weight = m.register_reset("weight", ty, whole);
    let taken = m.extend(taken, ty.width());
    let taken = m.as_signed(taken);
    let now = m.sub(weight, taken);
    let now = m.name(now, "weight_now");
    let all = m.constant(whole, ty);
    let next = m.mux(completes, all, now);
    m.update_if(weight, accept, next);
    loaded(m, "ready_weight", completes, now)
}

/// The row's largest key, kept with the row; its code as whether it survives.
fn hold_largest(m: &mut Builder, load: Signal, incoming: Largest) -> Largest {
    let survives = m.any(incoming.code);
    Largest {
        visits: loaded(m, "ready_nonempty", load, incoming.visits),
        key: incoming
            .key
            .map(|key| loaded(m, "ready_largest_key", load, key)),
        code: loaded(m, "ready_largest_survives", load, survives),
    }
}
