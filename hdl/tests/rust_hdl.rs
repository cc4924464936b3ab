//! Modules as rust-hdl blocks: checked, simulated, traced and exported.
#![cfg(feature = "rust-hdl")]

use logattn_hdl::netlist::{Builder, Direction, Evaluator, Module, Role, signed, unsigned};
use logattn_hdl::rust_hdl::{NetlistBlock, export};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rust_hdl_core::prelude::{
    Bit, Block, Clock, In, Logic, Out, Probe, Signal, TopWrap, Verilog, check_all, simulate,
    write_vcd_change, write_vcd_dump, write_vcd_header,
};

/// Sums signed values while enabled.
fn accumulator() -> Module {
    let mut m = Builder::new("accumulator", "Sums.");
    let enable = m.input("enable", unsigned(1), "add in this cycle");
    let value = m.input("value", signed(9), "the summand");
    let total = m.register_reset("total", signed(80), -7i64 as u64);
    let wide = m.extend(value, 80);
    let sum = m.add(total, wide);
    m.update_if(total, enable, sum);
    m.output("total", total, "the sum");
    let negative = m.bit(total, 79);
    let crossing = m.and(negative, enable);
    m.output("crossing", crossing, "combinational from `enable`");
    m.finish().expect("a legal module")
}

/// An accumulator whose sums go through a memory.
fn history() -> Module {
    let mut m = Builder::new("history", "Remembers sums.");
    let enable = m.input("enable", unsigned(1), "");
    let value = m.input("value", signed(9), "");
    let at = m.input("at", unsigned(3), "");
    let inputs = [("enable", enable), ("value", value)];
    let accumulator = m.instance("u_accumulator", &accumulator(), &inputs);
    let sums = m.memory("sums", 8, 80);
    let total = m.as_unsigned(accumulator.output("total"));
    let from = m.not(at);
    m.memory_write(sums, enable, at, total);
    let always = m.constant(1, unsigned(1));
    let sum = m.memory_read(sums, "sum", always, from);
    m.output("sum", sum, "");
    m.output("crossing", accumulator.output("crossing"), "");
    m.finish().expect("a legal module")
}

/// Random values for every data input, and a reset now and then.
fn random_inputs(module: &Module, rng: &mut ChaCha8Rng) -> Vec<(String, u64)> {
    let inputs = module
        .ports()
        .iter()
        .filter(|port| port.direction == Direction::Input);
    let value = |role: Role, rng: &mut ChaCha8Rng| match role {
        Role::Clock => None,
        Role::Reset => Some(u64::from(rng.random_bool(0.05))),
        Role::Data => Some(rng.random()),
    };
    inputs
        .filter_map(|port| Some((port.name.clone(), value(port.role, rng)?)))
        .collect()
}

fn set_clock(block: &mut NetlistBlock, level: u64) {
    block.pin_mut("clk").expect("a clock").set(level);
    assert!(simulate(block, 20), "it settles");
}

#[test]
fn a_block_is_the_evaluator_in_every_cycle() {
    let module = history();
    let mut evaluator = Evaluator::new(&module).expect("no loop");
    let mut block = NetlistBlock::new(&module).expect("no loop");
    block.connect_all();
    check_all(&block).expect("connected, no loops, no inputs written");
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut crossings = 0;
    for cycle in 0..500 {
        for (name, value) in random_inputs(&module, &mut rng) {
            evaluator.set(&name, value);
            block.pin_mut(&name).expect("a port").set(value);
        }
        set_clock(&mut block, 0);
        evaluator.settle();
        let crossing = block.pin("crossing").expect("a port").get();
        assert_eq!(
            crossing,
            evaluator.get("crossing"),
            "before the edge of cycle {cycle}"
        );
        crossings += crossing;
        set_clock(&mut block, 1);
        evaluator.clock();
        for name in ["sum", "crossing"] {
            let pin = block.pin(name).expect("a port");
            assert_eq!(
                pin.words(),
                evaluator.get_words(name),
                "{name} in cycle {cycle}"
            );
        }
    }
    assert!(crossings > 0);
}

/// A rust-hdl design of two accumulators: the lowest bits of the first one's total are the second
/// one's values.
struct Chain {
    clock: Signal<In, Clock>,
    reset: Signal<In, Bit>,
    enable: Signal<In, Bit>,
    crossing: Signal<Out, Bit>,
    first: NetlistBlock,
    second: NetlistBlock,
}

impl Chain {
    fn new() -> Chain {
        let block = || NetlistBlock::new(&accumulator()).expect("no loop");
        Chain {
            clock: Signal::default(),
            reset: Signal::default(),
            enable: Signal::default(),
            crossing: Signal::default(),
            first: block(),
            second: block(),
        }
    }

    fn set(&mut self) {
        let value = self.first.pin("total").expect("a port").get();
        for (block, value) in [(&mut self.first, 300), (&mut self.second, value)] {
            let values = [
                ("clk", u64::from(self.clock.val().clk)),
                ("rst", u64::from(self.reset.val())),
                ("enable", u64::from(self.enable.val())),
                ("value", value),
            ];
            for (name, value) in values {
                block.pin_mut(name).expect("a port").set(value);
            }
        }
        self.crossing.next = self.second.pin("crossing").expect("a port").get() == 1;
    }
}

impl Logic for Chain {
    fn update(&mut self) {
        self.set();
    }

    fn connect(&mut self) {
        self.crossing.connect();
        for block in [&mut self.first, &mut self.second] {
            for name in ["clk", "rst", "enable", "value"] {
                block.pin_mut(name).expect("a port").connect();
            }
        }
    }

    fn hdl(&self) -> Verilog {
        let mut text = String::from("always @(*) begin\n");
        for (block, value) in [("first", "9'd300"), ("second", "first$total[8:0]")] {
            text += &format!("  {block}$clk = clock;\n  {block}$rst = reset;\n");
            text += &format!("  {block}$enable = enable;\n  {block}$value = {value};\n");
        }
        Verilog::Custom(text + "  crossing = second$crossing;\nend\n")
    }
}

impl Block for Chain {
    fn connect_all(&mut self) {
        self.connect();
        self.first.connect_all();
        self.second.connect_all();
    }

    fn update_all(&mut self) {
        self.update();
        self.clock.update_all();
        self.reset.update_all();
        self.enable.update_all();
        self.crossing.update_all();
        self.first.update_all();
        self.second.update_all();
    }

    fn has_changed(&self) -> bool {
        self.clock.has_changed()
            || self.reset.has_changed()
            || self.enable.has_changed()
            || self.crossing.has_changed()
            || self.first.has_changed()
            || self.second.has_changed()
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_start_scope(name, self);
        self.clock.accept("clock", probe);
        self.reset.accept("reset", probe);
        self.enable.accept("enable", probe);
        self.crossing.accept("crossing", probe);
        self.first.accept("first", probe);
        self.second.accept("second", probe);
        probe.visit_end_scope(name, self);
    }
}

#[test]
fn blocks_in_a_rust_hdl_design_take_the_same_edge() {
    let mut chain = Chain::new();
    chain.connect_all();
    check_all(&chain).expect("connected, no loops, no inputs written");
    // Two's complement of 9 bits: 300 is -212.
    let (mut first, mut second) = (0i64, 0i64);
    for cycle in 0..200 {
        chain.reset.next = cycle < 2 || cycle == 50;
        chain.enable.next = cycle % 3 != 0;
        for level in [false, true] {
            chain.clock.next = Clock { clk: level };
            assert!(simulate(&mut chain, 30), "it settles");
        }
        let low = (first << 55) >> 55;
        (first, second) = match (chain.reset.next, chain.enable.next) {
            (true, _) => (-7, -7),
            (false, true) => (first - 212, second + low),
            (false, false) => (first, second),
        };
        let total = |block: &NetlistBlock| block.pin("total").expect("a port").get() as i64;
        assert_eq!(
            (total(&chain.first), total(&chain.second)),
            (first, second),
            "{cycle}"
        );
        assert_eq!(chain.crossing.val(), second < 0 && chain.enable.next);
    }
}

#[test]
fn an_unconnected_pin_of_an_instance_is_found() {
    let mut block = TopWrap::new(NetlistBlock::new(&accumulator()).expect("no loop"));
    block.connect_all();
    assert!(check_all(&block).is_err());
    for name in ["clk", "rst", "enable", "value"] {
        block.uut.pin_mut(name).expect("a port").connect();
    }
    check_all(&block).expect("connected");
}

#[test]
fn a_trace_has_every_named_signal_and_its_changes() {
    let mut block = NetlistBlock::new(&history()).expect("no loop");
    block.connect_all();
    let mut bytes = Vec::new();
    let mut probe = write_vcd_dump(write_vcd_header(&mut bytes, &block), &block);
    block.pin_mut("enable").expect("a port").set(1);
    block.pin_mut("value").expect("a port").set(5);
    for time in 0..8 {
        set_clock(&mut block, time % 2);
        probe.timestamp(time).expect("a writable vector");
        probe = write_vcd_change(probe, &block);
    }
    drop(probe);
    let text = String::from_utf8(bytes).expect("a VCD is text");
    assert!(text.contains("$scope module uut $end"), "{text}");
    assert!(text.contains("$scope module u_accumulator $end"), "{text}");
    // The sum after two edges is 10: in the accumulator's register, which is no port of the block.
    let declaration = text
        .lines()
        .find(|line| line.contains(" 80 ") && line.contains(" total "));
    let code = declaration
        .and_then(|line| line.split(' ').nth(3))
        .expect("total is traced");
    let ten = format!("{:080b}", 10);
    let is_change = |line: &str| {
        line.strip_prefix('b')
            .and_then(|line| line.split_once(' '))
            .is_some_and(|(bits, of)| {
                of == code && ten.ends_with(bits) && bits.trim_start_matches('0') == "1010"
            })
    };
    assert!(text.lines().any(is_change), "{text}");
}

#[test]
fn the_export_is_a_design_without_dollars_around_our_own_text() {
    let mut chain = Chain::new();
    chain.connect_all();
    let text = export(&chain, "chain").expect("a checked design");
    let separators = text.replace("$signed", "").replace("$unsigned", "");
    assert!(!separators.contains('$'), "{text}");
    for part in [
        "module chain(clock,reset,enable,crossing);",
        "chain_first first(",
        "module chain_first(clk,rst,enable,value,total,crossing);",
        "accumulator u_accumulator (",
        "second_value = first_total[8:0];",
        "`ifndef ACCUMULATOR_DEFINED",
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    assert!(
        text.contains(&accumulator().verilog("")),
        "our own text, unchanged"
    );
}

#[test]
fn combinational_blocks_have_no_clock() {
    let mut m = Builder::new("inverter", "");
    let a = m.input("a", unsigned(3), "");
    let inverse = m.not(a);
    m.output("inverse", inverse, "");
    let mut block = NetlistBlock::new(&m.finish().expect("a legal module")).expect("no loop");
    let names: Vec<&str> = block.pins().iter().map(|pin| pin.name()).collect();
    assert_eq!(names, ["a", "inverse"]);
    block.pin_mut("a").expect("a port").set(0b1010);
    assert!(simulate(&mut block, 10));
    assert_eq!(block.pin("inverse").expect("a port").get(), 0b101);
    let error = block.pin("clk").expect_err("no clock").to_string();
    assert!(
        error.contains("inverter") && error.contains("`clk`"),
        "{error}"
    );
}
