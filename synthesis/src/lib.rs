//! Area and speed of the attention unit, from open tools: yosys, nextpnr and OpenSTA.
//!
//! [`synthesize`] takes a configuration and a [`Target`] and gives a [`Synthesis`]: what the unit
//! takes, module by module, and how fast it is, with all that is needed to make the same again.
//! Finished steps are kept on disk by the content that they depend on ([`Options::cache`]).
//!
//! ```no_run
//! use logattn_golden::Configuration;
//! use logattn_synthesis::{Options, Target, synthesize};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options { seeds: 1, ..Options::new(Target::Ice40Hx8k) };
//! let synthesis = synthesize(&Configuration::named("nano")?, &options)?;
//! println!("{} LUT", synthesis.area.lut);
//! # Ok(())
//! # }
//! ```

mod asic;
mod before_placement;
mod cache;
mod cells;
mod error;
mod fpga;
mod harness;
mod job;
mod liberty;
mod modules;
mod options;
mod path;
mod place;
mod process;
mod result;
mod run;
mod target;
mod timing;
mod tools;

pub use cache::{CACHE_VARIABLE, default_cache_directory};
pub use error::Error;
pub use liberty::{DEFAULT_LIBERTY, Liberty};
pub use options::{Dsps, MAX_SEEDS, Options, Stage};
pub use result::{
    Area, CriticalPath, LibertyUsed, Memory, Module, Modules, PathStep, Placement, Resource, Seed,
    Speed, StaticTiming, StepKind, Synthesis, Versions,
};
pub use run::{synthesize, synthesize_with};
pub use target::{Part, Target};
pub use tools::PYTHON_VARIABLE;
