# SPDX-License-Identifier: Apache-2.0
"""Energy of one operation of one lane, with and without glitches, for the energy report.

A shift lane and the twin's multiply lane get the same survivors of the demo capture, one a cycle.
Icarus Verilog plays their netlists without delays and with those that the library's Verilog models
have, so that nets may change several times in a cycle.
"""

import json
import re
import struct
import subprocess
from pathlib import Path

import numpy

import switching_energy

ROOT = Path(__file__).resolve().parent.parent
CAPTURE = ROOT / "captures" / "data" / "demo.safetensors"

# Ports of each lane that change with every operation, and those that stay at 1.
SHIFT_PORTS = (("value", "amount", "first"), ("survives", "scale", "add"))
MULTIPLY_PORTS = (("value", "probability", "first"), ("scale", "add"))
WIDTHS = {"value": 8, "amount": 3, "probability": 8}

BENCH = """`timescale 1ns/1ps
module bench;
  reg clk = 0;
{declarations}
  {top} lane(.clk(clk), {connections});
  initial begin
    $dumpfile("{dump}");
    $dumpvars(1, lane);
{operations}
    $finish;
  end
endmodule
"""
# A cycle of 40 ns: inputs change after the falling edge and have settled long before the next.
OPERATION = "    #2 {values} #18 clk = 1; #20 clk = 0;"


def tensors(path):
    """The tensors of a safetensors file that are int8 or float32."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    kinds = {"I8": numpy.int8, "F32": numpy.float32}
    found = {}
    for name, entry in header.items():
        if entry.get("dtype") in kinds:
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            values = numpy.frombuffer(data[start:end], kinds[entry["dtype"]])
            found[name] = values.reshape(entry["shape"])
    return found


def operands(configuration, head, rows):
    """(value, shift, 8-bit probability, starts a row) of each survivor of the first rows of a head,
    for the first element of the values."""
    integers = {
        name: numpy.array(json.loads(values))
        for name, values in re.findall(r"(?m)^(thresholds|shifts) = (\[.*?\])$", configuration)
    }
    t = tensors(CAPTURE)
    scaled = {n: t[n][head].astype(float) * t[f"{n}_scale"][head] for n in ("q", "k")}
    logits = scaled["q"][:rows] @ scaled["k"].T / numpy.sqrt(scaled["q"].shape[1])
    weights = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    codes = (numpy.floor(weights * 65536)[..., None] >= integers["thresholds"]).sum(axis=2)
    shifts = integers["shifts"].max() - integers["shifts"]
    probabilities = numpy.clip(numpy.rint(weights * 256), 0, 255).astype(int)
    found = []
    for row in range(rows):
        keys = numpy.flatnonzero(codes[row])
        for at, key in enumerate(keys):
            amount = shifts[codes[row, key] - 1]
            value = t["v"][head, key, 0]
            found.append((int(value), int(amount), int(probabilities[row, key]), int(at == 0)))
    return found


def bench(top, ports, sequence, dump):
    """A test bench that gives a lane one operation a cycle."""
    changing, held = ports
    declarations = [
        f"  reg [{WIDTHS.get(name, 1) - 1}:0] {name} = {1 if name in held else 0};"
        for name in changing + held
    ]
    operations = [
        OPERATION.format(values=" ".join(f"{name} = {operation[name]};" for name in changing))
        for operation in sequence
    ]
    return BENCH.format(
        top=top,
        declarations="\n".join(declarations),
        connections=", ".join(f".{name}({name})" for name in changing + held),
        operations="\n".join(operations),
        dump=dump,
    )


def changes(text):
    """How often each net of a VCD file changed between 0 and 1, by name."""
    nets, values, counts = {}, {}, {}
    for line in text.splitlines():
        if line.startswith("$var"):
            _, _, width, key, name = line.split()[:5]
            nets[key] = (name, int(width))
        elif line[:1] in "01xzb" and line:
            bits, key = line[1:].split() if line[0] == "b" else (line[0], line[1:])
            name, width = nets[key]
            bits = bits.rjust(width, "0" if bits[0] == "1" else bits[0])
            for at, pair in enumerate(zip(bits, values.get(key, bits), strict=True)):
                net = name if width == 1 else f"{name}[{width - 1 - at}]"
                counts[net] = counts.get(net, 0) + (set(pair) == {"0", "1"})
            values[key] = bits
    return counts


def play(netlist, models, text, delays, scratch):
    """Plays a bench in Icarus Verilog; gives each net's changes."""
    (scratch / "bench.v").write_text(text)
    options = ["-gspecify", "-Ttyp"] if delays else ["-gno-specify"]
    command = ["iverilog", "-g2005", *options, "-o", "bench", "bench.v", netlist, models]
    subprocess.run(command, cwd=scratch, check=True, capture_output=True)
    subprocess.run(["vvp", "bench"], cwd=scratch, check=True, capture_output=True)
    return changes((scratch / "bench.vcd").read_text())


def lane_energy(top, ports, netlist, module, sequence, library, models, scratch):
    """Energy of an operation, pJ, without and with delays."""
    cells = switching_energy.Netlist(module, library)
    names = ("value", "amount", "probability", "first")
    sequence = [dict(zip(names, operation, strict=True)) for operation in sequence]
    text = bench(top, ports, sequence, "bench.vcd")
    found = []
    for delays in (False, True):
        counts = cells.changes(play(netlist, models, text, delays, scratch))
        total = sum(logic for _, logic, _ in cells.energies(counts, 0))
        found.append(round(total / len(sequence), 2))
    return {"no_delays_pj": found[0], "delays_pj": found[1]}
