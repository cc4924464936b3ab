//! The area table.

use super::markdown::{Table, grouped};
use crate::PackagingError;
use logattn_estimate::{Calibration, Estimate, Options, Target, estimate_module};
use logattn_hdl::netlist::Module;

fn whole(count: f64) -> String {
    grouped(count.round().max(0.0) as u64)
}

/// What of the part is too small, or how full it is.
fn fit(estimate: &Estimate) -> String {
    let lacking: Vec<&str> = estimate.lacking().map(|fit| fit.resource).collect();
    if !lacking.is_empty() {
        return format!("no: too few {}", lacking.join(", "));
    }
    let share = |used: f64, available: u32| 100.0 * used / f64::from(available.max(1));
    let fits = estimate.fits.iter();
    let shares = fits.map(|fit| (share(fit.used, fit.available), fit.resource));
    let most = shares.max_by(|a, b| a.0.total_cmp(&b.0));
    most.map_or_else(
        || "a family, no part".into(),
        |(share, resource)| format!("yes: {resource} {share:.0} %"),
    )
}

fn error(estimate: &Estimate) -> String {
    let held_out = estimate.held_out.iter();
    let spreads = held_out.flat_map(|held_out| {
        [("lut", "LUT"), ("ff", "FF"), ("kilo_gates", "kGE")]
            .into_iter()
            .filter_map(|(key, name)| Some((name, held_out.errors.get(key)?)))
    });
    let texts: Vec<String> = spreads
        .map(|(name, spread)| {
            let (median, worst) = (100.0 * spread.median, 100.0 * spread.worst);
            format!("{name} {median:.1} / {worst:.1} %")
        })
        .collect();
    texts.join(", ")
}

/// Area on every target.
pub(super) fn area(core: &Module) -> Result<String, PackagingError> {
    let mut table = Table::new(&[
        "target",
        ">LUT",
        ">FF",
        ">carry cells",
        ">LUT as memory",
        ">block RAM",
        ">DSP",
        "fits",
        "error, median / worst",
    ]);
    let mut gates = String::new();
    let estimates = Target::ALL
        .into_iter()
        .map(|target| estimate_module(core, target, Options::default()))
        .collect::<Result<Vec<Estimate>, _>>()?;
    for estimate in &estimates {
        let (target, area) = (estimate.target, estimate.total);
        if target == Target::Asic {
            gates = format!(
                "As standard cells (OSU 0.18 um): {:.1} thousand two-input NANDs and {} bits of memory, which are not in them \
                 (error, median / worst: {}).\n",
                area.kilo_gates,
                whole(area.memory_bits),
                error(estimate)
            );
            continue;
        }
        let counts = [
            area.lut,
            area.ff,
            area.carry,
            area.lut_ram,
            area.block_ram,
            area.dsp,
        ];
        let cells = counts.into_iter().map(whole);
        let name = target.part().map_or(target.name(), |part| part.name);
        let all = [name.to_string()].into_iter().chain(cells);
        table.row(all.chain([fit(estimate), error(estimate)]));
    }
    let calibration = Calibration::built_in()?;
    Ok(format!(
        "**Estimated, not measured**: of the whole core, from the structure of its netlist with coefficients fitted to attention \
         units that were synthesized (pyosys {}, {}). It is the area of synthesis before placement, and says nothing of the \
         frequency. *Error* is that of such units which nothing was fitted on; with registers and guards it can be larger (the core of \
         `nano` on ECP5: about 16 % more LUTs estimated than by yosys 0.70, flip-flops within 1 %).\n\n{table}\n\
         LUT counts those that carry cells sit in. A block RAM has 4 Kibit on iCE40 and 18 Kibit elsewhere (one of 36 \
         Kibit counts as two); a DSP is 18 x 18 on ECP5, 9 x 9 on Gowin, a DSP48 on AMD; products for which a part has no DSP \
         are in LUTs. xcup: UltraScale+; xc7: 7 series. {gates}\n{}",
        calibration.pyosys,
        calibration.date,
        modules(&estimates)
    ))
}

/// Module by module, for the smallest part with room for the core.
fn modules(estimates: &[Estimate]) -> String {
    let mut estimates = estimates.iter();
    let Some(estimate) = estimates.find(|estimate| estimate.lacking().next().is_none()) else {
        return String::new();
    };
    let target = estimate.target;
    let name = target.part().map_or(target.name(), |part| part.name);
    let mut table = Table::new(&["module", ">instances", ">LUT", ">FF", ">block RAM", ">DSP"]);
    for module in &estimate.modules {
        let area = module.area;
        let counts = [area.lut + area.lut_ram, area.ff, area.block_ram, area.dsp];
        let first = [format!("`{}`", module.module), module.instances.to_string()];
        table.row(first.into_iter().chain(counts.into_iter().map(whole)));
    }
    format!(
        "Module by module on {name}, each without the modules in it, all its instances together:\n\n{table}"
    )
}
