//! Labeled sentences, as GLUE distributes them (Wang et al., "GLUE", 2018).

use super::{line, not_empty, table_error, words};
use crate::checkpoint::read;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

const FORMAT: &str = "table of sentences (tab-separated)";

/// A sentence and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The sentence, without space around it.
    pub text: String,
    /// Its class, from 0.
    pub label: usize,
    /// The line of the file.
    pub line: u64,
}

/// Sentences and their classes.
#[derive(Clone, Debug)]
pub struct Sentences {
    /// Where they are from.
    pub file: PathBuf,
    /// At least one.
    pub sentences: Vec<Sentence>,
}

impl Sentences {
    /// Reads tab-separated lines of UTF-8, without quotes. The first one names the columns, of
    /// which `sentence` and `label` are read; labels are integers from 0.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Parse`], [`Error::Record`], [`Error::NoItems`].
    pub fn load(file: &Path) -> Result<Self> {
        let bytes = read(file)?;
        let wrong = |error: csv::Error| table_error(file, FORMAT, &error);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(b'\t')
            .quoting(false)
            .from_reader(bytes.as_slice());
        let header = reader.headers().map_err(wrong)?.clone();
        let column = |name: &str| {
            let found = header.iter().position(|title| title.trim() == name);
            found.ok_or_else(|| Error::Record {
                file: file.into(),
                field: "line 1: header".into(),
                found: format!("`{}`", header.iter().collect::<Vec<_>>().join(" | ")),
                legal: "columns `sentence` and `label`, with a tab between them".into(),
            })
        };
        let columns = (column("sentence")?, column("label")?);
        let sentences = reader
            .records()
            .map(|record| sentence(file, &record.map_err(wrong)?, columns))
            .collect::<Result<Vec<_>>>()?;
        not_empty(file, "sentences", sentences.len())?;
        Ok(Sentences {
            file: file.into(),
            sentences,
        })
    }

    /// That every label is one of a model's classes.
    ///
    /// # Errors
    /// [`Error::Record`].
    pub fn check_labels(&self, classes: usize) -> Result<()> {
        match self.sentences.iter().find(|s| s.label >= classes) {
            Some(sentence) => Err(Error::Record {
                file: self.file.clone(),
                field: format!("line {}: label", sentence.line),
                found: sentence.label.to_string(),
                legal: format!("0 to {}, the classes of the model", classes - 1),
            }),
            None => Ok(()),
        }
    }
}

fn sentence(
    file: &Path,
    record: &csv::StringRecord,
    (text, label): (usize, usize),
) -> Result<Sentence> {
    // The reader refuses records of another number of fields than the header has.
    let field = |column| record.get(column).unwrap_or_default();
    let line = line(record);
    let label = field(label).trim();
    Ok(Sentence {
        text: words(file, &format!("line {line}"), "sentence", field(text))?,
        label: label.parse().map_err(|_| Error::Record {
            file: file.into(),
            field: format!("line {line}: label"),
            found: format!("`{label}`"),
            legal: "an integer from 0".into(),
        })?,
        line,
    })
}
