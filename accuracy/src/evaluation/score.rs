//! Scores of several attentions on the same items, and what one loses against the first.

use super::bootstrap::{Bootstrap, Interval, percentile_interval};
use super::metric::{Metric, Outcome};

/// A score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Of which kind.
    pub metric: Metric,
    /// Its value; NaN where it is not defined.
    pub value: f64,
    /// Its 95 % interval over the items; `None` where it is not defined.
    pub interval: Option<Interval>,
    /// What is lost against the first attention; `None` for that one itself, and where it is not
    /// defined (the first score is 0).
    pub loss: Option<Loss>,
}

/// By how much a score is worse than another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// In percent of the other one; negative if it is better.
    pub percent: f64,
    /// Its 95 % interval: both scores are of the same resamples, so what items have in common
    /// cancels out. `None` where it is not defined.
    pub interval: Option<Interval>,
}

/// Scores for each attention, from its outcomes, of which all have as many: one for each metric.
pub fn scores(
    metrics: &[Metric],
    outcomes: &[Vec<Outcome>],
    bootstrap: &Bootstrap,
) -> Vec<Vec<Score>> {
    let mut scores = vec![Vec::with_capacity(metrics.len()); outcomes.len()];
    for metric in metrics {
        let by_metric = of_metric(*metric, outcomes, bootstrap);
        for (scores, score) in scores.iter_mut().zip(by_metric) {
            scores.push(score);
        }
    }
    scores
}

fn of_metric(metric: Metric, outcomes: &[Vec<Outcome>], bootstrap: &Bootstrap) -> Vec<Score> {
    let parts: Vec<Vec<[f64; 2]>> = outcomes
        .iter()
        .map(|outcomes| outcomes.iter().map(|o| metric.parts(o)).collect())
        .collect();
    let items = parts.first().map_or(0, Vec::len);
    // A row a resample, a value an attention.
    let resampled: Vec<Vec<f64>> = bootstrap.each(items, |chosen| {
        let of = |parts: &Vec<[f64; 2]>| {
            let drawn: Vec<[f64; 2]> = chosen.iter().map(|&item| parts[item]).collect();
            metric.value(&drawn)
        };
        parts.iter().map(of).collect()
    });
    let interval = |statistic: &dyn Fn(&[f64]) -> f64| {
        percentile_interval(resampled.iter().map(|row| statistic(row)).collect())
    };
    let values: Vec<f64> = parts.iter().map(|parts| metric.value(parts)).collect();
    let score = |(attention, &value): (usize, &f64)| Score {
        metric,
        value,
        interval: interval(&|row| row[attention]),
        loss: Some(metric.loss(values[0], value))
            .filter(|percent| attention > 0 && percent.is_finite())
            .map(|percent| Loss {
                percent,
                interval: interval(&|row| metric.loss(row[0], row[attention])),
            }),
    };
    values.iter().enumerate().map(score).collect()
}
