//! A scan chain around the unit: its ports are too many for any package.
//!
//! Every input comes from a bit of one long shift register, and every output is taken into a bit of
//! another, which shifts the outputs out while `load` is low. So each path of the unit starts and
//! ends at a register, nothing of it is constant or unused, and four pins are enough.

use logattn_hdl::netlist::{Direction, Port, Role};
use std::fmt::Write;

/// Name of the chain's module, also in paths.
pub(crate) const HARNESS: &str = "harness";
/// Name of the unit in it.
pub(crate) const INSTANCE: &str = "unit";

/// The chain around `top`, and a module without contents that stands for `top` meanwhile.
pub(crate) struct Harness {
    /// Verilog of the chain.
    pub(crate) chain: String,
    /// Verilog of the placeholder.
    pub(crate) placeholder: String,
}

/// The chain around a module with these ports.
pub(crate) fn harness(top: &str, ports: &[Port]) -> Harness {
    let inputs = |port: &&Port| port.direction == Direction::Input && port.role != Role::Clock;
    let outputs = |port: &&Port| port.direction == Direction::Output;
    let (driven, input_bits) = connections(ports.iter().filter(inputs), "inputs");
    let (taken, output_bits) = connections(ports.iter().filter(outputs), "taken");
    let chain = format!(
        "module {HARNESS} (input wire clk, input wire scan_in, input wire load, output wire \
         scan_out);\n    \
         reg [{0}:0] inputs;\n    reg [{1}:0] outputs;\n    wire [{1}:0] taken;\n    \
         assign scan_out = outputs[{1}];\n    always @(posedge clk) begin\n        \
         inputs <= {{inputs, scan_in}};\n        \
         outputs <= load ? taken : {{outputs, inputs[{0}]}};\n    end\n    \
         {top} {INSTANCE} (\n        .clk(clk){driven}{taken}\n    );\nendmodule\n",
        input_bits - 1,
        output_bits - 1,
    );
    Harness {
        chain,
        placeholder: placeholder(top, ports),
    }
}

/// The ports connected to slices of a bus, and the bits of the bus.
fn connections<'a>(ports: impl Iterator<Item = &'a Port>, bus: &str) -> (String, u32) {
    let mut text = String::new();
    let mut bits = 0;
    for port in ports {
        let width = port.ty.width();
        // Writing to a string does not fail.
        let _ = write!(
            text,
            ",\n        .{}({bus}[{}:{bits}])",
            port.name,
            bits + width - 1
        );
        bits += width;
    }
    (text, bits)
}

fn placeholder(top: &str, ports: &[Port]) -> String {
    let ports: Vec<String> = ports
        .iter()
        .map(|port| {
            let direction = match port.direction {
                Direction::Input => "input",
                Direction::Output => "output",
            };
            format!("{direction} wire [{}:0] {}", port.ty.width() - 1, port.name)
        })
        .collect();
    format!(
        "(* blackbox *)\nmodule {top} ({});\nendmodule\n",
        ports.join(", ")
    )
}
