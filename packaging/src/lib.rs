//! What stands around the Verilog of a core in the folder that `logattn generate` writes: build
//! descriptions for other tools, a bench, drivers and documents.
//!
//! Every part is a plain function from [`Contents`] to [`PackagedFile`]s.

pub mod datasheet;
pub mod readme;

use logattn_golden::{Configuration, ConfigurationError};
use logattn_hdl::attention_core::{RegisterMap, export_core};
use logattn_hdl::unit::{Export, ExportError};
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
    /// The area cannot be estimated.
    #[error(transparent)]
    Estimate(#[from] logattn_estimate::Error),
    /// The core cannot be evaluated.
    #[error(transparent)]
    Netlist(#[from] logattn_hdl::netlist::NetlistError),
    /// The core cannot be simulated.
    #[error(transparent)]
    Simulation(#[from] logattn_sim::SimulationError),
    /// A description cannot be written.
    #[error("a timing diagram cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The core did not do in time what a timing diagram is to show.
    #[error("timing diagram {diagram}: {wanted} did not come within {cycles} cycles")]
    Diagram {
        /// The diagram's name.
        diagram: &'static str,
        /// What was waited for.
        wanted: String,
        /// Cycles that it was given.
        cycles: usize,
    },
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

/// The folder of a core.
pub struct Folder {
    /// Name of the top module.
    pub top: String,
    /// All files, in the order in which they are listed.
    pub files: Vec<PackagedFile>,
}

/// Everything that is generated for a configuration.
///
/// # Errors
/// An invalid configuration.
pub fn folder(configuration: &Configuration) -> Result<Folder, PackagingError> {
    let export = export_core(configuration)?;
    let mut files = Vec::new();
    let mut list = String::new();
    for file in &export.files {
        let path = format!("rtl/{}", file.name);
        list += &format!("{path}\n");
        files.push(PackagedFile::new(path, &file.text));
    }
    files.push(PackagedFile::new("files.f", list));
    files.push(PackagedFile::new(
        "configuration.toml",
        configuration.to_toml()?,
    ));
    Ok(Folder {
        top: export.top,
        files,
    })
}
