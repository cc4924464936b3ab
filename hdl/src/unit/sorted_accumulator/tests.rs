//! Visits and doublings in, sums out, against sums in integers.

use super::*;
use crate::netlist::Evaluator;
use crate::unit::Widths;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One cycle of a row: a visit, or one that only doubles.
#[derive(Clone)]
struct Slot {
    /// Absent where there is no key.
    values: Option<Vec<i64>>,
    doubles: bool,
    subtracts: bool,
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

/// What is added up in a row: values and what they weigh.
type Terms = Vec<(i64, Vec<i64>)>;

/// Slots of random rows, and the sums that they have to give.
fn random_rows(c: &Configuration, rows: usize, rng: &mut ChaCha8Rng) -> (Vec<Slot>, Vec<Sums>) {
    let complement = c.normalize == Normalize::Complement;
    let max_shift = c.max_shift.expect("shifts");
    let (mut slots, mut sums) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let extreme: bool = rng.random();
        let mut values = || -> Vec<i64> {
            let value = |_| match rng.random_range(0..4) {
                0 if extreme => 127,
                1.. if extreme => -128,
                _ => rng.random_range(-128..128),
            };
            (0..c.lanes).map(value).collect()
        };
        let mut terms: Terms = (0..7).map(|_| (0, values())).collect();
        for (weight, _) in &mut terms {
            *weight = 1 << rng.random_range(0..=max_shift);
        }
        terms.truncate(rng.random_range(0..=7));
        if complement {
            // The first one is the largest key's: it weighs what the others leave.
            let others: i64 = terms.iter().skip(1).map(|(weight, _)| weight).sum();
            if let Some((weight, _)) = terms.first_mut() {
                *weight = (1 << max_shift) - others;
            }
        }
        sums.push(expected(c, &terms));
        slots.extend(slots_of(&terms, if complement { max_shift } else { 0 }));
    }
    (slots, sums)
}

/// Bit by bit, the highest first, at `begins` or above: a visit for each 1 in a weight, a sign's
/// first.
fn slots_of(terms: &Terms, begins: u32) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    let place =
        |weight: i64| (begins..).find(|place| -(1 << place) <= weight && weight < 2 << place);
    let highest = terms.iter().filter_map(|(weight, _)| place(*weight)).max();
    for place in (0..=highest.unwrap_or(0)).rev() {
        let start = slots.len();
        for (weight, values) in terms {
            let is_sign = *weight < 0 && Some(place) == highest;
            if is_sign || (weight >> place & 1 == 1) {
                slots.push(Slot {
                    values: Some(values.clone()),
                    subtracts: is_sign,
                    ..doubling()
                });
            }
        }
        if slots.len() == start {
            slots.push(doubling());
        }
        for slot in &mut slots[start + 1..] {
            slot.doubles = false;
        }
    }
    slots[0].first = true;
    slots[0].doubles = false;
    slots.last_mut().expect("not empty").last = true;
    slots
}

fn doubling() -> Slot {
    Slot {
        values: None,
        doubles: true,
        subtracts: false,
        first: false,
        last: false,
    }
}

/// The definition: values times their weights.
fn expected(c: &Configuration, terms: &Terms) -> Sums {
    let sum_of = |lane: usize| {
        terms
            .iter()
            .map(|(weight, values)| weight * values[lane])
            .sum()
    };
    Sums {
        lanes: (0..c.lanes).map(sum_of).collect(),
        normalizer: (c.normalize != Normalize::Complement)
            .then(|| terms.iter().map(|(weight, _)| weight).sum()),
    }
}

/// Sends `slots` with bubbles, whose inputs are arbitrary; a finished row waits for random times,
/// unless the next one has begun.
fn run(c: &Configuration, slots: &[Slot], rows: usize, rng: &mut ChaCha8Rng) -> Vec<Sums> {
    let module = sorted_accumulator(c).expect("builds");
    let mut device = Evaluator::new(&module).expect("flattens");
    device.set("rst", 1);
    device.clock();
    device.set("rst", 0);
    let (offers, takes) = (rng.random_range(20..=100), rng.random_range(20..=100));
    let (mut sent, mut ended) = (0, 0);
    let mut all = Vec::new();
    for _ in 0..30 * slots.len() + 100 {
        let slot = &slots[sent.min(slots.len() - 1)];
        // Rows that have not been taken: none, or one that will be as soon as it is there.
        let waiting = ended - all.len();
        let certain = waiting == 1 && rng.random();
        let free = !slot.first || waiting == 0 || certain;
        let offered = sent < slots.len() && free && rng.random_ratio(offers, 100);
        let mut drive = |port, value: u64| {
            device.set(port, if offered { value } else { rng.random() });
        };
        let value = slot.values.as_deref().unwrap_or(&[85, -1, 3]);
        let word = value
            .iter()
            .rev()
            .fold(0, |word, v| word << 8 | (*v as u64 & 255));
        drive("s_value", word);
        let adds = slot.values.is_some() && !slot.subtracts;
        let flags = [adds, slot.doubles, slot.subtracts];
        drive(
            "s_codes",
            (0..3).map(|bit| u64::from(flags[bit]) << bit).sum(),
        );
        drive("s_first", slot.first.into());
        drive("s_last", slot.last.into());
        device.set("s_valid", offered.into());
        let begun = sent == slots.len() || !slot.first || offered || waiting > 1;
        let ready = begun || rng.random_ratio(takes, 100);
        device.set("m_ready", ready.into());
        device.settle();
        if ready && device.get("m_valid") == 1 {
            all.push(sums(c, &device));
        }
        if offered {
            sent += 1;
            ended += usize::from(slot.last);
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
    let complement = c.normalize == Normalize::Complement;
    let excess = match complement {
        true => device.get("m_excess") << c.max_shift.expect("shifts"),
        false => 0,
    };
    let lane = |lane: u32| {
        let unsigned = (0..bits).fold(0, |all, i| all | bit(lane * bits + i) << i);
        (unsigned.wrapping_sub(excess) << (64 - bits)) as i64 >> (64 - bits)
    };
    Sums {
        lanes: (0..c.lanes as u32).map(lane).collect(),
        normalizer: (!complement).then(|| device.get("m_normalizers") as i64),
    }
}

#[test]
fn sums_are_those_of_the_weights() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for normalize in [Normalize::None, Normalize::Complement] {
        let c = configuration(normalize);
        assert_eq!(
            Widths::of(&c).visit_codes,
            2 + u32::from(normalize == Normalize::Complement)
        );
        for _ in 0..60 {
            let (slots, expected) = random_rows(&c, 8, &mut rng);
            assert_eq!(run(&c, &slots, expected.len(), &mut rng), expected);
        }
    }
}
