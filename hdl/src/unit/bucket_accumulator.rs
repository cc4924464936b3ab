//! One accumulator a code: any levels, power of two or not, at the price of `2^bits - 1` sums a lane.

use super::accumulator::{by_code, pipeline};
use super::{Builder, Widths, bit, bus, choose, element, loaded};
use crate::netlist::{Module, NetlistError, Signal, signed, unsigned};
use logattn_golden::config::Configuration;

/// One lane of one row: a bucket a code, of which a survivor adds its value to one; or, where it
/// `counts`, the row's count of survivors by code.
fn bucket_lane(
    c: &Configuration,
    name: &str,
    doc: &str,
    counts: bool,
) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(name, doc);
    let code = m.input("code", unsigned(w.code), "code of the key");
    let add = m.input("add", bit(), "add to the code's bucket");
    let first = m.input("first", bit(), "a row starts: the other buckets become 0");
    let addend = if counts {
        let survives = m.any(code);
        m.extend(survives, c.count_bits())
    } else {
        let value = m.input("value", signed(c.value_bits), "value of the key");
        let scale = m.input("scale", bit(), "load the value");
        let held = loaded(&mut m, "held", scale, value);
        m.extend(held, c.bucket_bits())
    };
    let ty = addend.ty();
    let buckets: Vec<Signal> = (1..=c.levels_count())
        .map(|i| m.register(format!("bucket_{i}"), ty))
        .collect();
    let chosen = choose(&mut m, code, &by_code(&buckets));
    let zero = m.zero(ty);
    let base = m.mux(first, zero, chosen);
    let sum = m.add(base, addend);
    let sum = m.name(sum, "sum");
    for (index, bucket) in buckets.iter().enumerate() {
        let this = m.constant(index as u64 + 1, unsigned(w.code));
        let hit = m.eq(code, this);
        let hit = m.name(hit, format!("hit_{}", index + 1));
        let touched = m.or(hit, first);
        let changes = m.and(add, touched);
        let next = m.mux(hit, sum, zero);
        m.update_if(*bucket, changes, next);
    }
    let unsigned_buckets: Vec<Signal> = buckets.iter().map(|b| m.as_unsigned(*b)).collect();
    let all = bus(&mut m, &unsigned_buckets);
    m.output("buckets", all, "one sum a code, code 1 lowest");
    m.finish()
}

/// `bucket[code][d] += V[d]` and `count[code] += 1` for each row of the block.
pub(crate) fn bucket_accumulator(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "bucket_accumulator",
        "One accumulator a code, combined with the levels at the row's end.",
    );
    let p = pipeline(&mut m, c);
    let lanes = bucket_lane(
        c,
        "bucket_lane",
        "One lane: the values of the row's survivors, summed by code.",
        false,
    )?;
    let counts = bucket_lane(
        c,
        "bucket_count",
        "The row's survivors, counted by code.",
        true,
    )?;
    let (mut sums, mut normalizers) = (Vec::new(), Vec::new());
    for row in 0..c.query_block {
        let code = element(&mut m, p.codes, row, w.code);
        let code = loaded(&mut m, &format!("scaled_code_{row}"), p.scale, code);
        let control = [("code", code), ("add", p.add), ("first", p.first)];
        for lane in 0..c.lanes {
            let value = element(&mut m, p.value, lane, c.value_bits);
            let value = m.as_signed(value);
            let connections: Vec<_> = [("value", value), ("scale", p.scale)]
                .into_iter()
                .chain(control)
                .collect();
            let instance = m.instance(format!("u_lane_{row}_{lane}"), &lanes, &connections);
            sums.push(instance.output("buckets"));
        }
        normalizers.push(
            m.instance(format!("u_count_{row}"), &counts, &control)
                .output("buckets"),
        );
    }
    let sums = bus(&mut m, &sums);
    let normalizers = bus(&mut m, &normalizers);
    m.output("m_sums", sums, "buckets, code 1 of lane 0 of row 0 lowest");
    m.output(
        "m_normalizers",
        normalizers,
        "counts, code 1 of row 0 lowest",
    );
    m.finish()
}
