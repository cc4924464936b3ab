//! `logattn estimate`: the area of a configuration without synthesis.

use super::Verdict;
use crate::configuration::ConfigurationArgument;
use crate::console::Console;
use crate::error::Error;
use crate::files::PendingFile;
use crate::table::{Table, grouped, percent};
use clap::Args;
use logattn_estimate::{
    Area, Calibration, Estimate, Family, Features, Options, Target, estimate, features,
};
use logattn_golden::Configuration;
use serde_json::json;
use std::path::PathBuf;

const HELP: &str = "Examples:
  logattn estimate --config nano                      every target, a line each
  logattn estimate --config edge --target ecp5-25k    one target, module by module
  logattn estimate --config base --target ecp5-85k --no-dsp --json base.json

Targets: ice40-hx8k, ecp5-25k, ecp5-85k, gowin-gw1n9, xcup, xc7, asic. The area is that of synthesis
before placement; it follows from the structure of the generated netlist, with coefficients fitted
to small units that were synthesized (scripts/calibrate_estimate). LUT counts those that carry cells
sit in; block RAMs are of 4 Kibit (iCE40) or 18 Kibit (of 36 Kibit: 2); DSPs 18 x 18 (ECP5), 9 x 9
(Gowin) or DSP48; products for which a part has no DSP are in LUTs. kGE: 1,000 two-input NANDs of
OSU 0.18 um, without memories. No frequency: that takes placement.";

/// Arguments of `logattn estimate`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// What to estimate for
    #[arg(long, value_name = "TARGET|all", default_value = "all")]
    target: String,
    /// Products in look-up tables instead of DSPs
    #[arg(long)]
    no_dsp: bool,
    /// Write everything, module by module, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Print the features of the structure for a family, for the calibration
    #[arg(long, value_name = "FAMILY", hide = true, conflicts_with_all = ["target", "json"])]
    features: Option<String>,
}

/// Estimates.
///
/// # Errors
/// A configuration that is not valid, an unknown target, a file that cannot be written.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    let configuration = arguments.configuration.load()?;
    let dsp = !arguments.no_dsp;
    if let Some(family) = &arguments.features {
        return print_features(&configuration, family, dsp, console);
    }
    let targets = targets(arguments)?;
    let file = arguments
        .json
        .as_deref()
        .map(PendingFile::new)
        .transpose()?;
    let estimates = targets
        .iter()
        .map(|target| estimate(&configuration, *target, Options { dsp }))
        .collect::<Result<Vec<Estimate>, _>>()?;
    let calibration = Calibration::built_in()?;
    if let Some(file) = file {
        let document = document(&configuration, dsp, &estimates, &calibration)?;
        file.finish(format!("{document:#}\n").as_bytes())?;
    }
    match estimates.as_slice() {
        [one] => console.line(modules(one))?,
        all => console.line(summary(all))?,
    }
    console.line(remarks(&estimates, &calibration).join("\n"))?;
    Ok(Verdict::Success)
}

fn targets(arguments: &Arguments) -> Result<Vec<Target>, Error> {
    if arguments.target == "all" {
        return Ok(Target::ALL.into());
    }
    let target: Target = arguments.target.parse()?;
    if target == Target::Asic && arguments.no_dsp {
        return Err(Error::Target {
            option: "--no-dsp",
            target: target.to_string(),
            reason: "has no DSPs",
        });
    }
    Ok(vec![target])
}

/// The sum over all modules.
fn print_features(
    configuration: &Configuration,
    family: &str,
    dsp: bool,
    console: &mut Console,
) -> Result<Verdict, Error> {
    let known = Family::ALL.into_iter().find(|known| known.name() == family);
    let family = known.ok_or_else(|| logattn_estimate::Error::Target {
        given: family.into(),
    })?;
    let mut total = Features::default();
    for (_, instances, features) in features(configuration, family, dsp)? {
        total += features * instances as f64;
    }
    console.line(json!(total))?;
    Ok(Verdict::Success)
}

fn document(
    configuration: &Configuration,
    dsp: bool,
    estimates: &[Estimate],
    calibration: &Calibration,
) -> Result<serde_json::Value, Error> {
    Ok(json!({
        "about": "Area before placement, estimated from the structure of the netlist.",
        "logattn": env!("CARGO_PKG_VERSION"),
        "configuration": configuration.name,
        "configuration_sha256": configuration.sha256()?,
        "dsp": dsp,
        "calibration": { "date": calibration.date, "pyosys": calibration.pyosys },
        "estimates": estimates,
    }))
}

fn whole(count: f64) -> String {
    grouped(count.round() as u64)
}

/// The counts of an area as cells of a table, without those that its target does not have.
fn counts(area: &Area, target: Target) -> [String; 7] {
    if target == Target::Asic {
        let none = || "-".to_string();
        let gates = format!("{:.1}", area.kilo_gates);
        return [
            none(),
            whole(area.ff),
            none(),
            none(),
            none(),
            none(),
            gates,
        ];
    }
    [
        whole(area.lut),
        whole(area.ff),
        whole(area.carry),
        whole(area.lut_ram),
        whole(area.block_ram),
        whole(area.dsp),
        "-".into(),
    ]
}

const COUNTS: [&str; 7] = [
    ">LUT",
    ">FF",
    ">carry\ncells",
    ">LUT as\nmemory",
    ">block\nRAM",
    ">DSP",
    ">kGE",
];

fn modules(estimate: &Estimate) -> Table {
    let heading = [&["module", ">instances"], &COUNTS[..]].concat();
    let mut table = Table::new(&heading);
    let mut row = |name: &str, instances: String, area: &Area| {
        let names = [name.to_string(), instances];
        table.row(names.into_iter().chain(counts(area, estimate.target)));
    };
    for module in &estimate.modules {
        row(&module.module, grouped(module.instances), &module.area);
    }
    row("total", String::new(), &estimate.total);
    table
}

fn summary(estimates: &[Estimate]) -> Table {
    let heading = [&["target"], &COUNTS[..], &["of the part"]].concat();
    let mut table = Table::new(&heading);
    for estimate in estimates {
        let name = [estimate.target.to_string()];
        let cells = counts(&estimate.total, estimate.target);
        table.row(name.into_iter().chain(cells).chain([fullest(estimate)]));
    }
    table
}

/// The resource of which the part has the least left.
fn fullest(estimate: &Estimate) -> String {
    let lacking: Vec<&str> = estimate.lacking().map(|fit| fit.resource).collect();
    if !lacking.is_empty() {
        return format!("does not fit: {}", lacking.join(", "));
    }
    let share = |used: f64, available: u32| used / f64::from(available.max(1));
    let shares = estimate.fits.iter();
    let shares = shares.map(|fit| (share(fit.used, fit.available), fit.resource));
    let most = shares.max_by(|a, b| a.0.total_cmp(&b.0));
    most.map_or_else(
        || "-".into(),
        |(share, resource)| format!("{resource} {}", percent(share)),
    )
}

fn remarks(estimates: &[Estimate], calibration: &Calibration) -> Vec<String> {
    let mut lines = Vec::new();
    if let [estimate] = estimates {
        for fit in &estimate.fits {
            let (used, available) = (whole(fit.used), grouped(fit.available.into()));
            lines.push(format!("{}: {used} of {available}", fit.resource));
        }
        if let Some(part) = estimate.target.part() {
            let lacking: Vec<&str> = estimate.lacking().map(|fit| fit.resource).collect();
            let verdict = match lacking.as_slice() {
                [] => "fits".to_string(),
                lacking => format!("does not fit: too few {}", lacking.join(", ")),
            };
            lines.push(format!("{}: {verdict} ({})", part.name, part.source));
        }
        let bits = estimate.total.memory_bits;
        if bits > 0.0 {
            lines.push(format!("memories, not in kGE: {} bits", whole(bits)));
        }
    }
    lines.push(format!(
        "estimated from the netlist's structure, before placement; calibrated with pyosys {} on {}",
        calibration.pyosys, calibration.date
    ));
    let mut told = Vec::new();
    for estimate in estimates {
        let family = estimate.target.family();
        if !told.contains(&family) {
            lines.extend(held_out(estimate, family));
            told.push(family);
        }
    }
    lines
}

/// How far the family's estimates were off where nothing was fitted.
fn held_out(estimate: &Estimate, family: Family) -> Option<String> {
    let held_out = estimate.held_out.as_ref()?;
    let named = [("lut", "LUT"), ("ff", "FF"), ("kilo_gates", "kGE")];
    let errors = named.into_iter().filter_map(|(key, name)| {
        let spread = held_out.errors.get(key)?;
        let (median, worst) = (percent(spread.median), percent(spread.worst));
        Some(format!("{name} median {median}, worst {worst}"))
    });
    Some(format!(
        "held-out error for {} (units: {}): {}",
        family.name(),
        held_out.units,
        errors.collect::<Vec<_>>().join("; ")
    ))
}
