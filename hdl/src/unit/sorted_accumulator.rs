//! Multiply by doubling the sum: the accumulator of `accumulate = "sorted"`.
//!
//! The survivors of a row come level by level, the largest level first, and say how the sum gets
//! from one to the next: `sum <= (2 or 1) * sum + V`. Where a level is more than a power of two
//! below the one before it, cycles without a value double the sum until it is there, and at the
//! row's end until the sum is in steps of 2^-max_shift. So every lane has the sums of
//! [`super::shift_accumulator`], without its barrel shifter.
//!
//! With `normalize = "complement"` a row's largest key comes first. It weighs 2^max_shift, as if its
//! shift were 0, and is kept; of the keys after it the difference to it is added.

#[cfg(test)]
mod tests;

use super::accumulator::{Pipeline, lane_sums, pipeline, row_outputs};
use super::{Builder, bit, loaded};
use crate::netlist::{Module, NetlistError, Signal, Type, signed, unsigned};
use logattn_golden::config::{Configuration, Normalize};

/// The sum's side of a lane or of the normalizer: `sum <= (first ? 0 : doubles ? 2 sum : sum) +
/// addend`, with an addend that was registered beside `doubles`.
fn doubling_sum(m: &mut Builder, addend: Signal, ty: Type) -> Signal {
    let add = m.input("add", bit(), "the sum takes what was loaded");
    let first = m.input("first", bit(), "what was loaded starts a row");
    let doubles = m.input("doubles", bit(), "the sum is doubled before");
    let addend = m.extend(addend, ty.width());
    let addend = m.name(addend, "addend");
    let sum = m.register("sum", ty);
    let doubled = m.shl_by(sum, 1);
    let scaled = m.mux(doubles, doubled, sum);
    let zero = m.zero(ty);
    let base = m.mux(first, zero, scaled);
    let base = m.name(base, "base");
    let next = m.add(base, addend);
    let next = m.name(next, "sum_next");
    m.update_if(sum, add, next);
    sum
}

/// One lane: a register for what is added, and an adder.
fn sorted_lane(c: &Configuration) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "sorted_lane",
        "One lane: the row's sum, doubled on the way to the next level, and the value added.",
    );
    let value = m.input("value", signed(c.value_bits), "value of the key");
    let visits = m.input("visits", bit(), "there is a key");
    let load = m.input("load", bit(), "load what is added");
    let added = match c.normalize {
        Normalize::Complement => difference(&mut m, c, value),
        Normalize::None | Normalize::Reciprocal => value,
    };
    let zero = m.zero(added.ty());
    let added = m.mux(visits, added, zero);
    let added = loaded(&mut m, "added", load, added);
    let sum = doubling_sum(&mut m, added, signed(c.accumulator_bits()));
    m.output("sum", sum, "sum of the row so far");
    m.finish()
}

/// The value less that of the row's largest key, in one bit more. What is kept is 0 when the
/// largest key itself comes, so that its value needs no choice.
fn difference(m: &mut Builder, c: &Configuration, value: Signal) -> Signal {
    let keep = m.input("keep", bit(), "keep the value of the row's largest key");
    let clear = m.input("clear", bit(), "forget it");
    let kept = m.register("largest_value", value.ty());
    let zero = m.zero(value.ty());
    let next = m.mux(clear, zero, value);
    let changes = m.or(keep, clear);
    m.update_if(kept, changes, next);
    let value = m.extend(value, c.value_bits + 1);
    let kept = m.extend(kept, c.value_bits + 1);
    let difference = m.sub(value, kept);
    m.name(difference, "difference")
}

/// The sum of one row's levels, as the lanes see them: the row's normalizer.
fn sorted_level_sum(c: &Configuration) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "sorted_level_sum",
        "The normalizer of one row: the sum of its levels.",
    );
    let visits = m.input("visits", bit(), "there is a key");
    let load = m.input("load", bit(), "load what is added");
    let one = loaded(&mut m, "one", load, visits);
    let sum = doubling_sum(&mut m, one, unsigned(c.normalizer_bits()));
    m.output("sum", sum, "sum of the levels so far");
    m.finish()
}

/// `acc[d] += V[d] << (max_shift - shift[code])` and `normalizer += 1 << (max_shift - shift[code])`,
/// as [`super::shift_accumulator`] has them; nothing is truncated.
pub(crate) fn sorted_accumulator(c: &Configuration) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "sorted_accumulator",
        "Doubles the sums from level to level and adds, every lane at once.",
    );
    let p = pipeline(&mut m, c);
    let visits = m.bit(p.codes, 0);
    let doubles = m.bit(p.codes, 1);
    let doubles = loaded(&mut m, "scaled_doubles", p.scale, doubles);
    let mut control = vec![
        ("visits", visits),
        ("load", p.scale),
        ("add", p.add),
        ("first", p.first),
        ("doubles", doubles),
    ];
    let mut normalizers = Vec::new();
    if c.normalize == Normalize::Complement {
        control.extend(largest_control(&mut m, &p));
    } else {
        let instance = m.instance("u_level_sum", &sorted_level_sum(c)?, &control);
        normalizers.push(instance.output("sum"));
    }
    let sums = lane_sums(&mut m, c, &p, 0, &sorted_lane(c)?, &control);
    row_outputs(&mut m, &sums, &normalizers);
    m.finish()
}

/// The lanes' inputs for the largest key.
fn largest_control(m: &mut Builder, p: &Pipeline) -> Vec<(&'static str, Signal)> {
    let Some(largest) = p.largest else {
        return Vec::new();
    };
    let takes = m.and(p.scale, p.valid);
    let takes = m.name(takes, "takes");
    let keep = m.and(takes, largest);
    let keep = m.name(keep, "keep_largest");
    m.comment("between rows as well, so that nothing is left over from before a reset");
    let between = m.register_reset("between_rows", bit(), 1);
    m.update_if(between, takes, p.last);
    let ends = m.and(takes, p.last);
    let waits = m.not(takes);
    let waits = m.and(between, waits);
    let clear = m.or(ends, waits);
    let clear = m.name(clear, "clear_largest");
    vec![("keep", keep), ("clear", clear)]
}
