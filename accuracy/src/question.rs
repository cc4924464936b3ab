//! Extractive question answering: the span of a passage that answers a question.

use crate::{Attention, Batch, Bert, EncodedText, Result};

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
    let Some(logits) = model.head(&hidden)? else {
        return Ok(None);
    };
    let (_, tokens, outputs) = logits.dims3()?;
    if outputs != 2 {
        return Ok(None);
    }
    let logits = logits.reshape((tokens, outputs))?.t()?.to_vec2::<f32>()?;
    let span = best_span(&logits[0], &logits[1], &text.spans);
    Ok(span.and_then(|(start, end)| Some((text.spans[start]?.0, text.spans[end]?.1))))
}

/// First and last token of the answer: those of the passage with the largest sum of start and end
/// logit, the last not before the first and the answer at most 30 tokens long. All arguments are
/// by token; of equal sums the first one is taken.
pub fn best_span(
    start: &[f32],
    end: &[f32],
    spans: &[Option<(usize, usize)>],
) -> Option<(usize, usize)> {
    let mut best: Option<(f32, (usize, usize))> = None;
    for first in 0..spans.len() {
        let beyond = spans.len().min(first + LONGEST_ANSWER);
        for last in first..beyond {
            if spans[first].is_none() || spans[last].is_none() {
                continue;
            }
            let sum = start[first] + end[last];
            if best.is_none_or(|(largest, _)| sum > largest) {
                best = Some((sum, (first, last)));
            }
        }
    }
    best.map(|(_, span)| span)
}

/// An answer as the SQuAD evaluation compares it (Rajpurkar et al., 2016): lower case, without
/// punctuation, articles and extra spaces.
pub fn normalized_answer(answer: &str) -> String {
    let kept: String = answer
        .to_lowercase()
        .chars()
        .filter(|c| !c.is_ascii_punctuation())
        .collect();
    let words = kept.split_whitespace();
    let words: Vec<&str> = words
        .filter(|w| !matches!(*w, "a" | "an" | "the"))
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_span_lies_in_the_passage_and_does_not_end_before_it_starts() {
        let spans = [None, Some((0, 1)), Some((1, 2)), Some((2, 3)), None];
        // The largest starts and ends are outside of the passage or in the wrong order.
        let start = [9.0, 0.0, 1.0, 3.0, 9.0];
        let end = [9.0, 3.0, 2.0, 1.5, 9.0];
        assert_eq!(best_span(&start, &end, &spans), Some((3, 3)));
        assert_eq!(best_span(&start, &end, &[None; 5]), None);
    }

    #[test]
    fn answers_have_at_most_30_tokens() {
        let spans = [Some((0, 1)); 40];
        let (mut start, mut end) = ([0.0; 40], [0.0; 40]);
        (start[2], end[32], end[31]) = (5.0, 5.0, 1.0);
        assert_eq!(best_span(&start, &end, &spans), Some((2, 31)));
    }

    #[test]
    fn answers_are_compared_without_case_articles_and_punctuation() {
        assert_eq!(
            normalized_answer(" The  \"Panthers\"' A-team, an  x."),
            "panthers ateam x"
        );
    }
}
