//! The one error type of synthesis.

use crate::target::Target;
use logattn_golden::ConfigurationError;
use logattn_hdl::{netlist::NetlistError, unit::ExportError};
use std::{io, path::PathBuf};

/// What ends a synthesis.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The target is not one of [`Target::NAMES`].
    #[error("--target = {given:?}: legal: {}", Target::NAMES.join(", "))]
    UnknownTarget {
        /// The text given.
        given: String,
    },
    /// An option is out of its range, or makes no sense for the target.
    #[error("{name} = {value}: legal: {legal}")]
    Option {
        /// The option.
        name: &'static str,
        /// The value given.
        value: String,
        /// What may be given.
        legal: String,
    },
    /// The configuration is not valid.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The Verilog could not be made.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The unit's ports could not be told.
    #[error(transparent)]
    Netlist(#[from] NetlistError),
    /// A tool is not installed.
    #[error("{tool} not found (looked in: {searched}); install it with {install}")]
    ToolMissing {
        /// The tool.
        tool: String,
        /// The places that were tried, separated by commas.
        searched: String,
        /// The command lines that install it.
        install: String,
    },
    /// A tool exists but could not be started.
    #[error("cannot run `{tool}`")]
    NotRunnable {
        /// The command that was tried.
        tool: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A tool ran and reported failure.
    #[error("`{tool}` failed while {doing}; its log is {}:\n{tail}", log.display())]
    ToolFailed {
        /// The command that failed.
        tool: String,
        /// What it was doing, for a person.
        doing: String,
        /// All that it printed.
        log: PathBuf,
        /// The telling lines of it.
        tail: String,
    },
    /// A tool's result is not what its version should write.
    #[error("{}: {reason}", path.display())]
    Report {
        /// The tool's file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The unit is larger than the part.
    #[error(
        "{configuration} does not fit {device}: it needs {needs} of {available} {resource}, {} too \
         many{}; {advice}, or count without placing it: --seeds 0",
        needs - available,
        of_the_chain(*harness)
    )]
    DoesNotFit {
        /// The configuration.
        configuration: String,
        /// The part.
        device: &'static str,
        /// What there is too little of.
        resource: &'static str,
        /// How many are needed.
        needs: u64,
        /// How many there are.
        available: u64,
        /// How many of those needed the scan chain takes.
        harness: u64,
        /// What to change in the configuration.
        advice: &'static str,
    },
    /// The unit seems to be smaller than the part, but nextpnr finds no place for all of it.
    #[error(
        "{configuration} does not fit {device}, nextpnr says with seed {seed}: {reason}; lower \
         lanes, keys_per_beat or max_keys, or count without placing it: --seeds 0"
    )]
    NoPlace {
        /// The configuration.
        configuration: String,
        /// The part.
        device: &'static str,
        /// The seed.
        seed: u32,
        /// nextpnr's words.
        reason: String,
    },
    /// A Liberty file cannot be read or lacks what is needed.
    #[error("{}: {reason}", path.display())]
    Liberty {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading or writing in the cache failed.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// How many of the needed things the scan chain takes, if any.
fn of_the_chain(harness: u64) -> String {
    match harness {
        0 => String::new(),
        some => format!(" (the scan chain around the unit takes {some} of those needed)"),
    }
}

/// Maps an I/O error to [`Error::Io`] with its path.
pub(crate) fn io_error(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { path, source }
}
