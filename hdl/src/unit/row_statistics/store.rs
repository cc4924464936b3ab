//! Stores of a few rows.

use crate::netlist::{Builder, Signal};
use crate::unit::places::Counter;
use crate::unit::{choose, element};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::ROW_SLOTS;

/// Bits of a row's place in a store.
const ROW_BITS: u32 = ROW_SLOTS.ilog2();

/// Counts rows that pass a point, for [`RowPoint::room`] and [`RowPoint::waiting`].
#[derive(Clone, Copy)]
pub(super) struct RowPoint(Counter);

impl RowPoint {
    /// `passes` is high in the cycle in which a row passes.
    pub(super) fn new(m: &mut Builder, c: &Configuration, name: &str, passes: Signal) -> Self {
        RowPoint(Counter::new(m, c, name, ROW_BITS + 1, passes))
    }

    /// A further row may pass here: not all places are taken by rows that have not passed `later`.
    pub(super) fn room(self, m: &mut Builder, name: &str, later: RowPoint) -> Signal {
        self.0.room(m, name, later.0)
    }

    /// A row has passed here and not yet at `later`.
    pub(super) fn waiting(self, m: &mut Builder, name: &str, later: RowPoint) -> Signal {
        self.0.ahead(m, name, later.0)
    }

    /// The place of the next row that passes.
    pub(super) fn place(self, m: &mut Builder) -> Signal {
        m.slice(self.0.count, 0, ROW_BITS)
    }
}

/// One word for each row under way: what was written when the row passed `written`, read for the
/// next row that passes `read`.
pub(super) fn row_store(
    m: &mut Builder,
    name: &str,
    write: Signal,
    (written, read): (RowPoint, RowPoint),
    word: Signal,
) -> Signal {
    let word = m.name(word, format!("{name}_new"));
    let place = written.place(m);
    let place = m.name(place, format!("{name}_place"));
    let rows: Vec<Signal> = (0..ROW_SLOTS)
        .map(|index| {
            let index_signal = m.constant(index as u64, place.ty());
            let here = m.eq(place, index_signal);
            let writes = m.and(write, here);
            let row = m.register(format!("{name}_{index}"), word.ty());
            m.update_if(row, writes, word);
            row
        })
        .collect();
    let place = read.place(m);
    let place = m.name(place, format!("{name}_read_place"));
    let stored = choose(m, place, &rows);
    m.name(stored, format!("{name}_stored"))
}

/// The fields of a word, the first one lowest.
pub(super) fn fields(m: &mut Builder, word: Signal, widths: &[u32]) -> Vec<Signal> {
    let mut low = 0;
    widths
        .iter()
        .map(|width| {
            let field = m.slice(word, low, *width);
            low += width;
            field
        })
        .collect()
}

/// Elements of a bus of equal ones, each of `width` bits.
pub(super) fn elements(m: &mut Builder, bus: Signal, width: u32) -> Vec<Signal> {
    let count = bus.width() / width;
    (0..count as usize)
        .map(|index| element(m, bus, index, width))
        .collect()
}
