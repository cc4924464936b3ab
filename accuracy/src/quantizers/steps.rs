//! A staircase: what every quantizer is.

use multiversion::multiversion;

/// Values quantized at a time: few enough to stay in registers.
const CHUNK: usize = 16;

/// Edges up to which all of them are compared with; beyond, the right one is searched for.
const FEW: usize = 16;

/// How far the bits of a number are shifted to the right to look up where to search: 8 bits of
/// the exponent and 5 of the mantissa stay.
const KEPT: u32 = 18;

/// A staircase over the numbers 0 to 1: a value becomes the level of the highest edge that it
/// reaches.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// What is below the first edge becomes this.
    floor: f32,
    /// Non-decreasing.
    edges: Vec<f32>,
    /// As many as edges.
    levels: Vec<f32>,
    /// For each value of the bits that [`KEPT`] leaves, the number of edges below all numbers
    /// that have it. Empty if there are few edges.
    index: Vec<u32>,
}

impl Steps {
    /// # Arguments
    /// - `floor`: the level of what is below the first edge.
    /// - `steps`: edge and level of each step; edges from 0 up, non-decreasing. A value reaches an
    ///   edge if it is at least as large, in exact arithmetic: edges become the least number of
    ///   single precision that is not below them.
    pub fn new(floor: f64, steps: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let (edges, levels): (Vec<f32>, Vec<f32>) = steps
            .into_iter()
            .map(|(edge, level)| (not_below(edge), level as f32))
            .unzip();
        let index = match edges.len() > FEW {
            true => index_of(&edges),
            false => Vec::new(),
        };
        Steps {
            floor: floor as f32,
            edges,
            levels,
            index,
        }
    }

    /// The edges, non-decreasing.
    pub fn edges(&self) -> &[f32] {
        &self.edges
    }

    /// The level of each edge.
    pub fn levels(&self) -> &[f32] {
        &self.levels
    }

    /// Quantizes values of 0 to 1 in place; returns how many became 0.
    pub fn apply(&self, values: &mut [f32]) -> usize {
        if self.index.is_empty() {
            return compare_all(values, self.floor, &self.edges, &self.levels);
        }
        let mut zeros = 0;
        for value in values {
            *value = self.searched(*value);
            zeros += usize::from(*value == 0.0);
        }
        zeros
    }

    /// The level of a value, by search.
    fn searched(&self, value: f32) -> f32 {
        let place = (value.to_bits() >> KEPT) as usize;
        // A number below 0 or over 1, which there is none of, is beyond the table.
        let bound = |place: usize| {
            self.index
                .get(place)
                .map_or(self.edges.len(), |i| *i as usize)
        };
        let (first, end) = (bound(place), bound(place + 1));
        let reached = first + self.edges[first..end].partition_point(|edge| *edge <= value);
        match reached.checked_sub(1) {
            Some(step) => self.levels[step],
            None => self.floor,
        }
    }
}

/// The least number of single precision that is not below.
fn not_below(edge: f64) -> f32 {
    let nearest = edge as f32;
    match f64::from(nearest) < edge {
        true => nearest.next_up(),
        false => nearest,
    }
}

/// The table of [`Steps`]. A number's bits rise with the number.
fn index_of(edges: &[f32]) -> Vec<u32> {
    let places = (1.0_f32.to_bits() >> KEPT) + 2;
    let mut index = Vec::with_capacity(places as usize);
    let mut below = 0;
    for place in 0..places {
        let least = place << KEPT;
        below += edges[below..].partition_point(|edge| edge.to_bits() < least);
        index.push(below as u32);
    }
    index
}

/// Quantizes by comparing with every edge; returns how many values became 0.
#[multiversion(targets = "simd")]
fn compare_all(values: &mut [f32], floor: f32, edges: &[f32], levels: &[f32]) -> usize {
    let mut zeros = 0_u32;
    let (chunks, rest) = values.as_chunks_mut::<CHUNK>();
    for values in chunks {
        let original = *values;
        let mut quantized = [floor; CHUNK];
        for (edge, level) in edges.iter().zip(levels) {
            let (edge, level) = (*edge, *level);
            for (quantized, value) in quantized.iter_mut().zip(original) {
                *quantized = if value >= edge { level } else { *quantized };
            }
        }
        for level in quantized {
            zeros += u32::from(level == 0.0);
        }
        *values = quantized;
    }
    for value in rest {
        let mut quantized = floor;
        for (edge, level) in edges.iter().zip(levels) {
            quantized = if *value >= *edge { *level } else { quantized };
        }
        zeros += u32::from(quantized == 0.0);
        *value = quantized;
    }
    zeros as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_reach_and_a_step_between_two_numbers_is_not_reached_from_below() {
        let steps = Steps::new(0.0, [(0.25, 1.0), (0.5 + 1e-12, 2.0)]);
        let mut values = [0.0, 0.25_f32.next_down(), 0.25, 0.5, 0.5_f32.next_up(), 1.0];
        assert_eq!(steps.apply(&mut values), 2);
        assert_eq!(values, [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
    }

    proptest! {
        #[test]
        fn search_and_comparison_agree(
            mut edges in prop::collection::vec(0.0_f64..=1.0, 1..200),
            values in prop::collection::vec(0.0_f32..=1.0, 1..300),
            powers: bool,
        ) {
            if powers {
                edges.iter_mut().for_each(|edge| *edge = (-30.0 * *edge).exp2());
            }
            edges.sort_by(f64::total_cmp);
            let mut values = values;
            // Edges themselves, ends, and what is next to them.
            values.extend([0.0, f32::from_bits(1), 1.0, 1.0_f32.next_down()]);
            values.extend(edges.iter().map(|edge| *edge as f32));
            values.extend(edges.iter().map(|edge| (*edge as f32).next_down().max(0.0)));
            let steps = edges.iter().enumerate().map(|(i, edge)| (*edge, (i % 7) as f64));
            let steps = Steps::new(0.5, steps);
            let index = index_of(&steps.edges);
            let searching = Steps { index, ..steps.clone() };
            let expected: Vec<f32> = values.iter().map(|value| {
                let reached = steps.edges.iter().filter(|edge| value >= edge).count();
                if reached == 0 { 0.5 } else { ((reached - 1) % 7) as f32 }
            }).collect();
            let zeros = expected.iter().filter(|level| **level == 0.0).count();
            let mut compared = values.clone();
            let found = compare_all(&mut compared, steps.floor, &steps.edges, &steps.levels);
            prop_assert_eq!(found, zeros);
            prop_assert_eq!(&compared, &expected);
            prop_assert_eq!(searching.apply(&mut values), zeros);
            prop_assert_eq!(values, expected);
        }
    }
}
