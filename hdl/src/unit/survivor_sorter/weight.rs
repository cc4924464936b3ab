//! The weight of a row's largest key: its bits, from the first one down to 2^-max_shift.

use super::entry::OfLargest;
use super::visits::Progress;
use crate::netlist::{Signal, unsigned};
use crate::unit::{Builder, Stage, bit, ceil_log2, choose, loaded};
use logattn_golden::config::Configuration;

/// The largest key of the row in the head, and the bit of its weight that the sum has come to.
pub(super) struct Weight {
    pub is_largest: Signal,
    pub survives: Signal,
    pub key: Option<Signal>,
    pub weight: Signal,
    /// The bit that comes next; in a row's first slot that at 2^0, or a negative weight's sign.
    pub bit: Signal,
    /// Which one comes behind it.
    pub place: Signal,
    /// The row's largest key comes into the head.
    pub begins: Signal,
    /// The first bit, and which one comes behind it, when it does; where bits are found beforehand,
    /// which one comes behind the one behind it.
    pub first: (Signal, Signal),
    /// Where bits are found beforehand, the bit behind the one that comes next; and what it is when
    /// the largest key comes into the head.
    pub second: Option<(Signal, Signal)>,
}

/// The first bit of a weight that the sum comes to, and which one is behind it.
///
/// # Arguments
/// - `steps`: doublings from the first bit to 2^0.
pub(super) fn first_places(
    m: &mut Builder,
    c: &Configuration,
    (weight, steps): (Signal, Signal),
) -> (Signal, Signal) {
    let max_shift = c.max_shift.unwrap_or(0);
    let sign = m.bit(weight, weight.width() - 1);
    let one = m.bit(weight, max_shift);
    let first_bit = m.or(sign, one);
    let ty = unsigned(ceil_log2(weight.width() as usize));
    let above = m.extend(steps, ty.width());
    let below_one = m.constant(u64::from(max_shift) - 1, ty);
    (first_bit, m.add(below_one, above))
}

pub(super) fn bits_of(m: &mut Builder, word: Signal) -> Vec<Signal> {
    (0..word.width()).map(|place| m.bit(word, place)).collect()
}

impl Weight {
    /// # Arguments
    /// - `steps`: of the entry that comes into the head.
    pub(super) fn declare(
        m: &mut Builder,
        c: &Configuration,
        (incoming, steps): (OfLargest, Signal),
        head: Stage,
    ) -> Weight {
        // Without asking whether there is an entry, which would be one more choice on a long way. A
        // queue that has run dry shows its last word again, and that is no largest key: the row's next
        // entry is read right after it, so that it is in the queue before the largest key leaves.
        let begins = m.and(head.enable, incoming.is_largest);
        let begins = m.name(begins, "weight_begins");
        let weight = loaded(m, "head_weight", begins, incoming.weight);
        let (mut first_bit, mut behind) = first_places(m, c, (incoming.weight, steps));
        let ty = behind.ty();
        let second = incoming.bits.map(|(first, second)| {
            first_bit = first;
            let one = m.constant(1, ty);
            behind = m.sub(behind, one);
            (m.register("weight_bit_behind", bit()), second)
        });
        Weight {
            second,
            is_largest: loaded(m, "head_largest", head.enable, incoming.is_largest),
            survives: loaded(m, "head_survives", head.enable, incoming.survives),
            key: (incoming.key).map(|key| loaded(m, "head_largest_key", begins, key)),
            weight,
            bit: m.register("weight_bit", bit()),
            place: m.register("weight_place", ty),
            begins,
            first: (first_bit, behind),
        }
    }

    /// Goes on to the next bit with the row's first slot and with every doubling.
    pub(super) fn count(&self, m: &mut Builder, progress: &Progress) {
        let moves = m.or(progress.first, progress.doubles);
        let moves = m.and(progress.pop, moves);
        let changes = m.or(moves, self.begins);
        let changes = m.name(changes, "weight_moves");
        let bits = bits_of(m, self.weight);
        let mut next = choose(m, self.place, &bits);
        if let Some((behind, first)) = self.second {
            let coming = m.mux(self.begins, first, next);
            m.update_if(behind, changes, coming);
            next = behind;
        }
        let one = m.constant(1, self.place.ty());
        let behind = m.sub(self.place, one);
        let (first_bit, first_behind) = self.first;
        let next = m.mux(self.begins, first_bit, next);
        let behind = m.mux(self.begins, first_behind, behind);
        m.update_if(self.bit, changes, next);
        m.update_if(self.place, changes, behind);
    }
}

/// How many doublings there are from the first bit of a weight to 2^0: none unless it is below -1.
pub(super) fn bits_above_one(m: &mut Builder, c: &Configuration, weight: Signal) -> Signal {
    let max_shift = c.max_shift.unwrap_or(0);
    let sign = m.bit(weight, weight.width() - 1);
    let places = weight.width() - 1 - max_shift;
    let ty = unsigned(ceil_log2(places as usize + 1));
    let mut above = m.zero(ty);
    for place in 0..places {
        let bit = m.bit(weight, max_shift + place);
        let other = m.not(bit);
        let counts = m.and(sign, other);
        let count = m.constant(u64::from(place) + 1, ty);
        above = m.mux(counts, count, above);
    }
    m.name(above, "weight_above_one")
}
