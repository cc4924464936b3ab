//! What an area is estimated for.

use crate::{Error, Family};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// A part or a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Lattice iCE40 HX8K.
    Ice40Hx8k,
    /// Lattice ECP5, LFE5U-25F.
    #[serde(rename = "ecp5-25k")]
    Ecp525k,
    /// Lattice ECP5, LFE5U-85F.
    #[serde(rename = "ecp5-85k")]
    Ecp585k,
    /// Gowin GW1N-9.
    GowinGw1n9,
    /// AMD UltraScale+.
    Xcup,
    /// AMD 7 series.
    Xc7,
    /// Standard cells.
    Asic,
}

/// What a part has, in the units of [`crate::Area`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// Where the figures are from.
    pub source: &'static str,
    /// Look-up tables, those used as memory included.
    pub lut: u32,
    /// Flip-flops.
    pub ff: u32,
    /// Block RAMs.
    pub block_ram: u32,
    /// DSP blocks.
    pub dsp: u32,
}

const HX8K: Part = Part {
    name: "iCE40 HX8K",
    source: "what nextpnr-ice40 0.11.1 has to place on",
    lut: 7_680,
    ff: 7_680,
    block_ram: 32,
    dsp: 0,
};

const ECP5_25: Part = Part {
    name: "LFE5U-25F",
    source: "what nextpnr-ecp5 0.11.1 has to place on",
    lut: 24_288,
    ff: 24_288,
    block_ram: 56,
    dsp: 28,
};

const ECP5_85: Part = Part {
    name: "LFE5U-85F",
    lut: 83_640,
    ff: 83_640,
    block_ram: 208,
    dsp: 156,
    ..ECP5_25
};

const GW1N9: Part = Part {
    name: "GW1N-9",
    source: "what nextpnr-himbaechel-gowin 0.11.1 has to place on",
    lut: 8_640,
    ff: 6_480,
    block_ram: 26,
    dsp: 40,
};

impl Target {
    /// All targets.
    pub const ALL: [Target; 7] = [
        Target::Ice40Hx8k,
        Target::Ecp525k,
        Target::Ecp585k,
        Target::GowinGw1n9,
        Target::Xcup,
        Target::Xc7,
        Target::Asic,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Target::Ice40Hx8k => "ice40-hx8k",
            Target::Ecp525k => "ecp5-25k",
            Target::Ecp585k => "ecp5-85k",
            Target::GowinGw1n9 => "gowin-gw1n9",
            Target::Xcup => "xcup",
            Target::Xc7 => "xc7",
            Target::Asic => "asic",
        }
    }

    /// The family that it maps as.
    pub fn family(self) -> Family {
        match self {
            Target::Ice40Hx8k => Family::Ice40,
            Target::Ecp525k | Target::Ecp585k => Family::Ecp5,
            Target::GowinGw1n9 => Family::Gowin,
            Target::Xcup => Family::Xcup,
            Target::Xc7 => Family::Xc7,
            Target::Asic => Family::Asic,
        }
    }

    /// The part; none where the target is a whole family.
    pub fn part(self) -> Option<Part> {
        match self {
            Target::Ice40Hx8k => Some(HX8K),
            Target::Ecp525k => Some(ECP5_25),
            Target::Ecp585k => Some(ECP5_85),
            Target::GowinGw1n9 => Some(GW1N9),
            Target::Xcup | Target::Xc7 | Target::Asic => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Target {
    type Err = Error;

    /// # Errors
    /// [`Error::Target`], which lists all names.
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Target::ALL.into_iter().find(|target| target.name() == text);
        found.ok_or_else(|| Error::Target { given: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for target in Target::ALL {
            assert_eq!(target.name().parse::<Target>().expect("known"), target);
        }
        let error = "ice40"
            .parse::<Target>()
            .expect_err("no target")
            .to_string();
        assert!(
            error.contains("ice40-hx8k") && error.contains("\"ice40\""),
            "{error}"
        );
    }
}
