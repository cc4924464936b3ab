"""Tests of scripts/scale_sim_check and of the report that it wrote."""

import json
import shutil
import unittest

import scale_sim_check


def checked_in():
    """The figures of the report."""
    return json.loads(scale_sim_check.FIGURES.read_text(encoding="utf-8"))


class Folds(unittest.TestCase):
    """What SCALE-Sim's cycles are made of."""

    # 4 x 6 times 6 x 8 on 2 x 3, counted by hand.
    GEMM = {"run": "scores", "m": 4, "n": 8, "k": 6, "height": 2, "width": 3}

    def test_by_hand(self):
        for dataflow, expected in {
            # 3 x 3 folds of the 6 x 8 weights, 4 rows each; 2 to load, 1 + 2 of skew.
            "ws": (9, 4, 5),
            # 3 x 2 folds of the 6 x 4 inputs, 8 columns each.
            "is": (6, 8, 5),
            # 2 x 3 folds of the 4 x 8 outputs, 6 terms each; nothing to load.
            "os": (6, 6, 3),
        }.items():
            with self.subTest(dataflow):
                gemm = self.GEMM | {"dataflow": dataflow}
                self.assertEqual(scale_sim_check.folds(gemm), expected)

    @unittest.skipUnless(
        scale_sim_check.PYTHON.exists(), "SCALE-Sim is not installed (scripts/scale_sim_check)"
    )
    def test_scale_sim_counts_so(self):
        for dataflow in scale_sim_check.DATAFLOWS:
            with self.subTest(dataflow):
                gemm = self.GEMM | {"dataflow": dataflow}
                found = scale_sim_check.scale_sim(gemm)
                self.assertEqual(found["cycles"], scale_sim_check.expected_cycles(gemm))
                self.assertEqual(found["stalls"], 0)


class Report(unittest.TestCase):
    """reports/scale_sim.md and reports/scale_sim.json"""

    def test_the_page_is_that_of_the_figures(self):
        page = scale_sim_check.REPORT.read_text(encoding="utf-8")
        self.assertEqual(page, scale_sim_check.render(checked_in()))

    def test_every_cycle_is_explained(self):
        figures = checked_in()
        for gemm in figures["scale_sim"]:
            self.assertEqual(gemm["cycles"], scale_sim_check.expected_cycles(gemm))
        for run in figures["ours"]["runs"]:
            self.assertEqual(run["cycles"], run["explained"])
        self.assertTrue(scale_sim_check.difference_table(figures)[1])
        self.assertNotIn("**not", scale_sim_check.render(figures).lower())

    def test_an_unexplained_cycle_is_told(self):
        figures = checked_in()
        figures["scale_sim"][0]["cycles"] -= 1
        self.assertIn("not explained", scale_sim_check.render(figures))

    @unittest.skipUnless(shutil.which("cargo"), "cargo is not installed")
    def test_our_side_is_what_the_simulator_says(self):
        self.assertEqual(scale_sim_check.our_runs(), checked_in()["ours"])


if __name__ == "__main__":
    unittest.main()
