//! Which key is the row's largest: for `normalize = "complement"`.

use super::store::{RowPoint, row_store};
use crate::netlist::{Builder, Signal};
use crate::unit::survivor_selector::lowest_one;
use crate::unit::{Widths, bit, bus};
use logattn_golden::config::Configuration;

/// The distances of a beat, as they are found.
pub(super) struct Found {
    /// A bit a key: it is as large as the row's largest.
    pub largest: Signal,
    /// Index of the beat in its row; absent where rows are one beat.
    pub beat: Option<Signal>,
    /// The distances are valid.
    pub valid: Signal,
    /// They are their row's last; a pulse.
    pub ends: Signal,
}

/// The lowest key whose score is the row's largest, below a bit that says that there is one; for
/// the next row that passes `read`.
pub(super) fn find_largest(
    m: &mut Builder,
    c: &Configuration,
    found: &Found,
    read: RowPoint,
) -> Signal {
    let first = m.register_reset("largest_first", bit(), 1);
    m.update_if(first, found.valid, found.ends);
    let any = m.any(found.largest);
    let any = m.name(any, "largest_here");
    let known = m.register("largest_known", bit());
    let later = m.not(first);
    let before = m.and(known, later);
    let before = m.name(before, "largest_before");
    let next = m.or(before, any);
    m.update_if(known, found.valid, next);

    let fields: Vec<Signal> = found
        .beat
        .into_iter()
        .chain(lowest_one(m, found.largest))
        .collect();
    let unknown = m.not(before);
    let takes = m.and_all(&[found.valid, any, unknown]);
    let word = if fields.is_empty() {
        known
    } else {
        let key = m.concat(&fields);
        let held = m.register("largest_key", key.ty());
        debug_assert_eq!(key.width(), Widths::of(c).key);
        m.update_if(held, takes, key);
        bus(m, &[held, known])
    };
    let ended = m.register_reset("largest_ended", bit(), 0);
    m.update(ended, found.ends);
    let written = RowPoint::new(m, c, "rows_searched", ended);
    row_store(m, "row_largest", ended, (written, read), word)
}
