//! Latency and throughput: the formulas, and this configuration's numbers in them.

use super::latency::Latency;
use super::markdown::Table;
use crate::PackagingError;
use logattn_golden::Configuration;
use logattn_golden::config::{Accumulate, Input, Normalize};
use logattn_golden::microarchitecture::{
    code_latency, division_cycles, extra_registers, maximum_cycles, offset_cycles,
    preparation_cycles, quantizer_registers, score_engine_cycles,
};
use logattn_sim::{BlockRows, Ports, Workload, simulate};

/// Rows over which the simulator's cycles are averaged, and as many before them.
const ROWS: usize = 32;

/// What bounds a row packet's time, in cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Beats of the row packet, or of the keys that its queries are multiplied with.
    pub input: usize,
    /// Values read.
    pub visits: usize,
    /// Handing out what was summed.
    pub output: usize,
}

impl Bounds {
    /// For a row packet of `keys` keys of which `survivors` survive in one of its rows or another.
    pub fn of(c: &Configuration, keys: usize, survivors: usize) -> Self {
        Bounds {
            input: c.beats(keys),
            visits: survivors * c.passes(),
            output: c.passes() * output_cycles(c),
        }
    }

    /// The largest of them.
    pub fn cycles(self) -> usize {
        self.input.max(self.visits).max(self.output)
    }
}

/// Cycles from one pass's sums in the normalizer to those of the next.
fn output_cycles(c: &Configuration) -> usize {
    let beats = c.query_block * c.lanes / c.output_lanes;
    preparation_cycles(c) as usize + beats + extra_registers(c) as usize
}

/// Survivors that the table has a line for.
fn cases(c: &Configuration) -> Vec<usize> {
    let n = c.max_keys;
    let mut cases = match c.accumulate {
        Accumulate::Multiply => vec![n],
        _ => vec![1, n / 16, n / 8, n / 4, n / 2, n],
    };
    cases.retain(|survivors| *survivors > 0);
    cases.dedup();
    cases
}

/// Cycles a row packet of the longest rows takes in steady state, by the simulator.
pub(super) fn simulated(c: &Configuration, survivors: usize) -> Result<f64, PackagingError> {
    let total = |blocks: usize| -> Result<f64, PackagingError> {
        let codes = codes(c, survivors);
        let rows = vec![&codes[..]; c.query_block];
        let complement = c.normalize == Normalize::Complement;
        let block = BlockRows::new(c.max_keys, &rows[..]).with_largest(complement.then_some(0));
        let mut workload = Workload::new(c);
        workload.push_head(c.max_keys, vec![block; blocks])?;
        let run = simulate(c, &workload, &Ports::free())?;
        Ok(run.transfers.last().copied().unwrap_or(0) as f64)
    };
    Ok((total(2 * ROWS)? - total(ROWS)?) / ROWS as f64)
}

/// Evenly spread survivors, of all levels one after the other; key 0 is one of them.
fn codes(c: &Configuration, survivors: usize) -> Vec<u8> {
    let mut codes = vec![0; c.max_keys];
    let levels = c.levels_count();
    for index in 0..survivors {
        codes[index * c.max_keys / survivors] = (levels - index % levels) as u8;
    }
    codes
}

/// The section.
pub(super) fn performance(
    c: &Configuration,
    latencies: &[Latency],
) -> Result<String, PackagingError> {
    Ok(format!("{}\n{}", throughput(c)?, latency(c, latencies)))
}

fn throughput(c: &Configuration) -> Result<String, PackagingError> {
    let (w, passes, block) = (c.keys_per_beat, c.passes(), c.query_block);
    let packet = match block {
        1 => "row".to_string(),
        block => format!("block of {block} rows"),
    };
    let input = match c.input {
        Input::Qkv => "the keys are read in as many cycles",
        _ => "the beats of the row",
    };
    let survivors = match (c.accumulate, block) {
        (Accumulate::Multiply, _) => "s = n, as nothing is pruned",
        (_, 1) => "s survivors",
        _ => "s keys that survive in one row of the block or another",
    };
    let (beats, wait) = (block * c.lanes / c.output_lanes, preparation_cycles(c));
    let mut output = format!("{beats} output beats");
    if wait > 0 {
        let what = match (division_cycles(c) > 0, c.accumulate) {
            (true, Accumulate::Bucket) => "levels and the division",
            (true, _) => "the division",
            _ => "the levels",
        };
        output += &format!(" and {wait} cycles before them for {what}");
    }
    if extra_registers(c) > 0 {
        output += " and a cycle between two rows";
    }
    let times = match passes {
        1 => String::new(),
        passes => format!(", {passes} times"),
    };
    let mut text = format!(
        "### Throughput\n\nIn steady state a {packet} of n keys takes, in cycles, the largest of\n\n\
         - ceil(n / {w}): {input}; {} for n = {}\n\
         - {}s: {survivors}, {passes} {} each{}\n\
         - {}: {output}{times}\n",
        c.beats(c.max_keys),
        c.max_keys,
        match passes {
            1 => String::new(),
            passes => format!("{passes} "),
        },
        if passes == 1 { "cycle" } else { "cycles" },
        match c.normalize {
            Normalize::Complement => "; the largest key counts, survivor or not",
            _ => "",
        },
        passes * output_cycles(c),
    );
    if c.accumulate == Accumulate::Sorted {
        text += &format!(
            "\nLevels that a row does not have cost a cycle each where the sum has to be doubled over them, at most {} a row and \
             pass.\n",
            c.max_shift.unwrap_or(0)
        );
    }
    if c.input != Input::Probabilities {
        let (known, offset) = (way(c), offset_cycles(c));
        text += &format!(
            "\nAs at most four rows can be under way between two buffers, a {packet} of b = ceil(n / {w}) beats takes (2 b + {}) / 4 \
             cycles at least; that is no more than b from b = {} on.\n",
            known.max(offset) as i64 - 1,
            (known.max(offset) as usize).saturating_sub(1).div_ceil(2)
        );
    }
    text += "\nRows overlap: a row of many survivors and one of few even out, as up to two full rows wait in the queue. \
             The counters `COUNT_STALL_INPUT`, `COUNT_STALL_VALUE` and `COUNT_STALL_OUTPUT` tell what a core waits for.\n\n";
    let mut table = Table::new(&[
        ">survivors",
        ">of the keys",
        ">ceil(n / W)",
        ">survivors' cycles",
        ">output",
        ">largest",
        ">simulated",
    ]);
    for survivors in cases(c) {
        let bounds = Bounds::of(c, c.max_keys, survivors);
        let share = 100.0 * survivors as f64 / c.max_keys as f64;
        table.row([
            survivors.to_string(),
            format!("{share:.1} %"),
            bounds.input.to_string(),
            bounds.visits.to_string(),
            bounds.output.to_string(),
            bounds.cycles().to_string(),
            format!("{:.1}", simulated(c, survivors)?),
        ]);
    }
    text += &format!(
        "Cycles a {packet} of n = {} keys, survivors spread evenly{}. *Simulated*: by the cycle-accurate simulator, {ROWS} rows \
         after {ROWS} others, ports that never stall.\n\n{table}",
        c.max_keys,
        match block {
            1 => "",
            _ => ", the same in all rows of the block",
        }
    );
    Ok(text)
}

/// Cycles from the first beat of scores, or of keys that are read, to the row's maximum, besides its
/// beats.
fn way(c: &Configuration) -> u32 {
    let engine = match c.input {
        Input::Qkv => score_engine_cycles(c),
        _ => 0,
    };
    engine + maximum_cycles(c)
}

fn latency(c: &Configuration, latencies: &[Latency]) -> String {
    let from = match c.input {
        Input::Qkv => "the block's last query is taken",
        _ => "its first beat is taken",
    };
    let code = match c.input {
        Input::Probabilities => match code_latency(c, 1) {
            1 => "A probability's code is computed in the cycle after that in which its beat was taken.".into(),
            cycles => format!("A probability's code is computed {cycles} cycles after its beat was taken."),
        },
        _ => {
            let fixed = (way(c) + offset_cycles(c)) as usize + quantizer_registers(c);
            format!(
                "A row passes twice before its first code is computed, once for its largest score and once for the sum of powers: \
                 2 ceil(n / {}) + {fixed} cycles after {from}, {} for n = {}. The other codes follow a beat a cycle.",
                c.keys_per_beat,
                code_latency(c, c.max_keys),
                c.max_keys
            )
        }
    };
    let mut table = Table::new(&[">keys n", ">to the first code", ">to the first output beat"]);
    for measured in latencies {
        table.row([
            measured.keys.to_string(),
            code_latency(c, measured.keys).to_string(),
            measured.cycles.to_string(),
        ]);
    }
    let load = c.passes();
    let alone = match c.accumulate {
        Accumulate::Multiply => "every key visited",
        _ => "key 0 the only survivor",
    };
    format!(
        "### Latency\n\n{code} Each survivor after that takes {} {}, and the output follows the last one.\n\n\
         Cycles of a row in an idle core with its head loaded, {alone}; from the cycle in which {from} to that in which its \
         first code is computed (by the formula) and that in which its first output beat is offered (measured on the core's netlist).\n\n{table}\n\
         Loading a head of n keys takes {} cycles{}; with one bank it can begin when the head before is finished, with two while \
         it is in use (this core has {}).\n",
        load,
        if load == 1 { "cycle" } else { "cycles" },
        match load {
            1 => "n".to_string(),
            passes => format!("{passes} n"),
        },
        match c.input {
            Input::Qkv => ", values and keys at the same time",
            _ => "",
        },
        match c.value_banks {
            1 => "one".to_string(),
            banks => banks.to_string(),
        }
    )
}
