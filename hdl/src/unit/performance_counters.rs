//! What the unit has done, for the registers and for checking the simulator.

use super::{Builder, Widths, bit, ceil_log2, element};
use crate::netlist::{Module, NetlistError, Signal, unsigned};
use logattn_golden::config::{Accumulate, Configuration, Input};

/// The counters in the order of the unit's ports, with what each counts. All are
/// [`COUNTER_BITS`] wide, start at 0 after reset, wrap, and show an event two cycles after it (`cycles` counts without a lag).
pub const COUNTERS: [(&str, &str); 8] = [
    ("cycles", "cycles since reset"),
    ("rows", "rows handed out completely on m_axis_out"),
    (
        "keys",
        "keys within the row length taken in, over the rows of the block",
    ),
    (
        "survivors",
        "keys whose code is not 0, counted for each row",
    ),
    ("value_reads", "words read from the value memory"),
    (
        "stall_input",
        "cycles in which no survivor was there to visit",
    ),
    (
        "stall_value",
        "cycles in which a survivor waited for the head's values",
    ),
    (
        "stall_output",
        "cycles in which a survivor waited for the rows before it to leave",
    ),
];

/// Width of every counter, bits.
pub const COUNTER_BITS: u32 = 32;

/// The number of ones on a bus.
fn ones(m: &mut Builder, bits: Signal) -> Signal {
    let width = ceil_log2(bits.width() as usize + 1);
    let mut level: Vec<Signal> = (0..bits.width())
        .map(|i| {
            let one = m.bit(bits, i);
            m.extend(one, width)
        })
        .collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| {
                if let [a, b] = pair {
                    m.add(*a, *b)
                } else {
                    pair[0]
                }
            })
            .collect();
    }
    level[0]
}

/// `amount` in the cycles in which `event` is high, one cycle later.
fn gated(m: &mut Builder, name: &str, event: Signal, amount: Signal) -> Signal {
    let zero = m.zero(amount.ty());
    let amount = m.mux(event, amount, zero);
    let register = m.register_reset(format!("{name}_now"), amount.ty(), 0);
    m.update(register, amount);
    register
}

/// The counters of [`COUNTERS`].
pub(crate) fn performance_counters(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    // The sorter says at once whether a key has a code.
    let code = match c.accumulate {
        Accumulate::Sorted => 1,
        _ => w.code,
    };
    let mut m = Builder::new(
        "performance_counters",
        "What the unit has done since reset.",
    );
    let row_out = m.input("row_out", bit(), "the last beat of a row leaves");
    let accepted = m.input("accepted", bit(), "a beat is taken in");
    // Only rows of scores can differ in length within a block.
    let by_row = c.input != Input::Probabilities;
    let rows_told = if by_row { c.query_block } else { 1 };
    let inside_row = m.input(
        "inside_row",
        unsigned((c.keys_per_beat * rows_told) as u32),
        "keys of that beat within the row",
    );
    let offered = m.input("offered", bit(), "the selector offers a survivor");
    let taken = m.input("taken", bit(), "the value memory takes it");
    let loaded = m.input("loaded", bit(), "the head's values are loaded");
    let visited = m.input("visited", bit(), "a value is read");
    let codes = m.input(
        "codes",
        unsigned(code * c.query_block as u32),
        "codes of the survivor offered",
    );
    let pass =
        (w.pass > 0).then(|| m.input("pass", unsigned(w.pass), "index of the pass over the row"));

    let one = m.constant(1, bit());
    let keys = ones(&mut m, inside_row);
    let rows_log2 = ceil_log2(c.query_block);
    let keys = if rows_log2 > 0 && !by_row {
        let below = m.zero(unsigned(rows_log2));
        m.concat(&[keys, below])
    } else {
        keys
    };
    let counted = match c.accumulate {
        // The largest key counts in a cycle in which it need not be visited.
        Accumulate::Sorted => m.and(offered, taken),
        _ => visited,
    };
    let first_pass = match pass {
        Some(pass) => {
            let later = m.any(pass);
            let first = m.not(later);
            m.and(counted, first)
        }
        None => counted,
    };
    let kept: Vec<Signal> = (0..c.query_block)
        .map(|row| {
            let code = element(&mut m, codes, row, code);
            m.any(code)
        })
        .collect();
    let kept = m.concat(&kept);
    let kept = m.name(kept, "kept");
    let survivors = ones(&mut m, kept);
    let missing = m.not(offered);
    let unloaded = m.not(loaded);
    let stall_value = m.and(offered, unloaded);
    let refused = m.not(taken);
    let stall_output = m.and_all(&[offered, loaded, refused]);

    let events = [
        one,
        gated(&mut m, "rows", row_out, one),
        gated(&mut m, "keys", accepted, keys),
        gated(&mut m, "survivors", first_pass, survivors),
        gated(&mut m, "value_reads", visited, one),
        gated(&mut m, "stall_input", missing, one),
        gated(&mut m, "stall_value", stall_value, one),
        gated(&mut m, "stall_output", stall_output, one),
    ];
    for ((name, doc), amount) in COUNTERS.into_iter().zip(events) {
        let counter = m.register_reset(name, unsigned(COUNTER_BITS), 0);
        let amount = m.extend(amount, COUNTER_BITS);
        let next = m.add(counter, amount);
        m.update(counter, next);
        m.output(format!("count_{name}"), counter, doc);
    }
    m.finish()
}
