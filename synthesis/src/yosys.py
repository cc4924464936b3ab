"""Runs yosys on one design: the steps of a job (JSON, on standard input), in order.

A step is a list: its kind, then its arguments. Yosys prints its log to standard output and ends
the process at an error, so a job has a process of its own.
"""

import json
import os
import sys

from pyosys import libyosys as yosys

# A multiplier type that yosys' mapping to DSPs passes over and turns back to $mul behind it.
SOFT = "$__soft_mul"


def run(design, command):
    """One yosys command."""
    yosys.run_pass(command, design)


def netlist(design, scratch="netlist.tmp.json"):
    """The modules of the design that are not library cells, as write_json gives them."""
    run(design, f"write_json -selected {scratch}")
    with open(scratch, encoding="utf-8") as file:
        modules = json.load(file)["modules"]
    os.remove(scratch)
    libraries = ("blackbox", "whitebox")
    return {
        name: module
        for name, module in modules.items()
        if not any(flag in module["attributes"] for flag in libraries)
    }


def number(parameter):
    """A parameter as an integer: write_json prints those over 32 bits as bits."""
    return int(parameter, 2) if isinstance(parameter, str) else parameter


def lone_carries(module):
    """How many carry cells of iCE40 have no LUT to share a logic cell with.

    Such a LUT reads the operands and the carry that enters (nextpnr's rule).
    """
    cells = module["cells"].values()
    luts = {
        tuple(cell["connections"][pin][0] for pin in ("I1", "I2", "I3"))
        for cell in cells
        if cell["type"] == "SB_LUT4"
    }
    carries = [cell["connections"] for cell in cells if cell["type"] == "SB_CARRY"]
    pins = ("I0", "I1", "CI")
    return sum(tuple(carry[pin][0] for pin in pins) not in luts for carry in carries)


def count(design, path):
    """Writes the cells of every module: {module: {"cells": {type: count}, "lone_carries": n}}."""
    found = {}
    for name, module in netlist(design).items():
        cells = {}
        for cell in module["cells"].values():
            cells[cell["type"]] = cells.get(cell["type"], 0) + 1
        found[name] = {"cells": cells, "lone_carries": lone_carries(module)}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(found, file)


def memories(design, path):
    """Writes the memories of every module: {module: [{"name", "words", "width"}]}."""
    found = {}
    for name, module in netlist(design).items():
        found[name] = [
            {
                "name": cell["parameters"]["MEMID"].lstrip("\\"),
                "words": number(cell["parameters"]["SIZE"]),
                "width": number(cell["parameters"]["WIDTH"]),
            }
            for cell in module["cells"].values()
            if cell["type"] == "$mem_v2"
        ]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(found, file)


def instances(modules, top):
    """How often each module occurs below (and with) the top module."""
    times = dict.fromkeys(modules, 0)

    def visit(name):
        times[name] += 1
        for cell in modules[name]["cells"].values():
            if cell["type"] in modules:
                visit(cell["type"])

    visit(top)
    return times


def dsps(cell, sizes):
    """How many DSPs a multiplier takes, sizes being [most bits of a factor, DSPs] of each kind."""
    a, b = (number(cell["parameters"][f"{pin}_WIDTH"]) for pin in "AB")
    for bits, cost in sizes:
        if max(a, b) <= bits:
            return cost
    bits, cost = sizes[-1]
    return -(-a // bits) * -(-b // bits) * cost


def multipliers(module, sizes):
    """DSPs and names of a module's multipliers, the largest first."""
    cells = module["cells"].items()
    found = [(dsps(cell, sizes), name) for name, cell in cells if cell["type"] == "$mul"]
    return sorted(found, reverse=True)


def limit_dsps(design, top, before, most, sizes):
    """Keeps all but the largest multipliers from DSPs, so that at most `most` are taken.

    They have the widths to go by only after the commands `before`, which are undone where there is
    nothing to keep. Where modules are kept, each gets its share: instances cannot differ.
    """
    run(design, "design -save before_limit")
    for command in before:
        run(design, command)
    modules = netlist(design)
    times = instances(modules, top)
    needs = {name: multipliers(module, sizes) for name, module in modules.items()}
    needed = sum(times[name] * cost for name, cells in needs.items() for cost, _ in cells)
    if needed <= most:
        run(design, "design -load before_limit")
        return
    for name, cells in needs.items():
        left = sum(cost for cost, _ in cells) * most // needed
        for cost, key in cells:
            if cost > left:
                run(design, f"chtype -set {SOFT} {name}/{key}")
            else:
                left -= cost


KINDS = {"run": run, "count": count, "memories": memories, "limit_dsps": limit_dsps}


def main():
    """Runs the job."""
    design = yosys.Design()
    for kind, *arguments in json.load(sys.stdin):
        KINDS[kind](design, *arguments)


if __name__ == "__main__":
    main()
