//! The configuration of a specification `golden:CONFIGURATION,...`, fitted to a model.

use super::ModelShape;
use super::parse::Parts;
use crate::attention::{GoldenAttention, UnitSettings};
use crate::registers::{Registers, is_file, read_configuration};
use crate::{Error, Result};
use logattn_golden::scores::score_thresholds;
use logattn_golden::{
    AttentionError, Configuration, ConfigurationError, Input, NAMES, SORTED_NAMES, TWIN_NAMES,
    Thresholds, VARIANT_NAMES,
};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Names of files that have registers rather than a configuration end in this.
const REGISTERS: &str = ".registers.toml";

/// Fields that registers give.
const REGISTER_FIELDS: [&str; 4] = ["thresholds", "score_thresholds", "shifts", "levels"];

/// Fields whose values follow from the model.
const FITTED_FIELDS: [&str; 3] = ["name", "head_dimension", "input"];

/// What comes after `golden:`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GoldenOptions {
    /// Name or file of a configuration, or file of registers.
    configuration: String,
    input: Option<Input>,
    /// Fields in the order of the text.
    fields: Vec<(String, Value)>,
    lowest: Option<f64>,
    registers: Option<PathBuf>,
}

impl GoldenOptions {
    /// The names and files that may follow `golden:`.
    pub fn legal_names() -> String {
        let names = [
            &NAMES[..],
            &TWIN_NAMES[..],
            &VARIANT_NAMES[..],
            &SORTED_NAMES[..],
        ]
        .concat();
        format!("{}, or a TOML file (with `/` or `.toml`)", names.join(", "))
    }

    /// Reads configuration and options; files are not read.
    ///
    /// # Errors
    /// [`Error::Specification`] for the first part that is not legal.
    pub fn parse(parts: &Parts, configuration: &str) -> Result<Self> {
        if !is_file(configuration) && Configuration::named(configuration).is_err() {
            return Err(parts.wrong("configuration", configuration, Self::legal_names()));
        }
        let mut options = GoldenOptions {
            configuration: configuration.into(),
            input: None,
            fields: Vec::new(),
            lowest: None,
            registers: None,
        };
        for (name, value) in parts.named_options()? {
            let value = parts.value((name, value))?;
            options.set(parts, name, value)?;
        }
        options.check_together(parts)?;
        Ok(options)
    }

    fn set(&mut self, parts: &Parts, name: &str, value: &str) -> Result<()> {
        match name {
            "input" => {
                let legal = "scores, qkv or probabilities";
                self.input = Some(match value {
                    "scores" => Input::Scores,
                    "qkv" => Input::Qkv,
                    "probabilities" => Input::Probabilities,
                    _ => return Err(parts.wrong("input", value, legal)),
                });
            }
            "lowest" => {
                let number = value.parse().ok().filter(|x: &f64| x.is_finite());
                let legal = "a number of octaves below 1, such as 7.75";
                self.lowest = Some(number.ok_or_else(|| parts.wrong(name, value, legal))?);
            }
            "registers" => self.registers = Some(value.into()),
            _ => {
                let parsed = toml_value(value);
                let legal = "a TOML value; lists as 7/6/5/4/3/2/1";
                let parsed = parsed.ok_or_else(|| parts.wrong(name, value, legal))?;
                self.fields.push((name.into(), parsed));
            }
        }
        Ok(())
    }

    /// Refuses options of which one would undo the other.
    fn check_together(&self, parts: &Parts) -> Result<()> {
        if let Some((name, _)) = self
            .fields
            .iter()
            .find(|(name, _)| FITTED_FIELDS.contains(&name.as_str()))
        {
            let legal = "any other field of a configuration: this one is the model's";
            return Err(parts.wrong("field", name, legal));
        }
        let has_registers = self.registers.is_some() || self.configuration.ends_with(REGISTERS);
        let given = |name: &str| self.fields.iter().any(|(field, _)| field == name);
        if self.registers.is_some() && self.configuration.ends_with(REGISTERS) {
            return Err(parts.wrong("option", "registers", "one file of registers"));
        }
        let thresholds = given("thresholds") || given("score_thresholds");
        if self.lowest.is_some() && (thresholds || has_registers) {
            let legal = "either `lowest` or thresholds, which may be those of registers";
            return Err(parts.wrong("option", "lowest", legal));
        }
        match REGISTER_FIELDS.into_iter().find(|field| given(field)) {
            Some(field) if has_registers => {
                Err(parts.wrong("field", field, "absent: the registers have it"))
            }
            _ => Ok(()),
        }
    }

    /// The units for a model.
    ///
    /// # Errors
    /// A file cannot be read or is malformed; a configuration is not valid; registers do not have
    /// every head of the model once.
    pub fn prepare(&self, text: &str, shape: &ModelShape) -> Result<GoldenAttention> {
        let file = match &self.registers {
            None if self.configuration.ends_with(REGISTERS) => Some(Path::new(&self.configuration)),
            file => file.as_deref(),
        };
        let registers = file.map(Registers::load).transpose()?;
        let base = match &registers {
            Some(registers) if self.registers.is_none() => registers.configuration().clone(),
            _ => read_configuration(&self.configuration)?,
        };
        let base = self.fitted(text, base, shape)?;
        let (configurations, of_heads) = match registers {
            None => (vec![base], vec![0; shape.layers * shape.heads]),
            Some(registers) => registers.with_configuration(base)?.of_model(shape)?,
        };
        let units = configurations
            .iter()
            .map(UnitSettings::new)
            .collect::<std::result::Result<_, AttentionError>>()
            .map_err(|error| wrong(text, error))?;
        let name = text.to_owned();
        Ok(GoldenAttention::new(name, units, of_heads, shape.heads))
    }

    /// The configuration with the specification's fields and the model's sizes.
    fn fitted(&self, text: &str, base: Configuration, shape: &ModelShape) -> Result<Configuration> {
        let invalid = |error: ConfigurationError| wrong(text, error.into());
        let base = match self.input {
            Some(input) => base.with_input(input).map_err(invalid)?,
            None => base,
        };
        let base = fit(base, shape.head_dimension);
        let mut table: Table = base.to_toml().map_err(invalid)?.parse().unwrap_or_default();
        for (name, value) in &self.fields {
            table.insert(name.clone(), value.clone());
        }
        complete_normalize(&mut table);
        if let Some(lowest) = self.lowest {
            set_thresholds(&mut table, lowest, base.input).map_err(|error| wrong(text, error))?;
        }
        Configuration::from_toml(&table.to_string(), &base.name).map_err(invalid)
    }
}

/// The error for what the golden model refuses of a specification.
fn wrong(text: &str, error: AttentionError) -> Error {
    let (field, found, legal) = match error {
        AttentionError::Configuration(ConfigurationError::Invalid {
            field,
            value,
            legal,
            ..
        }) => (field, value, legal),
        AttentionError::Parameter { what, value, legal } => (what.into(), value, legal),
        AttentionError::Configuration(ConfigurationError::Parse { error, .. }) => {
            // The line in a file that nobody sees says nothing.
            let message = error.message().to_owned();
            ("field".into(), "malformed".into(), message)
        }
        error => ("configuration".into(), "unusable".into(), error.to_string()),
    };
    Error::Specification {
        text: text.into(),
        field,
        found,
        legal,
    }
}

/// A field's value: a number, a list of numbers, a flag, or a bare word.
fn toml_value(text: &str) -> Option<Value> {
    if text.contains('/') {
        let numbers = text.split('/').map(|n| n.trim().parse().ok());
        let numbers: Option<Vec<i64>> = numbers.collect();
        return Some(Value::Array(
            numbers?.into_iter().map(Value::Integer).collect(),
        ));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match format!("value = {text}").parse::<Table>() {
        Ok(mut table) => table.remove("value"),
        Err(_) if text.chars().all(word) => Some(Value::String(text.into())),
        Err(_) => None,
    }
}

/// A configuration for another head dimension: the same number of passes and output lanes where
/// they divide it, else fewer.
fn fit(c: Configuration, dimension: usize) -> Configuration {
    if c.head_dimension == dimension {
        return c;
    }
    let whole_bytes = |lanes: usize| (lanes * c.value_bits as usize).is_multiple_of(8);
    let passes = std::iter::successors(Some(c.passes()), |passes| Some(passes / 2))
        .take_while(|passes| *passes > 1)
        .find(|passes| dimension.is_multiple_of(*passes) && whole_bytes(dimension / passes))
        .unwrap_or(1);
    let lanes = dimension / passes;
    let divides = |output_lanes: &usize| lanes.is_multiple_of(*output_lanes);
    let output_lanes = (1..=c.output_lanes).rev().find(divides).unwrap_or(1);
    Configuration {
        head_dimension: dimension,
        lanes,
        output_lanes,
        ..c
    }
}

/// Adds or removes `output_bits` where another `normalize` needs it.
fn complete_normalize(table: &mut Table) {
    let none = table.get("normalize").and_then(Value::as_str) == Some("none");
    if none {
        table.remove("output_bits");
    } else if let (false, Some(bits)) = (table.contains_key("output_bits"), table.get("value_bits"))
    {
        let bits = bits.clone();
        table.insert("output_bits".into(), bits);
    }
}

/// Thresholds midway between the shifts, the lowest `lowest` octaves below 1.
fn set_thresholds(
    table: &mut Table,
    lowest: f64,
    input: Input,
) -> std::result::Result<(), AttentionError> {
    let number = |name: &str| table.get(name).and_then(Value::as_integer);
    let shifts = table.get("shifts").and_then(Value::as_array);
    let shifts = shifts.map(|all| all.iter().filter_map(Value::as_integer));
    let Some(shifts) = shifts else {
        return Err(AttentionError::Parameter {
            what: "lowest",
            value: lowest.to_string(),
            legal: "absent without accumulate = \"shift\" or \"sorted\"".into(),
        });
    };
    let shifts: Vec<u32> = shifts
        .map(|s| u32::try_from(s).unwrap_or(u32::MAX))
        .collect();
    let bits = |name: &str, default: i64| {
        u32::try_from(number(name).unwrap_or(default)).unwrap_or(u32::MAX)
    };
    let (field, thresholds): (_, Vec<i64>) = match input {
        Input::Probabilities => {
            let bits = bits("probability_bits", 16);
            let thresholds = Thresholds::powers_of_two(&shifts, lowest, bits)?;
            let thresholds = thresholds.into_vec().into_iter().map(i64::from);
            ("thresholds", thresholds.collect())
        }
        Input::Scores | Input::Qkv => {
            let thresholds = score_thresholds(&shifts, lowest, bits("fraction_bits", 4))?;
            let thresholds = thresholds.into_iter().map(i64::from);
            ("score_thresholds", thresholds.collect())
        }
    };
    let thresholds = thresholds.into_iter().map(Value::Integer).collect();
    table.insert(field.into(), Value::Array(thresholds));
    Ok(())
}
