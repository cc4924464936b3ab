//! The top: AXI4-Stream in and out, configuration inputs, counters.

use super::bucket_accumulator::bucket_accumulator;
use super::front_end::{FrontEnd, front_end};
use super::multiply_accumulator::multiply_accumulator;
use super::normalizer::{normalizer, output_data_bits};
use super::performance_counters::{COUNTERS, performance_counters};
use super::row_gate::row_gate;
use super::row_lengths::CAUSAL;
use super::row_statistics::threshold_bits;
use super::shift_accumulator::shift_accumulator;
use super::sorted_accumulator::sorted_accumulator;
use super::stream_register::stream_register;
use super::survivor_selector::survivor_selector;
use super::survivor_sorter::survivor_sorter;
use super::value_memory::value_memory;
use super::{Builder, Widths, bit, bus, flows_through, marks_largest, split_fields};
use crate::netlist::{Instance, Module, NetlistError, Signal, unsigned};
use logattn_golden::config::{Accumulate, Configuration, Input, Normalize};
use logattn_golden::microarchitecture::{HEAD_BLOCKS_BITS, extra_registers};

/// The configuration inputs, to be held stable while rows are in flight.
pub(super) struct Settings {
    pub row_length: Signal,
    pub head_blocks: Signal,
    /// Absent for the int8 twin.
    pub thresholds: Option<Signal>,
    /// Score and qkv input with several rows a block only.
    pub causal: Option<Signal>,
    /// `shift` and `sorted` only.
    shifts: Option<Signal>,
    /// `bucket` only.
    levels: Option<Signal>,
}

fn settings(m: &mut Builder, c: &Configuration) -> Settings {
    let codes = c.levels_count() as u32;
    let row_length = m.input(
        "row_length",
        unsigned(c.length_bits()),
        match c.input {
            Input::Qkv => "keys in the row; sampled with the last query of the block",
            _ => "keys in the row; sampled with the first beat of the row",
        },
    );
    let head_blocks = m.input(
        "head_blocks",
        unsigned(HEAD_BLOCKS_BITS),
        "query blocks in a head; then the next head's values are used",
    );
    let thresholds = (c.accumulate != Accumulate::Multiply).then(|| {
        let (bits, doc) = match c.score_format() {
            None => (
                c.probability_bits,
                "thresholds of codes 1.., lowest first, non-decreasing",
            ),
            Some(format) => (
                threshold_bits(&format),
                "thresholds of codes 1.., lowest first, signed, at most 0, non-decreasing",
            ),
        };
        m.input("thresholds", unsigned(codes * bits), doc)
    });
    let blocks_of_scores = c.input != Input::Probabilities && c.query_block > 1;
    let causal = blocks_of_scores.then(|| m.input("causal", bit(), CAUSAL));
    let shifts = c.accumulate.shifts().then(|| {
        m.input(
            "shifts",
            unsigned(codes * c.shift_bits()),
            "level of code i is 2^-shift[i]; code 1 lowest",
        )
    });
    let levels = (c.accumulate == Accumulate::Bucket).then(|| {
        m.input(
            "levels",
            unsigned(codes * c.level_bits.unwrap_or(1)),
            "level of codes 1.., lowest code first",
        )
    });
    Settings {
        row_length,
        head_blocks,
        thresholds,
        causal,
        shifts,
        levels,
    }
}

/// An AXI4-Stream slave behind a stream register.
pub(super) struct Slave<'a> {
    pub name: &'a str,
    /// Width of `tdata`, and what it carries.
    pub bits: u32,
    pub doc: &'a str,
    /// What is sampled with every beat.
    pub beside: &'a [Signal],
    /// Whether `tlast` is of use.
    pub last: bool,
}

/// A beat of a slave, registered.
pub(super) struct Registered {
    pub data: Signal,
    /// `tlast`, if it is of use, then what was sampled beside.
    pub fields: Vec<Signal>,
    pub valid: Signal,
}

/// Declares a slave and its register, which is emptied when `taken` is high; drives `tready`.
pub(super) fn slave(
    m: &mut Builder,
    c: &Configuration,
    port: &Slave,
    taken: Signal,
) -> Result<Registered, NetlistError> {
    let name = port.name;
    let data = m.input(
        format!("s_axis_{name}_tdata"),
        unsigned(port.bits),
        port.doc,
    );
    let last = m.input(
        format!("s_axis_{name}_tlast"),
        bit(),
        "last beat of the packet",
    );
    let valid = m.input(format!("s_axis_{name}_tvalid"), bit(), "beat is valid");
    let mut fields = vec![data];
    if port.last {
        fields.push(last);
    } else {
        m.comment("the unit counts these beats itself");
        m.unused(last);
    }
    fields.extend(port.beside);
    let beat = bus(m, &fields);
    let register = stream_register(c, name, beat.width())?;
    let instance = m.instance(
        format!("u_{name}_in"),
        &register,
        &[("s_data", beat), ("s_valid", valid), ("m_ready", taken)],
    );
    m.output(
        format!("s_axis_{name}_tready"),
        instance.output("s_ready"),
        "beat is taken",
    );
    let beat = instance.output("m_data");
    let data = m.slice(beat, 0, port.bits);
    let data = m.name(data, format!("{name}_data"));
    let mut low = port.bits;
    let fields = fields[1..]
        .iter()
        .map(|field| {
            low += field.width();
            m.slice(beat, low - field.width(), field.width())
        })
        .collect();
    Ok(Registered {
        data,
        fields,
        valid: instance.output("m_valid"),
    })
}

/// Splits a registered beat into data and last.
fn split(m: &mut Builder, name: &str, register: &Instance, bits: u32) -> (Signal, Signal) {
    let beat = register.output("m_data");
    let data = m.slice(beat, 0, bits);
    let data = m.name(data, format!("{name}_data"));
    (data, m.slice(beat, bits, 1))
}

/// What the top's file says above the module: among it the values for its configuration inputs.
fn doc(c: &Configuration) -> String {
    let takes = match c.input {
        Input::Probabilities => "rows of probabilities and the values of a head in",
        Input::Scores => "rows of scores and the values of a head in",
        Input::Qkv => "queries, keys and values of a head in",
    };
    let mut doc = format!("Low-bit attention: {takes}, attention out.");
    if !c.score_thresholds.is_empty() {
        let thresholds = &c.score_thresholds;
        doc += &format!("\nConfigured thresholds, code 1 (lowest bits) first: {thresholds:?}.");
    }
    for (input, values) in [
        ("thresholds", &c.thresholds),
        ("shifts", &c.shifts),
        ("levels", &c.levels),
    ] {
        if !values.is_empty() {
            doc += &format!("\nConfigured {input}, code 1 (lowest bits) first: {values:?}.");
        }
    }
    doc
}

/// The unit of a configuration: see the module's documentation for the order of bits.
pub fn attention_unit(c: &Configuration) -> Result<Module, NetlistError> {
    let w = Widths::of(c);
    let mut m = Builder::new("attention_unit", doc(c));
    let settings = settings(&mut m, c);
    let selector_ready = m.wire("selector_ready", bit());
    let front = front_end(&mut m, c, &settings, selector_ready)?;

    let selector_taken = m.wire("selector_taken", bit());
    let mut connections = front.fields.clone();
    connections.extend([("s_valid", front.valid), ("m_ready", selector_taken)]);
    let sorted = c.accumulate == Accumulate::Sorted;
    let selector = if sorted {
        connections.extend(settings.shifts.map(|shifts| ("shifts", shifts)));
        m.instance("u_survivor_sorter", &survivor_sorter(c)?, &connections)
    } else {
        m.instance("u_survivor_selector", &survivor_selector(c)?, &connections)
    };
    m.drive(selector_ready, selector.output("s_ready"));
    let survivors = survivors(&mut m, c, &w, &selector, selector_taken)?;

    let value_taken = m.wire("value_taken", bit());
    let port = Slave {
        name: "value",
        bits: w.value_word,
        doc: "values of one key (of one pass), lane 0 lowest",
        beside: &[],
        last: true,
    };
    let values = slave(&mut m, c, &port, value_taken)?;
    let onward = m.wire("onward", bit());
    let mut connections = vec![
        ("s_value_data", values.data),
        ("s_value_last", values.fields[0]),
        ("s_value_valid", values.valid),
        ("head_blocks", settings.head_blocks),
        ("s_valid", survivors.valid),
        (if flows_through(c) { "open" } else { "m_ready" }, onward),
    ];
    let told = |(port, _): &&(&str, Signal)| *port != SURVIVES;
    connections.extend(survivors.fields.iter().filter(told));
    let memory = m.instance("u_value_memory", &value_memory(c)?, &connections);
    m.drive(value_taken, memory.output("s_value_ready"));
    m.drive(survivors.taken, memory.output("s_ready"));

    let rows_taken = m.wire("rows_taken", bit());
    let accumulator = accumulator(&mut m, c, &settings, &memory, rows_taken)?;
    if flows_through(c) {
        let open = gate(&mut m, c, &survivors, &memory, &accumulator, rows_taken)?;
        m.drive(onward, open);
    } else {
        m.drive(onward, accumulator.output("s_ready"));
    }
    let row_out = output(&mut m, c, &settings, &accumulator, rows_taken)?;
    count(&mut m, c, &front, &survivors, &memory, row_out)?;
    m.finish()
}

/// What the sorter says for the counters, beside what the value memory takes.
const SURVIVES: &str = "s_survives";

/// What comes to the value memory.
struct Survivors {
    /// By the memory's ports; and [`SURVIVES`].
    fields: Vec<(&'static str, Signal)>,
    valid: Signal,
    /// To be driven: the memory takes one.
    taken: Signal,
}

/// The survivors of selector or sorter, which is told to go on by `selector_taken`. From
/// `pipeline_depth` 2 on they pass a stream register, so that what holds them up behind it reaches
/// no farther.
fn survivors(
    m: &mut Builder,
    c: &Configuration,
    w: &Widths,
    selector: &Instance,
    selector_taken: Signal,
) -> Result<Survivors, NetlistError> {
    let optional = [
        ("s_pass", "m_pass", w.pass > 0),
        ("s_largest", "m_largest", marks_largest(c)),
        (SURVIVES, "m_survives", c.accumulate == Accumulate::Sorted),
    ];
    let mut fields: Vec<(&'static str, Signal)> = [
        ("s_key", "m_key"),
        ("s_codes", "m_codes"),
        ("s_visits", "m_visits"),
        ("s_first", "m_first"),
        ("s_last", "m_last"),
    ]
    .into_iter()
    .chain(
        optional
            .into_iter()
            .filter(|(.., there)| *there)
            .map(|(port, name, _)| (port, name)),
    )
    .map(|(port, name)| (port, selector.output(name)))
    .collect();
    let valid = selector.output("m_valid");
    if extra_registers(c) == 0 {
        return Ok(Survivors {
            fields,
            valid,
            taken: selector_taken,
        });
    }
    let taken = m.wire("survivor_taken", bit());
    let signals: Vec<Signal> = fields.iter().map(|(_, signal)| *signal).collect();
    let beat = bus(m, &signals);
    let register = stream_register(c, "survivor", beat.width())?;
    let ports = [("s_data", beat), ("s_valid", valid), ("m_ready", taken)];
    let instance = m.instance("u_survivor", &register, &ports);
    m.drive(selector_taken, instance.output("s_ready"));
    split_fields(m, instance.output("m_data"), &mut fields);
    Ok(Survivors {
        fields,
        valid: instance.output("m_valid"),
        taken,
    })
}

/// Whether the survivor that is offered may enter a value memory and sums that never stall.
fn gate(
    m: &mut Builder,
    c: &Configuration,
    survivors: &Survivors,
    memory: &Instance,
    accumulator: &Instance,
    rows_taken: Signal,
) -> Result<Signal, NetlistError> {
    let taken = m.and(survivors.valid, memory.output("s_ready"));
    let taken = m.name(taken, "visit_taken");
    let told = |(port, _): &&(&str, Signal)| matches!(*port, "s_first" | "s_last");
    let connections: Vec<_> = (survivors.fields.iter().filter(told).copied())
        .chain([
            ("s_taken", taken),
            ("row_done", accumulator.output("m_valid")),
            ("rows_taken", rows_taken),
        ])
        .collect();
    let gate = m.instance("u_row_gate", &row_gate(c)?, &connections);
    Ok(gate.output("open"))
}

/// The accumulator of the configuration, behind the value memory.
fn accumulator(
    m: &mut Builder,
    c: &Configuration,
    settings: &Settings,
    memory: &Instance,
    rows_taken: Signal,
) -> Result<Instance, NetlistError> {
    let mut connections = vec![
        ("s_value", memory.output("m_value")),
        ("s_codes", memory.output("m_codes")),
        ("s_first", memory.output("m_first")),
        ("s_last", memory.output("m_last")),
        ("s_valid", memory.output("m_valid")),
        ("m_ready", rows_taken),
    ];
    if c.accumulate == Accumulate::Shift {
        connections.extend(settings.shifts.map(|shifts| ("shifts", shifts)));
    }
    if marks_largest(c) {
        connections.push(("s_largest", memory.output("m_largest")));
    }
    let module = match c.accumulate {
        Accumulate::Shift => shift_accumulator(c)?,
        Accumulate::Sorted => sorted_accumulator(c)?,
        Accumulate::Bucket => bucket_accumulator(c)?,
        Accumulate::Multiply => multiply_accumulator(c)?,
    };
    Ok(m.instance("u_accumulator", &module, &connections))
}

/// Normalizer, output register and `m_axis_out`; gives the event "the last beat of a row leaves".
fn output(
    m: &mut Builder,
    c: &Configuration,
    settings: &Settings,
    accumulator: &Instance,
    rows_taken: Signal,
) -> Result<Signal, NetlistError> {
    let out_taken = m.wire("out_taken", bit());
    let mut connections = vec![
        ("s_sums", accumulator.output("m_sums")),
        ("s_valid", accumulator.output("m_valid")),
        ("m_ready", out_taken),
    ];
    match (c.normalize, c.accumulate) {
        (Normalize::Complement, Accumulate::Sorted) => {
            connections.push(("s_excess", accumulator.output("m_excess")));
        }
        (Normalize::Complement, _) => {}
        _ => connections.push(("s_normalizers", accumulator.output("m_normalizers"))),
    }
    connections.extend(settings.levels.map(|levels| ("levels", levels)));
    let normalizer = m.instance("u_normalizer", &normalizer(c)?, &connections);
    m.drive(rows_taken, normalizer.output("s_ready"));

    let ready = m.input("m_axis_out_tready", bit(), "receiver takes the beat");
    let bits = output_data_bits(c);
    let beat = bus(
        m,
        &[normalizer.output("m_data"), normalizer.output("m_last")],
    );
    let register = stream_register(c, "out", bits + 1)?;
    let register = m.instance(
        "u_out",
        &register,
        &[
            ("s_data", beat),
            ("s_valid", normalizer.output("m_valid")),
            ("m_ready", ready),
        ],
    );
    m.drive(out_taken, register.output("s_ready"));
    let (data, last) = split(m, "out", &register, bits);
    let valid = register.output("m_valid");
    let row_out = m.and_all(&[valid, ready, last]);
    m.output(
        "m_axis_out_tdata",
        data,
        "output values, lane 0 lowest; each field padded to bytes",
    );
    m.output("m_axis_out_tlast", last, "last beat of the row");
    m.output("m_axis_out_tvalid", valid, "beat is valid");
    Ok(row_out)
}

/// The performance counters and their ports.
fn count(
    m: &mut Builder,
    c: &Configuration,
    front: &FrontEnd,
    survivors: &Survivors,
    memory: &Instance,
    row_out: Signal,
) -> Result<(), NetlistError> {
    let told = match c.accumulate {
        Accumulate::Sorted => SURVIVES,
        _ => "s_codes",
    };
    let field = |name| survivors.fields.iter().find(|(port, _)| *port == name);
    let mut connections = vec![
        ("row_out", row_out),
        ("accepted", front.accepted),
        ("inside_row", front.inside_row),
        ("offered", survivors.valid),
        ("taken", memory.output("s_ready")),
        ("loaded", memory.output("loaded")),
        ("visited", memory.output("visited")),
    ];
    connections.extend(field(told).map(|(_, codes)| ("codes", *codes)));
    connections.extend(field("s_pass").map(|(_, pass)| ("pass", *pass)));
    let counters = m.instance(
        "u_performance_counters",
        &performance_counters(c)?,
        &connections,
    );
    for (name, doc) in COUNTERS {
        let port = format!("count_{name}");
        m.output(&port, counters.output(&port), doc);
    }
    Ok(())
}
