//! One layer: its runs on the unit and on the int8 twin, and what its heads keep.

use super::StudyOptions;
use super::external::External;
use super::histogram::Counts;
use super::report::{Cost, GroupCost, HeadSparsity, Phase};
use crate::source::{HeadPattern, Heads};
use crate::timing::{HeadRowCodes, Timing, push_rows, push_step};
use crate::{Error, differing_codes};
use logattn_golden::Configuration;
use logattn_sim::memory::{EncodingBits, SurvivorMap};
use logattn_sim::{Counters, Workload};
use ndarray::s;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is the same for all layers.
pub struct Plan<'a> {
    /// The unit.
    pub configuration: &'a Configuration,
    /// Its int8 twin.
    pub twin: Configuration,
    /// All heads.
    pub heads: &'a Heads<'a>,
    /// Rows of each query head that are played.
    pub rows: Range<usize>,
    /// What is assumed.
    pub options: &'a StudyOptions,
}

impl<'a> Plan<'a> {
    /// Checks the options against the heads.
    pub fn new(
        configuration: &'a Configuration,
        heads: &'a Heads<'a>,
        options: &'a StudyOptions,
        file: &str,
    ) -> Result<Self, Error> {
        let rows = heads.lengths.len();
        let first = match options.phase {
            Phase::Prefill => 0,
            Phase::Decode if !heads.causal => {
                return Err(Error::NotCausal { file: file.into() });
            }
            Phase::Decode => options.decode_from,
        };
        if first >= rows {
            return Err(Error::Option {
                field: "decode-from",
                found: first.to_string(),
                legal: format!("0..={} (rows of {file})", rows - 1),
            });
        }
        options.dram.validate()?;
        let names: Vec<&str> = options
            .energy
            .iter()
            .map(|table| table.name.as_str())
            .collect();
        if let Some(twice) = (1..names.len()).find(|index| names[..*index].contains(&names[*index]))
        {
            return Err(Error::Option {
                field: "energy",
                found: format!("two tables of the name {:?}", names[twice]),
                legal: "tables of different names".into(),
            });
        }
        Ok(Plan {
            configuration,
            twin: configuration.int8_twin(),
            heads,
            rows: first..rows,
            options,
        })
    }
}

/// What one layer's heads keep, and what they cost.
pub struct Layer {
    /// The layer, counted in the file.
    pub layer: usize,
    /// All its heads.
    pub cost: Cost,
    /// The unit's counters, added up over the runs.
    pub counters: Counters,
    /// Runs.
    pub runs: u64,
    /// Each key and value head.
    pub groups: Vec<GroupCost>,
    /// Each query head.
    pub heads: Vec<HeadSparsity>,
    /// Attention values by size; absent for masks.
    pub counts: Option<Counts>,
    /// Bits of the attention matrix.
    pub encodings: EncodingBits,
    /// External traffic.
    pub external: External,
}

/// What a unit plays without being idle in between: a layer, or a layer of one step.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// All rows of all heads.
    Whole,
    /// The row of each head with this index.
    Step(usize),
}

/// One run of all groups of a layer.
struct Played {
    counters: Counters,
    /// One a group.
    costs: Vec<Cost>,
    encodings: EncodingBits,
    external: External,
}

impl Layer {
    /// Plays all heads of a layer.
    ///
    /// # Arguments
    /// - `progress`: called with the heads that are done, from any thread.
    ///
    /// # Errors
    /// Heads that golden model or simulator refuses.
    pub fn of(plan: &Plan, layer: usize, progress: &(dyn Fn(usize) + Sync)) -> Result<Self, Error> {
        let done = AtomicUsize::new(0);
        let (patterns, probabilities): (Vec<HeadPattern>, Vec<Option<OfProbabilities>>) =
            (0..plan.heads.heads_per_layer)
                .into_par_iter()
                .map(|head| {
                    let both = pattern(plan, layer, head)?;
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                    Ok(both)
                })
                .collect::<Result<Vec<_>, Error>>()?
                .into_iter()
                .unzip();
        let rows: Vec<HeadRowCodes> = patterns
            .iter()
            .map(|pattern| pattern.rows(&plan.heads.lengths))
            .collect();
        let groups: Vec<&[HeadRowCodes]> = rows.chunks(plan.heads.heads_per_group()).collect();
        let runs: Vec<Run> = match plan.options.phase {
            Phase::Prefill => vec![Run::Whole],
            Phase::Decode => plan.rows.clone().map(Run::Step).collect(),
        };
        let played: Vec<Played> = runs
            .par_iter()
            .map(|run| Played::of(plan, &groups, *run))
            .collect::<Result<_, Error>>()?;
        let mut result = Layer {
            layer,
            cost: Cost::default(),
            counters: Counters::default(),
            runs: played.len() as u64,
            groups: empty_groups(plan, layer),
            heads: sparsities(plan, layer, &patterns, &probabilities),
            counts: sum(probabilities),
            encodings: EncodingBits::default(),
            external: External::default(),
        };
        for run in played {
            result.counters += run.counters;
            for (group, cost) in result.groups.iter_mut().zip(run.costs) {
                group.cost += cost;
                result.cost += cost;
            }
            result.encodings += run.encodings;
            result.external.add(&run.external);
        }
        Ok(result)
    }
}

/// What is told of a head's float attention values, of the rows that are played.
struct OfProbabilities {
    counts: Counts,
    /// Codes that are not those of the float softmax; absent with probabilities.
    differing: Option<u64>,
}

/// What a head keeps, and what is told of its probabilities, which are of no use after that.
fn pattern(
    plan: &Plan,
    layer: usize,
    head: usize,
) -> Result<(HeadPattern, Option<OfProbabilities>), Error> {
    let mut pattern = plan.heads.head(layer, head)?;
    let rows = plan.rows.clone();
    let lengths = &plan.heads.lengths[rows.clone()];
    let codes = pattern.codes.slice(s![rows.clone(), ..]);
    let of = pattern.probabilities.take().map(|probabilities| {
        let played = probabilities.slice(s![rows, ..]);
        OfProbabilities {
            counts: Counts::of(played, lengths),
            differing: differing_codes(plan.configuration, played, codes),
        }
    });
    Ok((pattern, of))
}

/// The sum over heads; absent if one is.
fn sum(heads: Vec<Option<OfProbabilities>>) -> Option<Counts> {
    let mut all = Counts::default();
    for head in heads {
        all.add(&head?.counts);
    }
    Some(all)
}

fn empty_groups(plan: &Plan, layer: usize) -> Vec<GroupCost> {
    let group = |kv_head| GroupCost {
        layer,
        kv_head,
        cost: Cost::default(),
    };
    (0..plan.heads.kv_heads_per_layer).map(group).collect()
}

fn sparsities(
    plan: &Plan,
    layer: usize,
    patterns: &[HeadPattern],
    probabilities: &[Option<OfProbabilities>],
) -> Vec<HeadSparsity> {
    let lengths = &plan.heads.lengths[plan.rows.clone()];
    let elements: u64 = lengths.iter().map(|length| *length as u64).sum();
    let of = |(head, pattern): (usize, &HeadPattern)| {
        let played = pattern.codes.slice(s![plan.rows.clone(), ..]);
        let survivors = played.iter().filter(|code| **code != 0).count() as u64;
        HeadSparsity {
            layer,
            head,
            rows: lengths.len() as u64,
            elements,
            survivors,
            pruned_share: 1.0 - survivors as f64 / elements.max(1) as f64,
            differing_codes: probabilities[head].as_ref().and_then(|of| of.differing),
            query_effective_bits: pattern.effective_bits,
        }
    };
    patterns.iter().enumerate().map(of).collect()
}

impl Played {
    fn of(plan: &Plan, groups: &[&[HeadRowCodes]], run: Run) -> Result<Self, Error> {
        let time = |c: &Configuration| timing(plan, c, groups, run);
        let (own, twin) = rayon::join(|| time(plan.configuration), || time(&plan.twin));
        let ((own, value_reads), (twin, _)) = (own?, twin?);
        let maps: Vec<SurvivorMap> = groups
            .par_iter()
            .map(|heads| survivors(plan, heads, run))
            .collect();
        let rows = match run {
            Run::Whole => plan.rows.len(),
            Run::Step(_) => 1,
        };
        let cost = |(group, map): (usize, &SurvivorMap)| Cost {
            rows: (rows * plan.heads.heads_per_group()) as u64,
            elements: map.elements(),
            survivors: map.survivors(),
            value_reads: value_reads[group],
            cycles: own.head_cycles[group],
            bound_cycles: own.head_bounds[group],
            int8_twin_cycles: twin.head_cycles[group],
        };
        let mut encodings = EncodingBits::default();
        for map in &maps {
            encodings += EncodingBits::of(map, plan.configuration.stored_code_bits());
        }
        Ok(Played {
            counters: own.counters,
            costs: maps.iter().enumerate().map(cost).collect(),
            encodings,
            external: External::of(plan, groups, &maps, [&own, &twin])?,
        })
    }
}

/// Cycles of one run, and the value reads of each group.
fn timing(
    plan: &Plan,
    c: &Configuration,
    groups: &[&[HeadRowCodes]],
    run: Run,
) -> Result<(Timing, Vec<u64>), Error> {
    let mut workload = Workload::new(c);
    for heads in groups {
        match run {
            Run::Whole => push_rows(&mut workload, c, plan.heads.keys, heads)?,
            Run::Step(row) => push_step(&mut workload, c, row, heads)?,
        }
    }
    let visits: Vec<u64> = workload.costs().map(|cost| cost.visits).collect();
    let per_group = (visits.len() / groups.len().max(1)).max(1);
    let reads = visits.chunks(per_group).map(|group| group.iter().sum());
    Ok((Timing::of(c, &workload)?, reads.collect()))
}

/// What a group's rows keep in one run, in the order in which they are played.
fn survivors(plan: &Plan, heads: &[HeadRowCodes], run: Run) -> SurvivorMap {
    match run {
        Run::Whole => rows_survivors(heads, plan.heads.keys, plan.rows.clone()),
        Run::Step(row) => {
            let mut map = SurvivorMap::new(plan.heads.lengths[row]);
            for head in heads {
                push(&mut map, head, row);
            }
            map
        }
    }
}

/// What these rows of a group's heads keep; every head begins a new query block.
pub fn rows_survivors(heads: &[HeadRowCodes], keys: usize, rows: Range<usize>) -> SurvivorMap {
    let mut map = SurvivorMap::new(keys);
    for (index, head) in heads.iter().enumerate() {
        if index > 0 {
            map.end_block();
        }
        for row in rows.clone() {
            push(&mut map, head, row);
        }
    }
    map
}

fn push(map: &mut SurvivorMap, head: &HeadRowCodes, row: usize) {
    let (codes, length, largest) = head.row(row);
    map.push_row_with_largest(codes, length, largest);
}
