//! What yosys makes of a unit, in the models that yosys ships of a family's cells, under the
//! stimuli and checks of the RTL: every output bit, every output beat's cycle, every counter.

use crate::common::{play, play_random, tools_required, verilator};
use logattn_captures::Capture;
use logattn_golden::Configuration;
use logattn_hdl::unit::export;
use logattn_sim::Ports;
use logattn_testbenches::random::{Rows, STALLED, heads};
use logattn_testbenches::verilator::{
    BuildRequest, Model, PortSpec, PowerUp, Verilator, default_cache_directory,
};
use logattn_testbenches::{Head, Mismatch, Stimulus, captured_head, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A synthesized unit.
struct Netlist {
    top: String,
    ports: Vec<PortSpec>,
    /// The unit in cells of the family.
    text: String,
    /// The models of these cells.
    cells: String,
}

/// The project's own Python, which has yosys, or a note that the test is skipped; it must be there
/// when `LOGATTN_REQUIRE_TOOLS` is 1.
fn yosys() -> Option<PathBuf> {
    let python = root().join(".tools/venv/bin/python");
    if python.is_file() {
        return Some(python);
    }
    assert!(!tools_required(), "no {}: scripts/setup", python.display());
    eprintln!(
        "skipped: no {}; install it with scripts/setup",
        python.display()
    );
    None
}

fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the crate lies in the workspace")
}

impl Netlist {
    /// Synthesizes the unit of `c` for a family that `scripts/gate_netlist.py` knows.
    fn new(python: &Path, c: &Configuration, family: &str) -> Netlist {
        let export = export(c).expect("valid");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (rtl, out) = (directory.path().join("rtl"), directory.path().join("out"));
        std::fs::create_dir(&rtl).expect("a writable directory");
        for file in &export.files {
            std::fs::write(rtl.join(&file.name), &file.text).expect("a writable directory");
        }
        let mut command = Command::new(python);
        command
            .arg(root().join("scripts/gate_netlist.py"))
            .arg(&rtl);
        command.args(["--top", &export.top, "--family", family, "--out"]);
        let output = command.arg(&out).output().expect("python runs");
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        let read = |name| std::fs::read_to_string(out.join(name)).expect("written");
        let ports = export.ports.iter();
        Netlist {
            top: export.top.clone(),
            ports: ports
                .map(|(name, width)| PortSpec::new(name, *width))
                .collect(),
            text: read("netlist.v"),
            cells: read("cells.v"),
        }
    }

    /// How many cells of a type it has.
    fn count(&self, cell: &str) -> usize {
        let instances = self.text.lines().filter(|line| line.starts_with("  "));
        instances
            .filter(|line| line.split_whitespace().next() == Some(cell))
            .count()
    }

    /// The same with every bit of the truth table of lookup table `index` inverted.
    fn inverted(&self, index: usize) -> Netlist {
        const TABLE: &str = ".LUT_INIT(16'h";
        let (at, _) = self
            .text
            .match_indices(TABLE)
            .nth(index)
            .expect("so many tables");
        let digits = at + TABLE.len()..at + TABLE.len() + 4;
        let table = u16::from_str_radix(&self.text[digits.clone()], 16).expect("hexadecimal");
        let mut text = self.text.clone();
        text.replace_range(digits, &format!("{:04x}", !table));
        Netlist {
            top: self.top.clone(),
            ports: self.ports.clone(),
            text,
            cells: self.cells.clone(),
        }
    }

    /// The Verilated netlist. Its registers hold zeros at first, as those of an FPGA do.
    fn device(&self, verilator: &Verilator) -> Model {
        let sources = [("netlist.v", &self.text), ("cells.v", &self.cells)]
            .map(|(name, text)| (name.to_string(), text.clone()));
        let request = BuildRequest {
            top: &self.top,
            sources: &sources,
            ports: &self.ports,
            // Neither yosys nor the models of its cells are lint-clean.
            allow_warnings: true,
            quick: true,
            waves: false,
            activity: false,
        };
        let library = verilator
            .build(&request, &default_cache_directory())
            .expect("builds");
        Model::load(&library, &self.ports, PowerUp::Zero).expect("loads")
    }
}

/// Whether a unit of `c` differs from golden model or simulator on a few rows of all kinds.
fn differs(device: &mut Model, c: &Configuration) -> Result<(), Mismatch> {
    for seed in 7..10 {
        for rows in Rows::ALL {
            let stimulus = Stimulus::new(c, &heads(c, rows, 3, 3, seed)).expect("fits");
            run(device, &stimulus, &Ports::random(seed, STALLED))?;
        }
    }
    Ok(())
}

/// A named configuration with less memory and, where `lanes` is smaller than its own, fewer lanes.
fn reduced(name: &str, max_keys: usize, lanes: usize) -> Configuration {
    let mut c = Configuration::named(name).expect("known");
    c.name = format!("{name}_{lanes}x{max_keys}");
    c.max_keys = max_keys;
    if lanes < c.lanes {
        (c.lanes, c.head_dimension) = (lanes, lanes);
    }
    c
}

#[test]
fn nano_in_ice40_cells() {
    let (Some(verilator), Some(python)) = (verilator(), yosys()) else {
        return;
    };
    let c = Configuration::named("nano").expect("known");
    let mut device = Netlist::new(&python, &c, "ice40").device(&verilator);
    let replay = "this test; the RTL with logattn cosim";
    for (rows, seed) in Rows::ALL.into_iter().zip(1..) {
        let heads = heads(&c, rows, 2, 3, seed);
        play(
            &mut device,
            &c,
            &heads,
            &Ports::random(seed, STALLED),
            replay,
        );
    }
    let real: Vec<Head> = [5, 40]
        .map(|head| captured_head(&Capture::demo(), &c, head, 64).expect("fits"))
        .into();
    play(&mut device, &c, &real, &Ports::free(), replay);
}

/// Sorted accumulation, and the registers of `pipeline_depth = 2`.
#[test]
fn a_sorted_deep_unit_in_ice40_cells() {
    let (Some(verilator), Some(python)) = (verilator(), yosys()) else {
        return;
    };
    let c = Configuration {
        name: "deep".into(),
        pipeline_depth: 2,
        ..reduced("nano_sorted", 32, 4)
    };
    play_random(
        &mut Netlist::new(&python, &c, "ice40").device(&verilator),
        &c,
        1,
    );
}

/// Q K^T and sorted complement with all registers of `pipeline_depth = 3`, those beside block RAMs
/// and multipliers in the registers of these; and that one of these that is left out is noticed.
#[test]
fn a_deep_unit_in_ecp5_cells_with_packed_registers() {
    let (Some(verilator), Some(python)) = (verilator(), yosys()) else {
        return;
    };
    let c = Configuration {
        name: "deep".into(),
        ..reduced("base", 64, 8)
    };
    let netlist = Netlist::new(&python, &c, "ecp5");
    let packed = |setting: &str| netlist.text.matches(setting).count();
    assert_eq!(netlist.count("MULT18X18D"), 2 * c.head_dimension);
    for register in ["REG_INPUTA_CLK", "REG_INPUTB_CLK", "REG_OUTPUT_CLK"] {
        assert_eq!(packed(register), 2 * c.head_dimension, "{register}");
    }
    assert!(packed("REGMODE_B(\"OUTREG\")") > 0);
    play_random(&mut netlist.device(&verilator), &c, 1);

    let wrong = netlist
        .text
        .replacen("REGMODE_B(\"OUTREG\")", "REGMODE_B(\"NOREG\")", 1);
    let wrong = Netlist {
        text: wrong,
        ..netlist
    };
    assert!(differs(&mut wrong.device(&verilator), &c).is_err());
}

/// 16 lanes with a multiplier each. Its memories are small enough for distributed RAM, since yosys
/// has no model of this family's block RAM.
#[test]
fn the_twin_of_nano_in_xilinx_cells_with_dsp() {
    let (Some(verilator), Some(python)) = (verilator(), yosys()) else {
        return;
    };
    let c = reduced("nano_int8", 32, 16);
    let netlist = Netlist::new(&python, &c, "xc7");
    assert_eq!(netlist.count("DSP48E1"), c.lanes, "a multiplier a lane");
    assert_eq!(netlist.count("RAMB18E1") + netlist.count("RAMB36E1"), 0);
    play_random(&mut netlist.device(&verilator), &c, 1);
}

/// Proof that the check can fail.
#[test]
fn a_wrong_lookup_table_is_caught() {
    let (Some(verilator), Some(python)) = (verilator(), yosys()) else {
        return;
    };
    let c = reduced("nano", 16, 2);
    let netlist = Netlist::new(&python, &c, "ice40");
    differs(&mut netlist.device(&verilator), &c).expect("the netlist itself must pass");
    let mut wrong = netlist
        .inverted(netlist.count("SB_LUT4") / 2)
        .device(&verilator);
    assert!(differs(&mut wrong, &c).is_err());
}

/// yosys 0.70 makes one multiplier of each two registered products that are added, with
/// `synth_ice40 -dsp`; so no netlist with these DSP blocks is to be trusted, and the check says so.
#[test]
fn the_multipliers_that_yosys_drops_are_caught() {
    let (Some(verilator), Some(python)) = (verilator(), yosys()) else {
        return;
    };
    let c = reduced("nano_qkv", 16, 4);
    let netlist = Netlist::new(&python, &c, "ice40-dsp");
    let products = c.head_dimension * c.keys_per_beat;
    assert_eq!(
        netlist.count("SB_MAC16"),
        products / 2,
        "of {products} products"
    );
    let found = differs(&mut netlist.device(&verilator), &c);
    assert!(found.is_err(), "half of the products are missing");
}
