//! What [`Strategy::Skip`] is expected to move, and from where on it pays.

use super::{DramOptions, GroupShape, Strategy};
use serde::Serialize;
use std::collections::BTreeMap;

/// Steps of a bisection: more than a `f64` has bits.
const STEPS: u32 = 64;

/// Rows or keys at which a search for a crossover gives up.
const SEARCH_LIMIT: usize = 1 << 24;

/// A group in which every key survives independently with the same probability, 1 - sparsity.
///
/// Real survivors cluster (rows of a block keep the same keys, neighbors survive together), so
/// that [`super::traffic`] of the same sparsity is usually below this expectation for query blocks
/// over 1. All rows have `keys` keys, and a load of [`Strategy::LoadOnce`] brings all of them in:
/// [`GroupShape::new_keys`] is not read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ExpectedTraffic {
    /// Sizes of what moves.
    pub shape: GroupShape,
    /// Keys N of every row.
    pub keys: usize,
    /// Rows that one load of [`Strategy::LoadOnce`] serves.
    pub rows: usize,
    /// The external memory.
    pub dram: DramOptions,
}

impl ExpectedTraffic {
    /// Expected [`super::Traffic::burst_bytes`]. Exact for the two strategies that do not depend
    /// on sparsity.
    ///
    /// A burst with values of m keys is left out by a block of b rows iff all of them are pruned
    /// in all rows: with probability sparsity^(m b).
    ///
    /// # Arguments
    /// - `query_block`: rows that share each read (B); 0 counts as 1.
    /// - `sparsity`: share of pruned keys, cut to 0..=1.
    pub fn bytes(&self, strategy: Strategy, query_block: usize, sparsity: f64) -> f64 {
        let shape = &self.shape;
        let (size, sparsity) = (query_block.max(1), sparsity.clamp(0.0, 1.0));
        let bursts = |vectors: usize, bytes: usize| {
            self.dram.bursts(vectors.saturating_mul(bytes) as u64) as f64
        };
        let streams =
            bursts(self.rows, shape.query_bytes()) + bursts(self.rows, shape.output_row_bytes);
        let keys = bursts(self.keys, shape.key_bytes());
        let values = bursts(self.keys, shape.value_bytes());
        let blocks = self.rows.div_ceil(size) as f64;
        let read = match strategy {
            Strategy::LoadOnce => keys + values,
            Strategy::DenseRefetch => blocks * (keys + values),
            Strategy::Skip => {
                let sharers = self.keys_of_bursts();
                let block = |rows: usize| expected_bursts(&sharers, rows, sparsity);
                let whole = (self.rows / size) as f64 * block(size);
                blocks * keys + whole + block(self.rows % size)
            }
        };
        (streams + read) * f64::from(self.dram.burst_bytes)
    }

    /// The sparsity above which [`Strategy::Skip`] moves less than [`Strategy::LoadOnce`]; `None`
    /// where it never does, be every key pruned (K of several blocks alone is more).
    pub fn crossover_sparsity(&self, query_block: usize) -> Option<f64> {
        let wins = |sparsity| self.skip_wins(query_block, sparsity);
        if !wins(1.0) {
            return None;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..STEPS {
            let middle = f64::midpoint(low, high);
            if wins(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high)
    }

    /// The most rows a load for which [`Strategy::Skip`] moves less than [`Strategy::LoadOnce`];
    /// 0 where it does not for a single one, `None` where it does for any number that matters (over
    /// 2^24).
    pub fn crossover_rows(&self, query_block: usize, sparsity: f64) -> Option<usize> {
        last_win(|rows| ExpectedTraffic { rows, ..*self }.skip_wins(query_block, sparsity))
    }

    /// The most keys N for which [`Strategy::Skip`] moves less than [`Strategy::LoadOnce`] in
    /// prefill, where N keys serve N rows of each of `query_heads` query heads; 0 and `None` as in
    /// [`ExpectedTraffic::crossover_rows`]. Where values do not fill bursts, the figure may be off
    /// by as many keys as share one.
    pub fn crossover_keys(
        &self,
        query_heads: usize,
        query_block: usize,
        sparsity: f64,
    ) -> Option<usize> {
        last_win(|keys| {
            let rows = keys.saturating_mul(query_heads);
            ExpectedTraffic {
                keys,
                rows,
                ..*self
            }
            .skip_wins(query_block, sparsity)
        })
    }

    fn skip_wins(&self, query_block: usize, sparsity: f64) -> bool {
        let bytes = |strategy| self.bytes(strategy, query_block, sparsity);
        bytes(Strategy::Skip) < bytes(Strategy::LoadOnce)
    }

    /// How many bursts of V hold values of how many keys.
    fn keys_of_bursts(&self) -> BTreeMap<usize, u64> {
        let (value, burst) = (
            self.shape.value_bytes(),
            self.dram.burst_bytes.max(1) as usize,
        );
        let mut sharers = BTreeMap::new();
        if value == 0 {
            return sharers;
        }
        let bytes = self.keys * value;
        // Where bursts and values begin in the same byte the pattern repeats.
        let period = lcm(value, burst);
        let mut add = |range: std::ops::Range<usize>, times: u64| {
            for start in range.step_by(burst) {
                let end = (start + burst).min(bytes);
                *sharers
                    .entry(end.div_ceil(value) - start / value)
                    .or_insert(0) += times;
            }
        };
        let whole = bytes / period;
        if whole > 0 {
            add(0..period, whole as u64);
        }
        add(whole * period..bytes, 1);
        sharers
    }
}

/// Expected bursts that a block of `rows` rows reads.
fn expected_bursts(sharers: &BTreeMap<usize, u64>, rows: usize, sparsity: f64) -> f64 {
    sharers
        .iter()
        .map(|(keys, bursts)| {
            let pruned = sparsity.powf((keys * rows) as f64);
            *bursts as f64 * (1.0 - pruned)
        })
        .sum()
}

/// The last number for which `wins` holds, given that it holds up to there: 0 if it does not for
/// 1, `None` if it does up to [`SEARCH_LIMIT`].
fn last_win(wins: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut low, mut high) = (0, 1);
    while wins(high) {
        if high >= SEARCH_LIMIT {
            return None;
        }
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = low.midpoint(high);
        if wins(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low)
}

fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}
