//! The core of every named configuration can be made, and its files are as the unit's.

use logattn_golden::{Configuration, NAMES, SORTED_NAMES, TWIN_NAMES, VARIANT_NAMES};
use logattn_hdl::attention_core::export_core;

#[test]
fn every_core_is_well_formed() {
    let others = VARIANT_NAMES.iter().chain(&TWIN_NAMES).chain(&SORTED_NAMES);
    for name in NAMES.iter().chain(others) {
        let c = Configuration::named(name).expect("known");
        let core = export_core(&c).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(core.top, format!("{name}_attention_core"));
    }
}
