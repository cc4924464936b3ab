//! The core of every named configuration can be made, and its files are as the unit's.

use logattn_golden::{Configuration, NAMES, SORTED_NAMES, TWIN_NAMES, VARIANT_NAMES};
use logattn_hdl::attention_core::export_core;
use logattn_hdl::unit::export;
use std::collections::BTreeSet;

#[test]
fn every_core_is_well_formed() {
    let others = VARIANT_NAMES.iter().chain(&TWIN_NAMES).chain(&SORTED_NAMES);
    for name in NAMES.iter().chain(others) {
        let c = Configuration::named(name).expect("known");
        let core = export_core(&c).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(core.top, format!("{name}_attention_core"));
    }
}

/// Every change of the text of what is around the unit shows in review.
#[test]
fn nano_is_as_reviewed() {
    for name in ["nano", "nano_qkv"] {
        let c = Configuration::named(name).expect("known");
        let unit: BTreeSet<String> = (export(&c).expect("exports").files.into_iter())
            .map(|file| file.name)
            .collect();
        let core = export_core(&c).expect("exports").files.into_iter();
        for file in core.filter(|file| !unit.contains(&file.name)) {
            // The header's version and hash would change every file, as would those in registers.
            let body = file.text.lines().skip_while(|line| line.starts_with("//"));
            let body: Vec<&str> = body.filter(|line| !line.contains("32'd")).collect();
            insta::assert_snapshot!(file.name.as_str(), body.join("\n"));
        }
    }
}
