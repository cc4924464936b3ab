//! What the tests of unit and core share: configurations by name, and Verilator.

use logattn_golden::{NAMES, SORTED_NAMES, TWIN_NAMES, VARIANT_NAMES};
use logattn_testbenches::verilator::Verilator;

/// Names of all embedded configurations.
pub fn all_names() -> impl Iterator<Item = &'static str> {
    let others = VARIANT_NAMES.iter().chain(&TWIN_NAMES).chain(&SORTED_NAMES);
    NAMES.iter().chain(others).copied()
}

/// Whether a missing tool fails a test instead of skipping it.
pub fn tools_required() -> bool {
    std::env::var_os("LOGATTN_REQUIRE_TOOLS").is_some_and(|value| value == "1")
}

/// Verilator, or a note that the test is skipped; it must be there when `LOGATTN_REQUIRE_TOOLS` is
/// 1.
pub fn verilator() -> Option<Verilator> {
    match Verilator::find() {
        Ok(found) => Some(found),
        Err(error) if tools_required() => panic!("{error}"),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// A test a named configuration, each calling `$check` with its name, and one that none is missing.
macro_rules! each_named {
    ($check:path) => {
        $crate::support::each_named!($check:
            nano,
            edge,
            base,
            server,
            paper,
            nano_scores,
            nano_qkv,
            edge_scores,
            edge_qkv,
            base_probabilities,
            base_scores,
            server_scores,
            server_qkv,
            paper_scores,
            paper_qkv,
            nano_int8,
            edge_int8,
            base_int8,
            server_int8,
            nano_sorted,
            edge_sorted
        );
    };
    ($check:path: $($name:ident),*) => {
        $(#[test]
        fn $name() {
            $check(stringify!($name));
        })*

        #[test]
        fn every_named_configuration_is_here() {
            let here = [$(stringify!($name)),*];
            assert!($crate::support::all_names().all(|name| here.contains(&name)));
        }
    };
}
pub(crate) use each_named;
