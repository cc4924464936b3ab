//! The registers on AXI4-Lite: one read and one write at a time, each taken in the cycle after it is
//! offered and answered in the cycle after that.

use super::register_map::{ADDRESS_BITS, Access, Field, Lock, Register, RegisterMap};
use crate::netlist::{Builder, Module, NetlistError, Signal, unsigned};
use crate::unit::{bit, bus};

/// Bits of data on the register port.
pub(super) const DATA_BITS: u32 = 32;

/// Ports of the AXI4-Lite slave that are inputs, with width and meaning.
pub(super) const AXI_INPUTS: [(&str, u32, &str); 11] = [
    ("awaddr", ADDRESS_BITS, "write address, bytes"),
    ("awprot", 3, "not used"),
    ("awvalid", 1, "write address is valid"),
    ("wdata", DATA_BITS, "data to write"),
    ("wstrb", DATA_BITS / 8, "bytes of the data that are written"),
    ("wvalid", 1, "data to write are valid"),
    ("bready", 1, "write response is taken"),
    ("araddr", ADDRESS_BITS, "read address, bytes"),
    ("arprot", 3, "not used"),
    ("arvalid", 1, "read address is valid"),
    ("rready", 1, "data read are taken"),
];

/// Ports of the AXI4-Lite slave that are outputs, with meaning.
pub(super) const AXI_OUTPUTS: [(&str, &str); 8] = [
    (
        "awready",
        "write address is taken, together with the data, the cycle after both are valid",
    ),
    (
        "wready",
        "data to write are taken, together with the address",
    ),
    (
        "bresp",
        "OKAY (0), or SLVERR (2): no register there, or a read-only one",
    ),
    ("bvalid", "write response is valid"),
    (
        "arready",
        "read address is taken, the cycle after it is valid",
    ),
    ("rdata", "data read"),
    ("rresp", "OKAY (0), or SLVERR (2): no register there"),
    ("rvalid", "data read are valid"),
];

/// Prefix of the slave's ports.
pub(super) const AXI: &str = "s_axil_";

/// Registers that say how long packets are.
const LENGTHS: [&str; 4] = ["HEAD_KEYS", "HEAD_BLOCKS", "ROW_LENGTH", "MASK"];

/// A write that is carried out in this cycle.
struct Write {
    /// A write of anything.
    taken: Signal,
    /// Index of the register: its offset / 4.
    word: Signal,
    data: Signal,
    /// A bit a bit of data.
    mask: Signal,
}

/// One kind of transaction: taken in the cycle after it is offered, so that no output depends on an
/// input within a cycle; its response in the cycle after that, until it is taken.
struct Channel {
    /// The transaction is taken in this cycle: `ready` of its channels.
    taken: Signal,
    /// A response waits for its receiver.
    pending: Signal,
}

fn channel(m: &mut Builder, name: &str, offered: Signal, ready: Signal) -> Channel {
    let taken = m.register_reset(format!("{name}_taken"), bit(), 0);
    let pending = m.register_reset(format!("{name}_pending"), bit(), 0);
    let busy = m.or(taken, pending);
    let free = m.not(busy);
    let takes = m.and(offered, free);
    m.update(taken, takes);
    let kept = m.not(ready);
    let waits = m.and(pending, kept);
    let next = m.or(taken, waits);
    m.update(pending, next);
    Channel { taken, pending }
}

/// The response code of a transaction that was no good: SLVERR, else OKAY.
fn response_code(m: &mut Builder, name: &str, taken: Signal, bad: Signal) -> Signal {
    let error = m.register(format!("{name}_error"), bit());
    m.update_if(error, taken, bad);
    let zero = m.zero(bit());
    m.concat(&[error, zero])
}

/// `bits` is the index of the register at `offset`.
fn selects(m: &mut Builder, word: Signal, register: &Register, name: &str) -> Signal {
    let index = m.constant(u64::from(register.offset / 4), word.ty());
    let hit = m.eq(word, index);
    m.name(
        hit,
        format!("{name}_{}", register.name.to_ascii_lowercase()),
    )
}

fn word_of(m: &mut Builder, address: Signal) -> Signal {
    let low = m.slice(address, 0, 2);
    // Registers are words: the two lowest bits of an address are of no account.
    m.unused(low);
    m.slice(address, 2, ADDRESS_BITS - 2)
}

/// The slave, with `s_axil_*`, an output for each field that software writes, an input for each
/// that it only reads, an input for each bit of `ERRORS` that sets it, and `irq`.
///
/// Inputs `locked_rows` and `locked_head` say which registers cannot be written: [`Lock`].
pub(super) fn registers(map: &RegisterMap) -> Result<Module, NetlistError> {
    let mut m = Builder::new(
        "registers",
        "Registers on AXI4-Lite; a transaction is taken in the cycle after it is offered.",
    );
    let mut inputs = Vec::new();
    for (name, width, doc) in AXI_INPUTS {
        inputs.push((name, m.input(format!("{AXI}{name}"), unsigned(width), doc)));
    }
    let input = |wanted: &str| {
        let found = inputs.iter().find(|(name, _)| *name == wanted);
        debug_assert!(found.is_some(), "no input `{wanted}`");
        found.map_or(inputs[0].1, |(_, signal)| *signal)
    };
    // Everybody may do everything.
    m.unused(input("awprot"));
    m.unused(input("arprot"));
    let locks = Locks {
        rows: m.input("locked_rows", bit(), "rows are in flight"),
        head: m.input("locked_head", bit(), "a head is open"),
    };

    let offered = m.and(input("awvalid"), input("wvalid"));
    let writes = channel(&mut m, "write", offered, input("bready"));
    let taken = writes.taken;
    let strobes: Vec<Signal> = (0..DATA_BITS / 8)
        .map(|byte| {
            let strobe = m.bit(input("wstrb"), byte);
            m.replicate(strobe, 8)
        })
        .collect();
    let mask = bus(&mut m, &strobes);
    let write = Write {
        taken,
        word: word_of(&mut m, input("awaddr")),
        data: input("wdata"),
        mask: m.name(mask, "write_mask"),
    };
    // No register that is written need have fields up to the highest bit.
    m.unused(write.data);
    m.unused(write.mask);
    let mut lengths = Vec::new();
    let (values, writable) = contents(&mut m, map, &write, &locks, &mut lengths);
    let bad_write = m.not(writable);
    let bresp = response_code(&mut m, "write", taken, bad_write);

    let reads = channel(&mut m, "read", input("arvalid"), input("rready"));
    let (data, found) = read(&mut m, map, &values, input("araddr"));
    let rdata = m.register("read_data", unsigned(DATA_BITS));
    m.update_if(rdata, reads.taken, data);
    let missing = m.not(found);
    let rresp = response_code(&mut m, "read", reads.taken, missing);

    let lengths = m.or_all(&lengths);
    m.output(
        "writes_lengths",
        lengths,
        "a length, or which keys belong to a row, is written",
    );
    let outputs = [
        taken,
        taken,
        bresp,
        writes.pending,
        reads.taken,
        rdata,
        rresp,
        reads.pending,
    ];
    for ((name, doc), signal) in AXI_OUTPUTS.into_iter().zip(outputs) {
        m.output(format!("{AXI}{name}"), signal, doc);
    }
    m.finish()
}

/// What locks registers.
struct Locks {
    rows: Signal,
    head: Signal,
}

/// The fields of all registers: the value of each register as it is read, and whether the write
/// in hand has a register that it may be for.
fn contents(
    m: &mut Builder,
    map: &RegisterMap,
    write: &Write,
    locks: &Locks,
    lengths: &mut Vec<Signal>,
) -> (Vec<Signal>, Signal) {
    let hits: Vec<Option<Signal>> = (map.registers.iter())
        .map(|register| {
            let writable = register.writable();
            writable.then(|| selects(m, write.word, register, "writes"))
        })
        .collect();
    let all: Vec<Signal> = hits.iter().flatten().copied().collect();
    let writable = m.or_all(&all);
    let writable = m.name(writable, "writable");
    let refused = refused(m, map, &hits, write, locks);
    let mut unlocked = |locked: Signal, name: &str| {
        let open = m.not(locked);
        let may = m.and(write.taken, open);
        m.name(may, name)
    };
    let open_rows = unlocked(locks.rows, "writes_unless_rows");
    let open_head = unlocked(locks.head, "writes_unless_head");
    let mut values = Vec::new();
    let (mut errors, mut enabled) = (Vec::new(), Vec::new());
    for (register, hit) in map.registers.iter().zip(&hits) {
        let stores = hit.map(|hit| {
            let may = match register.lock {
                Lock::Free => write.taken,
                Lock::Rows => open_rows,
                Lock::Head => open_head,
            };
            let stores = m.and(may, hit);
            m.name(
                stores,
                format!("stores_{}", register.name.to_ascii_lowercase()),
            )
        });
        if LENGTHS.contains(&register.name.as_str()) {
            lengths.extend(stores);
        }
        let mut fields = Vec::new();
        for field in &register.fields {
            let name = register.signal(field);
            let value = match (field.access, stores) {
                (Access::ReadWrite, Some(stores)) => stored(m, field, &name, write, stores),
                (Access::WriteOneToClear, Some(stores)) => {
                    let sets = match field.name.as_str() {
                        "write_locked" => refused,
                        _ => m.input(format!("set_{name}"), bit(), format!("sets: {}", field.doc)),
                    };
                    cleared(m, field, &name, write, stores, sets)
                }
                (Access::Status, _) => m.input(&name, unsigned(field.width), &field.doc),
                _ => m.constant(u64::from(field.reset), unsigned(field.width)),
            };
            match (register.name.as_str(), field.access) {
                ("ERRORS", _) => errors.push(value),
                ("IRQ_ENABLE", _) => enabled.push(value),
                (_, Access::ReadWrite) => m.output(&name, value, &field.doc),
                _ => {}
            }
            fields.push((field.low, value));
        }
        values.push(word(m, &fields));
    }
    let raised: Vec<Signal> = (errors.iter().zip(&enabled))
        .map(|(error, enabled)| m.and(*error, *enabled))
        .collect();
    let raised = m.or_all(&raised);
    let irq = m.register_reset("irq", bit(), 0);
    m.update(irq, raised);
    m.output("irq", irq, "an enabled error bit is set");
    (values, writable)
}

/// A write to a register that is locked.
fn refused(
    m: &mut Builder,
    map: &RegisterMap,
    hits: &[Option<Signal>],
    write: &Write,
    locks: &Locks,
) -> Signal {
    let mut of_lock = |lock: Lock, locked: Signal, name: &str| {
        let hits: Vec<Signal> = (map.registers.iter().zip(hits))
            .filter(|(register, _)| register.lock == lock)
            .filter_map(|(_, hit)| *hit)
            .collect();
        let any = m.or_all(&hits);
        let any = m.name(any, name);
        m.and(any, locked)
    };
    let rows = of_lock(Lock::Rows, locks.rows, "writes_of_rows");
    let head = of_lock(Lock::Head, locks.head, "writes_of_head");
    let either = m.or(rows, head);
    let refused = m.and(write.taken, either);
    m.name(refused, "write_refused")
}

/// A field's bits of the write, and which of them are written.
fn written_bits(m: &mut Builder, field: &Field, write: &Write) -> (Signal, Signal) {
    let data = m.slice(write.data, field.low, field.width);
    (data, m.slice(write.mask, field.low, field.width))
}

/// A field that software reads and writes.
fn stored(m: &mut Builder, field: &Field, name: &str, write: &Write, stores: Signal) -> Signal {
    let register = m.register_reset(name, unsigned(field.width), u64::from(field.reset));
    let (data, mask) = written_bits(m, field, write);
    let taken = m.and(data, mask);
    let others = m.not(mask);
    let kept = m.and(register, others);
    let next = m.or(taken, kept);
    m.update_if(register, stores, next);
    register
}

/// A bit that `sets` sets and software clears by writing 1; what sets it wins.
fn cleared(
    m: &mut Builder,
    field: &Field,
    name: &str,
    write: &Write,
    stores: Signal,
    sets: Signal,
) -> Signal {
    let register = m.register_reset(name, bit(), 0);
    let (data, mask) = written_bits(m, field, write);
    let clears = m.and_all(&[stores, data, mask]);
    let stays = m.not(clears);
    let kept = m.and(register, stays);
    let next = m.or(sets, kept);
    m.update(register, next);
    register
}

/// The word of fields at their bits; bits without a field are 0.
fn word(m: &mut Builder, fields: &[(u32, Signal)]) -> Signal {
    let (mut parts, mut next) = (Vec::new(), 0);
    for (low, value) in fields {
        if *low > next {
            parts.push(m.zero(unsigned(low - next)));
        }
        parts.push(*value);
        next = low + value.width();
    }
    if next < DATA_BITS {
        parts.push(m.zero(unsigned(DATA_BITS - next)));
    }
    bus(m, &parts)
}

/// The value of the register at `address`, and whether there is one.
fn read(
    m: &mut Builder,
    map: &RegisterMap,
    values: &[Signal],
    address: Signal,
) -> (Signal, Signal) {
    let word = word_of(m, address);
    let word = m.name(word, "read_word");
    let (mut hits, mut gated) = (Vec::new(), Vec::new());
    for (register, value) in map.registers.iter().zip(values) {
        let hit = selects(m, word, register, "reads");
        let mask = m.replicate(hit, DATA_BITS);
        gated.push(m.and(*value, mask));
        hits.push(hit);
    }
    let found = m.or_all(&hits);
    let found = m.name(found, "read_found");
    (m.or_all(&gated), found)
}
