"""Reads what the energy report needs of a Liberty file: capacitances, slews, internal energies.

Units are those of the Liberty format: pF, ns, V; an internal energy is in V * V * pF = pJ.
"""

import bisect
import re
from dataclasses import dataclass, field

TOKEN = re.compile(r'"([^"]*)"|([\w.+\-*/!&|^\'\[\]]+)|([(){}:;,])')
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\\\n", re.DOTALL)

# Transitions of the two directions: name of the slew table, name of the energy table.
DIRECTIONS = (("rise_transition", "rise_power"), ("fall_transition", "fall_power"))


class LibertyError(Exception):
    """A file that is not Liberty, or lacks what is needed, in words."""


@dataclass
class Group:
    """A group of a Liberty file: `name (arguments) { attributes and groups }`."""

    name: str
    arguments: list
    attributes: dict = field(default_factory=dict)
    groups: list = field(default_factory=list)

    def all(self, name):
        """The groups directly in this one that have a name."""
        return [group for group in self.groups if group.name == name]

    def number(self, name):
        """An attribute that is a number."""
        try:
            return float(self.attributes[name])
        except (KeyError, ValueError) as error:
            raise LibertyError(f"{self.name} {self.arguments}: {name} is no number") from error


def parse(text):
    """The library group of a Liberty text."""
    found = TOKEN.finditer(COMMENT.sub(" ", text))
    tokens = [match[match.lastindex] for match in found]
    root = Group("file", [])
    end = _body(tokens, 0, root)
    if end != len(tokens) or len(root.groups) != 1 or root.groups[0].name != "library":
        raise LibertyError("not one library group")
    return root.groups[0]


def _body(tokens, at, group):
    """Reads attributes and groups into `group`; gives where its end is."""
    while at < len(tokens) and tokens[at] != "}":
        if tokens[at] == ";":
            at += 1
            continue
        name, mark = tokens[at], tokens[at + 1 : at + 2]
        if mark == [":"]:
            group.attributes[name] = tokens[at + 2]
            at += 3
        elif mark == ["("]:
            close = tokens.index(")", at)
            arguments = [token for token in tokens[at + 2 : close] if token != ","]
            at = close + 1
            if tokens[at : at + 1] == ["{"]:
                inner = Group(name, arguments)
                at = _body(tokens, at + 1, inner) + 1
                group.groups.append(inner)
            else:
                group.attributes[name] = arguments
        else:
            raise LibertyError(f"cannot read from {' '.join(tokens[at : at + 4])!r}")
    return at


class Table:
    """A lookup table over output load (pF) and input slew (ns), or over one of them."""

    def __init__(self, group, templates):
        template = templates.get(group.arguments[0] if group.arguments else "", {})
        axes = [
            (template.get(f"variable_{n}"), _numbers(group.attributes[f"index_{n}"]))
            for n in (1, 2)
            if f"index_{n}" in group.attributes
        ]
        self.names = ["load" if name and "capacitance" in name else "slew" for name, _ in axes]
        self.axes = [values for _, values in axes]
        self.rows = [_numbers([row]) for row in group.attributes["values"]]
        if len(self.axes) < 2:
            self.rows = [[value] for value in sum(self.rows, [])]

    def __call__(self, load, slew):
        """The value at a load and a slew, interpolated; beyond the table's end extrapolated, before
        its start that of the start."""
        at = {"load": load, "slew": slew}
        weights = [
            _weights(axis, at[name]) for name, axis in zip(self.names, self.axes, strict=True)
        ]
        weights += [[(0, 1.0)]] * (2 - len(weights))
        return sum(u * v * self.rows[i][j] for i, u in weights[0] for j, v in weights[1])


def _numbers(strings):
    return [float(number) for string in strings for number in re.split(r"[\s,]+", string.strip())]


def _weights(axis, value):
    """The two places of an axis that a value lies between, with their weights."""
    value = max(value, axis[0])
    high = min(max(bisect.bisect_left(axis, value), 1), len(axis) - 1)
    if len(axis) == 1:
        return [(0, 1.0)]
    share = (value - axis[high - 1]) / (axis[high] - axis[high - 1])
    return [(high - 1, 1.0 - share), (high, share)]


@dataclass
class Cell:
    """A cell: what its pins weigh and what its transitions cost."""

    name: str
    area: float
    # Capacitance of each input, pF.
    inputs: dict = field(default_factory=dict)
    # Of each output: related input -> tables of the slew, and of the energy, in both directions.
    slews: dict = field(default_factory=dict)
    energies: dict = field(default_factory=dict)
    # Energy of an input's own transitions, whatever the outputs do.
    passive: dict = field(default_factory=dict)
    # The clock of a flip-flop, or None.
    clock: str | None = None

    @property
    def outputs(self):
        """Names of the outputs."""
        return self.slews.keys()


@dataclass
class Library:
    """The cells of a Liberty file."""

    name: str
    voltage: float
    cells: dict


def read(text):
    """The library of a Liberty text."""
    group = parse(text)
    unit = group.attributes.get("capacitive_load_unit", [])
    if [word.lower() for word in unit] not in (["1", "pf"], ["1.0", "pf"], ["1.000000", "pf"]):
        raise LibertyError(f"capacitive_load_unit is {unit}, not (1, pf)")
    templates = {t.arguments[0]: t.attributes for t in group.groups if "template" in t.name}
    cells = [_cell(cell, templates) for cell in group.all("cell")]
    voltage = group.number("nom_voltage")
    return Library(group.arguments[0], voltage, {cell.name: cell for cell in cells})


def _cell(group, templates):
    cell = Cell(group.arguments[0], group.number("area"))
    for flip_flop in group.all("ff"):
        cell.clock = flip_flop.attributes["clocked_on"].strip("()! ")
    for pin in group.all("pin"):
        name = pin.arguments[0]
        powers = pin.all("internal_power")
        if pin.attributes.get("direction") == "input":
            cell.inputs[name] = pin.number("capacitance")
            cell.passive[name] = [tables for p in powers if (tables := _tables(p, 1, templates))]
        elif pin.attributes.get("direction") == "output":
            cell.slews[name] = _related(pin.all("timing"), 0, templates)
            cell.energies[name] = _related(powers, 1, templates)
    return cell


def _tables(group, kind, templates):
    """The tables of a group for the two directions, as far as it has them."""
    names = [direction[kind] for direction in DIRECTIONS]
    found = [inner for name in names for inner in group.all(name)]
    return [Table(inner, templates) for inner in found]


def _related(groups, kind, templates):
    """Of each related input, the tables."""
    tables = {}
    for group in groups:
        if found := _tables(group, kind, templates):
            for name in group.attributes.get("related_pin", "").split():
                tables.setdefault(name, []).extend(found)
    return tables


def mean(tables, load, slew):
    """Mean of tables at a load and a slew: that of both directions; 0 without tables."""
    return sum(table(load, slew) for table in tables) / len(tables) if tables else 0.0
