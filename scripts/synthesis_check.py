"""Elaborates generated Verilog with yosys and fails on anything that synthesis would trip over.

Every *.v file of a directory is read, the hierarchy is checked, processes become cells, and then
yosys' `check -assert` must find nothing (undriven or doubly driven nets, combinational loops) and
no module may hold a latch. Exit status: 0 clean, 1 a finding, 2 wrong use.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

# yosys ends the process on an error and writes where it likes, so it runs in one of its own:
# commands in, the cells of every module out (as JSON, to a file).
RUNNER = """
import json, sys
from pyosys import libyosys as yosys
design = yosys.Design()
for command in json.load(sys.stdin):
    yosys.run_pass(command, design)
cells = {}
for module in design.modules_.values():
    kinds = cells.setdefault(module.name.str().lstrip("\\\\"), {})
    for cell in module.cells_.values():
        kind = cell.type.str()
        kinds[kind] = kinds.get(kind, 0) + 1
with open(sys.argv[1], "w") as file:
    json.dump(cells, file)
"""

# Families for --memories: the command that maps memories, without the steps after it, and the
# block RAM cells that it makes.
FAMILIES = {
    "ice40": ("synth_ice40 -run :map_ffram", ("SB_RAM40",)),
    "ecp5": ("synth_ecp5 -run :map_ffram", ("DP16KD", "PDPW16KD")),
}


class Finding(Exception):
    """Something wrong with the design, in words."""


def run_yosys(commands, scratch):
    """Runs yosys commands and returns {module: {cell type: count}}."""
    result = scratch / "cells.json"
    process = subprocess.run(
        [sys.executable, "-c", RUNNER, str(result)],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode != 0:
        lines = (process.stdout + process.stderr).splitlines()
        telling = [line for line in lines if line.startswith("Warning:") or "ERROR" in line]
        raise Finding("\n".join(telling or lines[-20:]))
    return json.loads(result.read_text())


def read_commands(files, top):
    """The commands that read and elaborate `files`; yosys finds the top where none is named."""
    reads = [f'read_verilog "{file}"' for file in files]
    return reads + [f"hierarchy -check -top {top}" if top else "hierarchy -check -auto-top"]


def is_latch(kind):
    """Whether a yosys cell type is a latch, before or after mapping to gates."""
    return kind in ("$dlatch", "$adlatch", "$dlatchsr") or kind.startswith("$_DLATCH")


def check(files, top, scratch):
    """Checks a design and returns one line for each module; raises Finding."""
    # Without -noopt the optimizer would remove what `check` is to find.
    commands = read_commands(files, top) + ["proc -noopt", "check -assert"]
    modules = run_yosys(commands, scratch)
    latches = {
        name: sum(count for kind, count in cells.items() if is_latch(kind))
        for name, cells in modules.items()
    }
    if any(latches.values()):
        lines = [f"{name}: {count} latches" for name, count in latches.items() if count]
        raise Finding("\n".join(lines))
    return [f"{name}: clean" for name in modules]


def block_rams(files, top, family, scratch):
    """One line on how a family's block RAM takes the design's memories."""
    command, names = FAMILIES[family]
    before = run_yosys(read_commands(files, top) + ["proc", "flatten", "memory -nomap"], scratch)
    after = run_yosys(read_commands(files, top) + [command], scratch)
    memories = sum(cells.get("$mem_v2", 0) for cells in before.values())
    left = sum(cells.get("$mem_v2", 0) for cells in after.values())
    mapped = sum(
        count
        for cells in after.values()
        for kind, count in cells.items()
        if kind.lstrip("\\").startswith(names)
    )
    return f"{family}: {memories} memories, {mapped} block RAMs, {left} memories left to registers"


def main():
    """Command line."""
    parser = argparse.ArgumentParser(prog="synthesis_check", description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=pathlib.Path, help="directory with the *.v files")
    parser.add_argument("--top", help="top module; found by yosys where left out")
    parser.add_argument(
        "--memories",
        choices=FAMILIES,
        action="append",
        default=[],
        help="also map the memories for this family and count its block RAMs",
    )
    arguments = parser.parse_args()
    files = sorted(arguments.directory.glob("*.v"))
    if not files:
        parser.error(f"no *.v file in {arguments.directory}")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        try:
            for line in check(files, arguments.top, scratch):
                print(line)
            for family in arguments.memories:
                print(block_rams(files, arguments.top, family, scratch))
        except Finding as finding:
            print(f"synthesis_check: {arguments.directory}:\n{finding}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
