//! What a unit is synthesized for.

use crate::error::Error;
use std::{fmt, path::PathBuf, str::FromStr};

/// A device, a device family or a cell library.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Lattice iCE40 HX8K.
    Ice40Hx8k,
    /// Lattice ECP5 with 24,288 LUTs.
    Ecp525k,
    /// Lattice ECP5 with 83,640 LUTs.
    Ecp585k,
    /// Gowin GW1N-9.
    GowinGw1n9,
    /// Xilinx UltraScale+, counts only.
    UltraScalePlus,
    /// Xilinx 7 series, counts only.
    Xilinx7,
    /// Standard cells of a Liberty file; the default library without a path.
    Asic(Option<PathBuf>),
}

/// FPGAs whose cells have the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Ice40,
    Ecp5,
    Gowin,
    Xilinx,
}

/// A device that nextpnr places a unit on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The device's name.
    pub device: &'static str,
    /// Its package.
    pub package: &'static str,
    /// Its speed grade.
    pub speed: &'static str,
    /// The frequency asked of nextpnr, in MHz: over what a unit reaches, so that it tries.
    pub requested_mhz: u32,
    /// LUTs; a carry cell takes those that it sits in.
    pub lut: u64,
    /// Flip-flops.
    pub ff: u64,
    /// Block RAMs.
    pub block_ram: u64,
    /// DSPs, in the unit of [`crate::Area::dsp`].
    pub dsp: u64,
    /// nextpnr's command.
    pub(crate) nextpnr: &'static str,
    /// Its arguments.
    pub(crate) arguments: &'static [&'static str],
    /// Contents of the file [`PINS`], which arguments may name.
    pub(crate) pins: Option<&'static str>,
    /// Whether the netlist is prepared for placement: flip-flops into the registers of block RAMs and
    /// multipliers, copies of what many read.
    pub(crate) prepares: bool,
}

/// A part's constraints of pins, in the directory that nextpnr runs in.
pub(crate) const PINS: &str = "pins.cst";

const HX8K: Part = Part {
    device: "iCE40 HX8K",
    package: "CT256",
    speed: "HX",
    requested_mhz: 100,
    lut: 7_680,
    ff: 7_680,
    block_ram: 32,
    dsp: 0,
    nextpnr: "nextpnr-ice40",
    arguments: &["--hx8k", "--package", "ct256", "--pcf-allow-unconstrained"],
    pins: None,
    prepares: false,
};

const ECP5_25K: Part = Part {
    device: "LFE5U-25F",
    package: "CABGA381",
    speed: "6",
    requested_mhz: 200,
    lut: 24_288,
    ff: 24_288,
    block_ram: 56,
    dsp: 28,
    nextpnr: "nextpnr-ecp5",
    arguments: &[
        "--25k",
        "--package",
        "CABGA381",
        "--speed",
        "6",
        "--lpf-allow-unconstrained",
    ],
    pins: None,
    prepares: false,
};

const ECP5_85K: Part = Part {
    device: "LFE5U-85F",
    package: "CABGA756",
    speed: "6",
    requested_mhz: 200,
    lut: 83_640,
    ff: 83_640,
    block_ram: 208,
    dsp: 156,
    nextpnr: "nextpnr-ecp5",
    arguments: &[
        "--85k",
        "--package",
        "CABGA756",
        "--speed",
        "6",
        "--lpf-allow-unconstrained",
        // `base` takes a quarter of the time that it takes with nextpnr's default, and is no
        // slower (seed 1 with `pipeline_depth` 2: 68 against 63 MHz, the former with router2). On
        // ECP5-25 `edge_int8` lost by it: 61 against 67 MHz with seed 1.
        "--placer",
        "static",
    ],
    pins: None,
    // Pipelined units are for this part. On ECP5-25 few registers would move (126 of `edge`).
    prepares: true,
};

const GW1N9: Part = Part {
    device: "GW1NR-LV9QN88PC6/I5",
    package: "QN88P",
    speed: "C6/I5",
    requested_mhz: 100,
    lut: 8_640,
    ff: 6_480,
    block_ram: 26,
    dsp: 40,
    nextpnr: "nextpnr-himbaechel-gowin",
    arguments: &[
        "--device",
        "GW1NR-LV9QN88PC6/I5",
        "--vopt",
        "family=GW1N-9C",
        "--vopt",
        "cst=pins.cst",
    ],
    // Any four pins: nextpnr does not choose them itself.
    pins: Some(
        "IO_LOC \"clk\" 52;\nIO_LOC \"scan_in\" 3;\nIO_LOC \"load\" 4;\nIO_LOC \"scan_out\" 10;\n",
    ),
    prepares: false,
};

impl Target {
    /// How targets are written.
    pub const NAMES: [&'static str; 7] = [
        "ice40-hx8k",
        "ecp5-25k",
        "ecp5-85k",
        "gowin-gw1n9",
        "xcup",
        "xc7",
        "asic[:LIBERTY]",
    ];

    /// The device to place on; none for targets of counts only and for standard cells.
    pub fn part(&self) -> Option<&'static Part> {
        match self {
            Target::Ice40Hx8k => Some(&HX8K),
            Target::Ecp525k => Some(&ECP5_25K),
            Target::Ecp585k => Some(&ECP5_85K),
            Target::GowinGw1n9 => Some(&GW1N9),
            Target::UltraScalePlus | Target::Xilinx7 | Target::Asic(_) => None,
        }
    }

    /// Whether the target is a library of standard cells.
    pub fn is_asic(&self) -> bool {
        matches!(self, Target::Asic(_))
    }

    /// One block RAM of [`crate::Area::block_ram`].
    pub fn block_ram_unit(&self) -> &'static str {
        match self.family() {
            Some(Family::Ice40) => "4 Kbit",
            Some(Family::Ecp5 | Family::Gowin) => "18 Kbit",
            Some(Family::Xilinx) => "18 Kbit; one of 36 Kbit counts as 2",
            None => "none: memories are counted in bits",
        }
    }

    /// One DSP of [`crate::Area::dsp`].
    pub fn dsp_unit(&self) -> &'static str {
        match self.family() {
            Some(Family::Ecp5) => "18 x 18 multiplier",
            Some(Family::Gowin) => "9 x 9 multiplier; one of 18 x 18 counts as 2",
            Some(Family::Xilinx) => "DSP48",
            Some(Family::Ice40) | None => "none",
        }
    }

    pub(crate) fn family(&self) -> Option<Family> {
        match self {
            Target::Ice40Hx8k => Some(Family::Ice40),
            Target::Ecp525k | Target::Ecp585k => Some(Family::Ecp5),
            Target::GowinGw1n9 => Some(Family::Gowin),
            Target::UltraScalePlus | Target::Xilinx7 => Some(Family::Xilinx),
            Target::Asic(_) => None,
        }
    }

    /// The target's name as part of a file name.
    pub(crate) fn short_name(&self) -> &'static str {
        match self {
            Target::Ice40Hx8k => "ice40-hx8k",
            Target::Ecp525k => "ecp5-25k",
            Target::Ecp585k => "ecp5-85k",
            Target::GowinGw1n9 => "gowin-gw1n9",
            Target::UltraScalePlus => "xcup",
            Target::Xilinx7 => "xc7",
            Target::Asic(_) => "asic",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short_name())?;
        match self {
            Target::Asic(Some(path)) => write!(f, ":{}", path.display()),
            _ => Ok(()),
        }
    }
}

impl FromStr for Target {
    type Err = Error;

    /// # Errors
    /// [`Error::UnknownTarget`], which lists the known ones.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "ice40-hx8k" => Target::Ice40Hx8k,
            "ecp5-25k" => Target::Ecp525k,
            "ecp5-85k" => Target::Ecp585k,
            "gowin-gw1n9" => Target::GowinGw1n9,
            "xcup" => Target::UltraScalePlus,
            "xc7" => Target::Xilinx7,
            "asic" => Target::Asic(None),
            other => match other.strip_prefix("asic:") {
                Some(path) if !path.is_empty() => Target::Asic(Some(path.into())),
                _ => {
                    return Err(Error::UnknownTarget {
                        given: text.to_string(),
                    });
                }
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in Target::NAMES {
            let name = name.replace("[:LIBERTY]", ":my.lib");
            assert_eq!(name.parse::<Target>().unwrap().to_string(), name);
        }
        assert_eq!("asic".parse::<Target>().unwrap(), Target::Asic(None));
    }

    #[test]
    fn other_names_are_refused_with_a_list() {
        for name in ["", "ecp5", "asic:", "ice40-hx8k "] {
            let error = name.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains("gowin-gw1n9"), "{error}");
        }
    }
}
