//! What is kept of the study of a point.

use super::SweepError;
use crate::accuracy::{Accuracy, Difference, renormalized};
use crate::{Error, Input, Source, Study, StudyOptions, study};
use logattn_captures::Capture;
use logattn_golden::Configuration;
use logattn_sim::memory::Strategy;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

/// Numbers of a point by name; `null` for what there is not.
pub type Metrics = Map<String, Value>;

/// A quantity that a sweep tells of every point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Name in `points.jsonl`, `sweep.csv` and `--plot`.
    pub name: String,
    /// Unit; empty for what has none.
    pub unit: &'static str,
    /// Whether more is better.
    pub more_is_better: bool,
    /// Meaning, over all rows that were studied.
    pub meaning: String,
}

/// Name, unit, whether more is better, meaning.
const FIXED: [(&str, &str, bool, &str); 14] = [
    ("rows", "rows", true, "queries, over all heads"),
    (
        "elements",
        "values",
        true,
        "attention values within the rows' lengths",
    ),
    (
        "survivors",
        "values",
        false,
        "attention values whose code is not 0",
    ),
    (
        "pruned_share",
        "",
        true,
        "share of the attention values whose code is 0, 0 to 1",
    ),
    (
        "cycles",
        "cycles",
        false,
        "clock cycles of all runs of the unit",
    ),
    ("cycles_per_row", "cycles", false, "cycles / rows"),
    (
        "bound_cycles",
        "cycles",
        false,
        "sum over query blocks of max(ceil(N / W), survivors x D / lanes)",
    ),
    (
        "int8_twin_cycles",
        "cycles",
        false,
        "clock cycles of the int8 twin on the same rows",
    ),
    ("twin_over_cycles", "", true, "int8_twin_cycles / cycles"),
    (
        "output_error",
        "",
        false,
        "relative L2 error of the attention outputs against float attention, over all rows of the \
         file; null for a static mask",
    ),
    (
        "output_cosine",
        "",
        true,
        "cosine between output and float output, mean over the rows; null for a static mask",
    ),
    (
        "bytes_dense_refetch",
        "bytes",
        false,
        "queries, K, V and outputs moved in whole bursts if every query block reads all K and V",
    ),
    (
        "bytes_load_once",
        "bytes",
        false,
        "the same if K and V are read once a run: once a KV head in prefill, once a step in decode",
    ),
    (
        "bytes_skip",
        "bytes",
        false,
        "the same if every query block reads V of its survivors, and all of K",
    ),
];

/// The quantities of a sweep with these options.
pub fn metrics(options: &StudyOptions) -> Vec<Metric> {
    let fixed = FIXED.map(|(name, unit, more_is_better, meaning)| Metric {
        name: name.to_string(),
        unit,
        more_is_better,
        meaning: meaning.to_string(),
    });
    let energies = options.energy.iter().flat_map(|table| {
        Strategy::ALL.into_iter().flat_map(|strategy| {
            ["low", "high"].map(|end| Metric {
                name: energy_name(&table.name, strategy, end),
                unit: "pJ",
                more_is_better: false,
                meaning: format!(
                    "energy of unit and external memory ({end} end) by table {}, strategy {}",
                    table.name,
                    strategy.name()
                ),
            })
        })
    });
    fixed.into_iter().chain(energies).collect()
}

fn energy_name(table: &str, strategy: Strategy, end: &str) -> String {
    format!("energy_{table}_{}_{end}", strategy.name())
}

/// Why there are no numbers of a point.
#[derive(Debug)]
pub enum PointError {
    /// This combination cannot be studied, whenever it is tried.
    Invalid(String),
    /// The sweep cannot go on.
    Fatal(SweepError),
}

impl From<Error> for PointError {
    fn from(error: Error) -> Self {
        match error {
            // The machine's doing, not the point's.
            // Wrong for every point: to be put right, not to be noted.
            Error::TooLarge { .. }
            | Error::Mask(_)
            | Error::NotCausal { .. }
            | Error::Option { .. }
            | Error::Memory(_)
            | Error::Energy(_) => PointError::Fatal(error.into()),
            other => PointError::Invalid(other.to_string().replace('\n', " ")),
        }
    }
}

/// Studies one point.
///
/// # Errors
/// [`PointError::Invalid`] for a configuration that does not fit the source or the phase.
pub fn evaluate(
    c: &Configuration,
    source: &Source,
    options: &StudyOptions,
) -> Result<Metrics, PointError> {
    let study = study(c, source, options, &|_, _| {})?;
    let accuracy = match source {
        Source::Capture(capture) => Some(accuracy(c, capture, options)?),
        Source::Mask(_) => None,
    };
    Ok(of_study(&study, accuracy))
}

/// The numbers of a study.
fn of_study(study: &Study, accuracy: Option<Accuracy>) -> Metrics {
    let total = &study.total;
    let bytes = |strategy: Strategy| {
        let mut all = study.traffic.strategies.iter();
        all.find(|part| part.strategy == strategy)
            .map(|part| part.traffic.burst_bytes)
    };
    let values = [
        json!(total.rows),
        json!(total.elements),
        json!(total.survivors),
        json!(total.pruned_share()),
        json!(total.cycles),
        json!(total.per_row(total.cycles)),
        json!(total.bound_cycles),
        json!(total.int8_twin_cycles),
        json!(total.twin_over_cycles()),
        json!(accuracy.map(|accuracy| accuracy.relative_error)),
        json!(accuracy.map(|accuracy| accuracy.cosine)),
        json!(bytes(Strategy::DenseRefetch)),
        json!(bytes(Strategy::LoadOnce)),
        json!(bytes(Strategy::Skip)),
    ];
    let names = FIXED.map(|(name, ..)| name.to_string());
    let mut metrics: Metrics = names.into_iter().zip(values).collect();
    for table in &study.energy {
        for part in &table.unit {
            let ends = [
                ("low", part.energy.total_low()),
                ("high", part.energy.total_high()),
            ];
            for (end, picojoules) in ends {
                let name = energy_name(&table.table, part.strategy, end);
                metrics.insert(name, json!(picojoules));
            }
        }
    }
    metrics
}

/// The error of the outputs of all heads of the studied layers against float attention.
fn accuracy(
    c: &Configuration,
    capture: &Capture,
    options: &StudyOptions,
) -> Result<Accuracy, Error> {
    let input = Input::new(capture, c)?;
    let per_layer = capture.heads_per_layer();
    let layers = options.layers.clone().unwrap_or(0..capture.layers());
    let heads: Vec<usize> = (layers.start * per_layer..layers.end * per_layer).collect();
    let of_head = |head: &usize| -> Result<Difference, Error> {
        let own = input.head(*head)?;
        let output = renormalized(c, &own.attend(c)?.attention, own.scale);
        Ok(Difference::between(
            output.view(),
            input.float_output(*head)?.view(),
        ))
    };
    let differences: Vec<Difference> = heads.par_iter().map(of_head).collect::<Result<_, _>>()?;
    let mut all = Difference::default();
    for difference in differences {
        all += difference;
    }
    Ok(all.accuracy())
}
