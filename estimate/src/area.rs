//! From features to area.

use crate::{Calibration, Error, Family, Features, HeldOut, Target};
use logattn_golden::Configuration;
use logattn_hdl::netlist::{Module, parts};
use logattn_hdl::unit::attention_unit;
use serde::Serialize;
use std::ops::AddAssign;

/// Options of an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Products take DSP blocks, as many as the part has; the others take look-up tables.
    pub dsp: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { dsp: true }
    }
}

/// What a module or a unit takes, before placement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Area {
    /// Look-up tables for logic, with those that carry cells sit in.
    pub lut: f64,
    /// Flip-flops.
    pub ff: f64,
    /// Carry cells: of 1 bit (iCE40, Gowin), 2 (ECP5) or 4 (AMD).
    pub carry: f64,
    /// Look-up tables used as memory.
    pub lut_ram: f64,
    /// Block RAMs: of 4 Kibit (iCE40) or 18 Kibit; one of 36 Kibit counts as 2.
    pub block_ram: f64,
    /// DSPs: of 18 x 18 bits (ECP5), 9 x 9 (Gowin), DSP48 (AMD).
    pub dsp: f64,
    /// Standard cells without memories, in thousands of two-input NAND gates.
    pub kilo_gates: f64,
    /// Bits of memories that are not in `kilo_gates`.
    pub memory_bits: f64,
}

impl Area {
    fn fields(&mut self) -> [&mut f64; 8] {
        [
            &mut self.lut,
            &mut self.ff,
            &mut self.carry,
            &mut self.lut_ram,
            &mut self.block_ram,
            &mut self.dsp,
            &mut self.kilo_gates,
            &mut self.memory_bits,
        ]
    }

    fn of(features: &Features, family: Family, calibration: &Calibration) -> Area {
        let count = |name| calibration.count(family, name, features);
        Area {
            lut: count("lut"),
            ff: count("ff"),
            carry: count("carry"),
            lut_ram: features.memory_tables,
            block_ram: features.blocks,
            dsp: features.dsps,
            kilo_gates: count("kilo_gates"),
            memory_bits: features.memory_bits,
        }
    }

    fn scaled(mut self, factor: f64) -> Area {
        self.fields().into_iter().for_each(|field| *field *= factor);
        self
    }
}

impl AddAssign for Area {
    fn add_assign(&mut self, mut other: Area) {
        let added = other.fields();
        self.fields()
            .into_iter()
            .zip(added)
            .for_each(|(to, from)| *to += *from);
    }
}

/// All instances of one module, without the modules in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModuleArea {
    /// The module's name.
    pub module: String,
    /// How often it is in the unit.
    pub instances: u64,
    /// What all of them take together.
    pub area: Area,
}

/// A resource of a part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// Its name.
    pub resource: &'static str,
    /// What the unit takes.
    pub used: f64,
    /// What the part has.
    pub available: u32,
}

/// The estimated area of a unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// For what.
    pub target: Target,
    /// Every module once, the unit itself first.
    pub modules: Vec<ModuleArea>,
    /// All of them.
    pub total: Area,
    /// What the part has; empty where the target is a whole family.
    pub fits: Vec<Fit>,
    /// How far such estimates were off.
    pub held_out: Option<HeldOut>,
}

impl Estimate {
    /// The resources of which the part has too little.
    pub fn lacking(&self) -> impl Iterator<Item = &Fit> {
        self.fits
            .iter()
            .filter(|fit| fit.used.round() > f64::from(fit.available))
    }
}

/// Features of each module: its name, how often it is in the unit, and those of one instance. A
/// module of which more is known in one place than in another is there more than once.
///
/// # Errors
/// An invalid configuration.
pub fn features(
    configuration: &Configuration,
    family: Family,
    dsp: bool,
) -> Result<Vec<(String, u64, Features)>, Error> {
    configuration.validate()?;
    Ok(features_of(&attention_unit(configuration)?, family, dsp))
}

fn features_of(top: &Module, family: Family, dsp: bool) -> Vec<(String, u64, Features)> {
    let parts = parts(top, &family.style(dsp));
    let features = Features::of(&parts, family);
    let named = parts.into_iter().zip(features);
    named
        .map(|(part, features)| (part.module, part.count, features))
        .collect()
}

fn modules(top: &Module, family: Family, dsp: bool, calibration: &Calibration) -> Vec<ModuleArea> {
    let mut modules: Vec<ModuleArea> = Vec::new();
    for (module, instances, features) in features_of(top, family, dsp) {
        let area = Area::of(&features, family, calibration).scaled(instances as f64);
        match modules.iter_mut().find(|known| known.module == module) {
            Some(known) => {
                known.instances += instances;
                known.area += area;
            }
            None => modules.push(ModuleArea {
                module,
                instances,
                area,
            }),
        }
    }
    modules
}

fn total(modules: &[ModuleArea]) -> Area {
    let mut total = Area::default();
    modules.iter().for_each(|module| total += module.area);
    total
}

/// `hard` where there are DSPs for a share of the products, `soft` for the rest.
fn mixed(hard: &mut [ModuleArea], soft: &[ModuleArea], share: f64) {
    for module in hard {
        if let Some(other) = soft.iter().find(|other| other.module == module.module) {
            module.area = module.area.scaled(share);
            module.area += other.area.scaled(1.0 - share);
        }
    }
}

/// Estimates the area of the unit of `configuration`.
///
/// # Errors
/// An invalid configuration.
pub fn estimate(
    configuration: &Configuration,
    target: Target,
    options: Options,
) -> Result<Estimate, Error> {
    configuration.validate()?;
    estimate_module(&attention_unit(configuration)?, target, options)
}

/// Estimates the area of any module with all that is in it, for example a core: a unit with its
/// registers.
///
/// # Errors
/// The built-in calibration is damaged: a defect of this build.
pub fn estimate_module(top: &Module, target: Target, options: Options) -> Result<Estimate, Error> {
    let calibration = Calibration::built_in()?;
    let (family, part) = (target.family(), target.part());
    let mut found = modules(top, family, options.dsp, &calibration);
    let needed = total(&found).dsp;
    let most = part.map_or(needed, |part| f64::from(part.dsp));
    if needed > most {
        let soft = modules(top, family, false, &calibration);
        mixed(&mut found, &soft, most / needed);
    }
    let total = total(&found);
    let fits = part.map_or_else(Vec::new, |part| {
        let fit = |resource, used, available| Fit {
            resource,
            used,
            available,
        };
        vec![
            fit("LUT", total.lut + total.lut_ram, part.lut),
            fit("FF", total.ff, part.ff),
            fit("block RAM", total.block_ram, part.block_ram),
            fit("DSP", total.dsp, part.dsp),
        ]
    });
    Ok(Estimate {
        target,
        modules: found,
        total,
        fits,
        held_out: calibration.held_out(family).cloned(),
    })
}
