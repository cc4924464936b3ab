//! How often things happened in a unit.

use crate::levels::Shifts;
use crate::memory::{Strategy, SurvivorMap};
use logattn_golden::config::{Accumulate, Configuration, Input, Normalize};
use serde::Serialize;
use std::ops::AddAssign;

/// How often things happened in a unit, over some groups.
///
/// `elements`, `survivors` and `visits` are what the unit's own counters of keys, survivors and
/// value reads show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Activity {
    /// Rows, without those that fill up a query block.
    pub rows: u64,
    /// Query blocks.
    pub blocks: u64,
    /// Keys within the rows' lengths, over all rows.
    pub elements: u64,
    /// Beats of the attention stream (with `input = "qkv"`: of keys), over all query blocks.
    pub beats: u64,
    /// Entries of the survivor selector's queue: beats with a key to visit (with
    /// `normalize = "complement"` other than the largest, which the first entry brings along), one
    /// for a query block without any.
    pub entries: u64,
    /// Keys with a code other than 0, over all rows.
    pub survivors: u64,
    /// Words read from the value memory: the keys that a query block visits, once a pass; a
    /// sorted row's largest key as often as its weight has bits (`normalize = "complement"`).
    pub visits: u64,
    /// Words written to the value memory, each `lanes` values of one key.
    pub value_words_loaded: u64,
    /// Keys written to the key memory; 0 without `input = "qkv"`.
    pub keys_loaded: u64,
}

impl Activity {
    /// What the rows of one KV head make happen in a unit.
    ///
    /// Values (and keys) go through the unit's memories under every strategy; what differs is how
    /// often they are written there. The int8 twin visits every key, and
    /// [`Strategy::Skip`] is [`Strategy::DenseRefetch`] for it.
    ///
    /// # Arguments
    /// - `map`: the rows, in the order in which the unit plays them; all of their keys are new to
    ///   the unit ([`Activity::of_new_keys`] for a step of decode).
    pub fn of(configuration: &Configuration, map: &SurvivorMap, strategy: Strategy) -> Self {
        Self::of_new_keys(configuration, map, strategy, map.keys())
    }

    /// The same, where [`Strategy::LoadOnce`] brings in `new_keys` keys only: the others are on
    /// chip already.
    pub fn of_new_keys(
        configuration: &Configuration,
        map: &SurvivorMap,
        strategy: Strategy,
        new_keys: usize,
    ) -> Self {
        let c = configuration;
        let twin = c.accumulate == Accumulate::Multiply;
        let passes = c.passes() as u64;
        let mut activity = Activity {
            rows: map.rows() as u64,
            elements: map.elements(),
            survivors: map.survivors(),
            ..Activity::default()
        };
        let (mut visited, mut again, mut fetched) = (0, 0, 0);
        let shifts = Shifts::of(c).filter(|_| c.normalize == Normalize::Complement);
        let mut union = Vec::new();
        for rows in map.blocks(c.query_block) {
            let longest = map.longest(rows.clone());
            let beats = c.beats(longest) as u64;
            map.union(rows.clone(), &mut union);
            let (keys, entries) = if twin {
                (longest as u64, beats)
            } else {
                let keys = ones(&union);
                if let Some(shifts) = &shifts {
                    let others = map.others(rows.clone());
                    let visits = others
                        .map(|others| shifts.largest(others.iter().copied()).all_visits() as i64);
                    again += visits.map(|visits| visits - 1).sum::<i64>();
                }
                for key in map.largest(rows) {
                    union[key / 64] &= !(1 << (key % 64));
                }
                (keys, groups(&union, c.keys_per_beat))
            };
            activity.blocks += 1;
            activity.beats += beats;
            activity.entries += entries.max(1);
            visited += keys;
            fetched += longest as u64;
        }
        let new_keys = new_keys.min(map.keys()) as u64;
        let (values, keys) = match strategy {
            Strategy::LoadOnce => (new_keys, new_keys),
            Strategy::DenseRefetch => (fetched, fetched),
            Strategy::Skip => (visited, fetched),
        };
        activity.visits = visited.saturating_add_signed(again) * passes;
        activity.value_words_loaded = values * passes;
        if c.input == Input::Qkv {
            activity.keys_loaded = keys;
        }
        activity
    }
}

fn ones(words: &[u64]) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// Groups of `width` bits (a power of two) of a bitmap that have a one.
fn groups(words: &[u64], width: usize) -> u64 {
    let width = width.clamp(1, 64) as u32;
    let mask = u64::MAX >> (64 - width);
    let mut groups = 0;
    for word in words {
        let mut rest = *word;
        while rest != 0 {
            let start = rest.trailing_zeros() / width * width;
            rest &= !(mask << start);
            groups += 1;
        }
    }
    groups
}

impl AddAssign for Activity {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.blocks += other.blocks;
        self.elements += other.elements;
        self.beats += other.beats;
        self.entries += other.entries;
        self.survivors += other.survivors;
        self.visits += other.visits;
        self.value_words_loaded += other.value_words_loaded;
        self.keys_loaded += other.keys_loaded;
    }
}
