//! How a unit is synthesized.

use crate::{cache::default_cache_directory, error::Error, target::Target};
use std::path::PathBuf;

/// Most seeds of one run.
pub const MAX_SEEDS: u32 = 99;

/// How many multipliers may become DSPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dsps {
    /// As many as the part has; without a part, all.
    All,
    /// None: all multipliers are made of LUTs.
    None,
    /// The largest ones, as long as they take at most so many DSPs.
    AtMost(u64),
}

/// What to synthesize for, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Device, family or cell library.
    pub target: Target,
    /// Runs of place and route, with seeds 1, 2, ...; 0 to [`MAX_SEEDS`]. Without any there is no
    /// frequency, and a unit may be larger than the part. Without effect where nothing is placed.
    pub seeds: u32,
    /// Multipliers in DSPs.
    pub dsps: Dsps,
    /// Whether each module is counted, in a second synthesis that keeps the hierarchy.
    pub modules: bool,
    /// Whether every step runs again, whatever is in the cache.
    pub fresh: bool,
    /// Directory of logs and finished steps.
    pub cache: PathBuf,
}

impl Options {
    /// Five seeds, all DSPs of the part, modules counted, the default cache in use.
    pub fn new(target: Target) -> Self {
        Options {
            target,
            seeds: 5,
            dsps: Dsps::All,
            modules: true,
            fresh: false,
            cache: default_cache_directory(),
        }
    }

    /// # Errors
    /// [`Error::Option`] for a number out of its range and for DSPs of a target without any.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.seeds > MAX_SEEDS {
            return Err(Error::Option {
                name: "--seeds",
                value: self.seeds.to_string(),
                legal: format!("0 to {MAX_SEEDS}"),
            });
        }
        if self.target.is_asic() && self.dsps != Dsps::All {
            return Err(Error::Option {
                name: self.dsp_option_name(),
                value: self.dsp_value(),
                legal: "not with --target asic: standard cells have no DSPs".into(),
            });
        }
        match (self.dsps, self.target.part()) {
            (Dsps::AtMost(most), Some(part)) if most > part.dsp => Err(Error::Option {
                name: "--dsps",
                value: most.to_string(),
                legal: format!("0 to {}, the DSPs of {}", part.dsp, part.device),
            }),
            _ => Ok(()),
        }
    }

    fn dsp_option_name(&self) -> &'static str {
        match self.dsps {
            Dsps::AtMost(_) => "--dsps",
            Dsps::All | Dsps::None => "--no-dsp",
        }
    }

    fn dsp_value(&self) -> String {
        match self.dsps {
            Dsps::AtMost(most) => most.to_string(),
            Dsps::All | Dsps::None => "given".into(),
        }
    }

    /// Most DSPs that may be taken; none where there is no limit.
    pub(crate) fn dsp_limit(&self) -> Option<u64> {
        match self.dsps {
            Dsps::All => self.target.part().map(|part| part.dsp),
            Dsps::None => Some(0),
            Dsps::AtMost(most) => Some(most),
        }
    }

    /// The command that does the same.
    pub(crate) fn command_line(&self, configuration: &str) -> String {
        let mut line = format!(
            "logattn synth --config {configuration} --target {}",
            self.target
        );
        if self.target.part().is_some() {
            line += &format!(" --seeds {}", self.seeds);
        }
        match self.dsps {
            Dsps::All => {}
            Dsps::None => line += " --no-dsp",
            Dsps::AtMost(most) => line += &format!(" --dsps {most}"),
        }
        if !self.modules {
            line += " --no-modules";
        }
        line
    }
}

/// What a synthesis is about to do, or has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Yosys maps the whole unit.
    Unit,
    /// Yosys maps every module on its own.
    Modules,
    /// nextpnr places and routes with this seed.
    Seed(u32),
    /// OpenSTA looks for the longest path.
    Timing,
}
