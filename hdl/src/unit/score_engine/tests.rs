//! The engine in every cycle: which query and key it takes, when it issues a beat, and what comes
//! out. Scores are golden's, shifted and saturated here.

mod stimulus;

use self::stimulus::{
    Block, Head, Issue, Pace, Plan, Transfer, random_configuration, random_head, random_vectors,
    small,
};
use super::score_engine;
use crate::netlist::Evaluator;
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::score_engine_cycles;
use logattn_golden::scores::scores;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};

/// What a beat is expected to give; scores of keys outside their rows are anything.
struct Output {
    inside: Vec<bool>,
    scores: Vec<Option<i64>>,
    saturated: bool,
    last: bool,
}

fn output(c: &Configuration, head: &Head, issue: &Issue) -> Output {
    let block = &head.blocks[issue.block];
    let products = scores(block.queries.view(), head.keys.view()).expect("same D");
    let most = (1_i64 << (c.attention_bits() - 1)) - 1;
    let (mut inside, mut expected, mut saturated) = (Vec::new(), Vec::new(), false);
    for place in 0..c.keys_per_beat {
        let key = issue.beat * c.keys_per_beat + place;
        for row in 0..c.query_block {
            let within = key < block.row_length_of(row).min(c.max_keys);
            let y =
                within.then(|| i64::from(products[[row, key]]).div_euclid(1 << block.score_shift));
            let fitting = y.map(|y| y.clamp(-most - 1, most));
            saturated |= fitting != y;
            inside.push(within);
            expected.push(fitting);
        }
    }
    Output {
        inside,
        scores: expected,
        saturated,
        last: issue.last,
    }
}

fn words(elements: impl IntoIterator<Item = i8>) -> Vec<u64> {
    let bytes: Vec<u8> = elements.into_iter().map(|e| e as u8).collect();
    bytes
        .chunks(8)
        .map(|chunk| (chunk.iter().rev()).fold(0, |word, byte| word << 8 | u64::from(*byte)))
        .collect()
}

/// Element `index` of a bus, in two's complement.
fn element_of(words: &[u64], index: usize, bits: u32) -> i64 {
    let bit = |i: usize| words[i / 64] >> (i % 64) & 1;
    let low = index * bits as usize;
    let value = (0..bits as usize).fold(0, |value, i| value | bit(low + i) << i);
    (value << (64 - bits)) as i64 >> (64 - bits)
}

/// How often what the tests are about happened.
#[derive(Default)]
struct Seen {
    key_waits: u64,
    too_long: u64,
    empty: u64,
    saturated: u64,
    masked_causally: u64,
}

struct Bench<'a> {
    c: &'a Configuration,
    heads: &'a [Head],
    plan: Plan,
    device: Evaluator,
}

impl Bench<'_> {
    fn run(&mut self, rng: &mut ChaCha8Rng, seen: &mut Seen) {
        let c = self.c;
        let latency = u64::from(score_engine_cycles(c));
        let heads = self.heads;
        let of_issue =
            |issue: &Issue| (issue.cycle + latency, output(c, &heads[issue.head], issue));
        let outputs: BTreeMap<u64, Output> = self.plan.issues.iter().map(of_issue).collect();
        let blocks: BTreeMap<u64, &Block> = (self.plan.issues.iter())
            .filter(|issue| issue.beat == 0)
            .map(|issue| (issue.cycle, &heads[issue.head].blocks[issue.block]))
            .collect();
        let issues: BTreeSet<u64> = self.plan.issues.iter().map(|issue| issue.cycle).collect();
        seen.key_waits += (self.plan.keys.iter())
            .filter(|key| key.taken > key.offered)
            .count() as u64;

        self.device.set("rst", 1);
        self.device.clock();
        self.device.set("rst", 0);
        self.device.set("head_blocks", heads[0].blocks.len() as u64);
        let end = outputs.keys().max().expect("there are beats") + 3;
        let (mut query, mut key) = (0, 0);
        for cycle in 0..end {
            self.drive(cycle, query, key, rng);
            self.device.settle();
            query += self.check_transfer(cycle, "query", self.plan.queries.get(query).copied());
            key += self.check_transfer(cycle, "key", self.plan.keys.get(key).copied());
            let is = |port: &str| self.device.get(port) == 1;
            assert_eq!(is("issue"), issues.contains(&cycle), "issue, cycle {cycle}");
            assert_eq!(
                is("issue_first"),
                blocks.contains_key(&cycle),
                "cycle {cycle}"
            );

            let before = cycle.wrapping_sub(1);
            let wrong_length = blocks.get(&before).is_some_and(|block| {
                let too_long = block.row_length_of(c.query_block - 1) > c.max_keys;
                seen.too_long += u64::from(too_long);
                seen.empty += u64::from(block.row_length == 0);
                block.row_length == 0 || too_long
            });
            assert_eq!(is("error_row_length"), wrong_length, "cycle {cycle}");
            if c.product_bits() > c.attention_bits() {
                let saturated = outputs.get(&before).is_some_and(|output| output.saturated);
                assert_eq!(is("error_score"), saturated, "cycle {cycle}");
                seen.saturated += u64::from(saturated);
            } else {
                assert!(self.device.port("error_score").is_err());
            }
            assert_eq!(is("m_valid"), outputs.contains_key(&cycle), "cycle {cycle}");
            if let Some(output) = outputs.get(&cycle) {
                self.check_output(cycle, output, seen);
            }
            self.device.rise();
        }
        assert_eq!(
            (query, key),
            (self.plan.queries.len(), self.plan.keys.len())
        );
        assert_eq!(self.device.collisions(), 0);
    }

    /// Sets the inputs; what is not valid is noise.
    fn drive(&mut self, cycle: u64, query: usize, key: usize, rng: &mut ChaCha8Rng) {
        let (c, device) = (self.c, &mut self.device);
        let [room, row_room] = self.plan.room_at(cycle);
        device.set("room", room.into());
        device.set("row_room", row_room.into());
        let is_offered = |transfers: &[Transfer], index: usize| {
            transfers
                .get(index)
                .is_some_and(|transfer| transfer.offered <= cycle)
        };
        let noise = || words((0..c.head_dimension).map(|_| 0x5a));

        let valid = is_offered(&self.plan.keys, key);
        let mut all = self.heads.iter().flat_map(|head| head.keys.outer_iter());
        let last = {
            let mut ends = self.heads.iter().scan(0, |sum, head| {
                *sum += head.keys.nrows();
                Some(*sum)
            });
            ends.any(|end| end == key + 1)
        };
        let data = all
            .nth(key)
            .filter(|_| valid)
            .map(|key| words(key.iter().copied()));
        device.set("s_key_valid", valid.into());
        device.set("s_key_last", if valid { last.into() } else { rng.random() });
        device.set_words("s_key_data", &data.unwrap_or_else(noise));

        let valid = is_offered(&self.plan.queries, query);
        let (block, row) = (query / c.query_block, query % c.query_block);
        let block = (self.heads.iter().flat_map(|head| &head.blocks))
            .nth(block)
            .filter(|_| valid);
        device.set("s_query_valid", valid.into());
        let data = block.map(|block| words(block.queries.row(row).iter().copied()));
        device.set_words("s_query_data", &data.unwrap_or_else(noise));
        let block = block.filter(|_| row + 1 == c.query_block);
        let length = block.map_or_else(|| rng.random(), |block| block.row_length as u64);
        device.set("row_length", length);
        let shift = block.map_or_else(|| rng.random(), |block| block.score_shift.into());
        device.set("score_shift", shift);
        if c.query_block > 1 {
            let causal = block.map_or_else(|| rng.random(), |block| block.causal.into());
            device.set("causal", causal);
        }
    }

    /// Checks when the transfer at the head of a stream is taken; 1 if that is now.
    fn check_transfer(&self, cycle: u64, stream: &str, next: Option<Transfer>) -> usize {
        let ready = self.device.get(&format!("s_{stream}_ready")) == 1;
        let valid = self.device.get(&format!("s_{stream}_valid")) == 1;
        let taken = next.is_some_and(|next| next.taken == cycle);
        assert_eq!(ready && valid, taken, "{stream} taken in cycle {cycle}");
        usize::from(taken)
    }

    fn check_output(&self, cycle: u64, expected: &Output, seen: &mut Seen) {
        let (device, bits) = (&self.device, self.c.attention_bits());
        let (inside, scores) = (device.get_words("m_inside"), device.get_words("m_scores"));
        assert_eq!(
            device.get("m_last"),
            u64::from(expected.last),
            "cycle {cycle}"
        );
        for (index, within) in expected.inside.iter().enumerate() {
            let found = element_of(inside, index, 1) != 0;
            assert_eq!(found, *within, "inside {index}, cycle {cycle}");
            if let Some(score) = expected.scores[index] {
                assert_eq!(
                    element_of(scores, index, bits),
                    score,
                    "score {index}, cycle {cycle}"
                );
            }
        }
        let rows = expected.inside.chunks(self.c.query_block);
        seen.masked_causally += rows.filter(|rows| !rows[0] && rows[rows.len() - 1]).count() as u64;
    }
}

fn play(
    c: &Configuration,
    heads: &[Head],
    pace: &Pace,
    rng: &mut ChaCha8Rng,
    seen: &mut Seen,
) -> Plan {
    let plan = Plan::of(c, heads, pace, rng);
    let device = Evaluator::new(&score_engine(c).expect("elaborates")).expect("flattens");
    let mut bench = Bench {
        c,
        heads,
        plan,
        device,
    };
    bench.run(rng, seen);
    bench.plan
}

#[test]
fn random_units_are_right_in_every_cycle() {
    let mut seen = Seen::default();
    for seed in 0..200 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let c = random_configuration(&mut rng);
        let blocks = rng.random_range(1..=4);
        let heads: Vec<Head> = (0..rng.random_range(1..=5))
            .map(|_| random_head(&mut rng, &c, blocks))
            .collect();
        let pace = match seed % 4 {
            0 => Pace { gap: 0, denied: 0 },
            1 => Pace {
                gap: 0,
                denied: 128,
            },
            2 => Pace { gap: 5, denied: 0 },
            _ => Pace { gap: 2, denied: 64 },
        };
        play(&c, &heads, &pace, &mut rng, &mut seen);
    }
    let Seen {
        key_waits,
        too_long,
        empty,
        saturated,
        masked_causally,
    } = seen;
    for (what, count) in [
        ("keys that wait for a bank", key_waits),
        ("rows over max_keys", too_long),
        ("rows without keys", empty),
        ("saturated beats", saturated),
        ("keys inside the last row alone", masked_causally),
    ] {
        assert!(count >= 20, "{what}: {count}");
    }
}

/// Blocks follow one another without a bubble, across heads too, if a block has as many beats as
/// queries and the next head is loaded in time.
#[test]
fn nothing_in_the_way_means_no_bubble() {
    for (query_block, keys_per_beat) in [(1, 1), (1, 4), (2, 2), (4, 1), (4, 4)] {
        let c = Configuration {
            max_keys: 16,
            keys_per_beat,
            query_block,
            value_banks: 2,
            ..small("nano_qkv")
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let heads: Vec<Head> = (0..4)
            .map(|_| Head {
                keys: random_vectors(&mut rng, 16, &c),
                blocks: (0..16)
                    .map(|_| Block {
                        row_length: 16,
                        score_shift: 3,
                        causal: false,
                        queries: random_vectors(&mut rng, query_block, &c),
                    })
                    .collect(),
            })
            .collect();
        let pace = Pace { gap: 0, denied: 0 };
        let plan = play(&c, &heads, &pace, &mut rng, &mut Seen::default());
        let beats = 4 * 16 * 16 / keys_per_beat;
        // The last key of the first head is taken in cycle 15.
        let cycles: Vec<u64> = plan.issues.iter().map(|issue| issue.cycle).collect();
        assert!(
            cycles.into_iter().eq(16..16 + beats as u64),
            "{query_block}, {keys_per_beat}"
        );
    }
}

/// By hand, in 5 bits: -128 * -128 >> 2 = 4096 and 127 * -128 >> 2 = -4064 are too large, as they
/// are with >> 5, but 1 * -128 >> 5 = -4 fits.
#[test]
fn scores_saturate_and_tell() {
    let c = Configuration {
        head_dimension: 1,
        lanes: 1,
        max_keys: 4,
        keys_per_beat: 2,
        score_bits: Some(5),
        ..small("nano_qkv")
    };
    let mut device = Evaluator::new(&score_engine(&c).expect("elaborates")).expect("flattens");
    let keys: [i8; 4] = [-128, 127, 1, -128];
    for (name, value) in [
        ("room", 1),
        ("row_room", 1),
        ("head_blocks", 9),
        ("s_key_valid", 1),
    ] {
        device.set(name, value);
    }
    for (index, key) in keys.iter().enumerate() {
        device.set("s_key_data", *key as u8 as u64);
        device.set("s_key_last", u64::from(index == 3));
        device.clock();
    }
    device.set("s_key_valid", 0);
    let mut beats = Vec::new();
    let mut pulses = 0;
    // The last key does not fit, but is outside its row the second time.
    for (row_length, score_shift) in [(2, 2), (3, 5)] {
        device.set("s_query_data", -128_i8 as u8 as u64);
        device.set("row_length", row_length);
        device.set("score_shift", score_shift);
        device.set("s_query_valid", 1);
        device.clock();
        device.set("s_query_valid", 0);
        for _ in 0..8 {
            if device.get("m_valid") == 1 {
                let scores = device.get_words("m_scores");
                beats.push([0, 1].map(|i| element_of(scores, i, 5)));
            }
            pulses += device.get("error_score");
            device.clock();
        }
    }
    assert_eq!(beats.len(), 3);
    assert_eq!(beats[0], [15, -16]);
    assert_eq!(beats[1], [15, -16]);
    assert_eq!(beats[2][0], -4);
    assert_eq!(pulses, 2);
}
