//! How close a score is to its row's largest one.

use crate::netlist::{Builder, Module, NetlistError, signed};
use logattn_golden::scores::ScoreFormat;

/// Closeness D_MAX - d of one key where d = maximum - score is at most D_MAX; `near` says that it
/// is.
///
/// score + ~maximum is -(maximum - score + 1): its low bits are those of the distance inverted,
/// which is D_MAX less the distance, and its high bits are all ones unless the distance is over
/// D_MAX. So no further subtraction is needed.
pub(super) fn score_distance(format: &ScoreFormat) -> Result<Module, NetlistError> {
    let p = format.parameters();
    let mut m = Builder::new(
        "score_distance",
        "How close a score is to the row's largest: 2^distance_bits - 1 less their distance.",
    );
    let ty = signed(p.score_bits);
    let score = m.input("score", ty, "score of the key");
    let maximum = m.input("maximum", ty, "largest score of the row");
    // A distance takes score_bits; the sign above it is a further one.
    let width = (p.score_bits + 1).max(p.distance_bits + 1);
    let score = m.extend(score, width);
    let inverted = m.not(maximum);
    let inverted = m.name(inverted, "inverted");
    let inverted = m.extend(inverted, width);
    let sum = m.add(score, inverted);
    let sum = m.as_unsigned(sum);
    let sum = m.name(sum, "sum");
    let low = m.slice(sum, 0, p.distance_bits);
    let high = m.slice(sum, p.distance_bits, width - p.distance_bits);
    let near = m.all(high);
    m.output("closeness", low, "the distance inverted, if it is near");
    m.output("near", near, "the distance is at most 2^distance_bits - 1");
    m.finish()
}
