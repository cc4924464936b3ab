//! Pairs of sentences with the similarity that people gave them, such as the STS benchmark (Cer et
//! al., "SemEval-2017 Task 1: Semantic Textual Similarity", 2017).

use super::{line, not_empty, table_error, words};
use crate::checkpoint::read;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

const FORMAT: &str = "table of pairs (CSV)";

/// Two sentences and how similar they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The sentences, without space around them.
    pub texts: [String; 2],
    /// Their similarity, of any scale: the higher, the more similar.
    pub score: f64,
    /// The line of the file.
    pub line: u64,
}

/// Pairs of sentences.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// Where they are from.
    pub file: PathBuf,
    /// At least one.
    pub pairs: Vec<Pair>,
}

impl Pairs {
    /// Reads lines `sentence1,sentence2,score` of UTF-8; fields may be quoted. A first line whose
    /// third field is `score` is a header, and left out.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Parse`], [`Error::Record`], [`Error::NoItems`].
    pub fn load(file: &Path) -> Result<Self> {
        let bytes = read(file)?;
        // Rows of another length are refused here, where what is legal can be said.
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes.as_slice());
        let mut pairs = Vec::new();
        for (index, record) in reader.records().enumerate() {
            let record = record.map_err(|error| table_error(file, FORMAT, &error))?;
            let third = record.get(2).unwrap_or_default().trim();
            if index > 0 || !third.eq_ignore_ascii_case("score") {
                pairs.push(pair(file, &record)?);
            }
        }
        not_empty(file, "pairs", pairs.len())?;
        Ok(Pairs {
            file: file.into(),
            pairs,
        })
    }
}

fn pair(file: &Path, record: &csv::StringRecord) -> Result<Pair> {
    let line = line(record);
    let place = format!("line {line}");
    let wrong = |field: &str, found: String, legal: &str| Error::Record {
        file: file.into(),
        field: format!("{place}: {field}"),
        found,
        legal: legal.into(),
    };
    let fields: Vec<&str> = record.iter().collect();
    let &[first, second, score] = fields.as_slice() else {
        let found = format!("{} fields", fields.len());
        return Err(wrong("record", found, "sentence1,sentence2,score"));
    };
    let number = score.trim().parse().ok().filter(|x: &f64| x.is_finite());
    Ok(Pair {
        texts: [
            words(file, &place, "sentence1", first)?,
            words(file, &place, "sentence2", second)?,
        ],
        score: number.ok_or_else(|| wrong("score", format!("`{score}`"), "a finite number"))?,
        line,
    })
}
