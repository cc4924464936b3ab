//! The description of the folder for FuseSoC.

use crate::templates::render;
use crate::{Contents, PackagedFile, PackagingError, soc, synthesis};
use logattn_estimate::{Fit, Options, Target, estimate};
use logattn_golden::Configuration;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

/// How much of a part's logic the unit may take by its estimate: registers, guards and the buffers
/// of the example system come on top, and placement needs room.
const MOST_FILLED: f64 = 0.7;

/// A member of the ECP5 family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Ecp5 {
    part: &'static str,
    size: &'static str,
    package: &'static str,
    /// Whether products are made of look-up tables.
    nodsp: bool,
}

/// The smallest part that has room for the unit of `c`, if any has.
fn ecp5(c: &Configuration) -> Result<Option<Ecp5>, PackagingError> {
    let parts = [
        (Target::Ecp525k, "LFE5U-25F", "25k"),
        (Target::Ecp585k, "LFE5U-85F", "85k"),
    ];
    for (target, part, size) in parts {
        for nodsp in [false, true] {
            if has_room(c, target, !nodsp)? {
                return Ok(Some(Ecp5 {
                    part,
                    size,
                    package: "CABGA381",
                    nodsp,
                }));
            }
        }
    }
    Ok(None)
}

/// Whether the unit fits with much to spare. With `dsp` every product must have a DSP: synthesis
/// cannot be told to use a few.
fn has_room(c: &Configuration, target: Target, dsp: bool) -> Result<bool, PackagingError> {
    let estimate = estimate(c, target, Options { dsp })?;
    let fits = |fit: &Fit| {
        let most = match fit.resource {
            "DSP" => f64::from(fit.available) - 1.0,
            _ => f64::from(fit.available) * MOST_FILLED,
        };
        fit.used <= most.max(0.0)
    };
    Ok(estimate.fits.iter().all(fits))
}

/// `logattn.core`.
///
/// # Arguments
/// - `files`: the benches, the vectors and the example system, as far as they are in the folder.
///
/// # Errors
/// The template cannot be filled in.
pub fn fusesoc(
    contents: &Contents,
    files: &[PackagedFile],
) -> Result<PackagedFile, PackagingError> {
    let c = &contents.configuration;
    let rtl = contents.export.files.iter();
    let rtl: Vec<String> = rtl.map(|file| format!("rtl/{}", file.name)).collect();
    let soc = files.iter().map(|file| file.path.clone());
    let soc: Vec<String> = soc.filter(|path| path.starts_with("soc/rtl/")).collect();
    let bench = files.iter().map(|file| file.path.clone());
    let bench = bench.filter(|path| of_bench(path)).chain(rtl.clone());
    let bench: Vec<String> = bench.chain(["files.f".to_string()]).collect();
    let values = context! {
        vlnv => vlnv(contents),
        name => &c.name,
        top => &contents.export.top,
        soc_top => soc::top(contents),
        scan_top => synthesis::top(contents),
        rtl,
        soc,
        bench,
        ecp5 => Value::from(Serde(&ecp5(c)?)),
        ice40 => has_room(c, Target::Ice40Hx8k, false)?,
    };
    let template = include_str!("../templates/fusesoc/logattn.core.jinja");
    let text = render(template, &values)?;
    Ok(PackagedFile::new("logattn.core", text))
}

/// Vendor, library, name and version, as FuseSoC calls the core.
pub fn vlnv(contents: &Contents) -> String {
    let (top, version) = (&contents.export.top, env!("CARGO_PKG_VERSION"));
    format!("logattn:ip:{top}:{version}")
}

/// Whether a bench reads a file.
fn of_bench(path: &str) -> bool {
    let read = [".py", ".json", ".hex", ".v"];
    read.iter().any(|ending| path.ends_with(ending)) && !path.starts_with("synthesis/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::contents;

    #[test]
    fn parts_have_room_for_the_core() {
        let part = |name| {
            let part = ecp5(&Configuration::named(name).unwrap()).unwrap();
            part.map(|part| (part.size, part.nodsp))
        };
        assert_eq!(part("nano"), Some(("25k", false)));
        assert_eq!(part("base"), Some(("85k", false)));
        // More products than the smaller part has DSPs, and too many for its look-up tables.
        assert_eq!(part("edge_qkv"), Some(("85k", false)));
    }

    #[test]
    fn every_file_and_target_is_named() {
        let contents = contents("nano");
        let files = [crate::testbench(), crate::soc(&contents).unwrap()].concat();
        let text = fusesoc(&contents, &files).unwrap().text;
        for file in &contents.export.files {
            assert!(text.contains(&format!("      - rtl/{}\n", file.name)));
        }
        let targets = ["lint", "sim", "sim_verilator", "synth_ecp5", "synth_ice40"];
        for target in targets {
            assert!(text.contains(&format!("\n  {target}:\n")), "{target}");
        }
        assert!(text.contains("name: logattn:ip:nano_attention_core:"));
    }
}
