//! Why a sweep cannot be made.

use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Bad input of a sweep, or a file that cannot be read or written.
#[derive(Debug, Error)]
pub enum SweepError {
    /// A grid file is no TOML, or has a field in its head that it cannot have.
    #[error("{origin}: {message}")]
    Toml {
        /// The grid file.
        origin: String,
        /// What the TOML reader says, on one line.
        message: String,
    },
    /// A field of the grid is none of a configuration.
    #[error("{origin}: grid.{field}: no field of a configuration; legal: {legal}")]
    UnknownField {
        /// The grid file.
        origin: String,
        /// The field.
        field: String,
        /// The fields that may vary.
        legal: String,
    },
    /// There is nothing to vary.
    #[error(
        "{origin}: the grid is empty; legal: a table [grid] with an array of values for at least \
         one field, for example keys_per_beat = [4, 8]"
    )]
    EmptyGrid {
        /// The grid file.
        origin: String,
    },
    /// A value of the grid file is none that its field can have.
    #[error("{origin}: {field} = {value}; legal: {legal}")]
    Value {
        /// The grid file.
        origin: String,
        /// The field.
        field: String,
        /// What it is.
        value: String,
        /// What it may be.
        legal: String,
    },
    /// The product of all values is too large.
    #[error("{origin}: the grid has {points} points; legal: at most {legal}. Cut it into several")]
    TooManyPoints {
        /// The grid file.
        origin: String,
        /// Points of the grid.
        points: String,
        /// Most points of a grid.
        legal: usize,
    },
    /// No combination is a unit that can be studied.
    #[error("{origin}: none of the {points} points can be studied; the first: {reason}")]
    AllInvalid {
        /// The grid file.
        origin: String,
        /// Points of the grid, or of the shard.
        points: usize,
        /// What is wrong with the first one.
        reason: String,
    },
    /// A file cannot be read.
    #[error("{}: cannot read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{}: cannot write: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another sweep writes the same points.
    #[error("{}: another sweep is writing it; wait for its end, or choose another directory", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// A file of points belongs to another grid.
    #[error(
        "{}, line {line}: a point of another sweep (grid {found}, this one is {expected}: another \
         grid, configuration, input or version); choose another directory, or drop such points \
         with --force",
        path.display()
    )]
    OtherGrid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Hash on the line.
        found: String,
        /// Hash of the sweep.
        expected: String,
    },
    /// A line that is not the last is no point.
    #[error(
        "{}, line {line}: no point of a sweep ({reason}); legal: one JSON object a line, as a \
         sweep writes them. --force drops such lines, and their points are run again",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A quantity to plot is unknown.
    #[error("--plot: {found}; legal: {legal}")]
    Plot {
        /// What was asked for.
        found: String,
        /// What can be plotted.
        legal: String,
    },
    /// A plot or a table cannot be made.
    #[error("{what}: cannot make it: {reason}")]
    Drawing {
        /// Its file.
        what: &'static str,
        /// What the library says.
        reason: String,
    },
    /// The study of a point failed for a reason that lies not in the point.
    #[error(transparent)]
    Study(#[from] crate::Error),
}

impl SweepError {
    /// Maps an I/O error to [`SweepError::Read`].
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> SweepError {
        let path = path.to_path_buf();
        move |source| SweepError::Read { path, source }
    }

    /// Maps an I/O error to [`SweepError::Write`].
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> SweepError {
        let path = path.to_path_buf();
        move |source| SweepError::Write { path, source }
    }
}
