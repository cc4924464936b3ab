//! Scores against those of other programs (see data/make_metrics.py) and against formulas.

use crate::support::{assert_near, json, numbers};
use logattn_accuracy::decoder::Prediction;
use logattn_accuracy::evaluation::{
    Bootstrap, Interval, Metric, Outcome, Score, percentile_interval, scores, spearman,
};
use logattn_accuracy::question::{AnswerScore, answer_score};

#[test]
fn answers_are_scored_as_by_the_official_script() {
    let json = json("metrics.json");
    let answers = json["answers"].as_array().unwrap();
    assert!(answers.len() > 10);
    for expected in answers {
        let right: Vec<String> = serde_json::from_value(expected["right"].clone()).unwrap();
        let score = answer_score(expected["answer"].as_str().unwrap(), &right);
        assert_eq!(score.exact, expected["exact"], "{expected}");
        assert_near(score.f1, expected["f1"].as_f64().unwrap(), 1e-12);
    }
}

#[test]
fn rank_correlations_and_percentiles_are_those_of_scipy_and_numpy() {
    let json = json("metrics.json");
    for expected in json["spearman"].as_array().unwrap() {
        let pairs: Vec<[f64; 2]> = serde_json::from_value(expected["pairs"].clone()).unwrap();
        assert_near(spearman(&pairs), expected["value"].as_f64().unwrap(), 1e-12);
    }
    assert!(spearman(&[[1.0, 2.0], [1.0, 3.0]]).is_nan());
    for expected in json["percentiles"].as_array().unwrap() {
        let interval = percentile_interval(numbers(&expected["values"])).unwrap();
        assert_near(interval.low, expected["low"].as_f64().unwrap(), 1e-12);
        assert_near(interval.high, expected["high"].as_f64().unwrap(), 1e-12);
    }
    assert_eq!(percentile_interval(vec![]), None);
    assert_eq!(percentile_interval(vec![1.0, f64::NAN]), None);
}

#[test]
fn perplexity_weighs_windows_by_their_tokens() {
    let window = |tokens, negative_log| {
        let prediction = Prediction {
            tokens,
            negative_log,
        };
        Metric::Perplexity.parts(&Outcome::Prediction(prediction))
    };
    // Probabilities 1/2 three times and 1/8 once: exp((3 ln 2 + ln 8) / 4) = 2^1.5.
    let parts = [window(3, 8_f64.ln()), window(1, 8_f64.ln())];
    assert_near(Metric::Perplexity.value(&parts), 2_f64.powf(1.5), 1e-12);
    // Higher is worse here, and better elsewhere.
    assert_near(Metric::Perplexity.loss(20.0, 21.0), 5.0, 1e-12);
    assert_near(Metric::F1.loss(80.0, 78.0), 2.5, 1e-12);
    assert_near(Metric::Spearman.loss(-0.5, -0.4), -20.0, 1e-12);
}

fn classes(right: impl Iterator<Item = bool>) -> Vec<Outcome> {
    let outcome = |right| Outcome::Class {
        found: usize::from(right),
        label: 1,
    };
    right.map(outcome).collect()
}

fn accuracies(outcomes: &[Vec<Outcome>]) -> Vec<Score> {
    let scores = scores(&[Metric::Accuracy], outcomes, &Bootstrap::default());
    scores.concat()
}

#[test]
fn intervals_of_a_share_are_those_of_the_binomial_distribution() {
    let outcomes = classes((0..200).map(|item| item % 4 != 0));
    let [score] = accuracies(std::slice::from_ref(&outcomes))[..] else {
        panic!("one score");
    };
    assert_eq!((score.value, score.loss), (75.0, None));
    // scipy.stats.binom.ppf([0.025, 0.975], 200, 0.75) / 2: 69, 81.
    let Interval { low, high } = score.interval.unwrap();
    assert_near(low, 69.0, 1.0);
    assert_near(high, 81.0, 1.0);
    // The seed, not the threads, is what they depend on.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    assert_eq!(pool.unwrap().install(|| accuracies(&[outcomes])), [score]);
}

#[test]
fn losses_are_of_the_same_resamples() {
    // Sentences of the second half are never right; so of the first attention's right ones the
    // second one has all, and the third one none.
    let first = classes((0..40).map(|item| item < 20));
    let none = classes((0..40).map(|_| false));
    let found = accuracies(&[first.clone(), first, none.clone()]);
    for (score, percent) in found[1..].iter().zip([0.0, 100.0]) {
        let loss = score.loss.unwrap();
        let (low, high) = (percent, percent);
        assert_eq!(
            (loss.percent, loss.interval),
            (percent, Some(Interval { low, high }))
        );
    }
    // Of nothing, nothing can be lost.
    let found = accuracies(&[none.clone(), none]);
    assert_eq!((found[1].value, found[1].loss), (0.0, None));
}

#[test]
fn metrics_of_questions() {
    let answer = |exact, f1| Outcome::Answer {
        text: String::new(),
        score: AnswerScore { exact, f1 },
    };
    let outcomes = vec![answer(true, 1.0), answer(false, 0.5), answer(false, 0.0)];
    let metrics = [Metric::ExactMatch, Metric::F1];
    let scores = scores(&metrics, &[outcomes], &Bootstrap::default()).concat();
    assert_near(scores[0].value, 100.0 / 3.0, 1e-12);
    assert_near(scores[1].value, 50.0, 1e-12);
}
