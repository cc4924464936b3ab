//! Survivors as bitmaps.

use std::ops::Range;

/// Bits of a word of the bitmap.
const WORD: usize = u64::BITS as usize;

/// Codes that say more than whether a key is kept: those of 1 to 4 bits.
const CODES: usize = 15;

/// The count of a code.
fn slot(counts: &mut [u32; CODES], code: u8) -> Option<&mut u32> {
    counts.get_mut(usize::from(code).checked_sub(1)?)
}

/// Which keys the rows of one KV head keep, in the order in which the unit plays the rows.
///
/// With grouped queries the rows of all query heads of the group follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurvivorMap {
    keys: usize,
    /// Words of a row.
    width: usize,
    /// [rows, width]: bit k of a row tells whether the row reads key k.
    words: Vec<u64>,
    /// Keys of each row.
    lengths: Vec<usize>,
    /// Each row's largest key, where it was given.
    largest: Vec<Option<usize>>,
    /// [rows, CODES]: how many keys of a row have code 1.., beside its largest key; 0 where that was
    /// not given.
    counts: Vec<[u32; CODES]>,
    /// Rows before which a query block ends, ascending.
    breaks: Vec<usize>,
    survivors: u64,
    elements: u64,
}

impl SurvivorMap {
    /// A map without rows over `keys` keys.
    pub fn new(keys: usize) -> Self {
        SurvivorMap {
            keys,
            width: keys.div_ceil(WORD),
            words: Vec::new(),
            lengths: Vec::new(),
            largest: Vec::new(),
            counts: Vec::new(),
            breaks: Vec::new(),
            survivors: 0,
            elements: 0,
        }
    }

    /// Adds a row.
    ///
    /// # Arguments
    /// - `codes`: a code for each key, 0 for pruned.
    /// - `length`: keys of the row. Codes at or beyond it are not read; a length beyond the codes
    ///   or the keys of the map is cut there.
    pub fn push_row(&mut self, codes: &[u8], length: usize) {
        self.push_row_with_largest(codes, length, None);
    }

    /// Adds a row whose largest key is read whatever its code is (`normalize = "complement"`).
    ///
    /// # Arguments
    /// - `codes`, `length`: as in [`SurvivorMap::push_row`].
    /// - `largest`: index of the largest key; passed over at or beyond the length.
    pub fn push_row_with_largest(&mut self, codes: &[u8], length: usize, largest: Option<usize>) {
        let length = length.min(codes.len()).min(self.keys);
        let start = self.words.len();
        self.words.extend(codes[..length].chunks(WORD).map(pack));
        self.words.resize(start + self.width, 0);
        let row = &mut self.words[start..];
        self.survivors += count(row);
        let largest = largest.filter(|key| *key < length);
        if let Some(key) = largest {
            row[key / WORD] |= 1 << (key % WORD);
        }
        let mut counts = [0; CODES];
        if let Some(largest) = largest {
            let (before, after) = codes[..length].split_at(largest);
            for code in before.iter().chain(&after[1..]) {
                if let Some(count) = slot(&mut counts, *code) {
                    *count += 1;
                }
            }
        }
        self.counts.push(counts);
        self.largest.push(largest);
        self.lengths.push(length);
        self.elements += length as u64;
    }

    /// Ends the query block in hand: rows that come after are in blocks of their own. For units
    /// that do not put rows of different query heads into one block.
    pub fn end_block(&mut self) {
        self.breaks.push(self.rows());
    }

    /// Keys of the longest possible row.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.lengths.len()
    }

    /// Keys with a code other than 0, over all rows.
    pub fn survivors(&self) -> u64 {
        self.survivors
    }

    /// Keys that rows read, over all rows: the survivors, and largest keys that are none.
    pub fn kept(&self) -> u64 {
        count(&self.words)
    }

    /// Keys within the rows' lengths, over all rows.
    pub fn elements(&self) -> u64 {
        self.elements
    }

    /// The query blocks of at most `query_block` rows each, as ranges of rows.
    pub fn blocks(&self, query_block: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        let starts = std::iter::once(0).chain(self.breaks.iter().copied());
        let ends = self.breaks.iter().copied().chain([self.rows()]);
        let size = query_block.max(1);
        starts.zip(ends).flat_map(move |(start, end)| {
            (start..end)
                .step_by(size)
                .map(move |first| first..(first + size).min(end))
        })
    }

    /// Keys of the longest of these rows; 0 for no rows.
    pub(crate) fn longest(&self, rows: Range<usize>) -> usize {
        self.lengths[rows].iter().copied().max().unwrap_or(0)
    }

    /// The largest keys of these rows, as far as they were given.
    pub(crate) fn largest(&self, rows: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        self.largest[rows].iter().copied().flatten()
    }

    /// For each of these rows whose largest key was given, how many of its other keys have code 1..
    pub(crate) fn others(&self, rows: Range<usize>) -> impl Iterator<Item = &[u32]> + '_ {
        let rows = self.largest[rows.clone()].iter().zip(&self.counts[rows]);
        rows.filter_map(|(largest, counts)| largest.map(|_| counts.as_slice()))
    }

    /// The keys that at least one of these rows reads.
    pub(crate) fn union(&self, rows: Range<usize>, union: &mut Vec<u64>) {
        union.clear();
        union.resize(self.width, 0);
        if self.width == 0 {
            return;
        }
        let words = &self.words[rows.start * self.width..rows.end * self.width];
        for row in words.chunks_exact(self.width) {
            for (all, one) in union.iter_mut().zip(row) {
                *all |= one;
            }
        }
    }

    /// Length and bitmap of each row.
    pub(crate) fn rows_with_lengths(&self) -> impl Iterator<Item = (usize, &[u64])> {
        let row = |index: usize| &self.words[index * self.width..(index + 1) * self.width];
        self.lengths
            .iter()
            .enumerate()
            .map(move |(index, length)| (*length, row(index)))
    }
}

/// Up to 64 codes as a bitmap.
fn pack(codes: &[u8]) -> u64 {
    let bit = |(index, code): (usize, &u8)| u64::from(*code != 0) << index;
    codes.iter().enumerate().map(bit).fold(0, |a, b| a | b)
}

/// Ones in a bitmap.
pub(crate) fn count(words: &[u64]) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// The indices of the ones of a bitmap, ascending.
pub(crate) fn ones(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(index, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            let bit = rest.trailing_zeros() as usize;
            rest &= rest.wrapping_sub(1);
            (bit < WORD).then_some(index * WORD + bit)
        })
    })
}

/// The runs of ones of a bitmap, ascending, as ranges of bits.
pub(crate) fn runs(words: &[u64]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = next_bit(words, from, 0)?;
        let end = next_bit(words, start, u64::MAX).unwrap_or(words.len() * WORD);
        from = end;
        Some(start..end)
    })
}

/// The first one at or after `from` of the bitmap, whose words are inverted by `invert`.
fn next_bit(words: &[u64], from: usize, invert: u64) -> Option<usize> {
    let mut index = from / WORD;
    let mut word = (words.get(index)? ^ invert) & (u64::MAX << (from % WORD));
    while word == 0 {
        index += 1;
        word = words.get(index)? ^ invert;
    }
    Some(index * WORD + word.trailing_zeros() as usize)
}
