//! The score of one key for one query: their dot product, shifted to `fraction_bits` and
//! saturated to `score_bits`.

use super::pipeline::{delayed, tree};
use super::{Builder, bit, element, saturated};
use crate::netlist::{Module, NetlistError, Signal, signed, unsigned};
use logattn_golden::config::{Configuration, QUERY_KEY_BITS};
use logattn_golden::microarchitecture::{
    SCORE_SHIFT_BITS, extra_registers, tree_levels, wire_registers,
};

/// Bits of a query or a key.
pub(crate) fn vector_bits(c: &Configuration) -> u32 {
    c.head_dimension as u32 * QUERY_KEY_BITS
}

/// Whether a product of query and key can be too large for a score.
pub(crate) fn saturates(c: &Configuration) -> bool {
    c.product_bits() > c.attention_bits()
}

/// Registers for the products, in a tree of adders, and for the score: 2 and
/// [`logattn_golden::microarchitecture::tree_stages`] of D cycles, from `pipeline_depth` 2 on one
/// more for the shifted sum and with 3 one more for the products and one within the shift; one pair
/// a cycle. `score_shift` is that of the pair whose sum is complete, so that it is delayed once for
/// all keys of a beat.
///
/// Output `saturated` is absent where every shifted product fits.
pub(crate) fn dot_product(c: &Configuration) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "dot_product",
        "Score of one key for one query: the dot product, shifted right and saturated.",
    );
    let vector = unsigned(vector_bits(c));
    let query = m.input("query", vector, "elements of the query, element 0 lowest");
    let key = m.input("key", vector, "elements of the key, element 0 lowest");
    let shift = m.input(
        "score_shift",
        unsigned(SCORE_SHIFT_BITS),
        "shift to the right of the sum that is complete in this cycle",
    );
    let elements = [("query", query), ("key", key)].map(|(name, vector)| {
        (0..c.head_dimension)
            .map(|i| {
                let part = element(&mut m, vector, i, QUERY_KEY_BITS);
                let part = m.as_signed(part);
                m.name(part, format!("{name}_{i}"))
            })
            .collect::<Vec<Signal>>()
    });
    m.comment("bare multiplications between registers, for the multipliers of DSP blocks");
    let products: Vec<Signal> = (0..c.head_dimension)
        .map(|i| m.register(format!("product_{i}"), signed(2 * QUERY_KEY_BITS)))
        .collect();
    for (i, product) in products.iter().enumerate() {
        let next = m.mul(elements[0][i], elements[1][i]);
        m.update(*product, next);
    }
    let products: Vec<Signal> = (products.iter().enumerate())
        .map(|(i, product)| delayed(&mut m, &format!("product_{i}"), *product, wire_registers(c)))
        .collect();
    let sum = tree(&mut m, "sum", tree_levels(c), &products, |m, a, b| {
        let width = a.width().max(b.width()) + 1;
        let (a, b) = (m.extend(a, width), m.extend(b, width));
        m.add(a, b)
    });
    let shifted = shift_right(&mut m, c, sum, shift);
    let shifted = m.name(shifted, "shifted");
    let shifted = delayed(&mut m, "shifted", shifted, extra_registers(c));
    score(&mut m, c, shifted);
    m.finish()
}

/// The sum shifted to the right; from `pipeline_depth` 3 on first by a multiple of 4, then, a cycle
/// later, by what is left.
fn shift_right(m: &mut Builder, c: &Configuration, sum: Signal, shift: Signal) -> Signal {
    let wire = wire_registers(c);
    if wire == 0 {
        return m.shr(sum, shift);
    }
    let none = m.zero(unsigned(FINE_SHIFT_BITS));
    let coarse = m.slice(shift, FINE_SHIFT_BITS, shift.width() - FINE_SHIFT_BITS);
    let coarse = m.concat(&[coarse, none]);
    let coarse = m.shr(sum, coarse);
    let coarse = delayed(m, "coarse", coarse, wire);
    let fine = m.slice(shift, 0, FINE_SHIFT_BITS);
    let fine = delayed(m, "fine_shift", fine, wire);
    m.shr(coarse, fine)
}

/// Bits of the shift that a cycle of its own is for.
const FINE_SHIFT_BITS: u32 = 2;

/// The output registers `score` and `saturated`.
fn score(m: &mut Builder, c: &Configuration, shifted: Signal) {
    let bits = c.attention_bits();
    let (next, overflows) = if saturates(c) {
        let (next, fits) = saturated(m, shifted, bits);
        (next, Some(m.not(fits)))
    } else {
        (m.extend(shifted, bits), None)
    };
    let score = m.register("score", signed(bits));
    let saturated = overflows.map(|_| m.register("saturated", bit()));
    m.update(score, next);
    for (register, overflows) in saturated.iter().zip(overflows) {
        m.update(*register, overflows);
    }
    let score = m.as_unsigned(score);
    m.output("m_score", score, "score, two's complement");
    if let Some(saturated) = saturated {
        m.output(
            "m_saturated",
            saturated,
            "the shifted product does not fit the score, which is the nearest that does",
        );
    }
}
