//! `logattn generate`: the core of a configuration, in a folder that other tools take as it is.

use super::Verdict;
use crate::configuration::ConfigurationArgument;
use crate::console::Console;
use crate::error::Error;
use crate::files::{CONFIGURATION, FILE_LIST, MANIFEST, PendingDirectory};
use crate::table::{Table, grouped};
use clap::Args;
use logattn_golden::Configuration;
use logattn_hdl::unit::{Export, export};
use std::path::{Path, PathBuf};

const HELP: &str = "Examples:
  logattn generate --config edge --out out/edge
  logattn generate --config edge_qkv --out out/edge_qkv    the same core, from Q and K on
  logattn generate --config edge --unit-only --out out/unit

Writes a folder that builds as it is in other tools: the core's Verilog (rtl/*.v, a file a module,
children first in files.f), README.md, a FuseSoC description, scripts for Vivado and Quartus,
IP-XACT, constraints, registers as SystemRDL, headers and drivers, a cocotb bench with golden vectors,
an example system, a datasheet, and configuration.toml, from which the same files can be generated
again. MANIFEST lists them. --unit-only writes the bare unit without registers and nothing but
rtl/*.v, files.f and configuration.toml: what `logattn cosim` plays and `logattn synth` measures.

DIR is complete or untouched. A DIR that holds anything but an earlier generation is refused without
--force, which keeps such files unless a generated one has their name.";

/// Arguments of `logattn generate`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// Directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only the Verilog of the unit, without the core around it and the folder around that
    #[arg(long)]
    unit_only: bool,
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
    let (top, table) = if arguments.unit_only {
        let export = write(&configuration, &directory, "")?;
        (export.top.clone(), listed(&export))
    } else {
        write_folder(&configuration, &directory)?
    };
    directory.finish()?;
    console.line(table)?;
    console.line(format!(
        "top module {top}, configuration sha256 {}, written to {}",
        configuration.sha256()?,
        arguments.out.display()
    ))?;
    if !arguments.unit_only {
        let readme = arguments.out.join("README.md");
        console.line(format!("start with {}", readme.display()))?;
    }
    Ok(Verdict::Success)
}

/// Verilog files with their lines.
fn listed(export: &Export) -> Table {
    let mut table = Table::new(&["file", ">lines"]);
    for file in &export.files {
        table.row([format!("rtl/{}", file.name), grouped(lines(&file.text))]);
    }
    table.row([
        format!("{} files", export.files.len()),
        grouped(total_lines(export)),
    ]);
    table
}

/// Writes the folder of the core; its top module, and what there is by its first folder.
fn write_folder(
    configuration: &Configuration,
    directory: &PendingDirectory,
) -> Result<(String, Table), Error> {
    let folder = logattn_packaging::folder(configuration)?;
    let mut parts: Vec<(&str, u64, u64)> = Vec::new();
    let mut manifest = String::new();
    for file in &folder.files {
        directory.write(&file.path, file.text.as_bytes())?;
        manifest += &format!("{}\n", file.path);
        let part = match file.path.split_once('/') {
            Some((part, _)) => &file.path[..=part.len()],
            None => &file.path,
        };
        let lines = lines(&file.text);
        match parts.iter_mut().find(|(known, ..)| *known == part) {
            Some((_, files, all)) => (*files, *all) = (*files + 1, *all + lines),
            None => parts.push((part, 1, lines)),
        }
    }
    directory.write(MANIFEST, manifest.as_bytes())?;
    let mut table = Table::new(&["part", ">files", ">lines"]);
    for (part, files, lines) in parts {
        table.row([part.to_string(), grouped(files), grouped(lines)]);
    }
    Ok((folder.top, table))
}

/// Writes the bare unit's Verilog, list and configuration into a directory.
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
