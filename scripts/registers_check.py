#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the registers of generated folders with tools that are not ours.

For each folder: its SystemRDL compiles; PeakRDL's own C header, made from it, agrees with ours in
every offset, mask, shift and reset value (static asserts in C and C++ that include both); Markdown
and Python module say what systemrdl-compiler says; PeakRDL's Markdown and HTML can be made; the Rust
crate builds and passes its tests; and our slave equals the one of PeakRDL-regblock: both in one
Verilated model, the same random AXI4-Lite transactions and hardware inputs, compared in read data,
responses and all fields that the hardware sees.
"""

import argparse
import ast
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from systemrdl import RDLCompiler

from generated_folders import HERE, check_folders, registers_source, require, run, tool, verilator
from registers_pair import fields, pair


def compile_rdl(path: pathlib.Path):
    """The address map, as systemrdl-compiler understands it."""
    compiler = RDLCompiler()
    compiler.compile_file(str(path))
    return compiler.elaborate().top


# --- C ----------------------------------------------------------------------------------------

def asserts(top, name: str) -> str:
    """A program that does not compile unless both headers agree."""
    theirs = top.inst_name.upper()
    lines = ["#include <stddef.h>", '#include "reference.h"', f'#include "{name}_registers.h"']

    def equal(left: str, right: str) -> None:
        lines.append(f'static_assert(({left}) == ({right}), "{left}");')

    for register in top.registers():
        ours = f"LOGATTN_{register.inst_name}"
        equal(f"offsetof({top.inst_name}_t, {register.inst_name})", f"{ours}_OFFSET")
        resets = []
        for field in register.fields():
            mine = f"{ours}_{field.inst_name.upper()}"
            peak = f"{theirs}__{register.inst_name}__{field.inst_name.upper()}"
            equal(f"{peak}_bm", f"{mine}_MASK")
            equal(f"{peak}_bp", f"{mine}_SHIFT")
            if field.get_property("reset") is not None:
                equal(f"{peak}_reset", f"{mine}_AT_RESET")
                resets.append(f"({peak}_reset << {peak}_bp)")
        equal(" | ".join(resets) or "0", f"{ours}_AT_RESET")
    return "\n".join(lines + ["int main(void) { return 0; }", ""])


def check_header(top, folder: pathlib.Path, rdl: pathlib.Path, scratch: pathlib.Path) -> str:
    """Our C header against PeakRDL's."""
    name = rdl.stem
    run([tool("peakrdl"), "c-header", rdl, "-o", scratch / "reference.h", "--type-style", "hier"], scratch)
    text = asserts(top, name)
    (scratch / "asserts.c").write_text(text)
    flags = ["-Wall", "-Wextra", "-Werror", "-I", folder / "sw", "-fsyntax-only"]
    run(["cc", "-std=c11", *flags, scratch / "asserts.c"], scratch)
    run(["c++", "-std=c++11", *flags, "-x", "c++", scratch / "asserts.c"], scratch)
    ours = (folder / "sw" / f"{name}_registers.h").read_text()
    known = {register.inst_name for register in top.registers()}
    named = set(re.findall(r"#define LOGATTN_(\w+)_OFFSET ", ours))
    require(named == known, f"registers in the header only, or missing: {named ^ known}")
    return f"C header: {text.count('static_assert')} values equal to PeakRDL-cheader's"


# --- Markdown and Python ----------------------------------------------------------------------

def rows(text: str, columns: int) -> list[list[str]]:
    """Rows of the Markdown tables with so many columns, heads and rulers left out."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == columns and not cells[0].startswith("---"):
            found.append(cells)
    return found


def access(field) -> str:
    """What software may do, in our tables' words."""
    if field.get_property("onwrite") is not None:
        return "w1c"
    return "rw" if field.is_sw_writable else "ro"


def reset(field) -> str:
    """A field's reset value as our tables have it."""
    value = field.get_property("reset")
    return "-" if value is None else f"0x{value:X}"


def check_markdown(top, folder: pathlib.Path) -> str:
    """Registers and fields of our page against the compiled map."""
    text = (folder / "doc" / "registers.md").read_text()
    listed = [row for row in rows(text, 6)]
    registers = [(row[0], row[1], row[3], row[4]) for row in listed if row[0].startswith("0x")]
    their = []
    for register in top.registers():
        held = {getattr(field.get_property("swwel"), "inst_name", None) for field in register.fields()}
        lock = {"locked_rows": "`STATUS.busy`", "locked_head": "`STATUS.head_open`"}.get(held.pop(), "")
        value = sum((field.get_property("reset") or 0) << field.low for field in register.fields())
        their.append((f"0x{register.absolute_address:03X}", register.inst_name, f"0x{value:08X}", lock))
    require(registers == their, f"registers.md: {set(registers) ^ set(their)}")
    ours = [tuple(row[:5]) for row in listed if row[0] in {name for _, name, *_ in their}]
    peaks = [(register.inst_name, field.inst_name,
              str(field.low) if field.width == 1 else f"{field.high}:{field.low}",
              access(field), reset(field))
             for register in top.registers() for field in register.fields()]
    require(ours == peaks, f"registers.md: {set(ours) ^ set(peaks)}")
    return f"Markdown: {len(their)} registers, {len(peaks)} fields as systemrdl-compiler sees them"


def check_python(top, folder: pathlib.Path, name: str) -> str:
    """The Python module against the compiled map."""
    tree = ast.parse((folder / "sw" / f"{name}_registers.py").read_text())
    ours = {node.targets[0].id: ast.literal_eval(node.value)
            for node in tree.body if isinstance(node, ast.Assign)}
    peaks = {
        register.inst_name: (
            register.absolute_address,
            sum((field.get_property("reset") or 0) << field.low for field in register.fields()),
            {field.inst_name: (field.low, field.width) for field in register.fields()},
        )
        for register in top.registers()
    }
    require(ours["REGISTERS"] == peaks, "the Python module's REGISTERS differ")
    for family, count in ours["COUNTS"].items():
        require(f"{family}_{count}" in peaks and f"{family}_{count + 1}" not in peaks, family)
    return "Python module: the same"


def check_documents(rdl: pathlib.Path, scratch: pathlib.Path) -> str:
    """PeakRDL's own pages can be made of the map."""
    run([tool("peakrdl"), "markdown", rdl, "-o", scratch / "reference.md"], scratch)
    run([tool("peakrdl"), "html", rdl, "-o", scratch / "html"], scratch)
    return "PeakRDL makes Markdown and HTML of it"


def check_crate(folder: pathlib.Path, scratch: pathlib.Path) -> str:
    """The Rust crate stands alone."""
    target = dict(os.environ, CARGO_TARGET_DIR=str(scratch / "target"), RUSTFLAGS="-D warnings")
    crate = scratch / "crate"
    shutil.copytree(folder / "registers" / "rust", crate)
    for command in (["build"], ["test"]):
        run(["cargo", *command, "--quiet", "--offline"], crate, env=target)
    return "Rust crate: builds without warnings, tests pass"


# --- Verilog ----------------------------------------------------------------------------------

def warnings(text: str) -> dict[str, int]:
    """Verilator's warnings, counted by kind."""
    counts = {}
    for kind in re.findall(r"^%(?:Warning|Error)-(\w+)", text, re.MULTILINE):
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def lint(files: list, top: str, scratch: pathlib.Path) -> dict[str, int]:
    """What `verilator --lint-only -Wall` says, by kind."""
    program, environment = verilator()
    done = subprocess.run([program, "--lint-only", "-Wall", "--top-module", top, *map(str, files)],
                          cwd=scratch, text=True, check=False, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return warnings(done.stdout)


def regblock(rdl: pathlib.Path, module: str, scratch: pathlib.Path) -> list[pathlib.Path]:
    """PeakRDL-regblock's slave: a package and a module."""
    run([tool("peakrdl"), "regblock", rdl, "-o", scratch, "--cpuif", "axi4-lite-flat",
         "--err-if-bad-addr", "--err-if-bad-rw", "--type-style", "hier", "--module-name", module], scratch)
    return [scratch / f"{module}_pkg.sv", scratch / f"{module}.sv"]


def why_not_regblock(files: list, module: str, scratch: pathlib.Path) -> str:
    """Why PeakRDL's slave is not what is shipped: what tools say of it."""
    text = ", ".join(f"{count} {kind}" for kind, count in sorted(lint(files, module, scratch).items()))
    said = [f"verilator -Wall: {text or 'nothing'}"]
    if shutil.which("iverilog"):
        for standard in ("2005", "2012"):
            done = subprocess.run(["iverilog", f"-g{standard}", "-t", "null", *map(str, files)],
                                  cwd=scratch, text=True, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            first = done.stdout.splitlines()[0].split(": ", 1)[-1] if done.stdout else ""
            said.append(f"iverilog -g{standard}: {'refused, ' + first if done.returncode else 'fine'}")
    return "PeakRDL-regblock's own slave (not shipped; packages and unpacked structs): " + "; ".join(said)


def our_slave(folder: pathlib.Path, name: str) -> list[pathlib.Path]:
    """Our slave's files: the module `{name}_registers` and those below it, by the file list."""
    listed = [folder / line for line in (folder / "files.f").read_text().split()]
    top = folder / "rtl" / f"{name}_registers.v"
    require(top in listed, f"{top} is not in files.f")
    found, texts = [top], {path.stem: path for path in listed}
    for path in found:
        for module in re.findall(r"^\s+(\w+) (?:#\(.*\) )?u_\w+ \(", path.read_text(), re.MULTILINE):
            if module in texts and texts[module] not in found:
                found.append(texts[module])
    return found


def build_pair(top, ours: tuple[str, list], rdl: pathlib.Path, scratch: pathlib.Path,
               optimize: str = "-O1") -> pathlib.Path:
    """The bench over our slave `(module, files)` and regblock's; gives its program."""
    module = f"{top.inst_name}_reference"
    reference = regblock(rdl, module, scratch)
    (scratch / "registers_pair.sv").write_text(pair(top, ours[0], module))
    program, environment = verilator()
    run([program, "--cc", "--exe", "--build", "-j", "2", "-O3", "-Wno-fatal", "-Wno-lint",
         "-CFLAGS", optimize, "--top-module", "registers_pair", "--Mdir", scratch / "model",
         *reference, *ours[1], scratch / "registers_pair.sv", HERE / "registers_bench.cpp"], scratch,
        env=environment)
    return scratch / "model" / "Vregisters_pair"


# Faults of our slave that the bench has to notice: (what, pattern, replacement).
FAULTS = [
    ("a lock that does not hold", r"(?<=write_taken & )\(?~locked_head\)?", "1'd1"),
    ("a write strobe that is not looked at", r"s_axil_wdata\[0\] & write_mask\[0\]", "s_axil_wdata[0]"),
    ("a refused write that is not told", r"(?<=errors_write_locked <= )write_refused", "1'd0"),
]


def check_faults(top, ours: tuple[str, list], rdl: pathlib.Path, scratch: pathlib.Path) -> str:
    """The bench finds each of a few faults."""
    module, [path, *others] = ours
    for index, (what, pattern, replacement) in enumerate(FAULTS):
        text, found = re.subn(pattern, replacement, path.read_text())
        require(found > 0, f"no place for the fault: {what}")
        folder = scratch / f"fault_{index}"
        folder.mkdir()
        (folder / path.name).write_text(text)
        bench = build_pair(top, (module, [folder / path.name, *others]), rdl, folder, "-O0")
        done = subprocess.run([str(bench), "200000", "1"], check=False, stdout=subprocess.PIPE, text=True)
        require(done.returncode == 1 and "differ in" in done.stdout, f"not noticed: {what}")
    return f"slave: {len(FAULTS)} faults put into it, all noticed"


def check_slave(top, folder: pathlib.Path, rdl: pathlib.Path, scratch: pathlib.Path,
                options: argparse.Namespace) -> list[str]:
    """Our slave against PeakRDL-regblock's."""
    name = rdl.stem
    ours = (f"{name}_registers", our_slave(folder, name))
    said = lint(ours[1], ours[0], scratch)
    require(not said, f"our own slave: {said}")
    bench = build_pair(top, ours, rdl, scratch)
    outcome = run([bench, options.transactions, 1], scratch).strip()
    reference = [scratch / f"{top.inst_name}_reference{end}.sv" for end in ("_pkg", "")]
    faults = [check_faults(top, ours, rdl, scratch)] if options.faults else []
    return [f"slave against PeakRDL-regblock's: {outcome}", *faults,
            why_not_regblock(reference, f"{top.inst_name}_reference", scratch)]


def check(folder: pathlib.Path, options: argparse.Namespace) -> None:
    """Every check of one folder; prints what was found."""
    rdl = registers_source(folder)
    top = compile_rdl(rdl)
    require(any(True for _ in fields(top, "error")), "no errors in the map")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        said = [
            check_header(top, folder, rdl, scratch),
            check_markdown(top, folder),
            check_python(top, folder, rdl.stem),
            check_documents(rdl, scratch),
            check_crate(folder, scratch),
            *check_slave(top, folder, rdl, scratch, options),
        ]
    options.faults = False
    for line in said:
        print(f"{rdl.stem}: {line}", flush=True)


def main() -> int:
    """Checks folders as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--transactions", type=int, default=200_000)
    parser.add_argument("--faults", action="store_true",
                        help="put faults into the slave of the first folder; each has to be noticed")
    return check_folders(parser, check)


if __name__ == "__main__":
    sys.exit(main())
