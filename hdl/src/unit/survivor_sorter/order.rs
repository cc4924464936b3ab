//! The read side: a complete row's items, entry by entry, into the memories' output registers.

use super::lists::{Written, counted_regions};
use super::{Lists, Row, Shape};
use crate::netlist::{Signal, Type, unsigned};
use crate::unit::pipeline::delayed_valid;
use crate::unit::survivor_selector::{Largest, lowest_index};
use crate::unit::{
    Builder, bit, bus, ceil_log2, choose, elastic_stage, loaded, loaded_if, reserves,
};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{extra_registers, wire_registers};

/// The entry that was read last.
pub(super) struct Next {
    pub valid: Signal,
    /// What each list's memory gives; of use for the item that is a list.
    pub entries: Vec<Signal>,
    /// Index of the item: the largest key, where there is one, then the lists, then the end.
    pub item: Signal,
    /// The item's shift, where it is found beforehand.
    pub shift: Option<Signal>,
    /// The row's largest key.
    pub largest: Option<Largest>,
    /// Its weight.
    pub weight: Option<Signal>,
    /// The last entry of its row in this pass.
    pub last: Signal,
    /// The pass that the entry is read for, where there are several.
    pub pass: Option<Signal>,
    /// To be driven by the next stage: it takes the entry. Absent where nothing stalls behind.
    pub taken: Option<Signal>,
    /// A place for the entry is taken in the queue in front of the head, and, to be driven, there is
    /// one; where there is such a queue.
    pub place: Option<(Signal, Signal)>,
}

/// Reads the items of one row after the other, an entry a cycle.
pub(super) fn read(
    m: &mut Builder,
    c: &Configuration,
    shape: &Shape,
    lists: &Lists,
    written: &Written,
) -> Next {
    let reading = m.register_reset("reading", bit(), 0);
    let fetch = m.wire("fetch", bit());
    let (taken, place, stage) = if reserves(c) {
        let place = m.wire("entry_place", bit());
        let stage = elastic_stage(m, "next", fetch, None);
        (None, Some((fetch, place)), stage)
    } else {
        let taken = m.wire("next_taken", bit());
        let stage = elastic_stage(m, "next", reading, taken);
        (Some(taken), None, stage)
    };
    let goes_on = place.map_or(stage.enable, |(_, place)| place);
    let fetches = m.and(reading, goes_on);
    m.drive(fetch, fetches);
    let release = m.wire("row_leaves", bit());
    let idle = m.not(reading);
    let free = m.or(idle, release);
    let begins = m.and(written.valid, free);
    let begins = m.name(begins, "row_begins");
    m.drive(written.taken, begins);
    let changes = m.or(begins, release);
    m.update_if(reading, changes, begins);

    let row = hold_row(m, c, shape, begins, &written.row);
    let at_end = smallest_levels(m, c, lists);
    let items = items(m, &written.row, at_end);
    let items = m.name(items, "ready_items");
    let order = order(m, c, shape, (&row, &written.row), (items, begins), fetch);
    m.drive(release, order.release);

    let region = counted_regions(m, "read_region", shape, order.release);
    let address = m.concat(&[region, order.index]);
    let address = m.name(address, "read_address");
    let first_list = u64::from(row.largest.is_some());
    let entries = lists.memories.iter().enumerate().map(|(rank, memory)| {
        let code = shape.levels - rank;
        let list = m.constant(rank as u64 + first_list, order.item.ty());
        let in_hand = m.eq(order.item, list);
        let enable = m.and(fetch, in_hand);
        m.memory_read(*memory, format!("entry_{code}"), enable, address)
    });
    Next {
        valid: stage.valid,
        entries: entries.collect(),
        item: loaded(m, "next_item", stage.enable, order.item),
        shift: None,
        largest: row.largest,
        weight: row.weight,
        last: loaded(m, "next_last", stage.enable, order.last),
        pass: order
            .pass
            .map(|pass| loaded(m, "next_pass", stage.enable, pass)),
        taken,
        place,
    }
}

/// The row in hand. Its largest key is its first item and never its only one, so that it is still
/// here when the entry after it has been read.
fn hold_row(m: &mut Builder, c: &Configuration, shape: &Shape, begins: Signal, ready: &Row) -> Row {
    // The weight comes as much later as its first reader does, behind the memories.
    let weight = ready.weight.map(|weight| {
        let begun = delayed_valid(m, "row_begun", begins, extra_registers(c));
        loaded(m, "row_weight", begun, weight)
    });
    Row {
        ends: (ready.ends.iter().enumerate())
            .map(|(rank, end)| {
                let code = shape.levels - rank;
                loaded(m, &format!("row_end_{code}"), begins, *end)
            })
            .collect(),
        present: ready.present,
        largest: ready.largest.map(|largest| Largest {
            key: largest
                .key
                .map(|key| loaded(m, "row_largest_key", begins, key)),
            code: loaded(m, "row_largest_survives", begins, largest.code),
            ..largest
        }),
        weight,
    }
}

/// For each level, the largest lowest, whether nothing is left to double after it.
fn smallest_levels(m: &mut Builder, c: &Configuration, lists: &Lists) -> Signal {
    let most = u64::from(c.max_shift.unwrap_or(0));
    let at_end: Vec<Signal> = (lists.shifts.iter())
        .map(|shift| {
            let most = m.constant(most, shift.ty());
            m.eq(*shift, most)
        })
        .collect();
    let at_end = bus(m, &at_end);
    // A setting, which is there long before a row.
    match wire_registers(c) {
        0 => m.name(at_end, "at_end"),
        _ => loaded_if(m, "at_end", None, at_end),
    }
}

/// A row's items, the first one lowest.
fn items(m: &mut Builder, row: &Row, at_end: Signal) -> Signal {
    let ends_itself = m.and(row.present, at_end);
    let ends_itself = m.any(ends_itself);
    m.comment("a row without survivors has nothing but its end");
    let end = m.not(ends_itself);
    let mut items = vec![end, row.present];
    items.extend(row.largest.map(|largest| largest.visits));
    m.concat(&items)
}

/// The entry that is read in this cycle.
struct Order {
    item: Signal,
    index: Signal,
    last: Signal,
    pass: Option<Signal>,
    /// The row in hand is read for the last time.
    release: Signal,
}

/// Goes through the items of a row and the entries of each, in every pass.
fn order(
    m: &mut Builder,
    c: &Configuration,
    shape: &Shape,
    (row, ready): (&Row, &Row),
    (ready_items, begins): (Signal, Signal),
    fetch: Signal,
) -> Order {
    let count = ready_items.width();
    let item = m.register("item", unsigned(ceil_log2(count as usize)));
    let waiting = m.register("items_waiting", unsigned(count));
    let index = m.register_reset("index", unsigned(shape.index), 0);

    let at_once = m.zero(index.ty());
    let ends: Vec<Signal> = (row.largest.iter().map(|_| at_once))
        .chain(row.ends.iter().copied())
        .chain([at_once])
        .collect();
    let end = choose(m, item, &ends);
    let ahead = (wire_registers(c) > 0).then(|| Ahead::declare(m, index.ty()));
    let ends_item = match &ahead {
        Some(ahead) => ahead.ends_item,
        None => {
            let ends = m.eq(index, end);
            m.name(ends, "ends_item")
        }
    };
    let item_done = m.and(fetch, ends_item);
    let item_done = m.name(item_done, "item_done");
    let one = m.constant(1, index.ty());
    let following = m.add(index, one);
    let following = m.name(following, "following_index");
    let next_index = m.mux(ends_item, at_once, following);
    m.update_if(index, fetch, next_index);

    let no_more = match &ahead {
        Some(ahead) => ahead.no_more,
        None => {
            let more = m.any(waiting);
            m.not(more)
        }
    };
    let last = m.and(ends_item, no_more);
    let last = m.name(last, "ends_row");
    let row_done = m.and(fetch, last);
    let row_done = m.name(row_done, "row_read");
    let passes = (c.passes() > 1).then(|| passes(m, c, row_done, (ready_items, begins)));
    let (again, release) = match &passes {
        Some(passes) => {
            let release = m.and(row_done, passes.is_final);
            let release = m.name(release, "row_read_for_good");
            let again = m.not(release);
            let again = m.and(row_done, again);
            (Some(m.name(again, "row_again")), release)
        }
        None => (None, row_done),
    };
    let changes = m.or(begins, item_done);
    let changes = m.name(changes, "next_item_begins");
    m.comment("found beforehand for each place that the items may come from: the choice is late");
    let of_row = ahead.as_ref().map(|_| lengths(m, row, "row"));
    let of_ready = ahead.as_ref().map(|_| lengths(m, ready, "ready"));
    let mut next = first_item(m, waiting, of_row.as_ref(), "waiting");
    let mut begun = first_item(m, ready_items, of_ready.as_ref(), "ready");
    if ahead.is_some() {
        begun = begun.registered(m, "ready");
    }
    next = next.or_if(m, begins, begun);
    if let (Some(passes), Some(again)) = (&passes, again) {
        let repeated = first_item(m, passes.items, of_row.as_ref(), "again");
        next = next.or_if(m, again, repeated);
    }
    if let (Some(ahead), Some(coming)) = (&ahead, next.ahead) {
        let second = m.constant(1, index.ty());
        let one = m.constant(1, index.ty());
        let further = m.add(ahead.following, one);
        let next_following = m.mux(ends_item, second, further);
        m.update_if(ahead.following, fetch, next_following);
        m.comment("the item's end is there a cycle after the item: the first entry goes by a bit");
        let end = loaded_if(m, "item_end", None, end);
        let reaches = m.eq(ahead.following, end);
        let goes_on = m.mux(ahead.opens, ahead.pair, reaches);
        let next_ends = m.mux(changes, coming.single, goes_on);
        let moves = m.or(begins, fetch);
        let moves = m.name(moves, "index_moves");
        m.update_if(ahead.ends_item, moves, next_ends);
        m.update_if(ahead.opens, moves, changes);
        m.update_if(ahead.pair, changes, coming.pair);
        m.update_if(ahead.no_more, changes, coming.none);
    }
    m.update_if(item, changes, next.item);
    m.update_if(waiting, changes, next.rest);
    Order {
        item,
        index,
        last,
        pass: passes.map(|passes| passes.pass),
        release,
    }
}

/// The first of some items, and those after it.
#[derive(Clone, Copy)]
struct NextItem {
    item: Signal,
    rest: Signal,
    /// Where that is asked for.
    ahead: Option<Coming>,
}

/// What is told of the next item.
#[derive(Clone, Copy)]
struct Coming {
    /// It has one entry.
    single: Signal,
    /// It has two.
    pair: Signal,
    /// There are none after it.
    none: Signal,
}

impl Coming {
    /// `change` of each field of this and of `other`.
    fn zip(self, other: Coming, mut change: impl FnMut(Signal, Signal) -> Signal) -> Coming {
        Coming {
            single: change(self.single, other.single),
            pair: change(self.pair, other.pair),
            none: change(self.none, other.none),
        }
    }
}

impl NextItem {
    /// `other` where `chosen` is high.
    fn or_if(self, m: &mut Builder, chosen: Signal, other: NextItem) -> NextItem {
        let ahead = self.ahead.zip(other.ahead);
        NextItem {
            item: m.mux(chosen, other.item, self.item),
            rest: m.mux(chosen, other.rest, self.rest),
            ahead: ahead.map(|(own, other)| own.zip(other, |own, other| m.mux(chosen, other, own))),
        }
    }

    /// The same a cycle later.
    fn registered(self, m: &mut Builder, name: &str) -> NextItem {
        let mut keep =
            |field: &str, signal: Signal| loaded_if(m, &format!("{name}_{field}"), None, signal);
        NextItem {
            item: keep("first_item", self.item),
            rest: keep("items_after", self.rest),
            ahead: (self.ahead).map(|ahead| Coming {
                single: keep("single", ahead.single),
                pair: keep("pair", ahead.pair),
                none: keep("only_item", ahead.none),
            }),
        }
    }
}

/// # Arguments
/// - `lengths`: of each item, if what is told ahead is asked for.
fn first_item(m: &mut Builder, items: Signal, lengths: Option<&Lengths>, name: &str) -> NextItem {
    let only = m.zero(unsigned(ceil_log2(items.width() as usize)));
    let item = lowest_index(m, items, &format!("first_{name}")).unwrap_or(only);
    let rest = match lengths {
        None => {
            let one = m.constant(1, items.ty());
            let below = m.sub(items, one);
            m.and(items, below)
        }
        // Without a carry from one to the next.
        Some(_) => {
            let rest: Vec<Signal> = (0..items.width())
                .map(|place| {
                    let here = m.bit(items, place);
                    match place {
                        0 => m.zero(bit()),
                        _ => {
                            let before = m.slice(items, 0, place);
                            let before = m.any(before);
                            m.and(here, before)
                        }
                    }
                })
                .collect();
            bus(m, &rest)
        }
    };
    let rest = m.name(rest, format!("after_first_{name}"));
    NextItem {
        item,
        rest,
        ahead: lengths.map(|lengths| {
            let some = m.any(rest);
            Coming {
                single: of_first(m, items, &lengths.single),
                pair: of_first(m, items, &lengths.pair),
                none: m.not(some),
            }
        }),
    }
}

/// The bit of `bits` that is the first item's.
fn of_first(m: &mut Builder, items: Signal, bits: &[Signal]) -> Signal {
    let mut firsts = Vec::new();
    for (place, bit) in bits.iter().enumerate() {
        let here = m.bit(items, place as u32);
        let mut first = m.and(here, *bit);
        if place > 0 {
            let before = m.slice(items, 0, place as u32);
            let before = m.any(before);
            let none = m.not(before);
            first = m.and(first, none);
        }
        firsts.push(first);
    }
    m.or_all(&firsts)
}

/// What is known a cycle before it is needed, from `pipeline_depth` 3 on.
struct Ahead {
    /// The entry in hand is its item's last.
    ends_item: Signal,
    /// The item in hand is its row's last.
    no_more: Signal,
    /// Index of the entry after the one in hand, if the item goes on.
    following: Signal,
    /// The entry in hand is its item's first.
    opens: Signal,
    /// The item in hand has two entries.
    pair: Signal,
}

impl Ahead {
    fn declare(m: &mut Builder, index: Type) -> Self {
        Ahead {
            following: m.register_reset("index_ahead", index, 1),
            ends_item: m.register("ends_item", bit()),
            no_more: m.register("no_more_items", bit()),
            opens: m.register("opens_item", bit()),
            pair: m.register("item_is_pair", bit()),
        }
    }
}

/// Which items of a row have one entry, and which have two.
struct Lengths {
    single: Vec<Signal>,
    pair: Vec<Signal>,
}

fn lengths(m: &mut Builder, row: &Row, name: &str) -> Lengths {
    let (mut single, mut pair) = (Vec::new(), Vec::new());
    let [yes, no] = [1, 0].map(|value| m.constant(value, bit()));
    if row.largest.is_some() {
        single.push(yes);
        pair.push(no);
    }
    for (rank, end) in row.ends.iter().enumerate() {
        let code = row.ends.len() - rank;
        for (length, found) in [("single", &mut single), ("pair", &mut pair)] {
            let last = m.constant(u64::from(length == "pair"), end.ty());
            let is = m.eq(*end, last);
            found.push(m.name(is, format!("{name}_{length}_{code}")));
        }
    }
    single.push(yes);
    pair.push(no);
    Lengths { single, pair }
}

/// Several passes over a row.
struct Passes {
    pass: Signal,
    is_final: Signal,
    /// All items of the row in hand.
    items: Signal,
}

fn passes(
    m: &mut Builder,
    c: &Configuration,
    row_done: Signal,
    (ready_items, begins): (Signal, Signal),
) -> Passes {
    let pass = m.register_reset("pass", unsigned(ceil_log2(c.passes())), 0);
    let one = m.constant(1, pass.ty());
    m.comment("the number of passes is a power of two, so the index wraps by itself");
    let following = m.add(pass, one);
    m.update_if(pass, row_done, following);
    let is_final = m.all(pass);
    Passes {
        pass,
        is_final: m.name(is_final, "final_pass"),
        items: loaded(m, "row_items", begins, ready_items),
    }
}
