//! The registers as two tables of Markdown.

use super::{access_name, sentence};
use crate::Contents;
use logattn_hdl::attention_core::{Access, Field, Lock, Register};

/// The page.
pub(super) fn markdown(contents: &Contents) -> String {
    let name = &contents.configuration.name;
    let causal = match contents.map.register("MASK") {
        Some(_) => {
            " What is locked while `STATUS.busy` is so within an unfinished causal head as well."
        }
        None => "",
    };
    let mut text = format!(
        "# Registers of {name}_attention_core\n\n\
         Generated; the same map is in `registers/{name}.rdl` (SystemRDL), `sw/{name}_registers.h` \
         (C), `sw/{name}_registers.py` and `registers/rust` (a crate).\n\n\
         32 bits each, offsets in bytes, AXI4-Lite, write strobes honored. An access to an offset \
         that is not listed and a write to a register without a `rw` or `w1c` field are answered with \
         SLVERR and change nothing. Bits that no field has read 0. A write to a register while it is \
         locked is answered OKAY, changes nothing and sets `ERRORS.write_locked`.{causal}\n\n"
    );
    text += "| offset | register | access | after reset | locked while | what |\n|---|---|---|---|---|---|\n";
    for register in &contents.map.registers {
        text += &register_row(register);
    }
    text += "\n`ro` read only, `rw` read and write, `w1c` set by the core, cleared by writing 1.\n";
    text += "\n## Fields\n\n| register | field | bits | access | after reset | what |\n|---|---|---|---|---|---|\n";
    for register in &contents.map.registers {
        for field in &register.fields {
            text += &field_row(register, field);
        }
    }
    text
}

/// Accesses of a register's fields, each once.
fn accesses(register: &Register) -> String {
    let mut names: Vec<&str> = Vec::new();
    for field in &register.fields {
        let name = access_name(field.access);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

fn register_row(register: &Register) -> String {
    // Which bit alone; the page's head says the rest.
    let lock = match register.lock {
        Lock::Free => "",
        Lock::Rows => "`STATUS.busy`",
        Lock::Head => "`STATUS.head_open`",
    };
    format!(
        "| 0x{:03X} | {} | {} | {} | {lock} | {} |\n",
        register.offset,
        register.name,
        accesses(register),
        after_reset(register),
        cell(&register.doc),
    )
}

/// What a register reads after reset; what follows the hardware is 0 there.
fn after_reset(register: &Register) -> String {
    format!("0x{:08X}", register.reset())
}

fn field_row(register: &Register, field: &Field) -> String {
    let bits = match field.width {
        1 => field.low.to_string(),
        width => format!("{}:{}", field.low + width - 1, field.low),
    };
    let reset = match field.access {
        Access::Status => "-".to_string(),
        _ => format!("0x{:X}", field.reset),
    };
    format!(
        "| {} | {} | {bits} | {} | {reset} | {} |\n",
        register.name,
        field.name,
        access_name(field.access),
        cell(&field.doc),
    )
}

/// Text that does not end its cell.
fn cell(text: &str) -> String {
    sentence(text).replace('|', "\\|")
}
