//! `logattn cosim`: the Verilog against golden model and simulator.

use super::Verdict;
use crate::configuration::ConfigurationArgument;
use crate::console::Console;
use crate::cosimulation::{self, Case, Played, Unit, captured_case, random_case};
use crate::error::{self, Error};
use crate::files::PendingFile;
use crate::table::{Table, counters, grouped};
use clap::{Args, ValueEnum};
use logattn_captures::Capture;
use logattn_golden::Configuration;
use logattn_sim::Counters;
use logattn_studies::{DEMO, Input, load_capture};
use logattn_testbenches::Mismatch;
use logattn_testbenches::random::Rows;
use std::path::{Path, PathBuf};

const HELP: &str = "Examples:
  logattn cosim --config edge                                 heads of the embedded capture
  logattn cosim --config edge_qkv --heads 2 --rows 32         the same from Q, K and V
  logattn cosim --config base --random --stalls random --seed 7
  logattn cosim --config nano --input heads.safetensors --heads 1 --rows 8 --waves nano.vcd

Probabilities, scores or Q and K go in, as the configuration says; scores are those of queries whose
scale is a power of two, so that captures need q and k. Every output bit is compared with the golden
model, the cycle of every output beat and every counter with the simulator, and AXI4-Stream's rules
are checked. Exit status: 0 equal, 1 a difference (told with a command that replays it with waves),
2 bad input or a missing tool. Models are kept in LOGATTN_CACHE; LOGATTN_VERILATOR names the Verilator to use.";

/// Rows of a head of random ones, where `--rows` does not say.
const RANDOM_ROWS: usize = 64;

/// Arguments of `logattn cosim`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// Capture to play, a safetensors file or `demo`; the default where D and N fit is `demo`,
    /// else --random
    #[arg(long, value_name = "FILE", conflicts_with = "random")]
    input: Option<String>,
    /// Play random rows, of every kind or of one
    #[arg(long, value_name = "KIND", num_args = 0..=1, require_equals = true,
        default_missing_value = "all", value_parser = Kind::parse)]
    random: Option<Kind>,
    /// Heads to play one after the other, spread evenly over a capture
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    heads: u32,
    /// Rows of each head; default: all of a capture's, 64 random ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_535))]
    rows: Option<u32>,
    /// Whether the streams are held up from outside
    #[arg(long, value_enum, default_value_t = Stalls::None)]
    stalls: Stalls,
    /// Decides random rows, stalls and the registers' power-up values
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Write waves of all signals (VCD; slow)
    #[arg(long, value_name = "FILE.vcd")]
    waves: Option<PathBuf>,
}

/// Whether ports stall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stalls {
    /// Every stream moves whenever the unit lets it
    None,
    /// Every stream is held up in a third of the cycles, at random
    Random,
}

/// Kinds of random rows: all, or one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    All,
    Only(Rows),
}

impl Kind {
    /// The kind of this name, or a message that lists the names.
    fn parse(name: &str) -> Result<Self, String> {
        let named = Rows::ALL.iter().find(|kind| kind.name() == name);
        match (name, named) {
            ("all", _) => Ok(Kind::All),
            (_, Some(kind)) => Ok(Kind::Only(*kind)),
            (_, None) => Err(format!(
                "legal: all, {}",
                Rows::ALL.map(Rows::name).join(", ")
            )),
        }
    }

    fn rows(&self) -> &[Rows] {
        match self {
            Kind::All => &Rows::ALL,
            Kind::Only(kind) => std::slice::from_ref(kind),
        }
    }
}

/// What is played, with the option that says so.
struct Cases {
    /// For the replay, with the kind where it is one of several.
    options: Vec<String>,
    cases: Vec<Case>,
}

/// Plays everything until the first difference.
///
/// # Errors
/// Bad input, a missing or failing tool, waves that cannot be written.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    let configuration = arguments.configuration.load()?;
    if let Some(waves) = &arguments.waves {
        // Told before the unit is built rather than after; the file itself is Verilator's.
        PendingFile::new(waves)?;
    }
    let Cases { options, cases } = cases(arguments, &configuration)?;
    let mut unit = Unit::build(&configuration, arguments.waves.as_deref(), arguments.seed)?;
    console.line(format!(
        "configuration {} (sha256 {}), {}",
        configuration.name,
        configuration.sha256()?,
        unit.verilator
    ))?;
    let ports = cosimulation::ports((arguments.stalls == Stalls::Random).then_some(arguments.seed));
    let mut played = Vec::new();
    for (case, option) in cases.iter().zip(options) {
        match unit.play(case, &ports) {
            Ok(result) => played.push(result),
            Err(error @ (Mismatch::Simulation(_) | Mismatch::Device(_))) => {
                return Err(Error::Bench(error));
            }
            Err(mismatch) => {
                unit.close_waves();
                console.line(format!(
                    "MISMATCH in {}: {}",
                    case.name,
                    error::text(&mismatch)
                ))?;
                console.line(format!("seed {}; to see it in waves:", arguments.seed))?;
                console.line(format!("  {}", replay(arguments, &option)))?;
                return Ok(Verdict::Mismatch);
            }
        }
    }
    unit.close_waves();
    console.line(table(&cases, &played))?;
    print_totals(console, &played)?;
    Ok(Verdict::Success)
}

fn cases(arguments: &Arguments, c: &Configuration) -> Result<Cases, Error> {
    let heads = arguments.heads as usize;
    let rows = arguments.rows.map(|rows| rows as usize);
    let captured = |name: &str, capture: &Capture| {
        let case = captured_case(&Input::new(capture, c)?, c, heads, rows)?;
        Ok(Cases {
            options: vec![format!("--input {}", quoted(name))],
            cases: vec![case],
        })
    };
    if let Some(file) = &arguments.input {
        return captured(file, &load_capture(file)?);
    }
    if arguments.random.is_none() {
        let demo = Capture::demo();
        if Input::new(&demo, c).is_ok() {
            return captured(DEMO, &demo);
        }
    }
    let kinds = arguments.random.unwrap_or(Kind::All);
    let kinds = kinds.rows();
    let rows = rows.unwrap_or(RANDOM_ROWS);
    let cases = kinds
        .iter()
        .map(|kind| random_case(c, *kind, heads, rows, arguments.seed));
    Ok(Cases {
        options: kinds
            .iter()
            .map(|kind| format!("--random={}", kind.name()))
            .collect(),
        cases: cases.collect::<Result<_, Error>>()?,
    })
}

/// The command that plays the same case again and writes waves.
fn replay(arguments: &Arguments, option: &str) -> String {
    let mut command = format!(
        "logattn cosim --config {} {option}",
        quoted(&arguments.configuration.config)
    );
    command += &format!(" --heads {}", arguments.heads);
    if let Some(rows) = arguments.rows {
        command += &format!(" --rows {rows}");
    }
    if arguments.stalls == Stalls::Random {
        command += " --stalls random";
    }
    let waves = arguments
        .waves
        .as_deref()
        .unwrap_or(Path::new("mismatch.vcd"));
    command
        + &format!(
            " --seed {} --waves {}",
            arguments.seed,
            quoted(&waves.to_string_lossy())
        )
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn table(cases: &[Case], played: &[Played]) -> Table {
    let mut table = Table::new(&[
        "played",
        ">cycles",
        ">bound\ncycles",
        ">cycles /\nbound",
        ">output beats\ncompared",
        ">survivors",
    ]);
    for (case, played) in cases.iter().zip(played) {
        table.row([
            case.name.clone(),
            grouped(played.outcome.cycles),
            grouped(played.bound),
            format!(
                "{:.3}",
                played.outcome.cycles as f64 / played.bound.max(1) as f64
            ),
            grouped(played.outcome.beats as u64),
            grouped(played.outcome.counters.survivors),
        ]);
    }
    table
}

fn print_totals(console: &mut Console, played: &[Played]) -> Result<(), Error> {
    console.line("equal: every output bit, the cycle of every output beat, every counter")?;
    console.line("")?;
    let all: Counters = played.iter().map(|played| played.outcome.counters).sum();
    console.line(counters(&all))?;
    let cycles: u64 = played.iter().map(|p| p.outcome.cycles).sum();
    let seconds: f64 = played.iter().map(|p| p.elapsed.as_secs_f64()).sum();
    console.line(format!(
        "speed: {:.0} kcycle/s, comparison included",
        cycles as f64 / seconds.max(1e-9) / 1e3
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        assert_eq!(quoted("a/b-1.vcd"), "a/b-1.vcd");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(quoted(""), "''");
    }
}
