//! The values of a head, in block RAM, and the read that every survivor makes.
//!
//! A word holds `lanes` values of one key; a key takes `passes` words, so that the word of (key,
//! pass) is at `key * passes + pass`. A bank is given up when `head_blocks` query blocks have been
//! read from it.

use super::memory_banks::{Banks, Load, release};
use super::{Builder, Stage, Widths, bit, elastic_stage, flows_through, loaded_if, marks_largest};
use crate::netlist::{Module, NetlistError, Signal, unsigned};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{HEAD_BLOCKS_BITS, wire_registers};

/// The loading side's ports.
struct Words {
    data: Signal,
    last: Signal,
    valid: Signal,
    head_blocks: Signal,
}

impl Words {
    fn declare(m: &mut Builder, w: &Widths) -> Self {
        Words {
            data: m.input(
                "s_value_data",
                unsigned(w.value_word),
                "values of one key, lane 0 lowest",
            ),
            last: m.input("s_value_last", bit(), "last word of the head"),
            valid: m.input("s_value_valid", bit(), "word is valid"),
            head_blocks: m.input(
                "head_blocks",
                unsigned(HEAD_BLOCKS_BITS),
                "query blocks that use a head's values",
            ),
        }
    }
}

/// A survivor that comes in.
struct Survivor {
    key: Signal,
    codes: Signal,
    visits: Signal,
    first: Signal,
    last: Signal,
    /// See [`marks_largest`].
    largest: Option<Signal>,
    /// Absent where there is one pass.
    pass: Option<Signal>,
    valid: Signal,
}

impl Survivor {
    fn declare(m: &mut Builder, c: &Configuration, w: &Widths) -> Self {
        Survivor {
            key: m.input("s_key", unsigned(w.key), "key to read"),
            codes: m.input(
                "s_codes",
                unsigned(w.visit_codes),
                "what to do with the key",
            ),
            visits: m.input("s_visits", bit(), "there is a survivor"),
            first: m.input("s_first", bit(), "first survivor of the row in this pass"),
            last: m.input("s_last", bit(), "last survivor of the row in this pass"),
            largest: marks_largest(c)
                .then(|| m.input("s_largest", bit(), "visit of the row's largest key")),
            pass: (w.pass > 0)
                .then(|| m.input("s_pass", unsigned(w.pass), "index of the pass over the row")),
            valid: m.input("s_valid", bit(), "survivor is valid"),
        }
    }
}

/// The memory: `s_value_*` loads, `s_*` takes survivors, `m_*` gives their values a cycle later.
pub(crate) fn value_memory(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "value_memory",
        "Values of a head; read once for each survivor.",
    );
    let words = Words::declare(&mut m, &w);
    let s = Survivor::declare(&mut m, c, &w);
    let banks = Banks::declare(&mut m, c);
    let loaded_later = (wire_registers(c) > 0).then(|| m.wire("loaded_bank", bit()));
    let loaded_bank = loaded_later.unwrap_or_else(|| banks.loaded(&mut m));
    let offered = m.and(s.valid, loaded_bank);
    let offered = m.name(offered, "offered");
    let way = if flows_through(c) {
        gated(&mut m, offered)
    } else {
        elastic(&mut m, offered)
    };
    let s_ready = m.and(way.enable, loaded_bank);
    let s_ready = m.name(s_ready, "s_ready_now");
    let read = m.and(offered, way.enable);
    let read = m.name(read, "read");
    let visited = m.and(read, s.visits);
    let visited = m.name(visited, "visited");
    let fetches = match way.reads {
        Some(reads) => {
            let fetches = m.and(reads, s.visits);
            m.name(fetches, "fetches")
        }
        None => visited,
    };
    let side = memory(&mut m, c, &banks, &words, &s, (read, fetches));
    if let Some(later) = loaded_later {
        let (loaded, _) = banks.loaded_register(&mut m, &side.load, side.released);
        m.drive(later, loaded);
    }

    let codes = loaded_if(&mut m, "codes", way.load, s.codes);
    let first = loaded_if(&mut m, "first", way.load, s.first);
    let last = loaded_if(&mut m, "last", way.load, s.last);
    let largest = s
        .largest
        .map(|largest| loaded_if(&mut m, "largest", way.load, largest));
    m.output("s_value_ready", side.load.ready, "word is taken");
    m.output("s_ready", s_ready, "survivor is taken");
    m.output(
        "loaded",
        loaded_bank,
        "the values of the head in hand are loaded (for the counters)",
    );
    m.output(
        "visited",
        visited,
        "a value is read in this cycle (for the counters)",
    );
    m.output("m_value", side.value, "values of the key");
    m.output("m_codes", codes, "codes of the key");
    m.output("m_first", first, "first survivor of the row in this pass");
    m.output("m_last", last, "last survivor of the row in this pass");
    if let Some(largest) = largest {
        m.output("m_largest", largest, "visit of the row's largest key");
    }
    m.output("m_valid", way.valid, "values are valid");
    m.finish()
}

/// How survivors pass the memory.
struct Way {
    /// A survivor that is offered is taken.
    enable: Signal,
    /// The registers beside the memory's load; in every cycle if absent.
    load: Option<Signal>,
    /// The memory may read the word of what is visited; absent where it is when that is taken.
    reads: Option<Signal>,
    /// There are values at the output.
    valid: Signal,
}

/// The values wait until their receiver takes them.
fn elastic(m: &mut Builder, offered: Signal) -> Way {
    let m_ready = m.input("m_ready", bit(), "receiver takes the values");
    let Stage { enable, valid } = elastic_stage(m, "value", offered, m_ready);
    Way {
        enable,
        load: Some(enable),
        reads: None,
        valid,
    }
}

/// The values are there for a cycle; what must not go on waits in front. Its word is read meanwhile,
/// so that what keeps it back does not reach as far as the block RAMs.
fn gated(m: &mut Builder, offered: Signal) -> Way {
    let open = m.input("open", bit(), "the survivor may go on");
    let valid = m.register_reset("value_valid", bit(), 0);
    let enters = m.and(offered, open);
    m.update(valid, enters);
    Way {
        enable: open,
        load: None,
        reads: Some(offered),
        valid,
    }
}

/// Both sides of the block RAM.
struct Sides {
    load: Load,
    /// The bank that is read is given up.
    released: Signal,
    /// The value, a cycle after its read.
    value: Signal,
}

/// The block RAM with both its sides.
///
/// # Arguments
/// - `read`: a survivor is taken.
/// - `fetches`: its word is read.
fn memory(
    m: &mut Builder,
    c: &Configuration,
    banks: &Banks,
    words: &Words,
    s: &Survivor,
    (read, fetches): (Signal, Signal),
) -> Sides {
    let block_end = block_end(m, c, read, s);
    let released = release(m, c, block_end, words.head_blocks);
    let ends = (words.last, words.valid);
    let load = banks.load(m, "value", c.value_words(), ends, released);

    let memory = m.memory("values", depth(c), words.data.width());
    // A bank is written until it is full and read from then on.
    m.memory_exclusive(memory);
    let write_address: Vec<Signal> = banks.load.into_iter().chain([load.word]).collect();
    let write_address = m.concat(&write_address);
    m.memory_write(memory, load.write, write_address, words.data);
    let read_address: Vec<Signal> = (banks.read.into_iter())
        .chain([s.key])
        .chain(s.pass)
        .collect();
    let read_address = m.concat(&read_address);
    let value = m.memory_read(memory, "value", fetches, read_address);
    Sides {
        load,
        released,
        value,
    }
}

/// Words of the memory: banks are aligned so that the bank index is an address bit.
fn depth(c: &Configuration) -> usize {
    match c.value_banks {
        1 => c.value_words(),
        banks => banks * c.value_words().next_power_of_two(),
    }
}

/// High in the cycle in which a block reads its last value.
fn block_end(m: &mut Builder, c: &Configuration, read: Signal, s: &Survivor) -> Signal {
    let mut ends = vec![read, s.last];
    if let Some(pass) = s.pass {
        let last_pass = m.constant(c.passes() as u64 - 1, pass.ty());
        ends.push(m.eq(pass, last_pass));
    }
    let block_end = m.and_all(&ends);
    m.name(block_end, "block_end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlist::Evaluator;
    use logattn_golden::config::Accumulate;

    /// With `normalize = "complement"` a mark of the largest key's visit goes along with it, and
    /// waits with it.
    #[test]
    fn the_largest_keys_visit_stays_marked() {
        let c = Configuration {
            accumulate: Accumulate::Shift,
            ..Configuration::named("base").expect("known")
        };
        assert!(marks_largest(&c));
        let module = value_memory(&c).expect("elaborates");
        let mut device = Evaluator::new(&module).expect("flattens");
        for (port, value) in [
            ("head_blocks", 1),
            ("s_value_valid", 1),
            ("s_value_last", 1),
        ] {
            device.set(port, value);
        }
        device.clock();
        device.set("s_valid", 1);
        // Largest, or not; and whether the receiver takes the visit in the cycle after.
        for (largest, taken_at_once) in [(1, true), (0, true), (1, false), (0, false), (1, true)] {
            device.set("m_ready", 1);
            device.set("s_largest", largest);
            device.clock();
            assert_eq!(device.get("m_largest"), largest);
            if !taken_at_once {
                device.set("m_ready", 0);
                device.set("s_largest", 1 - largest);
                device.clock();
                assert_eq!(device.get("m_largest"), largest);
            }
        }
    }

    #[test]
    fn without_complement_and_sorted_there_is_no_such_mark() {
        for name in ["nano", "base"] {
            let c = Configuration::named(name).expect("known");
            let module = value_memory(&c).expect("elaborates");
            let mut names = module.ports().iter().map(|port| &port.name);
            assert!(names.all(|name| !name.ends_with("_largest")));
        }
    }
}
