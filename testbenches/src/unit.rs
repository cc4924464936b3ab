//! The unit of a configuration as a device.

use crate::verilator::{BuildRequest, Model, PortSpec, PowerUp, Verilator, VerilatorError};
use logattn_golden::Configuration;
use logattn_hdl::unit::{Export, ExportError, export};
use std::path::Path;
use thiserror::Error;

/// Why a unit could not be built.
#[derive(Debug, Error)]
pub enum UnitError {
    /// The configuration could not be exported.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Verilator is missing or refuses the unit.
    #[error(transparent)]
    Verilator(#[from] VerilatorError),
}

/// The Verilated unit of `c`, from the cache where it has been built before; `waves`: able to
/// write VCD.
///
/// # Errors
/// An invalid configuration; a warning or an error of Verilator.
pub fn verilated_unit(
    verilator: &Verilator,
    c: &Configuration,
    waves: bool,
    power_up: PowerUp,
    cache: &Path,
) -> Result<Model, UnitError> {
    Ok(verilated(verilator, &export(c)?, waves, power_up, cache)?)
}

/// The Verilated model of exported files.
///
/// # Errors
/// A warning or an error of Verilator.
pub fn verilated(
    verilator: &Verilator,
    export: &Export,
    waves: bool,
    power_up: PowerUp,
    cache: &Path,
) -> Result<Model, VerilatorError> {
    let sources = sources(export);
    let ports: Vec<PortSpec> = export
        .ports
        .iter()
        .map(|(name, width)| PortSpec::new(name, *width))
        .collect();
    let request = BuildRequest {
        top: &export.top,
        sources: &sources,
        ports: &ports,
        waves,
        ..BuildRequest::default()
    };
    let library = verilator.build(&request, cache)?;
    Model::load(&library, &ports, power_up)
}

/// File names and texts of an export.
pub fn sources(export: &Export) -> Vec<(String, String)> {
    export
        .files
        .iter()
        .map(|file| (file.name.clone(), file.text.clone()))
        .collect()
}
