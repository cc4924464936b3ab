//! `logattn profile`: a study as one report with plots.

use super::Verdict;
use crate::configuration::ConfigurationArgument;
use crate::console::Console;
use crate::error::Error;
use crate::files::PendingDirectory;
use crate::study::{self, StudyArguments};
use clap::Args;
use logattn_studies::Source;
use logattn_studies::profile::Page;
use logattn_studies::study::{csv, document};
use std::path::PathBuf;

const HELP: &str = "Examples:
  logattn profile --config edge --input demo --out out/profile
  logattn profile --config base --input smollm2.safetensors --phase decode --out out/decode

Studies as `logattn simulate` does, of which the input, the phases and all options are, and writes
into DIR, complete or not at all:
  profile.html  everything on one page that needs no other file, for light and dark screens
  profile.md    the same as Markdown, with its plots in *.svg beside it
  profile.json  every figure, with the meaning and the unit of each field
  profile.csv   costs of everything, of each layer and of each key and value head";

/// Arguments of `logattn profile`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// Capture, a safetensors file, or `demo` for the embedded one; or a static mask, a .npy file
    #[arg(long, value_name = "FILE")]
    input: String,
    /// Directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write even if DIR holds files of others; they stay
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    study: StudyArguments,
}

/// Studies and writes the report.
///
/// # Errors
/// As `logattn simulate`; a directory that cannot be written or holds files of others.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    let configuration = arguments.configuration.load()?;
    let options = arguments.study.options()?;
    let source = Source::load(&arguments.input)?;
    let directory = PendingDirectory::new(&arguments.out, arguments.force)?;
    let study = study::run(&configuration, &source, &options)?;
    let page = Page::of(&study, &command(std::env::args().skip(1)))?;
    for plot in page.plots() {
        directory.write(&plot.file(), plot.svg.as_bytes())?;
    }
    directory.write("profile.md", page.markdown().as_bytes())?;
    directory.write("profile.html", page.html().as_bytes())?;
    let json = format!("{:#}\n", document(&study));
    directory.write("profile.json", json.as_bytes())?;
    directory.write("profile.csv", csv(&study)?.as_bytes())?;
    directory.finish()?;
    for line in page.summary() {
        console.line(line)?;
    }
    let at = arguments.out.join("profile.html");
    console.line(format!("\nwritten: {}", at.display()))?;
    Ok(Verdict::Success)
}

/// The command for a shell, whatever path the program was called by.
fn command(arguments: impl Iterator<Item = String>) -> String {
    let quoted = arguments.map(|argument| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
        if !argument.is_empty() && argument.chars().all(plain) {
            argument
        } else {
            format!("'{}'", argument.replace('\'', r"'\''"))
        }
    });
    let words: Vec<String> = std::iter::once("logattn".to_string())
        .chain(quoted)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_given_to_a_shell_again() {
        let given = [
            "profile",
            "--input",
            "my file.safetensors",
            "it's",
            "",
            "a/b-c_1.npy",
        ];
        let expected = r"logattn profile --input 'my file.safetensors' 'it'\''s' '' a/b-c_1.npy";
        assert_eq!(command(given.map(String::from).into_iter()), expected);
    }
}
