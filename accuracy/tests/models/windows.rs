//! Windows of long passages.

use crate::tiny;
use logattn_accuracy::{BertConfig, EncodedText, Error, TextEncoder};

const QUESTION: &str = "What lifts the boat?";
const PASSAGE: &str = "A lock lifts the boat and a keeper opens the gates. Slowly the water rises, \
    the boats rise and the keeper opens a gate.";
/// [CLS], 5 tokens of the question, two times [SEP].
const AROUND: usize = 8;

fn encoder() -> TextEncoder {
    let config = BertConfig::load(&tiny::folder().join("config.json")).unwrap();
    TextEncoder::load(&tiny::folder(), &config).unwrap()
}

/// The passage's tokens of a window: their bytes and ids.
fn tokens(window: &EncodedText) -> Vec<((usize, usize), u32)> {
    let spans = window.spans.iter().zip(&window.ids);
    spans
        .filter_map(|(span, &id)| Some(((*span)?, id)))
        .collect()
}

#[test]
fn windows_cover_the_passage_and_overlap_by_the_stride() {
    let encoder = encoder();
    for (room, stride) in [(5, 0), (5, 4), (7, 3), (12, 6), (16, 15)] {
        let windows = encoder
            .windows(QUESTION, PASSAGE, AROUND + room, stride)
            .unwrap();
        assert!(windows.len() > 1);
        let mut seen = tokens(&windows[0]);
        for (index, pair) in windows.windows(2).enumerate() {
            let next = tokens(&pair[1]);
            assert_eq!(tokens(&pair[0]).len(), room);
            let last = index + 2 == windows.len();
            assert!(next.len() == room || last && next.len() > stride);
            assert_eq!(next[..stride], seen[seen.len() - stride..]);
            seen.extend(&next[stride..]);
        }
        // The tokenizer drops spaces only, so that the words without them are the passage.
        let ends = seen.iter().map(|((_, end), _)| *end);
        assert!(ends.is_sorted());
        let words: String = seen
            .iter()
            .map(|((start, end), _)| &PASSAGE[*start..*end])
            .collect();
        assert_eq!(words, PASSAGE.replace(' ', ""));
        for window in &windows {
            assert_eq!(window.ids[..AROUND - 1], windows[0].ids[..AROUND - 1]);
            assert_eq!(window.types.len(), window.ids.len());
            assert_eq!(window.spans.len(), window.ids.len());
            let second = window.types.iter().filter(|&&t| t == 1).count();
            assert_eq!(second, tokens(window).len() + 1);
            assert_eq!((window.ids.last(), window.cut), (Some(&3), 0));
        }
    }
}

#[test]
fn a_passage_that_fits_is_one_window_whatever_the_stride() {
    let encoder = encoder();
    let passage = "The boat rises.";
    let whole = encoder.encode(Some(QUESTION), passage, 24).unwrap();
    for stride in [0, 15, 1000] {
        let windows = encoder.windows(QUESTION, passage, 24, stride).unwrap();
        assert_eq!(windows.len(), 1);
        assert_eq!(windows[0].ids, whole.ids);
        assert_eq!(windows[0].types, whole.types);
        assert_eq!(windows[0].spans, whole.spans);
    }
}

#[test]
fn illegal_windows() {
    let encoder = encoder();
    let says = |question: &str, max_tokens, stride, parts: &[&str]| {
        let error = encoder
            .windows(question, PASSAGE, max_tokens, stride)
            .unwrap_err();
        let message = error.to_string();
        for part in parts {
            assert!(message.contains(part), "`{message}` does not say `{part}`");
        }
        error
    };
    for stride in [16, 17, usize::MAX] {
        let found = format!("the stride has {stride} tokens");
        let error = says(
            QUESTION,
            24,
            stride,
            &[&found, "legal: 0 to 15", "16 tokens"],
        );
        assert!(matches!(error, Error::Tokens { .. }));
    }
    says(
        QUESTION,
        8,
        0,
        &["the limit has 8 tokens", "9 to 24", "need 8"],
    );
    says(QUESTION, 25, 0, &["the limit has 25 tokens", "1 to 24"]);
    says(" ", 24, 0, &["the question is empty"]);
}
