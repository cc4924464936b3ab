//! `logattn sweep`: a grid of configurations on one input.

use super::Verdict;
use crate::configuration;
use crate::console::Console;
use crate::error::Error;
use crate::progress;
use crate::study::energy_table;
use clap::Args;
use logattn_studies::sweep::{
    Axes, Finished, Grid, Point, Shard, Store, Sweep, evaluate, file_digest, file_name,
    write_results,
};
use logattn_studies::{DEMO, Source, StudyOptions};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

const HELP: &str = "Examples:
  logattn sweep --grid grid.toml --out sweep
  logattn sweep --grid grid.toml --out sweep --plot cycles_per_row,bytes_skip
  logattn sweep --grid grid.toml --out sweep --shard 1/2       and --shard 2/2 beside it, then
  cat sweep/points-*.jsonl > sweep/points.jsonl
  logattn sweep --grid grid.toml --out sweep                   the tables and the plot of all

A grid file, in TOML:
  config = \"edge\"                # name or file; an array of them is an axis of its own
  input = \"demo\"                 # capture, a safetensors file, or a static mask, a .npy file
  phase = \"prefill\"              # or \"decode\", with decode_from = ROW; both optional
  layers = [0, 6]                # first and end, optional
  energy = [\"aladdin_40nm\"]      # names or files, optional

  [dram]                         # optional: burst_bytes, page_bytes, banks, bytes_per_cycle
  burst_bytes = 32

  [grid]                         # any fields of a configuration, the last one fastest
  keys_per_beat = [4, 8]
  thresholds = [[305, 725, 1449, 2897, 5793, 11586, 23171],
                [182, 725, 1449, 2897, 5793, 11586, 23171]]
  output_bits = [8, \"absent\"]    # \"absent\": a field that is not there

Paths are relative to the working directory. Every finished point is a line of points.jsonl; an
interrupted sweep goes on where it was. A combination that cannot be is a point that says why. When
all points are there: sweep.csv, sweep.md and pareto.svg.";

/// Arguments of `logattn sweep`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// Grid file
    #[arg(long, value_name = "FILE.toml")]
    grid: PathBuf,
    /// Directory of the points and of what is made of them
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Run part I of N only, into a file of its own
    #[arg(long, value_name = "I/N", value_parser = Shard::parse)]
    shard: Option<Shard>,
    /// Quantities of the Pareto plot, results or fields of integers; default:
    /// cycles_per_row,output_error (for a static mask cycles_per_row,bytes_skip)
    #[arg(long, value_name = "X,Y")]
    plot: Option<String>,
    /// Points at a time; default: as many as cores
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Drop points of other grids and damaged lines from the file of points
    #[arg(long)]
    force: bool,
}

/// Runs what is left of the sweep, and makes tables and plot of a whole one.
///
/// # Errors
/// A grid, configuration, input or energy table that cannot be used, points of another sweep in
/// the directory, files that cannot be written, no point that can be studied.
pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Verdict, Error> {
    let (sweep, source) = prepare(&arguments.grid)?;
    let mask = matches!(source, Source::Mask(_));
    let axes = Axes::parse(arguments.plot.as_deref(), &sweep.grid, &sweep.options, mask)?;
    fs::create_dir_all(&arguments.out).map_err(Error::write(&arguments.out))?;
    let path = arguments.out.join(file_name(arguments.shard));
    let points = sweep.grid.points();
    let store = Store::open(&path, &sweep.hash, points, arguments.force)?;
    tell_start(&sweep, &store, console)?;
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.map_or_else(cores, usize::from);
    let bar = progress::bar(0, "points");
    let result = sweep.run(
        &store,
        arguments.shard,
        jobs,
        &|configuration| evaluate(configuration, &source, &sweep.options),
        &|done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        },
    );
    bar.finish_and_clear();
    result?;
    let all = store.points();
    if all.len() < points {
        return tell_shard(&arguments.out, &path, all.len(), points, console);
    }
    let finished = Finished {
        sweep: &sweep,
        points: &all,
        axes: &axes,
        command: &command(arguments),
    };
    write_results(&arguments.out, &finished)?;
    tell_end(&arguments.out, &finished, console)?;
    Ok(Verdict::Success)
}

/// The grid with everything that it names.
fn prepare(path: &Path) -> Result<(Sweep, Source), Error> {
    let text = fs::read_to_string(path).map_err(Error::read(path))?;
    let grid = Grid::from_toml(&text, &path.display().to_string())?;
    let bases = grid.configs.iter().map(|name| configuration::load(name));
    let bases = bases.collect::<Result<Vec<_>, Error>>()?;
    let source = Source::load(&grid.input)?;
    let digest = match grid.input.as_str() {
        // It is part of the program, whose version every hash has.
        DEMO => DEMO.to_string(),
        file => file_digest(Path::new(file))?,
    };
    let default = StudyOptions::new()?;
    let tables = grid.energy.iter().map(|name| energy_table(name));
    let tables = tables.collect::<Result<Vec<_>, Error>>()?;
    let options = StudyOptions {
        phase: grid.phase,
        decode_from: grid.decode_from,
        layers: grid.layers.clone(),
        dram: grid.dram,
        energy: match tables.is_empty() {
            true => default.energy,
            false => tables,
        },
    };
    Ok((Sweep::new(grid, bases, options, &digest)?, source))
}

fn tell_start(sweep: &Sweep, store: &Store, console: &mut Console) -> Result<(), Error> {
    let fields = sweep.grid.axes.iter();
    let fields: Vec<String> = fields
        .map(|axis| format!("{} ({})", axis.field, axis.values.len()))
        .collect();
    console.line(format!(
        "{} points: {}; input {}, sweep {}",
        sweep.grid.points(),
        fields.join(" x "),
        sweep.grid.input,
        sweep.hash
    ))?;
    if store.kept > 0 {
        console.line(format!("{} points are there already", store.kept))?;
    }
    if store.dropped > 0 {
        let dropped = store.dropped;
        console.line(format!(
            "{dropped} lines dropped that are no point of this sweep"
        ))?;
    }
    Ok(())
}

fn tell_shard(
    out: &Path,
    path: &Path,
    there: usize,
    points: usize,
    console: &mut Console,
) -> Result<Verdict, Error> {
    let out = out.display();
    console.line(format!(
        "{there} of {points} points in {}. When all shards are done:\n  \
         cat {out}/points-*.jsonl > {out}/points.jsonl\nand the same command without --shard makes \
         the tables and the plot.",
        path.display()
    ))?;
    Ok(Verdict::Success)
}

fn tell_end(out: &Path, finished: &Finished, console: &mut Console) -> Result<(), Error> {
    console.line(format!(
        "{} points, {} of which could not be studied; on the Pareto front of {} and {}:",
        finished.points.len(),
        finished.invalid(),
        finished.axes.x.name,
        finished.axes.y.name,
    ))?;
    for point in finished.front() {
        console.line(front_line(finished, point))?;
    }
    let out = out.display();
    console.line(format!(
        "written: {out}/points.jsonl, {out}/sweep.csv, {out}/sweep.md, {out}/pareto.svg"
    ))
}

fn front_line(finished: &Finished, point: &Point) -> String {
    let (x, y) = finished.axes.of(point).unwrap_or_default();
    format!("  {x:>12.4}  {y:>12.4}  {}", finished.label(point))
}

/// The command as it was given, as far as results depend on it.
fn command(arguments: &Arguments) -> String {
    let plot = arguments.plot.as_ref();
    format!(
        "logattn sweep --grid {} --out {}{}",
        arguments.grid.display(),
        arguments.out.display(),
        plot.map(|plot| format!(" --plot {plot}"))
            .unwrap_or_default()
    )
}
