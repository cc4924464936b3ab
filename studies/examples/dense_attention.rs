//! Cycles of the unit on one dense head, part by part, as JSON: what `scripts/scale_sim_check`
//! holds against SCALE-Sim.
//!
//! Arguments: tokens (default 512), configuration with `input = "qkv"` (default `base`).
//!
//! Three runs: Q K^T alone (every row keeps its largest key only, so that the score engine is what
//! limits the unit), P V alone (the int8 twin, which takes probabilities and visits every key), and
//! both (the unit itself with every key kept, where the products of the next rows overlap the sums
//! of this one). `parts` are derived from the configuration's latencies; `cycles` come from the
//! simulator. They must add up.

use logattn_golden::microarchitecture::{code_latency, normalizer_stages, preparation_cycles};
use logattn_golden::{Accumulate, Configuration};
use logattn_sim::{BlockRows, Ports, Run, Workload, simulate};
use serde_json::{Value, json};
use std::error::Error;

/// Cycles from a code's register to the visit of its key, if nothing is in the way: selector, its
/// queue's write, read and output register, and the visit.
const CODE_TO_VISIT: usize = 5;

/// Cycles between the last visit of a row and its first output beat, without the normalizer's own:
/// value register, sum, capture, normalizer.
const VISIT_TO_OUTPUT: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let tokens: usize = arguments.next().map_or(Ok(512), |text| text.parse())?;
    let name = arguments.next().unwrap_or_else(|| "base".to_string());
    // The stages that the parts below count are those of units without further registers.
    let unit = Configuration {
        pipeline_depth: 1,
        accumulate: Accumulate::Shift,
        ..Configuration::named(&name)?
    };
    let twin = unit.int8_twin();
    let (beats, visits) = (unit.beats(tokens), tokens * unit.passes());
    let stream = |per_row: usize| tokens * per_row;
    let runs = [
        report(&unit, "scores", &head(&unit, tokens, 1)?, stream(beats)),
        report(
            &twin,
            "values",
            &head(&twin, tokens, tokens)?,
            stream(visits),
        ),
        report(
            &unit,
            "attention",
            &head(&unit, tokens, tokens)?,
            stream(beats.max(visits)),
        ),
    ];
    let document = json!({
        "configuration": unit.name,
        "tokens": tokens,
        "head_dimension": unit.head_dimension,
        "keys_per_beat": unit.keys_per_beat,
        "lanes": unit.lanes,
        "runs": runs.into_iter().collect::<Result<Vec<Value>, _>>()?,
    });
    println!("{document:#}");
    Ok(())
}

/// A head of `tokens` rows, each of which keeps its first `kept` keys.
fn head(c: &Configuration, tokens: usize, kept: usize) -> Result<Run, Box<dyn Error>> {
    let row: Vec<u8> = (0..tokens).map(|key| u8::from(key < kept)).collect();
    let mut workload = Workload::new(c);
    let block = BlockRows::new(tokens, [&row[..]]).with_largest(Some(0));
    workload.push_head(tokens, vec![block; tokens])?;
    Ok(simulate(c, &workload, &Ports::free())?)
}

/// A run and what its cycles are made of.
fn report(
    c: &Configuration,
    name: &str,
    run: &Run,
    stream: usize,
) -> Result<Value, Box<dyn Error>> {
    let tokens = usize::try_from(run.counters.rows)?;
    let last = run.transfers.last().ok_or("no output")?;
    let cycles = usize::try_from(last + 1)?;
    let load = tokens * c.passes() + 1;
    let scores = c.score_parameters().is_some();
    // Probabilities wait before the values do: what comes before a visit is hidden in the load.
    let (codes, queue) = match scores {
        true => (code_latency(c, tokens) - 1, CODE_TO_VISIT),
        false => (0, 0),
    };
    let parts = [
        (
            "load",
            load,
            "keys or values of the head: one a cycle, and a cycle to write the last",
        ),
        (
            "codes",
            codes,
            "from the first product to the first code: the row passes three times",
        ),
        ("queue", queue, "from the first code to the first visit"),
        ("stream", stream, "the rows, without a gap"),
        (
            "normalizer",
            VISIT_TO_OUTPUT + normalizer_stages(c) + preparation_cycles(c) as usize,
            "between the last visit and the first output beat of the last row",
        ),
        ("output", c.output_beats(), "output beats of the last row"),
    ];
    let explained: usize = parts.iter().map(|(_, cycles, _)| cycles).sum();
    let parts: Vec<Value> = parts
        .iter()
        .map(|(part, cycles, meaning)| json!({"part": part, "cycles": cycles, "meaning": meaning}))
        .collect();
    Ok(json!({
        "run": name,
        "cycles": cycles,
        "bound": stream,
        "explained": explained,
        "value_reads": run.counters.value_reads,
        "keys": run.counters.keys,
        "parts": parts,
    }))
}
