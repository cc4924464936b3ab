//! Plain text for language modeling.

use super::not_empty;
use crate::checkpoint::read;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A text.
#[derive(Clone, Debug)]
pub struct Prose {
    /// Where it is from.
    pub file: PathBuf,
    /// The text, with more than space in it.
    pub text: String,
    /// How many lines were left out.
    pub skipped_lines: usize,
}

impl Prose {
    /// Reads a file of UTF-8. Lines that contain any of the texts `skip_lines_with` are left out:
    /// WikiText as distributed has `<unk>` for rare words, which no model but one trained on it
    /// knows.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Parse`]: the file is not UTF-8; [`Error::NoItems`].
    pub fn load(file: &Path, skip_lines_with: &[String]) -> Result<Self> {
        let text = String::from_utf8(read(file)?).map_err(|error| Error::Parse {
            file: file.into(),
            what: "text in UTF-8",
            reason: error.to_string(),
        })?;
        let skip = |line: &str| {
            skip_lines_with
                .iter()
                .any(|part| line.contains(part.as_str()))
        };
        let (skipped, kept): (Vec<&str>, Vec<&str>) =
            text.split_inclusive('\n').partition(|line| skip(line));
        let text = kept.concat();
        not_empty(file, "words", text.trim().len())?;
        Ok(Prose {
            file: file.into(),
            text,
            skipped_lines: skipped.len(),
        })
    }
}
