//! Cycles of a unit on many heads back to back.

use crate::error::Error;
use crate::table::{Table, grouped};
use logattn_golden::Configuration;
use logattn_sim::{BlockRows, Counters, Cycle, Ports, Workload, simulate};
use ndarray::ArrayView2;

/// Appends a head's rows, every row whole.
///
/// # Arguments
/// - `codes`: [rows, keys].
/// - `largest`: the key of each row that takes what the others leave, with
///   `normalize = "complement"`.
///
/// # Errors
/// More keys than the unit holds, another number of rows than the first head.
pub fn push_head(
    workload: &mut Workload,
    c: &Configuration,
    codes: ArrayView2<u8>,
    largest: &[Option<usize>],
) -> Result<(), Error> {
    let keys = codes.ncols();
    let codes = codes.as_standard_layout();
    let codes = codes.as_slice().unwrap_or_default();
    let rows: Vec<&[u8]> = codes.chunks(keys.max(1)).collect();
    let blocks = rows.chunks(c.query_block).enumerate();
    let blocks = blocks.map(|(block, rows)| {
        let largest = largest.get(block * c.query_block).copied().flatten();
        BlockRows::new(keys, rows).with_largest(largest)
    });
    Ok(workload.push_head(keys, blocks)?)
}

/// The cycles of a workload whose streams are never held up from outside.
pub struct Timing {
    /// Every counter of the unit at the end.
    pub counters: Counters,
    /// From the start to the last output beat, both included: the first head's values are loaded
    /// in it, and the last row leaves.
    pub cycles: Cycle,
    /// The steady-state bound: the sum of max(ceil(N / W), survivors x D / lanes) over the query
    /// blocks, which counts them one by one; with `normalize = "complement"` the largest key of a
    /// row counts as a survivor even if it is pruned. A run may be below it, since the survivors' queue evens out rows
    /// with more and with fewer survivors than beats.
    pub bound: Cycle,
    /// Cycles from the last output beat of the head before to that of each head.
    pub head_cycles: Vec<Cycle>,
    /// The bound of each head.
    pub head_bounds: Vec<Cycle>,
}

impl Timing {
    /// Simulates `workload`, whose heads have equally many query blocks.
    ///
    /// # Errors
    /// The workload was built for another unit.
    pub fn of(c: &Configuration, workload: &Workload) -> Result<Self, Error> {
        let run = simulate(c, workload, &Ports::free())?;
        let costs: Vec<Cycle> = workload.costs().map(|cost| cost.bound()).collect();
        let heads = workload.heads().max(1);
        let per_head = |all: usize| (all / heads).max(1);
        let ends = run.transfers.chunks(per_head(run.transfers.len()));
        let ends: Vec<Cycle> = ends.filter_map(|beats| Some(beats.last()? + 1)).collect();
        let starts = std::iter::once(&0).chain(&ends);
        Ok(Timing {
            counters: run.counters,
            cycles: ends.last().copied().unwrap_or(0),
            bound: costs.iter().sum(),
            head_cycles: starts.zip(&ends).map(|(start, end)| end - start).collect(),
            head_bounds: costs
                .chunks(per_head(costs.len()))
                .map(|head| head.iter().sum())
                .collect(),
        })
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

/// The counters as a table.
pub fn counters(counters: &Counters) -> Table {
    let mut table = Table::new(&["counter", ">value", "meaning"]);
    for (name, value, meaning) in described(counters) {
        table.row([name.to_string(), grouped(value), meaning.to_string()]);
    }
    table
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
            push_head(&mut workload, &nano, codes.view(), &[]).unwrap();
        }
        let timing = Timing::of(&nano, &workload).unwrap();
        assert_eq!(timing.head_bounds, [50 * 16; 3]);
        assert_eq!(timing.bound, 3 * 50 * 16);
        assert_eq!(timing.head_cycles.iter().sum::<Cycle>(), timing.cycles);
        assert!(timing.cycles > timing.bound);
        assert_eq!(timing.counters.survivors, 3 * 50 * 8);
    }
}
