//! The last two stages: how far an entry is from the one before it, and its keys, one a cycle.

use super::Lists;
use super::order::Next;
use crate::netlist::Signal;
use crate::unit::survivor_selector::{Largest, lowest_index};
use crate::unit::{Builder, Stage, Widths, bit, bus, ceil_log2, choose, elastic_stage, loaded};
use logattn_golden::config::Configuration;

/// An entry on its way to the head, or in it.
struct Entry {
    /// Keys of the beat to visit.
    keys: Signal,
    beat: Option<Signal>,
    /// How often the sum is to be doubled from the entry before it to this one.
    steps: Signal,
    last: Signal,
    largest: Option<IsLargest>,
    pass: Option<Signal>,
}

/// The entry is the row's largest key.
#[derive(Clone, Copy)]
struct IsLargest {
    is_largest: Signal,
    /// The key has a code, or the entry is another one.
    survives: Signal,
}

/// Visits the keys of one entry after the other, the lowest one first, behind the cycles that only
/// double the sum.
pub(super) fn visit(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    lists: &Lists,
    next: Next,
    m_ready: Signal,
) {
    let finishes = m.wire("finishes", bit());
    let fetched_taken = m.wire("fetched_taken", bit());
    let stage = elastic_stage(m, "fetched", next.valid, fetched_taken);
    m.drive(next.taken, stage.enable);
    let incoming = select(m, c, w, lists, &next, stage.enable);
    let entry = incoming.load(m, "fetched", stage.enable);
    let head = elastic_stage(m, "head", stage.valid, finishes);
    m.drive(fetched_taken, head.enable);
    let progress = progress(m, &entry, head, m_ready);
    m.drive(finishes, progress.finishes);
    outputs(m, w, &entry, head, &progress);
}

impl Entry {
    /// The same a stage later, but for keys and steps of the head, which are counted off there.
    fn load(self, m: &mut Builder, stage: &str, load: Signal) -> Entry {
        let mut keep =
            |name: &str, signal: Signal| loaded(m, &format!("{stage}_{name}"), load, signal);
        Entry {
            keys: keep("keys", self.keys),
            beat: self.beat.map(|beat| keep("beat", beat)),
            steps: keep("steps", self.steps),
            last: keep("last", self.last),
            largest: self.largest.map(|largest| IsLargest {
                is_largest: keep("largest", largest.is_largest),
                survives: keep("survives", largest.survives),
            }),
            pass: self.pass.map(|pass| keep("pass", pass)),
        }
    }
}

/// The entry out of the memory of its item.
fn select(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    lists: &Lists,
    next: &Next,
    enable: Signal,
) -> Entry {
    let steps = steps(m, c, lists, next, enable);
    let mut options = next.entries.clone();
    let mut largest = None;
    if let Some(of_row) = next.largest {
        options.insert(0, largest_entry(m, c, w, &of_row));
        let other = m.any(next.item);
        let other = m.name(other, "is_other");
        let is_largest = m.not(other);
        let is_largest = m.name(is_largest, "is_largest");
        let survives = m.or(of_row.code, other);
        largest = Some(IsLargest {
            is_largest,
            survives,
        });
    }
    let width = next.entries[0].width();
    let nothing = m.zero(crate::netlist::unsigned(width));
    options.push(nothing);
    let entry = choose(m, next.item, &options);
    let entry = m.name(entry, "next_entry");
    let keys = c.keys_per_beat as u32;
    Entry {
        keys: m.slice(entry, 0, keys),
        beat: (w.beat > 0).then(|| m.slice(entry, keys, w.beat)),
        steps,
        last: next.last,
        largest,
        pass: next.pass,
    }
}

/// The row's largest key as an entry: its beat, and itself among the beat's keys.
fn largest_entry(m: &mut Builder, c: &Configuration, w: &Widths, largest: &Largest) -> Signal {
    let place_bits = ceil_log2(c.keys_per_beat);
    let one = m.constant(1, bit());
    let places = match largest.key {
        Some(key) if place_bits > 0 => {
            let place = m.slice(key, 0, place_bits);
            let place = m.name(place, "largest_place");
            let places: Vec<Signal> = (0..c.keys_per_beat as u64)
                .map(|index| {
                    let index = m.constant(index, place.ty());
                    m.eq(place, index)
                })
                .collect();
            bus(m, &places)
        }
        _ => one,
    };
    match largest.key {
        Some(key) if w.beat > 0 => {
            let beat = m.slice(key, place_bits, w.beat);
            bus(m, &[places, beat])
        }
        _ => places,
    }
}

/// By how much the shift of the entry's item is more than that of the entry before it; 0 for a
/// row's first entry, which begins the sum.
fn steps(m: &mut Builder, c: &Configuration, lists: &Lists, next: &Next, enable: Signal) -> Signal {
    let ty = lists.shifts[0].ty();
    let none = m.zero(ty);
    let most = m.constant(u64::from(c.max_shift.unwrap_or(0)), ty);
    let options: Vec<Signal> = (next.largest.iter().map(|_| none))
        .chain(lists.shifts.iter().copied())
        .chain([most])
        .collect();
    let shift = choose(m, next.item, &options);
    let shift = m.name(shift, "next_shift");
    let moves = m.and(next.valid, enable);
    let moves = m.name(moves, "next_moves");
    let before = loaded(m, "shift_before", moves, shift);
    let opens = m.register_reset("opens_row", bit(), 1);
    m.update_if(opens, moves, next.last);
    let more = m.sub(shift, before);
    m.mux(opens, none, more)
}

/// What is left to do for the entry in the head.
struct Progress {
    remaining: Signal,
    /// The slot in hand visits a key.
    visits: Signal,
    /// The slot in hand doubles the sum.
    doubles: Signal,
    /// The slot in hand is the entry's last one.
    last_slot: Signal,
    /// It is taken in this cycle.
    pop: Signal,
    finishes: Signal,
}

/// Counts the head's doublings and keys off.
fn progress(m: &mut Builder, entry: &Entry, head: Stage, m_ready: Signal) -> Progress {
    let remaining = m.register("remaining", entry.keys.ty());
    let steps = m.register("steps", entry.steps.ty());
    m.comment("a visit doubles once itself: only what is more than that comes before it");
    let behind = if steps.width() > 1 {
        let two_or_more = m.slice(steps, 1, steps.width() - 1);
        m.any(two_or_more)
    } else {
        m.zero(bit())
    };
    let behind = m.name(behind, "behind");
    let level = m.not(behind);
    let level = m.name(level, "caught_up");

    m.comment("clearing the lowest one leaves the survivors after this one");
    let one = m.constant(1, remaining.ty());
    let below = m.sub(remaining, one);
    let after = m.and(remaining, below);
    let after = m.name(after, "remaining_after");
    let more = m.any(after);
    let exhausted = m.not(more);
    let last_slot = m.and(level, exhausted);
    let last_slot = m.name(last_slot, "last_slot");
    let pop = m.and(head.valid, m_ready);
    let pop = m.name(pop, "pop");
    let finishes = m.and(pop, last_slot);

    let changes = m.or(head.enable, pop);
    let changes = m.name(changes, "head_changes");
    let kept = m.mux(behind, remaining, after);
    let next = m.mux(head.enable, entry.keys, kept);
    m.update_if(remaining, changes, next);
    let one = m.constant(1, steps.ty());
    let fewer = m.sub(steps, one);
    let none = m.zero(steps.ty());
    let fewer = m.mux(behind, fewer, none);
    let next = m.mux(head.enable, entry.steps, fewer);
    m.update_if(steps, changes, next);

    let any = m.any(remaining);
    let visits = m.and(any, level);
    let doubles = m.any(steps);
    Progress {
        remaining,
        visits: m.name(visits, "visits"),
        doubles,
        last_slot,
        pop,
        finishes,
    }
}

/// The outputs that say which key is visited, and how its value enters the sum.
fn outputs(m: &mut Builder, w: &Widths, entry: &Entry, head: Stage, progress: &Progress) {
    let mut keep =
        |name: &str, signal: Signal| loaded(m, &format!("head_{name}"), head.enable, signal);
    let last = keep("last", entry.last);
    let beat = entry.beat.map(|beat| keep("beat", beat));
    let pass = entry.pass.map(|pass| keep("pass", pass));
    let largest = entry.largest.map(|largest| IsLargest {
        is_largest: keep("largest", largest.is_largest),
        survives: keep("survives", largest.survives),
    });
    let row_done = m.and(last, progress.last_slot);
    let row_done = m.name(row_done, "row_done");
    let first = m.register_reset("first", bit(), 1);
    m.update_if(first, progress.pop, row_done);

    if w.key > 0 {
        let index = lowest_index(m, progress.remaining, "lowest");
        let parts: Vec<Signal> = beat.into_iter().chain(index).collect();
        let key = m.concat(&parts);
        m.output("m_key", key, "index of the key in its row");
    }
    let codes = bus(m, &[progress.visits, progress.doubles]);
    m.output(
        "m_codes",
        codes,
        "whether the key's value is added, and whether the sum is doubled before",
    );
    m.output(
        "m_visits",
        progress.visits,
        "there is a survivor (low: the sum is only doubled, or the row has none)",
    );
    let survives = match largest {
        Some(largest) => {
            let survives = m.and(progress.visits, largest.survives);
            m.output(
                "m_largest",
                largest.is_largest,
                "the key is the row's largest one, whatever its code",
            );
            survives
        }
        None => progress.visits,
    };
    m.output("m_survives", survives, "the key visited has a code");
    m.output("m_first", first, "first survivor of the row in this pass");
    m.output("m_last", row_done, "last survivor of the row in this pass");
    if let Some(pass) = pass {
        m.output("m_pass", pass, "index of the pass over the row");
    }
    m.output("m_valid", head.valid, "survivor is valid");
}
