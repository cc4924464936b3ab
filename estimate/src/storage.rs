//! Which cells a memory takes.

use crate::family::{Family, MemoryCell, Shape};
use logattn_hdl::netlist::Storage;

/// What a memory takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cells {
    /// Block RAMs.
    pub blocks: u32,
    /// Look-up tables used as memory.
    pub memory_tables: u32,
    /// Look-up tables that choose among several cells of it.
    pub choice_tables: u32,
    /// Registers: its word, where the cell has none, or all of it.
    pub flops: u32,
    /// Bits that the family has no cell for.
    pub bits: u64,
}

/// The cheapest cells of the family, as the tool chooses them.
pub(crate) fn cells(family: Family, storage: &Storage) -> Cells {
    let bits = storage.depth as u64 * u64::from(storage.width);
    let options = family.memories().iter().flat_map(|cell| {
        let shapes = cell.shapes.iter();
        shapes.map(move |shape| (cost(cell, shape, storage), cell, shape))
    });
    let Some((least, cell, shape)) = options.min_by(|a, b| a.0.total_cmp(&b.0)) else {
        return Cells {
            bits,
            ..Cells::default()
        };
    };
    if (bits as f64) < least {
        return Cells {
            flops: storage.width * (storage.depth as u32 + 1),
            choice_tables: storage.width * (storage.depth as u32).div_ceil(2),
            ..Cells::default()
        };
    }
    let (across, rows) = counts(shape, storage);
    let is_block = cell.blocks > 0;
    Cells {
        blocks: cell.blocks * across * rows,
        memory_tables: cell.tables * across * rows,
        choice_tables: storage.width * (rows - 1) + if rows > 1 { rows } else { 0 },
        flops: if is_block { 0 } else { storage.width },
        bits: 0,
    }
}

/// Cells beside each other and behind each other.
fn counts(shape: &Shape, storage: &Storage) -> (u32, u32) {
    let across = storage.width.div_ceil(shape.width);
    (across, storage.depth.div_ceil(shape.depth) as u32)
}

fn cost(cell: &MemoryCell, shape: &Shape, storage: &Storage) -> f64 {
    let (across, rows) = counts(shape, storage);
    let across = if cell.in_part {
        f64::from(storage.width) / f64::from(shape.width)
    } else {
        f64::from(across)
    };
    // What the tool weighs a multiplexer behind the cells with.
    let choices = 0.5 * f64::from(storage.width * (rows - 1));
    cell.cost * across * f64::from(rows) + choices
}
