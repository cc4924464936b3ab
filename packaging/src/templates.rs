//! Texts from templates.

use crate::PackagingError;
use minijinja::{Environment, UndefinedBehavior, Value};

/// A template with its values in place; a value that is not there is an error.
///
/// # Errors
/// The template is not well formed, or names a value that is not there: a defect of the generator.
pub fn render(template: &str, values: &Value) -> Result<String, PackagingError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // The last line end is dropped.
    Ok(environment.render_str(template, values)? + "\n")
}
