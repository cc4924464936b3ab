//! Sums times the reciprocal of their row's normalizer: the rounded quotient, by
//! `golden::reciprocal`.

use super::normalizer::{Beat, Flow};
use super::{Builder, loaded};
use crate::netlist::{Signal, unsigned};
use logattn_golden::reciprocal::ReciprocalFormat;

/// Three stages: magnitude, product, quotient with its sign.
pub(super) fn divide(
    m: &mut Builder,
    format: &ReciprocalFormat,
    beat: Beat,
    (factor, zeros): (Signal, Signal),
    flow: Flow,
) -> (Vec<Signal>, Signal, Flow) {
    let output_bits = format.output_bits;

    let (load, flow) = flow.stage(m, "magnitude");
    let mut lanes: Vec<(Signal, Signal)> = Vec::new();
    for (lane, value) in beat.values.iter().enumerate() {
        let value = *value;
        let negative = m.bit(value, value.width() - 1);
        let negated = m.neg(value);
        let magnitude = m.mux(negative, negated, value);
        let magnitude = m.as_unsigned(magnitude);
        let below = m.zero(unsigned(format.fraction_bits + 1));
        let doubled = m.concat(&[magnitude, below]);
        let doubled = m.extend(doubled, format.numerator_bits);
        let half = m.extend(beat.normalizer, format.numerator_bits);
        let dividend = m.add(doubled, half);
        lanes.push((
            loaded(m, &format!("negative_{lane}"), load, negative),
            loaded(m, &format!("dividend_{lane}"), load, dividend),
        ));
    }
    let factor = loaded(m, "magnitude_factor", load, factor);
    let zeros = loaded(m, "magnitude_zeros", load, zeros);
    let last = loaded(m, "magnitude_last", load, beat.last);

    let (load, flow) = flow.stage(m, "product");
    let lanes: Vec<(Signal, Signal)> = lanes
        .into_iter()
        .enumerate()
        .map(|(lane, (negative, dividend))| {
            let kept = quotient_window(m, format, lane, dividend, factor);
            let negative = loaded(m, &format!("product_negative_{lane}"), load, negative);
            (negative, loaded(m, &format!("window_{lane}"), load, kept))
        })
        .collect();
    let largest = m.constant(u64::from(format.normalizer_bits) - 1, zeros.ty());
    let right = m.sub(largest, zeros);
    let right = loaded(m, "product_right_shift", load, right);
    let last = loaded(m, "product_last", load, last);

    let (load, flow) = flow.stage(m, "quotient");
    let outputs = lanes
        .into_iter()
        .enumerate()
        .map(|(lane, (negative, window))| {
            let shifted = m.shr(window, right);
            let shifted = m.name(shifted, format!("shifted_{lane}"));
            let surplus = m.slice(shifted, output_bits, shifted.width() - output_bits);
            m.comment("zero: the quotient is at most half the output's range");
            m.unused(surplus);
            let quotient = m.slice(shifted, 0, output_bits);
            let negated = m.neg(quotient);
            let output = m.mux(negative, negated, quotient);
            let output = m.as_signed(output);
            loaded(m, &format!("output_{lane}"), load, output)
        })
        .collect();
    let last = loaded(m, "quotient_last", load, last);
    (outputs, last, flow)
}

/// The bits of dividend times factor in which the quotient can lie, whatever the normalizer's
/// shift: the quotient is the product shifted right by `shift + 1 - zeros`.
fn quotient_window(
    m: &mut Builder,
    format: &ReciprocalFormat,
    lane: usize,
    dividend: Signal,
    factor: Signal,
) -> Signal {
    let low = format.scale_bits + 2 - format.normalizer_bits;
    let width = format.output_bits + format.normalizer_bits - 1;
    let product = m.mul(dividend, factor);
    let product = m.name(product, format!("full_product_{lane}"));
    let below = m.slice(product, 0, low);
    m.comment("the fraction of the quotient");
    m.unused(below);
    let above = low + width;
    if product.width() > above {
        let surplus = m.slice(product, above, product.width() - above);
        m.comment("zero: the quotient is at most half the output's range");
        m.unused(surplus);
    }
    m.slice(product, low, width)
}
