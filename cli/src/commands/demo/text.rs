//! What the demonstration prints.

use super::Hardware;
use super::chain::{COMPLEMENT, Chain, ChainFigures};
use super::memory::{BURST_BYTES, Memory};
use super::sample::Cosimulation;
use super::study::{Figures, Study};
use crate::console::Console;
use crate::error::Error;
use crate::files::QKV_FOLDER;
use crate::table::{Table, grouped, percent};
use logattn_captures::Capture;
use logattn_golden::{Configuration, ConfigurationError};
use std::path::Path;

/// What is shown.
pub fn opening(console: &mut Console, c: &Configuration, capture: &Capture) -> Result<(), Error> {
    console.line(format!(
        "logattn {}: attention in {} bits, configuration {}",
        env!("CARGO_PKG_VERSION"),
        c.stored_code_bits(),
        c.name
    ))?;
    let model = capture
        .metadata()
        .model
        .as_deref()
        .unwrap_or("a transformer");
    console.line(format!(
        "on what {model} attends to in one text: {} layers of {} heads, {} rows of {} keys, D = {}",
        capture.layers(),
        capture.heads_per_layer(),
        capture.rows(),
        capture.tokens(),
        capture.head_dimension()
    ))
}

/// The tables of the study.
pub fn study(console: &mut Console, c: &Configuration, study: &Study) -> Result<(), Error> {
    console.heading("Accuracy against float attention")?;
    console.line(accuracy(c, study))?;
    console.line(
        "error: |output - float| / |float|, Euclidean norms over the rows of a layer; cosine: between\n\
         a row's output and its float output, mean; both start from the same int8 q, k and v.\n\
         as is: levels taken as probabilities without dividing by their sum; published: arXiv 2106.01335.",
    )?;
    console.heading("Pruning and cycles")?;
    console.line(cycles(study))?;
    console.line(
        "bound: max(ceil(N / W), survivors x D / lanes) of each row on its own; cycles are fewer where\n\
         the survivors' queue evens out long and short rows. int8 twin: same lanes and rate, 8-bit\n\
         probabilities times values, nothing pruned. All heads run back to back; layer 0 includes\n\
         loading the first values.",
    )?;
    console.heading("Bits to store the attention values of all heads")?;
    console.line(storage(c, &study.total.memory))?;
    console.heading(&format!(
        "Bytes of V moved for all heads, query block B = {}",
        c.query_block
    ))?;
    console.line(traffic(study))?;
    for line in traffic_verdict(study) {
        console.line(line)?;
    }
    Ok(())
}

fn accuracy(c: &Configuration, study: &Study) -> Table {
    let unit = if c.stored_code_bits() == 3 {
        ">3 bits\nerror"
    } else {
        ">unit\nerror"
    };
    let mut table = Table::new(&[
        "layer",
        unit,
        ">\ncosine",
        ">as is\nerror",
        ">\ncosine",
        ">published\nerror",
        ">published,\nrenormalized",
        ">int8 twin\nerror",
    ]);
    for (name, figures) in layers(study) {
        let a = figures.accuracy;
        table.row([
            name,
            percent(a.unit.relative_error),
            format!("{:.4}", a.unit.cosine),
            percent(a.unit_as_is.relative_error),
            format!("{:.4}", a.unit_as_is.cosine),
            percent(a.paper.relative_error),
            percent(a.paper_renormalized.relative_error),
            percent(a.int8_twin.relative_error),
        ]);
    }
    table
}

fn cycles(study: &Study) -> Table {
    let mut table = Table::new(&[
        "layer",
        ">survivors\na row",
        ">pruned",
        ">published\npruned",
        ">cycles\na row",
        ">bound",
        ">cycles /\nbound",
        ">int8 twin\na row",
        ">times\nfaster",
    ]);
    for (name, figures) in layers(study) {
        table.row([
            name,
            format!("{:.1}", figures.per_row(figures.survivors)),
            percent(figures.pruned_share()),
            percent(figures.paper_pruned_share()),
            format!("{:.2}", figures.per_row(figures.cycles)),
            format!("{:.2}", figures.per_row(figures.bound_cycles)),
            format!("{:.4}", figures.over_bound()),
            format!("{:.2}", figures.per_row(figures.int8_twin_cycles)),
            format!("{:.2}", figures.twin_over_cycles()),
        ]);
    }
    table
}

/// Each layer and all together, with their names.
fn layers(study: &Study) -> impl Iterator<Item = (String, &Figures)> {
    let layers = study
        .layers
        .iter()
        .enumerate()
        .map(|(index, layer)| (index.to_string(), layer));
    layers.chain([("all".to_string(), &study.total)])
}

fn storage(c: &Configuration, memory: &Memory) -> Table {
    let mut table = Table::new(&["stored as", ">KiB", ">bits\na value", ">of\nfp16"]);
    let mut row = |name: String, bits: u64| {
        table.row([
            name,
            format!("{:.1}", bits as f64 / 8.0 / 1024.0),
            format!("{:.2}", bits as f64 / memory.elements.max(1) as f64),
            percent(bits as f64 / memory.fp16_bits.max(1) as f64),
        ]);
    };
    row("fp16".into(), memory.fp16_bits);
    row(
        format!("{} bits a key", c.stored_code_bits()),
        memory.dense_bits,
    );
    row(
        "bitmap and the survivors' codes".into(),
        memory.survivor_bits,
    );
    table
}

/// The strategies of moving V: name and bytes.
fn strategies(study: &Study) -> [(String, u64); 4] {
    let memory = &study.total.memory;
    [
        ("every block reads all keys".into(), memory.refetch_bytes),
        (
            "every block reads its survivors".into(),
            memory.survivor_bytes,
        ),
        (
            format!("the same in {BURST_BYTES}-byte bursts"),
            memory.survivor_burst_bytes,
        ),
        ("once a head, kept on chip".into(), memory.load_once_bytes),
    ]
}

fn traffic(study: &Study) -> Table {
    let all = study.total.memory.refetch_bytes.max(1) as f64;
    let mut table = Table::new(&["V is read", ">KiB", ">of all\nkeys"]);
    for (name, bytes) in strategies(study) {
        table.row([
            name,
            format!("{:.1}", bytes as f64 / 1024.0),
            percent(bytes as f64 / all),
        ]);
    }
    table
}

fn traffic_verdict(study: &Study) -> [String; 2] {
    let memory = &study.total.memory;
    let (skipping, once) = (memory.survivor_burst_bytes, memory.load_once_bytes);
    let verdict = if once <= skipping {
        format!(
            "With many queries at a time (prefill) reading V once a head wins: {:.1} times less than skipping\n\
             pruned keys in external memory. There, pruning saves cycles and not traffic.",
            skipping as f64 / once.max(1) as f64
        )
    } else {
        format!(
            "Skipping pruned keys wins: {:.1} times less than reading V once a head.",
            once as f64 / skipping.max(1) as f64
        )
    };
    let blocks = memory.refetch_bytes.max(1) as f64;
    let decode = format!(
        "With one query at a time (decode) V is read anew for each, and skipping wins: {} of all bytes,\n\
         {} in whole bursts.",
        percent(memory.survivor_bytes as f64 / blocks),
        percent(memory.survivor_burst_bytes as f64 / blocks)
    );
    [verdict, decode]
}

/// That there is no chain from Q, K and V.
pub fn no_chain(console: &mut Console, reason: &ConfigurationError) -> Result<(), Error> {
    console.heading("The whole chain from Q, K, V")?;
    console.line(format!("no such unit: {reason}"))
}

/// The chain from Q, K and V.
pub fn chain(console: &mut Console, chain: &Chain) -> Result<(), Error> {
    let complement = chain.ways.iter().any(|(key, _)| *key == COMPLEMENT);
    console.heading(&format!(
        "The whole chain from Q, K, V: configuration {}",
        chain.configuration
    ))?;
    console.line(chain_accuracy(chain))?;
    console.line(
        "error and cosine as above, against float attention. probabilities: a float softmax, then the unit\n\
         that takes probabilities; renormalized: int8 Q, K, V in, no softmax anywhere, at the same\n\
         thresholds; int8 twin: a float softmax in 8 bits.",
    )?;
    if complement {
        console.line(
            "complement: as renormalized, but the row's largest key takes the weight that the others leave,\n\
             without a division; the lowest edge is as given.",
        )?;
    }
    console.line("")?;
    console.line(chain_cycles(chain, complement))?;
    console.line(
        "differing codes: keys whose code is not that of the float softmax quantized at 2^threshold.",
    )?;
    if complement {
        console.line(
            "rows over 1: with complement the levels of their other keys add up to more than 1, so that the\n\
             largest key's weight is negative. Flat rows are such, and that is where complement errs.",
        )?;
    }
    let bits = chain.query_effective_bits;
    console.line(format!(
        "A scale of queries that is a power of two leaves {:.2} of their 8 bits on average, {:.2} in the\n\
         head with the fewest.",
        bits.mean, bits.lowest
    ))
}

/// Each layer of the chain and all together, with their names.
fn chain_layers(chain: &Chain) -> impl Iterator<Item = (String, &ChainFigures)> {
    let layers = chain.layers.iter().enumerate();
    let layers = layers.map(|(index, layer)| (index.to_string(), layer));
    layers.chain([("all".to_string(), &chain.total)])
}

fn chain_accuracy(chain: &Chain) -> Table {
    let titles: Vec<String> = chain
        .ways
        .iter()
        .map(|(_, title)| format!(">{title}\nerror"))
        .collect();
    let mut header = vec!["layer"];
    for title in &titles {
        header.extend([title.as_str(), ">\ncosine"]);
    }
    let mut table = Table::new(&header);
    for (name, figures) in chain_layers(chain) {
        let cells = chain.ways.iter().flat_map(|(key, _)| {
            let a = figures.accuracy[key];
            [percent(a.relative_error), format!("{:.4}", a.cosine)]
        });
        table.row([name].into_iter().chain(cells));
    }
    table
}

fn chain_cycles(chain: &Chain, complement: bool) -> Table {
    let mut header = vec!["layer", ">differing\ncodes", ">of all\nkeys"];
    header.extend(complement.then_some(">rows\nover 1"));
    header.extend([">cycles\na row", ">bound", ">cycles /\nbound"]);
    let mut table = Table::new(&header);
    for (name, figures) in chain_layers(chain) {
        let overfull = percent(figures.per_row(figures.overfull_rows));
        let codes = [
            name,
            grouped(figures.differing_codes),
            format!("{:.2} %", 100.0 * figures.differing_share()),
        ];
        let cycles = [
            format!("{:.2}", figures.per_row(figures.cycles)),
            format!("{:.2}", figures.per_row(figures.bound_cycles)),
            format!("{:.4}", figures.over_bound()),
        ];
        let overfull = complement.then_some(overfull);
        table.row(codes.into_iter().chain(overfull).chain(cycles));
    }
    table
}

/// The Verilog and what became of its co-simulation.
pub fn hardware(console: &mut Console, hardware: &Hardware) -> Result<(), Error> {
    let Hardware {
        verilog,
        cosimulation,
    } = hardware;
    console.line(format!(
        "Verilog-2005: {} modules, {} lines, top module {}",
        verilog.modules,
        grouped(verilog.lines),
        verilog.top
    ))?;
    console.line(match cosimulation {
        Cosimulation::Equal { verilator, played, cycles, beats, cycles_per_second } => format!(
            "co-simulation: EQUAL to the golden model in every bit and to the simulator in every cycle\n  \
             {played}, with and without stalls\n  {} cycles, {} output beats compared, {:.0} kcycle/s, {verilator}",
            grouped(*cycles),
            grouped(*beats),
            cycles_per_second / 1e3
        ),
        Cosimulation::Different { difference } => format!("co-simulation: MISMATCH: {difference}"),
        Cosimulation::Skipped { reason } => format!("co-simulation: skipped: {reason}"),
    })
}

/// What has been written; `chain`: with the Verilog of a second unit.
pub fn closing(console: &mut Console, directory: &Path, chain: bool) -> Result<(), Error> {
    let at = |name: &str| directory.join(name).display().to_string();
    console.heading("Written")?;
    console.line(format!(
        "{}  Verilog ({} lists the files)",
        at("rtl"),
        at("files.f")
    ))?;
    if chain {
        console.line(format!("{}  the same from Q and K on", at(QKV_FOLDER)))?;
    }
    console.line(format!(
        "{}, {}  cycles by layer, pruned share by head",
        at("demo.png"),
        at("demo.svg")
    ))?;
    console.line(format!(
        "{}  every figure above, by head and layer",
        at("demo.json")
    ))
}
