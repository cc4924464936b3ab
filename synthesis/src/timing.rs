//! Timing of standard cells by OpenSTA, before layout.

use crate::{
    error::Error,
    liberty::Liberty,
    path::standard,
    process::run_logged,
    result::{CriticalPath, PathStep, StaticTiming, StepKind},
};
use std::{fs, path::Path, process::Command};

/// The clock period asked for, in ns. Which one does not matter: the netlist is made already.
const PERIOD_NS: f64 = 10.0;
/// OpenSTA's log, which has the longest path.
const LOG: &str = "sta.log";

/// OpenSTA's commands for the netlist of module `top`.
pub(crate) fn script(liberty: &Liberty, cells: &str, netlist: &str, top: &str) -> String {
    let used = &liberty.used;
    format!(
        // Reading the library sets its units.
        "read_liberty {cells}\nset_cmd_units -time ns -capacitance fF\n\
         read_verilog {netlist}\nlink_design {top}\n\
         create_clock -name clk -period {PERIOD_NS} [get_ports clk]\n\
         foreach port [all_inputs] {{\n  if {{[get_property $port full_name] != \"clk\"}} {{\n    \
         set_driving_cell -lib_cell {} $port\n    set_input_delay 0 -clock clk $port\n  }}\n}}\n\
         set_load {} [all_outputs]\nset_output_delay 0 -clock clk [all_outputs]\n\
         report_checks -path_delay max -format full -digits 4\nexit\n",
        used.driving_cell, used.load_ff
    )
}

/// Runs OpenSTA in `directory`.
///
/// # Errors
/// It fails or finds no path.
pub(crate) fn analyze(sta: &Path, script: &str, directory: &Path) -> Result<(), Error> {
    let mut command = Command::new(sta);
    command
        .current_dir(directory)
        .args(["-exit", "-no_splash", "-no_init", "timing.tcl"]);
    let path = directory.join("timing.tcl");
    fs::write(&path, script).map_err(crate::error::io_error(&path))?;
    let log = directory.join(LOG);
    run_logged(&mut command, "looking for the longest path", "", &log)
}

/// Reads what OpenSTA found.
///
/// # Errors
/// There is no path in its log.
pub(crate) fn read(directory: &Path, liberty: &Liberty) -> Result<StaticTiming, Error> {
    let path = directory.join(LOG);
    let text = fs::read_to_string(&path).map_err(crate::error::io_error(&path))?;
    timing(&text, liberty).ok_or_else(|| Error::Report {
        path,
        reason: "OpenSTA found no path between registers".into(),
    })
}

fn timing(text: &str, liberty: &Liberty) -> Option<StaticTiming> {
    // Only the first path: the slowest of the clock's.
    let (path, _) = text.split_once(" slack ")?;
    let slack: f64 = path.split_whitespace().last()?.parse().ok()?;
    let mut steps: Vec<PathStep> = path
        .lines()
        .filter_map(|line| step(line, liberty))
        .filter(|step| step.delay_ns > 0.0)
        .collect();
    if let Some(first) = steps.first_mut() {
        first.kind = StepKind::ClockToOutput;
    }
    let period_ns = PERIOD_NS - slack;
    Some(StaticTiming {
        period_ns: rounded(period_ns),
        mhz: (1e5 / period_ns).round() / 100.0,
        critical_path: CriticalPath {
            seed: None,
            logic_ns: rounded(steps.iter().map(|step| step.delay_ns).sum()),
            routing_ns: 0.0,
            steps,
        },
    })
}

fn rounded(ns: f64) -> f64 {
    (ns * 1e4).round() / 1e4
}

/// A row of the path: `delay time ^ instance/pin (cell)`, or the setup time.
fn step(line: &str, liberty: &Liberty) -> Option<PathStep> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let delay_ns: f64 = words.first()?.parse().ok()?;
    if words.ends_with(&["library", "setup", "time"]) {
        return Some(PathStep {
            kind: StepKind::Setup,
            name: "setup".into(),
            delay_ns: -delay_ns,
        });
    }
    let [_, _, "^" | "v", pin, cell] = words[..] else {
        return None;
    };
    // Ports have no cell, and their delay is none of the unit's.
    let cell = cell.trim_matches(['(', ')']);
    let (instance, _) = pin.rsplit_once('/')?;
    let name = standard(instance, liberty.areas.keys().map(String::as_str));
    Some(PathStep {
        kind: StepKind::Logic,
        name: format!("{name} ({cell})"),
        delay_ns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::LibertyUsed;

    /// From OpenSTA 2.0.17 on a netlist of `nano`, shortened.
    const REPORT: &str = "\
Startpoint: u_out.count[0]_NOR2X1_B_Y_DFFPOSX1_D
Fanout     Delay      Time   Description
------------------------------------------------------------------
         0.0000    0.0000   clock clk (rise edge)
         0.0000    0.0000   clock network delay (ideal)
         0.0000    0.0000 ^ u_out.count[0]_NOR2X1_B_Y_DFFPOSX1_D/CLK (DFFPOSX1)
         0.2533    0.2533 v u_out.count[0]_NOR2X1_B_Y_DFFPOSX1_D/Q (DFFPOSX1)
         0.1101    0.3634 ^ u_out.count[3]_INVX4_A_Y_NAND3X1_Y/Y (NAND3X1)
         0.0000    0.3634 ^ u_out.count[31]_DFFPOSX1_Q/D (DFFPOSX1)
                   0.3634   data arrival time

        10.0000   10.0000   clock clk (rise edge)
                  10.0000 ^ u_out.count[31]_DFFPOSX1_Q/CLK (DFFPOSX1)
        -0.1836    9.8164   library setup time
                   9.8164   data required time
------------------------------------------------------------------
                   9.4530   slack (MET)
";

    #[test]
    fn a_report_gives_period_and_path() {
        let names = ["NOR2X1", "INVX4", "NAND3X1", "DFFPOSX1"];
        let liberty = Liberty {
            used: LibertyUsed {
                name: String::new(),
                file: "x".into(),
                sha256: String::new(),
                nand2: String::new(),
                nand2_area: 1.0,
                driving_cell: String::new(),
                load_ff: 1.0,
            },
            areas: names.map(|name| (name.to_string(), 1.0)).into(),
            flip_flops: Vec::new(),
        };
        let timing = timing(REPORT, &liberty).unwrap();
        assert_eq!((timing.period_ns, timing.mhz), (0.547, 1828.15));
        let steps: Vec<_> = timing
            .critical_path
            .steps
            .iter()
            .map(|step| (step.kind, step.name.as_str(), step.delay_ns))
            .collect();
        assert_eq!(
            steps,
            [
                (StepKind::ClockToOutput, "out.count[0] (DFFPOSX1)", 0.2533),
                (StepKind::Logic, "out.count[3] (NAND3X1)", 0.1101),
                (StepKind::Setup, "setup", 0.1836),
            ]
        );
        assert!(super::timing("No paths found.", &liberty).is_none());
    }
}
