#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs a cocotb bench of this folder on Icarus Verilog or Verilator."""

import argparse
import pathlib
import sys

from cocotb_tools.runner import get_results, get_runner

from golden_vectors import Vectors

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
# For Verilator, what the core is checked with as well: any warning is an error.
ARGUMENTS = {"icarus": ["-g2005"], "verilator": ["-Wall"]}


def sources(bench):
    """Verilog files of a bench, and its top module."""
    manifest = Vectors().manifest
    names = (ROOT / "files.f").read_text(encoding="utf-8").split()
    files = [ROOT / name for name in names]
    if bench == "core":
        return files, manifest["top"]
    return files + sorted((ROOT / "soc" / "rtl").glob("*.v")), f"{manifest['configuration']}_soc"


def run(bench, simulator, waves):
    """Runs a bench; the number of tests, and of those that failed."""
    files, top = sources(bench)
    module = {"core": "test_attention_core", "soc": "test_soc"}[bench]
    folder = HERE / "build" / f"{bench}_{simulator}"
    runner = get_runner(simulator)
    runner.build(sources=files, hdl_toplevel=top, build_dir=folder, always=True, waves=waves,
                 build_args=ARGUMENTS[simulator], timescale=("1ns", "1ps"))
    for path in (HERE, ROOT / "soc"):
        sys.path.insert(0, str(path))
    results = runner.test(hdl_toplevel=top, test_module=module, build_dir=folder, test_dir=folder,
                          waves=waves)
    return get_results(results)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", choices=("core", "soc"), help="what to simulate")
    parser.add_argument("--sim", choices=sorted(ARGUMENTS), default="icarus", help="simulator")
    parser.add_argument("--waves", action="store_true", help="write waves into tb/build")
    arguments = parser.parse_args()
    tests, failed = run(arguments.bench, arguments.sim, arguments.waves)
    print(f"{arguments.bench} on {arguments.sim}: {tests - failed} passed, {failed} failed")
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
