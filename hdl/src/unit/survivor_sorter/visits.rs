//! The last stage: the visits of an entry, one a cycle.

use super::Lists;
use super::entry::{Entries, Entry, entries};
use super::order::Next;
use super::weight::Weight;
use crate::netlist::{NetlistError, Signal};
use crate::unit::survivor_selector::lowest_index;
use crate::unit::{Builder, Stage, Widths, bit, bus, elastic_stage, loaded};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::wire_registers;

/// Visits the keys of one entry after the other, the lowest one first, behind the cycles that only
/// double the sum.
pub(super) fn visit(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    lists: &Lists,
    next: Next,
    m_ready: Signal,
) -> Result<(), NetlistError> {
    let finishes = m.wire("finishes", bit());
    let Entries {
        entry,
        valid,
        taken,
    } = entries(m, c, w, lists, next)?;
    let head = elastic_stage(m, "head", valid, finishes);
    m.drive(taken, head.enable);
    let weight = (entry.largest).map(|largest| Weight::declare(m, c, (largest, entry.steps), head));
    let progress = progress(m, c, &entry, weight.as_ref(), head, m_ready);
    if let Some(weight) = &weight {
        weight.count(m, &progress);
    }
    m.drive(finishes, progress.finishes);
    outputs(m, w, &entry, weight.as_ref(), head, &progress);
    Ok(())
}

/// What is left to do for the entry in the head.
pub(super) struct Progress {
    pub remaining: Signal,
    /// The slot in hand is its row's first.
    pub first: Signal,
    /// It visits a key of the entry.
    pub visits: Signal,
    /// It visits the row's largest key, for a bit of its weight.
    pub visits_largest: Option<Signal>,
    /// It doubles the sum.
    pub doubles: Signal,
    /// It is the entry's last one.
    pub last_slot: Signal,
    /// It is taken in this cycle.
    pub pop: Signal,
    pub finishes: Signal,
    /// What is left changes, and what it is then: keys, steps.
    pub changes: Signal,
    pub next: (Signal, Signal),
    known: Option<Known>,
}

/// What is found of the keys and steps that are left in the cycle before, from `pipeline_depth` 3
/// on.
#[derive(Clone, Copy)]
struct Known {
    /// There are keys.
    keys: Signal,
    /// There are no keys but one.
    one_key: Signal,
    /// There are steps.
    steps: Signal,
    /// There are two or more.
    far: Signal,
    /// The slot is its row's first, of the largest key, where that is visited by its weight.
    opens: Option<Signal>,
}

impl Known {
    fn declare(m: &mut Builder, weighs: bool) -> Self {
        let mut flag = |name: &str| m.register(name, bit());
        Known {
            keys: flag("keys_left"),
            one_key: flag("one_key_left"),
            steps: flag("steps_left"),
            far: flag("far"),
            opens: weighs.then(|| flag("opens")),
        }
    }

    /// # Arguments
    /// - `row_done`: the slot in hand is its row's last.
    /// - `largest`: the head loads, the entry that comes is of the largest key, that in it is.
    fn update(
        self,
        m: &mut Builder,
        progress: &Progress,
        row_done: Signal,
        largest: Option<(Signal, Signal, Signal)>,
    ) {
        let changes = progress.changes;
        let (keys, steps) = progress.next;
        let (keys, steps) = (m.name(keys, "remaining_next"), m.name(steps, "steps_next"));
        let more = after_lowest(m, keys);
        let one_key = {
            let more = m.any(more);
            m.not(more)
        };
        let far = two_or_more(m, steps);
        let (keys, steps) = (m.any(keys), m.any(steps));
        for (register, next) in [
            (self.keys, keys),
            (self.one_key, one_key),
            (self.steps, steps),
            (self.far, far),
        ] {
            m.update_if(register, changes, next);
        }
        if let (Some(register), Some((loads, incoming, in_head))) = (self.opens, largest) {
            let is_largest = m.mux(loads, incoming, in_head);
            let first = m.mux(progress.pop, row_done, progress.first);
            let opens = m.and(is_largest, first);
            m.update_if(register, changes, opens);
        }
    }
}

/// `ones` without its lowest one.
fn after_lowest(m: &mut Builder, ones: Signal) -> Signal {
    let one = m.constant(1, ones.ty());
    let below = m.sub(ones, one);
    m.and(ones, below)
}

/// `number` is 2 at least.
fn two_or_more(m: &mut Builder, number: Signal) -> Signal {
    if number.width() > 1 {
        let high = m.slice(number, 1, number.width() - 1);
        m.any(high)
    } else {
        m.zero(bit())
    }
}

/// Counts the head's doublings and keys off.
fn progress(
    m: &mut Builder,
    c: &Configuration,
    entry: &Entry,
    weight: Option<&Weight>,
    head: Stage,
    m_ready: Signal,
) -> Progress {
    let remaining = m.register("remaining", entry.keys.ty());
    let steps = m.register("steps", entry.steps.ty());
    let first = m.register_reset("first", bit(), 1);
    let known = (wire_registers(c) > 0).then(|| Known::declare(m, weight.is_some()));
    let (any, steps_left) = match &known {
        Some(known) => (known.keys, known.steps),
        None => {
            let (any, steps_left) = (m.any(remaining), m.any(steps));
            (m.name(any, "keys_left"), m.name(steps_left, "steps_left"))
        }
    };
    m.comment("a visit doubles once itself: only what is more than that comes before it");
    let mut behind = match &known {
        Some(known) => known.far,
        None => two_or_more(m, steps),
    };
    if let Some(weight) = weight {
        m.comment(
            "and a doubling by itself in which the largest key is visited, or after its sign",
        );
        let taken = m.and(weight.bit, any);
        let opens = known.and_then(|known| known.opens);
        let opens = opens.unwrap_or_else(|| m.and(weight.is_largest, first));
        let apart = m.or(taken, opens);
        let apart = m.and(steps_left, apart);
        behind = m.or(behind, apart);
    }
    let behind = m.name(behind, "behind");
    let level = m.not(behind);
    let level = m.name(level, "caught_up");

    m.comment("clearing the lowest one leaves the survivors after this one");
    let after = after_lowest(m, remaining);
    let after = m.name(after, "remaining_after");
    let exhausted = match &known {
        Some(known) => known.one_key,
        None => {
            let more = m.any(after);
            m.not(more)
        }
    };
    let last_slot = m.and(level, exhausted);
    let last_slot = m.name(last_slot, "last_slot");
    let pop = m.and(head.valid, m_ready);
    let pop = m.name(pop, "pop");
    let finishes = m.and(pop, last_slot);

    let changes = m.or(head.enable, pop);
    let changes = m.name(changes, "head_changes");
    let kept = m.mux(behind, remaining, after);
    let next_keys = m.mux(head.enable, entry.keys, kept);
    m.update_if(remaining, changes, next_keys);
    let one = m.constant(1, steps.ty());
    let fewer = m.sub(steps, one);
    let none = m.zero(steps.ty());
    let mut fewer = m.mux(behind, fewer, none);
    let mut doubles = steps_left;
    if weight.is_some() {
        m.comment("a row's first slot begins the sum, and doubles nothing");
        let goes_on = m.not(first);
        doubles = m.and(doubles, goes_on);
        fewer = m.mux(first, steps, fewer);
    }
    let next_steps = m.mux(head.enable, entry.steps, fewer);
    m.update_if(steps, changes, next_steps);

    let visits = m.and(any, level);
    let visits_largest = weight.map(|weight| {
        let comes_to_it = m.or(weight.is_largest, steps_left);
        let visits = m.and(weight.bit, comes_to_it);
        m.name(visits, "visits_largest")
    });
    Progress {
        remaining,
        first,
        visits: m.name(visits, "visits"),
        visits_largest,
        doubles: m.name(doubles, "doubles"),
        last_slot,
        pop,
        finishes,
        changes,
        next: (next_keys, next_steps),
        known,
    }
}

/// The outputs that say which key is visited, and how its value enters the sum.
fn outputs(
    m: &mut Builder,
    w: &Widths,
    entry: &Entry,
    weight: Option<&Weight>,
    head: Stage,
    progress: &Progress,
) {
    let mut keep =
        |name: &str, signal: Signal| loaded(m, &format!("head_{name}"), head.enable, signal);
    let last = keep("last", entry.last);
    let beat = entry.beat.map(|beat| keep("beat", beat));
    let pass = entry.pass.map(|pass| keep("pass", pass));
    let row_done = m.and(last, progress.last_slot);
    let row_done = m.name(row_done, "row_done");
    m.update_if(progress.first, progress.pop, row_done);
    if let Some(known) = progress.known {
        let largest = entry.largest.zip(weight);
        let largest =
            largest.map(|(incoming, weight)| (head.enable, incoming.is_largest, weight.is_largest));
        known.update(m, progress, row_done, largest);
    }

    if w.key > 0 {
        let index = lowest_index(m, progress.remaining, "lowest");
        let parts: Vec<Signal> = beat.into_iter().chain(index).collect();
        let mut key = m.concat(&parts);
        if let (Some(visits), Some(largest)) = (
            progress.visits_largest,
            weight.and_then(|weight| weight.key),
        ) {
            key = m.mux(visits, largest, key);
        }
        m.output("m_key", key, "index of the key in its row");
    }
    let (mut visits, mut adds, mut survives) = (progress.visits, progress.visits, progress.visits);
    let mut subtracts = None;
    if let (Some(weight), Some(visits_largest)) = (weight, progress.visits_largest) {
        let sign = m.bit(weight.weight, weight.weight.width() - 1);
        let negative = m.and(progress.first, sign);
        let negative = m.name(negative, "at_sign");
        let added = m.not(negative);
        let added = m.and(visits_largest, added);
        adds = m.or(adds, added);
        visits = m.or(visits, visits_largest);
        let subtracted = m.and(visits_largest, negative);
        subtracts = Some(m.name(subtracted, "subtracts"));
        m.comment("the largest key counts once, whatever its weight");
        let counted = m.and(progress.first, weight.survives);
        let counted = m.and(counted, weight.is_largest);
        survives = m.or(survives, counted);
    }
    let fields: Vec<Signal> = [adds, progress.doubles]
        .into_iter()
        .chain(subtracts)
        .collect();
    let codes = bus(m, &fields);
    m.output(
        "m_codes",
        codes,
        match subtracts {
            None => "whether the key's value is added, and whether the sum is doubled before",
            Some(_) => {
                "whether the key's value is added, the sum doubled before, the value subtracted"
            }
        },
    );
    m.output(
        "m_visits",
        visits,
        "a key is visited (low: the sum is only doubled, or the row has none)",
    );
    m.output(
        "m_survives",
        survives,
        "a survivor is visited, the largest key for the first time",
    );
    m.output(
        "m_first",
        progress.first,
        "first visit of the row in this pass",
    );
    m.output("m_last", row_done, "last visit of the row in this pass");
    if let Some(pass) = pass {
        m.output("m_pass", pass, "index of the pass over the row");
    }
    m.output("m_valid", head.valid, "survivor is valid");
}
