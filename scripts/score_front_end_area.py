"""Counts the LUTs of the front end that makes codes of scores, without DSPs, before placement.

The front end is everything from the stream of scores to the codes: score_input (row lengths),
row_statistics (maximum, powers of two, sum, logarithm, moved thresholds, both buffers) and
quantizer (comparators). The figures are those of `synth_xilinx -family xcup -nodsp -flatten` of
pyosys: UltraScale+ cells, not placed, not routed.
"""

import argparse
import importlib.metadata
import pathlib
import re
import subprocess
import sys
import tempfile

from synthesis_check import Finding, run_yosys

MODULES = ("score_input", "row_statistics", "quantizer")
SYNTHESIS = "synth_xilinx -family xcup -nodsp -noiopad -flatten -top {}"


# LUTs that a cell of distributed memory takes (AMD UG574, table of memory primitives).
MEMORY_LUTS = {
    "RAM32M": 4,
    "RAM32M16": 8,
    "RAM32X1D": 2,
    "RAM64M": 4,
    "RAM64M8": 8,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM256X1D": 8,
}


def generate(logattn, name, keys_per_beat, scratch):
    """Writes the Verilog of a named configuration with another number of keys a beat."""
    toml = subprocess.run(
        [logattn, "configs", name], capture_output=True, text=True, check=True
    ).stdout
    unit = f"{name}_w{keys_per_beat}"
    toml = re.sub(r"(?m)^keys_per_beat = \d+$", f"keys_per_beat = {keys_per_beat}", toml)
    toml = re.sub(r'(?m)^name = ".*"$', f'name = "{unit}"', toml)
    file = scratch / f"{unit}.toml"
    file.write_text(toml)
    out = scratch / unit
    command = [logattn, "generate", "--unit-only", "--config", file, "--out", out]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return unit, sorted(out.rglob("*.v"))


def counts(files, top, scratch):
    """LUTs for logic and memory, flip-flops, block RAMs and DSPs of a module and all in it."""
    reads = [f'read_verilog "{file}"' for file in files]
    modules = run_yosys([*reads, SYNTHESIS.format(top)], scratch)
    cells = {kind.lstrip("\\"): count for kind, count in modules[top].items()}

    def total(pattern):
        return sum(count for kind, count in cells.items() if re.fullmatch(pattern, kind))

    unknown = [k for k in cells if k.startswith("RAM") and k not in MEMORY_LUTS and "RAMB" not in k]
    if unknown:
        raise Finding(f"{top}: memory cells without a known size: {unknown}")
    memory = sum(luts * cells.get(kind, 0) for kind, luts in MEMORY_LUTS.items())
    kinds = (r"FD[RSCP]E", r"RAMB\d+E2", r"DSP.*")
    return total(r"LUT[1-6]"), memory, *map(total, kinds)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="score_front_end_area", description=__doc__.split("\n", maxsplit=1)[0]
    )
    parser.add_argument("logattn", type=pathlib.Path, help="the logattn command")
    parser.add_argument("--config", default="edge_scores", help="a configuration with score input")
    parser.add_argument(
        "--keys-per-beat", type=int, nargs="+", default=[8, 16], help="W, powers of two"
    )
    parser.add_argument("--most", type=int, help="fail if a front end takes more LUTs for logic")
    arguments = parser.parse_args()
    version = importlib.metadata.version("pyosys")
    print(f"{arguments.config}, pyosys {version}, {SYNTHESIS.format('MODULE')}; pre-layout")
    print(" W  module           LUT  LUTRAM    FF  BRAM  DSP  LUT a key and cycle")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        try:
            for width in arguments.keys_per_beat:
                unit, files = generate(arguments.logattn, arguments.config, width, scratch)
                rows = [(m, counts(files, f"{unit}_{m}", scratch)) for m in MODULES]
                rows.append(("all", tuple(map(sum, zip(*(row for _, row in rows), strict=True)))))
                for module, (luts, memory, registers, rams, dsps) in rows:
                    print(
                        f"{width:2}  {module:14} {luts:5} {memory:7} {registers:5} {rams:5} {dsps:4}"
                        f"  {luts / width:6.1f}"
                    )
                if arguments.most is not None and luts > arguments.most:
                    raise Finding(f"{luts} LUT at W = {width}, at most {arguments.most} expected")
        except (Finding, subprocess.CalledProcessError) as error:
            print(f"score_front_end_area: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
