//! What ends a command with exit status 2, and how it is told.

use logattn_golden::ConfigurationError;
use logattn_hdl::unit::ExportError;
use logattn_sim::SimulationError;
use logattn_testbenches::unit::UnitError;
use logattn_testbenches::verilator::VerilatorError;
use logattn_testbenches::{Mismatch, StimulusError};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Bad input, a missing tool or unwritable output.
#[derive(Debug, Error)]
pub enum Error {
    /// A configuration is unknown or not valid.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// A configuration file is no TOML, or has an unknown, missing or mistyped field.
    #[error("{place}: {message}")]
    Toml {
        /// The file, with line and text of the fault if it has a line.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// A capture cannot be used.
    #[error(transparent)]
    Capture(#[from] logattn_captures::Error),
    /// A file cannot be read.
    #[error("{}: cannot read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Something cannot be written.
    #[error("{}: cannot write: {source}", path.display())]
    Write {
        /// File, directory or stream.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An output directory holds something that must not be lost.
    #[error(
        "{}: holds {foreign}, which is not of an earlier generation; choose another directory, \
         or keep it and overwrite the rest with --force",
        directory.display()
    )]
    Occupied {
        /// The directory.
        directory: PathBuf,
        /// The first such file in it.
        foreign: String,
    },
    /// A capture does not fit, or a study of it fails.
    #[error(transparent)]
    Study(#[from] logattn_studies::Error),
    /// A sweep cannot be made.
    #[error(transparent)]
    Sweep(#[from] logattn_studies::sweep::SweepError),
    /// A model, its data or its attention cannot be used, or a run of it fails.
    #[error(transparent)]
    Accuracy(#[from] logattn_accuracy::Error),
    /// An area cannot be estimated.
    #[error(transparent)]
    Estimate(#[from] logattn_estimate::Error),
    /// The folder of a core cannot be made.
    #[error(transparent)]
    Packaging(#[from] logattn_packaging::PackagingError),
    /// An option does not go with the target.
    #[error("{option}: legal: absent with --target {target}, which {reason}")]
    Target {
        /// The option.
        option: &'static str,
        /// The target.
        target: String,
        /// Why not.
        reason: &'static str,
    },
    /// The heads make no stimulus.
    #[error(transparent)]
    Stimulus(#[from] StimulusError),
    /// The heads make no workload.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The Verilog could not be made.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The unit could not be built for co-simulation.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// The unit cannot be synthesized.
    #[error(transparent)]
    Synthesis(#[from] logattn_synthesis::Error),
    /// Verilator is missing or fails.
    #[error(transparent)]
    Verilator(#[from] VerilatorError),
    /// The bench could not play on the unit.
    #[error(transparent)]
    Bench(Mismatch),
    /// Two results would go to one file.
    #[error("--json and --csv = {}: legal: different files", path.display())]
    SameFile {
        /// The file.
        path: PathBuf,
    },
    /// A plot could not be drawn.
    #[error("{}: cannot draw: {reason}", path.display())]
    Plot {
        /// The picture.
        path: PathBuf,
        /// What the drawing library says.
        reason: String,
    },
}

impl Error {
    /// Maps an I/O error to [`Error::Read`].
    pub fn read(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Read {
            path: path.as_ref().into(),
            source,
        }
    }

    /// Maps an I/O error to [`Error::Write`].
    pub fn write(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Write {
            path: path.as_ref().into(),
            source,
        }
    }
}

/// An error with those behind it that its text does not already repeat. What a tool printed
/// follows on lines of its own, indented.
pub fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text.trim_end().replace('\n', "\n  ")
}

/// Tells an error on standard error.
pub fn report(error: &Error) {
    // Nobody may be reading; the exit status still tells.
    use std::io::Write;
    let _ = writeln!(io::stderr(), "error: {}", text(error));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        let said = Error::write("out")(missing());
        assert_eq!(text(&said), "out: cannot write: no such file");
        let unsaid = VerilatorError::Io {
            path: "cache".into(),
            source: missing(),
        };
        assert_eq!(
            text(&Error::from(unsaid)),
            "cannot use `cache`: no such file"
        );
    }
}
