//! Co-simulation of some heads, where Verilator can be had.

use crate::commands::Verdict;
use crate::cosimulation::{Unit, captured_case, ports};
use crate::error::{self, Error};
use logattn_golden::Configuration;
use logattn_studies::Input;
use logattn_testbenches::Mismatch;
use logattn_testbenches::unit::UnitError;
use serde::Serialize;

/// Seed of stalls and power-up values.
const SEED: u64 = 1;

/// What came of the co-simulation.
#[derive(Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Cosimulation {
    /// Verilog, golden model and simulator agree.
    Equal {
        /// Verilator and its version.
        verilator: String,
        /// What was played, once with free streams and once with random stalls.
        played: String,
        /// Clock cycles of both runs.
        cycles: u64,
        /// Output beats compared in both runs.
        beats: u64,
        /// Clock cycles a second, comparison included.
        cycles_per_second: f64,
    },
    /// They differ.
    Different {
        /// The first difference.
        difference: String,
    },
    /// Verilator cannot be had.
    Skipped {
        /// What is missing and how to get it.
        reason: String,
    },
}

impl Cosimulation {
    /// Plays one head of each layer, with and without stalls.
    ///
    /// # Arguments
    /// - `rows`: of each head at most; all if absent.
    ///
    /// # Errors
    /// Anything but a missing or failing tool or a difference.
    pub fn of(c: &Configuration, input: &Input, rows: Option<usize>) -> Result<Self, Error> {
        let case = captured_case(input, c, input.capture.layers(), rows)?;
        let mut unit = match Unit::build(c, None, SEED) {
            Ok(unit) => unit,
            Err(UnitError::Export(error)) => return Err(error.into()),
            Err(UnitError::Verilator(error)) => {
                return Ok(Cosimulation::Skipped {
                    reason: error::text(&error),
                });
            }
        };
        let (mut cycles, mut beats, mut seconds) = (0, 0, 0.0);
        for ports in [ports(None), ports(Some(SEED))] {
            match unit.play(&case, &ports) {
                Ok(played) => {
                    cycles += played.outcome.cycles;
                    beats += played.outcome.beats as u64;
                    seconds += played.elapsed.as_secs_f64();
                }
                Err(error @ (Mismatch::Simulation(_) | Mismatch::Device(_))) => {
                    return Err(Error::Bench(error));
                }
                Err(mismatch) => {
                    return Ok(Cosimulation::Different {
                        difference: error::text(&mismatch),
                    });
                }
            }
        }
        let cycles_per_second = cycles as f64 / f64::max(seconds, 1e-9);
        Ok(Cosimulation::Equal {
            verilator: unit.verilator,
            played: case.name,
            cycles,
            beats,
            cycles_per_second,
        })
    }

    /// Whether the demonstration succeeds; a co-simulation that was skipped is no failure.
    pub fn verdict(&self) -> Verdict {
        match self {
            Cosimulation::Different { .. } => Verdict::Mismatch,
            Cosimulation::Equal { .. } | Cosimulation::Skipped { .. } => Verdict::Success,
        }
    }
}
