//! The attention core: the unit with registers on AXI4-Lite and guards on its streams, which is
//! what is put into a design.
//!
//! ```text
//!  s_axil --> registers --lengths, thresholds, ...--.      .--> irq
//!                 ^                                 v      |
//!              errors, status <---------------- progress   |
//!                                                   |
//!  s_axis_value --> stream_guard_value --.          v
//!  s_axis_attn ---> stream_guard_attn ---+--> attention_unit --> m_axis_out
//!  (s_axis_query, s_axis_key)
//! ```
//!
//! The guards add no cycle, so the streams behave as the bare unit's, which the simulator knows.

mod capabilities;
mod connect;
mod progress;
mod register_map;
mod registers;
mod stream_guard;

pub use register_map::{
    ADDRESS_BITS, Access, COUNTERS_OFFSET, Field, ID, Lock, Register, RegisterMap, THRESHOLDS,
    TIMEOUT_BITS, WEIGHTS, has_causal,
};

use self::connect::{
    Numbers, Open, Settings, errors, follow, place_unit, row_out, statuses, streams,
};
use self::progress::progress;
use self::registers::{AXI, AXI_INPUTS, AXI_OUTPUTS, registers};
use crate::netlist::{Builder, Module, NetlistError, Signal, unsigned};
use crate::unit::{Export, ExportError, attention_unit, export_module};
use logattn_golden::Configuration;

/// The Verilog of the core of `c`; every module's name starts with the configuration's.
///
/// # Errors
/// An invalid configuration.
pub fn export_core(c: &Configuration) -> Result<Export, ExportError> {
    export_module(c, &attention_core(c)?)
}

/// The registers of a configuration as a module of its own.
///
/// # Errors
/// An invalid configuration.
pub fn core_registers(c: &Configuration) -> Result<Module, ExportError> {
    Ok(registers(&RegisterMap::new(c)?)?)
}

/// The core of a configuration; see the module's documentation.
///
/// # Errors
/// An invalid configuration.
pub fn attention_core(c: &Configuration) -> Result<Module, ExportError> {
    c.validate()?;
    let map = RegisterMap::new(c)?;
    Ok(core(c, &map)?)
}

fn core(c: &Configuration, map: &RegisterMap) -> Result<Module, NetlistError> {
    let mut builder = Builder::new(
        "attention_core",
        "Low-bit attention with registers on AXI4-Lite.",
    );
    let m = &mut builder;
    let axi = AXI_INPUTS.map(|(name, width, doc)| {
        let port = format!("{AXI}{name}");
        let signal = m.input(&port, unsigned(width), doc);
        (port, signal)
    });
    let slave = registers(map)?;
    let settings = Settings::declare(m, &slave);
    let open = Open::declare(m, &settings);
    let unit = attention_unit(c)?;
    let progress = progress(c)?;
    let numbers = Numbers::declare(m, &progress);
    let streams = streams(m, c, &unit, &settings, &open, &numbers)?;
    let unit = place_unit(m, &unit, &streams, &settings, &numbers);
    let row_out = row_out(m, &unit);
    let progress = follow(m, c, &progress, &streams, &settings, row_out);
    numbers.drive(m, &progress);

    open.drive(m, &numbers);

    let mut connections: Vec<(String, Signal)> = axi.into();
    connections.extend(statuses(m, &streams, &unit.instance, &progress));
    let begin = (&open, &numbers);
    connections.extend(errors(
        m,
        c,
        &streams,
        &unit.instance,
        &progress,
        &settings,
        begin,
    ));
    let connections: Vec<(&str, Signal)> = (connections.iter())
        .map(|(name, signal)| (name.as_str(), *signal))
        .collect();
    let slave = m.instance("u_registers", &slave, &connections);
    settings.drive(m, &slave);
    for (name, doc) in AXI_OUTPUTS {
        let port = format!("{AXI}{name}");
        m.output(&port, slave.output(&port), doc);
    }
    m.output("irq", slave.output("irq"), "an enabled error bit is set");
    builder.finish()
}
