//! `normalize = "complement"`: sums divided by 2^max_shift, rounded and saturated.
//!
//! [`logattn_golden::scores::complement_output`] is the definition. The denominator is a power of
//! two, so there is neither a multiplier nor a divider.

#[cfg(test)]
mod tests;

use super::normalizer::{EXCESS, Flow};
use super::{Builder, bit, loaded, loaded_if, saturated};
use crate::netlist::{Module, NetlistError, Signal, signed, unsigned};
use logattn_golden::config::{Accumulate, Configuration};
use logattn_golden::microarchitecture::{extra_registers, wire_registers};

/// What the sums are too high by, if anything, is taken off on the way; it is the same for all beats
/// of a row.
///
/// One stage, from `pipeline_depth` 2 on three, for the choice of the sums, for the quotients and
/// for their saturation, and from 3 on one more, for the sums without excess: the rounded outputs of
/// a beat's sums. Gives them, what says that the beat is its row's last, and the stream after the
/// stage.
pub(super) fn round(
    m: &mut Builder,
    c: &Configuration,
    (sums, excess): (&[Signal], Option<Signal>),
    last: Signal,
    flow: Flow,
) -> Result<(Vec<Signal>, Signal, Flow), NetlistError> {
    let (mut sums, mut excess, mut last, mut flow) = (sums.to_vec(), excess, last, flow);
    if extra_registers(c) > 0 {
        let (load, behind) = flow.stage(m, "chosen");
        sums = (sums.iter().enumerate())
            .map(|(lane, sum)| loaded(m, &format!("chosen_{lane}"), load, *sum))
            .collect();
        excess = excess.map(|excess| loaded(m, "chosen_excess", load, excess));
        last = loaded(m, "chosen_last", load, last);
        flow = behind;
    }
    if wire_registers(c) > 0 {
        let (load, behind) = flow.stage(m, "exact");
        last = loaded(m, "exact_last", load, last);
        flow = behind;
    }
    let mut divides = None;
    if extra_registers(c) > 0 {
        let (load, behind) = flow.stage(m, "divided");
        last = loaded(m, "divided_last", load, last);
        (divides, flow) = (Some(load), behind);
    }
    let (load, flow) = flow.stage(m, "rounded");
    let rounding = complement_rounding(c)?;
    let outputs = sums
        .iter()
        .enumerate()
        .map(|(lane, sum)| {
            let mut ports = vec![("sum", *sum)];
            ports.extend(excess.map(|excess| ("excess", excess)));
            ports.extend(divides.map(|load| ("load", load)));
            let instance = m.instance(format!("u_rounding_{lane}"), &rounding, &ports);
            loaded(
                m,
                &format!("rounded_{lane}"),
                load,
                instance.output("rounded"),
            )
        })
        .collect();
    let last = loaded(m, "rounded_last", load, last);
    Ok((outputs, last, flow))
}

/// The output of one sum: sum 2^(output_bits - value_bits) / 2^max_shift, rounded half away from
/// zero, saturated to `output_bits`.
fn complement_rounding(c: &Configuration) -> Result<Module, NetlistError> {
    let output_bits = c.output_bits.unwrap_or(c.value_bits);
    let gain = output_bits - c.value_bits;
    let max_shift = c.max_shift.unwrap_or(0);
    let mut m = Builder::new(
        "complement_rounding",
        "Output of one sum: divided by 2^max_shift, rounded half away from zero, saturated.",
    );
    let sum = m.input(
        "sum",
        signed(c.accumulator_bits()),
        "finished sum, in steps of 2^-max_shift",
    );
    let sum = match c.accumulate {
        Accumulate::Sorted => less_excess(&mut m, sum, max_shift),
        _ => sum,
    };
    let sum = match wire_registers(c) {
        0 => sum,
        _ => loaded_if(&mut m, "exact", None, sum),
    };
    let quotient = match gain.checked_sub(max_shift) {
        None => round_off(&mut m, sum, max_shift - gain),
        Some(0) => sum,
        Some(left) => {
            let wide = m.extend(sum, sum.width() + left);
            m.shl_by(wide, left)
        }
    };
    let quotient = match extra_registers(c) {
        0 => m.name(quotient, "quotient"),
        _ => {
            let load = m.input("load", bit(), "load the quotient");
            loaded(&mut m, "quotient", load, quotient)
        }
    };
    let (output, _) = saturated(&mut m, quotient, output_bits);
    m.output("rounded", output, "the output: rounded and saturated");
    m.finish()
}

/// The sum without what it is too high by, which has no bits below 2^0.
fn less_excess(m: &mut Builder, sum: Signal, max_shift: u32) -> Signal {
    let bits = sum.width() - max_shift;
    let excess = m.input("excess", unsigned(bits), EXCESS);
    let whole = m.slice(sum, max_shift, bits);
    let whole = m.sub(whole, excess);
    let whole = m.name(whole, "whole");
    let fraction = m.slice(sum, 0, max_shift);
    let sum = m.concat(&[whole, fraction]);
    let sum = m.as_signed(sum);
    m.name(sum, "true_sum")
}

/// `a 2^-bits` to the nearest integer, half away from zero, in one bit more than the integer part;
/// `bits` is at least 1.
///
/// (a + half - (a < 0)) >> bits rounds up iff the fraction is over a half, or a half and a >= 0:
/// the highest bit of the fraction is set, and any other one too if a < 0. Written like that the
/// adder has the width of the integer part.
fn round_off(m: &mut Builder, a: Signal, bits: u32) -> Signal {
    let negative = m.bit(a, a.width() - 1);
    let mut away = m.not(negative);
    if bits > 1 {
        let below_half = m.slice(a, 0, bits - 1);
        let more = m.any(below_half);
        away = m.or(away, more);
    }
    let half = m.bit(a, bits - 1);
    m.comment("half is rounded away from zero: up unless the sum is negative");
    let up = m.and(half, away);
    let up = m.name(up, "round_up");
    let integer = m.slice(a, bits, a.width() - bits);
    let integer = m.as_signed(integer);
    let integer = m.name(integer, "integer_part");
    let integer = m.extend(integer, integer.width() + 1);
    let up = m.extend(up, integer.width());
    let up = m.as_signed(up);
    m.add(integer, up)
}
