//! Bucket mode: buckets and counts times the levels, once a row.

use super::normalizer::{Beat, Flow};
use super::{Builder, bit, element, loaded};
use crate::netlist::Signal;
use logattn_golden::config::Configuration;

/// The normalizer of a row from its counts, two registers later: they load in every cycle, since the
/// counts stand still until the row has left.
pub(super) fn combine_counts(
    m: &mut Builder,
    c: &Configuration,
    name: &str,
    counts: Signal,
    levels: Signal,
) -> Signal {
    let always = m.constant(1, bit());
    let levels = level_inputs(m, c, levels, false);
    let products = level_products(m, name, always, counts, &levels);
    let sum = total(m, &products, c.normalizer_bits());
    loaded(m, name, always, sum)
}

/// Two stages: buckets times levels, then their sum.
pub(super) fn combine(
    m: &mut Builder,
    c: &Configuration,
    beat: Beat,
    levels: Signal,
    flow: Flow,
) -> (Beat, Flow) {
    let (load, flow) = flow.stage(m, "products");
    let levels = level_inputs(m, c, levels, true);
    let products: Vec<Vec<Signal>> = beat
        .values
        .iter()
        .enumerate()
        .map(|(lane, buckets)| level_products(m, &format!("lane_{lane}"), load, *buckets, &levels))
        .collect();
    let beat = Beat {
        values: Vec::new(),
        ..carry(m, "products", load, beat)
    };
    let (load, flow) = flow.stage(m, "combined");
    let values = products
        .iter()
        .enumerate()
        .map(|(lane, products)| {
            let sum = total(m, products, c.accumulator_bits());
            loaded(m, &format!("combined_{lane}"), load, sum)
        })
        .collect();
    (
        Beat {
            values,
            ..carry(m, "combined", load, beat)
        },
        flow,
    )
}

/// What goes along with the values through a stage called `name`; the values are left out.
fn carry(m: &mut Builder, name: &str, load: Signal, beat: Beat) -> Beat {
    Beat {
        values: Vec::new(),
        normalizer: loaded(m, &format!("{name}_normalizer"), load, beat.normalizer),
        reciprocal: beat.reciprocal.map(|(factor, zeros)| {
            let factor = loaded(m, &format!("{name}_factor"), load, factor);
            (factor, loaded(m, &format!("{name}_zeros"), load, zeros))
        }),
        last: loaded(m, &format!("{name}_last"), load, beat.last),
    }
}

/// The levels of codes 1.., each a number of its own; with a leading zero where they multiply
/// signed buckets.
fn level_inputs(
    m: &mut Builder,
    c: &Configuration,
    levels: Signal,
    is_signed: bool,
) -> Vec<Signal> {
    let bits = levels.width() / c.levels_count() as u32;
    (0..c.levels_count())
        .map(|i| {
            let level = element(m, levels, i, bits);
            if is_signed {
                let level = m.extend(level, bits + 1);
                let level = m.as_signed(level);
                m.name(level, format!("signed_level_{}", i + 1))
            } else {
                level
            }
        })
        .collect()
}

/// `level[i] * bucket[i]` for every code, registered; `buckets` is a bus of the levels' signedness.
fn level_products(
    m: &mut Builder,
    name: &str,
    load: Signal,
    buckets: Signal,
    levels: &[Signal],
) -> Vec<Signal> {
    let bits = buckets.width() / levels.len() as u32;
    levels
        .iter()
        .enumerate()
        .map(|(i, level)| {
            let bucket = element(m, buckets, i, bits);
            let bucket = if level.is_signed() {
                m.as_signed(bucket)
            } else {
                bucket
            };
            let bucket = m.name(bucket, format!("{name}_bucket_{}", i + 1));
            let product = m.mul(bucket, *level);
            loaded(m, &format!("{name}_product_{}", i + 1), load, product)
        })
        .collect()
}

/// The sum of `terms` in `width` bits (it is known to fit), as a balanced tree.
fn total(m: &mut Builder, terms: &[Signal], width: u32) -> Signal {
    let mut level: Vec<Signal> = terms.iter().map(|term| fit(m, *term, width)).collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [a, b] => m.add(*a, *b),
                rest => rest[0],
            })
            .collect();
    }
    level[0]
}

/// `term` in `width` bits: extended, or cut where its upper bits repeat the sign.
fn fit(m: &mut Builder, term: Signal, width: u32) -> Signal {
    if term.width() <= width {
        return m.extend(term, width);
    }
    let surplus = m.slice(term, width, term.width() - width);
    m.comment("a level times a count stays below the normalizer's range");
    m.unused(surplus);
    let kept = m.slice(term, 0, width);
    if term.is_signed() {
        m.as_signed(kept)
    } else {
        kept
    }
}
