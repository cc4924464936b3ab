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
        let mut before = None;
        let mut push = |keys: u8, shift: u32| {
            let doublings = shift - before.unwrap_or(shift);
            before = Some(shift);
            visits.push(Visits {
                beat: 0,
                keys,
                // The first visit doubles once by itself.
                lead: doublings.saturating_sub(1) as u8,
            });
        };
        if largest.is_some() {
            push(1, 0);
        }
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
