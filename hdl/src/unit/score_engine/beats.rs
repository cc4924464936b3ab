//! The beats of a block: how many there are, and which of their keys belong to which row.

use super::super::{Builder, Widths, bit, bus, ceil_log2};
use super::Queries;
use crate::netlist::{Signal, unsigned};
use logattn_golden::config::Configuration;

/// The beat that is issued next.
pub(super) struct Beat {
    /// Absent where a block is one beat.
    pub position: Option<Position>,
    /// It is its block's last.
    pub last: Signal,
    /// A bit for each key and row, key-major: the key is within the row's length.
    pub inside: Signal,
}

/// Where the beat stands in its block.
#[derive(Clone, Copy)]
pub(super) struct Position {
    /// It is the first.
    pub first: Signal,
    pub index: Signal,
}

/// Keys that the longest row of a block can be said to have, legal or not.
fn most_keys(c: &Configuration) -> usize {
    (1 << c.length_bits()) - 1 + c.query_block - 1
}

/// Follows the beats of a block: as many as its longest row takes, but no more than `max_keys`
/// keys do, so that a length over `max_keys` reads nothing that is not there.
pub(super) fn beat(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    queries: &Queries,
    issue: Signal,
) -> Beat {
    let position = (w.beat > 0).then(|| Position {
        first: m.register_reset("at_start", bit(), 1),
        index: m.register_reset("beat", unsigned(w.beat), 0),
    });
    let remaining = remaining_keys(m, c, queries, position, issue);

    let too_long = c.beats(most_keys(c)) > c.beats(c.max_keys);
    // Keys of a last beat that there are, where a length over `max_keys` can include others.
    let partial = Some(c.max_keys % c.keys_per_beat)
        .filter(|partial| *partial > 0 && most_keys(c) > c.max_keys);
    let reaches_end = position.filter(|_| too_long || partial.is_some());
    let at_end = reaches_end.map(|position| {
        let end = c.beats(c.max_keys) as u64 - 1;
        let end = m.constant(end, position.index.ty());
        let at_end = m.eq(position.index, end);
        m.name(at_end, "at_end")
    });
    let last = match position {
        Some(position) => {
            let step = m.constant(c.keys_per_beat as u64, remaining.ty());
            let ends = m.le(remaining, step);
            let ends: Vec<Signal> = [ends]
                .into_iter()
                .chain(at_end.filter(|_| too_long))
                .collect();
            let last = m.or_all(&ends);
            let last = m.name(last, "is_last");
            advance(m, position, issue, last);
            last
        }
        None => m.constant(1, bit()),
    };
    let causal = queries
        .causal
        .map(|causal| causal_block(m, causal, position, issue));
    let beyond = partial.zip(at_end);
    let inside = inside(m, c, remaining, causal, beyond);
    Beat {
        position,
        last,
        inside,
    }
}

/// Moves on to the next beat.
fn advance(m: &mut Builder, position: Position, issue: Signal, last: Signal) {
    let Position { first, index } = position;
    let one = m.constant(1, index.ty());
    let following = m.add(index, one);
    let zero = m.zero(index.ty());
    let next = m.mux(last, zero, following);
    m.update_if(first, issue, last);
    m.update_if(index, issue, next);
}

/// The keys of the block's longest row that are still to come, those of this beat among them.
fn remaining_keys(
    m: &mut Builder,
    c: &Configuration,
    queries: &Queries,
    position: Option<Position>,
    issue: Signal,
) -> Signal {
    let longest = match queries.causal {
        Some(causal) => {
            let ty = unsigned(ceil_log2(most_keys(c) + 1));
            let wide = m.extend(queries.row_length, ty.width());
            let more = m.constant(c.query_block as u64 - 1, ty);
            let none = m.zero(ty);
            let more = m.mux(causal, more, none);
            let longest = m.add(wide, more);
            m.name(longest, "longest_row")
        }
        None => queries.row_length,
    };
    let Some(position) = position else {
        return longest;
    };
    let carried = m.register("remaining_carried", longest.ty());
    let remaining = m.mux(position.first, longest, carried);
    let remaining = m.name(remaining, "remaining");
    let step = m.constant(c.keys_per_beat as u64, longest.ty());
    m.comment("what is carried beyond a block's last beat is never read");
    let fewer = m.sub(remaining, step);
    m.update_if(carried, issue, fewer);
    remaining
}

/// Whether the block in hand is causal, which is known at its first beat.
fn causal_block(
    m: &mut Builder,
    causal: Signal,
    position: Option<Position>,
    issue: Signal,
) -> Signal {
    let Some(position) = position else {
        return causal;
    };
    let carried = m.register("causal_carried", bit());
    let now = m.mux(position.first, causal, carried);
    let now = m.name(now, "causal_block");
    m.update_if(carried, issue, now);
    now
}

/// Which keys of the beat are within their row's length: row b of a causal block has
/// `query_block - 1 - b` keys less than its longest row. `beyond`: how many keys of the last beat
/// that `max_keys` allows exist, and whether this is that beat.
fn inside(
    m: &mut Builder,
    c: &Configuration,
    remaining: Signal,
    causal: Option<Signal>,
    beyond: Option<(usize, Signal)>,
) -> Signal {
    let rows = c.query_block;
    let more_than: Vec<Signal> = (0..c.keys_per_beat + rows - 1)
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
    bus(m, &inside)
}
