"""Energy of a mapped netlist, from how often each net changed and what a Liberty file says.

For each change of a net: half of C * V * V for the pins that it drives, and the internal energy
of the cell that drives it, from its tables at that load and at the slew of its inputs. For each
change of an input with an energy of its own (the data and clock pins of flip-flops): that energy.
Slews come from the same file's tables, from the flip-flops and inputs onward.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

import liberty

# Slew of inputs, of the clock and of what memories put out, ns.
INPUT_SLEW = 0.06

# A net and its changes, with whatever durations stand between them.
SAIF_NET = re.compile(r"\(\s*(\S+)\s+(?:\(T[01ZXB] \d+\)\s*)+\(TC (\d+)\)")


@dataclass
class Instance:
    """A cell of the netlist: its name, its type in the library, and the net of each pin."""

    name: str
    cell: liberty.Cell
    pins: dict


class Netlist:
    """The cells of a flat module as yosys' `write_json` has it."""

    def __init__(self, module, library):
        self.voltage = library.voltage
        self.instances, self.others = [], Counter()
        for name, cell in module["cells"].items():
            known = library.cells.get(cell["type"])
            if known is None:
                self.others[cell["type"]] += 1
                continue
            pins = {pin: bits[0] for pin, bits in cell["connections"].items() if bits}
            self.instances.append(Instance(name, known, pins))
        self.names = defaultdict(list)
        for name, net in module["netnames"].items():
            for index, bit in enumerate(net["bits"]):
                self.names[bit].append(name if len(net["bits"]) == 1 else f"{name}[{index}]")
        self.loads = self._loads()
        self.slews = self._slews()

    def _loads(self):
        """Of each net, the capacitance of the pins that it drives, pF."""
        loads = defaultdict(float)
        for instance in self.instances:
            for pin, capacitance in instance.cell.inputs.items():
                loads[instance.pins.get(pin)] += capacitance
        return loads

    def _slews(self):
        """Of each net, its slew in ns: the slowest of its driver's arcs."""
        slews = {}
        waiting, readers = {}, defaultdict(list)
        ready = []
        drivers = {i.pins.get(o) for i in self.instances for o in i.cell.outputs}
        for instance in self.instances:
            depends = [] if instance.cell.clock else list(instance.cell.inputs)
            nets = {instance.pins.get(pin) for pin in depends} & drivers
            waiting[instance.name] = len(nets)
            for net in nets:
                readers[net].append(instance)
            if not nets:
                ready.append(instance)
        while ready:
            instance = ready.pop()
            for output, arcs in instance.cell.slews.items():
                net = instance.pins.get(output)
                slews[net] = max(
                    (
                        liberty.mean(t, self.loads[net], self.slew(slews, instance, pin))
                        for pin, t in arcs.items()
                    ),
                    default=INPUT_SLEW,
                )
                for reader in readers[net]:
                    waiting[reader.name] -= 1
                    if waiting[reader.name] == 0:
                        ready.append(reader)
        if any(waiting.values()):
            raise liberty.LibertyError("the netlist has a combinational loop")
        return slews

    @staticmethod
    def slew(slews, instance, pin):
        """Slew at an input of an instance, ns."""
        return slews.get(instance.pins.get(pin), INPUT_SLEW)

    def changes(self, saif):
        """Of each net, how often it changed, by the names of a SAIF file's nets."""
        found = {}
        for bit, names in self.names.items():
            counts = [saif[name] for name in names if name in saif]
            if counts:
                found[bit] = counts[0]
        return found

    def energies(self, changes, clock):
        """Yields (instance, energy of its logic, energy of its clock pin), pJ.

        `clock` is how often the clock pin changed. A net that is driven by a cell and was not
        counted is an error.
        """
        half = 0.5 * self.voltage**2
        for instance in self.instances:
            cell, logic, clocked = instance.cell, 0.0, 0.0
            for pin, tables in cell.passive.items():
                slew = self.slew(self.slews, instance, pin)
                if pin == cell.clock:
                    each = liberty.mean(tables[0], 0.0, INPUT_SLEW) if tables else 0.0
                    clocked += clock * (each + half * cell.inputs[pin])
                elif tables:
                    toggles = changes.get(instance.pins.get(pin), 0)
                    logic += toggles * liberty.mean(tables[0], 0.0, slew)
            for output, arcs in cell.energies.items():
                net = instance.pins.get(output)
                if net is None:
                    continue
                if net not in changes:
                    raise liberty.LibertyError(f"{instance.name}: {output} was not counted")
                energy = self._internal(instance, arcs, self.loads[net], changes)
                logic += changes[net] * (energy + half * self.loads[net])
            yield instance, logic, clocked

    def _internal(self, instance, arcs, load, changes):
        """Internal energy of a change of an output, pJ: the mean over the inputs, each as often
        as it changes itself."""
        total, weight = 0.0, 0
        for pin, tables in arcs.items():
            share = changes.get(instance.pins.get(pin), 0)
            total += share * liberty.mean(tables, load, self.slew(self.slews, instance, pin))
            weight += share
        if weight:
            return total / weight
        means = [liberty.mean(t, load, INPUT_SLEW) for t in arcs.values()]
        return sum(means) / len(means) if means else 0.0


def read_saif(text):
    """How often each net of a SAIF file changed, by name, whatever the scope."""
    return {name.replace("\\", ""): int(count) for name, count in SAIF_NET.findall(text)}
