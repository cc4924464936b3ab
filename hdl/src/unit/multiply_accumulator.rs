//! The int8 twin: 8-bit linear probabilities times values, with a multiplier in every lane.

use super::accumulator::{lane_sums, pipeline, row_outputs, running_sum};
use super::{Builder, Widths, bit, element, loaded};
use crate::netlist::{Module, NetlistError, signed, unsigned};
use logattn_golden::config::Configuration;

/// One lane of one row: multiplier, register, adder.
fn multiply_lane(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "multiply_lane",
        "One lane: the value times the probability, added to the row's sum.",
    );
    let value = m.input("value", signed(c.value_bits), "value of the key");
    let probability = m.input("probability", unsigned(w.code), "8-bit probability");
    let scale = m.input("scale", bit(), "load the product");
    let add = m.input("add", bit(), "add the product");
    let first = m.input("first", bit(), "the product starts a row");
    m.comment("a leading zero makes the probability a signed number");
    let nonnegative = m.extend(probability, w.code + 1);
    let nonnegative = m.as_signed(nonnegative);
    let nonnegative = m.name(nonnegative, "nonnegative");
    let product = m.mul(value, nonnegative);
    let product = loaded(&mut m, "product", scale, product);
    let addend = m.extend(product, c.accumulator_bits());
    let addend = m.name(addend, "addend");
    let sum = running_sum(&mut m, "sum", add, first, addend);
    m.output("sum", sum, "sum of the row so far");
    m.finish()
}

/// The sum of one row's 8-bit probabilities.
fn probability_sum(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "probability_sum",
        "The normalizer of one row: the sum of its 8-bit probabilities.",
    );
    let probability = m.input("probability", unsigned(w.code), "8-bit probability");
    let scale = m.input("scale", bit(), "load the probability");
    let add = m.input("add", bit(), "add the probability");
    let first = m.input("first", bit(), "the probability starts a row");
    let level = loaded(&mut m, "level", scale, probability);
    let addend = m.extend(level, c.normalizer_bits());
    let addend = m.name(addend, "addend");
    let sum = running_sum(&mut m, "sum", add, first, addend);
    m.output("sum", sum, "sum of the probabilities so far");
    m.finish()
}

/// `acc[d] += p V[d]` and `normalizer += p` for each row of the block, `p` the 8-bit probability.
pub(crate) fn multiply_accumulator(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "multiply_accumulator",
        "The int8 twin of the shift accumulator: a multiplier a lane.",
    );
    let p = pipeline(&mut m, c);
    let (lanes, levels) = (multiply_lane(c)?, probability_sum(c)?);
    let (mut sums, mut normalizers) = (Vec::new(), Vec::new());
    for row in 0..c.query_block {
        let probability = element(&mut m, p.codes, row, w.code);
        let control = [
            ("probability", probability),
            ("scale", p.scale),
            ("add", p.add),
            ("first", p.first),
        ];
        sums.extend(lane_sums(&mut m, c, p.value, row, &lanes, &control));
        normalizers.push(
            m.instance(format!("u_probability_sum_{row}"), &levels, &control)
                .output("sum"),
        );
    }
    row_outputs(&mut m, &sums, &normalizers);
    m.finish()
}
