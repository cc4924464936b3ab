//! The steps of a synthesis for standard cells.

use crate::{
    cache::digest,
    cells::Cells,
    error::{Error, io_error},
    fpga::{CELLS, Modules},
    job::Job,
    liberty::Liberty,
    options::Stage,
    result::{Area, Memory, Synthesis},
    run::{Design, read_json},
    timing,
};
use std::{collections::BTreeMap, fs, path::Path};

/// The Liberty file in a folder of its own, so that its name has nothing that tools trip over.
const LIBRARY: &str = "../liberty/cells.lib";
/// What `abc` is told about the surroundings.
const CONSTRAINTS: &str = "constraints";
/// Memories of the unit.
const MEMORIES: &str = "memories.json";
/// The netlist in the library's cells.
const NETLIST: &str = "unit.v";

/// How the gates are made, for the result.
pub(crate) const COMMAND: &str =
    "synth -flatten without memory_map; dfflibmap -liberty; abc -liberty -constr";

/// Fills in everything but modules.
pub(crate) fn synthesize(
    design: &Design<'_>,
    liberty: &Liberty,
    synthesis: &mut Synthesis,
) -> Result<(), Error> {
    let unit = design.folder.step("unit", |directory| {
        design.during(Stage::Unit, || gates(design, liberty, directory, true))
    })?;
    let top = &design.export.top;
    let found: Modules = read_json(&unit.join(CELLS))?;
    synthesis.area = area(liberty, found.get(top).unwrap_or(&Cells::default()));
    let mut memories: BTreeMap<String, Vec<Memory>> = read_json(&unit.join(MEMORIES))?;
    synthesis.memories = memories.remove(top).unwrap_or_default();
    for memory in &mut synthesis.memories {
        memory.name = memory.name.replace("u_", "");
    }
    let Some(sta) = &design.tools.sta else {
        return Ok(());
    };
    let script = timing::script(liberty, LIBRARY, &format!("../unit/{NETLIST}"), top);
    let version = design.tools.versions.opensta.as_deref().unwrap_or_default();
    let step = format!("timing-{}", digest(&[version, &script]));
    let checked = design.folder.step(&step, |directory| {
        design.during(Stage::Timing, || timing::analyze(sta, &script, directory))?;
        timing::read(directory, liberty).map(drop)
    })?;
    synthesis.static_timing = Some(timing::read(&checked, liberty)?);
    Ok(())
}

/// Copies the library into the folder.
pub(crate) fn keep_library(design: &Design<'_>, liberty: &Liberty) -> Result<(), Error> {
    let source = &liberty.used.file;
    design.folder.step("liberty", |directory| {
        fs::copy(source, directory.join("cells.lib"))
            .map(drop)
            .map_err(io_error(source))
    })?;
    Ok(())
}

/// Maps the unit to the library's cells.
///
/// # Arguments
/// - `flat`: whether the hierarchy is dissolved; a netlist is written only then.
pub(crate) fn gates(
    design: &Design<'_>,
    liberty: &Liberty,
    directory: &Path,
    flat: bool,
) -> Result<(), Error> {
    let constraints = directory.join(CONSTRAINTS);
    let used = &liberty.used;
    let text = format!(
        "set_driving_cell {}\nset_load {} [all_outputs]\n",
        used.driving_cell, used.load_ff
    );
    fs::write(&constraints, text).map_err(io_error(&constraints))?;
    let flatten = if flat { " -flatten" } else { "" };
    let mut job: Job = design.read();
    job.run(format!(
        "synth -top {}{flatten} -run begin:fine",
        design.export.top
    ))
    .memories(MEMORIES);
    // The rest of `synth` without making memories of flip-flops.
    for command in [
        "opt -fast -full",
        "opt -undriven -fine",
        "techmap",
        "opt -fast",
    ] {
        job.run(command);
    }
    job.run(format!("dfflibmap -liberty {LIBRARY}"))
        .run("opt")
        .run(format!("abc -liberty {LIBRARY} -constr {CONSTRAINTS}"))
        .run("opt_clean")
        .count(CELLS);
    if flat {
        // OpenSTA reads no concatenation on the left of an assignment. Without the memories, paths
        // end at their inputs and start at registers behind them.
        job.run("delete t:$mem_v2 t:$scopeinfo").run("splitnets");
        for flip_flop in &liberty.flip_flops {
            job.run(format!("rename -wire t:{flip_flop}"));
        }
        job.run("autoname").run(format!(
            "write_verilog -noattr -noexpr -nohex -nodec -simple-lhs {NETLIST}"
        ));
    }
    job.execute(
        design.tools,
        directory,
        "mapping the unit to standard cells",
    )
}

/// What the cells of a module take together, without the modules and memories among them.
pub(crate) fn area(liberty: &Liberty, found: &Cells) -> Area {
    let mut area = Area::default();
    for (cell, &count) in &found.cells {
        let Some(size) = liberty.areas.get(cell) else {
            continue;
        };
        area.cell_area += size * count as f64;
        if liberty.flip_flops.contains(cell) {
            area.ff += count;
        }
        area.cells.insert(cell.clone(), count);
    }
    area.kilo_gates = area.cell_area / liberty.used.nand2_area / 1e3;
    area
}

/// What is said beside the figures.
pub(crate) fn notes(liberty: &Liberty) -> Vec<String> {
    let used = &liberty.used;
    vec![
        "Before layout: no wires, no clock tree, an ideal clock.".into(),
        "Memories are neither in the area nor on a timed path; they are told by their bits.".into(),
        format!(
            "Inputs are driven by {}, outputs drive {:.1} fF (four of the smallest inverter); \
             1 kGE is 1,000 {} of {} each.",
            used.driving_cell, used.load_ff, used.nand2, used.nand2_area
        ),
    ]
}
