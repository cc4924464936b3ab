//! Energies of single operations.

use super::EnergyError;
use serde::{Deserialize, Serialize};

/// Names of the embedded tables.
pub const NAMES: [&str; 2] = ["aladdin_40nm", "horowitz_45nm"];

const EMBEDDED: [&str; 2] = [
    include_str!("../../data/energy/aladdin_40nm.toml"),
    include_str!("../../data/energy/horowitz_45nm.toml"),
];

/// What is done once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Two numbers are compared.
    Compare,
    /// A number is shifted by a number of places that is not fixed.
    Shift,
    /// Two numbers are added or subtracted.
    Add,
    /// Two numbers are multiplied.
    Multiply,
    /// A register is loaded.
    Register,
    /// A word is read from memory on chip.
    SramRead,
    /// A word is written to memory on chip.
    SramWrite,
    /// Bits are moved from or to external memory: the low end of what that costs.
    DramLow,
    /// The same, the high end.
    DramHigh,
}

impl OperationKind {
    /// All of them; a table has entries for each.
    pub const ALL: [OperationKind; 9] = [
        OperationKind::Compare,
        OperationKind::Shift,
        OperationKind::Add,
        OperationKind::Multiply,
        OperationKind::Register,
        OperationKind::SramRead,
        OperationKind::SramWrite,
        OperationKind::DramLow,
        OperationKind::DramHigh,
    ];

    /// The name as it stands in tables.
    pub fn name(self) -> &'static str {
        match self {
            OperationKind::Compare => "compare",
            OperationKind::Shift => "shift",
            OperationKind::Add => "add",
            OperationKind::Multiply => "multiply",
            OperationKind::Register => "register",
            OperationKind::SramRead => "sram_read",
            OperationKind::SramWrite => "sram_write",
            OperationKind::DramLow => "dram_low",
            OperationKind::DramHigh => "dram_high",
        }
    }

    pub(super) fn names() -> String {
        Self::ALL.map(OperationKind::name).join(", ")
    }

    /// Memory on chip, whose energy depends on its capacity.
    fn has_capacity(self) -> bool {
        matches!(self, OperationKind::SramRead | OperationKind::SramWrite)
    }
}

/// How an energy grows with the width of the operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// With the bits.
    Linear,
    /// With the product of the two operands' bits.
    Quadratic,
    /// Not at all.
    None,
}

impl Scaling {
    fn exponent(self) -> f64 {
        match self {
            Scaling::Linear => 1.0,
            Scaling::Quadratic => 2.0,
            Scaling::None => 0.0,
        }
    }
}

/// One energy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyEntry {
    /// What is done.
    pub operation: OperationKind,
    /// Energy of doing it once, in picojoules: at least 0, finite.
    pub picojoules: f64,
    /// Width of the operands (or of the word) for which the energy holds, in bits: 1..=4096.
    pub bits: u32,
    /// Capacity of the memory for which the energy holds, in kilobytes of 1024 bytes: over 0,
    /// finite. Required for memory on chip, absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kilobytes: Option<f64>,
    /// How the energy grows with the width.
    pub scaling: Scaling,
    /// Node of the technology, in nanometers: at least 1.
    pub node_nm: u32,
    /// Where the energy comes from; not empty.
    pub source: String,
}

/// Energies of all operations.
///
/// An operation may have entries for several widths, memory on chip for several capacities.
/// Between two of them the energy is interpolated as a power law (a straight line in log-log);
/// beyond the outermost width it grows from there by the entry's `scaling`. A memory that is
/// smaller than the smallest capacity costs as much as that one, which overrates small memories;
/// one that is larger than the largest costs as much more as the power law of the two largest says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyTable {
    /// Name of the table.
    pub name: String,
    /// The energies.
    #[serde(rename = "entry", default)]
    pub entries: Vec<EnergyEntry>,
}

impl EnergyTable {
    /// Reads and checks a table.
    ///
    /// # Arguments
    /// - `text`: TOML with a `name` and an `[[entry]]` for each [`EnergyEntry`].
    /// - `origin`: the file's name, for the messages.
    ///
    /// # Errors
    /// [`EnergyError::Parse`] for text that is not TOML, an unknown or missing field, an unknown
    /// operation or a wrong type; [`EnergyError::Invalid`] for a value outside its range;
    /// [`EnergyError::Missing`] for an operation without entry.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, EnergyError> {
        let table: Self = toml::from_str(text).map_err(|error| EnergyError::Parse {
            origin: origin.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        table.check(origin)?;
        Ok(table)
    }

    /// One of the embedded tables ([`NAMES`]).
    ///
    /// # Errors
    /// [`EnergyError::UnknownName`], which lists the known names.
    pub fn named(name: &str) -> Result<Self, EnergyError> {
        match NAMES.iter().position(|known| *known == name) {
            Some(index) => Self::from_toml(EMBEDDED[index], &format!("{name}.toml")),
            None => Err(EnergyError::UnknownName {
                name: name.to_owned(),
            }),
        }
    }

    /// The node of the technology, or the range of the entries' nodes, in nanometers.
    pub fn nodes_nm(&self) -> Option<(u32, u32)> {
        let nodes = || self.entries.iter().map(|entry| entry.node_nm);
        nodes().min().zip(nodes().max())
    }

    fn check(&self, origin: &str) -> Result<(), EnergyError> {
        for (index, entry) in self.entries.iter().enumerate() {
            let others = &self.entries[..index];
            if let Some((field, value, legal)) = entry.fault(others) {
                return Err(EnergyError::Invalid {
                    origin: origin.to_owned(),
                    entry: index + 1,
                    operation: entry.operation.name(),
                    field,
                    value,
                    legal,
                });
            }
        }
        let present = |kind| self.entries.iter().any(|entry| entry.operation == kind);
        match OperationKind::ALL.into_iter().find(|kind| !present(*kind)) {
            Some(kind) => Err(EnergyError::Missing {
                origin: origin.to_owned(),
                operation: kind.name(),
            }),
            None => self.check_range(origin),
        }
    }

    /// That the low end of external memory is not above the high end.
    fn check_range(&self, origin: &str) -> Result<(), EnergyError> {
        let word = |kind| self.picojoules(kind, (64, 64), 0);
        let high = OperationKind::DramHigh;
        if word(OperationKind::DramLow) <= word(high) {
            return Ok(());
        }
        let place = self.entries.iter().position(|each| each.operation == high);
        Err(EnergyError::Invalid {
            origin: origin.to_owned(),
            entry: place.map_or(0, |index| index + 1),
            operation: high.name(),
            field: "picojoules",
            value: word(high).to_string(),
            legal: "at least that of dram_low, both for 64 bits",
        })
    }

    /// Energy of doing something once, in picojoules.
    ///
    /// # Arguments
    /// - `bits`: widths of the two operands; the same twice for all but multiplications.
    /// - `capacity_bits`: capacity of the memory on chip; not read for other operations.
    pub fn picojoules(&self, kind: OperationKind, bits: (u32, u32), capacity_bits: u64) -> f64 {
        let width = (f64::from(bits.0) * f64::from(bits.1)).sqrt();
        if width == 0.0 {
            return 0.0;
        }
        let entries = self.entries.iter().filter(|entry| entry.operation == kind);
        let mut points: Vec<(f64, f64, Scaling)> = entries
            .map(|entry| {
                let bits = f64::from(entry.bits);
                match entry.kilobytes {
                    Some(kilobytes) => {
                        let scale = (width / bits).powf(entry.scaling.exponent());
                        (kilobytes, entry.picojoules * scale, entry.scaling)
                    }
                    None => (bits, entry.picojoules, entry.scaling),
                }
            })
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if kind.has_capacity() {
            by_capacity(&points, capacity_bits as f64 / (8.0 * 1024.0))
        } else {
            by_width(&points, width)
        }
    }
}

impl EnergyEntry {
    /// The first field outside its range, its value and the range.
    fn fault(&self, others: &[EnergyEntry]) -> Option<(&'static str, String, &'static str)> {
        let nonnegative = self.picojoules >= 0.0 && self.picojoules.is_finite();
        if !nonnegative {
            let legal = "a finite number, at least 0";
            return Some(("picojoules", self.picojoules.to_string(), legal));
        }
        if !(1..=4096).contains(&self.bits) {
            return Some(("bits", self.bits.to_string(), "1..=4096"));
        }
        match (self.kilobytes, self.operation.has_capacity()) {
            (None, true) => {
                let legal = "given for memory on chip: its capacity";
                return Some(("kilobytes", "absent".to_owned(), legal));
            }
            (Some(kilobytes), false) => {
                let legal = "absent: only memory on chip has a capacity";
                return Some(("kilobytes", kilobytes.to_string(), legal));
            }
            (Some(kilobytes), true) if !(kilobytes > 0.0 && kilobytes.is_finite()) => {
                let legal = "a finite number over 0";
                return Some(("kilobytes", kilobytes.to_string(), legal));
            }
            _ => {}
        }
        if self.node_nm == 0 {
            return Some(("node_nm", self.node_nm.to_string(), "at least 1"));
        }
        if self.source.trim().is_empty() {
            let legal = "where the energy comes from";
            return Some(("source", format!("{:?}", self.source), legal));
        }
        let same = |other: &&EnergyEntry| {
            other.operation == self.operation
                && other.kilobytes == self.kilobytes
                && (self.kilobytes.is_some() || other.bits == self.bits)
        };
        others.iter().find(same).map(|_| match self.kilobytes {
            Some(kilobytes) => {
                let legal = "another capacity than in the operation's other entries";
                ("kilobytes", kilobytes.to_string(), legal)
            }
            None => {
                let legal = "another width than in the operation's other entries";
                ("bits", self.bits.to_string(), legal)
            }
        })
    }
}

/// Interpolates by width; `points` are ascending widths with their energies.
fn by_width(points: &[(f64, f64, Scaling)], width: f64) -> f64 {
    let above = points.partition_point(|point| point.0 < width);
    match (
        above.checked_sub(1).map(|below| points[below]),
        points.get(above),
    ) {
        (Some(low), Some(high)) => power_law((low.0, low.1), (high.0, high.1), width),
        (Some((at, energy, scaling)), None) | (None, Some(&(at, energy, scaling))) => {
            energy * (width / at).powf(scaling.exponent())
        }
        (None, None) => 0.0,
    }
}

/// Interpolates by capacity; `points` are ascending capacities with their energies.
fn by_capacity(points: &[(f64, f64, Scaling)], capacity: f64) -> f64 {
    let place = |index: usize| (points[index].0, points[index].1);
    let above = points.partition_point(|point| point.0 < capacity);
    match (points.len(), above) {
        (0, _) => 0.0,
        (_, 0) | (1, _) => points[0].1,
        (count, above) => {
            let high = above.min(count - 1);
            power_law(place(high - 1), place(high), capacity)
        }
    }
}

/// The power law through two points, at `x`; a straight line where an energy is 0.
fn power_law(low: (f64, f64), high: (f64, f64), x: f64) -> f64 {
    if low.1 > 0.0 && high.1 > 0.0 {
        let exponent = (high.1 / low.1).ln() / (high.0 / low.0).ln();
        low.1 * (x / low.0).powf(exponent)
    } else {
        (low.1 + (high.1 - low.1) * (x - low.0) / (high.0 - low.0)).max(0.0)
    }
}
