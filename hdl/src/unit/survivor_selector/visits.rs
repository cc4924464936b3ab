//! The selector's last stage: the keys of one entry, one a cycle.

use super::super::{Builder, Widths, bit, choose, element, loaded};
use super::{Entry, Largest, Next, lowest_one};
use crate::netlist::Signal;
use logattn_golden::config::Configuration;

/// How far the head's entry has been visited.
struct Progress {
    /// One bit a visit that is still to be made, the one in hand the lowest: that of the largest
    /// key where the entry may have one, then those of the beat's keys.
    remaining: Signal,
    /// The visit in hand is the entry's last one.
    exhausted: Signal,
    /// The visit in hand is taken in this cycle.
    pop: Signal,
    valid: Signal,
}

/// Visits the survivors of one entry after the other, the lowest key first; in front of them the
/// row's largest key, if the entry is to visit it.
pub(super) fn visit(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    next: &Next,
    entry: Entry,
    m_ready: Signal,
) {
    let visits = match entry.largest {
        Some(largest) => m.concat(&[entry.survive, largest.visits]),
        None => entry.survive,
    };
    let head = progress(m, next, visits, m_ready);
    let codes = loaded(m, "head_codes", next.take, entry.codes);
    let beat = entry
        .beat
        .map(|beat| loaded(m, "head_beat", next.take, beat));
    let largest = entry.largest.map(|largest| Largest {
        visits: m.bit(head.remaining, 0),
        key: largest
            .key
            .map(|key| loaded(m, "head_largest_key", next.take, key)),
        code: loaded(m, "head_largest_code", next.take, largest.code),
    });
    let last = loaded(m, "head_last", next.take, entry.last);
    let pass = next
        .pass
        .map(|pass| loaded(m, "head_pass", next.take, pass));

    let first = m.register_reset("first", bit(), 1);
    let row_done = m.and(last, head.exhausted);
    let row_done = m.name(row_done, "row_done");
    m.update_if(first, head.pop, row_done);

    key_outputs(m, c, w, &head, codes, beat, largest);
    m.output("m_first", first, "first survivor of the row in this pass");
    m.output("m_last", row_done, "last survivor of the row in this pass");
    if let Some(pass) = pass {
        m.output("m_pass", pass, "index of the pass over the row");
    }
    m.output("m_valid", head.valid, "survivor is valid");
}

/// Takes `next` when the head is empty or makes its last visit; counts its visits off.
fn progress(m: &mut Builder, next: &Next, visits: Signal, m_ready: Signal) -> Progress {
    let valid = m.register_reset("head_valid", bit(), 0);
    let remaining = m.register("remaining", visits.ty());

    m.comment("clearing the lowest one leaves the survivors after this one");
    let one = m.constant(1, visits.ty());
    let below = m.sub(remaining, one);
    let after = m.and(remaining, below);
    let after = m.name(after, "remaining_after");
    let more = m.any(after);
    let more = m.name(more, "more");
    let pop = m.and(valid, m_ready);
    let pop = m.name(pop, "pop");
    let exhausted = m.not(more);
    let finishes = m.and(pop, exhausted);
    let finishes = m.name(finishes, "finishes");
    let vacant = m.not(valid);
    let free = m.or(vacant, finishes);
    let free = m.name(free, "head_free");
    let take = m.and(next.valid, free);
    m.drive(next.take, take);
    m.update_if(valid, free, next.valid);
    let changes = m.or(next.take, pop);
    let remaining_next = m.mux(next.take, visits, after);
    m.update_if(remaining, changes, remaining_next);
    Progress {
        remaining,
        exhausted,
        pop,
        valid,
    }
}

/// The outputs that say which key is visited, and with which codes.
fn key_outputs(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    head: &Progress,
    codes: Signal,
    beat: Option<Signal>,
    largest: Option<Largest>,
) {
    let survivors = match largest {
        Some(_) => m.slice(head.remaining, 1, c.keys_per_beat as u32),
        None => head.remaining,
    };
    let index = lowest_one(m, survivors);
    let options: Vec<Signal> = (0..c.keys_per_beat)
        .map(|key| element(m, codes, key, w.key_codes))
        .collect();
    let chosen = match index {
        Some(index) => choose(m, index, &options),
        None => options[0],
    };
    let any = m.any(head.remaining);
    let any = m.name(any, "visits");
    m.comment("a token stands for a row without survivors: it carries no codes");
    let mask = m.replicate(any, w.key_codes);
    let mut chosen = m.and(chosen, mask);
    if let Some(largest) = largest {
        chosen = m.mux(largest.visits, largest.code, chosen);
    }
    if w.key > 0 {
        let parts: Vec<Signal> = beat.into_iter().chain(index).collect();
        let mut key = m.concat(&parts);
        if let Some((visits, largest)) = largest.and_then(|l| Some((l.visits, l.key?))) {
            key = m.mux(visits, largest, key);
        }
        m.output("m_key", key, "index of the key in its row");
    }
    m.output(
        "m_codes",
        chosen,
        "codes of the key, one a row of the block",
    );
    m.output(
        "m_visits",
        any,
        "there is a survivor (low: the row has none)",
    );
    if let Some(largest) = largest {
        m.output(
            "m_largest",
            largest.visits,
            "the key is the row's largest one, whatever its code",
        );
    }
}
