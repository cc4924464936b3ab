//! `logattn simulate`: cycles, traffic and energy on a whole capture.

use super::Verdict;
use crate::configuration;
use crate::console::Console;
use crate::error::Error;
use crate::files::PendingFile;
use crate::study::{self, StudyArguments};
use crate::table::{Table, counters, grouped, percent};
use clap::Args;
use logattn_sim::memory::Strategy;
use logattn_studies::profile::traffic_findings;
use logattn_studies::study::{EnergyStudy, TrafficStudy, csv, document, fields};
use logattn_studies::{Source, Study};
use std::path::PathBuf;

const HELP: &str = "Examples:
  logattn simulate --config edge --input demo
  logattn simulate --config edge_qkv --input demo            the same from int8 Q and K on
  logattn simulate --config base --input smollm2.safetensors --phase decode --json decode.json
  logattn simulate --config edge --input mask.npy --csv mask.csv
  logattn simulate --fields                                  meaning and unit of every result

All heads of a layer run back to back through one unit whose streams are never held up from outside;
the next layer starts when the last output has left, since it needs all of them. Query heads that
share keys and values follow one another over values that are loaded once. In decode the unit plays
one query of each head at a time, layer by layer, over keys that grow by one a step.

The input is a safetensors file with q of [heads, rows, D], k and v of [KV heads, tokens, D] (F32,
F16, BF16 or I8 with q_scale, k_scale, v_scale), or probabilities of [heads, rows, tokens] with v (for
units that take probabilities); optionally mask of [tokens], which may mask tokens at the end alone
where a unit takes scores or Q and K; metadata `causal` tells a decoder's attention. Or a static mask:
bool [layers, heads, rows, keys] in a .npy file, whose keys survive whatever the thresholds are; where
none of a square mask lies beyond its row's own token, rows are as long as under a causal mask.";

/// Arguments of `logattn simulate`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// A named configuration (see `logattn configs`) or a TOML file
    #[arg(long, value_name = "NAME|FILE", required_unless_present = "fields")]
    config: Option<String>,
    /// Capture, a safetensors file, or `demo` for the embedded one; or a static mask, a .npy file
    #[arg(long, value_name = "FILE", required_unless_present = "fields")]
    input: Option<String>,
    #[command(flatten)]
    study: StudyArguments,
    /// Write the result as JSON
    #[arg(long, value_name = "FILE.json")]
    json: Option<PathBuf>,
    /// Write the costs as CSV: scope (total, layer or group), layer, kv_head, then fields of `total`
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Print meaning, unit and scope of every field of the JSON (and column of the CSV), and end
    #[arg(long, conflicts_with_all = ["json", "csv"])]
    fields: bool,
}

/// Simulates and reports.
///
/// # Errors
/// A capture that cannot be read or does not fit, files that cannot be written.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    if arguments.fields {
        console.line(field_table())?;
        return Ok(Verdict::Success);
    }
    // The parser requires both unless fields are asked for.
    let (Some(configuration), Some(input)) = (&arguments.config, &arguments.input) else {
        return Ok(Verdict::Success);
    };
    let configuration = configuration::load(configuration)?;
    let options = arguments.study.options()?;
    let source = Source::load(input)?;
    if arguments.json.is_some() && arguments.json == arguments.csv {
        return Err(Error::SameFile {
            path: arguments.json.clone().unwrap_or_default(),
        });
    }
    let pending = |path: &Option<PathBuf>| path.as_deref().map(PendingFile::new).transpose();
    let (json, table) = (pending(&arguments.json)?, pending(&arguments.csv)?);
    let study = study::run(&configuration, &source, &options)?;
    print(&study, console)?;
    if let Some(file) = json {
        file.finish(format!("{:#}\n", document(&study)).as_bytes())?;
    }
    if let Some(file) = table {
        file.finish(csv(&study)?.as_bytes())?;
    }
    Ok(Verdict::Success)
}

fn field_table() -> Table {
    let mut table = Table::new(&["field", "unit", "scope", "meaning"]);
    for field in fields() {
        let row = [field.unit, field.scope, field.meaning].map(str::to_string);
        table.row(std::iter::once(field.name).chain(row));
    }
    table
}

/// Prints the results that fit a screen.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(study: &Study, console: &mut Console) -> Result<(), Error> {
    let s = &study.shape;
    console.line(format!(
        "{} on configuration {} (sha256 {}), input {}, {}:\n{} layers of {} query heads and {} KV heads, {} rows of {}{} keys each, D = {}",
        study.input,
        study.configuration,
        study.configuration_sha256,
        study.input_kind,
        study.phase.name(),
        s.layers,
        s.heads_per_layer,
        s.kv_heads_per_layer,
        s.rows_per_head,
        if s.causal { "at most " } else { "" },
        s.keys,
        s.head_dimension
    ))?;
    console.line("")?;
    console.line(results(study))?;
    console.line("")?;
    console.line(counters(&study.counters))?;
    console.line("")?;
    console.line(encodings(study))?;
    console.line("")?;
    console.line(traffic(&study.traffic))?;
    for finding in traffic_findings(study) {
        console.line(format!("- {finding}"))?;
    }
    console.line("")?;
    console.line(energies(&study.energy))
}

fn results(study: &Study) -> Table {
    let cost = &study.total;
    let mut rows = vec![
        (
            "cycles",
            grouped(cost.cycles),
            format!(
                "from the start to the last output beat, {} runs",
                grouped(study.runs)
            ),
        ),
        (
            "bound",
            grouped(cost.bound_cycles),
            "cycles: sum over the query blocks of max(ceil(N / W), survivors x D / lanes)".into(),
        ),
        (
            "cycles / bound",
            format!("{:.4}", cost.over_bound()),
            "under 1 where the queue evens out long and short rows".into(),
        ),
        (
            "cycles a row",
            format!("{:.2}", cost.per_row(cost.cycles)),
            format!("mean over {} rows", grouped(cost.rows)),
        ),
        (
            "int8 twin",
            grouped(cost.int8_twin_cycles),
            "cycles with 8-bit probabilities, nothing pruned, the same lanes".into(),
        ),
        (
            "int8 twin / cycles",
            format!("{:.2}", cost.twin_over_cycles()),
            "times faster than the twin".into(),
        ),
        (
            "survivors",
            format!("{:.2}", cost.per_row(cost.survivors)),
            "keys a row whose code is not 0, mean".into(),
        ),
        ("pruned", percent(cost.pruned_share()), "of all keys".into()),
    ];
    if let Some((codes, share)) = study.softmax_differing_codes() {
        rows.push((
            "differing codes",
            format!("{:.2} %", 100.0 * share),
            format!(
                "codes that are not those of the float softmax, of all keys: {}",
                grouped(codes)
            ),
        ));
    }
    if let Some(bits) = study.query_effective_bits() {
        rows.push((
            "effective bits",
            format!("{:.2}", bits.mean),
            format!(
                "of a query's 8, which its power-of-two scale leaves; mean over heads, lowest {:.2}",
                bits.lowest
            ),
        ));
    }
    let mut table = Table::new(&["result", ">value", "meaning"]);
    for (name, value, meaning) in rows {
        table.row([name.to_string(), value, meaning]);
    }
    table
}

fn encodings(study: &Study) -> Table {
    let e = &study.encodings;
    let mut table = Table::new(&["attention matrix as", ">bytes", ">bits a value", ">of fp16"]);
    let run_length = format!("run length, {}-bit gaps", e.run_length_field);
    for (name, bits) in [
        ("fp16", e.fp16),
        ("int8", e.int8),
        ("dense codes", e.dense),
        ("bitmap and codes", e.survivor_bitmap),
        (&run_length, e.run_length),
    ] {
        table.row([
            name.to_string(),
            grouped(bits.div_ceil(8)),
            format!("{:.2}", bits as f64 / e.elements.max(1) as f64),
            percent(bits as f64 / e.fp16.max(1) as f64),
        ]);
    }
    table
}

fn traffic(study: &TrafficStudy) -> Table {
    let mut table = Table::new(&[
        "K and V from\noutside by",
        ">bytes\nasked for",
        ">bytes in\nbursts",
        ">row\nactivations",
        ">cycles at the\nbandwidth, model",
        ">stalled",
        ">int8 twin\ncycles",
    ]);
    for part in &study.strategies {
        let t = &part.traffic;
        table.row([
            title(part.strategy).to_string(),
            grouped(t.query_bytes + t.key_bytes + t.value_bytes + t.output_bytes),
            grouped(t.burst_bytes),
            grouped(t.row_activations),
            grouped(part.bandwidth.cycles),
            percent(1.0 - part.bandwidth.utilization()),
            grouped(part.int8_twin_bandwidth.cycles),
        ]);
    }
    table
}

/// A strategy's name for a person.
fn title(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::DenseRefetch => "dense re-fetch",
        Strategy::LoadOnce => "load once",
        Strategy::Skip => "skip",
    }
}

fn energies(studies: &[EnergyStudy]) -> Table {
    let mut table = Table::new(&[
        "energy table",
        "design",
        "K and V by",
        ">on chip\nuJ",
        ">external memory\nuJ, low to high",
        ">in all\nuJ, low to high",
    ]);
    for study in studies {
        for (design, parts) in [("logattn", &study.unit), ("int8 twin", &study.int8_twin)] {
            for part in parts {
                let e = &part.energy;
                let micro = |picojoules: f64| format!("{:.1}", picojoules * 1e-6);
                let range = |low: f64, high: f64| format!("{} to {}", micro(low), micro(high));
                table.row([
                    study.table.clone(),
                    design.to_string(),
                    title(part.strategy).to_string(),
                    micro(e.on_chip()),
                    range(e.dram_low, e.dram_high),
                    range(e.total_low(), e.total_high()),
                ]);
            }
        }
    }
    table
}
