//! From the entry that was read to the head: its memory's word, and how far it is from the entry
//! before it.

use super::Lists;
use super::order::Next;
use super::weight::{bits_above_one, bits_of, first_places};
use crate::netlist::{NetlistError, Signal, unsigned};
use crate::unit::reserved_queue::reserved_queue;
use crate::unit::survivor_selector::Largest;
use crate::unit::{Builder, Widths, bit, bus, choose, elastic_stage, loaded};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{extra_registers, wire_registers};

/// An entry on its way to the head, or in it.
pub(super) struct Entry {
    /// Keys of the beat to visit.
    pub keys: Signal,
    pub beat: Option<Signal>,
    /// How often the sum is to be doubled from the entry before it to this one; for the largest key
    /// from the first bit of its weight to 2^0.
    pub steps: Signal,
    pub last: Signal,
    pub largest: Option<OfLargest>,
    pub pass: Option<Signal>,
}

/// What an entry says of its row's largest key. Behind the head's registers the key and its weight
/// are those of the row.
#[derive(Clone, Copy)]
pub(super) struct OfLargest {
    /// The entry is that key.
    pub is_largest: Signal,
    /// The key has a code.
    pub survives: Signal,
    /// Its index; absent where a row is one key.
    pub key: Option<Signal>,
    /// Its weight, in steps of 2^-max_shift.
    pub weight: Signal,
    /// The first two bits that the sum comes to, where they are found beforehand.
    pub bits: Option<(Signal, Signal)>,
}

/// Entries on their way to the head.
pub(super) struct Entries {
    /// The entry that comes next.
    pub entry: Entry,
    /// There is one.
    pub valid: Signal,
    /// To be driven: it goes on.
    pub taken: Signal,
}

/// Entries from the memories' registers to the head.
pub(super) fn entries(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    lists: &Lists,
    next: Next,
) -> Result<Entries, NetlistError> {
    let next = if extra_registers(c) > 0 {
        register(m, c, lists, next)
    } else {
        next
    };
    let taken = m.wire("entry_taken", bit());
    let stage = elastic_stage(m, "fetched", next.valid, next.taken.map(|_| taken));
    if let Some(before) = next.taken {
        m.drive(before, stage.enable);
    }
    let incoming = select(m, c, w, lists, &next, stage.enable);
    let mut entry = incoming.load(m, "fetched", stage.enable);
    let mut valid = stage.valid;
    if let Some(place) = next.place {
        if let Some(largest) = &mut entry.largest {
            let (first, _) = first_places(m, c, (largest.weight, entry.steps));
            // The bit behind the first one is that below 2^0, or as many above as there are steps.
            let bits = bits_of(m, largest.weight);
            let below_one = c.max_shift.unwrap_or(0) as usize - 1;
            let bits = &bits[below_one..];
            largest.bits = Some((first, choose(m, entry.steps, bits)));
        }
        (entry, valid) = queue(m, c, (entry, valid), place, taken)?;
    }
    Ok(Entries {
        entry,
        valid,
        taken,
    })
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
