//! A study as JSON and CSV, and what every field means.

use super::report::{Cost, Study};
use crate::Error;
use serde_json::{Value, json};

/// What a field of the JSON means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Path in the JSON, without indices.
    pub name: String,
    /// Unit; empty for what has none.
    pub unit: &'static str,
    /// What one number of it is about.
    pub scope: &'static str,
    /// Meaning.
    pub meaning: &'static str,
}

/// Every field of [`document`]. Those of a struct that occurs in several places stand in a row.
pub fn fields() -> Vec<Field> {
    // A line: `name | unit | scope | meaning`, a name in several places as `{a,b}.name`.
    let lines = include_str!("fields.txt").lines();
    lines
        .flat_map(|line| of_line(line).unwrap_or_default())
        .collect()
}

/// The fields of a line; absent if it is none.
fn of_line(line: &'static str) -> Option<Vec<Field>> {
    let mut parts = line.splitn(4, '|').map(str::trim);
    let (name, unit, scope, meaning) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let field = |name: String| Field {
        name,
        unit,
        scope,
        meaning,
    };
    Some(
        match name.strip_prefix('{').and_then(|name| name.split_once('}')) {
            None => vec![field(name.to_string())],
            Some((places, end)) => {
                let places = places.split(',');
                places.map(|place| field(format!("{place}{end}"))).collect()
            }
        },
    )
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
        .into_iter()
        .map(|field| {
            let description = json!({
                "unit": field.unit,
                "scope": field.scope,
                "meaning": field.meaning,
            });
            (field.name, description)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_field() {
        for line in include_str!("fields.txt").lines() {
            let fields = of_line(line).unwrap_or_default();
            assert!(!fields.is_empty(), "{line}");
            let whole = |field: &Field| !field.scope.is_empty() && !field.meaning.is_empty();
            assert!(fields.iter().all(whole), "{line}");
        }
        let names: Vec<String> = of_line("{a.b,c}.d | m | one | what")
            .into_iter()
            .flatten()
            .map(|field| field.name)
            .collect();
        assert_eq!(names, ["a.b.d", "c.d"]);
    }
}
