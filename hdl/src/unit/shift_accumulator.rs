//! Multiply by shifting, then add: the accumulator of `accumulate = "shift"`.
//!
//! With `normalize = "complement"` a row's largest key comes first, in every pass. It weighs
//! 2^max_shift and is kept; of the keys after it the difference to it is added. All rows have the
//! same denominator then, so there is no sum of the levels.

#[cfg(test)]
mod tests;

use super::accumulator::{Pipeline, by_code, lane_sums, pipeline, row_outputs, running_sum};
use super::{Builder, Widths, bit, choose, element, loaded};
use crate::netlist::{Module, NetlistError, Signal, signed, unsigned};
use logattn_golden::config::{Configuration, Normalize};
use logattn_golden::microarchitecture::extra_registers;

/// Left shift of each code: `max_shift - shift[code]`, and whether the code survives; the largest
/// key does, shifted by `max_shift`, whatever its code.
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
    let most = m.constant(u64::from(max_shift), unsigned(bits));
    let mut amount = m.sub(most, shift);
    let mut survives = m.any(code);
    if c.normalize == Normalize::Complement {
        let is_largest = m.input("largest", bit(), "the key is its row's largest one");
        amount = m.mux(is_largest, most, amount);
        survives = m.or(survives, is_largest);
    }
    m.output("amount", amount, "left shift");
    m.output("survives", survives, survives_doc(c));
    m.finish()
}

fn survives_doc(c: &Configuration) -> &'static str {
    match c.normalize {
        Normalize::Complement => "the code is not 0, or the key is its row's largest one",
        Normalize::None | Normalize::Reciprocal => "the code is not 0",
    }
}

/// One lane of one row: barrel shifter, register, adder.
fn shift_lane(c: &Configuration, max_shift: u32) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "shift_lane",
        "One lane: the value shifted left, then added to the row's sum.",
    );
    let value = m.input("value", signed(c.value_bits), "value of the key");
    let amount = m.input("amount", unsigned(c.shift_bits()), "left shift");
    let survives = m.input("survives", bit(), survives_doc(c));
    let scale = m.input("scale", bit(), "load the shifted value");
    let add = m.input("add", bit(), "add the shifted value");
    let first = m.input("first", bit(), "the shifted value starts a row");

    let added = match c.normalize {
        Normalize::Complement => difference(&mut m, c, value),
        Normalize::None | Normalize::Reciprocal => value,
    };
    let wide = m.extend(added, added.width() + max_shift);
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

/// The value less that of the row's largest key, in one bit more; the value itself for that key,
/// which is kept for those after it.
fn difference(m: &mut Builder, c: &Configuration, value: Signal) -> Signal {
    let is_largest = m.input("largest", bit(), "the key is its row's largest one");
    let keep = m.input("keep", bit(), "keep the value of the row's largest key");
    let kept = loaded(m, "largest_value", keep, value);
    let value = m.extend(value, c.value_bits + 1);
    let kept = m.extend(kept, c.value_bits + 1);
    let less = m.sub(value, kept);
    let difference = m.mux(is_largest, value, less);
    match extra_registers(c) {
        0 => m.name(difference, "difference"),
        _ => {
            let differ = m.input("differ", bit(), "load the difference");
            loaded(m, "difference", differ, difference)
        }
    }
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
///
/// With `normalize = "complement"` `acc[d] = V*[d] << max_shift`, V* the value of the row's largest
/// key, then `acc[d] += (V[d] - V*[d]) << (max_shift - shift[code])`, and no normalizer.
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
    let amounts = shift_amount(c, max_shift)?;
    let lanes = shift_lane(c, max_shift)?;
    let levels = match c.normalize {
        Normalize::Complement => None,
        Normalize::None | Normalize::Reciprocal => Some(level_sum(c, max_shift)?),
    };
    let largest = largest_control(&mut m, &p);
    let (mut sums, mut normalizers) = (Vec::new(), Vec::new());
    for row in 0..c.query_block {
        let codes = p.early.map_or(p.codes, |(codes, _)| codes);
        let code = element(&mut m, codes, row, w.code);
        let mut connections = vec![("code", code), ("shifts", shifts)];
        connections.extend(p.largest.map(|largest| ("largest", largest)));
        let amount = m.instance(format!("u_amount_{row}"), &amounts, &connections);
        let [amount, survives] = ["amount", "survives"].map(|name| {
            let found = amount.output(name);
            match p.early {
                Some((_, enable)) => loaded(&mut m, &format!("{name}_{row}"), enable, found),
                None => found,
            }
        });
        let mut control = vec![
            ("amount", amount),
            ("survives", survives),
            ("scale", p.scale),
            ("add", p.add),
            ("first", p.first),
        ];
        control.extend(&largest);
        sums.extend(lane_sums(&mut m, c, p.value, row, &lanes, &control));
        if let Some(levels) = &levels {
            let instance = m.instance(format!("u_level_sum_{row}"), levels, &control);
            normalizers.push(instance.output("sum"));
        }
    }
    row_outputs(&mut m, &sums, &normalizers);
    m.finish()
}

/// The lanes' inputs for the largest key, where there is one.
fn largest_control(m: &mut Builder, p: &Pipeline) -> Vec<(&'static str, Signal)> {
    let Some(largest) = p.largest else {
        return Vec::new();
    };
    m.comment(
        "not in a cycle without a key: the row's other keys are still to be compared with it",
    );
    let loads = p.differ.unwrap_or(p.scale);
    let keep = m.and_all(&[loads, p.valid, largest]);
    let keep = m.name(keep, "keep_largest");
    let mut control = vec![("largest", largest), ("keep", keep)];
    control.extend(p.differ.map(|differ| ("differ", differ)));
    control
}
