//! From beats of scores to beats of distances from the row's logarithm: score buffer and maximum,
//! distance buffer and offset.

use crate::Cycle;
use crate::engine::ScoreSource;
use crate::reserved::ReservedQueue;
use crate::ring::Ring;
use crate::selector::{Feed, Transfers};
use crate::way::Way;
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{
    RESERVED_PLACES, ROW_SLOTS, distance_buffer_depth, maximum_cycles, offset_cycles,
    quantizer_registers, score_buffer_depth, wire_registers,
};

/// Row statistics, which hold every beat of a row until its maximum, and then until its offset, is
/// known.
pub(crate) struct Scores<S> {
    source: S,
    /// Every beat's way to the quantizer is stepped through.
    stepped: bool,
    /// Cycles from a row's last scores to its maximum.
    maximum: Cycle,
    /// Cycles from the read of a row's last scores to its offset.
    offset: Cycle,
    score_buffer: Ring,
    /// Rows between their first score and the read of their last one.
    score_rows: Ring,
    distance_buffer: Ring,
    /// Rows between the read of their first score and that of their last distance.
    distance_rows: Ring,
    /// First cycle in which the score buffer can be read again.
    next: Cycle,
    /// First cycle in which the distances of the row in hand can be read.
    known: Cycle,
    /// Cycle in which the last distances were read.
    read: Cycle,
    /// What is between the distance buffer's register and the last one before the selector.
    passage: Passage,
    /// Cycle in which they were taken from there, where it is told.
    taken: Cycle,
}

impl<S: ScoreSource> Scores<S> {
    pub(crate) fn new(c: &Configuration, source: S, stepped: bool) -> Self {
        Scores {
            source,
            stepped,
            maximum: Cycle::from(maximum_cycles(c)),
            offset: Cycle::from(offset_cycles(c)),
            score_buffer: Ring::new(score_buffer_depth(c)),
            score_rows: Ring::new(ROW_SLOTS),
            distance_buffer: Ring::new(distance_buffer_depth(c)),
            distance_rows: Ring::new(ROW_SLOTS),
            next: 0,
            known: 0,
            read: 0,
            passage: Passage::new(c),
            taken: 0,
        }
    }

    /// The distances of the next beat are read and move on to the quantizer, whose last register is
    /// free from cycle `free` on; gives the cycle in which they are in it.
    #[inline]
    fn step(&mut self, free: Cycle) -> Cycle {
        self.read = self.known.max(self.passage.room(self.read));
        self.distance_buffer.give_back(self.read);
        self.passage.enter(self.read, free)
    }
}

/// From the distance buffer's register to the last one before the selector.
enum Passage {
    /// Elastic registers.
    Elastic(Way),
    /// Registers that never stall and the queue behind them, and the cycles between the read of the
    /// distances and the queue's register.
    Reserved(ReservedQueue, Cycle),
}

impl Passage {
    fn new(c: &Configuration) -> Self {
        let registers = quantizer_registers(c);
        match wire_registers(c) {
            0 => Passage::Elastic(Way::new(registers)),
            _ => Passage::Reserved(ReservedQueue::new(registers + 1), registers as Cycle),
        }
    }

    /// Registers, or cycles, before the last one.
    fn before(&self) -> Cycle {
        match self {
            Passage::Elastic(way) => way.before(),
            Passage::Reserved(_, before) => *before,
        }
    }

    /// Beats of a run that is taken one a cycle until the last ones are where the rest follows them.
    fn settles(&self) -> usize {
        match self {
            Passage::Elastic(way) => 2 + way.before() as usize,
            // A beat waits for a place that one of the run has left, and so does the one before it.
            Passage::Reserved(..) => RESERVED_PLACES + 2,
        }
    }

    /// The first cycle in which the next beat may be read if the one before was in cycle `before`.
    #[inline]
    fn room(&self, before: Cycle) -> Cycle {
        match self {
            Passage::Elastic(way) => way.entered(),
            Passage::Reserved(queue, _) => queue.room().max(before + 1),
        }
    }

    /// A beat is read in cycle `read`; gives the cycle in which it moves into the last register,
    /// which is free from cycle `free` on.
    #[inline]
    fn enter(&mut self, read: Cycle, free: Cycle) -> Cycle {
        match self {
            Passage::Elastic(way) => way.enter(read + 1, free),
            Passage::Reserved(queue, _) => queue.enter(read, free),
        }
    }

    /// `beats` more beats follow one a cycle, the last of which is taken in cycle `taken`, and the
    /// one before them was read in cycle `before`; gives the cycle in which the first one is read.
    #[inline]
    fn flow(&mut self, beats: usize, taken: Cycle, before: Cycle) -> Cycle {
        let count = beats as Cycle;
        match self {
            Passage::Elastic(way) => {
                // Each is read when the one that is so far ahead is taken.
                let last = taken - (2 + way.before());
                way.flowed(last + 1);
                last + 1 - count
            }
            Passage::Reserved(queue, _) => {
                queue.flowed(beats, taken - 1);
                before + 1
            }
        }
    }
}

impl<S: ScoreSource> Feed for Scores<S> {
    fn begin_head(&mut self, keys: usize) {
        self.source.begin_head(keys);
    }

    fn end_head(&mut self) {
        self.source.end_head();
    }

    /// Everything up to the read of the row's last score: it waits for earlier rows only, as both
    /// buffers hold two rows.
    fn begin_block(&mut self, beats: usize) -> Cycle {
        let row_free = self.score_rows.take();
        let arrived = self.source.block(beats, row_free, &mut self.score_buffer);
        let row_free = self.distance_rows.take();
        let mut next = self.next.max(arrived + self.maximum).max(row_free);
        if self.distance_buffer.take_all(next, beats) {
            self.score_buffer.give_back_all(next, beats);
            next += beats as Cycle;
        } else {
            for _ in 0..beats {
                let read = next.max(self.distance_buffer.take());
                self.score_buffer.give_back(read);
                next = read + 1;
            }
        }
        self.next = next;
        self.score_rows.give_back(next - 1);
        self.known = next - 1 + self.offset;
        self.known + 1 + self.passage.before()
    }

    fn end_block(&mut self) {
        self.distance_rows.give_back(self.read);
    }

    /// Once the row's offset is known, a beat of distances is read while the one before moves to
    /// the quantizer and the one before that is taken from there, so that the quantizer's register
    /// is never empty.
    fn is_prompt(&self) -> bool {
        !self.stepped
    }

    #[inline]
    fn taken(&mut self, first: Cycle, beats: usize) {
        let stepped = beats.min(self.passage.settles());
        for beat in 0..stepped {
            self.step(self.taken);
            self.taken = first + beat as Cycle;
        }
        if beats > stepped {
            let rest = beats - stepped;
            self.taken = first + beats as Cycle - 1;
            let next = self.passage.flow(rest, self.taken, self.read);
            self.distance_buffer.give_back_all(next, rest);
            self.read = next + rest as Cycle - 1;
        }
    }

    #[inline]
    fn quantized(&mut self, free: Cycle) -> Cycle {
        self.step(free)
    }

    fn transfers(self) -> Transfers {
        self.source.transfers()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pattern;
    use crate::engine::{Engine, ScoreStream};
    use crate::ports::Source;
    use proptest::prelude::*;

    /// One head, stepped cycle by cycle: what is in each buffer at the start of a cycle decides
    /// what moves in it. `taken` is the cycle in which each beat is taken from the quantizer.
    struct Machine<'a> {
        c: &'a Configuration,
        blocks: &'a [usize],
        source: Pattern,
        sink: Pattern,
        /// With `input = "qkv"`, the first cycle in which the keys can be read.
        loaded: Option<Cycle>,
        offering: bool,
        transfers: Vec<Cycle>,
        staged: usize,
        issued: Vec<Cycle>,
        read: Vec<Cycle>,
        read_again: Vec<Cycle>,
        /// Beats that have moved into each register from there to the quantizer's last one.
        moved: Vec<usize>,
        /// When words of a reserved queue moved into its register.
        left_queue: Vec<Cycle>,
        taken: Vec<Cycle>,
    }

    impl Machine<'_> {
        /// Blocks whose beats before index `beat` are their first one at least, and all.
        fn rows(&self, beats: usize) -> (usize, usize) {
            let ends = self.blocks.iter().scan(0, |end, block| {
                *end += block;
                Some((*end - block, *end))
            });
            let (mut begun, mut ended) = (0, 0);
            for (start, end) in ends {
                begun += usize::from(start < beats);
                ended += usize::from(end <= beats);
            }
            (begun, ended)
        }

        /// Start and end of the block of beat `beat`, if there is one.
        fn block(&self, beat: usize) -> Option<(usize, usize)> {
            let mut end = 0;
            self.blocks.iter().find_map(|block| {
                end += block;
                (beat < end).then_some((end - block, end))
            })
        }

        /// Whether beats `from..` may enter buffers of `places` places and `ROW_SLOTS` rows that
        /// the beats before `to` have left.
        fn room(&self, places: usize, from: usize, to: usize) -> bool {
            let starts = self.block(from).is_some_and(|(start, _)| start == from);
            let rows = self.rows(from).0 - self.rows(to).1;
            from - to < places && (!starts || rows < ROW_SLOTS)
        }

        /// Whether the row of beat `beat` is complete in `events`, `latency` cycles ago.
        fn complete(&self, events: &[Cycle], beat: usize, latency: u32, cycle: Cycle) -> bool {
            self.block(beat).is_some_and(|(_, end)| {
                let last = events.get(end - 1);
                last.is_some_and(|last| cycle >= last + Cycle::from(latency))
            })
        }

        fn step(&mut self, cycle: Cycle) {
            let c = self.c;
            let last = self.moved.len() - 1;
            let take = self.moved[last] > self.taken.len() && self.sink.allows(cycle);
            let mut moves = vec![false; self.moved.len()];
            let (mut behind, mut leaves) = (self.taken.len(), take);
            for register in (0..=last).rev() {
                let before = match register.checked_sub(1) {
                    Some(before) => self.moved[before],
                    None => self.read_again.len(),
                };
                let accepts = self.moved[register] == behind || leaves;
                moves[register] = before > self.moved[register] && accepts;
                (behind, leaves) = (self.moved[register], moves[register]);
            }
            let mut next_free = self.read_again.len() == behind || leaves;
            if wire_registers(c) > 0 {
                // One register, behind a queue: what is on its way there has places.
                let oldest = self.moved[last];
                let way = Cycle::from(quantizer_registers(c) as u32) + 1;
                let there = self.read_again.get(oldest);
                moves[last] = there.is_some_and(|read| cycle >= read + way)
                    && (oldest == self.taken.len() || take);
                // A place is free a cycle after its word has left it.
                let left = self
                    .left_queue
                    .iter()
                    .filter(|left| **left + 1 < cycle)
                    .count();
                next_free = self.read_again.len() - left < RESERVED_PLACES;
                if moves[last] {
                    self.left_queue.push(cycle);
                }
            }
            let read_again = next_free
                && self.complete(&self.read, self.read_again.len(), offset_cycles(c), cycle);
            let engine = self.loaded.map_or(0, |_| {
                logattn_golden::microarchitecture::score_engine_cycles(c)
            });
            let known = engine + maximum_cycles(c);
            let read = self.complete(&self.issued, self.read.len(), known, cycle)
                && self.room(
                    distance_buffer_depth(c),
                    self.read.len(),
                    self.read_again.len(),
                );
            let beat = self.issued.len();
            let wanted = self
                .block(beat)
                .is_some_and(|_| self.room(score_buffer_depth(c), beat, self.read.len()));
            // Of the queries of a block, all but the last one leave the stream register by themselves.
            let starts = self.block(beat).is_some_and(|(start, _)| start == beat);
            let (leaves, issue) = match self.loaded {
                None => {
                    let issue = wanted && self.transfers.len() > beat;
                    (issue, issue)
                }
                Some(loaded) => {
                    let offered = self.transfers.len() > self.staged;
                    if wire_registers(c) > 0 {
                        let whole = self.staged == (self.rows(beat).0 + 1) * c.query_block;
                        let issue = wanted && (!starts || (whole && cycle >= loaded));
                        (offered && !whole, issue)
                    } else {
                        let last = self.staged % c.query_block == c.query_block - 1;
                        let issue = wanted && (!starts || (offered && last && cycle >= loaded));
                        (offered && (!last || (issue && starts)), issue)
                    }
                }
            };
            let streamed = match self.loaded {
                None => self.blocks.iter().sum(),
                Some(_) => self.blocks.len() * c.query_block,
            };
            let more = self.transfers.len() < streamed;
            self.offering |= more && self.source.allows(cycle);
            let transfer = self.offering && self.transfers.len() - self.staged < 2;

            for (moved, moves) in self.moved.iter_mut().zip(&moves) {
                *moved += usize::from(*moves);
            }
            self.staged += usize::from(leaves);
            self.offering &= !transfer;
            for (happens, events) in [
                (take, &mut self.taken),
                (read_again, &mut self.read_again),
                (read, &mut self.read),
                (issue, &mut self.issued),
                (transfer, &mut self.transfers),
            ] {
                if happens {
                    events.push(cycle);
                }
            }
        }
    }

    /// The cycles of the stream's transfers and of the beats that are taken, by the machine.
    fn stepped(
        c: &Configuration,
        blocks: &[usize],
        (source, sink): (Pattern, Pattern),
        loaded: Option<Cycle>,
    ) -> (Vec<Cycle>, Vec<Cycle>) {
        let mut machine = Machine {
            c,
            blocks,
            source,
            sink,
            loaded,
            offering: false,
            transfers: Vec::new(),
            staged: 0,
            issued: Vec::new(),
            read: Vec::new(),
            read_again: Vec::new(),
            moved: match wire_registers(c) {
                0 => vec![0; quantizer_registers(c) + 1],
                _ => vec![0],
            },
            left_queue: Vec::new(),
            taken: Vec::new(),
        };
        let beats: usize = blocks.iter().sum();
        let mut cycle = 0;
        while machine.taken.len() < beats {
            machine.step(cycle);
            cycle += 1;
            assert!(cycle < 1_000_000, "the machine hangs");
        }
        (machine.transfers, machine.taken)
    }

    /// The same by the simulator, in which the sink takes over where the selector is.
    fn simulated<S: ScoreSource>(
        mut scores: Scores<S>,
        blocks: &[usize],
        keys: usize,
        sink: Pattern,
    ) -> (Vec<Cycle>, Vec<Cycle>) {
        let (mut free, mut next, mut taken) = (0, 0, Vec::new());
        scores.begin_head(keys);
        for beats in blocks {
            next = next.max(scores.begin_block(*beats) + 1);
            if scores.is_prompt() && sink == Pattern::Always {
                scores.taken(next, *beats);
                taken.extend(next..next + *beats as Cycle);
                next += *beats as Cycle;
            } else {
                for _ in 0..*beats {
                    if !scores.is_prompt() {
                        next = next.max(scores.quantized(free) + 1);
                    }
                    free = sink.next(next);
                    if scores.is_prompt() {
                        scores.taken(free, 1);
                    }
                    taken.push(free);
                    next = free + 1;
                }
            }
            scores.end_block();
        }
        (scores.transfers().attn, taken)
    }

    fn pattern() -> impl Strategy<Value = Pattern> {
        prop_oneof![
            Just(Pattern::Always),
            (any::<u64>(), 1_u8..200).prop_map(|(seed, stalled)| Pattern::Random { seed, stalled }),
        ]
    }

    fn units() -> impl Strategy<Value = Configuration> {
        const NAMES: [&str; 5] = [
            "nano_scores",
            "nano_qkv",
            "base",
            "base_scores",
            "server_qkv",
        ];
        (prop::sample::select(&NAMES), 3_u32..8, 1_u32..=3).prop_map(|(name, keys, depth)| {
            let mut c = Configuration::named(name).expect("known");
            (c.max_keys, c.pipeline_depth) = (1 << keys, depth);
            c
        })
    }

    proptest! {
        #[test]
        fn every_beat_is_where_the_machine_has_it(
            c in units(),
            blocks in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
            source in pattern(),
            sink in pattern(),
        ) {
            let most = c.beats(c.max_keys);
            let blocks: Vec<usize> = blocks.iter().map(|beats| beats.index(most) + 1).collect();
            let keys = c.max_keys;
            let (attn, always) = (|traced| Source::new(source, traced), Pattern::Always);
            if c.input == logattn_golden::Input::Scores {
                let expected = stepped(&c, &blocks, (source, sink), None);
                let scores = |traced| Scores::new(&c, ScoreStream::new(attn(traced)), traced);
                prop_assert_eq!(&simulated(scores(true), &blocks, keys, sink), &expected);
                prop_assert_eq!(simulated(scores(false), &blocks, keys, sink).1, expected.1);
            } else {
                // The first key comes in cycle 0 and is written in the next.
                let expected = stepped(&c, &blocks, (source, sink), Some(keys as Cycle + 1));
                let engine = |traced| {
                    let engine = Engine::new(&c, attn(traced), Source::new(always, false));
                    Scores::new(&c, engine, traced)
                };
                prop_assert_eq!(&simulated(engine(true), &blocks, keys, sink), &expected);
                prop_assert_eq!(simulated(engine(false), &blocks, keys, sink).1, expected.1);
            }
        }
    }
}
