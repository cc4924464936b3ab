//! Families of chips: what their cells hold, and how the tools use them.

use logattn_hdl::netlist::Style;
use serde::Serialize;

/// Cells that one design maps to in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Lattice iCE40.
    Ice40,
    /// Lattice ECP5.
    Ecp5,
    /// Gowin GW1N.
    Gowin,
    /// AMD 7 series.
    Xc7,
    /// AMD UltraScale+.
    Xcup,
    /// Standard cells.
    Asic,
}

/// A shape in which a memory cell can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub width: u32,
    pub depth: usize,
}

/// Kinds of memory cells and what the tools weigh them by when they choose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryCell {
    pub shapes: &'static [Shape],
    /// What one costs, as in the tool's library.
    pub cost: f64,
    /// Block RAMs that it counts for; 0 for look-up tables used as memory.
    pub blocks: u32,
    /// Look-up tables that it takes.
    pub tables: u32,
    /// Whether one that is used in part costs in proportion.
    pub in_part: bool,
}

const fn shape(width: u32, depth: usize) -> Shape {
    Shape { width, depth }
}

/// 4 Kibit (iCE40).
const RAM_4K: MemoryCell = MemoryCell {
    shapes: &[
        shape(16, 256),
        shape(8, 512),
        shape(4, 1024),
        shape(2, 2048),
    ],
    cost: 64.0,
    blocks: 1,
    tables: 0,
    in_part: false,
};

/// 16 Kibit and parity, one port to write and one to read (ECP5, Gowin, half of an AMD block).
const SHAPES_18K: &[Shape] = &[
    shape(36, 512),
    shape(18, 1024),
    shape(9, 2048),
    shape(4, 4096),
    shape(2, 8192),
    shape(1, 16384),
];

const RAM_18K: MemoryCell = MemoryCell {
    shapes: SHAPES_18K,
    cost: 128.0,
    blocks: 1,
    tables: 0,
    in_part: false,
};

const RAM_36K: MemoryCell = MemoryCell {
    shapes: &[
        shape(72, 512),
        shape(36, 1024),
        shape(18, 2048),
        shape(9, 4096),
        shape(4, 8192),
        shape(2, 16384),
        shape(1, 32768),
    ],
    cost: 257.0,
    blocks: 2,
    tables: 0,
    in_part: false,
};

/// 16 words of 4 bits in four tables, with two more for the write port (ECP5).
const TABLES_ECP5: MemoryCell = MemoryCell {
    tables: 6,
    ..TABLES_GOWIN
};

const TABLES_GOWIN: MemoryCell = MemoryCell {
    shapes: &[shape(4, 16)],
    cost: 4.0,
    blocks: 0,
    tables: 4,
    in_part: false,
};

const TABLES_7: MemoryCell = MemoryCell {
    shapes: &[shape(6, 32), shape(3, 64)],
    cost: 8.0,
    blocks: 0,
    tables: 4,
    in_part: true,
};

const TABLES_ULTRASCALE: MemoryCell = MemoryCell {
    shapes: &[shape(14, 32), shape(7, 64)],
    cost: 16.0,
    blocks: 0,
    tables: 8,
    in_part: true,
};

impl Family {
    /// All families.
    pub const ALL: [Family; 6] = [
        Family::Ice40,
        Family::Ecp5,
        Family::Gowin,
        Family::Xc7,
        Family::Xcup,
        Family::Asic,
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Family::Ice40 => "ice40",
            Family::Ecp5 => "ecp5",
            Family::Gowin => "gowin",
            Family::Xc7 => "xc7",
            Family::Xcup => "xcup",
            Family::Asic => "asic",
        }
    }

    /// How the tools take words apart for it: the limits in the technology maps of yosys 0.70
    /// (`arith_map.v`, `cmp2lut.v`, `cmp2lcu.v`).
    pub fn style(self, hard_products: bool) -> Style {
        let has_dsps = !matches!(self, Family::Ice40 | Family::Asic);
        let base = Style {
            hard_products: hard_products && has_dsps,
            ..Style::default()
        };
        match self {
            Family::Ice40 => base,
            Family::Ecp5 => Style {
                least_chain: 5,
                ..base
            },
            Family::Gowin => Style {
                most_gate_comparison: 0,
                ..base
            },
            Family::Xc7 | Family::Xcup => Style {
                most_gate_comparison: 6,
                lookahead_inputs: 6,
                ..base
            },
            Family::Asic => Style {
                least_chain: u32::MAX,
                ..base
            },
        }
    }

    /// Inputs of a look-up table; none for standard cells.
    pub(crate) fn table_inputs(self) -> Option<usize> {
        match self {
            Family::Ice40 | Family::Ecp5 | Family::Gowin => Some(4),
            Family::Xc7 | Family::Xcup => Some(6),
            Family::Asic => None,
        }
    }

    /// Whether the table at a position of a carry chain computes the exclusive or of its operands
    /// and what is before them; elsewhere the operands come from other tables.
    pub(crate) fn chain_absorbs(self) -> bool {
        matches!(self, Family::Xc7 | Family::Xcup)
    }

    /// Whether the chain itself inverts a subtrahend.
    pub(crate) fn chain_inverts(self) -> bool {
        self != Family::Ice40
    }

    pub(crate) fn memories(self) -> &'static [MemoryCell] {
        match self {
            Family::Ice40 => &[RAM_4K],
            Family::Ecp5 => &[RAM_18K, TABLES_ECP5],
            Family::Gowin => &[RAM_18K, TABLES_GOWIN],
            Family::Xc7 => &[RAM_18K, RAM_36K, TABLES_7],
            Family::Xcup => &[RAM_18K, RAM_36K, TABLES_ULTRASCALE],
            Family::Asic => &[],
        }
    }

    /// DSP blocks of a product of these widths, the greater first, in the family's unit: one of
    /// 18 x 18 (ECP5), of 9 x 9 (Gowin), a DSP48 (AMD).
    pub(crate) fn dsps(self, [a, b]: [u32; 2]) -> u32 {
        let (most_a, most_b, unit) = match self {
            Family::Ice40 | Family::Asic => return 0,
            Family::Gowin if a <= 9 => (9, 9, 1),
            Family::Gowin if a <= 18 => (18, 18, 2),
            Family::Gowin => (36, 36, 8),
            Family::Ecp5 => (18, 18, 1),
            Family::Xc7 => (25, 18, 1),
            Family::Xcup => (27, 18, 1),
        };
        unit * a.div_ceil(most_a) * b.div_ceil(most_b)
    }
}
