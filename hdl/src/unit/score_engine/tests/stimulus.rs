//! What the tests send, and when everything happens: times follow from what each event has to wait
//! for.

use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{BANK_LAG, WRITE_LAG, wire_registers};
use ndarray::Array2;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

pub(super) struct Block {
    pub row_length: usize,
    pub score_shift: u32,
    pub causal: bool,
    /// [B, D].
    pub queries: Array2<i8>,
}

pub(super) struct Head {
    /// [K, D]; K may be over `max_keys`.
    pub keys: Array2<i8>,
    pub blocks: Vec<Block>,
}

/// How eager everything around the engine is.
pub(super) struct Pace {
    /// Idle cycles before each query and each key, at most.
    pub gap: u64,
    /// Of 256 cycles, how many have no room for a beat, and as many none for another block.
    pub denied: u32,
}

/// A query or key on its stream: offered in the first of these cycles, taken in the second.
#[derive(Clone, Copy)]
pub(super) struct Transfer {
    pub offered: u64,
    pub taken: u64,
}

/// A beat whose issue is expected.
pub(super) struct Issue {
    pub cycle: u64,
    pub head: usize,
    pub block: usize,
    pub beat: usize,
    pub last: bool,
}

pub(super) struct Plan {
    pub queries: Vec<Transfer>,
    pub keys: Vec<Transfer>,
    pub issues: Vec<Issue>,
    /// By cycle, `room` and `row_room`; both are high beyond.
    pub room: Vec<[bool; 2]>,
}

pub(super) fn small(name: &str) -> Configuration {
    Configuration {
        lanes: 4,
        head_dimension: 4,
        output_lanes: 1,
        ..Configuration::named(name).expect("known")
    }
}

pub(super) fn random_configuration(rng: &mut ChaCha8Rng) -> Configuration {
    let head_dimension = rng.random_range(1..=9);
    let keys_per_beat = 1 << rng.random_range(0..=3);
    let c = Configuration {
        head_dimension,
        lanes: head_dimension,
        keys_per_beat,
        max_keys: rng.random_range(keys_per_beat.max(2)..=33),
        query_block: 1 << rng.random_range(0..=3),
        value_banks: rng.random_range(1..=2),
        pipeline_depth: rng.random_range(1..=3),
        fraction_bits: Some(0),
        score_bits: Some(rng.random_range(1..=32)),
        distance_bits: Some(5),
        guard_bits: Some(4),
        score_thresholds: (-7..0).collect(),
        value_bits: 8,
        ..small("nano_qkv")
    };
    c.validate().expect("legal");
    c
}

pub(super) fn random_vectors(rng: &mut ChaCha8Rng, count: usize, c: &Configuration) -> Array2<i8> {
    let extreme = rng.random_ratio(1, 4);
    Array2::from_shape_simple_fn((count, c.head_dimension), || match extreme {
        true => [i8::MIN, i8::MAX][rng.random_range(0..2)],
        false => rng.random(),
    })
}

/// Rows never reach beyond the keys that were loaded, unless these are all that the unit holds.
pub(super) fn random_head(rng: &mut ChaCha8Rng, c: &Configuration, blocks: usize) -> Head {
    let n = c.max_keys;
    let rows = c.query_block;
    let full = rng.random_ratio(1, 2) || n < rows;
    let keys = match full {
        true => rng.random_range(n..=n + 2),
        false => rng.random_range(rows.max(2) - 1..=n),
    };
    let most = |causal: bool| match full {
        true => (1 << c.length_bits()) - 1,
        false if causal => keys - (rows - 1),
        false => keys,
    };
    let blocks = (0..blocks)
        .map(|_| {
            let causal = rows > 1 && rng.random();
            Block {
                row_length: rng.random_range(0..=most(causal)),
                score_shift: match rng.random_ratio(1, 8) {
                    true => rng.random_range(0..32),
                    false => rng.random_range(0..12),
                },
                causal,
                queries: random_vectors(rng, rows, c),
            }
        })
        .collect();
    Head {
        keys: random_vectors(rng, keys, c),
        blocks,
    }
}

impl Block {
    fn beats(&self, c: &Configuration) -> usize {
        let longest = self.row_length_of(c.query_block - 1).min(c.max_keys);
        longest.div_ceil(c.keys_per_beat).max(1)
    }

    pub fn row_length_of(&self, row: usize) -> usize {
        self.row_length + if self.causal { row } else { 0 }
    }
}

impl Plan {
    /// When everything happens, each event as soon as those that it waits for allow.
    pub fn of(c: &Configuration, heads: &[Head], pace: &Pace, rng: &mut ChaCha8Rng) -> Self {
        let mut plan = Plan {
            queries: Vec::new(),
            keys: Vec::new(),
            issues: Vec::new(),
            room: (0..4000)
                .map(|_| [(); 2].map(|()| rng.random_range(0..256) >= pace.denied))
                .collect(),
        };
        let wire = u64::from(wire_registers(c));
        let (mut released, mut staged_free, mut key_free) = (Vec::new(), 0, 0);
        for (index, head) in heads.iter().enumerate() {
            let bank_given_up = index.checked_sub(c.value_banks).map(|h| released[h]);
            for _ in head.keys.outer_iter() {
                let offered = offered(&plan.keys, pace, rng);
                let lag = wire * u64::from(WRITE_LAG);
                let writable = bank_given_up.map_or(0, |cycle: u64| cycle + 1 + lag);
                let taken = offered.max(writable).max(key_free);
                key_free = taken + 1;
                plan.keys.push(Transfer { offered, taken });
            }
            let lag = wire * u64::from(BANK_LAG);
            let loaded = key_free.max(released.last().map_or(0, |read| read + 1 + lag));
            key_free += lag;
            for (block, queries) in head.blocks.iter().enumerate() {
                // All queries, or all but the last one, are staged as they come.
                let staged = c.query_block - 1 + usize::from(wire > 0);
                let mut ready = 0;
                for _ in 0..staged {
                    let offered = offered(&plan.queries, pace, rng);
                    let taken = offered.max(staged_free);
                    plan.queries.push(Transfer { offered, taken });
                    ready = taken + 1;
                }
                if staged == c.query_block {
                    let first = plan.issue(ready.max(loaded), index, block, queries.beats(c));
                    staged_free = first + 1;
                } else {
                    let offered = offered(&plan.queries, pace, rng);
                    let taken = plan.issue(offered.max(loaded), index, block, queries.beats(c));
                    plan.queries.push(Transfer { offered, taken });
                }
            }
            released.push(plan.issues.last().map_or(0, |issue| issue.cycle));
        }
        plan
    }

    /// The issues of a block, whose first is at `earliest` at the earliest; gives its cycle.
    fn issue(&mut self, earliest: u64, head: usize, block: usize, beats: usize) -> u64 {
        for beat in 0..beats {
            let free = self.issues.last().map_or(0, |issue| issue.cycle + 1);
            let from = if beat == 0 { earliest.max(free) } else { free };
            let allowed = |cycle: &u64| {
                let [room, row_room] = self.room_at(*cycle);
                room && (beat > 0 || row_room)
            };
            let cycle = (from..).find(allowed).expect("endless");
            let last = beat + 1 == beats;
            let issue = Issue {
                cycle,
                head,
                block,
                beat,
                last,
            };
            self.issues.push(issue);
        }
        self.issues[self.issues.len() - beats].cycle
    }

    pub fn room_at(&self, cycle: u64) -> [bool; 2] {
        self.room.get(cycle as usize).copied().unwrap_or([true; 2])
    }
}

fn offered(transfers: &[Transfer], pace: &Pace, rng: &mut ChaCha8Rng) -> u64 {
    let free = transfers.last().map_or(0, |before| before.taken + 1);
    free + rng.random_range(0..=pace.gap)
}
