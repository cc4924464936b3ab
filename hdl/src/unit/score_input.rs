//! Beats of scores from outside: which keys belong to the row, and what is wrong with a packet.

use super::quantizer::remaining_keys;
use super::row_lengths::{CAUSAL, illegal_length, inside_rows, longest_row, partial_beat};
use super::{Builder, Widths, bit};
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
        "keys in the row (in row 0 of the block), taken with its first beat",
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
    let cut = cut_surplus(&mut m, c, &w, &packet, surplus);
    let beyond = partial_beat(c).map(|keys| (keys, cut.full));
    let inside = inside_rows(&mut m, c, remaining, causal, beyond);
    let first = m.and(cut.valid, at_start);
    let illegal = illegal_length(&mut m, c, row_length, longest);
    let error = packet_error(&mut m, c, &packet, at_start, illegal, remaining, surplus);

    m.output("s_ready", ready, "beat is taken");
    m.output("m_scores", s_data, "scores, key-major");
    m.output(
        "m_inside",
        inside,
        "keys that belong to their row, key-major",
    );
    m.output("m_last", cut.last, "last beat of the row");
    m.output("m_valid", cut.valid, "scores are valid");
    m.output("m_first", first, "first beat of the row");
    m.output(
        "error_row_length",
        error,
        "the packet that has ended had a length that no row has, was shorter than its row or too long",
    );
    m.finish()
}

/// A packet without its surplus beats.
struct Cut {
    /// The beat in hand goes on.
    valid: Signal,
    /// It is the last that does.
    last: Signal,
    /// It is the last that a full row has.
    full: Signal,
}

/// Ends a row where it is full.
fn cut_surplus(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    packet: &Packet,
    surplus: Signal,
) -> Cut {
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
    Cut { valid, last, full }
}

/// A pulse after a packet whose row length no row has, that ended before its row or had surplus
/// beats.
fn packet_error(
    m: &mut Builder,
    c: &Configuration,
    packet: &Packet,
    at_start: Signal,
    illegal: Signal,
    remaining: Signal,
    surplus: Signal,
) -> Signal {
    let held = m.register("illegal_held", bit());
    let illegal = m.mux(at_start, illegal, held);
    let illegal = m.name(illegal, "illegal_row");
    m.update_if(held, packet.accepted, illegal);
    let step = m.constant(c.keys_per_beat as u64, remaining.ty());
    let short = m.gt(remaining, step);
    let short = m.name(short, "packet_is_short");
    let wrong = m.or_all(&[illegal, short, surplus]);
    let ends = m.and_all(&[packet.accepted, packet.last, wrong]);
    let error = m.register_reset("error", bit(), 0);
    m.update(error, ends);
    error
}
