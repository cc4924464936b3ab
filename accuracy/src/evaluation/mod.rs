//! How well a model does a task with each of several attentions.
//!
//! ```no_run
//! use logattn_accuracy::Specification;
//! use logattn_accuracy::evaluation::{EvaluationOptions, Model, evaluate};
//! use logattn_accuracy::tasks::{Task, TaskData};
//! use std::path::Path;
//!
//! let model = Model::load(Path::new("all-MiniLM-L6-v2"), None)?;
//! let pairs = TaskData::load(Task::Similarity, Path::new("pairs.csv"), &[])?;
//! let float = Specification::parse("float")?.prepare(&model.shape())?;
//! let result = evaluate(&pairs, &model, &[float], &EvaluationOptions::default(), &|_, _| ())?;
//! println!("{:.4}", result.evaluations[0].scores[0].value);
//! # Ok::<(), logattn_accuracy::Error>(())
//! ```

mod batches;
mod bootstrap;
mod decoder;
mod encoder;
mod metric;
mod model;
mod observe;
mod score;

pub use bootstrap::{Bootstrap, CONFIDENCE, Interval, percentile_interval};
pub use metric::{Metric, Outcome, spearman};
pub use model::{Encoder, Model};
pub use observe::observe;
pub use score::{Loss, Score, scores};

use crate::tasks::TaskData;
use crate::{Counts, Error, Prepared, Result};
use batches::Runner;
use std::ops::RangeInclusive;

/// Most tokens of question and passage where none are given, as is usual for SQuAD.
const QUESTION_TOKENS: usize = 384;
/// Tokens of a window of text where none are given.
const WINDOW: usize = 512;

/// How to evaluate.
#[derive(Clone, Debug)]
pub struct EvaluationOptions {
    /// Evaluate the first items only, this many; at least 1.
    pub limit: Option<usize>,
    /// Most tokens of a text of an encoder, special ones included. Where none is given: what the
    /// model can read, for question answering at most 384.
    pub max_tokens: Option<usize>,
    /// Question answering: tokens that neighboring windows of a long passage share.
    pub stride: usize,
    /// Perplexity: tokens of a window, at least 2. Where none is given: 512, or what the model can
    /// read if that is less.
    pub window: Option<usize>,
    /// Tokens of a batch, padding included; a longer text is a batch of its own. It bounds the
    /// memory: a batch a thread is in work at a time.
    pub tokens_per_batch: usize,
    /// How the intervals are found.
    pub bootstrap: Bootstrap,
}

impl Default for EvaluationOptions {
    fn default() -> Self {
        EvaluationOptions {
            limit: None,
            max_tokens: None,
            stride: 128,
            window: None,
            tokens_per_batch: 4096,
            bootstrap: Bootstrap::default(),
        }
    }
}

impl EvaluationOptions {
    /// How many of the items there are to evaluate.
    fn limited(&self, items: usize) -> Result<usize> {
        let limit = self.limit.unwrap_or(items);
        checked("the limit of items", limit, 1..=usize::MAX, "at least 1")?;
        Ok(limit.min(items))
    }
}

/// What an attention is worth.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The attention's specification.
    pub name: String,
    /// Its scores, one for each metric of the task.
    pub scores: Vec<Score>,
    /// What it pruned.
    pub counts: Counts,
    /// What the model made of each item, in the items' order.
    pub outcomes: Vec<Outcome>,
}

/// What [`evaluate`] gives.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// One for each attention, in their order.
    pub evaluations: Vec<Evaluation>,
    /// Most tokens that a text could have, or that a window of text had.
    pub max_tokens: usize,
    /// How many texts were cut at the end since they were longer.
    pub cut: usize,
}

/// Outcomes and counts of one attention.
struct Run<T> {
    outcomes: Vec<T>,
    counts: Counts,
}

/// What a task's run gives, one for each attention.
struct TaskRun {
    runs: Vec<Run<Outcome>>,
    max_tokens: usize,
    cut: usize,
}

/// Does a task with each attention and scores them. The results do not depend on the number of
/// threads. Texts of similar length are run together; on which ones those are, the attentions
/// that look at a whole batch (quantiles, binarization) depend.
///
/// # Arguments
/// - `progress`: called with the number of texts done and of all.
///
/// # Errors
/// The model is of another kind than the task needs or has no head for it, options out of range,
/// labels beyond the model's classes, texts that the model cannot read, what an attention fails
/// at, output that is not finite.
pub fn evaluate(
    data: &TaskData,
    model: &Model,
    attentions: &[Prepared],
    options: &EvaluationOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Evaluated> {
    checked(
        "the number of tokens of a batch",
        options.tokens_per_batch,
        1..=usize::MAX,
        "at least 1",
    )?;
    let runner = Runner {
        attentions,
        shape: model.shape(),
        tokens_per_batch: options.tokens_per_batch,
        progress,
    };
    let task = data.task();
    let run = match data {
        TaskData::Questions(data) => encoder::answer(data, model.encoder(task)?, options, &runner),
        TaskData::Sentences(data) => {
            encoder::classify(data, model.encoder(task)?, options, &runner)
        }
        TaskData::Pairs(data) => encoder::compare(data, model.encoder(task)?, options, &runner),
        TaskData::Prose(data) => decoder::predict(data, model.decoder(task)?, options, &runner),
    }?;
    let (outcomes, counts): (Vec<_>, Vec<_>) = (run.runs.into_iter())
        .map(|run| (run.outcomes, run.counts))
        .unzip();
    let scores = scores(Metric::of(task), &outcomes, &options.bootstrap);
    let results = scores.into_iter().zip(outcomes).zip(counts);
    let evaluations = attentions.iter().zip(results);
    Ok(Evaluated {
        evaluations: evaluations
            .map(|(attention, ((scores, outcomes), counts))| Evaluation {
                name: attention.name().into(),
                scores,
                counts,
                outcomes,
            })
            .collect(),
        max_tokens: run.max_tokens,
        cut: run.cut,
    })
}

/// That an option lies in a range.
fn checked(
    option: &'static str,
    found: usize,
    range: RangeInclusive<usize>,
    legal: &str,
) -> Result<()> {
    match range.contains(&found) {
        true => Ok(()),
        false => Err(Error::Option {
            option,
            found: found.to_string(),
            legal: legal.into(),
        }),
    }
}
