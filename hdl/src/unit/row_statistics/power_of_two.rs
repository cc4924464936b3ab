//! 2^-d in fixed point: a few bits of mantissa and a shift.

use crate::netlist::{Builder, Module, NetlistError, Signal, unsigned};
use crate::unit::choose;
use crate::unit::pipeline::delayed;
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::wire_registers;
use logattn_golden::scores::{Exp2, ScoreFormat};

/// Bits of one power of two, F + G fraction bits and the one before the point.
pub(super) fn power_bits(format: &ScoreFormat) -> u32 {
    let p = format.parameters();
    p.fraction_bits + p.guard_bits + 1
}

/// 2^-d from the closeness D_MAX - d.
///
/// With d_low, d_high the F low bits of d and the others, 2^-d is Mitchell's
/// (2^(F + 1) - d_low) 2^-F shifted right by d_high + 1, and the low bits of the closeness are
/// those of d inverted: 2^(F + 1) - d_low = 2^F + 1 + closeness_low.
///
/// From `pipeline_depth` 3 on there is a register in front of the shift.
pub(super) fn power_of_two(
    c: &Configuration,
    format: &ScoreFormat,
) -> Result<Module, NetlistError> {
    let p = format.parameters();
    let mut m = Builder::new(
        "power_of_two",
        "2^-d: one plus the fraction, shifted by the octaves.",
    );
    let closeness = m.input(
        "closeness",
        unsigned(p.distance_bits),
        "distance to the largest score, inverted",
    );
    let one_more = power_bits(format) + 1;
    let mantissa = match p.exp2 {
        Exp2::Mitchell => mitchell(&mut m, p.fraction_bits, p.guard_bits, closeness),
        Exp2::Table => table(&mut m, format, closeness),
    };
    let mantissa = m.name(mantissa, "mantissa");
    let octave = m.slice(
        closeness,
        p.fraction_bits,
        p.distance_bits - p.fraction_bits,
    );
    let octave = m.not(octave);
    let octave = m.name(octave, "octave");
    let wire = wire_registers(c);
    let mantissa = delayed(&mut m, "mantissa", mantissa, wire);
    let octave = delayed(&mut m, "octave", octave, wire);
    let shifted = m.shr(mantissa, octave);
    let shifted = m.name(shifted, "shifted");
    m.comment("the shift is by one more than the octave");
    let halved = m.slice(shifted, 1, one_more - 1);
    let below = m.bit(shifted, 0);
    m.unused(below);
    m.output("power", halved, "2^-d");
    m.finish()
}

/// 2^F + 1 + the low bits of the closeness, with G more fraction bits.
fn mitchell(m: &mut Builder, fraction_bits: u32, guard_bits: u32, closeness: Signal) -> Signal {
    let ty = unsigned(fraction_bits + 2);
    let one = m.constant((1 << fraction_bits) + 1, ty);
    let sum = if fraction_bits > 0 {
        let low = m.slice(closeness, 0, fraction_bits);
        let low = m.extend(low, ty.width());
        m.add(one, low)
    } else {
        one
    };
    if guard_bits == 0 {
        return sum;
    }
    let below = m.zero(unsigned(guard_bits));
    m.concat(&[sum, below])
}

/// The table of 2^(r / 2^F) by the low bits of the closeness, r = these and one.
fn table(m: &mut Builder, format: &ScoreFormat, closeness: Signal) -> Signal {
    let p = format.parameters();
    let ty = unsigned(power_bits(format) + 1);
    let octave = 1_u32 << p.fraction_bits;
    // 2^(r / 2^F) is what stands an octave above the distance 2^F - r.
    let entries: Vec<Signal> = (1..=octave)
        .map(|r| m.constant(u64::from(format.mantissa(r % octave)) << (r / octave), ty))
        .collect();
    if p.fraction_bits == 0 {
        return entries[0];
    }
    let low = m.slice(closeness, 0, p.fraction_bits);
    let low = m.name(low, "fraction");
    choose(m, low, &entries)
}
