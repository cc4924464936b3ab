//! A few elastic registers in a row.

use crate::Cycle;

/// Most registers of a [`Way`], the one at its end included.
const MOST: usize = 3;

/// Elastic registers on a way, the last of which someone else empties: each takes what is before it
/// when it is empty or is emptied in the same cycle.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// Registers before the last one.
    before: usize,
    /// For each register, the cycle in which what came last moved into it.
    moved: [Cycle; MOST],
}

impl Way {
    /// A way of `before` registers and a last one.
    pub(crate) fn new(before: usize) -> Self {
        Way {
            before,
            moved: [0; MOST],
        }
    }

    /// Registers before the last one, which are so many cycles on an empty way.
    pub(crate) fn before(&self) -> Cycle {
        self.before as Cycle
    }

    /// Something comes that can move on from cycle `ready` on, and the last register is free from
    /// cycle `free` on; gives the cycle in which it moves into that one.
    #[inline]
    pub(crate) fn enter(&mut self, ready: Cycle, free: Cycle) -> Cycle {
        let mut cycle = ready;
        for register in 0..self.before {
            cycle = cycle.max(self.moved[register + 1]);
            self.moved[register] = cycle;
            cycle += 1;
        }
        self.moved[self.before] = cycle.max(free);
        self.moved[self.before]
    }

    /// The cycle in which what came last moved into the first register.
    #[inline]
    pub(crate) fn entered(&self) -> Cycle {
        self.moved[0]
    }

    /// What came last moved into the first register in `cycle`, and on in every cycle after it.
    #[inline]
    pub(crate) fn flowed(&mut self, cycle: Cycle) {
        for (index, moved) in self.moved[..=self.before].iter_mut().enumerate() {
            *moved = cycle + index as Cycle;
        }
    }
}
