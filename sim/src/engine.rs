//! Where scores come from: `s_axis_attn`, or queries and keys that are multiplied in the unit.

use crate::Cycle;
use crate::loader::Loader;
use crate::ports::Source;
use crate::ring::Ring;
use crate::selector::Transfers;
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{score_engine_cycles, wire_registers};

/// What hands out scores, a beat a cycle at most.
pub(crate) trait ScoreSource {
    /// The next head has `keys` keys.
    fn begin_head(&mut self, keys: usize);
    /// All beats of the head have been handed out.
    fn end_head(&mut self);
    /// Hands out a block of `beats` beats, the first one not before `earliest` and each when there
    /// is a place for it in the score `buffer`; gives the cycle in which the last one arrives there.
    fn block(&mut self, beats: usize, earliest: Cycle, buffer: &mut Ring) -> Cycle;
    /// The cycles of the inputs' transfers; empty unless traced.
    fn transfers(self) -> Transfers;
}

/// `s_axis_attn` and its stream register.
pub(crate) struct ScoreStream {
    source: Source,
    /// The source never stalls and nobody asks for its transfers. Then the stream register has the
    /// next beat ready in the cycle after the one before left it.
    prompt: bool,
    /// First cycle in which the next beat can leave the stream register.
    next: Cycle,
}

impl ScoreStream {
    pub(crate) fn new(source: Source) -> Self {
        ScoreStream {
            prompt: source.is_prompt(),
            source,
            // The first beat passes the stream register.
            next: 1,
        }
    }
}

impl ScoreSource for ScoreStream {
    fn begin_head(&mut self, _: usize) {}

    fn end_head(&mut self) {}

    fn block(&mut self, beats: usize, earliest: Cycle, buffer: &mut Ring) -> Cycle {
        self.next = self.next.max(earliest);
        if self.prompt {
            let (_, last) = buffer.take_from(self.next, beats);
            self.next = last + 1;
            return last;
        }
        for _ in 0..beats {
            let leaves = self.source.send().max(self.next).max(buffer.take());
            self.source.leaves(leaves);
            self.next = leaves + 1;
        }
        self.next - 1
    }

    fn transfers(self) -> Transfers {
        Transfers {
            attn: self.source.transfers.unwrap_or_default(),
            key: Vec::new(),
        }
    }
}

/// `s_axis_query`, `s_axis_key`, the key memory and the score engine.
pub(crate) struct Engine {
    queries: Source,
    keys: Loader,
    query_block: usize,
    /// Cycles from the read of a beat of keys to its scores.
    latency: Cycle,
    /// The head's keys can be read from here on.
    loaded: Cycle,
    /// First cycle in which the next beat of keys can be read.
    next: Cycle,
    /// First cycle in which a query of the next block can be staged; absent where the last one of a
    /// block waits in its stream register.
    staged_free: Option<Cycle>,
}

impl Engine {
    pub(crate) fn new(c: &Configuration, queries: Source, keys: Source) -> Self {
        Engine {
            queries,
            keys: Loader::new(c, keys),
            query_block: c.query_block,
            latency: Cycle::from(score_engine_cycles(c)),
            loaded: 0,
            next: 0,
            staged_free: (wire_registers(c) > 0).then_some(0),
        }
    }
}

impl ScoreSource for Engine {
    fn begin_head(&mut self, keys: usize) {
        self.loaded = self.keys.load(keys);
    }

    fn end_head(&mut self) {
        self.keys.release(self.next - 1);
    }

    fn block(&mut self, beats: usize, earliest: Cycle, buffer: &mut Ring) -> Cycle {
        let ready = match self.staged_free {
            Some(free) => self.stage(free),
            None => self.gather(),
        };
        let ready = ready.max(self.loaded);
        let (first, last) = buffer.take_from(ready.max(self.next).max(earliest), beats);
        match &mut self.staged_free {
            Some(free) => *free = first + 1,
            None => self.queries.leaves(first),
        }
        self.next = last + 1;
        last + self.latency
    }

    fn transfers(self) -> Transfers {
        Transfers {
            attn: self.queries.transfers.unwrap_or_default(),
            key: self.keys.transfers(),
        }
    }
}

impl Engine {
    /// The queries of a block come, all but the last one into registers; gives the first cycle in
    /// which that one can leave its stream register.
    fn gather(&mut self) -> Cycle {
        for _ in 1..self.query_block {
            // The staging registers are free from the cycle on after the block before was started:
            // its last query left the stream register then, so this one leaves later anyway.
            let staged = self.queries.send();
            self.queries.leaves(staged);
        }
        self.queries.send()
    }

    /// The queries of a block come into registers, which are free from cycle `free` on; gives the
    /// first cycle in which all of them are there.
    fn stage(&mut self, free: Cycle) -> Cycle {
        let mut staged = 0;
        for _ in 0..self.query_block {
            staged = self.queries.send().max(free);
            self.queries.leaves(staged);
        }
        staged + 1
    }
}
