//! The values of a head, in block RAM, and the read that every survivor makes.
//!
//! A word holds `lanes` values of one key; a key takes `passes` words, so that the word of (key,
//! pass) is at `key * passes + pass`. With two banks the next head's values are loaded while this
//! head's rows are read. A bank is given up when `head_blocks` query blocks have been read from it.

use super::{Builder, Widths, bit, ceil_log2, elastic_stage, loaded};
use crate::netlist::{Module, NetlistError, Signal, unsigned};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::HEAD_BLOCKS_BITS;

struct Banks {
    /// One bit a bank: loaded and not yet given up.
    full: Vec<Signal>,
    load: Option<Signal>,
    read: Option<Signal>,
}

/// The memory: `s_value_*` loads, `s_*` takes survivors, `m_*` gives their values a cycle later.
pub(crate) fn value_memory(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "value_memory",
        "Values of a head; read once for each survivor.",
    );
    let s_value_data = m.input(
        "s_value_data",
        unsigned(w.value_word),
        "values of one key, lane 0 lowest",
    );
    let s_value_last = m.input("s_value_last", bit(), "last word of the head");
    let s_value_valid = m.input("s_value_valid", bit(), "word is valid");
    let head_blocks = m.input(
        "head_blocks",
        unsigned(HEAD_BLOCKS_BITS),
        "query blocks that use a head's values",
    );
    let s_key = m.input("s_key", unsigned(w.key), "key to read");
    let s_codes = m.input("s_codes", unsigned(w.key_codes), "codes of the key");
    let s_visits = m.input("s_visits", bit(), "there is a survivor");
    let s_first = m.input("s_first", bit(), "first survivor of the row in this pass");
    let s_last = m.input("s_last", bit(), "last survivor of the row in this pass");
    let s_pass =
        (w.pass > 0).then(|| m.input("s_pass", unsigned(w.pass), "index of the pass over the row"));
    let s_valid = m.input("s_valid", bit(), "survivor is valid");
    let m_ready = m.input("m_ready", bit(), "receiver takes the values");

    let banks = declare_banks(&mut m, c);
    let selected = select_bank(&mut m, &banks, banks.read);
    let loaded_bank = m.name(selected, "loaded_now");
    let offered = m.and(s_valid, loaded_bank);
    let offered = m.name(offered, "offered");
    let stage = elastic_stage(&mut m, "value", offered, m_ready);
    let s_ready = m.and(stage.enable, loaded_bank);
    let s_ready = m.name(s_ready, "s_ready_now");
    let read = m.and(offered, stage.enable);
    let read = m.name(read, "read");

    let released = release(&mut m, c, read, s_last, s_pass, head_blocks);
    let (write, write_word, value_ready) =
        load(&mut m, c, &w, &banks, s_value_last, s_value_valid, released);

    let memory = m.memory("values", depth(c, &w), w.value_word);
    // A bank is written until it is full and read from then on.
    m.memory_exclusive(memory);
    let write_address: Vec<Signal> = banks.load.into_iter().chain([write_word]).collect();
    let write_address = m.concat(&write_address);
    m.memory_write(memory, write, write_address, s_value_data);
    let read_address: Vec<Signal> = banks
        .read
        .into_iter()
        .chain([s_key])
        .chain(s_pass)
        .collect();
    let read_address = m.concat(&read_address);
    let visited = m.and(read, s_visits);
    let visited = m.name(visited, "visited");
    let value = m.memory_read(memory, "value", visited, read_address);

    let codes = loaded(&mut m, "codes", stage.enable, s_codes);
    let first = loaded(&mut m, "first", stage.enable, s_first);
    let last = loaded(&mut m, "last", stage.enable, s_last);
    m.output("s_value_ready", value_ready, "word is taken");
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
    m.output("m_value", value, "values of the key");
    m.output("m_codes", codes, "codes of the key");
    m.output("m_first", first, "first survivor of the row in this pass");
    m.output("m_last", last, "last survivor of the row in this pass");
    m.output("m_valid", stage.valid, "values are valid");
    m.finish()
}

/// Words of the memory: banks are aligned so that the bank index is an address bit.
fn depth(c: &Configuration, w: &Widths) -> usize {
    match c.value_banks {
        1 => c.value_words(),
        banks => banks << (w.key + w.pass),
    }
}

fn declare_banks(m: &mut Builder, c: &Configuration) -> Banks {
    let full = (0..c.value_banks)
        .map(|i| m.register_reset(format!("bank_{i}_full"), bit(), 0))
        .collect();
    let mut side = |name: &str| (c.value_banks > 1).then(|| m.register_reset(name, bit(), 0));
    Banks {
        full,
        load: side("load_bank"),
        read: side("read_bank"),
    }
}

/// The full flag of the bank that `index` points at.
fn select_bank(m: &mut Builder, banks: &Banks, index: Option<Signal>) -> Signal {
    match index {
        Some(index) => m.mux(index, banks.full[1], banks.full[0]),
        None => banks.full[0],
    }
}

/// High in the cycle in which the last block of a head reads its last value.
fn release(
    m: &mut Builder,
    c: &Configuration,
    read: Signal,
    s_last: Signal,
    s_pass: Option<Signal>,
    head_blocks: Signal,
) -> Signal {
    let mut ends = vec![read, s_last];
    if let Some(pass) = s_pass {
        let last_pass = m.constant(c.passes() as u64 - 1, pass.ty());
        ends.push(m.eq(pass, last_pass));
    }
    let block_end = m.and_all(&ends);
    let block_end = m.name(block_end, "block_end");
    let count = m.register_reset("blocks_read", head_blocks.ty(), 0);
    let one = m.constant(1, head_blocks.ty());
    let next = m.add(count, one);
    let next = m.name(next, "blocks_read_next");
    let all = m.eq(next, head_blocks);
    let all = m.name(all, "all_blocks");
    let zero = m.zero(head_blocks.ty());
    let wrapped = m.mux(all, zero, next);
    m.update_if(count, block_end, wrapped);
    let released = m.and(block_end, all);
    m.name(released, "released")
}

/// The loading side: gives the write enable, the word's index in its bank, and `s_value_ready`.
fn load(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    banks: &Banks,
    s_last: Signal,
    s_valid: Signal,
    released: Signal,
) -> (Signal, Signal, Signal) {
    let occupied = select_bank(m, banks, banks.load);
    let ready = m.not(occupied);
    let ready = m.name(ready, "s_value_ready_now");
    let taken = m.and(s_valid, ready);
    let taken = m.name(taken, "word_taken");
    let ends = m.and(taken, s_last);
    let ends = m.name(ends, "head_loaded");

    let word_bits = w.key + w.pass;
    m.comment("one bit more than an address: words beyond the bank are taken and dropped");
    let word = m.register_reset("word", unsigned(word_bits + 1), 0);
    let limit = m.constant(c.value_words() as u64, word.ty());
    let inside = m.lt(word, limit);
    let inside = m.name(inside, "word_inside");
    let one = m.constant(1, word.ty());
    let following = m.add(word, one);
    let advanced = m.mux(inside, following, word);
    let zero = m.zero(word.ty());
    let next = m.mux(s_last, zero, advanced);
    m.update_if(word, taken, next);
    let write = m.and(taken, inside);
    let write = m.name(write, "write");

    for (index, full) in banks.full.iter().enumerate() {
        let fills = chosen(m, ends, banks.load, index, &format!("bank_{index}_fills"));
        let empties = chosen(
            m,
            released,
            banks.read,
            index,
            &format!("bank_{index}_empties"),
        );
        let changes = m.or(fills, empties);
        m.update_if(*full, changes, fills);
    }
    for (bank, event) in [(banks.load, ends), (banks.read, released)] {
        if let Some(bank) = bank {
            let other = m.not(bank);
            m.update_if(bank, event, other);
        }
    }
    let address = m.slice(word, 0, ceil_log2(c.value_words()));
    (write, address, ready)
}

/// `event`, if it concerns bank `index`.
fn chosen(
    m: &mut Builder,
    event: Signal,
    bank: Option<Signal>,
    index: usize,
    name: &str,
) -> Signal {
    let concerned = match bank {
        Some(bank) if index == 0 => {
            let first = m.not(bank);
            m.and(event, first)
        }
        Some(bank) => m.and(event, bank),
        None => return event,
    };
    m.name(concerned, name)
}
