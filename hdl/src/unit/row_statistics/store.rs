//! Buffers whose places are reserved before they are written, and stores of a few rows.

use crate::netlist::{Builder, Signal, unsigned};
use crate::unit::{bit, ceil_log2, choose, element};
use logattn_golden::microarchitecture::ROW_SLOTS;

/// Bits of a row's place in a store.
const ROW_BITS: u32 = ROW_SLOTS.ilog2();

/// A counter of events that wraps.
#[derive(Clone, Copy)]
struct Counter {
    count: Signal,
    event: Signal,
    /// What the count is after the next event.
    following: Signal,
}

impl Counter {
    fn new(m: &mut Builder, name: &str, bits: u32, event: Signal) -> Self {
        let count = m.register_reset(name, unsigned(bits), 0);
        let one = m.constant(1, count.ty());
        let following = m.add(count, one);
        let following = m.name(following, format!("{name}_following"));
        m.update_if(count, event, following);
        Counter {
            count,
            event,
            following,
        }
    }

    /// Whether the count is not a lap ahead of that of `older`; both have one bit more than an
    /// address. An event here needs room.
    ///
    /// A register, since much waits for it; so is [`Counter::ahead`].
    fn room(self, m: &mut Builder, name: &str, older: Counter) -> Signal {
        let lap = m.constant(1 << (self.count.width() - 1), self.count.ty());
        let wrapped = m.xor(older.count, lap);
        let stays = m.ne(self.following, wrapped);
        let room = m.register_reset(name, bit(), 1);
        let changes = m.xor(self.event, older.event);
        let next = m.or(older.event, stays);
        m.update_if(room, changes, next);
        room
    }

    /// Whether the count is ahead of that of `older`, which has an event only then.
    fn ahead(self, m: &mut Builder, name: &str, older: Counter) -> Signal {
        let stays = m.ne(self.count, older.following);
        let ahead = m.register_reset(name, bit(), 0);
        let changes = m.xor(self.event, older.event);
        let next = m.or(self.event, stays);
        m.update_if(ahead, changes, next);
        ahead
    }
}

/// A buffer of beats in block RAM: gives whether a place can be reserved, and the word that was
/// read.
///
/// `write` is absent if a word comes in the cycle in which its place is reserved.
pub(super) fn ring(
    m: &mut Builder,
    name: &str,
    depth: usize,
    (reserve, write, read): (Signal, Option<Signal>, Signal),
    word: Signal,
) -> (Signal, Signal) {
    let bits = ceil_log2(depth);
    let reserved = Counter::new(m, &format!("{name}s_reserved"), bits + 1, reserve);
    let left = Counter::new(m, &format!("{name}s_read"), bits + 1, read);
    let room = reserved.room(m, &format!("{name}_room"), left);
    let memory = m.memory(format!("{name}_buffer"), depth, word.width());
    // A place is written after it has been reserved, and read after it has been written.
    m.memory_exclusive(memory);
    let address = match write {
        Some(write) => Counter::new(m, &format!("{name}s_written"), bits, write).count,
        None => m.slice(reserved.count, 0, bits),
    };
    m.memory_write(memory, write.unwrap_or(reserve), address, word);
    let address = m.slice(left.count, 0, bits);
    let word = m.memory_read(memory, format!("{name}_word"), read, address);
    (room, word)
}

/// Counts rows that pass a point, for [`RowPoint::room`] and [`RowPoint::waiting`].
#[derive(Clone, Copy)]
pub(super) struct RowPoint(Counter);

impl RowPoint {
    /// `passes` is high in the cycle in which a row passes.
    pub(super) fn new(m: &mut Builder, name: &str, passes: Signal) -> Self {
        RowPoint(Counter::new(m, name, ROW_BITS + 1, passes))
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
