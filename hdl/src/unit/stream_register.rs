//! A full-throughput register of a valid/ready stream (skid buffer).

use super::{Builder, bit, loaded};
use crate::netlist::{Module, NetlistError, unsigned};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::extra_registers;

/// A two-entry register between two valid/ready streams of `width` bits, called
/// `stream_register_{name}`.
///
/// `s_ready` comes straight from a register, so that no combinational path runs from one side's
/// `ready` to the other's; a transfer takes one cycle and one can happen every cycle.
///
/// From `pipeline_depth` 2 on the spare register takes every beat while it is empty, needed or not,
/// so that the receiver's readiness has a shorter way.
pub(crate) fn stream_register(
    c: &Configuration,
    name: &str,
    width: u32,
) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        format!("stream_register_{name}"),
        "Full-throughput stream register: a main register and a spare one for the beat that\n\
         arrives while the receiver stalls.",
    );
    let s_data = m.input("s_data", unsigned(width), "incoming beat");
    let s_valid = m.input("s_valid", bit(), "incoming beat is valid");
    let m_ready = m.input("m_ready", bit(), "receiver takes the outgoing beat");

    let main_valid = m.register_reset("main_valid", bit(), 0);
    let spare_valid = m.register_reset("spare_valid", bit(), 0);

    let main_empty = m.not(main_valid);
    let main_loads = m.or(main_empty, m_ready);
    let main_loads = m.name(main_loads, "main_loads");
    let accepts = m.not(spare_valid);
    let accepts = m.name(accepts, "accepts");

    m.comment("the spare register is older than the incoming beat, so it goes first");
    let incoming_skids = m.not(main_loads);
    let incoming_skids = m.name(incoming_skids, "incoming_skids");
    let spare_loads = match extra_registers(c) {
        0 => m.and_all(&[s_valid, accepts, incoming_skids]),
        _ => accepts,
    };
    let spare = loaded(&mut m, "spare", spare_loads, s_data);
    let any = m.or(spare_valid, s_valid);
    let any = m.name(any, "any");
    let spare_next = m.and(incoming_skids, any);
    m.update(spare_valid, spare_next);

    let oldest = m.mux(spare_valid, spare, s_data);
    let main = loaded(&mut m, "main", main_loads, oldest);
    m.update_if(main_valid, main_loads, any);

    m.output("s_ready", accepts, "room for the incoming beat");
    m.output("m_data", main, "outgoing beat");
    m.output("m_valid", main_valid, "outgoing beat is valid");
    m.finish()
}
