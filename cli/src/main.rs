//! The `logattn` command: from one configuration to Verilog, co-simulation, cycle counts and a
//! demonstration on real attention.
//!
//! Exit status: 0 for success, 1 if a co-simulation found a difference, 2 for bad input or a tool
//! that is missing.

mod commands;
mod configuration;
mod console;
mod cosimulation;
mod error;
mod files;
mod progress;
mod study;
mod table;
mod task;

use clap::Parser;
use commands::Command;
use console::Console;
use std::process::ExitCode;

/// An attention unit that keeps each attention value in 3 bits, prunes by comparison and
/// multiplies by shifting.
#[derive(Parser)]
#[command(
    name = "logattn",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Start with `logattn demo`; `logattn COMMAND --help` shows an example of each command.\n\
    Exit status: 0 success, 1 a co-simulation found a difference, 2 bad input or a missing tool."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    match Arguments::parse().command.run(&mut Console::new()) {
        Ok(verdict) => verdict.into(),
        Err(error) => {
            error::report(&error);
            ExitCode::from(2)
        }
    }
}
