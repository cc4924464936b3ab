//! When the outside world lets a stream move.

use crate::Cycle;

/// The cycles in which one side of a stream is willing to go on.
///
/// A source that is willing offers its next beat and keeps offering it until it is taken; a sink
/// that is willing is ready in just that cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Willing in every cycle.
    Always,
    /// Unwilling in `stalled` of 256 cycles (at most [`Pattern::MOST_STALLED`]), which ones is
    /// decided by a hash of `seed` and the cycle.
    Random {
        /// Tells patterns apart.
        seed: u64,
        /// Cycles of 256 that are refused.
        stalled: u8,
    },
}

impl Pattern {
    /// The most cycles of 256 that a pattern may refuse, so that everything still ends.
    pub const MOST_STALLED: u8 = 240;

    /// Whether the port goes on in `cycle`.
    #[inline]
    pub fn allows(&self, cycle: Cycle) -> bool {
        match *self {
            Pattern::Always => true,
            Pattern::Random { seed, stalled } => {
                (hash(seed, cycle) & 255) as u8 >= stalled.min(Self::MOST_STALLED)
            }
        }
    }

    /// The first cycle at or after `cycle` in which the port goes on.
    #[inline]
    pub fn next(&self, cycle: Cycle) -> Cycle {
        match self {
            Pattern::Always => cycle,
            Pattern::Random { .. } => {
                let mut at = cycle;
                while !self.allows(at) {
                    at += 1;
                }
                at
            }
        }
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), so that a pattern needs no state
/// and any cycle of it can be asked for.
#[inline]
fn hash(seed: u64, cycle: Cycle) -> u64 {
    let mut z = seed.wrapping_add(cycle.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The outside world of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Source of `s_axis_value`.
    pub value: Pattern,
    /// Source of `s_axis_attn`; with `input = "qkv"`, of `s_axis_query`.
    pub attn: Pattern,
    /// Source of `s_axis_key`, which only units with `input = "qkv"` have.
    pub key: Pattern,
    /// Sink of `m_axis_out`.
    pub out: Pattern,
}

impl Ports {
    /// No port ever stalls.
    pub fn free() -> Self {
        Ports {
            value: Pattern::Always,
            attn: Pattern::Always,
            key: Pattern::Always,
            out: Pattern::Always,
        }
    }

    /// Every port stalls at random, each in its own way.
    pub fn random(seed: u64, stalled: u8) -> Self {
        let port = |n: u64| Pattern::Random {
            seed: hash(seed, n),
            stalled,
        };
        Ports {
            value: port(1),
            attn: port(2),
            key: port(4),
            out: port(3),
        }
    }
}

/// A two-entry register of a stream: takes a beat while it holds fewer than two.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StreamRegister {
    /// First cycles after the last two beats left: `[last but one, last]`.
    left: [Cycle; 2],
}

impl StreamRegister {
    /// The first cycle with room for the next beat.
    #[inline]
    pub(crate) fn room(&self) -> Cycle {
        self.left[0]
    }

    /// The first cycle in which a beat that came in cycle `came` can leave.
    #[inline]
    pub(crate) fn earliest(&self, came: Cycle) -> Cycle {
        (came + 1).max(self.left[1])
    }

    /// The beat leaves in `cycle`.
    #[inline]
    pub(crate) fn leaves(&mut self, cycle: Cycle) {
        self.left = [self.left[1], cycle + 1];
    }
}

/// A source with the stream register behind it, as every input of the unit has.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pattern: Pattern,
    /// First cycle in which the next beat may be offered.
    free: Cycle,
    register: StreamRegister,
    /// The cycle of every transfer, where it is wanted.
    pub(crate) transfers: Option<Vec<Cycle>>,
}

impl Source {
    pub(crate) fn new(pattern: Pattern, traced: bool) -> Self {
        Source {
            pattern,
            free: 0,
            register: StreamRegister::default(),
            transfers: traced.then(Vec::new),
        }
    }

    /// Whether it never stalls and is not traced.
    pub(crate) fn is_prompt(&self) -> bool {
        self.pattern == Pattern::Always && self.transfers.is_none()
    }

    /// Sends the next beat; gives the first cycle in which it can leave the register.
    #[inline]
    pub(crate) fn send(&mut self) -> Cycle {
        let taken = self.pattern.next(self.free).max(self.register.room());
        self.free = taken + 1;
        if let Some(transfers) = &mut self.transfers {
            transfers.push(taken);
        }
        self.register.earliest(taken)
    }

    /// The beat leaves the register in `cycle`.
    #[inline]
    pub(crate) fn leaves(&mut self, cycle: Cycle) {
        self.register.leaves(cycle);
    }
}
