"""Moves flip-flops into the registers that an ECP5's block RAMs and multipliers have.

yosys leaves DP16KD's output registers and all registers of MULT18X18D unused: beside a block RAM
it makes flip-flops, and a cycle holds all of the block RAM. Here, on the netlist that nextpnr
reads (yosys' JSON):

- a block RAM's outputs that go to flip-flops and nowhere else take those in (REGMODE OUTREG, with
  their clock enable at OCE);
- so does a multiplier with its product (REG_OUTPUT);
- a multiplier whose factor comes from flip-flops alone keeps it itself (REG_INPUTA, REG_INPUTB);
  the flip-flops stay where something else reads them.

Only flip-flops without reset, of one clock and one clock enable a group. What a cycle does is the
same. The registers are as in Lattice's ECP5 memory and sysDSP usage guides (FPGA-TN-02204 and
FPGA-TN-02205); on a device this has not been tried.
"""

import json
import sys

BLOCK_RAM = "DP16KD"
MULTIPLIER = "MULT18X18D"
FLIP_FLOP = "TRELLIS_FF"
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


def main():
    """Reads a netlist, writes the packed one and how many flip-flops are gone."""
    source, packed, report = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        design = json.load(file)
    found = {"packed_registers": pack(design)}
    for path, content in [(packed, design), (report, found)]:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)


if __name__ == "__main__":
    main()
