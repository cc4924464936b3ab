//! Anything with the ports of an attention unit that can be clocked.

use crate::verilator::{Model, Port, VerilatorError};
use logattn_hdl::netlist::{Evaluator, NetlistError, PortHandle};

/// A running unit: a Verilated model or the netlist's evaluator.
///
/// A cycle is: set inputs, [`settle`](Device::settle), look at outputs, [`clock`](Device::clock).
pub trait Device {
    /// Handle of a port.
    type Port: Copy;
    /// Why a port could not be found.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The port called `name`.
    ///
    /// # Errors
    /// There is no such port.
    fn port(&self, name: &str) -> Result<Self::Port, Self::Error>;
    /// Drives a port with 32-bit words, the lowest first.
    fn set_words(&mut self, port: Self::Port, words: &[u32]);
    /// Drives a port of at most 32 bits.
    fn set(&mut self, port: Self::Port, value: u32);
    /// The low 32 bits of a port.
    fn get(&self, port: Self::Port) -> u32;
    /// Whether a port's value is `words`, 32 bits each, the lowest first.
    fn equals(&self, port: Self::Port, words: &[u32]) -> bool;
    /// A port's value in 32-bit words, the lowest first, as many as `words` has.
    fn read(&self, port: Self::Port, words: &mut [u32]);
    /// Lets the outputs become what inputs and registers make of them.
    fn settle(&mut self);
    /// The rising edge of the clock.
    fn clock(&mut self);
}

impl Device for Model {
    type Port = Port;
    type Error = VerilatorError;

    fn port(&self, name: &str) -> Result<Port, VerilatorError> {
        Model::port(self, name)
    }

    #[inline]
    fn set_words(&mut self, port: Port, words: &[u32]) {
        Model::set_words(self, port, words);
    }

    #[inline]
    fn set(&mut self, port: Port, value: u32) {
        Model::set(self, port, u64::from(value));
    }

    #[inline]
    fn get(&self, port: Port) -> u32 {
        Model::get(self, port) as u32
    }

    #[inline]
    fn equals(&self, port: Port, words: &[u32]) -> bool {
        match self.wide(port) {
            Some(found) => found == words,
            None => {
                let high = words.get(1).copied().unwrap_or(0);
                Model::get(self, port) == u64::from(words[0]) | u64::from(high) << 32
            }
        }
    }

    fn read(&self, port: Port, words: &mut [u32]) {
        match self.wide(port) {
            Some(found) => words.copy_from_slice(found),
            None => {
                let value = Model::get(self, port);
                for (index, word) in words.iter_mut().enumerate() {
                    *word = (value >> (32 * index)) as u32;
                }
            }
        }
    }

    #[inline]
    fn settle(&mut self) {
        Model::settle(self);
    }

    #[inline]
    fn clock(&mut self) {
        self.rise();
    }
}

impl Device for Evaluator {
    type Port = PortHandle;
    type Error = NetlistError;

    fn port(&self, name: &str) -> Result<PortHandle, NetlistError> {
        Evaluator::port(self, name)
    }

    fn set_words(&mut self, port: PortHandle, words: &[u32]) {
        let pairs: Vec<u64> = words
            .chunks(2)
            .map(|pair| u64::from(pair[0]) | u64::from(pair.get(1).copied().unwrap_or(0)) << 32)
            .collect();
        self.set_words_at(port, &pairs);
    }

    fn set(&mut self, port: PortHandle, value: u32) {
        self.set_at(port, u64::from(value));
    }

    fn get(&self, port: PortHandle) -> u32 {
        self.get_at(port) as u32
    }

    fn equals(&self, port: PortHandle, words: &[u32]) -> bool {
        let mut found = vec![0; words.len()];
        self.read(port, &mut found);
        found == words
    }

    fn read(&self, port: PortHandle, words: &mut [u32]) {
        let value = self.get_words_at(port);
        for (index, word) in words.iter_mut().enumerate() {
            *word = (value[index / 2] >> (32 * (index % 2))) as u32;
        }
    }

    fn settle(&mut self) {
        Evaluator::settle(self);
    }

    fn clock(&mut self) {
        Evaluator::clock(self);
    }
}
