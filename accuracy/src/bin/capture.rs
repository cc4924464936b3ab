//! Captures the attention of a transformer on a text.

use anyhow::{Context, Result, bail};
use clap::Parser;
use logattn_accuracy::checkpoint::model_type;
use logattn_accuracy::record::{record, record_decoder};
use logattn_accuracy::{Adapter, Bert, Decoder, TextEncoder};
use logattn_captures::{Capture, Metadata};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLE: &str = "Examples:
  scripts/fetch-models
  capture --model .tools/models/all-MiniLM-L6-v2 --text passage.txt --int8 --out c.safetensors
  capture --model .tools/models/SmolLM2-135M-Instruct.Q4_1.gguf --text accuracy/data/prose.txt \\
      --tokens 512 --int8 --out smollm2.safetensors";
/// Tokens that a decoder reads if none are asked for.
const TOKENS: usize = 512;

/// Run a BERT model or a Llama decoder on a text and write the queries, keys and values of every
/// layer and head as a safetensors file: q of [heads, tokens, D], k and v of [KV heads, tokens,
/// D], logits = q·k / sqrt(D).
#[derive(Parser)]
#[command(name = "capture", version, after_help = EXAMPLE)]
struct Arguments {
    /// Model: a GGUF file (llama), or a checkpoint folder (bert, roberta, llama) with config.json,
    /// tokenizer.json, model.safetensors
    #[arg(long, value_name = "PATH")]
    model: PathBuf,
    /// File with the text, UTF-8
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// Where the text comes from and its license, for the file's metadata
    #[arg(long, value_name = "TEXT")]
    text_source: Option<String>,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write int8 with a scale for each head instead of F32
    #[arg(long)]
    int8: bool,
    /// bert: adapter to apply, low-rank pairs, layer norms and head (safetensors)
    #[arg(long, value_name = "FILE")]
    adapter: Option<PathBuf>,
    /// bert: question to put before the text; an adapter for question answering then answers it
    #[arg(long, value_name = "TEXT")]
    question: Option<String>,
    /// bert: cut the text after this many tokens, special ones included [default: the model's
    /// limit]
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// llama: read this many tokens, the first of the text [default: 512]
    #[arg(long, value_name = "N")]
    tokens: Option<usize>,
    /// llama: write the queries of the last tokens only, this many [default: all]
    #[arg(long, value_name = "N")]
    queries: Option<usize>,
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
    let text = std::fs::read_to_string(&arguments.text)
        .with_context(|| format!("{}: cannot read the text", arguments.text.display()))?;
    let float = match is_decoder(&arguments.model)? {
        true => capture_decoder(arguments, &text)?,
        false => capture_bert(arguments, text.trim())?,
    };
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

/// Whether the model is a decoder: a file, or a folder that says so. That the folder is of a model
/// which can be run at all is seen when it is loaded.
fn is_decoder(model: &Path) -> Result<bool> {
    if !model.is_dir() {
        return Ok(model.exists() || model.extension().is_some_and(|end| end == "gguf"));
    }
    Ok(model_type(&model.join("config.json"))? == "llama")
}

/// An error if an option was given that the other kind of model has.
fn refuse(given: &[(&str, bool)], kind: &str) -> Result<()> {
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => bail!("{option} is no option for a {kind} model"),
        None => Ok(()),
    }
}

fn capture_bert(arguments: &Arguments, passage: &str) -> Result<Capture> {
    let given = [
        ("--tokens", arguments.tokens.is_some()),
        ("--queries", arguments.queries.is_some()),
    ];
    refuse(&given, "bert")?;
    let mut model = Bert::load(&arguments.model)?;
    let encoder = TextEncoder::load(&arguments.model, model.config())?;
    if let Some(file) = &arguments.adapter {
        model = model.adapt(Adapter::load(file)?)?;
    }
    let limit = model.config().max_tokens();
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
    println!("{}", sizes(&recording.capture));
    if let (Some((start, end)), Some(_)) = (recording.answer, question) {
        println!("answer: {}", passage.get(start..end).unwrap_or_default());
    }
    Ok(recording.capture)
}

fn capture_decoder(arguments: &Arguments, text: &str) -> Result<Capture> {
    let given = [
        ("--adapter", arguments.adapter.is_some()),
        ("--question", arguments.question.is_some()),
        ("--max-tokens", arguments.max_tokens.is_some()),
    ];
    refuse(&given, "llama")?;
    let Decoder { model, tokenizer } = Decoder::load(&arguments.model)?;
    let tokens = arguments.tokens.unwrap_or(TOKENS);
    let encoded = tokenizer.encode(text)?.start(tokens)?;
    // A character can be split over tokens; then it is left out.
    let read = encoded
        .ends
        .last()
        .map_or(0, |&end| text.floor_char_boundary(end));
    let metadata = Metadata {
        model: Some(model_name(&arguments.model, None)),
        text: Some(text[..read].into()),
        text_source: arguments.text_source.clone(),
        ..Metadata::default()
    };
    let queries = arguments.queries.unwrap_or(tokens);
    let recording = record_decoder(&model, &encoded.ids, queries, metadata)?;
    println!("{}", sizes(&recording.capture));
    if recording.prediction.tokens > 0 {
        println!("perplexity: {:.2}", recording.prediction.perplexity());
    }
    Ok(recording.capture)
}

fn sizes(capture: &Capture) -> String {
    let kv_heads = match capture.kv_heads() == capture.heads() {
        true => String::new(),
        false => format!(" and {} KV heads", capture.kv_heads_per_layer()),
    };
    let queries = match capture.rows() == capture.tokens() {
        true => String::new(),
        false => format!(", {} queries", capture.rows()),
    };
    format!(
        "{} layers, {} heads{kv_heads} a layer, {} tokens{queries}, D = {}",
        capture.layers(),
        capture.heads_per_layer(),
        capture.tokens(),
        capture.head_dimension()
    )
}

/// Names of the model and of the adapter's file, without the rest of their paths.
fn model_name(model: &Path, adapter: Option<&Path>) -> String {
    let name = |part: Option<&std::ffi::OsStr>| {
        part.map_or_else(|| "model".into(), |name| name.to_string_lossy())
            .into_owned()
    };
    let own = match model.is_dir() {
        true => name(model.file_name()),
        false => name(model.file_stem()),
    };
    match adapter {
        Some(file) => format!("{own} + {}", name(file.file_stem())),
        None => own,
    }
}

/// Mean absolute difference of all attention values of two captures of one text, over the keys
/// that each row sees.
fn mean_difference(a: &Capture, b: &Capture) -> f64 {
    let seen: usize = (0..a.rows()).map(|row| a.row_length(row)).sum();
    let sum: f64 = a
        .iter()
        .zip(b.iter())
        .map(|(a, b)| {
            let difference = a.probabilities() - b.probabilities();
            difference.iter().map(|d| f64::from(d.abs())).sum::<f64>()
        })
        .sum();
    sum / (seen * a.heads()) as f64
}
