"""Tests of the check scripts: each must pass what is clean and fail on what it is there for."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import calibrate_estimate
import check_licenses

SCRIPTS = pathlib.Path(__file__).parent

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
