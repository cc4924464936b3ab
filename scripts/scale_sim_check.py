# SPDX-License-Identifier: Apache-2.0
"""Cycles of dense attention: the simulator of this project against SCALE-Sim 3.

SCALE-Sim (Samajdar et al., ISPASS 2020; version 3: Raj et al., ISPASS 2025) counts the cycles of a
matrix product on a systolic array. The arrays here have the shape of our unit: D x W multipliers
for Q K^T, one a lane for P V. Neither side waits for external memory: SCALE-Sim's "Total Cycles"
in its CALC mode, without its prefetch, against our loads, codes, stream and drain.

Usage: scale_sim_check.py [--check]. Writes reports/scale_sim.json and reports/scale_sim.md, or
compares with them and exits with 1 if they differ.
"""

import argparse
import csv
import difflib
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".tools" / "scale-sim" / "bin" / "python"
FIGURES = ROOT / "reports" / "scale_sim.json"
REPORT = ROOT / "reports" / "scale_sim.md"

VERSION = "3.0.0"
TOKENS = 512

RUN = """
import sys
from scalesim.scale_sim import scalesim
config, gemm, out = sys.argv[1:]
scalesim(save_disk_space=True, verbose=False, config=config, topology=gemm, layout=gemm,
         input_type_gemm=True).run_scale(top_path=out)
"""

# Buffers that hold every operand, so that no bandwidth is asked of the memory behind them.
CONFIGURATION = """
[general]
run_name = run
[architecture_presets]
ArrayHeight: {height}
ArrayWidth: {width}
IfmapSramSzkB: 1024
FilterSramSzkB: 1024
OfmapSramSzkB: 1024
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Bandwidth: 10
Dataflow: {dataflow}
ReadRequestBuffer: 32
WriteRequestBuffer: 32
[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""

DATAFLOWS = {"ws": "weight stationary", "is": "input stationary", "os": "output stationary"}


def gemms(ours):
    """The products, as dictionaries: M x K times K x N on an array of height x width."""
    n, d, w = ours["tokens"], ours["head_dimension"], ours["keys_per_beat"]
    scores = {"run": "scores", "m": n, "n": n, "k": d, "height": d, "width": w}
    values = {"run": "values", "m": n, "n": d, "k": n, "height": 1, "width": ours["lanes"]}
    products = [scores | {"dataflow": dataflow} for dataflow in ("ws", "is", "os")]
    return products + [values | {"dataflow": "os"}]


def folds(gemm):
    """Folds, streamed cycles of each, and cycles of each before and after its stream.

    What the array holds is cut into folds of height x width. Stationary operands are loaded row by
    row first (height cycles); then the skew of rows and columns costs height + width - 2 cycles
    more than the stream. No fold begins before the one before it has left the array.
    """
    m, n, k = gemm["m"], gemm["n"], gemm["k"]
    held, stream = {"ws": ((k, n), m), "is": ((k, m), n), "os": ((m, n), k)}[gemm["dataflow"]]
    count = math.ceil(held[0] / gemm["height"]) * math.ceil(held[1] / gemm["width"])
    load = 0 if gemm["dataflow"] == "os" else gemm["height"]
    return count, stream, load + gemm["height"] + gemm["width"] - 2


def expected_cycles(gemm):
    """What SCALE-Sim reports: the index of its last cycle, counted from 0."""
    count, stream, fill = folds(gemm)
    return count * (stream + fill) - 1


def scale_sim(gemm):
    """Cycles and on-chip reads that SCALE-Sim reports for one product."""
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        (folder / "array.cfg").write_text(CONFIGURATION.format(**gemm), encoding="utf-8")
        product = "Layer, M, N, K,\n{run}, {m}, {n}, {k},\n".format(**gemm)
        (folder / "gemm.csv").write_text(product, encoding="utf-8")
        files = [folder / "array.cfg", folder / "gemm.csv", folder / "out"]
        process = subprocess.run(
            [PYTHON, "-c", RUN, *files], capture_output=True, text=True, check=False
        )
        report = folder / "out" / "run" / "COMPUTE_REPORT.csv"
        if process.returncode != 0 or not report.exists():
            sys.exit(f"SCALE-Sim failed:\n{process.stdout[-2000:]}{process.stderr[-2000:]}")
        compute = table(report)
        reads = table(report.with_name("DETAILED_ACCESS_REPORT.csv"))
    return {
        "cycles": int(compute["Total Cycles"]),
        "stalls": int(compute["Stall Cycles"]),
        "left_reads": int(float(reads["SRAM IFMAP Reads"])),
        "right_reads": int(float(reads["SRAM Filter Reads"])),
    }


def table(path):
    """The one line of a report, by column."""
    with open(path, encoding="utf-8", newline="") as file:
        header, line = list(csv.reader(file, skipinitialspace=True))[:2]
    return dict(zip(header, line))


def our_runs(tokens=TOKENS):
    """What studies/examples/dense_attention.rs prints; DENSE_ATTENTION names it where it is built."""
    command = ["cargo", "run", "--quiet", "--package", "logattn-studies"]
    command += ["--example", "dense_attention", "--"]
    if "DENSE_ATTENTION" in os.environ:
        command = [os.environ["DENSE_ATTENTION"]]
    command.append(str(tokens))
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return json.loads(printed.stdout)


def figures():
    """Both sides."""
    ours = our_runs()
    theirs = [gemm | scale_sim(gemm) for gemm in gemms(ours)]
    return {"scale_sim_version": VERSION, "ours": ours, "scale_sim": theirs}


def group(number):
    """With its thousands set apart."""
    return f"{number:,}"


def markdown(lines):
    """A Markdown table; the first line is its header, columns of numbers go to the right."""
    is_number = [re.fullmatch(r"-?[0-9,]+", cell) for cell in lines[1]]
    rule = ["---:" if number else "---" for number in is_number]
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], rule, *lines[1:]])


def paragraph(text):
    """A text in lines of at most 100 characters."""
    return textwrap.fill(" ".join(text.split()), 100, break_on_hyphens=False)


def scale_sim_table(all_figures):
    """Every product on SCALE-Sim, with what its cycles are made of."""
    names = {"scores": "Q K^T", "values": "P V"}
    lines = [
        ["product", "array", "dataflow", "folds", "cycles a fold", "SCALE-Sim", "explained", "ideal"]
    ]
    for gemm in all_figures["scale_sim"]:
        count, stream, fill = folds(gemm)
        lines.append(
            [
                names[gemm["run"]],
                f"{gemm['height']} x {gemm['width']}",
                DATAFLOWS[gemm["dataflow"]],
                group(count),
                f"{stream} + {fill}",
                group(gemm["cycles"]),
                group(expected_cycles(gemm)),
                group(gemm["m"] * gemm["n"] * gemm["k"] // (gemm["height"] * gemm["width"])),
            ]
        )
    return markdown(lines)


def our_table(all_figures):
    """Every part of our runs."""
    runs = all_figures["ours"]["runs"]
    lines = [["cycles", "Q K^T alone", "P V alone (int8 twin)", "both", "what"]]
    for index, part in enumerate(runs[0]["parts"]):
        counts = [group(run["parts"][index]["cycles"]) for run in runs]
        lines.append([part["part"], *counts, part["meaning"]])
    lines.append(["explained", *(group(run["explained"]) for run in runs), "sum"])
    lines.append(["**simulator**", *(group(run["cycles"]) for run in runs), "`logattn_sim`"])
    lines.append(
        ["bound", *(group(run["bound"]) for run in runs), "max(ceil(N / W), N D / lanes) a row"]
    )
    return markdown(lines)


def difference_table(all_figures):
    """The best dataflow of each product, less ours, cycle by cycle."""
    ours = {run["run"]: run for run in all_figures["ours"]["runs"]}
    lines = [["", "Q K^T", "P V"]]
    best = [
        min((g for g in all_figures["scale_sim"] if g["run"] == run), key=lambda g: g["cycles"])
        for run in ("scores", "values")
    ]
    own = [ours[gemm["run"]] for gemm in best]
    fills = [count * fill for count, _, fill in map(folds, best)]
    once = [run["explained"] - run["bound"] for run in own]
    lines.append(["SCALE-Sim, its best dataflow", *(group(g["cycles"]) for g in best)])
    lines.append(["our simulator", *(group(run["cycles"]) for run in own)])
    differences = [gemm["cycles"] - run["cycles"] for gemm, run in zip(best, own)]
    lines.append(["difference", *map(group, differences)])
    lines.append(["fill and drain of its array, once a fold", *map(group, fills)])
    lines.append(["its count ends with the index of the last cycle", "-1", "-1"])
    lines.append(["load, latency and drain of our unit, once a head", *(group(-n) for n in once)])
    sums = [fill - 1 - n for fill, n in zip(fills, once)]
    lines.append(["sum of the three", *map(group, sums)])
    return markdown(lines), differences == sums


def render(all_figures):
    """The report."""
    ours, theirs = all_figures["ours"], all_figures["scale_sim"]
    runs = {run["run"]: run for run in ours["runs"]}
    value_product = next(gemm for gemm in theirs if gemm["run"] == "values")
    serial = sum(
        min(gemm["cycles"] for gemm in theirs if gemm["run"] == run) for run in ("scores", "values")
    )
    differences, explained = difference_table(all_figures)
    tokens, dimension, lanes = ours["tokens"], ours["head_dimension"], ours["lanes"]
    same_reads = value_product["right_reads"] == runs["values"]["value_reads"] * lanes
    introduction = paragraph(
        f"""One head, {tokens} queries by {tokens} keys, D = {dimension}, nothing pruned. SCALE-Sim gets arrays
        of the shape of configuration `{ours["configuration"]}`: D x W = {dimension} x
        {ours["keys_per_beat"]} multipliers for Q K^T, {lanes} lanes for P V. Made by"""
    )
    explanation = paragraph(
        f"""{"Every cycle of the difference is explained." if explained else
             "**The difference is not explained.**"} Both count the same work: without fill and
        drain SCALE-Sim has {group(runs["scores"]["bound"])} and {group(runs["values"]["bound"])}
        cycles, which are our bounds. SCALE-Sim lets every fold leave a systolic array before the
        next one enters, and its operands walk from cell to cell. In our unit a beat reaches all
        multipliers in the same cycle (adder trees in place of columns), and rows follow each other
        without a gap, so latency is paid once a head. Its output-stationary fold of P V is one row
        of our unit: {dimension} sums, key after key. Reads agree too: it reads
        {group(value_product["right_reads"])} elements of V, we
        {group(runs["values"]["value_reads"])} words of {lanes}, which is
        {"the same" if same_reads else "**not the same**"}; and
        {group(value_product["left_reads"])} attention values, we {group(runs["values"]["keys"])}."""
    )
    both = runs["scores"]["cycles"] + runs["values"]["cycles"]
    overlap = paragraph(
        f"""SCALE-Sim runs one product after the other: {group(serial)} cycles on both arrays. Ours
        takes {group(runs["attention"]["cycles"])} for both, since they overlap; one after the other
        it would be {group(both)}."""
    )
    return f"""# Dense attention against SCALE-Sim {all_figures["scale_sim_version"]}

{introduction}

```sh
scripts/scale_sim_check            # writes this page and scale_sim.json; --check compares
```

## SCALE-Sim

Cycles of a fold are those of its stream plus those in which the array fills and drains.
*Explained*: folds x cycles a fold - 1. *Ideal*: multiplications / multipliers. No stalls; its
prefetch into the buffers is not counted.

{scale_sim_table(all_figures)}

## Our simulator

*Q K^T alone*: every row keeps one key, so that only the score engine limits the unit. *P V alone*:
the int8 twin, which takes probabilities and visits every key. *Both*: the unit with every key kept;
the products of the next rows overlap the sums of this one.

{our_table(all_figures)}

## The difference

{differences}

{explanation}

{overlap}
"""


def main():
    """Writes or checks the report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="compare with the files, write nothing")
    arguments = parser.parse_args()
    found = figures()
    files = {FIGURES: json.dumps(found, indent=1) + "\n", REPORT: render(found)}
    same = True
    for path, text in files.items():
        if not arguments.check:
            path.write_text(text, encoding="utf-8")
            continue
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        diff = list(difflib.unified_diff(before.splitlines(), text.splitlines(), lineterm=""))
        print(*diff, sep="\n", end="\n" if diff else "")
        same &= not diff
    print(scale_sim_table(found), our_table(found), difference_table(found)[0], sep="\n\n")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
