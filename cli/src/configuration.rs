//! `--config`: a name or a file.

use crate::error::Error;
use clap::Args;
use logattn_golden::{
    Configuration, ConfigurationError, NAMES, SORTED_NAMES, TWIN_NAMES, VARIANT_NAMES,
};
use std::fs;
use std::path::Path;

/// The configuration that a command works on.
#[derive(Args)]
pub struct ConfigurationArgument {
    /// A named configuration (see `logattn configs`) or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub config: String,
}

impl ConfigurationArgument {
    /// The configuration.
    ///
    /// # Errors
    /// As [`load`].
    pub fn load(&self) -> Result<Configuration, Error> {
        load(&self.config)
    }
}

/// Names of all embedded configurations.
pub fn known_names() -> impl Iterator<Item = &'static str> {
    let others = VARIANT_NAMES.iter().chain(&TWIN_NAMES).chain(&SORTED_NAMES);
    NAMES.iter().chain(others).copied()
}

/// The configuration that `given` names: one of the known names, else a TOML file.
///
/// # Errors
/// An unknown name, a file that cannot be read or does not hold a valid configuration.
pub fn load(given: &str) -> Result<Configuration, Error> {
    let path = Path::new(given);
    let known = known_names().any(|name| name == given);
    let names_a_file = given.contains('/') || given.ends_with(".toml") || path.exists();
    if known || !names_a_file {
        return Ok(Configuration::named(given)?);
    }
    let text = fs::read_to_string(path).map_err(Error::read(path))?;
    Configuration::from_toml(&text, given).map_err(|error| on_one_line(error, &text))
}

/// The TOML reader's messages draw the offending line; one line with its number says as much.
fn on_one_line(error: ConfigurationError, text: &str) -> Error {
    let ConfigurationError::Parse { origin, error } = error else {
        return error.into();
    };
    let message = error.message().trim_end().replace('\n', "; ");
    // A field that is missing from the whole text has no line.
    let span = error.span().filter(|span| span.end > 0);
    let place = match span {
        None => origin,
        Some(span) => {
            let line = text
                .get(..span.start)
                .unwrap_or_default()
                .matches('\n')
                .count();
            let fault = text.lines().nth(line).unwrap_or_default().trim();
            format!("{origin}, line {}, `{fault}`", line + 1)
        }
    };
    Error::Toml { place, message }
}
