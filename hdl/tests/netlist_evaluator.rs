//! Registers, memories, hierarchy and mutations in the evaluator, against what Verilog defines.

use logattn_hdl::netlist::{Builder, Evaluator, Module, Mutation, Role, signed, unsigned};

/// A counter that steps by one while enabled, and by two with `by_two`.
fn counter() -> Module {
    let mut m = Builder::new("counter", "");
    let enable = m.input("enable", unsigned(1), "");
    let by_two = m.input("by_two", unsigned(1), "");
    let limit = m.input("limit", unsigned(8), "");
    let count = m.register_reset("count", unsigned(8), 3);
    let (one, two) = (m.constant(1, unsigned(8)), m.constant(2, unsigned(8)));
    let step = m.mux(by_two, two, one);
    let step = m.name(step, "step");
    let next = m.add(count, step);
    m.update_if(count, enable, next);
    let at_limit = m.ge(count, limit);
    m.output("count", count, "");
    m.output("at_limit", at_limit, "");
    m.finish().expect("a legal module")
}

/// The counts after each of `inputs`: reset, enable, by_two.
fn counts(module: &Module, inputs: &[[u64; 3]]) -> Vec<u64> {
    let mut evaluator = Evaluator::new(module).expect("no loop");
    let step = |evaluator: &mut Evaluator, [reset, enable, by_two]: [u64; 3]| {
        evaluator.set("rst", reset);
        evaluator.set("enable", enable);
        evaluator.set("by_two", by_two);
        evaluator.clock();
        evaluator.get("count")
    };
    inputs
        .iter()
        .map(|input| step(&mut evaluator, *input))
        .collect()
}

const INPUTS: [[u64; 3]; 7] = [
    [1, 1, 0],
    [0, 1, 0],
    [0, 1, 1],
    [0, 0, 1],
    [0, 1, 0],
    [1, 0, 0],
    [0, 1, 0],
];

#[test]
fn reset_wins_over_enable_and_enable_holds() {
    assert_eq!(counts(&counter(), &INPUTS), [3, 4, 6, 6, 7, 3, 4]);
}

#[test]
fn every_mutation_changes_what_it_says() {
    let mutated = |signal, mutation| {
        let module = counter()
            .mutate("counter", signal, mutation)
            .expect("applies");
        counts(&module, &INPUTS)
    };
    assert_eq!(
        mutated("count", Mutation::SwapAddSub),
        [3, 2, 0, 0, 255, 3, 2]
    );
    assert_eq!(mutated("step", Mutation::SwapMux), [3, 5, 6, 6, 8, 3, 5]);
    assert_eq!(mutated("count", Mutation::DropReset), [1, 2, 4, 4, 5, 5, 6]);
    assert_eq!(
        mutated("count", Mutation::DropEnable),
        [3, 4, 6, 8, 9, 3, 4]
    );
    assert_eq!(
        mutated("step", Mutation::StuckAt(5)),
        [3, 8, 13, 13, 18, 3, 8]
    );
    assert_eq!(
        mutated("step", Mutation::ShiftByOneMore),
        [3, 5, 9, 9, 11, 3, 5]
    );
    assert_eq!(mutated("enable", Mutation::Invert), [3, 3, 3, 5, 5, 3, 3]);
    // Only the lowest two of its bits: 3 + 1 is 0.
    assert_eq!(
        mutated("count", Mutation::KeepLowBits(2)),
        [3, 0, 2, 2, 3, 3, 0]
    );

    let strict = counter().mutate("counter", "at_limit", Mutation::FlipComparison);
    for (module, expected) in [(counter(), 1), (strict.expect("applies"), 0)] {
        let mut evaluator = Evaluator::new(&module).expect("no loop");
        evaluator.set("limit", 3);
        evaluator.set("rst", 1);
        evaluator.clock();
        assert_eq!(evaluator.get("at_limit"), expected);
    }
}

#[test]
fn mutations_reach_every_instance_and_leave_the_original_alone() {
    let mut m = Builder::new("pair", "");
    let enable = m.input("enable", unsigned(1), "");
    let limit = m.input("limit", unsigned(8), "");
    for name in ["one", "two"] {
        let inputs = [("enable", enable), ("by_two", enable), ("limit", limit)];
        let instance = m.instance(format!("u_{name}"), &counter(), &inputs);
        m.output(name, instance.output("count"), "");
        m.unused(instance.output("at_limit"));
    }
    let pair = m.finish().expect("a legal module");
    let mutant = pair
        .mutate("counter", "step", Mutation::StuckAt(7))
        .expect("applies");
    for (module, step) in [(&pair, 2), (&mutant, 7)] {
        let mut evaluator = Evaluator::new(module).expect("no loop");
        evaluator.set("rst", 1);
        evaluator.clock();
        evaluator.set("rst", 0);
        evaluator.set("enable", 1);
        evaluator.clock();
        assert_eq!(
            (evaluator.get("one"), evaluator.get("two")),
            (3 + step, 3 + step)
        );
        assert_eq!(evaluator.peek("u_two.step"), Some(vec![step]));
        assert_eq!(evaluator.peek("u_two.u_one.step"), None);
        assert!(evaluator.signals().contains(&"u_one.count"));
    }
    assert_eq!(pair.children().len(), 1);
    assert_eq!(mutant.children().len(), 1);
}

/// A memory of `depth` words; the word, and that word again a cycle later.
fn memory(depth: usize, width: u32) -> Module {
    let address_width = (depth.max(2) - 1).ilog2() + 1;
    let mut m = Builder::new("memory", "");
    let write = m.input("write", unsigned(1), "");
    let read = m.input("read", unsigned(1), "");
    let write_address = m.input("write_address", unsigned(address_width), "");
    let read_address = m.input("read_address", unsigned(address_width), "");
    let data = m.input("data", unsigned(width), "");
    let ram = m.memory("ram", depth, width);
    m.memory_write(ram, write, write_address, data);
    let word = m.memory_read(ram, "word", read, read_address);
    let later = m.register("later", unsigned(width));
    m.update(later, word);
    m.output("word", word, "");
    m.output("later", later, "");
    m.finish().expect("a legal module")
}

fn access(evaluator: &mut Evaluator, write: Option<(u64, &[u64])>, read: Option<u64>) {
    evaluator.set("write", write.is_some().into());
    evaluator.set("read", read.is_some().into());
    if let Some((address, data)) = write {
        evaluator.set("write_address", address);
        evaluator.set_words("data", data);
    }
    evaluator.set("read_address", read.unwrap_or(0));
    evaluator.clock();
}

#[test]
fn memories_return_the_old_word_and_hold_it_while_not_read() {
    let mut evaluator = Evaluator::new(&memory(12, 100)).expect("no loop");
    access(&mut evaluator, Some((11, &[7, 1])), None);
    access(&mut evaluator, Some((11, &[8, 2])), Some(11));
    assert_eq!(
        evaluator.get_words("word"),
        [7, 1],
        "the word before the write"
    );
    access(&mut evaluator, None, Some(11));
    assert_eq!(evaluator.get_words("word"), [8, 2]);
    assert_eq!(evaluator.get_words("later"), [7, 1]);
    access(&mut evaluator, Some((0, &[9])), None);
    assert_eq!(evaluator.get_words("word"), [8, 2], "held");
    access(&mut evaluator, None, Some(0));
    assert_eq!(evaluator.get_words("word"), [9, 0]);
    // Addresses that the memory does not have leave it as it is.
    access(&mut evaluator, Some((13, &[5, 5])), Some(13));
    assert_eq!(evaluator.get_words("word"), [0, 0]);
    access(&mut evaluator, None, Some(11));
    assert_eq!(evaluator.get_words("word"), [8, 2]);
}

#[test]
fn collisions_are_counted_where_they_were_promised_not_to_happen() {
    for promised in [false, true] {
        let mut m = Builder::new("queue", "");
        let [write, read] = ["write", "read"].map(|name| m.input(name, unsigned(1), ""));
        let [write_address, read_address] =
            ["write_address", "read_address"].map(|name| m.input(name, unsigned(2), ""));
        let ram = m.memory("ram", 4, 2);
        if promised {
            m.memory_exclusive(ram);
        }
        m.memory_write(ram, write, write_address, write_address);
        let word = m.memory_read(ram, "word", read, read_address);
        m.output("word", word, "");
        let module = m.finish().expect("a legal module");
        assert_eq!(module.verilog("").contains("(* no_rw_check *)"), promised);
        let mut evaluator = Evaluator::new(&module).expect("no loop");
        for (write, read, to, from) in [(1, 1, 2, 3), (1, 0, 2, 2), (0, 1, 2, 2), (1, 1, 1, 1)] {
            evaluator.set("write", write);
            evaluator.set("read", read);
            evaluator.set("write_address", to);
            evaluator.set("read_address", from);
            evaluator.clock();
        }
        assert_eq!(evaluator.collisions(), u64::from(promised));
    }
}

#[test]
fn mutations_of_a_memory() {
    let always_written = memory(4, 8).mutate("memory", "ram", Mutation::DropEnable);
    let mut evaluator = Evaluator::new(&always_written.expect("applies")).expect("no loop");
    evaluator.set("data", 42);
    access(&mut evaluator, None, None);
    access(&mut evaluator, None, Some(0));
    assert_eq!(evaluator.get("word"), 42);
    let always_read = memory(4, 8).mutate("memory", "word", Mutation::DropEnable);
    let mut evaluator = Evaluator::new(&always_read.expect("applies")).expect("no loop");
    access(&mut evaluator, Some((0, &[6])), None);
    access(&mut evaluator, None, None);
    assert_eq!(evaluator.get("word"), 6);
}

#[test]
fn registers_exchange_their_values() {
    let mut m = Builder::new("exchange", "");
    let load = m.input("load", unsigned(1), "");
    let value = m.input("value", signed(70), "");
    let one = m.register("one", signed(70));
    let two = m.register("two", signed(70));
    let from = m.mux(load, value, two);
    m.update(one, from);
    m.update(two, one);
    m.output("one", one, "");
    m.output("two", two, "");
    let mut evaluator = Evaluator::new(&m.finish().expect("a legal module")).expect("no loop");
    evaluator.set("load", 1);
    evaluator.set_words("value", &[1, 1]);
    evaluator.clock();
    evaluator.set_words("value", &[2, 2]);
    evaluator.clock();
    evaluator.set("load", 0);
    assert_eq!((evaluator.get("one"), evaluator.get("two")), (2, 1));
    evaluator.clock();
    assert_eq!(
        (evaluator.get_words("one"), evaluator.get_words("two")),
        (&[1, 1][..], &[2, 2][..])
    );
}

#[test]
fn clock_and_reset_are_ports_exactly_where_they_are_needed() {
    let roles = |module: &Module| -> Vec<Role> {
        module
            .ports()
            .iter()
            .map(|port| port.role)
            .filter(|role| *role != Role::Data)
            .collect()
    };
    let combinational = {
        let mut m = Builder::new("combinational", "");
        let a = m.input("a", unsigned(1), "");
        let inverse = m.not(a);
        m.output("inverse", inverse, "");
        m.finish().expect("a legal module")
    };
    assert_eq!(roles(&combinational), []);
    assert_eq!(roles(&memory(4, 8)), [Role::Clock]);
    assert_eq!(roles(&counter()), [Role::Clock, Role::Reset]);
    let mut m = Builder::new("above", "");
    let one = m.constant(1, unsigned(1));
    let limit = m.constant(200, unsigned(8));
    let inputs = [("enable", one), ("by_two", one), ("limit", limit)];
    let instance = m.instance("u_counter", &counter(), &inputs);
    m.output("count", instance.output("count"), "");
    m.unused(instance.output("at_limit"));
    assert_eq!(
        roles(&m.finish().expect("a legal module")),
        [Role::Clock, Role::Reset]
    );
}

#[test]
fn outputs_follow_a_rising_edge_at_the_next_settling() {
    let mut evaluator = Evaluator::new(&counter()).expect("no loop");
    evaluator.set("rst", 1);
    evaluator.clock();
    assert_eq!((evaluator.get("count"), evaluator.get("at_limit")), (3, 1));
    evaluator.set("rst", 0);
    evaluator.set("enable", 1);
    evaluator.set("limit", 4);
    evaluator.settle();
    assert_eq!((evaluator.get("count"), evaluator.get("at_limit")), (3, 0));
    evaluator.rise();
    assert_eq!(evaluator.get("at_limit"), 0);
    evaluator.settle();
    assert_eq!((evaluator.get("count"), evaluator.get("at_limit")), (4, 1));
}

#[test]
fn handles_reach_the_same_ports_as_names() {
    let mut evaluator = Evaluator::new(&counter()).expect("no loop");
    let [rst, enable, by_two, count] =
        ["rst", "enable", "by_two", "count"].map(|name| evaluator.port(name).expect("a port"));
    evaluator.set_at(rst, 1);
    evaluator.clock();
    evaluator.set_at(rst, 0);
    evaluator.set_at(enable, u64::MAX);
    evaluator.set_at(by_two, 2);
    evaluator.set_at(count, 99);
    evaluator.clock();
    assert_eq!(
        evaluator.get_at(count),
        4,
        "bits beyond the width are dropped, outputs not set"
    );
    assert_eq!(evaluator.get_words_at(count), [4]);
    assert_eq!(count.ty(), unsigned(8));
}
