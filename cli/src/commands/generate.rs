//! `logattn generate`: the Verilog of a configuration.

use super::Verdict;
use crate::configuration::ConfigurationArgument;
use crate::console::Console;
use crate::error::Error;
use crate::files::{CONFIGURATION, FILE_LIST, PendingDirectory};
use crate::table::{Table, grouped};
use clap::Args;
use logattn_golden::Configuration;
use logattn_hdl::unit::{Export, configuration_hash, export};
use std::path::PathBuf;

const HELP: &str = "Example:
  logattn generate --config edge --out out/edge

Writes rtl/*.v (Verilog-2005, a file a module, children first in files.f), files.f (for tools that
take `-f files.f`, paths relative to DIR) and configuration.toml (from which the same files can be
generated again). DIR is complete or untouched. A DIR that holds anything but an earlier generation
is refused without --force, which keeps such files unless a generated one has their name.";

/// Arguments of `logattn generate`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// Directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write even if DIR holds files of others
    #[arg(long)]
    force: bool,
}

/// Writes the files.
///
/// # Errors
/// A configuration that is not valid, a directory that cannot or must not be written.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    let configuration = arguments.configuration.load()?;
    let directory = PendingDirectory::new(&arguments.out, arguments.force)?;
    let export = write(&configuration, &directory)?;
    directory.finish()?;
    let mut table = Table::new(&["file", ">lines"]);
    for file in &export.files {
        table.row([format!("rtl/{}", file.name), grouped(lines(&file.text))]);
    }
    table.row([
        format!("{} files", export.files.len()),
        grouped(total_lines(&export)),
    ]);
    console.line(table)?;
    console.line(format!(
        "top module {}, configuration sha256 {}, written to {}",
        export.top,
        configuration_hash(&configuration)?,
        arguments.out.display()
    ))?;
    Ok(Verdict::Success)
}

/// Writes Verilog, list and configuration into a directory.
///
/// # Errors
/// The Verilog cannot be made or written.
pub fn write(configuration: &Configuration, directory: &PendingDirectory) -> Result<Export, Error> {
    let export = export(configuration)?;
    let mut list = String::new();
    for file in &export.files {
        let name = format!("rtl/{}", file.name);
        directory.write(&name, file.text.as_bytes())?;
        list += &format!("{name}\n");
    }
    directory.write(FILE_LIST, list.as_bytes())?;
    directory.write(CONFIGURATION, configuration.to_toml()?.as_bytes())?;
    Ok(export)
}

/// Lines of all files together.
pub fn total_lines(export: &Export) -> u64 {
    export.files.iter().map(|file| lines(&file.text)).sum()
}

fn lines(text: &str) -> u64 {
    text.lines().count() as u64
}
