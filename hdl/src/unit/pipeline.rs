//! Pipelines that never stall: every register loads in every cycle, and a valid bit beside the
//! data tells what is worth reading.

use super::{Builder, bit};
use crate::netlist::Signal;

/// `signal` so many cycles later; its registers are called `{name}_1`, `{name}_2`, ...
pub(crate) fn delayed(m: &mut Builder, name: &str, signal: Signal, cycles: u32) -> Signal {
    let registers: Vec<Signal> = (1..=cycles)
        .map(|cycle| m.register(format!("{name}_{cycle}"), signal.ty()))
        .collect();
    chain(m, signal, &registers)
}

/// [`delayed`] for a bit that means something in every cycle: its registers are reset to 0.
pub(crate) fn delayed_valid(m: &mut Builder, name: &str, signal: Signal, cycles: u32) -> Signal {
    let registers: Vec<Signal> = (1..=cycles)
        .map(|cycle| m.register_reset(format!("{name}_{cycle}"), bit(), 0))
        .collect();
    chain(m, signal, &registers)
}

fn chain(m: &mut Builder, signal: Signal, registers: &[Signal]) -> Signal {
    registers.iter().fold(signal, |before, register| {
        m.update(*register, before);
        *register
    })
}

/// All `terms`, of which there is at least one, combined by a balanced binary tree that is
/// pipelined: `tree_stages` cycles later ([`logattn_golden::microarchitecture`]), so at once for a
/// single term.
///
/// There is a register after every `levels` levels and after the last one. An odd term
/// passes a level as it is. What a level gives is called `{name}_{level}_{index}`, registered or
/// not, so that `combine` may use its operands more than once if the terms themselves have names.
pub(crate) fn tree(
    m: &mut Builder,
    name: &str,
    levels: u32,
    terms: &[Signal],
    mut combine: impl FnMut(&mut Builder, Signal, Signal) -> Signal,
) -> Signal {
    let mut terms = terms.to_vec();
    let mut level = 0;
    while terms.len() > 1 {
        level += 1;
        let registered = terms.len() == 2 || level % levels == 0;
        let of_level = |index: usize| format!("{name}_{level}_{index}");
        let combined: Vec<Signal> = (terms.chunks(2).enumerate())
            .map(|(index, pair)| match pair {
                [a, b] if registered => combine(m, *a, *b),
                [a, b] => {
                    let both = combine(m, *a, *b);
                    m.name(both, of_level(index))
                }
                rest => rest[0],
            })
            .collect();
        terms = if registered {
            register_all(m, &combined, of_level)
        } else {
            combined
        };
    }
    terms[0]
}

/// A plain register for each signal; declared together, so that they are printed as one block.
fn register_all(
    m: &mut Builder,
    signals: &[Signal],
    name: impl Fn(usize) -> String,
) -> Vec<Signal> {
    let registers: Vec<Signal> = (signals.iter().enumerate())
        .map(|(index, signal)| m.register(name(index), signal.ty()))
        .collect();
    for (register, signal) in registers.iter().zip(signals) {
        m.update(*register, *signal);
    }
    registers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlist::{Evaluator, unsigned};
    use logattn_golden::Configuration;
    use logattn_golden::microarchitecture::{tree_levels, tree_stages};

    /// Sums wide enough for all terms, whose operands are used twice: `(a + b) + (a ^ a)`.
    fn sum(m: &mut Builder, a: Signal, b: Signal) -> Signal {
        let width = a.width().max(b.width()) + 1;
        let (wide_a, wide_b) = (m.extend(a, width), m.extend(b, width));
        let none = m.xor(a, a);
        let none = m.extend(none, width);
        let both = m.add(wide_a, wide_b);
        m.add(both, none)
    }

    fn tree_of(levels: u32, terms: usize) -> Evaluator {
        let mut m = Builder::new("sum_of_terms", "");
        let inputs: Vec<Signal> = (0..terms)
            .map(|i| m.input(format!("term_{i}"), unsigned(8), ""))
            .collect();
        let total = tree(&mut m, "sum", levels, &inputs, sum);
        let total = m.extend(total, 32);
        m.output("total", total, "");
        Evaluator::new(&m.finish().expect("builds")).expect("flattens")
    }

    #[test]
    fn a_tree_takes_as_long_as_the_simulator_believes() {
        let depths = [1, 2].map(|pipeline_depth| Configuration {
            pipeline_depth,
            ..Configuration::named("nano").expect("known")
        });
        let counts = (1..=40).chain([64, 65]);
        for (c, terms) in counts.flat_map(|terms| depths.iter().map(move |c| (c, terms))) {
            let mut device = tree_of(tree_levels(c), terms);
            let latency = tree_stages(c, terms);
            // New terms in every cycle, whose sum comes out alone and in time.
            let term = |cycle: u64, i: u64| (37 * cycle + 11 * i) % 256;
            for cycle in 0..u64::from(latency) + 5 {
                for i in 0..terms as u64 {
                    device.set(&format!("term_{i}"), term(cycle, i));
                }
                device.settle();
                if let Some(start) = cycle.checked_sub(latency.into()) {
                    let expected: u64 = (0..terms as u64).map(|i| term(start, i)).sum();
                    assert_eq!(
                        device.get("total"),
                        expected,
                        "{terms} terms, cycle {cycle}"
                    );
                }
                device.rise();
            }
        }
    }

    #[test]
    fn delays_are_exact_and_a_delayed_valid_is_reset() {
        for cycles in 0..4 {
            let mut m = Builder::new("delays", "");
            let data = m.input("data", unsigned(8), "");
            let valid = m.input("valid", bit(), "");
            let late = delayed(&mut m, "late", data, cycles);
            let late_valid = delayed_valid(&mut m, "late_valid", valid, cycles);
            m.output("m_data", late, "");
            m.output("m_valid", late_valid, "");
            let module = m.finish().expect("builds");
            let mut device = Evaluator::new(&module).expect("flattens");
            for cycle in 0..8 {
                device.set("data", 10 + cycle);
                device.set("valid", cycle % 2);
                device.settle();
                let start = cycle.checked_sub(cycles.into());
                assert_eq!(device.get("m_data"), start.map_or(0, |start| 10 + start));
                assert_eq!(device.get("m_valid"), start.map_or(0, |start| start % 2));
                device.rise();
            }
            if cycles > 0 {
                device.set("rst", 1);
                device.clock();
                assert_eq!(device.get("m_valid"), 0);
            }
        }
    }
}
