//! From a configuration to its figures.

use crate::{
    asic,
    cache::{Folder, digest},
    cells,
    error::{Error, io_error},
    fpga,
    harness::{Harness, harness},
    job::{Job, SCRIPT, synthesis},
    liberty::Liberty,
    modules,
    options::{Options, Stage},
    result::{Modules, Synthesis},
    target::Family,
    tools::Tools,
};
use logattn_golden::Configuration;
use logattn_hdl::unit::{Export, attention_unit, export};
use serde::de::DeserializeOwned;
use std::{fs, path::Path};

/// Is told when a stage starts (`false`) and when it is done (`true`), from several threads. What
/// is in the cache is not told.
pub(crate) type Progress<'a> = &'a (dyn Fn(Stage, bool) + Sync);

/// A configuration on its way through the tools.
pub(crate) struct Design<'a> {
    pub(crate) configuration: &'a Configuration,
    pub(crate) options: &'a Options,
    pub(crate) export: Export,
    pub(crate) harness: Harness,
    pub(crate) tools: &'a Tools,
    pub(crate) folder: Folder,
    progress: Progress<'a>,
}

/// How a synthesis ends in cells.
enum Cells {
    Fpga(Family),
    Standard(Box<Liberty>),
}

/// Synthesizes a configuration's unit, and places it where the target has a device.
///
/// # Errors
/// A configuration or option that is not legal, a tool that is missing or fails, a unit that does
/// not fit, a Liberty file that is not enough: see [`Error`].
pub fn synthesize(configuration: &Configuration, options: &Options) -> Result<Synthesis, Error> {
    synthesize_with(configuration, options, &|_, _| {})
}

/// As [`synthesize`], and says how far it is.
///
/// # Arguments
/// - `progress`: called with each stage that is not in the cache when it starts (`false`) and when
///   it is done (`true`), from several threads.
///
/// # Errors
/// As [`synthesize`].
pub fn synthesize_with(
    configuration: &Configuration,
    options: &Options,
    progress: &(dyn Fn(Stage, bool) + Sync),
) -> Result<Synthesis, Error> {
    options.check()?;
    let export = export(configuration)?;
    let cells = match (options.target.family(), &options.target) {
        (Some(family), _) => Cells::Fpga(family),
        (None, crate::Target::Asic(path)) => {
            Cells::Standard(Box::new(Liberty::read(path.as_deref())?))
        }
        // Only standard cells have no family.
        (None, _) => Cells::Standard(Box::new(Liberty::read(None)?)),
    };
    let tools = Tools::find(&options.target, options.seeds > 0)?;
    let unit = attention_unit(configuration)?;
    let harness = harness(&export.top, unit.ports());
    let folder = folder(configuration, options, &export, &harness, &tools, &cells)?;
    let design = Design {
        configuration,
        options,
        export,
        harness,
        tools: &tools,
        folder,
        progress,
    };
    design.keep_sources()?;
    if let Cells::Standard(liberty) = &cells {
        asic::keep_library(&design, liberty)?;
    }
    design.synthesize(&cells)
}

/// The directory of all that depends on the same.
fn folder(
    configuration: &Configuration,
    options: &Options,
    export: &Export,
    harness: &Harness,
    tools: &Tools,
    cells: &Cells,
) -> Result<Folder, Error> {
    let target = options.target.short_name();
    let versions = &tools.versions;
    let how = match cells {
        Cells::Fpga(family) => synthesis(*family, &options.target, &export.top, options, true),
        Cells::Standard(liberty) => format!("{} {}", asic::COMMAND, liberty.used.sha256),
    };
    let limit = format!("{:?}", options.dsp_limit());
    let mut parts = vec![
        SCRIPT,
        &how,
        &limit,
        target,
        &versions.pyosys,
        &harness.chain,
    ];
    for file in &export.files {
        parts.extend([file.name.as_str(), file.text.as_str()]);
    }
    let name = format!("{}-{target}-{}", configuration.name, digest(&parts));
    Folder::new(&options.cache, &name, options.fresh)
}

impl Design<'_> {
    /// Runs `work`, told as this stage.
    pub(crate) fn during<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        (self.progress)(stage, false);
        let result = work();
        (self.progress)(stage, true);
        result
    }

    /// A job that has read the unit's Verilog.
    pub(crate) fn read(&self) -> Job {
        let files: Vec<String> = self
            .export
            .files
            .iter()
            .map(|file| format!("../rtl/{}", file.name))
            .collect();
        Job::read(files.iter().map(String::as_str))
    }

    fn keep_sources(&self) -> Result<(), Error> {
        let toml = self.configuration.to_toml()?;
        self.folder.step("rtl", |directory| {
            let write = |name: &str, text: &str| {
                let path = directory.join(name);
                fs::write(&path, text).map_err(io_error(path))
            };
            write("configuration.toml", &toml)?;
            self.export
                .files
                .iter()
                .try_for_each(|file| write(&file.name, &file.text))
        })?;
        Ok(())
    }

    fn synthesize(&self, cells: &Cells) -> Result<Synthesis, Error> {
        let mut synthesis = self.blank(cells)?;
        let whole = || match cells {
            Cells::Fpga(family) => fpga::synthesize(self, *family, &mut synthesis),
            Cells::Standard(liberty) => asic::synthesize(self, liberty, &mut synthesis),
        };
        let (whole, modules) = rayon::join(whole, || {
            let wanted = self.options.modules;
            wanted.then(|| self.modules(cells)).transpose()
        });
        whole?;
        synthesis.modules = modules?;
        synthesis.notes = match cells {
            Cells::Fpga(_) => fpga::notes(self.options, &synthesis),
            Cells::Standard(liberty) => asic::notes(liberty),
        };
        Ok(synthesis)
    }

    fn modules(&self, cells: &Cells) -> Result<Modules, Error> {
        let directory = self.folder.step("modules", |directory| {
            self.during(Stage::Modules, || match cells {
                Cells::Fpga(family) => fpga::modules(self, *family, directory),
                Cells::Standard(liberty) => asic::gates(self, liberty, directory, false),
            })
        })?;
        let found: fpga::Modules = read_json(&directory.join(fpga::CELLS))?;
        let (top, prefix) = (&self.export.top, &self.configuration.name);
        Ok(modules::modules(
            &found,
            top,
            prefix,
            |module| match cells {
                Cells::Fpga(family) => cells::area(*family, module),
                Cells::Standard(liberty) => asic::area(liberty, module),
            },
        ))
    }

    /// A result with all that is known before anything ran.
    fn blank(&self, cells: &Cells) -> Result<Synthesis, Error> {
        let target = &self.options.target;
        let part = target.part();
        let text = |text: &str| text.to_string();
        Ok(Synthesis {
            configuration: self.configuration.name.clone(),
            configuration_sha256: self.configuration.sha256()?,
            target: target.to_string(),
            device: part.map(|part| text(part.device)),
            package: part.map(|part| text(part.package)),
            speed_grade: part.map(|part| text(part.speed)),
            command: self.options.command_line(&self.configuration.name),
            synthesis: match cells {
                Cells::Fpga(family) => {
                    synthesis(*family, target, &self.export.top, self.options, true)
                }
                Cells::Standard(_) => asic::COMMAND.into(),
            },
            dsp_limit: self.options.dsp_limit(),
            versions: self.tools.versions.clone(),
            block_ram_unit: text(target.block_ram_unit()),
            dsp_unit: text(target.dsp_unit()),
            area: Default::default(),
            memories: Vec::new(),
            modules: None,
            fit: Vec::new(),
            placement: None,
            static_timing: None,
            liberty: match cells {
                Cells::Fpga(_) => None,
                Cells::Standard(liberty) => Some(liberty.used.clone()),
            },
            notes: Vec::new(),
            folder: self.folder.path().to_path_buf(),
        })
    }
}

/// Reads what the yosys script wrote.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = fs::read(path).map_err(io_error(path))?;
    serde_json::from_slice(&text).map_err(|error| Error::Report {
        path: path.into(),
        reason: error.to_string(),
    })
}
