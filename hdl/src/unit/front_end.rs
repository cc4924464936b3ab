//! From the input streams to beats of codes, for each kind of input.

use super::attention_unit::{Registered, Settings, Slave, slave};
use super::quantizer::quantizer;
use super::reserved_queue::reserved_queue;
use super::row_statistics::row_statistics;
use super::score_engine::score_engine;
use super::score_input::score_input;
use super::score_quantizer::score_quantizer;
use super::{Builder, Widths, bit, bus, reserves, split_fields};
use crate::netlist::{Instance, Module, NetlistError, Signal, unsigned};
use logattn_golden::config::{Configuration, Input, Normalize, QUERY_KEY_BITS};
use logattn_golden::microarchitecture::SCORE_SHIFT_BITS;
use logattn_golden::scores::ScoreFormat;

/// Beats of codes, and what the counters want to know of the beats that they are made from.
pub(super) struct FrontEnd {
    /// What selector or sorter takes, by its ports.
    pub fields: Vec<(&'static str, Signal)>,
    /// It is valid.
    pub valid: Signal,
    /// A beat is taken in; with scores: it enters the row statistics.
    pub accepted: Signal,
    /// Keys of that beat within the row; key-major where rows of a block differ.
    pub inside_row: Signal,
}

/// The front end of the configuration's input; `ready` is the receiver's.
pub(super) fn front_end(
    m: &mut Builder,
    c: &Configuration,
    settings: &Settings,
    ready: Signal,
) -> Result<FrontEnd, NetlistError> {
    match (c.input, c.score_format()) {
        (Input::Scores, Some(format)) => {
            let source = scores(m, c, settings)?;
            from_scores(m, c, &format, settings, source, ready)
        }
        (Input::Qkv, Some(format)) => {
            let source = queries_and_keys(m, c, settings)?;
            from_scores(m, c, &format, settings, source, ready)
        }
        _ => probabilities(m, c, settings, ready),
    }
}

/// `s_axis_attn`, with `row_length` beside every beat.
fn attention_stream(
    m: &mut Builder,
    c: &Configuration,
    settings: &Settings,
    doc: &str,
    taken: Signal,
) -> Result<Registered, NetlistError> {
    let port = Slave {
        name: "attn",
        bits: (c.keys_per_beat * c.query_block) as u32 * c.attention_bits(),
        doc,
        beside: &[settings.row_length],
        last: true,
    };
    slave(m, c, &port, taken)
}

fn probabilities(
    m: &mut Builder,
    c: &Configuration,
    settings: &Settings,
    ready: Signal,
) -> Result<FrontEnd, NetlistError> {
    let taken = m.wire("attn_taken", bit());
    let doc = "probabilities of one beat of keys, key-major";
    let attn = attention_stream(m, c, settings, doc, taken)?;
    let mut connections = vec![
        ("s_data", attn.data),
        ("s_last", attn.fields[0]),
        ("s_valid", attn.valid),
        ("row_length", attn.fields[1]),
        ("m_ready", ready),
    ];
    connections.extend(settings.thresholds.map(|t| ("thresholds", t)));
    let coder = m.instance("u_quantizer", &quantizer(c)?, &connections);
    m.drive(taken, coder.output("s_ready"));
    Ok(FrontEnd {
        accepted: coder.output("accepted"),
        inside_row: coder.output("inside_row"),
        fields: codes_of(c, &coder),
        valid: coder.output("m_valid"),
    })
}

/// What a quantizer gives, by the ports of what takes it.
fn codes_of(c: &Configuration, coder: &Instance) -> Vec<(&'static str, Signal)> {
    let w = Widths::of(c);
    let complement = c.normalize == Normalize::Complement;
    [
        ("s_survive", "m_survive", true),
        ("s_codes", "m_codes", true),
        ("s_last", "m_last", true),
        ("s_beat", "m_beat", w.beat > 0),
        ("s_largest_code", "m_largest_code", complement),
        ("s_nonempty", "m_nonempty", complement),
        ("s_largest_key", "m_largest_key", complement && w.key > 0),
    ]
    .into_iter()
    .filter(|(.., there)| *there)
    .map(|(port, name, _)| (port, coder.output(name)))
    .collect()
}

/// The codes of a quantizer that never stalls, behind the queue whose places are reserved for them.
struct Queued {
    fields: Vec<(&'static str, Signal)>,
    valid: Signal,
    room: Signal,
}

/// # Arguments
/// - `reserve`: a beat is on its way to the quantizer.
/// - `ready`: the receiver's.
fn queue_codes(
    m: &mut Builder,
    c: &Configuration,
    coder: &Instance,
    (reserve, ready): (Signal, Signal),
) -> Result<Queued, NetlistError> {
    let mut fields = codes_of(c, coder);
    let signals: Vec<Signal> = fields.iter().map(|(_, signal)| *signal).collect();
    let word = bus(m, &signals);
    let ports = [
        ("s_reserve", reserve),
        ("s_data", word),
        ("s_valid", coder.output("m_valid")),
        ("m_ready", ready),
    ];
    let queue = m.instance(
        "u_code_queue",
        &reserved_queue(c, "code", word.width())?,
        &ports,
    );
    split_fields(m, queue.output("m_data"), &mut fields);
    Ok(Queued {
        fields,
        valid: queue.output("m_valid"),
        room: queue.output("room"),
    })
}

/// Where scores come from.
struct ScoreSource {
    /// Gives `m_scores`, `m_inside`, `m_last` and `m_valid`.
    instance: Instance,
    /// A beat is on its way; absent where that is when it comes.
    issue: Option<Signal>,
    /// It is its row's first.
    issue_first: Signal,
    /// To be driven: there is a place in the score buffer.
    room: Signal,
    /// To be driven: another row may be on its way.
    row_room: Signal,
}

/// Scores from outside.
fn scores(
    m: &mut Builder,
    c: &Configuration,
    settings: &Settings,
) -> Result<ScoreSource, NetlistError> {
    let taken = m.wire("attn_taken", bit());
    let (room, row_room) = (m.wire("room", bit()), m.wire("row_room", bit()));
    let doc = "scores of one beat of keys, signed, key-major";
    let attn = attention_stream(m, c, settings, doc, taken)?;
    let mut connections = vec![
        ("s_data", attn.data),
        ("s_last", attn.fields[0]),
        ("s_valid", attn.valid),
        ("row_length", attn.fields[1]),
        ("room", room),
        ("row_room", row_room),
    ];
    connections.extend(settings.causal.map(|causal| ("causal", causal)));
    let instance = m.instance("u_score_input", &score_input(c)?, &connections);
    m.drive(taken, instance.output("s_ready"));
    m.output(
        "error_row_length",
        instance.output("error_row_length"),
        "high for a cycle: row_length was 0 or over the limit, or a packet shorter than its row or too long",
    );
    Ok(ScoreSource {
        issue: None,
        issue_first: instance.output("m_first"),
        instance,
        room,
        row_room,
    })
}

/// Scores from queries and keys.
fn queries_and_keys(
    m: &mut Builder,
    c: &Configuration,
    settings: &Settings,
) -> Result<ScoreSource, NetlistError> {
    let (query_taken, key_taken) = (m.wire("query_taken", bit()), m.wire("key_taken", bit()));
    let (room, row_room) = (m.wire("room", bit()), m.wire("row_room", bit()));
    let bits = c.head_dimension as u32 * QUERY_KEY_BITS;
    let score_shift = m.input(
        "score_shift",
        unsigned(SCORE_SHIFT_BITS),
        "right shift of products to scores; sampled with the last query of the block",
    );
    let port = Slave {
        name: "query",
        bits,
        doc: "one query, element 0 lowest",
        beside: &[settings.row_length, score_shift],
        last: false,
    };
    let query = slave(m, c, &port, query_taken)?;
    let port = Slave {
        name: "key",
        bits,
        doc: "one key, element 0 lowest",
        beside: &[],
        last: true,
    };
    let key = slave(m, c, &port, key_taken)?;
    let mut connections = vec![
        ("s_query_data", query.data),
        ("s_query_valid", query.valid),
        ("row_length", query.fields[0]),
        ("score_shift", query.fields[1]),
        ("s_key_data", key.data),
        ("s_key_last", key.fields[0]),
        ("s_key_valid", key.valid),
        ("head_blocks", settings.head_blocks),
        ("room", room),
        ("row_room", row_room),
    ];
    connections.extend(settings.causal.map(|causal| ("causal", causal)));
    let engine = score_engine(c)?;
    let flags_scores = has_port(&engine, "error_score");
    let instance = m.instance("u_score_engine", &engine, &connections);
    m.drive(query_taken, instance.output("s_query_ready"));
    m.drive(key_taken, instance.output("s_key_ready"));
    m.output(
        "error_row_length",
        instance.output("error_row_length"),
        "high for a cycle: row_length was 0, or a row of the block has more keys than the limit",
    );
    if flags_scores {
        m.output(
            "error_score",
            instance.output("error_score"),
            "high for a cycle: a shifted product did not fit and was saturated",
        );
    }
    Ok(ScoreSource {
        issue: Some(instance.output("issue")),
        issue_first: instance.output("issue_first"),
        instance,
        room,
        row_room,
    })
}

fn has_port(module: &Module, name: &str) -> bool {
    module.ports().iter().any(|port| port.name == name)
}

/// Row statistics and quantizer behind a source of scores.
fn from_scores(
    m: &mut Builder,
    c: &Configuration,
    format: &ScoreFormat,
    settings: &Settings,
    source: ScoreSource,
    ready: Signal,
) -> Result<FrontEnd, NetlistError> {
    let (taken, place) = match reserves(c) {
        true => (None, Some(m.wire("code_place", bit()))),
        false => (Some(m.wire("distances_taken", bit())), None),
    };
    let mut connections = vec![
        ("s_scores", source.instance.output("m_scores")),
        ("s_inside", source.instance.output("m_inside")),
        ("s_last", source.instance.output("m_last")),
        ("s_valid", source.instance.output("m_valid")),
        ("issue_first", source.issue_first),
    ];
    connections.extend(taken.map(|taken| ("m_ready", taken)));
    connections.extend(place.map(|place| ("place", place)));
    connections.extend(settings.thresholds.map(|t| ("thresholds", t)));
    connections.extend(source.issue.map(|issue| ("issue", issue)));
    let statistics = m.instance(
        "u_row_statistics",
        &row_statistics(c, format)?,
        &connections,
    );
    m.drive(source.room, statistics.output("room"));
    m.drive(source.row_room, statistics.output("row_room"));

    let w = Widths::of(c);
    let mut connections = vec![
        ("s_closeness", statistics.output("m_closeness")),
        ("s_thresholds", statistics.output("m_thresholds")),
        ("s_last", statistics.output("m_last")),
        ("s_valid", statistics.output("m_valid")),
    ];
    if taken.is_some() {
        connections.push(("m_ready", ready));
    }
    if w.beat > 0 {
        connections.push(("s_beat", statistics.output("m_beat")));
    }
    if c.normalize == Normalize::Complement {
        connections.push(("s_nonempty", statistics.output("m_nonempty")));
        if w.key > 0 {
            connections.push(("s_largest_key", statistics.output("m_largest_key")));
        }
    }
    let coder = m.instance("u_quantizer", &score_quantizer(c, format)?, &connections);
    if let Some(taken) = taken {
        m.drive(taken, coder.output("s_ready"));
    }
    let (fields, valid) = match place {
        Some(place) => {
            let reserve = statistics.output("reserve");
            let queued = queue_codes(m, c, &coder, (reserve, ready))?;
            m.drive(place, queued.room);
            (queued.fields, queued.valid)
        }
        None => (codes_of(c, &coder), coder.output("m_valid")),
    };
    Ok(FrontEnd {
        fields,
        valid,
        accepted: source.instance.output("m_valid"),
        inside_row: source.instance.output("m_inside"),
    })
}
