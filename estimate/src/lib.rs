//! Area of an attention unit in milliseconds, from the structure of its netlist.
//!
//! The unit is elaborated and taken apart into gates, carry chains, registers and memories
//! ([`logattn_hdl::netlist::parts`]); gates are covered with look-up tables of the family's size.
//! Nothing is read from the configuration itself, so a new module is estimated like any other. The
//! counts times few coefficients, which are fitted to small synthesized units, give the area. It is
//! the area before placement: no clock tree, no wires, no frequency.
//!
//! ```
//! use logattn_estimate::{Options, Target, estimate};
//! use logattn_golden::Configuration;
//!
//! let nano = Configuration::named("nano")?;
//! let estimate = estimate(&nano, Target::Ice40Hx8k, Options::default())?;
//! assert!(estimate.fits.iter().all(|fit| fit.used <= f64::from(fit.available)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod area;
mod calibration;
mod cover;
mod family;
mod features;
mod storage;
mod target;

pub use area::{Area, Estimate, Fit, ModuleArea, Options, estimate, estimate_module, features};
pub use calibration::{Calibration, HeldOut, Spread};
pub use family::Family;
pub use features::Features;
pub use target::{Part, Target};

use logattn_golden::ConfigurationError;
use logattn_hdl::netlist::NetlistError;
use thiserror::Error;

/// Why an area could not be estimated.
#[derive(Debug, Error)]
pub enum Error {
    /// The configuration is not valid.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The netlist is not well formed: a defect of the generator.
    #[error(transparent)]
    Netlist(#[from] NetlistError),
    /// The calibration cannot be read: a defect of this build.
    #[error("the built-in calibration is damaged")]
    Calibration(#[source] serde_json::Error),
    /// There is no such target.
    #[error(
        "--target = {given:?}: legal: {}, or all",
        Target::ALL.map(Target::name).join(", ")
    )]
    Target {
        /// What was given.
        given: String,
    },
}
