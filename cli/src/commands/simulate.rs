//! `logattn simulate`: exact cycles on a whole capture.

use super::Verdict;
use crate::configuration::{ConfigurationArgument, input_name};
use crate::console::Console;
use crate::error::Error;
use crate::files::PendingFile;
use crate::input::{self, Input};
use crate::progress;
use crate::softmax::{Precision, differing_codes};
use crate::table::{Table, grouped, percent};
use crate::timing::{Timing, counters, described, push_head};
use clap::Args;
use logattn_captures::Capture;
use logattn_golden::{Configuration, UnitAttention};
use logattn_hdl::unit::configuration_hash;
use logattn_sim::{Counters, Workload};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;

const HELP: &str = "Examples:
  logattn simulate --config edge --input demo
  logattn simulate --config edge_qkv --input demo            the same from int8 Q and K on
  logattn simulate --config base --input heads.safetensors --json base.json

All heads run back to back through one unit whose streams are never held up from outside. The
input is a safetensors file with q, k, v of [heads, tokens, D] (F32, F16, BF16 or I8 with q_scale,
k_scale, v_scale), or probabilities of [heads, rows, tokens] with v (for units that take
probabilities); optionally mask of [tokens], which may mask tokens at the end alone where a unit
takes scores or Q and K. These are the int8 keys of the file and queries quantized with a scale that
is a power of two, so that scores are base-2 logits.
In the JSON, `fields` tells the meaning and the unit of every field.";

/// Arguments of `logattn simulate`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// Capture, a safetensors file, or `demo` for the embedded one
    #[arg(long, value_name = "FILE")]
    input: String,
    /// Write the result as JSON
    #[arg(long, value_name = "FILE.json")]
    json: Option<PathBuf>,
}

/// Heads whose codes are in memory at a time, for each thread.
const HEADS_A_THREAD: usize = 4;

/// Meaning and unit of every field of [`Report`].
const FIELDS: [(&str, &str); 24] = [
    ("logattn", "version of the program"),
    ("configuration", "name of the configuration"),
    (
        "configuration_sha256",
        "first 16 bytes of the SHA-256 of the configuration's TOML, in hexadecimal",
    ),
    (
        "input_kind",
        "what the unit takes for each key: probabilities, scores or qkv",
    ),
    ("input", "file of the capture"),
    (
        "model",
        "model that the capture was made from, null if the file does not say",
    ),
    ("layers", "layers of the capture"),
    (
        "heads",
        "heads of the capture, all layers together, all of them simulated back to back",
    ),
    (
        "rows_per_head",
        "rows (queries) of each head that were simulated: those not masked",
    ),
    (
        "keys_per_row",
        "keys N of each row, up to the last that is not masked",
    ),
    ("head_dimension", "elements D of a value vector"),
    (
        "cycles",
        "clock cycles from the start to the last output beat of the last head",
    ),
    (
        "bound_cycles",
        "clock cycles; sum over the query blocks of max(ceil(N / W), survivors x D / lanes), what they would cost in steady state one by one; with complement normalization a row's largest key counts as a survivor",
    ),
    (
        "cycles_over_bound",
        "cycles / bound_cycles; under 1 where the survivors' queue evens out long and short rows",
    ),
    (
        "int8_twin_cycles",
        "clock cycles of the int8 twin (same lanes and rate, nothing pruned) on the same heads",
    ),
    (
        "twin_over_cycles",
        "int8_twin_cycles / cycles: how many times faster than the twin",
    ),
    (
        "survivors_per_row",
        "keys whose code is not 0, mean over all rows of all heads",
    ),
    (
        "pruned_share",
        "share of all keys of all rows whose code is 0, from 0 to 1",
    ),
    (
        "head_cycles",
        "clock cycles of each head: from the last output beat of the head before to its own last",
    ),
    (
        "softmax_differing_codes",
        "keys of all rows whose code is another than that of the float softmax's probability p, which has at least code i iff p >= 2^(score_thresholds[i - 1] / 2^fraction_bits); null with probabilities",
    ),
    (
        "softmax_differing_share",
        "the same as a share of all keys of all rows, from 0 to 1; null with probabilities",
    ),
    (
        "query_effective_bits",
        "bits of a query's element that its power-of-two scale leaves of 8: of the head with the fewest, and the mean over heads; null with probabilities",
    ),
    ("head_pruned_share", "as pruned_share, of each head"),
    (
        "counters",
        "the unit's counters at the end, over the whole run: described in counters_fields",
    ),
];

/// The result; [`FIELDS`] says what is what.
#[derive(Serialize)]
struct Report {
    logattn: &'static str,
    configuration: String,
    configuration_sha256: String,
    input_kind: &'static str,
    input: String,
    model: Option<String>,
    layers: usize,
    heads: usize,
    rows_per_head: usize,
    keys_per_row: usize,
    head_dimension: usize,
    cycles: u64,
    bound_cycles: u64,
    cycles_over_bound: f64,
    int8_twin_cycles: u64,
    twin_over_cycles: f64,
    survivors_per_row: f64,
    pruned_share: f64,
    softmax_differing_codes: Option<u64>,
    softmax_differing_share: Option<f64>,
    query_effective_bits: Option<Precision>,
    head_cycles: Vec<u64>,
    head_pruned_share: Vec<f64>,
    counters: Counters,
}

/// The unit's and the twin's heads.
struct Heads {
    workload: Workload,
    twin_workload: Workload,
    pruned: Vec<usize>,
    differing: Option<u64>,
    effective_bits: Vec<f64>,
}

/// What is computed of a head on its own.
struct HeadRun {
    own: UnitAttention,
    twin: UnitAttention,
    differing: Option<u64>,
    effective_bits: Option<f64>,
}

/// Simulates and reports.
///
/// # Errors
/// A capture that cannot be read or does not fit, JSON that cannot be written.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    let configuration = arguments.configuration.load()?;
    let capture = input::load(&arguments.input)?;
    let input = Input::new(&capture, &configuration)?;
    let file = arguments
        .json
        .as_deref()
        .map(PendingFile::new)
        .transpose()?;
    let report = report(&configuration, &capture, &input)?;
    print(&report, console)?;
    if let Some(file) = file {
        file.finish(format!("{:#}\n", document(&report)).as_bytes())?;
    }
    Ok(Verdict::Success)
}

fn report(c: &Configuration, capture: &Capture, input: &Input) -> Result<Report, Error> {
    let twin = c.int8_twin();
    let heads = heads(c, &twin, input)?;
    let timing = Timing::of(c, &heads.workload)?;
    let twin_timing = Timing::of(&twin, &heads.twin_workload)?;
    let elements = (input.rows.len() * input.keys) as f64;
    let rows = (capture.heads() * input.rows.len()) as f64;
    let all = rows * input.keys as f64;
    let head_pruned_share: Vec<f64> = heads
        .pruned
        .iter()
        .map(|pruned| *pruned as f64 / elements)
        .collect();
    Ok(Report {
        logattn: env!("CARGO_PKG_VERSION"),
        configuration: c.name.clone(),
        configuration_sha256: configuration_hash(c)?,
        input_kind: input_name(c.input),
        input: capture.name().to_string(),
        model: capture.metadata().model.clone(),
        layers: capture.layers(),
        heads: capture.heads(),
        rows_per_head: input.rows.len(),
        keys_per_row: input.keys,
        head_dimension: capture.head_dimension(),
        cycles: timing.cycles,
        bound_cycles: timing.bound,
        cycles_over_bound: timing.over_bound(),
        int8_twin_cycles: twin_timing.cycles,
        twin_over_cycles: twin_timing.cycles as f64 / timing.cycles.max(1) as f64,
        survivors_per_row: timing.counters.survivors as f64 / rows,
        pruned_share: head_pruned_share.iter().sum::<f64>() / capture.heads() as f64,
        softmax_differing_codes: heads.differing,
        softmax_differing_share: heads.differing.map(|codes| codes as f64 / all),
        query_effective_bits: Precision::of(&heads.effective_bits),
        head_cycles: timing.head_cycles,
        head_pruned_share,
        counters: timing.counters,
    })
}

/// Codes of all heads, some heads at a time in parallel.
fn heads(c: &Configuration, twin: &Configuration, input: &Input) -> Result<Heads, Error> {
    let mut all = Heads {
        workload: Workload::new(c),
        twin_workload: Workload::new(twin),
        pruned: Vec::new(),
        differing: None,
        effective_bits: Vec::new(),
    };
    let heads: Vec<usize> = (0..input.capture.heads()).collect();
    let progress = progress::bar(heads.len(), "heads");
    for some in heads.chunks(HEADS_A_THREAD * rayon::current_num_threads()) {
        let runs: Vec<HeadRun> = some
            .par_iter()
            .map(|head| head_run(c, twin, input, *head))
            .collect::<Result<_, Error>>()?;
        for run in runs {
            let codes = &run.own.codes;
            push_head(&mut all.workload, c, codes.view(), &run.own.largest)?;
            push_head(&mut all.twin_workload, twin, run.twin.codes.view(), &[])?;
            all.pruned
                .push(codes.iter().filter(|code| **code == 0).count());
            if let Some(differing) = run.differing {
                all.differing = Some(all.differing.unwrap_or(0) + differing);
            }
            all.effective_bits.extend(run.effective_bits);
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    Ok(all)
}

/// One head, by the unit and by the twin.
fn head_run(
    c: &Configuration,
    twin: &Configuration,
    input: &Input,
    index: usize,
) -> Result<HeadRun, Error> {
    let head = input.head(index)?;
    let own = head.attend(c)?;
    Ok(HeadRun {
        twin: input.head_of(twin, index)?.attend(twin)?,
        differing: differing_codes(c, input.probabilities(index)?.view(), own.codes.view()),
        effective_bits: head.effective_bits,
        own,
    })
}

fn print(report: &Report, console: &mut Console) -> Result<(), Error> {
    let r = report;
    console.line(format!(
        "{} on configuration {} (sha256 {}), input {}:\n{} heads of {} layers, {} rows of {} keys each, D = {}",
        r.input,
        r.configuration,
        r.configuration_sha256,
        r.input_kind,
        r.heads,
        r.layers,
        r.rows_per_head,
        r.keys_per_row,
        r.head_dimension
    ))?;
    console.line("")?;
    let mut table = Table::new(&["result", ">value", "meaning"]);
    for (name, value, meaning) in cycle_rows(r).into_iter().chain(score_rows(r)) {
        table.row([name.to_string(), value, meaning]);
    }
    console.line(table)?;
    console.line("")?;
    console.line(counters(&report.counters))
}

/// Name, value and meaning of a result.
type Row = (&'static str, String, String);

fn cycle_rows(r: &Report) -> [Row; 7] {
    [
        (
            "cycles",
            grouped(r.cycles),
            "from the start to the last output beat",
        ),
        (
            "bound",
            grouped(r.bound_cycles),
            "cycles: sum over the query blocks of max(ceil(N / W), survivors x D / lanes)",
        ),
        (
            "cycles / bound",
            format!("{:.4}", r.cycles_over_bound),
            "under 1 where the queue evens out long and short rows",
        ),
        (
            "int8 twin",
            grouped(r.int8_twin_cycles),
            "cycles with 8-bit probabilities, nothing pruned, the same lanes",
        ),
        (
            "int8 twin / cycles",
            format!("{:.2}", r.twin_over_cycles),
            "times faster than the twin",
        ),
        (
            "survivors",
            format!("{:.2}", r.survivors_per_row),
            "keys a row whose code is not 0, mean",
        ),
        ("pruned", percent(r.pruned_share), "of all keys"),
    ]
    .map(|(name, value, meaning)| (name, value, meaning.to_string()))
}

/// What units with scores have besides.
fn score_rows(r: &Report) -> Vec<Row> {
    let differing = r.softmax_differing_codes.zip(r.softmax_differing_share);
    let codes = differing.map(|(codes, share)| {
        let meaning = "codes that are not those of the float softmax, of all keys";
        let name = "differing codes";
        (
            name,
            format!("{:.2} %", 100.0 * share),
            format!("{meaning}: {}", grouped(codes)),
        )
    });
    let precision = r.query_effective_bits.map(|bits| {
        let meaning = "of a query's 8, which its power-of-two scale leaves; mean over heads";
        (
            "effective bits",
            format!("{:.2}", bits.mean),
            format!("{meaning}, lowest {:.2}", bits.lowest),
        )
    });
    codes.into_iter().chain(precision).collect()
}

/// The report as JSON, with the meaning of every field.
fn document(report: &Report) -> Value {
    let mut document = json!(report);
    document["fields"] = FIELDS
        .iter()
        .map(|(name, meaning)| ((*name).to_string(), json!(meaning)))
        .collect();
    document["counters_fields"] = described(&report.counters)
        .iter()
        .map(|(name, _, meaning)| ((*name).to_string(), json!(meaning)))
        .collect();
    document
}
