//! Multiply by shifting, then add: the accumulator of `accumulate = "shift"`.

use super::accumulator::{by_code, lane_sums, pipeline, row_outputs, running_sum};
use super::{Builder, Widths, bit, choose, element, loaded};
use crate::netlist::{Module, NetlistError, Signal, signed, unsigned};
use logattn_golden::config::Configuration;

/// Left shift of each code: `max_shift - shift[code]`, and whether the code survives.
fn shift_amount(c: &Configuration, max_shift: u32) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let bits = c.shift_bits();
    let mut m = Builder::new(
        "shift_amount",
        "Left shift of a code: max_shift - shift[code].",
    );
    let code = m.input("code", unsigned(w.code), "code of the key");
    let shifts = m.input(
        "shifts",
        unsigned(c.levels_count() as u32 * bits),
        "shift of codes 1.., lowest code first",
    );
    let entries: Vec<Signal> = (0..c.levels_count())
        .map(|i| element(&mut m, shifts, i, bits))
        .collect();
    let shift = choose(&mut m, code, &by_code(&entries));
    let largest = m.constant(u64::from(max_shift), unsigned(bits));
    let amount = m.sub(largest, shift);
    let survives = m.any(code);
    m.output("amount", amount, "left shift");
    m.output("survives", survives, "the code is not 0");
    m.finish()
}

/// One lane of one row: barrel shifter, register, adder.
fn shift_lane(c: &Configuration, max_shift: u32) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "shift_lane",
        "One lane: the value shifted left, then added to the row's sum.",
    );
    let value = m.input("value", signed(c.value_bits), "value of the key");
    let amount = m.input("amount", unsigned(c.shift_bits()), "left shift");
    let survives = m.input("survives", bit(), "the code is not 0");
    let scale = m.input("scale", bit(), "load the shifted value");
    let add = m.input("add", bit(), "add the shifted value");
    let first = m.input("first", bit(), "the shifted value starts a row");

    let wide = m.extend(value, c.value_bits + max_shift);
    let wide = m.name(wide, "wide");
    let shifted = m.shl(wide, amount);
    let zero = m.zero(wide.ty());
    let kept = m.mux(survives, shifted, zero);
    let kept = m.name(kept, "kept");
    let scaled = loaded(&mut m, "scaled", scale, kept);
    let addend = m.extend(scaled, c.accumulator_bits());
    let addend = m.name(addend, "addend");
    let sum = running_sum(&mut m, "sum", add, first, addend);
    m.output("sum", sum, "sum of the row so far");
    m.finish()
}

/// The sum of one row's levels, as the lanes see them: the row's normalizer.
fn level_sum(c: &Configuration, max_shift: u32) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "level_sum",
        "The normalizer of one row: the sum of its levels.",
    );
    let amount = m.input("amount", unsigned(c.shift_bits()), "left shift");
    let survives = m.input("survives", bit(), "the code is not 0");
    let scale = m.input("scale", bit(), "load the level");
    let add = m.input("add", bit(), "add the level");
    let first = m.input("first", bit(), "the level starts a row");
    let one = m.extend(survives, max_shift + 1);
    let one = m.name(one, "one");
    let level = m.shl(one, amount);
    let level = loaded(&mut m, "level", scale, level);
    let addend = m.extend(level, c.normalizer_bits());
    let addend = m.name(addend, "addend");
    let sum = running_sum(&mut m, "sum", add, first, addend);
    m.output("sum", sum, "sum of the levels so far");
    m.finish()
}

/// `acc[d] += V[d] << (max_shift - shift[code])` and `normalizer += 1 << (max_shift - shift[code])`
/// for each row of the block; nothing is truncated.
pub(crate) fn shift_accumulator(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "shift_accumulator",
        "Multiplies by shifting and adds, every lane of every row at once.",
    );
    let max_shift = c.max_shift.unwrap_or(0);
    let p = pipeline(&mut m, c);
    let shifts = m.input(
        "shifts",
        unsigned(c.levels_count() as u32 * c.shift_bits()),
        "shift of codes 1.., lowest code first",
    );
    let (amounts, lanes, levels) = (
        shift_amount(c, max_shift)?,
        shift_lane(c, max_shift)?,
        level_sum(c, max_shift)?,
    );
    let (mut sums, mut normalizers) = (Vec::new(), Vec::new());
    for row in 0..c.query_block {
        let code = element(&mut m, p.codes, row, w.code);
        let amount = m.instance(
            format!("u_amount_{row}"),
            &amounts,
            &[("code", code), ("shifts", shifts)],
        );
        let (shift, survives) = (amount.output("amount"), amount.output("survives"));
        let control = [
            ("amount", shift),
            ("survives", survives),
            ("scale", p.scale),
            ("add", p.add),
            ("first", p.first),
        ];
        sums.extend(lane_sums(&mut m, c, &p, row, &lanes, &control));
        normalizers.push(
            m.instance(format!("u_level_sum_{row}"), &levels, &control)
                .output("sum"),
        );
    }
    row_outputs(&mut m, &sums, &normalizers);
    m.finish()
}
