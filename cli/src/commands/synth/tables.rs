//! A synthesis as a person reads it.

use crate::console::Console;
use crate::error::Error;
use crate::table::{Table, grouped, percent};
use logattn_synthesis::{Area, CriticalPath, StepKind, Synthesis};

/// Prints all of it.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(synthesis: &Synthesis, console: &mut Console) -> Result<(), Error> {
    console.line(title(synthesis))?;
    console.line("")?;
    if synthesis.liberty.is_some() {
        cells(synthesis, console)?;
    } else {
        counts(synthesis, console)?;
    }
    if let Some(modules) = modules(synthesis) {
        console.heading(
            "Modules, each with all that is in it (one instance; nothing is optimized across them)",
        )?;
        console.line(modules)?;
    }
    speed(synthesis, console)?;
    console.line("")?;
    for note in &synthesis.notes {
        console.line(format!("* {note}"))?;
    }
    console.line(format!("* Made by: {}", made_by(synthesis)))?;
    console.line(format!(
        "* Netlists and logs: {}",
        synthesis.folder.display()
    ))
}

fn title(synthesis: &Synthesis) -> String {
    let mut title = format!(
        "{} (sha256 {}) on {}",
        synthesis.configuration, synthesis.configuration_sha256, synthesis.target
    );
    let part = [
        &synthesis.device,
        &synthesis.package,
        &synthesis.speed_grade,
    ];
    if let [Some(device), Some(package), Some(speed)] = part {
        title += &format!(": {device}, package {package}, speed {speed}");
    }
    title
}

/// What the unit takes of an FPGA.
fn counts(synthesis: &Synthesis, console: &mut Console) -> Result<(), Error> {
    let area = &synthesis.area;
    let mut table = Table::new(&["", ">unit", ">with scan chain", ">of the part", ""]);
    let units = [
        ("LUT", area.lut + area.lut_ram, lut_words(area)),
        ("FF", area.ff, String::new()),
        (
            "block RAM",
            area.block_ram,
            synthesis.block_ram_unit.clone(),
        ),
        ("DSP", area.dsp, synthesis.dsp_unit.clone()),
    ];
    for (name, used, words) in units {
        let fit = synthesis.fit.iter().find(|resource| resource.name == name);
        let (with_chain, share) = match fit {
            None => (String::new(), String::new()),
            Some(fit) if fit.available == 0 => (grouped(fit.used), "none there".into()),
            Some(fit) => {
                let share = percent(fit.used as f64 / fit.available as f64);
                (
                    grouped(fit.used),
                    format!("{share} of {}", grouped(fit.available)),
                )
            }
        };
        table.row([name.into(), grouped(used), with_chain, share, words]);
    }
    console.line(table)
}

fn lut_words(area: &Area) -> String {
    let carry = format!("{} carry cells", grouped(area.carry));
    match area.lut_ram {
        0 => carry,
        memory => format!("{} of them memory; {carry}", grouped(memory)),
    }
}

/// What the unit takes of a cell library.
fn cells(synthesis: &Synthesis, console: &mut Console) -> Result<(), Error> {
    let area = &synthesis.area;
    let bits: u64 = synthesis.memories.iter().map(|memory| memory.bits()).sum();
    let mut table = Table::new(&["", ">", ""]);
    if let Some(liberty) = &synthesis.liberty {
        table.row([
            "library".into(),
            liberty.name.clone(),
            format!("sha256 {}...", &liberty.sha256[..16]),
        ]);
    }
    table.row([
        "area".into(),
        format!("{:.0}", area.cell_area),
        "in the library's unit (um2), without memories".into(),
    ]);
    table.row(["".into(), format!("{:.2}", area.kilo_gates), "kGE".into()]);
    table.row(["flip-flops".into(), grouped(area.ff), "in the area".into()]);
    table.row([
        "memories".into(),
        grouped(bits),
        "bits, not in the area".into(),
    ]);
    for memory in &synthesis.memories {
        let (words, width) = (grouped(memory.words), grouped(memory.width));
        table.row([
            String::new(),
            format!("{words} x {width}"),
            memory.name.clone(),
        ]);
    }
    console.line(table)
}

/// The modules that are not tiny beside the unit.
fn modules(synthesis: &Synthesis) -> Option<Table> {
    let modules = synthesis.modules.as_ref()?;
    let standard_cells = synthesis.liberty.is_some();
    let columns: &[&str] = if standard_cells {
        &["module", ">instances", ">kGE", ">FF"]
    } else {
        &[
            "module",
            ">instances",
            ">LUT",
            ">LUT\nmemory",
            ">carry",
            ">FF",
            ">block\nRAM",
            ">DSP",
        ]
    };
    let mut table = Table::new(columns);
    for module in &modules.modules {
        let area = &module.with_children;
        let mut row = vec![module.name.clone(), grouped(module.instances)];
        if standard_cells {
            row.push(format!("{:.2}", area.kilo_gates));
            row.push(grouped(area.ff));
        } else {
            let figures = [
                area.lut,
                area.lut_ram,
                area.carry,
                area.ff,
                area.block_ram,
                area.dsp,
            ];
            row.extend(figures.map(grouped));
        }
        table.row(row);
    }
    Some(table)
}

fn speed(synthesis: &Synthesis, console: &mut Console) -> Result<(), Error> {
    if let Some(placement) = &synthesis.placement {
        let speed = placement.speed;
        let of = match placement.seeds.len() {
            1 => "one seed".to_string(),
            many => format!(
                "the median of {many} seeds ({:.1} to {:.1})",
                speed.min_mhz, speed.max_mhz
            ),
        };
        console.heading(&format!("Fmax {:.1} MHz, {of}", speed.median_mhz))?;
        console.line(path(&placement.critical_path))?;
    }
    if let Some(timing) = &synthesis.static_timing {
        console.heading(&format!(
            "Shortest period {:.3} ns, {:.1} MHz, before layout",
            timing.period_ns, timing.mhz
        ))?;
        console.line(path(&timing.critical_path))?;
    }
    Ok(())
}

/// A path with the delays that meet one name put together.
fn path(path: &CriticalPath) -> String {
    let mut table = Table::new(&["critical path", ">logic ns", ">wire ns"]);
    let mut rows: Vec<(String, f64, f64)> = Vec::new();
    for step in &path.steps {
        let (logic, wire) = match step.kind {
            StepKind::Routing => (0.0, step.delay_ns),
            StepKind::ClockToOutput | StepKind::Logic | StepKind::Setup => (step.delay_ns, 0.0),
        };
        match rows.last_mut() {
            Some((name, logic_sum, wire_sum)) if *name == step.name => {
                *logic_sum += logic;
                *wire_sum += wire;
            }
            _ => rows.push((step.name.clone(), logic, wire)),
        }
    }
    for (name, logic, wire) in rows {
        table.row([name, format!("{logic:.2}"), format!("{wire:.2}")]);
    }
    let (logic, wire) = (path.logic_ns, path.routing_ns);
    table.row(["sum".into(), format!("{logic:.2}"), format!("{wire:.2}")]);
    table.to_string()
}

fn made_by(synthesis: &Synthesis) -> String {
    let versions = &synthesis.versions;
    let mut tools = vec![
        format!("logattn {}", versions.logattn),
        format!("pyosys {}", versions.pyosys),
    ];
    tools.extend(versions.nextpnr.clone());
    tools.extend(
        versions
            .opensta
            .as_ref()
            .map(|version| format!("OpenSTA {version}")),
    );
    format!(
        "{}; {}; {}",
        synthesis.command,
        synthesis.synthesis,
        tools.join(", ")
    )
}
