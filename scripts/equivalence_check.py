"""Proves that yosys' netlist of a module is the module: RTL against iCE40 cells.

Both get the same inputs in every cycle, from registers at zero, as an iCE40 powers up; the proof
is that no output ever differs. yosys builds the circuit that compares them, its ABC proves it (k-
induction with sequential sweeping, `dprove`). Then the same netlist with one wrong lookup table
must be refused. Modules without memories, and without multipliers of more than a few bits: those
are out of the prover's reach. Exit status: 0 all proven, 1 a difference or no proof, 2 wrong use.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

from gate_netlist import cell_models, run_yosys

# A register's initial value that the RTL leaves open is zero.
COMPARISON = """
miter -equiv -flatten {gold} gate miter
hierarchy -top miter
check -assert
zinit -all
techmap
opt
dffunmap
simplemap
opt_clean
aigmap
write_aiger -zinit "{out}"
"""

# Seconds that a proof may take; those of the quantizer and a lane take one.
PATIENCE = 120


class Finding(Exception):
    """What is wrong, in words."""


def yosys(script, doing):
    """Runs yosys; raises Finding."""
    failure = run_yosys([line for line in script.splitlines() if line])
    if failure is not None:
        raise Finding(f"yosys failed while {doing}:\n{failure}")


def elaboration(reads, top):
    """The commands from Verilog to one flat module of registers and operators."""
    return f"{reads}\nhierarchy -check -top {top}\nproc\nflatten\nopt_clean\n"


def reads_of(files):
    """The commands that read files."""
    return "\n".join(f'read_verilog "{file}"' for file in files)


def synthesize(files, top, scratch):
    """The netlist of a module in iCE40 cells, as a module `gate`."""
    out = scratch / "gate.v"
    yosys(
        f'{reads_of(files)}\nsynth_ice40 -top {top}\nrename {top} gate\nwrite_verilog "{out}"',
        f"synthesizing {top}",
    )
    return out.read_text()


def wrong(netlist):
    """A netlist with the middle one of its lookup tables inverted."""
    tables = list(re.finditer(r"\.LUT_INIT\(16'h([0-9a-f]{4})\)", netlist))
    if not tables:
        raise Finding("the netlist has no lookup table to break")
    at = tables[len(tables) // 2]
    inverted = f"{int(at[1], 16) ^ 0xFFFF:04x}"
    return netlist[: at.start(1)] + inverted + netlist[at.end(1) :]


def equal(files, top, netlist, scratch):
    """Whether a netlist does what the module does; raises Finding where that stays open."""
    gate, cells = scratch / "gate.v", scratch / "cells.v"
    gate.write_text(netlist)
    cells.write_text(cell_models(["ice40/cells_sim.v"], netlist))
    circuit = scratch / "miter.aig"
    yosys(
        elaboration(reads_of(files), top)
        + f"design -stash gold\n{elaboration(reads_of([gate, cells]), 'gate')}design -stash gate\n"
        + f"design -copy-from gold {top}\ndesign -copy-from gate gate\n"
        + COMPARISON.format(gold=top, out=circuit),
        f"comparing {top}",
    )
    answer = prove(circuit)
    if "Networks are equivalent" in answer:
        return True
    if "Networks are not equivalent" in answer:
        return False
    raise Finding(f"{top}: no proof and no difference found:\n{answer}")


def prove(circuit):
    """What ABC says of a circuit whose output must never be 1."""
    import pyosys  # noqa: PLC0415 - only where it is needed: `--help` works without

    abc = pathlib.Path(pyosys.__file__).parent / "yosys-abc"
    command = [abc, "-c", f'read "{circuit.name}"; dprove']
    try:
        process = subprocess.run(
            command,
            cwd=circuit.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise Finding(f"no proof within {PATIENCE} s") from error
    return process.stdout + process.stderr


def check(files, top, scratch):
    """Checks one module; raises Finding."""
    netlist = synthesize(files, top, scratch)
    if not equal(files, top, netlist, scratch):
        raise Finding(f"{top}: the netlist differs from the RTL")
    if equal(files, top, wrong(netlist), scratch):
        raise Finding(f"{top}: a wrong lookup table makes no difference")


def generate(logattn, config, scratch):
    """Writes the Verilog of a configuration; gives its name and the files."""
    out = scratch / "unit"
    command = [logattn, "generate", "--unit-only", "--config", config, "--out", out]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    files = sorted(out.rglob("*.v"))
    (top,) = [file.stem for file in files if file.stem.endswith("_attention_unit")]
    return top.removesuffix("_attention_unit"), files


def main():
    """Command line."""
    parser = argparse.ArgumentParser(prog="equivalence_check", description=__doc__.split("\n")[0])
    parser.add_argument("logattn", type=pathlib.Path, help="the logattn command")
    parser.add_argument("--config", default="nano", help="configuration, by name or file")
    parser.add_argument(
        "modules", nargs="*", default=["quantizer", "shift_lane"], help="names without the prefix"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        try:
            prefix, files = generate(arguments.logattn, arguments.config, scratch)
            for module in arguments.modules:
                check(files, f"{prefix}_{module}", scratch)
                print(f"{prefix}_{module}: equal; a wrong lookup table is found")
        except (Finding, subprocess.CalledProcessError, OSError) as error:
            print(f"equivalence_check: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
