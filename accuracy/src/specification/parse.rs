//! The grammar of specifications.

use super::golden::GoldenOptions;
use crate::quantizers::{BITS, Quantizer};
use crate::{Error, Result};

/// Bits of a quantizer whose specification has none: the paper's.
const DEFAULT_BITS: u32 = 3;

/// What computes the attention.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Method {
    /// In single precision.
    Float,
    /// Queries, keys and values in int8.
    Int8,
    /// Probabilities below the threshold become 0.
    Prune { threshold: f32, renormalize: bool },
    /// One of the published quantizers.
    Quantizer {
        quantizer: Quantizer,
        bits: u32,
        clamp: bool,
        renormalize: bool,
    },
    /// The golden model.
    Golden(GoldenOptions),
}

/// A specification's text in parts.
pub(super) struct Parts<'a> {
    text: &'a str,
    /// What is before the first colon.
    name: &'a str,
    /// What is between the first colon and the first comma.
    argument: Option<&'a str>,
    /// What is between commas.
    options: Vec<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let mut options = text.split(',').map(str::trim);
        let first = options.next().unwrap_or_default();
        let (name, argument) = match first.split_once(':') {
            Some((name, argument)) => (name.trim(), Some(argument.trim())),
            None => (first, None),
        };
        Parts {
            text,
            name,
            argument,
            options: options.collect(),
        }
    }

    /// The error for a part.
    pub fn wrong(&self, field: &str, found: &str, legal: impl Into<String>) -> Error {
        Error::Specification {
            text: self.text.into(),
            field: field.into(),
            found: found.into(),
            legal: legal.into(),
        }
    }

    /// The options as names and values; each at most once.
    pub fn named_options(&self) -> Result<Vec<(&'a str, Option<&'a str>)>> {
        let mut options: Vec<(&str, Option<&str>)> = Vec::new();
        for option in &self.options {
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (*option, None),
            };
            if options.iter().any(|(known, _)| *known == name) {
                return Err(self.wrong("option", option, format!("`{name}` once")));
            }
            options.push((name, value));
        }
        Ok(options)
    }

    /// An option's value, which must be there.
    pub fn value(&self, (name, value): (&str, Option<&'a str>)) -> Result<&'a str> {
        match value {
            Some(value) if !value.is_empty() => Ok(value),
            _ => Err(self.wrong("option", name, format!("`{name}=` and a value"))),
        }
    }
}

impl Method {
    /// Reads a specification.
    ///
    /// # Errors
    /// [`Error::Specification`] for the first part that is not legal.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = Parts::of(text);
        if let Some(quantizer) = Quantizer::named(parts.name) {
            // The first option may follow a colon: `log-nearest:bits=4`.
            if let Some(argument) = parts.argument {
                parts.options.insert(0, argument);
            }
            return quantizer_method(&parts, quantizer);
        }
        match (parts.name, parts.argument) {
            ("float", None) => alone(&parts, Method::Float),
            ("int8", None) => alone(&parts, Method::Int8),
            ("prune", Some(threshold)) => prune(&parts, threshold),
            ("prune", None) => Err(parts.wrong("threshold", "", THRESHOLD)),
            ("golden", Some(name)) => Ok(Method::Golden(GoldenOptions::parse(&parts, name)?)),
            ("golden", None) => Err(parts.wrong("configuration", "", GoldenOptions::legal_names())),
            (name @ ("float" | "int8"), Some(argument)) => {
                Err(parts.wrong("argument", argument, format!("none: `{name}`")))
            }
            (name, _) => {
                let quantizers = Quantizer::ALL.map(Quantizer::name).join(", ");
                let legal = format!(
                    "float, int8, prune:THRESHOLD, golden:CONFIGURATION, paper, {quantizers}"
                );
                Err(parts.wrong("attention", name, legal))
            }
        }
    }
}

/// Legal thresholds.
pub const THRESHOLD: &str = "a number above 0, at most 1, such as 0.001, 1e-3 or 2^-8";

/// A method without options.
fn alone(parts: &Parts, method: Method) -> Result<Method> {
    match parts.options.first() {
        None => Ok(method),
        Some(option) => Err(parts.wrong("option", option, "none")),
    }
}

/// Reads a threshold as `prune:` has it: `0.001`, `1e-3`, `2^-8`. `None` if it is none.
pub fn threshold(text: &str) -> Option<f64> {
    let number: Option<f64> = match text.split_once('^') {
        None => text.parse().ok(),
        Some((base, exponent)) => {
            let numbers = base.parse::<f64>().ok().zip(exponent.parse::<f64>().ok());
            numbers.map(|(base, exponent)| base.powf(exponent))
        }
    };
    number.filter(|number| *number > 0.0 && *number <= 1.0 && *number as f32 > 0.0)
}

fn prune(parts: &Parts, text: &str) -> Result<Method> {
    let Some(number) = threshold(text) else {
        return Err(parts.wrong("threshold", text, THRESHOLD));
    };
    let mut renormalize = false;
    for (name, value) in parts.named_options()? {
        match (name, value) {
            ("renormalize", None) => renormalize = true,
            _ => return Err(parts.wrong("option", name, "renormalize")),
        }
    }
    Ok(Method::Prune {
        threshold: number as f32,
        renormalize,
    })
}

fn quantizer_method(parts: &Parts, quantizer: Quantizer) -> Result<Method> {
    let (mut bits, mut clamp, mut renormalize) = (DEFAULT_BITS, false, false);
    for (name, value) in parts.named_options()? {
        match (name, value) {
            ("bits", Some(value)) if quantizer.has_bits() => {
                let number = value.parse().ok().filter(|bits| BITS.contains(bits));
                let legal = format!("{} to {}", BITS.start(), BITS.end());
                bits = number.ok_or_else(|| parts.wrong("bits", value, legal))?;
            }
            ("renormalize", None) => renormalize = true,
            ("clamp", None) if quantizer.overshoots() => clamp = true,
            _ => {
                let bits = if quantizer.has_bits() { "bits=K, " } else { "" };
                let clamp = if quantizer.overshoots() {
                    ", clamp"
                } else {
                    ""
                };
                let legal = format!("{bits}renormalize{clamp}");
                return Err(parts.wrong("option", name, legal));
            }
        }
    }
    Ok(Method::Quantizer {
        quantizer,
        bits,
        clamp,
        renormalize,
    })
}
