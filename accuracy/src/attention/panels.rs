//! Products of small matrices in single precision.
//!
//! The products of attention are narrow: D of 32 or 64 on one side. General matrix products spend
//! most of their time there on bringing both factors into another order; here only the right one
//! is, once a head. Nothing is fused or summed in another order on other machines, so that
//! results are the same everywhere.

use multiversion::multiversion;
use ndarray::ArrayView2;

/// Columns that are computed side by side.
const LANES: usize = 16;

/// Rows that are computed side by side.
const ROWS: usize = 4;

/// The right factor of products, [inner, columns].
#[derive(Default)]
pub(crate) struct Panels {
    /// Panels of [inner, LANES], one after the other; zeros stand after the last column.
    elements: Vec<[f32; LANES]>,
    inner: usize,
    columns: usize,
}

/// Rows of equal distance in memory.
pub(crate) struct Matrix<'a> {
    /// The elements.
    pub elements: &'a [f32],
    /// From the start of a row to that of the next.
    pub stride: usize,
    /// Number of rows.
    pub rows: usize,
}

impl Panels {
    /// Takes a matrix [inner, columns] as the right factor.
    pub fn set(&mut self, matrix: ArrayView2<f32>) {
        (self.inner, self.columns) = matrix.dim();
        self.clear();
        for (index, row) in matrix.rows().into_iter().enumerate() {
            for (column, element) in row.iter().enumerate() {
                let panel = column / LANES * self.inner;
                self.elements[panel + index][column % LANES] = *element;
            }
        }
    }

    /// Takes the transpose of a matrix [columns, inner] as the right factor.
    pub fn set_transposed(&mut self, matrix: ArrayView2<f32>) {
        (self.columns, self.inner) = matrix.dim();
        self.clear();
        for (column, row) in matrix.rows().into_iter().enumerate() {
            let panel = &mut self.elements[column / LANES * self.inner..][..self.inner];
            for (place, element) in panel.iter_mut().zip(row) {
                place[column % LANES] = *element;
            }
        }
    }

    fn clear(&mut self) {
        let count = self.columns.div_ceil(LANES) * self.inner;
        self.elements.clear();
        self.elements.resize(count, [0.0; LANES]);
    }

    /// `factor` times the product of `left`, [rows, inner], and the first `columns` columns of
    /// the right factor, of which it needs the first `inner` rows; `output` has rows of `stride`
    /// elements.
    pub fn multiply(
        &self,
        left: &Matrix,
        (inner, columns): (usize, usize),
        factor: f32,
        output: &mut [f32],
        stride: usize,
    ) {
        let columns = columns.min(self.columns);
        for (number, first) in (0..columns).step_by(LANES).enumerate() {
            let panel = &self.elements[number * self.inner..][..inner.min(self.inner)];
            let width = LANES.min(columns - first);
            multiply_panel(left, panel, factor, &mut output[first..], stride, width);
        }
    }
}

/// [`Panels::multiply`] for one panel, of which `width` columns are wanted.
#[multiversion(targets = "simd")]
fn multiply_panel(
    left: &Matrix,
    panel: &[[f32; LANES]],
    factor: f32,
    output: &mut [f32],
    stride: usize,
    width: usize,
) {
    let row_of = |row: usize| &left.elements[row * left.stride..][..panel.len()];
    let mut row = 0;
    while row + ROWS <= left.rows {
        let rows = [
            row_of(row),
            row_of(row + 1),
            row_of(row + 2),
            row_of(row + 3),
        ];
        let mut sums = [[0.0_f32; LANES]; ROWS];
        for (index, elements) in panel.iter().enumerate() {
            for (sums, row) in sums.iter_mut().zip(rows) {
                let element = row[index];
                for (sum, right) in sums.iter_mut().zip(elements) {
                    *sum += element * right;
                }
            }
        }
        for (index, sums) in sums.iter().enumerate() {
            store(sums, factor, &mut output[(row + index) * stride..][..width]);
        }
        row += ROWS;
    }
    for row in row..left.rows {
        let mut sums = [0.0_f32; LANES];
        for (elements, element) in panel.iter().zip(row_of(row)) {
            for (sum, right) in sums.iter_mut().zip(elements) {
                *sum += element * right;
            }
        }
        store(&sums, factor, &mut output[row * stride..][..width]);
    }
}

#[inline(always)]
fn store(sums: &[f32; LANES], factor: f32, output: &mut [f32]) {
    for (output, sum) in output.iter_mut().zip(sums) {
        *output = sum * factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn products_of_all_sizes_are_those_of_the_array_library() {
        // Small integers, so that every sum is exact.
        let matrix = |rows, columns, salt: usize| {
            let element = |(r, c)| ((r * 7 + c * 13 + salt) % 19) as f32 - 9.0;
            Array2::from_shape_fn((rows, columns), element)
        };
        let mut panels = Panels::default();
        for rows in [1, 2, 3, 4, 5, 11] {
            for (inner, columns) in [(1, 1), (5, 15), (32, 16), (33, 17), (7, 64), (64, 200)] {
                let (left, right) = (matrix(rows, inner, 1), matrix(inner, columns, 5));
                let expected = left.dot(&right) * 0.5;
                let left = Matrix {
                    elements: left.as_slice().unwrap(),
                    stride: inner,
                    rows,
                };
                panels.set(right.view());
                let mut found = Array2::zeros((rows, columns));
                let place = found.as_slice_mut().unwrap();
                panels.multiply(&left, (inner, columns), 0.5, place, columns);
                assert_eq!(found, expected);
                panels.set_transposed(right.t().as_standard_layout().view());
                found.fill(0.0);
                let place = found.as_slice_mut().unwrap();
                panels.multiply(&left, (inner, columns), 0.5, place, columns);
                assert_eq!(found, expected);
                // Part of it, in wider rows.
                let half = columns.div_ceil(2);
                let mut part = Array2::zeros((rows, columns + 3));
                let place = part.as_slice_mut().unwrap();
                panels.multiply(&left, (inner, half), 0.5, place, columns + 3);
                for ((row, column), found) in part.indexed_iter() {
                    let expected = if column < half {
                        expected[[row, column]]
                    } else {
                        0.0
                    };
                    assert_eq!(*found, expected);
                }
            }
        }
    }
}
