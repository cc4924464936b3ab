//! The streams of a configuration: what a beat is and what a packet.

use logattn_golden::Configuration;
use logattn_golden::config::{Input, QUERY_KEY_BITS};

/// A stream of the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    /// Prefix of its ports.
    pub name: &'static str,
    /// Bits of `tdata`.
    pub bits: u32,
    /// Whether the core is its receiver.
    pub into_core: bool,
    /// What a beat is.
    pub beat: String,
    /// What a packet is.
    pub packet: String,
    /// Bits of `tdata` and what stands there.
    pub layout: Vec<(String, String)>,
}

impl Stream {
    /// The name without its prefix.
    pub fn short(&self) -> &'static str {
        self.name.rsplit('_').next().unwrap_or(self.name)
    }
}

/// Bits of a field on the output stream: whole bytes.
fn padded(bits: u32) -> u32 {
    bits.div_ceil(8) * 8
}

/// First and last bit of element `index`.
fn bits_of(index: u32, width: u32) -> String {
    format!("{}:{}", (index + 1) * width - 1, index * width)
}

/// The general rule for an array of elements, its first and its last element.
fn array(count: u32, width: u32, name: &dyn Fn(u32) -> String) -> Vec<(String, String)> {
    let mut layout = vec![(bits_of(0, width), name(0))];
    if count > 2 {
        layout.push((bits_of(1, width), name(1)));
    }
    if count > 3 {
        layout.push((
            format!("{width} i + {} : {width} i", width - 1),
            format!("element i, i < {count}"),
        ));
    }
    if count > 1 {
        layout.push((bits_of(count - 1, width), name(count - 1)));
    }
    layout
}

/// All streams of a configuration, inputs first.
pub(super) fn streams(c: &Configuration) -> Vec<Stream> {
    let mut streams = match c.input {
        Input::Qkv => vec![query(c), key(c)],
        Input::Probabilities | Input::Scores => vec![attention(c)],
    };
    streams.push(value(c));
    streams.push(output(c));
    streams
}

fn attention(c: &Configuration) -> Stream {
    let (block, width) = (c.query_block as u32, c.attention_bits());
    let elements = c.keys_per_beat as u32 * block;
    let kind = match c.input {
        Input::Probabilities => format!("unsigned, {width} fraction bits"),
        _ => format!("signed, {} fraction bits", c.fraction_bits.unwrap_or(0)),
    };
    let name = |index: u32| {
        let (key, row) = (index / block, index % block);
        match block {
            1 => format!("key {key} of the beat"),
            _ => format!("key {key} of the beat, row {row}"),
        }
    };
    let what = match c.input {
        Input::Probabilities => "probabilities",
        _ => "scores (base-2 logits)",
    };
    let (keys, rows) = (
        c.keys_per_beat,
        if block == 1 {
            String::new()
        } else {
            format!(" of {block} rows, key-major")
        },
    );
    Stream {
        name: "s_axis_attn",
        bits: elements * width,
        into_core: true,
        beat: format!("{what} of {keys} keys{rows}; {width} bits each, {kind}"),
        packet: format!(
            "{}: ceil(row length / {keys}) beats, or padded to ceil(HEAD_KEYS / {keys}) of them; what stands \
             at or beyond the row's length is not used",
            match block {
                1 => "a row".to_string(),
                _ => format!("a block of {block} rows"),
            }
        ),
        layout: array(elements, width, &name),
    }
}

fn query(c: &Configuration) -> Stream {
    let element = |index: u32| format!("element {index} of the query, signed");
    let d = c.head_dimension;
    Stream {
        name: "s_axis_query",
        bits: d as u32 * QUERY_KEY_BITS,
        into_core: true,
        beat: format!("one query, {d} elements of int8"),
        packet: match c.query_block {
            1 => "a row: one beat, so every beat has TLAST".into(),
            block => format!("a block of {block} rows: {block} beats"),
        },
        layout: array(d as u32, QUERY_KEY_BITS, &element),
    }
}

fn key(c: &Configuration) -> Stream {
    let element = |index: u32| format!("element {index} of the key, signed");
    let d = c.head_dimension;
    Stream {
        name: "s_axis_key",
        bits: d as u32 * QUERY_KEY_BITS,
        into_core: true,
        beat: format!("one key, {d} elements of int8"),
        packet: "a head: HEAD_KEYS beats, key 0 first".into(),
        layout: array(d as u32, QUERY_KEY_BITS, &element),
    }
}

fn value(c: &Configuration) -> Stream {
    let (lanes, passes) = (c.lanes as u32, c.passes());
    let element = |index: u32| match passes {
        1 => format!("element {index} of the value, signed"),
        _ => format!("element pass x {lanes} + {index} of the value, signed"),
    };
    let (beat, packet) = match passes {
        1 => (
            format!(
                "the value of one key, {lanes} elements of {} bits, signed",
                c.value_bits
            ),
            "a head: HEAD_KEYS beats, key 0 first".to_string(),
        ),
        _ => (
            format!(
                "{lanes} of the {} elements of one key's value, {} bits each, signed",
                c.head_dimension, c.value_bits
            ),
            format!(
                "a head: {passes} HEAD_KEYS beats; key 0 first, for each key pass 0 to {}",
                passes - 1
            ),
        ),
    };
    Stream {
        name: "s_axis_value",
        bits: lanes * c.value_bits,
        into_core: true,
        beat,
        packet,
        layout: array(lanes, c.value_bits, &element),
    }
}

fn output(c: &Configuration) -> Stream {
    let lanes = c.output_lanes as u32;
    let bits = c.output_bits.unwrap_or(c.accumulator_bits());
    let field = padded(bits);
    let element = |index: u32| format!("element beat x {lanes} + {index} of the output, signed");
    let mut layout = array(lanes, field, &element);
    let mut width = lanes * field;
    let mut beat =
        format!("{lanes} elements of one row, {bits} bits each, signed, extended to {field}");
    if c.output_bits.is_none() {
        let normalizer = c.normalizer_bits();
        let top = padded(normalizer);
        layout.push((
            format!("{}:{width}", width + top - 1),
            format!("the row's normalizer, unsigned, {normalizer} bits"),
        ));
        width += top;
        beat += &format!("; on top the row's normalizer, {normalizer} bits extended to {top}");
    }
    let (d, block) = (c.head_dimension, c.query_block);
    let beats = d / c.output_lanes;
    let packet = match block {
        1 => format!("a row: {beats} beats, elements 0 to {}", d - 1),
        _ => format!(
            "a row: {beats} beats, elements 0 to {}; a block's rows follow each other, row 0 first",
            d - 1
        ),
    };
    Stream {
        name: "m_axis_out",
        bits: width,
        into_core: false,
        beat,
        packet,
        layout,
    }
}
