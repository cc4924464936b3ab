//! `logattn analyze`: how attention values are distributed, and what pruning and quantizing them
//! costs.

mod axis;
mod chart;
mod figures;
mod plan;
mod tables;

use super::Verdict;
use super::accuracy::report::{self, Report, Source};
use super::accuracy::{evaluate_with_bar, warnings};
use crate::console::Console;
use crate::error::Error;
use crate::files::PendingDirectory;
use crate::progress;
use crate::table::{grouped, percent};
use crate::task::{Loaded, TaskArguments};
use chart::Figure;
use clap::Args;
use logattn_accuracy::Specification;
use logattn_accuracy::analysis::{BINS_PER_OCTAVE, Histogram, Histograms, OCTAVES};
use logattn_accuracy::evaluation::{Evaluated, Evaluation, observe};
use logattn_accuracy::quantizers::Quantizer;
use plan::{List, Point, Threshold};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

const HELP: &str = "Examples:
  logattn analyze --model .tools/models/all-MiniLM-L6-v2 --adapter accuracy/adapters/sst2.safetensors \\
      --task classify --data accuracy/data/sentences.tsv --out out/analysis
  logattn analyze ... --limit 100 --thresholds none --bits 2,3,4 --quantizers paper,log-nearest \\
      --out out/bits

Studies attention values as Ji et al. do (Findings of ACL 2021, arXiv 2106.01335), and writes into
DIR, complete or not at all:
  histogram.csv, .svg, .png   attention values of each layer and head in quarters of an octave; one
                              bin for all under 2^-24
  sparsity.csv, .svg, .png    share of them under each of the bins' edges; without a head: of a
                              whole layer, without a layer: of the model
  threshold.csv, .svg, .png   scores, and share that is pruned, against the threshold
  bits.csv, .svg, .png        scores of the published quantizers against their bits
  analysis.json               what was studied, and the scores of float attention
Values are counted for valid queries and the keys that each sees, with float attention.

The task is done once with float attention, once a threshold, and once a quantizer and number of
bits: 162 times with the defaults, each taking about as long as one --attention of `logattn
accuracy`. --limit makes it shorter; so do fewer --thresholds and --bits, or `none`.";

/// Arguments of `logattn analyze`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    task: TaskArguments,
    /// Directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write even if DIR holds files of others; they stay
    #[arg(long)]
    force: bool,
    /// Thresholds to prune at; `none` leaves this study out
    #[arg(
        long,
        value_name = "T,T,...",
        value_parser = plan::thresholds,
        default_value = "2^-3,2^-4,2^-5,2^-6,2^-7,2^-8,2^-9,2^-10,2^-11,2^-12"
    )]
    thresholds: List<Threshold>,
    /// Bits of the quantizers, 2 to 16; `none` leaves this study out
    #[arg(
        long,
        value_name = "K,K,...",
        value_parser = plan::bits,
        default_value = "2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"
    )]
    bits: List<u32>,
    /// Quantizers, as `logattn accuracy --attention` names them [default: all eleven]
    #[arg(long, value_name = "NAME,...", value_parser = plan::quantizer, value_delimiter = ',')]
    quantizers: Vec<Quantizer>,
    /// Divide the weights of a row by their sum after pruning or quantizing
    #[arg(long)]
    renormalize: bool,
}

/// Counts, evaluates and writes.
///
/// # Errors
/// Options that have nothing to act on; a model, adapter or data that cannot be read or do not fit
/// together; a directory that cannot be written or holds files of others.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    refuse_options(arguments)?;
    let points = points(arguments);
    let directory = PendingDirectory::new(&arguments.out, arguments.force)?;
    let loaded = arguments.task.load()?;
    let shape = loaded.model.shape();
    let attentions = (points.iter())
        .map(|point| Specification::parse(&point.specification)?.prepare(&shape))
        .collect::<Result<Vec<_>, _>>()?;
    let histograms = count(&loaded)?;
    let Loaded {
        model,
        data,
        options,
    } = &loaded;
    let evaluated = evaluate_with_bar(data, model, &attentions, options)?;
    let warnings = warnings(data, &evaluated);
    for warning in &warnings {
        // Nobody may be reading; the JSON has them as well.
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
    let task = &arguments.task;
    let source = Source::of(&task.model, task.adapter.as_deref(), &task.data)?;
    let report = Report {
        task: data.task(),
        model,
        evaluated: &float_only(&evaluated),
        options,
        skip_lines_with: &task.skip_lines_with,
        warnings: &warnings,
        source,
    };
    let json = document(report.json(), arguments, &points, &histograms);
    directory.write("analysis.json", format!("{json:#}\n").as_bytes())?;
    let of = format!(
        "{} on {}",
        report::name(&task.model),
        report::name(&task.data)
    );
    let measured: Vec<_> = points.iter().zip(&evaluated.evaluations).collect();
    let written = write(&directory, &histograms, &measured, &of)?;
    directory.finish()?;
    for line in summary(&histograms) {
        console.line(line)?;
    }
    let names = ["analysis.json".to_string()].into_iter().chain(written);
    let names: Vec<String> = names.collect();
    console.line(format!(
        "written to {}: {}",
        arguments.out.display(),
        names.join(", ")
    ))?;
    Ok(Verdict::Success)
}

/// An error if an option was given for a study that is left out.
fn refuse_options(arguments: &Arguments) -> Result<(), Error> {
    let (no_bits, no_thresholds) = (
        arguments.bits.0.is_empty(),
        arguments.thresholds.0.is_empty(),
    );
    let refuse = |option, found: String, legal: &str| {
        let legal = legal.into();
        Err(Error::Accuracy(logattn_accuracy::Error::Option {
            option,
            found,
            legal,
        }))
    };
    if let (Some(first), true) = (arguments.quantizers.first(), no_bits) {
        return refuse("--quantizers", first.name().into(), "without --bits none");
    }
    if arguments.renormalize && no_bits && no_thresholds {
        let legal = "with --thresholds or --bits other than none";
        return refuse("--renormalize", "given".into(), legal);
    }
    Ok(())
}

/// Float attention, then those of both studies.
fn points(arguments: &Arguments) -> Vec<Point> {
    let quantizers = match arguments.quantizers.is_empty() {
        true => &Quantizer::ALL[..],
        false => &arguments.quantizers,
    };
    let renormalize = arguments.renormalize;
    let mut points = vec![Point::float()];
    points.extend(plan::pruned(&arguments.thresholds, renormalize));
    points.extend(plan::quantized(quantizers, &arguments.bits, renormalize));
    points
}

fn count(loaded: &Loaded) -> Result<Histograms, Error> {
    let mut histograms = Histograms::new(&loaded.model.shape());
    let bar = progress::bar(0, "texts");
    let Loaded {
        model,
        data,
        options,
    } = loaded;
    let result = observe(data, model, options, &mut histograms, &|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    result?;
    Ok(histograms)
}

/// The first evaluation alone.
fn float_only(evaluated: &Evaluated) -> Evaluated {
    Evaluated {
        evaluations: evaluated.evaluations.iter().take(1).cloned().collect(),
        max_tokens: evaluated.max_tokens,
        cut: evaluated.cut,
    }
}

/// Writes tables and plots; returns their names.
fn write(
    directory: &PendingDirectory,
    histograms: &Histograms,
    measured: &[(&Point, &Evaluation)],
    of: &str,
) -> Result<Vec<String>, Error> {
    let mut written = Vec::new();
    let mut put = |name: &str, csv: Vec<u8>, figure: Figure| -> Result<(), Error> {
        directory.write(&format!("{name}.csv"), &csv)?;
        let svg = format!("{name}.svg");
        directory.write(&svg, figure.svg(&svg)?.as_bytes())?;
        figure.write_png(&directory.path().join(format!("{name}.png")))?;
        written.extend(["csv", "svg", "png"].map(|end| format!("{name}.{end}")));
        Ok(())
    };
    let (csv, figure) = (
        tables::histogram(histograms)?,
        figures::histogram(histograms, of),
    );
    put("histogram", csv, figure)?;
    let (csv, figure) = (
        tables::sparsity(histograms)?,
        figures::sparsity(histograms, of),
    );
    put("sparsity", csv, figure)?;
    let Some((float, others)) = measured.split_first() else {
        return Ok(written);
    };
    let (pruned, quantized): (Vec<_>, Vec<_>) =
        (others.iter().copied()).partition(|(point, _)| point.threshold.is_some());
    let with_float = |rows: &[_]| [&[*float], rows].concat();
    if !pruned.is_empty() {
        let csv = tables::scores("threshold.csv", &with_float(&pruned))?;
        put("threshold", csv, figures::threshold(&pruned, float.1, of))?;
    }
    if !quantized.is_empty() {
        let csv = tables::scores("bits.csv", &with_float(&quantized))?;
        put("bits", csv, figures::bits(&quantized, float.1, of))?;
    }
    Ok(written)
}

/// The document of `logattn accuracy` with float attention, and what was studied.
fn document(
    mut document: Value,
    arguments: &Arguments,
    points: &[Point],
    histograms: &Histograms,
) -> Value {
    let specifications: Vec<&str> = points.iter().map(|p| p.specification.as_str()).collect();
    document["analysis"] = json!({
        "attentions": specifications,
        "renormalize": arguments.renormalize,
        "values": histograms.total().values(),
        "bins_per_octave": BINS_PER_OCTAVE,
        "octaves": OCTAVES,
    });
    let fields = json!({
        "analysis.attentions": "attentions that were evaluated on the same items, the first one is float; their scores are in threshold.csv and bits.csv",
        "analysis.renormalize": "whether the weights of a row were divided by their sum",
        "analysis.values": "attention values that were counted, with float attention",
        "analysis.octaves": "octaves below 1 in bins_per_octave bins each; all lesser values are in one bin from 0",
        "histogram.csv: low, high": "attention values from low to less than high; 1 is in the last bin",
        "histogram.csv: share": "of the values of this head",
        "sparsity.csv: pruned_share": "share of the values less than the threshold; without a head: of the layer, without a layer: of the model",
        "threshold.csv, bits.csv: score, low, high": "as attentions[].scores[].value and its interval",
        "threshold.csv, bits.csv: loss_percent": "by how many percent of float attention's score this one is worse",
        "threshold.csv, bits.csv: pruned_share": "share of all attention values that became 0; those of later layers follow from what was done in earlier ones",
    });
    if let (Some(all), Value::Object(fields)) = (document["fields"].as_object_mut(), fields) {
        all.extend(fields);
    }
    document
}

/// What is printed of the attention values.
fn summary(histograms: &Histograms) -> Vec<String> {
    let share = |histogram: &Histogram, exponent: i32| {
        histogram.share_below(2.0_f64.powi(exponent)).unwrap_or(0.0)
    };
    let total = histograms.total();
    let mut lines = vec![format!(
        "{} attention values, {} of them under 2^-10",
        grouped(total.values()),
        percent(share(&total, -10))
    )];
    let heads = histograms.shape().heads.max(1);
    let sparsity = histograms.heads().iter().map(|head| share(head, -8));
    let sparsity: Vec<(usize, f64)> = sparsity.enumerate().collect();
    let most = sparsity.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    let least = sparsity.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    for (what, found) in [("most", most), ("least", least)] {
        let Some((index, share)) = found else {
            continue;
        };
        let (layer, head, share) = (index / heads, index % heads, percent(*share));
        lines.push(format!(
            "{what} under 2^-8: layer {layer}, head {head}: {share}"
        ));
    }
    lines
}
