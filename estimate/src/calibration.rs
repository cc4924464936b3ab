//! Coefficients fitted to synthesized units.

use crate::{Error, Family, Features};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Made by scripts/calibrate_estimate, which says in it how.
const COEFFICIENTS: &str = include_str!("../calibration/coefficients.json");

/// Coefficients of features, by feature.
type Weights = BTreeMap<String, f64>;

/// The coefficients and what is known of their error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Day of the calibration.
    pub date: String,
    /// Version of the synthesis tool.
    pub pyosys: String,
    /// How each family was synthesized.
    pub commands: BTreeMap<String, Vec<String>>,
    /// By family and count.
    coefficients: BTreeMap<String, BTreeMap<String, Weights>>,
    /// By family.
    held_out_error: BTreeMap<String, HeldOut>,
}

/// Errors of one family's estimates for units that nothing was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// How many units.
    pub units: u32,
    /// By count: `lut`, `ff`, `carry`, `kilo_gates`.
    #[serde(flatten)]
    pub errors: BTreeMap<String, Spread>,
}

/// Relative errors without their sign, 0.1 being 10 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Half of the units are nearer.
    pub median: f64,
    /// The largest.
    pub worst: f64,
}

impl Calibration {
    /// The calibration that is built in.
    ///
    /// # Errors
    /// [`Error::Calibration`] if its file is damaged, a defect of this build.
    pub fn built_in() -> Result<Self, Error> {
        serde_json::from_str(COEFFICIENTS).map_err(Error::Calibration)
    }

    /// Errors of the family's estimates.
    pub fn held_out(&self, family: Family) -> Option<&HeldOut> {
        self.held_out_error.get(family.name())
    }

    /// A count that follows from the features; 0 if the family has no such count.
    pub(crate) fn count(&self, family: Family, name: &str, features: &Features) -> f64 {
        let weights = self
            .coefficients
            .get(family.name())
            .and_then(|all| all.get(name));
        let weights = weights.into_iter().flatten();
        weights
            .map(|(feature, weight)| weight * features.named(feature))
            .sum()
    }
}
