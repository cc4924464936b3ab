//! The legal ranges of a configuration's fields.

use std::fmt::{Debug, Display};
use std::ops::RangeInclusive;

use crate::config::{
    Accumulate, Configuration, DEFAULT_CODE_BITS, DEFAULT_PROBABILITY_BITS, GivenFields, Input,
    NAME_LENGTH, Normalize,
};
use crate::error::{AttentionError, ConfigurationError};
use crate::scores::{FRACTION_BITS, GUARD_BITS, ScoreFormat, distance_bits, score_bits};

/// Widest accumulator of `shift` and `multiply`, in bits.
const MAX_ACCUMULATOR_BITS: u32 = 32;
/// Widest sum of a row's powers of two, in bits.
pub(crate) const MAX_SUM_BITS: u32 = 32;
/// Widest accumulator of `bucket`, in bits.
const MAX_BUCKET_ACCUMULATOR_BITS: u32 = 48;

/// Makes errors that name the file the configuration came from.
struct Checker<'a> {
    origin: &'a str,
}

type Check = Result<(), ConfigurationError>;

impl Checker<'_> {
    fn invalid(
        &self,
        field: impl Into<String>,
        value: impl Display,
        legal: impl Into<String>,
    ) -> ConfigurationError {
        ConfigurationError::Invalid {
            origin: self.origin.to_owned(),
            field: field.into(),
            value: value.to_string(),
            legal: legal.into(),
        }
    }

    fn require(
        &self,
        holds: bool,
        field: &str,
        value: impl Display,
        legal: impl Into<String>,
    ) -> Check {
        if holds {
            Ok(())
        } else {
            Err(self.invalid(field, value, legal))
        }
    }

    fn range<T>(&self, field: &str, value: T, legal: RangeInclusive<T>) -> Check
    where
        T: PartialOrd + Display + Debug,
    {
        self.require(legal.contains(&value), field, &value, format!("{legal:?}"))
    }

    /// An optional knob that the mode named by `reader` reads: required there, absent elsewhere.
    fn knob(
        &self,
        field: &str,
        value: Option<u32>,
        legal: RangeInclusive<u32>,
        read: bool,
        reader: &str,
    ) -> Check {
        match (value, read) {
            (Some(value), true) => self.range(field, value, legal),
            (None, true) => {
                Err(self.invalid(field, "(absent)", format!("{legal:?} with {reader}")))
            }
            (Some(value), false) => {
                Err(self.invalid(field, value, format!("absent without {reader}")))
            }
            (None, false) => Ok(()),
        }
    }

    /// A list of one integer a level; `ordered` tells whether an entry may follow another.
    fn list(
        &self,
        field: &str,
        values: &[u32],
        count: usize,
        legal: RangeInclusive<u32>,
        (order, ordered): (&str, fn(u32, u32) -> bool),
    ) -> Check {
        if values.len() != count {
            let legal = format!("{count} integers of {legal:?} (2^code_bits - 1)");
            return Err(self.invalid(field, format!("{values:?}"), legal));
        }
        for (i, value) in values.iter().enumerate() {
            self.range(&format!("{field}[{i}]"), *value, legal.clone())?;
        }
        match values
            .windows(2)
            .position(|pair| !ordered(pair[0], pair[1]))
        {
            None => Ok(()),
            Some(i) => Err(self.invalid(
                format!("{field}[{}]", i + 1),
                values[i + 1],
                format!("{order} (the entry before it is {})", values[i]),
            )),
        }
    }

    fn absent(&self, field: &str, values: &[u32], reader: &str) -> Check {
        self.require(
            values.is_empty(),
            field,
            format!("{values:?}"),
            format!("absent without {reader}"),
        )
    }
}

const NON_DECREASING: (&str, fn(u32, u32) -> bool) = ("non-decreasing", |a, b| a <= b);
const NON_INCREASING: (&str, fn(u32, u32) -> bool) = ("non-increasing", |a, b| a >= b);

impl Configuration {
    /// Checks all fields. `given` says which of the fields with a default the text itself sets.
    pub(crate) fn check(&self, origin: &str, given: &GivenFields) -> Check {
        let checker = Checker { origin };
        self.check_shape(&checker)?;
        self.check_output(&checker)?;
        self.check_levels(&checker, given.code_bits)?;
        self.check_scores(&checker, given.probability_bits)?;
        self.check_widths(&checker)
    }

    fn has_scores(&self) -> bool {
        self.input != Input::Probabilities
    }

    /// The fields of the score input, whose ranges [`ScoreFormat::new`] knows.
    fn check_scores(&self, checker: &Checker, probability_bits_given: bool) -> Check {
        let reader = "input = \"scores\" or \"qkv\"";
        let least = self.fraction_bits.unwrap_or(0).min(*FRACTION_BITS.end());
        let fields = [
            ("fraction_bits", self.fraction_bits, FRACTION_BITS),
            ("score_bits", self.score_bits, score_bits(least)),
            ("distance_bits", self.distance_bits, distance_bits(least)),
            ("guard_bits", self.guard_bits, GUARD_BITS),
        ];
        for (field, value, legal) in fields {
            checker.knob(field, value, legal, self.has_scores(), reader)?;
        }
        let (value, legal) = match (self.exp2, self.has_scores()) {
            (None, true) => (
                "(absent)",
                format!("\"mitchell\" or \"table\" with {reader}"),
            ),
            (Some(_), false) => ("(present)", format!("absent without {reader}")),
            _ => ("", String::new()),
        };
        checker.require(value.is_empty(), "exp2", value, legal)?;
        let Some(parameters) = self.score_parameters() else {
            let given = format!("{:?}", self.score_thresholds);
            let legal = format!("absent without {reader}");
            return checker.require(
                self.score_thresholds.is_empty(),
                "score_thresholds",
                given,
                legal,
            );
        };
        checker.require(
            !probability_bits_given && self.probability_bits == DEFAULT_PROBABILITY_BITS,
            "probability_bits",
            self.probability_bits,
            "absent without input = \"probabilities\"",
        )?;
        checker.require(
            self.accumulate != Accumulate::Multiply,
            "accumulate",
            "\"multiply\"",
            "\"shift\", \"sorted\" or \"bucket\" without input = \"probabilities\"",
        )?;
        let count = self.levels_count();
        checker.require(
            self.score_thresholds.len() == count,
            "score_thresholds",
            format!("{:?}", self.score_thresholds),
            format!("{count} integers (2^code_bits - 1)"),
        )?;
        let format = match ScoreFormat::new(parameters) {
            Ok(format) => format,
            Err(AttentionError::Parameter { what, value, legal }) => {
                let field = match what {
                    "threshold" | "thresholds" => "score_thresholds",
                    field => field,
                };
                return Err(checker.invalid(field, value, legal));
            }
            Err(error) => return Err(checker.invalid("score_bits", error, "a legal format")),
        };
        checker.require(
            format.sum_bits() <= MAX_SUM_BITS,
            "guard_bits",
            self.guard_bits.unwrap_or(0),
            format!(
                "such that the sum of a row's powers of two (here {} bits: fraction_bits + \
                 guard_bits + ceil(log2(max_keys + 1))) takes at most {MAX_SUM_BITS} bits",
                format.sum_bits()
            ),
        )
    }

    fn check_shape(&self, checker: &Checker) -> Check {
        let legal_name = self.name.len() <= NAME_LENGTH
            && self.name.starts_with(|c: char| c.is_ascii_lowercase())
            && self
                .name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        checker.require(
            legal_name,
            "name",
            format!("{:?}", self.name),
            "[a-z][a-z0-9_]{0,31}",
        )?;
        checker.range("code_bits", self.code_bits, 2..=4)?;
        checker.range("head_dimension", self.head_dimension, 1..=512)?;
        checker.range("max_keys", self.max_keys, 2..=16384)?;
        checker.range("value_bits", self.value_bits, 2..=8)?;
        checker.range("probability_bits", self.probability_bits, 12..=24)?;
        checker.range("keys_per_beat", self.keys_per_beat, 1..=64)?;
        checker.require(
            self.keys_per_beat.is_power_of_two(),
            "keys_per_beat",
            self.keys_per_beat,
            "a power of two: a key's index is the beat's index beside its place in the beat",
        )?;
        checker.require(
            self.keys_per_beat <= self.max_keys,
            "keys_per_beat",
            self.keys_per_beat,
            format!("at most max_keys = {}", self.max_keys),
        )?;
        checker.require(
            self.lanes > 0
                && self.head_dimension.is_multiple_of(self.lanes)
                && self.passes().is_power_of_two(),
            "lanes",
            self.lanes,
            format!(
                "head_dimension = {} divided by a power of two",
                self.head_dimension
            ),
        )?;
        checker.require(
            [1, 2, 4, 8].contains(&self.query_block),
            "query_block",
            self.query_block,
            "1, 2, 4 or 8",
        )?;
        checker.require(
            self.query_block == 1 || self.lanes == self.head_dimension,
            "query_block",
            self.query_block,
            format!(
                "1 unless lanes = head_dimension (lanes = {}, head_dimension = {})",
                self.lanes, self.head_dimension
            ),
        )?;
        checker.require(
            self.query_block == 1 || self.accumulate != Accumulate::Sorted,
            "query_block",
            self.query_block,
            "1 with accumulate = \"sorted\": rows have orders of their own",
        )
    }

    fn check_output(&self, checker: &Checker) -> Check {
        checker.knob(
            "output_bits",
            self.output_bits,
            self.value_bits..=16,
            self.normalize != Normalize::None,
            "normalize = \"reciprocal\" or \"complement\"",
        )?;
        checker.require(
            self.normalize != Normalize::Complement
                || (self.has_scores() && self.accumulate.shifts() && self.query_block == 1),
            "normalize",
            "\"complement\"",
            "\"none\" or \"reciprocal\" unless input = \"scores\" or \"qkv\", accumulate = \
             \"shift\" or \"sorted\" and query_block = 1",
        )?;
        checker.require(
            self.output_lanes > 0 && self.lanes.is_multiple_of(self.output_lanes),
            "output_lanes",
            self.output_lanes,
            format!("a divisor of lanes = {}", self.lanes),
        )?;
        checker.range("value_banks", self.value_banks, 1..=2)?;
        checker.range("pipeline_depth", self.pipeline_depth, 1..=3)
    }

    fn check_levels(&self, checker: &Checker, code_bits_given: bool) -> Check {
        let shift = "accumulate = \"shift\" or \"sorted\"";
        let bucket = "accumulate = \"bucket\"";
        let is_shift = self.accumulate.shifts();
        let is_bucket = self.accumulate == Accumulate::Bucket;
        checker.knob("max_shift", self.max_shift, 1..=15, is_shift, shift)?;
        checker.knob("level_bits", self.level_bits, 1..=16, is_bucket, bucket)?;
        let count = self.levels_count();
        if self.has_scores() {
            checker.absent("thresholds", &self.thresholds, "input = \"probabilities\"")?;
        }
        if self.accumulate == Accumulate::Multiply {
            checker.absent(
                "thresholds",
                &self.thresholds,
                "accumulate = \"shift\", \"sorted\" or \"bucket\"",
            )?;
            checker.require(
                !code_bits_given && self.code_bits == DEFAULT_CODE_BITS,
                "code_bits",
                self.code_bits,
                "absent with accumulate = \"multiply\", which keeps 8-bit probabilities",
            )?;
        } else if !self.has_scores() {
            let most = (1 << self.probability_bits) - 1;
            checker.list(
                "thresholds",
                &self.thresholds,
                count,
                1..=most,
                NON_DECREASING,
            )?;
        }
        match self.max_shift {
            Some(most) => checker.list("shifts", &self.shifts, count, 0..=most, NON_INCREASING)?,
            None => checker.absent("shifts", &self.shifts, shift)?,
        }
        match self.level_bits {
            Some(bits) => {
                let legal = 1..=(1 << bits) - 1;
                checker.list("levels", &self.levels, count, legal, NON_DECREASING)
            }
            None => checker.absent("levels", &self.levels, bucket),
        }
    }

    fn check_widths(&self, checker: &Checker) -> Check {
        checker.require(
            self.normalize != Normalize::Reciprocal || self.normalizer_bits() >= 3,
            "max_keys",
            self.max_keys,
            format!(
                "such that the normalizer (here {} bits) has at least 3 bits for its reciprocal",
                self.normalizer_bits()
            ),
        )?;
        let attention = self.query_block * self.keys_per_beat * self.attention_bits() as usize;
        checker.require(
            attention.is_multiple_of(8) || self.input == Input::Qkv,
            "keys_per_beat",
            self.keys_per_beat,
            format!(
                "such that query_block * keys_per_beat * probability_bits or score_bits (here \
                 {attention}) is a multiple of 8: streams carry whole bytes"
            ),
        )?;
        let value = self.lanes * self.value_bits as usize;
        checker.require(
            value.is_multiple_of(8),
            "lanes",
            self.lanes,
            format!(
                "such that lanes * value_bits (here {value}) is a multiple of 8: streams carry \
                 whole bytes"
            ),
        )?;
        let most = match self.accumulate {
            Accumulate::Bucket => MAX_BUCKET_ACCUMULATOR_BITS,
            _ => MAX_ACCUMULATOR_BITS,
        };
        checker.require(
            self.accumulator_bits() <= most,
            "max_keys",
            self.max_keys,
            format!(
                "such that the accumulators ({} bits: value_bits + max_shift, level_bits or 8 + \
                 ceil(log2 max_keys)) take at most {most} bits",
                self.accumulator_bits()
            ),
        )
    }
}
