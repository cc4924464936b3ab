//! Place and route: nextpnr over several seeds, and what its report says.

use crate::{
    error::{Error, io_error},
    path::placed,
    process::run_logged,
    result::{CriticalPath, PathStep, Placement, Resource, Seed, Speed, StepKind},
    target::{PINS, Part},
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The netlist to place, in the directory of every run.
pub(crate) const NETLIST: &str = "netlist.json";
/// What nextpnr reports, there too.
pub(crate) const REPORT: &str = "report.json";

/// What nextpnr writes with `--report`, as far as it is read here.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    fmax: BTreeMap<String, Fmax>,
    utilization: BTreeMap<String, Used>,
    critical_paths: Vec<ReportedPath>,
}

#[derive(Debug, Deserialize)]
struct Fmax {
    achieved: f64,
}

#[derive(Debug, Deserialize)]
struct Used {
    used: u64,
    available: u64,
}

#[derive(Debug, Deserialize)]
struct ReportedPath {
    from: String,
    to: String,
    path: Vec<Segment>,
}

#[derive(Debug, Deserialize)]
struct Segment {
    delay: f64,
    to: Pin,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Pin {
    cell: String,
}

/// Runs nextpnr in `directory`, where the netlist lies.
///
/// # Errors
/// nextpnr fails: see [`reason_of_no_place`] for a unit that is too large.
pub(crate) fn place(command: &Path, part: &Part, seed: u32, directory: &Path) -> Result<(), Error> {
    if let Some(pins) = part.pins {
        let path = directory.join(PINS);
        fs::write(&path, pins).map_err(io_error(path))?;
    }
    let mut nextpnr = Command::new(command);
    // Relative paths, since YoWASP's tools see another /tmp.
    nextpnr
        .current_dir(directory)
        .args(part.arguments)
        .args(["--json", NETLIST, "--report", REPORT])
        .args(["--seed", &seed.to_string()])
        .args(["--freq", &part.requested_mhz.to_string()])
        .arg("--timing-allow-fail");
    let doing = format!("placing and routing with seed {seed}");
    run_logged(&mut nextpnr, &doing, "", &directory.join("nextpnr.log"))
}

/// nextpnr's words where a failed run was for want of room.
pub(crate) fn reason_of_no_place(error: &Error) -> Option<String> {
    let Error::ToolFailed { tail, .. } = error else {
        return None;
    };
    let wants_room = |line: &&str| {
        let line = line.to_ascii_lowercase();
        [
            "unable to place",
            "legal placement",
            "no bels remaining",
            "unable to find a placement",
        ]
        .iter()
        .any(|words| line.contains(words))
    };
    tail.lines()
        .find(wants_room)
        .map(|line| line.trim_start_matches("ERROR: ").to_string())
}

/// Reads a run's report.
///
/// # Errors
/// It is not what nextpnr writes, or has no clock.
pub(crate) fn read(directory: &Path) -> Result<Report, Error> {
    let path = directory.join(REPORT);
    let wrong = |reason: String| Error::Report {
        path: path.clone(),
        reason,
    };
    let text = fs::read(&path).map_err(|error| wrong(error.to_string()))?;
    let report: Report = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if report.fmax.is_empty() {
        return Err(wrong("nextpnr found no clock".into()));
    }
    Ok(report)
}

impl Report {
    /// Of the slowest clock: the unit has one, under a name that depends on the device.
    fn mhz(&self) -> f64 {
        self.fmax
            .values()
            .map(|fmax| fmax.achieved)
            .fold(f64::INFINITY, f64::min)
    }

    fn resources(&self) -> Vec<Resource> {
        let used = self.utilization.iter().filter(|(_, used)| used.used > 0);
        used.map(|(name, used)| Resource {
            name: name.clone(),
            used: used.used,
            harness: 0,
            available: used.available,
        })
        .collect()
    }

    /// The longest path from register to register.
    fn critical_path(&self, seed: u32) -> CriticalPath {
        let delay = |path: &&ReportedPath| path.path.iter().map(|s| s.delay).sum::<f64>();
        let clocked = |edge: &str| edge.starts_with("posedge");
        let longest = self
            .critical_paths
            .iter()
            .filter(|path| clocked(&path.from) && clocked(&path.to))
            .max_by(|a, b| delay(a).total_cmp(&delay(b)));
        let steps: Vec<PathStep> = longest
            .into_iter()
            .flat_map(|path| &path.path)
            .map(|segment| PathStep {
                kind: kind(&segment.kind),
                name: placed(&segment.to.cell),
                delay_ns: rounded(segment.delay),
            })
            .collect();
        let sum = |routing: bool| {
            let steps = steps.iter();
            let of_kind = steps.filter(|step| (step.kind == StepKind::Routing) == routing);
            rounded(of_kind.map(|step| step.delay_ns).sum())
        };
        CriticalPath {
            seed: Some(seed),
            logic_ns: sum(false),
            routing_ns: sum(true),
            steps,
        }
    }
}

/// To a picosecond: nextpnr prints 32-bit numbers with the digits of 64-bit ones.
fn rounded(ns: f64) -> f64 {
    (ns * 1e3).round() / 1e3
}

fn kind(nextpnr: &str) -> StepKind {
    match nextpnr {
        "clk-to-q" => StepKind::ClockToOutput,
        "routing" => StepKind::Routing,
        "setup" => StepKind::Setup,
        _ => StepKind::Logic,
    }
}

/// All runs together.
///
/// # Arguments
/// - `runs`: seeds and the directories of their runs, at least one.
///
/// # Errors
/// A report cannot be read.
pub(crate) fn placement(part: &Part, runs: &[(u32, PathBuf)]) -> Result<Placement, Error> {
    let mut reports = Vec::new();
    for (seed, directory) in runs {
        reports.push((*seed, read(directory)?));
    }
    let seeds = reports
        .iter()
        .map(|(seed, report)| Seed {
            seed: *seed,
            mhz: (report.mhz() * 100.0).round() / 100.0,
        })
        .collect();
    reports.sort_by(|a, b| a.1.mhz().total_cmp(&b.1.mhz()));
    let mhz = |index: usize| (reports[index].1.mhz() * 100.0).round() / 100.0;
    let middle = (reports.len() - 1) / 2;
    let (seed, median) = &reports[middle];
    Ok(Placement {
        requested_mhz: f64::from(part.requested_mhz),
        packed_registers: None,
        copied_registers: None,
        copied_luts: None,
        speed: Speed {
            median_mhz: mhz(middle),
            min_mhz: mhz(0),
            max_mhz: mhz(reports.len() - 1),
        },
        seeds,
        utilization: median.resources(),
        critical_path: median.critical_path(*seed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    /// A report of nextpnr-ice40 0.11.1, shortened, with another Fmax.
    fn report(mhz: f64) -> String {
        let segment = |kind: &str, delay: f64, cell: &str| {
            format!(
                r#"{{"type": "{kind}", "delay": {delay}, "from": {{"cell": "x", "port": "O"}},
                "to": {{"cell": "{cell}", "port": "I3"}}, "net": "n"}}"#
            )
        };
        let register = "unit.u_out.spare_valid_SB_DFFSR_Q_D_SB_LUT4_O_LC";
        let lut = "unit.u_value_memory.value_valid_SB_LUT4_I2_LC";
        let path = [
            segment("clk-to-q", 0.5400000214576721, register),
            segment("routing", 1.5889999866485596, lut),
            segment("logic", 0.25, lut),
            segment("routing", 1.0, "outputs_SB_DFF_Q_3_LC"),
            segment("setup", 0.125, "outputs_SB_DFF_Q_3_LC"),
        ]
        .join(",");
        format!(
            r#"{{"fmax": {{"clk$SB_IO_IN_$glb_clk": {{"achieved": {mhz}, "constraint": 100}}}},
            "utilization": {{"ICESTORM_LC": {{"available": 7680, "used": 4275}},
            "ICESTORM_PLL": {{"available": 2, "used": 0}}}},
            "critical_paths": [
            {{"from": "posedge c", "to": "posedge c", "path": [{path}]}},
            {{"from": "<async>", "to": "posedge c", "path": [{}]}}]}}"#,
            segment("routing", 99.0, register)
        )
    }

    fn runs(reports: &[String]) -> (tempfile::TempDir, Vec<(u32, PathBuf)>) {
        let root = tempfile::tempdir().unwrap();
        let runs = reports.iter().zip(1..).map(|(report, seed)| {
            let directory = root.path().join(seed.to_string());
            fs::create_dir(&directory).unwrap();
            fs::write(directory.join(REPORT), report).unwrap();
            (seed, directory)
        });
        let runs = runs.collect();
        (root, runs)
    }

    #[test]
    fn the_median_seed_tells_path_and_utilization() {
        let part = Target::Ice40Hx8k.part().unwrap();
        let (_root, runs) = runs(&[90.0, 80.0, 100.5, 70.0].map(report));
        let placement = placement(part, &runs).unwrap();
        let speed = placement.speed;
        let figures = (speed.min_mhz, speed.median_mhz, speed.max_mhz);
        assert_eq!(figures, (70.0, 80.0, 100.5));
        assert_eq!(placement.seeds[2].mhz, 100.5);
        assert_eq!(placement.utilization.len(), 1);
        assert_eq!(placement.utilization[0].used, 4275);
        let path = placement.critical_path;
        assert_eq!(path.seed, Some(2));
        assert_eq!((path.logic_ns, path.routing_ns), (0.915, 2.589));
        let names: Vec<&str> = path.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "out.spare_valid",
                "value_memory.value_valid",
                "value_memory.value_valid",
                "harness",
                "harness"
            ]
        );
        assert_eq!(path.steps[0].kind, StepKind::ClockToOutput);
    }

    #[test]
    fn a_report_that_is_none_is_named() {
        let part = Target::Ice40Hx8k.part().unwrap();
        for text in [
            "",
            "{}",
            r#"{"fmax": {}, "utilization": {}, "critical_paths": []}"#,
        ] {
            let (_root, runs) = runs(&[text.to_string()]);
            let error = placement(part, &runs).unwrap_err().to_string();
            assert!(error.contains("report.json"), "{error}");
        }
    }

    #[test]
    fn want_of_room_is_told_from_other_failures() {
        let failed = |tail: &str| Error::ToolFailed {
            tool: "nextpnr".into(),
            doing: "placing".into(),
            log: "log".into(),
            tail: tail.into(),
        };
        let reason = "Unable to place cell 'a', no BELs remaining to implement cell type 'LUT'";
        let error = failed(&format!("ERROR: {reason}"));
        assert_eq!(reason_of_no_place(&error).unwrap(), reason);
        assert_eq!(reason_of_no_place(&failed("ERROR: no such file")), None);
    }
}
