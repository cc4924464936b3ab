//! The register map in the languages of those who program the core: SystemRDL, C, Rust, Python
//! and Markdown. All of it is made from the one [`RegisterMap`](logattn_hdl::attention_core).

mod c_header;
mod markdown;
mod python;
mod rust_crate;
mod systemrdl;

use crate::{Contents, PackagedFile};
use logattn_hdl::attention_core::{Access, Lock, Register};

/// The files that describe the registers.
pub fn registers(contents: &Contents) -> Vec<PackagedFile> {
    let name = &contents.configuration.name;
    let mut files = vec![
        PackagedFile::new(
            format!("registers/{name}.rdl"),
            systemrdl::systemrdl(contents),
        ),
        PackagedFile::new(
            format!("sw/{name}_registers.h"),
            c_header::c_header(contents),
        ),
        PackagedFile::new(format!("sw/{name}_registers.py"), python::python(contents)),
        PackagedFile::new("doc/registers.md", markdown::markdown(contents)),
    ];
    files.extend(rust_crate::rust_crate(contents));
    files
}

/// A name and a number of a family of registers, as in `THRESHOLD_3`.
fn family(register: &Register) -> Option<(&str, u32)> {
    let (name, number) = register.name.rsplit_once('_')?;
    Some((name, number.parse().ok()?))
}

/// Families of registers, four bytes apart: (name, offset of number 1, how many).
fn families(registers: &[Register]) -> Vec<(String, u32, u32)> {
    let mut found: Vec<(String, u32, u32)> = Vec::new();
    for register in registers {
        match (family(register), found.last_mut()) {
            (Some((name, _)), Some(last)) if last.0 == name => last.2 += 1,
            (Some((name, 1)), _) => found.push((name.to_string(), register.offset, 1)),
            _ => {}
        }
    }
    found
}

/// What software may do with a field, as register tables abbreviate it.
fn access_name(access: Access) -> &'static str {
    match access {
        Access::Constant | Access::Status => "ro",
        Access::ReadWrite => "rw",
        Access::WriteOneToClear => "w1c",
    }
}

/// What a register's lock means for who writes it; nothing for none.
fn lock_note(lock: Lock) -> Option<&'static str> {
    match lock {
        Lock::Free => None,
        Lock::Rows => {
            Some("writes are ignored while STATUS.busy is 1, and within an unfinished causal head")
        }
        Lock::Head => Some("writes are ignored while STATUS.head_open is 1"),
    }
}

/// A phrase as a sentence: capital first, full stop last.
fn sentence(phrase: &str) -> String {
    let mut characters = phrase.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).chain(['.']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::contents;

    #[test]
    fn families_are_counted() {
        let map = contents("nano").map;
        let families = families(&map.registers);
        assert_eq!(
            families,
            [
                ("THRESHOLD".to_string(), 0x080, 7),
                ("SHIFT".to_string(), 0x0C0, 7)
            ]
        );
    }

    #[test]
    fn every_register_is_named_in_every_language() {
        for name in ["nano", "nano_qkv", "paper", "server", "nano_int8"] {
            let contents = contents(name);
            for file in registers(&contents) {
                if file.path.ends_with("Cargo.toml") || file.path.ends_with("access.rs") {
                    continue;
                }
                let text = file.text.to_ascii_uppercase();
                for register in &contents.map.registers {
                    assert!(text.contains(&register.name), "{} {register:?}", file.path);
                }
            }
        }
    }
}
