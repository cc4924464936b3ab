//! Jobs for the yosys script: what to run, in which order.

use crate::{
    error::Error,
    options::{Dsps, Options},
    process::run_logged,
    target::{Family, Target},
    tools::Tools,
};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

/// The script that runs a job.
pub(crate) const SCRIPT: &str = include_str!("yosys.py");

/// What comes before multipliers are counted, so that they have the widths that are mapped.
const BEFORE_COUNTING: [&str; 7] = [
    "proc",
    "opt_expr",
    "opt_clean",
    "opt -nodffe -nosdff",
    "wreduce",
    "peepopt",
    "opt_clean",
];

/// Steps for the script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Job {
    steps: Vec<Value>,
}

impl Job {
    /// Reads Verilog files.
    pub(crate) fn read<'a>(files: impl IntoIterator<Item = &'a str>) -> Job {
        let mut job = Job::default();
        for file in files {
            job.run(format!("read_verilog {file}"));
        }
        job
    }

    /// A yosys command.
    pub(crate) fn run(&mut self, command: impl Into<String>) -> &mut Job {
        self.steps.push(json!(["run", command.into()]));
        self
    }

    /// Counts the cells of every module into a file.
    pub(crate) fn count(&mut self, file: &str) -> &mut Job {
        self.steps.push(json!(["count", file]));
        self
    }

    /// Lists the memories of every module in a file.
    pub(crate) fn memories(&mut self, file: &str) -> &mut Job {
        self.steps.push(json!(["memories", file]));
        self
    }

    /// Runs a family's synthesis.
    ///
    /// # Arguments
    /// - `flat`: whether the hierarchy is dissolved.
    pub(crate) fn synthesize(
        &mut self,
        family: Family,
        top: &str,
        options: &Options,
        flat: bool,
    ) -> &mut Job {
        let command = synthesis(family, &options.target, top, options, flat);
        let sizes = dsp_sizes(family);
        match options
            .dsp_limit()
            .filter(|most| *most > 0 && !sizes.is_empty())
        {
            None => self.run(command),
            Some(most) => {
                let next = match family {
                    Family::Xilinx => "prepare",
                    _ => "coarse",
                };
                self.run(format!("{command} -run begin:{next}"));
                let mut before: Vec<&str> = BEFORE_COUNTING.to_vec();
                if flat {
                    before.insert(1, "flatten");
                }
                self.steps
                    .push(json!(["limit_dsps", top, before, most, sizes]));
                self.run(format!("{command} -run {next}:"))
            }
        }
    }

    /// Runs the job.
    ///
    /// # Arguments
    /// - `directory`: where files are read and written.
    /// - `doing`: what it does, for a person.
    ///
    /// # Errors
    /// Yosys fails or cannot be started.
    pub(crate) fn execute(
        &self,
        tools: &Tools,
        directory: &Path,
        doing: &str,
    ) -> Result<(), Error> {
        let mut command = Command::new(&tools.python);
        // -I: nothing is imported from the current directory or the user's settings.
        command.args(["-I", "-c", SCRIPT]).current_dir(directory);
        let steps = Value::from(self.steps.clone()).to_string();
        run_logged(&mut command, doing, &steps, &directory.join("yosys.log"))
    }
}

/// DSPs by the most bits of a factor: those that multipliers are mapped to.
fn dsp_sizes(family: Family) -> &'static [(u64, u64)] {
    match family {
        Family::Ice40 => &[],
        Family::Ecp5 => &[(18, 1)],
        Family::Gowin => &[(9, 1), (18, 2)],
        Family::Xilinx => &[(18, 1)],
    }
}

/// A family's synthesis command.
pub(crate) fn synthesis(
    family: Family,
    target: &Target,
    top: &str,
    options: &Options,
    flat: bool,
) -> String {
    let mut command = match (family, target) {
        (Family::Ice40, _) => "synth_ice40".to_string(),
        (Family::Ecp5, _) => "synth_ecp5".to_string(),
        (Family::Gowin, _) => "synth_gowin -noiopads".to_string(),
        (Family::Xilinx, target) => {
            format!(
                "synth_xilinx -family {} -noiopad -noclkbuf",
                target.short_name()
            )
        }
    };
    // iCE40's mapping to DSPs is off by default, and the HX8K has none.
    if options.dsps == Dsps::None && family != Family::Ice40 {
        command += " -nodsp";
    }
    match (family, flat) {
        (Family::Xilinx, true) => command += " -flatten",
        (Family::Xilinx, false) | (_, true) => {}
        (_, false) => command += " -noflatten",
    }
    format!("{command} -top {top}")
}
