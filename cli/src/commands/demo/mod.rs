//! `logattn demo`: everything at once, on attention captured from a real transformer.

mod chain;
mod memory;
mod plot;
mod sample;
mod study;
mod text;

use super::{Verdict, generate};
use crate::configuration::ConfigurationArgument;
use crate::console::Console;
use crate::error::Error;
use crate::files::{PendingDirectory, QKV_FOLDER};
use chain::Chain;
use clap::Args;
use logattn_captures::Capture;
use logattn_golden::{Configuration, Input as InputKind, UnitAttention};
use logattn_hdl::unit::Export;
use logattn_studies::Input;
use logattn_studies::timing::HeadRowCodes;
use sample::Cosimulation;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use study::Study;

const HELP: &str = "Examples:
  logattn demo
  logattn demo --config edge_qkv

Takes the embedded capture (question and passage, read by all-MiniLM-L6-v2: 72 heads, D = 32) and
shows the accuracy of 3-bit attention against float, how much is pruned, cycles against the bound
and the int8 twin, bits and bytes, and co-simulates a sample of heads if Verilator can be had. Then
the same unit with input = \"qkv\": the whole chain from int8 Q, K and V, without a softmax.
Writes DIR/rtl (Verilog), DIR/qkv (Verilog of the other unit), demo.png, demo.svg and demo.json,
complete or not at all.";

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

impl Verilog {
    fn of(export: &Export) -> Self {
        Verilog {
            top: export.top.clone(),
            modules: export.files.len(),
            lines: generate::total_lines(export),
        }
    }
}

/// A unit's Verilog and what became of its co-simulation.
#[derive(Serialize)]
pub struct Hardware {
    /// In figures.
    pub verilog: Verilog,
    /// On some heads.
    pub cosimulation: Cosimulation,
}

impl Hardware {
    /// Writes the Verilog of a unit into a folder of a directory and co-simulates one head of each
    /// layer, at most `rows` rows of it.
    fn of(
        c: &Configuration,
        input: &Input,
        rows: Option<usize>,
        directory: &PendingDirectory,
        folder: &str,
    ) -> Result<Self, Error> {
        Ok(Hardware {
            verilog: Verilog::of(&generate::write(c, directory, folder)?),
            cosimulation: Cosimulation::of(c, input, rows)?,
        })
    }
}

/// Rows of a head in the co-simulation of the chain: a row takes longer there, and the bits of
/// whole heads have been compared.
const CHAIN_ROWS: usize = 16;

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
    chain: &'a Option<Chain>,
    chain_hardware: &'a Option<Hardware>,
    fields: Value,
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
    console.heading("Hardware")?;
    let hardware = Hardware::of(&configuration, &input, None, &directory, "")?;
    text::hardware(console, &hardware)?;
    let chained = chained(console, &configuration, &capture, &directory)?;
    let (chain, chain_hardware) =
        chained.map_or((None, None), |(chain, hardware)| (Some(chain), hardware));
    plot::write(&configuration, &study, directory.path())?;
    let report = Report {
        logattn: env!("CARGO_PKG_VERSION"),
        configuration: &configuration.name,
        configuration_sha256: configuration.sha256()?,
        model: capture.metadata().model.as_deref(),
        study: &study,
        verilog: &hardware.verilog,
        cosimulation: &hardware.cosimulation,
        chain: &chain,
        chain_hardware: &chain_hardware,
        fields: fields(),
    };
    directory.write("demo.json", format!("{:#}\n", json!(report)).as_bytes())?;
    directory.finish()?;
    text::closing(console, &arguments.out, chain_hardware.is_some())?;
    let chained = chain_hardware.map(|hardware| hardware.cosimulation.verdict());
    Ok(match (hardware.cosimulation.verdict(), chained) {
        (Verdict::Success, None | Some(Verdict::Success)) => Verdict::Success,
        _ => Verdict::Mismatch,
    })
}

/// Studies the same unit with `input = "qkv"`, and its hardware if it is another; nothing where there
/// is no such unit.
fn chained(
    console: &mut Console,
    configuration: &Configuration,
    capture: &Capture,
    directory: &PendingDirectory,
) -> Result<Option<(Chain, Option<Hardware>)>, Error> {
    let unit = match configuration.with_input(InputKind::Qkv) {
        Ok(unit) => unit,
        Err(reason) => {
            text::no_chain(console, &reason)?;
            return Ok(None);
        }
    };
    let input = Input::new(capture, &unit)?;
    let chain = Chain::of(configuration, &unit, &input)?;
    text::chain(console, &chain)?;
    if unit == *configuration {
        return Ok(Some((chain, None)));
    }
    let hardware = Hardware::of(&unit, &input, Some(CHAIN_ROWS), directory, QKV_FOLDER)?;
    console.line("")?;
    text::hardware(console, &hardware)?;
    Ok(Some((chain, Some(hardware))))
}

/// A head's rows for timing.
fn rows<'a>(input: &'a Input, head: &'a UnitAttention) -> HeadRowCodes<'a> {
    HeadRowCodes {
        codes: head.codes.view(),
        lengths: &input.lengths,
        largest: &head.largest,
    }
}

/// Meaning and unit of the fields of `demo.json`.
fn fields() -> Value {
    let mut fields = study::fields();
    if let (Value::Object(all), Value::Object(more)) = (&mut fields, chain::fields()) {
        all.extend(more);
    }
    fields
}
