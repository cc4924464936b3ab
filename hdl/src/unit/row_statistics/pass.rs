//! A pass over the beats of one row after the other: which row is in hand, and which of its beats.

use super::store::RowPoint;
use crate::netlist::{Builder, Signal};
use crate::unit::{bit, loaded};
use logattn_golden::config::Configuration;
use logattn_golden::microarchitecture::wire_registers;

/// A pass.
pub(super) struct Pass {
    name: &'static str,
    /// A beat is read.
    read: Signal,
    /// It is its row's last.
    end: Signal,
    /// Rows whose words have been taken from their stores: with their last beats, or, from
    /// `pipeline_depth` 3 on, when they come into hand.
    pub taken: RowPoint,
    /// To be driven: a row comes into hand; absent where none is held there.
    takes: Option<Signal>,
}

/// The row in hand.
pub(super) struct InHand {
    /// There is one.
    pub available: Signal,
    /// Its beats.
    pub beats: Beats,
    /// What is known of it.
    pub words: Vec<Signal>,
}

/// The beats of a row, one after the other.
pub(super) struct Beats {
    /// Index of the beat in hand; absent where rows are one beat.
    pub index: Option<Signal>,
    /// Index of the row's last beat.
    pub last_index: Option<Signal>,
    /// The beat in hand is the row's last.
    pub last: Signal,
}

impl Pass {
    /// # Arguments
    /// - `ended`: the rows whose last beats have been read.
    pub(super) fn new(
        m: &mut Builder,
        c: &Configuration,
        name: &'static str,
        (read, end): (Signal, Signal),
        ended: RowPoint,
    ) -> Self {
        let takes = (wire_registers(c) > 0).then(|| m.wire(format!("{name}_row_taken"), bit()));
        let taken = match takes {
            Some(takes) => RowPoint::new(m, c, &format!("{name}_rows_taken"), takes),
            None => ended,
        };
        Pass {
            name,
            read,
            end,
            taken,
            takes,
        }
    }

    /// The row in hand: the one that waits, or a register for it.
    ///
    /// # Arguments
    /// - `available`: a row waits.
    /// - `last_index`: index of its last beat; absent where rows are one beat.
    /// - `words`: what is known of it.
    pub(super) fn begin(
        &self,
        m: &mut Builder,
        available: Signal,
        last_index: Option<Signal>,
        words: &[Signal],
    ) -> InHand {
        let Some(takes) = self.takes else {
            return InHand {
                available,
                beats: self.count(m, last_index),
                words: words.to_vec(),
            };
        };
        let name = self.name;
        let valid = m.register_reset(format!("{name}_row_in_hand"), bit(), 0);
        let vacant = m.not(valid);
        let free = m.or(vacant, self.end);
        let free = m.name(free, format!("{name}_row_wanted"));
        let comes = m.and(available, free);
        m.drive(takes, comes);
        m.update_if(valid, free, available);
        let words = words
            .iter()
            .enumerate()
            .map(|(index, word)| loaded(m, &format!("{name}_word_{index}"), takes, *word))
            .collect();
        InHand {
            available: valid,
            beats: self.count_ahead(m, takes, last_index),
            words,
        }
    }

    /// Counts the beats of the row that waits.
    fn count(&self, m: &mut Builder, last_index: Option<Signal>) -> Beats {
        let Some(last_index) = last_index else {
            return one_beat(m);
        };
        let name = self.name;
        let index = m.register_reset(format!("{name}_beat"), last_index.ty(), 0);
        let last = m.eq(index, last_index);
        let last = m.name(last, format!("{name}_beat_last"));
        let one = m.constant(1, index.ty());
        let following = m.add(index, one);
        let zero = m.zero(index.ty());
        let next = m.mux(last, zero, following);
        m.update_if(index, self.read, next);
        Beats {
            index: Some(index),
            last_index: Some(last_index),
            last,
        }
    }

    /// Counts the beats of the row in hand; whether one is the last is known beforehand.
    fn count_ahead(&self, m: &mut Builder, takes: Signal, last_index: Option<Signal>) -> Beats {
        let Some(coming) = last_index else {
            return one_beat(m);
        };
        let name = self.name;
        let index = m.register_reset(format!("{name}_beat"), coming.ty(), 0);
        let last_index = loaded(m, &format!("{name}_last_index"), takes, coming);
        let last = m.register(format!("{name}_beat_last"), bit());
        let following = m.register_reset(format!("{name}_beat_following"), coming.ty(), 1);
        let one = m.constant(1, coming.ty());
        let further = m.add(following, one);
        let second = m.mux(last, one, further);
        m.update_if(following, self.read, second);
        let zero = m.zero(coming.ty());
        let next = m.mux(last, zero, following);
        m.update_if(index, self.read, next);
        m.comment("not every pass tells it");
        m.unused(index);
        let several = m.any(coming);
        let one = m.not(several);
        let next_is_last = m.eq(following, last_index);
        let next = m.mux(takes, one, next_is_last);
        let changes = m.or(takes, self.read);
        m.update_if(last, changes, next);
        Beats {
            index: Some(index),
            last_index: Some(last_index),
            last,
        }
    }
}

fn one_beat(m: &mut Builder) -> Beats {
    Beats {
        index: None,
        last_index: None,
        last: m.constant(1, bit()),
    }
}
