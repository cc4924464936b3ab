# SPDX-License-Identifier: Apache-2.0
"""An attention core between AXI masters and slaves of cocotbext-axi."""

import logging
import random
import warnings

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, with_timeout
from cocotbext.axi import (AxiLiteBus, AxiLiteMaster, AxiResp, AxiStreamBus, AxiStreamSink,
                           AxiStreamSource)

from golden_vectors import Vectors

PERIOD_NS = 10
# Far more than anything here takes: a core that hangs ends the test.
PATIENCE_NS = 200_000 * PERIOD_NS
ENABLE, RESET = 1, 2


def quiet(dut, *prefixes):
    """Keeps cocotbext-axi from telling of every transfer, and of what newer cocotb deprecates."""
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="cocotbext")
    for prefix in prefixes:
        logging.getLogger(f"cocotb.{dut._name}.{prefix}").setLevel(logging.WARNING)


def stalls(seed):
    """Endless stalls: bursts of random length, about every third cycle."""
    generator = random.Random(seed)
    while True:
        wait = generator.random() < 0.35
        for _ in range(generator.choice((1, 1, 1, 2, 3, 12))):
            yield wait


class CoreBench:
    """Drives one core."""

    def __init__(self, dut):
        self.dut = dut
        self.vectors = Vectors()
        quiet(dut, "s_axil", *self.vectors.inputs, self.vectors.output)
        cocotb.start_soon(Clock(dut.clk, PERIOD_NS, unit="ns").start())
        dut.rst.value = 1
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        self.sources = {
            name: AxiStreamSource(AxiStreamBus.from_prefix(dut, name), dut.clk, dut.rst)
            for name in self.vectors.inputs
        }
        output = AxiStreamBus.from_prefix(dut, self.vectors.output)
        self.sink = AxiStreamSink(output, dut.clk, dut.rst)

    async def reset(self):
        """Resets the core."""
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 4)
        self.dut.rst.value = 0
        await ClockCycles(self.dut.clk, 2)

    def stall_everything(self, seed):
        """Random stalls on every stream and every channel of the register port."""
        write, read = self.master.write_if, self.master.read_if
        channels = [write.aw_channel, write.w_channel, write.b_channel, read.ar_channel,
                    read.r_channel, self.sink, *self.sources.values()]
        for index, channel in enumerate(channels):
            channel.set_pause_generator(stalls(100 * seed + index))

    async def read(self, register):
        """Value of a register."""
        answer = await self.master.read(self.vectors.offset(register), 4)
        assert answer.resp == AxiResp.OKAY, f"{register}: {answer.resp!r}"
        return int.from_bytes(answer.data, "little")

    async def write(self, register, value):
        """Writes a register."""
        data = value.to_bytes(4, "little")
        answer = await self.master.write(self.vectors.offset(register), data)
        assert answer.resp == AxiResp.OKAY, f"{register}: {answer.resp!r}"

    async def until(self, register, mask, value):
        """Waits until the masked bits of a register are `value`."""
        async def poll():
            while await self.read(register) & mask != value:
                pass

        await with_timeout(cocotb.start_soon(poll()), PATIENCE_NS, "ns")

    async def idle(self):
        """Waits until no head is under way, so that every register can be written."""
        await self.until("STATUS", 0xFFFFFFFF, 0)

    async def program(self, setting):
        """Writes the registers of a setting, between heads."""
        await self.idle()
        for write in setting["writes"]:
            await self.write(write["register"], write["value"])

    def send(self, packets, streams=None):
        """Queues packets, given by stream, on all or some of the input streams."""
        for name in streams or self.sources:
            for packet in packets[name]:
                self.sources[name].send_nowait(packet)

    async def receive(self, count):
        """The next packets of the output."""
        async def collect():
            return [bytes((await self.sink.recv()).tdata) for _ in range(count)]

        return await with_timeout(cocotb.start_soon(collect()), PATIENCE_NS, "ns")

    def compare(self, found, expected, skip=()):
        """Compares output packets beat by beat, without those whose index is in `skip`."""
        size = self.vectors.beat_bytes[self.vectors.output]
        for row, (packet, golden) in enumerate(zip(found, expected, strict=True)):
            if row in skip:
                continue
            assert len(packet) == len(golden), (
                f"row {row}: TLAST after {len(packet) // size} beats, not {len(golden) // size}")
            for at in range(0, len(golden), size):
                beat, right = packet[at:at + size], golden[at:at + size]
                assert beat == right, (
                    f"row {row}, beat {at // size}: 0x{beat[::-1].hex()}, not 0x{right[::-1].hex()}")

    async def play(self, head, skip=()):
        """Plays packets, given by stream, and compares what comes back."""
        self.send(head)
        expected = head[self.vectors.output]
        self.compare(await self.receive(len(expected)), expected, skip)

    async def silent(self, cycles=100):
        """Checks that the output has nothing more to say."""
        await ClockCycles(self.dut.clk, cycles)
        assert self.sink.empty(), "a packet too many on the output"
