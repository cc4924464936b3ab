//! What stands around the Verilog of a core in the folder that `logattn generate` writes: build
//! descriptions for other tools, a bench, drivers and documents.
//!
//! Every part is a plain function from [`Contents`] to [`PackagedFile`]s.

pub mod vectors;

use logattn_golden::{Configuration, ConfigurationError};
use logattn_hdl::attention_core::RegisterMap;
use logattn_hdl::unit::{Export, ExportError};
use logattn_sim::SimulationError;
use logattn_testbenches::StimulusError;
use thiserror::Error;

/// Why a folder could not be made.
#[derive(Debug, Error)]
pub enum PackagingError {
    /// The configuration is not valid.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The Verilog cannot be made.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Heads do not go with the configuration: a defect of the generator.
    #[error(transparent)]
    Stimulus(#[from] StimulusError),
    /// The simulator refuses heads: a defect of the generator.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// A description cannot be written: a defect of the generator.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// One file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackagedFile {
    /// Path within the folder, with `/`.
    pub path: String,
    /// What it says.
    pub text: String,
}

impl PackagedFile {
    /// A file.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        PackagedFile {
            path: path.into(),
            text: text.into(),
        }
    }
}

/// What every part of a folder is made from.
pub struct Contents {
    /// The configuration.
    pub configuration: Configuration,
    /// The Verilog of the core.
    pub export: Export,
    /// The core's registers.
    pub map: RegisterMap,
}
