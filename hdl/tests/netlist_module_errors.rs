//! Each mistake in a module or hierarchy as a whole is refused, by the right error, with its place.

#[path = "netlist_support/errors.rs"]
mod errors;

use errors::{child, error_of};
use logattn_hdl::netlist::{Builder, Evaluator, Module, Mutation, NetlistError, Signal, unsigned};

#[test]
fn loops_without_a_register() {
    let direct = error_of(|m, a, _| {
        let wire = m.wire("turning", unsigned(8));
        let sum = m.add(wire, a);
        let sum = m.name(sum, "advanced");
        m.drive(wire, sum);
    });
    expect_error!(
        direct,
        CombinationalLoop,
        "mistaken",
        "`turning`",
        "`advanced`",
        "->"
    );
    let alone = error_of(|m, _, _| {
        let wire = m.wire("alone", unsigned(8));
        m.drive(wire, wire);
    });
    expect_error!(alone, CombinationalLoop, "`alone`");
}

/// `out_valid` follows `in_valid` and `in_ready` follows `out_ready`, both at once.
fn passage() -> Module {
    let mut m = Builder::new("passage", "");
    let in_valid = m.input("in_valid", unsigned(1), "");
    let out_ready = m.input("out_ready", unsigned(1), "");
    let out_valid = m.not(in_valid);
    m.output("out_valid", out_valid, "");
    let in_ready = m.not(out_ready);
    m.output("in_ready", in_ready, "");
    m.finish().expect("a legal module")
}

#[test]
fn loops_through_instances_are_found_and_crossings_are_none() {
    let mut m = Builder::new("crossed", "");
    let valid = m.input("valid", unsigned(1), "");
    let ready = m.wire("ready", unsigned(1));
    let one = m.instance(
        "u_one",
        &passage(),
        &[("in_valid", valid), ("out_ready", ready)],
    );
    let forward = one.output("out_valid");
    let back = m.input("back", unsigned(1), "");
    let two = m.instance(
        "u_two",
        &passage(),
        &[("in_valid", forward), ("out_ready", back)],
    );
    m.drive(ready, two.output("in_ready"));
    m.output("out", two.output("out_valid"), "");
    m.output("in", one.output("in_ready"), "");
    let module = m.finish().expect("no loop");
    let mut evaluator = Evaluator::new(&module).expect("no loop");
    for (valid, back) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        evaluator.set("valid", valid);
        evaluator.set("back", back);
        evaluator.settle();
        assert_eq!((evaluator.get("out"), evaluator.get("in")), (valid, back));
    }

    let looped = error_of(|m, a, _| {
        let wire = m.wire("around", unsigned(1));
        let ready = m.bit(a, 0);
        let inputs = [("in_valid", wire), ("out_ready", ready)];
        let instance = m.instance("u_passage", &passage(), &inputs);
        m.drive(wire, instance.output("out_valid"));
        m.unused(instance.output("in_ready"));
    });
    expect_error!(looped, CombinationalLoop, "`around`", "`passage_out_valid`");
}

#[test]
fn bits_that_nobody_reads() {
    expect_error!(
        error_of(|m, _, _| _ = m.input("c", unsigned(3), "")),
        Unused,
        "2:0",
        "`c`"
    );
    let named = error_of(|m, a, _| {
        let sum = m.not(a);
        let sum = m.name(sum, "inverse");
        let (low, high) = (m.slice(sum, 1, 2), m.bit(sum, 7));
        m.output("low", low, "");
        m.output("high", high, "");
    });
    expect_error!(named, Unused, "mistaken", "6:3, 0", "`inverse`");
    let output = error_of(|m, a, _| {
        let value = m.slice(a, 0, 4);
        m.instance("u_child", &child(), &[("value", value)]);
    });
    expect_error!(output, Unused, "3:0", "`child_kept`");
    let register = error_of(|m, a, _| {
        let register = m.register("r", unsigned(8));
        m.update(register, a);
    });
    expect_error!(register, Unused, "7:0", "`r`");

    let mut m = Builder::new("deliberate", "");
    let a = m.input("a", unsigned(8), "");
    let high = m.bit(a, 7);
    m.output("high", high, "");
    let low = m.slice(a, 0, 7);
    m.unused(low);
    m.finish().expect("said to be unused");
}

#[test]
fn nodes_that_need_a_name() {
    let sliced = error_of(|m, a, b| {
        let sum = m.add(a, b);
        let low = m.slice(sum, 0, 4);
        m.output("low", low, "");
    });
    expect_error!(sliced, NameIt, "mistaken", "add(`a`, `b`)", "slice");
    let shared = error_of(|m, a, b| {
        let sum = m.xor(a, b);
        let (not, neg) = (m.not(sum), m.neg(sum));
        m.output("not", not, "");
        m.output("neg", neg, "");
    });
    assert!(
        matches!(shared, NetlistError::IllegalName { .. }),
        "`not` is a gate: {shared}"
    );
    let shared = error_of(|m, a, b| {
        let xor = m.xor(a, b);
        let (inverse, negative) = (m.not(xor), m.neg(xor));
        m.output("inverse", inverse, "");
        m.output("negative", negative, "");
    });
    expect_error!(shared, NameIt, "xor(`a`, `b`)", "more than once");
    let extended = error_of(|m, a, _| {
        let value = m.as_signed(a);
        let value = m.neg(value);
        let wide = m.extend(value, 16);
        m.output("wide", wide, "");
    });
    expect_error!(extended, NameIt, "neg", "sign");
    let shifted = error_of(|m, a, _| {
        let value = m.as_signed(a);
        let shifted = m.shr_by(value, 1);
        let sum = m.add(shifted, value);
        m.output("halved", sum, "");
    });
    expect_error!(shifted, NameIt, "shr_by", "arithmetic shift");
    let factor = error_of(|m, a, _| {
        let value = m.as_signed(a);
        let negative = m.neg(value);
        let product = m.mul(negative, value);
        m.output("product", product, "");
    });
    expect_error!(factor, NameIt, "neg", "multiplication");
    let deep = error_of(|m, a, b| {
        let deep = (0..500).fold(a, |deep, _| m.add(deep, b));
        m.output("deep", deep, "");
    });
    expect_error!(deep, NameIt, "deep");
}

#[test]
fn comparisons_with_one_answer() {
    type Comparison = fn(&mut Builder, Signal, Signal) -> Signal;
    let with_zero: [Comparison; 2] = [Builder::ge, Builder::lt];
    let with_largest: [Comparison; 2] = [Builder::le, Builder::gt];
    for (comparisons, value) in [(with_zero, 0), (with_largest, 255)] {
        for comparison in comparisons {
            let error = error_of(|m, a, _| {
                let constant = m.constant(value, unsigned(8));
                comparison(m, a, constant);
            });
            expect_error!(error, ConstantComparison, "mistaken", "`a`");
        }
    }
    for (comparisons, value) in [(with_zero, 255), (with_largest, 0)] {
        for comparison in comparisons {
            let error = error_of(|m, a, _| {
                let constant = m.constant(value, unsigned(8));
                comparison(m, constant, a);
            });
            expect_error!(error, ConstantComparison, "mistaken", "`a`");
        }
    }
}

#[test]
fn two_modules_of_one_name() {
    let other = {
        let mut m = Builder::new("child", "");
        let value = m.input("value", unsigned(4), "");
        let inverse = m.not(value);
        m.output("kept", inverse, "");
        m.finish().expect("a legal module")
    };
    let parent = |second: &Module| {
        let mut m = Builder::new("parent", "");
        let value = m.input("value", unsigned(4), "");
        let one = m.instance("u_one", &child(), &[("value", value)]);
        let two = m.instance("u_two", second, &[("value", value)]);
        m.output("one", one.output("kept"), "");
        m.output("two", two.output("kept"), "");
        m.finish().expect("a legal module")
    };
    expect_error!(
        parent(&other).hierarchy().expect_err("a conflict"),
        ModuleConflict,
        "child"
    );
    // The same module, built anew, is no other.
    let names: Vec<String> = parent(&child())
        .hierarchy()
        .expect("one child")
        .iter()
        .map(|module| module.name().to_string())
        .collect();
    assert_eq!(names, ["child", "parent"]);
}

#[test]
fn ports_that_the_evaluator_does_not_have() {
    let evaluator = Evaluator::new(&child()).expect("no loop");
    expect_error!(
        evaluator.port("valeu").expect_err("a typo"),
        UnknownPort,
        "child",
        "`valeu`"
    );
    expect_error!(
        evaluator.port("clk").expect_err("no port to set"),
        UnknownPort,
        "`clk`"
    );
    assert_eq!(evaluator.peek("u_nowhere.kept"), None);
}

#[test]
fn mutations_that_do_not_apply() {
    let module = child();
    let nowhere = module
        .mutate("chidl", "kept", Mutation::Invert)
        .expect_err("a typo");
    expect_error!(nowhere, NoSuchSignal, "chidl", "`kept`");
    let nothing = module
        .mutate("child", "ketp", Mutation::Invert)
        .expect_err("a typo");
    expect_error!(nothing, NoSuchSignal, "child", "`ketp`");
    for mutation in [
        Mutation::FlipComparison,
        Mutation::SwapAddSub,
        Mutation::SwapMux,
        Mutation::DropReset,
        Mutation::DropEnable,
        Mutation::KeepLowBits(4),
        Mutation::KeepLowBits(0),
    ] {
        let error = module
            .mutate("child", "kept", mutation)
            .expect_err("does not apply");
        expect_error!(error, MutationDoesNotApply, "child", "`kept`");
    }
    let input = module
        .mutate("child", "value", Mutation::DropReset)
        .expect_err("no register");
    expect_error!(
        input,
        MutationDoesNotApply,
        "`value`",
        "DropReset",
        "no register"
    );
}
