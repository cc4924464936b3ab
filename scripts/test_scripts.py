"""Tests of the check scripts: each must pass what is clean and fail on what it is there for."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import calibrate_estimate
import check_licenses

SCRIPTS = pathlib.Path(__file__).parent
sys.path.insert(0, str(SCRIPTS.parent / "synthesis" / "src"))
import before_placement  # noqa: E402 - beside the Rust that runs it

CLEAN = """module register(input wire clk, input wire d, output reg q);
  always @(posedge clk) q <= d;
endmodule
"""


def synthesis_check(text, *options):
    """Exit status and output of synthesis_check on one file."""
    with tempfile.TemporaryDirectory() as directory:
        pathlib.Path(directory, "design.v").write_text(text, encoding="utf-8")
        process = subprocess.run(
            [sys.executable, SCRIPTS / "synthesis_check.py", directory, *options],
            capture_output=True,
            text=True,
            check=False,
        )
    return process.returncode, process.stdout + process.stderr



def flip_flop(data, output, enable="1", reset="0"):
    """An ECP5 flip-flop as yosys writes it."""
    return {
        "type": "TRELLIS_FF",
        "parameters": {"CEMUX": "1 " if enable == "1" else "CE", "CLKMUX": "CLK",
                       "REGSET": "RESET"},
        "port_directions": {"CLK": "input", "DI": "input", "CE": "input", "LSR": "input",
                            "Q": "output"},
        "connections": {"CLK": [1], "DI": [data], "CE": [enable], "LSR": [reset], "Q": [output]},
    }


def hard_cell(kind, inputs, outputs, **parameters):
    """A block RAM or a multiplier with pins of one bit."""
    directions = dict.fromkeys(inputs, "input") | dict.fromkeys(outputs, "output")
    pins = {pin: [bit] for pin, bit in (inputs | outputs).items()}
    return {"type": kind, "parameters": parameters, "port_directions": directions,
            "connections": pins}


class HardRegisters(unittest.TestCase):
    """synthesis/src/before_placement.py: registers into block RAMs and multipliers."""

    def packed(self, cells, **outputs):
        """The cells of a module after packing, and how many flip-flops are gone."""
        ports = {name: {"direction": "output", "bits": [bit]} for name, bit in outputs.items()}
        design = {"modules": {"top": {"cells": cells, "ports": ports}}}
        gone = before_placement.pack(design)
        return design["modules"]["top"]["cells"], gone

    def memory(self, **parameters):
        """A block RAM that gives nets 10 and 11."""
        inputs = {"CLKA": 1, "CLKB": 1, "OCEA": "0", "OCEB": "1", "RSTA": "0", "RSTB": "0"}
        return hard_cell("DP16KD", inputs, {"DOA0": 10, "DOB0": 11},
                         **{"DATA_WIDTH_A": 36, "DATA_WIDTH_B": 36} | parameters)

    def test_registers_behind_a_block_ram_are_packed(self):
        cells = {"m": self.memory(), "a": flip_flop(10, 20, 5), "b": flip_flop(11, 21, 5)}
        cells, gone = self.packed(cells, a=20, b=21)
        self.assertEqual((gone, list(cells)), (2, ["m"]))
        pins = cells["m"]["connections"]
        self.assertEqual([pins[pin] for pin in ("DOA0", "DOB0", "OCEB")], [[20], [21], [5]])
        self.assertEqual(cells["m"]["parameters"]["REGMODE_B"], "OUTREG")

    def test_what_is_not_alike_is_left(self):
        a = flip_flop(10, 20, 5)
        others = {
            "another enable": flip_flop(11, 21, 6),
            "a reset": flip_flop(11, 21, 5, reset=7),
            "another reader": flip_flop(11, 21, 5) | {"type": "LUT4"},
        }
        for why, b in others.items():
            cells, gone = self.packed({"m": self.memory(), "a": a, "b": b}, a=20, b=21)
            self.assertEqual((gone, len(cells)), (0, 3), why)
        cells, gone = self.packed({"m": self.memory(), "a": a, "b": flip_flop(11, 21, 5)}, out=11)
        self.assertEqual(gone, 0, "an output of the module is read")
        narrow = self.memory(DATA_WIDTH_A=18, DATA_WIDTH_B=18)
        cells, gone = self.packed({"m": narrow, "a": a, "b": flip_flop(11, 21, 6)}, a=20, b=21)
        self.assertEqual(gone, 2, "ports of 18 bits have a register each")

    def test_a_factor_that_is_read_elsewhere_keeps_its_register(self):
        multiplier = hard_cell("MULT18X18D", {"A0": 10, "A1": 10, "B0": 11}, {"P0": 12})
        cells = {
            "m": multiplier, "a": flip_flop(2, 10, 5), "b": flip_flop(3, 11, 5),
            "p": flip_flop(12, 20), "other": flip_flop(11, 30),
        }
        cells, gone = self.packed(cells, p=20, other=30)
        self.assertEqual((gone, sorted(cells)), (2, ["b", "m", "other"]))
        pins, settings = cells["m"]["connections"], cells["m"]["parameters"]
        self.assertEqual([pins[pin] for pin in ("A0", "A1", "B0", "P0")], [[2], [2], [3], [20]])
        enables = [pins[settings[f"REG_{side}_CE"]] for side in ("INPUTA", "INPUTB", "OUTPUT")]
        self.assertEqual(enables, [[5], [5], ["1"]])

    def test_a_register_that_is_taken_is_left(self):
        behind = {"a2": flip_flop(20, 30, 5), "b2": flip_flop(21, 31, 5)}
        cells = {"m": self.memory(), "a": flip_flop(10, 20, 5), "b": flip_flop(11, 21, 5)}
        cells, _ = self.packed(cells | behind, a=30, b=31)
        cells, gone = self.packed(cells, a=30, b=31)
        self.assertEqual((gone, sorted(cells)), (0, ["a2", "b2", "m"]))
        multiplier = hard_cell("MULT18X18D", {"A0": 10, "B0": 11}, {"P0": 12})
        ways = [(2, 3), (3, 10), (4, 5), (5, 11), (12, 20), (20, 21)]
        cells = {"m": multiplier} | {str(way): flip_flop(*way, 5) for way in ways}
        cells, gone = self.packed(cells, p=21)
        self.assertEqual(gone, 3)
        cells, gone = self.packed(cells, p=21)
        self.assertEqual((gone, len(cells)), (0, 4))

    def test_a_block_ram_has_a_register_before_a_multiplier(self):
        multiplier = hard_cell("MULT18X18D", {"A0": 20, "B0": 21}, {"P0": 22})
        cells = {"x": multiplier, "m": self.memory(), "a": flip_flop(10, 20, 5),
                 "b": flip_flop(11, 21, 5)}
        cells, gone = self.packed(cells, p=22)
        self.assertEqual((gone, cells["m"]["parameters"]["REGMODE_B"]), (2, "OUTREG"))
        self.assertNotIn("REG_INPUTA_CLK", cells["x"]["parameters"])


class Copies(unittest.TestCase):
    """synthesis/src/before_placement.py: copies of what many read."""

    def spread(self, readers, **outputs):
        """The cells of a register that `readers` others read, and what is copied."""
        cells = {"source": flip_flop(2, 10)}
        cells |= {f"r_{index}": flip_flop(10, 100 + index) for index in range(readers)}
        ports = {name: {"direction": "output", "bits": [bit]} for name, bit in outputs.items()}
        design = {"modules": {"top": {"cells": cells, "ports": ports}}}
        copied = before_placement.spread(design)
        return design["modules"]["top"]["cells"], copied

    def test_every_reader_has_a_copy_and_none_has_too_many(self):
        most = before_placement.MOST_READERS
        cells, copied = self.spread(2 * most + 1)
        self.assertEqual(copied, {"TRELLIS_FF": 2, "LUT4": 0})
        sources = {cell["connections"]["Q"][0]: cell["connections"]["DI"]
                   for name, cell in cells.items() if name.startswith("source")}
        self.assertEqual(list(sources.values()), [[2]] * 3, "copies read the same")
        self.assertEqual(len(sources), 3, "nets of their own")
        read = [cells[f"r_{index}"]["connections"]["DI"][0] for index in range(2 * most + 1)]
        self.assertEqual(set(read), set(sources))
        self.assertTrue(all(read.count(net) <= most for net in sources))
        self.assertEqual(len(set(read[:40])), 1, "neighbours stay together")
        self.assertTrue(max(sources) > 100 + 2 * most, "no net is taken")

    def test_a_lookup_table_before_enables_and_a_bus_is_copied(self):
        most = before_placement.MOST_READERS
        lut = hard_cell("LUT4", {"A": 3}, {"Z": 10})
        cells = {"source": lut} | {f"r_{i}": flip_flop(5, 100 + i, 10) for i in range(most)}
        cells["bus"] = {"type": "DP16KD", "parameters": {}, "port_directions": {"AD": "input"},
                        "connections": {"AD": [4, 10]}}
        copied = before_placement.spread({"modules": {"top": {"cells": cells, "ports": {}}}})
        self.assertEqual(copied, {"TRELLIS_FF": 0, "LUT4": 1})
        sources = {cell["connections"]["Z"][0] for name, cell in cells.items()
                   if name.startswith("source") and cell["connections"]["A"] == [3]}
        read = [cells[f"r_{i}"]["connections"]["CE"][0] for i in range(most)]
        other, driven = cells["bus"]["connections"]["AD"]
        self.assertEqual((len(sources), other), (2, 4))
        self.assertEqual(set(read) | {driven}, sources)
        self.assertTrue(all(cells[f"r_{i}"]["connections"]["DI"] == [5] for i in range(most)))

    def test_few_readers_or_a_port_are_left(self):
        most = before_placement.MOST_READERS
        for readers, outputs in [(most, {}), (most + 1, {"out": 10})]:
            cells, copied = self.spread(readers, **outputs)
            self.assertEqual((copied, len(cells)), ({"TRELLIS_FF": 0, "LUT4": 0}, readers + 1))


class SynthesisCheck(unittest.TestCase):
    """scripts/synthesis_check"""

    def test_a_register_is_clean(self):
        self.assertEqual(synthesis_check(CLEAN), (0, "register: clean\n"))

    def test_a_latch_fails(self):
        status, output = synthesis_check(CLEAN.replace("@(posedge clk) q <=", "@* if (clk) q ="))
        self.assertEqual(status, 1)
        self.assertIn("register: 1 latches", output)

    def test_an_undriven_net_fails(self):
        text = CLEAN.replace("q <= d;", "q <= d & gate;\n  wire gate;")
        status, output = synthesis_check(text)
        self.assertEqual(status, 1)
        self.assertIn("gate", output)

    def test_a_missing_module_fails(self):
        text = CLEAN.replace("endmodule", "absent part(.clk(clk));\nendmodule")
        status, output = synthesis_check(text)
        self.assertEqual(status, 1)
        self.assertIn("absent", output)

    def test_a_syntax_error_fails_with_its_line(self):
        status, output = synthesis_check(CLEAN.replace("q <= d;", "q <= ;"))
        self.assertEqual(status, 1)
        self.assertIn("design.v:2: ERROR: syntax error", output)

    def test_a_directory_without_verilog_is_wrong_use(self):
        with tempfile.TemporaryDirectory() as directory:
            script = SCRIPTS / "synthesis_check.py"
            process = subprocess.run(
                [sys.executable, script, directory], capture_output=True, check=False
            )
        self.assertEqual(process.returncode, 2)

    def test_memories_are_counted(self):
        # 512 x 16 bits: two block RAMs of 4 kbit on iCE40, one of 18 kbit on ECP5.
        text = """module store(input wire clk, input wire write, input wire [8:0] at,
                               input wire [15:0] d, output reg [15:0] q);
          reg [15:0] memory [0:511];
          always @(posedge clk) begin
            q <= memory[at];
            if (write) memory[at] <= d;
          end
        endmodule
        """
        status, output = synthesis_check(text, "--memories", "ice40", "--memories", "ecp5")
        self.assertEqual(status, 0)
        self.assertIn("ice40: 1 memories, 2 block RAMs, 0 memories left to registers", output)
        self.assertIn("ecp5: 1 memories, 1 block RAMs, 0 memories left to registers", output)


class CheckLicenses(unittest.TestCase):
    """scripts/check_licenses"""

    def test_expressions(self):
        allowed = {"MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Zlib"}
        for expression, expected in {
            "MIT": True,
            "GPL-3.0-only": False,
            "MIT OR GPL-3.0-only": True,
            "GPL-3.0-only/MIT": True,
            "MIT AND GPL-3.0-only": False,
            "(MIT OR GPL-3.0-only) AND Zlib": True,
            "MIT AND (GPL-3.0-only OR LGPL-3.0-only)": False,
            "GPL-3.0-only AND MIT OR Zlib": True,
            "Apache-2.0 WITH LLVM-exception": True,
            "MIT WITH LLVM-exception": False,
        }.items():
            with self.subTest(expression):
                self.assertEqual(check_licenses.satisfiable(expression, allowed), expected)

    def test_findings_name_package_and_reason(self):
        def package(name, license_, source="registry+somewhere"):
            fields = {"id": name, "name": name, "version": "1.0.0"}
            return fields | {"license": license_, "source": source}

        metadata = {
            "workspace_members": ["own"],
            "packages": [
                package("own", None, None),
                package("good", "MIT"),
                package("bad", "GPL-3.0-only"),
                package("mute", None),
                package("foreign", "MIT", "git+somewhere"),
            ],
        }
        lines = list(check_licenses.findings(metadata, {"MIT"}))
        self.assertEqual(
            lines,
            [
                "bad 1.0.0: GPL-3.0-only is not allowed",
                "mute 1.0.0: names no license",
                "foreign 1.0.0: comes from git+somewhere, not from a registry",
            ],
        )

    def test_the_list_is_read_from_the_file(self):
        text = 'x = ["no"]\n[licenses]\nallow = [\n "MIT",\n "Zlib"\n]\n[bans]\nallow = ["no"]\n'
        self.assertEqual(check_licenses.allowed_licenses(text), {"MIT", "Zlib"})


class CalibrateEstimate(unittest.TestCase):
    """scripts/calibrate_estimate"""

    def test_coefficients_are_found_again_and_not_negative(self):
        model = {"tables": 1.0, "sums": 1.0, "carries": 1.0}
        rows = []
        for tables, sums, carries in [(100, 9, 5), (400, 30, 90), (90, 80, 70), (50, 200, 10)]:
            features = {"tables": tables, "sums": sums, "carries": carries}
            counts = {"lut": 1.1 * tables + 0.9 * sums}
            rows.append({"features": features, "counts": counts})
        found = calibrate_estimate.fitted(rows, model, "lut")
        self.assertAlmostEqual(found["tables"], 1.1, delta=0.05)
        self.assertAlmostEqual(found["sums"], 0.9, delta=0.05)
        self.assertGreaterEqual(found["carries"], 0.0)
        # It leans towards 1.
        self.assertLess(found["carries"], 0.25)

    def test_cells_count_for_what_they_take(self):
        ecp5 = {"LUT4": 10, "CCU2C": 4, "PFUMX": 3, "TRELLIS_FF": 7, "DP16KD": 2, "MULT18X18D": 1}
        self.assertEqual(
            calibrate_estimate.counts("ecp5", ecp5 | {"lone carry": 0}),
            {"lut": 18, "ff": 7, "carry": 4, "lut_ram": 0, "block_ram": 2, "dsp": 1},
        )
        ice40 = {"SB_LUT4": 10, "SB_CARRY": 4, "lone carry": 3, "SB_DFFESR": 2, "SB_DFF": 1}
        self.assertEqual(
            calibrate_estimate.counts("ice40", ice40 | {"SB_RAM40_4K": 5}),
            {"lut": 13, "ff": 3, "carry": 4, "lut_ram": 0, "block_ram": 5, "dsp": 0},
        )
        xilinx = {"LUT6": 5, "INV": 1, "CARRY4": 2, "FDRE": 4, "FDSE": 1, "RAMB36E2": 2}
        self.assertEqual(
            calibrate_estimate.counts("xcup", xilinx | {"RAMB18E2": 1, "RAM64M8": 2}),
            {"lut": 6, "ff": 5, "carry": 2, "lut_ram": 16, "block_ram": 5, "dsp": 0},
        )


if __name__ == "__main__":
    unittest.main()
