//! The figures of the demonstration, head by head, layer by layer and in total.

use super::memory::Memory;
use super::rows;
use crate::error::Error;
use crate::progress;
use logattn_golden::{Attention, Configuration, UnitAttention};
use logattn_sim::Counters;
use logattn_studies::timing::{HeadRowCodes, Timing};
use logattn_studies::{Accuracy, Difference, Input, as_they_are, renormalized};
use ndarray::Array2;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

/// The ways of computing attention that are compared with float attention.
#[derive(Clone, Copy, Debug, Default)]
struct Differences {
    unit: Difference,
    unit_as_is: Difference,
    paper: Difference,
    paper_renormalized: Difference,
    int8_twin: Difference,
}

/// Their figures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Accuracies {
    /// The unit, renormalized.
    pub unit: Accuracy,
    /// The unit's levels taken as they are.
    pub unit_as_is: Accuracy,
    /// The published 3-bit quantizer, its levels taken as they are, as published.
    pub paper: Accuracy,
    /// The published quantizer, renormalized.
    pub paper_renormalized: Accuracy,
    /// 8-bit linear probabilities, renormalized, nothing pruned.
    pub int8_twin: Accuracy,
}

/// Some heads: one, those of a layer, or all.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    /// Rows of all these heads.
    pub rows: u64,
    /// Keys whose code is not 0, over all rows.
    pub survivors: u64,
    /// The same by the published quantizer.
    pub paper_survivors: u64,
    /// Clock cycles; the heads of a layer back to back, layer by layer.
    pub cycles: u64,
    /// The steady-state bound in clock cycles.
    pub bound_cycles: u64,
    /// Clock cycles of the int8 twin.
    pub int8_twin_cycles: u64,
    /// Against float attention.
    pub accuracy: Accuracies,
    /// Storage and traffic.
    pub memory: Memory,
}

/// The whole study.
#[derive(Clone, Debug, Serialize)]
pub struct Study {
    /// Keys N of every row.
    pub keys: usize,
    /// Heads of a layer.
    pub heads_per_layer: usize,
    /// Each head, layer by layer.
    pub heads: Vec<Figures>,
    /// Each layer.
    pub layers: Vec<Figures>,
    /// All heads.
    pub total: Figures,
    /// The unit's counters at the end of each layer, added up.
    pub counters: Counters,
}

/// What is computed of a head on its own.
struct HeadStudy {
    unit: UnitAttention,
    int8_twin: UnitAttention,
    parts: Parts,
}

/// Everything of some heads that adds up.
#[derive(Clone, Copy, Default)]
struct Parts {
    rows: u64,
    survivors: u64,
    paper_survivors: u64,
    cycles: u64,
    bound_cycles: u64,
    int8_twin_cycles: u64,
    differences: Differences,
    memory: Memory,
}

/// The configurations that attend.
struct Contenders<'a> {
    unit: &'a Configuration,
    paper: Configuration,
    int8_twin: Configuration,
}

impl Figures {
    /// Share of the attention values whose code is 0, 0 to 1.
    pub fn pruned_share(&self) -> f64 {
        1.0 - self.survivors as f64 / self.memory.elements.max(1) as f64
    }

    /// The same by the published quantizer.
    pub fn paper_pruned_share(&self) -> f64 {
        1.0 - self.paper_survivors as f64 / self.memory.elements.max(1) as f64
    }

    /// A number of something a row.
    pub fn per_row(&self, all: u64) -> f64 {
        all as f64 / self.rows.max(1) as f64
    }

    /// How many times the bound the cycles are.
    pub fn over_bound(&self) -> f64 {
        self.cycles as f64 / self.bound_cycles.max(1) as f64
    }

    /// How many times faster than the int8 twin.
    pub fn twin_over_cycles(&self) -> f64 {
        self.int8_twin_cycles as f64 / self.cycles.max(1) as f64
    }
}

impl Study {
    /// Studies all heads of `input`.
    ///
    /// # Errors
    /// A head that golden model or simulator refuses.
    pub fn of(c: &Configuration, input: &Input) -> Result<Self, Error> {
        let paper = Configuration {
            // Of units that take scores, the default.
            probability_bits: c.probability_bits,
            ..Configuration::named("paper")?
        };
        let contenders = Contenders {
            unit: c,
            paper: on_grid(paper),
            int8_twin: c.int8_twin(),
        };
        let progress = progress::bar(input.capture.heads(), "heads");
        let heads: Vec<HeadStudy> = (0..input.capture.heads())
            .into_par_iter()
            .map(|head| contenders.study(input, head).inspect(|_| progress.inc(1)))
            .collect::<Result<_, Error>>()?;
        progress.finish_and_clear();
        let per_layer = input.capture.heads_per_layer();
        let time = |c: &Configuration, unit: fn(&HeadStudy) -> &UnitAttention| {
            let codes: Vec<HeadRowCodes> =
                heads.iter().map(|head| rows(input, unit(head))).collect();
            Timing::of_layers(c, input.keys, &codes, per_layer)
        };
        let timing = time(contenders.unit, |head| &head.unit)?;
        let twin = time(&contenders.int8_twin, |head| &head.int8_twin)?;
        let parts: Vec<Parts> = heads
            .iter()
            .enumerate()
            .map(|(index, head)| Parts {
                cycles: timing.head_cycles[index],
                bound_cycles: timing.head_bounds[index],
                int8_twin_cycles: twin.head_cycles[index],
                ..head.parts
            })
            .collect();
        Ok(Study {
            keys: input.keys,
            heads_per_layer: per_layer,
            heads: parts
                .iter()
                .map(|head| figures(std::slice::from_ref(head)))
                .collect(),
            layers: parts.chunks(per_layer).map(figures).collect(),
            total: figures(&parts),
            counters: timing.counters,
        })
    }
}

/// The published quantizer at a configuration's `probability_bits`.
fn on_grid(paper: Configuration) -> Configuration {
    let bits = paper.probability_bits;
    // Legal bits, or `Configuration::validate` would have refused them before.
    match logattn_golden::Thresholds::paper(paper.code_bits, bits) {
        Ok(thresholds) => Configuration {
            thresholds: thresholds.into_vec(),
            ..paper
        },
        Err(_) => paper,
    }
}

impl Contenders<'_> {
    fn study(&self, input: &Input, index: usize) -> Result<HeadStudy, Error> {
        let head = input.head(index)?;
        let softmaxed = input.head_of(&self.int8_twin, index)?;
        let float = input.float_output(index)?;
        let against = |output: Array2<f64>| Difference::between(output.view(), float.view());
        let both = |c: &Configuration, attention: &Attention, scale: f64| {
            let renormalized = against(renormalized(c, attention, scale));
            (renormalized, against(as_they_are(c, attention, scale)))
        };
        let own = head.attend(self.unit)?;
        let (unit, unit_as_is) = both(self.unit, &own.attention, head.scale);
        // Both take probabilities of as many bits.
        let published = softmaxed.attend(&self.paper)?.attention;
        let (paper_renormalized, paper) = both(&self.paper, &published, softmaxed.scale);
        let twin = softmaxed.attend(&self.int8_twin)?;
        let (int8_twin, _) = both(&self.int8_twin, &twin.attention, softmaxed.scale);
        let memory = Memory::of(self.unit, own.codes.view());
        let parts = Parts {
            rows: own.codes.nrows() as u64,
            survivors: own.codes.iter().filter(|code| **code != 0).count() as u64,
            paper_survivors: published.survivors.iter().sum::<usize>() as u64,
            differences: Differences {
                unit,
                unit_as_is,
                paper,
                paper_renormalized,
                int8_twin,
            },
            memory,
            ..Parts::default()
        };
        Ok(HeadStudy {
            unit: own,
            int8_twin: twin,
            parts,
        })
    }
}

fn figures(heads: &[Parts]) -> Figures {
    let mut all = Parts::default();
    for head in heads {
        all.rows += head.rows;
        all.survivors += head.survivors;
        all.paper_survivors += head.paper_survivors;
        all.cycles += head.cycles;
        all.bound_cycles += head.bound_cycles;
        all.int8_twin_cycles += head.int8_twin_cycles;
        all.memory += head.memory;
        let (sum, more) = (&mut all.differences, head.differences);
        sum.unit += more.unit;
        sum.unit_as_is += more.unit_as_is;
        sum.paper += more.paper;
        sum.paper_renormalized += more.paper_renormalized;
        sum.int8_twin += more.int8_twin;
    }
    let differences = all.differences;
    Figures {
        rows: all.rows,
        survivors: all.survivors,
        paper_survivors: all.paper_survivors,
        cycles: all.cycles,
        bound_cycles: all.bound_cycles,
        int8_twin_cycles: all.int8_twin_cycles,
        accuracy: Accuracies {
            unit: differences.unit.accuracy(),
            unit_as_is: differences.unit_as_is.accuracy(),
            paper: differences.paper.accuracy(),
            paper_renormalized: differences.paper_renormalized.accuracy(),
            int8_twin: differences.int8_twin.accuracy(),
        },
        memory: all.memory,
    }
}

/// Meaning and unit of the fields of `demo.json`.
pub fn fields() -> Value {
    json!({
        "logattn": "version of the program",
        "configuration": "name of the configuration",
        "configuration_sha256": "first 16 bytes of the SHA-256 of its TOML, in hexadecimal",
        "model": "model that the capture was made from",
        "study.keys": "keys N of every row",
        "study.heads_per_layer": "heads of a layer",
        "study.heads, .layers, .total": "each head, layer by layer; each layer; all heads; with the fields below",
        "rows": "rows (queries) of these heads",
        "survivors": "keys whose code is not 0, over all rows",
        "paper_survivors": "the same by the published 3-bit quantizer (arXiv 2106.01335)",
        "cycles": "clock cycles, from the start of each layer to its last output beat; of a head, from the last output beat of the head before or the start of its layer to its own last",
        "bound_cycles": "clock cycles; sum over the query blocks of max(ceil(N / W), survivors x D / lanes), what they would cost in steady state one by one; a run may be below it, since the survivors' queue evens out long and short rows",
        "int8_twin_cycles": "clock cycles of the int8 twin on the same heads",
        "accuracy.*.relative_error": "|output - float| / |float|, Euclidean norms over all rows and elements; float attention is computed in double precision from the capture's int8 q, k and v",
        "accuracy.*.cosine": "cosine between a row's output and its float output, mean over the rows",
        "accuracy.unit": "the unit, renormalized",
        "accuracy.unit_as_is": "the unit's levels taken as probabilities as they are",
        "accuracy.paper": "the published 3-bit quantizer (arXiv 2106.01335), levels as they are",
        "accuracy.paper_renormalized": "the same, renormalized",
        "accuracy.int8_twin": "8-bit linear probabilities, renormalized, nothing pruned",
        "memory.elements": "attention values",
        "memory.fp16_bits, .dense_bits, .survivor_bits": "bits to store them: half precision, codes of all keys, bitmap and codes of the survivors",
        "memory.refetch_bytes": "bytes of V moved if each query block reads all keys anew",
        "memory.load_once_bytes": "bytes of V moved if each head's V is read once and kept on chip",
        "memory.survivor_bytes": "bytes of V moved if each query block reads only its survivors",
        "memory.survivor_burst_bytes": "the same in whole 64-byte bursts",
        "study.counters": "the unit's counters at the end of each layer, added up: cycles, or events of the kind named",
        "verilog": "top module, modules and lines of the generated Verilog, comments included",
        "cosimulation": "equal: cycles played and beats compared; different: the difference; skipped: the reason",
    })
}
