//! Arithmetic on values of any width, as little-endian words without bits beyond the width.

use super::data::top_mask;
use std::cmp::Ordering;

/// Clears what is beyond `width` bits.
fn trim(to: &mut [u64], width: u32) {
    if let Some(top) = to.last_mut() {
        *top &= top_mask(width);
    }
}

/// Whether the highest of `width` bits is 1.
pub(super) fn is_negative(a: &[u64], width: u32) -> bool {
    a[(width - 1) as usize / 64] >> ((width - 1) % 64) & 1 == 1
}

pub(super) fn add(to: &mut [u64], a: &[u64], b: &[u64], width: u32) {
    let mut carry = false;
    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
        let (sum, first) = a.overflowing_add(*b);
        let (sum, second) = sum.overflowing_add(carry.into());
        *to = sum;
        carry = first || second;
    }
    trim(to, width);
}

pub(super) fn subtract(to: &mut [u64], a: &[u64], b: &[u64], width: u32) {
    let mut borrow = false;
    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
        let (difference, first) = a.overflowing_sub(*b);
        let (difference, second) = difference.overflowing_sub(borrow.into());
        *to = difference;
        borrow = first || second;
    }
    trim(to, width);
}

pub(super) fn negate(to: &mut [u64], a: &[u64], width: u32) {
    let mut carry = true;
    for (to, a) in to.iter_mut().zip(a) {
        (*to, carry) = (!a).overflowing_add(carry.into());
    }
    trim(to, width);
}

pub(super) fn not(to: &mut [u64], a: &[u64], width: u32) {
    for (to, a) in to.iter_mut().zip(a) {
        *to = !a;
    }
    trim(to, width);
}

/// `a * b` in `a_width + b_width` bits, which both factors' words fit.
pub(super) fn multiply(to: &mut [u64], a: (&[u64], u32), b: (&[u64], u32), signed: bool) {
    let ((a, a_width), (b, b_width)) = (a, b);
    to.fill(0);
    for (i, a_word) in a.iter().enumerate() {
        let mut carry = 0u128;
        for j in 0..to.len() - i {
            let b_word = b.get(j).copied().unwrap_or(0);
            let sum = u128::from(*a_word) * u128::from(b_word) + u128::from(to[i + j]) + carry;
            to[i + j] = sum as u64;
            carry = sum >> 64;
        }
    }
    if signed {
        // Read as unsigned, a negative factor is 2^width too large.
        if is_negative(a, a_width) {
            subtract_shifted(to, b, a_width);
        }
        if is_negative(b, b_width) {
            subtract_shifted(to, a, b_width);
        }
    }
    trim(to, a_width + b_width);
}

/// Subtracts `a << n` from `to`.
fn subtract_shifted(to: &mut [u64], a: &[u64], n: u32) {
    let mut borrow = false;
    for (i, word) in to.iter_mut().enumerate() {
        let (difference, first) = word.overflowing_sub(shifted_word(a, i, n));
        let (difference, second) = difference.overflowing_sub(borrow.into());
        *word = difference;
        borrow = first || second;
    }
}

/// Word `i` of `a << n`.
fn shifted_word(a: &[u64], i: usize, n: u32) -> u64 {
    let (whole, bits) = ((n / 64) as usize, n % 64);
    let word = |i: Option<usize>| i.and_then(|i| a.get(i)).copied().unwrap_or(0);
    let low = word(i.checked_sub(whole)) << bits;
    let carried = word(i.checked_sub(whole + 1));
    low | carried.checked_shr(64 - bits).unwrap_or(0)
}

pub(super) fn shift_left(to: &mut [u64], a: &[u64], n: u32, width: u32) {
    for (i, word) in to.iter_mut().enumerate() {
        *word = shifted_word(a, i, n);
    }
    trim(to, width);
}

/// `a >> n` for `n <= width`, with sign bits coming in if `signed`.
pub(super) fn shift_right(to: &mut [u64], a: &[u64], n: u32, width: u32, signed: bool) {
    let kept = width - n;
    slice(to, a, n, kept);
    if signed && is_negative(a, width) {
        set_from(to, kept, width);
    }
}

/// Sets the bits from `low` up to `width`.
fn set_from(to: &mut [u64], low: u32, width: u32) {
    let first = (low / 64) as usize;
    for (i, word) in to.iter_mut().enumerate().skip(first) {
        *word |= if i == first {
            u64::MAX << (low % 64)
        } else {
            u64::MAX
        };
    }
    trim(to, width);
}

/// The `width` bits of `a` from `low` on; clears the rest of `to`.
pub(super) fn slice(to: &mut [u64], a: &[u64], low: u32, width: u32) {
    for (i, word) in to.iter_mut().enumerate() {
        let start = i as u32 * 64;
        *word = if start >= width {
            0
        } else {
            let mask = if width - start >= 64 {
                u64::MAX
            } else {
                top_mask(width - start)
            };
            word_at(a, low + start) & mask
        };
    }
}

/// 64 bits of `a` from bit `low` on; beyond `a` there are zeros.
fn word_at(a: &[u64], low: u32) -> u64 {
    let (index, offset) = ((low / 64) as usize, low % 64);
    let bits = a.get(index).map_or(0, |word| word >> offset);
    match a.get(index + 1) {
        Some(above) if offset > 0 => bits | above << (64 - offset),
        _ => bits,
    }
}

/// Writes the `width` bits of `a` at bit `low`; the other bits stay.
pub(super) fn put(to: &mut [u64], low: u32, a: &[u64], width: u32) {
    let mut done = 0;
    for word in a {
        let bits = (width - done).min(64);
        put_word(to, low + done, *word, bits);
        done += bits;
    }
}

/// Writes the lowest `bits` of `value`, which has no others, at bit `low`.
pub(super) fn put_word(to: &mut [u64], low: u32, value: u64, bits: u32) {
    let (index, offset) = ((low / 64) as usize, low % 64);
    let mask = top_mask(bits);
    to[index] = to[index] & !(mask << offset) | value << offset;
    if offset + bits > 64 {
        let kept = 64 - offset;
        to[index + 1] = to[index + 1] & !(mask >> kept) | value >> kept;
    }
}

pub(super) fn extend(to: &mut [u64], a: &[u64], from: u32, width: u32, signed: bool) {
    to.fill(0);
    to[..a.len()].copy_from_slice(a);
    if signed && is_negative(a, from) {
        set_from(to, from, width);
    }
}

pub(super) fn replicate(to: &mut [u64], a: &[u64], width: u32, n: u32) {
    for i in 0..n {
        put(to, i * width, a, width);
    }
}

pub(super) fn compare(a: &[u64], b: &[u64], width: u32, signed: bool) -> Ordering {
    if signed && is_negative(a, width) != is_negative(b, width) {
        return is_negative(b, width).cmp(&is_negative(a, width));
    }
    a.iter().rev().cmp(b.iter().rev())
}

pub(super) fn all_ones(a: &[u64], width: u32) -> bool {
    match a.split_last() {
        Some((top, rest)) => *top == top_mask(width) && rest.iter().all(|word| *word == u64::MAX),
        None => true,
    }
}

/// A shift amount; what does not fit is as good as the largest number.
pub(super) fn amount(a: &[u64]) -> u32 {
    match a.split_first() {
        Some((low, rest)) if rest.iter().all(|word| *word == 0) => {
            u32::try_from(*low).unwrap_or(u32::MAX)
        }
        _ => u32::MAX,
    }
}
