//! What a synthesis found, as written to JSON.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::AddAssign, path::PathBuf};

/// A configuration on a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Synthesis {
    /// The configuration's name.
    pub configuration: String,
    /// The first half of the SHA-256 of its TOML, in hexadecimal.
    pub configuration_sha256: String,
    /// The target as in [`crate::Target::NAMES`], with the Liberty file if one was given.
    pub target: String,
    /// The device, where one is placed on.
    pub device: Option<String>,
    /// Its package.
    pub package: Option<String>,
    /// Its speed grade.
    pub speed_grade: Option<String>,
    /// The command that makes the same; a configuration of one's own is named, not its file.
    pub command: String,
    /// Yosys' synthesis command, or what stands for it.
    pub synthesis: String,
    /// Most DSPs that multipliers may take; none where there is no limit.
    pub dsp_limit: Option<u64>,
    /// The tools.
    pub versions: Versions,
    /// One block RAM in what follows.
    pub block_ram_unit: String,
    /// One DSP in what follows.
    pub dsp_unit: String,
    /// The unit alone, its hierarchy dissolved.
    pub area: Area,
    /// Memories of the unit that are not part of its area: of standard cells only.
    pub memories: Vec<Memory>,
    /// The unit's modules, from a synthesis that keeps the hierarchy, if asked for.
    pub modules: Option<Modules>,
    /// What the part has and the unit with the scan chain around it needs.
    pub fit: Vec<Resource>,
    /// Placed and routed, if asked for and possible.
    pub placement: Option<Placement>,
    /// Timing of standard cells, before layout.
    pub static_timing: Option<StaticTiming>,
    /// The cell library, for standard cells.
    pub liberty: Option<LibertyUsed>,
    /// How the figures are to be read.
    pub notes: Vec<String>,
    /// Directory of the Verilog, the netlists and the tools' logs and reports.
    pub folder: PathBuf,
}

/// Versions of everything that has a say in the figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// This project.
    pub logattn: String,
    /// The Python package with yosys.
    pub pyosys: String,
    /// Place and route.
    pub nextpnr: Option<String>,
    /// Timing of standard cells.
    pub opensta: Option<String>,
}

/// What a module takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// LUTs for logic, with those that carry cells sit in: 2 a CCU2C of ECP5, 1 an ALU of Gowin, 1
    /// for a carry cell of iCE40 without a LUT that reads the same; an inverter of Xilinx is one.
    pub lut: u64,
    /// Flip-flops.
    pub ff: u64,
    /// Carry cells: 1 bit on iCE40 and Gowin, 2 on ECP5, 4 or 8 on Xilinx.
    pub carry: u64,
    /// Block RAMs, in the unit of [`Synthesis::block_ram_unit`].
    pub block_ram: u64,
    /// LUTs used as memory or shift register.
    pub lut_ram: u64,
    /// DSPs, in the unit of [`Synthesis::dsp_unit`].
    pub dsp: u64,
    /// Area of standard cells without memories, in the Liberty file's unit (µm²).
    pub cell_area: f64,
    /// The same in thousands of two-input NAND gates.
    pub kilo_gates: f64,
    /// Cells by the tool's names.
    pub cells: BTreeMap<String, u64>,
}

impl AddAssign<&Area> for Area {
    fn add_assign(&mut self, other: &Area) {
        self.lut += other.lut;
        self.ff += other.ff;
        self.carry += other.carry;
        self.block_ram += other.block_ram;
        self.lut_ram += other.lut_ram;
        self.dsp += other.dsp;
        self.cell_area += other.cell_area;
        self.kilo_gates += other.kilo_gates;
        for (cell, count) in &other.cells {
            *self.cells.entry(cell.clone()).or_default() += count;
        }
    }
}

/// A memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Its name, with the instances that it is in.
    pub name: String,
    /// Words.
    pub words: u64,
    /// Bits of a word.
    pub width: u64,
}

impl Memory {
    /// All its bits.
    pub fn bits(&self) -> u64 {
        self.words * self.width
    }
}

/// The unit module by module. Nothing is optimized over a module's border here, so the sum is not
/// that of the unit as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Modules {
    /// Each module, by its name without the configuration's; parents before children.
    pub modules: Vec<Module>,
    /// The unit's parts with all that is in them. An accumulator of any kind is `accumulation`,
    /// what is not in a module of its own `glue`, all stream registers `stream_register`; other
    /// parts have their module's name.
    pub parts: BTreeMap<String, Area>,
}

/// A module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Module {
    /// Its name without the configuration's.
    pub name: String,
    /// How often it is in the unit.
    pub instances: u64,
    /// One instance without the modules in it.
    pub own: Area,
    /// One instance with all that is in it.
    pub with_children: Area,
}

/// One kind of a part's resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// `LUT`, `FF`, `block RAM` or `DSP`, or the name that nextpnr gives it.
    pub name: String,
    /// How many are needed.
    pub used: u64,
    /// How many of those the scan chain takes; 0 where nextpnr counts.
    pub harness: u64,
    /// How many there are.
    pub available: u64,
}

/// Place and route of the unit with a scan chain around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// The frequency asked of nextpnr, in MHz.
    pub requested_mhz: f64,
    /// Flip-flops that were moved into the registers of block RAMs and multipliers before; with
    /// ECP5-85 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packed_registers: Option<u64>,
    /// Flip-flops more than the counts have: copies of what many pins read; with ECP5-85 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_registers: Option<u64>,
    /// As many LUTs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_luts: Option<u64>,
    /// Fmax over the seeds, in MHz.
    pub speed: Speed,
    /// Each run.
    pub seeds: Vec<Seed>,
    /// What nextpnr counts for the median seed, the scan chain included.
    pub utilization: Vec<Resource>,
    /// The longest path of the median seed.
    pub critical_path: CriticalPath,
}

/// Fmax of several runs, in MHz.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// The middle one; the lower of two.
    pub median_mhz: f64,
    /// The slowest.
    pub min_mhz: f64,
    /// The fastest.
    pub max_mhz: f64,
}

/// One run of place and route.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seed {
    /// The seed.
    pub seed: u32,
    /// Its Fmax.
    pub mhz: f64,
}

/// From a register's clock to the next register's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CriticalPath {
    /// The seed that it is of; none for standard cells.
    pub seed: Option<u32>,
    /// Delay of cells, clock to output and setup included, in ns.
    pub logic_ns: f64,
    /// Delay of wires, in ns; standard cells have none before layout.
    pub routing_ns: f64,
    /// From start to end.
    pub steps: Vec<PathStep>,
}

impl CriticalPath {
    /// The whole delay in ns.
    pub fn total_ns(&self) -> f64 {
        self.logic_ns + self.routing_ns
    }
}

/// One delay on a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathStep {
    /// What takes the time.
    pub kind: StepKind,
    /// The cell, or the cell that the wire leads to: instances of the unit and the name of a
    /// signal at or near it. `harness` is the scan chain around the unit.
    pub name: String,
    /// The delay in ns.
    pub delay_ns: f64,
}

/// What takes time on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Clock to output of a register or memory.
    ClockToOutput,
    /// A cell.
    Logic,
    /// A wire.
    Routing,
    /// Setup of a register or memory.
    Setup,
}

/// Timing of standard cells without wires.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StaticTiming {
    /// Shortest clock period in ns.
    pub period_ns: f64,
    /// The same as a frequency in MHz.
    pub mhz: f64,
    /// The longest path.
    pub critical_path: CriticalPath,
}

/// A cell library and how it was used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LibertyUsed {
    /// The library's own name.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The smallest two-input NAND.
    pub nand2: String,
    /// Its area, in the file's unit (µm²).
    pub nand2_area: f64,
    /// The cell that drives each input.
    pub driving_cell: String,
    /// What each output drives, in fF: four times the input of the smallest inverter.
    pub load_ff: f64,
}
