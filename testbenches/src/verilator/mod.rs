//! A bridge from Verilog text to a model that Rust drives, cycle by cycle.
//!
//! [`Verilator::find`] looks for the tool, [`Verilator::build`] translates and compiles a design
//! into a shared library (cached by content), and [`Model`] is one instance of it:
//!
//! ```no_run
//! use logattn_testbenches::verilator::*;
//! # fn main() -> Result<(), VerilatorError> {
//! let text = "module inverter(input wire clk, input wire a, output reg b);
//!   always @(posedge clk) b <= ~a;
//! endmodule\n";
//! let sources = [("inverter.v".to_string(), text.to_string())];
//! let ports = ["clk", "a", "b"].map(|name| PortSpec::new(name, 1));
//! let request = BuildRequest { top: "inverter", sources: &sources, ports: &ports, ..Default::default() };
//! let library = Verilator::find()?.build(&request, &default_cache_directory())?;
//! let mut model = Model::load(&library, &ports, PowerUp::Zero)?;
//! let (a, b) = (model.port("a")?, model.port("b")?);
//! model.set(a, 1);
//! model.cycle();
//! assert_eq!(model.get(b), 0);
//! # Ok(())
//! # }
//! ```
//!
//! A library is built by Verilator 5.006 or newer; the project's scripts install 5.48.

mod build;
mod compile;
mod error;
mod lint;
mod model;
mod shim;
mod tool;

pub use build::{BuildRequest, CACHE_VARIABLE, PortSpec, default_cache_directory};
pub use error::VerilatorError;
pub use lint::iverilog_lint;
pub use model::{Model, Port, PowerUp};
pub use tool::{VERILATOR_VARIABLE, Verilator};
