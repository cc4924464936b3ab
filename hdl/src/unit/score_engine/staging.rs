//! All queries of the next block in registers, with what is sampled with the last one.

use super::super::row_lengths::longest_row;
use super::super::{Builder, bit, ceil_log2, loaded};
use super::Queries;
use crate::netlist::{Instance, Signal, unsigned};
use logattn_golden::config::Configuration;

/// The next block.
pub(super) struct Staged {
    /// What is sampled with it; `valid` is a register that says that all of it is there, and the keys
    /// too, but in a cycle with `held_off`; `data` is of its last query.
    pub queries: Queries,
    /// All of it is there in the next cycle, unless it starts.
    next: Signal,
    /// A block started, or the keys were given up, in the cycle before. So late are both that
    /// `valid` is a cycle behind.
    held_off: Signal,
    /// Its queries.
    pub block: Vec<Signal>,
    /// A query is taken.
    pub ready: Signal,
    /// To be driven: the block starts, and the registers are free in the cycle after.
    pub starts: Signal,
}

impl Staged {
    /// Says when the block may start as far as its queries and keys go: gives that.
    pub(super) fn update(&self, m: &mut Builder, memory: &Instance) -> Signal {
        let next = m.and(self.next, memory.output("loaded_next"));
        m.update(self.queries.valid, next);
        let holds = m.or(self.starts, memory.output("released"));
        m.update(self.held_off, holds);
        let free = m.not(self.held_off);
        let known = m.and(self.queries.valid, free);
        m.name(known, "start_known")
    }
}

/// Stages the queries of the next block as they come.
pub(super) fn stage(m: &mut Builder, c: &Configuration, incoming: &Queries) -> Staged {
    let starts = m.wire("block_starts", bit());
    let valid = m.register_reset("start_told", bit(), 0);
    let held_off = m.register_reset("held_off", bit(), 0);
    let ready = m.register_reset("s_query_ready_now", bit(), 1);
    let whole = m.not(ready);
    let taken = m.and(incoming.valid, ready);
    let taken = m.name(taken, "query_taken");
    let count = (c.query_block > 1).then(|| {
        let count = m.register_reset("staged", unsigned(ceil_log2(c.query_block)), 0);
        let one = m.constant(1, count.ty());
        m.comment("a block is a power of two, so that the count wraps by itself");
        let next = m.add(count, one);
        m.update_if(count, taken, next);
        count
    });
    let is_last = match count {
        Some(count) => m.all(count),
        None => m.constant(1, bit()),
    };
    let completes = m.and(taken, is_last);
    let next = m.or(completes, whole);
    let next = m.name(next, "block_staged_next");
    let gathers = m.not(next);
    let free = m.or(starts, gathers);
    m.update(ready, free);

    let block: Vec<Signal> = (0..c.query_block)
        .map(|row| {
            let loads = match count {
                Some(count) => {
                    let index = m.constant(row as u64, count.ty());
                    let own = m.eq(count, index);
                    m.and(ready, own)
                }
                None => ready,
            };
            loaded(m, &format!("staged_{row}"), loads, incoming.data)
        })
        .collect();
    let longest = longest_row(m, c, incoming.row_length, incoming.causal);
    let one_beat = (c.max_keys > c.keys_per_beat).then(|| {
        let one_beat = m.constant(c.keys_per_beat as u64, longest.ty());
        m.le(longest, one_beat)
    });
    let mut keep = |name: &str, signal: Signal| loaded(m, &format!("staged_{name}"), ready, signal);
    let row_length = keep("row_length", incoming.row_length);
    let longest = match incoming.causal {
        Some(_) => keep("longest", longest),
        None => row_length,
    };
    let queries = Queries {
        data: block[block.len() - 1],
        valid,
        row_length,
        score_shift: keep("score_shift", incoming.score_shift),
        causal: incoming.causal.map(|causal| keep("causal", causal)),
        longest: Some((longest, one_beat.map(|one_beat| keep("one_beat", one_beat)))),
        ..*incoming
    };
    Staged {
        queries,
        next,
        held_off,
        block,
        ready,
        starts,
    }
}
