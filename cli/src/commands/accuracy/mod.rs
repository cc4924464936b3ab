//! `logattn accuracy`: a task done with each of several attentions.

pub(super) mod report;

use super::Verdict;
use crate::console::Console;
use crate::error::Error;
use crate::files::PendingFile;
use crate::progress;
use crate::task::{Loaded, TaskArguments};
use clap::Args;
use logattn_accuracy::evaluation::{Evaluated, EvaluationOptions, Model, evaluate};
use logattn_accuracy::tasks::TaskData;
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

/// Arguments of `logattn accuracy`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    task: TaskArguments,
    /// With which attention; may be given more than once, losses are against the first one
    #[arg(long, value_name = "SPEC", required = true)]
    attention: Vec<String>,
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
    let specifications = (arguments.attention.iter())
        .map(|text| Specification::parse(text))
        .collect::<Result<Vec<_>, _>>()?;
    let json = arguments
        .json
        .as_deref()
        .map(PendingFile::new)
        .transpose()?;
    let Loaded {
        model,
        data,
        options,
    } = arguments.task.load()?;
    let task = data.task();
    let attentions = (specifications.iter())
        .map(|specification| specification.prepare(&model.shape()))
        .collect::<Result<Vec<_>, _>>()?;
    let evaluated = evaluate_with_bar(&data, &model, &attentions, &options)?;
    let warnings = warnings(&data, &evaluated);
    for warning in &warnings {
        // Nobody may be reading; the JSON has them as well.
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
    console.line(report::heading(task, &arguments.task.data, &evaluated))?;
    console.line("")?;
    console.line(report::table(&evaluated.evaluations))?;
    if let Some(file) = json {
        let report = Report {
            task,
            model: &model,
            evaluated: &evaluated,
            options: &options,
            skip_lines_with: &arguments.task.skip_lines_with,
            warnings: &warnings,
            source: Source::of(
                &arguments.task.model,
                arguments.task.adapter.as_deref(),
                &arguments.task.data,
            )?,
        };
        file.finish(format!("{:#}\n", report.json()).as_bytes())?;
    }
    Ok(Verdict::Success)
}

/// [`evaluate`] with a bar on standard error.
///
/// # Errors
/// As [`evaluate`].
pub(super) fn evaluate_with_bar(
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
pub(super) fn warnings(data: &TaskData, evaluated: &Evaluated) -> Vec<String> {
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
