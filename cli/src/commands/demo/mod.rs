//! `logattn demo`: everything at once, on attention captured from a real transformer.

mod accuracy;
mod memory;
mod plot;
mod sample;
mod study;
mod text;

use super::{Verdict, generate};
use crate::configuration::ConfigurationArgument;
use crate::console::Console;
use crate::error::Error;
use crate::files::PendingDirectory;
use crate::input::Input;
use clap::Args;
use logattn_captures::Capture;
use logattn_hdl::unit::configuration_hash;
use sample::Cosimulation;
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;
use study::Study;

const HELP: &str = "Example:
  logattn demo

Takes the embedded capture (question and passage, read by all-MiniLM-L6-v2: 72 heads, D = 32) and
shows the accuracy of 3-bit attention against float, how much is pruned, cycles against the bound
and the int8 twin, bits and bytes, and co-simulates a sample of heads if Verilator can be had.
Writes DIR/rtl (Verilog), demo.png, demo.svg and demo.json, complete or not at all.";

/// Arguments of `logattn demo`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// A named configuration of D = 32 (see `logattn configs`) or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "edge")]
    config: String,
    /// Directory to write
    #[arg(long, value_name = "DIR", default_value = "out/demo")]
    out: PathBuf,
    /// Write even if DIR holds files of others; they stay
    #[arg(long)]
    force: bool,
}

/// The generated Verilog in figures.
#[derive(Serialize)]
pub struct Verilog {
    /// Name of the top module.
    pub top: String,
    /// Modules, one file each.
    pub modules: usize,
    /// Lines of all files, comments included.
    pub lines: u64,
}

/// The contents of `demo.json`.
#[derive(Serialize)]
struct Report<'a> {
    logattn: &'static str,
    configuration: &'a str,
    configuration_sha256: String,
    model: Option<&'a str>,
    study: &'a Study,
    verilog: &'a Verilog,
    cosimulation: &'a Cosimulation,
    fields: serde_json::Value,
}

/// Runs the demonstration.
///
/// # Errors
/// A configuration of another head dimension than the capture's, an unwritable directory. That
/// Verilator cannot be had is told, not an error.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    let given = ConfigurationArgument {
        config: arguments.config.clone(),
    };
    let configuration = given.load()?;
    let capture = Capture::demo();
    let input = Input::new(&capture, &configuration)?;
    let directory = PendingDirectory::new(&arguments.out, arguments.force)?;
    text::opening(console, &configuration, &capture)?;
    let study = Study::of(&configuration, &input)?;
    text::study(console, &configuration, &study)?;
    let export = generate::write(&configuration, &directory)?;
    let verilog = Verilog {
        top: export.top.clone(),
        modules: export.files.len(),
        lines: generate::total_lines(&export),
    };
    let cosimulation = Cosimulation::of(&configuration, &input)?;
    text::hardware(console, &verilog, &cosimulation)?;
    plot::write(&configuration, &study, directory.path())?;
    let report = Report {
        logattn: env!("CARGO_PKG_VERSION"),
        configuration: &configuration.name,
        configuration_sha256: configuration_hash(&configuration)?,
        model: capture.metadata().model.as_deref(),
        study: &study,
        verilog: &verilog,
        cosimulation: &cosimulation,
        fields: study::fields(),
    };
    directory.write("demo.json", format!("{:#}\n", json!(report)).as_bytes())?;
    directory.finish()?;
    text::closing(console, &arguments.out)?;
    Ok(cosimulation.verdict())
}
