//! The reciprocal of a row's normalizer, computed once a row (and pass) while the next row streams.
//!
//! `golden::reciprocal` has the format and the proof that multiplying by this factor gives the
//! exactly rounded quotient. The factor is found by restoring division, two bits a cycle: a row
//! takes dozens of cycles anyway, so a divider array would only stand idle.

use super::{Builder, bit, ceil_log2};
use crate::netlist::{Module, NetlistError, Signal, unsigned};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{QUOTIENT_BITS_A_CYCLE, division_cycles};
use logattn_golden::reciprocal::ReciprocalFormat;

/// The number of leading zeros of `n`, by halving; means nothing when `n` is 0.
fn leading_zeros(m: &mut Builder, n: Signal) -> Signal {
    let steps = ceil_log2(n.width() as usize);
    let padding = (1 << steps) - n.width();
    let mut rest = n;
    if padding > 0 {
        let zeros = m.zero(unsigned(padding));
        let aligned = m.concat(&[n, zeros]);
        rest = m.name(aligned, "aligned");
    }
    let mut count = Vec::new();
    for step in (0..steps).rev() {
        let half = 1 << step;
        let upper = m.slice(rest, half, half);
        let lower = m.slice(rest, 0, half);
        let occupied = m.any(upper);
        let empty = m.not(occupied);
        let empty = m.name(empty, format!("upper_{half}_empty"));
        count.push(empty);
        if step == 0 {
            m.comment("the leading one is here if it is not above");
            m.unused(lower);
        } else {
            let next = m.mux(empty, lower, upper);
            rest = m.name(next, format!("within_{half}"));
        }
    }
    m.concat(&count)
}

/// One quotient bit: doubles the remainder and subtracts the divisor where it fits.
fn division_step(
    m: &mut Builder,
    step: u32,
    remainder: Signal,
    divisor: Signal,
) -> (Signal, Signal) {
    let zero = m.zero(bit());
    let doubled = m.concat(&[remainder, zero]);
    let doubled = m.name(doubled, format!("doubled_{step}"));
    let fits = m.ge(doubled, divisor);
    let fits = m.name(fits, format!("fits_{step}"));
    let less = m.sub(doubled, divisor);
    let rest = m.mux(fits, less, doubled);
    let rest = m.name(rest, format!("rest_{step}"));
    let top = m.bit(rest, remainder.width());
    m.comment("the remainder is below the divisor");
    m.unused(top);
    (m.slice(rest, 0, remainder.width()), fits)
}

/// `factor = floor(2^s / d) + 1` with `d` the normalizer shifted left by `zeros`, until its top
/// bit is set.
pub(crate) fn reciprocal(
    c: &Configuration,
    format: ReciprocalFormat,
) -> Result<Module, NetlistError> {
    let ReciprocalFormat {
        normalizer_bits,
        reciprocal_bits: factor_bits,
        ..
    } = format;
    let mut m = Builder::new(
        "reciprocal",
        "Reciprocal of a row's normalizer, by restoring division.",
    );
    let n = m.input(
        "normalizer",
        unsigned(normalizer_bits),
        "stable while the reciprocal is computed",
    );
    let begin = m.input(
        "begin_division",
        bit(),
        "high for one cycle, when zeros_held is that of the normalizer",
    );
    let divide = m.input("divide", bit(), "high in the cycles of the division");

    let count = leading_zeros(&mut m, n);
    let zeros = m.register("zeros_held", count.ty());
    m.update(zeros, count);
    let shifted = m.shl(n, zeros);
    let divisor = super::loaded(&mut m, "divisor", begin, shifted);
    let divisor = m.extend(divisor, normalizer_bits + 1);
    let divisor = m.name(divisor, "divisor_extended");

    let remainder = m.register("remainder", unsigned(normalizer_bits));
    let quotient = m.register("quotient", unsigned(factor_bits));
    let mut partial = remainder;
    let kept = m.slice(quotient, 0, factor_bits - QUOTIENT_BITS_A_CYCLE);
    let mut bits = vec![kept];
    for step in 0..QUOTIENT_BITS_A_CYCLE {
        let (rest, fits) = division_step(&mut m, step, partial, divisor);
        partial = rest;
        bits.push(fits);
    }

    m.comment("the dividend is a power of two: starting at this remainder skips its leading zeros");
    let surplus = division_cycles(c) * QUOTIENT_BITS_A_CYCLE - factor_bits;
    let start = m.constant(
        1 << (normalizer_bits - 2 - surplus),
        unsigned(normalizer_bits),
    );
    let next_remainder = m.mux(begin, start, partial);
    m.update_if(remainder, divide, next_remainder);
    let grown = m.concat(&bits);
    let none = m.zero(quotient.ty());
    let next_quotient = m.mux(begin, none, grown);
    m.update_if(quotient, divide, next_quotient);

    m.comment("rounded up, so that the product never falls below the true quotient");
    let one = m.constant(1, quotient.ty());
    let factor = m.add(quotient, one);
    m.output("factor", factor, "reciprocal of the shifted normalizer");
    m.output("zeros", zeros, "left shift of the normalizer");
    m.finish()
}
