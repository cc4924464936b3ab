//! From the sums of finished rows to the beats of `m_axis_out`.
//!
//! A finished block is copied out of the accumulator, so that the next one can start at once, and
//! leaves `output_lanes` values a beat. In bucket mode the buckets of those lanes are combined with
//! the levels on the way; with `normalize = "reciprocal"` the first beat waits for the reciprocal.

use super::reciprocal::reciprocal;
use super::{Builder, bit, bus, ceil_log2, choose, elastic_stage, element, loaded, padded};
use crate::netlist::{Module, NetlistError, Signal, unsigned};
use logattn_golden::config::{Accumulate, Configuration};
use logattn_golden::microarchitecture::{division_cycles, preparation_cycles};
use logattn_golden::reciprocal::ReciprocalFormat;

/// A valid/ready stream whose `ready` is still to be driven by the next stage.
struct Flow {
    valid: Signal,
    ready: Signal,
}

impl Flow {
    /// Puts an elastic stage behind this stream; gives its load enable and the stream after it.
    fn stage(self, m: &mut Builder, name: &str) -> (Signal, Flow) {
        let ready = m.wire(&format!("{name}_taken"), bit());
        let stage = elastic_stage(m, name, self.valid, ready);
        m.drive(self.ready, stage.enable);
        (stage.enable, Flow { valid: stage.valid, ready })
    }
}

/// One beat on its way out.
struct Beat {
    /// `output_lanes` sums, each still a set of buckets before [`combine`].
    values: Vec<Signal>,
    normalizer: Signal,
    /// Reciprocal of the normalizer, and the normalizer's left shift.
    reciprocal: Option<(Signal, Signal)>,
    last: Signal,
}

/// Bits of one lane's sum, and of one row's normalizer, as the accumulator hands them over.
fn incoming_bits(c: &Configuration) -> (u32, u32) {
    match c.accumulate {
        Accumulate::Bucket => {
            let levels = c.levels_count() as u32;
            (levels * c.bucket_bits(), levels * c.count_bits())
        }
        Accumulate::Shift | Accumulate::Multiply => (c.accumulator_bits(), c.normalizer_bits()),
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
    let mut m = Builder::new("normalizer", "Hands finished rows out, normalized if the configuration says so.");
    let rows = c.query_block;
    let s_sums = m.input("s_sums", unsigned((rows * c.lanes) as u32 * sum_bits), "sums of the finished rows");
    let s_normalizers = m.input("s_normalizers", unsigned(rows as u32 * count_bits), "normalizers of the finished rows");
    let s_valid = m.input("s_valid", bit(), "rows are finished");
    let levels = (c.accumulate == Accumulate::Bucket).then(|| {
        let bits = c.levels_count() as u32 * c.level_bits.unwrap_or(1);
        m.input("levels", unsigned(bits), "level of codes 1.., lowest code first")
    });
    let m_ready = m.input("m_ready", bit(), "receiver takes the beat");

    let held = hold(&mut m, c, s_sums, s_normalizers, s_valid);
    let normalizers = row_normalizers(&mut m, c, &held, levels);
    let reciprocals = row_reciprocals(&mut m, c, &held, &normalizers)?;
    let mut beat = select_beat(&mut m, c, &held, &normalizers, &reciprocals);
    let mut flow = held.flow;
    if let Some(levels) = levels {
        (beat, flow) = combine(&mut m, c, beat, levels, flow);
    }
    let (fields, last) = match (ReciprocalFormat::of(c), beat.reciprocal) {
        (Some(format), Some(reciprocal)) => {
            let (outputs, last, after) = divide(&mut m, &format, beat, reciprocal, flow);
            flow = after;
            (outputs, last)
        }
        _ => {
            let mut fields = beat.values;
            fields.push(beat.normalizer);
            (fields, beat.last)
        }
    };
    let fields: Vec<Signal> = fields
        .into_iter()
        .map(|field| {
            let wide = m.extend(field, padded(field.width()));
            m.as_unsigned(wide)
        })
        .collect();
    m.drive(flow.ready, m_ready);
    let data = bus(&mut m, &fields);
    m.output("m_data", data, "output values, lane 0 lowest; each field padded to bytes");
    m.output("m_last", last, "last beat of the row");
    m.output("m_valid", flow.valid, "beat is valid");
    m.finish()
}

/// The block that is being handed out.
struct Held {
    sums: Signal,
    normalizers: Signal,
    /// Index of the beat that is next; absent when a block is one beat.
    beat: Option<Signal>,
    /// The beat is the last one of its row.
    last: Signal,
    /// Cycles until the first beat may leave; absent when it may leave at once.
    countdown: Option<Signal>,
    flow: Flow,
}

/// Captures a block as soon as the one before it has left; counts its beats.
fn hold(m: &mut Builder, c: &Configuration, s_sums: Signal, s_normalizers: Signal, s_valid: Signal) -> Held {
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
    let ready = m.or(vacant, empties);
    let ready = m.name(ready, "s_ready_now");
    m.update_if(valid, ready, s_valid);
    let capture = m.and(ready, s_valid);
    let capture = m.name(capture, "capture");
    let sums = loaded(m, "held_sums", capture, s_sums);
    let normalizers = loaded(m, "held_normalizers", capture, s_normalizers);
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
    Held { sums, normalizers, beat, last, countdown, flow: Flow { valid: offered, ready: taken } }
}

/// High on the last beat of each row: with several passes a row ends with its last pass.
fn last_of_row(m: &mut Builder, c: &Configuration, beat: Option<Signal>, empties: Signal) -> Signal {
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
    if ends.is_empty() { m.constant(1, bit()) } else { m.and_all(&ends) }
}

/// The normalizer of each held row: in bucket mode the counts times the levels.
fn row_normalizers(m: &mut Builder, c: &Configuration, held: &Held, levels: Option<Signal>) -> Vec<Signal> {
    let bits = held.normalizers.width() / c.query_block as u32;
    (0..c.query_block)
        .map(|row| {
            let incoming = element(m, held.normalizers, row, bits);
            let Some(levels) = levels else { return incoming };
            let incoming = m.name(incoming, format!("counts_{row}"));
            let always = m.constant(1, bit());
            let name = format!("normalizer_{row}");
            let levels = level_inputs(m, c, levels, false);
            let products = level_products(m, &name, always, incoming, &levels);
            let sum = total(m, &products, c.normalizer_bits());
            loaded(m, &name, always, sum)
        })
        .collect()
}

/// The levels of codes 1.., each a number of its own; with a leading zero where they multiply
/// signed buckets.
fn level_inputs(m: &mut Builder, c: &Configuration, levels: Signal, is_signed: bool) -> Vec<Signal> {
    let bits = levels.width() / c.levels_count() as u32;
    (0..c.levels_count())
        .map(|i| {
            let level = element(m, levels, i, bits);
            if is_signed {
                let level = m.extend(level, bits + 1);
                let level = m.as_signed(level);
                m.name(level, format!("signed_level_{}", i + 1))
            } else {
                level
            }
        })
        .collect()
}

/// `level[i] * bucket[i]` for every code, registered; `buckets` is a bus of the levels' signedness.
fn level_products(m: &mut Builder, name: &str, load: Signal, buckets: Signal, levels: &[Signal]) -> Vec<Signal> {
    let bits = buckets.width() / levels.len() as u32;
    levels
        .iter()
        .enumerate()
        .map(|(i, level)| {
            let bucket = element(m, buckets, i, bits);
            let bucket = if level.is_signed() { m.as_signed(bucket) } else { bucket };
            let bucket = m.name(bucket, format!("{name}_bucket_{}", i + 1));
            let product = m.mul(bucket, *level);
            loaded(m, &format!("{name}_product_{}", i + 1), load, product)
        })
        .collect()
}

/// The sum of `terms` in `width` bits (it is known to fit), as a balanced tree.
fn total(m: &mut Builder, terms: &[Signal], width: u32) -> Signal {
    let mut level: Vec<Signal> = terms.iter().map(|term| fit(m, *term, width)).collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [a, b] => m.add(*a, *b),
                rest => rest[0],
            })
            .collect();
    }
    level[0]
}

/// `term` in `width` bits: extended, or cut where its upper bits repeat the sign.
fn fit(m: &mut Builder, term: Signal, width: u32) -> Signal {
    if term.width() <= width {
        return m.extend(term, width);
    }
    let surplus = m.slice(term, width, term.width() - width);
    m.comment("a level times a count stays below the normalizer's range");
    m.unused(surplus);
    let kept = m.slice(term, 0, width);
    if term.is_signed() { m.as_signed(kept) } else { kept }
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
            let connections = [("normalizer", *normalizer), ("begin_division", begin), ("divide", divide)];
            let instance = m.instance(&format!("u_reciprocal_{row}"), &child, &connections);
            (instance.output("factor"), instance.output("zeros"))
        })
        .collect())
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
    let group_bits = held.sums.width() / (c.query_block * beats_of_row) as u32;
    let groups: Vec<Signal> = (0..c.query_block * beats_of_row).map(|i| element(m, held.sums, i, group_bits)).collect();
    let pick = |m: &mut Builder, name: &str, rows: Vec<Signal>| {
        let options: Vec<Signal> = rows.iter().flat_map(|row| std::iter::repeat_n(*row, beats_of_row)).collect();
        match held.beat {
            Some(beat) if c.query_block > 1 => {
                let chosen = choose(m, beat, &options);
                m.name(chosen, name)
            }
            _ => options[0],
        }
    };
    let group = match held.beat {
        Some(beat) => choose(m, beat, &groups),
        None => groups[0],
    };
    let group = m.name(group, "group");
    let normalizer = pick(m, "row_normalizer", normalizers.to_vec());
    let reciprocal = (!reciprocals.is_empty()).then(|| {
        let factor = pick(m, "row_factor", reciprocals.iter().map(|r| r.0).collect());
        let zeros = pick(m, "row_zeros", reciprocals.iter().map(|r| r.1).collect());
        (factor, zeros)
    });
    let bits = group_bits / c.output_lanes as u32;
    let buckets = c.accumulate == Accumulate::Bucket;
    let values = (0..c.output_lanes)
        .map(|lane| {
            let value = element(m, group, lane, bits);
            let value = if buckets { value } else { m.as_signed(value) };
            m.name(value, format!("group_lane_{lane}"))
        })
        .collect();
    Beat { values, normalizer, reciprocal, last: held.last }
}

/// Two stages: buckets times levels, then their sum.
fn combine(m: &mut Builder, c: &Configuration, beat: Beat, levels: Signal, flow: Flow) -> (Beat, Flow) {
    let (load, flow) = flow.stage(m, "products");
    let levels = level_inputs(m, c, levels, true);
    let products: Vec<Vec<Signal>> = beat
        .values
        .iter()
        .enumerate()
        .map(|(lane, buckets)| {
            level_products(m, &format!("lane_{lane}"), load, *buckets, &levels)
        })
        .collect();
    let beat = Beat { values: Vec::new(), ..carry(m, "products", load, beat) };
    let (load, flow) = flow.stage(m, "combined");
    let values = products
        .iter()
        .enumerate()
        .map(|(lane, products)| {
            let sum = total(m, products, c.accumulator_bits());
            loaded(m, &format!("combined_{lane}"), load, sum)
        })
        .collect();
    (Beat { values, ..carry(m, "combined", load, beat) }, flow)
}

/// What goes along with the values through a stage called `name`; the values are left out.
fn carry(m: &mut Builder, name: &str, load: Signal, beat: Beat) -> Beat {
    Beat {
        values: Vec::new(),
        normalizer: loaded(m, &format!("{name}_normalizer"), load, beat.normalizer),
        reciprocal: beat.reciprocal.map(|(factor, zeros)| {
            let factor = loaded(m, &format!("{name}_factor"), load, factor);
            (factor, loaded(m, &format!("{name}_zeros"), load, zeros))
        }),
        last: loaded(m, &format!("{name}_last"), load, beat.last),
    }
}

/// Three stages: magnitude, product, quotient with its sign.
fn divide(
    m: &mut Builder,
    format: &ReciprocalFormat,
    beat: Beat,
    (factor, zeros): (Signal, Signal),
    flow: Flow,
) -> (Vec<Signal>, Signal, Flow) {
    let output_bits = format.output_bits;

    let (load, flow) = flow.stage(m, "magnitude");
    let mut lanes: Vec<(Signal, Signal)> = Vec::new();
    for (lane, value) in beat.values.iter().enumerate() {
        let value = *value;
        let negative = m.bit(value, value.width() - 1);
        let negated = m.neg(value);
        let magnitude = m.mux(negative, negated, value);
        let magnitude = m.as_unsigned(magnitude);
        let below = m.zero(unsigned(format.fraction_bits + 1));
        let doubled = m.concat(&[magnitude, below]);
        let doubled = m.extend(doubled, format.numerator_bits);
        let half = m.extend(beat.normalizer, format.numerator_bits);
        let dividend = m.add(doubled, half);
        lanes.push((
            loaded(m, &format!("negative_{lane}"), load, negative),
            loaded(m, &format!("dividend_{lane}"), load, dividend),
        ));
    }
    let factor = loaded(m, "magnitude_factor", load, factor);
    let zeros = loaded(m, "magnitude_zeros", load, zeros);
    let last = loaded(m, "magnitude_last", load, beat.last);

    let (load, flow) = flow.stage(m, "product");
    let lanes: Vec<(Signal, Signal)> = lanes
        .into_iter()
        .enumerate()
        .map(|(lane, (negative, dividend))| {
            let kept = quotient_window(m, format, lane, dividend, factor);
            let negative = loaded(m, &format!("product_negative_{lane}"), load, negative);
            (negative, loaded(m, &format!("window_{lane}"), load, kept))
        })
        .collect();
    let largest = m.constant(u64::from(format.normalizer_bits) - 1, zeros.ty());
    let right = m.sub(largest, zeros);
    let right = loaded(m, "product_right_shift", load, right);
    let last = loaded(m, "product_last", load, last);

    let (load, flow) = flow.stage(m, "quotient");
    let outputs = lanes
        .into_iter()
        .enumerate()
        .map(|(lane, (negative, window))| {
            let shifted = m.shr(window, right);
            let shifted = m.name(shifted, &format!("shifted_{lane}"));
            let surplus = m.slice(shifted, output_bits, shifted.width() - output_bits);
            m.comment("zero: the quotient is at most half the output's range");
    m.unused(surplus);
            let quotient = m.slice(shifted, 0, output_bits);
            let negated = m.neg(quotient);
            let output = m.mux(negative, negated, quotient);
            let output = m.as_signed(output);
            loaded(m, &format!("output_{lane}"), load, output)
        })
        .collect();
    let last = loaded(m, "quotient_last", load, last);
    (outputs, last, flow)
}

/// The bits of dividend times factor in which the quotient can lie, whatever the normalizer's
/// shift: the quotient is the product shifted right by `shift + 1 - zeros`.
fn quotient_window(
    m: &mut Builder,
    format: &ReciprocalFormat,
    lane: usize,
    dividend: Signal,
    factor: Signal,
) -> Signal {
    let low = format.scale_bits + 2 - format.normalizer_bits;
    let width = format.output_bits + format.normalizer_bits - 1;
    let product = m.mul(dividend, factor);
    let product = m.name(product, &format!("full_product_{lane}"));
    let below = m.slice(product, 0, low);
    m.comment("the fraction of the quotient");
    m.unused(below);
    let above = low + width;
    if product.width() > above {
        let surplus = m.slice(product, above, product.width() - above);
        m.comment("zero: the quotient is at most half the output's range");
    m.unused(surplus);
    }
    m.slice(product, low, width)
}
