//! What is studied: thresholds, bits and quantizers as the command line gives them.

use logattn_accuracy::quantizers::{BITS, Quantizer};
use logattn_accuracy::specification::{THRESHOLD, threshold};

/// What leaves a study out.
const NONE: &str = "none";

/// A list on the command line, parts with commas between them.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T>(pub Vec<T>);

/// A threshold for attention values.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// As it was given.
    pub text: String,
    /// Its value, above 0 and at most 1.
    pub value: f64,
}

/// One attention of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its specification.
    pub specification: String,
    /// Which quantizer it is.
    pub quantizer: Option<Quantizer>,
    /// The quantizer's bits, if it has them.
    pub bits: Option<u32>,
    /// At which threshold it prunes.
    pub threshold: Option<f64>,
}

impl Point {
    /// Float attention, which all others are compared to.
    pub fn float() -> Self {
        Point {
            specification: "float".into(),
            quantizer: None,
            bits: None,
            threshold: None,
        }
    }
}

/// A study for each threshold, in descending order.
pub fn pruned(thresholds: &List<Threshold>, renormalize: bool) -> Vec<Point> {
    let mut sorted = thresholds.0.clone();
    sorted.sort_by(|a, b| b.value.total_cmp(&a.value));
    sorted.dedup_by_key(|threshold| threshold.value);
    let point = |threshold: Threshold| Point {
        specification: with(format!("prune:{}", threshold.text), renormalize),
        threshold: Some(threshold.value),
        ..Point::float()
    };
    sorted.into_iter().map(point).collect()
}

/// A study for each quantizer and number of bits; one for a quantizer without bits. None at all
/// without bits.
pub fn quantized(quantizers: &[Quantizer], bits: &List<u32>, renormalize: bool) -> Vec<Point> {
    let mut sorted = bits.0.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let mut points: Vec<Point> = Vec::new();
    for (index, quantizer) in quantizers.iter().enumerate() {
        if quantizers[..index].contains(quantizer) {
            continue;
        }
        let name = quantizer.name();
        let point = |bits: Option<u32>| Point {
            specification: match bits {
                Some(bits) => with(format!("{name}:bits={bits}"), renormalize),
                None => with(name.into(), renormalize),
            },
            quantizer: Some(*quantizer),
            bits,
            threshold: None,
        };
        match quantizer.has_bits() {
            true => points.extend(sorted.iter().map(|bits| point(Some(*bits)))),
            false => points.extend((!sorted.is_empty()).then(|| point(None))),
        }
    }
    points
}

/// A specification, with renormalization if it is wanted.
fn with(specification: String, renormalize: bool) -> String {
    match renormalize {
        true => specification + ",renormalize",
        false => specification,
    }
}

/// Parses thresholds; `none` is an empty list.
pub fn thresholds(text: &str) -> Result<List<Threshold>, String> {
    let legal = || format!("legal: `{NONE}` or, with commas between them, {THRESHOLD}");
    list(text, |part| {
        let value = threshold(part).ok_or_else(legal)?;
        Ok(Threshold {
            text: part.into(),
            value,
        })
    })
}

/// Parses numbers of bits; `none` is an empty list.
pub fn bits(text: &str) -> Result<List<u32>, String> {
    let (least, most) = (BITS.start(), BITS.end());
    let legal = || format!("legal: `{NONE}` or integers from {least} to {most} with commas");
    list(text, |part| {
        let bits = part.parse().ok().filter(|bits| BITS.contains(bits));
        bits.ok_or_else(legal)
    })
}

/// Parses the name of a quantizer.
pub fn quantizer(text: &str) -> Result<Quantizer, String> {
    let names = || Quantizer::ALL.map(Quantizer::name).join(", ");
    Quantizer::named(text.trim()).ok_or_else(|| format!("legal: paper, {}", names()))
}

fn list<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<List<T>, String> {
    let parts = text.split(',').map(str::trim);
    match text.trim() {
        NONE => Ok(List(Vec::new())),
        _ => parts.map(parse).collect::<Result<_, _>>().map(List),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_what_is_none() {
        let found = thresholds("2^-4, 0.25,1e-3").unwrap().0;
        let values: Vec<f64> = found.iter().map(|threshold| threshold.value).collect();
        assert_eq!(values, [0.0625, 0.25, 0.001]);
        assert_eq!(thresholds("none").unwrap().0, []);
        assert_eq!(bits("2,16").unwrap().0, [2, 16]);
        for wrong in ["0", "2^1", "", "2^-4,", "NaN", "-1", "none,2^-4"] {
            assert!(thresholds(wrong).is_err(), "{wrong}");
        }
        for wrong in ["1", "17", "", "3,", "2.5"] {
            assert!(bits(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_point_for_each_attention() {
        let text = |points: Vec<Point>| -> Vec<String> {
            points.into_iter().map(|p| p.specification).collect()
        };
        let given = thresholds("2^-4,0.25,2^-2").unwrap();
        let found = text(pruned(&given, true));
        assert_eq!(found, ["prune:0.25,renormalize", "prune:2^-4,renormalize"]);
        let names = ["paper", "binarization", "log-pruned-middle"];
        let quantizers = names.map(|name| quantizer(name).unwrap());
        let found = text(quantized(&quantizers, &List(vec![3, 2, 3]), false));
        let expected = ["log-pruned-middle:bits=2", "log-pruned-middle:bits=3"];
        assert_eq!(found, [&expected[..], &["binarization"]].concat());
        assert_eq!(quantized(&quantizers, &List(vec![]), false), []);
    }
}
