//! Modules as gates: they compute what the evaluator says, and registers are what synthesis makes of
//! them.

use logattn_hdl::netlist::{
    Bit, Builder, ChainKind, Evaluator, Gate, Gates, Module, Signal, Style, parts, signed, unsigned,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Values of a combinational module's gates for one set of inputs.
struct Values<'a> {
    gates: &'a Gates,
    known: Vec<Option<bool>>,
}

impl Values<'_> {
    fn of(gates: &Gates, inputs: &[bool]) -> Vec<bool> {
        let mut values = Values {
            gates,
            known: vec![None; gates.gates().len()],
        };
        values.known[0] = Some(false);
        for (bit, value) in gates.inputs().iter().zip(inputs) {
            values.known[bit.gate()] = Some(*value);
        }
        gates.outputs().iter().map(|bit| values.bit(*bit)).collect()
    }

    fn bit(&mut self, bit: Bit) -> bool {
        if self.known[bit.gate()].is_none() {
            let value = match self.gates.gates()[bit.gate()] {
                Gate::And(a, b) => self.bit(a) & self.bit(b),
                Gate::Xor(a, b) => self.bit(a) ^ self.bit(b),
                Gate::Source => self.result(bit),
            };
            self.known[bit.gate()] = Some(value);
        }
        self.known[bit.gate()].expect("computed") ^ bit.is_inverted()
    }

    /// A result of a chain, by the definition of its kind.
    fn result(&mut self, bit: Bit) -> bool {
        let chains = self.gates.chains().iter();
        let mut found = chains.filter_map(|chain| {
            let place = chain
                .results
                .iter()
                .position(|result| result.gate() == bit.gate());
            place.map(|place| (chain.clone(), place))
        });
        let (chain, place) = found
            .next()
            .expect("every source of these modules is known");
        let mut carry = chain.kind == ChainKind::Subtract;
        for (i, (a, b)) in chain.a.iter().zip(&chain.b).enumerate() {
            let (a, b) = (self.bit(*a), self.bit(*b));
            let b = b ^ (chain.kind == ChainKind::Subtract);
            if i == place && chain.kind != ChainKind::Carry {
                return a ^ b ^ carry;
            }
            carry = match chain.kind {
                ChainKind::Carry => {
                    if a {
                        carry
                    } else {
                        b
                    }
                }
                _ => (a & b) | (carry & (a ^ b)),
            };
        }
        carry
    }
}

/// A module with every operator on words of random widths, constants among them.
fn operators(rng: &mut ChaCha8Rng) -> Module {
    let mut m = Builder::new("operators", "Every operator.");
    let is_signed: bool = rng.random();
    let ty = |width| {
        if is_signed {
            signed(width)
        } else {
            unsigned(width)
        }
    };
    let width = rng.random_range(1..20);
    let a = m.input("a", ty(width), "an operand");
    let b = if rng.random_range(0..4) == 0 {
        let value = rng.random_range(1..=u64::from(width > 1) + 1) & ((1 << width) - 1);
        let value = m.constant(value.max(1), ty(width));
        m.name(value, "b")
    } else {
        m.input("b", ty(width), "an operand")
    };
    let select = m.input("select", unsigned(1), "a condition");
    let amount = m.input("amount", unsigned(rng.random_range(1..6)), "a shift");
    let wide = width + rng.random_range(0..5);
    let (c, d) = (m.extend(a, wide), m.extend(b, wide));
    let (c, d) = (m.name(c, "c"), m.name(d, "d"));
    let (sum, difference) = (m.add(c, d), m.sub(c, d));
    // Sums that nothing else reads, which are added at once.
    let (first, second) = (m.sub(c, d), m.add(d, c));
    let inner = m.sub(first, second);
    let inner = m.name(inner, "inner");
    let inner = m.extend(inner, wide + 2);
    let more = m.extend(d, wide + 2);
    let many = m.add(inner, more);
    let product = m.mul(a, b);
    let results = [
        Some(sum),
        Some(difference),
        Some(many),
        Some(product),
        Some(m.neg(c)),
        Some(m.not(a)),
        Some(m.xor(a, b)),
        Some(m.and(a, b)),
        Some(m.or(a, b)),
        Some(m.shl(c, amount)),
        Some(m.shr(c, amount)),
        Some(m.shl_by(c, 2)),
        Some(m.shr_by(c, 3)),
        Some(m.mux(select, c, d)),
        Some(m.any(a)),
        Some(m.all(a)),
        Some(m.parity(a)),
        Some(m.eq(a, b)),
        Some(m.ne(a, b)),
        Some(m.concat(&[a, c, select])),
        Some(m.replicate(a, 3)),
        Some(m.slice(d, 0, width)),
    ];
    for (i, result) in results.into_iter().flatten().enumerate() {
        m.output(format!("result_{i}"), result, "a result");
    }
    compare(&mut m, c, d);
    m.finish().expect("elaborates")
}

/// Comparisons of sums, which no constant decides.
fn compare(m: &mut Builder, c: Signal, d: Signal) {
    let width = c.width();
    let e = m.sub(c, d);
    let e = m.name(e, "e");
    let results = [m.lt(c, e), m.le(c, e), m.gt(c, e), m.ge(c, e)];
    for (i, result) in results.into_iter().enumerate() {
        m.output(format!("compared_{i}_{width}"), result, "a comparison");
    }
}

fn agrees(module: &Module, style: &Style, rng: &mut ChaCha8Rng) {
    let parts = parts(module, style);
    let mut evaluator = Evaluator::new(module).expect("no loop");
    for _ in 0..20 {
        let (mut inputs, mut expected) = (Vec::new(), Vec::new());
        for port in module.ports() {
            let bits = 0..port.ty.width();
            if port.direction == logattn_hdl::netlist::Direction::Input {
                let value = rng.random::<u64>() & ((1 << port.ty.width()) - 1);
                evaluator.set(&port.name, value);
                inputs.extend(bits.map(|i| value >> i & 1 == 1));
            }
        }
        evaluator.settle();
        for port in module.ports() {
            if port.direction == logattn_hdl::netlist::Direction::Output {
                let words = evaluator.get_words(&port.name).to_vec();
                let bit = |i: u32| words[i as usize / 64] >> (i % 64) & 1 == 1;
                expected.extend((0..port.ty.width()).map(bit));
            }
        }
        assert_eq!(
            Values::of(&parts[0].gates, &inputs),
            expected,
            "{style:?}\n{}",
            module.verilog("")
        );
    }
}

#[test]
fn gates_compute_what_the_evaluator_says() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let base = Style::default();
    let styles = [
        base,
        Style {
            least_chain: 5,
            most_gate_comparison: 0,
            ..base
        },
        Style {
            lookahead_inputs: 6,
            most_gate_comparison: 6,
            ..base
        },
        Style {
            least_chain: u32::MAX,
            ..base
        },
    ];
    for _ in 0..40 {
        let module = operators(&mut rng);
        for style in &styles {
            agrees(&module, style, &mut rng);
        }
    }
}

/// The gates of a module without others in it.
fn gates(m: Builder) -> Gates {
    parts(&m.finish().expect("elaborates"), &Style::default())
        .remove(0)
        .gates
}

#[test]
fn a_multiplexer_that_holds_is_an_enable_and_one_that_clears_a_reset() {
    let mut m = Builder::new("held", "");
    let [hold, clear] = ["hold", "clear"].map(|name| m.input(name, unsigned(1), ""));
    let word = m.input("word", unsigned(6), "");
    let register = m.register("kept", unsigned(6));
    let zero = m.zero(unsigned(6));
    let cleared = m.mux(clear, zero, word);
    let next = m.mux(hold, register, cleared);
    m.update(register, next);
    m.output("kept", register, "");
    let gates = gates(m);
    assert_eq!(gates.flops().len(), 6);
    let [word, hold, clear] = [gates.inputs()[2], gates.inputs()[0], gates.inputs()[1]];
    assert_eq!(gates.flops()[0].next, word);
    assert_eq!(gates.flops()[0].enable, !hold);
    assert_eq!(gates.flops()[0].reset, clear);
}

#[test]
fn registers_that_nobody_reads_or_that_are_equal_are_not_counted() {
    let mut m = Builder::new("idle", "");
    let word = m.input("word", signed(4), "");
    // Six bits of which three are the sign; then the same two registers again.
    let wide = m.extend(word, 6);
    for name in ["first", "second"] {
        let register = m.register(name, signed(6));
        m.update(register, wide);
        let next = m.register(format!("{name}_next"), signed(6));
        m.update(next, register);
        m.output(format!("{name}_next"), next, "");
    }
    let idle = m.register("idle", signed(6));
    m.update(idle, wide);
    m.unused(idle);
    let fixed = m.register_reset("fixed", unsigned(2), 1);
    let one = m.constant(1, unsigned(2));
    m.update(fixed, one);
    m.output("fixed", fixed, "");
    assert_eq!(gates(m).flops().len(), 8);
}

#[test]
fn what_is_known_of_a_border_counts_on_both_sides() {
    let mut m = Builder::new("child", "");
    let word = m.input("word", unsigned(8), "");
    let register = m.register("kept", unsigned(8));
    m.update(register, word);
    let low = m.slice(register, 0, 4);
    let other = m.not(register);
    m.output("low", low, "");
    m.output("other", other, "");
    let child = m.finish().expect("elaborates");

    let mut m = Builder::new("parent", "");
    let bit = m.input("level", unsigned(1), "");
    let equal = m.replicate(bit, 8);
    let first = m.instance("u_first", &child, &[("word", equal)]);
    let fixed = m.constant(0xf0, unsigned(8));
    let second = m.instance("u_second", &child, &[("word", fixed)]);
    for (name, instance) in [("first", &first), ("second", &second)] {
        m.unused(instance.output("other"));
        m.output(name, instance.output("low"), "");
    }
    let parent = m.finish().expect("elaborates");
    let parts = parts(&parent, &Style::default());
    assert_eq!(parts[0].count, 1);
    let of_child: Vec<_> = parts.iter().filter(|part| part.module == "child").collect();
    let mut flops: Vec<usize> = of_child
        .iter()
        .map(|part| part.gates.flops().len())
        .collect();
    flops.sort_unstable();
    // All bits of the first are one; the second is constant.
    assert_eq!(flops, [0, 1]);
}

#[test]
fn registers_before_a_border_that_nothing_reads_behind_it_are_not_counted() {
    let mut m = Builder::new("top_half", "");
    let word = m.input("word", unsigned(8), "");
    let high = m.slice(word, 4, 4);
    m.output("high", high, "");
    m.unused(word);
    let child = m.finish().expect("elaborates");

    let mut m = Builder::new("parent", "");
    let word = m.input("word", unsigned(8), "");
    let kept = m.register("kept", unsigned(8));
    m.update(kept, word);
    let half = m.instance("half", &child, &[("word", kept)]);
    m.output("high", half.output("high"), "");
    assert_eq!(gates(m).flops().len(), 4);
}
