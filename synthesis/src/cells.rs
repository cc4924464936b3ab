//! From the cells of a family to what they take.

use crate::{result::Area, target::Family};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Cells of one module, as the yosys script counts them.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Cells {
    /// Cells by type; modules of the unit are among them.
    pub(crate) cells: BTreeMap<String, u64>,
    /// Carry cells of iCE40 without a LUT that reads the same.
    #[serde(default)]
    pub(crate) lone_carries: u64,
}

/// What one cell takes.
#[derive(Clone, Copy, Default)]
struct Takes {
    lut: u64,
    ff: u64,
    carry: u64,
    block_ram: u64,
    lut_ram: u64,
    dsp: u64,
}

impl Takes {
    fn lut(lut: u64) -> Takes {
        Takes {
            lut,
            ..Takes::default()
        }
    }

    fn carry(lut: u64) -> Takes {
        Takes {
            lut,
            carry: 1,
            ..Takes::default()
        }
    }

    fn ff() -> Takes {
        Takes {
            ff: 1,
            ..Takes::default()
        }
    }

    fn block_ram(block_ram: u64) -> Takes {
        Takes {
            block_ram,
            ..Takes::default()
        }
    }

    fn lut_ram(lut_ram: u64) -> Takes {
        Takes {
            lut_ram,
            ..Takes::default()
        }
    }

    fn dsp(dsp: u64) -> Takes {
        Takes {
            dsp,
            ..Takes::default()
        }
    }
}

/// What the cells of a module take together, without the modules among them.
pub(crate) fn area(family: Family, found: &Cells) -> Area {
    let mut area = Area {
        lut: found.lone_carries,
        ..Area::default()
    };
    for (cell, &count) in found.cells.iter().filter(|(cell, _)| is_cell(cell)) {
        let takes = match family {
            Family::Ice40 => ice40(cell),
            Family::Ecp5 => ecp5(cell),
            Family::Gowin => gowin(cell),
            Family::Xilinx => xilinx(cell),
        };
        area.lut += takes.lut * count;
        area.ff += takes.ff * count;
        area.carry += takes.carry * count;
        area.block_ram += takes.block_ram * count;
        area.lut_ram += takes.lut_ram * count;
        area.dsp += takes.dsp * count;
        area.cells.insert(cell.clone(), count);
    }
    area
}

/// Whether a type is that of a mapped cell: neither one of yosys' own nor one of our modules, whose
/// names start with a small letter.
pub(crate) fn is_cell(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
}

fn ice40(cell: &str) -> Takes {
    match cell {
        "SB_LUT4" => Takes::lut(1),
        // With its LUT, or a lone one, which is counted as a LUT by its own figure.
        "SB_CARRY" => Takes::carry(0),
        "SB_MAC16" => Takes::dsp(1),
        _ if cell.starts_with("SB_DFF") => Takes::ff(),
        _ if cell.starts_with("SB_RAM40_4K") => Takes::block_ram(1),
        _ => Takes::default(),
    }
}

fn ecp5(cell: &str) -> Takes {
    match cell {
        "LUT4" => Takes::lut(1),
        "CCU2C" => Takes::carry(2),
        "TRELLIS_FF" => Takes::ff(),
        "DP16KD" | "PDPW16KD" => Takes::block_ram(1),
        // Four LUTs hold the bits; two more of the same slices carry the write port.
        "TRELLIS_DPR16X4" => Takes::lut_ram(6),
        "MULT18X18D" => Takes::dsp(1),
        _ => Takes::default(),
    }
}

fn gowin(cell: &str) -> Takes {
    match cell {
        "LUT1" | "LUT2" | "LUT3" | "LUT4" => Takes::lut(1),
        "ALU" => Takes::carry(1),
        "MULT9X9" => Takes::dsp(1),
        "MULT18X18" => Takes::dsp(2),
        "MULT36X36" => Takes::dsp(8),
        "RAM16S1" | "RAM16SDP1" => Takes::lut_ram(1),
        "RAM16S2" | "RAM16SDP2" => Takes::lut_ram(2),
        "RAM16S4" | "RAM16SDP4" => Takes::lut_ram(4),
        _ if cell.starts_with("DFF") => Takes::ff(),
        _ if ["SP", "SDP", "DP"].iter().any(|ram| cell.starts_with(ram)) => Takes::block_ram(1),
        _ => Takes::default(),
    }
}

/// LUTs that cells of distributed memory take: AMD UG574 and UG474, tables of memory primitives.
const XILINX_MEMORIES: [(&str, u64); 16] = [
    ("RAM16X1D", 2),
    ("RAM32X1S", 1),
    ("RAM32X1D", 2),
    ("RAM32X2S", 2),
    ("RAM32M", 4),
    ("RAM32M16", 8),
    ("RAM64X1S", 1),
    ("RAM64X1D", 2),
    ("RAM64M", 4),
    ("RAM64M8", 8),
    ("RAM128X1S", 2),
    ("RAM128X1D", 4),
    ("RAM256X1S", 4),
    ("RAM256X1D", 8),
    ("RAM512X1S", 8),
    ("RAM64X8SW", 8),
];

fn xilinx(cell: &str) -> Takes {
    if let Some((_, luts)) = XILINX_MEMORIES.iter().find(|(name, _)| *name == cell) {
        return Takes::lut_ram(*luts);
    }
    match cell {
        "LUT1" | "LUT2" | "LUT3" | "LUT4" | "LUT5" | "LUT6" | "INV" => Takes::lut(1),
        "CARRY4" | "CARRY8" => Takes::carry(0),
        "RAMB18E1" | "RAMB18E2" => Takes::block_ram(1),
        "RAMB36E1" | "RAMB36E2" => Takes::block_ram(2),
        "SRL16E" | "SRLC16E" | "SRLC32E" => Takes::lut_ram(1),
        _ if cell.starts_with("FD") => Takes::ff(),
        _ if cell.starts_with("DSP48") => Takes::dsp(1),
        _ => Takes::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(family: Family, cells: &[(&str, u64)], lone_carries: u64) -> Area {
        let cells = cells
            .iter()
            .map(|(name, count)| ((*name).to_string(), *count))
            .collect();
        area(
            family,
            &Cells {
                cells,
                lone_carries,
            },
        )
    }

    #[test]
    fn a_carry_takes_the_luts_that_it_sits_in() {
        let ice40 = counted(Family::Ice40, &[("SB_LUT4", 10), ("SB_CARRY", 4)], 1);
        assert_eq!((ice40.lut, ice40.carry), (11, 4));
        let ecp5 = counted(Family::Ecp5, &[("LUT4", 10), ("CCU2C", 4), ("PFUMX", 3)], 0);
        assert_eq!((ecp5.lut, ecp5.carry), (18, 4));
        let gowin = counted(Family::Gowin, &[("LUT1", 1), ("LUT4", 9), ("ALU", 4)], 0);
        assert_eq!((gowin.lut, gowin.carry), (14, 4));
        let xilinx = counted(
            Family::Xilinx,
            &[("LUT6", 10), ("CARRY4", 4), ("INV", 1)],
            0,
        );
        assert_eq!((xilinx.lut, xilinx.carry), (11, 4));
    }

    #[test]
    fn memories_and_dsps_are_in_one_unit_a_family() {
        let cells = [
            ("RAMB18E2", 1),
            ("RAMB36E2", 2),
            ("RAM64M8", 3),
            ("SRL16E", 1),
        ];
        let xilinx = counted(Family::Xilinx, &cells, 0);
        assert_eq!((xilinx.block_ram, xilinx.lut_ram), (5, 25));
        let cells = [
            ("MULT9X9", 1),
            ("MULT18X18", 2),
            ("SDPX9B", 5),
            ("DFFRE", 7),
        ];
        let gowin = counted(Family::Gowin, &cells, 0);
        assert_eq!((gowin.dsp, gowin.block_ram, gowin.ff), (5, 5, 7));
    }

    #[test]
    fn modules_and_cells_of_yosys_are_not_counted() {
        let area = counted(Family::Ecp5, &[("$scopeinfo", 9), ("nano_quantizer", 1)], 0);
        assert_eq!(area, Area::default());
    }
}
