//! Standard output that outlives its reader.

use crate::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Standard output. Once the reader is gone (`logattn configs | head -1`), what is printed is
/// dropped, and the command goes on to its proper exit status.
pub struct Console {
    open: bool,
}

impl Console {
    /// Standard output, open.
    pub fn new() -> Self {
        Console { open: true }
    }

    /// Prints a line or several.
    ///
    /// # Errors
    /// Standard output cannot be written for another reason than that nobody reads it.
    pub fn line(&mut self, text: impl Display) -> Result<(), Error> {
        if !self.open {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        let text = format!("{}\n", text.to_string().trim_end_matches('\n'));
        match stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.open = false;
                Ok(())
            }
            other => other.map_err(Error::write("standard output")),
        }
    }

    /// An empty line, then a heading.
    ///
    /// # Errors
    /// As [`Console::line`].
    pub fn heading(&mut self, text: &str) -> Result<(), Error> {
        self.line(format!("\n{text}\n{}", "-".repeat(text.chars().count())))
    }
}
