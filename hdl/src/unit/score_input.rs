//! Beats of scores from outside: which keys belong to the row, and what is wrong with a packet.

use super::quantizer::remaining_keys;
use super::{Builder, Widths, bit, bus, ceil_log2};
use crate::netlist::{Module, NetlistError, Signal, unsigned};
use logattn_golden::config::Configuration;

/// The ports that the beats of a packet come through, and whether one is taken.
struct Packet {
    last: Signal,
    accepted: Signal,
}

/// The input of `input = "scores"`: takes a beat when there is a place in the score buffer and,
/// for a row's first, when another row may be on its way.
///
/// A packet that is longer than a full row is cut there; its surplus beats are taken and dropped.
pub(crate) fn score_input(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "score_input",
        "Beats of scores, with the keys that belong to the row; flags what is wrong with a packet.",
    );
    let (rows, keys) = (c.query_block, c.keys_per_beat);
    let data_bits = (keys * rows) as u32 * c.attention_bits();
    let s_data = m.input("s_data", unsigned(data_bits), "scores, key-major");
    let s_last = m.input("s_last", bit(), "last beat of the row");
    let s_valid = m.input("s_valid", bit(), "beat is valid");
    let row_length = m.input(
        "row_length",
        unsigned(c.length_bits()),
        "keys in the row, taken with its first beat",
    );
    let causal = (rows > 1).then(|| m.input("causal", bit(), CAUSAL));
    let room = m.input("room", bit(), "there is a place in the score buffer");
    let row_room = m.input("row_room", bit(), "another row may be on its way");

    let at_start = m.register_reset("row_starts", bit(), 1);
    let surplus = m.register_reset("surplus", bit(), 0);
    let later = m.not(at_start);
    let startable = m.or(row_room, later);
    let allowed = m.and(room, startable);
    let ready = m.or(allowed, surplus);
    let ready = m.name(ready, "s_ready_now");
    let accepted = m.and(s_valid, ready);
    let accepted = m.name(accepted, "accepted");
    m.update_if(at_start, accepted, s_last);
    let packet = Packet {
        last: s_last,
        accepted,
    };

    let longest = longest_row(&mut m, c, row_length, causal);
    let remaining = remaining_keys(&mut m, c, accepted, s_last, longest);
    let inside = inside_rows(&mut m, c, remaining, causal);
    let (valid, last) = cut_surplus(&mut m, c, &w, &packet, surplus);
    let first = m.and(valid, at_start);
    let error = packet_error(&mut m, c, &packet, at_start, row_length, remaining, surplus);

    m.output("s_ready", ready, "beat is taken");
    m.output("m_scores", s_data, "scores, key-major");
    m.output(
        "m_inside",
        inside,
        "keys that belong to their row, key-major",
    );
    m.output("m_last", last, "last beat of the row");
    m.output("m_valid", valid, "scores are valid");
    m.output("m_first", first, "first beat of the row");
    m.output(
        "error_row_length",
        error,
        "the packet that has ended was not as long as its row, or the row as no row is",
    );
    m.finish()
}

/// What the input `causal` is for.
pub(super) const CAUSAL: &str = "row b of a block has row_length + b keys instead of row_length";

/// The length of the block's longest row, a bit wider where it can be more than `row_length`.
pub(super) fn longest_row(
    m: &mut Builder,
    c: &Configuration,
    row_length: Signal,
    causal: Option<Signal>,
) -> Signal {
    let Some(causal) = causal else {
        return row_length;
    };
    let most = (1_usize << c.length_bits()) + c.query_block - 2;
    let ty = unsigned(ceil_log2(most + 1));
    let length = m.extend(row_length, ty.width());
    let further = m.constant(c.query_block as u64 - 1, ty);
    let none = m.zero(ty);
    let further = m.mux(causal, further, none);
    let longest = m.add(length, further);
    m.name(longest, "longest_row")
}

/// Which keys of the beat in hand are within their rows, key-major, given how many of the longest
/// row are still to come.
pub(super) fn inside_rows(
    m: &mut Builder,
    c: &Configuration,
    remaining: Signal,
    causal: Option<Signal>,
) -> Signal {
    let mut inside = Vec::new();
    for key in 0..c.keys_per_beat {
        let reaches = |m: &mut Builder, index: usize| {
            if index + 1 >= 1 << remaining.width() {
                return m.constant(0, bit());
            }
            let index = m.constant(index as u64, remaining.ty());
            m.gt(remaining, index)
        };
        let within = reaches(m, key);
        let within = m.name(within, format!("inside_{key}"));
        for row in 0..c.query_block {
            inside.push(match causal {
                Some(causal) if row + 1 < c.query_block => {
                    let shorter = reaches(m, key + c.query_block - 1 - row);
                    m.mux(causal, shorter, within)
                }
                _ => within,
            });
        }
    }
    let inside = bus(m, &inside);
    m.name(inside, "inside_now")
}

/// Ends a row where it is full. Gives the beats that go on, and the last one of them.
fn cut_surplus(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    packet: &Packet,
    surplus: Signal,
) -> (Signal, Signal) {
    let wanted = m.not(surplus);
    let valid = m.and(packet.accepted, wanted);
    let valid = m.name(valid, "valid_now");
    let full = if w.beat > 0 {
        let ty = unsigned(w.beat);
        let index = m.register_reset("index", ty, 0);
        let most = m.constant(c.beats(c.max_keys) as u64 - 1, ty);
        let full = m.eq(index, most);
        let full = m.name(full, "row_full");
        let ends = m.or(full, packet.last);
        let one = m.constant(1, ty);
        let following = m.add(index, one);
        let zero = m.zero(ty);
        let next = m.mux(ends, zero, following);
        m.update_if(index, valid, next);
        full
    } else {
        m.constant(1, bit())
    };
    let last = m.or(full, packet.last);
    m.comment("surplus beats follow a full row until the packet ends");
    let full_now = m.or(full, surplus);
    let goes_on = m.not(packet.last);
    let next = m.and(full_now, goes_on);
    m.update_if(surplus, packet.accepted, next);
    (valid, last)
}

/// A pulse after a packet whose row length is none, or that was not as long as its row.
fn packet_error(
    m: &mut Builder,
    c: &Configuration,
    packet: &Packet,
    at_start: Signal,
    row_length: Signal,
    remaining: Signal,
    surplus: Signal,
) -> Signal {
    let illegal = illegal_length(m, c, row_length);
    let held = m.register("illegal_held", bit());
    let illegal = m.mux(at_start, illegal, held);
    let illegal = m.name(illegal, "illegal_row");
    m.update_if(held, packet.accepted, illegal);
    let step = m.constant(c.keys_per_beat as u64, remaining.ty());
    let short = m.gt(remaining, step);
    let wrong = m.or_all(&[illegal, short, surplus]);
    let ends = m.and_all(&[packet.accepted, packet.last, wrong]);
    let error = m.register_reset("error", bit(), 0);
    m.update(error, ends);
    error
}

/// A row length that no row has: 0, or more than `max_keys`.
pub(super) fn illegal_length(m: &mut Builder, c: &Configuration, row_length: Signal) -> Signal {
    let any = m.any(row_length);
    let none = m.not(any);
    let largest = (1_usize << c.length_bits()) - 1;
    if largest == c.max_keys {
        return none;
    }
    let most = m.constant(c.max_keys as u64, row_length.ty());
    let over = m.gt(row_length, most);
    m.or(none, over)
}
