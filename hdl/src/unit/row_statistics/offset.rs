//! log2 of a row's sum: where its leading one stands, and the bits below it.

use super::power_of_two::power_bits;
use crate::netlist::{Builder, Module, NetlistError, Signal, unsigned};
use crate::unit::pipeline::delayed_valid;
use crate::unit::{bit, ceil_log2, choose, loaded};
use logattn_golden::scores::ScoreFormat;

/// log2 of the sum with F fraction bits, Mitchell's: a cycle later.
pub(super) fn row_offset(format: &ScoreFormat) -> Result<Module, NetlistError> {
    let p = format.parameters();
    let mut m = Builder::new(
        "row_offset",
        "log2 of a row's sum: the octave of its leading one and the bits below it.",
    );
    let s_sum = m.input("s_sum", unsigned(format.sum_bits()), "sum of the row");
    let s_valid = m.input("s_valid", bit(), "the sum is complete");
    let valid = delayed_valid(&mut m, "valid", s_valid, 1);

    let octaves = format.sum_bits() - power_bits(format) + 1;
    let octave_bits = ceil_log2(octaves as usize);
    m.comment("the highest one above the point tells the octave; a row without keys has none");
    let mut octave = m.zero(unsigned(octave_bits));
    for index in 1..octaves {
        let one = m.bit(s_sum, power_bits(format) - 1 + index);
        let value = m.constant(u64::from(index), unsigned(octave_bits));
        octave = m.mux(one, value, octave);
    }
    let octave = loaded(&mut m, "octave", s_valid, octave);
    let fraction = (p.fraction_bits > 0).then(|| {
        let used = p.fraction_bits + octaves - 1;
        let held = m.slice(s_sum, p.guard_bits, used);
        let held = loaded(&mut m, "sum_held", s_valid, held);
        let options: Vec<Signal> = (0..octaves)
            .map(|octave| m.slice(held, octave, p.fraction_bits))
            .collect();
        choose(&mut m, octave, &options)
    });
    let unread = match p.fraction_bits {
        0 => power_bits(format),
        _ => p.guard_bits,
    };
    if unread > 0 {
        let below = m.slice(s_sum, 0, unread);
        m.comment("below the last fraction bit of any octave");
        m.unused(below);
    }
    let parts: Vec<Signal> = [octave].into_iter().chain(fraction).collect();
    let offset = m.concat(&parts);
    m.output("m_offset", offset, "log2 of the sum");
    m.output("m_valid", valid, "the offset is valid");
    m.finish()
}
