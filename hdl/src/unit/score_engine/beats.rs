//! The beats of a block: how many there are, and which of their keys belong to which row.

use super::super::row_lengths::{inside_rows, longest_row, most_keys, partial_beat};
use super::super::{Builder, Widths, bit};
use super::Queries;
use crate::netlist::{Signal, unsigned};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{extra_registers, wire_registers};

/// The beat that is issued next.
pub(super) struct Beat {
    /// Keys of the longest row, if the block starts with this beat.
    pub longest: Signal,
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
    /// The same as a register of its own, from `pipeline_depth` 3 on: `first` is then found from
    /// its inverse, so that the many readers of one do not stand in the way of the other.
    pub at_start: Signal,
    under_way: Option<Signal>,
    pub index: Signal,
}

impl Position {
    fn declare(m: &mut Builder, c: &Configuration, w: &Widths) -> Self {
        let at_start = m.register_reset("at_start", bit(), 1);
        let under_way = (wire_registers(c) > 0).then(|| m.register_reset("under_way", bit(), 0));
        let first = under_way.map(|under_way| {
            let first = m.not(under_way);
            m.name(first, "is_first")
        });
        Position {
            first: first.unwrap_or(at_start),
            at_start,
            under_way,
            index: m.register_reset("beat", unsigned(w.beat), 0),
        }
    }
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
    let position = (w.beat > 0).then(|| Position::declare(m, c, w));
    let longest = match queries.longest {
        Some((longest, _)) => longest,
        None => longest_row(m, c, queries.row_length, queries.causal),
    };
    let remaining = remaining_keys(m, c, longest, position, issue);

    let too_long = c.beats(most_keys(c)) > c.beats(c.max_keys);
    let partial = partial_beat(c);
    let reaches_end = position.filter(|_| too_long || partial.is_some());
    let at_end = reaches_end.map(|position| {
        let end = c.beats(c.max_keys) as u64 - 1;
        let end = m.constant(end, position.index.ty());
        match position.under_way {
            None => {
                let at_end = m.eq(position.index, end);
                m.name(at_end, "at_end")
            }
            Some(_) => m.register_reset("at_end", bit(), 0),
        }
    });
    let last = match position {
        Some(position) => {
            let one_beat = queries.longest.and_then(|(_, one_beat)| one_beat);
            let ends = ends_block(m, c, (longest, remaining, one_beat), position, issue);
            let ends: Vec<Signal> = [ends]
                .into_iter()
                .chain(at_end.filter(|_| too_long))
                .collect();
            let last = m.or_all(&ends);
            let last = m.name(last, "is_last");
            let following = advance(m, position, issue, last);
            if let (Some(at_end), Some(_)) = (at_end, position.under_way) {
                let end = c.beats(c.max_keys) as u64 - 1;
                let end = m.constant(end, following.ty());
                let reaches = m.eq(following, end);
                let goes_on = m.not(last);
                let next = m.and(reaches, goes_on);
                m.update_if(at_end, issue, next);
            }
            last
        }
        None => m.constant(1, bit()),
    };
    let causal = queries
        .causal
        .map(|causal| causal_block(m, causal, position, issue));
    let beyond = partial.zip(at_end);
    let inside = inside_rows(m, c, remaining, causal, beyond);
    Beat {
        longest,
        position,
        last,
        inside,
    }
}

/// Whether no keys of the block come after this beat. From `pipeline_depth` 2 on that is known
/// beforehand but for a block's first beat, as what follows from it has a long way to go.
fn ends_block(
    m: &mut Builder,
    c: &Configuration,
    (longest, remaining, known): (Signal, Signal, Option<Signal>),
    position: Position,
    issue: Signal,
) -> Signal {
    let step = c.keys_per_beat as u64;
    let one_beat = m.constant(step, remaining.ty());
    if extra_registers(c) == 0 {
        return m.le(remaining, one_beat);
    }
    let wide = remaining.width() + 1;
    let two_beats = m.constant(2 * step, unsigned(wide));
    let all = m.extend(remaining, wide);
    let follows = m.le(all, two_beats);
    let carried = m.register("ends_carried", bit());
    m.update_if(carried, issue, follows);
    let at_once = known.unwrap_or_else(|| m.le(longest, one_beat));
    m.mux(position.first, at_once, carried)
}

/// Moves on to the next beat; gives its index if the block goes on.
fn advance(m: &mut Builder, position: Position, issue: Signal, last: Signal) -> Signal {
    let Position {
        at_start,
        under_way,
        index,
        ..
    } = position;
    let one = m.constant(1, index.ty());
    let following = m.add(index, one);
    let following = m.name(following, "following_beat");
    let zero = m.zero(index.ty());
    let next = m.mux(last, zero, following);
    m.update_if(at_start, issue, last);
    if let Some(under_way) = under_way {
        let goes_on = m.not(last);
        m.update_if(under_way, issue, goes_on);
    }
    m.update_if(index, issue, next);
    following
}

/// The keys of the block's longest row that are still to come, those of this beat among them.
fn remaining_keys(
    m: &mut Builder,
    c: &Configuration,
    longest: Signal,
    position: Option<Position>,
    issue: Signal,
) -> Signal {
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
