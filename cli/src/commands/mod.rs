//! One file a command.

mod accuracy;
mod analyze;
mod calibrate;
mod configs;
mod cosim;
mod demo;
mod estimate;
mod generate;
mod profile;
mod simulate;
mod sweep;
mod synth;

use crate::console::Console;
use crate::error::Error;
use clap::Subcommand;
use std::process::ExitCode;

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// List the named configurations, or print one as TOML
    Configs(configs::Arguments),
    /// Write the Verilog of a configuration
    Generate(generate::Arguments),
    /// Estimate the area at once, for FPGAs and standard cells, without synthesis
    Estimate(estimate::Arguments),
    /// Prove Verilog, golden model and simulator equal on every bit and cycle
    Cosim(cosim::Arguments),
    /// Count the unit's cycles on captured attention
    Simulate(simulate::Arguments),
    /// Write a report with plots: cycles, sparsity, traffic and energy of captured attention
    Profile(profile::Arguments),
    /// Vary fields of a configuration over a grid: tables and a Pareto plot
    Sweep(sweep::Arguments),
    /// Area, Fmax and critical path on FPGAs and standard cells, from open tools
    Synth(synth::Arguments),
    /// Measure what an attention costs a real model on a task, beside float attention
    Accuracy(accuracy::Arguments),
    /// Study a model's attention values: histograms, sparsity, accuracy against threshold and bits
    Analyze(analyze::Arguments),
    /// Find thresholds and shifts for a model, per layer or head, from a few texts
    Calibrate(calibrate::Arguments),
    /// Show everything on attention captured from a real transformer
    Demo(demo::Arguments),
}

/// What a command that ran to its end has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to object to.
    Success,
    /// Hardware and models differ.
    Mismatch,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Success => ExitCode::SUCCESS,
            Verdict::Mismatch => ExitCode::FAILURE,
        }
    }
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// Bad input, a missing tool or unwritable output.
    pub fn run(&self, console: &mut Console) -> Result<Verdict, Error> {
        match self {
            Command::Configs(arguments) => configs::run(arguments, console),
            Command::Generate(arguments) => generate::run(arguments, console),
            Command::Estimate(arguments) => estimate::run(arguments, console),
            Command::Cosim(arguments) => cosim::run(arguments, console),
            Command::Simulate(arguments) => simulate::run(arguments, console),
            Command::Profile(arguments) => profile::run(arguments, console),
            Command::Sweep(arguments) => sweep::run(arguments, console),
            Command::Synth(arguments) => synth::run(arguments, console),
            Command::Accuracy(arguments) => accuracy::run(arguments, console),
            Command::Analyze(arguments) => analyze::run(arguments, console),
            Command::Calibrate(arguments) => calibrate::run(arguments, console),
            Command::Demo(arguments) => demo::run(arguments, console),
        }
    }
}
