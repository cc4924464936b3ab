//! What moves between external memory and the unit, and what follows for time and energy.

use super::layer::{Plan, rows_survivors};
use super::report::{
    Cost, Crossover, EnergyStudy, KeysTraffic, Phase, ResidentCache, Roofline, RooflinePoint,
    StrategyEnergy, StrategyTraffic, TrafficStudy,
};
use crate::Error;
use crate::timing::{HeadRowCodes, Timing};
use logattn_golden::{Configuration, Input};
use logattn_sim::energy::{Activity, Operation, Operations, Part as OperationPart, energy};
use logattn_sim::memory::{
    Bandwidth, BandwidthModel, BlockTraffic, ExpectedTraffic, GroupShape, Strategy, SurvivorMap,
    Traffic, by_query_block, traffic,
};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Keys at which [`KeysTraffic`] begins; it doubles from there.
const FEWEST_KEYS: usize = 16;

/// One strategy, over some runs.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    traffic: Traffic,
    bandwidth: Bandwidth,
    twin_bandwidth: Bandwidth,
    activity: Activity,
    twin_activity: Activity,
}

/// Traffic at one number of keys.
#[derive(Clone, Copy, Debug, Default)]
struct AtKeys {
    rows: usize,
    elements: u64,
    survivors: u64,
    bytes: [u64; 3],
}

/// External traffic of some runs. Everything adds up.
#[derive(Clone, Debug, Default)]
pub struct External {
    /// In the order of [`Strategy::ALL`].
    parts: [Part; 3],
    by_query_block: Vec<BlockTraffic>,
    by_keys: BTreeMap<usize, AtKeys>,
    /// Bytes in whole bursts if the cache stays on chip between steps; 0 in prefill.
    resident_bytes: u64,
}

impl External {
    /// Of one run of all groups of a layer.
    ///
    /// # Arguments
    /// - `timings`: of the unit and of its twin.
    pub fn of(
        plan: &Plan,
        groups: &[&[HeadRowCodes]],
        maps: &[SurvivorMap],
        timings: [&Timing; 2],
    ) -> Result<Self, Error> {
        let shape = shape(plan);
        let (c, dram) = (plan.configuration, &plan.options.dram);
        let mut external = External::default();
        for (part, strategy) in external.parts.iter_mut().zip(Strategy::ALL) {
            for map in maps {
                let activity =
                    |c: &Configuration| Activity::of_new_keys(c, map, strategy, shape.new_keys);
                part.traffic += traffic(&shape, map, strategy, c.query_block, dram);
                part.activity += activity(c);
                part.twin_activity += activity(&plan.twin);
            }
            part.bandwidth = bandwidth(plan, strategy, maps, timings[0])?;
            // The twin prunes nothing: what it skips is nothing.
            let dense = match strategy {
                Strategy::Skip => Strategy::DenseRefetch,
                other => other,
            };
            part.twin_bandwidth = bandwidth(plan, dense, maps, timings[1])?;
        }
        if plan.options.phase == Phase::Decode {
            let resident = resident_shape(plan);
            let bytes = maps.iter().map(|map| {
                traffic(&resident, map, Strategy::LoadOnce, c.query_block, dram).burst_bytes
            });
            external.resident_bytes = bytes.sum();
        }
        let curves: Vec<Vec<BlockTraffic>> =
            maps.par_iter().map(|map| block_curve(plan, map)).collect();
        for curve in curves {
            add_curve(&mut external.by_query_block, &curve);
        }
        for (keys, at) in at_keys(plan, groups, maps) {
            external.by_keys.entry(keys).or_default().add(&at);
        }
        Ok(external)
    }

    /// Adds other runs.
    pub fn add(&mut self, other: &External) {
        for (sum, more) in self.parts.iter_mut().zip(&other.parts) {
            sum.traffic += more.traffic;
            sum.bandwidth += more.bandwidth;
            sum.twin_bandwidth += more.twin_bandwidth;
            sum.activity += more.activity;
            sum.twin_activity += more.twin_activity;
        }
        add_curve(&mut self.by_query_block, &other.by_query_block);
        self.resident_bytes += other.resident_bytes;
        for (keys, at) in &other.by_keys {
            self.by_keys.entry(*keys).or_default().add(at);
        }
    }

    /// The traffic of everything.
    pub fn traffic(&self, plan: &Plan, total: &Cost) -> TrafficStudy {
        let strategies: Vec<StrategyTraffic> = Strategy::ALL
            .iter()
            .zip(&self.parts)
            .map(|(strategy, part)| StrategyTraffic {
                strategy: *strategy,
                traffic: part.traffic,
                on_chip: Operations::of(plan.configuration, &part.activity).level_bits(),
                int8_twin_on_chip: twin_operations(plan, part).level_bits(),
                bandwidth: part.bandwidth,
                int8_twin_bandwidth: part.twin_bandwidth,
            })
            .collect();
        let by_keys: Vec<KeysTraffic> = self
            .by_keys
            .iter()
            .map(|(keys, at)| KeysTraffic {
                keys: *keys,
                rows: at.rows,
                survivors_share: at.survivors as f64 / at.elements.max(1) as f64,
                dense_refetch_bytes: at.bytes[0],
                load_once_bytes: at.bytes[1],
                skip_bytes: at.bytes[2],
            })
            .collect();
        let winner = strategies
            .iter()
            .min_by_key(|part| part.traffic.burst_bytes)
            .map_or(Strategy::LoadOnce, |part| part.strategy);
        TrafficStudy {
            dram: plan.options.dram,
            crossover: self.crossover(plan, total, &by_keys),
            strategies,
            by_query_block: self.by_query_block.clone(),
            by_keys,
            winner,
            load_once_on_chip_bytes: shape(plan).on_chip_bytes(plan.heads.keys),
            resident_cache: self.resident_cache(plan),
        }
    }

    fn resident_cache(&self, plan: &Plan) -> Option<ResidentCache> {
        let heads = plan.heads;
        let groups = (heads.layers.len() * heads.kv_heads_per_layer) as u64;
        (plan.options.phase == Phase::Decode).then(|| ResidentCache {
            on_chip_bytes: groups * shape(plan).on_chip_bytes(heads.keys),
            burst_bytes: self.resident_bytes,
        })
    }

    fn crossover(&self, plan: &Plan, total: &Cost, by_keys: &[KeysTraffic]) -> Crossover {
        let (heads, c) = (plan.heads, plan.configuration);
        let query_heads = heads.heads_per_group();
        // Rows of all keys: under a causal mask as many as have together as many keys.
        let rows = match plan.options.phase {
            Phase::Prefill => {
                let all = (total.rows / query_heads as u64).max(1);
                let elements = total.elements * plan.rows.len() as u64 / all;
                elements.div_ceil(heads.keys as u64) as usize
            }
            Phase::Decode => query_heads,
        };
        let expected = ExpectedTraffic {
            shape: shape(plan),
            keys: heads.keys,
            rows,
            dram: plan.options.dram,
        };
        let measured = total.pruned_share();
        let mut curve = self.by_query_block.iter();
        let first = curve.find(|at| at.skip_bytes < at.load_once_bytes);
        let mut lengths = by_keys.iter();
        let shortest = lengths.find(|at| at.skip_bytes < at.load_once_bytes);
        Crossover {
            query_block: first.map(|at| at.query_block),
            rows: expected
                .crossover_rows(c.query_block, measured)
                .map(|rows| rows as u64),
            sparsity: expected.crossover_sparsity(c.query_block),
            measured_sparsity: measured,
            keys: shortest.map(|at| at.keys),
            most_keys: expected
                .crossover_keys(query_heads, c.query_block, measured)
                .map(|keys| keys as u64),
        }
    }

    /// Energy of everything, by each table.
    pub fn energy(&self, plan: &Plan) -> Vec<EnergyStudy> {
        let tables = plan.options.energy.iter();
        tables
            .map(|table| {
                let priced = |strategy: &Strategy, part: &Part, operations: &Operations| {
                    let bits = 8 * part.traffic.burst_bytes;
                    StrategyEnergy {
                        strategy: *strategy,
                        energy: energy(table, operations, bits),
                    }
                };
                let own = |part: &Part| Operations::of(plan.configuration, &part.activity);
                let parts = || Strategy::ALL.iter().zip(&self.parts);
                EnergyStudy {
                    table: table.name.clone(),
                    nodes_nm: table.nodes_nm(),
                    unit: parts()
                        .map(|(strategy, part)| priced(strategy, part, &own(part)))
                        .collect(),
                    int8_twin: parts()
                        .filter(|(strategy, _)| **strategy != Strategy::Skip)
                        .map(|(strategy, part)| {
                            priced(strategy, part, &twin_operations(plan, part))
                        })
                        .collect(),
                }
            })
            .collect()
    }

    /// Points of a roofline.
    pub fn roofline(&self, plan: &Plan, total: &Cost) -> Roofline {
        let c = plan.configuration;
        let dimension = c.head_dimension as u64;
        let (a_lane, an_element) = match c.input {
            Input::Qkv => (2 * c.keys_per_beat * c.head_dimension, 4 * dimension),
            Input::Probabilities | Input::Scores => (0, 2 * dimension),
        };
        let operations = total.elements * an_element;
        let mut points = Vec::new();
        for (strategy, part) in Strategy::ALL.iter().zip(&self.parts) {
            points.push(RooflinePoint {
                name: strategy.name().to_string(),
                operations,
                bytes: part.traffic.burst_bytes,
                cycles: part.bandwidth.cycles,
            });
        }
        for (strategy, part) in Strategy::ALL.iter().zip(&self.parts).take(2) {
            points.push(RooflinePoint {
                name: format!("int8 twin, {}", strategy.name()),
                operations,
                bytes: part.traffic.burst_bytes,
                cycles: part.twin_bandwidth.cycles,
            });
        }
        Roofline {
            peak_operations_per_cycle: (c.query_block * (2 * c.lanes + a_lane)) as f64,
            bytes_per_cycle: plan.options.dram.bytes_per_cycle,
            points,
        }
    }
}

impl AtKeys {
    fn add(&mut self, other: &AtKeys) {
        self.rows = self.rows.max(other.rows);
        self.elements += other.elements;
        self.survivors += other.survivors;
        for (sum, more) in self.bytes.iter_mut().zip(other.bytes) {
            *sum += more;
        }
    }

    fn of(plan: &Plan, map: &SurvivorMap, rows: usize) -> Self {
        let (c, dram) = (plan.configuration, &plan.options.dram);
        let shape = shape(plan);
        let bytes = |strategy| traffic(&shape, map, strategy, c.query_block, dram).burst_bytes;
        AtKeys {
            rows,
            elements: map.elements(),
            survivors: map.survivors(),
            bytes: Strategy::ALL.map(bytes),
        }
    }
}

/// Sizes of what a group moves. Loading once brings in all keys of a run: in decode the cache of a
/// step, as the unit plays it.
fn shape(plan: &Plan) -> GroupShape {
    GroupShape::of(plan.configuration, plan.heads.keys)
}

/// The same where the cache stays on chip between the steps of decode, so that a step brings in its
/// own key alone.
fn resident_shape(plan: &Plan) -> GroupShape {
    GroupShape::of(plan.configuration, 1)
}

/// Traffic by query block, up to the rows that a block can have: those of one query head in
/// prefill, of all query heads of a group in a step of decode.
fn block_curve(plan: &Plan, map: &SurvivorMap) -> Vec<BlockTraffic> {
    let mut curve = by_query_block(&shape(plan), map, &plan.options.dram);
    if plan.options.phase == Phase::Prefill {
        let rows = plan.rows.len();
        let within = curve.partition_point(|at| at.query_block < rows);
        curve.truncate(within + 1);
        if let Some(last) = curve.last_mut() {
            last.query_block = rows;
        }
    }
    curve
}

/// What the twin does, and what somebody has to do for it: it is given probabilities, and where ours
/// makes the scores itself, another engine makes the twin's.
fn twin_operations(plan: &Plan, part: &Part) -> Operations {
    let mut twin = Operations::of(&plan.twin, &part.twin_activity);
    let ours = Operations::of(plan.configuration, &part.activity);
    let engine = |operation: &&Operation| operation.part == OperationPart::ScoreEngine;
    twin.list.extend(ours.list.iter().filter(engine).cloned());
    twin
}

fn bandwidth(
    plan: &Plan,
    strategy: Strategy,
    maps: &[SurvivorMap],
    timing: &Timing,
) -> Result<Bandwidth, Error> {
    let c = plan.configuration;
    let shape = shape(plan);
    let mut model = BandwidthModel::new(strategy, c.value_banks, &plan.options.dram);
    let blocks = timing.block_bounds.len() / maps.len().max(1);
    for (map, bounds) in maps.iter().zip(timing.block_bounds.chunks(blocks.max(1))) {
        model.push_group(&shape, map, c.query_block, bounds)?;
    }
    Ok(model.finish())
}

/// Adds a curve to another of equally many rows a group, or to nothing.
fn add_curve(sum: &mut Vec<BlockTraffic>, more: &[BlockTraffic]) {
    if sum.is_empty() {
        sum.extend_from_slice(more);
        return;
    }
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += *more;
    }
}

/// Traffic by keys: of the prefixes of a causal text, which are texts of their own; of a step by
/// its keys; else of all keys alone.
fn at_keys(plan: &Plan, groups: &[&[HeadRowCodes]], maps: &[SurvivorMap]) -> Vec<(usize, AtKeys)> {
    let heads = plan.heads;
    let doubling = |keys: usize| {
        let marks = std::iter::successors(Some(FEWEST_KEYS), |mark| mark.checked_mul(2));
        marks
            .take_while(|mark| *mark < keys)
            .collect::<Vec<usize>>()
    };
    match plan.options.phase {
        Phase::Decode => {
            let keys = maps.first().map_or(0, SurvivorMap::keys);
            let wanted = keys == heads.keys || doubling(heads.keys).contains(&keys);
            let maps = maps.iter().filter(|_| wanted);
            maps.map(|map| (keys, AtKeys::of(plan, map, 1))).collect()
        }
        Phase::Prefill => {
            // Rows of the text's beginning alone make a shorter text.
            let whole = heads.lengths.first() == Some(&1);
            let prefixes = match heads.causal && whole {
                true => doubling(heads.keys),
                false => Vec::new(),
            };
            let prefixes = prefixes.par_iter().flat_map_iter(|keys| {
                groups.iter().map(|heads| {
                    let map = rows_survivors(heads, *keys, 0..*keys);
                    (*keys, AtKeys::of(plan, &map, *keys))
                })
            });
            let mut all: Vec<(usize, AtKeys)> = prefixes.collect();
            let rows = plan.rows.len();
            all.extend(
                maps.iter()
                    .map(|map| (heads.keys, AtKeys::of(plan, map, rows))),
            );
            all
        }
    }
}
