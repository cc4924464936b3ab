//! Beats of a stream as 32-bit words.

/// The beats of one stream: equally many 32-bit words each, the lowest first.
#[derive(Clone, Debug, Default)]
pub struct Beats {
    /// Words of a beat.
    pub width: usize,
    words: Vec<u32>,
    /// Whether a beat is the last one of its packet.
    pub last: Vec<bool>,
}

impl Beats {
    pub(super) fn new(bits: usize) -> Self {
        Beats {
            width: bits.div_ceil(32),
            ..Beats::default()
        }
    }

    /// Number of beats.
    pub fn len(&self) -> usize {
        self.last.len()
    }

    /// Whether there are no beats.
    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// The words of a beat.
    #[inline]
    pub fn words(&self, beat: usize) -> &[u32] {
        &self.words[beat * self.width..(beat + 1) * self.width]
    }

    pub(super) fn push(&mut self, last: bool, fields: impl IntoIterator<Item = (u64, u32)>) {
        let start = self.words.len();
        self.words.resize(start + self.width, 0);
        pack(&mut self.words[start..], fields);
        self.last.push(last);
    }
}

/// Packs (value, width) fields of at most 48 bits, the first one lowest.
fn pack(words: &mut [u32], fields: impl IntoIterator<Item = (u64, u32)>) {
    let mut at = 0;
    for (value, width) in fields {
        let value = value & ((1 << width) - 1);
        let shifted = u128::from(value) << (at % 32);
        for index in 0..3 {
            if let Some(word) = words.get_mut(at as usize / 32 + index) {
                *word |= (shifted >> (32 * index)) as u32;
            }
        }
        at += width;
    }
}

/// (value, width) fields of at most 48 bits as 32-bit words.
pub fn packed(fields: &[(u64, u32)]) -> Vec<u32> {
    let bits: u32 = fields.iter().map(|field| field.1).sum();
    let mut words = vec![0; bits.div_ceil(32) as usize];
    pack(&mut words, fields.iter().copied());
    words
}
