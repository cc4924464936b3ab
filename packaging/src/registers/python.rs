//! The registers as a Python module: plain dictionaries.

use super::families;
use crate::Contents;

/// The module.
pub(super) fn python(contents: &Contents) -> String {
    let mut text = format!(
        "# {}\n\"\"\"Registers of {}_attention_core.\n\n\
         REGISTERS: name -> (byte offset, value after reset, {{field: (lowest bit, bits)}}).\n\
         COUNTS: how many registers a family has, as in THRESHOLD_1 to THRESHOLD_7.\n\"\"\"\n\n",
        contents.origin().replace('\n', "\n# "),
        contents.configuration.name,
    );
    text += "REGISTERS = {\n";
    for register in &contents.map.registers {
        let fields: Vec<String> = register
            .fields
            .iter()
            .map(|field| format!("\"{}\": ({}, {})", field.name, field.low, field.width))
            .collect();
        text += &format!(
            "    \"{}\": (\n        0x{:03X},\n        0x{:08X},\n        {{{}}},\n    ),\n",
            register.name,
            register.offset,
            register.reset(),
            fields.join(", ")
        );
    }
    text += "}\n\nCOUNTS = {\n";
    for (name, _, count) in families(&contents.map.registers) {
        text += &format!("    \"{name}\": {count},\n");
    }
    text + "}\n"
}
