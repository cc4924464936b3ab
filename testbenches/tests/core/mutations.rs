//! Proof that the traffic of these tests finds mistakes: cores with one wrong choice each, all of
//! which it must catch.

use crate::fuzz::fuzz;
use logattn_golden::Configuration;
use logattn_hdl::attention_core::attention_core;
use logattn_hdl::netlist::{Evaluator, Mutation};
use logattn_testbenches::core::evaluated_core;
use std::panic::{AssertUnwindSafe, catch_unwind};

const CYCLES: u64 = 150_000;

/// A small core of the kind of `name`.
fn small(name: &str) -> Configuration {
    Configuration {
        name: "small".into(),
        head_dimension: 4,
        lanes: 2,
        max_keys: 12,
        value_banks: 2,
        output_lanes: 1,
        ..Configuration::named(name).expect("known")
    }
}

/// Panics of these tests are what they look for; they need not be printed.
fn quiet() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let wanted = info.payload().downcast_ref::<String>().is_none_or(|text| {
            !text.contains("attention_core")
                && !text.contains("stream_guard")
                && !text.contains("progress")
                && !text.contains("registers")
                && !text.contains("DoesNotApply")
        }) && std::thread::current()
            .name()
            .is_some_and(|name| name.starts_with("mutations::") && !name.ends_with("right"));
        if !wanted {
            before(info);
        }
    }));
}

/// The mutations of `c` that nothing catches.
fn missed(c: &Configuration, mutations: &[(&str, &str, Mutation)]) -> Vec<String> {
    let core = attention_core(c).expect("elaborates");
    quiet();
    let is_missed = |(module, signal, mutation): &(&str, &str, Mutation)| {
        let wrong = core
            .mutate(module, signal, *mutation)
            .unwrap_or_else(|error| panic!("{error}"));
        let play = || {
            let device = Evaluator::new(&wrong).expect("a mutated core still elaborates");
            fuzz(device, c, 3, CYCLES);
        };
        catch_unwind(AssertUnwindSafe(play)).is_ok()
    };
    (mutations.iter())
        .filter(|mutation| is_missed(mutation))
        .map(|mutation| format!("{mutation:?}"))
        .collect()
}

#[test]
fn nothing_is_caught_where_all_is_right() {
    for name in ["nano", "nano_qkv"] {
        let c = small(name);
        fuzz(evaluated_core(&c).expect("elaborates"), &c, 3, CYCLES);
    }
}

#[test]
fn mistakes_with_probabilities_are_caught() {
    use Mutation::{DropEnable, DropReset, FlipComparison, Invert, StuckAt, SwapAddSub, SwapMux};
    let mutations = [
        ("stream_guard_attn", "dropping", StuckAt(0)),
        ("stream_guard_attn", "dropping", DropReset),
        ("stream_guard_attn", "in_packet", StuckAt(0)),
        ("stream_guard_attn", "index", DropEnable),
        ("stream_guard_attn", "index", SwapMux),
        ("stream_guard_attn", "full", FlipComparison),
        ("stream_guard_attn", "too_short", StuckAt(0)),
        ("stream_guard_attn", "too_long", StuckAt(0)),
        ("stream_guard_attn", "waits", StuckAt(0)),
        ("stream_guard_attn", "drops", StuckAt(0)),
        ("stream_guard_value", "dropping", StuckAt(0)),
        ("stream_guard_value", "full", FlipComparison),
        ("stream_guard_value", "too_short", StuckAt(0)),
        ("stream_guard_value", "too_long", StuckAt(0)),
        ("progress", "rows_legal_now", StuckAt(1)),
        ("progress", "head_legal", StuckAt(1)),
        ("progress", "some_in_flight", StuckAt(0)),
        ("progress", "holds_values", StuckAt(0)),
        ("progress", "blocks_in", DropEnable),
        ("progress", "blocks_out", DropEnable),
        ("progress", "row_length_now", DropEnable),
        ("progress", "row_length_now", SwapMux),
        ("progress", "last_block", SwapAddSub),
        ("progress", "last_key", SwapAddSub),
        ("registers", "write_mask", Invert),
        ("registers", "writes_unless_rows", StuckAt(1)),
        ("registers", "write_refused", StuckAt(0)),
        ("registers", "errors_row_long", StuckAt(0)),
        ("registers", "read_error", Invert),
        ("registers", "write_error", Invert),
        ("registers", "row_length", DropReset),
        ("attention_core", "control_forget", StuckAt(0)),
        ("attention_core", "lengths_changed", StuckAt(1)),
        ("attention_core", "waited", StuckAt(0)),
        ("attention_core", "control_reset", StuckAt(0)),
        ("attention_core", "rows_open", StuckAt(1)),
    ];
    let missed = missed(&small("nano"), &mutations);
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn mistakes_with_queries_and_keys_are_caught() {
    use Mutation::{FlipComparison, StuckAt};
    let c = Configuration {
        query_block: 2,
        lanes: 4,
        ..small("nano_qkv")
    };
    let mutations = [
        ("stream_guard_query", "filling", StuckAt(0)),
        ("stream_guard_query", "dropping", StuckAt(0)),
        ("stream_guard_query", "full", FlipComparison),
        ("stream_guard_query", "too_short", StuckAt(0)),
        ("stream_guard_key", "dropping", StuckAt(0)),
        ("stream_guard_key", "too_short", StuckAt(0)),
        ("stream_guard_key", "too_long", StuckAt(0)),
        ("progress", "holds_keys", StuckAt(0)),
        ("progress", "rows_out", StuckAt(0)),
    ];
    let missed = missed(&c, &mutations);
    assert!(missed.is_empty(), "{missed:#?}");
}
