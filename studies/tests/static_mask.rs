//! Static masks: files as NumPy's format description has them, byte by byte.

use logattn_studies::mask::{MaskError, StaticMask};
use ndarray::arr2;
use std::fs;
use tempfile::TempDir;

/// A file of format version 1.0: magic, version, length of the header, the header padded so that
/// the data start at a multiple of 64, data.
fn npy(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header =
        format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}");
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

fn load(contents: &[u8]) -> (TempDir, Result<StaticMask, MaskError>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mask.npy");
    fs::write(&path, contents).unwrap();
    let mask = StaticMask::load(&path);
    (directory, mask)
}

/// What is said of a file, without the directory.
fn refusal(contents: &[u8]) -> String {
    let (directory, mask) = load(contents);
    let text = mask.unwrap_err().to_string();
    text.replace(&format!("{}/", directory.path().display()), "")
}

/// Two layers of one head, two rows of three keys.
const DATA: [u8; 12] = [1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1];

#[test]
fn heads_are_where_their_index_says() {
    let (_directory, mask) = load(&npy("'|b1'", "False", "(2, 1, 2, 3)", &DATA));
    let mask = mask.unwrap();
    assert_eq!(mask.shape(), [2, 1, 2, 3]);
    assert_eq!(mask.head_bytes(), 6);
    assert_eq!(mask.codes(1, 0).unwrap(), arr2(&[[0, 0, 1], [0, 1, 1]]));
    assert_eq!(mask.codes(0, 0).unwrap(), arr2(&[[1, 0, 0], [1, 1, 0]]));
    assert!(mask.name().ends_with("mask.npy"));
    for (layer, head) in [(2, 0), (0, 1)] {
        let text = mask.codes(layer, head).unwrap_err().to_string();
        assert!(text.contains("no head"), "{text}");
    }
}

#[test]
fn other_arrays_are_refused_with_the_legal_form() {
    let legal = "legal: an array of bool, [layers, heads, rows, keys], as numpy.save writes it \
                 (true: kept)";
    for (contents, expected) in [
        (
            npy("'<f4'", "False", "(2, 1, 2, 3)", &[0; 48]),
            format!("mask.npy: dtype = '<f4'; {legal}"),
        ),
        (
            npy(
                "[('a', '|b1'), ('b', '|b1')]",
                "False",
                "(1, 1, 1, 1)",
                &[0; 2],
            ),
            format!("mask.npy: dtype = [('a', '|b1'), ('b', '|b1')]; {legal}"),
        ),
        (
            npy("'|b1'", "False", "(3, 4)", &DATA),
            format!("mask.npy: shape [3, 4] has 2 dimensions; {legal}"),
        ),
        (
            npy("'|b1'", "False", "()", &[1]),
            format!("mask.npy: shape [] has 0 dimensions; {legal}"),
        ),
        (
            npy("'|b1'", "False", "(2, 0, 2, 3)", &[]),
            "mask.npy: shape [2, 0, 2, 3] holds nothing; legal: at least 1 in each of the 4"
                .to_string(),
        ),
        (
            npy("'|b1'", "True", "(2, 1, 2, 3)", &DATA),
            "mask.npy: stored in Fortran order; legal: C order, as numpy.save(file, \
             numpy.ascontiguousarray(mask)) writes it"
                .to_string(),
        ),
        (
            npy("'|b1'", "False", "(2, 1, 2, 3)", &DATA[..11]),
            "mask.npy: 11 bytes after the header; legal: 12 for shape [2, 1, 2, 3] (truncated?)"
                .to_string(),
        ),
        (
            npy("'|b1'", "False", "(2, 1, 2, 2)", &DATA),
            "mask.npy: 12 bytes after the header; legal: 8 for shape [2, 1, 2, 2]".to_string(),
        ),
        (
            // 2^64 bytes: no integer has room for its length.
            npy("'|b1'", "False", "(65536, 65536, 65536, 65536)", &DATA),
            "mask.npy: 12 bytes after the header; legal: fewer than 2^64 for shape [65536, 65536, \
             65536, 65536] (truncated?)"
                .to_string(),
        ),
    ] {
        assert_eq!(refusal(&contents), expected);
    }
}

#[test]
fn files_of_another_kind_are_refused() {
    let whole = npy("'|b1'", "False", "(2, 1, 2, 3)", &DATA);
    for contents in [&b""[..], &whole[..5], &whole[..40], b"no NumPy file at all"] {
        let text = refusal(contents);
        assert!(text.starts_with("mask.npy: no .npy file: "), "{text}");
        assert!(text.contains("legal: an array of bool"), "{text}");
    }
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().join("absent.npy"), directory.path().into()] {
        let text = StaticMask::load(&path).unwrap_err().to_string();
        assert!(text.contains("cannot read"), "{text}");
    }
}

#[test]
fn a_byte_that_is_no_bool_is_named() {
    let mut data = DATA;
    data[6 + 4] = 5;
    let (_directory, mask) = load(&npy("'|b1'", "False", "(2, 1, 2, 3)", &data));
    let mask = mask.unwrap();
    assert!(mask.codes(0, 0).is_ok());
    let text = mask.codes(1, 0).unwrap_err().to_string();
    let expected = "layer 1, head 0, row 1, key 1 is 5; legal: 0 or 1";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn a_file_that_shrinks_is_told() {
    let (directory, mask) = load(&npy("'|b1'", "False", "(2, 1, 2, 3)", &DATA));
    let mask = mask.unwrap();
    let path = directory.path().join("mask.npy");
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(130).unwrap();
    let text = mask.codes(1, 0).unwrap_err().to_string();
    assert!(text.contains("cannot read"), "{text}");
}
