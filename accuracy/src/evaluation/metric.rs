//! Scores of a task, from what a model made of its items.

use crate::decoder::Prediction;
use crate::question::AnswerScore;
use crate::tasks::Task;

/// What a model made of an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Of a question.
    Answer {
        /// The answer.
        text: String,
        /// How good it is.
        score: AnswerScore,
    },
    /// Of a sentence.
    Class {
        /// The class that the model gives it.
        found: usize,
        /// Its own.
        label: usize,
    },
    /// Of a pair of sentences.
    Similarity {
        /// Cosine of the angle between their embeddings, -1 to 1.
        cosine: f64,
        /// The similarity that people gave them.
        score: f64,
    },
    /// Of a window of text.
    Prediction(Prediction),
}

/// A kind of score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Share of the answers that are right to the letter, once normalized, in percent.
    ExactMatch,
    /// Mean F1 of the answers' words, in percent.
    F1,
    /// Share of the sentences whose class is right, in percent.
    Accuracy,
    /// Spearman's rank correlation of cosines and scores, -1 to 1.
    Spearman,
    /// Perplexity: exp of the mean of -ln p over all predicted tokens, p the probability that the
    /// model gave to the token that came; from 1, the lower the better.
    Perplexity,
}

impl Metric {
    /// Those of a task.
    pub fn of(task: Task) -> &'static [Metric] {
        match task {
            Task::QuestionAnswering => &[Metric::ExactMatch, Metric::F1],
            Task::Classification => &[Metric::Accuracy],
            Task::Similarity => &[Metric::Spearman],
            Task::Perplexity => &[Metric::Perplexity],
        }
    }

    /// Its name, one word.
    pub fn name(self) -> &'static str {
        match self {
            Metric::ExactMatch => "exact_match",
            Metric::F1 => "f1",
            Metric::Accuracy => "accuracy",
            Metric::Spearman => "spearman",
            Metric::Perplexity => "perplexity",
        }
    }

    /// The two numbers of an item that the score is made of: a sum and what it is divided by, or
    /// two things to be compared. NaN of an outcome of another task.
    pub fn parts(self, outcome: &Outcome) -> [f64; 2] {
        let percent = |right: bool| [100.0 * f64::from(u8::from(right)), 1.0];
        match (self, outcome) {
            (Metric::ExactMatch, Outcome::Answer { score, .. }) => percent(score.exact),
            (Metric::F1, Outcome::Answer { score, .. }) => [100.0 * score.f1, 1.0],
            (Metric::Accuracy, Outcome::Class { found, label }) => percent(found == label),
            (Metric::Spearman, Outcome::Similarity { cosine, score }) => [*cosine, *score],
            (Metric::Perplexity, Outcome::Prediction(p)) => [p.negative_log, p.tokens as f64],
            _ => [f64::NAN; 2],
        }
    }

    /// The score of items, by their parts; NaN where it is not defined (no items; a correlation
    /// with a constant).
    pub fn value(self, parts: &[[f64; 2]]) -> f64 {
        let mean = || {
            let sum = |part: usize| parts.iter().map(|parts| parts[part]).sum::<f64>();
            sum(0) / sum(1)
        };
        match self {
            Metric::ExactMatch | Metric::F1 | Metric::Accuracy => mean(),
            Metric::Spearman => spearman(parts),
            Metric::Perplexity => mean().exp(),
        }
    }

    /// By how many percent of `first` a score is worse, negative if it is better; not finite if
    /// `first` is 0 or one of them is not.
    pub fn loss(self, first: f64, score: f64) -> f64 {
        let rise = 100.0 * (score - first) / first.abs();
        match self {
            Metric::Perplexity => rise,
            // Not -rise, which would be -0 for equal scores.
            _ => 0.0 - rise,
        }
    }
}

/// Spearman's rank correlation of pairs of numbers: Pearson's of their ranks, equal numbers having
/// the mean of theirs (Spearman, 1904; Kendall, "The treatment of ties", 1945). NaN if one of the
/// two is constant.
pub fn spearman(pairs: &[[f64; 2]]) -> f64 {
    let [x, y] = [0, 1].map(|side| ranks(pairs.iter().map(|pair| pair[side]).collect()));
    // The mean of the ranks 1 to n, ties or not.
    let mean = (pairs.len() as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    product(&x, &y) / (product(&x, &x) * product(&y, &y)).sqrt()
}

/// The rank of each number, from 1.
fn ranks(numbers: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut before = 0;
    for equal in order.chunk_by(|&a, &b| numbers[a] == numbers[b]) {
        let rank = before as f64 + (equal.len() as f64 + 1.0) / 2.0;
        for &index in equal {
            ranks[index] = rank;
        }
        before += equal.len();
    }
    ranks
}
