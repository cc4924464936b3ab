//! Places that are taken and given back in the same order.

use crate::Cycle;

/// The places of a buffer, or of anything else that a fixed number may be in at a time.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    /// For each place, the first cycle in which it may be taken again.
    free: Vec<Cycle>,
    taken: usize,
    given_back: usize,
}

impl Ring {
    pub(crate) fn new(places: usize) -> Self {
        Ring {
            free: vec![0; places],
            taken: 0,
            given_back: 0,
        }
    }

    /// Takes the next place; gives the first cycle in which it is free.
    #[inline]
    pub(crate) fn take(&mut self) -> Cycle {
        let free = self.free[self.taken];
        self.taken = self.advanced(self.taken, 1);
        free
    }

    /// Takes the next `places`, not more than there are, one a cycle from the first cycle at or
    /// after `cycle` that allows it; gives the first and the last cycle in which one is taken.
    ///
    /// Places are given back one a cycle at most, so that only the last one can still be in the way
    /// once the first one is taken.
    #[inline]
    pub(crate) fn take_from(&mut self, cycle: Cycle, places: usize) -> (Cycle, Cycle) {
        let first = cycle.max(self.free[self.taken]);
        let last = self.advanced(self.taken, places - 1);
        self.taken = self.advanced(last, 1);
        let last = self.free[last].max(first + (places - 1) as Cycle);
        (first, last)
    }

    /// Takes the next `places`, not more than there are, if all of them are free from `cycle` on.
    #[inline]
    pub(crate) fn take_all(&mut self, cycle: Cycle, places: usize) -> bool {
        let last = self.advanced(self.taken, places - 1);
        let free = self.free[last] <= cycle;
        if free {
            self.taken = self.advanced(last, 1);
        }
        free
    }

    /// The place that was taken first is used for the last time in `cycle`, which is later than the
    /// one before.
    #[inline]
    pub(crate) fn give_back(&mut self, cycle: Cycle) {
        self.free[self.given_back] = cycle + 1;
        self.given_back = self.advanced(self.given_back, 1);
    }

    /// As [`Ring::give_back`], for `places` places in as many cycles from `first` on.
    #[inline]
    pub(crate) fn give_back_all(&mut self, first: Cycle, places: usize) {
        let (front, back) = self.free.split_at_mut(self.given_back);
        let before_end = places.min(back.len());
        let fill = |part: &mut [Cycle], from: Cycle| {
            for (index, free) in part.iter_mut().enumerate() {
                *free = from + index as Cycle;
            }
        };
        fill(&mut back[..before_end], first + 1);
        fill(
            &mut front[..places - before_end],
            first + 1 + before_end as Cycle,
        );
        self.given_back = self.advanced(self.given_back, places);
    }

    #[inline]
    fn advanced(&self, place: usize, places: usize) -> usize {
        let next = place + places;
        if next >= self.free.len() {
            next - self.free.len()
        } else {
            next
        }
    }
}
