//! Changes of a configuration's text, and what is said of wrong ones.

use logattn_golden::Configuration;

/// The text with a field's line replaced, or added.
pub fn with(text: &str, line: &str) -> String {
    let field = line.split('=').next().unwrap_or_default();
    let mut kept: Vec<&str> = text.lines().filter(|old| !old.starts_with(field)).collect();
    kept.push(line);
    kept.join("\n")
}

pub fn without(text: &str, field: &str) -> String {
    let kept = text.lines().filter(|line| !line.starts_with(field));
    kept.collect::<Vec<_>>().join("\n")
}

pub fn refusal(text: &str) -> String {
    match Configuration::from_toml(text, "unit.toml") {
        Err(error) => error.to_string(),
        Ok(configuration) => panic!("accepted {configuration:?}"),
    }
}
