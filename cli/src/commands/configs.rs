//! `logattn configs`: the named configurations.

use super::Verdict;
use crate::configuration;
use crate::console::Console;
use crate::error::Error;
use crate::table::Table;
use clap::Args;
use logattn_golden::config::{NAMES, TWIN_NAMES};
use logattn_golden::{Accumulate, Configuration, Normalize};
use serde::Serialize;
use serde_json::json;

const HELP: &str = "Examples:
  logattn configs                     the table
  logattn configs edge > mine.toml    a start for a configuration of one's own
  logattn configs --json

Columns: D elements of a value vector; N most keys of a row; W keys a beat; B rows that share each
read of a value; bits an attention value is stored in.";

/// Arguments of `logattn configs`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// Print this configuration (a name or a TOML file) as TOML
    #[arg(value_name = "NAME|FILE")]
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A configuration and what follows from it.
#[derive(Serialize)]
struct Entry {
    /// The device it was made for, or what it is for.
    target: &'static str,
    /// Bits of an element's sum.
    accumulator_bits: u32,
    /// The value memory with all its banks, in units of 1,024 bits.
    value_memory_kibit: f64,
    /// Bits that an attention value is stored in.
    stored_code_bits: u32,
    /// Its fields.
    configuration: Configuration,
}

impl Entry {
    fn new(configuration: Configuration) -> Self {
        let c = &configuration;
        let bits = c.value_banks * c.value_words() * c.lanes * c.value_bits as usize;
        Entry {
            target: target(&c.name),
            accumulator_bits: c.accumulator_bits(),
            value_memory_kibit: bits as f64 / 1024.0,
            stored_code_bits: c.stored_code_bits(),
            configuration,
        }
    }
}

/// What a named configuration was made for.
fn target(name: &str) -> &'static str {
    match name.trim_end_matches("_int8") {
        "nano" => "iCE40 HX8K",
        "edge" => "ECP5-25K",
        "base" => "ECP5-85K",
        "server" => "UltraScale+",
        "paper" => "accuracy as published",
        _ => "own",
    }
}

/// Prints the table, or one configuration.
///
/// # Errors
/// An unknown name or a file without a valid configuration.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    match &arguments.name {
        Some(name) => {
            let configuration = configuration::load(name)?;
            if arguments.json {
                console.line(format!("{:#}", json!(Entry::new(configuration))))?;
            } else {
                console.line(configuration.to_toml()?)?;
            }
        }
        None => {
            let named = NAMES
                .iter()
                .chain(&TWIN_NAMES)
                .map(|name| Configuration::named(name));
            let entries: Vec<Entry> = named
                .map(|c| Ok(Entry::new(c?)))
                .collect::<Result<_, Error>>()?;
            if arguments.json {
                console.line(format!("{:#}", json!(entries)))?;
            } else {
                console.line(table(&entries))?;
            }
        }
    }
    Ok(Verdict::Success)
}

fn table(entries: &[Entry]) -> Table {
    let mut table = Table::new(&[
        "name",
        "target",
        ">D",
        ">N",
        ">W",
        ">lanes",
        ">B",
        "accumulate",
        "normalize",
        ">accumulator\nbits",
        ">value memory\nKibit",
        ">bits an\nattention value",
    ]);
    for entry in entries {
        let c = &entry.configuration;
        table.row([
            c.name.clone(),
            entry.target.to_string(),
            c.head_dimension.to_string(),
            c.max_keys.to_string(),
            c.keys_per_beat.to_string(),
            c.lanes.to_string(),
            c.query_block.to_string(),
            accumulate_name(c.accumulate).to_string(),
            normalize_name(c.normalize).to_string(),
            entry.accumulator_bits.to_string(),
            entry.value_memory_kibit.to_string(),
            entry.stored_code_bits.to_string(),
        ]);
    }
    table
}

/// As in a configuration's TOML.
fn accumulate_name(accumulate: Accumulate) -> &'static str {
    match accumulate {
        Accumulate::Shift => "shift",
        Accumulate::Bucket => "bucket",
        Accumulate::Multiply => "multiply",
    }
}

/// As in a configuration's TOML.
fn normalize_name(normalize: Normalize) -> &'static str {
    match normalize {
        Normalize::None => "none",
        Normalize::Reciprocal => "reciprocal",
    }
}
