//! Row statistics of the score input: largest score, sum of powers of two, its logarithm.
//!
//! ```text
//!  scores --+--> score buffer --> distance --+--> distance buffer --> closeness, thresholds
//!           |         ^                      |           ^
//!      row_maximum ---+              power_of_two, sum --+
//!                                     row_offset
//! ```
//!
//! A row is passed over three times, each time while the rows after it are at the passes before:
//! when its scores come in, its maximum is found; when they are read back, their distances to it
//! are, and the sum of 2^-distance; when those are read back, the logarithm of the sum has moved
//! the thresholds. The first two passes never stall once a beat is on its way: its place in
//! the buffer behind it, and the row's place in the store behind that, are reserved beforehand.
//! So a pass is a plain pipeline without enables.

mod distance;
mod largest;
mod maximum;
mod offset;
mod pass;
mod power_of_two;
mod store;

use super::accumulator::running_sum;
use super::pipeline::{delayed, delayed_valid, tree};
use super::places::ring;
use super::{Builder, Widths, bit, bus, elastic_register, element, loaded, reserves};
use crate::netlist::{Module, NetlistError, Signal, signed, unsigned};
use distance::score_distance;
use largest::{Found, find_largest};
use logattn_golden::config::{Configuration, Input, Normalize};
use logattn_golden::microarchitecture::{
    distance_buffer_depth, extra_registers, score_buffer_depth, tree_levels, tree_stages,
    wire_registers,
};
use logattn_golden::scores::ScoreFormat;
use maximum::row_maximum;
use offset::row_offset;
use pass::{Beats, InHand, Pass};
use power_of_two::{power_bits, power_of_two};
use store::{RowPoint, elements, fields, row_store};

/// Bits of a threshold as it comes from outside, signed.
pub(super) fn threshold_bits(format: &ScoreFormat) -> u32 {
    format.parameters().distance_bits + 1
}

/// Everything that the passes share.
struct Parts<'a> {
    c: &'a Configuration,
    format: &'a ScoreFormat,
    w: Widths,
    /// A beat of scores is read from its buffer.
    score_read: Signal,
    /// It is its row's last.
    score_end: Signal,
    /// A beat of distances is read from its buffer.
    distance_read: Signal,
    /// It is its row's last.
    distance_end: Signal,
    /// Rows whose last scores have been read.
    summed: RowPoint,
    /// Rows whose last distances have been read.
    left: RowPoint,
    /// The passes over the scores and over the distances.
    scores: Pass,
    distances: Pass,
}

/// From beats of scores to beats of closeness with the thresholds of their row.
///
/// `issue` reserves a place: the beat itself may come later, in the order of the issues.
pub(crate) fn row_statistics(
    c: &Configuration,
    format: &ScoreFormat,
) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "row_statistics",
        "Largest score of a row, sum of powers of two, and the thresholds that move with its\n\
         logarithm; rows overlap.",
    );
    let places = (c.keys_per_beat * c.query_block) as u32;
    let s_scores = m.input(
        "s_scores",
        unsigned(places * c.attention_bits()),
        "scores, key-major",
    );
    let s_inside = m.input(
        "s_inside",
        unsigned(places),
        "keys that belong to their row, key-major",
    );
    let s_last = m.input("s_last", bit(), "last beat of the row");
    let s_valid = m.input("s_valid", bit(), "scores are valid");
    let issue_first = m.input("issue_first", bit(), "a row's first beat is on its way");
    // Without a way to go, a beat comes in the very cycle of its issue.
    let issue = match c.input {
        Input::Qkv => m.input("issue", bit(), "a beat is on its way"),
        _ => s_valid,
    };

    let [score_read, score_end, distance_read, distance_end] =
        ["score_read", "score_end", "distance_read", "distance_end"]
            .map(|name| m.wire(name, bit()));
    let summed = RowPoint::new(&mut m, c, "rows_summed", score_end);
    let left = RowPoint::new(&mut m, c, "rows_left", distance_end);
    let parts = Parts {
        c,
        format,
        w,
        score_read,
        score_end,
        distance_read,
        distance_end,
        summed,
        left,
        scores: Pass::new(&mut m, c, "score", (score_read, score_end), summed),
        distances: Pass::new(&mut m, c, "distance", (distance_read, distance_end), left),
    };
    let started = RowPoint::new(&mut m, c, "rows_started", issue_first);
    let row_room = started.room(&mut m, "row_room", parts.summed);
    let scores = [s_scores, s_inside, s_last, s_valid];
    let waiting = find_maxima(&mut m, &parts, scores)?;

    let word = bus(&mut m, &[s_scores, s_inside]);
    let write = (c.input == Input::Qkv).then_some(s_valid);
    let depth = score_buffer_depth(c);
    let (room, word) = ring(&mut m, c, "score", depth, (issue, write, score_read), word);
    let summable = parts.summed.room(&mut m, "summable", parts.left);
    let distance_room = m.wire("distance_room_now", bit());
    let reads = m.and_all(&[waiting.available, summable, distance_room]);
    m.drive(score_read, reads);
    let ends = m.and(score_read, waiting.beats.last);
    m.drive(score_end, ends);

    let distances = find_distances(&mut m, &parts, waiting.words[0], word)?;
    let depth = distance_buffer_depth(c);
    let ports = (score_read, Some(distances.valid), distance_read);
    let (free, word) = ring(&mut m, c, "distance", depth, ports, distances.word);
    m.drive(distance_room, free);
    let rows = sum_powers(&mut m, &parts, &distances, &waiting.beats)?;
    hand_out(&mut m, &parts, rows, word);
    m.output("room", room, "there is a place in the score buffer");
    m.output("row_room", row_room, "another row may be on its way");
    m.finish()
}

/// First pass: the largest score of each row, for the rows whose scores wait in the buffer.
fn find_maxima(
    m: &mut Builder,
    parts: &Parts,
    [s_scores, s_inside, s_last, s_valid]: [Signal; 4],
) -> Result<InHand, NetlistError> {
    let (c, w) = (parts.c, &parts.w);
    let maximum = m.instance(
        "u_row_maximum",
        &row_maximum(c)?,
        &[
            ("s_scores", s_scores),
            ("s_inside", s_inside),
            ("s_last", s_last),
            ("s_valid", s_valid),
        ],
    );
    let mut known = vec![maximum.output("m_maximum")];
    if w.beat > 0 {
        known.push(maximum.output("m_last_beat"));
    }
    let word = bus(m, &known);
    // From depth 3 on they are in registers already.
    let extra = extra_registers(c) - wire_registers(c);
    let complete = delayed_valid(m, "maximum_known", maximum.output("m_valid"), extra);
    let word = delayed(m, "maximum_word", word, extra);
    let written = RowPoint::new(m, c, "rows_complete", complete);
    let pass = &parts.scores;
    let stored = row_store(m, "row_maximum", complete, (written, pass.taken), word);
    let widths: Vec<u32> = known.iter().map(|field| field.width()).collect();
    let stored = fields(m, stored, &widths);
    let last_index = stored.get(1).map(|last| m.name(*last, "score_last_beat"));
    let available = written.waiting(m, "row_complete", pass.taken);
    Ok(pass.begin(m, available, last_index, &stored[..1]))
}

/// Distances of a beat to their rows' largest scores.
struct Distances {
    /// Closeness of each key, key-major.
    word: Signal,
    inside: Signal,
    valid: Signal,
    /// The beat is its row's last; a pulse.
    ends: Signal,
}

/// Second pass, first half: a beat's word from the score buffer becomes closeness.
fn find_distances(
    m: &mut Builder,
    parts: &Parts,
    maxima: Signal,
    word: Signal,
) -> Result<Distances, NetlistError> {
    let (c, format) = (parts.c, parts.format);
    let (rows, bits) = (c.query_block, c.attention_bits());
    let places = c.keys_per_beat * rows;
    let extra = extra_registers(c);
    let wire = wire_registers(c);
    let maxima = loaded(m, "maxima", parts.score_read, maxima);
    let maxima = delayed(m, "compared_maxima", maxima, extra);
    let word = delayed(m, "compared_word", word, extra);
    let always = m.constant(1, bit());
    let distance = score_distance(format)?;
    let inside = m.slice(word, places as u32 * bits, places as u32);
    let inside = m.name(inside, "word_inside");
    let mut closeness = Vec::new();
    for place in 0..places {
        let (key, row) = (place / rows, place % rows);
        let score = element(m, word, place, bits);
        let score = m.as_signed(score);
        let maximum = element(m, maxima, row, bits);
        let maximum = m.as_signed(maximum);
        let in_row = m.bit(inside, place as u32);
        let ports = [("score", score), ("maximum", maximum)];
        let instance = m.instance(format!("u_distance_{key}_{row}"), &distance, &ports);
        let kept = m.and(instance.output("near"), in_row);
        let kept = delayed(m, &format!("near_{key}_{row}"), kept, wire);
        let found = instance.output("closeness");
        let found = delayed(m, &format!("found_{key}_{row}"), found, wire);
        let pruned = m.zero(found.ty());
        // As a choice, not as a mask, so that it becomes the register's synchronous reset.
        let next = m.mux(kept, found, pruned);
        closeness.push(loaded(m, &format!("closeness_{key}_{row}"), always, next));
    }
    let closeness = bus(m, &closeness);
    Ok(Distances {
        word: m.name(closeness, "closeness"),
        inside: delayed(m, "in_row", inside, 1 + wire),
        valid: delayed_valid(m, "distance_valid", parts.score_read, 2 + extra + wire),
        ends: delayed_valid(m, "distance_ends", parts.score_end, 2 + extra + wire),
    })
}

/// Second pass, second half: powers of two, their sum over the row, its logarithm. Gives the rows
/// whose logarithm is known, with log2 of the sum of each row of the block, and the largest key
/// below the bit that says that there is one.
fn sum_powers(
    m: &mut Builder,
    parts: &Parts,
    distances: &Distances,
    beats: &Beats,
) -> Result<InHand, NetlistError> {
    let (c, format) = (parts.c, parts.format);
    let stages = tree_stages(c, c.keys_per_beat);
    let powers = beat_powers(m, parts, distances)?;
    let stages = stages + 1 + wire_registers(c);
    let add = delayed_valid(m, "power_valid", distances.valid, stages);
    let ends = delayed_valid(m, "power_ends", distances.ends, stages);
    let first = m.register_reset("sum_first", bit(), 1);
    m.update_if(first, add, ends);
    let done = delayed_valid(m, "sum_done", ends, 1);
    let offset = row_offset(format)?;
    let mut offsets = Vec::new();
    let mut known = done;
    for (row, powers) in powers.iter().enumerate() {
        let name = format!("beat_sum_{row}");
        let of_beat = tree(m, &name, tree_levels(c), powers, |m, a, b| {
            let wide = a.width() + 1;
            let (a, b) = (m.extend(a, wide), m.extend(b, wide));
            m.add(a, b)
        });
        let addend = m.extend(of_beat, format.sum_bits());
        let sum = running_sum(m, &format!("sum_{row}"), add, first, addend);
        let ports = [("s_sum", sum), ("s_valid", done)];
        let instance = m.instance(format!("u_offset_{row}"), &offset, &ports);
        offsets.push(instance.output("m_offset"));
        if row == 0 {
            known = instance.output("m_valid");
        } else {
            m.unused(instance.output("m_valid"));
        }
    }
    let offsets = bus(m, &offsets);
    let written = RowPoint::new(m, c, "rows_known", known);
    let pass = &parts.distances;
    let offsets = row_store(m, "row_offset", known, (written, pass.taken), offsets);
    let last_index = beats.last_index.map(|last| {
        let places = (parts.summed, pass.taken);
        row_store(m, "row_last_beat", parts.score_end, places, last)
    });
    let largest = (c.normalize == Normalize::Complement).then(|| {
        let largest = at_maximum(m, parts, distances.word);
        let (extra, wire) = (extra_registers(c), wire_registers(c));
        let found = Found {
            largest: delayed(m, "largest_keys", largest, wire),
            beat: beats
                .index
                .map(|index| delayed(m, "distance_beat", index, 2 + extra + 2 * wire)),
            valid: delayed_valid(m, "largest_valid", distances.valid, wire),
            ends: delayed_valid(m, "largest_ends", distances.ends, wire),
        };
        find_largest(m, c, &found, pass.taken)
    });
    let words: Vec<Signal> = std::iter::once(offsets).chain(largest).collect();
    let available = written.waiting(m, "row_known", pass.taken);
    Ok(pass.begin(m, available, last_index, &words))
}

/// A bit a key: its distance is 0.
fn at_maximum(m: &mut Builder, parts: &Parts, closeness: Signal) -> Signal {
    let bits = parts.format.parameters().distance_bits;
    let largest: Vec<Signal> = elements(m, closeness, bits)
        .into_iter()
        .map(|closeness| m.all(closeness))
        .collect();
    let largest = bus(m, &largest);
    m.name(largest, "largest_keys")
}

/// The powers of two of a beat, registered, by row of the block; 0 for keys beyond the row.
fn beat_powers(
    m: &mut Builder,
    parts: &Parts,
    distances: &Distances,
) -> Result<Vec<Vec<Signal>>, NetlistError> {
    let (c, format) = (parts.c, parts.format);
    let rows = c.query_block;
    let module = power_of_two(c, format)?;
    let inside_powers = delayed(m, "power_in_row", distances.inside, wire_registers(c));
    let always = m.constant(1, bit());
    let mut powers = vec![Vec::new(); rows];
    let closeness = elements(m, distances.word, format.parameters().distance_bits);
    for (place, closeness) in closeness.into_iter().enumerate() {
        let (key, row) = (place / rows, place % rows);
        let ports = [("closeness", closeness)];
        let power = m.instance(format!("u_power_{key}_{row}"), &module, &ports);
        let inside = m.bit(inside_powers, place as u32);
        let none = m.zero(unsigned(power_bits(format)));
        // As a choice, not as a mask, so that it becomes the register's synchronous reset.
        let power = m.mux(inside, power.output("power"), none);
        powers[row].push(loaded(m, &format!("power_{key}_{row}"), always, power));
    }
    Ok(powers)
}

/// Third pass: distances leave with the thresholds of their rows.
///
/// From `pipeline_depth` 3 on a beat is read if its codes have a place behind the quantizer, and
/// does not stall then.
fn hand_out(m: &mut Builder, parts: &Parts, rows: InHand, closeness: Signal) {
    let deep = extra_registers(parts.c) > 0;
    let valid = m.register_reset("next_valid", bit(), 0);
    let (ready, wanted) = if reserves(parts.c) {
        let place = m.input("place", bit(), "there is a place for the beat's codes");
        m.output("reserve", parts.distance_read, "it is taken");
        (None, place)
    } else {
        let m_ready = m.input("m_ready", bit(), "receiver takes the beat");
        let next_taken = m.wire("next_taken", bit());
        let vacant = m.not(valid);
        let wanted = m.or(vacant, next_taken);
        (Some((m_ready, next_taken)), m.name(wanted, "read_wanted"))
    };
    let read = m.and(rows.available, wanted);
    m.drive(parts.distance_read, read);
    let ends = m.and(parts.distance_read, rows.beats.last);
    m.drive(parts.distance_end, ends);
    match ready {
        None => m.update(valid, parts.distance_read),
        Some(_) => m.update_if(valid, wanted, rows.available),
    }

    let last = loaded(m, "next_last", parts.distance_read, rows.beats.last);
    let beat = (rows.beats.index).map(|index| loaded(m, "next_beat", parts.distance_read, index));
    let (offsets, largest) = (rows.words[0], rows.words.get(1));
    let largest = largest.map(|largest| loaded(m, "next_largest", parts.distance_read, *largest));
    let fields = [
        ("closeness", Some(closeness)),
        ("last", Some(last)),
        ("beat", beat),
        ("largest", largest),
    ];
    let m_ready = ready.map(|(m_ready, _)| m_ready);
    let (fields, stage) = elastic_register(m, ("moved", deep), fields, valid, m_ready);
    if let Some((_, next_taken)) = ready {
        m.drive(next_taken, stage.enable);
    }
    let loads = match deep {
        true => stage.enable,
        false => parts.distance_read,
    };
    let moved = move_thresholds(m, parts, offsets, loads);
    let [closeness, last, beat, largest] = fields;
    if let Some(closeness) = closeness {
        m.output(
            "m_closeness",
            closeness,
            "2^distance_bits - 1 less the distance, key-major",
        );
    }
    m.output(
        "m_thresholds",
        moved,
        "what the closeness of codes 1.. exceeds, code 1 of row 0 lowest",
    );
    if let Some(last) = last {
        m.output("m_last", last, "last beat of the row");
    }
    if let Some(beat) = beat {
        m.output("m_beat", beat, "index of the beat in its row");
    }
    if let Some(largest) = largest {
        if parts.w.key > 0 {
            let key = m.slice(largest, 0, parts.w.key);
            m.output("m_largest_key", key, "the row's largest key");
        }
        let nonempty = m.bit(largest, parts.w.key);
        m.output("m_nonempty", nonempty, "the row has keys");
    }
    m.output("m_valid", stage.valid, "beat is valid");
}

/// D_MAX - 1 + threshold + offset for each code and row, what a closeness must exceed: at least 0,
/// and at most D_MAX, which none exceeds. Registers that load when `loads` is high; from
/// `pipeline_depth` 2 on the sum without the thresholds has one in front of them.
fn move_thresholds(m: &mut Builder, parts: &Parts, offsets: Signal, loads: Signal) -> Signal {
    let (c, format) = (parts.c, parts.format);
    let bits = format.parameters().distance_bits;
    let thresholds = m.input(
        "thresholds",
        unsigned(c.levels_count() as u32 * threshold_bits(format)),
        "thresholds of codes 1.., lowest first, signed",
    );
    let ty = signed(bits.max(format.offset_bits()) + 2);
    let most = m.constant((1 << bits) - 2, ty);
    let thresholds: Vec<Signal> = elements(m, thresholds, threshold_bits(format))
        .into_iter()
        .enumerate()
        .map(|(index, threshold)| {
            let threshold = m.as_signed(threshold);
            let threshold = m.name(threshold, format!("threshold_{}", index + 1));
            let threshold = m.extend(threshold, ty.width());
            m.name(threshold, format!("wide_threshold_{}", index + 1))
        })
        .collect();
    let mut moved = Vec::new();
    for (row, offset) in elements(m, offsets, format.offset_bits())
        .into_iter()
        .enumerate()
    {
        let offset = m.extend(offset, ty.width());
        let offset = m.as_signed(offset);
        let base = m.add(offset, most);
        let base = match extra_registers(c) {
            0 => m.name(base, format!("base_{row}")),
            _ => loaded(m, &format!("base_{row}"), parts.distance_read, base),
        };
        for (index, threshold) in thresholds.iter().enumerate() {
            let sum = m.add(base, *threshold);
            let sum = m.as_unsigned(sum);
            let sum = m.name(sum, format!("moved_{row}_{}", index + 1));
            let high = m.slice(sum, bits, ty.width() - bits);
            let out_of_reach = m.any(high);
            let low = m.slice(sum, 0, bits);
            let unreachable = m.constant((1 << bits) - 1, unsigned(bits));
            let next = m.mux(out_of_reach, unreachable, low);
            let name = format!("moved_threshold_{row}_{}", index + 1);
            moved.push(loaded(m, &name, loads, next));
        }
    }
    bus(m, &moved)
}
