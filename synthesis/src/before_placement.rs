//! What is done to an ECP5's netlist between yosys and nextpnr: flip-flops into the registers of block
//! RAMs and multipliers, and copies of what many read.

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

/// The script that does it.
const SCRIPT: &str = include_str!("before_placement.py");
const REPORT: &str = "prepared.json";

/// A netlist to place.
pub(crate) struct Prepared {
    pub(crate) netlist: PathBuf,
    pub(crate) done: Done,
}

/// What was done to a netlist.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Done {
    /// Flip-flops that are in a block RAM or a multiplier now.
    pub(crate) packed_registers: u64,
    /// Flip-flops more, as copies of what many read.
    pub(crate) copied_registers: u64,
    /// LUTs more, as copies of what many read.
    pub(crate) copied_luts: u64,
}

impl Done {
    fn is_nothing(self) -> bool {
        self.packed_registers + self.copied_registers + self.copied_luts == 0
    }
}

/// Prepares the netlist in the directory `unit`, which stays as it is.
///
/// # Errors
/// Python fails or cannot be started.
pub(crate) fn prepare(tools: &Tools, folder: &Folder, unit: &Path) -> Result<Prepared, Error> {
    let step = format!("prepared-{}", digest(&[SCRIPT]));
    let directory = folder.step(&step, |directory| {
        let mut command = Command::new(&tools.python);
        // -I: nothing is imported from the current directory or the user's settings.
        command
            .args(["-I", "-c", SCRIPT])
            .arg(unit.join(NETLIST))
            .args([NETLIST, REPORT])
            .current_dir(directory);
        let doing = "preparing the netlist for placement";
        run_logged(&mut command, doing, "", &directory.join("preparing.log"))
    })?;
    let done: Done = read_json(&directory.join(REPORT))?;
    // Where there is nothing to do, the netlist that yosys wrote is placed.
    let place = if done.is_nothing() { unit } else { &directory };
    Ok(Prepared {
        netlist: place.join(NETLIST),
        done,
    })
}
