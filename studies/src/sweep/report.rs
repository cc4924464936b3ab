//! A finished sweep as CSV and Markdown.

use super::SweepError;
use super::metrics::{Metric, metrics};
use super::pareto::Axes;
use super::run::Sweep;
use super::store::Point;
use crate::grouped;
use serde_json::Value;
use std::collections::BTreeMap;

/// Most points that the Markdown lists one by one; the CSV has all.
const LISTED: usize = 200;

/// Metrics that the tables of the Markdown show.
const SHOWN: [&str; 8] = [
    "cycles_per_row",
    "twin_over_cycles",
    "pruned_share",
    "output_error",
    "bytes_dense_refetch",
    "bytes_load_once",
    "bytes_skip",
    "cycles",
];

/// A finished sweep, for the writers.
pub struct Finished<'a> {
    /// The sweep.
    pub sweep: &'a Sweep,
    /// All its points, by index.
    pub points: &'a [Point],
    /// Quantities of the Pareto front.
    pub axes: &'a Axes,
    /// The command that made it, for the Markdown.
    pub command: &'a str,
}

impl Finished<'_> {
    /// Points that could not be studied.
    pub fn invalid(&self) -> usize {
        let invalid = self.points.iter().filter(|point| point.invalid.is_some());
        invalid.count()
    }

    /// The points of the front.
    pub fn front(&self) -> Vec<&Point> {
        let front = self.axes.front(self.points).into_iter();
        front.map(|index| &self.points[index]).collect()
    }

    /// The fields that take more than one value.
    pub fn varying(&self) -> Vec<&str> {
        let axes = self.sweep.grid.axes.iter();
        let varying = axes.filter(|axis| axis.values.len() > 1);
        varying.map(|axis| axis.field.as_str()).collect()
    }

    /// A point by what varies, "lanes 16, thresholds #2": values of arrays by their place in the
    /// grid, from 1.
    pub fn label(&self, point: &Point) -> String {
        let cell = |field: &&str| format!("{field} {}", self.short(field, point));
        let parts: Vec<String> = self.varying().iter().map(cell).collect();
        parts.join(", ")
    }

    /// A field's value in a word.
    fn short(&self, field: &str, point: &Point) -> String {
        match point.fields.get(field) {
            Some(Value::Array(_)) => {
                let mut axes = self.sweep.grid.axes.iter().zip(self.places(point));
                let place = axes.find(|(axis, _)| axis.field == field);
                format!("#{}", place.map_or(0, |(_, place)| place + 1))
            }
            Some(Value::String(word)) => word.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }

    /// The place of a point's value in each axis.
    fn places(&self, point: &Point) -> Vec<usize> {
        let grid = &self.sweep.grid;
        let values = grid.values(point.index).into_iter();
        values
            .zip(&grid.axes)
            .map(|(value, axis)| axis.values.iter().position(|v| v == value).unwrap_or(0))
            .collect()
    }

    /// One line a point, by index: fields, why it is invalid, results.
    ///
    /// # Errors
    /// The writer's, for none that are known.
    pub fn csv(&self) -> Result<String, SweepError> {
        let failed = |error: csv::Error| SweepError::Drawing {
            what: "sweep.csv",
            reason: error.to_string(),
        };
        let metrics = metrics(&self.sweep.options);
        let fields: Vec<&str> = self
            .sweep
            .grid
            .axes
            .iter()
            .map(|a| a.field.as_str())
            .collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let names = metrics.iter().map(|metric| metric.name.as_str());
        let header = ["index"].into_iter().chain(fields.iter().copied());
        writer
            .write_record(header.chain(["invalid"]).chain(names))
            .map_err(failed)?;
        for point in self.points {
            let own = fields.iter().map(|field| cell(point.fields.get(*field)));
            let invalid = point.invalid.clone().unwrap_or_default();
            let results = metrics.iter().map(|metric| cell(result(point, metric)));
            let index = std::iter::once(point.index.to_string());
            writer
                .write_record(index.chain(own).chain([invalid]).chain(results))
                .map_err(failed)?;
        }
        let bytes = writer.into_inner().map_err(|error| SweepError::Drawing {
            what: "sweep.csv",
            reason: error.to_string(),
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The sweep on a page: what was swept, the front, all points if they are not too many, what
    /// was refused, meaning of the results.
    pub fn markdown(&self) -> String {
        let grid = &self.sweep.grid;
        let front = self.front();
        let mut text = format!(
            "# Sweep of {} over {} points\n\nlogattn {}, input {}, phase {}, sweep {}. Made by\n\n\
             ```sh\n{}\n```\n\n{} of {} points could be studied, {} could not. All are in \
             `sweep.csv`.\n\n## Fields\n\n| field | values |\n|---|---|\n",
            grid.configs.join(", "),
            self.points.len(),
            env!("CARGO_PKG_VERSION"),
            grid.input,
            grid.phase.name(),
            self.sweep.hash,
            self.command,
            self.points.len() - self.invalid(),
            self.points.len(),
            self.invalid(),
        );
        for axis in &grid.axes {
            let values: Vec<String> = axis.values.iter().map(ToString::to_string).collect();
            text += &format!("| `{}` | {} |\n", axis.field, values.join(", "));
        }
        text += &format!(
            "\n## Pareto front\n\n{} points that no other one beats in `{}` and `{}` \
             (`pareto.svg`).\n\n{}",
            front.len(),
            self.axes.x.name,
            self.axes.y.name,
            self.table(&front),
        );
        text += "\n## All points\n\n";
        let studied: Vec<&Point> = self.points.iter().filter(|p| p.results.is_some()).collect();
        text += &match studied.len() {
            0..=LISTED => self.table(&studied),
            more => format!("{more}: see `sweep.csv`.\n"),
        };
        text += &self.refused();
        text += "\n## Results\n\n| name | unit | meaning |\n|---|---|---|\n";
        for metric in metrics(&self.sweep.options) {
            text += &format!(
                "| `{}` | {} | {} |\n",
                metric.name, metric.unit, metric.meaning
            );
        }
        text
    }

    /// Points with what varies and some results.
    fn table(&self, points: &[&Point]) -> String {
        let all = metrics(&self.sweep.options);
        let mut shown: Vec<&Metric> = Vec::new();
        let plotted = [self.axes.x.name.as_str(), self.axes.y.name.as_str()];
        for name in plotted.into_iter().chain(SHOWN) {
            let metric = all.iter().find(|metric| metric.name == name);
            shown.extend(metric.filter(|metric| !shown.contains(metric)));
        }
        let varying = self.varying();
        let heads = shown.iter().map(|metric| match metric.unit {
            "" => metric.name.clone(),
            unit => format!("{} [{unit}]", metric.name),
        });
        let fields = varying.iter().map(|field| (*field).to_string());
        let header: Vec<String> = ["point".to_string()]
            .into_iter()
            .chain(fields)
            .chain(heads)
            .collect();
        let rule = format!(
            "|---:|{}{}",
            "---|".repeat(varying.len()),
            "---:|".repeat(shown.len())
        );
        let mut text = format!("| {} |\n{rule}\n", header.join(" | "));
        for point in points {
            let own = varying.iter().map(|field| self.short(field, point));
            let results = shown.iter().map(|metric| rounded(result(point, metric)));
            let index = std::iter::once(point.index.to_string());
            let cells: Vec<String> = index.chain(own).chain(results).collect();
            text += &format!("| {} |\n", cells.join(" | "));
        }
        text
    }

    /// Why points were refused, with the number of points for each reason.
    fn refused(&self) -> String {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for reason in self
            .points
            .iter()
            .filter_map(|point| point.invalid.as_deref())
        {
            *reasons.entry(reason).or_default() += 1;
        }
        if reasons.is_empty() {
            return String::new();
        }
        let lines = reasons.iter().map(|(reason, points)| {
            let reason = reason.replace('|', "\\|");
            format!("| {points} | {reason} |\n")
        });
        let lines: String = lines.collect();
        format!("\n## Points that could not be studied\n\n| points | reason |\n|---:|---|\n{lines}")
    }
}

/// A metric at a point.
fn result<'a>(point: &'a Point, metric: &Metric) -> Option<&'a Value> {
    point.results.as_ref()?.get(&metric.name)
}

/// A value in a cell of the CSV.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(word)) => word.clone(),
        Some(other) => other.to_string(),
    }
}

/// A number to read: integers in full with their thousands set apart, others with four digits.
fn rounded(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return String::new();
    };
    match (value.as_u64(), value.as_f64()) {
        (Some(integer), _) => grouped(integer),
        (None, Some(number)) if number.abs() >= 1000.0 => grouped(number.round() as u64),
        (None, Some(number)) => significant(number),
        _ => String::new(),
    }
}

/// Four digits that count.
fn significant(number: f64) -> String {
    let before = number.abs().log10().floor().max(-6.0) as i32;
    let decimals = (3 - before).clamp(0, 9) as usize;
    format!("{number:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_to_read() {
        let text = |value: Value| rounded(Some(&value));
        assert_eq!(text(json!(1_234_567)), "1,234,567");
        assert_eq!(text(json!(0.303_987)), "0.3040");
        assert_eq!(text(json!(40.6712)), "40.67");
        assert_eq!(text(json!(123_456.7)), "123,457");
        assert_eq!(text(json!(0.000_012_345)), "0.00001234");
        assert_eq!(text(json!(null)), "");
        assert_eq!(rounded(None), "");
    }
}
