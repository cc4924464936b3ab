//! Options that all commands share which run a model on a task.

use crate::error::Error;
use clap::{Args, ValueEnum};
use logattn_accuracy::evaluation::{EvaluationOptions, Model};
use logattn_accuracy::tasks::{Task, TaskData};
use std::path::{Path, PathBuf};

/// A model, its task and the data.
#[derive(Args)]
pub struct TaskArguments {
    /// Model: a GGUF file (llama) or a checkpoint folder with config.json, tokenizer.json and
    /// safetensors (bert, roberta, llama)
    #[arg(long, value_name = "PATH")]
    pub model: PathBuf,
    /// Adapter of an encoder: low-rank pairs, layer norms and head
    #[arg(long, value_name = "FILE.safetensors")]
    pub adapter: Option<PathBuf>,
    /// What the model does
    #[arg(long, value_enum)]
    task: TaskArgument,
    /// On what it does it
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// Take the first questions, sentences, pairs or windows only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Most tokens of a text, special ones included [default: what the model can read; qa: at most
    /// 384]
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// qa: tokens that neighboring windows of a long passage share [default: 128]
    #[arg(long, value_name = "N")]
    stride: Option<usize>,
    /// perplexity: tokens of a window [default: 512, or what the model can read]
    #[arg(long, value_name = "N")]
    window: Option<usize>,
    /// perplexity: leave out lines that contain TEXT; may be given more than once
    #[arg(long, value_name = "TEXT")]
    pub skip_lines_with: Vec<String>,
}

/// [`Task`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TaskArgument {
    Qa,
    Classify,
    Similarity,
    Perplexity,
}

impl From<TaskArgument> for Task {
    fn from(argument: TaskArgument) -> Self {
        match argument {
            TaskArgument::Qa => Task::QuestionAnswering,
            TaskArgument::Classify => Task::Classification,
            TaskArgument::Similarity => Task::Similarity,
            TaskArgument::Perplexity => Task::Perplexity,
        }
    }
}

/// A model with what it is to do.
pub struct Loaded {
    /// The model.
    pub model: Model,
    /// The data of the task.
    pub data: TaskData,
    /// How to run it.
    pub options: EvaluationOptions,
}

impl TaskArguments {
    /// The task.
    pub fn task(&self) -> Task {
        self.task.into()
    }

    /// Reads data and model.
    ///
    /// # Errors
    /// Options that the task does not have; files that cannot be read or do not fit together.
    pub fn load(&self) -> Result<Loaded, Error> {
        self.refuse_options()?;
        Ok(Loaded {
            data: self.data(&self.data)?,
            model: Model::load(&self.model, self.adapter.as_deref())?,
            options: self.options(),
        })
    }

    /// Reads other data of the task.
    ///
    /// # Errors
    /// As [`TaskData::load`].
    pub fn data(&self, file: &Path) -> Result<TaskData, Error> {
        Ok(TaskData::load(self.task(), file, &self.skip_lines_with)?)
    }

    fn options(&self) -> EvaluationOptions {
        let usual = EvaluationOptions::default();
        EvaluationOptions {
            limit: self.limit.map(|limit| limit as usize),
            max_tokens: self.max_tokens,
            stride: self.stride.unwrap_or(usual.stride),
            window: self.window,
            ..usual
        }
    }

    /// An error if an option was given that only another task has.
    fn refuse_options(&self) -> Result<(), Error> {
        let task = self.task();
        let qa = task == Task::QuestionAnswering;
        let perplexity = task == Task::Perplexity;
        let number = |given: Option<usize>| given.map(|number| number.to_string());
        let text = self.skip_lines_with.first();
        let refused = [
            ("--stride", number(self.stride), qa, "with --task qa only"),
            (
                "--window",
                number(self.window),
                perplexity,
                "with --task perplexity only",
            ),
            (
                "--skip-lines-with",
                text.map(|text| format!("`{text}`")),
                perplexity,
                "with --task perplexity only",
            ),
            (
                "--max-tokens",
                number(self.max_tokens),
                !perplexity,
                "with the tasks of an encoder only; with --task perplexity: --window",
            ),
        ];
        for (option, given, allowed, legal) in refused {
            if let Some(found) = given.filter(|_| !allowed) {
                return Err(Error::Accuracy(logattn_accuracy::Error::Option {
                    option,
                    found,
                    legal: legal.into(),
                }));
            }
        }
        if text.is_some_and(String::is_empty) {
            return Err(Error::Accuracy(logattn_accuracy::Error::Option {
                option: "--skip-lines-with",
                found: "empty".into(),
                legal: "a text that some lines contain".into(),
            }));
        }
        Ok(())
    }
}
