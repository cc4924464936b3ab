//! Which keys belong to which row of a block, and which lengths no row has: for scores and for
//! queries alike.

use super::{Builder, bus, ceil_log2};
use crate::netlist::{Signal, unsigned};
use logattn_golden::config::Configuration;

/// What the input `causal` is for.
pub(super) const CAUSAL: &str = "row b of a block has row_length + b keys instead of row_length; \
                                 hold stable while rows are in flight";

/// Keys that the longest row of a block can be said to have, legal or not.
pub(super) fn most_keys(c: &Configuration) -> usize {
    (1 << c.length_bits()) - 1 + c.query_block - 1
}

/// The length of the block's longest row, wide enough for [`most_keys`].
pub(super) fn longest_row(
    m: &mut Builder,
    c: &Configuration,
    row_length: Signal,
    causal: Option<Signal>,
) -> Signal {
    let Some(causal) = causal else {
        return row_length;
    };
    let ty = unsigned(ceil_log2(most_keys(c) + 1));
    let wide = m.extend(row_length, ty.width());
    let more = m.constant(c.query_block as u64 - 1, ty);
    let none = m.zero(ty);
    let more = m.mux(causal, more, none);
    let longest = m.add(wide, more);
    m.name(longest, "longest_row")
}

/// A row length that no row has: 0, or such that the block's longest row has more than `max_keys`.
pub(super) fn illegal_length(
    m: &mut Builder,
    c: &Configuration,
    row_length: Signal,
    longest: Signal,
) -> Signal {
    let some = m.any(row_length);
    let none = m.not(some);
    if most_keys(c) == c.max_keys {
        return none;
    }
    let most = m.constant(c.max_keys as u64, longest.ty());
    let over = m.gt(longest, most);
    m.or(none, over)
}

/// Keys that there are of the last beat that `max_keys` allows, where a length over `max_keys`
/// can include others.
pub(super) fn partial_beat(c: &Configuration) -> Option<usize> {
    Some(c.max_keys % c.keys_per_beat).filter(|partial| *partial > 0 && most_keys(c) > c.max_keys)
}

/// Which keys of a beat are within their rows, key-major.
///
/// # Arguments
/// - `remaining`: keys of the block's longest row that are still to come, those of this beat among
///   them; row b of a causal block has `query_block - 1 - b` less.
/// - `beyond`: [`partial_beat`], and whether this is that beat.
pub(super) fn inside_rows(
    m: &mut Builder,
    c: &Configuration,
    remaining: Signal,
    causal: Option<Signal>,
    beyond: Option<(usize, Signal)>,
) -> Signal {
    let rows = c.query_block;
    let counts = c.keys_per_beat + if causal.is_some() { rows - 1 } else { 0 };
    let more_than: Vec<Signal> = (0..counts)
        .map(|count| {
            let limit = m.constant(count as u64, remaining.ty());
            let more = m.gt(remaining, limit);
            m.name(more, format!("more_than_{count}"))
        })
        .collect();
    let mut inside = Vec::new();
    for key in 0..c.keys_per_beat {
        for row in 0..rows {
            let fewer = rows - 1 - row;
            let within = match causal {
                Some(causal) if fewer > 0 => m.mux(causal, more_than[key + fewer], more_than[key]),
                _ => more_than[key],
            };
            inside.push(match beyond {
                Some((keys, at_end)) if key >= keys => {
                    let exists = m.not(at_end);
                    m.and(within, exists)
                }
                _ => within,
            });
        }
    }
    let inside = bus(m, &inside);
    m.name(inside, "inside_now")
}
