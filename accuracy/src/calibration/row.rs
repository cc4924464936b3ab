//! One row of attention with every setting.

use super::{Candidates, Weighing};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

/// Buffers of one thread: no row allocates.
pub(super) struct Scratch {
    /// Keys of the row, the largest probability first.
    order: Vec<usize>,
    /// Sum of the weighted values so far, D.
    sum: Vec<f64>,
    /// The row's float output, D.
    exact: Vec<f64>,
    /// [lowest edges, D]: output less the float output.
    pub differences: Array2<f64>,
    /// Survivors with each lowest edge.
    pub survivors: Vec<u64>,
}

impl Scratch {
    pub fn new(lowest: usize, dimension: usize) -> Self {
        Scratch {
            order: Vec::new(),
            sum: vec![0.0; dimension],
            exact: vec![0.0; dimension],
            differences: Array2::zeros((lowest, dimension)),
            survivors: vec![0; lowest],
        }
    }

    /// Starts a row: sorts its keys and computes the float output. Returns that.
    ///
    /// # Arguments
    /// - `probabilities`: of the keys that the row sees.
    /// - `values`: [keys, D], at least as many keys.
    pub fn start(&mut self, probabilities: &[f32], values: ArrayView2<f32>) -> &[f64] {
        self.order.clear();
        self.order.extend(0..probabilities.len());
        let descending = |a: &usize, b: &usize| probabilities[*b].total_cmp(&probabilities[*a]);
        self.order.sort_unstable_by(descending);
        self.exact.fill(0.0);
        for (probability, value) in probabilities.iter().zip(values.axis_iter(Axis(0))) {
            add(&mut self.exact, f64::from(*probability), value);
        }
        &self.exact
    }

    /// `differences` and `survivors` of the row that was started with one set of shifts and every
    /// lowest edge: lowering it only adds keys, so that each key is added once.
    pub fn measure(
        &mut self,
        probabilities: &[f32],
        values: ArrayView2<f32>,
        shifts: &[u32],
        candidates: &Candidates,
        weighing: Weighing,
    ) {
        let edges = middles(shifts);
        self.sum.fill(0.0);
        let (mut weights, mut next) = (0.0, 0);
        let largest = self.order.first().map(|key| values.row(*key));
        for (index, lowest) in candidates.lowest.iter().enumerate() {
            let edge = (-lowest).exp2();
            while let Some(key) = self.order.get(next)
                && f64::from(probabilities[*key]) >= edge
            {
                let weight = level(f64::from(probabilities[*key]), shifts, &edges);
                add(&mut self.sum, weight, values.row(*key));
                weights += weight;
                next += 1;
            }
            self.survivors[index] = next as u64;
            let (factor, left_over) = match weighing {
                Weighing::AsTheyAre => (1.0, 0.0),
                Weighing::Renormalized if weights > 0.0 => (1.0 / weights, 0.0),
                // An empty row's output is 0.
                Weighing::Renormalized => (0.0, 0.0),
                Weighing::Complement => (1.0, 1.0 - weights),
            };
            let mut differences = self.differences.row_mut(index);
            for ((difference, sum), exact) in differences.iter_mut().zip(&self.sum).zip(&self.exact)
            {
                *difference = sum * factor - exact;
            }
            if let (true, Some(largest)) = (left_over != 0.0, &largest) {
                for (difference, value) in differences.iter_mut().zip(largest) {
                    *difference += left_over * f64::from(*value);
                }
            }
        }
    }
}

fn add(sum: &mut [f64], weight: f64, value: ArrayView1<f32>) {
    for (sum, value) in sum.iter_mut().zip(value) {
        *sum += weight * f64::from(*value);
    }
}

/// The edges between the levels of neighboring shifts, midway in the logarithm.
fn middles(shifts: &[u32]) -> Vec<f64> {
    let pairs = shifts.windows(2);
    pairs
        .map(|pair| (-0.5 * f64::from(pair[0] + pair[1])).exp2())
        .collect()
}

/// The level of a survivor. A lowest edge above some of the others does not change it.
fn level(probability: f64, shifts: &[u32], edges: &[f64]) -> f64 {
    let code = edges.iter().filter(|edge| probability >= **edge).count();
    (-f64::from(shifts[code])).exp2()
}
