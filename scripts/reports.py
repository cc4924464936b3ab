# SPDX-License-Identifier: Apache-2.0
"""Makes the reports under reports/, or compares them with what is made again.

scripts/reports calls this; see its heading.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "reports"
CAPTURE_FILE = ROOT / "out" / "smollm2_512.safetensors"
GGUF = ROOT / ".tools" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"

# Name, arguments of logattn with {out} for the folder, files whose numbers are compared, by how
# much they may differ (relative); of exact reports also the plots. The capture of SmolLM2 is made in single precision, whose last
# bits depend on the processor; they decide about few codes.
PROFILE = ["profile.json", "profile.csv"]
PAGES = PROFILE + ["profile.md"]
SWEEP = ["sweep.csv", "sweep.md"]
EXACT, FLOAT = 1e-6, 1e-2
TABLE = {
    "demo_edge": (
        ["profile", "--config", "edge", "--input", "demo", "--out", "{out}"],
        PAGES,
        EXACT,
    ),
    "smollm2_base_prefill": (
        ["profile", "--config", "base", "--input", "{smollm2}", "--out", "{out}"],
        PROFILE,
        FLOAT,
    ),
    "smollm2_base_decode": (
        ["profile", "--config", "base", "--input", "{smollm2}", "--phase", "decode", "--out", "{out}"],
        PROFILE,
        FLOAT,
    ),
    "sweep_demo": (
        ["sweep", "--grid", "reports/sweep_demo.toml", "--out", "{out}"],
        SWEEP,
        EXACT,
    ),
}

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def shown(path):
    """A path as the reports name it: relative to the root, where it is below."""
    path = Path(path)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def command(name, out):
    """The arguments of one report's command."""
    arguments = TABLE[name][0]
    return [a.format(out=shown(out), smollm2=shown(CAPTURE_FILE)) for a in arguments]


def capture_command():
    """What makes the capture of SmolLM2."""
    return [
        "--model", shown(GGUF), "--text", "accuracy/data/prose.txt", "--tokens", "512",
        "--int8", "--out", shown(CAPTURE_FILE),
    ]


def make_capture():
    """Makes the capture of SmolLM2, or says why not."""
    if not GGUF.exists():
        return f"{shown(GGUF)} is missing; run scripts/fetch-models"
    CAPTURE_FILE.parent.mkdir(exist_ok=True)
    subprocess.run([os.environ["CAPTURE"], *capture_command()], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    return None


def make(name, out):
    """Makes one report in a folder."""
    subprocess.run([os.environ["LOGATTN"], *command(name, out)], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)


def differences(expected, found, tolerance):
    """What differs between two texts: what is between their numbers, or a number by more than the
    tolerance. Numbers that are nearly 0 beside 1 are compared by 1e-6."""
    if NUMBER.split(expected) != NUMBER.split(found):
        return ["the text between the numbers"]
    pairs = zip(NUMBER.findall(expected), NUMBER.findall(found))
    return [
        f"{a} became {b}"
        for a, b in pairs
        if not math.isclose(float(a), float(b), rel_tol=tolerance, abs_tol=1e-6)
    ]


def leaves(value, path=""):
    """Paths and values of everything in a JSON value but what is described, not measured."""
    if isinstance(value, dict):
        for key, member in value.items():
            if path or key != "fields":
                yield from leaves(member, f"{path}.{key}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from leaves(member, f"{path}[{index}]")
    else:
        yield path, value


def json_differences(expected, found, tolerance):
    """What differs between two JSON texts. Of reports that are not exact, a number of few may differ
    by 1e-4 of the largest one in the same list of numbers."""
    expected, found = dict(leaves(json.loads(expected))), dict(leaves(json.loads(found)))
    if expected.keys() != found.keys():
        missing = sorted(expected.keys() ^ found.keys())
        return [f"members {', '.join(missing[:5])}"]
    largest = {}
    for path, value in expected.items():
        if isinstance(value, (int, float)):
            family = re.sub(r"\[\d+\]$", "", path)
            largest[family] = max(largest.get(family, 0.0), abs(value))
    result = []
    for path, value in expected.items():
        other = found[path]
        if isinstance(value, (int, float)) and isinstance(other, (int, float)):
            slack = 1e-4 * largest[re.sub(r"\[\d+\]$", "", path)] if tolerance > EXACT else 1e-9
            if not math.isclose(value, other, rel_tol=tolerance, abs_tol=max(slack, 1e-9)):
                result.append(f"{path}: {value} became {other}")
        elif value != other:
            result.append(f"{path}: {value} became {other}")
    return result


def check(name):
    """Makes one report elsewhere; what differs from the one that is checked in."""
    _, files, tolerance = TABLE[name]
    with tempfile.TemporaryDirectory(dir=ROOT / "out") as folder:
        out = Path(folder) / name
        make(name, out)
        there = {path.name for path in (REPORTS / name).iterdir()}
        here = {path.name for path in out.iterdir()}
        result = [f"{file}: in one of both only" for file in sorted(there ^ here)]
        pictures = [path.name for path in out.iterdir() if path.suffix == ".svg"]
        for file in files + (sorted(pictures) if tolerance == EXACT else []):
            compare = json_differences if file.endswith(".json") else differences
            # The command on a page names its folder.
            found = (out / file).read_text().replace(shown(out), shown(REPORTS / name))
            some = compare((REPORTS / name / file).read_text(), found, tolerance)
            result += [f"{file}: {difference}" for difference in some[:5]]
            if len(some) > 5:
                result.append(f"{file}: {len(some) - 5} more differences")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, prog="scripts/reports")
    parser.add_argument("--check", action="store_true", help="compare with what is checked in")
    parser.add_argument("--list", action="store_true", help="print names and commands, and end")
    parser.add_argument("names", nargs="*", metavar="NAME", help="reports; all if none is named")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in TABLE]
    if unknown:
        parser.error(f"no report {unknown[0]!r}; legal: {', '.join(TABLE)}")
    names = arguments.names or list(TABLE)
    if arguments.list:
        print("capture", *capture_command())
        for name in names:
            print("logattn", *command(name, REPORTS / name))
        return 0
    (ROOT / "out").mkdir(exist_ok=True)
    no_capture = None
    if any("{smollm2}" in TABLE[name][0] for name in names):
        no_capture = make_capture()
    failed = 0
    for name in names:
        if no_capture and "{smollm2}" in TABLE[name][0]:
            print(f"{name}: skipped: {no_capture}")
            continue
        if not arguments.check:
            make(name, REPORTS / name)
            print(f"{name}: made")
            continue
        found = check(name)
        failed += bool(found)
        print(f"{name}: " + ("equal" if not found else "differs\n  " + "\n  ".join(found)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
