//! Which points are not beaten in two quantities.

use super::SweepError;
use super::grid::Grid;
use super::metrics::metrics;
use super::store::Point;
use crate::StudyOptions;
use serde_json::Value;

/// A quantity on an axis of the plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// A metric, or a field of the grid whose values are integers.
    pub name: String,
    /// Unit; empty for what has none.
    pub unit: &'static str,
    /// Whether more is better.
    pub more_is_better: bool,
}

impl Quantity {
    /// Name and unit.
    pub fn label(&self) -> String {
        let better = if self.more_is_better { "more" } else { "less" };
        match self.unit {
            "" => format!("{} ({better} is better)", self.name),
            unit => format!("{} [{unit}] ({better} is better)", self.name),
        }
    }

    /// Its value at a point, if there is one.
    pub fn of(&self, point: &Point) -> Option<f64> {
        let results = point.results.as_ref()?;
        let value = results
            .get(&self.name)
            .or_else(|| point.fields.get(&self.name));
        value.and_then(Value::as_f64)
    }

    /// The value with a sign with which less is better.
    fn cost(&self, point: &Point) -> Option<f64> {
        let sign = if self.more_is_better { -1.0 } else { 1.0 };
        Some(sign * self.of(point)?)
    }
}

/// The two quantities of a plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axes {
    /// To the right.
    pub x: Quantity,
    /// Upward.
    pub y: Quantity,
}

impl Axes {
    /// Reads `x,y`; by default cycles a row against the error of the outputs, or for a static mask,
    /// which has no outputs, cycles a row against bytes of load-once traffic.
    ///
    /// # Arguments
    /// - `mask`: the input is a static mask.
    ///
    /// # Errors
    /// [`SweepError::Plot`], which lists what can be plotted.
    pub fn parse(
        given: Option<&str>,
        grid: &Grid,
        options: &StudyOptions,
        mask: bool,
    ) -> Result<Self, SweepError> {
        let default = match mask {
            true => "cycles_per_row,bytes_skip",
            false => "cycles_per_row,output_error",
        };
        let given = given.unwrap_or(default);
        let known = quantities(grid, options);
        let refused = |found: &str| SweepError::Plot {
            found: found.to_string(),
            legal: {
                let names: Vec<&str> = known.iter().map(|q| q.name.as_str()).collect();
                format!("two of these with a comma between: {}", names.join(", "))
            },
        };
        let find = |name: &str| {
            let found = known.iter().find(|quantity| quantity.name == name.trim());
            found.cloned().ok_or_else(|| refused(name))
        };
        let (x, y) = given.split_once(',').ok_or_else(|| refused(given))?;
        Ok(Axes {
            x: find(x)?,
            y: find(y)?,
        })
    }

    /// Both values of a point.
    pub fn of(&self, point: &Point) -> Option<(f64, f64)> {
        Some((self.x.of(point)?, self.y.of(point)?))
    }

    /// Indices of the points that no other one beats: none is at least as good in both quantities
    /// and better in one. From the best in x to the best in y; points without both are left out.
    pub fn front(&self, points: &[Point]) -> Vec<usize> {
        let mut costs: Vec<(f64, f64, usize)> = points
            .iter()
            .enumerate()
            .filter_map(|(i, point)| Some((self.x.cost(point)?, self.y.cost(point)?, i)))
            .collect();
        costs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut front: Vec<(f64, f64, usize)> = Vec::new();
        for (x, y, index) in costs {
            let beaten = front
                .last()
                .is_some_and(|(last_x, last_y, _)| *last_y < y || (*last_y == y && *last_x < x));
            if !beaten {
                front.push((x, y, index));
            }
        }
        front.into_iter().map(|(_, _, index)| index).collect()
    }
}

/// Everything that can be plotted.
fn quantities(grid: &Grid, options: &StudyOptions) -> Vec<Quantity> {
    let results = metrics(options).into_iter().map(|metric| Quantity {
        name: metric.name,
        unit: metric.unit,
        more_is_better: metric.more_is_better,
    });
    let numeric = grid
        .axes
        .iter()
        .filter(|axis| axis.values.iter().all(toml::Value::is_integer));
    let fields = numeric.map(|axis| Quantity {
        name: axis.field.clone(),
        unit: "",
        more_is_better: false,
    });
    results.chain(fields).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn quantity(name: &str, more_is_better: bool) -> Quantity {
        Quantity {
            name: name.to_string(),
            unit: "",
            more_is_better,
        }
    }

    fn point(index: usize, x: Value, y: Value) -> Point {
        let results = json!({"x": x, "y": y});
        Point {
            grid: String::new(),
            index,
            fields: json!({"lanes": 2 * index}).as_object().unwrap().clone(),
            invalid: None,
            results: results.as_object().cloned(),
        }
    }

    #[test]
    fn a_front_by_hand() {
        let axes = Axes {
            x: quantity("x", false),
            y: quantity("y", false),
        };
        let points = [
            point(0, json!(3), json!(1)),
            point(1, json!(1), json!(5)),
            // Beaten by 3 in y alone.
            point(2, json!(2), json!(4)),
            point(3, json!(2), json!(2.5)),
            // The same as 3: neither beats the other.
            point(4, json!(2), json!(2.5)),
            // As good as 0 in y, worse in x.
            point(5, json!(4), json!(1)),
            point(6, json!(0), json!(null)),
        ];
        assert_eq!(axes.front(&points), [1, 3, 4, 0]);
        assert_eq!(axes.of(&points[6]), None);
        assert_eq!(quantity("lanes", false).of(&points[4]), Some(8.0));
        let other = Axes {
            y: quantity("y", true),
            ..axes
        };
        // More y is better now: only the best in x is left, which has the most y too.
        assert_eq!(other.front(&points), [1]);
        assert_eq!(other.front(&[]), [0_usize; 0]);
    }

    /// Against the definition, point by point.
    #[test]
    fn random_fronts() {
        let axes = Axes {
            x: quantity("x", false),
            y: quantity("y", false),
        };
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % 12
        };
        for _ in 0..200 {
            let points: Vec<Point> = (0..15)
                .map(|index| point(index, json!(random()), json!(random())))
                .collect();
            let at: Vec<(f64, f64)> = points.iter().filter_map(|p| axes.of(p)).collect();
            let beaten = |a: &(f64, f64)| {
                at.iter()
                    .any(|b| b.0 <= a.0 && b.1 <= a.1 && (b.0 < a.0 || b.1 < a.1))
            };
            let expected: Vec<usize> = (0..15).filter(|i| !beaten(&at[*i])).collect();
            let mut front = axes.front(&points);
            front.sort_unstable();
            assert_eq!(front, expected);
        }
    }
}
