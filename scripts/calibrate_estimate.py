"""Fits the coefficients of `logattn estimate` to synthesized units and measures its error.

Every unit of estimate/calibration/units.toml is generated and synthesized with pyosys for the
families it names; counts are kept by the Verilog's content, so that a second run does only what has
changed. Coefficients are fitted on the units with use = "fit", by least squares of the relative
error, not negative; those with use = "check" only tell the error. Everything goes into
estimate/calibration: coefficients.json, which is built into the command, and measured.json, every
count, by which a test holds the estimate to its error.
"""

import argparse
import concurrent.futures
import datetime
import hashlib
import importlib.metadata
import json
import pathlib
import re
import subprocess
import sys
import tomllib

import numpy

# yosys ends the process on an error, so it runs in one of its own: commands in, the cells of the
# top module as JSON to a file. A carry cell of iCE40 shares a logic cell with a look-up table that
# reads the same operands and carry; the others are lone.
RUNNER = """
import json, os, sys
from pyosys import libyosys as yosys
job = json.load(sys.stdin)
design = yosys.Design()
for command in job["commands"]:
    yosys.run_pass(command, design)
module = job["module"]
scratch = job["out"] + ".netlist"
yosys.run_pass(f"write_json {scratch}", design)
with open(scratch) as file:
    found = json.load(file)["modules"][module]["cells"].values()
os.remove(scratch)
cells = {}
for cell in found:
    cells[cell["type"]] = cells.get(cell["type"], 0) + 1
pin = lambda cell, *names: tuple(cell["connections"][name][0] for name in names)
luts = {pin(cell, "I1", "I2", "I3") for cell in found if cell["type"] == "SB_LUT4"}
carries = [pin(cell, "I0", "I1", "CI") for cell in found if cell["type"] == "SB_CARRY"]
cells["lone carry"] = sum(carry not in luts for carry in carries)
bits = lambda text: int(text, 2) if isinstance(text, str) else text
memories = [cell["parameters"] for cell in found if cell["type"] == "$mem_v2"]
cells["memory bits"] = sum(bits(m["SIZE"]) * bits(m["WIDTH"]) for m in memories)
with open(job["out"], "w") as file:
    json.dump(cells, file)
"""

# The Liberty file of the target `asic`: Debian's qflow-tech-osu018.
LIBERTY = pathlib.Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")

FLOWS = {
    "ice40": ["synth_ice40 -top {top}"],
    "ecp5": ["synth_ecp5 -top {top}{nodsp}"],
    "gowin": ["synth_gowin -noiopads -top {top}{nodsp}"],
    "xc7": ["synth_xilinx -family xc7 -noiopad -noclkbuf -flatten -top {top}{nodsp}"],
    "xcup": ["synth_xilinx -family xcup -noiopad -noclkbuf -flatten -top {top}{nodsp}"],
    "asic": [
        "synth -top {top} -flatten -run begin:fine",
        "opt -fast -full",
        "opt -undriven -fine",
        "techmap",
        "opt -fast",
        f"dfflibmap -liberty {LIBERTY}",
        "opt",
        f"abc -liberty {LIBERTY} -constr {{constraints}}",
        "opt_clean",
    ],
}
# The buffer that drives every input, and a load of four of the smallest inverter.
CONSTRAINTS = "set_driving_cell BUFX2\nset_load 37.2 [all_outputs]\n"

# What cells count for: look-up tables (with those that carry cells sit in), tables used as memory,
# DSPs in the family's unit, block RAMs (of 36 Kibit: 2).
LUTS = {
    **dict.fromkeys(["SB_LUT4", "lone carry", "ALU", "INV"], 1),
    **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
    "CCU2C": 2,
}
LUT_RAMS = {
    "TRELLIS_DPR16X4": 6,
    "RAM16SDP1": 1,
    "RAM16SDP2": 2,
    "RAM16SDP4": 4,
    "RAM32M": 4,
    "RAM32M16": 8,
    "RAM64M": 4,
    "RAM64M8": 8,
    "SRL16E": 1,
    "SRLC32E": 1,
}
DSPS = {
    "MULT18X18D": 1,
    "MULT9X9": 1,
    "MULT18X18": 2,
    "MULT36X36": 8,
    "DSP48E1": 1,
    "DSP48E2": 1,
}
CARRIES = ("SB_CARRY", "CCU2C", "ALU", "CARRY4", "CARRY8")
FLIP_FLOPS = r"SB_DFF.*|TRELLIS_FF|DFF.*|FD[RSCP]E"
BLOCK_RAMS = r"SB_RAM40_4K.*|DP16KD|PDPW16KD|RAMB18E\d|RAMB36E\d|SPX?9?|S?DPX?9?B?"

# For each count: the features that it follows from, and coefficients to lean towards. The tables of
# AMD's carry chains are among those that cover the gates.
FF = {"flops": 1.0}
LUT = {"tables": 1.0, "sums": 1.0, "carries": 1.0, "full_adders": 0.0}
AMD_LUT = {"tables": 1.0, "sums": 0.0, "full_adders": 0.0}
MODELS = {
    "ice40": {"lut": LUT, "ff": FF, "carry": {"sums": 1.0, "carries": 1.0}},
    "ecp5": {"lut": LUT, "ff": FF, "carry": {"sums": 0.5, "carries": 0.5}},
    "gowin": {"lut": LUT, "ff": FF, "carry": {"sums": 1.0, "carries": 1.0}},
    "xc7": {"lut": AMD_LUT, "ff": FF, "carry": {"sums": 0.25, "carries": 0.25}},
    "xcup": {"lut": AMD_LUT, "ff": FF, "carry": {"sums": 0.25, "carries": 0.25}},
    "asic": {
        "ff": FF,
        "kilo_gates": {
            "ands": 0.001,
            "xors": 0.002,
            "flops": 0.006,
            "enabled": 0.002,
            "reset": 0.001,
        },
    },
}
# What a relative error of 1 in a count is worth against a coefficient that is off by 100 %.
RIDGE = 0.02


class Failure(Exception):
    """What went wrong, in words."""


def generate(logattn, unit, scratch):
    """Writes the configuration and the Verilog of a unit; (TOML, top module, files)."""
    shown = subprocess.run(
        [logattn, "configs", unit["base"]], capture_output=True, text=True, check=True
    )
    text = shown.stdout
    for field, value in {**unit["set"], "name": unit["name"]}.items():
        line = f"{field} = {json.dumps(value)}"
        text, found = re.subn(rf"(?m)^{field} = .*$", line, text)
        if not found:
            raise Failure(f"{unit['name']}: {unit['base']} has no field {field}")
    folder = scratch / unit["name"]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "unit.toml"
    file.write_text(text)
    out = folder / "generated"
    command = [logattn, "generate", "--unit-only", "--force", "--config", file, "--out", out]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    files = (folder / "generated/files.f").read_text().split()
    return text, f"{unit['name']}_attention_unit", [folder / "generated" / name for name in files]


def commands(run, top, constraints):
    """The yosys commands after the Verilog has been read."""
    family, _, soft = run.partition("-")
    nodsp = " -nodsp" if soft else ""
    return [
        command.format(top=top, nodsp=nodsp, constraints=constraints) for command in FLOWS[family]
    ]


def cells(run, top, files, scratch):
    """Cells of a unit synthesized for a family, from the cache if they are there."""
    constraints = scratch / "constraints"
    constraints.write_text(CONSTRAINTS)
    steps = commands(run, top, constraints)
    # The header names version and hash of the configuration.
    texts = [re.sub(r"(?m)^// (SPDX|Generated).*\n", "", file.read_text()) for file in files]
    version = importlib.metadata.version("pyosys")
    key = hashlib.sha256("\0".join([version, RUNNER, *steps, *texts]).encode()).hexdigest()
    out = scratch / "cells" / f"{key[:32]}.json"
    if not out.exists():
        out.parent.mkdir(exist_ok=True)
        reads = [f'read_verilog "{file}"' for file in files]
        job = {"commands": reads + steps, "module": top, "out": str(out)}
        process = subprocess.run(
            [sys.executable, "-c", RUNNER],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode != 0:
            raise Failure(f"{top} for {run}:\n" + (process.stdout + process.stderr)[-2000:])
        print(f"synthesized {top} for {run}", flush=True)
    return json.loads(out.read_text())


def liberty_areas():
    """Area of every cell of the Liberty file."""
    text = LIBERTY.read_text()
    found = re.findall(r"cell\s*\(\s*\"?(\w+)\"?\s*\)\s*\{.*?area\s*:\s*([\d.]+)", text, re.DOTALL)
    return {name: float(area) for name, area in found}


def counts(family, found):
    """What the cells of a unit count for."""

    def weighed(weights):
        return sum(weight * found.get(kind, 0) for kind, weight in weights.items())

    def matching(pattern):
        return sum(count for kind, count in found.items() if re.fullmatch(pattern, kind))

    if family == "asic":
        areas = liberty_areas()
        area = sum(areas.get(kind, 0.0) * count for kind, count in found.items())
        return {
            "ff": matching(r"DFF\w*"),
            "kilo_gates": round(area / areas["NAND2X1"] / 1e3, 4),
            "memory_bits": found["memory bits"],
        }
    return {
        "lut": weighed(LUTS),
        "ff": matching(FLIP_FLOPS),
        "carry": sum(found.get(kind, 0) for kind in CARRIES),
        "lut_ram": weighed(LUT_RAMS),
        "block_ram": matching(BLOCK_RAMS) + matching(r"RAMB36E\d"),
        "dsp": weighed(DSPS),
    }


def features(logattn, file, run):
    """The features of a unit for a family."""
    family, _, soft = run.partition("-")
    command = [logattn, "estimate", "--config", file, "--features", family]
    command += ["--no-dsp"] if soft else []
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(printed.stdout)


def fitted(rows, model, name):
    """Coefficients of one count of one family: relative least squares, leaning on the prior."""
    prior = numpy.array(list(model.values()))
    scale = numpy.where(prior > 0, prior, 1.0)
    goal = numpy.array([row["counts"][name] for row in rows], dtype=float)
    matrix = numpy.array([[row["features"][feature] for feature in model] for row in rows])
    matrix = matrix * scale / goal[:, None]
    ridge = numpy.sqrt(RIDGE) * numpy.eye(len(model))
    active = numpy.ones(len(model), dtype=bool)
    while True:
        stacked = numpy.vstack([matrix[:, active], ridge[:, active]])
        target = numpy.concatenate([numpy.ones(len(rows)), ridge @ (prior / scale)])
        solution = numpy.zeros(len(model))
        solution[active] = numpy.linalg.lstsq(stacked, target, rcond=None)[0]
        if (solution >= 0).all():
            break
        active &= solution > 0
    return dict(zip(model, (float(f"{value:.5g}") for value in solution * scale), strict=True))


def coefficients(rows):
    """All coefficients, by family and count."""
    result = {}
    for family in FLOWS:
        own = [row for row in rows if row["run"].startswith(family) and row["use"] == "fit"]
        models = MODELS[family].items()
        result[family] = {name: fitted(own, model, name) for name, model in models}
    return result


def errors(rows, fit):
    """Relative error of each count of each row."""
    for row in rows:
        family = row["run"].partition("-")[0]
        row["error"] = {}
        for name, model in fit[family].items():
            estimate = sum(row["features"][feature] * value for feature, value in model.items())
            row["error"][name] = round(estimate / row["counts"][name] - 1, 4)


def summary(rows):
    """Median and worst error of the units that were not fitted, by family and count."""
    result = {}
    for family in FLOWS:
        own = [r for r in rows if r["run"].startswith(family) and r["use"] == "check"]
        names = own[0]["error"] if own else ()
        result[family] = {"units": len(own)}
        for name in names:
            values = sorted(abs(row["error"][name]) for row in own)
            median = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
            result[family][name] = {"median": round(median, 4), "worst": values[-1]}
    return result


def measure(arguments):
    """Synthesizes everything; a row for each unit and family."""
    scratch = arguments.cache.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    units = tomllib.loads(arguments.units.read_text())["unit"]
    if arguments.only:
        units = [unit for unit in units if unit["name"] in arguments.only]
    rows = []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for unit in units:
            text, top, files = generate(arguments.logattn, unit, scratch)
            for run in unit["runs"]:
                row = {"unit": unit["name"], "use": unit["use"], "run": run}
                row["configuration"] = text
                row["file"] = scratch / unit["name"] / "unit.toml"
                row["cells"] = pool.submit(cells, run, top, files, scratch)
                rows.append(row)
        for row in rows:
            found = row.pop("cells").result()
            row["counts"] = counts(row["run"].partition("-")[0], found)
    return rows


def write(out, rows, fit):
    """Writes what goes into the repository."""
    origin = {
        "date": datetime.date.today().isoformat(),
        "pyosys": importlib.metadata.version("pyosys"),
        "commands": {
            family: [step.format(top="TOP", nodsp="[-nodsp]", constraints="FILE") for step in flow]
            for family, flow in FLOWS.items()
        },
    }
    about = (
        "Coefficients of `logattn estimate`, made by scripts/calibrate_estimate: an area is a sum "
        "of features of the unit's structure, times these. Errors are relative to counts of "
        "synthesis before placement, for units on which nothing was fitted."
    )
    fitted_on = sorted({row["unit"] for row in rows if row["use"] == "fit"})
    checked_on = sorted({row["unit"] for row in rows if row["use"] == "check"})
    coefficients_file = {
        "about": about,
        **origin,
        "fitted_on": fitted_on,
        "checked_on": checked_on,
        "coefficients": fit,
        "held_out_error": summary(rows),
    }
    keys = ("unit", "use", "run", "counts", "features", "error")
    measured = {
        "about": "What scripts/calibrate_estimate found by synthesis; see coefficients.json.",
        **origin,
        "units": {row["unit"]: row["configuration"] for row in rows},
        "rows": [{key: row[key] for key in keys} for row in rows],
    }
    for name, content in (("coefficients.json", coefficients_file), ("measured.json", measured)):
        (out / name).write_text(json.dumps(content, indent=1) + "\n")


def main():
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="calibrate_estimate", description=__doc__.split("\n", maxsplit=1)[0]
    )
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("logattn", type=pathlib.Path, help="the logattn command")
    parser.add_argument(
        "--units", type=pathlib.Path, default=root / "estimate/calibration/units.toml"
    )
    parser.add_argument(
        "--out", type=pathlib.Path, default=root / "estimate/calibration", help="folder to write"
    )
    parser.add_argument("--cache", type=pathlib.Path, default=root / "target/calibration")
    parser.add_argument("--jobs", type=int, default=2, help="syntheses at a time")
    parser.add_argument("--only", nargs="+", help="synthesize these units and write nothing")
    arguments = parser.parse_args()
    arguments.logattn = arguments.logattn.resolve()
    try:
        rows = measure(arguments)
        if arguments.only:
            return 0
        for row in rows:
            row["features"] = features(arguments.logattn, row.pop("file"), row["run"])
        fit = coefficients(rows)
        errors(rows, fit)
        write(arguments.out, rows, fit)
    except (Failure, subprocess.CalledProcessError, OSError) as error:
        print(f"calibrate_estimate: {error}", file=sys.stderr)
        return 1
    for row in rows:
        text = "  ".join(f"{name} {100 * error:+.1f} %" for name, error in row["error"].items())
        print(f"{row['use']:5}  {row['unit']:20} {row['run']:10} {text}")
    for family, result in summary(rows).items():
        print(family, json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
