//! Running the points of a sweep.

use super::SweepError;
use super::grid::Grid;
use super::metrics::{Metrics, PointError};
use super::store::{Point, Shard, Store};
use crate::StudyOptions;
use logattn_golden::Configuration;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// A grid with everything that it names.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The grid.
    pub grid: Grid,
    /// The configurations that it names, in its order.
    pub bases: Vec<Configuration>,
    /// What every point is studied under.
    pub options: StudyOptions,
    /// Hash of everything that results depend on: the version of the program, the axes, the
    /// configurations, the input, the options. 32 hexadecimal digits.
    pub hash: String,
}

impl Sweep {
    /// Puts grid, configurations and options together.
    ///
    /// # Arguments
    /// - `input_digest`: names the contents of the input, a hash of its file for one.
    ///
    /// # Errors
    /// A configuration that is not valid.
    pub fn new(
        grid: Grid,
        bases: Vec<Configuration>,
        options: StudyOptions,
        input_digest: &str,
    ) -> Result<Self, SweepError> {
        let texts: Result<Vec<String>, _> = bases.iter().map(Configuration::to_toml).collect();
        let texts = texts.map_err(crate::Error::from)?;
        let axes: Vec<(&str, Vec<String>)> = grid
            .axes
            .iter()
            .map(|axis| {
                let values = axis.values.iter().map(ToString::to_string);
                (axis.field.as_str(), values.collect())
            })
            .collect();
        let all = json!({
            "logattn": env!("CARGO_PKG_VERSION"),
            "axes": axes,
            "configurations": texts,
            "input": input_digest,
            "phase": options.phase,
            "decode_from": options.decode_from,
            "layers": options.layers.clone().map(|layers| [layers.start, layers.end]),
            "dram": options.dram,
            // Tables have no form but this that shows every number.
            "energy": format!("{:?}", options.energy),
        });
        Ok(Sweep {
            hash: hexadecimal(&Sha256::digest(all.to_string())),
            grid,
            bases,
            options,
        })
    }

    /// Runs the points that `store` does not have, and appends each as it is done.
    ///
    /// # Arguments
    /// - `jobs`: points at a time, at least 1.
    /// - `evaluate`: studies one configuration.
    /// - `progress`: called with the points that are there and their number, from any thread.
    ///
    /// # Errors
    /// What `evaluate` calls fatal, a file that cannot be written; points that are finished are
    /// kept. [`SweepError::AllInvalid`] if all are done and none could be studied.
    pub fn run(
        &self,
        store: &Store,
        shard: Option<Shard>,
        jobs: usize,
        evaluate: &(dyn Fn(&Configuration) -> Result<Metrics, PointError> + Sync),
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(), SweepError> {
        let mine = |point: &usize| shard.is_none_or(|shard| shard.has(*point));
        let all = (0..self.grid.points()).filter(mine).count();
        let rest: Vec<usize> = (0..self.grid.points())
            .filter(mine)
            .filter(|point| !store.has(*point))
            .collect();
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(all - rest.len()));
        let (stop, failed) = (AtomicBool::new(false), Mutex::new(None));
        progress(all - rest.len(), all);
        let work = || {
            while !stop.load(Ordering::Relaxed) {
                let Some(index) = rest.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    return;
                };
                let result = self.point(*index, evaluate).and_then(|p| store.append(p));
                if let Err(error) = result {
                    stop.store(true, Ordering::Relaxed);
                    let mut failed = failed.lock().unwrap_or_else(|held| held.into_inner());
                    failed.get_or_insert(error);
                    return;
                }
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, all);
            }
        };
        thread::scope(|scope| {
            for _ in 1..jobs.min(rest.len()) {
                scope.spawn(work);
            }
            work();
        });
        match failed.into_inner().unwrap_or_else(|held| held.into_inner()) {
            Some(error) => Err(error),
            None => self.check_valid(&store.points()),
        }
    }

    /// One point, studied or refused.
    fn point(
        &self,
        index: usize,
        evaluate: &(dyn Fn(&Configuration) -> Result<Metrics, PointError> + Sync),
    ) -> Result<Point, SweepError> {
        let result = match self.grid.configuration(&self.bases, index) {
            Ok(configuration) => evaluate(&configuration),
            Err(reason) => Err(PointError::Invalid(reason)),
        };
        let (invalid, results) = match result {
            Ok(metrics) => (None, Some(metrics)),
            Err(PointError::Invalid(reason)) => (Some(reason), None),
            Err(PointError::Fatal(error)) => return Err(error),
        };
        Ok(Point {
            grid: self.hash.clone(),
            index,
            fields: self.grid.fields(index),
            invalid,
            results,
        })
    }

    /// That one of the points could be studied, once all of them are there: those of one shard may
    /// all be impossible.
    fn check_valid(&self, points: &[Point]) -> Result<(), SweepError> {
        let all = self.grid.points();
        if points.len() < all {
            return Ok(());
        }
        let valid = points.iter().any(|point| point.results.is_some());
        match points.first() {
            Some(first) if !valid => Err(SweepError::AllInvalid {
                origin: self.grid.origin.clone(),
                points: all,
                reason: first.invalid.clone().unwrap_or_default(),
            }),
            _ => Ok(()),
        }
    }
}

/// The first half of a SHA-256.
pub(super) fn hexadecimal(digest: &[u8]) -> String {
    let half = digest.iter().take(16);
    half.map(|byte| format!("{byte:02x}")).collect()
}
