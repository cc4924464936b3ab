//! `logattn accuracy`: a task done with each of several attentions.

mod report;

use super::Verdict;
use crate::console::Console;
use crate::error::Error;
use crate::files::PendingFile;
use crate::progress;
use clap::{Args, ValueEnum};
use logattn_accuracy::evaluation::{Evaluated, EvaluationOptions, Model, evaluate};
use logattn_accuracy::tasks::{Task, TaskData};
use logattn_accuracy::{Prepared, Specification};
use report::{Report, Source};
use std::io::{self, Write};
use std::path::PathBuf;

const HELP: &str = "Examples:
  scripts/fetch-models
  logattn accuracy --model .tools/models/all-MiniLM-L6-v2 --adapter qa.safetensors --task qa \\
      --data squad.json --attention float --attention golden:edge --json qa.json
  logattn accuracy --model .tools/models/SmolLM2-135M-Instruct.Q4_1.gguf --task perplexity \\
      --data wikitext2.txt --skip-lines-with '<unk>' --limit 24 --attention float

Tasks, their data and scores:
  qa          JSON as SQuAD v1.1 has it (unanswerable questions of v2 are left out): exact match and
              F1 in percent, as the official SQuAD v1.1 script computes them. A passage that is too
              long is read in windows. Needs an encoder with a head for question answering.
  classify    lines with a tab, the first one `sentence<TAB>label`, labels are integers from 0:
              accuracy in percent. Needs an encoder with a head for classification.
  similarity  CSV, sentence1,sentence2,score: Spearman's rank correlation, -1 to 1, of the scores and
              the cosines of the sentences' embeddings. Needs an encoder.
  perplexity  text, cut into windows that do not overlap; each token of a window but its first is
              predicted, a last window that is not full is left out. Needs a decoder.
A text that an encoder cannot read whole is cut at its end, and a warning counts how often.

Every score has a 95 % interval, by bootstrap over the questions, sentences, pairs or windows. The
loss is by how many percent a score is worse than that of the first --attention; its interval is of
the same resamples.";

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

/// Arguments of `logattn accuracy`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// Model: a GGUF file (llama) or a checkpoint folder with config.json, tokenizer.json and
    /// safetensors
    #[arg(long, value_name = "PATH")]
    model: PathBuf,
    /// Adapter of an encoder: low-rank pairs, layer norms and head
    #[arg(long, value_name = "FILE.safetensors")]
    adapter: Option<PathBuf>,
    /// What the model does
    #[arg(long, value_enum)]
    task: TaskArgument,
    /// On what it does it
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// With which attention; may be given more than once, losses are against the first one
    #[arg(long, value_name = "SPEC", required = true)]
    attention: Vec<String>,
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
    skip_lines_with: Vec<String>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE.json")]
    json: Option<PathBuf>,
}

/// Does the task and prints the scores.
///
/// # Errors
/// Options that the task does not have; a model, adapter, data set or attention that cannot be
/// read or do not fit together; a file that cannot be written.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    let task = Task::from(arguments.task);
    refuse_options(arguments, task)?;
    let specifications = (arguments.attention.iter())
        .map(|text| Specification::parse(text))
        .collect::<Result<Vec<_>, _>>()?;
    let data = TaskData::load(task, &arguments.data, &arguments.skip_lines_with)?;
    let json = arguments
        .json
        .as_deref()
        .map(PendingFile::new)
        .transpose()?;
    let model = Model::load(&arguments.model, arguments.adapter.as_deref())?;
    let attentions = (specifications.iter())
        .map(|specification| specification.prepare(&model.shape()))
        .collect::<Result<Vec<_>, _>>()?;
    let options = options(arguments);
    let evaluated = evaluate_with_bar(&data, &model, &attentions, &options)?;
    let warnings = warnings(&data, &evaluated);
    for warning in &warnings {
        // Nobody may be reading; the JSON has them as well.
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
    console.line(report::heading(task, &arguments.data, &evaluated))?;
    console.line("")?;
    console.line(report::table(&evaluated.evaluations))?;
    if let Some(file) = json {
        let report = Report {
            task,
            model: &model,
            evaluated: &evaluated,
            options: &options,
            skip_lines_with: &arguments.skip_lines_with,
            warnings: &warnings,
            source: Source::of(
                &arguments.model,
                arguments.adapter.as_deref(),
                &arguments.data,
            )?,
        };
        file.finish(format!("{:#}\n", report.json()).as_bytes())?;
    }
    Ok(Verdict::Success)
}

/// An error if an option was given that only another task has.
fn refuse_options(arguments: &Arguments, task: Task) -> Result<(), Error> {
    let qa = task == Task::QuestionAnswering;
    let perplexity = task == Task::Perplexity;
    let number = |given: Option<usize>| given.map(|number| number.to_string());
    let text = arguments.skip_lines_with.first();
    let refused = [
        (
            "--stride",
            number(arguments.stride),
            qa,
            "with --task qa only",
        ),
        (
            "--window",
            number(arguments.window),
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
            number(arguments.max_tokens),
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

fn options(arguments: &Arguments) -> EvaluationOptions {
    let usual = EvaluationOptions::default();
    EvaluationOptions {
        limit: arguments.limit.map(|limit| limit as usize),
        max_tokens: arguments.max_tokens,
        stride: arguments.stride.unwrap_or(usual.stride),
        window: arguments.window,
        ..usual
    }
}

fn evaluate_with_bar(
    data: &TaskData,
    model: &Model,
    attentions: &[Prepared],
    options: &EvaluationOptions,
) -> Result<Evaluated, Error> {
    let bar = progress::bar(0, "texts");
    let result = evaluate(data, model, attentions, options, &|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    Ok(result?)
}

/// What a user should know of the data.
fn warnings(data: &TaskData, evaluated: &Evaluated) -> Vec<String> {
    let mut warnings = Vec::new();
    if let TaskData::Questions(questions) = data
        && questions.unanswerable > 0
    {
        warnings.push(format!(
            "{} questions that are marked as unanswerable were left out",
            questions.unanswerable
        ));
    }
    if evaluated.cut > 0 {
        warnings.push(format!(
            "{} texts were cut after {} tokens",
            evaluated.cut, evaluated.max_tokens
        ));
    }
    warnings
}
