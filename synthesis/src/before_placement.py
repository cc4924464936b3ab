"""What is done to an ECP5's netlist between yosys and nextpnr (yosys' JSON); a cycle does the same.

Flip-flops move into the registers that block RAMs and multipliers have. yosys leaves DP16KD's output
registers and all registers of MULT18X18D unused: beside a block RAM it makes flip-flops, and a cycle
holds all of the block RAM. Here

- a block RAM's outputs that go to flip-flops and nowhere else take those in (REGMODE OUTREG, with
  their clock enable at OCE);
- so does a multiplier with its product (REG_OUTPUT);
- a multiplier whose factor comes from flip-flops alone keeps it itself (REG_INPUTA, REG_INPUTB);
  the flip-flops stay where something else reads them.

Only flip-flops without reset, of one clock and one clock enable a group. The registers are as in
Lattice's ECP5 memory and sysDSP usage guides (FPGA-TN-02204 and FPGA-TN-02205); on a device this
has not been tried.

Flip-flops and LUTs that many pins read are copied, so that each copy can stand beside its readers:
neither yosys nor nextpnr does that.
"""

import copy
import json
import re
import sys

BLOCK_RAM = "DP16KD"
MULTIPLIER = "MULT18X18D"
FLIP_FLOP = "TRELLIS_FF"
LUT = "LUT4"
# A driver with more readers is copied. Not tuned: twice and half of it were not tried.
MOST_READERS = 64
# Data width of a block RAM whose port B reads with the outputs of both ports.
BOTH_PORTS = 36


class Netlist:
    """One module, with who drives and who reads each net."""

    def __init__(self, module):
        """Indexes the module's cells and ports; `module` is changed in place."""
        self.cells = module["cells"]
        self.driver = {}
        self.readers = {}
        for name, cell in self.cells.items():
            for pin, bits in cell["connections"].items():
                for bit in bits:
                    self._attach(name, pin, bit)
        for name, port in module["ports"].items():
            if port["direction"] != "input":
                for bit in port["bits"]:
                    self.readers.setdefault(bit, set()).add((None, name))

    def _attach(self, name, pin, bit):
        if not isinstance(bit, int):
            return
        if self.cells[name]["port_directions"][pin] == "output":
            self.driver[bit] = name
        else:
            self.readers.setdefault(bit, set()).add((name, pin))

    def bit(self, name, pin):
        """The net or constant at a pin of one bit; None where it is not connected."""
        bits = self.cells[name]["connections"].get(pin, [])
        return bits[0] if bits else None

    def connect(self, name, pin, bit, direction="input"):
        """Connects a pin anew."""
        cell = self.cells[name]
        for old in cell["connections"].get(pin, []):
            self.readers.get(old, set()).discard((name, pin))
        cell["connections"][pin] = [bit]
        cell["port_directions"][pin] = direction
        self._attach(name, pin, bit)

    def remove(self, name):
        """Removes a cell."""
        for pin, bits in self.cells.pop(name)["connections"].items():
            for bit in bits:
                self.readers.get(bit, set()).discard((name, pin))

    def control(self, name):
        """Clock and clock enable of a flip-flop without reset; None of anything else."""
        cell = self.cells.get(name)
        if cell is None or cell["type"] != FLIP_FLOP:
            return None
        settings = cell["parameters"]
        enable = {"CE": self.bit(name, "CE"), "1": "1"}.get(settings.get("CEMUX", "CE").strip())
        plain = (
            self.bit(name, "LSR") in (None, "0")
            and settings.get("REGSET") == "RESET"
            and settings.get("CLKMUX", "CLK") == "CLK"
            and self.bit(name, "M") is None
        )
        return (self.bit(name, "CLK"), enable) if plain and enable is not None else None

    def registers_behind(self, name, pins):
        """The flip-flops of one control that alone read these outputs: ({pin: name}, control)."""
        found = {}
        for pin in pins:
            readers = self.readers.get(self.bit(name, pin), set())
            if not readers:
                continue
            if len(readers) > 1:
                return None
            ((found[pin], reads),) = readers
            if reads != "DI":
                return None
        return found, self.common_control(found)

    def registers_before(self, name, pins):
        """The flip-flops of one control that drive these inputs: ({pin: name}, control)."""
        found = {}
        for pin in pins:
            bit = self.bit(name, pin)
            if isinstance(bit, int):
                found[pin] = self.driver.get(bit)
        return found, self.common_control(found)

    def common_control(self, registers):
        """The control that all of the registers have."""
        controls = {self.control(register) for register in registers.values()}
        return controls.pop() if len(controls) == 1 else None

    def take_behind(self, name, registers):
        """Outputs drive what their registers drove; gives how many registers are gone."""
        for pin, register in registers.items():
            output = self.bit(register, "Q")
            self.remove(register)
            self.connect(name, pin, output, "output")
        return len(registers)

    def take_before(self, name, registers):
        """Inputs read what their registers read; gives how many registers are gone."""
        for pin, register in registers.items():
            self.connect(name, pin, self.bit(register, "DI"))
        unread = [
            register
            for register in set(registers.values())
            if not self.readers.get(self.bit(register, "Q"))
        ]
        for register in unread:
            self.remove(register)
        return len(unread)

    def pins(self, name, prefix):
        """The cell's pins of a bus."""
        pins = self.cells[name]["connections"]
        return [pin for pin in pins if pin.startswith(prefix) and pin[len(prefix) :].isdigit()]


def pack_block_ram(netlist, name):
    """Output registers of one block RAM; gives how many flip-flops are gone."""
    settings = netlist.cells[name]["parameters"]
    widths = [settings.get(f"DATA_WIDTH_{port}", 18) for port in "AB"]
    widths = [int(width, 2) if isinstance(width, str) else width for width in widths]
    groups = {"AB": "B"} if BOTH_PORTS in widths else {"A": "A", "B": "B"}
    gone = 0
    for ports, clocked in groups.items():
        if any(settings.get(f"REGMODE_{port}", "NOREG") != "NOREG" for port in ports):
            continue
        pins = [pin for port in ports for pin in netlist.pins(name, f"DO{port}")]
        found = netlist.registers_behind(name, pins)
        if not found or not found[0] or found[1] is None:
            continue
        registers, (clock, enable) = found
        same_clock = (
            netlist.bit(name, f"CLK{clocked}") == clock
            and settings.get(f"CLK{clocked}MUX", f"CLK{clocked}") == f"CLK{clocked}"
        )
        if not same_clock or any(netlist.bit(name, f"RST{port}") != "0" for port in ports):
            continue
        gone += netlist.take_behind(name, registers)
        for port in ports:
            settings[f"REGMODE_{port}"] = "OUTREG"
            netlist.connect(name, f"OCE{port}", enable)
    return gone


def pack_multiplier(netlist, name):
    """Registers of one multiplier; gives how many flip-flops are gone."""
    settings = netlist.cells[name]["parameters"]
    enables = []
    clocks = set()
    gone = 0
    sides = [
        ("OUTPUT", "P", netlist.registers_behind, netlist.take_behind),
        ("INPUTA", "A", netlist.registers_before, netlist.take_before),
        ("INPUTB", "B", netlist.registers_before, netlist.take_before),
    ]
    if any(settings.get(f"REG_{register}_CLK", "NONE") != "NONE" for register, *_ in sides):
        return 0
    for register, bus, find, take in sides:
        found = find(name, netlist.pins(name, bus))
        if not found or not found[0] or found[1] is None:
            continue
        registers, (clock, enable) = found
        # One clock a multiplier; it has four, and as many enables.
        if clocks and clock not in clocks:
            continue
        gone += take(name, registers)
        clocks.add(clock)
        if enable not in enables:
            enables.append(enable)
            netlist.connect(name, f"CE{len(enables) - 1}", enable)
        settings[f"REG_{register}_CLK"] = "CLK0"
        settings[f"REG_{register}_CE"] = f"CE{enables.index(enable)}"
        settings[f"REG_{register}_RST"] = "RST0"
    for clock in clocks:
        netlist.connect(name, "CLK0", clock)
        netlist.connect(name, "RST0", "0")
    return gone


def pack(design):
    """Packs every module of a netlist, in place; gives how many flip-flops are gone."""
    # A register between the two goes to the block RAM, whose outputs are the slower ones.
    kinds = {BLOCK_RAM: pack_block_ram, MULTIPLIER: pack_multiplier}
    gone = 0
    for module in design["modules"].values():
        netlist = Netlist(module)
        for kind, pack_one in kinds.items():
            cells = [name for name, cell in netlist.cells.items() if cell["type"] == kind]
            gone += sum(pack_one(netlist, name) for name in cells)
    return gone


def by_name(reader):
    """Sorts readers so that neighbours in the design stay together: data first, then by name."""
    cell, pin = reader[:2]
    parts = re.split(r"(\d+)", cell)
    return pin in ("CE", "LSR"), [int(part) if part.isdigit() else part for part in parts], pin


def copy_driver(module, name, readers, first_net):
    """Copies one cell of one output for its readers, `MOST_READERS` a copy; gives how many."""
    cells = module["cells"]
    cell = cells[name]
    (output,) = (pin for pin, way in cell["port_directions"].items()
                 if way == "output" and cell["connections"].get(pin))
    copies = -(-len(readers) // MOST_READERS) - 1
    share = -(-len(readers) // (copies + 1))
    readers = sorted(readers, key=by_name)
    for number in range(1, copies + 1):
        net = first_net + number - 1
        cells[f"{name}_copy{number}"] = twin = copy.deepcopy(cell)
        twin["connections"][output] = [net]
        for reader, pin, place in readers[number * share : (number + 1) * share]:
            cells[reader]["connections"][pin][place] = net
    return copies


def spread(design):
    """Copies what many read, in place; gives how many copies there are of each type of cell."""
    copied = {FLIP_FLOP: 0, LUT: 0}
    for module in design["modules"].values():
        drivers, readers, highest = {}, {}, 1
        for name, cell in module["cells"].items():
            for pin, bits in cell["connections"].items():
                for place, bit in enumerate(bits):
                    if not isinstance(bit, int):
                        continue
                    highest = max(highest, bit)
                    if cell["port_directions"][pin] == "output":
                        drivers[bit] = name
                    else:
                        readers.setdefault(bit, []).append((name, pin, place))
        ports = {bit for port in module["ports"].values() for bit in port["bits"]}
        for bit, read in readers.items():
            kind = module["cells"][drivers[bit]]["type"] if bit in drivers else None
            if len(read) > MOST_READERS and kind in copied and bit not in ports:
                copies = copy_driver(module, drivers[bit], read, highest + 1)
                copied[kind] += copies
                highest += copies
    return copied


def main():
    """Reads a netlist, writes the one to place and what was done."""
    source, placed, report = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        design = json.load(file)
    found = {"packed_registers": pack(design)}
    copied = spread(design)
    found |= {"copied_registers": copied[FLIP_FLOP], "copied_luts": copied[LUT]}
    for path, content in [(placed, design), (report, found)]:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)


if __name__ == "__main__":
    main()
