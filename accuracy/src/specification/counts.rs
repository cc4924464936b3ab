//! How many attention values are pruned.

use super::ModelShape;
use std::ops::AddAssign;

/// Attention values of one head of one layer, over the valid queries and the keys that each sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadCounts {
    /// Number of values.
    pub values: u64,
    /// How many of them became 0.
    pub pruned: u64,
}

/// Attention values of every head, layer by layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    heads_per_layer: usize,
    heads: Vec<HeadCounts>,
}

impl Counts {
    /// None so far.
    pub fn new(shape: &ModelShape) -> Self {
        Counts {
            heads_per_layer: shape.heads,
            heads: vec![HeadCounts::default(); shape.layers * shape.heads],
        }
    }

    /// All heads, layer by layer.
    pub fn heads(&self) -> &[HeadCounts] {
        &self.heads
    }

    /// Those of one head; `None` if there is no such layer or head.
    pub fn head_mut(&mut self, layer: usize, head: usize) -> Option<&mut HeadCounts> {
        if head >= self.heads_per_layer {
            return None;
        }
        self.heads.get_mut(layer * self.heads_per_layer + head)
    }

    /// All heads together.
    pub fn total(&self) -> HeadCounts {
        let mut total = HeadCounts::default();
        for head in &self.heads {
            total += *head;
        }
        total
    }
}

impl HeadCounts {
    /// Share of the values that became 0; 0 of none.
    pub fn pruned_share(&self) -> f64 {
        self.pruned as f64 / self.values.max(1) as f64
    }
}

impl AddAssign for HeadCounts {
    fn add_assign(&mut self, other: Self) {
        self.values += other.values;
        self.pruned += other.pruned;
    }
}

impl AddAssign<&Counts> for Counts {
    /// Adds counts of the same model.
    fn add_assign(&mut self, other: &Counts) {
        for (head, other) in self.heads.iter_mut().zip(&other.heads) {
            *head += *other;
        }
    }
}
