//! A configuration on all heads of a model: cycles, sparsity, storage, traffic and energy.

mod document;
mod external;
mod histogram;
mod layer;
mod report;

pub use document::{Field, csv, document, fields};
pub use report::*;

use crate::input::input_name;
use crate::source::Heads;
use crate::{Error, Source, memory};
use external::External;
use histogram::Counts;
use layer::{Layer, Plan};
use logattn_golden::Configuration;
use logattn_sim::energy::{EnergyTable, NAMES};
use logattn_sim::memory::{DramOptions, EncodingBits};
use std::ops::Range;

/// What to study, and under which assumptions.
#[derive(Clone, Debug)]
pub struct StudyOptions {
    /// How the model is run.
    pub phase: Phase,
    /// The first row that is decoded, 0 to rows - 1; not read in prefill.
    pub decode_from: usize,
    /// Layers to study, counted in the file; all if absent.
    pub layers: Option<Range<usize>>,
    /// The external memory.
    pub dram: DramOptions,
    /// Energy of operations; an [`EnergyStudy`] for each.
    pub energy: Vec<EnergyTable>,
}

impl StudyOptions {
    /// Prefill of all layers, with the memory of [`DramOptions::default`] and the embedded tables.
    ///
    /// # Errors
    /// An embedded table is broken.
    pub fn new() -> Result<Self, Error> {
        let tables = NAMES.map(EnergyTable::named);
        Ok(StudyOptions {
            phase: Phase::Prefill,
            decode_from: 0,
            layers: None,
            dram: DramOptions::default(),
            energy: tables.into_iter().collect::<Result<_, _>>()?,
        })
    }
}

/// Bytes that one head takes while its codes are being made, for each of its attention values:
/// logits in double precision, probabilities in single, the unit's input and a copy.
const HEAD_BYTES: u64 = 8 + 4 + 4 + 4;

/// Studies a configuration on all heads of a source.
///
/// # Arguments
/// - `progress`: called with the heads that are done and their number, from any thread.
///
/// # Errors
/// A source that does not fit the configuration, the phase or the machine's memory; options out of
/// range; heads that golden model or simulator refuses.
pub fn study(
    c: &Configuration,
    source: &Source,
    options: &StudyOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Study, Error> {
    let heads = Heads::new(source, c, options.layers.clone())?;
    let plan = Plan::new(c, &heads, options, &source.name())?;
    let rows = heads.lengths.len() as u64;
    let one = rows * heads.keys as u64;
    let threads = rayon::current_num_threads() as u64;
    memory::check(
        &source.name(),
        one * (heads.heads_per_layer as u64 + threads * HEAD_BYTES),
    )?;
    let all = heads.layers.len() * heads.heads_per_layer;
    let done = |layer: usize, head: usize| {
        progress(
            (layer - heads.layers.start) * heads.heads_per_layer + head,
            all,
        );
    };
    let mut layers = Vec::new();
    for layer in heads.layers.clone() {
        layers.push(Layer::of(&plan, layer, &|head| done(layer, head))?);
    }
    finished(c, source, &plan, layers)
}

/// Everything that is told of the layers together.
fn finished(
    c: &Configuration,
    source: &Source,
    plan: &Plan,
    layers: Vec<Layer>,
) -> Result<Study, Error> {
    let heads = plan.heads;
    let mut total = Cost::default();
    let mut encodings = EncodingBits::default();
    let mut external = External::default();
    let mut counters = logattn_sim::Counters::default();
    let mut runs = 0;
    for layer in &layers {
        total += layer.cost;
        encodings += layer.encodings;
        external.add(&layer.external);
        counters += layer.counters;
        runs += layer.runs;
    }
    let counts: Option<Vec<Counts>> = layers.iter().map(|layer| layer.counts.clone()).collect();
    Ok(Study {
        logattn: env!("CARGO_PKG_VERSION").to_string(),
        configuration: c.name.clone(),
        configuration_sha256: c.sha256()?,
        input_kind: input_name(c.input).to_string(),
        input: source.name(),
        model: source.model(),
        phase: plan.options.phase,
        shape: Shape {
            layers: heads.layers.len(),
            first_layer: heads.layers.start,
            heads_per_layer: heads.heads_per_layer,
            kv_heads_per_layer: heads.kv_heads_per_layer,
            rows_per_head: plan.rows.len(),
            keys: heads.keys,
            causal: heads.causal,
            head_dimension: c.head_dimension,
            lanes: c.lanes,
            keys_per_beat: c.keys_per_beat,
            query_block: c.query_block,
            value_bits: c.value_bits,
            code_bits: c.stored_code_bits(),
        },
        runs,
        total,
        counters,
        energy: external.energy(plan),
        roofline: external.roofline(plan, &total),
        traffic: external.traffic(plan, &total),
        histogram: counts.map(|counts| histogram::histogram(c, &counts)),
        encodings,
        groups: layers
            .iter()
            .flat_map(|layer| layer.groups.clone())
            .collect(),
        heads: layers
            .iter()
            .flat_map(|layer| layer.heads.clone())
            .collect(),
        layers: layers
            .iter()
            .map(|layer| LayerCost {
                layer: layer.layer,
                cost: layer.cost,
                counters: layer.counters,
            })
            .collect(),
    })
}
