//! Grid files: which fields vary over which values.

use super::SweepError;
use super::fields::{self, ABSENT};
use crate::Phase;
use logattn_golden::Configuration;
use logattn_sim::memory::DramOptions;
use serde::Deserialize;
use serde_json::Map;
use std::ops::Range;
use toml::Value;

/// Most points of a grid.
pub const MOST_POINTS: usize = 1_000_000;

/// Name of the axis over configurations.
pub const CONFIG: &str = "config";

/// A grid file.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// The file, for messages.
    pub origin: String,
    /// Configurations that the fields are changed in, names or files; more than one are an axis of
    /// their own, the slowest.
    pub configs: Vec<String>,
    /// Capture or static mask, as on the command line.
    pub input: String,
    /// How the model is run.
    pub phase: Phase,
    /// First row to decode.
    pub decode_from: usize,
    /// Layers to study; all if absent.
    pub layers: Option<Range<usize>>,
    /// The external memory.
    pub dram: DramOptions,
    /// Energy tables, names or files; empty for all that are embedded.
    pub energy: Vec<String>,
    /// The fields that vary, in the file's order; the last one varies fastest.
    pub axes: Vec<Axis>,
}

/// One field of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Field of the configuration, or [`CONFIG`].
    pub field: String,
    /// Its values, at least one, all different.
    pub values: Vec<Value>,
}

/// The file as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    config: OneOrMore,
    input: String,
    #[serde(default)]
    phase: Phase,
    #[serde(default)]
    decode_from: usize,
    layers: Option<[usize; 2]>,
    #[serde(default)]
    energy: Vec<String>,
    #[serde(default)]
    dram: Dram,
    #[serde(default)]
    grid: toml::Table,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "config: a name or a file, or an array of them")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// [`DramOptions`], each with its default.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dram {
    burst_bytes: Option<u32>,
    page_bytes: Option<u32>,
    banks: Option<u32>,
    bytes_per_cycle: Option<f64>,
}

impl Grid {
    /// Reads and checks a grid file: `config`, `input`, optionally `phase`, `decode_from`, `layers`
    /// (first and end), `energy` and `[dram]`, and `[grid]` with an array of values for each field
    /// of the configuration that varies (`"absent"` for a field that is not there).
    ///
    /// # Arguments
    /// - `origin`: the file, for messages.
    ///
    /// # Errors
    /// No TOML, unknown fields, an empty grid or array, values of the wrong type or more than once,
    /// more than [`MOST_POINTS`] points, options of the memory out of range.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, SweepError> {
        let file: File = toml::from_str(text).map_err(|error| toml_error(origin, text, &error))?;
        let configs = match file.config {
            OneOrMore::One(config) => vec![config],
            OneOrMore::More(configs) => configs,
        };
        let mut axes = Vec::new();
        if configs.len() != 1 {
            axes.push(Axis {
                field: CONFIG.to_string(),
                values: configs.iter().cloned().map(Value::String).collect(),
            });
        }
        for (field, values) in &file.grid {
            axes.push(axis(origin, field, values)?);
        }
        if axes.is_empty() {
            let origin = origin.to_string();
            return Err(SweepError::EmptyGrid { origin });
        }
        let grid = Grid {
            origin: origin.to_string(),
            configs,
            input: file.input,
            phase: file.phase,
            decode_from: file.decode_from,
            layers: file.layers.map(|[first, end]| first..end),
            dram: dram(origin, &file.dram)?,
            energy: file.energy,
            axes,
        };
        grid.check_axes()?;
        Ok(grid)
    }

    /// That no axis is empty or has a value twice, and that there are not too many points.
    fn check_axes(&self) -> Result<(), SweepError> {
        let refused = |axis: &Axis, value: String, legal: &str| SweepError::Value {
            origin: self.origin.clone(),
            field: axis.path(),
            value,
            legal: legal.to_string(),
        };
        for axis in &self.axes {
            if axis.values.is_empty() {
                return Err(refused(axis, "[]".to_string(), "at least one value"));
            }
            let twice = axis.values.iter().enumerate();
            let twice = twice
                .into_iter()
                .find(|(i, value)| axis.values[..*i].contains(value));
            if let Some((_, value)) = twice {
                let value = format!("[.., {value}, ..]");
                return Err(refused(axis, value, "every value once"));
            }
        }
        let product = self.axes.iter().map(|axis| axis.values.len() as f64);
        let points: f64 = product.product();
        if points > MOST_POINTS as f64 {
            return Err(SweepError::TooManyPoints {
                origin: self.origin.clone(),
                points: format!("{points}"),
                legal: MOST_POINTS,
            });
        }
        Ok(())
    }

    /// Number of points: the product of the axes' values.
    pub fn points(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// The value of each axis at a point, counted from 0 with the last axis fastest.
    pub fn values(&self, point: usize) -> Vec<&Value> {
        let mut rest = point;
        let mut values: Vec<&Value> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let value = &axis.values[rest % axis.values.len()];
                rest /= axis.values.len();
                value
            })
            .collect();
        values.reverse();
        values
    }

    /// The same, by field, as JSON.
    pub fn fields(&self, point: usize) -> Map<String, serde_json::Value> {
        let names = self.axes.iter().map(|axis| axis.field.clone());
        let values = self.values(point).into_iter().map(json);
        names.zip(values).collect()
    }

    /// The configuration of a point.
    ///
    /// # Arguments
    /// - `bases`: the configurations that [`Grid::configs`] names, in that order.
    ///
    /// # Errors
    /// What the configuration's own checks say.
    pub fn configuration(
        &self,
        bases: &[Configuration],
        point: usize,
    ) -> Result<Configuration, String> {
        let values = self.values(point);
        let base = match self.axes.first() {
            Some(axis) if axis.field == CONFIG => {
                let at = axis.values.iter().position(|value| value == values[0]);
                at.and_then(|at| bases.get(at))
            }
            _ => bases.first(),
        };
        let base = base.ok_or("no such configuration")?;
        let text = base.to_toml().map_err(|error| error.to_string())?;
        let mut table: toml::Table = text.parse().map_err(|error| format!("{error}"))?;
        for (axis, value) in self.axes.iter().zip(values) {
            if axis.field == CONFIG {
                continue;
            }
            if value.as_str() == Some(ABSENT) {
                table.remove(&axis.field);
            } else {
                table.insert(axis.field.clone(), value.clone());
            }
        }
        Configuration::from_toml(&table.to_string(), &base.name).map_err(|error| one_line(&error))
    }
}

impl Axis {
    /// The field as it stands in the file.
    fn path(&self) -> String {
        match self.field.as_str() {
            CONFIG => CONFIG.to_string(),
            field => format!("grid.{field}"),
        }
    }
}

/// A value of the grid as JSON.
fn json(value: &Value) -> serde_json::Value {
    // Integers, words and arrays of integers have a form in JSON.
    serde_json::to_value(value).unwrap_or_default()
}

/// One entry of `[grid]`.
fn axis(origin: &str, field: &str, values: &Value) -> Result<Axis, SweepError> {
    let Some((kind, optional)) = fields::field(field) else {
        return Err(SweepError::UnknownField {
            origin: origin.to_string(),
            field: field.to_string(),
            legal: fields::names(),
        });
    };
    let refused = |value: &Value, legal: String| SweepError::Value {
        origin: origin.to_string(),
        field: format!("grid.{field}"),
        value: value.to_string(),
        legal,
    };
    let Some(array) = values.as_array() else {
        let legal = format!("an array of {}", fields::legal(kind, optional));
        return Err(refused(values, legal));
    };
    let wrong = array
        .iter()
        .find(|value| !(kind.holds(value) || optional && value.as_str() == Some(ABSENT)));
    match wrong {
        Some(value) => Err(refused(value, fields::legal(kind, optional))),
        None => Ok(Axis {
            field: field.to_string(),
            values: array.clone(),
        }),
    }
}

fn dram(origin: &str, given: &Dram) -> Result<DramOptions, SweepError> {
    let default = DramOptions::default();
    let options = DramOptions {
        burst_bytes: given.burst_bytes.unwrap_or(default.burst_bytes),
        page_bytes: given.page_bytes.unwrap_or(default.page_bytes),
        banks: given.banks.unwrap_or(default.banks),
        bytes_per_cycle: given.bytes_per_cycle.unwrap_or(default.bytes_per_cycle),
    };
    let refused = |error| SweepError::Toml {
        origin: origin.to_string(),
        message: format!("dram.{error}"),
    };
    options.validate().map_err(refused)?;
    Ok(options)
}

/// The TOML reader's message on one line, with the line of the fault.
fn toml_error(origin: &str, text: &str, error: &toml::de::Error) -> SweepError {
    let message = error.message().trim_end().replace('\n', "; ");
    let span = error.span().filter(|span| span.end > 0);
    let origin = match span {
        None => origin.to_string(),
        Some(span) => {
            let before = text.get(..span.start).unwrap_or_default();
            let line = before.matches('\n').count();
            let fault = text.lines().nth(line).unwrap_or_default().trim();
            format!("{origin}, line {}, `{fault}`", line + 1)
        }
    };
    SweepError::Toml { origin, message }
}

/// An error's text without line breaks.
fn one_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let lines: Vec<&str> = text.split('\n').map(str::trim).collect();
    lines.join(" ").trim().to_string()
}
