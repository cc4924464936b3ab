//! Comparing with Verilator can fail: a changed operator in the printed text is noticed.

mod netlist_support;

use logattn_hdl::netlist::{Builder, Module, Mutation, Signal, signed, unsigned};
use netlist_support::bench::bench;
use netlist_support::verilator::{Verilator, files};

/// Every operator once, on operands so small that all of their values occur.
fn every_operator() -> Module {
    let mut m = Builder::new("every", "");
    let [a, b] = ["a", "b"].map(|name| m.input(name, unsigned(3), ""));
    let [s, t] = ["s", "t"].map(|name| m.input(name, signed(3), ""));
    let bit = m.input("bit_in", unsigned(1), "");
    type Binary = fn(&mut Builder, Signal, Signal) -> Signal;
    let binary: [(&str, Binary); 14] = [
        ("sum", Builder::add),
        ("difference", Builder::sub),
        ("product", Builder::mul),
        ("both", Builder::and),
        ("either", Builder::or),
        ("differing", Builder::xor),
        ("same", Builder::eq),
        ("other", Builder::ne),
        ("less", Builder::lt),
        ("at_most", Builder::le),
        ("more", Builder::gt),
        ("at_least", Builder::ge),
        ("up", Builder::shl),
        ("down", Builder::shr),
    ];
    for (name, operator) in binary {
        let signal = operator(&mut m, a, b);
        m.output(name, signal, "");
        let right = if name == "up" || name == "down" { b } else { t };
        let signal = operator(&mut m, s, right);
        m.output(format!("signed_{name}"), signal, "");
    }
    let inverse = m.not(a);
    m.output("inverse", inverse, "");
    let negative = m.neg(s);
    m.output("negative", negative, "");
    let reductions = [m.any(a), m.all(a), m.parity(a)];
    for (name, signal) in ["some", "full", "odd"].into_iter().zip(reductions) {
        m.output(name, signal, "");
    }
    let chosen = m.mux(bit, a, b);
    m.output("chosen", chosen, "");
    let kept = m.register_reset("kept", unsigned(3), 5);
    m.update_if(kept, bit, a);
    m.output("kept", kept, "");
    m.finish().expect("a legal module")
}

/// Texts of [`every_operator`] with one thing changed in each; `None` stands for the text as it is.
const FLIPS: [Option<(&str, &str)>; 23] = [
    None,
    Some(("a + b", "a - b")),
    Some(("a - b", "a + b")),
    Some(("$signed({{3{s[2]}}, s}) *", "$signed({3'd0, s}) *")),
    Some(("a & b", "a | b")),
    Some(("a | b", "a ^ b")),
    Some(("a ^ b", "a | b")),
    Some(("a == b", "a != b")),
    Some(("a != b", "a == b")),
    Some(("a < b", "a <= b")),
    Some(("s < t", "$unsigned(s) < t")),
    Some(("a <= b", "a < b")),
    Some(("a > b", "a >= b")),
    Some(("a >= b", "a > b")),
    Some(("a << b", "a >> b")),
    Some(("s >>> b", "s >> b")),
    Some(("= ~a", "= a")),
    Some(("= -s", "= s")),
    Some(("= |a", "= &a")),
    Some(("= ^a", "= |a")),
    Some(("? a : b", "? b : a")),
    Some(("3'd5", "3'd4")),
    Some(("if (bit_in)", "if (~bit_in)")),
];

#[test]
fn a_flipped_operator_in_the_text_is_noticed() {
    let Some(verilator) = Verilator::find() else {
        return;
    };
    let copies: Vec<Module> = (0..FLIPS.len())
        .map(|i| every_operator().with_prefix(&format!("copy_{i}")))
        .collect();
    let bench = bench(&copies);
    let mut files = files(&bench.top);
    for (i, flip) in FLIPS.iter().enumerate() {
        let text = &mut files[i].1;
        if let Some((from, to)) = flip {
            assert!(text.contains(from), "`{from}` in {text}");
            *text = text.replacen(from, to, 1);
        }
    }
    let stimulus = bench.stimulus(8, 600);
    let found = verilator.run("flipped", &files, bench.bits, &stimulus);
    let expected = bench.evaluate(&stimulus);
    let mut noticed = vec![false; FLIPS.len()];
    for (found, expected) in found.iter().zip(&expected) {
        let difference = bench.difference(found, expected);
        for (i, noticed) in noticed.iter_mut().enumerate() {
            *noticed |= difference.contains(&format!("copy_{i}_every."));
        }
    }
    for (flip, noticed) in FLIPS.iter().zip(noticed) {
        assert_eq!(noticed, flip.is_some(), "{flip:?}");
    }
}

#[test]
fn mutations_are_the_same_in_verilator_and_differ_from_the_original() {
    let Some(mut verilator) = Verilator::find() else {
        return;
    };
    verilator.allow_warnings = true;
    let mutations = [
        ("at_least", Mutation::FlipComparison),
        ("signed_less", Mutation::FlipComparison),
        ("sum", Mutation::SwapAddSub),
        ("signed_difference", Mutation::SwapAddSub),
        ("chosen", Mutation::SwapMux),
        ("kept", Mutation::DropReset),
        ("kept", Mutation::DropEnable),
        ("kept", Mutation::StuckAt(2)),
        ("a", Mutation::StuckAt(7)),
        ("signed_down", Mutation::Invert),
        ("s", Mutation::Invert),
        ("signed_product", Mutation::ShiftByOneMore),
        ("signed_product", Mutation::KeepLowBits(4)),
        ("product", Mutation::KeepLowBits(4)),
        ("kept", Mutation::KeepLowBits(1)),
    ];
    let copies: Vec<Module> = mutations
        .iter()
        .enumerate()
        .map(|(i, (signal, mutation))| {
            let mutant = every_operator()
                .mutate("every", signal, *mutation)
                .expect("applies");
            mutant.with_prefix(&format!("mutant_{i}"))
        })
        .collect();
    let mutants = bench(&copies);
    let original = |i| every_operator().with_prefix(&format!("original_{i}"));
    let originals = bench(&(0..copies.len()).map(original).collect::<Vec<Module>>());
    let stimulus = mutants.stimulus(9, 600);
    let found = verilator.run("mutants", &files(&mutants.top), mutants.bits, &stimulus);
    let expected = mutants.evaluate(&stimulus);
    for (cycle, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let difference = mutants.difference(found, expected);
        assert!(difference.is_empty(), "cycle {cycle}\n{difference}");
    }
    let unchanged = originals.evaluate(&stimulus);
    for (i, mutation) in mutations.iter().enumerate() {
        let name = format!("mutant_{i}_every.");
        let differ = |(a, b): (&Vec<u64>, &Vec<u64>)| mutants.difference(a, b).contains(&name);
        assert!(expected.iter().zip(&unchanged).any(differ), "{mutation:?}");
    }
}
