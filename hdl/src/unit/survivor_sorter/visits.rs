//! The last two stages: how far an entry is from the one before it, and its keys, one a cycle.

use super::Lists;
use super::order::Next;
use crate::netlist::{NetlistError, Signal, unsigned};
use crate::unit::reserved_queue::reserved_queue;
use crate::unit::survivor_selector::{Largest, lowest_index};
use crate::unit::{Builder, Stage, Widths, bit, bus, ceil_log2, choose, elastic_stage, loaded};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{extra_registers, wire_registers};

/// An entry on its way to the head, or in it.
struct Entry {
    /// Keys of the beat to visit.
    keys: Signal,
    beat: Option<Signal>,
    /// How often the sum is to be doubled from the entry before it to this one; for the largest key
    /// from the first bit of its weight to 2^0.
    steps: Signal,
    last: Signal,
    largest: Option<OfLargest>,
    pass: Option<Signal>,
}

/// What an entry says of its row's largest key. Behind the head's registers the key and its weight
/// are those of the row.
#[derive(Clone, Copy)]
struct OfLargest {
    /// The entry is that key.
    is_largest: Signal,
    /// The key has a code.
    survives: Signal,
    /// Its index; absent where a row is one key.
    key: Option<Signal>,
    /// Its weight, in steps of 2^-max_shift.
    weight: Signal,
    /// The first two bits that the sum comes to, where they are found beforehand.
    bits: Option<(Signal, Signal)>,
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
) -> Result<(), NetlistError> {
    let next = if extra_registers(c) > 0 {
        register(m, c, lists, next)
    } else {
        next
    };
    let finishes = m.wire("finishes", bit());
    let entry_taken = m.wire("entry_taken", bit());
    let stage = elastic_stage(m, "fetched", next.valid, next.taken.map(|_| entry_taken));
    if let Some(taken) = next.taken {
        m.drive(taken, stage.enable);
    }
    let incoming = select(m, c, w, lists, &next, stage.enable);
    let mut entry = incoming.load(m, "fetched", stage.enable);
    let mut valid = stage.valid;
    if let Some(place) = next.place {
        if let Some(largest) = &mut entry.largest {
            let (first, places) = first_places(m, c, (*largest, entry.steps));
            let places = m.name(places, "fetched_place");
            let bits = bits_of(m, largest.weight);
            largest.bits = Some((first, choose(m, places, &bits)));
        }
        (entry, valid) = queue(m, c, (entry, valid), place, entry_taken)?;
    }
    let head = elastic_stage(m, "head", valid, finishes);
    m.drive(entry_taken, head.enable);
    let weight = (entry.largest).map(|largest| Weight::declare(m, c, (largest, entry.steps), head));
    let progress = progress(m, c, &entry, weight.as_ref(), head, m_ready);
    if let Some(weight) = &weight {
        weight.count(m, &progress);
    }
    m.drive(finishes, progress.finishes);
    outputs(m, w, &entry, weight.as_ref(), head, &progress);
    Ok(())
}

/// Entries through the queue whose places are reserved when they are read; gives them and whether
/// there is one.
fn queue(
    m: &mut Builder,
    c: &Configuration,
    (entry, valid): (Entry, Signal),
    (reserve, place): (Signal, Signal),
    taken: Signal,
) -> Result<(Entry, Signal), NetlistError> {
    let mut signals = Vec::new();
    let entry = entry.map(|_, signal| {
        signals.push(signal);
        signal
    });
    let word = bus(m, &signals);
    let ports = [
        ("s_reserve", reserve),
        ("s_data", word),
        ("s_valid", valid),
        ("m_ready", taken),
    ];
    let queue = m.instance(
        "u_entry_queue",
        &reserved_queue(c, "entry", word.width())?,
        &ports,
    );
    m.drive(place, queue.output("room"));
    let (word, mut low) = (queue.output("m_data"), 0);
    let entry = entry.map(|_, signal| {
        low += signal.width();
        m.slice(word, low - signal.width(), signal.width())
    });
    Ok((entry, queue.output("m_valid")))
}

/// The entry that was read last, a register later: behind the memories.
fn register(m: &mut Builder, c: &Configuration, lists: &Lists, next: Next) -> Next {
    let shift = (wire_registers(c) > 0).then(|| shift_of_item(m, c, lists, &next));
    let taken = next.taken.map(|_| m.wire("read_taken", bit()));
    let stage = elastic_stage(m, "read", next.valid, taken);
    if let Some(before) = next.taken {
        m.drive(before, stage.enable);
    }
    let mut keep = |name: &str, signal: Signal| loaded(m, name, stage.enable, signal);
    let levels = next.entries.len();
    Next {
        valid: stage.valid,
        entries: (next.entries.iter().enumerate())
            .map(|(rank, entry)| keep(&format!("read_entry_{}", levels - rank), *entry))
            .collect(),
        item: keep("read_item", next.item),
        shift: shift.map(|shift| keep("read_shift", shift)),
        largest: next.largest.map(|largest| Largest {
            key: largest.key.map(|key| keep("read_largest_key", key)),
            code: keep("read_largest_survives", largest.code),
            ..largest
        }),
        weight: next.weight.map(|weight| keep("read_weight", weight)),
        last: keep("read_last", next.last),
        pass: next.pass.map(|pass| keep("read_pass", pass)),
        taken,
        place: next.place,
    }
}

impl Entry {
    /// The same with `change` made to every field, which is told by its name.
    fn map(self, mut change: impl FnMut(&str, Signal) -> Signal) -> Entry {
        Entry {
            keys: change("keys", self.keys),
            beat: self.beat.map(|beat| change("beat", beat)),
            steps: change("steps", self.steps),
            last: change("last", self.last),
            largest: self.largest.map(|largest| OfLargest {
                is_largest: change("largest", largest.is_largest),
                survives: change("survives", largest.survives),
                key: largest.key.map(|key| change("largest_key", key)),
                weight: change("weight", largest.weight),
                bits: (largest.bits)
                    .map(|(first, second)| (change("bit", first), change("bit_behind", second))),
            }),
            pass: self.pass.map(|pass| change("pass", pass)),
        }
    }

    /// The same a stage later, but for keys and steps of the head, which are counted off there.
    fn load(self, m: &mut Builder, stage: &str, load: Signal) -> Entry {
        self.map(|name, signal| loaded(m, &format!("{stage}_{name}"), load, signal))
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
    let width = next.entries[0].width();
    let nothing = m.zero(unsigned(width));
    let mut options = next.entries.clone();
    let mut largest = None;
    if let (Some(of_row), Some(weight)) = (next.largest, next.weight) {
        // Which keys of which beat is of lists; the largest key is visited by its weight.
        options.insert(0, nothing);
        let other = m.any(next.item);
        let is_largest = m.not(other);
        let is_largest = m.name(is_largest, "is_largest");
        largest = Some(OfLargest {
            is_largest,
            survives: of_row.code,
            key: of_row.key,
            weight,
            bits: None,
        });
    }
    let steps = steps(m, c, lists, next, enable, largest);
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

/// By how much the shift of the entry's item is more than that of the entry before it; 0 for a
/// row's first entry, which begins the sum, unless it is a largest key whose weight has bits above
/// 2^0.
fn steps(
    m: &mut Builder,
    c: &Configuration,
    lists: &Lists,
    next: &Next,
    enable: Signal,
    largest: Option<OfLargest>,
) -> Signal {
    let shift = (next.shift).unwrap_or_else(|| shift_of_item(m, c, lists, next));
    let none = m.zero(shift.ty());
    let moves = m.and(next.valid, enable);
    let moves = m.name(moves, "next_moves");
    let before = loaded(m, "shift_before", moves, shift);
    let opens = m.register_reset("opens_row", bit(), 1);
    m.update_if(opens, moves, next.last);
    let more = m.sub(shift, before);
    let steps = m.mux(opens, none, more);
    let Some(largest) = largest else {
        return steps;
    };
    let above = bits_above_one(m, c, largest.weight);
    let bits = above.width().max(steps.width());
    let (steps, above) = (m.extend(steps, bits), m.extend(above, bits));
    m.mux(largest.is_largest, above, steps)
}

/// The shift of the item in hand.
fn shift_of_item(m: &mut Builder, c: &Configuration, lists: &Lists, next: &Next) -> Signal {
    let ty = lists.shifts[0].ty();
    let none = m.zero(ty);
    let most = m.constant(u64::from(c.max_shift.unwrap_or(0)), ty);
    let options: Vec<Signal> = (next.largest.iter().map(|_| none))
        .chain(lists.shifts.iter().copied())
        .chain([most])
        .collect();
    let shift = choose(m, next.item, &options);
    m.name(shift, "next_shift")
}

/// How many doublings there are from the first bit of a weight to 2^0: none unless it is below -1.
fn bits_above_one(m: &mut Builder, c: &Configuration, weight: Signal) -> Signal {
    let max_shift = c.max_shift.unwrap_or(0);
    let sign = m.bit(weight, weight.width() - 1);
    let places = weight.width() - 1 - max_shift;
    let ty = unsigned(ceil_log2(places as usize + 1));
    let mut above = m.zero(ty);
    for place in 0..places {
        let bit = m.bit(weight, max_shift + place);
        let other = m.not(bit);
        let counts = m.and(sign, other);
        let count = m.constant(u64::from(place) + 1, ty);
        above = m.mux(counts, count, above);
    }
    m.name(above, "weight_above_one")
}

/// The largest key of the row in the head, and the bit of its weight that the sum has come to.
struct Weight {
    is_largest: Signal,
    survives: Signal,
    key: Option<Signal>,
    weight: Signal,
    /// The bit that comes next; in a row's first slot that at 2^0, or a negative weight's sign.
    bit: Signal,
    /// Which one comes behind it.
    place: Signal,
    /// The row's largest key comes into the head.
    begins: Signal,
    /// The first bit, and which one comes behind it, when it does; where bits are found beforehand,
    /// which one comes behind the one behind it.
    first: (Signal, Signal),
    /// Where bits are found beforehand, the bit behind the one that comes next; and what it is when
    /// the largest key comes into the head.
    second: Option<(Signal, Signal)>,
}

/// The first bit of a weight that the sum comes to, and which one is behind it.
///
/// # Arguments
/// - `steps`: doublings from the first bit to 2^0.
fn first_places(
    m: &mut Builder,
    c: &Configuration,
    (largest, steps): (OfLargest, Signal),
) -> (Signal, Signal) {
    let (weight, max_shift) = (largest.weight, c.max_shift.unwrap_or(0));
    let sign = m.bit(weight, weight.width() - 1);
    let one = m.bit(weight, max_shift);
    let first_bit = m.or(sign, one);
    let ty = unsigned(ceil_log2(weight.width() as usize));
    let above = m.extend(steps, ty.width());
    let below_one = m.constant(u64::from(max_shift) - 1, ty);
    (first_bit, m.add(below_one, above))
}

fn bits_of(m: &mut Builder, word: Signal) -> Vec<Signal> {
    (0..word.width()).map(|place| m.bit(word, place)).collect()
}

impl Weight {
    /// # Arguments
    /// - `steps`: of the entry that comes into the head.
    fn declare(
        m: &mut Builder,
        c: &Configuration,
        (incoming, steps): (OfLargest, Signal),
        head: Stage,
    ) -> Weight {
        let begins = m.and(head.enable, incoming.is_largest);
        let begins = m.name(begins, "weight_begins");
        let weight = loaded(m, "head_weight", begins, incoming.weight);
        let (mut first_bit, mut behind) = first_places(m, c, (incoming, steps));
        let ty = behind.ty();
        let second = incoming.bits.map(|(first, second)| {
            first_bit = first;
            let one = m.constant(1, ty);
            behind = m.sub(behind, one);
            (m.register("weight_bit_behind", bit()), second)
        });
        Weight {
            second,
            is_largest: loaded(m, "head_largest", head.enable, incoming.is_largest),
            survives: loaded(m, "head_survives", head.enable, incoming.survives),
            key: (incoming.key).map(|key| loaded(m, "head_largest_key", begins, key)),
            weight,
            bit: m.register("weight_bit", bit()),
            place: m.register("weight_place", ty),
            begins,
            first: (first_bit, behind),
        }
    }

    /// Goes on to the next bit with the row's first slot and with every doubling.
    fn count(&self, m: &mut Builder, progress: &Progress) {
        let moves = m.or(progress.first, progress.doubles);
        let moves = m.and(progress.pop, moves);
        let changes = m.or(moves, self.begins);
        let changes = m.name(changes, "weight_moves");
        let bits = bits_of(m, self.weight);
        let mut next = choose(m, self.place, &bits);
        if let Some((behind, first)) = self.second {
            let coming = m.mux(self.begins, first, next);
            m.update_if(behind, changes, coming);
            next = behind;
        }
        let one = m.constant(1, self.place.ty());
        let behind = m.sub(self.place, one);
        let (first_bit, first_behind) = self.first;
        let next = m.mux(self.begins, first_bit, next);
        let behind = m.mux(self.begins, first_behind, behind);
        m.update_if(self.bit, changes, next);
        m.update_if(self.place, changes, behind);
    }
}

/// What is left to do for the entry in the head.
struct Progress {
    remaining: Signal,
    /// The slot in hand is its row's first.
    first: Signal,
    /// It visits a key of the entry.
    visits: Signal,
    /// It visits the row's largest key, for a bit of its weight.
    visits_largest: Option<Signal>,
    /// It doubles the sum.
    doubles: Signal,
    /// It is the entry's last one.
    last_slot: Signal,
    /// It is taken in this cycle.
    pop: Signal,
    finishes: Signal,
    /// What is left changes, and what it is then: keys, steps.
    changes: Signal,
    next: (Signal, Signal),
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
