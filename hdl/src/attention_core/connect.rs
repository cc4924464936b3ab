//! What of the core is connected with what.

use super::progress::{row_index_bits, value_index_bits};
use super::register_map::TIMEOUT_BITS;
use super::stream_guard::{Guard, Short, stream_guard};
use crate::netlist::{Builder, Direction, Instance, Module, NetlistError, Role, Signal, unsigned};
use crate::unit::{COUNTERS, bit, bus, ceil_log2};
use logattn_golden::config::{Configuration, Input};

/// Wires for all outputs of a module that is instantiated later.
struct Forward {
    wires: Vec<(String, Signal)>,
}

impl Forward {
    /// Wires for those outputs of `module` that `wanted` names.
    fn declare(m: &mut Builder, module: &Module, wanted: impl Fn(&str) -> bool) -> Self {
        let outputs = module.ports().iter().filter(|port| {
            port.direction == Direction::Output && port.role == Role::Data && wanted(&port.name)
        });
        let wires = outputs.map(|port| (port.name.clone(), m.wire(&port.name, port.ty)));
        Forward {
            wires: wires.collect(),
        }
    }

    fn find(&self, name: &str) -> Option<Signal> {
        let mut wires = self.wires.iter();
        wires
            .find(|(wire, _)| wire == name)
            .map(|(_, signal)| *signal)
    }

    /// The wire called `name`, of which there is one.
    fn get(&self, name: &str) -> Signal {
        let found = self.find(name);
        debug_assert!(found.is_some(), "no output `{name}`");
        found.unwrap_or(self.wires[0].1)
    }

    fn drive(&self, m: &mut Builder, instance: &Instance) {
        for (name, wire) in &self.wires {
            m.drive(*wire, instance.output(name));
        }
    }
}

/// The fields that software writes.
pub(super) struct Settings(Forward);

impl Open {
    pub(super) fn declare(m: &mut Builder, settings: &Settings) -> Self {
        let changed = m.register_reset("lengths_changed", bit(), 0);
        m.update(changed, settings.get("writes_lengths"));
        let settled = m.not(changed);
        let begins = m.and(settings.get("control_enable"), settled);
        Open {
            begins: m.name(begins, "may_begin"),
            rows: m.wire("rows_open", bit()),
            loads: m.wire("loads_open", bit()),
        }
    }

    pub(super) fn drive(&self, m: &mut Builder, numbers: &Numbers) {
        let rows = m.and(self.begins, numbers.get("rows_legal"));
        m.drive(self.rows, rows);
        let loads = m.and(self.begins, numbers.get("head_legal"));
        m.drive(self.loads, loads);
    }
}

impl Settings {
    pub(super) fn declare(m: &mut Builder, registers: &Module) -> Self {
        let field = |name: &str| !name.starts_with(super::registers::AXI) && name != "irq";
        Settings(Forward::declare(m, registers, field))
    }

    pub(super) fn get(&self, name: &str) -> Signal {
        self.0.get(name)
    }

    fn find(&self, name: &str) -> Option<Signal> {
        self.0.find(name)
    }

    /// The registers `{name}_1`, `{name}_2`, ... on one bus.
    fn bus(&self, m: &mut Builder, name: &str) -> Option<Signal> {
        let elements: Vec<Signal> = (1..)
            .map_while(|code| self.find(&format!("{name}_{code}")))
            .collect();
        (!elements.is_empty()).then(|| bus(m, &elements))
    }

    pub(super) fn drive(&self, m: &mut Builder, registers: &Instance) {
        self.0.drive(m, registers);
    }
}

/// What `progress` tells guards and unit.
pub(super) struct Numbers(Forward);

impl Numbers {
    pub(super) fn declare(m: &mut Builder, progress: &Module) -> Self {
        let status = ["busy", "head_open", "locks_rows", "waits_for_load"];
        Numbers(Forward::declare(m, progress, |name| {
            !status.contains(&name)
        }))
    }

    pub(super) fn get(&self, name: &str) -> Signal {
        self.0.get(name)
    }

    pub(super) fn drive(&self, m: &mut Builder, progress: &Instance) {
        self.0.drive(m, progress);
    }
}

/// Whether packets may begin.
pub(super) struct Open {
    /// As far as `CONTROL` goes; not in the cycle after lengths were written, as what follows from
    /// them is registered.
    pub begins: Signal,
    pub rows: Signal,
    /// Values and keys.
    pub loads: Signal,
}

/// A stream into the unit, behind its guard.
pub(super) struct Stream {
    name: &'static str,
    data: Signal,
    guard: Instance,
    /// To be driven: the unit takes the beat.
    unit_ready: Signal,
}

/// The guard of a stream, and the ports with which it takes its lengths.
fn guard_of(
    c: &Configuration,
    name: &'static str,
) -> (Guard<'static>, Vec<(&'static str, &'static str)>) {
    let of = |index_bits, short| Guard {
        stream: name,
        index_bits,
        short,
    };
    match name {
        "value" => {
            let bits = value_index_bits(c);
            (of(bits, Short::Passes), vec![("most", "most_value")])
        }
        "key" => {
            let bits = ceil_log2(c.max_keys);
            (of(bits, Short::Passes), vec![("most", "most_key")])
        }
        "query" => (of(row_index_bits(c), Short::Filled), vec![]),
        _ => {
            let ports = vec![("most", "most_beat"), ("least", "least_beat")];
            (of(row_index_bits(c), Short::Flexible), ports)
        }
    }
}

/// All streams into the unit, the first one that of rows.
pub(super) fn streams(
    m: &mut Builder,
    c: &Configuration,
    unit: &Module,
    settings: &Settings,
    open: &Open,
    numbers: &Numbers,
) -> Result<Vec<Stream>, NetlistError> {
    let names: &[&'static str] = match c.input {
        Input::Qkv => &["query", "key", "value"],
        Input::Probabilities | Input::Scores => &["attn", "value"],
    };
    let mut streams = Vec::new();
    for name in names {
        let open = match *name {
            "value" | "key" => open.loads,
            _ => open.rows,
        };
        streams.push(stream(m, c, unit, name, (open, settings), numbers)?);
    }
    Ok(streams)
}

fn stream(
    m: &mut Builder,
    c: &Configuration,
    unit: &Module,
    name: &'static str,
    (open, settings): (Signal, &Settings),
    numbers: &Numbers,
) -> Result<Stream, NetlistError> {
    let port = |signal: &str| format!("s_axis_{name}_{signal}");
    let tdata = unit
        .ports()
        .iter()
        .find(|found| found.name == port("tdata"));
    let (ty, doc) = tdata.map_or((bit(), ""), |port| (port.ty, port.doc.as_str()));
    let data = m.input(port("tdata"), ty, doc);
    let last = m.input(port("tlast"), bit(), "last beat of the packet");
    let valid = m.input(port("tvalid"), bit(), "beat is valid");
    let unit_ready = m.wire(format!("{name}_unit_ready"), bit());
    let (guard, lengths) = guard_of(c, name);
    let mut connections = vec![
        ("s_valid", valid),
        ("s_last", last),
        ("m_ready", unit_ready),
        ("open", open),
        ("flush", settings.get("control_reset")),
    ];
    if guard.index_bits > 0 {
        for (port, number) in lengths {
            connections.push((port, numbers.get(number)));
        }
        if name == "query" {
            let ty = unsigned(guard.index_bits);
            connections.push(("most", m.constant(c.query_block as u64 - 1, ty)));
        }
    }
    let guard = m.instance_with_clear(
        format!("u_guard_{name}"),
        &stream_guard(&guard)?,
        &connections,
        settings.get("control_forget"),
    );
    m.output(port("tready"), guard.output("s_ready"), "beat is taken");
    Ok(Stream {
        name,
        data,
        guard,
        unit_ready,
    })
}

/// The unit in the core.
pub(super) struct Unit {
    pub instance: Instance,
    out_ready: Signal,
}

/// Instantiates the unit, which `CONTROL.reset` resets; its output stream is the core's.
pub(super) fn place_unit(
    m: &mut Builder,
    unit: &Module,
    streams: &[Stream],
    settings: &Settings,
    numbers: &Numbers,
) -> Unit {
    let out_ready = m.input("m_axis_out_tready", bit(), "receiver takes the beat");
    let mut inputs = vec![
        ("m_axis_out_tready".to_string(), out_ready),
        ("row_length".into(), numbers.get("row_length_now")),
        ("head_blocks".into(), settings.get("head_blocks")),
    ];
    let registers = [
        ("thresholds", settings.bus(m, "threshold")),
        ("shifts", settings.bus(m, "shift")),
        ("levels", settings.bus(m, "level")),
        ("causal", settings.find("mask_causal")),
        ("score_shift", settings.find("score_shift")),
    ];
    for (name, signal) in registers {
        inputs.extend(signal.map(|signal| (name.to_string(), signal)));
    }
    for stream in streams {
        let name = stream.name;
        inputs.push((format!("s_axis_{name}_tdata"), stream.data));
        inputs.push((
            format!("s_axis_{name}_tlast"),
            stream.guard.output("m_last"),
        ));
        inputs.push((
            format!("s_axis_{name}_tvalid"),
            stream.guard.output("m_valid"),
        ));
    }
    let taken = |name: &str| unit.ports().iter().any(|port| port.name == name);
    let inputs: Vec<(&str, Signal)> = (inputs.iter())
        .filter(|(name, _)| taken(name))
        .map(|(name, signal)| (name.as_str(), *signal))
        .collect();
    let reset = settings.get("control_reset");
    let instance = m.instance_with_clear("u_attention_unit", unit, &inputs, reset);
    for stream in streams {
        let ready = format!("s_axis_{}_tready", stream.name);
        m.drive(stream.unit_ready, instance.output(ready));
    }
    for signal in ["tdata", "tlast", "tvalid"] {
        let name = format!("m_axis_out_{signal}");
        let port = unit.ports().iter().find(|port| port.name == name);
        let doc = port.map_or("", |port| port.doc.as_str());
        m.output(&name, instance.output(&name), doc);
    }
    Unit {
        instance,
        out_ready,
    }
}

/// The last beat of a row leaves.
pub(super) fn row_out(m: &mut Builder, unit: &Unit) -> Signal {
    let row_out = m.and_all(&[
        unit.instance.output("m_axis_out_tvalid"),
        unit.out_ready,
        unit.instance.output("m_axis_out_tlast"),
    ]);
    m.name(row_out, "row_out")
}

/// Instantiates `progress`.
pub(super) fn follow(
    m: &mut Builder,
    c: &Configuration,
    progress: &Module,
    streams: &[Stream],
    settings: &Settings,
    row_out: Signal,
) -> Instance {
    let rows = &streams[0].guard;
    let mut inputs = vec![
        ("head_keys".to_string(), settings.get("head_keys")),
        ("head_blocks".into(), settings.get("head_blocks")),
        ("row_length".into(), settings.get("row_length")),
        ("row_begins".into(), rows.output("begins")),
        ("row_ended".into(), rows.output("ended")),
        ("row_inside".into(), rows.output("inside_packet")),
        ("row_out".into(), row_out),
    ];
    let causal = settings.find("mask_causal");
    inputs.extend(causal.map(|causal| ("causal".to_string(), causal)));
    for stream in &streams[1..] {
        let name = stream.name;
        inputs.push((format!("{name}_ended"), stream.guard.output("ended")));
        inputs.push((
            format!("{name}_inside"),
            stream.guard.output("inside_packet"),
        ));
    }
    debug_assert_eq!(streams.len(), if c.input == Input::Qkv { 3 } else { 2 });
    let inputs: Vec<(&str, Signal)> = (inputs.iter())
        .map(|(name, signal)| (name.as_str(), *signal))
        .collect();
    let reset = settings.get("control_reset");
    m.instance_with_clear("u_progress", progress, &inputs, reset)
}

/// Status fields, counters and locks, by the ports of `registers`.
pub(super) fn statuses(
    m: &mut Builder,
    streams: &[Stream],
    unit: &Instance,
    progress: &Instance,
) -> Vec<(String, Signal)> {
    let of_all = |port: &str| -> Vec<Signal> {
        let guards = streams.iter().map(|stream| &stream.guard);
        guards.map(|guard| guard.output(port)).collect()
    };
    let dropping = m.or_all(&of_all("dropping_packet"));
    // A packet that begins in this very cycle has the lengths that there are.
    let begins = m.or_all(&of_all("begins"));
    let begins = m.name(begins, "packet_begins");
    let row_begins = streams[0].guard.output("begins");
    let locks_rows = m.or(progress.output("locks_rows"), row_begins);
    let locks_head = m.or(progress.output("head_open"), begins);
    let mut statuses = vec![
        ("status_busy".to_string(), progress.output("busy")),
        ("status_head_open".into(), progress.output("head_open")),
        ("status_dropping".into(), dropping),
        ("locked_rows".into(), locks_rows),
        ("locked_head".into(), locks_head),
    ];
    for (name, _) in COUNTERS {
        let port = format!("count_{name}");
        statuses.push((port.clone(), unit.output(port)));
    }
    statuses
}

/// What sets the bits of `ERRORS`, by the ports of `registers`.
pub(super) fn errors(
    m: &mut Builder,
    c: &Configuration,
    streams: &[Stream],
    unit: &Instance,
    progress: &Instance,
    settings: &Settings,
    (open, numbers): (&Open, &Numbers),
) -> Vec<(String, Signal)> {
    let mut errors = Vec::new();
    let (mut blocked, mut loads) = (Vec::new(), Vec::new());
    for (index, stream) in streams.iter().enumerate() {
        let rows = index == 0;
        let name = if rows { "row" } else { stream.name };
        let short = stream.guard.output("too_short");
        // A packet of rows that is one beat cannot lack any.
        match rows && row_index_bits(c) == 0 {
            true => m.unused(short),
            false => errors.push((format!("set_errors_{name}_short"), short)),
        }
        let long = stream.guard.output("too_long");
        errors.push((format!("set_errors_{name}_long"), long));
        let legal = if rows { "rows_legal" } else { "head_legal" };
        let illegal = m.not(numbers.get(legal));
        blocked.push(m.and_all(&[open.begins, illegal, stream.guard.output("waits")]));
        match rows {
            true => m.unused(stream.guard.output("takes")),
            false => loads.push(stream.guard.output("takes")),
        }
    }
    let blocked = m.or_all(&blocked);
    errors.push(("set_errors_bad_length".into(), blocked));
    if super::register_map::has_score_overflow(c) {
        errors.push((
            "set_errors_score_overflow".into(),
            unit.output("error_score"),
        ));
    }
    if c.input != Input::Probabilities {
        // Lengths and packets are checked before they come to the unit.
        m.unused(unit.output("error_row_length"));
    }
    let late = load_timeout(m, settings, progress, &loads);
    errors.push(("set_errors_load_timeout".into(), late));
    errors
}

/// High while rows have waited so long for values or keys, since the last beat of them.
fn load_timeout(
    m: &mut Builder,
    settings: &Settings,
    progress: &Instance,
    loads: &[Signal],
) -> Signal {
    let limit = settings.get("load_timeout");
    let waited = m.register_reset("waited", unsigned(TIMEOUT_BITS), 0);
    let loading = m.or_all(loads);
    let idle = m.not(loading);
    let waits = m.and(progress.output("waits_for_load"), idle);
    let waits = m.name(waits, "waits");
    let reached = m.ge(waited, limit);
    let reached = m.name(reached, "limit_reached");
    let one = m.constant(1, limit.ty());
    let more = m.add(waited, one);
    let stays = m.mux(reached, waited, more);
    let zero = m.zero(limit.ty());
    let next = m.mux(waits, stays, zero);
    m.update(waited, next);
    let some = m.any(limit);
    m.and_all(&[waits, reached, some])
}
