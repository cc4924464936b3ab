//! What the numbers say, in words.

use super::document::Text;
use super::plots::{STRATEGIES, look};
use super::scale::{bytes, count, digits, picojoules};
use crate::percent;
use crate::study::{EnergyStudy, Phase, StrategyEnergy, StrategyTraffic, Study};
use logattn_sim::memory::Strategy;

/// The phase and what it means.
pub fn phase(study: &Study) -> &'static str {
    match study.phase {
        Phase::Prefill => {
            "prefill: all queries of the text at once, keys and values loaded once a head"
        }
        Phase::Decode => {
            "decode: one query of each head at a time, over a cache that grows by a key a step"
        }
    }
}

/// How often something is something else: "3.2 times", "as many".
pub fn times(large: f64, small: f64) -> String {
    if small > 0.0 {
        format!("{} times", digits(large / small))
    } else {
        "infinitely many times".into()
    }
}

/// The findings, most important first.
pub fn summary(study: &Study) -> Vec<Text> {
    let total = &study.total;
    let mut items = vec![
        Text::default()
            .strong(format!("{} pruned", percent(total.pruned_share())))
            .plain(format!(
                ": {} of {} attention values survive.",
                count(total.survivors as f64),
                count(total.elements as f64)
            )),
        Text::default()
            .strong(format!(
                "{} fewer cycles",
                times(total.twin_over_cycles(), 1.0)
            ))
            .plain(format!(
                " than the int8 twin: {} against {}; the bound is {}, cycles / bound {:.3}.",
                count(total.cycles as f64),
                count(total.int8_twin_cycles as f64),
                count(total.bound_cycles as f64),
                total.over_bound()
            )),
    ];
    items.push(winner(study));
    items.push(skipping(study));
    items.extend(bandwidth(study));
    items
}

/// Traffic of a strategy, if it was studied.
fn of(study: &Study, strategy: Strategy) -> Option<&StrategyTraffic> {
    let mut all = study.traffic.strategies.iter();
    all.find(|found| found.strategy == strategy)
}

fn moved(study: &Study, strategy: Strategy) -> f64 {
    of(study, strategy).map_or(0.0, |found| found.traffic.burst_bytes as f64)
}

/// The strategy that moves the fewest bytes, beside both others.
pub fn winner(study: &Study) -> Text {
    let winner = study.traffic.winner;
    let least = moved(study, winner);
    let others: Vec<String> = STRATEGIES
        .into_iter()
        .filter(|strategy| *strategy != winner)
        .map(|strategy| {
            let bytes_moved = moved(study, strategy);
            format!(
                "{} {} ({})",
                look(strategy).0,
                bytes(bytes_moved),
                times(bytes_moved, least)
            )
        })
        .collect();
    let text = Text::default()
        .strong(format!("External traffic: {} wins", look(winner).0))
        .plain(format!(
            " with {} at query block B = {}; {}.",
            bytes(least),
            study.shape.query_block,
            others.join(", ")
        ));
    let text = if winner == Strategy::LoadOnce {
        let room = bytes(study.traffic.load_once_on_chip_bytes as f64);
        text.plain(format!(
            " It keeps {room} of keys and values of a head on chip."
        ))
    } else {
        text
    };
    match study.traffic.resident_cache {
        None => text,
        Some(cache) => text.plain(format!(
            " If the cache of all layers and heads ({}) stayed on chip between steps, which the unit \
             as generated does not do, {} would be left to move.",
            bytes(cache.on_chip_bytes as f64),
            bytes(cache.burst_bytes as f64)
        )),
    }
}

/// Where skipping wins and where it loses.
pub fn skipping(study: &Study) -> Text {
    let [dense, once, skip] = STRATEGIES.map(|strategy| moved(study, strategy));
    let share = skip / dense.max(1.0);
    let against_dense = if share < 0.995 {
        format!(
            "Skipping moves {} of what dense re-fetch does",
            percent(share)
        )
    } else {
        "Skipping saves nothing against dense re-fetch: each block's survivors touch all bursts"
            .to_string()
    };
    let text = Text::default();
    if skip < once {
        return text.strong("Skipping wins here.").plain(format!(
            " {against_dense}, and {} of what loading once does.",
            percent(skip / once.max(1.0))
        ));
    }
    let against_once = format!("{} what loading once does", times(skip, once));
    text.strong("Skipping loses here.").plain(format!(
        " {against_dense}, but {against_once}. In this run pruning saves cycles, not traffic."
    ))
}

/// Where the crossovers are.
pub fn crossovers(study: &Study) -> Vec<Text> {
    let crossover = &study.traffic.crossover;
    let block = study.shape.query_block;
    let by_block = match crossover.query_block {
        Some(block) => format!(
            "Query block: the smallest at which skip moves fewer bytes than load once is B = {block} rows."
        ),
        None => {
            "Query block: at none of the curve's sizes does skip move fewer bytes than load once."
                .to_string()
        }
    };
    let measured = percent(crossover.measured_sparsity);
    let by_rows = match crossover.rows {
        Some(0) => format!(
            "Rows: at the measured {measured} pruned and B = {block}, skip loses to load once even if \
             a single row uses a load of the values."
        ),
        Some(rows) => format!(
            "Rows: at the measured {measured} pruned and B = {block}, skip beats load once while a \
             load of the values serves at most {rows} row{} of all keys (keys taken to be pruned \
             independently).",
            if rows == 1 { "" } else { "s" }
        ),
        None => format!(
            "Rows: at the measured {measured} pruned and B = {block}, skip wins for any number of \
             rows that share a load."
        ),
    };
    let by_sparsity = match crossover.sparsity {
        Some(sparsity) => format!(
            "Sparsity: with as many rows as here and B = {block}, skip moves fewer bytes than load \
             once above {:.2} % pruned; measured: {measured} (keys taken to be pruned independently).",
            100.0 * sparsity
        ),
        None => format!(
            "Sparsity: with as many rows as here and B = {block}, no sparsity makes skip move fewer \
             bytes than load once."
        ),
    };
    let measured_keys = match crossover.keys {
        Some(keys) => {
            format!("Keys: of the lengths studied, skip beats load once from N = {keys} on")
        }
        None => "Keys: at none of the lengths studied does skip beat load once".to_string(),
    };
    let by_keys = match (study.phase, crossover.most_keys) {
        (Phase::Decode, _) => format!("{measured_keys}."),
        (_, Some(0)) => format!(
            "{measured_keys}; at the measured sparsity and B = {block} it is expected to at none."
        ),
        (_, Some(keys)) => format!(
            "{measured_keys}; in prefill of N rows over N keys at the measured sparsity and B = {block} it is expected to up to N = {keys}."
        ),
        (_, None) => format!(
            "{measured_keys}; at the measured sparsity and B = {block} it is expected to at every length."
        ),
    };
    [by_block, by_rows, by_sparsity, by_keys]
        .map(Text::from)
        .to_vec()
}

/// The fastest strategy under the bandwidth limit.
pub fn bandwidth(study: &Study) -> Option<Text> {
    let best = study
        .traffic
        .strategies
        .iter()
        .min_by_key(|of| of.bandwidth.cycles)?;
    let twin = study
        .traffic
        .strategies
        .iter()
        .map(|of| of.int8_twin_bandwidth.cycles)
        .min()?;
    let limit = digits(study.traffic.dram.bytes_per_cycle);
    let stall = best.bandwidth.stall_cycles as f64 / best.bandwidth.cycles.max(1) as f64;
    Some(
        Text::default()
            .strong(format!(
                "At {limit} bytes a cycle {} is fastest",
                look(best.strategy).0
            ))
            .plain(format!(
                ": {} cycles (blocks at their bounds, without the ends of runs), {} of them waiting for \
                 memory; the int8 twin's fastest strategy takes {} as many.",
                count(best.bandwidth.cycles as f64),
                percent(stall),
                times(twin as f64, best.bandwidth.cycles as f64)
            )),
    )
}

/// The design and strategy that takes the least energy by a table, beside the twin.
pub fn energy(study: &EnergyStudy) -> Text {
    let table = Text::default().plain("By ").code(&study.table).plain(": ");
    let least = |of: &[StrategyEnergy]| {
        of.iter()
            .min_by(|a, b| a.energy.total_high().total_cmp(&b.energy.total_high()))
            .map(|of| (of.strategy, of.energy.clone()))
    };
    let (Some((own, unit)), Some((other, twin))) = (least(&study.unit), least(&study.int8_twin))
    else {
        return table;
    };
    let range = |low: f64, high: f64| format!("{} to {}", picojoules(low), picojoules(high));
    table
        .strong(format!("the unit takes least with {}", look(own).0))
        .plain(format!(
            ", {}, of which {} on the unit itself; the int8 twin takes least with {}, {}, of which {} \
             on the twin itself. On chip alone the twin takes {} as much.",
            range(unit.total_low(), unit.total_high()),
            picojoules(unit.on_chip()),
            look(other).0,
            range(twin.total_low(), twin.total_high()),
            picojoules(twin.on_chip()),
            times(twin.on_chip(), unit.on_chip())
        ))
}

/// What the traffic says, in plain text: which strategy moves the fewest bytes, where skipping wins
/// and loses, where that changes.
pub fn traffic_findings(study: &Study) -> impl Iterator<Item = String> {
    let first = [winner(study), skipping(study)];
    first
        .into_iter()
        .chain(crossovers(study))
        .map(|text| text.to_string())
}
