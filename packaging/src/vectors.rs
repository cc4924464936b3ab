//! Golden vectors: whole heads with the register settings they go with, as text files that a bench
//! in any language reads.

mod heads;
mod manifest;

use crate::{Contents, PackagedFile, PackagingError};
use heads::Play;
use logattn_golden::{Configuration, Input};
use logattn_hdl::attention_core::{Lock, RegisterMap};
use logattn_sim::{Counters, Ports, simulate};
use logattn_testbenches::stimulus::{Beats, Stimulus};

/// The seed of all heads: the same folder every time.
const SEED: u64 = 7;

/// A register to be written before a setting's heads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterWrite {
    /// Name of the register.
    pub name: String,
    /// Byte offset of the register.
    pub offset: u32,
    /// What is written.
    pub value: u32,
}

/// Heads that are played back to back with the same registers.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Name, of letters.
    pub name: &'static str,
    /// What it is for, a phrase.
    pub doc: &'static str,
    /// How many heads.
    pub heads: usize,
    /// Every register that decides the result.
    pub writes: Vec<RegisterWrite>,
    /// All beats, and what comes of them.
    pub stimulus: Stimulus,
    /// What the heads add to the counters. Cycles and stalls depend on the bench.
    pub counters: Counters,
}

/// One stream of a core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Its ports are `{name}_tdata` and so on.
    pub name: &'static str,
    /// Bits of `tdata`, whole bytes.
    pub bits: usize,
    /// Whether the core drives it.
    pub output: bool,
}

/// The streams of the core of `contents`, inputs first.
pub fn streams(contents: &Contents) -> Vec<Stream> {
    let rows: &[&str] = match contents.configuration.input {
        Input::Probabilities | Input::Scores => &["s_axis_value", "s_axis_attn"],
        Input::Qkv => &["s_axis_value", "s_axis_key", "s_axis_query"],
    };
    let names = rows.iter().copied().chain(["m_axis_out"]);
    let bits = |name| {
        let data = format!("{name}_tdata");
        let ports = &contents.export.ports;
        let port = ports.iter().find(|port| port.0 == data);
        port.map_or(0, |port| port.1 as usize)
    };
    let stream = |name| Stream {
        name,
        bits: bits(name),
        output: name == "m_axis_out",
    };
    names.map(stream).collect()
}

/// The settings of a configuration's vectors.
///
/// # Errors
/// The configuration is not valid.
pub fn settings(c: &Configuration) -> Result<Vec<Setting>, PackagingError> {
    let plays = heads::plays(c, SEED);
    plays.into_iter().map(setting).collect()
}

fn setting(play: Play) -> Result<Setting, PackagingError> {
    let c = &play.configuration;
    let stimulus = Stimulus::new(c, &play.heads)?;
    let counters = simulate(c, &stimulus.workload, &Ports::free())?.counters;
    Ok(Setting {
        name: play.name,
        doc: play.doc,
        heads: play.heads.len(),
        writes: writes(&play)?,
        counters,
        stimulus,
    })
}

/// Values for all registers that are locked while heads are under way: those decide the result.
fn writes(play: &Play) -> Result<Vec<RegisterWrite>, PackagingError> {
    let map = RegisterMap::new(&play.configuration)?;
    let locked = map.registers.iter().filter(|r| r.lock != Lock::Free);
    let write = locked.map(|register| RegisterWrite {
        name: register.name.clone(),
        offset: register.offset,
        value: match register.name.as_str() {
            "HEAD_KEYS" => play.keys as u32,
            "HEAD_BLOCKS" => play.blocks as u32,
            "ROW_LENGTH" => play.row_length as u32,
            "MASK" => u32::from(play.causal),
            "SCORE_SHIFT" => play.score_shift,
            // Thresholds and weights: their reset values are those of the configuration.
            _ => register.reset(),
        },
    });
    Ok(write.collect())
}

impl Setting {
    /// The beats of a stream.
    pub fn beats(&self, stream: &Stream) -> &Beats {
        match stream.name {
            "s_axis_value" => &self.stimulus.value,
            "s_axis_key" => &self.stimulus.key,
            "m_axis_out" => &self.stimulus.out,
            _ => &self.stimulus.attn,
        }
    }

    /// Name of the file of a stream, in the folder of the vectors.
    fn file(&self, stream: &Stream) -> String {
        format!("{}_{}.hex", self.name, stream.name)
    }
}

/// The files of `vectors/`.
///
/// # Errors
/// The configuration is not valid.
pub fn vectors(contents: &Contents) -> Result<Vec<PackagedFile>, PackagingError> {
    let settings = settings(&contents.configuration)?;
    let streams = streams(contents);
    let mut files = vec![
        PackagedFile::new(
            "vectors/README.md",
            include_str!("../templates/vectors/README.md"),
        ),
        PackagedFile::new(
            "vectors/manifest.json",
            manifest::manifest(contents, &streams, &settings)?,
        ),
    ];
    for setting in &settings {
        for stream in &streams {
            let path = format!("vectors/{}", setting.file(stream));
            files.push(PackagedFile::new(path, hex(setting.beats(stream), stream)));
        }
    }
    Ok(files)
}

/// A line a beat: a digit that is 1 with TLAST, then the data, the highest digit first.
fn hex(beats: &Beats, stream: &Stream) -> String {
    let line = |beat: usize| {
        let words = beats.words(beat).iter().rev();
        let digits: String = words.map(|word| format!("{word:08x}")).collect();
        // The bits above the stream's in the highest word are 0.
        let data = &digits[digits.len() - stream.bits / 4..];
        format!("{}{data}\n", u8::from(beats.last[beat]))
    };
    (0..beats.len()).map(line).collect()
}

#[cfg(test)]
mod tests;
