//! A whole unit as a rust-hdl block: checked by rust-hdl, simulated by its `simulate`, compared
//! with golden model and simulator like every other device.

use logattn_golden::Configuration;
use logattn_hdl::netlist::NetlistError;
use logattn_hdl::rust_hdl::NetlistBlock;
use logattn_hdl::unit::attention_unit;
use logattn_sim::Ports;
use logattn_testbenches::device::Device;
use logattn_testbenches::random::{Rows, configuration, heads};
use logattn_testbenches::{Stimulus, run};
use rust_hdl_core::prelude::{Block, check_all, simulate};

/// More rounds than the longest combinational path needs.
const MOST_ROUNDS: usize = 100;

struct RustHdlUnit {
    block: NetlistBlock,
    names: Vec<String>,
}

impl RustHdlUnit {
    fn new(c: &Configuration) -> Self {
        let mut block =
            NetlistBlock::new(&attention_unit(c).expect("elaborates")).expect("no loop");
        block.connect_all();
        check_all(&block).expect("rust-hdl accepts the block");
        let names = block
            .pins()
            .iter()
            .map(|pin| pin.name().to_string())
            .collect();
        RustHdlUnit { block, names }
    }

    fn phase(&mut self, clock: u64) {
        self.block.pin_mut("clk").expect("a clock").set(clock);
        assert!(
            simulate(&mut self.block, MOST_ROUNDS),
            "rust-hdl's simulation settles"
        );
    }
}

impl Device for RustHdlUnit {
    type Port = usize;
    type Error = NetlistError;

    fn port(&self, name: &str) -> Result<usize, NetlistError> {
        self.block.pin(name)?;
        Ok(self
            .names
            .iter()
            .position(|known| known == name)
            .unwrap_or(0))
    }

    fn set_words(&mut self, port: usize, words: &[u32]) {
        let pairs: Vec<u64> = words
            .chunks(2)
            .map(|pair| u64::from(pair[0]) | u64::from(pair.get(1).copied().unwrap_or(0)) << 32)
            .collect();
        self.block
            .pin_mut(&self.names[port])
            .expect("known")
            .set_words(&pairs);
    }

    fn set(&mut self, port: usize, value: u32) {
        self.block
            .pin_mut(&self.names[port])
            .expect("known")
            .set(u64::from(value));
    }

    fn get(&self, port: usize) -> u32 {
        self.block.pin(&self.names[port]).expect("known").get() as u32
    }

    fn equals(&self, port: usize, words: &[u32]) -> bool {
        let mut found = vec![0; words.len()];
        self.read(port, &mut found);
        found == words
    }

    fn read(&self, port: usize, words: &mut [u32]) {
        let value = self.block.pin(&self.names[port]).expect("known").words();
        for (index, word) in words.iter_mut().enumerate() {
            *word = (value[index / 2] >> (32 * (index % 2))) as u32;
        }
    }

    fn settle(&mut self) {
        self.phase(0);
    }

    fn clock(&mut self) {
        self.phase(1);
    }
}

#[test]
fn a_whole_unit_runs_in_rust_hdl() {
    for (c, seed) in [
        (Configuration::named("nano").expect("known"), 1),
        (configuration(3), 2),
    ] {
        let mut unit = RustHdlUnit::new(&c);
        let stimulus = Stimulus::new(&c, &heads(&c, Rows::Random, 2, 2, seed)).expect("fits");
        for ports in [Ports::free(), Ports::random(seed, 64)] {
            run(&mut unit, &stimulus, &ports).expect("equal");
        }
    }
}
