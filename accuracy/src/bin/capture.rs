//! Captures the attention of a transformer on a text.

use anyhow::{Context, Result};
use clap::Parser;
use logattn_accuracy::record::record;
use logattn_accuracy::{Adapter, Bert, TextEncoder};
use logattn_captures::{Capture, Metadata};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLE: &str = "Example:
  scripts/fetch-models
  capture --model .tools/models/all-MiniLM-L6-v2 --text passage.txt --int8 --out c.safetensors";

/// Run a BERT model on a text and write the queries, keys and values of every layer and head as a
/// safetensors file: q, k, v of [heads, tokens, D], logits = q·k / sqrt(D).
#[derive(Parser)]
#[command(name = "capture", version, after_help = EXAMPLE)]
struct Arguments {
    /// Checkpoint folder: config.json, tokenizer.json, model.safetensors
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Adapter to apply: low-rank pairs, layer norms and head (safetensors)
    #[arg(long, value_name = "FILE")]
    adapter: Option<PathBuf>,
    /// File with the text, UTF-8
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// Question to put before the text; an adapter for question answering then answers it
    #[arg(long, value_name = "TEXT")]
    question: Option<String>,
    /// Where the text comes from and its license, for the file's metadata
    #[arg(long, value_name = "TEXT")]
    text_source: Option<String>,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write int8 with a scale for each head instead of F32
    #[arg(long)]
    int8: bool,
    /// Cut the text after this many tokens, special ones included [default: the model's limit]
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let passage = std::fs::read_to_string(&arguments.text)
        .with_context(|| format!("{}: cannot read the text", arguments.text.display()))?;
    let passage = passage.trim();
    let mut model = Bert::load(&arguments.model)?;
    let encoder = TextEncoder::load(&arguments.model, model.config())?;
    if let Some(file) = &arguments.adapter {
        model = model.adapt(Adapter::load(file)?)?;
    }
    let limit = model.config().max_position_embeddings;
    let question = arguments.question.as_deref();
    let text = encoder.encode(question, passage, arguments.max_tokens.unwrap_or(limit))?;
    if text.cut > 0 {
        eprintln!("warning: the last {} tokens of the text were cut", text.cut);
    }
    let metadata = Metadata {
        model: Some(model_name(&arguments.model, arguments.adapter.as_deref())),
        text: Some(question.map_or(passage.into(), |q| format!("{q}\n{passage}"))),
        text_source: arguments.text_source.clone(),
        ..Metadata::default()
    };
    let recording = record(&model, &text, metadata)?;
    let float = recording.capture;
    println!(
        "{} layers, {} heads a layer, {} tokens, D = {}",
        float.layers(),
        float.heads_per_layer(),
        float.tokens(),
        float.head_dimension()
    );
    if let (Some((start, end)), Some(_)) = (recording.answer, question) {
        println!("answer: {}", passage.get(start..end).unwrap_or_default());
    }
    if arguments.int8 {
        let int8 = float.quantized();
        println!(
            "int8: attention values differ by {:.2e} on average",
            mean_difference(&float, &int8)
        );
        int8.save(&arguments.out)?;
    } else {
        float.save(&arguments.out)?;
    }
    println!("written: {}", arguments.out.display());
    Ok(())
}

/// Names of the folder and of the adapter's file, without the rest of their paths.
fn model_name(folder: &Path, adapter: Option<&Path>) -> String {
    let name = |part: Option<&std::ffi::OsStr>| {
        part.map_or_else(|| "model".into(), |name| name.to_string_lossy())
            .into_owned()
    };
    match adapter {
        Some(file) => format!("{} + {}", name(folder.file_name()), name(file.file_stem())),
        None => name(folder.file_name()),
    }
}

/// Mean absolute difference of all attention values of two captures of one text.
fn mean_difference(a: &Capture, b: &Capture) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for (a, b) in a.iter().zip(b.iter()) {
        let difference = a.probabilities() - b.probabilities();
        sum += difference.iter().map(|d| f64::from(d.abs())).sum::<f64>();
        count += difference.len();
    }
    sum / count as f64
}
