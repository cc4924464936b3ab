//! Multiply by doubling the sum: the accumulator of `accumulate = "sorted"`.
//!
//! The survivors of a row come level by level, the largest level first, and say how the sum gets
//! from one to the next: `sum <= (2 or 1) * sum + V`. Where a level is more than a power of two
//! below the one before it, cycles without a value double the sum until it is there, and at the
//! row's end until the sum is in steps of 2^-max_shift. So every lane has the sums of
//! [`super::shift_accumulator`], without its barrel shifter; with complement normalization, once
//! what they are too high by is taken off.
//!
//! Nothing stops here: [`super::row_gate`] lets a row in only when the sums will be free for it.
//!
//! With `normalize = "complement"` the value of a row's largest key is added as often as its weight
//! says, bit by bit between the levels, and subtracted at the first bit of a weight below 0
//! ([`super::survivor_sorter`]); so no lane has to take differences. The lanes count values from
//! the least one on, so that they only ever add a few bits and a carry: with v' = v + 2^(b-1) for
//! the b-bit value v, and 2^b - 1 - v' = -1 - v + 2^(b-1) where v is subtracted. By what the sums
//! are too high then is the same in every lane: what one more lane has, whose value is 0. The
//! normalizer takes it off.

#[cfg(test)]
mod tests;

use super::accumulator::{lane_sums, row_outputs};
use super::normalizer::EXCESS;
use super::pipeline::{delayed, delayed_valid};
use super::{Builder, Widths, bit, loaded_if};
use crate::netlist::{Module, NetlistError, Signal, Type, signed, unsigned};
use logattn_golden::config::{Configuration, Normalize};
use logattn_golden::microarchitecture::wire_registers;

/// The sum's side of a lane or of the normalizer: what the next value is added to, 0 if neither
/// `holds` nor `doubles`.
fn base(m: &mut Builder, sum: Signal) -> Signal {
    let holds = m.input("holds", bit(), "the sum goes on as it is");
    let doubles = m.input("doubles", bit(), "the sum goes on doubled");
    let width = sum.width();
    let bits = m.as_unsigned(sum);
    let (all_held, all_doubled) = (m.replicate(holds, width), m.replicate(doubles, width));
    let held = m.and(bits, all_held);
    let doubled = m.shl_by(bits, 1);
    let doubled = m.and(doubled, all_doubled);
    let base = m.or(held, doubled);
    m.name(base, "base")
}

/// A sum of type `ty` to which `addend` is added.
fn doubling_sum(m: &mut Builder, addend: Signal, ty: Type) -> Signal {
    let sum = m.register("sum", ty);
    let base = base(m, sum);
    let addend = m.extend(addend, ty.width());
    let addend = m.as_unsigned(addend);
    let addend = m.name(addend, "addend");
    let next = m.add(base, addend);
    let next = m.name(next, "sum_next");
    let next = if ty == signed(ty.width()) {
        m.as_signed(next)
    } else {
        next
    };
    m.update(sum, next);
    sum
}

/// One lane: an adder behind the register that the value is in; from `pipeline_depth` 3 on with a
/// register between what is added and the adder.
fn sorted_lane(c: &Configuration) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "sorted_lane",
        "One lane: the row's sum, doubled on the way to the next level, and the value added.",
    );
    let value = m.input("value", signed(c.value_bits), "value of the key");
    let adds = m.input("adds", bit(), "the value is added");
    let ty = signed(c.accumulator_bits());
    let sum = match c.normalize {
        Normalize::Complement => counting_sum(&mut m, c, value, adds, ty),
        Normalize::None | Normalize::Reciprocal => {
            let wanted = m.replicate(adds, c.value_bits);
            let value = m.as_unsigned(value);
            let added = m.and(value, wanted);
            let added = m.as_signed(added);
            let added = in_front_of_adder(&mut m, c, "added", added);
            doubling_sum(&mut m, added, ty)
        }
    };
    m.output("sum", sum, "sum of the row so far");
    m.finish()
}

/// What is added, called `name`, or its register.
fn in_front_of_adder(m: &mut Builder, c: &Configuration, name: &str, added: Signal) -> Signal {
    match wire_registers(c) {
        0 => m.name(added, name),
        _ => loaded_if(m, name, None, added),
    }
}

/// The sum of values counted from the least one on: nothing but a carry is added above their bits.
fn counting_sum(
    m: &mut Builder,
    c: &Configuration,
    value: Signal,
    adds: Signal,
    ty: Type,
) -> Signal {
    let subtracts = m.input("subtracts", bit(), "the value is subtracted");
    let bits = value.width();
    let (low, sign) = (m.slice(value, 0, bits - 1), m.bit(value, bits - 1));
    let high = m.not(sign);
    let counted = m.concat(&[high, low]);
    m.comment("the value, counted from the least one on");
    let counted = m.name(counted, "counted");
    let (all_added, all_subtracted) = (m.replicate(adds, bits), m.replicate(subtracts, bits));
    let added = m.and(counted, all_added);
    let rest = m.not(counted);
    let subtracted = m.and(rest, all_subtracted);
    let added = m.or(added, subtracted);
    let added = in_front_of_adder(m, c, "added", added);
    doubling_sum(m, added, ty)
}

/// The sum of one row's levels, as the lanes see them: the row's normalizer.
fn sorted_level_sum(c: &Configuration) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "sorted_level_sum",
        "The normalizer of one row: the sum of its levels.",
    );
    let adds = m.input("adds", bit(), "there is a key");
    let sum = doubling_sum(&mut m, adds, unsigned(c.normalizer_bits()));
    m.output("sum", sum, "sum of the levels so far");
    m.finish()
}

/// What comes from the value memory, a cycle later.
struct Fetched {
    value: Signal,
    /// The lanes' inputs beside the value.
    control: Vec<(&'static str, Signal)>,
    /// There is a key to count, where the levels are summed.
    counts: Option<Signal>,
    /// It ends its row.
    ends: Signal,
}

fn fetch(m: &mut Builder, c: &Configuration) -> Fetched {
    let w = Widths::of(c);
    let value = m.input(
        "s_value",
        unsigned(w.value_word),
        "values of one key, lane 0 lowest",
    );
    let codes = m.input(
        "s_codes",
        unsigned(w.visit_codes),
        match c.normalize {
            Normalize::Complement => {
                "whether the value is added (lowest bit), the sum doubled before, the value subtracted"
            }
            _ => "whether there is a value to add (lowest bit) and whether the sum is doubled before",
        },
    );
    let first = m.input("s_first", bit(), "first visit of the row in this pass");
    let last = m.input("s_last", bit(), "last visit of the row in this pass");
    let valid = m.input("s_valid", bit(), "visit is valid");

    let mut in_visit = |name: &'static str, bit: u32| {
        let wanted = m.bit(codes, bit);
        let wanted = m.and(valid, wanted);
        (name, loaded_if(m, &format!("fetched_{name}"), None, wanted))
    };
    let mut control = vec![in_visit("adds", 0)];
    let mut at_adder = vec![in_visit("doubles", 1)];
    if c.normalize == Normalize::Complement {
        control.push(in_visit("subtracts", 2));
    }
    let doubles = m.bit(codes, 1);
    let changes = m.or(first, doubles);
    let changes = m.and(valid, changes);
    let holds = m.not(changes);
    at_adder.push(("holds", loaded_if(m, "fetched_holds", None, holds)));
    let ends = m.and(valid, last);
    let fetched_ends = m.register_reset("fetched_ends", bit(), 0);
    m.update(fetched_ends, ends);
    let value = loaded_if(m, "fetched_value", None, value);
    // What is for the adder comes as much later as what is added does.
    let wire = wire_registers(c);
    let summed = c.normalize != Normalize::Complement;
    let counts = summed.then(|| delayed(m, "counted", control[0].1, wire));
    for (name, signal) in at_adder {
        control.push((name, delayed(m, &format!("added_{name}"), signal, wire)));
    }
    Fetched {
        value,
        control,
        counts,
        ends: delayed_valid(m, "added_ends", fetched_ends, wire),
    }
}

/// `acc[d] += V[d] << (max_shift - shift[code])` and `normalizer += 1 << (max_shift - shift[code])`,
/// as [`super::shift_accumulator`] has them; nothing is truncated.
pub(crate) fn sorted_accumulator(c: &Configuration) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "sorted_accumulator",
        "Doubles the sums from level to level and adds, every lane at once.",
    );
    let fetched = fetch(&mut m, c);
    let m_ready = m.input("m_ready", bit(), "receiver takes the finished row");
    m.comment("a finished row waits in the sums until it is taken");
    let row_done = m.register_reset("row_done", bit(), 0);
    let stays = m.not(m_ready);
    let stays = m.and(row_done, stays);
    let next = m.or(fetched.ends, stays);
    m.update(row_done, next);
    m.output("m_valid", row_done, "the sums are a finished row");

    let lane = sorted_lane(c)?;
    let mut normalizers = Vec::new();
    if let Some(counts) = fetched.counts {
        let levels = sorted_level_sum(c)?;
        let mut control = fetched.control.clone();
        control[0].1 = counts;
        let instance = m.instance("u_level_sum", &levels, &control);
        normalizers.push(instance.output("sum"));
    }
    let sums = lane_sums(&mut m, c, fetched.value, 0, &lane, &fetched.control);
    row_outputs(&mut m, &sums, &normalizers);
    if c.normalize == Normalize::Complement {
        let zero = m.zero(signed(c.value_bits));
        let inputs: Vec<_> = [("value", zero)]
            .into_iter()
            .chain(fetched.control.iter().copied())
            .collect();
        let sum = m.instance("u_zero_lane", &lane, &inputs).output("sum");
        let max_shift = c.max_shift.unwrap_or(0);
        let excess = m.slice(sum, max_shift, sum.width() - max_shift);
        let nothing = m.slice(sum, 0, max_shift);
        m.unused(nothing);
        m.output("m_excess", excess, EXCESS);
    }
    m.finish()
}
