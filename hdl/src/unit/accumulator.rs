//! What the accumulators share: their ports, their stages and the end of a row.

use super::{Builder, Stage, Widths, bit, bus, elastic_register, elastic_stage, element, loaded};
use crate::netlist::{Module, Signal, unsigned};
use logattn_golden::config::{Accumulate, Configuration, Normalize};
use logattn_golden::microarchitecture::extra_registers;

/// The incoming side and the handshake of an accumulator.
///
/// Stage *scaled* multiplies a value by its level (or routes it), stage *sum* adds it to the row.
/// From `pipeline_depth` 2 on stage *fetched* holds what comes from the value memory before that,
/// and with `normalize = "complement"` stage *difference* the differences to the largest key's
/// values. The sorted accumulator has a way of its own.
pub(crate) struct Pipeline {
    /// Values of one key, lane 0 lowest.
    pub value: Signal,
    /// Codes of the key, one a row of the block.
    pub codes: Signal,
    /// The key is its row's largest one; with `normalize = "complement"`.
    pub largest: Option<Signal>,
    /// There is a key.
    pub valid: Signal,
    /// Codes of the key that the next stage is loaded with, and that stage's load enable: what is
    /// found from them can be registered there. They are `codes`, for stage *scaled*, where that is
    /// absent.
    pub early: Option<(Signal, Signal)>,
    /// The *difference* stage loads; absent where there is none.
    pub differ: Option<Signal>,
    /// The *scaled* stage loads.
    pub scale: Signal,
    /// The *sum* stage adds (or starts a row with) what the *scaled* stage holds.
    pub add: Signal,
    /// What the *scaled* stage holds is its row's first: it replaces the sum.
    pub first: Signal,
}

/// Declares the ports `s_*`, `m_ready`, `m_valid`, `s_ready` and the two stages' control.
pub(crate) fn pipeline(m: &mut Builder, c: &Configuration) -> Pipeline {
    let w = Widths::of(c);
    let value = m.input(
        "s_value",
        unsigned(w.value_word),
        "values of one key, lane 0 lowest",
    );
    let codes = m.input("s_codes", unsigned(w.visit_codes), VISIT_CODES);
    let largest = (c.normalize == Normalize::Complement).then(|| {
        m.input(
            "s_largest",
            bit(),
            "the key is the row's largest one, whatever its code",
        )
    });
    let s_first = m.input("s_first", bit(), "first survivor of the row in this pass");
    let s_last = m.input("s_last", bit(), "last survivor of the row in this pass");
    let s_valid = m.input("s_valid", bit(), "survivor is valid");
    let m_ready = m.input("m_ready", bit(), "receiver takes the finished row");

    m.comment(
        "a finished row waits in the sums until it is taken; the next row may start in that cycle",
    );
    let row_done = m.register_reset("row_done", bit(), 0);
    let busy = m.not(row_done);
    let sum_ready = m.or(busy, m_ready);
    let sum_ready = m.name(sum_ready, "sum_ready");
    let before = before_scaled(m, c, [value, codes, s_first, s_last], largest, s_valid);
    let scaled = elastic_stage(m, "scaled", before.stage.valid, sum_ready);
    m.drive(before.taken, scaled.enable);
    let first = loaded(m, "scaled_first", scaled.enable, before.first);
    let last = loaded(m, "scaled_last", scaled.enable, before.last);
    let add = m.and(scaled.valid, sum_ready);
    let add = m.name(add, "add");
    let ends = m.and(scaled.valid, last);
    m.update_if(row_done, sum_ready, ends);

    m.output("s_ready", before.stage.enable, "survivor is taken");
    m.output("m_valid", row_done, "the sums are a finished row");
    Pipeline {
        value: before.value,
        codes: before.codes,
        largest: before.largest,
        valid: before.valid,
        early: before.early,
        differ: before.differ,
        scale: scaled.enable,
        add,
        first,
    }
}

/// The stages in front of *scaled*.
struct BeforeScaled {
    value: Signal,
    codes: Signal,
    largest: Option<Signal>,
    /// Of the value, codes and largest key.
    valid: Signal,
    first: Signal,
    last: Signal,
    early: Option<(Signal, Signal)>,
    differ: Option<Signal>,
    /// Enable of the first stage, valid of the last.
    stage: Stage,
    /// To be driven: the *scaled* stage loads.
    taken: Signal,
}

fn before_scaled(
    m: &mut Builder,
    c: &Configuration,
    [value, codes, first, last]: [Signal; 4],
    largest: Option<Signal>,
    valid: Signal,
) -> BeforeScaled {
    let deep = extra_registers(c) > 0;
    let shifts = c.accumulate == Accumulate::Shift;
    let differs = deep && shifts && c.normalize == Normalize::Complement;
    let taken = m.wire("scaled_taken", bit());
    let fetched_taken = m.wire("fetched_taken", bit());
    // Where the amounts are registered beside the values, the codes are not.
    let keeps_codes = !(deep && shifts) || differs;
    let fields = [
        ("value", Some(value)),
        ("codes", keeps_codes.then_some(codes)),
        ("largest", largest),
        ("first", Some(first)),
        ("last", Some(last)),
    ];
    let (fields, fetched) = elastic_register(m, ("fetched", deep), fields, valid, fetched_taken);
    let [
        fetched_value,
        fetched_codes,
        largest,
        fetched_first,
        fetched_last,
    ] = fields;
    let fetched_codes = fetched_codes.unwrap_or(codes);
    let (first, last) = (fetched_first.unwrap_or(first), fetched_last.unwrap_or(last));
    let fields = [("first", Some(first)), ("last", Some(last))];
    let wanted = ("difference", differs);
    let (fields, difference) = elastic_register(m, wanted, fields, fetched.valid, taken);
    m.drive(fetched_taken, difference.enable);
    let early = match (deep, differs) {
        (false, _) => None,
        (true, false) => Some((codes, fetched.enable)),
        (true, true) => Some((fetched_codes, difference.enable)),
    };
    BeforeScaled {
        value: fetched_value.unwrap_or(value),
        codes: fetched_codes,
        largest,
        valid: fetched.valid,
        first: fields[0].unwrap_or(first),
        last: fields[1].unwrap_or(last),
        early,
        differ: differs.then_some(difference.enable),
        stage: Stage {
            enable: fetched.enable,
            valid: difference.valid,
        },
        taken,
    }
}

/// What goes along with a visit.
const VISIT_CODES: &str = "codes of the key, one a row of the block";

/// A sum that restarts with a row: `sum <= (first ? 0 : sum) + addend`, called `name`.
pub(crate) fn running_sum(
    m: &mut Builder,
    name: &str,
    add: Signal,
    first: Signal,
    addend: Signal,
) -> Signal {
    let sum = m.register(name, addend.ty());
    let zero = m.zero(addend.ty());
    let base = m.mux(first, zero, sum);
    let next = m.add(base, addend);
    let next = m.name(next, format!("{name}_next"));
    m.update_if(sum, add, next);
    sum
}

/// `2^bits - 1` choices by a code of at least 1: entry `code - 1`, and entry 0 for code 0 too.
pub(crate) fn by_code(entries: &[Signal]) -> Vec<Signal> {
    let mut options = vec![entries[0]];
    options.extend_from_slice(entries);
    options
}

/// One instance of `lane` for each lane of `row`, fed with its value of `values`; gives their sums.
pub(crate) fn lane_sums(
    m: &mut Builder,
    c: &Configuration,
    values: Signal,
    row: usize,
    lane: &Module,
    control: &[(&str, Signal)],
) -> Vec<Signal> {
    (0..c.lanes)
        .map(|index| {
            let value = element(m, values, index, c.value_bits);
            let value = m.as_signed(value);
            let connections: Vec<_> = [("value", value)]
                .into_iter()
                .chain(control.iter().copied())
                .collect();
            let instance = m.instance(format!("u_lane_{row}_{index}"), lane, &connections);
            m.as_unsigned(instance.output("sum"))
        })
        .collect()
}

/// The outputs of an accumulator: one sum a lane and row, one normalizer a row. There are no
/// normalizers with `normalize = "complement"`.
pub(crate) fn row_outputs(m: &mut Builder, sums: &[Signal], normalizers: &[Signal]) {
    let sums = bus(m, sums);
    let normalizers = (!normalizers.is_empty()).then(|| bus(m, normalizers));
    m.output("m_sums", sums, "sums, lane 0 of row 0 lowest");
    if let Some(normalizers) = normalizers {
        m.output("m_normalizers", normalizers, "normalizers, row 0 lowest");
    }
}
