#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog that holds a generated register slave beside the one that PeakRDL-regblock makes.

Everything is told by the SystemRDL: which ports ours must have, which of them the hardware drives,
which writes are ignored under which lock.
"""

from systemrdl.node import FieldNode, RegNode

AXI = [  # (channel signal, bits, whether the slave drives it)
    ("awaddr", 9, False), ("awprot", 3, False), ("awvalid", 1, False), ("awready", 1, True),
    ("wdata", 32, False), ("wstrb", 4, False), ("wvalid", 1, False), ("wready", 1, True),
    ("bresp", 2, True), ("bvalid", 1, True), ("bready", 1, False),
    ("araddr", 9, False), ("arprot", 3, False), ("arvalid", 1, False), ("arready", 1, True),
    ("rdata", 32, True), ("rresp", 2, True), ("rvalid", 1, True), ("rready", 1, False),
]
# An odd number for each field that follows the hardware turns one random word into many.
MIX = 0x9E3779B97F4A7C15


def signal(register: RegNode, field: FieldNode) -> str:
    """Name of a field in our Verilog: the register's alone where the field is all of it."""
    name = register.inst_name.lower()
    return name if field.inst_name == "value" else f"{name}_{field.inst_name}"


def fields(top, kind: str):
    """(register, field) of one kind: "out", "status" or "error"."""
    for register in top.registers():
        for field in register.fields():
            if field.get_property("intr"):
                found = "error"
            elif field.is_hw_writable:
                found = "status"
            else:
                found = "out" if field.is_sw_writable else "constant"
            if found == kind:
                yield register, field


def locked(top, lock: str) -> list[int]:
    """Offsets of the registers whose writes `lock` holds."""
    found = []
    for register in top.registers():
        held = [field.get_property("swwel") for field in register.fields()]
        if any(getattr(signal, "inst_name", None) == lock for signal in held):
            found.append(register.absolute_address)
    return found


def declaration(direction: str, bits: int, name: str) -> str:
    """A port or signal of so many bits."""
    return f"{direction} {f'[{bits - 1}:0] ' if bits > 1 else ''}{name}"


def ports() -> str:
    """Ports of the pair: two AXI4-Lite slaves, and what the bench shows as hardware."""
    text = ["input clk", "input rst", "input report", "input [63:0] noise", "input [31:0] set",
            "input locked_rows", "input locked_head", "output fields_equal"]
    for side in "ab":
        for name, bits, driven in AXI:
            if not name.endswith("prot"):
                text.append(declaration("output" if driven else "input", bits, f"{side}_{name}"))
    return ",\n    ".join(text)


def connections(side: str) -> list[str]:
    """Connections of clock, reset and bus."""
    bus = [f".s_axil_{name}({'3h0'.replace('h', chr(39) + 'h') if name.endswith('prot') else f'{side}_{name}'})"
           for name, _, _ in AXI]
    return [".clk(clk)", ".rst(rst)"] + bus


def equality(differences: list[str]) -> str:
    """Whether everything that hardware sees agrees, and which does not."""
    lines = ["    assign fields_equal = "
             + "\n        & ".join(f"(a_{name} == b_{name})" for name in differences) + ";",
             "    always @(posedge clk) if (report) begin"]
    lines += [f'        if (a_{name} != b_{name}) $display("{name}: %h, expected %h", a_{name}, b_{name});'
              for name in differences]
    return "\n".join(lines + ["    end"])


def write_locked(top) -> str:
    """A cycle high for each write to a locked register that the second slave has taken."""
    def any_of(lock):
        offsets = locked(top, lock)
        return "(" + " || ".join(f"{{b_taken[8:2], 2'b00}} == 9'h{offset:03x}" for offset in offsets) + ")"

    return f"""
    // Writes that the second slave has taken: addresses and data may come in either order.
    reg [8:0] addresses [0:15];
    reg [3:0] address_count, data_count, seen;
    wire [8:0] b_taken = addresses[seen];
    wire pending = address_count != seen && data_count != seen;
    wire b_write_locked = pending
        && ((locked_rows && {any_of("locked_rows")}) || (locked_head && {any_of("locked_head")}));
    always @(posedge clk) begin
        if (rst) begin
            address_count <= 4'h0;
            data_count <= 4'h0;
            seen <= 4'h0;
        end else begin
            if (b_awvalid && b_awready) begin
                addresses[address_count] <= b_awaddr;
                address_count <= address_count + 4'h1;
            end
            if (b_wvalid && b_wready) begin
                data_count <= data_count + 4'h1;
            end
            if (pending) seen <= seen + 4'h1;
        end
    end
"""


def pair(top, ours: str, reference: str) -> str:
    """The module `registers_pair`.

    `top` is the compiled address map, `ours` our module, `reference` regblock's.
    """
    text, a, hwif, compared = [], connections("a"), [], []
    for index, (register, field) in enumerate(fields(top, "status")):
        name = signal(register, field)
        mix = (MIX * (2 * index + 1)) & (2**64 - 1)
        text.append(f"    wire [63:0] mix_{name} = noise * 64'h{mix:016x};")
        text.append(declaration("    wire", field.width, name) + f" = mix_{name}[63:{64 - field.width}];")
        a.append(f".{name}({name})")
        hwif.append(f"hwif_in.{register.inst_name}.{field.inst_name}.next = {name}")
    for register, field in fields(top, "error"):
        name = field.inst_name
        if name == "write_locked":  # ours finds out by itself
            hwif.append(f"hwif_in.{register.inst_name}.{name}.next = b_write_locked")
            continue
        a.append(f".set_{signal(register, field)}(set[{field.low}])")
        hwif.append(f"hwif_in.{register.inst_name}.{name}.next = set[{field.low}]")
    for register, field in fields(top, "out"):
        name = signal(register, field)
        if register.inst_name != "IRQ_ENABLE":
            text.append(declaration("    wire", field.width, f"a_{name}") + ";")
            text.append(declaration("    wire", field.width, f"b_{name}")
                        + f" = hwif_out.{register.inst_name}.{field.inst_name}.value;")
            a.append(f".{name}(a_{name})")
            compared.append(name)
    text.append("    wire a_irq;\n    wire b_irq = hwif_out.ERRORS.intr;")
    a.append(".irq(a_irq)")
    for lock in ("locked_rows", "locked_head"):
        a.append(f".{lock}({lock})")
        hwif.append(f"hwif_in.{lock} = {lock}")
    return f"""// Made by registers_pair.py; never shipped.
module registers_pair (
    {ports()}
);
    {reference}_pkg::{top.inst_name}__in_t hwif_in;
    {reference}_pkg::{top.inst_name}__out_t hwif_out;
{chr(10).join(text)}
{write_locked(top)}
    always @* begin
        {(";" + chr(10) + "        ").join(hwif)};
    end
{equality(compared + ["irq"])}
    {ours} u_ours (
        {("," + chr(10) + "        ").join(a)}
    );
    {reference} u_reference (
        {("," + chr(10) + "        ").join(connections("b") + [".hwif_in(hwif_in)", ".hwif_out(hwif_out)"])}
    );
endmodule
"""
