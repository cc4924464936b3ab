# SPDX-License-Identifier: Apache-2.0
"""The bench plays the processor of the example system: whole heads, reprogrammed in between."""

import itertools

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from core_bench import quiet
from golden_vectors import Vectors

PERIOD_NS = 10
PATIENCE_NS = 200_000 * PERIOD_NS
FIRST, BEATS, PACKETS, BUSY = 0x0, 0x4, 0x8, 0xC
CLEAR = 0x0
ENABLE = 1


class Processor:
    """Software's view of the system: addresses, words, buffers."""

    def __init__(self, dut):
        self.dut = dut
        self.vectors = Vectors()
        quiet(dut, "s_axil")
        cocotb.start_soon(Clock(dut.clk, PERIOD_NS, unit="ns").start())
        dut.rst.value = 1
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        self.streams = [*self.vectors.inputs, self.vectors.output]

    async def reset(self):
        """Resets the system and enables the core."""
        await ClockCycles(self.dut.clk, 4)
        self.dut.rst.value = 0
        await ClockCycles(self.dut.clk, 2)
        await self.core_write("CONTROL", ENABLE)

    async def write(self, address, data):
        """Writes bytes."""
        answer = await self.bus.write(address, data)
        assert answer.resp == AxiResp.OKAY, f"0x{address:08x}: {answer.resp!r}"

    async def read(self, address, length=4):
        """Reads bytes."""
        answer = await self.bus.read(address, length)
        assert answer.resp == AxiResp.OKAY, f"0x{address:08x}: {answer.resp!r}"
        return bytes(answer.data)

    async def refused(self, address, read=True, write=True):
        """Checks that a word cannot be read, or written, or neither."""
        if read:
            answer = await self.bus.read(address, 4)
            assert answer.resp == AxiResp.SLVERR, f"read 0x{address:08x}: {answer.resp!r}"
        if write:
            answer = await self.bus.write(address, b"\xff" * 4)
            assert answer.resp == AxiResp.SLVERR, f"write 0x{address:08x}: {answer.resp!r}"

    async def word(self, address):
        """Reads a word."""
        return int.from_bytes(await self.read(address), "little")

    async def core_write(self, register, value):
        """Writes a register of the core."""
        await self.write(self.vectors.offset(register), value.to_bytes(4, "little"))

    async def core_read(self, register):
        """Reads a register of the core."""
        return await self.word(self.vectors.offset(register))

    def dma(self, stream):
        """Address of the registers of a stream's DMA."""
        return (self.streams.index(stream) + 1) << 12

    def buffer(self, stream):
        """Address of a stream's buffer."""
        return (self.streams.index(stream) + 1) << 24

    def depth(self, stream):
        """Beats that a stream's buffer holds: a power of two, enough for every setting."""
        size = self.vectors.beat_bytes[stream]
        beats = max(sum(map(len, self.vectors.packets(setting, stream))) // size
                    for setting in self.vectors.settings.values())
        return max(2, 1 << (beats - 1).bit_length())

    def stride(self, stream):
        """Bytes from a beat to the next in a stream's buffer."""
        words = (self.vectors.beat_bytes[stream] + 3) // 4
        return max(8, 4 << (words - 1).bit_length())

    async def dma_write(self, stream, register, value):
        """Writes a register of a stream's DMA."""
        await self.write(self.dma(stream) + register, value.to_bytes(4, "little"))

    async def until(self, address, value):
        """Waits until a word has a value."""
        async def poll():
            while await self.word(address) != value:
                pass

        await with_timeout(cocotb.start_soon(poll()), PATIENCE_NS, "ns")

    async def load(self, stream, packets):
        """Fills a stream's buffer."""
        size, stride = self.vectors.beat_bytes[stream], self.stride(stream)
        data = b"".join(packets)
        beats = [data[at:at + size] for at in range(0, len(data), size)]
        await self.write(self.buffer(stream), b"".join(beat.ljust(stride, b"\0") for beat in beats))

    async def play(self, stream, packets):
        """Sends a buffer's packets: a command for all that are of one length and in a row."""
        size = self.vectors.beat_bytes[stream]
        await self.dma_write(stream, FIRST, 0)
        for length, group in itertools.groupby(packets, len):
            await self.until(self.dma(stream) + BUSY, 0)
            await self.dma_write(stream, BEATS, length // size)
            await self.dma_write(stream, PACKETS, len(list(group)))

    async def recorded(self, packets):
        """Waits for so many packets of the output and reads them."""
        stream = self.vectors.output
        size, stride = self.vectors.beat_bytes[stream], self.stride(stream)
        await self.until(self.dma(stream) + PACKETS, len(packets))
        beats = await self.word(self.dma(stream) + BEATS)
        assert beats == sum(len(packet) for packet in packets) // size
        data = await self.read(self.buffer(stream), beats * stride)
        return b"".join(data[at:at + size] for at in range(0, len(data), stride))

    async def run(self, setting):
        """Programs the core, plays a setting's heads and compares what comes back."""
        packets = {name: self.vectors.packets(setting, name) for name in self.streams}
        await self.until(self.vectors.offset("STATUS"), 0)
        for write in setting["writes"]:
            await self.core_write(write["register"], write["value"])
        for stream in self.vectors.inputs:
            await self.load(stream, packets[stream])
        await self.dma_write(self.vectors.output, CLEAR, 0)
        for stream in self.vectors.inputs:
            await self.play(stream, packets[stream])
        golden = packets[self.vectors.output]
        assert await self.recorded(golden) == b"".join(golden), setting["name"]


@cocotb.test()
async def whole_heads(dut):
    """Heads of all settings, one after the other, then the first again."""
    processor = Processor(dut)
    await processor.reset()
    assert await processor.core_read("ID") == int.from_bytes(b"LATN", "big")
    settings = list(processor.vectors.settings.values())
    settings.append(settings[0])
    for setting in settings:
        dut._log.info("%s: %s", setting["name"], setting["doc"])
        await processor.run(setting)
    rows = sum(setting["counters"]["COUNT_ROWS"] for setting in settings)
    assert await processor.core_read("COUNT_ROWS") == rows
    assert await processor.core_read("ERRORS") == 0
    assert int(dut.irq.value) == 0


@cocotb.test()
async def unmapped_addresses(dut):
    """Addresses of nothing are refused, and the core's own answer is passed on."""
    processor = Processor(dut)
    await processor.reset()
    core_hole = 0x1FC
    for address in (core_hole, 0x200, 0x0F00_0000):
        await processor.refused(address)
    assert await processor.core_read("ID") == int.from_bytes(b"LATN", "big")


@cocotb.test()
async def wrong_directions(dut):
    """Buffers and DMA registers refuse what they are not for, and what is beyond their ends."""
    processor = Processor(dut)
    await processor.reset()
    for stream in processor.streams:
        records = stream == processor.vectors.output
        first = processor.buffer(stream)
        end = first + processor.depth(stream) * processor.stride(stream)
        await processor.refused(end)
        for address in (first, end - 4):
            await processor.refused(address, read=not records, write=records)
            if records:
                await processor.read(address)
            else:
                await processor.write(address, bytes(4))
        registers = processor.dma(stream)
        if records:
            await processor.refused(registers + CLEAR, write=False)
            for register in (BEATS, PACKETS):
                await processor.refused(registers + register, read=False)
                assert await processor.word(registers + register) == 0
            await processor.refused(registers + BUSY)
        else:
            await processor.refused(registers + BUSY, read=False)
            assert await processor.word(registers + BUSY) == 0
        await processor.refused(registers + 0x10)
