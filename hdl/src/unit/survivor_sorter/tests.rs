//! Beats in, visits out: every survivor once, and a sum that follows the doublings is the row's.

use super::survivor_sorter;
use crate::netlist::Evaluator;
use logattn_golden::{Configuration, Normalize};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A row as the quantizer hands it over.
#[derive(Clone, Debug)]
struct Row {
    /// One a key.
    codes: Vec<u64>,
    /// Any of the keys; says nothing for a row of length 0, and without a largest key.
    largest: usize,
}

/// What the sorter shows in a cycle in which it is valid.
#[derive(Clone, Debug, Default, PartialEq)]
struct Slot {
    /// 0 where nothing is visited.
    key: u64,
    adds: bool,
    doubles: bool,
    subtracts: bool,
    visits: bool,
    survives: bool,
    first: bool,
    last: bool,
    pass: u64,
}

/// What is drawn for a run.
#[derive(Clone, Debug)]
struct Shape {
    keys_per_beat: usize,
    passes: usize,
    complement: bool,
    pipeline_depth: u32,
    /// Shift of codes 1.., non-increasing.
    shifts: Vec<u32>,
    max_shift: u32,
}

fn configuration(shape: &Shape) -> Configuration {
    Configuration {
        code_bits: (shape.shifts.len() + 1).ilog2(),
        keys_per_beat: shape.keys_per_beat,
        lanes: 64 / shape.passes,
        output_lanes: 1,
        max_keys: 16,
        max_shift: Some(shape.max_shift),
        normalize: if shape.complement {
            Normalize::Complement
        } else {
            Normalize::None
        },
        pipeline_depth: shape.pipeline_depth,
        ..Configuration::named("base").expect("known")
    }
}

impl Shape {
    /// How far a level is shifted from 2^-max_shift.
    fn place(&self, code: u64) -> u32 {
        self.max_shift - self.shifts[code as usize - 1]
    }

    /// The keys of a row with a level of their own: all survivors but a largest key.
    fn listed(&self, row: &Row) -> Vec<usize> {
        let wanted =
            |key: &usize| row.codes[*key] != 0 && !(self.complement && *key == row.largest);
        (0..row.codes.len()).filter(wanted).collect()
    }

    /// What the largest key weighs: what the others leave of 1.
    fn largest_weight(&self, row: &Row) -> i64 {
        let levels = self
            .listed(row)
            .into_iter()
            .map(|key| 1 << self.place(row.codes[key]));
        (1 << self.max_shift) - levels.sum::<i64>()
    }

    /// The fewest cycles of a row in a pass: a visit a key, and the doublings between its weights,
    /// in steps of which the first one of each is part of the visit that follows. With a largest
    /// key its sign, or first bit, comes first, and a bit between two levels or at a level costs no
    /// more than the doubling to it, which is no part of a visit then.
    fn slots(&self, row: &Row) -> usize {
        let mut places: Vec<u32> = (self.listed(row).iter())
            .map(|key| self.place(row.codes[*key]))
            .collect();
        places.sort_unstable();
        let visits = places.len();
        places.dedup();
        if !self.complement || row.codes.is_empty() {
            let Some(highest) = places.last() else {
                return 1;
            };
            return visits + *highest as usize - (places.len() - 1);
        }
        let weight = self.largest_weight(row);
        let sign = (0..).find(|place| weight >= -1 << place).expect("a place");
        let top = self.max_shift.max(sign);
        let merged = |place: &&u32| **place < self.max_shift && weight >> **place & 1 == 0;
        1 + visits + top as usize - places.iter().filter(merged).count()
    }

    /// The inputs of every beat, by port.
    fn beats(&self, c: &Configuration, rows: &[Row]) -> Vec<Vec<(&'static str, u64)>> {
        let mut all = Vec::new();
        for row in rows {
            let count = c.beats(row.codes.len());
            for beat in 0..count {
                let (mut codes, mut survive) = (0, 0);
                for place in 0..c.keys_per_beat {
                    let key = beat * c.keys_per_beat + place;
                    let code = row.codes.get(key).copied().unwrap_or(0);
                    let apart = self.complement && key == row.largest;
                    codes |= code << (place as u32 * c.code_bits);
                    survive |= u64::from(code != 0 && !apart) << place;
                }
                let mut ports = vec![
                    ("s_survive", survive),
                    ("s_codes", codes),
                    ("s_last", u64::from(beat + 1 == count)),
                ];
                if c.beats(c.max_keys) > 1 {
                    ports.push(("s_beat", beat as u64));
                }
                if self.complement {
                    let code = row.codes.get(row.largest).copied().unwrap_or(1);
                    ports.push(("s_largest_key", row.largest as u64));
                    ports.push(("s_largest_code", code));
                    ports.push(("s_nonempty", u64::from(!row.codes.is_empty())));
                }
                all.push(ports);
            }
        }
        all
    }

    /// What `device` shows in this cycle, if it is valid.
    fn slot(&self, device: &Evaluator) -> Option<Slot> {
        let flag = |port: &str| device.get(port) == 1;
        let visits = flag("m_visits");
        let codes = device.get("m_codes");
        flag("m_valid").then(|| Slot {
            key: if visits { device.get("m_key") } else { 0 },
            adds: codes & 1 == 1,
            doubles: codes >> 1 & 1 == 1,
            subtracts: codes >> 2 == 1,
            visits,
            survives: flag("m_survives"),
            first: flag("m_first"),
            last: flag("m_last"),
            pass: if self.passes > 1 {
                device.get("m_pass")
            } else {
                0
            },
        })
    }

    /// Checks the slots of one row and pass.
    fn check(&self, row: &Row, pass: usize, slots: &[Slot], value: impl Fn(usize) -> i64) {
        let mut listed: Vec<usize> = Vec::new();
        let (mut sum, mut survivors) = (0, 0);
        for (index, slot) in slots.iter().enumerate() {
            assert_eq!(slot.pass, pass as u64);
            assert_eq!(slot.first, index == 0);
            assert_eq!(slot.last, index + 1 == slots.len());
            assert!(!(slot.first && slot.doubles), "a first slot begins the sum");
            assert!(!slot.subtracts || slot.first, "only a sign subtracts");
            assert_eq!(slot.visits, slot.adds || slot.subtracts);
            assert!(!(slot.adds && slot.subtracts));
            sum <<= u32::from(slot.doubles);
            let key = slot.key as usize;
            match (slot.adds, slot.subtracts) {
                (true, _) => sum += value(key),
                (_, true) => sum -= value(key),
                _ => {}
            }
            if slot.visits && !(self.complement && key == row.largest) {
                listed.push(key);
            }
            survivors += usize::from(slot.survives);
        }
        listed.sort_unstable();
        assert_eq!(listed, self.listed(row), "every other survivor once");
        let kept = row.codes.iter().filter(|code| **code != 0).count();
        assert_eq!(survivors, kept, "survivors of {row:?}");
        let mut expected: i64 = (listed.iter())
            .map(|key| value(*key) << self.place(row.codes[*key]))
            .sum();
        if self.complement && !row.codes.is_empty() {
            expected += value(row.largest) * self.largest_weight(row);
        }
        assert_eq!(sum, expected, "the sum of {row:?}");
        assert_eq!(slots.len(), self.slots(row), "cycles of {row:?}");
    }
}

/// Sends `rows` and gives the slots that were taken. A beat is offered with a chance of `offers`
/// percent a cycle, a slot is taken with one of `takes`; inputs without a beat are arbitrary.
fn run(shape: &Shape, rows: &[Row], (offers, takes): (u32, u32), seed: u64) -> Vec<Slot> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let c = configuration(shape);
    let module = survivor_sorter(&c).expect("builds");
    let mut device = Evaluator::new(&module).expect("flattens");
    let shifts = shape.shifts.iter().rev();
    let shifts = shifts.fold(0, |all, shift| all << c.shift_bits() | u64::from(*shift));
    device.set("shifts", shifts);
    device.set("rst", 1);
    device.clock();
    device.set("rst", 0);
    let beats = shape.beats(&c, rows);
    let slots: usize = rows.iter().map(|row| shape.slots(row)).sum::<usize>() * shape.passes;
    let (mut sent, mut offered) = (0, false);
    let (mut all, mut waits) = (Vec::new(), None::<Slot>);
    // Enough at the least chance of 20 %, and for slots that must not come.
    for _ in 0..20 * (beats.len() + slots) + 100 {
        offered = sent < beats.len() && (offered || rng.random_ratio(offers, 100));
        device.set("s_valid", offered.into());
        for (port, value) in &beats[sent.min(beats.len() - 1)] {
            device.set(port, if offered { *value } else { rng.random() });
        }
        let ready = rng.random_ratio(takes, 100);
        device.set("m_ready", ready.into());
        device.settle();
        let now = shape.slot(&device);
        assert!(waits.is_none() || waits == now, "a slot waits as it is");
        waits = if ready { None } else { now.clone() };
        if ready {
            all.extend(now);
        }
        if offered && device.get("s_ready") == 1 {
            sent += 1;
            offered = false;
        }
        device.rise();
    }
    assert_eq!(sent, beats.len(), "every beat is taken");
    assert_eq!(device.collisions(), 0);
    all
}

/// Rows of up to 16 keys of which about one in `sparsity` survives.
fn rows(levels: u64, sparsity: u64) -> impl Strategy<Value = Vec<Row>> {
    let code =
        (0..sparsity, 1..=levels).prop_map(|(pruned, code)| if pruned == 0 { code } else { 0 });
    let codes = prop::collection::vec(code, 0..=16);
    let row = (codes, any::<prop::sample::Index>()).prop_map(|(codes, largest)| Row {
        largest: largest.index(codes.len().max(1)),
        codes,
    });
    prop::collection::vec(row, 1..12)
}

/// A shape and rows for it.
fn cases() -> impl Strategy<Value = (Shape, Vec<Row>)> {
    (2_u32..=4, 1_u32..=15).prop_flat_map(|(code_bits, max_shift)| {
        let levels = (1 << code_bits) - 1;
        let shape = (
            prop::sample::select(vec![1, 2, 4, 16]),
            prop::sample::select(vec![1, 2, 4]),
            any::<bool>(),
            1_u32..=3,
            prop::collection::vec(0..=max_shift, levels),
        );
        let shape = shape.prop_map(
            move |(keys_per_beat, passes, complement, pipeline_depth, mut shifts)| {
                shifts.sort_unstable_by(|a, b| b.cmp(a));
                Shape {
                    keys_per_beat,
                    passes,
                    complement,
                    pipeline_depth,
                    shifts,
                    max_shift,
                }
            },
        );
        let levels = levels as u64;
        let rows = prop_oneof![rows(levels, 1), rows(levels, 3), rows(levels, 12)];
        (shape, rows)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn survivors_come_level_by_level_in_every_pass(
        (shape, rows) in cases(),
        offers in prop::sample::select(vec![20, 60, 100]),
        takes in prop::sample::select(vec![20, 60, 100]),
        seed: u64,
    ) {
        let all = run(&shape, &rows, (offers, takes), seed);
        let mut slots = all.split_inclusive(|slot| slot.last);
        // Values that tell keys apart, whatever their weights.
        let value = |key: usize| (seed >> key & 0xff) as i64 + 300 * key as i64 + 1;
        for row in &rows {
            for pass in 0..shape.passes {
                shape.check(row, pass, slots.next().unwrap_or_default(), value);
            }
        }
        prop_assert!(slots.next().is_none(), "nothing comes after the last row");
    }
}

/// Rows of as many survivors as beats, in one level or one in each: a survivor a cycle from the
/// first to the last, and the beats' side keeps up.
#[test]
fn rows_follow_each_other_without_a_bubble() {
    let all_levels: Vec<u64> = (0..16).map(|key| key % 7 + 1).collect();
    let cases = [vec![1; 16], all_levels];
    for (codes, pipeline_depth) in cases
        .into_iter()
        .flat_map(|codes| [1, 2, 3].map(|depth| (codes.clone(), depth)))
    {
        let shape = Shape {
            keys_per_beat: 1,
            passes: 1,
            complement: false,
            pipeline_depth,
            shifts: vec![7, 6, 5, 4, 3, 2, 1],
            max_shift: 7,
        };
        let rows = vec![Row { codes, largest: 0 }; 20];
        let c = configuration(&shape);
        let module = survivor_sorter(&c).expect("builds");
        let mut device = Evaluator::new(&module).expect("flattens");
        device.set("shifts", (1..8).fold(0, |all, shift| all << 3 | shift));
        device.set("rst", 1);
        device.clock();
        device.set("rst", 0);
        device.set("m_ready", 1);
        device.set("s_valid", 1);
        let beats = shape.beats(&c, &rows);
        let (mut cycles, mut taken) = (Vec::new(), 0);
        for cycle in 0..beats.len() + 40 {
            device.set("s_valid", u64::from(cycle < beats.len()));
            for (port, value) in beats.get(cycle).into_iter().flatten() {
                device.set(port, *value);
            }
            device.settle();
            taken += usize::from(device.get("s_ready") == 1 && cycle < beats.len());
            if device.get("m_valid") == 1 {
                cycles.push(cycle);
            }
            device.rise();
        }
        assert_eq!(taken, beats.len(), "a beat a cycle");
        let consecutive: Vec<usize> = (cycles[0]..).take(rows.len() * 16).collect();
        assert_eq!(cycles, consecutive);
    }
}
