//! The finished points, one JSON line each, in a file that survives any interruption.

use super::SweepError;
use super::metrics::Metrics;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// One finished point: a line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Hash of everything that the numbers depend on besides `index`.
    pub grid: String,
    /// Place in the grid, from 0, the last field fastest.
    pub index: usize,
    /// What varies: fields of the configuration.
    pub fields: Map<String, Value>,
    /// Why there are no numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
    /// The numbers; absent where `invalid` is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<Metrics>,
}

/// One of several processes that share a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1.
    pub number: usize,
    /// Of how many.
    pub of: usize,
}

impl Shard {
    /// Reads `i/n`.
    ///
    /// # Errors
    /// A text for the user: no two numbers, or not 1 <= i <= n.
    pub fn parse(text: &str) -> Result<Self, String> {
        let legal = || "legal: I/N with 1 <= I <= N, for example 2/4".to_string();
        let (number, of) = text.split_once('/').ok_or_else(legal)?;
        match (number.parse(), of.parse()) {
            (Ok(number), Ok(of)) if 1 <= number && number <= of => Ok(Shard { number, of }),
            _ => Err(legal()),
        }
    }

    /// Whether a point is this shard's: they take turns, so that all are about equally long at it.
    pub fn has(self, point: usize) -> bool {
        point % self.of == self.number - 1
    }
}

/// Name of the file of points of a sweep, or of a shard of it.
pub fn file_name(shard: Option<Shard>) -> String {
    match shard {
        None => "points.jsonl".to_string(),
        Some(Shard { number, of }) => format!("points-{number}-of-{of}.jsonl"),
    }
}

/// A file of points, open for more. It is locked while it is open.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    state: Mutex<State>,
    /// Points that were there when it was opened.
    pub kept: usize,
    /// Lines that were dropped when it was opened: one that was cut off, others by force.
    pub dropped: usize,
}

#[derive(Debug)]
struct State {
    file: File,
    points: BTreeMap<usize, Point>,
}

impl Store {
    /// Opens or makes the file. Complete lines of this grid are kept, a last line that was cut off
    /// is dropped.
    ///
    /// # Arguments
    /// - `grid`: hash that every line must have.
    /// - `points`: points of the grid.
    /// - `force`: drops lines of other grids and damaged lines, too.
    ///
    /// # Errors
    /// The file cannot be read or written, or another sweep has it open; without `force`:
    /// [`SweepError::OtherGrid`], [`SweepError::Damaged`]. Then the file is as it was.
    pub fn open(path: &Path, grid: &str, points: usize, force: bool) -> Result<Self, SweepError> {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map_err(SweepError::write(path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SweepError::Busy { path: path.into() }),
            // Some file systems know no locks; then nobody watches.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(SweepError::write(path)(error)),
        }
        let bytes = fs::read(path).map_err(SweepError::read(path))?;
        let complete = bytes.iter().rposition(|byte| *byte == b'\n');
        let complete = &bytes[..complete.map_or(0, |last| last + 1)];
        let read = read_lines(path, complete, grid, points, force)?;
        let mut dropped = read.dropped;
        let cut = &bytes[complete.len()..];
        if !cut.is_empty() {
            if !force && !begins_as_a_point(cut) {
                return Err(SweepError::Damaged {
                    path: path.into(),
                    line: read.points.len() + read.dropped + 1,
                    reason: "it is not the beginning of a point".into(),
                });
            }
            file.set_len(complete.len() as u64)
                .map_err(SweepError::write(path))?;
            dropped += 1;
        }
        if read.dropped > 0 {
            file = rewritten(path, &read.points)?;
        }
        Ok(Store {
            path: path.into(),
            kept: read.points.len(),
            dropped,
            state: Mutex::new(State {
                file,
                points: read.points,
            }),
        })
    }

    /// Appends a finished point; when this returns, it is on the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&self, point: Point) -> Result<(), SweepError> {
        let line = line(&self.path, &point)?;
        let mut state = self.state();
        state
            .file
            .write_all(line.as_bytes())
            .and_then(|()| state.file.sync_data())
            .map_err(SweepError::write(&self.path))?;
        state.points.insert(point.index, point);
        Ok(())
    }

    /// Whether a point is there.
    pub fn has(&self, index: usize) -> bool {
        self.state().points.contains_key(&index)
    }

    /// All points so far, by index.
    pub fn points(&self) -> Vec<Point> {
        self.state().points.values().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked in `append` has written its line or has not; both are legal.
        self.state.lock().unwrap_or_else(|held| held.into_inner())
    }
}

struct Lines {
    points: BTreeMap<usize, Point>,
    dropped: usize,
}

/// Whether a cut line is the beginning of a point, as the writer would have left it.
fn begins_as_a_point(cut: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"{\"grid\":\"";
    let common = BEGINNING.len().min(cut.len());
    cut[..common] == BEGINNING[..common]
}

/// The points on complete lines.
fn read_lines(
    path: &Path,
    bytes: &[u8],
    grid: &str,
    points: usize,
    force: bool,
) -> Result<Lines, SweepError> {
    let mut read = Lines {
        points: BTreeMap::new(),
        dropped: 0,
    };
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match point(path, index + 1, line, grid, points) {
            // The first of two lines of a point stays: they say the same.
            Ok(point) => {
                read.points.entry(point.index).or_insert(point);
            }
            Err(_) if force => read.dropped += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// The point on line `line`, from 1.
fn point(
    path: &Path,
    line: usize,
    text: &[u8],
    grid: &str,
    points: usize,
) -> Result<Point, SweepError> {
    let damaged = |reason: String| SweepError::Damaged {
        path: path.into(),
        line,
        reason,
    };
    let point: Point = serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
    if point.grid != grid {
        return Err(SweepError::OtherGrid {
            path: path.into(),
            line,
            found: point.grid,
            expected: grid.to_string(),
        });
    }
    if point.index >= points {
        return Err(damaged(format!("index {} of {points}", point.index)));
    }
    if point.invalid.is_some() == point.results.is_some() {
        let reason = "either `invalid` or `results` must be there";
        return Err(damaged(reason.to_string()));
    }
    Ok(point)
}

/// A point as it stands in the file.
fn line(path: &Path, point: &Point) -> Result<String, SweepError> {
    let text = serde_json::to_string(point)
        .map_err(|error| SweepError::write(path)(std::io::Error::other(error)))?;
    Ok(text + "\n")
}

/// Puts these points alone into the file, at once, and opens it.
fn rewritten(path: &Path, points: &BTreeMap<usize, Point>) -> Result<File, SweepError> {
    let mut text = String::new();
    for point in points.values() {
        text += &line(path, point)?;
    }
    replace(path, text.as_bytes())?;
    let file = OpenOptions::new().append(true).open(path);
    let file = file.map_err(SweepError::write(path))?;
    // The lock was that of the file that is gone.
    let _ = file.try_lock();
    Ok(file)
}

/// Writes a file that is there whole or as it was before.
pub(super) fn replace(path: &Path, contents: &[u8]) -> Result<(), SweepError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".logattn-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(SweepError::write(path))?;
    file.write_all(contents)
        .and_then(|()| file.as_file().sync_data())
        .map_err(SweepError::write(path))?;
    file.persist(path)
        .map_err(|error| SweepError::write(path)(error.error))?;
    Ok(())
}
