//! Counts how often each net of a netlist changes on real attention.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use logattn_captures::Capture;
use logattn_golden::Configuration;
use logattn_hdl::unit::export;
use logattn_sim::Ports;
use logattn_testbenches::verilator::{
    BuildRequest, Model, PortSpec, PowerUp, Verilator, default_cache_directory,
};
use logattn_testbenches::{Stimulus, captured_head, run};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Play heads of the demo capture (attention of MiniLM) on the netlist of a unit, without stalls,
/// compare every output bit and cycle with golden model and simulator, and write how often each
/// net changed (SAIF). Prints the unit's counters as JSON.
#[derive(Parser)]
#[command(name = "activity", version)]
struct Arguments {
    /// Configuration of the unit, TOML
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Netlist and models of its cells, Verilog
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    netlist: Vec<PathBuf>,
    /// Heads of the capture
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "5,40")]
    heads: Vec<usize>,
    /// Rows of each head, the first ones
    #[arg(long, value_name = "N", default_value_t = 64)]
    rows: usize,
    /// File to write
    #[arg(long, value_name = "FILE")]
    saif: PathBuf,
}

fn main() -> ExitCode {
    match activity(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))
}

fn activity(arguments: &Arguments) -> Result<()> {
    let origin = arguments.config.display().to_string();
    let c = Configuration::from_toml(&read(&arguments.config)?, &origin)?;
    let capture = Capture::demo();
    let known = capture.heads();
    if let Some(head) = arguments.heads.iter().find(|head| **head >= known) {
        anyhow::bail!("--heads {head}: the capture has heads 0 to {}", known - 1);
    }
    ensure!(arguments.rows > 0, "--rows 0: at least 1");
    let heads: Result<Vec<_>, _> = arguments
        .heads
        .iter()
        .map(|head| captured_head(&capture, &c, *head, arguments.rows))
        .collect();
    let stimulus = Stimulus::new(&c, &heads?)?;
    let mut device = netlist(&c, &arguments.netlist)?;
    device.waves_open(&arguments.saif)?;
    let outcome = run(&mut device, &stimulus, &Ports::free());
    device.waves_close();
    if outcome.is_err() {
        // Counts of a wrong run are worth nothing; that of the mismatch is the error to report.
        let _ = std::fs::remove_file(&arguments.saif);
    }
    println!("{}", serde_json::to_string(&outcome?.counters)?);
    Ok(())
}

/// The netlist as a device. Its registers hold random bits until they are loaded or reset, as those
/// of an ASIC do.
fn netlist(c: &Configuration, files: &[PathBuf]) -> Result<Model> {
    let export = export(c)?;
    let sources: Result<Vec<_>> = files
        .iter()
        .map(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            Ok((name.into_owned(), read(file)?))
        })
        .collect();
    let ports: Vec<PortSpec> = export
        .ports
        .iter()
        .map(|(name, width)| PortSpec::new(name, *width))
        .collect();
    let request = BuildRequest {
        top: &export.top,
        sources: &sources?,
        ports: &ports,
        activity: true,
        allow_warnings: true,
        quick: true,
        waves: false,
    };
    let library = Verilator::find()?.build(&request, &default_cache_directory())?;
    Ok(Model::load(&library, &ports, PowerUp::Random(1))?)
}
