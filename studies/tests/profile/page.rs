//! Words, tables and plots of a page.

use crate::support::{COMMAND, decoder, demo, page};
use logattn_sim::memory::Strategy;
use logattn_studies::Phase;
use logattn_studies::profile::{Block, PLOT_NAMES, Table};

fn tables(blocks: &[Block]) -> impl Iterator<Item = &Table> {
    blocks.iter().filter_map(|block| match block {
        Block::Table { table, .. } => Some(table),
        _ => None,
    })
}

/// The cell of a row that begins with a name, under a heading.
fn cell(blocks: &[Block], name: &str, heading: &str) -> String {
    for table in tables(blocks) {
        let column = table.columns.iter().position(|c| c.heading == heading);
        let row = table.rows.iter().find(|row| row[0].to_string() == name);
        if let (Some(column), Some(row)) = (column, row) {
            return row[column].to_string();
        }
    }
    panic!("no {heading:?} of {name:?}")
}

#[test]
fn tables_say_what_can_be_worked_out_by_hand() {
    let study = demo("edge");
    let blocks = page(&study).blocks;
    // 72 heads of 245 rows over 245 keys of 32 bytes; B = 1.
    assert_eq!(
        cell(&blocks, "dense re-fetch", "values, bytes"),
        "138,297,600"
    );
    assert_eq!(cell(&blocks, "load once", "values, bytes"), "564,480");
    assert_eq!(cell(&blocks, "load once", "keys, bytes"), "0");
    assert_eq!(cell(&blocks, "all", "attention values"), "4,321,800");
    assert_eq!(cell(&blocks, "all", "rows"), "17,640");
    // 16, 8 and 3 bits for each of the attention values.
    assert_eq!(cell(&blocks, "fp16", "bits"), "69,148,800");
    assert_eq!(cell(&blocks, "int8", "bits"), "34,574,400");
    assert_eq!(cell(&blocks, "3-bit codes, dense", "bits"), "12,965,400");
    assert_eq!(cell(&blocks, "fp16", "of fp16"), "100.0 %");
}

#[test]
fn both_baselines_stand_beside_skipping_and_the_loser_is_named() {
    let study = demo("edge");
    // With 245 queries a load, loading once has to win; see the demonstration.
    assert_eq!(study.traffic.winner, Strategy::LoadOnce);
    let markdown = page(&study).markdown();
    for part in [
        "External traffic: load once wins",
        "dense re-fetch ",
        "Skipping loses here.",
        "Query block: ",
        "Rows: at the measured",
        "Sparsity: ",
    ] {
        assert!(markdown.contains(part), "no {part:?}");
    }
    for table in tables(&page(&study).blocks) {
        let first: Vec<String> = table.rows.iter().map(|row| row[0].to_string()).collect();
        if first.iter().any(|name| name == "skip") {
            let baselines = ["dense re-fetch", "load once"];
            assert!(baselines.iter().all(|name| first.iter().any(|n| n == name)));
        }
    }
}

#[test]
fn decoding_says_what_loading_once_takes() {
    let study = decoder("edge", Phase::Decode);
    let markdown = page(&study).markdown();
    assert!(markdown.contains("one query of each head at a time"));
    assert!(markdown.contains("stayed on chip between steps"));
}

#[test]
fn markdown_is_well_formed_and_complete() {
    let study = demo("edge_qkv");
    let page = page(&study);
    let markdown = page.markdown();
    assert!(markdown.contains(&format!("```sh\n{COMMAND}\n```")));
    for part in [&study.logattn, &study.configuration_sha256, "edge\\_qkv"] {
        assert!(markdown.contains(part), "no {part:?}");
    }
    let names: Vec<&str> = page.plots().map(|plot| plot.name).collect();
    assert!(names.len() >= 10, "{names:?}");
    assert!(names.is_sorted_by_key(|name| PLOT_NAMES.iter().position(|n| n == name)));
    for plot in page.plots() {
        assert!(
            markdown.contains(&format!("]({})", plot.file())),
            "{}",
            plot.name
        );
        assert!(plot.svg.starts_with("<svg ") && plot.svg.trim_end().ends_with("</svg>"));
        assert!(!plot.caption.is_empty());
    }
    for table in tables(&page.blocks) {
        assert!(
            table
                .rows
                .iter()
                .all(|row| row.len() == table.columns.len())
        );
        assert!(!table.rows.is_empty());
    }
}

#[test]
fn every_axis_has_a_unit() {
    let page = page(&demo("edge"));
    let wanted = [
        ("cycles", &["cycles a row", "layer"][..]),
        ("stalls", &["share of cycles, %", "layer"]),
        ("sparsity", &["%", "head", "layer"]),
        (
            "histogram",
            &[
                "share of all values, %",
                "share of probability, %",
                "log2(p)",
            ],
        ),
        ("traffic", &["bytes (logarithmic)"]),
        ("traffic_curves", &["bytes", "query block B, rows"]),
        ("bandwidth", &["clock cycles (logarithmic)"]),
        (
            "roofline",
            &[
                "operations a cycle",
                "operations a byte of external traffic",
            ],
        ),
        ("energy", &["J<", "energy on chip"]),
        ("energy_total", &["energy (logarithmic)"]),
        ("encodings", &["bits an attention value"]),
    ];
    for (name, labels) in wanted {
        let plot = page.plots().find(|plot| plot.name == name);
        // The drawing library breaks lines around a text.
        let svg = plot.expect("it is there").svg.replace('\n', "");
        for label in labels {
            assert!(svg.contains(label), "{name}: no {label:?}");
        }
    }
}

#[test]
fn the_html_page_needs_nothing_else() {
    let html = page(&demo("edge")).html();
    let namespace = "http://www.w3.org/2000/svg";
    for forbidden in ["http://", "https://", "<script", "src=", "@import", "url("] {
        assert!(
            !html.replace(namespace, "").contains(forbidden),
            "{forbidden}"
        );
    }
    let links = html.split("href=\"").skip(1);
    for link in links {
        assert!(
            link.starts_with('#') || link.starts_with("data:,"),
            "{link:.40}"
        );
    }
    // What a user gives is text.
    assert!(html.contains("a &lt;b&gt;") && !html.contains("a <b>"));
}
