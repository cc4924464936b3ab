//! Settings as a configuration and as registers.

use super::{Candidates, Choice, Per, Setting};
use crate::registers::HeadRegisters;
use crate::{Error, ModelShape, Result};
use logattn_golden::{Configuration, Input, Thresholds};

/// A configuration whose registers are calibrated.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// With the setting that is best for the whole model.
    pub configuration: Configuration,
    /// The registers of each layer or head; empty if all share those of the configuration.
    pub registers: Vec<HeadRegisters>,
}

/// A calibrated configuration.
///
/// Where a setting shifts farther than the configuration's `max_shift`, that is raised: it is no
/// register, so the unit becomes a little wider.
///
/// # Arguments
/// - `global`: the choice that all heads share.
/// - `own`: the choice with registers for each layer or head, if any.
///
/// # Errors
/// A setting that the configuration's input cannot express; a configuration that would not be
/// valid with a larger `max_shift`.
pub fn calibration(
    configuration: &Configuration,
    shape: &ModelShape,
    global: &Choice,
    own: Option<(Per, &Choice)>,
) -> Result<Calibration> {
    let mut configuration = configuration.clone();
    let others = own.iter().flat_map(|(_, choice)| &choice.settings);
    let shifts = global.settings.iter().chain(others);
    let farthest = shifts.flat_map(|setting| &setting.shifts).copied().max();
    configuration.max_shift = configuration.max_shift.max(farthest);
    let Some(setting) = global.settings.first() else {
        return Err(Error::Calibration {
            what: "heads".into(),
            found: "0".into(),
            legal: "at least 1".into(),
        });
    };
    let shared = registers(&configuration, 0, None, setting)?;
    (configuration.thresholds, configuration.score_thresholds) =
        (shared.thresholds, shared.score_thresholds);
    configuration.shifts = shared.shifts;
    configuration.validate()?;
    let registers = match own {
        None | Some((Per::Model, _)) => Vec::new(),
        Some((per, choice)) => {
            let heads = choice.settings.iter().enumerate();
            let places = heads.map(|(index, setting)| {
                let (layer, head) = (index / shape.heads, index % shape.heads);
                (layer, head, setting)
            });
            places
                .filter(|(_, head, _)| per == Per::Head || *head == 0)
                .map(|(layer, head, setting)| {
                    let head = (per == Per::Head).then_some(head);
                    registers(&configuration, layer, head, setting)
                })
                .collect::<Result<_>>()?
        }
    };
    Ok(Calibration {
        configuration,
        registers,
    })
}

/// The candidate that a configuration's own registers are; `None` if they are of another kind.
///
/// # Errors
/// A candidate that the configuration's input cannot express.
pub fn own_setting(c: &Configuration, candidates: &Candidates) -> Result<Option<Setting>> {
    for lowest in &candidates.lowest {
        let setting = Setting {
            shifts: c.shifts.clone(),
            lowest: *lowest,
        };
        let registers = registers(c, 0, None, &setting)?;
        let same = (&registers.thresholds, &registers.score_thresholds)
            == (&c.thresholds, &c.score_thresholds);
        if same {
            return Ok(Some(setting));
        }
    }
    Ok(None)
}

/// A setting as registers of a configuration's kind.
fn registers(
    c: &Configuration,
    layer: usize,
    head: Option<usize>,
    setting: &Setting,
) -> Result<HeadRegisters> {
    let Setting { shifts, lowest } = setting;
    let mut registers = HeadRegisters {
        layer,
        head,
        shifts: shifts.clone(),
        ..HeadRegisters::default()
    };
    let octaves = edges(shifts, *lowest);
    match c.input {
        Input::Probabilities => {
            let one = f64::from(1_u32 << c.probability_bits);
            // Up to the grid, so that a probability on it has the code of its exact bin.
            let grid = octaves
                .iter()
                .map(|edge| ((-edge).exp2() * one).ceil() as u32);
            let thresholds = Thresholds::new(grid.collect(), c.probability_bits)?;
            registers.thresholds = thresholds.into_vec();
        }
        Input::Scores | Input::Qkv => {
            let one = f64::from(1_u32 << c.fraction_bits.unwrap_or(0));
            let grid = octaves.iter().map(|edge| (-edge * one).round() as i32);
            registers.score_thresholds = grid.collect();
        }
    }
    Ok(registers)
}

/// All edges as negative logarithms: the lowest one, and those midway between levels, none below
/// the lowest.
fn edges(shifts: &[u32], lowest: f64) -> Vec<f64> {
    let middles = shifts.windows(2);
    let middles = middles.map(|pair| f64::from(pair[0] + pair[1]) / 2.0);
    let above = middles.map(|middle| middle.min(lowest));
    std::iter::once(lowest).chain(above).collect()
}
