//! Configurations that are made from others: the int8 twin, the same unit with another input.

use crate::config::{
    Accumulate, Configuration, DEFAULT_CODE_BITS, DEFAULT_PROBABILITY_BITS, Input, NAME_LENGTH,
    Normalize, SORTED_SUFFIX, TWIN_SUFFIX, ceil_log2,
};
use crate::error::ConfigurationError;
use crate::scores::Exp2;
use crate::validate::MAX_SUM_BITS;

/// Score fields of [`Configuration::with_input`]: fraction bits, score bits and distance bits.
const SCORE_FIELDS: (u32, u32, u32) = (4, 12, 8);

/// Keys a beat of [`Configuration::with_input`] at most for `qkv`, where each takes D multipliers.
const QKV_KEYS_PER_BEAT: usize = 2;

impl Input {
    /// What the names of variants with this input end in.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Input::Probabilities => "_probabilities",
            Input::Scores => "_scores",
            Input::Qkv => "_qkv",
        }
    }
}

impl Configuration {
    /// The baseline that claims of area and cycles are made against: the same widths, lanes and
    /// input rate, but 8-bit linear probabilities, a multiplier a lane and no pruning.
    ///
    /// It always takes probabilities: the softmax that makes them is not counted, in its favor.
    /// The name gets the suffix `_int8` (its front is cut where that would be too long). The twin
    /// of a twin is itself.
    pub fn int8_twin(&self) -> Self {
        if self.accumulate == Accumulate::Multiply {
            return self.clone();
        }
        let normalize = match self.normalize {
            Normalize::None => Normalize::None,
            Normalize::Reciprocal | Normalize::Complement => Normalize::Reciprocal,
        };
        Self {
            name: self.suffixed(TWIN_SUFFIX),
            code_bits: DEFAULT_CODE_BITS,
            accumulate: Accumulate::Multiply,
            normalize,
            max_shift: None,
            thresholds: Vec::new(),
            shifts: Vec::new(),
            levels: Vec::new(),
            level_bits: None,
            ..self.without_score_fields()
        }
    }

    /// The same unit with another input; its thresholds are those of this one on the other scale.
    ///
    /// From probabilities to scores: F = 4, 12 score bits, distances up to 16 octaves, the
    /// default guard bits (fewer where the sum would be too wide), Mitchell's powers; threshold t becomes log2(t 2^-probability_bits) in
    /// steps of 2^-F, to the nearest. Back: the probability that a score threshold stands for, up
    /// to the next of 2^-16; `normalize = "complement"` becomes `"reciprocal"`. With
    /// `input = "qkv"` a beat has at most two keys. The name gets the input's suffix.
    ///
    /// # Errors
    /// [`ConfigurationError::Invalid`] where there is no such unit: the int8 twin takes
    /// probabilities only, and thresholds may have no place on the other scale.
    pub fn with_input(&self, input: Input) -> Result<Self, ConfigurationError> {
        if input == self.input {
            return Ok(self.clone());
        }
        let name = self.suffixed(input.suffix());
        let mut variant = match (self.input, input) {
            (_, Input::Probabilities) => self.with_probabilities(),
            (Input::Probabilities, _) => self.with_scores(),
            _ => self.clone(),
        };
        if input == Input::Qkv {
            variant.keys_per_beat = self.keys_per_beat.min(QKV_KEYS_PER_BEAT);
        }
        (variant.name, variant.input) = (name, input);
        variant.validate()?;
        Ok(variant)
    }

    /// The same unit with `accumulate = "sorted"` in place of `"shift"`: the same outputs, bit for
    /// bit. The name gets the suffix `_sorted`.
    ///
    /// # Errors
    /// [`ConfigurationError::Invalid`] where there is no such unit: with several rows a block, and
    /// where levels are no powers of two.
    pub fn sorted(&self) -> Result<Self, ConfigurationError> {
        let sorted = Self {
            name: self.suffixed(SORTED_SUFFIX),
            accumulate: Accumulate::Sorted,
            ..self.clone()
        };
        sorted.validate()?;
        Ok(sorted)
    }

    /// The name with a suffix, its front cut where that would be too long.
    fn suffixed(&self, suffix: &str) -> String {
        let kept = NAME_LENGTH - suffix.len();
        let front: String = self.name.chars().take(kept).collect();
        front + suffix
    }

    fn without_score_fields(&self) -> Self {
        Self {
            input: Input::Probabilities,
            probability_bits: match self.input {
                Input::Probabilities => self.probability_bits,
                Input::Scores | Input::Qkv => DEFAULT_PROBABILITY_BITS,
            },
            fraction_bits: None,
            score_bits: None,
            distance_bits: None,
            guard_bits: None,
            exp2: None,
            score_thresholds: Vec::new(),
            ..self.clone()
        }
    }

    fn with_probabilities(&self) -> Self {
        let one = f64::from(1_u32 << self.fraction_bits.unwrap_or(0));
        let unity = f64::from(1_u32 << DEFAULT_PROBABILITY_BITS);
        let probability = |score: &i32| {
            let fixed = (unity * (f64::from(*score) / one).exp2()).ceil();
            fixed.min(unity - 1.0) as u32
        };
        let normalize = match self.normalize {
            Normalize::None => Normalize::None,
            Normalize::Reciprocal | Normalize::Complement => Normalize::Reciprocal,
        };
        Self {
            normalize,
            thresholds: self.score_thresholds.iter().map(probability).collect(),
            ..self.without_score_fields()
        }
    }

    fn with_scores(&self) -> Self {
        let (fraction_bits, score_bits, distance_bits) = SCORE_FIELDS;
        let one = f64::from(1_u32 << fraction_bits);
        let unity = f64::from(1_u32 << self.probability_bits);
        // The default, or as many as the widest sum leaves.
        let room = MAX_SUM_BITS - fraction_bits - ceil_log2(self.max_keys + 1);
        let guard_bits = room.min(ceil_log2(self.max_keys) + 1);
        let score = |threshold: &u32| {
            let octaves = (f64::from(*threshold) / unity).log2();
            (octaves * one).round() as i32
        };
        Self {
            probability_bits: DEFAULT_PROBABILITY_BITS,
            thresholds: Vec::new(),
            fraction_bits: Some(fraction_bits),
            score_bits: Some(score_bits),
            distance_bits: Some(distance_bits),
            guard_bits: Some(guard_bits),
            exp2: Some(Exp2::Mitchell),
            score_thresholds: self.thresholds.iter().map(score).collect(),
            ..self.clone()
        }
    }
}
