//! From beats of codes to one survivor a cycle, level by level, the largest level first.
//!
//! ```text
//!            +--> list of the largest level  (block RAM) --+
//!  beats ----+--> ...                                      +--> next --> fetched --> head --> visits
//!            +--> list of the smallest level (block RAM) --+
//!                 how long each list is --> ready row --> row in hand
//! ```
//!
//! From `pipeline_depth` 2 on there is a register behind the memories, *read*, between *next* and
//! *fetched*. From 3 on there is another one in front of the lists, *matched*, one behind what
//! the ready row's items are, and between *fetched*
//! and the head a queue in which an entry has a place before it is read, so that nothing stalls
//! between.
//!
//! A beat adds an entry to the list of each level that one of its keys has: which beat it is, and
//! which of its keys have that level. So rows come in at a beat a cycle, whatever their codes, and
//! every entry that is read is worth at least one visit. Three rows may be under way, each in a
//! region of its own of every list (of four, so that a row's number tells it): one is written, one
//! waits complete, one is read; so a row of
//! many survivors does not hold up the beats of the next one.
//!
//! A row is read item by item: its largest key (`normalize = "complement"`), its lists, its end.
//! The sum is doubled on the way from a level to the next lower one, as often as their shifts
//! differ, the largest key's being 0 and the end's `max_shift`. A visit doubles once by itself
//! (`m_codes`); what is left is made up for by cycles without a visit in front of it. The end is an
//! item only if the row's smallest level is not 2^-max_shift already, and of a row without
//! survivors, whose *token* it is.
//!
//! The largest key weighs what all others leave of 1, and less than nothing where their levels
//! are more than that. It is visited once for each bit of its weight that is 1, when the sum is
//! doubled down to that bit; where a list begins there, in a cycle of its own before it. The first
//! bit, at 2^0 or above, is the sign's if the weight is negative, and that visit subtracts.
//!
//! With fewer lanes than the head dimension the items of a row are read again for every pass.

mod entry;
mod lists;
mod order;
mod visits;
mod weight;

#[cfg(test)]
mod tests;

use super::survivor_selector::{Largest, largest_inputs};
use super::{Builder, Widths, bit, element};
use crate::netlist::{Memory, Module, NetlistError, Signal, unsigned};
use logattn_golden::config::{Configuration, Normalize};
use logattn_golden::microarchitecture::SORTED_ROWS;

/// The widths of a list.
#[derive(Clone, Copy)]
struct Shape {
    levels: usize,
    /// Index of an entry in its row's region of a list.
    index: u32,
    /// Index of the region of a row.
    region: u32,
}

impl Shape {
    fn of(c: &Configuration, w: &Widths) -> Self {
        Shape {
            levels: c.levels_count(),
            // One bit for rows of one beat as well, so that nothing is 0 bits wide.
            index: w.beat.max(1),
            region: SORTED_ROWS.ilog2(),
        }
    }
}

/// A beat that comes in.
#[derive(Clone, Copy)]
struct Beat {
    survive: Signal,
    codes: Signal,
    beat: Option<Signal>,
    largest: Option<Largest>,
    last: Signal,
    valid: Signal,
}

impl Beat {
    fn declare(m: &mut Builder, c: &Configuration, w: &Widths) -> Self {
        let keys = c.keys_per_beat as u32;
        Beat {
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
            largest: (c.normalize == Normalize::Complement).then(|| largest_inputs(m, w)),
            last: m.input("s_last", bit(), "last beat of the row"),
            valid: m.input("s_valid", bit(), "beat is valid"),
        }
    }
}

/// What is known of a row all of whose beats are in the lists.
#[derive(Clone)]
struct Row {
    /// For each level, the largest first, the index of its list's last entry.
    ends: Vec<Signal>,
    /// For each level, the largest lowest, whether its list has entries.
    present: Signal,
    largest: Option<Largest>,
    /// The largest key's weight, where there is one.
    weight: Option<Signal>,
}

/// Where the levels are, the largest first.
struct Lists {
    memories: Vec<Memory>,
    /// The shift of each level.
    shifts: Vec<Signal>,
}

/// The sorter: `s_*` takes the quantizer's beats, `m_*` gives survivors, the largest level first.
pub(crate) fn survivor_sorter(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "survivor_sorter",
        "Skips pruned keys and sorts the others: one survivor a cycle, the largest level first.",
    );
    let beat = Beat::declare(&mut m, c, &w);
    let bits = c.shift_bits();
    let shifts = m.input(
        "shifts",
        unsigned(c.levels_count() as u32 * bits),
        "shift of codes 1.., lowest code first",
    );
    let m_ready = m.input("m_ready", bit(), "receiver takes the survivor");
    let shape = Shape::of(c, &w);
    let lists = Lists {
        memories: lists::memories(&mut m, c, &w, &shape),
        shifts: (0..shape.levels)
            .rev()
            .map(|i| element(&mut m, shifts, i, bits))
            .collect(),
    };
    let written = lists::write(&mut m, c, &shape, &lists, &beat);
    let next = order::read(&mut m, c, &shape, &lists, &written);
    visits::visit(&mut m, c, &w, &lists, next, m_ready)?;
    m.output("s_ready", written.s_ready, "beat is taken");
    m.finish()
}
