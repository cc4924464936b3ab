//! The C header: an offset, masks, shifts and reset values for each register.

use super::{access_name, families, lock_note};
use crate::Contents;
use logattn_hdl::attention_core::{Field, Register};

/// The header; C99 and C++.
pub(super) fn c_header(contents: &Contents) -> String {
    let guard = format!(
        "LOGATTN_{}_REGISTERS_H",
        contents.configuration.name.to_ascii_uppercase()
    );
    let mut text = format!(
        "/* {}\n * Registers of {}_attention_core: byte offsets, values after reset, and of each field\n \
         * its mask within the register, its shift and its value after reset. */\n\
         #ifndef {guard}\n#define {guard}\n",
        contents.origin().replace('\n', "\n * "),
        contents.configuration.name,
    );
    for register in &contents.map.registers {
        text += &one_register(register);
    }
    for (name, _, count) in families(&contents.map.registers) {
        text += &format!("\n/* {name}_1 to {name}_{count}, by the number. */\n");
        text += &define(&format!("{name}_COUNT"), &format!("{count}u"));
        let offset = format!("(LOGATTN_{name}_1_OFFSET + 4u * ((number) - 1u))");
        text += &define(&format!("{name}_OFFSET(number)"), &offset);
    }
    text + &format!("\n#endif /* {guard} */\n")
}

fn define(name: &str, value: &str) -> String {
    format!("#define LOGATTN_{name} {value}\n")
}

/// A comment cannot end in its own text.
fn comment(text: &str) -> String {
    format!("/* {} */\n", text.replace("*/", "* /"))
}

fn one_register(register: &Register) -> String {
    let name = &register.name;
    let note = lock_note(register.lock).map_or(String::new(), |note| format!("; {note}"));
    let mut text = format!("\n{}", comment(&format!("{}{note}", register.doc)));
    text += &define(
        &format!("{name}_OFFSET"),
        &format!("0x{:03X}u", register.offset),
    );
    text += &define(
        &format!("{name}_AT_RESET"),
        &format!("0x{:08X}u", register.reset()),
    );
    for field in &register.fields {
        text += &one_field(name, field);
    }
    text
}

fn one_field(register: &str, field: &Field) -> String {
    let name = format!("{register}_{}", field.name.to_ascii_uppercase());
    let mut text = comment(&format!("{}: {}", access_name(field.access), field.doc));
    text += &define(&format!("{name}_MASK"), &format!("0x{:08X}u", field.mask()));
    text += &define(&format!("{name}_SHIFT"), &field.low.to_string());
    text += &define(
        &format!("{name}_AT_RESET"),
        &format!("0x{:X}u", field.reset),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::contents;
    use std::collections::HashSet;

    #[test]
    fn no_name_is_defined_twice() {
        for name in ["nano", "nano_qkv", "paper"] {
            let text = c_header(&contents(name));
            let mut names = HashSet::new();
            for line in text.lines().filter(|line| line.starts_with("#define")) {
                let name = line.split_whitespace().nth(1).unwrap();
                assert!(names.insert(name.to_string()), "{name}");
            }
        }
    }
}
