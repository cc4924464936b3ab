//! The attention core: the unit with registers on AXI4-Lite and guards on its streams, which is
//! what is put into a design.

mod register_map;

pub use register_map::{
    ADDRESS_BITS, Access, COUNTERS_OFFSET, Field, ID, Lock, Register, RegisterMap, THRESHOLDS,
    TIMEOUT_BITS, WEIGHTS, has_causal,
};
