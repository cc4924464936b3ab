//! The attention unit: one file a module, in the order data flows.
//!
//! ```text
//!  s_axis_attn      s_axis_query, s_axis_key
//!  (a stream_register at every stream port)
//!    |     |                |
//!    |  score_input    score_engine (dot_product, key_memory)
//!    |     |                |
//!    |     +-> row_statistics <-+
//!    |              |
//!    +--------> quantizer --codes--> survivor_selector --(key,code)--> value_memory <-- s_axis_value
//!                                    or survivor_sorter                     |
//!                                                                           |
//!                                                 shift_ / sorted_ / bucket_ / multiply_accumulator
//!                                                                           |
//!                                                                      normalizer --> m_axis_out
//! ```
//!
//! Every module is a plain function from [`Configuration`] to [`Module`]. A stage is one of two
//! kinds. Elastic: a register accepts when it is empty or is being emptied in the same cycle, so a
//! bubble never outlives the first stall behind it. Or it never stalls, because room for what
//! comes out at its end was reserved before it went in ([`score_engine`], [`row_statistics`], and
//! with sorted accumulation from the value memory to the sums, behind [`row_gate`]). So
//! the simulator can model each register with two maxima.
//!
//! Order of bits on the buses: element 0 in the least significant bits; codes, scores and
//! probabilities of a beat are key-major, so element `key * query_block + row`.

mod accumulator;
mod attention_unit;
mod bucket_accumulator;
mod complement_rounding;
mod dot_product;
mod export;
mod front_end;
mod key_memory;
mod level_combination;
mod memory_banks;
mod multiply_accumulator;
mod normalizer;
mod performance_counters;
mod pipeline;
mod places;
mod quantizer;
mod quotient;
mod reciprocal;
mod reserved_queue;
mod row_gate;
mod row_lengths;
mod row_statistics;
mod score_engine;
mod score_input;
mod score_quantizer;
mod shift_accumulator;
mod sorted_accumulator;
mod stream_register;
mod survivor_selector;
mod survivor_sorter;
mod value_memory;

pub use attention_unit::attention_unit;
pub(crate) use export::export_module;
pub use export::{Export, ExportError, ExportedFile, export};
pub use performance_counters::{COUNTER_BITS, COUNTERS};

use crate::netlist::{Builder, Signal, Type, unsigned};
use logattn_golden::config::{Accumulate, Configuration, Normalize};
use logattn_golden::microarchitecture::wire_registers;

/// Widths that several modules share, all in bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Widths {
    /// One stored code (or the twin's 8-bit probability).
    pub code: u32,
    /// The codes of one key for the whole query block.
    pub key_codes: u32,
    /// What a visit says of its key: its codes; with `accumulate = "sorted"` whether its value is
    /// added, whether the sum is doubled before and, with `normalize = "complement"`, whether the
    /// value is subtracted.
    pub visit_codes: u32,
    /// Index of a beat in its row; 0 when a row is one beat.
    pub beat: u32,
    /// Index of a key in its row.
    pub key: u32,
    /// Index of a pass over the row's survivors; 0 when there is one.
    pub pass: u32,
    /// One word of the value memory.
    pub value_word: u32,
}

impl Widths {
    pub(crate) fn of(c: &Configuration) -> Self {
        let code = c.stored_code_bits();
        let beat = ceil_log2(c.beats(c.max_keys));
        Widths {
            code,
            key_codes: code * c.query_block as u32,
            visit_codes: match c.accumulate {
                Accumulate::Sorted if c.normalize == Normalize::Complement => 3,
                Accumulate::Sorted => 2,
                _ => code * c.query_block as u32,
            },
            beat,
            key: beat + c.keys_per_beat.ilog2(),
            pass: ceil_log2(c.passes()),
            value_word: c.lanes as u32 * c.value_bits,
        }
    }
}

/// The number of bits that tell `count` things apart; 0 for one thing.
pub(crate) fn ceil_log2(count: usize) -> u32 {
    count.next_power_of_two().ilog2()
}

/// Bits of a field on an output stream: the next multiple of 8.
pub(crate) fn padded(bits: u32) -> u32 {
    bits.div_ceil(8) * 8
}

/// A bit.
pub(crate) fn bit() -> Type {
    unsigned(1)
}

/// The handshake of one elastic register stage.
#[derive(Clone, Copy)]
pub(crate) struct Stage {
    /// The stage takes what is before it in this cycle.
    pub enable: Signal,
    /// The stage holds something.
    pub valid: Signal,
}

/// Declares the valid bit of an elastic stage called `name`: it accepts when it is empty or when
/// the stage behind it takes what it holds; in every cycle if that is never in its way (`None`).
pub(crate) fn elastic_stage(
    m: &mut Builder,
    name: &str,
    before: Signal,
    next_ready: impl Into<Option<Signal>>,
) -> Stage {
    let valid = m.register_reset(format!("{name}_valid"), bit(), 0);
    let Some(next_ready) = next_ready.into() else {
        m.update(valid, before);
        let enable = m.constant(1, bit());
        return Stage { enable, valid };
    };
    let empty = m.not(valid);
    let enable = m.or(empty, next_ready);
    let enable = m.name(enable, format!("{name}_enable"));
    m.update_if(valid, enable, before);
    Stage { enable, valid }
}

/// An elastic register for named fields of a stream, where `wanted`; otherwise the stream itself.
/// Gives the fields behind it, what says that they are valid, and its load enable, which takes the
/// place of `ready` before it.
pub(crate) fn elastic_register<const N: usize>(
    m: &mut Builder,
    (name, wanted): (&str, bool),
    fields: [(&str, Option<Signal>); N],
    valid: Signal,
    ready: impl Into<Option<Signal>>,
) -> ([Option<Signal>; N], Stage) {
    let ready = ready.into();
    if !wanted {
        let enable = ready.unwrap_or_else(|| m.constant(1, bit()));
        return (fields.map(|(_, field)| field), Stage { enable, valid });
    }
    let stage = elastic_stage(m, name, valid, ready);
    let fields = fields.map(|(field, signal)| {
        signal.map(|signal| loaded(m, &format!("{name}_{field}"), stage.enable, signal))
    });
    (fields, stage)
}

/// Whether visits carry a mark of their row's largest key. Sorted visits say what to do with its
/// value instead.
pub(crate) fn marks_largest(c: &Configuration) -> bool {
    c.normalize == Normalize::Complement && c.accumulate != Accumulate::Sorted
}

/// Whether a visit to the value memory goes through to the sums without a stop: what might hold it
/// up does so in front of the memory ([`row_gate`]).
pub(crate) fn flows_through(c: &Configuration) -> bool {
    c.accumulate == Accumulate::Sorted
}

/// Whether codes of scores, entries of the sorter and output beats go into queues whose places are
/// reserved before they are made ([`reserved_queue`]), so that readiness does not have to reach all stages on
/// the way.
pub(crate) fn reserves(c: &Configuration) -> bool {
    wire_registers(c) > 0
}

/// A register without reset that loads `next` when `enable` is high, or in every cycle.
pub(crate) fn loaded_if(
    m: &mut Builder,
    name: &str,
    enable: Option<Signal>,
    next: Signal,
) -> Signal {
    let register = m.register(name, next.ty());
    match enable {
        Some(enable) => m.update_if(register, enable, next),
        None => m.update(register, next),
    }
    register
}

/// A register without reset that loads `next` when `enable` is high.
pub(crate) fn loaded(m: &mut Builder, name: &str, enable: Signal, next: Signal) -> Signal {
    let register = m.register(name, next.ty());
    m.update_if(register, enable, next);
    register
}

/// Element `index` of a bus of equal elements `width` bits wide.
pub(crate) fn element(m: &mut Builder, bus: Signal, index: usize, width: u32) -> Signal {
    m.slice(bus, index as u32 * width, width)
}

/// The bus of `elements`, element 0 in the least significant bits.
pub(crate) fn bus(m: &mut Builder, elements: &[Signal]) -> Signal {
    let reversed: Vec<Signal> = elements.iter().rev().copied().collect();
    m.concat(&reversed)
}

/// Replaces the signals of named fields by those of a bus of them, the first one lowest.
pub(crate) fn split_fields(m: &mut Builder, bus: Signal, fields: &mut [(&'static str, Signal)]) {
    let mut low = 0;
    for (_, field) in fields {
        let width = field.width();
        *field = m.slice(bus, low, width);
        low += width;
    }
}

/// `options[index]`, as a balanced tree of two-way choices; missing options repeat the last one.
pub(crate) fn choose(m: &mut Builder, index: Signal, options: &[Signal]) -> Signal {
    let mut level = options.to_vec();
    for depth in 0..index.width() {
        let select = m.bit(index, depth);
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [low, high] => m.mux(select, *high, *low),
                rest => rest[0],
            })
            .collect();
    }
    level[0]
}

/// `value` in `bits` bits, fewer than it has, and whether it fits: if not, the result is the
/// number of those bits that is nearest to it.
pub(crate) fn saturated(m: &mut Builder, value: Signal, bits: u32) -> (Signal, Signal) {
    let above = m.slice(value, bits - 1, value.width() - bits + 1);
    let above = m.name(above, "sign_and_above");
    let (ones, any) = (m.all(above), m.any(above));
    let zeros = m.not(any);
    let fits = m.or(ones, zeros);
    let fits = m.name(fits, "fits");
    let sign = m.bit(value, value.width() - 1);
    let nearest = if bits > 1 {
        let positive = m.not(sign);
        let rest = m.replicate(positive, bits - 1);
        m.concat(&[sign, rest])
    } else {
        sign
    };
    let kept = m.slice(value, 0, bits);
    let result = m.mux(fits, kept, nearest);
    (m.as_signed(result), fits)
}
