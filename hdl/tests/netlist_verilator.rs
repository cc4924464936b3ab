//! Random modules, printed and run in Verilator, against the evaluator.

mod netlist_support;

use logattn_hdl::netlist::{Builder, Direction, Module, Signal, Type, signed, unsigned};
use netlist_support::bench::{bench, ports};
use netlist_support::verilator::{Verilator, files};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Writes a random module. Every node is an output, so that no wrong bit goes unseen.
struct Generator {
    rng: ChaCha8Rng,
    m: Builder,
    /// Signals with a name that nothing depends on yet in a way that could close a loop.
    pool: Vec<Signal>,
    outputs: usize,
    widest: u32,
}

impl Generator {
    fn new(name: &str, seed: u64, widest: u32) -> Generator {
        let m = Builder::new(name, format!("A random module from seed {seed}."));
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Generator {
            rng,
            m,
            pool: Vec::new(),
            outputs: 0,
            widest,
        }
    }

    fn random_type(&mut self) -> Type {
        let favorites = [
            1, 2, 3, 7, 8, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129, 300,
        ];
        let width = match self.rng.random_range(0..3) {
            0 => self.rng.random_range(1..=12),
            1 => self.rng.random_range(1..=self.widest),
            _ => *favorites.choose(&mut self.rng).expect("not empty"),
        };
        let width = width.min(self.widest);
        if self.rng.random() {
            unsigned(width)
        } else {
            signed(width)
        }
    }

    fn any_signal(&mut self) -> Signal {
        *self.pool.choose(&mut self.rng).expect("not empty")
    }

    /// A signal of the pool, or bits of one, as a `ty`.
    fn of_type(&mut self, ty: Type) -> Signal {
        let same: Vec<Signal> = self.pool.iter().copied().filter(|s| s.ty() == ty).collect();
        if let Some(signal) = same
            .choose(&mut self.rng)
            .filter(|_| self.rng.random_bool(0.7))
        {
            return *signal;
        }
        let from = self.any_signal();
        let bits = if from.width() >= ty.width() {
            let low = self.rng.random_range(0..=from.width() - ty.width());
            self.m.slice(from, low, ty.width())
        } else {
            self.m.extend(from, ty.width())
        };
        if ty.is_signed() {
            self.m.as_signed(bits)
        } else {
            self.m.as_unsigned(bits)
        }
    }

    /// An operand that may be an expression without a name, or a constant.
    fn operand(&mut self, ty: Type) -> Signal {
        let choice = self.rng.random_range(0..24);
        let words: Vec<u64> = (0..ty.width().div_ceil(64))
            .map(|_| self.rng.random())
            .collect();
        if choice == 0 && ty.width() <= 64 {
            let value = if ty.is_signed() {
                words[0] as i64 >> (64 - ty.width())
            } else {
                0
            };
            return self.m.constant(value as u64, ty);
        }
        if choice > 12 {
            return self.of_type(ty);
        }
        let (a, b) = (self.of_type(ty), self.of_type(ty));
        match choice {
            1 => self.m.add(a, b),
            2 => self.m.sub(a, b),
            3 => self.m.neg(a),
            4 => self.m.and(a, b),
            5 => self.m.or(a, b),
            6 => self.m.xor(a, b),
            7 => self.m.not(a),
            8 => {
                let n = self.rng.random_range(0..ty.width());
                self.m.shl_by(a, n)
            }
            9 => {
                let condition = self.condition();
                self.m.mux(condition, a, b)
            }
            _ => a,
        }
    }

    /// One bit, often without a name.
    fn condition(&mut self) -> Signal {
        let ty = self.random_type();
        let (a, b) = (self.of_type(ty), self.of_type(ty));
        match self.rng.random_range(0..12) {
            0 => self.m.eq(a, b),
            1 => self.m.ne(a, b),
            2 => self.m.lt(a, b),
            3 => self.m.le(a, b),
            4 => self.m.gt(a, b),
            5 => self.m.ge(a, b),
            6 => self.m.any(a),
            7 => self.m.all(a),
            8 => self.m.parity(a),
            _ => self.of_type(unsigned(1)),
        }
    }

    /// A new node of a random operation.
    fn expression(&mut self) -> Signal {
        let ty = self.random_type();
        match self.rng.random_range(0..20) {
            0 => {
                let (a, b) = (self.operand(ty), self.operand(ty));
                self.m.add(a, b)
            }
            1 => {
                let (a, b) = (self.operand(ty), self.operand(ty));
                self.m.sub(a, b)
            }
            2 | 3 => self.product(),
            4 | 5 => {
                let a = self.of_type(ty);
                let n = self.rng.random_range(0..ty.width() + 3);
                self.m.shr_by(a, n)
            }
            6..=8 => self.shifted(ty),
            9 => {
                let all: Vec<Signal> = (0..4).map(|_| self.operand(ty)).collect();
                if self.rng.random() {
                    self.m.and_all(&all)
                } else {
                    self.m.or_all(&all)
                }
            }
            10 | 11 => {
                let parts: Vec<Signal> = (0..self.rng.random_range(2..5))
                    .map(|_| {
                        let ty = self.random_type();
                        self.operand(ty)
                    })
                    .collect();
                self.m.concat(&parts)
            }
            12 => {
                let (a, n) = (self.operand(ty), self.rng.random_range(1..4));
                self.m.replicate(a, n)
            }
            13 => {
                let a = self.any_signal();
                self.m.name(a, format!("alias_{}", self.outputs))
            }
            14 => {
                let (a, b) = (self.of_type(ty), self.of_type(ty));
                let (a, b) = (self.m.not(a), self.m.neg(b));
                self.m.lt(a, b)
            }
            15 => {
                let signal = self.of_type(ty);
                let other = if ty.is_signed() {
                    self.m.as_unsigned(signal)
                } else {
                    self.m.as_signed(signal)
                };
                self.m.add(other, other)
            }
            16..=17 => self.condition(),
            _ => self.operand(ty),
        }
    }

    /// The product of two nets, which need no name for their signs to be extended.
    fn product(&mut self) -> Signal {
        let factors: Vec<Signal> = self
            .pool
            .iter()
            .copied()
            .filter(|s| s.width() <= self.widest)
            .collect();
        let [a, b] = [(); 2].map(|()| *factors.choose(&mut self.rng).expect("not empty"));
        let b = if a.is_signed() {
            self.m.as_signed(b)
        } else {
            self.m.as_unsigned(b)
        };
        self.m.mul(a, b)
    }

    fn shifted(&mut self, ty: Type) -> Signal {
        let a = self.of_type(ty);
        let amount_bits = match self.rng.random_range(0..3) {
            0 => self.rng.random_range(1..=80.min(self.widest)),
            _ => ty.width().ilog2() + 1,
        };
        let amount = self.of_type(unsigned(amount_bits));
        if self.rng.random_bool(0.4) {
            self.m.shl(a, amount)
        } else {
            self.m.shr(a, amount)
        }
    }

    /// Makes a signal without a name an output, which gives it one.
    fn publish(&mut self, signal: Signal) {
        self.m.output(format!("out_{}", self.outputs), signal, "");
        self.outputs += 1;
        self.pool.push(signal);
    }

    fn instantiate(&mut self, name: &str, child: &Module) {
        let inputs: Vec<(String, Type)> = ports(child, Direction::Input);
        let signals: Vec<Signal> = inputs.iter().map(|(_, ty)| self.operand(*ty)).collect();
        let connections: Vec<(&str, Signal)> = inputs
            .iter()
            .zip(signals)
            .map(|((name, _), signal)| (name.as_str(), signal))
            .collect();
        let instance = self.m.instance(name, child, &connections);
        for (port, _) in ports(child, Direction::Output) {
            self.publish(instance.output(port));
        }
    }

    /// The whole module: inputs, state, `nodes` nodes around one instance of each child.
    fn module(mut self, nodes: usize, children: &[Module]) -> Module {
        for i in 0..6 {
            let ty = self.random_type();
            let input = self.m.input(format!("in_{i}"), ty, "");
            self.m.output(format!("through_{i}"), input, "");
            self.pool.push(input);
        }
        let registers: Vec<Signal> = (0..6).map(|i| self.register(i)).collect();
        // A wire is read before its driver exists; registers and inputs alone drive it.
        let drivers = self.pool.clone();
        let wires: Vec<Signal> = (0..2)
            .map(|i| {
                let ty = self.random_type();
                let wire = self.m.wire(format!("wire_{i}"), ty);
                self.m.output(format!("wire_{i}"), wire, "");
                wire
            })
            .collect();
        self.pool.extend(&wires);
        for i in 0..nodes {
            if i % 8 == 3 {
                self.m.comment(format!("Nodes from {i} on."));
            }
            let signal = self.expression();
            self.publish(signal);
            if let Some(child) = children.get(i.wrapping_sub(nodes / 2)) {
                self.instantiate(&format!("u_child_{i}"), child);
            }
        }
        self.memory();
        for register in &registers {
            let next = self.operand(register.ty());
            if self.rng.random() {
                self.m.update(*register, next);
            } else {
                let enable = self.condition();
                self.m.update_if(*register, enable, next);
            }
        }
        let everything = std::mem::replace(&mut self.pool, drivers);
        for wire in wires {
            let driver = self.operand(wire.ty());
            self.m.drive(wire, driver);
        }
        self.pool = everything;
        self.m.finish().expect("a legal module")
    }

    fn register(&mut self, i: usize) -> Signal {
        let ty = self.random_type();
        let name = format!("state_{i}");
        let register = if self.rng.random() {
            let value: u64 = self.rng.random();
            let kept = ty.width().min(63) - u32::from(ty.is_signed() && ty.width() < 64);
            self.m
                .register_reset(name.clone(), ty, value & ((1 << kept) - 1))
        } else {
            self.m.register(name.clone(), ty)
        };
        self.m.output(name, register, "");
        self.pool.push(register);
        register
    }

    fn memory(&mut self) {
        let width = self.random_type().width();
        let address_bits = self.rng.random_range(1..4);
        let memory = self.m.memory("ram", 1 << address_bits, width);
        let [write, read] = [(); 2].map(|()| self.condition());
        let [to, from] = [(); 2].map(|()| self.of_type(unsigned(address_bits)));
        let data = self.operand(unsigned(width));
        self.m.memory_write(memory, write, to, data);
        let word = self.m.memory_read(memory, "word", read, from);
        self.m.output("word", word, "");
        self.pool.push(word);
    }
}

#[test]
fn random_modules_are_the_same_in_verilator() {
    let Some(verilator) = Verilator::find() else {
        return;
    };
    let mut modules = Vec::new();
    for (seed, widest) in [(1, 40), (2, 70), (3, 140), (4, 300), (5, 2000)] {
        let leaf = Generator::new(&format!("leaf_{seed}"), 10 * seed, widest).module(30, &[]);
        let middle = Generator::new(&format!("middle_{seed}"), 10 * seed + 1, widest)
            .module(20, std::slice::from_ref(&leaf));
        let top = Generator::new(&format!("random_{seed}"), 10 * seed + 2, widest)
            .module(40, &[leaf.clone(), middle, leaf]);
        modules.push(top);
    }
    let bench = bench(&modules);
    let stimulus = bench.stimulus(7, 400);
    let found = verilator.run("random", &files(&bench.top), bench.bits, &stimulus);
    let expected = bench.evaluate(&stimulus);
    assert_eq!(found.len(), expected.len());
    for (cycle, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let difference = bench.difference(found, expected);
        assert!(difference.is_empty(), "cycle {cycle}\n{difference}");
    }
    println!("{} cycles of {} bits", stimulus.len(), bench.bits.1);
}
