//! Several modules side by side in one, so that one build of Verilator serves them all.

use super::verilator::Cycle;
use logattn_hdl::netlist::{Builder, Direction, Evaluator, Module, Role, Type, unsigned};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt::Write;

/// Name and type of each data port of a direction.
pub fn ports(module: &Module, direction: Direction) -> Vec<(String, Type)> {
    let data = module
        .ports()
        .iter()
        .filter(|p| p.role == Role::Data && p.direction == direction);
    data.map(|port| (port.name.clone(), port.ty)).collect()
}

/// All of `modules` side by side: inputs from slices of one port, outputs in a row on another.
pub struct Bench {
    pub top: Module,
    /// Bits of `stimulus` and `response`.
    pub bits: (u32, u32),
    /// Path, lowest bit and width of each output in the response.
    names: Vec<(String, u32, u32)>,
}

pub fn bench(modules: &[Module]) -> Bench {
    let width = |direction| {
        modules
            .iter()
            .flat_map(|m| ports(m, direction))
            .map(|(_, ty)| ty.width())
            .sum::<u32>()
    };
    // Both ports wider than 64 bits, so that the C++ sees arrays.
    let stimulus_bits = width(Direction::Input).max(65);
    let response_bits = width(Direction::Output);
    let mut m = Builder::new("bench", "");
    let stimulus = m.input("stimulus", unsigned(stimulus_bits), "");
    m.unused(stimulus);
    let (mut low, mut parts, mut names) = (0, Vec::new(), Vec::new());
    let mut response_low = 0;
    for module in modules {
        let inputs = ports(module, Direction::Input);
        let mut connections = Vec::new();
        for (name, ty) in &inputs {
            let bits = m.slice(stimulus, low, ty.width());
            let bits = if ty.is_signed() {
                m.as_signed(bits)
            } else {
                bits
            };
            connections.push((name.as_str(), bits));
            low += ty.width();
        }
        let instance = m.instance(format!("u_{}", module.name()), module, &connections);
        for (name, ty) in ports(module, Direction::Output) {
            parts.push(instance.output(&name));
            names.push((
                format!("{}.{name}", module.name()),
                response_low,
                ty.width(),
            ));
            response_low += ty.width();
        }
    }
    parts.reverse();
    let response = m.concat(&parts);
    m.output("response", response, "");
    let top = m.finish().expect("a legal module");
    Bench {
        top,
        bits: (stimulus_bits, response_bits),
        names,
    }
}

impl Bench {
    /// Words that are often all zeros, all ones, small or those of the last cycle.
    pub fn stimulus(&self, seed: u64, cycles: usize) -> Vec<Cycle> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = self.bits.0.div_ceil(64) as usize;
        let mut words = vec![0u64; count];
        let mut all = Vec::new();
        for cycle in 0..cycles {
            for word in &mut words {
                *word = match rng.random_range(0..8) {
                    0 => 0,
                    1 => u64::MAX,
                    2 => 1 << rng.random_range(0..64),
                    3 => *word,
                    _ => rng.random(),
                };
            }
            let used = self.bits.0 - 64 * (count as u32 - 1);
            words[count - 1] &= u64::MAX >> (64 - used);
            all.push(Cycle {
                reset: cycle < 2 || rng.random_bool(0.03),
                stimulus: words.clone(),
            });
        }
        all
    }

    pub fn evaluate(&self, stimulus: &[Cycle]) -> Vec<Vec<u64>> {
        let mut evaluator = Evaluator::new(&self.top).expect("no loop");
        let mut responses = Vec::new();
        for cycle in stimulus {
            evaluator.set("rst", cycle.reset.into());
            evaluator.set_words("stimulus", &cycle.stimulus);
            evaluator.settle();
            responses.push(evaluator.get_words("response").to_vec());
            evaluator.clock();
        }
        responses
    }
}

impl Bench {
    /// Where two responses differ, for a readable failure; empty if they do not.
    pub fn difference(&self, found: &[u64], expected: &[u64]) -> String {
        let bit = |words: &[u64], i: u32| words[i as usize / 64] >> (i % 64) & 1;
        let mut text = String::new();
        for (name, low, width) in &self.names {
            let show = |words| -> String {
                (*low..low + width)
                    .rev()
                    .map(|i| if bit(words, i) == 1 { '1' } else { '0' })
                    .collect()
            };
            let (found, expected) = (show(found), show(expected));
            if found != expected {
                let _ = writeln!(text, "{name}: Verilator {found}, evaluator {expected}");
            }
        }
        text
    }
}
