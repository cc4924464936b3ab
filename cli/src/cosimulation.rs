//! The Verilated unit and what is played on it.

use crate::error::Error;
use crate::progress;
use logattn_captures::HeadRows;
use logattn_golden::{Configuration, Input as InputKind};
use logattn_sim::Ports;
use logattn_studies::Input;
use logattn_studies::input::InputHead;
use logattn_testbenches::random::{self, Rows, STALLED};
use logattn_testbenches::unit::{UnitError, verilated_unit};
use logattn_testbenches::verilator::{Model, PowerUp, Verilator, default_cache_directory};
use logattn_testbenches::{Head, Mismatch, Outcome, Stimulus, StimulusError, run};
use ndarray::s;
use std::path::Path;
use std::time::{Duration, Instant};

/// Heads that are played one after the other in one run.
pub struct Case {
    /// What they are, for a person.
    pub name: String,
    /// Their beats and what must come back.
    pub stimulus: Stimulus,
}

/// A case that was played without a difference.
pub struct Played {
    /// What the bench has shown.
    pub outcome: Outcome,
    /// The steady-state bound of the case in cycles.
    pub bound: u64,
    /// Time that playing and comparing took.
    pub elapsed: Duration,
}

/// The unit as a Verilated model, and what built it.
pub struct Unit {
    model: Model,
    /// Verilator and its version.
    pub verilator: String,
}

impl Unit {
    /// Builds the unit or takes it from the cache. Its registers power up at random.
    ///
    /// # Arguments
    /// - `waves`: where to write them, VCD, if wanted.
    /// - `seed`: of the power-up values.
    ///
    /// # Errors
    /// Verilator is missing, or refuses the unit; the waves cannot be written.
    pub fn build(c: &Configuration, waves: Option<&Path>, seed: u64) -> Result<Self, UnitError> {
        let spinner =
            progress::spinner("building the Verilated unit; it is kept for the next time");
        let verilator = Verilator::find()?;
        let power_up = PowerUp::Random(seed as u32);
        let cache = default_cache_directory();
        let mut model = verilated_unit(&verilator, c, waves.is_some(), power_up, &cache)?;
        if let Some(path) = waves {
            model.waves_open(path)?;
        }
        spinner.finish_and_clear();
        // Some builds answer with their revision alone.
        let version = verilator
            .version()
            .trim_start_matches("Verilator")
            .trim_start();
        Ok(Unit {
            model,
            verilator: format!("Verilator {version}"),
        })
    }

    /// Plays a case from reset and compares everything.
    ///
    /// # Errors
    /// The first difference.
    pub fn play(&mut self, case: &Case, ports: &Ports) -> Result<Played, Mismatch> {
        let start = Instant::now();
        let outcome = run(&mut self.model, &case.stimulus, ports)?;
        let elapsed = start.elapsed();
        let bound = case
            .stimulus
            .workload
            .costs()
            .map(|cost| cost.bound())
            .sum();
        Ok(Played {
            outcome,
            bound,
            elapsed,
        })
    }

    /// Ends the wave file, if one is being written.
    pub fn close_waves(&mut self) {
        self.model.waves_close();
    }
}

/// The outside world of a unit: free, or stalling at random in every port.
pub fn ports(stalls_seed: Option<u64>) -> Ports {
    match stalls_seed {
        None => Ports::free(),
        Some(seed) => Ports::random(seed, STALLED),
    }
}

/// Captured heads, `count` of them spread evenly over the capture, of each the first `rows` rows.
///
/// # Errors
/// Heads that the golden model or the simulator refuses.
pub fn captured_case(
    input: &Input,
    c: &Configuration,
    count: usize,
    rows: Option<usize>,
) -> Result<Case, Error> {
    let all = input.capture.heads();
    let count = count.min(all);
    let rows = rows.unwrap_or(input.rows.len()).min(input.rows.len());
    let heads = (0..count).map(|index| input.head(index * all / count));
    let heads: Vec<InputHead> = heads.collect::<Result<_, _>>()?;
    let played: Vec<Head> = heads.iter().map(|head| played(head, c, rows)).collect();
    let stimulus = Stimulus::new(c, &played).map_err(|error| match error {
        // It counts the heads that are played; a person those of the file.
        StimulusError::Golden { head, source } => Error::Study(heads[head].refused(source)),
        other => other.into(),
    })?;
    let name = format!(
        "{}: {count} of {all} heads, {rows} rows of {} keys each",
        input.capture.name(),
        input.keys
    );
    Ok(Case { name, stimulus })
}

/// The first rows of a head for the bench.
fn played(head: &InputHead, c: &Configuration, rows: usize) -> Head {
    let values = head.values.view();
    let whole = match &head.rows {
        HeadRows::Probabilities(all) => Head::whole(c, all.slice(s![..rows, ..]), values),
        HeadRows::Scores(all) => Head::whole_scores(c, all.slice(s![..rows, ..]), values),
        HeadRows::Qkv {
            query,
            key,
            score_shift,
        } => {
            let query = query.slice(s![..rows, ..]);
            Head::whole_qkv(c, query, key.view(), *score_shift, values)
        }
    };
    with_lengths(whole, c, &head.lengths[..rows])
}

/// The same head with rows of these lengths. With scores the unit's own mask lets rows of a block
/// grow; of probabilities those beyond a row are 0, so that the longest row's length serves all.
fn with_lengths(head: Head, c: &Configuration, lengths: &[usize]) -> Head {
    let blocks = lengths.chunks(c.query_block);
    let causal = c.input != InputKind::Probabilities
        && lengths.windows(2).any(|pair| pair[1] > pair[0])
        && c.query_block > 1;
    let longest = |block: &[usize]| block.iter().copied().max().unwrap_or(0);
    let first = |block: &[usize]| block.first().copied().unwrap_or(0);
    let sent = |block: &[usize]| match causal {
        true => first(block) + c.query_block - 1,
        false => longest(block),
    };
    Head {
        lengths: match causal {
            true => blocks.clone().map(first).collect(),
            false => blocks.clone().map(longest).collect(),
        },
        sent: blocks.map(|block| sent(block).max(1)).collect(),
        causal,
        ..head
    }
}

/// Random heads of one kind of rows.
///
/// # Errors
/// More rows than the unit can count.
pub fn random_case(
    c: &Configuration,
    kind: Rows,
    heads: usize,
    rows: usize,
    seed: u64,
) -> Result<Case, Error> {
    let heads = random::heads(c, kind, heads, rows.div_ceil(c.query_block), seed);
    Ok(Case {
        name: kind.name().to_string(),
        stimulus: Stimulus::new(c, &heads)?,
    })
}
