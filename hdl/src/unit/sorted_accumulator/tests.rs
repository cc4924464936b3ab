//! Visits and doublings in, sums out, against sums in integers.

use super::*;
use crate::netlist::Evaluator;
use crate::unit::Widths;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One cycle of a row: a visit, or one that only doubles.
struct Slot {
    /// Absent where there is no key.
    values: Option<Vec<i64>>,
    doubles: bool,
    is_largest: bool,
    first: bool,
    last: bool,
}

/// A finished row.
#[derive(Debug, PartialEq)]
struct Sums {
    lanes: Vec<i64>,
    /// Absent with `normalize = "complement"`.
    normalizer: Option<i64>,
}

fn configuration(normalize: Normalize) -> Configuration {
    Configuration {
        head_dimension: 3,
        lanes: 3,
        output_lanes: 1,
        value_bits: 8,
        max_keys: 16,
        max_shift: Some(9),
        normalize,
        pipeline_depth: 1,
        ..Configuration::named("base").expect("known")
    }
}

/// Slots of random rows, and the sums that they have to give.
fn random_rows(c: &Configuration, rows: usize, rng: &mut ChaCha8Rng) -> (Vec<Slot>, Vec<Sums>) {
    let complement = c.normalize == Normalize::Complement;
    let max_shift = c.max_shift.expect("shifts");
    let (mut slots, mut sums) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let count = rng.random_range(0..=c.max_keys);
        let extreme: bool = rng.random();
        let mut weights: Vec<u32> = (0..count)
            .map(|_| rng.random_range(0..=max_shift))
            .collect();
        weights.sort_unstable_by(|a, b| b.cmp(a));
        if let (true, Some(largest)) = (complement, weights.first_mut()) {
            *largest = max_shift;
        }
        let values: Vec<Vec<i64>> = (0..count)
            .map(|_| {
                let value = |_| match rng.random_range(0..4) {
                    0 if extreme => 127,
                    1.. if extreme => -128,
                    _ => rng.random_range(-128..128),
                };
                (0..c.lanes).map(value).collect()
            })
            .collect();
        sums.push(expected(c, &weights, &values));
        let start = slots.len();
        let mut before = weights.first().copied().unwrap_or(0);
        for (index, (weight, values)) in weights.iter().zip(values).enumerate() {
            let doublings = before - weight;
            slots.extend((1..doublings).map(|_| doubling()));
            slots.push(Slot {
                values: Some(values),
                doubles: doublings > 0,
                is_largest: complement && index == 0,
                ..doubling()
            });
            before = *weight;
        }
        slots.extend((0..before).map(|_| doubling()));
        if slots.len() == start {
            slots.push(doubling());
        }
        slots[start].first = true;
        slots.last_mut().expect("not empty").last = true;
    }
    (slots, sums)
}

fn doubling() -> Slot {
    Slot {
        values: None,
        doubles: true,
        is_largest: false,
        first: false,
        last: false,
    }
}

/// The definition: values, or differences to the first one, times their weights.
fn expected(c: &Configuration, weights: &[u32], values: &[Vec<i64>]) -> Sums {
    let complement = c.normalize == Normalize::Complement;
    let sum_of = |lane: usize| -> i64 {
        let term = |(index, weight): (usize, &u32)| {
            let less = if complement && index > 0 {
                values[0][lane]
            } else {
                0
            };
            (values[index][lane] - less) * (1 << weight)
        };
        weights.iter().enumerate().map(term).sum()
    };
    Sums {
        lanes: (0..c.lanes).map(sum_of).collect(),
        normalizer: (!complement).then(|| weights.iter().map(|weight| 1 << weight).sum()),
    }
}

/// Sends `slots` with bubbles, whose inputs are arbitrary, and stalls.
fn run(c: &Configuration, slots: &[Slot], rows: usize, rng: &mut ChaCha8Rng) -> Vec<Sums> {
    let module = sorted_accumulator(c).expect("builds");
    let mut device = Evaluator::new(&module).expect("flattens");
    device.set("rst", 1);
    device.clock();
    device.set("rst", 0);
    let complement = c.normalize == Normalize::Complement;
    let (offers, takes) = (rng.random_range(20..=100), rng.random_range(20..=100));
    let (mut sent, mut offered) = (0, false);
    let mut all = Vec::new();
    for _ in 0..30 * slots.len() + 100 {
        offered = sent < slots.len() && (offered || rng.random_ratio(offers, 100));
        let slot = &slots[sent.min(slots.len() - 1)];
        let mut drive = |port, value: u64| {
            device.set(port, if offered { value } else { rng.random() });
        };
        let adds = slot.values.is_some();
        let value = slot.values.as_deref().unwrap_or(&[85, -1, 3]);
        let word = value
            .iter()
            .rev()
            .fold(0, |word, v| word << 8 | (*v as u64 & 255));
        drive("s_value", word);
        drive("s_codes", u64::from(adds) | u64::from(slot.doubles) << 1);
        drive("s_first", slot.first.into());
        drive("s_last", slot.last.into());
        if complement {
            drive("s_largest", slot.is_largest.into());
        }
        device.set("s_valid", offered.into());
        let ready = rng.random_ratio(takes, 100);
        device.set("m_ready", ready.into());
        device.settle();
        if ready && device.get("m_valid") == 1 {
            all.push(sums(c, &device));
        }
        if offered && device.get("s_ready") == 1 {
            sent += 1;
            offered = false;
        }
        device.rise();
        if all.len() == rows && sent == slots.len() {
            break;
        }
    }
    all
}

fn sums(c: &Configuration, device: &Evaluator) -> Sums {
    let words = device.get_words("m_sums");
    let bits = c.accumulator_bits();
    let bit = |i: u32| (words[i as usize / 64] >> (i % 64)) & 1;
    let lane = |lane: u32| {
        let unsigned = (0..bits).fold(0, |all, i| all | bit(lane * bits + i) << i);
        ((unsigned << (64 - bits)) as i64) >> (64 - bits)
    };
    Sums {
        lanes: (0..c.lanes as u32).map(lane).collect(),
        normalizer: (c.normalize != Normalize::Complement)
            .then(|| device.get("m_normalizers") as i64),
    }
}

#[test]
fn sums_are_those_of_the_weights() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for normalize in [Normalize::None, Normalize::Complement] {
        let c = configuration(normalize);
        assert!(Widths::of(&c).visit_codes == 2);
        for _ in 0..60 {
            let (slots, expected) = random_rows(&c, 8, &mut rng);
            assert_eq!(run(&c, &slots, expected.len(), &mut rng), expected);
        }
    }
}
