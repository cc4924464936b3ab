//! `logattn calibrate`: thresholds and shifts for a model.

use super::Verdict;
use crate::configuration;
use crate::console::Console;
use crate::error::Error;
use crate::files::PendingFile;
use crate::progress;
use crate::table::{Table, percent};
use crate::task::{Loaded, TaskArguments};
use clap::{Args, ValueEnum};
use logattn_accuracy::calibration::{
    Candidates, Choice, Per, Setting, Tables, Weighing, calibration, own_setting,
};
use logattn_accuracy::evaluation::observe;
use logattn_accuracy::registers::Registers;
use logattn_accuracy::tasks::TaskData;
use logattn_golden::Configuration;
use std::path::{Path, PathBuf};

const HELP: &str = "Examples:
  logattn calibrate --model .tools/models/all-MiniLM-L6-v2 --adapter accuracy/adapters/qa.safetensors \\
      --task qa --data accuracy/data/questions.json --config edge --sparsity 0.8 --per head \\
      --out edge_qa.toml
  logattn accuracy ... --attention float --attention golden:edge_qa.registers.toml

The model runs once over the texts of --data with float attention. For every head it is measured
what each setting prunes and by how much it changes the head's share of the layer's attention
output. A setting is a set of shifts and a lowest edge, a multiple of a quarter of an octave; the
other edges lie midway between the levels, in the logarithm. Chosen is what changes least while at
least --sparsity of the keys are pruned. Texts should be as long as those the unit is for: at one
threshold, short texts are pruned less.

FILE.toml is a configuration for every command, with the setting that is best if all heads share
it. With --per layer or head FILE.registers.toml holds the registers of each, for `logattn accuracy
--attention golden:FILE.registers.toml`. Shifts beyond the configuration's max_shift raise it.

error: squared change of the attention output of a layer, relative to its squared length, mean over
the layers, the changes of the heads added up as if independent.";

/// [`Per`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PerArgument {
    Model,
    Layer,
    Head,
}

impl From<PerArgument> for Per {
    fn from(argument: PerArgument) -> Self {
        match argument {
            PerArgument::Model => Per::Model,
            PerArgument::Layer => Per::Layer,
            PerArgument::Head => Per::Head,
        }
    }
}

/// Arguments of `logattn calibrate`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    task: TaskArguments,
    /// Configuration to start from: a name (see `logattn configs`) or a TOML file; it must
    /// accumulate by shifting
    #[arg(long, value_name = "NAME|FILE")]
    config: String,
    /// Share of the keys to prune at least
    #[arg(long, value_name = "SHARE", value_parser = share)]
    sparsity: f64,
    /// What gets registers of its own
    #[arg(long, value_enum, default_value_t = PerArgument::Head)]
    per: PerArgument,
    /// More shifts to choose from, such as 8/6/5/4/3/2/1; may be given more than once; those of
    /// the configuration are always tried
    #[arg(long, value_name = "S/S/...", value_parser = shifts)]
    shifts: Vec<Shifts>,
    /// Data of the same task on which nothing is chosen, to see what the choice is worth there
    #[arg(long, value_name = "FILE")]
    held_out: Option<PathBuf>,
    /// Configuration to write
    #[arg(long, value_name = "FILE.toml")]
    out: PathBuf,
}

/// A set of shifts.
#[derive(Clone, Debug)]
struct Shifts(Vec<u32>);

/// Measures, chooses, writes and prints what it is worth.
///
/// # Errors
/// A model, data or a configuration that cannot be used, a sparsity that cannot be reached, files
/// that cannot be written.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    let given = configuration::load(&arguments.config)?;
    let more: Vec<Vec<u32>> = arguments.shifts.iter().map(|set| set.0.clone()).collect();
    let candidates = Candidates::new(&given, &more)?;
    let file = PendingFile::new(&arguments.out)?;
    let loaded = arguments.task.load()?;
    let held_out = match &arguments.held_out {
        Some(file) => Some(arguments.task.data(file)?),
        None => None,
    };
    let measured = measure(&loaded, &loaded.data, &given, &candidates)?;
    let global = measured.choose(Per::Model, arguments.sparsity)?;
    let per = Per::from(arguments.per);
    let own = match per {
        Per::Model => None,
        Per::Layer | Per::Head => Some(measured.choose(per, arguments.sparsity)?),
    };
    let shape = loaded.model.shape();
    let chosen = own.as_ref().map(|choice| (per, choice));
    let calibrated = calibration(&given, &shape, &global, chosen)?;
    file.finish(calibrated.configuration.to_toml()?.as_bytes())?;
    let registers = registers_file(&arguments.out);
    if !calibrated.registers.is_empty() {
        let reference = arguments
            .out
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let configuration = calibrated.configuration.clone();
        let entries = calibrated.registers;
        Registers::new(&registers, &reference, configuration, entries)?.save()?;
    }

    let before = own_setting(&given, &candidates)?;
    let held_out = held_out
        .map(|data| measure(&loaded, &data, &given, &candidates))
        .transpose()?;
    let choices = [Some(&global), own.as_ref()];
    console.line(table(&measured, held_out.as_ref(), before, choices, per))?;
    let raised = calibrated.configuration.max_shift;
    if raised != given.max_shift {
        console.line(format!("max_shift is raised to {}", raised.unwrap_or(0)))?;
    }
    console.line(format!("written: {}", arguments.out.display()))?;
    if own.is_some() {
        console.line(format!("written: {}", registers.display()))?;
    }
    Ok(Verdict::Success)
}

/// FILE.registers.toml of FILE.toml.
fn registers_file(out: &Path) -> PathBuf {
    out.with_extension("registers.toml")
}

fn measure(
    loaded: &Loaded,
    data: &TaskData,
    configuration: &Configuration,
    candidates: &Candidates,
) -> Result<Tables, Error> {
    let model = &loaded.model;
    let mut tables = Tables::new(
        candidates.clone(),
        model.shape(),
        Weighing::of(configuration),
        &model.attention_outputs(),
    )?;
    let bar = progress::bar(0, "texts");
    let result = observe(data, model, &loaded.options, &mut tables, &|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    result?;
    Ok(tables)
}

/// What the settings are worth: those that were given, the best for all heads, and the best.
fn table(
    measured: &Tables,
    held_out: Option<&Tables>,
    before: Option<Setting>,
    [global, own]: [Option<&Choice>; 2],
    per: Per,
) -> Table {
    let mut header = vec!["registers", "lowest edge", "shifts", ">error", ">pruned"];
    if held_out.is_some() {
        header.extend([">error, held out", ">pruned, held out"]);
    }
    let mut table = Table::new(&header);
    let heads = global.map_or(0, |choice| choice.settings.len());
    let given = before.and_then(|setting| measured.cost(&vec![setting; heads]));
    let name = match per {
        Per::Layer => "of each layer",
        Per::Model | Per::Head => "of each head",
    };
    let rows = [
        ("as given", given.as_ref()),
        ("of the model", global),
        (name, own),
    ];
    for (name, choice) in rows {
        let Some(choice) = choice else { continue };
        let mut row = vec![
            name.to_string(),
            lowest(choice),
            sets(choice),
            percent(choice.error),
            percent(choice.pruned),
        ];
        if let Some(tables) = held_out {
            let cost = tables.cost(&choice.settings);
            let text = |part: fn(&Choice) -> f64| {
                cost.as_ref().map_or("-".into(), |cost| percent(part(cost)))
            };
            row.extend([text(|cost| cost.error), text(|cost| cost.pruned)]);
        }
        table.row(row);
    }
    table
}

/// The lowest edges of a choice.
fn lowest(choice: &Choice) -> String {
    let edges = choice.settings.iter().map(|setting| setting.lowest);
    let least = edges.clone().fold(f64::INFINITY, f64::min);
    let most = edges.fold(0.0, f64::max);
    match least == most {
        true => format!("2^-{least}"),
        false => format!("2^-{most} to 2^-{least}"),
    }
}

/// The sets of shifts of a choice.
fn sets(choice: &Choice) -> String {
    let mut sets: Vec<String> = Vec::new();
    for setting in &choice.settings {
        let shifts: Vec<String> = setting.shifts.iter().map(u32::to_string).collect();
        let text = shifts.join("/");
        if !sets.contains(&text) {
            sets.push(text);
        }
    }
    sets.join(", ")
}

/// Parses a share.
fn share(text: &str) -> Result<f64, String> {
    let share: Option<f64> = text.parse().ok();
    let legal = share.filter(|share| (0.0..1.0).contains(share));
    legal.ok_or_else(|| "legal: a number of at least 0 and below 1".to_string())
}

/// Parses a set of shifts.
fn shifts(text: &str) -> Result<Shifts, String> {
    let shifts: Result<Vec<u32>, _> = text.split('/').map(str::parse).collect();
    let legal = || "legal: integers with / between them, such as 8/6/5/4/3/2/1".to_string();
    shifts.map(Shifts).map_err(|_| legal())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_shifts() {
        assert_eq!(share("0.8"), Ok(0.8));
        for wrong in ["1", "-0.1", "NaN", "80 %", ""] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        assert_eq!(shifts("7/6/5").unwrap().0, [7, 6, 5]);
        for wrong in ["", "7,6", "7/-1", "7//6"] {
            assert!(shifts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_file_of_registers_is_beside_the_configuration() {
        let file = registers_file(Path::new("a/edge_qa.toml"));
        assert_eq!(file, Path::new("a/edge_qa.registers.toml"));
    }
}
