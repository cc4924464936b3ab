//! What an attention matrix takes to store.

use logattn_sim::memory::{EncodingBits, RUN_LENGTH_FIELDS, SurvivorMap};
use proptest::prelude::*;

/// A row: codes and length.
type Row = (Vec<u8>, usize);

fn of(rows: &[Row], code_bits: u32) -> EncodingBits {
    let mut map = SurvivorMap::new(rows.iter().map(|row| row.0.len()).max().unwrap_or(0));
    for (codes, length) in rows {
        map.push_row(codes, *length);
    }
    EncodingBits::of(&map, code_bits)
}

/// Run-length encoding that is really made: entries of gap and code.
fn encode(codes: &[u8], field: u32) -> Vec<(u64, u8)> {
    let most = (1_u64 << field) - 1;
    let (mut entries, mut gap) = (Vec::new(), 0);
    for code in codes {
        if *code != 0 {
            entries.push((gap, *code));
            gap = 0;
        } else if gap == most {
            // The gap has become too long for the field: this element is the escape's own.
            entries.push((gap, 0));
            gap = 0;
        } else {
            gap += 1;
        }
    }
    // Escapes after the last survivor serve no one.
    while entries.last().is_some_and(|entry| entry.1 == 0) {
        entries.pop();
    }
    entries
}

fn decode(entries: &[(u64, u8)], elements: usize) -> Vec<u8> {
    let mut codes = Vec::new();
    for (gap, code) in entries {
        codes.extend(std::iter::repeat_n(0, *gap as usize));
        codes.push(*code);
    }
    codes.resize(elements, 0);
    codes
}

#[test]
fn a_matrix_by_hand() {
    // Twelve elements, four survivors; gaps 1, 0, 5 (over the row's end), 1; one pruned last.
    let rows = [(vec![0, 3, 7, 0, 0, 0], 6), (vec![0, 0, 1, 0, 2, 0], 6)];
    let bits = of(&rows, 3);
    assert_eq!(
        (bits.elements, bits.fp16, bits.int8, bits.dense),
        (12, 192, 96, 36)
    );
    assert_eq!(bits.survivor_bitmap, 12 + 4 * 3);
    // 1 bit: gap 5 takes two escapes of two elements: 6 entries of 4 bits. 2 bits: one escape, 5
    // entries of 5. 3 bits: 4 entries of 6.
    assert_eq!(bits.run_length_by_field[..4], [24, 25, 24, 28]);
    // The narrowest of the best.
    assert_eq!((bits.run_length, bits.run_length_field), (24, 1));
}

#[test]
fn elements_beyond_a_row_take_nothing() {
    let bits = of(&[(vec![1, 1, 1], 1), (vec![0, 1, 1], 2)], 3);
    assert_eq!((bits.elements, bits.dense), (3, 9));
    assert_eq!(bits.survivor_bitmap, 3 + 2 * 3);
    assert_eq!(bits.run_length, 2 * 4);
    assert_eq!(of(&[], 3), EncodingBits::default());
}

#[test]
fn one_field_is_best_for_a_sum() {
    let dense: Row = (vec![1; 64], 64);
    let sparse: Row = (std::iter::repeat_n(0, 63).chain([1]).collect(), 64);
    let mut sum = of(std::slice::from_ref(&dense), 3);
    assert_eq!(sum.run_length_field, 1);
    let alone = of(std::slice::from_ref(&sparse), 3);
    // 63 pruned: an escape or more for narrow fields, one entry of 6 + 3 bits.
    assert_eq!((alone.run_length, alone.run_length_field), (9, 6));
    sum += alone;
    assert_eq!(sum.elements, 128);
    // 1 bit: 64 entries and 1 + 31; no other width does better for both.
    assert_eq!(sum.run_length_by_field[0], 96 * 4);
    assert_eq!(sum.run_length_by_field[1], (64 + 16) * 5);
    assert_eq!((sum.run_length, sum.run_length_field), (384, 1));
    let mut from_nothing = EncodingBits::default();
    from_nothing += sum;
    assert_eq!(from_nothing, sum);
}

#[test]
fn a_largest_key_is_stored_though_its_code_is_0() {
    let mut map = SurvivorMap::new(4);
    map.push_row_with_largest(&[0, 0, 5, 0], 4, Some(0));
    assert_eq!(EncodingBits::of(&map, 3).survivor_bitmap, 4 + 2 * 3);
}

proptest! {
    /// The bits are those of an encoding that can be read back.
    #[test]
    fn run_length_is_what_an_encoder_writes(
        rows in prop::collection::vec(
            (prop::collection::vec(prop_oneof![9 => Just(0_u8), 1 => 1_u8..8], 100), 0_usize..=100),
            0..6,
        ),
        code_bits in 2_u32..5,
    ) {
        let stream: Vec<u8> = rows
            .iter()
            .flat_map(|(codes, length)| codes[..*length].iter().copied())
            .collect();
        let bits = of(&rows, code_bits);
        for field in 1..=RUN_LENGTH_FIELDS as u32 {
            let entries = encode(&stream, field);
            prop_assert_eq!(decode(&entries, stream.len()), stream.clone());
            let expected = entries.len() as u64 * u64::from(field + code_bits);
            prop_assert_eq!(bits.run_length_by_field[field as usize - 1], expected);
        }
        prop_assert_eq!(bits.elements, stream.len() as u64);
        let best = bits.run_length_by_field.iter().min().copied();
        prop_assert_eq!(Some(bits.run_length), best);
    }
}
