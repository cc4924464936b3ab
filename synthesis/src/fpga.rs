//! The steps of a synthesis for an FPGA.

use crate::{
    before_placement::{self, Prepared},
    cache::digest,
    cells::{self, Cells},
    error::{Error, io_error},
    harness::{HARNESS, Harness},
    job::{Job, synthesis},
    options::{Options, Stage},
    place::{self, NETLIST},
    result::{Area, Placement, Resource, Synthesis},
    run::{Design, read_json},
    target::{Family, Part},
};
use rayon::prelude::*;
use std::{fs, path::Path};

/// Cells of the unit by module; one module in a run that dissolves the hierarchy.
pub(crate) const CELLS: &str = "cells.json";
/// Cells of the scan chain.
const HARNESS_CELLS: &str = "harness.json";
/// The unit's netlist as Verilog, in the family's cells.
const UNIT_VERILOG: &str = "unit.v";

/// Fills in everything but modules.
pub(crate) fn synthesize(
    design: &Design<'_>,
    family: Family,
    synthesis: &mut Synthesis,
) -> Result<(), Error> {
    let part = design.options.target.part();
    let harness = part.map(|_| &design.harness);
    let unit = design.folder.step("unit", |directory| {
        design.during(Stage::Unit, || unit(design, family, harness, directory))
    })?;
    let counted = |file: &str, module: &str| -> Result<Area, Error> {
        let found: Modules = read_json(&unit.join(file))?;
        let cells = found.get(module).cloned().unwrap_or_default();
        Ok(cells::area(family, &cells))
    };
    synthesis.area = counted(CELLS, &design.export.top)?;
    let Some(part) = part else {
        return Ok(());
    };
    let chain = counted(HARNESS_CELLS, HARNESS)?;
    synthesis.fit = fit(part, &synthesis.area, &chain);
    if design.options.seeds == 0 {
        return Ok(());
    }
    check_fit(design, part, &synthesis.fit)?;
    let prepared = (part.prepares)
        .then(|| before_placement::prepare(design.tools, &design.folder, &unit))
        .transpose()?;
    let mut placement = placement(design, part, &unit, prepared.as_ref())?;
    if let Some(prepared) = prepared {
        let some = |count: u64| Some(count).filter(|count| *count > 0);
        placement.packed_registers = some(prepared.done.packed_registers);
        placement.copied_registers = some(prepared.done.copied_registers);
        placement.copied_luts = some(prepared.done.copied_luts);
    }
    synthesis.placement = Some(placement);
    Ok(())
}

/// Cells by module.
pub(crate) type Modules = std::collections::BTreeMap<String, Cells>;

/// Synthesizes the unit alone, then puts the scan chain around what came out.
fn unit(
    design: &Design<'_>,
    family: Family,
    harness: Option<&Harness>,
    directory: &Path,
) -> Result<(), Error> {
    let top = &design.export.top;
    let mut job = design.read();
    job.synthesize(family, top, design.options, true)
        .run("delete t:$scopeinfo")
        .count(CELLS)
        .run(format!("write_verilog -noattr {UNIT_VERILOG}"));
    if let Some(harness) = harness {
        write(directory, "harness.v", &harness.chain)?;
        write(directory, "placeholder.v", &harness.placeholder)?;
        job.run("design -stash unit");
        // Only the chain has pads.
        let command = synthesis(
            family,
            &design.options.target,
            HARNESS,
            design.options,
            true,
        );
        job.run("read_verilog placeholder.v")
            .run("read_verilog harness.v")
            .run(command.replace(" -noiopads", ""))
            .count(HARNESS_CELLS)
            .run(format!("delete ={top}"))
            .run(format!("design -copy-from unit -as {top} {top}"))
            .run(format!("hierarchy -check -top {HARNESS}"))
            .run("flatten")
            // Older nextpnr do not know these.
            .run("delete t:$scopeinfo")
            .run("opt_clean")
            .run(format!("write_json {NETLIST}"));
    }
    job.execute(design.tools, directory, "synthesizing the unit")
}

/// Synthesizes the unit with its modules kept.
pub(crate) fn modules(design: &Design<'_>, family: Family, directory: &Path) -> Result<(), Error> {
    let mut job: Job = design.read();
    job.synthesize(family, &design.export.top, design.options, false)
        .count(CELLS);
    job.execute(design.tools, directory, "synthesizing module by module")
}

fn write(directory: &Path, name: &str, text: &str) -> Result<(), Error> {
    let path = directory.join(name);
    fs::write(&path, text).map_err(io_error(path))
}

fn fit(part: &Part, unit: &Area, chain: &Area) -> Vec<Resource> {
    let resource = |name: &str, used: u64, harness: u64, available: u64| Resource {
        name: name.into(),
        used: used + harness,
        harness,
        available,
    };
    vec![
        resource("LUT", unit.lut + unit.lut_ram, chain.lut, part.lut),
        resource("FF", unit.ff, chain.ff, part.ff),
        resource("block RAM", unit.block_ram, chain.block_ram, part.block_ram),
        resource("DSP", unit.dsp, chain.dsp, part.dsp),
    ]
}

/// That a unit is no larger than the part.
fn check_fit(design: &Design<'_>, part: &Part, fit: &[Resource]) -> Result<(), Error> {
    const ADVICE: [(&str, &str); 4] = [
        ("LUT", "lower lanes or keys_per_beat"),
        ("FF", "lower lanes or keys_per_beat"),
        ("block RAM", "lower max_keys or value_banks"),
        ("DSP", "lower lanes or keys_per_beat"),
    ];
    let over = |(resource, _): &(&Resource, _)| resource.used > resource.available;
    match fit.iter().zip(ADVICE).find(over) {
        None => Ok(()),
        Some((resource, (name, advice))) => Err(Error::DoesNotFit {
            configuration: design.configuration.name.clone(),
            device: part.device,
            resource: name,
            needs: resource.used,
            available: resource.available,
            harness: resource.harness,
            advice,
        }),
    }
}

/// Places and routes with every seed, as many at a time as there are cores.
///
/// # Arguments
/// - `prepared`: what to place instead of the unit's netlist.
fn placement(
    design: &Design<'_>,
    part: &Part,
    unit: &Path,
    prepared: Option<&Prepared>,
) -> Result<Placement, Error> {
    let Some(nextpnr) = &design.tools.nextpnr else {
        return Err(Error::ToolMissing {
            tool: part.nextpnr.into(),
            searched: "nowhere".into(),
            install: "`scripts/setup`".into(),
        });
    };
    let synthesized = unit.join(NETLIST);
    let netlist = prepared.map_or(&synthesized, |prepared| &prepared.netlist);
    let version = design.tools.versions.nextpnr.as_deref().unwrap_or_default();
    let requested = part.requested_mhz.to_string();
    let arguments = part.arguments.join(" ");
    let mut parts = vec![version, &requested, &arguments];
    // Of a netlist that is not the unit's own, its directory's name tells what made it.
    let made_by = netlist.parent().filter(|directory| *directory != unit);
    let made_by = made_by
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy());
    parts.extend(made_by.as_deref());
    let how = digest(&parts);
    let run = |seed: u32| {
        let directory = design
            .folder
            .step(&format!("seed_{seed}-{how}"), |directory| {
                let copy = directory.join(NETLIST);
                // The tool sees nothing outside its directory.
                fs::hard_link(netlist, &copy)
                    .or_else(|_| fs::copy(netlist, &copy).map(drop))
                    .map_err(io_error(&copy))?;
                let placed = design.during(Stage::Seed(seed), || {
                    place::place(nextpnr, part, seed, directory)
                });
                fs::remove_file(&copy).map_err(io_error(&copy))?;
                placed?;
                place::read(directory).map(drop)
            });
        match directory {
            Ok(directory) => Ok((seed, directory)),
            Err(error) => Err(match place::reason_of_no_place(&error) {
                None => error,
                Some(reason) => Error::NoPlace {
                    configuration: design.configuration.name.clone(),
                    device: part.device,
                    seed,
                    reason,
                },
            }),
        }
    };
    let runs = (1..=design.options.seeds)
        .into_par_iter()
        .map(run)
        .collect::<Result<Vec<_>, Error>>()?;
    place::placement(part, &runs)
}

/// What is said beside the figures.
pub(crate) fn notes(options: &Options, synthesis: &Synthesis) -> Vec<String> {
    let mut notes = vec![
        "LUT, FF and the like are yosys' counts of the unit alone, before placement.".to_string(),
    ];
    match (options.target.part(), &synthesis.placement) {
        (Some(part), Some(placement)) => {
            notes.push(format!(
                "Fmax is of the placed and routed unit inside a scan chain ({} more LUT, {} more \
                 FF) that drives every input from a register and takes every output into one; \
                 asked for: {} MHz.",
                synthesis.fit[0].harness,
                synthesis.fit[1].harness,
                placement.requested_mhz.max(f64::from(part.requested_mhz))
            ));
            if let Some(packed) = placement.packed_registers {
                notes.push(format!(
                    "Before it was placed, {packed} flip-flops went into the registers of its \
                     block RAMs and multipliers, which yosys leaves unused; the counts have them \
                     as FF."
                ));
            }
            let copies = (placement.copied_luts, placement.copied_registers);
            if let (Some(_), _) | (_, Some(_)) = copies {
                notes.push(format!(
                    "{} LUT and {} FF more, which the counts do not have, are copies of what \
                     more than 64 pins read, made before placement.",
                    copies.0.unwrap_or(0),
                    copies.1.unwrap_or(0)
                ));
            }
        }
        (Some(_), None) => notes.push("Not placed: there is no Fmax.".into()),
        (None, _) => {
            notes.push("Counts only: no open tool places this family, so there is no Fmax.".into())
        }
    }
    if let Some(part) = options.target.part().filter(|part| part.dsp > 0)
        && synthesis.dsp_limit == Some(part.dsp)
        && synthesis.area.dsp == part.dsp
    {
        notes.push(
            "All DSPs of the part are taken; multipliers beyond them, if any, are made of LUTs."
                .into(),
        );
    }
    let in_modules = synthesis.modules.as_ref().map(|modules| {
        let parts = modules.parts.values();
        parts.map(|part| part.dsp).sum::<u64>()
    });
    if in_modules.is_some_and(|dsps| dsps < synthesis.area.dsp) {
        notes.push(
            "Of a limited number of DSPs each module gets its share, rounded down, since its \
             instances cannot differ: the modules have fewer DSPs and more LUTs than the unit."
                .into(),
        );
    }
    notes
}
