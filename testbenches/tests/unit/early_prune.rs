//! What the early prune would save on the demo capture. `--nocapture` prints the figures.

use logattn_captures::Capture;
use logattn_golden::{Configuration, score_codes};
use logattn_testbenches::{HeadRows, captured_head};

/// What an early prune in beats of one width keeps out of the buffers.
#[derive(Default)]
struct Saved {
    keys: usize,
    beats: usize,
    all_beats: usize,
}

/// Keys that never survive given their own and all earlier beats, and beats all of whose keys are
/// such.
fn early_pruned(beats: &[&[i32]], lowest: u32) -> (usize, usize) {
    let mut largest = i32::MIN;
    beats.iter().fold((0, 0), |(keys, whole), beat| {
        largest = beat.iter().copied().fold(largest, i32::max);
        let out = beat
            .iter()
            .filter(|y| largest.abs_diff(**y) > lowest)
            .count();
        (keys + out, whole + usize::from(out == beat.len()))
    })
}

/// A key that is farther below any other than the lowest threshold reaches has code 0, so it need
/// not be buffered for the second comparison; a beat of only such keys needs no place at all.
#[test]
fn early_prune_saves_keys_and_fewer_whole_beats() {
    let capture = Capture::demo();
    for name in ["edge_scores", "base_scores"] {
        let c = Configuration::named(name).expect("known");
        let format = c.score_format().expect("scores");
        let lowest = c.score_thresholds[0].unsigned_abs();
        let (mut all, mut pruned) = (0, 0);
        let mut saved = [8, 16].map(|width| (width, Saved::default()));
        for index in 0..capture.heads() {
            let head = captured_head(&capture, &c, index, usize::MAX).expect("fits");
            let HeadRows::Scores(scores) = head.rows else {
                panic!("the unit takes scores");
            };
            let lengths = vec![scores.ncols(); scores.nrows()];
            let codes = score_codes(&format, scores.view(), 0, &lengths).expect("fits");
            all += codes.len();
            pruned += codes.iter().filter(|code| **code == 0).count();
            for row in scores.outer_iter() {
                let row = row.to_vec();
                for (width, saved) in &mut saved {
                    let beats: Vec<&[i32]> = row.chunks(*width).collect();
                    let (keys, whole) = early_pruned(&beats, lowest);
                    let golden = format.early_pruned(&row, 0, *width).expect("fits");
                    assert_eq!(keys, golden, "{name}, beats of {width}");
                    saved.keys += keys;
                    saved.beats += whole;
                    saved.all_beats += beats.len();
                }
            }
        }
        let percent = |part: usize, all: usize| 100.0 * part as f64 / all as f64;
        println!(
            "{name}: {:.1} % of {all} keys are pruned",
            percent(pruned, all)
        );
        for (width, saved) in &saved {
            println!(
                "  early, in beats of {width}: {:.1} % of the keys, {:.1} % of the beats whole",
                percent(saved.keys, all),
                percent(saved.beats, saved.all_beats)
            );
            assert!(saved.keys <= pruned && saved.beats * width <= saved.keys);
        }
    }
}
