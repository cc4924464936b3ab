//! Progress on standard error, where it is a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// A bar over `steps` steps.
pub fn bar(steps: usize, what: &'static str) -> ProgressBar {
    // The fallback is only for a template that does not parse.
    let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(steps as u64).with_style(style.progress_chars("=> "));
    bar.with_message(what)
}

/// A spinner for work of unknown length.
pub fn spinner(what: &'static str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(what);
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}
