//! Names of a path's cells as a person would tell them.

use crate::harness::{HARNESS, INSTANCE};

/// What starts the part of a name that the tools made: yosys' `autoname` goes on with the cell's
/// type, nextpnr with a suffix of its own.
const TOOL_PARTS: [&str; 8] = [
    "_SB_",
    "_LUT",
    "_TRELLIS_",
    "_CCU2C",
    "_PFUMX",
    "_L6MUX",
    "_ALU",
    "$",
];

/// Types of cells that a name may end in, with digits and pins behind them.
const OTHER_PARTS: [&str; 6] = ["_DP16KD", "_PDPW16KD", "_MULT", "_DFF", "_MUX2_", "_SDP"];

/// A cell of the unit: instances and the signal that it drives or is next to.
pub(crate) fn placed(cell: &str) -> String {
    let Some(name) = cell
        .strip_prefix(INSTANCE)
        .and_then(|name| name.strip_prefix('.'))
    else {
        return HARNESS.into();
    };
    shortened(name, TOOL_PARTS.iter().chain(&OTHER_PARTS).copied())
}

/// A standard cell: instances and the signal that it drives or is next to.
///
/// # Arguments
/// - `types`: names of the library's cells.
pub(crate) fn standard<'a>(cell: &str, types: impl Iterator<Item = &'a str>) -> String {
    let cell = cell.replace('\\', "");
    let parts: Vec<String> = types.map(|name| format!("_{name}")).collect();
    shortened(&cell, parts.iter().map(String::as_str))
}

/// A name up to the first of the tools' parts in it, without the `u_` of instances.
fn shortened<'a>(name: &str, parts: impl Iterator<Item = &'a str>) -> String {
    let end = parts.filter_map(|part| name.find(part)).min();
    let name = &name[..end.unwrap_or(name.len())];
    let pieces: Vec<&str> = name
        .split('.')
        .map(|piece| piece.strip_prefix("u_").unwrap_or(piece))
        .collect();
    pieces.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tools_added_is_cut_off() {
        let cell = "unit.u_out.spare_valid_SB_DFFSR_Q_D_SB_LUT4_O_LC";
        assert_eq!(placed(cell), "out.spare_valid");
        let cell = "unit.u_accumulator.u_lane_0_3.sum[7]_CCU2C_S0$CCU2_COMB1";
        assert_eq!(placed(cell), "accumulator.lane_0_3.sum[7]");
        assert_eq!(placed("outputs_SB_DFF_Q_291_D_SB_LUT4_O_LC"), "harness");
        let types = ["INVX4", "NOR2X1", "DFFPOSX1"];
        let cell = "u_performance_counters.cycles[3]_INVX4_A_Y_NOR2X1_A";
        assert_eq!(
            standard(cell, types.into_iter()),
            "performance_counters.cycles[3]"
        );
    }
}
