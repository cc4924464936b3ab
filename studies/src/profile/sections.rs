//! The sections of a page.

use super::document::{Block, Table, Text};
use super::plots::{self, Plot, look};
use super::scale::{bytes, count, digits, picojoules};
use super::words;
use crate::Error;
use crate::study::{Cost, EnergyStudy, StrategyTraffic, Study};
use crate::{grouped, percent};
use logattn_sim::memory::Strategy;

fn section(heading: &str) -> Block {
    Block::Section(heading.into())
}

fn figure(plot: Plot) -> Block {
    Block::Figure(plot)
}

/// Headings of the columns of a cost.
const COST: [&str; 8] = [
    ">rows",
    ">attention values",
    ">pruned",
    ">cycles",
    ">bound, cycles",
    ">cycles / bound",
    ">int8 twin, cycles",
    ">twin / cycles",
];

fn cost_cells(cost: &Cost) -> [String; 8] {
    [
        grouped(cost.rows),
        grouped(cost.elements),
        percent(cost.pruned_share()),
        grouped(cost.cycles),
        grouped(cost.bound_cycles),
        format!("{:.3}", cost.over_bound()),
        grouped(cost.int8_twin_cycles),
        format!("{:.2}", cost.twin_over_cycles()),
    ]
}

/// A table of costs under names.
fn costs(names: &[&str], rows: impl Iterator<Item = (Vec<String>, Cost)>) -> Table {
    let mut headings = names.to_vec();
    headings.extend(COST);
    let mut table = Table::new(&headings);
    for (names, cost) in rows {
        table.row(names.into_iter().chain(cost_cells(&cost)));
    }
    table
}

/// Cycles by layer and group, and where they go.
pub fn cycles(study: &Study) -> Result<Vec<Block>, Error> {
    let layers = study
        .layers
        .iter()
        .map(|layer| (vec![layer.layer.to_string()], layer.cost));
    let all = layers.chain([(vec!["all".to_string()], study.total)]);
    let groups = study.groups.iter().map(|group| {
        let names = vec![group.layer.to_string(), group.kv_head.to_string()];
        (names, group.cost)
    });
    let runs = format!(
        "{} runs of the unit, each from an idle start to its last output beat; a layer waits for the \
         one before, so their cycles add up. The int8 twin keeps 8-bit probabilities, has the same \
         lanes and takes as many keys a beat, and multiplies every value.",
        grouped(study.runs)
    );
    Ok(vec![
        section("Cycles"),
        Block::paragraph(runs),
        figure(plots::cycles::plot(study)?),
        Block::table(costs(&["layer"], all)),
        Block::long_table(
            "Each key and value head",
            costs(&[">layer", ">key and value head"], groups),
        ),
        section("Stalls"),
        figure(plots::stalls::plot(study)?),
        Block::long_table("Each layer", stalls(study)),
    ])
}

fn stalls(study: &Study) -> Table {
    let mut headings = vec!["layer".to_string()];
    headings.extend(plots::stalls::PARTS.map(|(name, _)| format!(">{name}, cycles")));
    headings.push(">all, cycles".into());
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let mut table = Table::new(&headings);
    let layers = study
        .layers
        .iter()
        .map(|layer| (layer.layer.to_string(), &layer.counters));
    for (name, counters) in layers.chain([("all".to_string(), &study.counters)]) {
        let cells = plots::stalls::parts(counters).map(grouped);
        let sum = grouped(counters.cycles);
        table.row([name].into_iter().chain(cells).chain([sum]));
    }
    table
}

/// What is pruned, and how large attention values are.
pub fn sparsity(study: &Study) -> Result<Vec<Block>, Error> {
    let mut blocks = vec![
        section("Sparsity"),
        figure(plots::sparsity::plot(study)?),
        Block::long_table("Each head", heads(study)),
    ];
    if let Some(plot) = plots::histogram::plot(study)? {
        blocks.push(section("Attention values"));
        blocks.push(figure(plot));
    }
    Ok(blocks)
}

fn heads(study: &Study) -> Table {
    let chained = study
        .heads
        .iter()
        .any(|head| head.differing_codes.is_some());
    let mut headings = vec![
        ">layer",
        ">head",
        ">attention values",
        ">survivors",
        ">survivors a row",
        ">pruned",
    ];
    if chained {
        headings.extend([
            ">codes that differ from a float softmax's",
            ">effective bits of queries",
        ]);
    }
    let mut table = Table::new(&headings);
    for head in &study.heads {
        let mut cells = vec![
            head.layer.to_string(),
            head.head.to_string(),
            grouped(head.elements),
            grouped(head.survivors),
            format!("{:.2}", head.survivors as f64 / head.rows.max(1) as f64),
            percent(head.pruned_share),
        ];
        if chained {
            let share = |codes: u64| codes as f64 / head.elements.max(1) as f64;
            let codes = head.differing_codes.map(|codes| percent(share(codes)));
            let bits = head.query_effective_bits.map(|bits| format!("{bits:.2}"));
            cells.extend([codes, bits].map(Option::unwrap_or_default));
        }
        table.row(cells);
    }
    table
}

/// External traffic: who wins, by how much, and where that changes.
pub fn traffic(study: &Study) -> Result<Vec<Block>, Error> {
    let dram = &study.traffic.dram;
    let memory = format!(
        "External memory: bursts of {} bytes, of which no part can be left out, pages of {} bytes, {} \
         banks with an open page each, at most {} bytes a clock cycle.",
        dram.burst_bytes,
        dram.page_bytes,
        dram.banks,
        digits(dram.bytes_per_cycle)
    );
    let mut blocks = vec![
        section("Traffic"),
        Block::List(vec![words::winner(study), words::skipping(study)]),
        Block::paragraph("Where that changes:"),
        Block::List(words::crossovers(study)),
        Block::paragraph(memory),
        figure(plots::traffic::by_strategy(study)?),
        Block::table(by_strategy(study)),
    ];
    blocks.extend(plots::traffic::curves(study)?.map(figure));
    blocks.extend([
        Block::long_table("Bytes by query block", by_block(study)),
        Block::long_table("Bytes by keys", by_keys(study)),
        figure(plots::traffic::bandwidth(study)?),
        Block::table(bandwidth(study)),
        Block::paragraph("Bytes that go through each level of memory:"),
        Block::table(levels(study)),
    ]);
    Ok(blocks)
}

fn by_strategy(study: &Study) -> Table {
    let mut table = Table::new(&[
        "strategy",
        ">keys, bytes",
        ">values, bytes",
        ">queries, bytes",
        ">outputs, bytes",
        ">scores or probabilities from the neighbor, bytes",
        ">moved in bursts, bytes",
        ">/ dense re-fetch",
        ">/ load once",
        ">row activations",
    ]);
    let baseline = |strategy: Strategy| {
        let mut all = study.traffic.strategies.iter();
        let found = all.find(|of| of.strategy == strategy);
        found.map_or(0, |of| of.traffic.burst_bytes).max(1) as f64
    };
    let (dense, once) = (
        baseline(Strategy::DenseRefetch),
        baseline(Strategy::LoadOnce),
    );
    for StrategyTraffic {
        strategy, traffic, ..
    } in &study.traffic.strategies
    {
        table.row([
            look(*strategy).0.to_string(),
            grouped(traffic.key_bytes),
            grouped(traffic.value_bytes),
            grouped(traffic.query_bytes),
            grouped(traffic.output_bytes),
            grouped(traffic.attention_bytes),
            grouped(traffic.burst_bytes),
            digits(traffic.burst_bytes as f64 / dense),
            digits(traffic.burst_bytes as f64 / once),
            grouped(traffic.row_activations),
        ]);
    }
    table
}

fn levels(study: &Study) -> Table {
    let mut table = Table::new(&[
        "strategy",
        "design",
        ">registers, bytes written",
        ">memory on chip, bytes read",
        ">memory on chip, bytes written",
        ">external memory, bytes in bursts",
    ]);
    for of in &study.traffic.strategies {
        let twin = (of.strategy != Strategy::Skip).then_some(("int8 twin", &of.int8_twin_on_chip));
        for (design, bits) in [("unit", &of.on_chip)].into_iter().chain(twin) {
            table.row([
                look(of.strategy).0.to_string(),
                design.to_string(),
                grouped(bits.register / 8),
                grouped(bits.sram_read / 8),
                grouped(bits.sram_write / 8),
                grouped(of.traffic.burst_bytes),
            ]);
        }
    }
    table
}

/// Headings of bytes by strategy.
const BYTES: [&str; 3] = [
    ">dense re-fetch, bytes",
    ">load once, bytes",
    ">skip, bytes",
];

fn by_block(study: &Study) -> Table {
    let mut headings = vec![">query block B, rows"];
    headings.extend(BYTES);
    let mut table = Table::new(&headings);
    for of in &study.traffic.by_query_block {
        table.row([
            of.query_block.to_string(),
            grouped(of.dense_refetch_bytes),
            grouped(of.load_once_bytes),
            grouped(of.skip_bytes),
        ]);
    }
    table
}

fn by_keys(study: &Study) -> Table {
    let mut headings = vec![">keys N", ">rows a head", ">survivors"];
    headings.extend(BYTES);
    let mut table = Table::new(&headings);
    for of in &study.traffic.by_keys {
        table.row([
            of.keys.to_string(),
            of.rows.to_string(),
            percent(of.survivors_share),
            grouped(of.dense_refetch_bytes),
            grouped(of.load_once_bytes),
            grouped(of.skip_bytes),
        ]);
    }
    table
}

fn bandwidth(study: &Study) -> Table {
    let mut table = Table::new(&[
        "strategy",
        "design",
        ">compute (bound), cycles",
        ">memory, cycles",
        ">together, cycles",
        ">waiting for memory, cycles",
        ">utilization",
    ]);
    for of in &study.traffic.strategies {
        let twin =
            (of.strategy != Strategy::Skip).then_some(("int8 twin", &of.int8_twin_bandwidth));
        for (design, b) in [("unit", &of.bandwidth)].into_iter().chain(twin) {
            table.row([
                look(of.strategy).0.to_string(),
                design.to_string(),
                grouped(b.compute_cycles),
                grouped(b.memory_cycles),
                grouped(b.cycles),
                grouped(b.stall_cycles),
                percent(b.utilization()),
            ]);
        }
    }
    table
}

/// The roofline.
pub fn roofline(study: &Study) -> Result<Vec<Block>, Error> {
    let mut table = Table::new(&[
        "point",
        ">operations",
        ">bytes",
        ">cycles",
        ">operations a byte",
        ">operations a cycle",
        ">of the arithmetic's peak",
    ]);
    let peak = study
        .roofline
        .peak_operations_per_cycle
        .max(f64::MIN_POSITIVE);
    for point in &study.roofline.points {
        let (intensity, rate) = plots::roofline::place(point);
        table.row([
            plots::roofline::look(point).0,
            grouped(point.operations),
            grouped(point.bytes),
            grouped(point.cycles),
            digits(intensity),
            digits(rate),
            percent(rate / peak),
        ]);
    }
    Ok(vec![
        section("Roofline"),
        figure(plots::roofline::plot(study)?),
        Block::table(table),
    ])
}

/// Energy by part and strategy.
pub fn energy(study: &Study) -> Result<Vec<Block>, Error> {
    if study.energy.is_empty() {
        return Ok(Vec::new());
    }
    let scope = "Energy of standard cells, not of an FPGA: it ranks designs. Counted are the operations of \
         the datapath, its registers and memories, and the external traffic above; not counted are the \
         clock tree, control, wires and leakage. The range is that of external memory.";
    let mut blocks = vec![
        section("Energy"),
        Block::List(study.energy.iter().map(words::energy).collect()),
        Block::paragraph(scope),
        figure(plots::energy::on_chip(study)?),
        figure(plots::energy::totals(study)?),
    ];
    for of in &study.energy {
        blocks.push(Block::paragraph(
            Text::default()
                .plain("By the table ")
                .code(&of.table)
                .plain(":"),
        ));
        blocks.push(Block::table(energies(of)));
    }
    Ok(blocks)
}

/// A column for each part that there is, then what external memory takes.
fn energies(study: &EnergyStudy) -> Table {
    let parts = plots::energy::parts(std::slice::from_ref(study));
    let mut headings = vec!["design".to_string(), "strategy".to_string()];
    headings.extend(
        parts
            .iter()
            .map(|part| format!(">{}", plots::energy::name(*part))),
    );
    headings.extend([">unit", ">external memory", ">all"].map(String::from));
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let mut table = Table::new(&headings);
    for (design, of) in plots::energy::designs(study) {
        let e = &of.energy;
        let range = |low, high| format!("{} to {}", picojoules(low), picojoules(high));
        let mut cells = vec![design.to_string(), look(of.strategy).0.to_string()];
        cells.extend(
            parts
                .iter()
                .map(|part| picojoules(plots::energy::of(e, *part))),
        );
        cells.push(picojoules(e.on_chip()));
        cells.push(range(e.dram_low, e.dram_high));
        cells.push(range(e.total_low(), e.total_high()));
        table.row(cells);
    }
    table
}

/// Bits to store the attention values.
pub fn encodings(study: &Study) -> Result<Vec<Block>, Error> {
    let mut table = Table::new(&["encoding", ">bits", ">bytes", ">bits a value", ">of fp16"]);
    let (elements, fp16) = (study.encodings.elements, study.encodings.fp16);
    for (name, bits, _) in plots::encodings::encodings(study) {
        table.row([
            name,
            grouped(bits),
            bytes(bits as f64 / 8.0),
            format!("{:.2}", bits as f64 / elements.max(1) as f64),
            percent(bits as f64 / fp16.max(1) as f64),
        ]);
    }
    let values = format!("{} attention values.", count(elements as f64));
    Ok(vec![
        section("Storage of attention values"),
        Block::paragraph(values),
        figure(plots::encodings::plot(study)?),
        Block::table(table),
    ])
}

/// What the words mean, and what is left out.
pub fn terms(study: &Study) -> Vec<Block> {
    let item = |name: &str, meaning: &str| Text::default().strong(name).plain(meaning);
    let mut items = vec![
        item(
            "Row",
            ": one query's attention over its keys. Attention value: one key of a row; keys beyond a row's length are counted nowhere.",
        ),
        item(
            "Survivor",
            ": an attention value whose code is not 0; the others are pruned.",
        ),
        item(
            "Query block B",
            ": rows that share one read of a value; the union of their survivors is read.",
        ),
        item(
            "Dense re-fetch",
            ": every query block reads the keys and values of all its keys from external memory.",
        ),
        item(
            "Load once",
            ": keys and values are read once and kept on chip for all rows of the heads that share them.",
        ),
        item(
            "Skip",
            ": every query block reads the values of its survivors alone, in whole bursts. Keys are read in full: a score is needed before its key can be pruned.",
        ),
    ];
    if let crate::study::Phase::Prefill = study.phase {
        items.push(item("Not in this page", ": decoding, where every query reads the cache again; run the command with --phase decode."));
    }
    vec![
        section("Terms"),
        Block::List(items),
        Block::paragraph(
            Text::default()
                .plain("Every figure with its unit and scope is in ")
                .code("profile.json")
                .plain(" (under ")
                .code("fields")
                .plain(" what each means); the same as a table is in ")
                .code("profile.csv")
                .plain("."),
        ),
    ]
}
