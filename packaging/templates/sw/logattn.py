# SPDX-License-Identifier: Apache-2.0
"""Driver of a core, for PYNQ and whatever else has `mmio.read(offset)` and `mmio.write(offset, value)`.

    import logattn, NAME_registers
    core = logattn.Core(overlay.attention.mmio, NAME_registers)
    core.set_head(keys=100, blocks=100)
    core.set_row_length(100)
    core.enable()
    output = core.run_head(dma, values=v, rows=p, output=out)

NAME_registers is the generated module of the core's configuration; cores of several configurations
go together. Data come and go on AXI4-Stream: `run_head` plays one head through DMA engines and
raises the errors that the core has found.
"""


class LogattnError(Exception):
    """Something that the core refused or reported."""


class LockedError(LogattnError):
    """A register that the core does not let change now."""


class CoreTimeout(LogattnError):
    """Polled as often as was asked, and still not so."""


class Core:
    """One core behind `mmio`, whose registers the module `registers` describes."""

    def __init__(self, mmio, registers):
        """Checks that the core is there and has the configuration of `registers`; writes nothing."""
        self._mmio = mmio
        self._registers = registers.REGISTERS
        self._counts = registers.COUNTS
        for name in ("ID", "CONFIGURATION"):
            found, expected = self.read(name), self._registers[name][1]
            if found != expected:
                raise LogattnError(f"{name} reads 0x{found:08X}, not 0x{expected:08X}")

    # --- registers ---

    def has(self, name):
        """Whether this configuration has the register."""
        return name in self._registers

    def _register(self, name):
        """Offset, value after reset and fields of a register."""
        if name not in self._registers:
            raise LogattnError(f"this configuration has no register {name}")
        return self._registers[name]

    def read(self, name):
        """A register's word."""
        return self._mmio.read(self._register(name)[0])

    def fields(self, name):
        """A register's fields by name."""
        word = self.read(name)
        return {field: word >> low & (1 << width) - 1
                for field, (low, width) in self._register(name)[2].items()}

    def write(self, name, word):
        """Writes a register's word."""
        self._mmio.write(self._register(name)[0], word)

    def _bits(self, name):
        """Bits of a register with the one field `value`."""
        return self._register(name)[2]["value"][1]

    def _write_locked(self, name, word):
        """Writes a register that may be locked, and reads back whether it was.

        A word that is there already is not written: a refused write sets write_locked, whatever the
        word.
        """
        if self.read(name) == word:
            return
        self.write(name, word)
        if self.read(name) != word:
            raise LockedError(f"{name} is locked: {self.status()}")

    def _set_number(self, name, value, low, high):
        """Writes a number of `low` to `high` into a register that may be locked."""
        if not low <= value <= high:
            raise ValueError(f"{name} is {low} to {high}, not {value}")
        self._write_locked(name, value)

    def capabilities(self):
        """Everything that the core was generated with, by name."""
        found = {"version": ".".join(str(self.read("VERSION") >> shift & 255) for shift in (16, 8, 0))}
        for name in self._registers:
            if name.startswith("CAPABILITY_"):
                found.update(self.fields(name))
        return found

    # --- control ---

    def _control(self, **values):
        """Writes fields of CONTROL; the others keep their values."""
        word = self.read("CONTROL")
        for field, value in values.items():
            low, _ = self._register("CONTROL")[2][field]
            word = word & ~(1 << low) | int(bool(value)) << low
        self.write("CONTROL", word)

    def enable(self, enabled=True):
        """Whether packets are taken; takes effect between packets. Off after reset."""
        self._control(enable=enabled)

    def reset(self, forget=False, polls=1000):
        """Starts the unit anew: what is under way is lost, counters are 0, registers keep their
        values, errors stay. A row that is going out may be cut off. In this order:

        1. Stop the senders after the packets that they have begun, or reset them.
        2. reset(). What comes of packets that were begun is dropped to their ends, which are polled
           for. Senders that were reset will never send those ends: with `forget` they are not
           waited for, and what comes next begins a packet.
        3. Reset the receiver, or let it drop what it has of a row.
        4. Send again.

        CoreTimeout: a begun packet has not ended. The core stays in reset, and drops what comes:
        call again, or reset the senders and call with `forget`.
        """
        self._control(reset=True, forget=forget)
        self.wait_idle(polls)
        self._control(reset=False, forget=False)

    def set_head(self, keys, blocks=1):
        """Keys of a head, and packets of rows in it. Locked while a head is open, as everything that
        may be locked: LockedError only if the register has another value now."""
        self._set_number("HEAD_KEYS", keys, 1, self.fields("CAPABILITY_SHAPE")["max_keys"])
        self._set_number("HEAD_BLOCKS", blocks, 1, (1 << self._bits("HEAD_BLOCKS")) - 1)

    def set_row_length(self, keys):
        """Keys of a row, 1 to the head's keys. Locked while rows are in flight and within a causal
        head; so are score shift, thresholds, shifts and levels."""
        self._set_number("ROW_LENGTH", keys, 1, self.fields("CAPABILITY_SHAPE")["max_keys"])

    def set_causal(self, causal):
        """Whether each row of a head has a key more than the row before. Locked while a head is
        open."""
        if causal or self.has("MASK"):
            self._write_locked("MASK", int(bool(causal)))

    def set_score_shift(self, shift):
        """Right shift of the products of queries and keys."""
        self._set_number("SCORE_SHIFT", shift, 0, (1 << self._bits("SCORE_SHIFT")) - 1)

    def _set_family(self, family, values, low, high):
        """Writes the registers of a family, FAMILY_1 and up, after a look at all numbers."""
        values = [int(value) for value in values]
        count = self._counts.get(family)
        if count is None:
            raise LogattnError(f"this configuration has no {family} registers")
        if len(values) != count or not all(low <= value <= high for value in values):
            raise ValueError(f"{family}: {count} numbers of {low} to {high}, not {values}")
        mask = (1 << self._bits(f"{family}_1")) - 1
        for number, value in enumerate(values, start=1):
            self._write_locked(f"{family}_{number}", value & mask)

    def set_thresholds(self, thresholds):
        """Thresholds of codes 1 and up, non-decreasing. Of probabilities: 1 or more. Of scores:
        differences to the row's largest score, 0 or less, each above minus the largest distance
        2^distance_bits - 1, at which a key is always pruned."""
        if list(thresholds) != sorted(thresholds):
            raise ValueError("thresholds do not decrease")
        if not self.has("THRESHOLD_1"):
            raise LogattnError("this configuration has no thresholds")
        if self.has("CAPABILITY_SCORES"):
            largest_distance = (1 << self.fields("CAPABILITY_SCORES")["distance_bits"]) - 1
            self._set_family("THRESHOLD", thresholds, 1 - largest_distance, 0)
        else:
            self._set_family("THRESHOLD", thresholds, 1, (1 << self._bits("THRESHOLD_1")) - 1)

    def set_shifts(self, shifts):
        """Shifts of codes 1 and up, non-increasing: code i weighs 2^-shifts[i - 1]."""
        if list(shifts) != sorted(shifts, reverse=True):
            raise ValueError("shifts do not increase")
        self._set_family("SHIFT", shifts, 0, self.fields("CAPABILITY_FORMAT")["max_shift"])

    def set_levels(self, levels):
        """Levels of codes 1 and up, non-decreasing."""
        if list(levels) != sorted(levels):
            raise ValueError("levels do not decrease")
        self._set_family("LEVEL", levels, 1, (1 << self.fields("CAPABILITY_MODES")["level_bits"]) - 1)

    def set_load_timeout(self, cycles):
        """Cycles without a beat of values (or of keys) while rows wait for them, before
        load_timeout; 0: any number."""
        self._set_number("LOAD_TIMEOUT", cycles, 0, (1 << self._bits("LOAD_TIMEOUT")) - 1)

    # --- status ---

    def status(self):
        """`busy` (rows are in flight), `head_open`, and `dropping` (the rest of a packet that a reset
        came into, or that was too long, is still to come, and dropped)."""
        return {name: bool(value) for name, value in self.fields("STATUS").items()}

    def wait_idle(self, polls=1_000_000):
        """Polls until no head is open and nothing is to be dropped."""
        for _ in range(polls):
            if self.read("STATUS") == 0:
                return
        raise CoreTimeout(f"after {polls} polls: {self.status()}, errors {self.errors()}")

    def errors(self):
        """Names of the errors since they were cleared."""
        return [name for name, value in self.fields("ERRORS").items() if value]

    def _error_mask(self, names):
        """Bits of errors by name."""
        fields = self._register("ERRORS")[2]
        unknown = set(names) - set(fields)
        if unknown:
            raise LogattnError(f"this configuration has no errors {sorted(unknown)}")
        return sum(1 << fields[name][0] for name in names)

    def clear_errors(self, names=None):
        """Clears errors by name; all without names."""
        names = self._register("ERRORS")[2] if names is None else names
        self.write("ERRORS", self._error_mask(names))

    def check_errors(self):
        """Raises what errors() tells, if anything."""
        errors = self.errors()
        if errors:
            raise LogattnError(", ".join(errors))

    def enable_interrupts(self, names):
        """Which errors raise the interrupt."""
        self.write("IRQ_ENABLE", self._error_mask(names))

    def counters(self):
        """Counts since the last reset, by name; each wraps at 2^32."""
        prefix = "COUNT_"
        return {name[len(prefix):].lower(): self.read(name)
                for name in self._registers if name.startswith(prefix)}

    # --- data ---

    def run_head(self, dma, output, values, rows, keys=None, polls=1_000_000):
        """Plays one head through DMA engines and gives `output`.

        `dma` maps "value", "rows" (stream attn, or query), "key" and "out" to engines as PYNQ has
        them: `sendchannel.transfer(buffer)` and `.wait()`, `recvchannel` the same. A transfer is a
        packet, whose end is TLAST: `values` and `keys` are one each, `rows` a list of one a query
        block, `output` a list of one a row. Raises the errors that ERRORS holds at the end, those
        from before the head as well.
        """
        rows_of_block = self.fields("CAPABILITY_PARALLEL")["query_block"]
        loads = [("value", values)] + ([("key", keys)] if keys is not None else [])
        for name, buffer in loads:
            dma[name].sendchannel.transfer(buffer)
        for block, row in enumerate(rows):
            dma["rows"].sendchannel.transfer(row)
            for received in output[block * rows_of_block:(block + 1) * rows_of_block]:
                dma["out"].recvchannel.transfer(received)
                dma["out"].recvchannel.wait()
            dma["rows"].sendchannel.wait()
        for name, _ in loads:
            dma[name].sendchannel.wait()
        self.wait_idle(polls)
        self.check_errors()
        return output
