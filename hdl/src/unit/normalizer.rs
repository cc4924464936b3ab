//! From the sums of finished rows to the beats of `m_axis_out`.
//!
//! A finished block is copied out of the accumulator, so that the next one can start at once, and
//! leaves `output_lanes` values a beat; from `pipeline_depth` 3 on into a queue that has a place for
//! it, so that nothing on the way stalls. In bucket mode the buckets of those lanes are combined with
//! the levels on the way; with `normalize = "reciprocal"` the first beat waits for the reciprocal.
//! With `normalize = "complement"` every row's denominator is the same power of two, so that there
//! is no normalizer: the sums are rounded on the way.

use super::complement_rounding::round;
use super::level_combination::{combine, combine_counts};
use super::quotient::divide;
use super::reciprocal::reciprocal;
use super::reserved_queue::reserved_queue;
use super::{
    Builder, bit, bus, ceil_log2, choose, elastic_stage, element, loaded, padded, reserves,
};
use crate::netlist::{Module, NetlistError, Signal, unsigned};
use logattn_golden::config::{Accumulate, Configuration, Normalize};
use logattn_golden::microarchitecture::{division_cycles, extra_registers, preparation_cycles};
use logattn_golden::reciprocal::ReciprocalFormat;

/// A valid/ready stream whose `ready` is still to be driven by the next stage; one without it never
/// stalls.
pub(super) struct Flow {
    pub valid: Signal,
    pub ready: Option<Signal>,
}

impl Flow {
    /// Puts an elastic stage behind this stream; gives its load enable and the stream after it.
    pub(super) fn stage(self, m: &mut Builder, name: &str) -> (Signal, Flow) {
        let ready = (self.ready).map(|_| m.wire(format!("{name}_taken"), bit()));
        let stage = elastic_stage(m, name, self.valid, ready);
        if let Some(before) = self.ready {
            m.drive(before, stage.enable);
        }
        (
            stage.enable,
            Flow {
                valid: stage.valid,
                ready,
            },
        )
    }
}

/// One beat on its way out.
pub(super) struct Beat {
    /// `output_lanes` sums, each still a set of buckets before [`combine`].
    pub values: Vec<Signal>,
    pub normalizer: Signal,
    /// Reciprocal of the normalizer, and the normalizer's left shift.
    pub reciprocal: Option<(Signal, Signal)>,
    /// Last beat of its row.
    pub last: Signal,
}

/// Bits of one lane's sum, and of one row's normalizer, as the accumulator hands them over.
fn incoming_bits(c: &Configuration) -> (u32, u32) {
    match c.accumulate {
        Accumulate::Bucket => {
            let levels = c.levels_count() as u32;
            (levels * c.bucket_bits(), levels * c.count_bits())
        }
        Accumulate::Shift | Accumulate::Sorted | Accumulate::Multiply => {
            (c.accumulator_bits(), c.normalizer_bits())
        }
    }
}

/// Bits of a beat on the output stream: every field padded to whole bytes, the normalizer last
/// (`normalize = "none"`).
pub(crate) fn output_data_bits(c: &Configuration) -> u32 {
    let lanes = c.output_lanes as u32;
    match c.output_bits {
        Some(bits) => lanes * padded(bits),
        None => lanes * padded(c.accumulator_bits()) + padded(c.normalizer_bits()),
    }
}

/// The normalizer: takes a block of rows, gives beats of the output stream.
pub(crate) fn normalizer(c: &Configuration) -> Result<Module, NetlistError> {
    let (sum_bits, count_bits) = incoming_bits(c);
    let mut m = Builder::new(
        "normalizer",
        "Hands finished rows out, normalized if the configuration says so.",
    );
    let rows = c.query_block;
    let s_sums = m.input(
        "s_sums",
        unsigned((rows * c.lanes) as u32 * sum_bits),
        "sums of the finished rows",
    );
    let s_normalizers = (c.normalize != Normalize::Complement).then(|| {
        m.input(
            "s_normalizers",
            unsigned(rows as u32 * count_bits),
            "normalizers of the finished rows",
        )
    });
    let s_excess = (c.normalize == Normalize::Complement && c.accumulate == Accumulate::Sorted)
        .then(|| {
            let bits = sum_bits - c.max_shift.unwrap_or(0);
            m.input("s_excess", unsigned(bits), EXCESS)
        });
    let s_valid = m.input("s_valid", bit(), "rows are finished");
    let levels = (c.accumulate == Accumulate::Bucket).then(|| {
        let bits = c.levels_count() as u32 * c.level_bits.unwrap_or(1);
        m.input(
            "levels",
            unsigned(bits),
            "level of codes 1.., lowest code first",
        )
    });
    let m_ready = m.input("m_ready", bit(), "receiver takes the beat");

    let held = hold(&mut m, c, s_sums, (s_normalizers, s_excess), s_valid);
    let (reserve, place) = (held.leaves, held.place);
    let (fields, last, flow) = match held.normalizers {
        Some(normalizers) => normalize(&mut m, c, held, normalizers, levels)?,
        None => {
            let group = select_group(&mut m, &held);
            let values = group_lanes(&mut m, c, group);
            round(&mut m, c, (&values, held.excess), held.last, held.flow)?
        }
    };
    let fields: Vec<Signal> = fields
        .into_iter()
        .map(|field| {
            let wide = m.extend(field, padded(field.width()));
            m.as_unsigned(wide)
        })
        .collect();
    let data = bus(&mut m, &fields);
    let (data, last, valid) = match (flow.ready, place) {
        (Some(ready), _) => {
            m.drive(ready, m_ready);
            (data, last, flow.valid)
        }
        (None, place) => {
            let word = bus(&mut m, &[data, last]);
            let ports = [
                ("s_reserve", reserve),
                ("s_data", word),
                ("s_valid", flow.valid),
                ("m_ready", m_ready),
            ];
            let module = reserved_queue(c, "beat", word.width())?;
            let queue = m.instance("u_beat_queue", &module, &ports);
            if let Some(place) = place {
                m.drive(place, queue.output("room"));
            }
            let word = queue.output("m_data");
            let bits = data.width();
            (
                m.slice(word, 0, bits),
                m.slice(word, bits, 1),
                queue.output("m_valid"),
            )
        }
    };
    m.output(
        "m_data",
        data,
        "output values, lane 0 lowest; each field padded to bytes",
    );
    m.output("m_last", last, "last beat of the row");
    m.output("m_valid", valid, "beat is valid");
    m.finish()
}

/// The fields of the beats on their way out, what says that a beat is its row's last, and their
/// stream: quotients, or sums and normalizer.
fn normalize(
    m: &mut Builder,
    c: &Configuration,
    held: Held,
    normalizers: Signal,
    levels: Option<Signal>,
) -> Result<(Vec<Signal>, Signal, Flow), NetlistError> {
    let normalizers = row_normalizers(m, c, normalizers, levels);
    let reciprocals = row_reciprocals(m, c, &held, &normalizers)?;
    let mut beat = select_beat(m, c, &held, &normalizers, &reciprocals);
    let mut flow = held.flow;
    if let Some(levels) = levels {
        (beat, flow) = combine(m, c, beat, levels, flow);
    }
    Ok(match (ReciprocalFormat::of(c), beat.reciprocal) {
        (Some(format), Some(reciprocal)) => divide(m, &format, beat, reciprocal, flow),
        _ => {
            let mut fields = beat.values;
            fields.push(beat.normalizer);
            (fields, beat.last, flow)
        }
    })
}

/// Of sorted accumulation with `normalize = "complement"`.
pub(super) const EXCESS: &str =
    "what the sums are too high by, without its max_shift lowest bits, which are 0";

/// The block that is being handed out.
struct Held {
    sums: Signal,
    /// Absent with `normalize = "complement"`.
    normalizers: Option<Signal>,
    /// See [`EXCESS`].
    excess: Option<Signal>,
    /// Beats of the block.
    beats: usize,
    /// Index of the beat that is next; absent when a block is one beat.
    beat: Option<Signal>,
    /// The beat is the last one of its row.
    last: Signal,
    /// Cycles until the first beat may leave; absent when it may leave at once.
    countdown: Option<Signal>,
    /// A beat leaves.
    leaves: Signal,
    /// To be driven: there is a place for it behind what never stalls; absent where a beat may
    /// stall on its way.
    place: Option<Signal>,
    flow: Flow,
}

/// Captures a block as soon as the one before it has left; counts its beats.
fn hold(
    m: &mut Builder,
    c: &Configuration,
    s_sums: Signal,
    (s_normalizers, s_excess): (Option<Signal>, Option<Signal>),
    s_valid: Signal,
) -> Held {
    let beats = c.query_block * c.lanes / c.output_lanes;
    let valid = m.register_reset("held_valid", bit(), 0);
    let taken = m.wire("beat_taken", bit());
    let preparation = preparation_cycles(c);
    let countdown = (preparation > 0).then(|| {
        let bits = ceil_log2(preparation as usize + 1);
        m.register("countdown", unsigned(bits))
    });
    let offered = match countdown {
        Some(countdown) => {
            let waiting = m.any(countdown);
            let prepared = m.not(waiting);
            let offered = m.and(valid, prepared);
            m.name(offered, "offered")
        }
        None => valid,
    };
    let leaves = m.and(offered, taken);
    let leaves = m.name(leaves, "beat_leaves");

    let beat = (beats > 1).then(|| m.register_reset("beat", unsigned(ceil_log2(beats)), 0));
    let empties = match beat {
        Some(beat) => {
            let final_beat = m.constant(beats as u64 - 1, beat.ty());
            let is_final = m.eq(beat, final_beat);
            let is_final = m.name(is_final, "final_beat");
            let one = m.constant(1, beat.ty());
            let following = m.add(beat, one);
            let zero = m.zero(beat.ty());
            let next = m.mux(is_final, zero, following);
            m.update_if(beat, leaves, next);
            let empties = m.and(leaves, is_final);
            m.name(empties, "empties")
        }
        None => leaves,
    };
    let vacant = m.not(valid);
    let vacant = m.name(vacant, "vacant");
    let changes = m.or(vacant, empties);
    let changes = m.name(changes, "changes");
    let ready = match extra_registers(c) {
        0 => changes,
        _ => vacant,
    };
    let capture = m.and(ready, s_valid);
    let capture = m.name(capture, "capture");
    m.update_if(valid, changes, capture);
    let sums = loaded(m, "held_sums", capture, s_sums);
    let normalizers =
        s_normalizers.map(|normalizers| loaded(m, "held_normalizers", capture, normalizers));
    let excess = s_excess.map(|excess| loaded(m, "held_excess", capture, excess));
    if let Some(countdown) = countdown {
        let start = m.constant(u64::from(preparation), countdown.ty());
        let one = m.constant(1, countdown.ty());
        let less = m.sub(countdown, one);
        let waiting = m.any(countdown);
        let next = m.mux(capture, start, less);
        let changes = m.or(capture, waiting);
        m.update_if(countdown, changes, next);
    }
    let last = last_of_row(m, c, beat, empties);
    m.output("s_ready", ready, "the finished rows are taken");
    Held {
        sums,
        normalizers,
        excess,
        beats,
        beat,
        last,
        countdown,
        leaves,
        place: reserves(c).then_some(taken),
        flow: match reserves(c) {
            true => Flow {
                valid: leaves,
                ready: None,
            },
            false => Flow {
                valid: offered,
                ready: Some(taken),
            },
        },
    }
}

/// High on the last beat of each row: with several passes a row ends with its last pass.
fn last_of_row(
    m: &mut Builder,
    c: &Configuration,
    beat: Option<Signal>,
    empties: Signal,
) -> Signal {
    let beats_of_row = c.lanes / c.output_lanes;
    let mut ends = Vec::new();
    if let Some(beat) = beat {
        let ends_of_rows: Vec<Signal> = (1..=c.query_block)
            .map(|row| {
                let index = m.constant((row * beats_of_row) as u64 - 1, beat.ty());
                m.eq(beat, index)
            })
            .collect();
        ends.push(m.or_all(&ends_of_rows));
    }
    let pass_bits = ceil_log2(c.passes());
    if pass_bits > 0 {
        let pass = m.register_reset("pass", unsigned(pass_bits), 0);
        let one = m.constant(1, pass.ty());
        let next = m.add(pass, one);
        m.update_if(pass, empties, next);
        ends.push(m.all(pass));
    }
    if ends.is_empty() {
        m.constant(1, bit())
    } else {
        m.and_all(&ends)
    }
}

/// The normalizer of each held row: in bucket mode the counts times the levels.
fn row_normalizers(
    m: &mut Builder,
    c: &Configuration,
    normalizers: Signal,
    levels: Option<Signal>,
) -> Vec<Signal> {
    let bits = normalizers.width() / c.query_block as u32;
    (0..c.query_block)
        .map(|row| {
            let incoming = element(m, normalizers, row, bits);
            let Some(levels) = levels else {
                return incoming;
            };
            let counts = m.name(incoming, format!("counts_{row}"));
            combine_counts(m, c, &format!("normalizer_{row}"), counts, levels)
        })
        .collect()
}

/// Factor and shift of each held row's reciprocal.
fn row_reciprocals(
    m: &mut Builder,
    c: &Configuration,
    held: &Held,
    normalizers: &[Signal],
) -> Result<Vec<(Signal, Signal)>, NetlistError> {
    let (Some(format), Some(countdown)) = (ReciprocalFormat::of(c), held.countdown) else {
        return Ok(Vec::new());
    };
    let begins = m.constant(u64::from(division_cycles(c)) + 1, countdown.ty());
    let begin = m.eq(countdown, begins);
    let begin = m.name(begin, "begin_division");
    let divide = m.any(countdown);
    let divide = m.name(divide, "divide");
    let child = reciprocal(c, format)?;
    Ok(normalizers
        .iter()
        .enumerate()
        .map(|(row, normalizer)| {
            let connections = [
                ("normalizer", *normalizer),
                ("begin_division", begin),
                ("divide", divide),
            ];
            let instance = m.instance(format!("u_reciprocal_{row}"), &child, &connections);
            (instance.output("factor"), instance.output("zeros"))
        })
        .collect())
}

/// The sums of the held block's beat in hand.
fn select_group(m: &mut Builder, held: &Held) -> Signal {
    let groups: Vec<Signal> = (0..held.beats)
        .map(|i| element(m, held.sums, i, held.sums.width() / held.beats as u32))
        .collect();
    let group = match held.beat {
        Some(beat) => choose(m, beat, &groups),
        None => groups[0],
    };
    m.name(group, "group")
}

/// The lanes of a beat's sums, each a number of its own (or a set of buckets).
fn group_lanes(m: &mut Builder, c: &Configuration, group: Signal) -> Vec<Signal> {
    let bits = group.width() / c.output_lanes as u32;
    let buckets = c.accumulate == Accumulate::Bucket;
    (0..c.output_lanes)
        .map(|lane| {
            let value = element(m, group, lane, bits);
            let value = if buckets { value } else { m.as_signed(value) };
            m.name(value, format!("group_lane_{lane}"))
        })
        .collect()
}

/// The held block's beat in hand.
fn select_beat(
    m: &mut Builder,
    c: &Configuration,
    held: &Held,
    normalizers: &[Signal],
    reciprocals: &[(Signal, Signal)],
) -> Beat {
    let beats_of_row = c.lanes / c.output_lanes;
    let pick = |m: &mut Builder, name: &str, rows: Vec<Signal>| {
        let options: Vec<Signal> = rows
            .iter()
            .flat_map(|row| std::iter::repeat_n(*row, beats_of_row))
            .collect();
        match held.beat {
            Some(beat) if c.query_block > 1 => {
                let chosen = choose(m, beat, &options);
                m.name(chosen, name)
            }
            _ => options[0],
        }
    };
    let group = select_group(m, held);
    let normalizer = pick(m, "row_normalizer", normalizers.to_vec());
    let reciprocal = (!reciprocals.is_empty()).then(|| {
        let factor = pick(m, "row_factor", reciprocals.iter().map(|r| r.0).collect());
        let zeros = pick(m, "row_zeros", reciprocals.iter().map(|r| r.1).collect());
        (factor, zeros)
    });
    Beat {
        values: group_lanes(m, c, group),
        normalizer,
        reciprocal,
        last: held.last,
    }
}
