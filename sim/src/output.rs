//! From a finished block to the beats of `m_axis_out`.

use crate::reserved::ReservedQueue;
use crate::{Cycle, Pattern, ports::StreamRegister};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::{
    extra_registers, normalizer_stages, preparation_cycles, wire_registers,
};

/// The most registers between the normalizer's beat selection and its output that may stall.
const MOST_STAGES: usize = 5;

/// The normalizer's hold register and pipeline, the output's stream register and its sink.
pub(crate) struct Output {
    preparation: Cycle,
    beats: usize,
    stages: usize,
    /// Cycles from the last beat's leave to the next capture.
    vacant: Cycle,
    sink: Pattern,
    register: StreamRegister,
    /// First cycle in which the sink can take another beat.
    sink_free: Cycle,
    /// The cycle in which the beat before left the hold register (0) and each stage; where the
    /// stages never stall, only the last one is told beside the first.
    left: [Cycle; MOST_STAGES + 1],
    /// At the end of stages that never stall.
    queue: Option<ReservedQueue>,
    /// First cycle in which another block can be captured.
    free: Cycle,
    /// The first cycle in which a beat may leave the hold register after the one before.
    next: Cycle,
    /// The cycle of every transfer on `m_axis_out`.
    pub(crate) transfers: Vec<Cycle>,
}

impl Output {
    pub(crate) fn new(c: &Configuration, sink: Pattern, capacity: usize) -> Self {
        Output {
            preparation: Cycle::from(preparation_cycles(c)),
            beats: c.query_block * c.lanes / c.output_lanes,
            stages: normalizer_stages(c),
            queue: (wire_registers(c) > 0).then(|| ReservedQueue::new(normalizer_stages(c) - 1)),
            vacant: Cycle::from(extra_registers(c)),
            sink,
            register: StreamRegister::default(),
            sink_free: 0,
            left: [0; MOST_STAGES + 1],
            free: 0,
            next: 0,
            transfers: Vec::with_capacity(capacity),
        }
    }

    /// First cycle in which another block can be captured.
    pub(crate) fn free(&self) -> Cycle {
        self.free
    }

    /// A block is finished and offered from cycle `offered` on; gives the cycle in which it is
    /// captured.
    #[inline]
    pub(crate) fn capture(&mut self, offered: Cycle) -> Cycle {
        let captured = offered.max(self.free);
        self.next = self.next.max(captured + 1 + self.preparation);
        let room = (self.queue.as_ref()).is_none_or(|queue| queue.is_empty(self.next));
        let free = self.sink_free <= self.next + self.stages as Cycle + 1;
        if self.sink == Pattern::Always && free && room {
            self.send_unhindered();
        } else {
            for _ in 0..self.beats {
                self.send();
            }
        }
        self.free = self.left[0] + self.vacant;
        captured
    }

    /// All beats of a block, with nothing of the blocks before left in their way: the last transfer
    /// is over when the first beat reaches the port, so every register before it is empty in time.
    #[inline]
    fn send_unhindered(&mut self) {
        let (stages, beats) = (self.stages as Cycle, self.beats as Cycle);
        let first = self.next + stages + 1;
        self.transfers.extend(first..first + beats);
        let last = self.next + beats - 1;
        match &mut self.queue {
            Some(queue) => {
                queue.flowed(self.beats, last + stages - 1);
                self.left[0] = last;
                self.left[MOST_STAGES] = last + stages;
            }
            None => {
                for (stage, left) in self.left.iter_mut().enumerate() {
                    *left = last + stage as Cycle;
                }
            }
        }
        self.next = last + 1;
        for transfer in first + beats - beats.min(2)..first + beats {
            self.register.leaves(transfer);
        }
        self.sink_free = first + beats;
    }

    /// One beat from the hold register to the port.
    #[inline]
    fn send(&mut self) {
        let moved = match &mut self.queue {
            Some(queue) => {
                self.left[0] = self.next.max(queue.room());
                let entered = queue.enter(self.left[0], self.left[MOST_STAGES]);
                let moved = (entered + 1).max(self.register.room());
                self.left[MOST_STAGES] = moved;
                moved
            }
            None => self.through_stages(),
        };
        self.next = self.left[0] + 1;
        let ready = self.register.earliest(moved).max(self.sink_free);
        let transfer = self.sink.next(ready);
        self.register.leaves(transfer);
        self.sink_free = transfer + 1;
        self.transfers.push(transfer);
    }

    /// A beat moves from the hold register through stages that may stall; gives the cycle in which
    /// it leaves the last one.
    #[inline]
    fn through_stages(&mut self) -> Cycle {
        let mut moved = self.next;
        for stage in 0..self.stages {
            // A stage takes a beat in the cycle in which the one before leaves it.
            moved = moved.max(self.left[stage + 1]);
            self.left[stage] = moved;
            moved += 1;
        }
        moved = moved.max(self.register.room());
        self.left[self.stages] = moved;
        moved
    }
}
