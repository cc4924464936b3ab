//! What a model is to be measured on: tasks and the files of their data.

mod pairs;
mod prose;
mod sentences;
mod squad;

pub use pairs::{Pair, Pairs};
pub use prose::Prose;
pub use sentences::{Sentence, Sentences};
pub use squad::{Question, Questions};

use crate::{Error, Result};
use std::path::Path;

/// A task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Extractive question answering (Rajpurkar et al., "SQuAD", 2016).
    QuestionAnswering,
    /// Classification of sentences, such as their sentiment (Socher et al., 2013).
    Classification,
    /// Similarity of sentences (Cer et al., "SemEval-2017 Task 1", 2017).
    Similarity,
    /// Language modeling: how well each token is predicted from those before it.
    Perplexity,
}

impl Task {
    /// The task's name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Task::QuestionAnswering => "qa",
            Task::Classification => "classify",
            Task::Similarity => "similarity",
            Task::Perplexity => "perplexity",
        }
    }

    /// What is counted: the things that one score is a mean of.
    pub fn items(self) -> &'static str {
        match self {
            Task::QuestionAnswering => "questions",
            Task::Classification => "sentences",
            Task::Similarity => "pairs",
            Task::Perplexity => "windows",
        }
    }
}

/// The data of a task, from a file.
#[derive(Clone, Debug)]
pub enum TaskData {
    /// Of [`Task::QuestionAnswering`].
    Questions(Questions),
    /// Of [`Task::Classification`].
    Sentences(Sentences),
    /// Of [`Task::Similarity`].
    Pairs(Pairs),
    /// Of [`Task::Perplexity`].
    Prose(Prose),
}

impl TaskData {
    /// Reads a task's data.
    ///
    /// # Arguments
    /// - `skip_lines_with`: for perplexity, lines that contain any of these texts are left out;
    ///   other tasks have no use for it.
    ///
    /// # Errors
    /// The file cannot be read, is malformed, or holds nothing.
    pub fn load(task: Task, file: &Path, skip_lines_with: &[String]) -> Result<Self> {
        Ok(match task {
            Task::QuestionAnswering => TaskData::Questions(Questions::load(file)?),
            Task::Classification => TaskData::Sentences(Sentences::load(file)?),
            Task::Similarity => TaskData::Pairs(Pairs::load(file)?),
            Task::Perplexity => TaskData::Prose(Prose::load(file, skip_lines_with)?),
        })
    }

    /// The task.
    pub fn task(&self) -> Task {
        match self {
            TaskData::Questions(_) => Task::QuestionAnswering,
            TaskData::Sentences(_) => Task::Classification,
            TaskData::Pairs(_) => Task::Similarity,
            TaskData::Prose(_) => Task::Perplexity,
        }
    }
}

/// That a file holds something.
fn not_empty(file: &Path, what: &'static str, count: usize) -> Result<()> {
    match count {
        0 => Err(Error::NoItems {
            file: file.into(),
            what,
        }),
        _ => Ok(()),
    }
}

/// A text of a record, at `place` of the file, without the space around it, which must not be all
/// of it.
fn words(file: &Path, place: &str, field: &str, text: &str) -> Result<String> {
    match text.trim() {
        "" => Err(Error::Record {
            file: file.into(),
            field: format!("{place}: {field}"),
            found: "empty".into(),
            legal: "at least one word".into(),
        }),
        text => Ok(text.into()),
    }
}

/// Where a record of a table stands.
fn line(record: &csv::StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

/// The error of a table that cannot be read.
fn table_error(file: &Path, what: &'static str, error: &csv::Error) -> Error {
    Error::Parse {
        file: file.into(),
        what,
        reason: error.to_string(),
    }
}
