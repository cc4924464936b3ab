//! Prediction of text by a decoder.

use super::batches::Runner;
use super::metric::Outcome;
use super::{EvaluationOptions, TaskRun, WINDOW, checked};
use crate::decoder::prediction;
use crate::tasks::Prose;
use crate::{Decoder, Error, Result};
use candle_core::IndexOp;

/// Cuts the text into windows of as many tokens, which do not overlap, and predicts each token of
/// a window but its first from those before it in the window. A last window that is not full is
/// left out, unless there is no other. (The usual way where a text is longer than the model's
/// context; overlapping windows give lower perplexities and take longer.)
pub(super) fn predict(
    data: &Prose,
    decoder: &Decoder,
    options: &EvaluationOptions,
    runner: &Runner,
) -> Result<TaskRun> {
    let model = &decoder.model;
    let (windows, window) = text_windows(data, decoder, options)?;
    let lengths: Vec<usize> = windows.iter().map(|window| window.len()).collect();
    let runs = runner.run(&lengths, |batch, attentions| {
        let texts: Vec<&[u32]> = batch.iter().map(|&text| windows[text].as_slice()).collect();
        let hidden = model.hidden_states_each(&texts, attentions)?;
        let each = hidden.iter().zip(runner.attentions);
        each.map(|(hidden, attention)| {
            let predictions = texts.iter().enumerate();
            predictions
                .map(|(text, ids)| {
                    let found = prediction(model, &hidden.i(text)?, ids)?;
                    match found.negative_log.is_finite() {
                        true => Ok(Outcome::Prediction(found)),
                        false => Err(Error::NotFiniteOutput {
                            attention: attention.name().into(),
                            what: "logits",
                        }),
                    }
                })
                .collect()
        })
        .collect::<Result<Vec<Vec<Outcome>>>>()
    })?;
    Ok(TaskRun {
        runs,
        max_tokens: window,
        cut: 0,
    })
}

/// The windows of a text that are predicted, and how many tokens each has (a lone one perhaps
/// fewer).
pub(super) fn text_windows(
    data: &Prose,
    decoder: &Decoder,
    options: &EvaluationOptions,
) -> Result<(Vec<Vec<u32>>, usize)> {
    let Decoder { model, tokenizer } = decoder;
    let longest = model.config().max_position_embeddings;
    let window = options.window.unwrap_or(WINDOW.min(longest));
    let legal = format!("2 to {longest}, what the model can read");
    checked("the window", window, 2..=longest, &legal)?;
    let item = |source: Error| Error::Item {
        file: data.file.clone(),
        place: "the whole text".into(),
        source: Box::new(source),
    };
    let ids = tokenizer.encode(&data.text).map_err(item)?.ids;
    let windows = windows(&ids, window);
    if windows.is_empty() {
        return Err(item(Error::Tokens {
            what: "the text",
            found: ids.len(),
            legal: "at least 2".into(),
        }));
    }
    let first = &windows[..options.limited(windows.len())?];
    Ok((first.iter().map(|ids| ids.to_vec()).collect(), window))
}

/// The windows in which something can be predicted.
fn windows(ids: &[u32], window: usize) -> Vec<&[u32]> {
    let full: Vec<&[u32]> = ids.chunks_exact(window).collect();
    match full.is_empty() && ids.len() > 1 {
        true => vec![ids],
        false => full,
    }
}

#[cfg(test)]
mod tests {
    use super::windows;

    #[test]
    fn the_last_window_is_left_out_unless_it_is_the_only_one() {
        let ids = [1, 2, 3, 4, 5];
        assert_eq!(windows(&ids, 2), [[1, 2], [3, 4]]);
        assert_eq!(windows(&ids, 5), [ids]);
        assert_eq!(windows(&ids, 8), [ids]);
        assert!(windows(&ids[..1], 8).is_empty());
    }
}
