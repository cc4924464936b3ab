//! From probabilities to codes: a ladder of comparators for each value of a beat.

use super::{
    Builder, Widths, bit, bus, ceil_log2, elastic_register, elastic_stage, element, loaded,
};
use crate::netlist::{Module, NetlistError, Signal, unsigned};
use logattn_golden::config::{Accumulate, Configuration};
use logattn_golden::microarchitecture::extra_registers;

/// One value against every threshold: the thresholds do not decrease, so the comparisons form a
/// thermometer.
fn comparator_ladder(c: &Configuration) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "comparator_ladder",
        "One probability against every threshold: those at or below it (ties survive).",
    );
    let levels = c.levels_count();
    let value = m.input(
        "value",
        unsigned(c.probability_bits),
        "probability, unsigned fraction",
    );
    let thresholds = m.input(
        "thresholds",
        unsigned(levels as u32 * c.probability_bits),
        "thresholds of codes 1.., lowest first, non-decreasing",
    );
    let thermometer: Vec<Signal> = (0..levels)
        .map(|level| {
            let threshold = element(&mut m, thresholds, level, c.probability_bits);
            let reaches = m.ge(value, threshold);
            m.name(reaches, format!("reaches_{}", level + 1))
        })
        .collect();
    let thermometer = bus(&mut m, &thermometer);
    m.output(
        "reached",
        thermometer,
        "a bit a threshold, the lowest first",
    );
    m.finish()
}

/// The code that a thermometer of comparisons stands for: the number of its ones.
fn thermometer_decoder(c: &Configuration) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "thermometer_decoder",
        "Code of one probability: the number of thresholds that it reaches.",
    );
    let levels = c.levels_count() as u32;
    let reached = m.input(
        "reached",
        unsigned(levels),
        "a bit a threshold, the lowest first; none follows a 0",
    );
    let thermometer = (0..levels).map(|level| m.bit(reached, level)).collect();
    let code = thermometer_code(&mut m, thermometer);
    m.output("code", code, "0 = pruned");
    m.finish()
}

/// The number of ones of a thermometer of 2^n - 1 comparisons, by binary search.
pub(super) fn thermometer_code(m: &mut Builder, mut thermometer: Vec<Signal>) -> Signal {
    let bits = ceil_log2(thermometer.len() + 1);
    let mut code = Vec::new();
    while !thermometer.is_empty() {
        let half = thermometer.len() / 2;
        let bit = bits - 1 - code.len() as u32;
        let upper = m.name(thermometer[half], format!("code_{bit}"));
        code.push(upper);
        thermometer = (0..half)
            .map(|i| m.mux(upper, thermometer[half + 1 + i], thermometer[i]))
            .collect();
    }
    m.concat(&code)
}

/// The int8 twin's conversion: the probability rounded to 8 bits, saturating at 255.
fn linear_rounding(c: &Configuration) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "linear_rounding",
        "Probability rounded half up to 8 bits, saturating at 255.",
    );
    let value = m.input(
        "value",
        unsigned(c.probability_bits),
        "probability, unsigned fraction",
    );
    let dropped = c.probability_bits - 8;
    let wide = m.extend(value, c.probability_bits + 1);
    let half = m.constant(1 << (dropped - 1), unsigned(c.probability_bits + 1));
    let rounded = m.add(wide, half);
    let rounded = m.name(rounded, "rounded");
    let remainder = m.slice(rounded, 0, dropped);
    m.comment("the rounded-off bits");
    m.unused(remainder);
    let overflow = m.bit(rounded, c.probability_bits);
    let kept = m.slice(rounded, dropped, 8);
    let largest = m.constant(255, unsigned(8));
    let code = m.mux(overflow, largest, kept);
    m.output("code", code, "0..255");
    m.finish()
}

/// The keys of a row that are still to come, at the beat in hand: `row_length` at the row's first
/// beat, less `keys_per_beat` for every beat after it.
pub(super) fn remaining_keys(
    m: &mut Builder,
    c: &Configuration,
    accepted: Signal,
    last: Signal,
    row_length: Signal,
) -> Signal {
    let ty = row_length.ty();
    let at_start = m.register_reset("at_start", bit(), 1);
    m.update_if(at_start, accepted, last);
    let carried = m.register("remaining_carried", ty);
    let remaining = m.mux(at_start, row_length, carried);
    let remaining = m.name(remaining, "remaining");
    let step = m.constant(c.keys_per_beat as u64, ty);
    let more = m.gt(remaining, step);
    let fewer = m.sub(remaining, step);
    let none = m.zero(ty);
    let next = m.mux(more, fewer, none);
    m.update_if(carried, accepted, next);
    remaining
}

/// The codes of a beat (`keys_per_beat` keys of `query_block` rows), with the keys at or beyond the
/// row's length masked, one register stage deep; from `pipeline_depth` 2 on there is another one
/// behind the comparisons.
///
/// Outputs `survive`, a bit a key: the key has to be visited because at least one row of the block
/// kept it (the int8 twin visits every key of the row).
pub(crate) fn quantizer(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "quantizer",
        "Codes of one beat of probabilities; keys at or beyond the row's length never survive.",
    );
    let data_bits = (c.keys_per_beat * c.query_block) as u32 * c.probability_bits;
    let s_data = m.input("s_data", unsigned(data_bits), "probabilities, key-major");
    let s_last = m.input("s_last", bit(), "last beat of the row");
    let s_valid = m.input("s_valid", bit(), "beat is valid");
    let row_length = m.input(
        "row_length",
        unsigned(c.length_bits()),
        "keys in the row, taken with its first beat",
    );
    let compared = compare(&mut m, c, s_data)?;
    let m_ready = m.input("m_ready", bit(), "receiver takes the codes");

    let taken = m.wire("taken", bit());
    let accepted = m.and(s_valid, taken);
    let accepted = m.name(accepted, "accepted");
    let remaining = remaining_keys(&mut m, c, accepted, s_last, row_length);
    let inside: Vec<Signal> = (0..c.keys_per_beat)
        .map(|key| {
            let index = m.constant(key as u64, remaining.ty());
            let inside = m.gt(remaining, index);
            m.name(inside, format!("inside_{key}"))
        })
        .collect();
    let inside_row = bus(&mut m, &inside);
    let inside_row = m.name(inside_row, "beat_inside");
    let beat = (w.beat > 0).then(|| beat_index(&mut m, w.beat, accepted, s_last));
    let compared_taken = m.wire("compared_taken", bit());
    let fields = [
        ("places", Some(compared)),
        ("inside", Some(inside_row)),
        ("last", Some(s_last)),
        ("beat", beat),
    ];
    let wanted = ("compared", extra_registers(c) > 0);
    let (fields, before) = elastic_register(&mut m, wanted, fields, s_valid, compared_taken);
    m.drive(taken, before.enable);
    let stage = elastic_stage(&mut m, "codes", before.valid, m_ready);
    m.drive(compared_taken, stage.enable);
    let [places, inside, last, beat] = fields;
    let (places, inside) = (places.unwrap_or(compared), inside.unwrap_or(inside_row));
    let (codes, survive) = masked_codes(&mut m, c, places, inside)?;

    let codes = loaded(&mut m, "codes", stage.enable, codes);
    let survive = loaded(&mut m, "survive", stage.enable, survive);
    let last = loaded(&mut m, "last", stage.enable, last.unwrap_or(s_last));
    m.output("s_ready", taken, "beat is taken");
    m.output("m_codes", codes, "codes, key-major");
    m.output("m_survive", survive, "keys that have to be visited");
    if let Some(beat) = beat {
        let beat = loaded(&mut m, "beat", stage.enable, beat);
        m.output("m_beat", beat, "index of the beat in its row");
    }
    m.output("m_last", last, "last beat of the row");
    m.output("m_valid", stage.valid, "codes are valid");
    m.output(
        "inside_row",
        inside_row,
        "keys of the beat in hand that belong to the row (for the counters)",
    );
    m.output(
        "accepted",
        accepted,
        "a beat is taken in this cycle (for the counters)",
    );
    m.finish()
}

/// What the comparisons say of each place of a beat: a thermometer, of the twin the code itself.
fn compare(m: &mut Builder, c: &Configuration, s_data: Signal) -> Result<Signal, NetlistError> {
    let places = c.keys_per_beat * c.query_block;
    let twin = c.accumulate == Accumulate::Multiply;
    let thresholds = (!twin).then(|| {
        let bits = c.levels_count() as u32 * c.probability_bits;
        m.input(
            "thresholds",
            unsigned(bits),
            "thresholds of codes 1.., lowest first",
        )
    });
    let (coder, output) = match twin {
        true => (linear_rounding(c)?, "code"),
        false => (comparator_ladder(c)?, "reached"),
    };
    let compared: Vec<Signal> = (0..places)
        .map(|place| {
            let (key, row) = (place / c.query_block, place % c.query_block);
            let value = element(m, s_data, place, c.probability_bits);
            let mut connections = vec![("value", value)];
            connections.extend(thresholds.map(|t| ("thresholds", t)));
            let name = format!("u_coder_{key}_{row}");
            m.instance(name, &coder, &connections).output(output)
        })
        .collect();
    let compared = bus(m, &compared);
    Ok(m.name(compared, "beat_compared"))
}

/// The codes of the places that are inside their row, 0 for the others, and the keys that survive.
fn masked_codes(
    m: &mut Builder,
    c: &Configuration,
    places: Signal,
    inside: Signal,
) -> Result<(Signal, Signal), NetlistError> {
    let twin = c.accumulate == Accumulate::Multiply;
    let bits = places.width() / (c.keys_per_beat * c.query_block) as u32;
    let decoder = match twin {
        true => None,
        false => Some(thermometer_decoder(c)?),
    };
    let (mut codes, mut survive) = (Vec::new(), Vec::new());
    for key in 0..c.keys_per_beat {
        let inside = m.bit(inside, key as u32);
        let mut kept = Vec::new();
        for row in 0..c.query_block {
            let place = element(m, places, key * c.query_block + row, bits);
            let code = match &decoder {
                Some(decoder) => m
                    .instance(
                        format!("u_decoder_{key}_{row}"),
                        decoder,
                        &[("reached", place)],
                    )
                    .output("code"),
                None => place,
            };
            let mask = m.replicate(inside, code.width());
            let masked = m.and(code, mask);
            let masked = m.name(masked, format!("masked_{key}_{row}"));
            kept.push(m.any(masked));
            codes.push(masked);
        }
        survive.push(if twin { inside } else { m.or_all(&kept) });
    }
    Ok((bus(m, &codes), bus(m, &survive)))
}

/// The index of the beat in hand in its row.
fn beat_index(m: &mut Builder, width: u32, accepted: Signal, last: Signal) -> Signal {
    let index = m.register_reset("index", unsigned(width), 0);
    let one = m.constant(1, unsigned(width));
    let following = m.add(index, one);
    let zero = m.zero(unsigned(width));
    let next = m.mux(last, zero, following);
    m.update_if(index, accepted, next);
    index
}
