//! Rows with `accumulate = "sorted"`: what is visited level by level, and what lies between levels.

use crate::workload::Visits;
use logattn_golden::config::{Accumulate, Configuration};
use std::fmt;

/// The shifts of a unit with sorted accumulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shifts {
    /// The shift of each code, the lowest code first.
    shifts: Vec<u32>,
    /// What every row is shifted by at its end.
    most: u32,
}

impl fmt::Display for Shifts {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "shifts {:?}, max_shift {}", self.shifts, self.most)
    }
}

impl Shifts {
    /// Absent without `accumulate = "sorted"`.
    pub(crate) fn of(c: &Configuration) -> Option<Self> {
        (c.accumulate == Accumulate::Sorted).then(|| Shifts {
            shifts: c.shifts.clone(),
            most: c.max_shift.unwrap_or(0),
        })
    }

    /// The weight of a row's largest key.
    ///
    /// # Arguments
    /// - `others`: how many other keys have code 1..
    pub(crate) fn largest(&self, others: impl Iterator<Item = u32>) -> LargestWeight {
        let levels = others
            .zip(&self.shifts)
            .map(|(keys, shift)| i64::from(keys) << (self.most - shift));
        let weight = (1 << self.most) - levels.sum::<i64>();
        let fits = |place: &u32| weight >= -1 << *place;
        let sign = (self.most..).find(fits).unwrap_or(self.most);
        LargestWeight { weight, top: sign }
    }

    /// Appends the entries of a row in the order in which the sorter reads them: the `largest` key
    /// where it is visited first, the lists of the levels, the largest level first, and the end
    /// unless the last of them is 2^-max_shift already. There is one entry a level for each beat of
    /// `width` keys that has it.
    pub(crate) fn sort(
        &self,
        row: &[u8],
        width: usize,
        largest: Option<usize>,
        visits: &mut Vec<Visits>,
    ) {
        let mut lists: Vec<Vec<(usize, u8)>> = vec![Vec::new(); self.shifts.len()];
        for (key, code) in row.iter().enumerate() {
            if *code == 0 || largest == Some(key) {
                continue;
            }
            let list = &mut lists[usize::from(*code) - 1];
            match list.last_mut() {
                Some((beat, keys)) if *beat == key / width => *keys += 1,
                _ => list.push((key / width, 1)),
            }
        }
        let keys_of = |list: &Vec<(usize, u8)>| list.iter().map(|(_, keys)| u32::from(*keys)).sum();
        let weight = largest.map(|_| self.largest(lists.iter().map(keys_of)));
        let mut before = None;
        if let Some(weight) = weight {
            before = Some(0);
            visits.push(Visits {
                beat: 0,
                keys: 1,
                lead: (weight.top - self.most) as u8,
                reads: weight.visits(self.most..weight.top + 1),
            });
        }
        let mut push = |keys: u8, shift: u32| {
            let from = before.unwrap_or(shift);
            before = Some(shift);
            let (doublings, place) = (shift - from, self.most - shift);
            // The first visit doubles once by itself, unless the largest key comes in between.
            let apart = keys > 0 && doublings > 0 && weight.is_some_and(|weight| weight.bit(place));
            let between = weight.map(|weight| weight.visits(place..self.most - from));
            visits.push(Visits {
                beat: 0,
                keys,
                lead: doublings.saturating_sub(1) as u8 + u8::from(apart),
                reads: keys + between.unwrap_or(0),
            });
        };
        let mut at_end = false;
        for (list, shift) in lists.iter().zip(&self.shifts).rev() {
            for (_, keys) in list {
                push(*keys, *shift);
                at_end = *shift == self.most;
            }
        }
        if !at_end {
            push(0, self.most);
        }
    }
}

/// What a row's largest key weighs with `normalize = "complement"`: what the others leave of 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LargestWeight {
    /// In steps of 2^-max_shift.
    weight: i64,
    /// The place of its first bit, which is that of its sign if it is negative: 2^0 or above.
    top: u32,
}

impl LargestWeight {
    /// Whether the key is visited for the bit at `place`, 0 for 2^-max_shift, `top` at most.
    fn bit(self, place: u32) -> bool {
        self.weight >> place & 1 == 1
    }

    fn visits(self, places: std::ops::Range<u32>) -> u8 {
        places.map(|place| u8::from(self.bit(place))).sum()
    }

    /// How often the key is visited in a pass.
    pub(crate) fn all_visits(self) -> u64 {
        self.visits(0..self.top + 1).into()
    }
}
