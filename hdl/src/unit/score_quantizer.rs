//! From distances to codes: the quantizer of the score input.

use super::pipeline::{delayed, delayed_valid};
use super::quantizer::thermometer_code;
use super::{
    Builder, Widths, bit, bus, elastic_register, elastic_stage, element, loaded, reserves,
};
use crate::netlist::{Module, NetlistError, Signal, unsigned};
use logattn_golden::config::{Configuration, Normalize};
use logattn_golden::microarchitecture::{extra_registers, wire_registers};
use logattn_golden::scores::ScoreFormat;

/// One key against every threshold of its row: the code is the number of moved thresholds that
/// its closeness exceeds.
///
/// The thresholds do not decrease, so one comparison, made before ([`upper_half`]), tells in which
/// half the code is, and the others look only there. These form a thermometer that is read off by
/// binary search; from `pipeline_depth` 3 on it is registered in between.
fn comparator_ladder(c: &Configuration, format: &ScoreFormat) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "comparator_ladder",
        "Code of one key: the number of moved thresholds that its closeness exceeds.",
    );
    let bits = format.parameters().distance_bits;
    let closeness = m.input(
        "closeness",
        unsigned(bits),
        "2^distance_bits - 1 less the distance to the largest score",
    );
    let upper = m.input("upper", bit(), "the closeness exceeds the middle threshold");
    let thresholds = m.input(
        "thresholds",
        unsigned(c.levels_count() as u32 * bits),
        "moved thresholds of codes 1.., lowest first, non-decreasing",
    );
    let middle = c.levels_count() / 2;
    let unread = element(&mut m, thresholds, middle, bits);
    m.comment("the middle one, which has been compared");
    m.unused(unread);
    let inverted: Vec<Signal> = (0..c.levels_count())
        .map(|level| {
            let threshold = element(&mut m, thresholds, level, bits);
            m.not(threshold)
        })
        .collect();
    let halves = inverted[..middle].iter().zip(&inverted[middle + 1..]);
    let thermometer: Vec<Signal> = halves
        .enumerate()
        .map(|(index, (lower, higher))| {
            let inverted = m.mux(upper, *higher, *lower);
            exceeds(&mut m, closeness, inverted, index + 1)
        })
        .collect();
    let wire = wire_registers(c);
    let thermometer = (thermometer.into_iter().enumerate())
        .map(|(index, exceeds)| delayed(&mut m, &format!("exceeded_{}", index + 1), exceeds, wire))
        .collect();
    let upper = delayed(&mut m, "is_upper", upper, wire);
    let lower = thermometer_code(&mut m, thermometer);
    let code = m.concat(&[upper, lower]);
    m.output("code", code, "0 = pruned");
    m.finish()
}

/// Whether the closeness exceeds the middle threshold: the code is in the upper half.
fn upper_half(
    m: &mut Builder,
    c: &Configuration,
    (closeness, thresholds): (Signal, Signal),
    name: String,
) -> Signal {
    let middle = element(m, thresholds, c.levels_count() / 2, closeness.width());
    let upper = m.gt(closeness, middle);
    m.name(upper, name)
}

/// closeness > threshold, as the carry of closeness + ~threshold: the choice of the threshold fits
/// into the adder's own logic, which it would not in front of a comparison.
fn exceeds(m: &mut Builder, closeness: Signal, inverted: Signal, place: usize) -> Signal {
    let bits = closeness.width();
    let wide = m.extend(closeness, bits + 1);
    let inverted = m.extend(inverted, bits + 1);
    let sum = m.add(wide, inverted);
    let sum = m.name(sum, format!("sum_{place}"));
    let low = m.slice(sum, 0, bits);
    m.unused(low);
    let carry = m.bit(sum, bits);
    m.name(carry, format!("exceeds_{place}"))
}

/// What `normalize = "complement"` carries beside the codes.
struct Largest {
    key: Option<Signal>,
    nonempty: Signal,
}

/// The codes of a beat, one register stage deep; from `pipeline_depth` 2 on there is another one
/// behind the first comparison, and from 3 on one behind the others; nothing stalls then.
///
/// Outputs `survive`, a bit a key: the key has to be visited because at least one row of the block
/// kept it. With `normalize = "complement"` the row's largest key is left out there: it goes first
/// and beside its beat.
pub(crate) fn score_quantizer(
    c: &Configuration,
    format: &ScoreFormat,
) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new(
        "quantizer",
        "Codes of one beat of scores, by their distances to the largest of their rows.",
    );
    let (rows, keys) = (c.query_block, c.keys_per_beat);
    let bits = format.parameters().distance_bits;
    let s_closeness = m.input(
        "s_closeness",
        unsigned((keys * rows) as u32 * bits),
        "2^distance_bits - 1 less the distance, key-major",
    );
    let row_thresholds = c.levels_count() as u32 * bits;
    let s_thresholds = m.input(
        "s_thresholds",
        unsigned(rows as u32 * row_thresholds),
        "what the closeness of codes 1.. exceeds, code 1 of row 0 lowest",
    );
    let s_last = m.input("s_last", bit(), "last beat of the row");
    let s_beat =
        (w.beat > 0).then(|| m.input("s_beat", unsigned(w.beat), "index of the beat in its row"));
    let largest = (c.normalize == Normalize::Complement).then(|| Largest {
        key: (w.key > 0)
            .then(|| m.input("s_largest_key", unsigned(w.key), "the row's largest key")),
        nonempty: m.input("s_nonempty", bit(), "the row has keys"),
    });
    let s_valid = m.input("s_valid", bit(), "beat is valid");
    // Nothing stalls where the codes have a place beforehand.
    let m_ready = (!reserves(c)).then(|| m.input("m_ready", bit(), "receiver takes the codes"));

    let uppers: Vec<Signal> = (0..keys * rows)
        .map(|place| {
            let (key, row) = (place / rows, place % rows);
            let closeness = element(&mut m, s_closeness, place, bits);
            let thresholds = element(&mut m, s_thresholds, row, row_thresholds);
            let pair = (closeness, thresholds);
            upper_half(&mut m, c, pair, format!("upper_{key}_{row}"))
        })
        .collect();
    let uppers_now = bus(&mut m, &uppers);
    let uppers_now = m.name(uppers_now, "upper_halves");
    let compared_taken = m_ready.map(|_| m.wire("compared_taken", bit()));
    let fields = [
        ("closeness", Some(s_closeness)),
        ("thresholds", Some(s_thresholds)),
        ("uppers", Some(uppers_now)),
        ("last", Some(s_last)),
        ("beat", s_beat),
        (
            "largest_key",
            largest.as_ref().and_then(|largest| largest.key),
        ),
        ("nonempty", largest.as_ref().map(|largest| largest.nonempty)),
    ];
    let wanted = ("compared", extra_registers(c) > 0);
    let (fields, before) = elastic_register(&mut m, wanted, fields, s_valid, compared_taken);
    // As the comparators' results are.
    let wire = wire_registers(c);
    let compared = delayed_valid(&mut m, "exceeded_valid", before.valid, wire);
    let stage = elastic_stage(&mut m, "codes", compared, m_ready);
    if let Some(taken) = compared_taken {
        m.drive(taken, stage.enable);
    }
    let [
        closeness,
        thresholds,
        uppers,
        last,
        beat,
        largest_key,
        nonempty,
    ] = fields;
    let [s_closeness, s_thresholds, uppers] = [
        (closeness, s_closeness),
        (thresholds, s_thresholds),
        (uppers, uppers_now),
    ]
    .map(|(behind, before)| behind.unwrap_or(before));
    let (s_last, s_beat) = (last.unwrap_or(s_last), beat);
    let largest = nonempty.map(|nonempty| Largest {
        key: largest_key,
        nonempty,
    });
    let ladder = comparator_ladder(c, format)?;
    let thresholds: Vec<Signal> = (0..rows)
        .map(|row| element(&mut m, s_thresholds, row, row_thresholds))
        .collect();
    let (mut codes, mut survive) = (Vec::new(), Vec::new());
    for key in 0..keys {
        let mut kept = Vec::new();
        for (row, thresholds) in thresholds.iter().enumerate() {
            let place = key * rows + row;
            let closeness = element(&mut m, s_closeness, place, bits);
            let upper = m.bit(uppers, place as u32);
            let ports = [
                ("closeness", closeness),
                ("upper", upper),
                ("thresholds", *thresholds),
            ];
            let code = m
                .instance(format!("u_coder_{key}_{row}"), &ladder, &ports)
                .output("code");
            kept.push(m.any(code));
            codes.push(code);
        }
        let kept = m.or_all(&kept);
        survive.push(match &largest {
            Some(largest) => {
                let other = is_other(&mut m, c, largest, s_beat, key);
                let other = delayed(&mut m, &format!("other_{key}"), other, wire);
                m.and(kept, other)
            }
            None => kept,
        });
    }

    let largest = largest.map(|largest| Largest {
        key: (largest.key).map(|key| delayed(&mut m, "exceeded_largest_key", key, wire)),
        nonempty: delayed(&mut m, "exceeded_nonempty", largest.nonempty, wire),
    });
    let s_last = delayed(&mut m, "exceeded_last", s_last, wire);
    let s_beat = s_beat.map(|beat| delayed(&mut m, "exceeded_beat", beat, wire));
    let codes = bus(&mut m, &codes);
    let codes = loaded(&mut m, "codes", stage.enable, codes);
    let survive = bus(&mut m, &survive);
    let survive = loaded(&mut m, "survive", stage.enable, survive);
    let last = loaded(&mut m, "last", stage.enable, s_last);
    if m_ready.is_some() {
        m.output("s_ready", before.enable, "beat is taken");
    }
    m.output("m_codes", codes, "codes, key-major");
    m.output("m_survive", survive, "keys that have to be visited");
    if let Some(beat) = s_beat {
        let beat = loaded(&mut m, "beat", stage.enable, beat);
        m.output("m_beat", beat, "index of the beat in its row");
    }
    m.output("m_last", last, "last beat of the row");
    if let Some(largest) = largest {
        pass_largest(&mut m, c, &ladder, stage.enable, thresholds[0], largest);
    }
    m.output("m_valid", stage.valid, "codes are valid");
    m.finish()
}

/// Whether key `place` of the beat in hand is not the row's largest.
fn is_other(
    m: &mut Builder,
    c: &Configuration,
    largest: &Largest,
    beat: Option<Signal>,
    place: usize,
) -> Signal {
    let Some(key) = largest.key else {
        // The only key there is.
        return m.constant(0, bit());
    };
    let place_bits = c.keys_per_beat.ilog2();
    let place = (place_bits > 0).then(|| m.constant(place as u64, unsigned(place_bits)));
    let parts: Vec<Signal> = beat.into_iter().chain(place).collect();
    let here = m.concat(&parts);
    m.ne(key, here)
}

/// The largest key and its code, which is that of the distance 0.
fn pass_largest(
    m: &mut Builder,
    c: &Configuration,
    ladder: &Module,
    enable: Signal,
    thresholds: Signal,
    largest: Largest,
) {
    let bits = thresholds.width() / c.levels_count() as u32;
    let closest = m.constant((1 << bits) - 1, unsigned(bits));
    let upper = upper_half(m, c, (closest, thresholds), "upper_largest".to_string());
    let ports = [
        ("closeness", closest),
        ("upper", upper),
        ("thresholds", thresholds),
    ];
    let code = m.instance("u_largest_coder", ladder, &ports).output("code");
    let code = loaded(m, "largest_code", enable, code);
    if let Some(key) = largest.key {
        let key = loaded(m, "largest_key", enable, key);
        m.output("m_largest_key", key, "the row's largest key");
    }
    let nonempty = loaded(m, "nonempty", enable, largest.nonempty);
    m.output("m_largest_code", code, "code of the row's largest key");
    m.output("m_nonempty", nonempty, "the row has keys");
}
