//! The fields that a grid may vary, and the values that each may take.

use toml::Value;

/// What a field's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer.
    Integer,
    /// An array of integers: one element of the grid is an array itself.
    Integers,
    /// One of some words.
    Word(&'static [&'static str]),
}

impl Kind {
    /// Whether `value` is one.
    pub fn holds(self, value: &Value) -> bool {
        match self {
            Kind::Integer => value.is_integer(),
            Kind::Integers => value
                .as_array()
                .is_some_and(|all| !all.is_empty() && all.iter().all(Value::is_integer)),
            Kind::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        }
    }
}

/// Stands for a field that is not there: those that other fields rule out must be absent.
pub const ABSENT: &str = "absent";

/// Every field of [`logattn_golden::Configuration`] but its name, with the kind of its values and
/// whether it may be absent.
const FIELDS: [(&str, Kind, bool); 26] = [
    (
        "input",
        Kind::Word(&["probabilities", "scores", "qkv"]),
        false,
    ),
    ("code_bits", Kind::Integer, true),
    ("head_dimension", Kind::Integer, false),
    ("max_keys", Kind::Integer, false),
    ("value_bits", Kind::Integer, false),
    ("probability_bits", Kind::Integer, true),
    ("keys_per_beat", Kind::Integer, false),
    ("lanes", Kind::Integer, false),
    ("query_block", Kind::Integer, false),
    (
        "accumulate",
        Kind::Word(&["shift", "sorted", "bucket", "multiply"]),
        false,
    ),
    (
        "normalize",
        Kind::Word(&["none", "reciprocal", "complement"]),
        false,
    ),
    ("output_bits", Kind::Integer, true),
    ("output_lanes", Kind::Integer, false),
    ("value_banks", Kind::Integer, true),
    ("pipeline_depth", Kind::Integer, true),
    ("max_shift", Kind::Integer, true),
    ("thresholds", Kind::Integers, true),
    ("shifts", Kind::Integers, true),
    ("levels", Kind::Integers, true),
    ("level_bits", Kind::Integer, true),
    ("fraction_bits", Kind::Integer, true),
    ("score_bits", Kind::Integer, true),
    ("distance_bits", Kind::Integer, true),
    ("guard_bits", Kind::Integer, true),
    ("exp2", Kind::Word(&["mitchell", "table"]), true),
    ("score_thresholds", Kind::Integers, true),
];

/// Kind of a field, and whether it may be absent; `None` for no field.
pub fn field(name: &str) -> Option<(Kind, bool)> {
    let found = FIELDS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, kind, optional)| (*kind, *optional))
}

/// The names of all fields, for a message.
pub fn names() -> String {
    let names = FIELDS.map(|(name, ..)| name);
    names.join(", ")
}

/// What the values of a field may be, for a message.
pub fn legal(kind: Kind, optional: bool) -> String {
    let values = match kind {
        Kind::Integer => "integers, for example [4, 8]".to_string(),
        Kind::Integers => "arrays of integers, for example [[1, 2, 3], [2, 4, 8]]".to_string(),
        Kind::Word(words) => format!("\"{}\"", words.join("\", \"")),
    };
    match optional {
        true => format!("{values}; or \"{ABSENT}\""),
        false => values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logattn_golden::{Configuration, ConfigurationError};

    /// The configuration's own reader lists its fields where it refuses one.
    #[test]
    fn the_fields_are_those_of_the_configuration() {
        let Err(ConfigurationError::Parse { error, .. }) =
            Configuration::from_toml("unheard_of = 1", "x")
        else {
            panic!("such a field is legal");
        };
        let message = error.message();
        let quoted = message.split('`').skip(3).step_by(2);
        let expected: Vec<&str> = quoted.filter(|name| *name != "name").collect();
        let found = FIELDS.map(|(name, ..)| name);
        assert!(expected.len() > 20, "{message}");
        assert_eq!(found[..], expected);
    }

    #[test]
    fn values_by_kind() {
        let value = |text: &str| -> Value {
            let table: toml::Table = format!("v = {text}").parse().unwrap();
            table["v"].clone()
        };
        assert!(Kind::Integer.holds(&value("-3")));
        assert!(!Kind::Integer.holds(&value("3.0")));
        assert!(Kind::Integers.holds(&value("[1, 2]")));
        for wrong in ["1", "[]", "[1, \"2\"]", "[[1]]"] {
            assert!(!Kind::Integers.holds(&value(wrong)), "{wrong}");
        }
        let (word, optional) = field("exp2").unwrap();
        assert!(word.holds(&value("\"table\"")) && optional);
        assert!(!word.holds(&value("\"tables\"")));
        assert_eq!(field("name"), None);
    }
}
