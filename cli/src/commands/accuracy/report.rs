//! Scores as a table and as JSON.

use crate::error::Error;
use crate::table::{Table, grouped, percent};
use logattn_accuracy::Counts;
use logattn_accuracy::evaluation::{
    CONFIDENCE, Evaluated, Evaluation, EvaluationOptions, Interval, Loss, Metric, Model, Score,
};
use logattn_accuracy::specification::HeadCounts;
use logattn_accuracy::tasks::Task;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// What the scores are of.
pub fn heading(task: Task, data: &Path, evaluated: &Evaluated) -> String {
    format!(
        "{} {} of {}, texts of at most {} tokens",
        grouped(items(evaluated) as u64),
        task.items(),
        name(data),
        evaluated.max_tokens
    )
}

fn items(evaluated: &Evaluated) -> usize {
    let first = evaluated.evaluations.first();
    first.map_or(0, |first| first.outcomes.len())
}

/// A row an attention: pruned share, and for each metric score, interval and loss.
pub fn table(evaluations: &[Evaluation]) -> Table {
    let metrics: Vec<Metric> = evaluations.first().map_or(Vec::new(), |first| {
        first.scores.iter().map(|score| score.metric).collect()
    });
    let mut header = vec!["attention".to_string(), ">pruned".to_string()];
    for metric in &metrics {
        let interval = format!(">{:.0} % interval", 100.0 * CONFIDENCE);
        header.extend([format!(">{}", title(*metric)), interval]);
        if evaluations.len() > 1 {
            header.extend([">loss".to_string(), ">its interval".to_string()]);
        }
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut table = Table::new(&header);
    for evaluation in evaluations {
        let mut row = vec![evaluation.name.clone(), pruned(&evaluation.counts)];
        for score in &evaluation.scores {
            row.extend([value(score), interval(score)]);
            if evaluations.len() > 1 {
                row.extend(loss(score.loss.as_ref()));
            }
        }
        table.row(row);
    }
    table
}

/// The name of a metric for people.
pub fn title(metric: Metric) -> &'static str {
    match metric {
        Metric::ExactMatch => "exact match",
        Metric::F1 => "F1",
        Metric::Accuracy => "accuracy",
        Metric::Spearman => "Spearman",
        Metric::Perplexity => "perplexity",
    }
}

fn pruned(counts: &Counts) -> String {
    match counts.total() {
        HeadCounts { values: 0, .. } => "-".into(),
        total => percent(total.pruned_share()),
    }
}

/// A number of a metric with the digits that mean something.
fn digits(metric: Metric, number: f64) -> String {
    match metric {
        Metric::Spearman => format!("{number:.4}"),
        Metric::Perplexity => format!("{number:.3}"),
        _ => format!("{number:.2} %"),
    }
}

fn value(score: &Score) -> String {
    match score.value.is_finite() {
        true => digits(score.metric, score.value),
        false => "undefined".into(),
    }
}

fn interval(score: &Score) -> String {
    let text = |interval: Interval| {
        let [low, high] = [interval.low, interval.high].map(|x| digits(score.metric, x));
        format!("{} to {high}", low.trim_end_matches(" %"))
    };
    score.interval.map_or("-".into(), text)
}

fn loss(loss: Option<&Loss>) -> [String; 2] {
    let Some(loss) = loss else {
        return ["-".into(), "-".into()];
    };
    // Rounded first, so that there is no minus before a zero.
    let rounded = |x: f64| (100.0 * x).round() / 100.0 + 0.0;
    let text = |interval: Interval| {
        let (low, high) = (rounded(interval.low), rounded(interval.high));
        format!("{low:.2} to {high:.2} %")
    };
    [
        format!("{:.2} %", rounded(loss.percent)),
        loss.interval.map_or("-".into(), text),
    ]
}

/// A file that the results depend on.
struct Input {
    name: String,
    sha256: String,
}

impl Input {
    fn of(path: &Path) -> Result<Self, Error> {
        let hash = Sha256::digest(fs::read(path).map_err(Error::read(path))?);
        Ok(Input {
            name: name(path),
            sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    fn json(&self) -> Value {
        json!({ "name": self.name, "sha256": self.sha256 })
    }
}

/// What the results are of.
pub struct Source {
    model: String,
    weights: Vec<Input>,
    adapter: Option<Input>,
    data: Input,
}

impl Source {
    /// Names and hashes of files.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn of(model: &Path, adapter: Option<&Path>, data: &Path) -> Result<Self, Error> {
        let weights = weights(model)?;
        Ok(Source {
            model: name(model),
            weights: (weights.iter().map(|file| Input::of(file))).collect::<Result<_, _>>()?,
            adapter: adapter.map(Input::of).transpose()?,
            data: Input::of(data)?,
        })
    }
}

/// The last part of a path, also of one that ends in `..`.
pub fn name(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.into());
    let name = whole.file_name().unwrap_or(whole.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The files with a model's weights: it is one itself, or a folder with one or several.
fn weights(model: &Path) -> Result<Vec<PathBuf>, Error> {
    if !model.is_dir() {
        return Ok(vec![model.into()]);
    }
    let single = model.join("model.safetensors");
    if single.is_file() {
        return Ok(vec![single]);
    }
    let mut parts = Vec::new();
    for entry in model.read_dir().map_err(Error::read(model))? {
        let path = entry.map_err(Error::read(model))?.path();
        if path.extension().is_some_and(|end| end == "safetensors") {
            parts.push(path);
        }
    }
    parts.sort();
    Ok(parts)
}

/// All that the JSON tells.
pub struct Report<'a> {
    /// The task.
    pub task: Task,
    /// The model that did it.
    pub model: &'a Model,
    /// The results.
    pub evaluated: &'a Evaluated,
    /// How it was done.
    pub options: &'a EvaluationOptions,
    /// Lines with these texts were left out.
    pub skip_lines_with: &'a [String],
    /// What was told.
    pub warnings: &'a [String],
    /// The files.
    pub source: Source,
}

impl Report<'_> {
    /// The contents of the file.
    pub fn json(&self) -> Value {
        let Source {
            model,
            weights,
            adapter,
            data,
        } = &self.source;
        let evaluations = &self.evaluated.evaluations;
        json!({
            "logattn": env!("CARGO_PKG_VERSION"),
            "command": command(std::env::args_os()),
            "task": self.task.name(),
            "model": {
                "name": model,
                "weights": weights.iter().map(Input::json).collect::<Vec<_>>(),
                "layers": self.model.shape().layers,
                "heads_per_layer": self.model.shape().heads,
            },
            "adapter": adapter.as_ref().map(Input::json),
            "data": data.json(),
            "settings": self.settings(),
            "items": items(self.evaluated),
            "item": self.task.items(),
            "warnings": self.warnings,
            "attentions": evaluations.iter().map(|e| self.evaluation(e)).collect::<Vec<_>>(),
            "fields": fields(),
        })
    }

    fn settings(&self) -> Value {
        let options = self.options;
        let perplexity = self.task == Task::Perplexity;
        let questions = self.task == Task::QuestionAnswering;
        let tokens = self.evaluated.max_tokens;
        json!({
            "limit": options.limit,
            "max_tokens": (!perplexity).then_some(tokens),
            "stride": questions.then_some(options.stride),
            "window": perplexity.then_some(tokens),
            "skip_lines_with": perplexity.then_some(self.skip_lines_with),
            "tokens_per_batch": options.tokens_per_batch,
            "resamples": options.bootstrap.resamples,
            "seed": options.bootstrap.seed,
            "confidence": CONFIDENCE,
        })
    }

    fn evaluation(&self, evaluation: &Evaluation) -> Value {
        let heads = evaluation.counts.heads();
        let layers = heads.chunks(self.model.shape().heads.max(1));
        let layer = |heads: &[HeadCounts]| {
            let mut layer = HeadCounts::default();
            for head in heads {
                layer += *head;
            }
            let mut layer = counts(&layer);
            layer["heads"] = heads.iter().map(counts).collect();
            layer
        };
        let mut all = counts(&evaluation.counts.total());
        all["layers"] = layers.map(layer).collect();
        json!({
            "attention": evaluation.name,
            "scores": evaluation.scores.iter().map(score).collect::<Vec<_>>(),
            "attention_values": all,
        })
    }
}

fn counts(counts: &HeadCounts) -> Value {
    json!({
        "values": counts.values,
        "pruned": counts.pruned,
        "pruned_share": counts.pruned_share(),
    })
}

fn score(score: &Score) -> Value {
    let interval = |interval: Option<Interval>| interval.map(|i| [i.low, i.high]);
    json!({
        "metric": score.metric.name(),
        "value": score.value,
        "interval": interval(score.interval),
        "loss_percent": score.loss.map(|loss| loss.percent),
        "loss_interval": score.loss.and_then(|loss| interval(loss.interval)),
    })
}

/// The command as it can be given to a shell again.
fn command(arguments: impl Iterator<Item = OsString>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=./:,@%^".contains(c);
    let quoted = |argument: String| match !argument.is_empty() && argument.chars().all(plain) {
        true => argument,
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    };
    let given = arguments.skip(1).map(|a| a.to_string_lossy().into_owned());
    let parts = given.map(quoted);
    let parts: Vec<String> = std::iter::once("logattn".into()).chain(parts).collect();
    parts.join(" ")
}

/// Meaning and unit of the fields.
fn fields() -> Value {
    json!({
        "model.weights": "the files with the model's weights",
        "settings.max_tokens": "most tokens of a text, special ones included; a longer passage of a question is read in windows, any other text is cut",
        "settings.stride": "tokens that neighboring windows of a passage share",
        "settings.window": "tokens of a window of text; each but the first is predicted",
        "settings.tokens_per_batch": "tokens that run at a time; attentions that look at a whole batch depend on it (quantiles, binarization)",
        "settings.resamples": "resamples of the bootstrap, over the items, by ChaCha8 with this seed",
        "items": "number of questions, sentences, pairs or windows that were evaluated",
        "attentions[].scores[].value": "exact_match, f1, accuracy: percent; spearman: -1 to 1; perplexity: from 1, the lower the better; null where it is not defined",
        "attentions[].scores[].interval": "percentile interval of the resamples' scores; null where it is not defined",
        "attentions[].scores[].loss_percent": "by how many percent of the first attention's score this one is worse, negative if it is better; null for the first one",
        "attentions[].scores[].loss_interval": "percentile interval of the losses of the same resamples",
        "attentions[].attention_values": "attention values of valid queries and keys that each sees, over all texts: how many there were and how many became 0; by layer and head; none are counted where the attention does not prune",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_given_to_a_shell() {
        let given = [
            "target/logattn",
            "accuracy",
            "--skip-lines-with",
            "<unk> 'x'",
        ];
        let text = command(given.map(OsString::from).into_iter());
        assert_eq!(
            text,
            r"logattn accuracy --skip-lines-with '<unk> '\''x'\'''"
        );
    }
}
