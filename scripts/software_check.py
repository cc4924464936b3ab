#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the drivers of generated folders on the Verilated core: `make -C sw/test`, as a user would.

Needs the folder's vectors. The C driver and its test are compiled with -Wall -Wextra -Werror.
"""

import argparse
import pathlib
import sys
import tempfile
import shutil

from generated_folders import check_folders, registers_source, run, verilator


def check(folder: pathlib.Path, _: argparse.Namespace) -> None:
    """Both tests of one folder; prints their last lines."""
    program, environment = verilator()
    with tempfile.TemporaryDirectory() as scratch:
        # The folder stays as it is.
        copy = pathlib.Path(scratch) / "folder"
        shutil.copytree(folder, copy)
        said = run(["make", f"VERILATOR={program}", f"PYTHON={sys.executable}"], copy / "sw" / "test",
                   env=environment)
    name = registers_source(folder).stem
    for line in said.splitlines():
        if "driver:" in line:
            print(f"{name}: {line}", flush=True)


def main() -> int:
    """Checks folders as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    return check_folders(parser, check)


if __name__ == "__main__":
    sys.exit(main())
