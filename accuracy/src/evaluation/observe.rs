//! A model at its task with an attention that looks on.

use super::decoder::text_windows;
use super::encoder::{pair_texts, question_windows, sentence_texts};
use super::{EvaluationOptions, Model};
use crate::tasks::TaskData;
use crate::{Attention, Batch, EncodedText, Result};

/// Runs the model over the texts of a task, one after the other, with an attention that keeps what
/// it needs of them. Nothing is scored, so that no head is needed. Returns the number of texts:
/// windows of passages for question answering, both sentences of each pair for similarity.
///
/// # Arguments
/// - `progress`: called with the number of texts done and of all.
///
/// # Errors
/// As [`super::evaluate`].
pub fn observe(
    data: &TaskData,
    model: &Model,
    options: &EvaluationOptions,
    attention: &mut dyn Attention,
    progress: &dyn Fn(usize, usize),
) -> Result<usize> {
    let task = data.task();
    let texts: Vec<EncodedText> = match data {
        TaskData::Questions(data) => {
            let windows = question_windows(data, model.encoder(task)?, options)?.0;
            windows.into_iter().flatten().collect()
        }
        TaskData::Sentences(data) => sentence_texts(data, model.encoder(task)?, options)?.0,
        TaskData::Pairs(data) => pair_texts(data, model.encoder(task)?, options)?.0,
        TaskData::Prose(data) => {
            let decoder = model.decoder(task)?;
            let (windows, _) = text_windows(data, decoder, options)?;
            for (index, window) in windows.iter().enumerate() {
                progress(index, windows.len());
                decoder.model.hidden_states(&[window], attention)?;
            }
            return Ok(windows.len());
        }
    };
    let model = &model.encoder(task)?.model;
    for (index, text) in texts.iter().enumerate() {
        progress(index, texts.len());
        let batch = Batch::new(model.config(), &[(&text.ids, &text.types)])?;
        model.encode(&batch, attention)?;
    }
    Ok(texts.len())
}
