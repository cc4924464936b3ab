//! `normalize = "complement"`: beats in, visits out, against a list of what has to be visited.

use super::survivor_selector;
use crate::netlist::Evaluator;
use logattn_golden::Configuration;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A row as the quantizer hands it over.
#[derive(Clone, Debug)]
struct Row {
    /// One a key.
    codes: Vec<u64>,
    /// Any of the keys; says nothing for a row of length 0.
    largest: usize,
}

/// One visit, as far as it means something.
#[derive(Clone, Debug, Default, PartialEq)]
struct Visit {
    /// 0 for the token of a row of length 0.
    key: u64,
    code: u64,
    visits: bool,
    is_largest: bool,
    first: bool,
    last: bool,
    pass: u64,
}

fn configuration(keys_per_beat: usize, passes: usize) -> Configuration {
    Configuration {
        keys_per_beat,
        lanes: 64 / passes,
        output_lanes: 1,
        max_keys: 16,
        ..Configuration::named("base").expect("known")
    }
}

/// What has to be visited: in each pass the largest key, then every other key with a code.
fn expected(rows: &[Row], passes: usize) -> Vec<Visit> {
    let mut all = Vec::new();
    for row in rows {
        let mut keys: Vec<usize> = (0..row.codes.len())
            .filter(|key| *key != row.largest && row.codes[*key] != 0)
            .collect();
        if !row.codes.is_empty() {
            keys.insert(0, row.largest);
        }
        for pass in 0..passes as u64 {
            let visit = |(place, key): (usize, &usize)| Visit {
                key: *key as u64,
                code: row.codes[*key],
                visits: true,
                is_largest: place == 0,
                first: place == 0,
                last: place + 1 == keys.len(),
                pass,
            };
            let token = Visit {
                first: true,
                last: true,
                pass,
                ..Visit::default()
            };
            match keys.as_slice() {
                [] => all.push(token),
                keys => all.extend(keys.iter().enumerate().map(visit)),
            }
        }
    }
    all
}

/// The inputs of every beat, by port.
fn beats(c: &Configuration, rows: &[Row]) -> Vec<Vec<(&'static str, u64)>> {
    let mut all = Vec::new();
    for row in rows {
        let count = c.beats(row.codes.len());
        for beat in 0..count {
            let (mut codes, mut survive) = (0, 0);
            for place in 0..c.keys_per_beat {
                let key = beat * c.keys_per_beat + place;
                let code = row.codes.get(key).copied().unwrap_or(0);
                codes |= code << (place as u32 * c.code_bits);
                survive |= u64::from(code != 0 && key != row.largest) << place;
            }
            let mut ports = vec![
                ("s_survive", survive),
                ("s_codes", codes),
                ("s_largest_key", row.largest as u64),
                (
                    "s_largest_code",
                    row.codes.get(row.largest).copied().unwrap_or(5),
                ),
                ("s_nonempty", u64::from(!row.codes.is_empty())),
                ("s_last", u64::from(beat + 1 == count)),
            ];
            if c.beats(c.max_keys) > 1 {
                ports.push(("s_beat", beat as u64));
            }
            all.push(ports);
        }
    }
    all
}

/// What `device` shows in this cycle, if it is valid.
fn visit(device: &Evaluator, passes: usize) -> Option<Visit> {
    let flag = |port| device.get(port) == 1;
    let visits = flag("m_visits");
    flag("m_valid").then(|| Visit {
        key: if visits { device.get("m_key") } else { 0 },
        code: device.get("m_codes"),
        visits,
        is_largest: flag("m_largest"),
        first: flag("m_first"),
        last: flag("m_last"),
        pass: if passes > 1 { device.get("m_pass") } else { 0 },
    })
}

/// Sends `rows` and gives the visits that were taken, with their cycles. A beat is offered with a
/// chance of `offers` percent a cycle, and the visit is taken if `takes` says so of the cycle;
/// inputs without a beat are arbitrary.
fn run(
    c: &Configuration,
    rows: &[Row],
    offers: u32,
    takes: impl Fn(u64, &mut ChaCha8Rng) -> bool,
    seed: u64,
) -> Vec<(u64, Visit)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let module = survivor_selector(c).expect("builds");
    let mut device = Evaluator::new(&module).expect("flattens");
    device.set("rst", 1);
    device.clock();
    device.set("rst", 0);
    let beats = beats(c, rows);
    let (mut sent, mut offered) = (0, false);
    let mut visits = Vec::new();
    let mut waits: Option<Visit> = None;
    // Enough for every beat and visit at the least chance of 20 %, and for some that must not come.
    let work = beats.len() + expected(rows, c.passes()).len();
    for cycle in 0..20 * work as u64 + 100 {
        offered = sent < beats.len() && (offered || rng.random_ratio(offers, 100));
        device.set("s_valid", offered.into());
        for (port, value) in &beats[sent.min(beats.len() - 1)] {
            let value = if offered { *value } else { rng.random() };
            device.set(port, value);
        }
        let ready = takes(cycle, &mut rng);
        device.set("m_ready", ready.into());
        device.settle();
        let now = visit(&device, c.passes());
        assert!(
            waits.is_none() || waits == now,
            "a visit must wait as it is"
        );
        waits = if ready { None } else { now.clone() };
        if ready {
            visits.extend(now.map(|visit| (cycle, visit)));
        }
        if offered && device.get("s_ready") == 1 {
            sent += 1;
            offered = false;
        }
        device.rise();
    }
    assert_eq!(sent, beats.len(), "every beat is taken");
    assert_eq!(device.collisions(), 0);
    visits
}

/// Rows of up to `most` keys of which about one in `sparsity` survives.
fn rows(most: usize, sparsity: u64) -> impl Strategy<Value = Vec<Row>> {
    let code =
        (0..sparsity, 1_u64..8).prop_map(|(pruned, code)| if pruned == 0 { code } else { 0 });
    let codes = prop::collection::vec(code, 0..=most);
    let row = (codes, any::<prop::sample::Index>()).prop_map(|(codes, largest)| Row {
        largest: largest.index(codes.len().max(1)),
        codes,
    });
    prop::collection::vec(row, 1..12)
}

fn shape() -> impl Strategy<Value = (usize, usize)> {
    let keys_per_beat = prop::sample::select(vec![1, 2, 4, 16]);
    (keys_per_beat, prop::sample::select(vec![1, 2, 4]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn largest_keys_come_first_in_every_pass(
        (keys_per_beat, passes) in shape(),
        rows in prop_oneof![rows(16, 1), rows(16, 3), rows(16, 12), rows(3, 2)],
        (offers, takes) in prop::sample::select(vec![
            (100, 100), (50, 50), (100, 30), (20, 100), (80, 80),
        ]),
        seed: u64,
    ) {
        let c = configuration(keys_per_beat, passes);
        let takes = |_, rng: &mut ChaCha8Rng| rng.random_ratio(takes, 100);
        let visits = run(&c, &rows, offers, takes, seed);
        let visits: Vec<Visit> = visits.into_iter().map(|(_, visit)| visit).collect();
        prop_assert_eq!(visits, expected(&rows, passes));
    }

    /// An entry takes a cycle for each survivor and one for the largest key, a token takes one:
    /// once two rows are in the queue their visits follow each other without a bubble.
    #[test]
    fn visits_follow_each_other_without_bubbles(
        (keys_per_beat, passes) in shape(),
        mut rows in prop_oneof![rows(16, 1), rows(16, 3), rows(16, 12), rows(3, 2)],
        seed: u64,
    ) {
        rows.truncate(2);
        let c = configuration(keys_per_beat, passes);
        let visits = run(&c, &rows, 100, |cycle, _| cycle > 40, seed);
        let cycles = visits.last().map_or(0, |v| v.0) - visits.first().map_or(0, |v| v.0) + 1;
        prop_assert_eq!(cycles, expected(&rows, passes).len() as u64);
    }
}
