//! A timing diagram in the terms of WaveDrom.

use serde::{Serialize, Serializer};

/// One signal: a letter a cycle.
///
/// Of WaveDrom's letters these are used: `p` a clock, `0` and `1` a bit, `=` a word of `data`, `x`
/// a word of no worth, `.` what the cycle before has, `|` the same with cycles left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Signal {
    /// Its name.
    pub name: String,
    /// The letters.
    pub wave: String,
    /// What each `=` says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<String>,
}

/// A line of a diagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// A signal.
    Signal(Signal),
    /// Room between two groups.
    Space,
}

impl Serialize for Lane {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Empty {}
        match self {
            Lane::Signal(signal) => signal.serialize(serializer),
            Lane::Space => Empty {}.serialize(serializer),
        }
    }
}

/// What stands above a diagram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Head {
    /// The text.
    pub text: String,
}

/// How a diagram is scaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Scale {
    /// Width of a cycle, in units of WaveDrom's 40 pixels.
    pub hscale: u32,
}

/// A timing diagram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Diagram {
    /// The lines, from the top.
    pub signal: Vec<Lane>,
    /// What stands above.
    pub head: Head,
    /// The scale.
    pub config: Scale,
}
