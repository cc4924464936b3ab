//! What ends a command with exit status 2, and how it is told.

use logattn_golden::{AttentionError, ConfigurationError};
use logattn_hdl::unit::ExportError;
use logattn_sim::SimulationError;
use logattn_testbenches::captured::CapturedError;
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
    /// A capture was made for another head dimension.
    #[error(
        "{file}: tensor `v` has head dimension D = {found}; legal: {legal} (head_dimension of \
         configuration \"{configuration}\")"
    )]
    HeadDimension {
        /// The file.
        file: String,
        /// D of the capture.
        found: usize,
        /// D of the configuration.
        legal: usize,
        /// Name of the configuration.
        configuration: String,
    },
    /// A capture has longer rows than the unit.
    #[error(
        "{file}: tensor `v` has N = {found} keys; legal: at most {legal} (max_keys of \
         configuration \"{configuration}\")"
    )]
    TooManyKeys {
        /// The file.
        file: String,
        /// Keys of the capture.
        found: usize,
        /// `max_keys`.
        legal: usize,
        /// Name of the configuration.
        configuration: String,
    },
    /// The mask leaves a capture no row.
    #[error("{file}: tensor `mask` leaves no row to attend from")]
    NoRows {
        /// The file.
        file: String,
    },
    /// A unit with scores cannot be fed from probabilities alone.
    #[error(
        "{file}: tensors `q` and `k` are missing; legal: both for a unit with input = \"{input}\" \
         (configuration \"{configuration}\")"
    )]
    NoScores {
        /// The file.
        file: String,
        /// The input of the configuration.
        input: &'static str,
        /// Name of the configuration.
        configuration: String,
    },
    /// A mask that scores cannot express.
    #[error(
        "{file}: tensor `mask` masks key {key} before the last valid key {last}; legal with \
         input = \"{input}\": masked keys at the end alone (a row is cut there; only a probability \
         can be 0)"
    )]
    MaskedKey {
        /// The file.
        file: String,
        /// The first masked key.
        key: usize,
        /// The last valid key.
        last: usize,
        /// The input of the configuration.
        input: &'static str,
    },
    /// Probabilities of other rows than those of the queries.
    #[error(
        "{file}: tensor `probabilities` has {found} rows; legal with input = \"{input}\": {legal}, \
         one for each query of `q`"
    )]
    Rows {
        /// The file.
        file: String,
        /// Rows of the probabilities.
        found: usize,
        /// Queries.
        legal: usize,
        /// The input of the configuration.
        input: &'static str,
    },
    /// A captured head has no form that the unit takes.
    #[error("{file}: {source}")]
    Captured {
        /// The file.
        file: String,
        /// The head and what is wrong with it.
        source: Box<CapturedError>,
    },
    /// The golden model refuses a head.
    #[error("{file}: {source}")]
    Attention {
        /// The file and the head.
        file: String,
        /// What it refuses.
        source: AttentionError,
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
    /// Verilator is missing or fails.
    #[error(transparent)]
    Verilator(#[from] VerilatorError),
    /// The bench could not play on the unit.
    #[error(transparent)]
    Bench(Mismatch),
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
