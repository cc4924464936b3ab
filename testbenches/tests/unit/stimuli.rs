//! The stimuli themselves: bits on the buses worked out by hand, and random heads that reach what
//! they are made for.

use logattn_golden::{
    Configuration, HeadInput, Input, Normalize, ScoreFormat, UnitAttention, attend_unit,
};
use logattn_testbenches::random::{Rows, configuration, heads};
use logattn_testbenches::stimulus::Sampled;
use logattn_testbenches::{Head, HeadRows, Stimulus, StimulusError};
use ndarray::{Array2, arr2};
use std::collections::BTreeSet;

/// D = 2, N = 4, two rows a block, two keys a beat.
fn tiny(input: Input) -> Configuration {
    let named = match input {
        Input::Qkv => "nano_qkv",
        Input::Probabilities | Input::Scores => "nano_scores",
    };
    Configuration {
        head_dimension: 2,
        lanes: 2,
        output_lanes: 2,
        max_keys: 4,
        keys_per_beat: 2,
        query_block: 2,
        ..Configuration::named(named).expect("known")
    }
}

fn causal_scores() -> Head {
    Head {
        rows: HeadRows::Scores(arr2(&[[1, -1, -2048], [2047, 0, 5]])),
        values: arr2(&[[1, 2], [3, 4], [5, 6]]),
        lengths: vec![2],
        sent: vec![3],
        causal: true,
    }
}

fn words(beats: &logattn_testbenches::stimulus::Beats) -> Vec<&[u32]> {
    (0..beats.len()).map(|beat| beats.words(beat)).collect()
}

#[test]
fn scores_are_key_major_and_signed() {
    let stimulus = Stimulus::new(&tiny(Input::Scores), &[causal_scores()]).expect("fits");
    // Key 0: 001, 7ff; key 1: fff, 000; key 2: 800, 005.
    assert_eq!(
        words(&stimulus.attn),
        [&[0xff7f_f001, 0xf][..], &[0x0000_5800, 0]]
    );
    assert_eq!(stimulus.attn.last, [false, true]);
    assert_eq!((stimulus.attn_name(), stimulus.key.len()), ("attn", 0));
    let lengths: Vec<u32> = stimulus.sampled.iter().map(|s| s.row_length).collect();
    assert_eq!(lengths[0], 2);
    assert_ne!(lengths[1] & 7, 2, "only the first beat's counts");
}

#[test]
fn queries_and_keys_are_a_beat_each() {
    let rows = HeadRows::Qkv {
        query: arr2(&[[1, -1], [2, -128]]),
        key: arr2(&[[3, 4], [-5, 6], [127, 0]]),
        score_shift: 4,
    };
    let head = Head {
        rows,
        causal: false,
        ..causal_scores()
    };
    let stimulus = Stimulus::new(&tiny(Input::Qkv), &[head]).expect("fits");
    assert_eq!(words(&stimulus.attn), [[0xff01], [0x8002]]);
    assert_eq!(stimulus.attn.last, [false, true]);
    assert_eq!(words(&stimulus.key), [[0x0403], [0x06fb], [0x007f]]);
    assert_eq!(stimulus.key.last, [false, false, true]);
    assert_eq!(stimulus.attn_name(), "query");
    let own = Sampled {
        row_length: 2,
        score_shift: 4,
    };
    assert_eq!(stimulus.sampled[1], own);
    let other = stimulus.sampled[0];
    assert!(other.row_length & 7 != 2 && other.score_shift & 31 != 4);
}

#[test]
fn settings_and_errors_are_those_of_the_input() {
    let scores = tiny(Input::Scores);
    let mut head = causal_scores();
    head.lengths = vec![0];
    let stimulus = Stimulus::new(&scores, &[head]).expect("fits");
    let settings = stimulus.settings();
    let of = |name: &str| {
        let found = settings.iter().find(|setting| setting.0 == name);
        found.map(|setting| &setting.1[..])
    };
    assert_eq!(of("causal"), Some(&[1][..]));
    let thresholds = of("thresholds").expect("there");
    // 7 fields of 9 bits, two's complement.
    assert_eq!(thresholds.len(), 2);
    let lowest = 512 + scores.score_thresholds[0];
    assert_eq!(thresholds[0] & 511, lowest as u32);
    assert_eq!(stimulus.errors(), [("error_row_length", 1)]);

    let mut qkv = tiny(Input::Qkv);
    let stimulus = Stimulus::new(&qkv, &[]).expect("nothing");
    assert_eq!(
        stimulus.errors(),
        [("error_row_length", 0), ("error_score", 0)]
    );
    // Products of two elements take 17 bits.
    (qkv.score_bits, qkv.query_block) = (Some(17), 1);
    let stimulus = Stimulus::new(&qkv, &[]).expect("nothing");
    assert_eq!(stimulus.errors(), [("error_row_length", 0)]);
    assert!(stimulus.settings().iter().all(|one| one.0 != "causal"));
}

#[test]
fn heads_that_do_not_fit_are_refused() {
    let scores = tiny(Input::Scores);
    let refused = |c: &Configuration, heads: &[Head]| {
        Stimulus::new(c, heads)
            .expect_err("must be refused")
            .to_string()
    };
    let mut long = causal_scores();
    long.lengths = vec![3];
    assert!(refused(&scores, &[long]).contains("length of a row is 4, expected 0..=3"));
    let plain = Head {
        causal: false,
        ..causal_scores()
    };
    let mixed = refused(&scores, &[causal_scores(), plain.clone()]);
    assert!(mixed.starts_with("head 1: causal"), "{mixed}");
    let mut few = plain.clone();
    few.sent = vec![1];
    assert!(refused(&scores, &[few]).contains("keys sent is 1, expected 2..=3"));
    let narrow = HeadRows::Qkv {
        query: Array2::zeros((2, 1)),
        key: Array2::zeros((3, 1)),
        score_shift: 0,
    };
    let narrow = Head {
        rows: narrow,
        ..plain.clone()
    };
    assert!(refused(&tiny(Input::Qkv), &[narrow]).contains("elements of a query is 1"));
    let other = Stimulus::new(&tiny(Input::Qkv), &[plain]);
    assert!(matches!(other, Err(StimulusError::Golden { head: 0, .. })));
}

/// Lengths of all rows, and what golden makes of a head.
fn attended(c: &Configuration, head: &Head) -> (Vec<usize>, UnitAttention) {
    let lengths: Vec<usize> = (0..head.rows.rows())
        .map(|row| {
            let more = if head.causal { row % c.query_block } else { 0 };
            head.lengths[row / c.query_block] + more
        })
        .collect();
    let unit = attend_unit(c, head.rows.input(), &lengths, head.values.view()).expect("fits");
    (lengths, unit)
}

/// Scores y of a head, [rows, keys], from their definition.
fn scores(head: &Head) -> Array2<i32> {
    match head.rows.input() {
        HeadInput::Probabilities(_) => panic!("no scores"),
        HeadInput::Scores(scores) => scores.to_owned(),
        HeadInput::Qkv {
            query,
            key,
            score_shift,
        } => {
            let (query, key) = (query.mapv(i32::from), key.mapv(i32::from));
            query.dot(&key.t()).mapv(|product| product >> score_shift)
        }
    }
}

/// Lengths and codes of all rows of the kind.
fn coded(c: &Configuration, rows: Rows) -> Vec<(usize, Vec<u8>)> {
    let mut all = Vec::new();
    for seed in 0..8 {
        for head in heads(c, rows, 3, 4, seed) {
            let (lengths, unit) = attended(c, &head);
            let rows = unit.codes.outer_iter().map(|row| row.to_vec());
            all.extend(lengths.into_iter().zip(rows));
        }
    }
    all
}

const SCORED: [&str; 6] = [
    "nano_scores",
    "nano_qkv",
    "base_scores",
    "base",
    "edge_scores",
    "paper_qkv",
];

/// Whether rows can be so long that of N equal keys none survives: the logarithm of N, a straight
/// line from one power of two to the next, against the lowest threshold.
fn can_be_pruned(c: &Configuration) -> bool {
    let octaves = c.max_keys.ilog2();
    let logarithm = f64::from(octaves) + c.max_keys as f64 / f64::from(1 << octaves) - 1.0;
    (logarithm * 16.0).floor() > f64::from(-c.score_thresholds[0])
}

#[test]
fn score_rows_are_what_their_kinds_say() {
    for name in SCORED {
        let c = Configuration::named(name).expect("known");
        let prunable = can_be_pruned(&c);
        for (length, codes) in coded(&c, Rows::AllPruned) {
            assert!(length > 0);
            assert_eq!(codes.iter().all(|code| *code == 0), prunable, "{name}");
        }
        for (length, codes) in coded(&c, Rows::NonePruned) {
            assert!(codes[..length].iter().all(|code| *code != 0), "{name}");
        }
        let found: BTreeSet<u8> = [Rows::Random, Rows::FullLength]
            .into_iter()
            .flat_map(|rows| coded(&c, rows))
            .flat_map(|(length, codes)| codes[..length].to_vec())
            .collect();
        assert_eq!(found.len(), 8, "{name}: all codes occur, {found:?}");
        let few = coded(&c, Rows::Halves);
        let survivors: usize = few
            .iter()
            .map(|(_, codes)| codes.iter().filter(|code| **code != 0).count())
            .sum();
        assert!((1..=8).contains(&(survivors / few.len())), "{name}");
    }
}

/// What is found in the scores of the rows of a unit.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reached {
    /// A key exactly at a threshold, and one a step below it.
    tie: bool,
    below: bool,
    several_largest: bool,
    largest_pruned: bool,
    flat: bool,
    least: bool,
    most: bool,
    empty: bool,
}

impl Reached {
    fn look(&mut self, c: &Configuration, format: &ScoreFormat, head: &Head) {
        let (lengths, unit) = attended(c, head);
        let range = 1_i64 << (c.attention_bits() - 1);
        for ((row, codes), length) in scores(head)
            .outer_iter()
            .zip(unit.codes.outer_iter())
            .zip(lengths)
        {
            let row: Vec<i32> = row.iter().take(length).copied().collect();
            let Some(largest) = row.iter().max() else {
                self.empty = true;
                continue;
            };
            let statistics = format.row_statistics(&row, 0).expect("fits");
            let log_sum = statistics.expect("keys").log_sum();
            for y in row.iter().map(|y| i64::from(*y)) {
                for threshold in &c.score_thresholds {
                    self.tie |= y - log_sum == i64::from(*threshold);
                    self.below |= y - log_sum == i64::from(*threshold) - 1;
                }
                self.least |= y == -range;
                self.most |= y == range - 1;
            }
            let count = row.iter().filter(|y| *y == largest).count();
            self.several_largest |= count > 1 && count < length;
            self.flat |= count > 1 && count == length;
            let first = row.iter().position(|y| y == largest).expect("it is there");
            self.largest_pruned |= codes[first] == 0;
        }
    }
}

#[test]
fn score_rows_reach_the_corners() {
    for name in SCORED {
        let c = Configuration::named(name).expect("known");
        let format = c.score_format().expect("scores");
        let mut reached = Reached::default();
        for rows in [Rows::Random, Rows::FullLength] {
            for seed in 0..40 {
                for head in heads(&c, rows, 3, 4, seed) {
                    reached.look(&c, &format, &head);
                }
            }
        }
        let all = Reached {
            tie: true,
            below: true,
            several_largest: true,
            largest_pruned: can_be_pruned(&c),
            flat: true,
            least: true,
            // The largest positive products are no power of two less one.
            most: c.input == Input::Scores,
            empty: true,
        };
        assert_eq!(reached, all, "{name}");
    }
}

#[test]
fn random_configurations_take_every_input_and_their_heads_fit() {
    let mut found = [0; 4];
    for seed in 0..200 {
        let c = configuration(seed);
        c.validate().expect("valid");
        found[c.input as usize] += 1;
        found[3] += usize::from(c.normalize == Normalize::Complement);
        let mut causal = BTreeSet::new();
        for rows in Rows::ALL {
            for seed in 0..2 {
                let heads = heads(&c, rows, 2, 2, seed);
                Stimulus::new(&c, &heads).expect("fits");
                causal.insert(heads[0].causal);
            }
        }
        assert!(c.query_block > 1 || !causal.contains(&true));
    }
    println!("probabilities, scores, qkv, complement: {found:?}");
    assert!(found[0] > 70 && found[1] > 30 && found[2] > 30 && found[3] > 15);
}
