# SPDX-License-Identifier: Apache-2.0
"""Makes reports/area.md from `logattn synth`: area and Fmax of the named configurations, of their
int8 twins and of the knobs; scripts/area_report calls this.

Every synthesis is kept in reports/area/ as JSON with its command and tool versions. Without names all
are made (those whose netlist and tools have not changed come from the cache); --page only writes the
page; --check makes those marked for it again, without place and route, and compares.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "reports" / "area"
PAGE = ROOT / "reports" / "area.md"
CONFIGURATIONS = ROOT / "golden" / "configurations"

# A count may differ by so much (relative) from the one checked in: yosys' own order of work depends
# a little on the machine.
TOLERANCE = 0.02
COUNTS = ("lut", "ff", "carry", "block_ram", "lut_ram", "dsp", "kilo_gates")

# The main table: configuration, target, seeds; 0 is counted only.
UNITS = [
    ("nano", "ice40-hx8k", 5),
    ("nano_sorted", "ice40-hx8k", 1),
    ("nano_scores", "ice40-hx8k", 1),
    ("nano_qkv", "ice40-hx8k", 0),
    ("nano_int8", "ice40-hx8k", 1),
    ("nano", "ecp5-25k", 5),
    ("nano_int8", "ecp5-25k", 5),
    ("nano", "gowin-gw1n9", 1),
    ("nano", "asic", 0),
    ("nano_int8", "asic", 0),
    ("edge", "ecp5-25k", 5),
    ("edge_sorted", "ecp5-25k", 5),
    ("edge_scores", "ecp5-25k", 1),
    ("edge_qkv", "ecp5-25k", 1),
    ("edge_int8", "ecp5-25k", 5),
    ("paper", "ecp5-25k", 1),
    ("paper_scores", "ecp5-25k", 0),
    ("paper_qkv", "ecp5-25k", 0),
    ("edge", "asic", 0),
    ("edge_sorted", "asic", 0),
    ("edge_int8", "asic", 0),
    ("base", "ecp5-85k", 3),
    ("base_scores", "ecp5-85k", 0),
    ("base_probabilities", "ecp5-85k", 0),
    ("base_int8", "ecp5-85k", 1),
    ("base", "asic", 0),
    ("base_scores", "asic", 0),
    ("base_int8", "asic", 0),
    ("base", "xcup", 0),
    ("base_int8", "xcup", 0),
    ("server", "xcup", 0),
    ("server_scores", "xcup", 0),
    ("server_qkv", "xcup", 0),
    ("server_int8", "xcup", 0),
]
# The same without DSPs.
NO_DSP = [
    ("nano_int8", "ecp5-25k"),
    ("edge", "ecp5-25k"),
    ("edge_sorted", "ecp5-25k"),
    ("edge_int8", "ecp5-25k"),
    ("base_scores", "ecp5-85k"),
    ("base_int8", "ecp5-85k"),
    ("base_scores", "xcup"),
    ("base_int8", "xcup"),
]
# Named configurations with fields changed: key, configuration, fields, target; counted only.
VARIANTS = [
    ("base_scores__asic__depth-2", "base_scores", {"pipeline_depth": 2}, "asic"),
]
# Accumulations that are compared: ours and the twin's, neither with DSPs.
ACCUMULATIONS = [
    ("nano__ice40-hx8k", "nano_int8__ice40-hx8k"),
    ("edge__ecp5-25k__no-dsp", "edge_int8__ecp5-25k__no-dsp"),
    ("edge_sorted__ecp5-25k__no-dsp", "edge_int8__ecp5-25k__no-dsp"),
    ("base_scores__ecp5-85k__no-dsp", "base_int8__ecp5-85k__no-dsp"),
    ("base_scores__xcup__no-dsp", "base_int8__xcup__no-dsp"),
    ("nano__asic", "nano_int8__asic"),
    ("edge__asic", "edge_int8__asic"),
    ("edge_sorted__asic", "edge_int8__asic"),
    ("base_scores__asic", "base_int8__asic"),
    ("base_scores__asic__depth-2", "base_int8__asic"),
]
# What --check makes again.
CHECKED = ["nano__ecp5-25k", "nano_int8__ecp5-25k"]

# The knobs of `edge`: name, fields that differ, on one target, placed with one seed.
KNOB_TARGET = "ecp5-25k"
KNOBS = [
    ("edge", {}),
    ("lanes = 16", {"lanes": 16}),
    ("lanes = 8", {"lanes": 8}),
    ("keys_per_beat = 4", {"keys_per_beat": 4}),
    ("keys_per_beat = 16", {"keys_per_beat": 16}),
    ("query_block = 2", {"query_block": 2}),
    ("value_bits = 4", {"value_bits": 4, "output_bits": 8}),
    ("code_bits = 2", {"code_bits": 2, "thresholds": [1449, 5793, 23171], "shifts": [5, 3, 1]}),
    ('normalize = "none"', {"normalize": "none", "output_bits": None}),
    ('accumulate = "sorted"', {"accumulate": "sorted"}),
    ("pipeline_depth = 2", {"pipeline_depth": 2}),
    ("max_keys = 256", {"max_keys": 256}),
    ("value_banks = 1", {"value_banks": 1}),
]
SCORE_KNOBS = [
    ('input = "scores", fraction_bits = 4', {}),
    ("fraction_bits = 2", {"fraction_bits": 2, "score_bits": 10, "distance_bits": 6}),
    ("fraction_bits = 6", {"fraction_bits": 6, "score_bits": 14, "distance_bits": 10}),
    ('exp2 = "table"', {"exp2": "table"}),
    ('normalize = "complement"', {"normalize": "complement"}),
]


class Finding(Exception):
    """Something that the report cannot be made with."""


def logattn(*arguments):
    """Runs the command; its output."""
    command = [os.environ["LOGATTN"], *arguments]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    if done.returncode:
        raise Finding(f"{' '.join(map(str, command))}:\n{done.stderr.strip()}")
    return done.stdout


def value_text(value):
    """A value as TOML has it."""
    return json.dumps(value)


def changed(text, fields):
    """TOML with other values for some fields; None takes a field out."""
    for name, value in fields.items():
        line = "" if value is None else f"{name} = {value_text(value)}\n"
        pattern = rf"(?m)^{name} = .*\n"
        text = re.sub(pattern, line, text) if re.search(pattern, text) else text + line
    return text


def knob_runs():
    """(name, title, TOML text) of each knob."""
    edge = (CONFIGURATIONS / "edge.toml").read_text()
    scores = logattn("configs", "edge_scores")
    for index, (title, fields) in enumerate(KNOBS):
        yield f"knob_{index:02}", title, changed(edge, {"name": f"knob_{index:02}", **fields})
    for index, (title, fields) in enumerate(SCORE_KNOBS):
        name = f"score_knob_{index:02}"
        fields = {"name": name, **fields}
        if "fraction_bits" in fields:
            scale = 2.0 ** (fields["fraction_bits"] - 4)
            old = json.loads(re.search(r"(?m)^score_thresholds = (.*)$", scores).group(1))
            fields["score_thresholds"] = [round(threshold * scale) for threshold in old]
        yield name, title, changed(scores, fields)


def synthesize(key, config, target, options, scratch):
    """One synthesis, kept as JSON."""
    print(f"{key}: {target} {' '.join(options)}", flush=True)
    out = Path(scratch) / f"{key}.json"
    try:
        logattn("synth", "--config", config, "--target", target, *options, "--json", out)
        result = json.loads(out.read_text())
    except Finding as finding:
        if "does not fit" not in str(finding):
            raise
        reason = str(finding).splitlines()[-1]
        if "0" in options:
            return {"does_not_fit": reason}
        # Too large to place, but it may still be counted.
        result = synthesize(key, config, target, unplaced(options), scratch)
        result["does_not_place"] = reason
    for local in ("folder",):
        result.pop(local, None)
    if result.get("liberty"):
        result["liberty"]["file"] = Path(result["liberty"]["file"]).name
    return result


def jobs(scratch):
    """All syntheses: (key, configuration's name or file, target, options)."""
    for config, target, seeds in UNITS:
        yield f"{config}__{target}", config, target, ["--seeds", str(seeds)]
    for config, target in NO_DSP:
        yield f"{config}__{target}__no-dsp", config, target, ["--seeds", "0", "--no-dsp"]
    for key, config, fields, target in VARIANTS:
        file = Path(scratch) / f"{config}.toml"
        file.write_text(changed(logattn("configs", config), fields))
        yield key, str(file), target, ["--seeds", "0"]
    for name, _, text in knob_runs():
        file = Path(scratch) / f"{name}.toml"
        file.write_text(text)
        yield name, str(file), KNOB_TARGET, ["--seeds", "1", "--no-modules"]


def make(names, place):
    """Makes the syntheses that are named, or all; without place and route if so told."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for key, config, target, options in jobs(scratch):
            if names and key not in names:
                continue
            if not place:
                options = unplaced(options)
            result = synthesize(key, config, target, options, scratch)
            text = json.dumps(result, indent=1, sort_keys=True) + "\n"
            (RESULTS / f"{key}.json").write_text(text)


def unplaced(options):
    """The options of a synthesis without place and route."""
    at = options.index("--seeds")
    return [*options[:at], "--seeds", "0", *options[at + 2:]]


def check():
    """Makes some again and compares their counts; the number of differences."""
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        for key, config, target, options in jobs(scratch):
            if key not in CHECKED:
                continue
            options = [*unplaced(options), "--no-modules"]
            found = synthesize(key, config, target, options, scratch)["area"]
            kept = json.loads((RESULTS / f"{key}.json").read_text())["area"]
            for count in COUNTS:
                if abs(found[count] - kept[count]) > TOLERANCE * kept[count]:
                    wrong += 1
                    print(f"{key}: {count} is {found[count]}, checked in: {kept[count]}")
    return wrong


def cycles():
    """Cycles a row of the demo capture; of a unit of 64 lanes, those of one of 32, which is as wide
    as the capture: a cycle takes a key on all lanes of either, and outputs do not limit either."""
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        out, narrow = Path(scratch) / "cycles.json", Path(scratch) / "narrow.toml"
        for config in sorted({config for config, *_ in UNITS}):
            text = logattn("configs", config)
            if "head_dimension = 64" in text:
                text = changed(text, {"head_dimension": 32, "lanes": 32})
            narrow.write_text(text)
            logattn("simulate", "--config", narrow, "--input", "demo", "--json", out)
            total = json.loads(out.read_text())["total"]
            found[config] = total["cycles"] / total["rows"]
    return found


def load(key):
    """A kept synthesis, or None."""
    file = RESULTS / f"{key}.json"
    return json.loads(file.read_text()) if file.exists() else None


def table(head, rows):
    """A table of Markdown; the first column is text."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return lines


def speed_text(placement):
    """Fmax of the seeds: median, slowest and fastest."""
    if not placement:
        return ""
    speed, runs = placement["speed"], len(placement["seeds"])
    low, high = speed["min_mhz"], speed["max_mhz"]
    spread = f" ({low:.0f}-{high:.0f})" if runs > 1 else ", one seed"
    return f"{speed['median_mhz']:.0f}{spread}"


def unit_row(config, target, seeds, result, rate):
    """A row of the main table."""
    label = f"`{config}` on {target}"
    if "does_not_fit" in result:
        return [label, result["does_not_fit"], *[""] * 7]
    area, placement = result["area"], result["placement"]
    too_large = any(count["used"] > count["available"] for count in result["fit"] or [])
    speed, rows = "too large" if too_large else speed_text(placement), ""
    row_cycles = rate.get(config)
    if placement and row_cycles:
        rows = f"{placement['speed']['median_mhz'] * 1e3 / row_cycles:,.0f}"
    if result["liberty"]:
        timing = result["static_timing"]
        bits = sum(m["words"] * m["width"] for m in result["memories"])
        speed = f"{timing['mhz']:.0f} *" if timing else ""
        return [label, f"{area['kilo_gates']:.1f} kGE", area["ff"], "", f"{bits:,} bits", "", speed,
                f"{row_cycles:.1f}" if row_cycles else "", ""]
    return [label, f"{area['lut'] + area['lut_ram']:,}", f"{area['ff']:,}", f"{area['carry']:,}",
            area["block_ram"], area["dsp"], speed, f"{row_cycles:.1f}" if row_cycles else "", rows]


def accumulation_rows():
    """Rows of the table of accumulations: LUT or kGE of ours and of the twin's, and their ratio."""
    for ours, twin in ACCUMULATIONS:
        results = [load(key) for key in (ours, twin)]
        if not all(result and result.get("modules") for result in results):
            continue
        unit = "kilo_gates" if results[0]["liberty"] else "lut"
        sizes = [result["modules"]["parts"]["accumulation"][unit] for result in results]
        form = "{:.1f} kGE" if results[0]["liberty"] else "{:,} LUT"
        config, target = ours.split("__")[:2]
        said = {key: f", {next(iter(fields))} = {next(iter(fields.values()))}"
                for key, _, fields, _ in VARIANTS}
        yield [f"`{config}` on {target}{said.get(ours, '')}", *(form.format(size) for size in sizes),
               f"1/{sizes[1] / sizes[0]:.1f}"]


# Lanes in the order of the table: synthesis, module.
LANES = [("edge_sorted__asic", "sorted_lane"), ("edge__asic", "shift_lane"),
         ("edge_int8__asic", "multiply_lane")]


def base_lane():
    """Gate equivalents of a lane of `base_scores`."""
    modules = load("base_scores__asic")["modules"]["modules"]
    lane = next(module for module in modules if module["name"] == "sorted_lane")
    return round(lane["with_children"]["kilo_gates"] * 1e3)


def lanes():
    """One lane in standard cells beside lanes that only add."""
    floor, results = load("adding_lane"), [load(key) for key, _ in LANES]
    if floor is None or not all(result and result.get("modules") for result in results):
        return []
    sizes = dict(floor["gates"])
    for (_, name), result in zip(LANES, results):
        module = next(m for m in result["modules"]["modules"] if m["name"] == name)
        sizes[f"`{name}`"] = round(module["with_children"]["kilo_gates"] * 1e3)
    twin = sizes[f"`{LANES[-1][1]}`"]
    rows = [[name, f"{size:,}", f"1/{twin / size:.1f}"] for name, size in sizes.items()]
    least = list(floor["gates"].values())[-1]
    ours = sizes[f"`{LANES[0][1]}`"]
    return [
        "",
        "One lane of `edge` in gate equivalents, beside lanes that multiply by nothing at all",
        f"(`{floor['command']}`: the same widths, flow and library). One with our stages that only adds",
        f"is 1/{twin / least:.1f} of the twin's; `{LANES[0][1]}` multiplies for {ours - least} gates more, the twin for",
        f"{twin - least}. That is no lower bound: the lanes of `base_scores` are one bit wider and take",
        f"{base_lane()} gates each, as they count values from the least one on, so that above the values' bits",
        "there is only a carry.",
        "",
        *table(["lane", "gates", "of the twin's"], rows),
    ]


def part_rows(results):
    """Rows of the table of parts: LUT (or kGE) by part."""
    for title, result in results:
        parts = result["modules"]["parts"]
        asic = bool(result["liberty"])

        def size(part, parts=parts, asic=asic):
            if part not in parts:
                return ""
            area = parts[part]
            return f"{area['kilo_gates']:.1f}" if asic else f"{area['lut'] + area['lut_ram']:,}"
        yield [title, *(size(part) for part in PARTS)]


PARTS = ["accumulation", "survivor_selector", "survivor_sorter", "quantizer", "code_queue",
         "row_statistics", "score_engine", "value_memory", "normalizer", "stream_register",
         "performance_counters"]


def copies():
    """What is placed beside what is counted."""
    said = []
    for config, target, _ in UNITS:
        placement = (load(f"{config}__{target}") or {}).get("placement") or {}
        luts, registers = (placement.get(f"copied_{what}") or 0 for what in ("luts", "registers"))
        if luts or registers:
            said.append(f"{luts} LUT and {registers} FF of `{config}`")
    if not said:
        return []
    return ["", "On ECP5-85 LUTs and flip-flops that more than 64 pins read are copied before placement",
            f"(`synthesis/src/before_placement.py`): {', '.join(said)}; the counts do not have them."]


def ceiling():
    """What bounds every Fmax on an ECP5."""
    result = load("fmax_ceiling")
    if result is None:
        return []
    rows = []
    for name, design in result["designs"].items():
        steps = ", ".join(f"{kind} {delay:.2f}" for kind, delay in design["path"] if delay)
        spread = f"{design['median_mhz']:.0f} ({design['min_mhz']:.0f}-{design['max_mhz']:.0f})"
        rows.append([name, spread, steps])
    return [
        "",
        "## Block RAMs and multipliers of an ECP5",
        "",
        f"One block RAM, and one multiplier, alone between registers on an {result['part']} (five",
        f"seeds; `{result['command']}`). yosys uses neither the output registers of DP16KD nor any",
        "register of MULT18X18D, so that a cycle holds all of a block RAM, or of a multiplier, and the",
        "way to a register. *Packed*: with the flip-flops beside them moved into",
        "those registers, as `logattn synth --target ecp5-85k` does before placement",
        "(`synthesis/src/before_placement.py`).",
        "",
        *table(["alone", "Fmax, MHz", "slowest path, ns"], rows),
    ]


def page(rate):
    """The text of reports/area.md."""
    versions, rows, parts, no_dsp, knobs = {}, [], [], [], []
    for config, target, seeds in UNITS:
        result = load(f"{config}__{target}")
        if result is None:
            continue
        rows.append(unit_row(config, target, seeds, result, rate))
        versions.update({k: v for k, v in result.get("versions", {}).items() if v})
        if result.get("modules"):
            parts.append((f"`{config}` on {target}", result))
    for config, target in NO_DSP:
        result = load(f"{config}__{target}__no-dsp")
        if result is None or "area" not in result:
            continue
        area, accumulation = result["area"], result["modules"]["parts"]["accumulation"]
        no_dsp.append([f"`{config}` on {target}", f"{area['lut'] + area['lut_ram']:,}",
                       f"{area['ff']:,}", f"{accumulation['lut']:,}"])
        parts.append((f"`{config}` on {target}, no DSP", result))
    for prefix, all_knobs in (("knob", KNOBS), ("score_knob", SCORE_KNOBS)):
        for index, (title, _) in enumerate(all_knobs):
            result = load(f"{prefix}_{index:02}")
            if result is None or "area" not in result:
                continue
            area = result["area"]
            knobs.append([f"`{title}`", f"{area['lut'] + area['lut_ram']:,}", f"{area['ff']:,}",
                          area["block_ram"], area["dsp"], speed_text(result["placement"])])
    tools = ", ".join(f"{tool} {version}" for tool, version in sorted(versions.items()))
    lines = [
        "# Area and Fmax",
        "",
        "Made by `scripts/area_report`; each row's command, options and cells are in",
        f"[`area/`](area). Tools: {tools}. All area is that of synthesis, before layout, of the unit",
        "alone; Fmax is nextpnr's with a scan chain around the unit in place of pins, median of the",
        "seeds (slowest-fastest; blank where it was not placed), ECP5 at speed grade 6. AMD parts are",
        "counted only: no open tool places them. `*`: OpenSTA on standard cells (Debian's OSU 0.18 µm",
        "library), before layout, without wires; memories are not in it. Cycles a row: `logattn simulate",
        "--input demo`; of units of D = 64 with D and lanes of 32, as wide as that capture (the README has",
        "them with pairs of heads side by side). A twin takes probabilities: there is no softmax in it, and",
        "beside `base` no Q K^T.",
        "",
        *table(["unit", "LUT", "FF", "carry", "block RAM", "DSP", "Fmax, MHz", "cycles a row",
                "thousand rows/s"], rows),
        *copies(),
        *ceiling(),
        "",
        "## Without DSPs",
        "",
        "Multipliers of the twin and of reciprocals made of LUTs, as yosys does it (`-nodsp`): on ECP5",
        "without Booth recoding, which `synth_ecp5` has no option for and which makes them smaller; there",
        "the twin looks worse than it has to.",
        "",
        *table(["unit", "LUT", "FF", "LUT of the accumulation"], no_dsp),
        "",
        "## The accumulation against the twin's",
        "",
        "All lanes with their control, no DSP on either side; from the table of parts below. In",
        "`base_scores` (`normalize = \"complement\"`, which replaces the normalizer's reciprocal and",
        "multipliers) the largest key is visited by the bits of its weight. Not in these figures: that",
        "weight is found in its `survivor_sorter`, and what its sums are too high by is taken off in",
        "its `normalizer`, both in the table of parts; `row_gate`, which holds rows back, is a counter",
        "of two bits. A lane has a register between mask and adder from `pipeline_depth` 3 on, which",
        "both base units have; `base_scores` without it, at 2, is the last line.",
        "",
        *table(["unit", "ours", "twin", "ratio"], list(accumulation_rows())),
        *lanes(),
        "",
        "## By part",
        "",
        "LUT (kGE for standard cells) of each part with all that is in it, from a synthesis that",
        "keeps the hierarchy: nothing is optimized across parts, so the sum is above the unit's. Where",
        "a part has fewer DSPs than the unit has multipliers, each module gets its share of them,",
        "rounded down, as the instances of a module cannot differ: `edge_int8` has none there.",
        "",
        *table(["unit", *PARTS], part_rows(parts)),
        "",
        "## Knobs",
        "",
        f"`edge` with one field changed, on {KNOB_TARGET}; then `edge_scores`. `input = \"qkv\"` is",
        "`edge_qkv` in the first table: with its products it takes two keys a beat on this part.",
        "",
        *table(["field", "LUT", "FF", "block RAM", "DSP", "Fmax, MHz"], knobs),
    ]
    return "\n".join(lines) + "\n"


def main():
    """Command line."""
    parser = argparse.ArgumentParser(prog="scripts/area_report",
                                     description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="syntheses to make; default: all")
    parser.add_argument("--no-place", action="store_true", help="count only: no place and route")
    parser.add_argument("--page", action="store_true", help="write the page from what is kept")
    parser.add_argument("--check", action="store_true", help="make some again and compare")
    arguments = parser.parse_args()
    try:
        if arguments.check:
            return 1 if check() else 0
        if not arguments.page:
            make(arguments.names, not arguments.no_place)
        PAGE.write_text(page(cycles()))
    except Finding as finding:
        print(f"area_report: {finding}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
