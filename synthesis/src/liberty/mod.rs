//! A library of standard cells: what is needed of a Liberty file.

mod function;
mod text;

use crate::{cache::hex, error::Error, result::LibertyUsed};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use text::Group;

/// The library used where none is named: OSU's for 0.18 µm as Debian has it (`qflow-tech-osu018`).
pub const DEFAULT_LIBERTY: &str = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

/// Fan-out that each output of the unit drives: so many of the smallest inverters.
const OUTPUT_FANOUT: f64 = 4.0;

/// A Liberty file, read and found to be enough for a synthesis.
#[derive(Clone, Debug, PartialEq)]
pub struct Liberty {
    /// What a result says about it.
    pub used: LibertyUsed,
    /// Area of each cell, in the file's unit.
    pub areas: BTreeMap<String, f64>,
    /// Names of the flip-flops among them.
    pub flip_flops: Vec<String>,
}

/// A cell as far as it matters.
struct Cell {
    name: String,
    area: f64,
    /// Name and capacitance of each input.
    inputs: Vec<(String, f64)>,
    /// The function of the only output.
    function: Option<String>,
    is_flip_flop: bool,
}

impl Liberty {
    /// Reads a file.
    ///
    /// # Arguments
    /// - `path`: the file; [`DEFAULT_LIBERTY`] without.
    ///
    /// # Errors
    /// [`Error::Liberty`]: it cannot be read, is no Liberty text, or has no flip-flop, two-input
    /// NAND or inverter.
    pub fn read(path: Option<&Path>) -> Result<Liberty, Error> {
        let file = path.unwrap_or(Path::new(DEFAULT_LIBERTY));
        let wrong = |reason: String| Error::Liberty {
            path: file.into(),
            reason,
        };
        let unreadable = |error: std::io::Error| match path {
            Some(_) => wrong(format!("cannot read: {error}")),
            None => wrong(format!(
                "cannot read: {error}; install it with `scripts/setup` or `apt-get install \
                 qflow-tech-osu018`, or name another file: --target asic:FILE"
            )),
        };
        let file = file.canonicalize().map_err(unreadable)?;
        let bytes = fs::read(&file).map_err(unreadable)?;
        Self::parse(&bytes, file.clone()).map_err(wrong)
    }

    fn parse(bytes: &[u8], file: PathBuf) -> Result<Liberty, String> {
        let library = text::parse(&String::from_utf8_lossy(bytes))
            .filter(|group| group.kind == "library")
            .ok_or("is no Liberty file: no complete group `library`")?;
        let cells: Vec<Cell> = library.of_kind("cell").filter_map(cell).collect();
        let flip_flops: Vec<String> = cells
            .iter()
            .filter(|cell| cell.is_flip_flop)
            .map(|cell| cell.name.clone())
            .collect();
        if flip_flops.is_empty() {
            return Err("has no flip-flop (a cell with a group `ff`)".into());
        }
        let nand = smallest(&cells, 2, &[true, true, true, false])
            .ok_or("has no two-input NAND (needed for sizes in gates)")?;
        let inverter = smallest(&cells, 1, &[true, false])
            .ok_or("has no inverter (needed for the load of outputs)")?;
        let driver = smallest(&cells, 1, &[false, true]).unwrap_or(inverter);
        let femtofarads = capacitance_unit(&library)?;
        let name = library.arguments.first().cloned();
        Ok(Liberty {
            used: LibertyUsed {
                name: name.unwrap_or_else(|| "unnamed".into()),
                file,
                sha256: hex(&Sha256::digest(bytes)),
                nand2: nand.name.clone(),
                nand2_area: nand.area,
                driving_cell: driver.name.clone(),
                load_ff: OUTPUT_FANOUT * inverter.inputs[0].1 * femtofarads,
            },
            areas: cells
                .iter()
                .map(|cell| (cell.name.clone(), cell.area))
                .collect(),
            flip_flops,
        })
    }
}

/// A cell of a library, unless it is not to be used.
fn cell(group: &Group) -> Option<Cell> {
    let name = group.arguments.first()?.clone();
    if group.attribute("dont_use") == Some("true") {
        return None;
    }
    let pins: Vec<&Group> = group.of_kind("pin").collect();
    let of_direction = |direction: &'static str| {
        let pins = pins.iter();
        pins.filter(move |pin| pin.attribute("direction") == Some(direction))
    };
    let inputs = of_direction("input").filter_map(|pin| {
        let capacitance = pin.number("capacitance").unwrap_or(0.0);
        Some((pin.arguments.first()?.clone(), capacitance))
    });
    let outputs: Vec<_> = of_direction("output").collect();
    Some(Cell {
        name,
        area: group.number("area").unwrap_or(0.0),
        inputs: inputs.collect(),
        function: match outputs[..] {
            [output] => output.attribute("function").map(str::to_string),
            _ => None,
        },
        is_flip_flop: group.of_kind("ff").next().is_some(),
    })
}

/// The smallest cell with an area that computes this table of so many inputs.
fn smallest<'a>(cells: &'a [Cell], inputs: usize, table: &[bool]) -> Option<&'a Cell> {
    let computes = |cell: &&Cell| {
        let names: Vec<&str> = cell.inputs.iter().map(|(name, _)| name.as_str()).collect();
        let function = cell.function.as_deref().unwrap_or_default();
        names.len() == inputs
            && cell.area > 0.0
            && !cell.is_flip_flop
            && function::truth_table(function, &names).as_deref() == Some(table)
    };
    cells
        .iter()
        .filter(computes)
        .min_by(|a, b| a.area.total_cmp(&b.area))
}

/// The file's unit of capacitance in fF.
fn capacitance_unit(library: &Group) -> Result<f64, String> {
    let missing = || "has no capacitive_load_unit of pf or ff".to_string();
    let [number, unit] = library.values("capacitive_load_unit").ok_or_else(missing)? else {
        return Err(missing());
    };
    let scale = match unit.to_ascii_lowercase().as_str() {
        "pf" => 1e3,
        "ff" => 1.0,
        _ => return Err(missing()),
    };
    number
        .parse::<f64>()
        .map(|number| number * scale)
        .map_err(|_| missing())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &str = r#"/* comment */
library (tiny) {
  capacitive_load_unit (1, pf);
  cell (INV) { area : 2; pin (A) { direction : input; capacitance : 0.002; }
    pin (Y) { direction : output; function : "A'"; } }
  cell (NAND2_X4) { area : 9; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "!(A B)"; } }
  cell (NAND2) { area : 3; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "(!A) | (!B)"; timing () { values ("1, 2", \
      "3, 4"); } } }
  cell (NAND2_TINY) { area : 1; dont_use : true; pin (A) { direction : input; }
    pin (B) { direction : input; } pin (Y) { direction : output; function : "!(A B)"; } }
  cell (DFF) { area : 12; ff (IQ, IQN) { next_state : "D"; clocked_on : "C"; }
    pin (D) { direction : input; } pin (C) { direction : input; clock : true; }
    pin (Q) { direction : output; function : "IQ"; } }
}
"#;

    fn parsed(text: &str) -> Result<Liberty, String> {
        Liberty::parse(text.as_bytes(), "tiny.lib".into())
    }

    #[test]
    fn cells_are_found_by_what_they_compute() {
        let liberty = parsed(TINY).unwrap();
        assert_eq!(liberty.used.name, "tiny");
        assert_eq!(
            (liberty.used.nand2.as_str(), liberty.used.nand2_area),
            ("NAND2", 3.0)
        );
        assert_eq!(liberty.flip_flops, ["DFF"]);
        assert_eq!(liberty.used.driving_cell, "INV");
        assert!((liberty.used.load_ff - 8.0).abs() < 1e-9);
        assert_eq!(liberty.areas["NAND2_X4"], 9.0);
    }

    #[test]
    fn what_is_missing_is_named() {
        let without = |from: &str, to: &str| {
            assert!(TINY.contains(from));
            parsed(&TINY.replace(from, to)).unwrap_err()
        };
        assert!(without("ff (IQ", "latch (IQ").contains("flip-flop"));
        let no_nand = TINY.replace("(!A) | (!B)", "A").replace("!(A B)", "A B");
        assert!(parsed(&no_nand).unwrap_err().contains("two-input NAND"));
        assert!(without("\"A'\"", "\"A\"").contains("inverter"));
        assert!(without("pf", "ohm").contains("capacitive_load_unit"));
        for text in [
            "",
            "library (x) {",
            "cell (x) { }",
            "\u{0}\u{1}\"",
            "/*",
            "a:b",
        ] {
            assert!(
                parsed(text).unwrap_err().contains("no Liberty file"),
                "{text}"
            );
        }
    }
}
