//! SystemRDL 2.0.

use super::{lock_note, sentence};
use crate::Contents;
use logattn_hdl::attention_core::{Access, Field, Lock, Register};
use std::fmt::Write;

/// Signals that hold registers, with what they tell.
const LOCKS: [(Lock, &str, &str); 2] = [
    (Lock::Rows, "locked_rows", "Rows are in flight."),
    (Lock::Head, "locked_head", "A head is open."),
];

/// The registers as an address map.
pub(super) fn systemrdl(contents: &Contents) -> String {
    let name = &contents.configuration.name;
    let mut text = format!(
        "// {}\n// Registers of {name}_attention_core, SystemRDL 2.0. \
         Errors are set by hardware and cleared by writing 1;\n// their OR, masked by IRQ_ENABLE, \
         is the interrupt.\n\n",
        contents.origin().replace('\n', "\n// ")
    );
    text += &format!("addrmap {name}_registers {{\n");
    text += &format!("    name = \"Registers of {name}_attention_core\";\n");
    text += "    lsb0;\n    default regwidth = 32;\n    default accesswidth = 32;\n\n";
    for (_, signal, doc) in LOCKS {
        text += &format!(
            "    signal {{\n        desc = \"{doc}\";\n        activehigh;\n    }} {signal};\n\n"
        );
    }
    for register in &contents.map.registers {
        text += &one_register(register);
    }
    text += &interrupts(&contents.map.registers);
    text + "};\n"
}

/// A string literal.
fn literal(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn one_register(register: &Register) -> String {
    let mut description = sentence(&register.doc);
    if let Some(note) = lock_note(register.lock) {
        let _ = write!(description, " {}", sentence(note));
    }
    let mut text = format!("    reg {{\n        desc = {};\n", literal(&description));
    for field in &register.fields {
        text += &one_field(field, register.lock);
    }
    text + &format!("    }} {} @ 0x{:03X};\n\n", register.name, register.offset)
}

fn one_field(field: &Field, lock: Lock) -> String {
    let properties = match field.access {
        Access::Constant => "sw = r; hw = na;",
        Access::Status => "sw = r; hw = w;",
        Access::ReadWrite => "sw = rw; hw = r;",
        // An error that comes while an older one is cleared must not be lost.
        Access::WriteOneToClear => "sw = rw; onwrite = woclr; hw = w; level intr; precedence = hw;",
    };
    let held = LOCKS.iter().find(|(held, ..)| *held == lock);
    let held = match (field.access, held) {
        (Access::ReadWrite, Some((_, signal, _))) => format!(" swwel = {signal};"),
        _ => String::new(),
    };
    // A field that follows the hardware has no value of its own after reset.
    let reset = match field.access {
        Access::Status => String::new(),
        _ => format!(" = {}'h{:X}", field.width, field.reset),
    };
    format!(
        "        field {{\n            desc = {};\n            {properties}{held}\n        }} {}[{}:{}]{reset};\n",
        literal(&sentence(&field.doc)),
        field.name,
        field.low + field.width - 1,
        field.low,
    )
}

/// Which bit lets which error raise the interrupt.
fn interrupts(registers: &[Register]) -> String {
    let of = |register: &Register| -> Vec<String> {
        let fields = register.fields.iter();
        fields
            .filter(|field| field.access == Access::WriteOneToClear)
            .map(|field| {
                let name = &field.name;
                format!(
                    "    {}.{name}->enable = IRQ_ENABLE.{name};\n",
                    register.name
                )
            })
            .collect()
    };
    registers.iter().flat_map(of).collect()
}
