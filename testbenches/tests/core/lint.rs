//! The Verilog of every core is clean in Verilator and Icarus Verilog.

use crate::support::{all_names, tools_required, verilator};
use logattn_golden::Configuration;
use logattn_hdl::attention_core::export_core;
use logattn_hdl::unit::Export;
use logattn_testbenches::unit::sources;
use logattn_testbenches::verilator::iverilog_lint;

fn exports() -> impl Iterator<Item = Export> {
    let named = all_names().map(|name| Configuration::named(name).expect("known"));
    named.map(|c| export_core(&c).expect("exports"))
}

#[test]
fn verilator_warns_of_nothing() {
    let Some(verilator) = verilator() else { return };
    for core in exports() {
        let found = verilator.lint(&sources(&core), &core.top).expect("runs");
        assert_eq!(found, None, "{}", core.top);
    }
}

#[test]
fn icarus_warns_of_nothing() {
    for core in exports() {
        match iverilog_lint(&sources(&core), &core.top) {
            Ok(found) => assert_eq!(found, None, "{}", core.top),
            Err(error) if tools_required() => panic!("{error}"),
            Err(error) => return eprintln!("skipped: {error}"),
        }
    }
}
