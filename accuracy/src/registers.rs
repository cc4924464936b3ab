//! Registers of a unit, layer by layer or head by head.
//!
//! Thresholds, shifts and levels are set at run time, so each head may have its own. A file of
//! registers is TOML: the configuration, and a table of registers for each layer or head.
//!
//! ```toml
//! configuration = "edge.toml"  # beside this file; or a name that is built in, such as "edge"
//!
//! [[registers]]
//! layer = 0
//! head = 3                     # absent: all heads of the layer
//! thresholds = [305, 725, 1449, 2897, 5793, 11586, 23171]
//! shifts = [7, 6, 5, 4, 3, 2, 1]
//! ```
//!
//! Every field means what it means in a configuration: `thresholds` of probabilities or
//! `score_thresholds`, and `shifts` or `levels`. A list that is absent is that of the
//! configuration.

use crate::{Error, ModelShape, Result};
use logattn_golden::{Configuration, ConfigurationError};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Registers of one head, or of all heads of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadRegisters {
    /// The layer, from 0.
    pub layer: usize,
    /// The query head in its layer, from 0; absent: all heads of the layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<usize>,
    /// As [`Configuration::thresholds`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<u32>,
    /// As [`Configuration::score_thresholds`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub score_thresholds: Vec<i32>,
    /// As [`Configuration::shifts`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shifts: Vec<u32>,
    /// As [`Configuration::levels`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<u32>,
}

/// A file of registers as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    configuration: String,
    registers: Vec<HeadRegisters>,
}

/// A configuration with registers of its own for each layer or head; every entry is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers {
    /// What errors call it.
    file: PathBuf,
    /// How the file names the configuration.
    reference: String,
    configuration: Configuration,
    entries: Vec<HeadRegisters>,
}

/// Whether text names a file rather than a configuration that is built in.
pub(crate) fn is_file(name: &str) -> bool {
    name.contains('/') || name.ends_with(".toml")
}

/// Reads the configuration of a name that is built in, or of a file (text with `/` or `.toml`).
///
/// # Errors
/// [`Error::Read`], [`Error::Configuration`].
pub fn read_configuration(name: &str) -> Result<Configuration> {
    if is_file(name) {
        return read_configuration_file(Path::new(name));
    }
    Ok(Configuration::named(name)?)
}

fn read_configuration_file(file: &Path) -> Result<Configuration> {
    let text = read_text(file)?;
    let name = file.display().to_string();
    Ok(Configuration::from_toml(&text, &name)?)
}

fn read_text(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|source| Error::Read {
        file: file.into(),
        source,
    })
}

impl Registers {
    /// Registers of a configuration.
    ///
    /// # Arguments
    /// - `file`: where they are, or will be; errors name it.
    /// - `reference`: how the file names the configuration: a file, relative to it, or a name that
    ///   is built in.
    /// - `configuration`: the configuration itself.
    /// - `entries`: the registers.
    ///
    /// # Errors
    /// [`Error::Registers`]: an entry is not valid, or there is none.
    pub fn new(
        file: &Path,
        reference: &str,
        configuration: Configuration,
        entries: Vec<HeadRegisters>,
    ) -> Result<Self> {
        let registers = Registers {
            file: file.into(),
            reference: reference.into(),
            configuration,
            entries,
        };
        if registers.entries.is_empty() {
            return Err(registers.wrong(0, "registers", "absent", "at least one table"));
        }
        for number in 0..registers.entries.len() {
            registers.entry(number)?;
        }
        Ok(registers)
    }

    /// Reads a file of registers and the configuration that it names.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Parse`]; [`Error::Configuration`] for the configuration;
    /// [`Error::Registers`] for an entry.
    pub fn load(file: &Path) -> Result<Self> {
        let text: Text = toml::from_str(&read_text(file)?).map_err(|error| Error::Parse {
            file: file.into(),
            what: "file of registers",
            reason: error.to_string(),
        })?;
        let reference = text.configuration;
        let configuration = match is_file(&reference) {
            true => read_configuration_file(&file.with_file_name(&reference))?,
            false => Configuration::named(&reference)?,
        };
        Self::new(file, &reference, configuration, text.registers)
    }

    /// Writes the file of registers; the configuration is not written. The file is complete or,
    /// after an error, as it was.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self) -> Result<()> {
        let failed = |source| Error::Write {
            file: self.file.clone(),
            source,
        };
        let text = Text {
            configuration: self.reference.clone(),
            registers: self.entries.clone(),
        };
        let text = toml::to_string(&text).map_err(|error| failed(std::io::Error::other(error)))?;
        let folder = match self.file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        // As any other file that is written, not for its owner alone.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut pending = builder.tempfile_in(folder).map_err(failed)?;
        pending.write_all(text.as_bytes()).map_err(failed)?;
        let persisted = pending.persist(&self.file);
        persisted.map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// The file, as it was loaded from or will be saved to.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The configuration that the registers belong to.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// All entries, in the file's order.
    pub fn entries(&self) -> &[HeadRegisters] {
        &self.entries
    }

    /// The same registers of another configuration.
    ///
    /// # Errors
    /// [`Error::Registers`]: an entry is not valid there.
    pub fn with_configuration(self, configuration: Configuration) -> Result<Self> {
        Self::new(&self.file, &self.reference, configuration, self.entries)
    }

    /// The configuration with the registers of a head.
    ///
    /// # Errors
    /// [`Error::RegistersOf`]: there is not exactly one entry for the head.
    pub fn for_head(&self, layer: usize, head: usize) -> Result<Configuration> {
        self.entry(self.number_of(layer, head)?)
    }

    /// The configuration of each entry, and the entry of each head of a model, layer by layer.
    ///
    /// # Errors
    /// [`Error::Registers`]: an entry for a layer or head that the model does not have.
    /// [`Error::RegistersOf`]: a head that does not have exactly one entry.
    pub fn of_model(&self, shape: &ModelShape) -> Result<(Vec<Configuration>, Vec<usize>)> {
        for (number, entry) in self.entries.iter().enumerate() {
            let below = |most: usize| format!("0 to {} in this model", most.saturating_sub(1));
            if entry.layer >= shape.layers {
                let legal = below(shape.layers);
                return Err(self.wrong(number, "layer", entry.layer, legal));
            }
            if let Some(head) = entry.head.filter(|head| *head >= shape.heads) {
                return Err(self.wrong(number, "head", head, below(shape.heads)));
            }
        }
        let heads = (0..shape.layers).flat_map(|l| (0..shape.heads).map(move |h| (l, h)));
        let numbers = heads.map(|(layer, head)| self.number_of(layer, head));
        let numbers = numbers.collect::<Result<_>>()?;
        let configurations = (0..self.entries.len()).map(|number| self.entry(number));
        Ok((configurations.collect::<Result<_>>()?, numbers))
    }

    /// The entry of a head.
    fn number_of(&self, layer: usize, head: usize) -> Result<usize> {
        let is_for = |entry: &HeadRegisters| {
            entry.layer == layer && entry.head.is_none_or(|own| own == head)
        };
        let mut numbers = (0..self.entries.len()).filter(|n| is_for(&self.entries[*n]));
        match (numbers.next(), numbers.count()) {
            (Some(number), 0) => Ok(number),
            (first, others) => Err(Error::RegistersOf {
                file: self.file.clone(),
                layer,
                head,
                found: usize::from(first.is_some()) + others,
            }),
        }
    }

    /// The configuration of an entry, valid.
    fn entry(&self, number: usize) -> Result<Configuration> {
        let entry = &self.entries[number];
        let mut c = self.configuration.clone();
        fn replace<T: Clone>(field: &mut Vec<T>, registers: &[T]) {
            if !registers.is_empty() {
                *field = registers.to_vec();
            }
        }
        replace(&mut c.thresholds, &entry.thresholds);
        replace(&mut c.score_thresholds, &entry.score_thresholds);
        replace(&mut c.shifts, &entry.shifts);
        replace(&mut c.levels, &entry.levels);
        match c.validate() {
            Ok(()) => Ok(c),
            Err(ConfigurationError::Invalid {
                field,
                value,
                legal,
                ..
            }) => Err(self.wrong(number, &field, value, legal)),
            Err(error) => Err(error.into()),
        }
    }

    fn wrong(
        &self,
        entry: usize,
        field: &str,
        found: impl ToString,
        legal: impl Into<String>,
    ) -> Error {
        Error::Registers {
            file: self.file.clone(),
            entry,
            field: field.into(),
            found: found.to_string(),
            legal: legal.into(),
        }
    }
}
