//! The tasks of an encoder.

use super::batches::{Runner, finite};
use super::metric::Outcome;
use super::{Encoder, EvaluationOptions, QUESTION_TOKENS, Run, TaskRun, checked};
use crate::question::{Span, answer_score, best_span};
use crate::tasks::{Pairs, Questions, Sentences, Task};
use crate::{Batch, EncodedText, Error, Prepared, Result};
use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;
use std::path::Path;

/// Answers questions. A passage that does not fit is read in windows; of all spans of all windows
/// the one with the largest sum of logits is the answer.
pub(super) fn answer(
    data: &Questions,
    encoder: &Encoder,
    options: &EvaluationOptions,
    runner: &Runner,
) -> Result<TaskRun> {
    if encoder.model.span_logits(&probe(encoder)?)?.is_none() {
        let needed = "a head of two outputs for question answering";
        return Err(encoder.no_head(Task::QuestionAnswering, "no such head", needed));
    }
    let questions = &data.questions[..options.limited(data.questions.len())?];
    let (windows, max_tokens) = question_windows(data, encoder, options)?;
    let cut = cut(windows.iter().flatten());
    // For each window, its question.
    let owners: Vec<usize> = (windows.iter().enumerate())
        .flat_map(|(question, windows)| windows.iter().map(move |_| question))
        .collect();
    let texts: Vec<EncodedText> = windows.into_iter().flatten().collect();
    let runs = run(encoder, &texts, runner, |hidden, texts, attention| {
        spans(encoder, hidden, texts, attention)
    })?;
    let answered = |spans: Vec<Option<Span>>| {
        let mut best: Vec<Option<Span>> = vec![None; questions.len()];
        for (&question, span) in owners.iter().zip(spans) {
            let better = |span: &Span| best[question].is_none_or(|best| span.logit > best.logit);
            if let Some(span) = span.filter(better) {
                best[question] = Some(span);
            }
        }
        let answers = best.iter().zip(questions);
        answers
            .map(|(span, question)| {
                let passage = &data.passages[question.passage];
                let bytes = span.map_or(0..0, |span| span.bytes.0..span.bytes.1);
                let text = passage.get(bytes).unwrap_or_default();
                Outcome::Answer {
                    text: text.into(),
                    score: answer_score(text, &question.answers),
                }
            })
            .collect()
    };
    Ok(TaskRun {
        runs: mapped(runs, answered),
        max_tokens,
        cut,
    })
}

/// Classifies sentences: the class of the largest logit, the first one of equal ones.
pub(super) fn classify(
    data: &Sentences,
    encoder: &Encoder,
    options: &EvaluationOptions,
    runner: &Runner,
) -> Result<TaskRun> {
    let needed = "a head of at least two classes";
    let no_head = |found: &str| encoder.no_head(Task::Classification, found, needed);
    let logits = encoder.model.class_logits(&probe(encoder)?)?;
    match logits.ok_or_else(|| no_head("no such head"))?.dims2()?.1 {
        0 | 1 => return Err(no_head("a head of one output")),
        classes => data.check_labels(classes)?,
    }
    let sentences = &data.sentences[..options.limited(data.sentences.len())?];
    let (texts, max_tokens) = sentence_texts(data, encoder, options)?;
    let runs = run(encoder, &texts, runner, |hidden, _, attention| {
        let logits = encoder.model.class_logits(hidden)?;
        let logits = logits.ok_or_else(|| no_head("no such head"))?;
        let logits = logits.to_vec2::<f32>()?;
        finite(attention, "logits", logits.iter().flatten())?;
        Ok(logits.iter().map(|logits| largest(logits)).collect())
    })?;
    let classified = |classes: Vec<usize>| {
        let classes = classes.into_iter().zip(sentences);
        classes
            .map(|(found, sentence)| Outcome::Class {
                found,
                label: sentence.label,
            })
            .collect()
    };
    Ok(TaskRun {
        runs: mapped(runs, classified),
        max_tokens,
        cut: cut(&texts),
    })
}

/// Compares the embeddings of pairs of sentences.
pub(super) fn compare(
    data: &Pairs,
    encoder: &Encoder,
    options: &EvaluationOptions,
    runner: &Runner,
) -> Result<TaskRun> {
    let pairs = &data.pairs[..options.limited(data.pairs.len())?];
    let (texts, max_tokens) = pair_texts(data, encoder, options)?;
    let runs = run(encoder, &texts, runner, |hidden, texts, attention| {
        let lengths: Vec<usize> = texts.iter().map(|text| text.ids.len()).collect();
        let embeddings = encoder.model.embeddings(hidden, &lengths)?;
        let embeddings = embeddings.to_vec2::<f32>()?;
        finite(attention, "embeddings", embeddings.iter().flatten())?;
        Ok(embeddings)
    })?;
    let compared = |embeddings: Vec<Vec<f32>>| {
        let (of_pairs, _) = embeddings.as_chunks::<2>();
        let of_pairs = of_pairs.iter().zip(pairs);
        of_pairs
            .map(|([first, second], pair)| Outcome::Similarity {
                cosine: dot(first, second),
                score: pair.score,
            })
            .collect()
    };
    Ok(TaskRun {
        runs: mapped(runs, compared),
        max_tokens,
        cut: cut(&texts),
    })
}

/// The questions with the parts of their passages, and the most tokens that a text can have.
pub(super) fn question_windows(
    data: &Questions,
    encoder: &Encoder,
    options: &EvaluationOptions,
) -> Result<(Vec<Vec<EncodedText>>, usize)> {
    let questions = &data.questions[..options.limited(data.questions.len())?];
    let max_tokens = max_tokens(encoder, options, QUESTION_TOKENS)?;
    let windows = in_parallel(questions, |question| {
        let passage = &data.passages[question.passage];
        encoder
            .text
            .windows(&question.text, passage, max_tokens, options.stride)
            .map_err(|source| item(&data.file, format!("question `{}`", question.id), source))
    })?;
    Ok((windows, max_tokens))
}

/// The sentences, and the most tokens that one can have.
pub(super) fn sentence_texts(
    data: &Sentences,
    encoder: &Encoder,
    options: &EvaluationOptions,
) -> Result<(Vec<EncodedText>, usize)> {
    let sentences = &data.sentences[..options.limited(data.sentences.len())?];
    let max_tokens = max_tokens(encoder, options, usize::MAX)?;
    let texts = in_parallel(sentences, |sentence| {
        let encoded = encoder.text.encode(None, &sentence.text, max_tokens);
        encoded.map_err(|source| item(&data.file, format!("line {}", sentence.line), source))
    })?;
    Ok((texts, max_tokens))
}

/// Both sentences of each pair after each other, and the most tokens that one can have.
pub(super) fn pair_texts(
    data: &Pairs,
    encoder: &Encoder,
    options: &EvaluationOptions,
) -> Result<(Vec<EncodedText>, usize)> {
    let pairs = &data.pairs[..options.limited(data.pairs.len())?];
    let max_tokens = max_tokens(encoder, options, usize::MAX)?;
    let texts = in_parallel(pairs, |pair| {
        let encode = |text: &String| {
            let encoded = encoder.text.encode(None, text, max_tokens);
            encoded.map_err(|source| item(&data.file, format!("line {}", pair.line), source))
        };
        pair.texts.iter().map(encode).collect::<Result<Vec<_>>>()
    })?;
    Ok((texts.into_iter().flatten().collect(), max_tokens))
}

/// Runs texts, and reads from the last hidden states of each batch a result for each text.
fn run<T: Send>(
    encoder: &Encoder,
    texts: &[EncodedText],
    runner: &Runner,
    read: impl Fn(&Tensor, &[&EncodedText], &Prepared) -> Result<Vec<T>> + Sync,
) -> Result<Vec<Run<T>>> {
    let model = &encoder.model;
    let lengths: Vec<usize> = texts.iter().map(|text| text.ids.len()).collect();
    runner.run(&lengths, |batch, attentions| {
        let texts: Vec<&EncodedText> = batch.iter().map(|&text| &texts[text]).collect();
        let ids: Vec<(&[u32], &[u32])> = (texts.iter())
            .map(|text| (text.ids.as_slice(), text.types.as_slice()))
            .collect();
        let hidden = model.encode_each(&Batch::new(model.config(), &ids)?, attentions)?;
        let each = hidden.iter().zip(runner.attentions);
        each.map(|(hidden, attention)| read(hidden, &texts, attention))
            .collect()
    })
}

/// The best span of each text.
fn spans(
    encoder: &Encoder,
    hidden: &Tensor,
    texts: &[&EncodedText],
    attention: &Prepared,
) -> Result<Vec<Option<Span>>> {
    let Some((start, end)) = encoder.model.span_logits(hidden)? else {
        return Ok(vec![None; texts.len()]);
    };
    let (start, end) = (start.to_vec2::<f32>()?, end.to_vec2::<f32>()?);
    let rows = texts.iter().zip(start.iter().zip(&end));
    rows.map(|(text, (start, end))| {
        let valid = text.spans.len();
        let (start, end) = (&start[..valid], &end[..valid]);
        finite(attention, "logits", start.iter().chain(end))?;
        Ok(best_span(start, end, &text.spans))
    })
    .collect()
}

/// Hidden states of one token, to see which head the model has before it runs for long.
fn probe(encoder: &Encoder) -> Result<Tensor> {
    let shape = (1, 1, encoder.model.config().hidden_size);
    Ok(Tensor::zeros(shape, DType::F32, &Device::Cpu)?)
}

/// Most tokens of a text: as given, or what the model can read but at most `usual`.
fn max_tokens(encoder: &Encoder, options: &EvaluationOptions, usual: usize) -> Result<usize> {
    let longest = encoder.longest();
    let max_tokens = options.max_tokens.unwrap_or(usual.min(longest));
    let legal = format!("1 to {longest}, what the model can read");
    checked("the limit of tokens", max_tokens, 1..=longest, &legal)?;
    Ok(max_tokens)
}

/// Applies a function that may fail; of several errors the first one in order is told.
fn in_parallel<T: Sync, U: Send>(
    items: &[T],
    function: impl Fn(&T) -> Result<U> + Sync,
) -> Result<Vec<U>> {
    let results: Vec<Result<U>> = items.par_iter().map(&function).collect();
    results.into_iter().collect()
}

/// Outcomes of items instead of results of texts.
fn mapped<T>(runs: Vec<Run<T>>, outcomes: impl Fn(Vec<T>) -> Vec<Outcome>) -> Vec<Run<Outcome>> {
    let map = |run: Run<T>| Run {
        outcomes: outcomes(run.outcomes),
        counts: run.counts,
    };
    runs.into_iter().map(map).collect()
}

fn item(file: &Path, place: String, source: Error) -> Error {
    Error::Item {
        file: file.into(),
        place,
        source: Box::new(source),
    }
}

fn cut<'a>(texts: impl IntoIterator<Item = &'a EncodedText>) -> usize {
    texts.into_iter().filter(|text| text.cut > 0).count()
}

fn largest(logits: &[f32]) -> usize {
    let mut best = 0;
    for (class, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = class;
        }
    }
    best
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
    products.sum()
}
