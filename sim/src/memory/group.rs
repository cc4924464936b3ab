//! The sizes of what a group moves.

use logattn_golden::config::{Configuration, Input, Normalize, QUERY_KEY_BITS};
use serde::Serialize;

/// The sizes of what one group (a KV head and the rows of its query heads) moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GroupShape {
    /// Elements D of a key, value, query or output vector.
    pub head_dimension: usize,
    /// Bits of a value element.
    pub value_bits: u32,
    /// Bits of a key element; 0 where keys do not pass the unit (scores or probabilities come in).
    pub key_bits: u32,
    /// Bits of a query element; 0 where queries do not pass the unit.
    pub query_bits: u32,
    /// Bits of a score or probability that comes in for each element; 0 where the unit computes
    /// the scores itself.
    pub attention_bits: u32,
    /// Bytes that leave the unit for a row: each field of the output stream padded to bytes.
    pub output_row_bytes: usize,
    /// The keys, the youngest ones, that [`Strategy::LoadOnce`](super::Strategy::LoadOnce) brings
    /// in for the group. All of them in prefill, in the first step of decode, and in every step of
    /// decode if the cache does not stay on chip between steps; 1, the step's own, in later steps
    /// if it does. Cut at the keys of the map.
    pub new_keys: usize,
}

impl GroupShape {
    /// The sizes that follow from a configuration.
    ///
    /// Outputs are counted as the output stream carries them: every field padded to whole bytes,
    /// with `normalize = "none"` a normalizer with each beat.
    pub fn of(configuration: &Configuration, new_keys: usize) -> Self {
        let c = configuration;
        let qkv = if c.input == Input::Qkv {
            QUERY_KEY_BITS
        } else {
            0
        };
        let bytes = |bits: u32| bits.div_ceil(8) as usize;
        let beats = c.head_dimension / c.output_lanes.max(1);
        let output_row_bytes = match (c.normalize, c.output_bits) {
            (Normalize::Reciprocal | Normalize::Complement, Some(bits)) => {
                c.head_dimension * bytes(bits)
            }
            _ => {
                c.head_dimension * bytes(c.accumulator_bits()) + beats * bytes(c.normalizer_bits())
            }
        };
        GroupShape {
            head_dimension: c.head_dimension,
            value_bits: c.value_bits,
            key_bits: qkv,
            query_bits: qkv,
            attention_bits: if c.input == Input::Qkv {
                0
            } else {
                c.attention_bits()
            },
            output_row_bytes,
            new_keys,
        }
    }

    /// Bytes of a value vector: keys' values lie one after the other, each on whole bytes.
    pub fn value_bytes(&self) -> usize {
        self.vector_bytes(self.value_bits)
    }

    /// Bytes of a key vector; 0 where keys do not pass the unit.
    pub fn key_bytes(&self) -> usize {
        self.vector_bytes(self.key_bits)
    }

    /// Bytes of a query vector; 0 where queries do not pass the unit.
    pub fn query_bytes(&self) -> usize {
        self.vector_bytes(self.query_bits)
    }

    /// Bytes that have to stay on chip for
    /// [`Strategy::LoadOnce`](super::Strategy::LoadOnce): K and V of `keys` keys of one group,
    /// once.
    ///
    /// In prefill one group is held at a time (two while the next one loads). In decode with
    /// `new_keys = 1` every KV head of every layer is held, all the time: multiply by their number.
    pub fn on_chip_bytes(&self, keys: usize) -> u64 {
        keys as u64 * (self.key_bytes() + self.value_bytes()) as u64
    }

    /// The most keys of one group that `bytes` on chip hold: the context beyond which
    /// [`Strategy::LoadOnce`](super::Strategy::LoadOnce) is not to be had. Without limit for
    /// vectors of no size.
    pub fn keys_on_chip(&self, bytes: u64) -> u64 {
        bytes.checked_div(self.on_chip_bytes(1)).unwrap_or(u64::MAX)
    }

    fn vector_bytes(&self, bits: u32) -> usize {
        (self.head_dimension * bits as usize).div_ceil(8)
    }
}
