# SPDX-License-Identifier: Apache-2.0
"""Smoke test of an attention core: registers, golden vectors, misuse."""

import cocotb
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiResp

from core_bench import ENABLE, RESET, CoreBench

SHORT = "short"


async def started(dut, seed=None):
    """A bench with an enabled core; with a seed, everything stalls at random."""
    bench = CoreBench(dut)
    await bench.reset()
    if seed is not None:
        bench.stall_everything(seed)
    await bench.write("CONTROL", ENABLE)
    return bench


@cocotb.test()
async def registers_after_reset(dut):
    """Every register has its offset and its value after reset; what is not there is refused."""
    bench = CoreBench(dut)
    await bench.reset()
    registers = bench.vectors.registers
    assert await bench.read("ID") == int.from_bytes(b"LATN", "big")
    for name, register in registers.items():
        if register["constant"] or register["writable"]:
            found = await bench.read(name)
            assert found == register["reset"], f"{name}: 0x{found:08x}"
    free = next(at for at in range(0, 512, 4)
                if at not in [register["offset"] for register in registers.values()])
    assert (await bench.master.read(free, 4)).resp == AxiResp.SLVERR
    assert (await bench.master.write(free, bytes(4))).resp == AxiResp.SLVERR
    assert (await bench.master.write(bench.vectors.offset("ID"), bytes(4))).resp == AxiResp.SLVERR
    # Byte 1 alone.
    timeout = bench.vectors.offset("LOAD_TIMEOUT")
    await bench.write("LOAD_TIMEOUT", 0x54321)
    await bench.master.write(timeout + 1, b"\xab")
    assert await bench.read("LOAD_TIMEOUT") == 0x5AB21


@cocotb.test()
@cocotb.parametrize(stalled=[False, True])
async def heads_back_to_back(dut, stalled):
    """All heads of all settings give the golden model's bits, and the counters count them."""
    bench = await started(dut, seed=1 if stalled else None)
    counted = {}
    for setting in bench.vectors.settings.values():
        await bench.program(setting)
        dut._log.info("%s: %s", setting["name"], setting["doc"])
        streams = (*bench.vectors.inputs, bench.vectors.output)
        await bench.play({name: bench.vectors.packets(setting, name) for name in streams})
        for counter, count in setting["counters"].items():
            counted[counter] = counted.get(counter, 0) + count
    await bench.idle()
    await bench.silent()
    for counter, count in counted.items():
        assert await bench.read(counter) == count, counter
    assert await bench.read("ERRORS") == 0


async def misused(dut, seed):
    """A bench with the registers of the short heads, the first and the second of these."""
    bench = await started(dut, seed)
    setting = bench.vectors.settings[SHORT]
    await bench.program(setting)
    await bench.write("IRQ_ENABLE", bench.vectors.registers_mask("ERRORS"))
    return bench, bench.vectors.head(setting, 0), bench.vectors.head(setting, 1)


async def expect_error(bench, error):
    """One error bit is set and raises irq; it is cleared by writing 1."""
    mask = bench.vectors.field("ERRORS", error)
    await bench.until("ERRORS", mask, mask)
    found = await bench.read("ERRORS")
    assert found == mask, f"ERRORS is 0x{found:x}, not {error} alone"
    assert int(bench.dut.irq.value) == 1
    await bench.write("ERRORS", mask)
    assert await bench.read("ERRORS") == 0
    assert int(bench.dut.irq.value) == 0


def altered(head, stream, packet):
    """A head whose first packet of a stream is another."""
    return head | {stream: [packet, *head[stream][1:]]}


@cocotb.test()
async def late_tlast(dut):
    """A packet that is too long: an error, and the surplus is dropped."""
    bench, bad, good = await misused(dut, seed=2)
    for stream in bench.vectors.inputs:
        error = "row_long" if stream == bench.vectors.rows else f"{stream.split('_')[-1]}_long"
        first = bad[stream][0]
        longer = first + first[:3 * bench.vectors.beat_bytes[stream]]
        await bench.play(altered(bad, stream, longer))
        await expect_error(bench, error)
        await bench.play(good)
    await bench.idle()
    assert await bench.read("ERRORS") == 0


@cocotb.test()
async def early_tlast(dut):
    """A packet that is too short: an error; what it decides is there, but worth nothing."""
    bench, bad, good = await misused(dut, seed=3)
    everything = range(len(bad[bench.vectors.output]))
    for stream in bench.vectors.inputs:
        rows = stream == bench.vectors.rows
        first, size = bad[stream][0], bench.vectors.beat_bytes[stream]
        if len(first) == size:
            # A packet of one beat, a query alone, cannot be shorter.
            continue
        block = len(everything) // len(bad[stream])
        spoiled = range(block) if rows else everything
        await bench.play(altered(bad, stream, first[:-size]), skip=spoiled)
        await expect_error(bench, "row_short" if rows else f"{stream.split('_')[-1]}_short")
        await bench.play(good)
    await bench.idle()
    assert await bench.read("ERRORS") == 0


@cocotb.test()
async def bad_length(dut):
    """With lengths that cannot be, nothing is taken; with good ones everything goes on."""
    bench, head, _ = await misused(dut, seed=4)
    for register in ("ROW_LENGTH", "HEAD_KEYS", "HEAD_BLOCKS"):
        await bench.idle()
        right = await bench.read(register)
        await bench.write(register, 0)
        bench.send(head)
        await expect_error_once(bench, "bad_length", lambda: bench.write(register, right))
        expected = head[bench.vectors.output]
        bench.compare(await bench.receive(len(expected)), expected)


async def expect_error_once(bench, error, mend):
    """An error that stays until what causes it is mended."""
    mask = bench.vectors.field("ERRORS", error)
    await bench.until("ERRORS", mask, mask)
    await mend()
    await expect_error(bench, error)


@cocotb.test()
async def write_while_busy(dut):
    """A write to a register that rows in flight depend on is ignored."""
    bench, head, good = await misused(dut, seed=5)
    bench.sink.clear_pause_generator()
    bench.sink.pause = True
    bench.send(head)
    busy = bench.vectors.field("STATUS", "busy")
    await bench.until("STATUS", busy, busy)
    before = await bench.read("ROW_LENGTH")
    await bench.write("ROW_LENGTH", 1)
    await expect_error(bench, "write_locked")
    assert await bench.read("ROW_LENGTH") == before
    bench.sink.pause = False
    expected = head[bench.vectors.output]
    bench.compare(await bench.receive(len(expected)), expected)
    await bench.play(good)


@cocotb.test()
async def values_missing(dut):
    """Rows that wait for values are told of; when the values come, they are right."""
    bench, head, good = await misused(dut, seed=6)
    await bench.write("LOAD_TIMEOUT", 32)
    values, *others = bench.vectors.inputs
    bench.send(head, others)
    await expect_error_once(bench, "load_timeout", lambda: bench.write("LOAD_TIMEOUT", 0))
    bench.send(head, [values])
    expected = head[bench.vectors.output]
    bench.compare(await bench.receive(len(expected)), expected)
    await bench.play(good)


@cocotb.test()
async def reset_by_software(dut):
    """CONTROL.reset in the middle of a head: the next head is right, the counters start anew."""
    bench, head, good = await misused(dut, seed=7)
    for cycles in (3, 40, 150):
        bench.send(head)
        await ClockCycles(dut.clk, cycles)
        await bench.write("CONTROL", ENABLE | RESET)
        for source in bench.sources.values():
            await source.wait()
        assert await bench.read("STATUS") == 0
        await bench.write("CONTROL", ENABLE)
        assert await bench.read("COUNT_ROWS") == 0
        bench.sink.clear()
        bench.send(good)
        expected = good[bench.vectors.output]
        found = await bench.receive(len(expected))
        # The first packet may begin with beats of one that the reset cut off.
        found[0] = found[0][-len(expected[0]):]
        bench.compare(found, expected)
        await bench.idle()
    await bench.write("ERRORS", await bench.read("ERRORS"))
    assert await bench.read("ERRORS") == 0
