//! `logattn configs`: the named configurations.

use super::Verdict;
use crate::configuration::{self, known_names};
use crate::console::Console;
use crate::error::Error;
use crate::table::Table;
use clap::Args;
use logattn_golden::config::QUERY_KEY_BITS;
use logattn_golden::{Accumulate, Configuration, Input, NAMES, Normalize};
use logattn_studies::input::input_name;
use serde::Serialize;
use serde_json::json;

const HELP: &str = "Examples:
  logattn configs                     the table
  logattn configs edge > mine.toml    a start for a configuration of one's own
  logattn configs edge_qkv            the same unit, from int8 Q and K on
  logattn configs --json

Units of the same device stand together; NAME_probabilities, NAME_scores and NAME_qkv are NAME with
another input, NAME_int8 is its baseline without this idea. Columns: input, what the unit takes for
each key (a probability, a score, or int8 queries and keys); D elements of a value vector; N most
keys of a row; W keys a beat; B rows that share each read of a value; bits of V and K on chip, all
banks; bits an attention value is stored in.";

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
    /// The key memory with all its banks, in units of 1,024 bits; 0 without `input = "qkv"`.
    key_memory_kibit: f64,
    /// Bits that an attention value is stored in.
    stored_code_bits: u32,
    /// Its fields.
    configuration: Configuration,
}

impl Entry {
    fn new(configuration: Configuration) -> Self {
        let c = &configuration;
        let value_bits = c.value_banks * c.value_words() * c.lanes * c.value_bits as usize;
        let key_bits = match c.input {
            Input::Qkv => c.value_banks * c.max_keys * c.head_dimension * QUERY_KEY_BITS as usize,
            Input::Probabilities | Input::Scores => 0,
        };
        Entry {
            target: target(&c.name),
            accumulator_bits: c.accumulator_bits(),
            value_memory_kibit: value_bits as f64 / 1024.0,
            key_memory_kibit: key_bits as f64 / 1024.0,
            stored_code_bits: c.stored_code_bits(),
            configuration,
        }
    }
}

/// What a named configuration was made for.
fn target(name: &str) -> &'static str {
    if !known_names().any(|known| known == name) {
        return "own";
    }
    match family(name) {
        "nano" => "iCE40 HX8K",
        "edge" => "ECP5-25K",
        "base" => "ECP5-85K",
        "server" => "UltraScale+",
        "paper" => "accuracy as published",
        _ => "own",
    }
}

/// The named configuration that another one was made from: all up to the first `_`.
fn family(name: &str) -> &str {
    name.split('_').next().unwrap_or(name)
}

/// The names, those of one family together.
fn by_family() -> impl Iterator<Item = &'static str> {
    NAMES
        .iter()
        .flat_map(|name| known_names().filter(move |known| family(known) == *name))
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
            let entries: Vec<Entry> = by_family()
                .map(|name| Ok(Entry::new(Configuration::named(name)?)))
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
        "input",
        ">D",
        ">N",
        ">W",
        ">lanes",
        ">B",
        "accumulate",
        "normalize",
        ">accumulator\nbits",
        ">V\nKibit",
        ">K\nKibit",
        ">bits an\nattention value",
    ]);
    let mut before = None;
    for entry in entries {
        let c = &entry.configuration;
        let own = family(&c.name);
        if before.replace(own).is_some_and(|before| before != own) {
            table.row([]);
        }
        table.row([
            c.name.clone(),
            entry.target.to_string(),
            input_name(c.input).to_string(),
            c.head_dimension.to_string(),
            c.max_keys.to_string(),
            c.keys_per_beat.to_string(),
            c.lanes.to_string(),
            c.query_block.to_string(),
            accumulate_name(c.accumulate).to_string(),
            normalize_name(c.normalize).to_string(),
            entry.accumulator_bits.to_string(),
            entry.value_memory_kibit.to_string(),
            entry.key_memory_kibit.to_string(),
            entry.stored_code_bits.to_string(),
        ]);
    }
    table
}

/// As in a configuration's TOML.
fn accumulate_name(accumulate: Accumulate) -> &'static str {
    match accumulate {
        Accumulate::Shift => "shift",
        Accumulate::Sorted => "sorted",
        Accumulate::Bucket => "bucket",
        Accumulate::Multiply => "multiply",
    }
}

/// As in a configuration's TOML.
fn normalize_name(normalize: Normalize) -> &'static str {
    match normalize {
        Normalize::None => "none",
        Normalize::Reciprocal => "reciprocal",
        Normalize::Complement => "complement",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_is_of_one_family() {
        let listed: Vec<&str> = by_family().collect();
        assert_eq!(listed.len(), known_names().count());
        let all: BTreeSet<&str> = known_names().collect();
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), all);
    }
}
