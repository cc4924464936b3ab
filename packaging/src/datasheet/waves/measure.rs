//! Latency of single rows, measured on the netlist.

use super::Scene;
use super::recording::{Show, watched};
use crate::PackagingError;
use crate::datasheet::latency::Latency;
use logattn_golden::config::Input;

/// Cycles in which everything that is under way comes to rest.
const REST: usize = 40;

impl Scene<'_> {
    /// Latencies of rows of few keys, and of all.
    pub(super) fn latencies(&self) -> Result<Vec<Latency>, PackagingError> {
        let c = self.c;
        let mut lengths = vec![c.keys_per_beat, c.max_keys / 4, c.max_keys];
        lengths.dedup();
        let (stream, rows) = self.rows_stream();
        let mut bench = self.running("latency", c.max_keys, lengths.len() as u32)?;
        bench.send("value", c.max_keys * c.passes(), None, true);
        if c.input == Input::Qkv {
            bench.write(self.offset("SCORE_SHIFT"), 0)?;
            bench.send_data("key", self.keys());
        }
        bench.until_sent()?;
        let shown = [rows, Show::Stream("m_axis_out", 'O')];
        let mut found = Vec::new();
        for keys in &lengths {
            bench.write(self.offset("ROW_LENGTH"), *keys as u32)?;
            bench.steps(REST);
            bench.watch(&watched(&shown));
            bench.send_data(stream, self.row(*keys));
            bench.until_offered("m_axis_out")?;
            let first = self.first_transfer(&bench, stream);
            found.push(Latency {
                keys: *keys,
                cycles: bench.recorded_cycles() - first,
            });
            for _ in 0..c.query_block {
                bench.until_row_out()?;
            }
            bench.steps(REST);
        }
        Ok(found)
    }

    /// The cycle in which a row's first beat (its block's last query) is taken.
    fn first_transfer(&self, bench: &super::Bench, stream: &str) -> usize {
        let column = |signal: &str| bench.recorded(&format!("s_axis_{stream}_t{signal}"));
        let (valid, ready) = (column("valid"), column("ready"));
        let both = valid.iter().zip(&ready);
        let mut taken = both.enumerate().filter(|(_, (v, r))| **v == 1 && **r == 1);
        let index = match self.c.input {
            Input::Qkv => self.c.query_block - 1,
            _ => 0,
        };
        taken.nth(index).map_or(0, |(cycle, _)| cycle)
    }

    /// Keys of which key 0 alone survives against queries of the largest elements.
    fn keys(&self) -> Vec<Vec<u64>> {
        let bytes = |byte: u64| packed(&vec![byte; self.c.head_dimension], 8);
        let mut keys = vec![bytes(0x81); self.c.max_keys];
        if let Some(first) = keys.first_mut() {
            *first = bytes(0x7f);
        }
        keys
    }

    /// A row packet in which key 0 alone survives.
    fn row(&self, keys: usize) -> Vec<Vec<u64>> {
        let c = self.c;
        if c.input == Input::Qkv {
            let query = packed(&vec![0x7f; c.head_dimension], 8);
            return vec![query; c.query_block];
        }
        let bits = c.attention_bits();
        let (most, least) = match c.input {
            Input::Probabilities => ((1 << bits) - 1, 0),
            _ => ((1 << (bits - 1)) - 1, 1 << (bits - 1)),
        };
        let elements = c.keys_per_beat * c.query_block;
        let mut beats = vec![vec![least; elements]; c.beats(keys)];
        beats[0][..c.query_block].fill(most);
        beats.iter().map(|beat| packed(beat, bits)).collect()
    }
}

/// Elements of `bits` bits, the first one lowest.
fn packed(elements: &[u64], bits: u32) -> Vec<u64> {
    let mut words = vec![0; (elements.len() * bits as usize).div_ceil(64)];
    for (index, element) in elements.iter().enumerate() {
        let at = index * bits as usize;
        let wide = u128::from(*element) << (at % 64);
        words[at / 64] |= wide as u64;
        if let Some(next) = words.get_mut(at / 64 + 1) {
            *next |= (wide >> 64) as u64;
        }
    }
    words
}
