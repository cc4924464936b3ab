//! Flip-flops into the registers of an ECP5's block RAMs and multipliers, which yosys leaves unused.

use crate::{
    cache::{Folder, digest},
    error::Error,
    place::NETLIST,
    process::run_logged,
    run::read_json,
    tools::Tools,
};
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The script that packs a netlist.
const SCRIPT: &str = include_str!("hard_registers.py");
const REPORT: &str = "packed.json";

/// A netlist to place.
pub(crate) struct Packed {
    pub(crate) netlist: PathBuf,
    /// Flip-flops that are in a block RAM or a multiplier now.
    pub(crate) registers: u64,
}

#[derive(Deserialize)]
struct Report {
    packed_registers: u64,
}

/// Packs the netlist in the directory `unit`, which stays as it is.
///
/// # Errors
/// Python fails or cannot be started.
pub(crate) fn pack(tools: &Tools, folder: &Folder, unit: &Path) -> Result<Packed, Error> {
    let step = format!("packed-{}", digest(&[SCRIPT]));
    let directory = folder.step(&step, |directory| {
        let mut command = Command::new(&tools.python);
        // -I: nothing is imported from the current directory or the user's settings.
        command
            .args(["-I", "-c", SCRIPT])
            .arg(unit.join(NETLIST))
            .args([NETLIST, REPORT])
            .current_dir(directory);
        let doing = "packing registers into block RAMs and multipliers";
        run_logged(&mut command, doing, "", &directory.join("packing.log"))
    })?;
    let report: Report = read_json(&directory.join(REPORT))?;
    // Where nothing is packed, the netlist that yosys wrote is placed.
    let place = match report.packed_registers {
        0 => unit,
        _ => &directory,
    };
    Ok(Packed {
        netlist: place.join(NETLIST),
        registers: report.packed_registers,
    })
}
