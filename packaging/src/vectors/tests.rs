use super::*;
use crate::testing::contents;
use serde_json::Value;

/// A stream's file as the manifest names it: (TLAST, bytes of the beat, lowest first).
fn beats(files: &[PackagedFile], setting: &Value, stream: &str) -> Vec<(bool, Vec<u8>)> {
    let name = setting["streams"][stream]["file"].as_str().unwrap();
    let file = files.iter().find(|file| file.path.ends_with(name)).unwrap();
    let beat = |line: &str| {
        let pair = |at| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
        let bytes = (1..line.len()).step_by(2).rev().map(pair);
        (line.starts_with('1'), bytes.collect())
    };
    file.text.lines().map(beat).collect()
}

fn manifest(files: &[PackagedFile]) -> Value {
    let path = "vectors/manifest.json";
    let file = files.iter().find(|file| file.path == path).unwrap();
    serde_json::from_str(&file.text).unwrap()
}

fn written(setting: &Value, register: &str) -> usize {
    let writes = setting["writes"].as_array().unwrap();
    let write = writes.iter().find(|write| write["register"] == register);
    write.unwrap()["value"].as_u64().unwrap() as usize
}

#[test]
fn beats_and_packets_are_as_many_as_the_manifest_tells() {
    for name in ["nano", "edge_scores", "edge_qkv", "server", "paper"] {
        let files = vectors(&contents(name)).unwrap();
        let manifest = manifest(&files);
        for setting in manifest["settings"].as_array().unwrap() {
            for stream in manifest["streams"].as_array().unwrap() {
                let stream_name = stream["name"].as_str().unwrap();
                let beats = beats(&files, setting, stream_name);
                let entry = &setting["streams"][stream_name];
                let packets = beats.iter().filter(|beat| beat.0).count();
                assert_eq!(entry["beats"], beats.len(), "{name} {stream_name}");
                assert_eq!(entry["packets"], packets, "{name} {stream_name}");
                let bytes = stream["bits"].as_u64().unwrap() / 8;
                assert!(beats.iter().all(|beat| beat.1.len() as u64 == bytes));
            }
        }
    }
}

#[test]
fn the_same_every_time_and_small() {
    let files = vectors(&contents("nano")).unwrap();
    assert_eq!(files, vectors(&contents("nano")).unwrap());
    let bytes: usize = files.iter().map(|file| file.text.len()).sum();
    assert!(bytes < 300_000, "{bytes} bytes");
}

#[test]
fn settings_cover_what_registers_can_change() {
    let names = |name: &str| -> Vec<&str> {
        let settings = settings(&contents(name).configuration).unwrap();
        settings.iter().map(|setting| setting.name).collect()
    };
    let all = ["short", "masked", "causal", "reprogrammed", "whole"];
    assert_eq!(names("nano"), all);
    assert_eq!(names("server_scores"), all);
    // Rows of probabilities in a block are of one length.
    assert_eq!(
        names("server"),
        ["short", "masked", "reprogrammed", "whole"]
    );
    // The int8 twin has no thresholds.
    assert_eq!(names("nano_int8"), ["short", "masked", "causal", "whole"]);
}

/// Outputs of `nano` worked out from the files alone: thresholds are compared, values shifted.
#[test]
fn outputs_are_the_sums_of_shifted_values() {
    let (lanes, passes, keys_per_beat) = (16, 2, 4);
    let files = vectors(&contents("nano")).unwrap();
    for setting in manifest(&files)["settings"].as_array().unwrap() {
        let numbers = |name: &str| -> Vec<usize> {
            let number = |i| written(setting, &format!("{name}_{i}"));
            (1..=7).map(number).collect()
        };
        let (thresholds, shifts) = (numbers("THRESHOLD"), numbers("SHIFT"));
        let (keys, blocks) = (
            written(setting, "HEAD_KEYS"),
            written(setting, "HEAD_BLOCKS"),
        );
        let causal = written(setting, "MASK");
        let value_beats = beats(&files, setting, "s_axis_value");
        let rows = beats(&files, setting, "s_axis_attn");
        let rows: Vec<_> = rows.split_inclusive(|beat| beat.0).collect();
        let out = beats(&files, setting, "m_axis_out");
        let out: Vec<_> = out.split_inclusive(|beat| beat.0).collect();
        assert_eq!(rows.len(), out.len());
        let mut survivors = 0;
        for (index, (row, out)) in rows.iter().zip(&out).enumerate() {
            let (head, block) = (index / blocks, index % blocks);
            let length = written(setting, "ROW_LENGTH") + causal * block;
            let mut sums = vec![0_i64; lanes * passes];
            let mut normalizer = 0;
            for key in 0..length {
                let bytes = &row[key / keys_per_beat].1[2 * (key % keys_per_beat)..];
                let probability = usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
                let code = thresholds.iter().filter(|t| **t <= probability).count();
                let Some(level) = code.checked_sub(1) else {
                    continue;
                };
                let weight = 1 << (7 - shifts[level]);
                survivors += 1;
                normalizer += weight;
                for (element, sum) in sums.iter_mut().enumerate() {
                    let beat = (head * keys + key) * passes + element / lanes;
                    *sum += weight * i64::from(value_beats[beat].1[element % lanes] as i8);
                }
            }
            for (beat, pair) in out.iter().zip(sums.chunks(2)) {
                let field = |at: usize| {
                    let bytes = [0, beat.1[at], beat.1[at + 1], beat.1[at + 2]];
                    i64::from(i32::from_le_bytes(bytes) >> 8)
                };
                assert_eq!(
                    [field(0), field(3)],
                    *pair,
                    "{} row {index}",
                    setting["name"]
                );
                let sent = u16::from_le_bytes([beat.1[6], beat.1[7]]);
                assert_eq!(i64::from(sent), normalizer);
            }
        }
        assert_eq!(setting["counters"]["COUNT_SURVIVORS"], survivors);
    }
}
