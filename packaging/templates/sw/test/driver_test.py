# SPDX-License-Identifier: Apache-2.0
"""The Python driver on the Verilated core: registers, golden vectors, errors.

python3 driver_test.py LIBRARY VECTORS, as the Makefile calls it.
"""

import ctypes
import importlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import logattn  # noqa: E402  (found beside this folder)

# More than any head here takes.
CYCLES = 1_000_000


class Model:
    """The library of model.h, and what the driver takes for `mmio`."""

    def __init__(self, library, stalls):
        self._c = library
        for name in ("model_read", "model_queued", "model_slave_errors"):
            getattr(library, name).restype = ctypes.c_uint32
        library.model_new.restype = ctypes.c_void_p
        self._model = ctypes.c_void_p(library.model_new(stalls))

    def close(self):
        """Frees the model."""
        self._c.model_delete(self._model)

    def read(self, offset):
        """A register."""
        return self._c.model_read(self._model, offset)

    def write(self, offset, value):
        """A register."""
        self._c.model_write(self._model, offset, value)

    def clock(self, cycles=1):
        """Lets cycles pass."""
        self._c.model_clock(self._model, cycles)

    def send(self, stream, data, last):
        """Queues a beat."""
        assert self._c.model_send(self._model, stream.encode(), bytes(data), int(last)) == 0

    def drop(self):
        """Resets senders and receiver."""
        self._c.model_drop(self._model)

    def queued(self):
        """Beats that were not taken yet."""
        return self._c.model_queued(self._model)

    def receive(self, size):
        """The next beat that comes out: bytes, TLAST."""
        data, last = ctypes.create_string_buffer(size), ctypes.c_int()
        for _ in range(CYCLES):
            if self._c.model_receive(self._model, data, ctypes.byref(last)) == 0:
                return data.raw, bool(last.value)
            self.clock()
        raise AssertionError("nothing comes out")


class Channel:
    """One end of a DMA engine, as PYNQ has it: a transfer is a packet."""

    def __init__(self, model, stream, size):
        self._model, self._stream, self._size = model, stream, size
        self._buffer = None

    def transfer(self, buffer):
        """Starts."""
        self._buffer = buffer
        if self._stream.startswith("s_"):
            beats = [buffer[i:i + self._size] for i in range(0, len(buffer), self._size)]
            for index, beat in enumerate(beats):
                self._model.send(self._stream, beat, index == len(beats) - 1)

    def wait(self):
        """Ends. A packet that is sent is taken when the core likes; one that is received is there."""
        if self._stream.startswith("s_"):
            return
        last, place = False, 0
        while not last:
            data, last = self._model.receive(self._size)
            self._buffer[place:place + self._size] = data
            place += self._size
        assert place == len(self._buffer), "a packet of another length"


class Engine:
    """A DMA engine for one stream."""

    def __init__(self, model, stream, size):
        self.sendchannel = self.recvchannel = Channel(model, stream, size)


def packets(path):
    """The packets of a vector file, as bytes."""
    found, packet = [], bytearray()
    for line in path.read_text().split():
        packet += bytes.fromhex(line[1:])[::-1]
        if line[0] == "1":
            found.append(bytes(packet))
            packet = bytearray()
    assert not packet, "a packet without an end"
    return found


def signed(word, bits):
    """Two's complement of so many bits."""
    return word - (1 << bits) if word >> bits - 1 & 1 else word


def refuses(call, kind):
    """Whether a call raises."""
    try:
        call()
    except kind:
        return True
    return False


def refuse_thresholds(core, count):
    """Both ends of the range are taken; nothing beyond them, and no sequence that decreases."""
    low, high = 1, (1 << core.fields("CAPABILITY_FORMAT")["attention_bits"]) - 1
    if core.has("CAPABILITY_SCORES"):
        low, high = 2 - (1 << core.fields("CAPABILITY_SCORES")["distance_bits"]), 0
    core.set_thresholds([low] + [high] * (count - 1))
    for first, others in ((low - 1, high), (low, high + 1), (high, high - 1)):
        values = [first] + [others] * (count - 1)
        assert refuses(lambda: core.set_thresholds(values), ValueError), values
        assert refuses(lambda: core.set_thresholds(values[:-1]), ValueError), values


def program(core, setting):
    """Every register of a setting through the driver; they read back as the setting has them."""
    words = {write["register"]: write["value"] for write in setting["writes"]}
    family = lambda name: [word for key, word in words.items() if key.startswith(f"{name}_")]  # noqa: E731
    core.set_head(words["HEAD_KEYS"], words["HEAD_BLOCKS"])
    core.set_row_length(words["ROW_LENGTH"])
    core.set_causal(words.get("MASK", 0))
    if core.has("SCORE_SHIFT"):
        core.set_score_shift(words["SCORE_SHIFT"])
    if core.has("THRESHOLD_1"):
        thresholds = family("THRESHOLD")
        if core.has("CAPABILITY_SCORES"):
            bits = core.fields("CAPABILITY_SCORES")["distance_bits"] + 1
            thresholds = [signed(word, bits) for word in thresholds]
        refuse_thresholds(core, len(thresholds))
        core.set_thresholds(thresholds)
    if core.has("SHIFT_1"):
        core.set_shifts(family("SHIFT"))
    if core.has("LEVEL_1"):
        core.set_levels(family("LEVEL"))
    for name, word in words.items():
        assert core.read(name) == word, name


def head_runner(core, model, manifest, setting, folder):
    """A function that plays a head of a setting through run_head, with as many bytes of values as is
    asked; gives outputs and what they should be."""
    size = {stream["name"]: stream["bits"] // 8 for stream in manifest["streams"]}
    rows = "s_axis_query" if "s_axis_query" in size else "s_axis_attn"
    names = {"value": "s_axis_value", "rows": rows, "key": "s_axis_key", "out": "m_axis_out"}
    names = {short: name for short, name in names.items() if name in size}
    dma = {short: Engine(model, name, size[name]) for short, name in names.items()}
    data = {short: packets(folder / setting["streams"][name]["file"]) for short, name in names.items()}
    heads = setting["heads"]

    def run(head, value_bytes=None):
        part = {short: split[head * len(split) // heads:(head + 1) * len(split) // heads]
                for short, split in data.items()}
        output = [bytearray(len(packet)) for packet in part["out"]]
        values = part["value"][0][:value_bytes]
        core.run_head(dma, output, values, part["rows"], part.get("key", [None])[0])
        return output, part["out"]

    return run


def play(core, model, manifest, setting, folder):
    """The heads of a setting: outputs and counters are those of the vectors."""
    core.reset()
    program(core, setting)
    run = head_runner(core, model, manifest, setting, folder)
    for head in range(setting["heads"]):
        output, golden = run(head)
        assert output == golden, f"{setting['name']}: outputs differ"
    counters = core.counters()
    for name, count in setting["counters"].items():
        assert counters[name.removeprefix("COUNT_").lower()] == count, name
    print(f"{setting['name']}: {counters['rows']} rows in {counters['cycles']} cycles")


def provoke(core, model, manifest, setting):
    """A locked register, and a packet that ends early: told, and cleared."""
    core.reset()
    program(core, setting)
    size = next(stream["bits"] // 8 for stream in manifest["streams"] if stream["name"] == "s_axis_value")
    model.send("s_axis_value", bytes(size), False)
    model.clock(20)
    assert core.status()["head_open"]
    core.set_head(core.read("HEAD_KEYS"), core.read("HEAD_BLOCKS"))  # no change
    core.check_errors()
    assert refuses(lambda: core.set_head(1), logattn.LockedError)
    assert refuses(lambda: core.wait_idle(3), logattn.CoreTimeout)
    model.send("s_axis_value", bytes(size), True)
    model.clock(20)
    assert core.errors() == ["value_short", "write_locked"], core.errors()
    core.clear_errors(["write_locked"])
    assert refuses(core.check_errors, logattn.LogattnError)
    core.clear_errors()
    core.check_errors()
    assert refuses(lambda: core.set_row_length(0), ValueError)
    assert refuses(lambda: core.enable_interrupts(["no_such_error"]), logattn.LogattnError)


def report_errors(core, model, manifest, setting, folder):
    """run_head raises what the core has found."""
    core.reset()
    program(core, setting)
    size = next(stream["bits"] // 8 for stream in manifest["streams"] if stream["name"] == "s_axis_value")
    run = head_runner(core, model, manifest, setting, folder)
    try:
        run(0, value_bytes=size)
    except logattn.LogattnError as error:
        assert str(error) == "value_short", error
    else:
        raise AssertionError("no error is raised")
    core.clear_errors()


def reset_in_packet(core, model, manifest):
    """A reset waits for the end of a packet that was begun, unless its sender was reset as well."""
    size = next(stream["bits"] // 8 for stream in manifest["streams"] if stream["name"] == "s_axis_value")
    core.reset()
    model.send("s_axis_value", bytes(size), False)
    model.clock(20)
    assert refuses(lambda: core.reset(polls=3), logattn.CoreTimeout)
    assert core.status() == {"busy": False, "head_open": False, "dropping": True}
    assert core.fields("CONTROL") == {"enable": 1, "reset": 1, "forget": 0}
    model.send("s_axis_value", bytes(size), True)
    model.clock(20)
    core.reset(polls=3)
    model.send("s_axis_value", bytes(size), False)
    model.clock(20)
    model.drop()
    core.reset(forget=True, polls=3)
    assert core.fields("CONTROL") == {"enable": 1, "reset": 0, "forget": 0}
    core.check_errors()


def main():
    """Everything, without and with stalls."""
    library = ctypes.CDLL(str(pathlib.Path(sys.argv[1]).resolve()))
    folder = pathlib.Path(sys.argv[2])
    manifest = json.loads((folder / "manifest.json").read_text())
    registers = importlib.import_module(f"{manifest['configuration']}_registers")
    for stalls in (0, 1):
        model = Model(library, stalls)
        core = logattn.Core(model, registers)
        core.enable()
        for name, register in manifest["registers"].items():
            if register["constant"]:
                assert core.read(name) == register["reset"], name
        for setting in manifest["settings"]:
            play(core, model, manifest, setting, folder)
        provoke(core, model, manifest, manifest["settings"][0])
        report_errors(core, model, manifest, manifest["settings"][0], folder)
        reset_in_packet(core, model, manifest)
        play(core, model, manifest, manifest["settings"][0], folder)
        capabilities = core.capabilities()
        model.close()
    print(f"Python driver: all checks passed; {capabilities}")


if __name__ == "__main__":
    main()
