# SPDX-License-Identifier: Apache-2.0
"""Switching energy of units as ASIC: changes of every net on real attention, priced by a Liberty file.

Each unit is mapped to the library's gates by yosys, module by module; the netlist is played in
Verilator on heads of the demo capture, every output bit and cycle compared with golden model and
simulator, and its nets' changes are counted (SAIF). `switching_energy.py` makes energies of them.
Writes reports/energy.json and reports/energy.md, or with --check makes units again and exits with
1 if a figure differs by more than 2 %.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections import defaultdict

import lane_energy
import liberty
import switching_energy
from energy_page import page
from gate_netlist import run_yosys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIGURES = ROOT / "reports" / "energy.json"
REPORT = ROOT / "reports" / "energy.md"
LIBERTY = pathlib.Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")

# Each unit with the int8 twin that has its lanes, keys a beat and memories.
TWINS = {
    "nano": "nano_int8",
    "nano_sorted": "nano_int8",
    "edge": "edge_int8",
    "edge_sorted": "edge_int8",
}
# The lanes of the first unit and its twin.
LANES = {
    "nano": ("shift_lane", lane_energy.SHIFT_PORTS),
    "nano_int8": ("multiply_lane", lane_energy.MULTIPLY_PORTS),
}
HEADS, ROWS = (5, 40), 64
TOLERANCE = 0.02

# What drives the unit and what it drives: a buffer, and the pins of a few gates (fF).
CONSTRAINTS = "set_driving_cell BUFX2\nset_load 50 [all_outputs]\n"

# Modules are mapped on their own and flattened then, so that each gate's name says whose it is.
# Memories stay memories.
MAPPING = """
synth -top {top} -run begin:fine
opt -fast -full
opt -undriven -fine
techmap
opt -fast
dfflibmap -liberty "{liberty}"
opt -fast
abc -liberty "{liberty}" -constr "{constraints}"
opt_clean -purge
flatten
delete t:$scopeinfo
splitnets
opt_clean -purge
rename -hide w:*
rename -enumerate -pattern net_% w:*
write_json "{out}/netlist.json"
write_verilog -noattr "{out}/netlist.v"
"""


class Failure(Exception):
    """What went wrong, in words."""


def yosys(script, doing):
    """Runs yosys; raises Failure."""
    failure = run_yosys([line for line in script.splitlines() if line])
    if failure is not None:
        raise Failure(f"yosys failed while {doing}:\n{failure}")


def gates(library, out):
    """Writes what the library's cells do as Verilog. Their inner nets are not counted: the
    library's figures for a cell are for all that is in it."""
    cells = out / "cells.v"
    yosys(
        f'read_liberty -ignore_miss_func "{library}"\nproc\nopt_clean\n'
        f'write_verilog -noattr "{cells}"',
        f"reading {library}",
    )
    cells.write_text("/* verilator tracing_off */\n" + cells.read_text())
    return cells


def generate(logattn, name, out):
    """Writes a named configuration and its Verilog; gives the configuration, the files and the
    top module."""
    command = [logattn, "generate", "--unit-only", "--config", name, "--out", out]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    files = sorted(out.rglob("*.v"))
    (top,) = [file.stem for file in files if file.stem.endswith("_attention_unit")]
    return out / "configuration.toml", files, top


def play(activity, configuration, netlist, cells, saif):
    """Plays the heads on a netlist; gives the unit's counters."""
    command = [activity, "--config", configuration, "--netlist", netlist, cells]
    command += ["--heads", ",".join(map(str, HEADS)), "--rows", str(ROWS), "--saif", saif]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode != 0:
        raise Failure(process.stderr.strip())
    return json.loads(process.stdout)


def owner(instance):
    """The module of the unit that a gate belongs to, by the gate's name."""
    found = re.search(r"\\?\bu_(\w+)\.", instance)
    return found[1] if found else "glue"


def mapped(files, top, library, out):
    """Maps a module; gives it as `write_json` has it. The netlist lies beside, as Verilog."""
    constraints = out / "constraints"
    constraints.write_text(CONSTRAINTS)
    reads = "\n".join(f'read_verilog "{file}"' for file in files)
    mapping = MAPPING.format(top=top, liberty=library, constraints=constraints, out=out)
    yosys(f"{reads}\n{mapping}", f"mapping {top}")
    return json.loads((out / "netlist.json").read_text())["modules"][top]


def measure_lane(name, arguments, scratch):
    """The figures of one lane, on the survivors that the first unit's thresholds leave."""
    models = arguments.liberty.with_suffix(".v")
    kind, ports = LANES[name]
    first, *_ = generate(arguments.logattn, next(iter(LANES)), scratch / "first")
    out = scratch / f"{name}_lane"
    _, files, _ = generate(arguments.logattn, name, out)
    module = mapped(files, f"{name}_{kind}", arguments.liberty, out)
    text = first.read_text()
    sequence = [op for head in HEADS for op in lane_energy.operands(text, head, ROWS)]
    library = liberty.read(arguments.liberty.read_text())
    netlist = out / "netlist.v"
    return lane_energy.lane_energy(
        f"{name}_{kind}", ports, netlist, module, sequence, library, models, out
    ) | {"operations": len(sequence)}


def measure(name, arguments, scratch):
    """The figures of one unit."""
    out = scratch / name
    configuration, files, top = generate(arguments.logattn, name, out)
    module = mapped(files, top, arguments.liberty, out)
    saif = out / "changes.saif"
    cells = gates(arguments.liberty, out)
    counters = play(arguments.activity, configuration, out / "netlist.v", cells, saif)
    library = liberty.read(arguments.liberty.read_text())
    netlist = switching_energy.Netlist(module, library)
    changed = switching_energy.read_saif(saif.read_text())
    figures = {"passes": passes(configuration), "counters": counters, "memories": memories(module)}
    return figures | totals(netlist, changed)


def passes(configuration):
    """Words of the value memory that a key takes: D / lanes."""
    fields = dict(re.findall(r"(?m)^(head_dimension|lanes) = (\d+)$", configuration.read_text()))
    return int(fields["head_dimension"]) // int(fields["lanes"])


def memories(module):
    """Words and bits a word of each memory, which is no gate."""
    sizes = {}
    for name, cell in module["cells"].items():
        if cell["type"] == "$mem_v2":
            bits = {k: int(cell["parameters"][k], 2) for k in ("SIZE", "WIDTH")}
            sizes[owner(name)] = [bits["SIZE"], bits["WIDTH"]]
    return sizes


def totals(netlist, changed):
    """Gates, area and energies of each module."""
    modules = defaultdict(lambda: defaultdict(float))
    changes = netlist.changes(changed)
    for instance, logic, clock in netlist.energies(changes, changed["clk"]):
        module = modules[owner(instance.name)]
        module["gates"] += 1
        module["flip_flops"] += instance.cell.clock is not None
        module["area_um2"] += instance.cell.area
        module["logic_pj"] += logic
        module["clock_pj"] += clock
    rounded = {
        name: {key: round(value, 1) for key, value in module.items()}
        for name, module in sorted(modules.items())
    }
    return {"modules": rounded}


def differences(found, expected):
    """Lines on the figures of a unit that differ from those checked in."""
    lines = []
    for module in sorted(expected["modules"].keys() | found["modules"].keys()):
        a, b = (figures["modules"].get(module, {}) for figures in (found, expected))
        for key in sorted(a.keys() | b.keys()):
            x, y = a.get(key, 0.0), b.get(key, 0.0)
            if abs(x - y) > TOLERANCE * max(abs(x), abs(y), 1.0):
                lines.append(f"{module} {key}: {x}, checked in {y}")
    if found["counters"] != expected["counters"]:
        lines.append(f"counters: {found['counters']}, checked in {expected['counters']}")
    return lines


def check(lanes, units):
    """Compares lanes and units with those checked in; gives the exit status."""
    expected, status = json.loads(FIGURES.read_text()), 0
    found = {"counters": {}, "modules": lanes}
    compared = {"lanes": differences(found, {"counters": {}, "modules": expected["lanes"]})}
    for name, unit in units.items():
        compared[name] = differences(unit, expected["units"][name])
    for name, lines in compared.items():
        print(f"{name}: {'equal' if not lines else 'DIFFERS'}")
        for line in lines:
            print(f"  {line}")
            status = 1
    return status


def main():
    """Command line."""
    parser = argparse.ArgumentParser(prog="energy_report", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--config",
        nargs="+",
        choices=TWINS,
        metavar="UNIT",
        help=f"units to make, each with its twin: {', '.join(TWINS)}; default: all",
    )
    parser.add_argument("--lanes", action="store_true", help="make the lanes alone, no unit")
    parser.add_argument("--liberty", type=pathlib.Path, default=LIBERTY, help="Liberty file")
    parser.add_argument("--check", action="store_true", help="compare with what is checked in")
    parser.add_argument(
        "--logattn", default=os.environ.get("LOGATTN"), help="the command logattn"
    )
    parser.add_argument(
        "--activity", default=os.environ.get("ACTIVITY"), help="the command activity"
    )
    arguments = parser.parse_args()
    if not arguments.logattn or not (arguments.activity or arguments.lanes):
        parser.error("--logattn and --activity are needed; scripts/energy_report builds them")
    if not arguments.liberty.is_file():
        parser.error(
            f"--liberty: no file {arguments.liberty}; apt-get install qflow-tech-osu018, or name"
            " another library"
        )
    if not arguments.liberty.with_suffix(".v").is_file():
        parser.error(f"--liberty: the cells' Verilog models are missing beside {arguments.liberty}")
    chosen = arguments.config or list(TWINS)
    names = [name for unit in chosen for name in (unit, TWINS[unit])]
    try:
        with tempfile.TemporaryDirectory() as scratch:
            scratch, units = pathlib.Path(scratch), {}
            lanes = {name: measure_lane(name, arguments, scratch) for name in LANES}
            for name in [] if arguments.lanes else dict.fromkeys(names):
                print(f"{name} ...", file=sys.stderr, flush=True)
                units[name] = measure(name, arguments, scratch)
    except (Failure, liberty.LibertyError, subprocess.CalledProcessError) as error:
        print(f"energy_report: {error}", file=sys.stderr)
        return 2
    return check(lanes, units) if arguments.check else write(lanes, units, arguments)


def write(lanes, units, arguments):
    """Writes the report; units that were not made again keep their figures."""
    kept = json.loads(FIGURES.read_text())["units"] if FIGURES.exists() else {}
    made = set(TWINS) | set(TWINS.values())
    units = {name: units.get(name, kept.get(name)) for name in sorted(made) if name in kept | units}
    figures = {
        "library": arguments.liberty.name,
        "yosys": importlib.metadata.version("pyosys"),
        "heads": HEADS,
        "rows": ROWS,
        "twins": {unit: twin for unit, twin in TWINS.items() if unit in units},
        "lanes": lanes,
        "units": units,
    }
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    REPORT.write_text(page(figures))
    print(f"written: {FIGURES.relative_to(ROOT)}, {REPORT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
