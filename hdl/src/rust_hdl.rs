//! Any module as a rust-hdl block.
