# SPDX-License-Identifier: Apache-2.0
"""The page reports/energy.md from the figures of energy_report.py."""

# Area of a two-input NAND gate of the library, um2: kGE are thousands of them.
NAND_AREA = 24.0

HEAD = """# Switching energy as ASIC, ours against the int8 twin

Energy of every change of every net of the gate-level netlist, on real attention: heads {heads} of
the demo capture (MiniLM, 245 keys a row), {rows} rows of each, values loaded once a head. **All pJ
are those of a 0.18 um library ({library}) at 1.8 V: pre-layout, no wires, no clock tree, memories
left out.** They compare two units made the same way; they are no forecast for a
current process. Made by

```sh
scripts/energy_report              # writes this page and energy.json; --check compares
```
"""

METHOD = """
## Method

1. The unit's Verilog is mapped by yosys {yosys} module by module (`synth`, `dfflibmap`, `abc` with
   a driving cell and a load), then flattened; modules keep their own gates, and no logic moves
   across their boundaries. Memories (value memory, selector's queue) stay behavioral.
2. Verilator plays the netlist with the cells' functions from the same Liberty file under the
   co-simulation's bench, without stalls: each output bit and its cycle equal golden model and
   simulator, so the counted run is a right one. It counts each net's changes (SAIF).
3. A change of a net costs C V^2 / 2 for the pins that it drives, and the driving cell's internal
   energy: the Liberty file's tables at that load and at the slews of the cell's inputs, the mean of
   rise and fall, the mean over the inputs by how often each changes. Slews are propagated through
   the tables from 0.06 ns at inputs and clock pins. Data pins of flip-flops have an energy of their
   own and it counts.
4. *Clock*: both edges at each flip-flop's clock pin, in every cycle: pin capacitance and the
   internal energy that the file gives for it. No clock tree, no clock gating: a layout would add the
   one and take much of this away by the other, so it stands beside the logic, not in it.

`scripts/test_energy.py` compares the computation with figures by hand and, on a small circuit, with
OpenSTA's `report_power`: Debian's 2.0.17 has the same switching power, and twice our internal power,
as if each change were a rise and a fall; the source of newer versions takes the mean, as here.

## Limits

- No wires: loads are pin capacitances alone. Wires would add to every load, to those of the wide
  buses between modules most.
- No glitches in the units: nets change once a clock edge there. What they add is in the lanes'
  figures with delays; cells' delays, no wires'.
- Nets that the unit's inputs or its memories drive are left out: their energy is the sender's or
  the memory's.
- Memories are not priced: a 0.18 um SRAM's figures are not in the library. Their accesses are in
  the table; what they cost elsewhere is in the simulator's energy tables (`logattn simulate`).
- Leakage is left out: the library's is below 1 nW a gate.
- The twin visits every key, ours the keys at or above its lowest threshold: fewer visits are part
  of the method, and most of the difference. A twin that skipped zeros would fall between.
"""


def number(value, digits=1):
    """A number with separators of thousands."""
    return f"{value:,.{digits}f}"


def total(unit, key):
    """A figure summed over a unit's modules."""
    return sum(module[key] for module in unit["modules"].values())


def table(head, rows):
    """A table in Markdown; all columns but the first are numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows]) + "\n"


def overview(units):
    """One line a unit."""
    head = ["unit", "kGE", "flip-flops", "cycles", "keys", "visited", "not 0", "logic pJ a key"]
    head += ["logic pJ a survivor", "clock pJ a key", "value memory reads"]
    rows = []
    for name, unit in units.items():
        counters, logic = unit["counters"], total(unit, "logic_pj")
        keys, survivors = counters["keys"], counters["survivors"]
        rows.append(
            [
                f"`{name}`",
                number(total(unit, "area_um2") / NAND_AREA / 1000),
                number(total(unit, "flip_flops"), 0),
                number(counters["cycles"], 0),
                number(keys, 0),
                number(visits(unit), 0),
                number(survivors, 0),
                number(logic / keys),
                number(logic / survivors),
                number(total(unit, "clock_pj") / keys),
                number(counters["value_reads"], 0),
            ]
        )
    return table(head, rows)


def by_module(ours, twin):
    """One line a module, ours beside the twin's, pJ a key."""
    figures = {}
    for at, unit in enumerate((ours, twin)):
        for name, module in unit["modules"].items():
            pair = figures.setdefault(name, [None, None])
            pair[at] = [module[key] / unit["counters"]["keys"] for key in ("logic_pj", "clock_pj")]
    rows = [
        [name, *(number(value, 2) for pair in both for value in pair or [0.0, 0.0])]
        for name, both in sorted(figures.items())
    ]
    head = ["module", "logic, ours", "clock, ours", "logic, twin", "clock, twin"]
    return table(head, rows)


def visits(unit):
    """Keys whose values were read, each row's counted."""
    return unit["counters"]["value_reads"] // unit["passes"]


def accumulation(ours, twin):
    """Logic energy of the accumulators for a visited key and for one that is not 0, pJ."""
    names = ("a visited key", "a key that is not 0")
    rows = []
    for name, count in zip(names, (visits, lambda unit: unit["counters"]["survivors"]), strict=True):
        both = [u["modules"]["accumulator"]["logic_pj"] / count(u) for u in (ours, twin)]
        rows.append([name, *map(number, both)])
    return table(["accumulator, logic pJ", "ours", "twin"], rows)


def operations(lanes):
    """One line a lane."""
    rows = [
        [f"`{name}`", number(lane["no_delays_pj"]), number(lane["delays_pj"])]
        for name, lane in lanes.items()
    ]
    count = number(next(iter(lanes.values()))["operations"], 0)
    return f"""
## One operation of one lane

A lane alone on the {count} survivors of the same rows, one element of the values, one operation a
cycle: multiply or shift, and add. The twin's lane gets the same keys, none of them 0. Icarus
Verilog plays both netlists, without delays as above, and with the delays of the library's Verilog
models, so that glitches count. 0.18 um, 1.8 V, pre-layout, no wires, no clock.

{table(["lane of", "pJ without delays", "pJ with delays"], rows)}"""


def section(name, twin, units):
    """A unit against its twin."""
    ours, other = units[name], units[twin]
    ratio = total(ours, "logic_pj") / total(other, "logic_pj")
    return f"""
## {name} against {twin}

The same rows cost `{name}` {number(100 * ratio)} % of the twin's logic energy. Accumulation, all D
elements of a key; the twin has no pruning, so what it spends on a key that is not 0 includes the
visits to the others:

{accumulation(ours, other)}
By module, pJ a key, 0.18 um at 1.8 V, pre-layout, no wires:

{by_module(ours, other)}"""


def page(figures):
    """The page."""
    units = figures["units"]
    heads = " and ".join(map(str, figures["heads"]))
    text = HEAD.format(heads=heads, rows=figures["rows"], library=f"`{figures['library']}`")
    text += operations(figures["lanes"])
    text += f"\n## Units\n\nkGE and flip-flops without memories. *Visited*: keys whose values are read. *Not 0*: codes of\nours, 8-bit probabilities of the twin; survivors.\n\n{overview(units)}"
    for name, twin in figures["twins"].items():
        text += section(name, twin, units)
    return text + METHOD.format(yosys=figures["yosys"])
