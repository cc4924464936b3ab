//! The keys of a head, in block RAM: `keys_per_beat` memories side by side, so that a beat of
//! keys is read in a cycle. Key j is word `j / keys_per_beat` of memory `j % keys_per_beat`.

use super::dot_product::vector_bits;
use super::memory_banks::{Banks, release};
use super::{Builder, Widths, bit, bus};
use crate::netlist::{Module, NetlistError, Signal, unsigned};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{HEAD_BLOCKS_BITS, extra_registers};

/// The memory: `s_key_*` loads it, `read` reads the keys of a beat, which `m_keys` gives in the
/// cycle after. Keys beyond `max_keys` are taken and dropped.
pub(crate) fn key_memory(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "key_memory",
        "Keys of a head; a beat of them is read in a cycle.",
    );
    let s_key_data = m.input(
        "s_key_data",
        unsigned(vector_bits(c)),
        "elements of one key, element 0 lowest",
    );
    let s_key_last = m.input("s_key_last", bit(), "last key of the head");
    let s_key_valid = m.input("s_key_valid", bit(), "key is valid");
    let head_blocks = m.input(
        "head_blocks",
        unsigned(HEAD_BLOCKS_BITS),
        "query blocks that use a head's keys",
    );
    let read = m.input("read", bit(), "read a beat of keys");
    let beat = (w.beat > 0).then(|| m.input("beat", unsigned(w.beat), "index of the beat"));
    let last = m.input("last", bit(), "last beat of the query block");

    let banks = Banks::declare(&mut m, c);
    let block_end = m.and(read, last);
    let block_end = m.name(block_end, "block_end");
    let released = release(&mut m, c, block_end, head_blocks);
    let ends = (s_key_last, s_key_valid);
    let load = banks.load(&mut m, "key", c.max_keys, ends, released);
    let (loaded, loaded_next) = banks.loaded_register(&mut m, &load, released);
    // What is read without being asked for goes nowhere; and `read` is late.
    let fetches = match extra_registers(c) {
        0 => read,
        _ => loaded,
    };

    let place_bits = w.key - w.beat;
    let word = (w.beat > 0).then(|| m.slice(load.word, place_bits, w.beat));
    let write_address = address(&mut m, banks.load, word);
    let write_address = m.name(write_address, "write_address");
    let read_address = address(&mut m, banks.read, beat);
    let read_address = m.name(read_address, "read_address");
    let keys: Vec<Signal> = (0..c.keys_per_beat)
        .map(|place| {
            let write = if place_bits > 0 {
                let chosen = m.slice(load.word, 0, place_bits);
                let own = m.constant(place as u64, chosen.ty());
                let own = m.eq(chosen, own);
                m.and(load.write, own)
            } else {
                load.write
            };
            let memory = m.memory(format!("keys_{place}"), depth(c, &w), vector_bits(c));
            // A bank is written until it is full and read from then on.
            m.memory_exclusive(memory);
            m.memory_write(memory, write, write_address, s_key_data);
            m.memory_read(memory, format!("key_{place}"), fetches, read_address)
        })
        .collect();
    let keys = bus(&mut m, &keys);
    m.output("s_key_ready", load.ready, "key is taken");
    match loaded_next {
        None => m.output("loaded", loaded, "the keys of the head in hand are loaded"),
        Some(next) => {
            m.output(
                "loaded_next",
                next,
                "the keys of the head in hand are loaded in the next cycle, unless they are given up",
            );
            m.output(
                "released",
                released,
                "the keys of the head in hand are given up",
            );
        }
    }
    m.output("m_keys", keys, "keys of the beat, first key lowest");
    m.finish()
}

/// Words of each memory: banks are aligned so that the bank index is an address bit.
fn depth(c: &Configuration, w: &Widths) -> usize {
    match c.value_banks {
        1 => c.beats(c.max_keys),
        banks => banks << w.beat,
    }
}

/// The address of a word in a bank, each of which may be absent where there is one only.
fn address(m: &mut Builder, bank: Option<Signal>, word: Option<Signal>) -> Signal {
    let parts: Vec<Signal> = bank.into_iter().chain(word).collect();
    if parts.is_empty() {
        m.zero(bit())
    } else {
        m.concat(&parts)
    }
}
