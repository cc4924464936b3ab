//! `logattn synth`: area and speed of a configuration.

mod tables;

use super::Verdict;
use crate::configuration::ConfigurationArgument;
use crate::console::Console;
use crate::error::Error;
use crate::files::PendingFile;
use crate::progress;
use clap::Args;
use indicatif::ProgressBar;
use logattn_synthesis::{Dsps, Options, Stage, Target, synthesize_with};
use std::path::PathBuf;
use std::sync::Mutex;

const HELP: &str = "Examples:
  logattn synth --config nano --target ice40-hx8k                 five seeds: minutes
  logattn synth --config nano --target ecp5-25k --seeds 0         counts alone: seconds
  logattn synth --config nano_int8 --target ecp5-25k --no-dsp     multipliers made of LUTs
  logattn synth --config nano --target asic --json nano.json      Debian's OSU 0.18 um library
  logattn synth --config nano --target asic:my.lib

Targets: ice40-hx8k, ecp5-25k, ecp5-85k and gowin-gw1n9 are placed and routed by nextpnr (ECP5: speed
grade 6); xcup (UltraScale+) and xc7 (7 series) are only counted, as no open tool places them; asic
is any Liberty file, timed by OpenSTA before layout. Counts are those of the unit alone. To place it,
a scan chain around it takes the place of its ports, which are too many for any package; Fmax is of
both. What a step found is kept by content in LOGATTN_CACHE, else in target/synthesis of the source
tree, with the netlists and the tools' logs.";

/// Arguments of `logattn synth`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// ice40-hx8k, ecp5-25k, ecp5-85k, gowin-gw1n9, xcup, xc7, asic or asic:LIBERTY
    #[arg(long)]
    target: String,
    /// Runs of place and route with seeds 1, 2, ...; 0: only count
    #[arg(long, default_value_t = 5)]
    seeds: u32,
    /// Make all multipliers of LUTs
    #[arg(long, conflicts_with = "dsps")]
    no_dsp: bool,
    /// Most DSPs to take, for the largest multipliers [default: all of the part]
    #[arg(long, value_name = "N")]
    dsps: Option<u64>,
    /// Do not count each module in a second synthesis
    #[arg(long)]
    no_modules: bool,
    /// Run every step again, whatever is kept of earlier runs
    #[arg(long)]
    fresh: bool,
    /// Write the result to a JSON file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Arguments {
    fn options(&self) -> Result<Options, Error> {
        let target: Target = self.target.parse()?;
        Ok(Options {
            seeds: self.seeds,
            dsps: match (self.no_dsp, self.dsps) {
                (true, _) => Dsps::None,
                (false, Some(most)) => Dsps::AtMost(most),
                (false, None) => Dsps::All,
            },
            modules: !self.no_modules,
            fresh: self.fresh,
            ..Options::new(target)
        })
    }
}

/// Synthesizes and prints the figures.
///
/// # Errors
/// Bad input, a missing tool, a unit that does not fit the part.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    let configuration = arguments.configuration.load()?;
    let options = arguments.options()?;
    let json = arguments
        .json
        .as_deref()
        .map(PendingFile::new)
        .transpose()?;
    let spinner = Spinner::new();
    let result = synthesize_with(&configuration, &options, &|stage, done| {
        spinner.tell(stage, done);
    });
    spinner.bar.finish_and_clear();
    let synthesis = result?;
    if let Some(file) = json {
        let mut text = serde_json::to_vec_pretty(&synthesis)
            .map_err(|error| Error::write("JSON")(error.into()))?;
        text.push(b'\n');
        file.finish(&text)?;
    }
    tables::print(&synthesis, console)?;
    Ok(Verdict::Success)
}

/// A spinner that names everything that runs.
struct Spinner {
    bar: ProgressBar,
    running: Mutex<Vec<Stage>>,
}

impl Spinner {
    fn new() -> Self {
        Spinner {
            bar: progress::spinner("synthesis"),
            running: Mutex::default(),
        }
    }

    fn tell(&self, stage: Stage, done: bool) {
        let Ok(mut running) = self.running.lock() else {
            return;
        };
        if done {
            running.retain(|other| *other != stage);
        } else {
            running.push(stage);
        }
        let names: Vec<String> = running.iter().map(|stage| name(*stage)).collect();
        self.bar.set_message(names.join(", "));
    }
}

fn name(stage: Stage) -> String {
    match stage {
        Stage::Unit => "synthesizing the unit".into(),
        Stage::Modules => "synthesizing module by module".into(),
        Stage::Seed(seed) => format!("place and route, seed {seed}"),
        Stage::Timing => "timing".into(),
    }
}
