//! Sweeps: one configuration's fields varied over a grid, every combination studied on the same
//! input.
//!
//! A grid file names a configuration, an input and the fields that vary:
//!
//! ```toml
//! config = "edge"
//! input = "demo"
//!
//! [grid]
//! keys_per_beat = [4, 8, 16]
//! lanes = [16, 32]
//! ```
//!
//! Every finished point is a line of `points.jsonl`, written through to the disk at once: an
//! interrupted sweep loses the points in hand and no other, and goes on where it was. Shards of a
//! sweep have files of their own and merge by concatenation. When all points are there, `sweep.csv`,
//! `sweep.md` and `pareto.svg` are made of them.
//!
//! Combinations that no unit can have (the configuration's own checks refuse them), or that do not
//! fit the input, are points as well: they say why.

mod error;
mod fields;
mod grid;
mod metrics;
mod pareto;
mod plot;
mod report;
mod run;
mod store;

pub use error::SweepError;
pub use grid::{Axis, CONFIG, Grid, MOST_POINTS};
pub use metrics::{Metric, Metrics, PointError, evaluate, metrics};
pub use pareto::{Axes, Quantity};
pub use plot::pareto_svg;
pub use report::Finished;
pub use run::Sweep;
pub use store::{Point, Shard, Store, file_name};

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Writes `sweep.csv`, `sweep.md` and `pareto.svg`, each whole or as it was before.
///
/// # Errors
/// They cannot be made or written.
pub fn write_results(directory: &Path, finished: &Finished) -> Result<(), SweepError> {
    let files = [
        ("sweep.csv", finished.csv()?),
        ("sweep.md", finished.markdown()),
        ("pareto.svg", pareto_svg(finished)?),
    ];
    for (name, contents) in files {
        store::replace(&directory.join(name), contents.as_bytes())?;
    }
    Ok(())
}

/// Hash of a file's contents, for [`Sweep::new`].
///
/// # Errors
/// The file cannot be read.
pub fn file_digest(path: &Path) -> Result<String, SweepError> {
    let mut file = File::open(path).map_err(SweepError::read(path))?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(SweepError::read(path))? {
            0 => return Ok(run::hexadecimal(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}
