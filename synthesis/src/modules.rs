//! The unit module by module.

use crate::{
    cells::{Cells, is_cell},
    result::{Area, Module, Modules},
};
use std::collections::BTreeMap;

/// The modules of a synthesis that kept them.
///
/// # Arguments
/// - `found`: the cells of each module; `top` is among them.
/// - `prefix`: what the name of every module starts with.
/// - `area`: what a module's own cells take.
pub(crate) fn modules(
    found: &BTreeMap<String, Cells>,
    top: &str,
    prefix: &str,
    area: impl Fn(&Cells) -> Area,
) -> Modules {
    let mut walk = Walk {
        found,
        prefix,
        area,
        modules: Vec::new(),
    };
    walk.visit(top);
    walk.count_instances(top, 1);
    let parts = walk.parts(top);
    Modules {
        modules: walk.modules,
        parts,
    }
}

struct Walk<'a, F> {
    found: &'a BTreeMap<String, Cells>,
    prefix: &'a str,
    area: F,
    modules: Vec<Module>,
}

impl<F: Fn(&Cells) -> Area> Walk<'_, F> {
    /// Adds a module and those below it, unless they are there, parents first.
    fn visit(&mut self, name: &str) -> usize {
        let short = self.short(name);
        if let Some(index) = self.modules.iter().position(|module| module.name == short) {
            return index;
        }
        let own = self
            .found
            .get(name)
            .map(|cells| (self.area)(cells))
            .unwrap_or_default();
        let index = self.modules.len();
        self.modules.push(Module {
            name: short,
            instances: 0,
            own: own.clone(),
            with_children: Area::default(),
        });
        let mut all = own;
        for (child, times) in self.children(name) {
            let child = self.visit(&child);
            let below = self.modules[child].with_children.clone();
            (0..times).for_each(|_| all += &below);
        }
        self.modules[index].with_children = all;
        index
    }

    fn count_instances(&mut self, name: &str, times: u64) {
        let short = self.short(name);
        if let Some(module) = self.modules.iter_mut().find(|module| module.name == short) {
            module.instances += times;
        }
        for (child, more) in self.children(name) {
            self.count_instances(&child, times * more);
        }
    }

    /// The modules in a module, and how many instances of each.
    fn children(&self, name: &str) -> Vec<(String, u64)> {
        let cells = self.found.get(name).map(|found| &found.cells);
        cells
            .into_iter()
            .flatten()
            .filter(|(kind, _)| !is_cell(kind) && self.found.contains_key(*kind))
            .map(|(kind, count)| (kind.clone(), *count))
            .collect()
    }

    fn parts(&self, top: &str) -> BTreeMap<String, Area> {
        let mut parts: BTreeMap<String, Area> = BTreeMap::new();
        let mut add = |part: &str, area: &Area, times: u64| {
            let sum = parts.entry(part.to_string()).or_default();
            (0..times).for_each(|_| *sum += area);
        };
        for (child, times) in self.children(top) {
            let short = self.short(&child);
            if let Some(module) = self.modules.iter().find(|module| module.name == short) {
                add(part_of(&short), &module.with_children, times);
            }
        }
        if let Some(unit) = self.modules.first() {
            add("glue", &unit.own, 1);
        }
        parts
    }

    fn short(&self, name: &str) -> String {
        let short = name.strip_prefix(self.prefix).unwrap_or(name);
        short.trim_start_matches('_').to_string()
    }
}

/// The part of the unit that a module directly below the top belongs to.
fn part_of(module: &str) -> &str {
    if module.ends_with("_accumulator") {
        "accumulation"
    } else if module.starts_with("stream_register") {
        "stream_register"
    } else {
        module
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cells, target::Family};

    fn found(modules: &[(&str, &[(&str, u64)])]) -> BTreeMap<String, Cells> {
        let cells = |cells: &[(&str, u64)]| Cells {
            cells: cells
                .iter()
                .map(|(name, count)| ((*name).to_string(), *count))
                .collect(),
            lone_carries: 0,
        };
        modules
            .iter()
            .map(|(name, inside)| ((*name).to_string(), cells(inside)))
            .collect()
    }

    #[test]
    fn children_are_counted_as_often_as_they_occur() {
        let found = found(&[
            (
                "n_unit",
                &[
                    ("LUT4", 1),
                    ("n_shift_accumulator", 1),
                    ("n_stream_register_a", 2),
                ],
            ),
            (
                "n_shift_accumulator",
                &[("LUT4", 10), ("n_lane", 3), ("$scopeinfo", 1)],
            ),
            ("n_lane", &[("TRELLIS_FF", 5), ("n_sum", 2)]),
            ("n_sum", &[("LUT4", 7)]),
            ("n_stream_register_a", &[("TRELLIS_FF", 4)]),
        ]);
        let area = |found: &Cells| cells::area(Family::Ecp5, found);
        let Modules { modules, parts } = modules(&found, "n_unit", "n", area);
        let figures: Vec<_> = modules
            .iter()
            .map(|m| (m.name.as_str(), m.instances, m.own.lut, m.with_children.lut))
            .collect();
        assert_eq!(
            figures,
            [
                ("unit", 1, 1, 53),
                ("shift_accumulator", 1, 10, 52),
                ("lane", 3, 0, 14),
                ("sum", 6, 7, 7),
                ("stream_register_a", 2, 0, 0),
            ]
        );
        let luts: Vec<_> = parts
            .iter()
            .map(|(name, a)| (name.as_str(), a.lut, a.ff))
            .collect();
        assert_eq!(
            luts,
            [
                ("accumulation", 52, 15),
                ("glue", 1, 0),
                ("stream_register", 0, 8)
            ]
        );
    }
}
