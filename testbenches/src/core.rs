//! The attention core as a device with the ports of the bare unit, so that the same bench plays it:
//! what the unit has as inputs is written to registers, what it has as counters is read from them.

use crate::device::Device;
use crate::unit::{UnitError, verilated};
use crate::verilator::{Model, PowerUp, Verilator};
use logattn_golden::Configuration;
use logattn_golden::config::{Accumulate, Input};
use logattn_hdl::attention_core::{COUNTERS_OFFSET, THRESHOLDS, WEIGHTS, export_core};
use logattn_hdl::unit::{COUNTERS, ExportError};
use std::cell::{Cell, RefCell};
use std::path::Path;

/// `CONTROL.enable`.
pub const ENABLE: u32 = 1;
/// `CONTROL.reset`.
pub const RESET: u32 = 2;
/// `CONTROL.forget`.
pub const FORGET: u32 = 4;

/// Byte offsets of registers that every core has.
pub mod offset {
    /// `CONTROL`.
    pub const CONTROL: u32 = 0x040;
    /// `STATUS`.
    pub const STATUS: u32 = 0x044;
    /// `ERRORS`.
    pub const ERRORS: u32 = 0x048;
    /// `IRQ_ENABLE`.
    pub const IRQ_ENABLE: u32 = 0x04C;
    /// `HEAD_KEYS`.
    pub const HEAD_KEYS: u32 = 0x050;
    /// `HEAD_BLOCKS`.
    pub const HEAD_BLOCKS: u32 = 0x054;
    /// `ROW_LENGTH`.
    pub const ROW_LENGTH: u32 = 0x058;
    /// `MASK`.
    pub const MASK: u32 = 0x05C;
    /// `SCORE_SHIFT`.
    pub const SCORE_SHIFT: u32 = 0x060;
    /// `LOAD_TIMEOUT`.
    pub const LOAD_TIMEOUT: u32 = 0x064;
}

/// The Verilated core of `c`, from the cache where it has been built before.
///
/// # Errors
/// An invalid configuration; a warning or an error of Verilator.
pub fn verilated_core(
    verilator: &Verilator,
    c: &Configuration,
    power_up: PowerUp,
    cache: &Path,
) -> Result<Model, UnitError> {
    let export = export_core(c)?;
    Ok(verilated(verilator, &export, false, power_up, cache)?)
}

/// Ports of the AXI4-Lite slave.
#[derive(Clone, Copy)]
pub struct Axi<P> {
    /// Write address.
    pub awaddr: P,
    /// It is valid.
    pub awvalid: P,
    /// It is taken, together with the data.
    pub awready: P,
    /// Data to write.
    pub wdata: P,
    /// Bytes of it that are written.
    pub wstrb: P,
    /// They are valid.
    pub wvalid: P,
    /// Response to a write.
    pub bresp: P,
    /// It is valid.
    pub bvalid: P,
    /// It is taken.
    pub bready: P,
    /// Read address.
    pub araddr: P,
    /// It is valid.
    pub arvalid: P,
    /// It is taken.
    pub arready: P,
    /// Data read.
    pub rdata: P,
    /// Response to a read.
    pub rresp: P,
    /// They are valid.
    pub rvalid: P,
    /// They are taken.
    pub rready: P,
}

impl<P: Copy> Axi<P> {
    /// The ports of a core.
    ///
    /// # Errors
    /// One is missing.
    pub fn find<D: Device<Port = P>>(device: &D) -> Result<Self, D::Error> {
        let find = |name: &str| device.port(&format!("s_axil_{name}"));
        Ok(Axi {
            awaddr: find("awaddr")?,
            awvalid: find("awvalid")?,
            awready: find("awready")?,
            wdata: find("wdata")?,
            wstrb: find("wstrb")?,
            wvalid: find("wvalid")?,
            bresp: find("bresp")?,
            bvalid: find("bvalid")?,
            bready: find("bready")?,
            araddr: find("araddr")?,
            arvalid: find("arvalid")?,
            arready: find("arready")?,
            rdata: find("rdata")?,
            rresp: find("rresp")?,
            rvalid: find("rvalid")?,
            rready: find("rready")?,
        })
    }
}

/// Most cycles that a register transaction may take.
const MOST_CYCLES: u32 = 16;

/// A core between the bench and its device.
///
/// Lengths are registers: [`Core::set_lengths`] before a run, and all rows of the run have them.
pub struct Core<D: Device> {
    device: RefCell<D>,
    axi: Axi<D::Port>,
    rst: D::Port,
    /// `tvalid` of every stream into the core.
    valid: Vec<D::Port>,
    configuration: Configuration,
    /// Offset and value of what has been set, in the order in which it was set first.
    settings: Vec<(u32, u32)>,
    resets: bool,
    /// Clock edges since a counter was first read.
    read_for: Cell<u32>,
    /// Of these, those before the last value was read.
    sampled_after: Cell<u32>,
}

/// A port of a [`Core`] in the eyes of the bench.
#[derive(Clone, Copy)]
pub enum CorePort<P> {
    /// One of the core's own.
    Own(P),
    /// The reset: carried out by `CONTROL.reset`.
    Reset,
    /// An input of the unit: its index in [`SETTINGS`].
    Setting(usize),
    /// A counter: its index in [`COUNTERS`].
    Counter(usize),
    /// What the core has as error bits, which stay 0 here.
    Error,
}

/// Inputs of the unit that are registers of the core.
const SETTINGS: [&str; 7] = [
    "row_length",
    "score_shift",
    "head_blocks",
    "thresholds",
    "shifts",
    "levels",
    "causal",
];

impl<D: Device> Core<D> {
    /// Resets `device`, a core of `c`.
    ///
    /// # Errors
    /// It lacks a port.
    pub fn new(mut device: D, c: &Configuration) -> Result<Self, D::Error> {
        let axi = Axi::find(&device)?;
        let rst = device.port("rst")?;
        let valid: Result<Vec<_>, _> = (stream_inputs(c).iter())
            .map(|port| device.port(port))
            .collect();
        let ready = device.port("m_axis_out_tready")?;
        device.set(ready, 0);
        for port in [axi.awvalid, axi.wvalid, axi.arvalid] {
            device.set(port, 0);
        }
        device.set(axi.wstrb, 0xf);
        device.set(axi.bready, 1);
        device.set(axi.rready, 1);
        let mut core = Core {
            device: RefCell::new(device),
            axi,
            rst,
            valid: valid?,
            configuration: c.clone(),
            settings: Vec::new(),
            resets: false,
            read_for: Cell::new(0),
            sampled_after: Cell::new(0),
        };
        core.hard_reset();
        Ok(core)
    }

    /// A cycle with `rst`, in which nothing is offered: all registers have their reset values then.
    pub fn hard_reset(&mut self) {
        let device = self.device.get_mut();
        for port in &self.valid {
            device.set(*port, 0);
        }
        device.set(self.rst, 1);
        device.settle();
        device.clock();
        device.set(self.rst, 0);
        device.settle();
    }

    /// The core's own device.
    pub fn device(&mut self) -> &mut D {
        self.device.get_mut()
    }

    /// Keys of each head, and of each (first) row of it, from now on.
    pub fn set_lengths(&mut self, head_keys: usize, row_length: usize) {
        self.set_register(offset::HEAD_KEYS, head_keys as u32);
        self.set_register(offset::ROW_LENGTH, row_length as u32);
    }

    /// Whether rows grow by one key from each to the next.
    pub fn set_causal(&mut self, causal: bool) {
        self.set_register(offset::MASK, u32::from(causal));
    }

    /// Writes a register now, and again after every reset.
    pub fn set_register(&mut self, offset: u32, value: u32) {
        match self.settings.iter_mut().find(|(known, _)| *known == offset) {
            Some((_, old)) => *old = value,
            None => self.settings.push((offset, value)),
        }
        self.write(offset, value);
    }

    /// A write transaction; the response, 0 for OKAY.
    ///
    /// # Panics
    /// It takes too long.
    pub fn write(&mut self, offset: u32, value: u32) -> u32 {
        let device = self.device.get_mut();
        begin_write(device, &self.axi, offset, value);
        for _ in 0..MOST_CYCLES {
            let taken = device.get(self.axi.awready) != 0;
            device.clock();
            if taken {
                device.set(self.axi.awvalid, 0);
                device.set(self.axi.wvalid, 0);
                device.settle();
                assert!(device.get(self.axi.bvalid) != 0, "no response to a write");
                let response = device.get(self.axi.bresp);
                device.clock();
                device.settle();
                return response;
            }
            device.settle();
        }
        panic!("a write to {offset:#x} is not taken");
    }

    /// A read transaction: data and response, 0 for OKAY.
    ///
    /// # Panics
    /// It takes too long.
    pub fn read(&self, offset: u32) -> (u32, u32) {
        let mut device = self.device.borrow_mut();
        device.set(self.axi.araddr, offset);
        device.set(self.axi.arvalid, 1);
        device.settle();
        for _ in 0..MOST_CYCLES {
            let taken = device.get(self.axi.arready) != 0;
            self.sampled_after.set(self.read_for.get());
            device.clock();
            self.read_for.set(self.read_for.get() + 1);
            if taken {
                device.set(self.axi.arvalid, 0);
                device.settle();
                assert!(device.get(self.axi.rvalid) != 0, "no response to a read");
                let answer = (device.get(self.axi.rdata), device.get(self.axi.rresp));
                device.clock();
                device.settle();
                self.read_for.set(self.read_for.get() + 1);
                return answer;
            }
            device.settle();
        }
        panic!("a read of {offset:#x} is not taken");
    }

    /// The unit anew: `CONTROL.reset`, all settings, and off it goes in the next cycle.
    fn restart(&mut self) {
        self.write(offset::CONTROL, RESET);
        for (offset, value) in self.settings.clone() {
            self.write(offset, value);
        }
        self.write(offset::ERRORS, u32::MAX);
        let device = self.device.get_mut();
        begin_write(device, &self.axi, offset::CONTROL, ENABLE);
        // The edge at which the write is taken ends the reset.
        while device.get(self.axi.awready) == 0 {
            device.clock();
            device.settle();
        }
        device.clock();
        device.set(self.axi.awvalid, 0);
        device.set(self.axi.wvalid, 0);
        self.read_for.set(0);
    }

    /// Sets what the unit has as an input.
    fn set_input(&mut self, index: usize, words: &[u32]) {
        let c = self.configuration.clone();
        let thresholds = match c.input {
            Input::Probabilities => c.probability_bits,
            _ => c.distance_bits.map_or(1, |bits| bits + 1),
        };
        let weights = match c.accumulate {
            Accumulate::Bucket => c.level_bits.unwrap_or(1),
            _ => c.shift_bits(),
        };
        match SETTINGS[index] {
            // The unit samples these with beats; here they are set before a run.
            "row_length" | "score_shift" => {}
            "causal" => self.set_register(offset::MASK, words[0]),
            "head_blocks" => self.set_register(offset::HEAD_BLOCKS, words[0]),
            "thresholds" => self.set_bus(THRESHOLDS, words, thresholds),
            _ => self.set_bus(WEIGHTS, words, weights),
        }
    }

    fn set_bus(&mut self, first: u32, words: &[u32], bits: u32) {
        for code in 0..self.configuration.levels_count() as u32 {
            let value = (0..bits).fold(0, |value, bit| {
                let at = code * bits + bit;
                value | (words[at as usize / 32] >> (at % 32) & 1) << bit
            });
            self.set_register(first + 4 * code, value);
        }
    }

    /// A counter, without the cycles that reading the others has taken.
    fn counter(&self, index: usize) -> u32 {
        let (value, response) = self.read(COUNTERS_OFFSET + 4 * index as u32);
        let elapsed = self.sampled_after.get();
        assert_eq!(response, 0);
        match COUNTERS[index].0 {
            // An idle unit counts these on.
            "cycles" | "stall_input" => value.wrapping_sub(elapsed),
            _ => value,
        }
    }
}

fn begin_write<D: Device>(device: &mut D, axi: &Axi<D::Port>, offset: u32, value: u32) {
    device.set(axi.awaddr, offset);
    device.set(axi.wdata, value);
    device.set(axi.awvalid, 1);
    device.set(axi.wvalid, 1);
    device.settle();
}

/// `tvalid` of the streams into a core.
fn stream_inputs(c: &Configuration) -> Vec<String> {
    let sources: &[&str] = match c.input {
        Input::Qkv => &["query", "key", "value"],
        _ => &["attn", "value"],
    };
    let valid = |name: &&str| format!("s_axis_{name}_tvalid");
    sources.iter().map(valid).collect()
}

impl<D: Device> Device for Core<D> {
    type Port = CorePort<D::Port>;
    type Error = D::Error;

    fn port(&self, name: &str) -> Result<Self::Port, D::Error> {
        if name == "rst" {
            return Ok(CorePort::Reset);
        }
        if let Some(index) = SETTINGS.iter().position(|setting| *setting == name) {
            return Ok(CorePort::Setting(index));
        }
        if let Some(counter) = name.strip_prefix("count_") {
            let index = COUNTERS.iter().position(|(known, _)| *known == counter);
            if let Some(index) = index {
                return Ok(CorePort::Counter(index));
            }
        }
        if name.starts_with("error_") {
            return Ok(CorePort::Error);
        }
        self.device.borrow().port(name).map(CorePort::Own)
    }

    fn set_words(&mut self, port: Self::Port, words: &[u32]) {
        match port {
            CorePort::Own(port) => self.device.get_mut().set_words(port, words),
            CorePort::Setting(index) => self.set_input(index, words),
            CorePort::Reset => self.resets = words[0] != 0,
            CorePort::Counter(_) | CorePort::Error => {}
        }
    }

    fn set(&mut self, port: Self::Port, value: u32) {
        match port {
            CorePort::Own(port) => self.device.get_mut().set(port, value),
            CorePort::Reset => self.resets = value != 0,
            // Sampled with beats by the unit; registers of the core, set before the run.
            CorePort::Setting(_) | CorePort::Counter(_) | CorePort::Error => {}
        }
    }

    fn get(&self, port: Self::Port) -> u32 {
        match port {
            CorePort::Own(port) => self.device.borrow().get(port),
            CorePort::Counter(index) => self.counter(index),
            CorePort::Reset => u32::from(self.resets),
            CorePort::Setting(_) | CorePort::Error => 0,
        }
    }

    fn equals(&self, port: Self::Port, words: &[u32]) -> bool {
        match port {
            CorePort::Own(port) => self.device.borrow().equals(port, words),
            _ => self.get(port) == words[0],
        }
    }

    fn read(&self, port: Self::Port, words: &mut [u32]) {
        match port {
            CorePort::Own(port) => self.device.borrow().read(port, words),
            _ => words[0] = self.get(port),
        }
    }

    fn settle(&mut self) {
        self.device.get_mut().settle();
    }

    fn clock(&mut self) {
        if self.resets {
            self.restart();
        } else {
            self.device.get_mut().clock();
        }
    }
}

/// The core of `c` on the netlist's own evaluator.
///
/// # Errors
/// An invalid configuration.
pub fn evaluated_core(c: &Configuration) -> Result<logattn_hdl::netlist::Evaluator, ExportError> {
    let module = logattn_hdl::attention_core::attention_core(c)?;
    Ok(logattn_hdl::netlist::Evaluator::new(&module)?)
}
