//! Lint of generated Verilog by two independent tools.

use std::{fs, path::Path, process::Command};

use super::{
    error::{VerilatorError, io_error},
    tool::{Verilator, log, start, start_tool},
};

/// Writes sources into `directory` and gives their names, in order.
pub(super) fn write_sources(
    directory: &Path,
    sources: &[(String, String)],
) -> Result<Vec<String>, VerilatorError> {
    for (name, text) in sources {
        let plain = Path::new(name)
            .file_name()
            .is_some_and(|file| file == name.as_str());
        if !plain || name.starts_with('-') {
            return Err(VerilatorError::SourceName { name: name.clone() });
        }
        let path = directory.join(name);
        fs::write(&path, text).map_err(io_error(path))?;
    }
    Ok(sources.iter().map(|(name, _)| name.clone()).collect())
}

fn scratch() -> Result<tempfile::TempDir, VerilatorError> {
    tempfile::tempdir().map_err(io_error(std::env::temp_dir()))
}

impl Verilator {
    /// Runs `verilator --lint-only -Wall` on `sources` (file name, text) with `top` on top.
    /// `None` if it has nothing to say, else its warnings and errors.
    ///
    /// # Errors
    /// [`VerilatorError::SourceName`], [`VerilatorError::Io`], and [`VerilatorError::NotRunnable`].
    pub fn lint(
        &self,
        sources: &[(String, String)],
        top: &str,
    ) -> Result<Option<String>, VerilatorError> {
        let directory = scratch()?;
        let names = write_sources(directory.path(), sources)?;
        let mut command = self.command();
        command
            .current_dir(directory.path())
            .args(["--lint-only", "-Wall", "--top-module", top])
            .args(names);
        let output = start(&mut command)?;
        Ok(complaint(&output))
    }
}

/// Runs `iverilog -g2005 -Wall` on `sources` (file name, text) with `top` on top, without
/// generating anything. `None` if it has nothing to say, else its warnings and errors.
///
/// # Errors
/// [`VerilatorError::ToolMissing`] without Icarus Verilog, [`VerilatorError::SourceName`],
/// [`VerilatorError::Io`], and [`VerilatorError::NotRunnable`].
pub fn iverilog_lint(
    sources: &[(String, String)],
    top: &str,
) -> Result<Option<String>, VerilatorError> {
    let directory = scratch()?;
    let names = write_sources(directory.path(), sources)?;
    let mut command = Command::new("iverilog");
    command
        .current_dir(directory.path())
        .args(["-g2005", "-Wall", "-t", "null", "-s", top])
        .args(names);
    let output = start_tool(&mut command, "iverilog")?;
    Ok(complaint(&output))
}

/// What a lint run complains of: anything on the error stream, or a failure without a word.
fn complaint(output: &std::process::Output) -> Option<String> {
    if output.status.success() && output.stderr.is_empty() {
        return None;
    }
    let text = log(output);
    Some(if text.is_empty() {
        format!("lint ended with {}", output.status)
    } else {
        text
    })
}
