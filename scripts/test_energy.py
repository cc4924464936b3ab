"""Tests of the energy report's computation: by hand, and against OpenSTA."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import energy_page
import energy_report
import lane_energy
import liberty
import switching_energy

LIBRARY = """/* a library of one inverter and one flip-flop */
library(tiny) {
  nom_voltage : 2.0;
  capacitive_load_unit (1,pf);
  lu_table_template(slews) { variable_1 : total_output_net_capacitance;
    variable_2 : input_net_transition; index_1 ("1, 2"); index_2 ("1, 2"); }
  power_lut_template(energies) { variable_1 : total_output_net_capacitance;
    variable_2 : input_transition_time; index_1 ("1, 2"); index_2 ("1, 2"); }
  power_lut_template(passive) { variable_1 : input_transition_time; index_1 ("1, 2"); }
  cell (INV) { area : 1;
    pin(A) { direction : input; capacitance : 0.5; }
    pin(Y) { direction : output; function : "(!A)";
      timing() { related_pin : "A";
        rise_transition(slews) { index_1 ("0, 1"); index_2 ("0, 1"); values ("0.2, 0.2", "0.4, 0.4"); }
        fall_transition(slews) { index_1 ("0, 1"); index_2 ("0, 1"); values ("0.2, 0.2", "0.4, 0.4"); }
      }
      internal_power() { related_pin : "A";
        rise_power(energies) { index_1 ("0, 1"); index_2 ("0, 1"); values ("3, 5", "3, 5"); }
        fall_power(energies) { index_1 ("0, 1"); index_2 ("0, 1"); values ("1, 1", "1, 1"); }
      }
    }
  }
  cell (DFF) { area : 4;
    ff (IQ, IQN) { next_state : "D"; clocked_on : "CLK"; }
    pin(CLK) { direction : input; clock : true; capacitance : 0.25;
      internal_power() {
        rise_power(passive) { index_1 ("0, 1"); values ("0.5, 0.5"); }
        fall_power(passive) { index_1 ("0, 1"); values ("1.5, 1.5"); }
      }
    }
    pin(D) { direction : input; capacitance : 0.125; }
    pin(Q) { direction : output; function : "IQ";
      timing() { related_pin : "CLK"; timing_type : rising_edge;
        rise_transition(slews) { index_1 ("0, 1"); index_2 ("0, 1"); values ("0.1, 0.1", "0.1, 0.1"); }
      }
      internal_power() { related_pin : "CLK";
        rise_power(energies) { index_1 ("0, 1"); index_2 ("0, 1"); values ("2, 2", "2, 2"); }
      }
    }
  }
}
"""

OSU = energy_report.LIBERTY


def module(cells):
    """A module as `write_json` has it, from {cell: (type, {pin: net})}; nets are named as given."""
    nets = sorted({net for _, pins in cells.values() for net in pins.values()})
    bits = {net: bit for bit, net in enumerate(nets, start=2)}
    return {
        "netnames": {net: {"bits": [bit]} for net, bit in bits.items()},
        "cells": {
            name: {"type": kind, "connections": {pin: [bits[net]] for pin, net in pins.items()}}
            for name, (kind, pins) in cells.items()
        },
    }


def energies(library, cells, changes, clock):
    """Logic and clock energy of each cell, pJ, for changes of each net by name."""
    netlist = switching_energy.Netlist(module(cells), library)
    found = netlist.energies(netlist.changes(changes), clock)
    return {instance.name: (logic, clocked) for instance, logic, clocked in found}


class ByHand(unittest.TestCase):
    """A library whose figures are easy to add up."""

    CELLS = {
        "r": ("DFF", {"CLK": "clk", "D": "d", "Q": "q"}),
        "u": ("INV", {"A": "q", "Y": "n"}),
        "v": ("INV", {"A": "n", "Y": "d"}),
    }

    def test_each_energy(self):
        library = liberty.read(LIBRARY)
        found = energies(library, self.CELLS, {"q": 10, "n": 10, "d": 10, "clk": 40}, 40)
        # q drives 0.5 pF at 2 V: 1 pJ a change, and the flip-flop's own energy 2. An edge of the
        # clock: 0.25 pF, 0.5 pJ, and the mean of 0.5 and 1.5.
        self.assertAlmostEqual(found["r"][0], 10 * (1 + 2))
        self.assertAlmostEqual(found["r"][1], 40 * (0.5 + 1))
        # n drives 0.5 pF; q's slew is 0.1, so a rise costs 3.2 and a fall 1, 2.1 on average.
        self.assertAlmostEqual(found["u"][0], 10 * (1 + 2.1))
        # d drives 0.125 pF, 0.25 pJ; n's slew at 0.5 pF is 0.3: 3.6 and 1, 2.3 on average.
        self.assertAlmostEqual(found["v"][0], 10 * (0.25 + 2.3))
        self.assertEqual(found["v"][1], 0)

    def test_a_net_that_was_not_counted_is_an_error(self):
        with self.assertRaisesRegex(liberty.LibertyError, "v: Y was not counted"):
            energies(liberty.read(LIBRARY), self.CELLS, {"q": 1, "n": 1}, 4)

    def test_a_loop_is_an_error(self):
        loop = {"u": ("INV", {"A": "a", "Y": "b"}), "v": ("INV", {"A": "b", "Y": "a"})}
        with self.assertRaisesRegex(liberty.LibertyError, "loop"):
            energies(liberty.read(LIBRARY), loop, {"a": 1, "b": 1}, 0)

    def test_tables_are_interpolated(self):
        table = liberty.read(LIBRARY).cells["INV"].energies["Y"]["A"][0]
        self.assertAlmostEqual(table(0.7, 0.25), 3.5)
        self.assertAlmostEqual(table(0.7, -1.0), 3.0)
        self.assertAlmostEqual(table(0.7, 1.5), 6.0)

    def test_text_that_is_no_liberty_is_an_error(self):
        for text in ["", "module x; endmodule", LIBRARY.replace("(1,pf)", "(1,ff)")]:
            with self.assertRaises(liberty.LibertyError):
                liberty.read(text)


class Saif(unittest.TestCase):
    """Verilator's SAIF files"""

    TEXT = """(SAIFILE (DURATION 100) (INSTANCE TOP (NET
      (clk (T0 50) (T1 50) (TZ 0) (TX 0) (TB 0) (TC 20))
      (bus\\[3\\] (T0 60) (T1 40) (TZ 0) (TX 0) (TB 0) (TC 7)))))"""

    def test_counts_by_name(self):
        self.assertEqual(switching_energy.read_saif(self.TEXT), {"clk": 20, "bus[3]": 7})


class Vcd(unittest.TestCase):
    """Icarus Verilog's VCD files"""

    TEXT = """$var wire 1 ! clk $end
$var reg 4 " value [3:0] $end
#0
$dumpvars
x!
bx "
$end
#1
1!
b11 "
#2
0!
b1000 "
#3
1!
b1 "
"""

    def test_changes_between_0_and_1_are_counted(self):
        # x to 0011, 1000 and 0001
        expected = {"clk": 2, "value[3]": 2, "value[2]": 0, "value[1]": 1, "value[0]": 2}
        self.assertEqual(lane_energy.changes(self.TEXT), expected)


class Owner(unittest.TestCase):
    """Which module a gate is of"""

    def test_by_the_flattened_name(self):
        for name, expected in {
            "$flatten\\u_quantizer.\\u_coder_0_0.$abc$12$auto$9": "quantizer",
            "u_shift_accumulator.u_lane_0_3._12_": "shift_accumulator",
            "$abc$12$auto$9": "glue",
        }.items():
            with self.subTest(name):
                self.assertEqual(energy_report.owner(name), expected)


class Page(unittest.TestCase):
    """reports/energy.md"""

    def test_it_is_made_of_the_figures_beside_it(self):
        figures = json.loads(energy_report.FIGURES.read_text())
        self.assertEqual(energy_report.REPORT.read_text(), energy_page.page(figures))

    def test_a_figure_that_differs_is_named(self):
        def unit(logic):
            return {"counters": {"keys": 4}, "modules": {"quantizer": {"logic_pj": logic}}}

        self.assertEqual(energy_report.differences(unit(101.0), unit(100.0)), [])
        lines = energy_report.differences(unit(103.0), unit(100.0))
        self.assertEqual(lines, ["quantizer logic_pj: 103.0, checked in 100.0"])


@unittest.skipUnless(
    (shutil.which("sta") and OSU.is_file()) or os.environ.get("LOGATTN_REQUIRE_TOOLS") == "1",
    "OpenSTA or the OSU library is not installed",
)
class AgainstOpenSta(unittest.TestCase):
    """The same circuit in OpenSTA, every net changing in every second cycle of 10 ns."""

    CELLS = {
        "r": ("DFFPOSX1", {"CLK": "clk", "D": "d", "Q": "p"}),
        "s": ("DFFPOSX1", {"CLK": "clk", "D": "q", "Q": "b"}),
        "g1": ("NAND2X1", {"A": "p", "B": "b", "Y": "n1"}),
        "g2": ("XOR2X1", {"A": "n1", "B": "p", "Y": "n2"}),
        "g3": ("INVX1", {"A": "n2", "Y": "d"}),
        "g4": ("BUFX2", {"A": "p", "Y": "n3"}),
        "g5": ("AOI21X1", {"A": "n3", "B": "n1", "C": "p", "Y": "q"}),
    }
    # Of the others' internal power, OpenSTA 2.0.17 weighs the inputs by probabilities, or counts a
    # clock's edges, too.
    COMPARED = ("g2", "g3", "g4")
    CYCLES = 1000

    def opensta(self):
        """Internal and switching power of each cell, W."""
        instances = "\n".join(
            f"{kind} {name}({', '.join(f'.{pin}({net})' for pin, net in pins.items())});"
            for name, (kind, pins) in self.CELLS.items()
        )
        commands = f"""read_liberty {OSU}
            read_verilog top.v
            link_design top
            create_clock -name clk -period 10 [get_ports clk]
            set_input_transition {switching_energy.INPUT_SLEW} [all_inputs]
            set_power_activity -global -activity 0.5 -duty 0.5
            report_power -digits 6 -instances [get_cells *]
            """
        with tempfile.TemporaryDirectory() as directory:
            directory = pathlib.Path(directory)
            header = "module top(clk, q); input clk; output q; wire n1, n2, n3, b, d, p;"
            (directory / "top.v").write_text(f"{header}\n{instances}\nendmodule\n")
            (directory / "top.tcl").write_text(commands)
            output = subprocess.run(
                ["sta", "-no_init", "-exit", "top.tcl"],
                cwd=directory,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        line = re.compile(r"^ *([\d.e+-]+) +([\d.e+-]+) +[\d.e+-]+ +[\d.e+-]+ (\w+)$", re.MULTILINE)
        return {name: (float(i), float(s)) for i, s, name in line.findall(output)}

    def test_every_gate(self):
        library = liberty.read(OSU.read_text())
        nets = {net for _, pins in self.CELLS.values() for net in pins.values()}
        changes = dict.fromkeys(nets, self.CYCLES // 2)
        found = energies(library, self.CELLS, changes, 2 * self.CYCLES)
        netlist = switching_energy.Netlist(module(self.CELLS), library)
        sta = self.opensta()
        self.assertEqual(sta.keys(), self.CELLS.keys())
        for instance in netlist.instances:
            (output,) = instance.cell.outputs
            load = netlist.loads[instance.pins[output]]
            power = 1e-12 / (self.CYCLES * 10e-9)
            switching = changes["q"] * 0.5 * library.voltage**2 * load * power
            internal, expected = sta[instance.name]
            with self.subTest(instance.name):
                self.assertAlmostEqual(switching, expected, delta=0.01 * expected)
                # OpenSTA 2.0.17 acts as if each change were a rise and a fall; newer ones take the
                # mean of both, as here.
                if instance.name in self.COMPARED:
                    ours = 2 * (found[instance.name][0] * power - switching)
                    self.assertAlmostEqual(ours, internal, delta=0.03 * internal)


if __name__ == "__main__":
    unittest.main()
