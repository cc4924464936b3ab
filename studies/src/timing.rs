//! Cycles of a unit on heads of captured attention.

use crate::Error;
use logattn_golden::{Configuration, Input};
use logattn_sim::{BlockRows, Counters, Cycle, Ports, Workload, simulate};
use ndarray::ArrayView2;

/// The rows of one query head, as far as their timing depends on them.
#[derive(Clone, Copy, Debug)]
pub struct HeadRowCodes<'a> {
    /// [rows, keys], 0 for pruned, in row-major order.
    pub codes: ArrayView2<'a, u8>,
    /// Keys of each row.
    pub lengths: &'a [usize],
    /// The key of each row that takes what the others leave, with `normalize = "complement"`; else
    /// empty.
    pub largest: &'a [Option<usize>],
}

/// A row's codes over all keys, its length and its largest key.
pub type Row<'a> = (&'a [u8], usize, Option<usize>);

impl<'a> HeadRowCodes<'a> {
    /// One row: its codes, its length and its largest key.
    pub fn row(&self, row: usize) -> Row<'a> {
        let keys = self.codes.ncols();
        let all = self.codes.to_slice().unwrap_or_default();
        (
            all.get(row * keys..(row + 1) * keys).unwrap_or_default(),
            self.lengths[row],
            self.largest.get(row).copied().flatten(),
        )
    }
}

/// Appends one unit head: the rows of all query heads that read the same keys and values, query
/// head after query head, as prefill plays them. Each query head begins a new block.
///
/// # Arguments
/// - `keys`: keys whose values are loaded.
///
/// # Errors
/// More keys than the unit holds, another number of rows than the first head.
pub fn push_rows(
    workload: &mut Workload,
    c: &Configuration,
    keys: usize,
    heads: &[HeadRowCodes],
) -> Result<(), Error> {
    let blocks = heads.iter().flat_map(|head| {
        let starts = (0..head.codes.nrows()).step_by(c.query_block);
        starts.map(move |start| {
            let end = (start + c.query_block).min(head.codes.nrows());
            let rows: Vec<Row> = (start..end).map(|row| head.row(row)).collect();
            block(c, &rows)
        })
    });
    Ok(workload.push_head(keys, blocks)?)
}

/// Appends one unit head of a decoding step: one row of each query head that reads the same keys
/// and values, as the rows of blocks.
///
/// # Errors
/// As [`push_rows`].
pub fn push_step(
    workload: &mut Workload,
    c: &Configuration,
    row: usize,
    heads: &[HeadRowCodes],
) -> Result<(), Error> {
    let rows: Vec<Row> = heads.iter().map(|head| head.row(row)).collect();
    let keys = rows.iter().map(|(_, length, _)| *length).max();
    let blocks = rows.chunks(c.query_block).map(|rows| block(c, rows));
    Ok(workload.push_head(keys.unwrap_or(0), blocks)?)
}

/// One query block. With scores, rows of growing length are the unit's own causal mask; of
/// probabilities as many keys are sent as the longest row has, and those beyond a row are 0.
fn block<'a>(c: &Configuration, rows: &[Row<'a>]) -> BlockRows<Vec<&'a [u8]>> {
    let first = rows.first().map_or(0, |(_, length, _)| *length);
    let longest = rows.iter().map(|(_, length, _)| *length).max().unwrap_or(0);
    let all = rows.first().map_or(0, |(codes, ..)| codes.len());
    let causal = c.input != Input::Probabilities && longest > first;
    let (length, sent) = match causal {
        true => (first, first + c.query_block - 1),
        false => (longest, longest),
    };
    let sent = sent.clamp(1, all.max(1));
    let codes = rows
        .iter()
        .map(|(codes, ..)| &codes[..sent.min(codes.len())]);
    BlockRows::new(length, codes.collect())
        .with_causal(causal)
        .with_largest(rows.first().and_then(|(_, _, largest)| *largest))
}

/// The cycles of runs whose streams are never held up from outside. A run is what the unit does
/// from an idle start to its last output beat: the heads of a layer, since the layer after it needs
/// the outputs of all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Every counter of the unit at the end of each run, added up.
    pub counters: Counters,
    /// From the start of a run to the last output beat, both included, added up: the first head's
    /// values are loaded in it, and the last row leaves.
    pub cycles: Cycle,
    /// The steady-state bound: the sum of max(ceil(N / W), survivors x D / lanes) over the query
    /// blocks, which counts them one by one; with `normalize = "complement"` the largest key of a
    /// row counts as a survivor even if it is pruned. A run may be below it, since the survivors'
    /// queue evens out rows with more and with fewer survivors than beats.
    pub bound: Cycle,
    /// Cycles of each head: from the last output beat of the head before, or the start of the run,
    /// to its own last.
    pub head_cycles: Vec<Cycle>,
    /// The bound of each head.
    pub head_bounds: Vec<Cycle>,
    /// The bound of each query block.
    pub block_bounds: Vec<Cycle>,
}

impl Timing {
    /// Simulates one run, whose heads have equally many query blocks.
    ///
    /// # Errors
    /// The workload was built for another unit.
    pub fn of(c: &Configuration, workload: &Workload) -> Result<Self, Error> {
        let run = simulate(c, workload, &Ports::free())?;
        let block_bounds: Vec<Cycle> = workload.costs().map(|cost| cost.bound()).collect();
        let heads = workload.heads().max(1);
        let per_head = |all: usize| (all / heads).max(1);
        let ends = run.transfers.chunks(per_head(run.transfers.len()));
        let ends: Vec<Cycle> = ends.filter_map(|beats| Some(beats.last()? + 1)).collect();
        let starts = std::iter::once(&0).chain(&ends);
        Ok(Timing {
            counters: run.counters,
            cycles: ends.last().copied().unwrap_or(0),
            bound: block_bounds.iter().sum(),
            head_cycles: starts.zip(&ends).map(|(start, end)| end - start).collect(),
            head_bounds: block_bounds
                .chunks(per_head(block_bounds.len()))
                .map(|head| head.iter().sum())
                .collect(),
            block_bounds,
        })
    }

    /// Simulates heads that each have keys and values of their own, layer by layer: a run is a
    /// layer's heads.
    ///
    /// # Arguments
    /// - `keys`: keys of a head.
    /// - `heads`: layer by layer, `heads_per_layer` in each.
    ///
    /// # Errors
    /// As [`push_rows`].
    pub fn of_layers(
        c: &Configuration,
        keys: usize,
        heads: &[HeadRowCodes],
        heads_per_layer: usize,
    ) -> Result<Self, Error> {
        let mut all = Timing::default();
        for layer in heads.chunks(heads_per_layer.max(1)) {
            let mut workload = Workload::new(c);
            for head in layer {
                push_rows(&mut workload, c, keys, std::slice::from_ref(head))?;
            }
            let run = Timing::of(c, &workload)?;
            all.counters += run.counters;
            all.cycles += run.cycles;
            all.bound += run.bound;
            all.head_cycles.extend(run.head_cycles);
            all.head_bounds.extend(run.head_bounds);
            all.block_bounds.extend(run.block_bounds);
        }
        Ok(all)
    }

    /// How many times the bound the cycles are.
    pub fn over_bound(&self) -> f64 {
        self.cycles as f64 / self.bound.max(1) as f64
    }
}

/// Names, values and meanings of the unit's counters.
pub fn described(counters: &Counters) -> [(&'static str, u64, &'static str); 8] {
    let c = counters;
    [
        (
            "cycles",
            c.cycles,
            "clock cycles since reset when the counters were read",
        ),
        ("rows", c.rows, "rows handed out completely"),
        ("keys", c.keys, "keys within the row lengths, over all rows"),
        (
            "survivors",
            c.survivors,
            "keys whose code is not 0, over all rows",
        ),
        (
            "value_reads",
            c.value_reads,
            "words read from the value memory",
        ),
        (
            "stall_input",
            c.stall_input,
            "cycles without a survivor to visit",
        ),
        (
            "stall_value",
            c.stall_value,
            "cycles a survivor waited for its head's values",
        ),
        (
            "stall_output",
            c.stall_output,
            "cycles a survivor waited for the rows before it to leave",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn heads_add_up_to_the_run() {
        let nano = Configuration::named("nano").unwrap();
        let mut workload = Workload::new(&nano);
        // Every 5th of 40 keys survives: 8 visits in each of 2 passes, over 10 beats.
        let codes = Array2::from_shape_fn((50, 40), |(_, key)| u8::from(key % 5 == 0));
        for _ in 0..3 {
            let head = HeadRowCodes {
                codes: codes.view(),
                lengths: &[40; 50],
                largest: &[],
            };
            push_rows(&mut workload, &nano, 40, &[head]).unwrap();
        }
        let timing = Timing::of(&nano, &workload).unwrap();
        assert_eq!(timing.head_bounds, [50 * 16; 3]);
        assert_eq!(timing.bound, 3 * 50 * 16);
        assert_eq!(timing.head_cycles.iter().sum::<Cycle>(), timing.cycles);
        assert!(timing.cycles > timing.bound);
        assert_eq!(timing.counters.survivors, 3 * 50 * 8);
    }
}
