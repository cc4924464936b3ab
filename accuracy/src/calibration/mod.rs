//! Calibration: thresholds and shifts for a model, from a few texts of its task.
//!
//! A unit's thresholds and shifts are registers, so each layer or head may have its own. A
//! *setting* is a set of shifts and a lowest edge 2^-lowest; the other edges lie midway in the
//! logarithm between neighboring levels, as in [`Thresholds::powers_of_two`], or at the lowest edge
//! where that is higher. The model runs once over the texts with float attention while [`Tables`]
//! measures, for every head and setting, how much is pruned and the squared error of the head's
//! contribution to the layer's attention output: |(output - float output) W|², W being the head's
//! part of the projection that follows, relative to the squared length of the layer's whole
//! attention output. [`Tables::choose`] then takes the setting of each head (or layer, or of all)
//! that minimizes the sum of these errors while enough is pruned: one Lagrange multiplier for all,
//! found by bisection (Everett, "Generalized Lagrange multiplier method", 1963).
//!
//! Only the lowest edge and the set of shifts are free. Freeing all seven thresholds gives smaller
//! squared errors and worse perplexity: it shrinks outputs towards their mean, always to the same
//! side.

mod choose;
mod row;
mod table;
#[cfg(test)]
mod tests;
mod write;

pub use choose::{Choice, Per};
pub use table::{Tables, Weighing};
pub use write::{Calibration, calibration, own_setting};

use crate::{Error, Result};
use logattn_golden::{Configuration, Input};

/// Lowest edges are multiples of this, in octaves: 1 / `LOWEST_STEPS`.
const LOWEST_STEPS: u32 = 4;

/// The least lowest edge that is tried is 2^-`LEAST_LOWEST`: a key of a quarter is never pruned.
const LEAST_LOWEST: u32 = 2;

/// The greatest is 2^-`MOST_LOWEST`, if the input's format has it.
const MOST_LOWEST: u32 = 12;

/// Shifts and lowest edge of a unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Code i weighs 2^-`shifts[i - 1]`; non-increasing.
    pub shifts: Vec<u32>,
    /// The lowest edge is 2^-`lowest`.
    pub lowest: f64,
}

/// What is tried: every set of shifts with every lowest edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidates {
    /// Sets of shifts, each of `2^code_bits - 1`, non-increasing.
    pub shifts: Vec<Vec<u32>>,
    /// Lowest edges as negative logarithms, rising.
    pub lowest: Vec<f64>,
}

impl Candidates {
    /// Settings for a configuration: its own shifts and `more`, with lowest edges a quarter of an
    /// octave apart.
    ///
    /// # Errors
    /// [`Error::Calibration`]: a configuration that does not accumulate by shifting, or shifts
    /// that are not as many as it has, falling, of 0..=15.
    pub fn new(configuration: &Configuration, more: &[Vec<u32>]) -> Result<Self> {
        let c = configuration;
        if !c.accumulate.shifts() {
            return Err(Error::Calibration {
                what: format!("configuration `{}`: accumulate", c.name),
                found: format!("{:?}", c.accumulate).to_lowercase(),
                legal: "shift or sorted".into(),
            });
        }
        let mut shifts = vec![c.shifts.clone()];
        for set in more {
            let legal = set.len() == c.levels_count()
                && set.is_sorted_by(|a, b| a >= b)
                && set.iter().all(|shift| *shift <= 15);
            if !legal {
                return Err(Error::Calibration {
                    what: "shifts".into(),
                    found: format!("{set:?}"),
                    legal: format!("{} non-increasing integers of 0..=15", c.levels_count()),
                });
            }
            if !shifts.contains(set) {
                shifts.push(set.clone());
            }
        }
        let most = finest(c).min(f64::from(MOST_LOWEST));
        let steps = LEAST_LOWEST * LOWEST_STEPS..=MOST_LOWEST * LOWEST_STEPS;
        let lowest = steps
            .map(|step| f64::from(step) / f64::from(LOWEST_STEPS))
            .filter(|lowest| *lowest <= most)
            .collect();
        Ok(Candidates { shifts, lowest })
    }

    /// All settings, those of a set of shifts after each other.
    pub fn len(&self) -> usize {
        self.shifts.len() * self.lowest.len()
    }

    /// Whether there is nothing to choose from.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A setting by its index.
    fn setting(&self, index: usize) -> Setting {
        Setting {
            shifts: self.shifts[index / self.lowest.len()].clone(),
            lowest: self.lowest[index % self.lowest.len()],
        }
    }
}

/// The negative logarithm of the lowest edge that the input's format can tell from 0.
fn finest(c: &Configuration) -> f64 {
    match c.input {
        Input::Probabilities => f64::from(c.probability_bits),
        Input::Scores | Input::Qkv => {
            let steps = (1_u32 << c.distance_bits.unwrap_or(0)).saturating_sub(2);
            f64::from(steps) / f64::from(1_u32 << c.fraction_bits.unwrap_or(0))
        }
    }
}
