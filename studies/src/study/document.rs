//! A study as JSON and CSV, and what every field means.

use super::report::{Cost, Study};
use crate::Error;
use serde_json::{Value, json};

/// What a field of the JSON, or a column of the CSV, means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Path in the JSON, without indices; `*.NAME` stands for NAME wherever it has no path of its
    /// own.
    pub name: &'static str,
    /// Unit; empty for what has none.
    pub unit: &'static str,
    /// What one number of it is about.
    pub scope: &'static str,
    /// Meaning.
    pub meaning: &'static str,
}

/// Every field, in the order of the JSON.
pub fn fields() -> impl Iterator<Item = Field> {
    include_str!("fields.txt").lines().filter_map(|line| {
        let mut parts = line.split(" | ").flat_map(|part| part.split("| "));
        let mut next = || parts.next().map(str::trim);
        Some(Field {
            name: next()?,
            unit: next()?,
            scope: next()?,
            meaning: next()?,
        })
    })
}

/// The study as JSON, with the meaning of every field in `fields`.
pub fn document(study: &Study) -> Value {
    let mut document = json!(study);
    for cost in costs(&mut document) {
        add_ratios(cost);
    }
    let differing = study.softmax_differing_codes();
    document["softmax_differing_codes"] = json!(differing.map(|(codes, _)| codes));
    document["softmax_differing_share"] = json!(differing.map(|(_, share)| share));
    document["query_effective_bits"] = json!(study.query_effective_bits());
    document["fields"] = fields()
        .map(|field| {
            let description = json!({
                "unit": field.unit,
                "scope": field.scope,
                "meaning": field.meaning,
            });
            (field.name.to_string(), description)
        })
        .collect();
    document
}

/// The costs in a document.
fn costs(document: &mut Value) -> Vec<&mut Value> {
    let Some(members) = document.as_object_mut() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, member) in members.iter_mut() {
        match (name.as_str(), member) {
            ("total", total) => found.push(total),
            ("layers" | "groups", Value::Array(parts)) => {
                found.extend(parts.iter_mut().map(|part| &mut part["cost"]));
            }
            _ => {}
        }
    }
    found
}

/// What everybody computes first.
fn add_ratios(cost: &mut Value) {
    let number = |name: &str| cost[name].as_f64().unwrap_or(0.0);
    let ratio = |a: &str, b: &str| number(a) / number(b).max(1.0);
    let ratios = [
        ("pruned_share", 1.0 - ratio("survivors", "elements")),
        ("cycles_over_bound", ratio("cycles", "bound_cycles")),
        ("twin_over_cycles", ratio("int8_twin_cycles", "cycles")),
    ];
    for (name, ratio) in ratios {
        cost[name] = json!(ratio);
    }
}

/// The columns of the CSV after `scope`, `layer` and `kv_head`, which are those of [`fields`].
const COLUMNS: [&str; 10] = [
    "rows",
    "elements",
    "survivors",
    "value_reads",
    "cycles",
    "bound_cycles",
    "int8_twin_cycles",
    "pruned_share",
    "cycles_over_bound",
    "twin_over_cycles",
];

/// The costs as CSV: a line for everything (`scope` = total), for each layer (layer) and for each
/// key and value head with its query heads (group).
///
/// # Errors
/// The writer's, for none that are known.
pub fn csv(study: &Study) -> Result<String, Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["scope", "layer", "kv_head"].iter().chain(&COLUMNS))?;
    let number = |number: usize| number.to_string();
    let total = ("total", String::new(), String::new(), study.total);
    let layers = study
        .layers
        .iter()
        .map(|layer| ("layer", number(layer.layer), String::new(), layer.cost));
    let groups = study.groups.iter().map(|group| {
        (
            "group",
            number(group.layer),
            number(group.kv_head),
            group.cost,
        )
    });
    for (scope, layer, kv_head, cost) in std::iter::once(total).chain(layers).chain(groups) {
        let place = [scope.to_string(), layer, kv_head];
        writer.write_record(place.into_iter().chain(cells(&cost)))?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// One cost, in the order of [`COLUMNS`].
fn cells(cost: &Cost) -> [String; 10] {
    [
        cost.rows.to_string(),
        cost.elements.to_string(),
        cost.survivors.to_string(),
        cost.value_reads.to_string(),
        cost.cycles.to_string(),
        cost.bound_cycles.to_string(),
        cost.int8_twin_cycles.to_string(),
        format!("{:.6}", cost.pruned_share()),
        format!("{:.6}", cost.over_bound()),
        format!("{:.6}", cost.twin_over_cycles()),
    ]
}
