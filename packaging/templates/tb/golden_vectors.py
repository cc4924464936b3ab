# SPDX-License-Identifier: Apache-2.0
"""The golden vectors of the folder, for benches in Python."""

import json
import pathlib

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"


class Vectors:
    """The manifest and the packets that its files hold."""

    def __init__(self):
        text = (VECTORS / "manifest.json").read_text(encoding="utf-8")
        self.manifest = json.loads(text)
        self.registers = self.manifest["registers"]
        self.settings = {setting["name"]: setting for setting in self.manifest["settings"]}
        streams = self.manifest["streams"]
        self.inputs = [stream["name"] for stream in streams if not stream["output"]]
        self.output = next(stream["name"] for stream in streams if stream["output"])
        self.beat_bytes = {stream["name"]: stream["bits"] // 8 for stream in streams}

    @property
    def rows(self):
        """Name of the stream whose packets are rows (blocks of queries)."""
        return self.inputs[-1]

    def packets(self, setting, stream):
        """The packets of a stream of a setting, as bytes."""
        packets, packet = [], bytearray()
        path = VECTORS / setting["streams"][stream]["file"]
        for line in path.read_text(encoding="utf-8").split():
            packet += bytes.fromhex(line[1:])[::-1]
            if line[0] == "1":
                packets.append(bytes(packet))
                packet = bytearray()
        return packets

    def head(self, setting, index=0):
        """The packets of one head of a setting, by stream."""
        head = {}
        for stream in (*self.inputs, self.output):
            packets = self.packets(setting, stream)
            count = len(packets) // setting["heads"]
            head[stream] = packets[index * count:(index + 1) * count]
        return head

    def field(self, register, field):
        """Mask of a field of a register."""
        field = self.registers[register]["fields"][field]
        return ((1 << field["width"]) - 1) << field["low"]

    def registers_mask(self, register):
        """Mask of all fields of a register."""
        fields = self.registers[register]["fields"]
        return sum(self.field(register, name) for name in fields)

    def offset(self, register):
        """Byte offset of a register."""
        return self.registers[register]["offset"]
