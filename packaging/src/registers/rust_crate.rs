//! A crate of its own, without dependencies and without `std`.

use super::{families, lock_note, sentence};
use crate::{Contents, PackagedFile};
use logattn_hdl::attention_core::{Access, Field, Register};

/// What is the same for every core: how registers are reached.
const ACCESS: &str = include_str!("../../templates/registers/rust/access.rs");

/// The crate's files.
pub(super) fn rust_crate(contents: &Contents) -> Vec<PackagedFile> {
    vec![
        PackagedFile::new("registers/rust/Cargo.toml", manifest(contents)),
        PackagedFile::new("registers/rust/src/lib.rs", library(contents)),
        PackagedFile::new("registers/rust/src/access.rs", ACCESS),
    ]
}

fn manifest(contents: &Contents) -> String {
    let name = &contents.configuration.name;
    let comment = contents.origin().replace('\n', "\n# ");
    // The last lines keep a workspace around the folder from taking the crate for its own.
    format!(
        "# {comment}\n[package]\nname = \"{name}-registers\"\n\
         description = \"Registers of {name}_attention_core\"\n\
         version = \"{}\"\nedition = \"2021\"\nlicense = \"Apache-2.0\"\npublish = false\n\n[workspace]\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn library(contents: &Contents) -> String {
    let comment = contents.origin().replace('\n', "\n// ");
    let mut text = format!(
        "// {comment}\n//! Registers of `{}_attention_core`.\n//!\n\
         //! Every register is a constant of [`Register`], every field one of [`Field`] in the module\n\
         //! of its register; [`Device`] reads and writes them.\n\
         //!\n//! ```\n\
         //! use {}_registers::{{control, Device, CONTROL, ID}};\n\
         //!\n\
         //! let mut memory = [0u32; 128];\n\
         //! // SAFETY: the memory is as large as the core's registers and outlives the device.\n\
         //! let core = unsafe {{ Device::new(memory.as_mut_ptr()) }};\n\
         //! core.set(control::ENABLE, 1);\n\
         //! assert_eq!(core.read(CONTROL), 1);\n\
         //! assert_ne!(core.read(ID), ID.at_reset()); // this is memory and no core\n\
         //! ```\n\
         #![no_std]\n#![warn(missing_docs)]\n\nmod access;\n\n\
         pub use access::{{Device, Field, ReadOnly, ReadWrite, Readable, Register, Writable, WriteOneToClear}};\n",
        contents.configuration.name, contents.configuration.name,
    );
    for register in &contents.map.registers {
        text += &one_register(register);
    }
    for (name, _, count) in families(&contents.map.registers) {
        let members: Vec<String> = (1..=count).map(|i| format!("    {name}_{i},\n")).collect();
        text += &format!(
            "\n/// `{name}_1` to `{name}_{count}`; index 0 is that of code 1.\npub const {name}: [Register<ReadWrite>; {count}] = [\n{}];\n",
            members.concat()
        );
    }
    text + TESTS
}

/// What the crate tests by itself, with ordinary memory in the place of the core.
const TESTS: &str = include_str!("../../templates/registers/rust/tests.rs");

fn marker(access: Access) -> &'static str {
    match access {
        Access::Constant | Access::Status => "ReadOnly",
        Access::ReadWrite => "ReadWrite",
        Access::WriteOneToClear => "WriteOneToClear",
    }
}

/// Fields of a register are alike: all written, all cleared, or all read only.
fn register_marker(register: &Register) -> &'static str {
    let written = register
        .fields
        .iter()
        .find(|field| !matches!(field.access, Access::Constant | Access::Status));
    marker(written.map_or(Access::Constant, |field| field.access))
}

fn one_register(register: &Register) -> String {
    let name = &register.name;
    let kind = register_marker(register);
    let note =
        lock_note(register.lock).map_or(String::new(), |note| format!(" {}", sentence(note)));
    let mut text = format!(
        "\n/// {}{note}\npub const {name}: Register<{kind}> = Register::new(0x{:03X}, 0x{:08X});\n",
        sentence(&register.doc),
        register.offset,
        register.reset(),
    );
    text += &format!(
        "\n/// Fields of [`{name}`].\npub mod {} {{\n    use super::*;\n",
        name.to_ascii_lowercase()
    );
    for field in &register.fields {
        text += &one_field(name, field);
    }
    text + "}\n"
}

fn one_field(register: &str, field: &Field) -> String {
    format!(
        "\n    /// {}\n    pub const {}: Field<{}> = Field::new(super::{register}.offset(), {}, {});\n",
        sentence(&field.doc),
        field.name.to_ascii_uppercase(),
        marker(field.access),
        field.low,
        field.width,
    )
}
