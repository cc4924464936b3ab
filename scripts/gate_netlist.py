"""Synthesizes a directory of Verilog with yosys into a netlist that a simulator plays.

OUT gets `netlist.v`, the top module in cells of the family, and `cells.v`, the models of those
cells that yosys ships. Exit status: 0 done, 1 yosys failed, 2 wrong use.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

# yosys ends the process on an error and writes where it likes, so it runs in one of its own. It
# finds its own files below the place where the package lies.
RUNNER = """
import sys
from pyosys import libyosys as yosys
design = yosys.Design()
for command in sys.stdin.read().splitlines():
    yosys.run_pass(command, design)
"""

SCRIPTS = pathlib.Path(__file__).resolve().parent

# The synthesis command of each family, and the files of its cells among yosys' own.
FAMILIES = {
    "ice40": ("synth_ice40", ["ice40/cells_sim.v"]),
    "ice40-dsp": ("synth_ice40 -dsp", ["ice40/cells_sim.v"]),
    "xc7": ("synth_xilinx -family xc7 -flatten -noiopad -noclkbuf", ["xilinx/cells_sim.v"]),
    # With the registers of block RAMs and multipliers taken, as `logattn synth` places it.
    "ecp5": ("synth_ecp5", ["lattice/common_sim.vh", "lattice/ccu2c_sim.vh"]),
}


def cell_models(files, netlist):
    """The models that yosys has of the cells in a netlist, as Verilog.

    The others are left out: some of them take yosys longer to read than a unit to synthesize.
    """
    import pyosys  # noqa: PLC0415 - only where it is needed: `--help` works without

    share = pathlib.Path(pyosys.__file__).parent / "share"
    text = "".join((share / file).read_text() for file in files)
    used = set(re.findall(r"^ +(\w+) ", netlist, re.MULTILINE))
    modules = re.findall(r"^module (\w+)(.*?^endmodule\n)", text, re.MULTILINE | re.DOTALL)
    macros = text[: text.index("\nmodule ")]
    # A model may be made of others.
    used |= {n for name, body in modules if name in used for n, _ in modules if f"{n} #" in body}
    return macros + "\n" + "".join(f"module {n}{body}" for n, body in modules if n in used)


def synthesize(files, top, synthesis):
    """The commands from Verilog to cells."""
    return [*(f'read_verilog "{file}"' for file in files), f"{synthesis} -top {top}"]


def commands(out):
    """The commands from cells to a netlist to simulate."""
    return [
        # Bits of a vector are nets of their own: to a simulator a vector that a cell reads and
        # another drives is a loop. Short names: nobody reads them, and the compiler is quicker.
        "delete t:$scopeinfo",
        "splitnets",
        "opt_clean -purge",
        "rename -hide w:*",
        "rename -hide c:*",
        f'write_verilog -noattr "{out}"',
    ]


def run_yosys(script):
    """Runs yosys commands; the end of its log where it fails."""
    process = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input="\n".join(script),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = (process.stdout + process.stderr).splitlines()
    return None if process.returncode == 0 else "\n".join(lines[-20:])


def prepared(files, top, synthesis, out):
    """Runs a synthesis and what comes before placement; gives the commands that go on from there."""
    netlist = out / "netlist.json"
    failure = run_yosys([*synthesize(files, top, synthesis), f'write_json "{netlist}"'])
    if failure is not None:
        return failure, []
    sys.path.insert(0, str(SCRIPTS.parent / "synthesis" / "src"))
    import before_placement  # noqa: PLC0415 - of one family only

    design = json.loads(netlist.read_text())
    print(f"packed registers: {before_placement.pack(design)}")
    # Fewer than in a unit of full size, so that a small one has some.
    before_placement.MOST_READERS = 12
    print(f"copied: {before_placement.spread(design)}")
    netlist.write_text(json.dumps(design))
    return None, [f'read_json "{netlist}"', f"hierarchy -top {top}"]


def main():
    """Command line."""
    parser = argparse.ArgumentParser(prog="gate_netlist", description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=pathlib.Path, help="directory with the *.v files")
    parser.add_argument("--top", required=True, help="top module")
    parser.add_argument("--family", choices=FAMILIES, required=True, help="cells to map to")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="directory to write to")
    arguments = parser.parse_args()
    files = sorted(arguments.directory.glob("*.v"))
    if not files:
        parser.error(f"no *.v file in {arguments.directory}")
    if not re.fullmatch(r"\w+", arguments.top):
        parser.error(f"--top: {arguments.top!r} is no module name")
    arguments.out.mkdir(parents=True, exist_ok=True)
    synthesis, models = FAMILIES[arguments.family]
    netlist = arguments.out / "netlist.v"
    failure, cells = None, synthesize(files, arguments.top, synthesis)
    if arguments.family == "ecp5":
        failure, cells = prepared(files, arguments.top, synthesis, arguments.out)
    failure = failure or run_yosys([*cells, *commands(netlist)])
    if failure is not None:
        print(f"gate_netlist: {arguments.top}:\n{failure}", file=sys.stderr)
        return 1
    cells = cell_models(models, netlist.read_text())
    if arguments.family == "ecp5":
        cells += (SCRIPTS / "ecp5_models.v").read_text()
    (arguments.out / "cells.v").write_text(cells)
    return 0


if __name__ == "__main__":
    sys.exit(main())
