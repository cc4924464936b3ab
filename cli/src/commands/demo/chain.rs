//! From int8 Q, K and V to outputs: several ways, head by head, layer by layer and in total.

use super::rows;
use crate::error::Error;
use crate::progress;
use logattn_golden::scores::score_thresholds;
use logattn_golden::{Configuration, Input as InputKind, Normalize, UnitAttention};
use logattn_sim::Counters;
use logattn_studies::timing::{HeadRowCodes, Timing};
use logattn_studies::{Accuracy, Difference, Input, Precision, differing_codes, renormalized};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Key of the way with complement normalization.
pub const COMPLEMENT: &str = "complement";

/// Lowest edge where the largest key takes what the others leave, in octaves below 1: the one at
/// which complement normalization lost nothing on real models.
const COMPLEMENT_EDGE: f64 = 8.5;

/// Some heads: those of a layer, or all.
#[derive(Clone, Debug, Serialize)]
pub struct ChainFigures {
    /// Rows of all these heads.
    pub rows: u64,
    /// Keys of all rows.
    pub keys: u64,
    /// Keys whose code is another than that of the float softmax.
    pub differing_codes: u64,
    /// Clock cycles; the heads of a layer back to back, layer by layer.
    pub cycles: u64,
    /// The steady-state bound in clock cycles.
    pub bound_cycles: u64,
    /// Rows in which, with complement normalization, the levels of the others add up to more than 1,
    /// so that the largest key's weight is negative; 0 where there is no such way.
    pub overfull_rows: u64,
    /// Against float attention, by the keys of [`Chain::ways`].
    pub accuracy: BTreeMap<&'static str, Accuracy>,
}

/// The whole chain.
#[derive(Clone, Debug, Serialize)]
pub struct Chain {
    /// Name of the unit that takes Q and K.
    pub configuration: String,
    /// First 16 bytes of the SHA-256 of its TOML.
    pub configuration_sha256: String,
    /// Ways from Q, K and V to outputs: key and title of each.
    pub ways: Vec<(&'static str, String)>,
    /// What the scale of the queries leaves.
    pub query_effective_bits: Precision,
    /// Each layer.
    pub layers: Vec<ChainFigures>,
    /// All heads.
    pub total: ChainFigures,
    /// The unit's counters at the end of the run.
    pub counters: Counters,
}

/// One way from Q, K and V to outputs.
struct Way {
    key: &'static str,
    title: String,
    configuration: Configuration,
}

/// What is computed of a head on its own.
struct ChainHead {
    unit: UnitAttention,
    differing: u64,
    overfull: u64,
    effective_bits: f64,
    /// One a way.
    differences: Vec<Difference>,
}

impl ChainFigures {
    /// A number of something a row.
    pub fn per_row(&self, all: u64) -> f64 {
        all as f64 / self.rows.max(1) as f64
    }

    /// How many times the bound the cycles are.
    pub fn over_bound(&self) -> f64 {
        self.cycles as f64 / self.bound_cycles.max(1) as f64
    }

    /// Share of the keys whose code is another than that of the float softmax.
    pub fn differing_share(&self) -> f64 {
        self.differing_codes as f64 / self.keys.max(1) as f64
    }
}

impl Chain {
    /// Takes all heads of `input` through every way.
    ///
    /// # Arguments
    /// - `c`: the configuration that the demonstration is about.
    /// - `unit`: the same with `input = "qkv"`.
    /// - `input`: heads for `unit`.
    ///
    /// # Errors
    /// A head that golden model or simulator refuses.
    pub fn of(c: &Configuration, unit: &Configuration, input: &Input) -> Result<Self, Error> {
        let ways = ways(c, unit)?;
        let progress = progress::bar(input.capture.heads(), "heads from Q, K, V");
        let heads: Vec<ChainHead> = (0..input.capture.heads())
            .into_par_iter()
            .map(|head| chain(unit, &ways, input, head).inspect(|_| progress.inc(1)))
            .collect::<Result<_, Error>>()?;
        progress.finish_and_clear();
        let codes: Vec<HeadRowCodes> = heads.iter().map(|head| rows(input, &head.unit)).collect();
        let timing = Timing::of_layers(unit, input.keys, &codes, input.capture.heads_per_layer())?;
        let figures = |from: usize, to: usize| {
            let mut figures = figures(&ways, &heads[from..to]);
            figures.cycles = timing.head_cycles[from..to].iter().sum();
            figures.bound_cycles = timing.head_bounds[from..to].iter().sum();
            figures
        };
        let per_layer = input.capture.heads_per_layer();
        let bits: Vec<f64> = heads.iter().map(|head| head.effective_bits).collect();
        let none = Precision {
            lowest: 0.0,
            mean: 0.0,
        };
        Ok(Chain {
            configuration: unit.name.clone(),
            configuration_sha256: unit.sha256()?,
            query_effective_bits: Precision::of(&bits).unwrap_or(none),
            layers: (0..heads.len())
                .step_by(per_layer)
                .map(|first| figures(first, first + per_layer))
                .collect(),
            total: figures(0, heads.len()),
            counters: timing.counters,
            ways: ways.into_iter().map(|way| (way.key, way.title)).collect(),
        })
    }
}

/// Everything that `unit` is compared with; complement normalization only where it can have it.
fn ways(c: &Configuration, unit: &Configuration) -> Result<Vec<Way>, Error> {
    let reciprocal = Configuration {
        normalize: Normalize::Reciprocal,
        output_bits: Some(unit.output_bits.unwrap_or(unit.value_bits)),
        ..unit.clone()
    };
    let way = |key, title: &str, configuration| Way {
        key,
        title: title.to_string(),
        configuration,
    };
    let mut ways = vec![
        way(
            "probabilities",
            "probabilities",
            c.with_input(InputKind::Probabilities)?,
        ),
        way("reciprocal", "renormalized", reciprocal.clone()),
    ];
    let edge = score_thresholds(
        &unit.shifts,
        COMPLEMENT_EDGE,
        unit.fraction_bits.unwrap_or(0),
    );
    if let (true, Ok(score_thresholds)) = (unit.accumulate.shifts(), edge) {
        let complement = Configuration {
            normalize: Normalize::Complement,
            score_thresholds,
            ..reciprocal
        };
        if complement.validate().is_ok() {
            let title = format!("complement, 2^-{COMPLEMENT_EDGE}");
            ways.push(way(COMPLEMENT, &title, complement));
        }
    }
    ways.push(way("int8_twin", "int8 twin", unit.int8_twin()));
    Ok(ways)
}

/// One head through every way.
fn chain(
    unit: &Configuration,
    ways: &[Way],
    input: &Input,
    index: usize,
) -> Result<ChainHead, Error> {
    let head = input.head(index)?;
    let float = input.float_output(index)?;
    let own = head.attend(unit)?;
    let mut overfull = 0;
    let differences = ways.iter().map(|way| {
        let c = &way.configuration;
        let other;
        let head = if c.input == unit.input {
            &head
        } else {
            other = input.head_of(c, index)?;
            &other
        };
        let attended = head.attend(c)?;
        overfull += overfull_rows(c, &attended);
        let output = renormalized(c, &attended.attention, head.scale);
        Ok(Difference::between(output.view(), float.view()))
    });
    let probabilities = input.probabilities(index)?;
    let differing = differing_codes(unit, probabilities.view(), own.codes.view());
    let differences = differences.collect::<Result<_, Error>>()?;
    Ok(ChainHead {
        differences,
        overfull,
        // The unit has scores, and with them thresholds and scaled queries.
        differing: differing.unwrap_or(0),
        effective_bits: head.effective_bits.unwrap_or(0.0),
        unit: own,
    })
}

/// Rows whose largest key is left a negative weight; there are none without complement.
fn overfull_rows(c: &Configuration, attended: &UnitAttention) -> u64 {
    let weight = |code: &u8| {
        let shift = usize::from(*code)
            .checked_sub(1)
            .and_then(|i| c.shifts.get(i));
        shift.map_or(0.0, |shift| 0.5_f64.powi(*shift as i32))
    };
    let rows = attended.codes.outer_iter().zip(&attended.largest);
    let others = rows.filter_map(|(codes, largest)| {
        let all: f64 = codes.iter().map(weight).sum();
        Some(all - weight(&codes[(*largest)?]))
    });
    others.filter(|others| *others > 1.0).count() as u64
}

/// Everything but cycles.
fn figures(ways: &[Way], heads: &[ChainHead]) -> ChainFigures {
    let accuracy = ways.iter().enumerate().map(|(index, way)| {
        let mut all = Difference::default();
        for head in heads {
            all += head.differences[index];
        }
        (way.key, all.accuracy())
    });
    ChainFigures {
        rows: heads
            .iter()
            .map(|head| head.unit.codes.nrows() as u64)
            .sum(),
        keys: heads.iter().map(|head| head.unit.codes.len() as u64).sum(),
        differing_codes: heads.iter().map(|head| head.differing).sum(),
        overfull_rows: heads.iter().map(|head| head.overfull).sum(),
        cycles: 0,
        bound_cycles: 0,
        accuracy: accuracy.collect(),
    }
}

/// Meaning and unit of the fields of the chain in `demo.json`.
pub fn fields() -> Value {
    json!({
        "chain": "from int8 Q, K and V to outputs: the same unit with input = \"qkv\", all heads; null if there is no such unit",
        "chain.ways": "ways from Q, K and V to outputs, key and title: a float softmax into the unit that takes probabilities; the chain of integers with the row renormalized, at the unit's thresholds; the same where the row's largest key takes what the others leave (complement), with its own lowest edge; 8-bit linear probabilities of a float softmax, renormalized, nothing pruned",
        "chain.query_effective_bits": "bits of a query's element that its power-of-two scale leaves of 8: of the head with the fewest, and the mean over heads",
        "chain.layers, .total": "each layer; all heads; cycles and accuracy as for the study",
        "chain.keys": "keys of all rows",
        "chain.differing_codes": "keys whose code is another than that of the float softmax's probability p, which has at least code i iff p >= 2^(score_thresholds[i - 1] / 2^fraction_bits)",
        "chain.overfull_rows": "rows in which, with complement normalization, the levels of the others add up to more than 1, so that the largest key's weight is negative",
        "chain_hardware": "verilog and cosimulation of this unit; null if there is no such unit or the demonstration is about it anyway",
    })
}
