//! What attention moves between external memory and the unit, and what it takes to store.
//!
//! Three strategies are compared, none of them the winner everywhere:
//!
//! - [`Strategy::DenseRefetch`]: every query block reads all keys' K and V anew. Needs no memory on
//!   chip but a buffer; the baseline that skipping is usually held against.
//! - [`Strategy::LoadOnce`]: K and V are read once and serve all rows. Needs them to fit on chip
//!   ([`GroupShape::on_chip_bytes`]); where they do, it is hard to beat with many rows a load.
//! - [`Strategy::Skip`]: every query block reads the values of the union of its survivors.
//!
//! Three rules keep skipping honest:
//!
//! - **K cannot be skipped.** A key's score must be known before the key can be pruned, so where
//!   keys pass the unit, [`Strategy::Skip`] reads all of them for every query block, as
//!   [`Strategy::DenseRefetch`] does. Only V shrinks.
//! - **A burst cannot be half skipped.** What moves is counted in whole bursts
//!   ([`Traffic::burst_bytes`]); values that are smaller than a burst are fetched with their
//!   neighbors.
//! - **A block reads what any of its rows kept**: sharing reads (a larger query block B) costs
//!   sparsity.
//!
//! Writing K and V of new tokens to memory is the business of whoever made them; it is the same
//! under all strategies and counted under none.
//!
//! ```
//! use logattn_sim::memory::{DramOptions, GroupShape, Strategy, SurvivorMap, traffic};
//!
//! // One query over four keys, of which one survives; D = 64, 8-bit values, probabilities in.
//! let mut map = SurvivorMap::new(4);
//! map.push_row(&[0, 3, 0, 0], 4);
//! let shape = GroupShape {
//!     head_dimension: 64,
//!     value_bits: 8,
//!     key_bits: 0,
//!     query_bits: 0,
//!     attention_bits: 16,
//!     output_row_bytes: 64,
//!     new_keys: 4,
//! };
//! let dram = DramOptions::default();
//! let skip = traffic(&shape, &map, Strategy::Skip, 1, &dram);
//! let dense = traffic(&shape, &map, Strategy::DenseRefetch, 1, &dram);
//! assert_eq!((skip.value_bytes, dense.value_bytes), (64, 256));
//! ```

mod bandwidth;
mod dram;
mod encoding;
mod expected;
mod group;
mod survivor_map;
mod traffic;

pub use bandwidth::{Bandwidth, BandwidthModel};
pub use dram::DramOptions;
pub use encoding::{EncodingBits, RUN_LENGTH_FIELDS};
pub use expected::ExpectedTraffic;
pub use group::GroupShape;
pub use survivor_map::SurvivorMap;
pub use traffic::{BlockTraffic, Strategy, Traffic, by_query_block, traffic};

use thiserror::Error;

/// What is wrong with the input of a memory model.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum MemoryError {
    /// An option is outside its legal range.
    #[error("{field} = {value}: must be {legal}")]
    Option {
        /// The offending option.
        field: &'static str,
        /// Its value.
        value: String,
        /// The legal range.
        legal: &'static str,
    },
    /// There is not one compute time for each query block.
    #[error("{found} block times for {expected} query blocks, legal: one for each")]
    Blocks {
        /// Times given.
        found: usize,
        /// Query blocks of the group.
        expected: usize,
    },
}
