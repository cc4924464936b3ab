//! The largest score of each row, while its beats go by.

use crate::netlist::{Builder, Module, NetlistError, Signal, signed, unsigned};
use crate::unit::pipeline::{delayed, delayed_valid, tree};
use crate::unit::{Widths, bit, bus, element};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{tree_levels, tree_stages, wire_registers};

/// The largest scores of some keys of a beat, with whether the first of these keys belongs to the
/// row: [score, flag].
///
/// The keys of a beat that belong to a row come before those that do not, so a key is passed over
/// by comparison alone: what stands behind it only counts if its own first key does.
fn larger(m: &mut Builder, c: &Configuration, a: Signal, b: Signal) -> Signal {
    let bits = a.width() - 1;
    let [first, second] = [a, b].map(|word| {
        let score = m.slice(word, 0, bits);
        m.as_signed(score)
    });
    let greater = greater(m, c, bits, [b, a]);
    let counts = m.bit(b, bits);
    let takes = m.and(greater, counts);
    let score = m.mux(takes, second, first);
    let score = m.as_unsigned(score);
    let flag = m.bit(a, bits);
    bus(m, &[score, flag])
}

/// Whether the signed number in the low `bits` of `a` is more than that of `b`; from
/// `pipeline_depth` 3 on read off a difference, behind which there is one stage of logic less than
/// behind a comparison.
fn greater(m: &mut Builder, c: &Configuration, bits: u32, [a, b]: [Signal; 2]) -> Signal {
    if wire_registers(c) == 0 {
        let [a, b] = [a, b].map(|word| {
            let number = m.slice(word, 0, bits);
            m.as_signed(number)
        });
        return m.gt(a, b);
    }
    // Counted from the least number on, so that none is negative.
    let [a, b] = [a, b].map(|word| {
        let sign = m.bit(word, bits - 1);
        let high = m.not(sign);
        let parts = match bits {
            1 => vec![high],
            _ => vec![high, m.slice(word, 0, bits - 1)],
        };
        let counted = m.concat(&parts);
        m.extend(counted, bits + 1)
    });
    let difference = m.sub(b, a);
    let difference = m.as_signed(difference);
    let none = m.zero(difference.ty());
    m.lt(difference, none)
}

/// Takes every beat of scores; `m_valid` tells that the outputs are those of a whole row. They are
/// to be taken in that cycle, which from `pipeline_depth` 3 on is a cycle later: what is found is a
/// register then. The maximum of a row without keys is any score.
pub(super) fn row_maximum(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "row_maximum",
        "The largest score of each row of the block, as its last beat has gone by.",
    );
    let (keys, rows, bits) = (c.keys_per_beat, c.query_block, c.attention_bits());
    let places = keys * rows;
    let s_scores = m.input(
        "s_scores",
        unsigned(places as u32 * bits),
        "scores, key-major",
    );
    let s_inside = m.input(
        "s_inside",
        unsigned(places as u32),
        "keys that belong to their row, key-major",
    );
    let s_last = m.input("s_last", bit(), "last beat of the row");
    let s_valid = m.input("s_valid", bit(), "scores are valid");

    let stages = tree_stages(c, keys);
    let valid = delayed_valid(&mut m, "valid", s_valid, stages);
    let last = delayed(&mut m, "last", s_last, stages);
    let first = m.register_reset("first", bit(), 1);
    m.update_if(first, valid, last);

    let mut maxima = Vec::new();
    for row in 0..rows {
        let scores: Vec<Signal> = (0..keys)
            .map(|key| {
                let place = key * rows + row;
                let score = element(&mut m, s_scores, place, bits);
                let inside = m.bit(s_inside, place as u32);
                let word = bus(&mut m, &[score, inside]);
                m.name(word, format!("score_{key}_{row}"))
            })
            .collect();
        let name = format!("largest_{row}");
        let of_beat = tree(&mut m, &name, tree_levels(c), &scores, |m, a, b| {
            larger(m, c, a, b)
        });
        let score = m.slice(of_beat, 0, bits);
        let score = m.as_signed(score);
        let score = m.name(score, format!("of_beat_{row}"));
        let so_far = m.register(format!("so_far_{row}"), signed(bits));
        let greater = match wire_registers(c) {
            0 => m.gt(score, so_far),
            _ => greater(&mut m, c, bits, [score, so_far]),
        };
        let counts = m.bit(of_beat, bits);
        let grows = m.and(greater, counts);
        let takes = m.or(grows, first);
        let next = m.mux(takes, score, so_far);
        let next = m.name(next, format!("maximum_{row}"));
        m.update_if(so_far, valid, next);
        let found = if wire_registers(c) > 0 { so_far } else { next };
        maxima.push(m.as_unsigned(found));
    }
    let maxima = bus(&mut m, &maxima);
    let complete = m.and(valid, last);
    let complete = delayed_valid(&mut m, "complete", complete, wire_registers(c));
    m.output("m_maximum", maxima, "largest score of each row");
    if w.beat > 0 {
        let index = m.register_reset("index", unsigned(w.beat), 0);
        let one = m.constant(1, index.ty());
        let following = m.add(index, one);
        let zero = m.zero(index.ty());
        let next = m.mux(last, zero, following);
        m.update_if(index, valid, next);
        let index = delayed(&mut m, "index_of_last", index, wire_registers(c));
        m.output("m_last_beat", index, "index of the row's last beat");
    }
    m.output("m_valid", complete, "a row is complete");
    m.finish()
}
