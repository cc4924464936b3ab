//! Extractive question answering: the span of a passage that answers a question.

use crate::{Attention, Batch, Bert, EncodedText, Result};
use std::collections::HashMap;

/// Most tokens of an answer, as in the usual SQuAD evaluation.
const LONGEST_ANSWER: usize = 30;

/// The answer as bytes of the passage; `None` if the model has no head of two outputs (the start
/// and the end of the answer, read at every token).
///
/// # Errors
/// What the forward pass fails at.
pub fn answer(
    model: &Bert,
    text: &EncodedText,
    attention: &mut dyn Attention,
) -> Result<Option<(usize, usize)>> {
    let batch = Batch::new(model.config(), &[(&text.ids, &text.types)])?;
    let hidden = model.encode(&batch, attention)?;
    let Some((start, end)) = model.span_logits(&hidden)? else {
        return Ok(None);
    };
    let (start, end) = (start.squeeze(0)?.to_vec1()?, end.squeeze(0)?.to_vec1()?);
    let span = best_span(&start, &end, &text.spans);
    Ok(span.map(|span| span.bytes))
}

/// A part of a passage that may be the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Its bytes of the passage: the first one and the one after the last.
    pub bytes: (usize, usize),
    /// Sum of the logits of its first token as start and its last token as end. Spans of several
    /// windows of a passage are compared by it (Devlin et al., "BERT", 2019, section 4.2).
    pub logit: f32,
}

/// The answer: tokens of the passage with the largest sum of start and end logit, the last not
/// before the first and at most 30 of them; `None` if the text has no token of the passage. All
/// arguments are by token, `spans` bytes of the passage; of equal sums the first one is taken.
pub fn best_span(start: &[f32], end: &[f32], spans: &[Option<(usize, usize)>]) -> Option<Span> {
    let mut best: Option<Span> = None;
    for first in 0..spans.len() {
        let beyond = spans.len().min(first + LONGEST_ANSWER);
        for last in first..beyond {
            let (Some((from, _)), Some((_, to))) = (spans[first], spans[last]) else {
                continue;
            };
            let logit = start[first] + end[last];
            if best.is_none_or(|best| logit > best.logit) {
                let bytes = (from, to);
                best = Some(Span { bytes, logit });
            }
        }
    }
    best
}

/// An answer as the official SQuAD v1.1 evaluation compares it: lower case, without ASCII
/// punctuation, then without articles and extra spaces.
pub fn normalized_answer(answer: &str) -> String {
    let kept: String = answer
        .to_lowercase()
        .chars()
        .filter(|c| !c.is_ascii_punctuation())
        .collect();
    // A word ends at any character that is not part of one, not at spaces alone: of a range
    // `a–b` the article goes too, as the official script's regular expression has it.
    let mut without_articles = String::new();
    let mut rest = kept.as_str();
    while !rest.is_empty() {
        let word = rest.len() - rest.trim_start_matches(char::is_alphanumeric).len();
        let (word, after) = rest.split_at(word);
        if !matches!(word, "a" | "an" | "the") {
            without_articles += word;
        } else {
            without_articles.push(' ');
        }
        let next = after.find(char::is_alphanumeric).unwrap_or(after.len());
        without_articles += &after[..next];
        rest = &after[next..];
    }
    let words: Vec<&str> = without_articles.split_whitespace().collect();
    words.join(" ")
}

/// How good an answer is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnswerScore {
    /// Whether it is one of the right answers, normalized.
    pub exact: bool,
    /// Harmonic mean of precision and recall of its words, the largest over the right answers, 0
    /// to 1.
    pub f1: f64,
}

/// Compares an answer with the right ones as the official SQuAD v1.1 evaluation does (Rajpurkar et
/// al., 2016, section 6.1).
pub fn answer_score(answer: &str, right: &[String]) -> AnswerScore {
    let found = normalized_answer(answer);
    let mut score = AnswerScore {
        exact: false,
        f1: 0.0,
    };
    for right in right {
        let right = normalized_answer(right);
        score.exact |= found == right;
        score.f1 = score.f1.max(f1(&found, &right));
    }
    score
}

/// F1 of the words of two normalized answers, each as often as it stands in both.
fn f1(found: &str, right: &str) -> f64 {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in right.split_whitespace() {
        *left.entry(word).or_default() += 1;
    }
    let mut common = 0;
    for word in found.split_whitespace() {
        if let Some(count @ 1..) = left.get_mut(word) {
            *count -= 1;
            common += 1;
        }
    }
    if common == 0 {
        return 0.0;
    }
    let share = |text: &str| f64::from(common) / text.split_whitespace().count() as f64;
    let (precision, recall) = (share(found), share(right));
    2.0 * precision * recall / (precision + recall)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(span: Option<Span>) -> Option<(usize, usize)> {
        span.map(|span| span.bytes)
    }

    #[test]
    fn the_best_span_lies_in_the_passage_and_does_not_end_before_it_starts() {
        let spans = [None, Some((0, 1)), Some((1, 2)), Some((2, 3)), None];
        // The largest starts and ends are outside of the passage or in the wrong order.
        let start = [9.0, 0.0, 1.0, 3.0, 9.0];
        let end = [9.0, 3.0, 2.0, 1.5, 9.0];
        let expected = Span {
            bytes: (2, 3),
            logit: 4.5,
        };
        assert_eq!(best_span(&start, &end, &spans), Some(expected));
        assert_eq!(best_span(&start, &end, &[None; 5]), None);
    }

    #[test]
    fn answers_have_at_most_30_tokens() {
        let spans: Vec<_> = (0..40).map(|token| Some((token, token + 1))).collect();
        let (mut start, mut end) = ([0.0; 40], [0.0; 40]);
        (start[2], end[32], end[31]) = (5.0, 5.0, 1.0);
        assert_eq!(bytes(best_span(&start, &end, &spans)), Some((2, 32)));
    }

    #[test]
    fn answers_are_compared_without_case_articles_and_punctuation() {
        assert_eq!(
            normalized_answer(" The  \"Panthers\"' A-team, an  x."),
            "panthers ateam x"
        );
    }
}
