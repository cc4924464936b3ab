//! What the vectors are, for programs.

use super::{Setting, Stream};
use crate::{Contents, PackagingError};
use logattn_hdl::attention_core::{Access, Register};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Manifest<'a> {
    /// Of this format.
    format: u32,
    configuration: &'a str,
    top: &'a str,
    registers: BTreeMap<&'a str, RegisterEntry<'a>>,
    streams: Vec<StreamEntry<'a>>,
    settings: Vec<SettingEntry<'a>>,
}

#[derive(Serialize)]
struct RegisterEntry<'a> {
    offset: u32,
    reset: u32,
    constant: bool,
    writable: bool,
    fields: BTreeMap<&'a str, FieldEntry>,
}

#[derive(Serialize)]
struct FieldEntry {
    low: u32,
    width: u32,
}

#[derive(Serialize)]
struct StreamEntry<'a> {
    name: &'a str,
    output: bool,
    bits: usize,
}

#[derive(Serialize)]
struct SettingEntry<'a> {
    name: &'a str,
    doc: &'a str,
    heads: usize,
    writes: Vec<WriteEntry<'a>>,
    streams: BTreeMap<&'a str, FileEntry>,
    counters: BTreeMap<&'a str, u64>,
}

#[derive(Serialize)]
struct WriteEntry<'a> {
    register: &'a str,
    offset: u32,
    value: u32,
}

#[derive(Serialize)]
struct FileEntry {
    file: String,
    beats: usize,
    packets: usize,
}

fn register_entry(register: &Register) -> (&str, RegisterEntry<'_>) {
    let fields = register.fields.iter().map(|field| {
        let (low, width) = (field.low, field.width);
        (field.name.as_str(), FieldEntry { low, width })
    });
    let entry = RegisterEntry {
        offset: register.offset,
        reset: register.reset(),
        constant: register.fields.iter().all(|f| f.access == Access::Constant),
        writable: register.writable(),
        fields: fields.collect(),
    };
    (register.name.as_str(), entry)
}

fn setting_entry<'a>(setting: &'a Setting, streams: &'a [Stream]) -> SettingEntry<'a> {
    let file = |stream: &'a Stream| {
        let beats = setting.beats(stream);
        let entry = FileEntry {
            file: setting.file(stream),
            beats: beats.len(),
            packets: beats.last.iter().filter(|last| **last).count(),
        };
        (stream.name, entry)
    };
    let writes = setting.writes.iter().map(|write| WriteEntry {
        register: &write.name,
        offset: write.offset,
        value: write.value,
    });
    let counters = &setting.counters;
    SettingEntry {
        name: setting.name,
        doc: setting.doc,
        heads: setting.heads,
        writes: writes.collect(),
        streams: streams.iter().map(file).collect(),
        counters: BTreeMap::from([
            ("COUNT_ROWS", counters.rows),
            ("COUNT_KEYS", counters.keys),
            ("COUNT_SURVIVORS", counters.survivors),
            ("COUNT_VALUE_READS", counters.value_reads),
        ]),
    }
}

/// The text of `vectors/manifest.json`.
pub(super) fn manifest(
    contents: &Contents,
    streams: &[Stream],
    settings: &[Setting],
) -> Result<String, PackagingError> {
    let stream = |stream: &Stream| StreamEntry {
        name: stream.name,
        output: stream.output,
        bits: stream.bits,
    };
    let registers = contents.map.registers.iter();
    let manifest = Manifest {
        format: 1,
        configuration: &contents.configuration.name,
        top: &contents.export.top,
        registers: registers.map(register_entry).collect(),
        streams: streams.iter().map(stream).collect(),
        settings: settings
            .iter()
            .map(|setting| setting_entry(setting, streams))
            .collect(),
    };
    let mut text = serde_json::to_string_pretty(&manifest)?;
    text.push('\n');
    Ok(text)
}
