//! Questions in the format of SQuAD v1.1 (Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine
//! Comprehension of Text", 2016).

use super::{not_empty, words};
use crate::checkpoint::read;
use crate::{Error, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A question about a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its name in the file.
    pub id: String,
    /// The question, without space around it.
    pub text: String,
    /// Which passage it is about.
    pub passage: usize,
    /// The right answers, at least one, each a part of the passage.
    pub answers: Vec<String>,
}

/// Questions with the passages that answer them.
#[derive(Clone, Debug)]
pub struct Questions {
    /// Where they are from.
    pub file: PathBuf,
    /// The passages.
    pub passages: Vec<String>,
    /// At least one question, in the file's order.
    pub questions: Vec<Question>,
    /// How many questions were left out since the file (of SQuAD v2) says that their passages do
    /// not answer them.
    pub unanswerable: usize,
}

#[derive(Deserialize)]
struct Root {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    id: String,
    question: String,
    #[serde(default)]
    is_impossible: bool,
    #[serde(default)]
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
    answer_start: usize,
}

impl Questions {
    /// Reads a JSON file. Every answer must stand in its passage at its `answer_start`, which
    /// counts characters (Unicode code points) from 0.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Parse`], [`Error::Record`], [`Error::NoItems`].
    pub fn load(file: &Path) -> Result<Self> {
        let bytes = read(file)?;
        let mut parser = serde_json::Deserializer::from_slice(&bytes);
        let wrong = |reason: String| Error::Parse {
            file: file.into(),
            what: "data set in SQuAD format",
            reason,
        };
        let root: Root = serde_path_to_error::deserialize(&mut parser)
            .map_err(|error| wrong(error.to_string()))?;
        parser.end().map_err(|error| wrong(error.to_string()))?;
        let mut all = Questions {
            file: file.into(),
            passages: Vec::new(),
            questions: Vec::new(),
            unanswerable: 0,
        };
        for (a, article) in root.data.into_iter().enumerate() {
            for (p, paragraph) in article.paragraphs.into_iter().enumerate() {
                all.add(paragraph, &format!("data[{a}].paragraphs[{p}]"))?;
            }
        }
        not_empty(file, "questions with answers", all.questions.len())?;
        Ok(all)
    }

    fn add(&mut self, paragraph: Paragraph, place: &str) -> Result<()> {
        words(&self.file, place, "context", &paragraph.context)?;
        for (index, asked) in paragraph.qas.into_iter().enumerate() {
            if asked.is_impossible {
                self.unanswerable += 1;
                continue;
            }
            let place = format!("{place}.qas[{index}], id `{}`", asked.id);
            let text = words(&self.file, &place, "question", &asked.question)?;
            if asked.answers.is_empty() {
                return Err(Error::Record {
                    file: self.file.clone(),
                    field: format!("{place}: answers"),
                    found: "empty".into(),
                    legal: "at least one answer, or `is_impossible`: true".into(),
                });
            }
            for answer in &asked.answers {
                self.check(answer, &place, &paragraph.context)?;
            }
            self.questions.push(Question {
                id: asked.id,
                text,
                passage: self.passages.len(),
                answers: asked.answers.into_iter().map(|a| a.text).collect(),
            });
        }
        self.passages.push(paragraph.context);
        Ok(())
    }

    fn check(&self, answer: &Answer, place: &str, passage: &str) -> Result<()> {
        words(&self.file, place, "answers[].text", &answer.text)?;
        let mut characters = passage.char_indices().map(|(byte, _)| byte);
        let start = characters.nth(answer.answer_start);
        let rest = start.and_then(|byte| passage.get(byte..));
        if rest.is_some_and(|rest| rest.starts_with(&answer.text)) {
            return Ok(());
        }
        let legal = match passage.find(&answer.text) {
            Some(byte) => format!("{}, where it is", passage[..byte].chars().count()),
            None => "the place of a text that the context has".into(),
        };
        Err(Error::Record {
            file: self.file.clone(),
            field: format!("{place}: answer_start"),
            found: format!(
                "{}, where the context has no `{}`",
                answer.answer_start, answer.text
            ),
            legal,
        })
    }
}
