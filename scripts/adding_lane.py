# SPDX-License-Identifier: Apache-2.0
"""Standard cells of a lane that multiplies by nothing, with the stages of ours: what a lane takes
beside its multiplication. No lower bound: lanes that count values from the least one on are smaller.
Writes reports/area/adding_lane.json for scripts/area_report --page; scripts/adding_lane calls this.

The flow, the driving cell and the load are those of `logattn synth --target asic`; widths are those
of `edge`: values of 8 bits, sums of 24.
"""

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import liberty
from pyosys import libyosys

ROOT = Path(__file__).resolve().parent.parent
AREA = ROOT / "reports" / "area"
RESULT = AREA / "adding_lane.json"
# The synthesis that the conditions are taken from, and the lanes that are put beside.
REFERENCE = "edge__asic"
LIBRARY = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")

ADDER = """
module top (input wire clk, input wire signed [7:0] value, output reg signed [23:0] sum);
    always @(posedge clk) sum <= sum + value;
endmodule
"""
# The stages of a sorted lane: a value's register, and a sum that holds, or starts anew.
STAGES = """
module top (
    input wire clk, input wire signed [7:0] value, input wire adds, input wire holds,
    output reg signed [23:0] sum
);
    reg signed [7:0] fetched;
    wire signed [7:0] added = fetched & {8{adds}};
    always @(posedge clk) begin
        fetched <= value;
        sum <= (sum & {24{holds}}) + added;
    end
endmodule
"""
DESIGNS = {
    "a sum and its adder": ADDER,
    "with a value's register, pauses, and a row's start": STAGES,
}


def cell_areas():
    """Area of each cell of the library."""
    library = liberty.parse(LIBRARY.read_text())
    return {cell.arguments[0].strip('"'): cell.number("area") for cell in library.all("cell")}


def gates(text, conditions, areas):
    """Gate equivalents of a design."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "top.v").write_text(text)
        (folder / "cells.constr").write_text(
            f"set_driving_cell {conditions['driving_cell']}\n"
            f"set_load {conditions['load_ff']} [all_outputs]\n"
        )
        design = libyosys.Design()
        for command in [
            f"read_verilog {folder / 'top.v'}",
            "synth -top top -flatten -run begin:fine",
            "opt -fast -full",
            "opt -undriven -fine",
            "techmap",
            "opt -fast",
            f"dfflibmap -liberty {LIBRARY}",
            "opt",
            f"abc -liberty {LIBRARY} -constr {folder / 'cells.constr'}",
            "opt_clean",
            f"write_json {folder / 'netlist.json'}",
        ]:
            libyosys.run_pass(f"tee -q {command}", design)
        cells = json.loads((folder / "netlist.json").read_text())["modules"]["top"]["cells"]
    area = sum(areas[cell["type"]] for cell in cells.values() if "scopeinfo" not in cell["type"])
    return round(area / conditions["nand2_area"])


def main():
    """Measures and writes."""
    if not LIBRARY.is_file():
        print(f"adding_lane: no {LIBRARY}; apt-get install qflow-tech-osu018", file=sys.stderr)
        return 2
    conditions = json.loads((AREA / f"{REFERENCE}.json").read_text())["liberty"]
    areas = cell_areas()
    result = {
        "command": "scripts/adding_lane",
        "versions": {"pyosys": version("pyosys")},
        "library": LIBRARY.name,
        "gates": {name: gates(text, conditions, areas) for name, text in DESIGNS.items()},
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    for name, size in result["gates"].items():
        print(f"{name}: {size} gates")
    return 0


if __name__ == "__main__":
    sys.exit(main())
