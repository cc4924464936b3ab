//! Running a tool with its output in a log.

use crate::error::{Error, io_error};
use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

/// Most lines of a log that an error carries.
const LOG_LINES: usize = 20;

/// Runs a command to its end, all that it prints in the file `log`.
///
/// # Arguments
/// - `doing`: what it does, for a person.
/// - `input`: its standard input.
///
/// # Errors
/// [`Error::ToolFailed`] with the telling lines of its log, [`Error::NotRunnable`].
pub(crate) fn run_logged(
    command: &mut Command,
    doing: &str,
    input: &str,
    log: &Path,
) -> Result<(), Error> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let not_runnable = |source| Error::NotRunnable {
        tool: tool.clone(),
        source,
    };
    let file = File::create(log).map_err(io_error(log))?;
    let errors = file.try_clone().map_err(io_error(log))?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(file)
        .stderr(errors)
        .spawn()
        .map_err(not_runnable)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that does not read its input says why in its log.
        let _ = stdin.write_all(input.as_bytes());
    }
    if child.wait().map_err(not_runnable)?.success() {
        return Ok(());
    }
    let text = fs::read(log).map_err(io_error(log))?;
    Err(Error::ToolFailed {
        tool,
        doing: doing.to_string(),
        log: log.to_path_buf(),
        tail: telling_lines(&String::from_utf8_lossy(&text)),
    })
}

/// The lines of a log that report errors, or else its last ones.
fn telling_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let errors: Vec<&str> = lines
        .iter()
        .filter(|line| line.to_ascii_lowercase().starts_with("error"))
        .copied()
        .collect();
    let telling = if errors.is_empty() { lines } else { errors };
    telling[telling.len().saturating_sub(LOG_LINES)..].join("\n")
}

/// What a command prints, if it succeeds.
pub(crate) fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
    output.status.success().then_some(text)
}
