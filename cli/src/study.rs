//! Options that all commands share which study whole models.

use crate::error::Error;
use crate::progress;
use clap::{Args, ValueEnum};
use logattn_golden::Configuration;
use logattn_sim::energy::{EnergyTable, NAMES};
use logattn_sim::memory::DramOptions;
use logattn_studies::{Phase, Source, Study, StudyOptions, study};
use std::fs;
use std::ops::Range;
use std::path::Path;

/// What is assumed of the model's run, the memory and the energy of operations.
#[derive(Args)]
pub struct StudyArguments {
    /// Every query of the text at once, or one at a time over growing keys (causal captures)
    #[arg(long, value_enum, default_value_t = PhaseArgument::Prefill)]
    phase: PhaseArgument,
    /// First row to decode, counted from 0
    #[arg(long, value_name = "ROW", default_value_t = 0)]
    decode_from: usize,
    /// Layers to study, counted in the file from 0; default: all
    #[arg(long, value_name = "FIRST..END", value_parser = layers)]
    layers: Option<Range<usize>>,
    /// Bytes of an external memory's burst, of which no part can be left out
    #[arg(long, value_name = "BYTES", default_value_t = DramOptions::default().burst_bytes)]
    burst_bytes: u32,
    /// Bytes of an external memory's page: what one row activation opens
    #[arg(long, value_name = "BYTES", default_value_t = DramOptions::default().page_bytes)]
    page_bytes: u32,
    /// Banks of the external memory, each with a page open
    #[arg(long, value_name = "N", default_value_t = DramOptions::default().banks)]
    banks: u32,
    /// Bytes that the external memory moves in a clock cycle of the unit
    #[arg(long, value_name = "BYTES", default_value_t = DramOptions::default().bytes_per_cycle)]
    bytes_per_cycle: f64,
    /// Energy of operations: a name (aladdin_40nm, horowitz_45nm) or a TOML file; may be given
    /// more than once; default: both
    #[arg(long, value_name = "NAME|FILE")]
    energy: Vec<String>,
}

/// [`Phase`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PhaseArgument {
    Prefill,
    Decode,
}

impl StudyArguments {
    /// The options.
    ///
    /// # Errors
    /// A number out of range, an energy table that cannot be read or is not legal.
    pub fn options(&self) -> Result<StudyOptions, Error> {
        let tables = match self.energy.is_empty() {
            true => StudyOptions::new()?.energy,
            false => self
                .energy
                .iter()
                .map(|given| energy_table(given))
                .collect::<Result<_, Error>>()?,
        };
        let dram = DramOptions {
            burst_bytes: self.burst_bytes,
            page_bytes: self.page_bytes,
            banks: self.banks,
            bytes_per_cycle: self.bytes_per_cycle,
        };
        dram.validate().map_err(logattn_studies::Error::from)?;
        Ok(StudyOptions {
            phase: match self.phase {
                PhaseArgument::Prefill => Phase::Prefill,
                PhaseArgument::Decode => Phase::Decode,
            },
            decode_from: self.decode_from,
            layers: self.layers.clone(),
            dram,
            energy: tables,
        })
    }
}

/// Studies `configuration` on `source` with a progress bar.
///
/// # Errors
/// As [`study`].
pub fn run(
    configuration: &Configuration,
    source: &Source,
    options: &StudyOptions,
) -> Result<Study, Error> {
    let bar = progress::bar(0, "heads");
    let result = study(configuration, source, options, &|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    Ok(result?)
}

/// The embedded table of this name, or one from a file.
///
/// # Errors
/// The file cannot be read or is no legal table.
pub fn energy_table(given: &str) -> Result<EnergyTable, Error> {
    let table = match NAMES.contains(&given) {
        true => EnergyTable::named(given),
        false => {
            let text = fs::read_to_string(given).map_err(Error::read(Path::new(given)))?;
            EnergyTable::from_toml(&text, given)
        }
    };
    Ok(table.map_err(logattn_studies::Error::from)?)
}

/// Parses `FIRST..END`.
fn layers(text: &str) -> Result<Range<usize>, String> {
    let parsed = text
        .split_once("..")
        .and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    parsed.ok_or_else(|| "legal: FIRST..END, for example 0..6".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_layers() {
        assert_eq!(layers("0..6"), Ok(0..6));
        for wrong in ["", "3", "a..b", "1..", "-1..2"] {
            assert!(layers(wrong).is_err(), "{wrong}");
        }
    }
}
