//! `logattn generate`: the Verilog of a configuration.

use super::Verdict;
use crate::configuration::ConfigurationArgument;
use crate::console::Console;
use crate::error::Error;
use crate::files::{CONFIGURATION, FILE_LIST, PendingDirectory};
use crate::table::{Table, grouped};
use clap::Args;
use logattn_golden::Configuration;
use logattn_hdl::unit::{Export, export};
use std::path::{Path, PathBuf};

const HELP: &str = "Examples:
  logattn generate --config edge --out out/edge
  logattn generate --config edge_qkv --out out/edge_qkv    the same unit, from Q and K on

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
    let export = write(&configuration, &directory, "")?;
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
        configuration.sha256()?,
        arguments.out.display()
    ))?;
    Ok(Verdict::Success)
}

/// Writes Verilog, list and configuration into a directory.
///
/// # Arguments
/// - `folder`: the folder of the directory, or nothing for the directory itself.
///
/// # Errors
/// The Verilog cannot be made or written.
pub fn write(
    configuration: &Configuration,
    directory: &PendingDirectory,
    folder: &str,
) -> Result<Export, Error> {
    let write = |name: &str, text: &str| {
        let path = Path::new(folder).join(name);
        directory.write(&path.to_string_lossy(), text.as_bytes())
    };
    let export = export(configuration)?;
    let mut list = String::new();
    for file in &export.files {
        let name = format!("rtl/{}", file.name);
        write(&name, &file.text)?;
        list += &format!("{name}\n");
    }
    write(FILE_LIST, &list)?;
    write(CONFIGURATION, &configuration.to_toml()?)?;
    Ok(export)
}

/// Lines of all files together.
pub fn total_lines(export: &Export) -> u64 {
    export.files.iter().map(|file| lines(&file.text)).sum()
}

fn lines(text: &str) -> u64 {
    text.lines().count() as u64
}
