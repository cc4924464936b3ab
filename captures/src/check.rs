//! The checks that every capture passes before it exists.

use crate::stored::LARGEST_SCALE;
use crate::{Capture, Error, Metadata, Result, Stored, Tensors};
use ndarray::{Array3, Dimension};

/// By how much a row of probabilities may sum over 1: rounding of f32 and f16.
pub(crate) const ROW_SUM_SLACK: f64 = 1e-3;
/// The same for bf16, whose 8 significant bits round 1 - 2^-9 up to 1.
pub(crate) const ROW_SUM_SLACK_BF16: f64 = 4e-3;

const MEMBERS: &str = "`q`, `k` and `v`, or `probabilities` and `v`";

/// Checks all tensors and the metadata.
pub(crate) fn capture(
    file: &str,
    tensors: Tensors,
    metadata: Metadata,
    row_sum_slack: f64,
) -> Result<Capture> {
    let Tensors {
        q,
        k,
        v,
        probabilities,
        mask,
    } = tensors;
    let present: Vec<&str> = [
        ("q", q.is_some()),
        ("k", k.is_some()),
        ("v", v.is_some()),
        ("probabilities", probabilities.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, there)| there.then_some(name))
    .collect();
    require(file, &present, probabilities.is_some())?;
    let v = v.ok_or_else(|| missing(file, "v", &present))?;

    let shape = v.shape();
    for (name, tensor) in [("v", Some(&v)), ("q", q.as_ref()), ("k", k.as_ref())] {
        let Some(tensor) = tensor else { continue };
        if tensor.shape() != shape {
            return Err(Error::Shape {
                file: file.into(),
                tensor: name.into(),
                found: tensor.shape().into(),
                legal: shape.into(),
                reason: "the shape of `v`",
            });
        }
        stored(file, name, tensor)?;
    }
    let mask_given = mask.is_some();
    let mask = checked_mask(file, mask, shape[1])?;
    if let Some(values) = &probabilities {
        probability_values(file, values, shape, row_sum_slack)?;
    }
    let layers = layers(file, &metadata, shape[0])?;
    Ok(Capture {
        name: file.into(),
        q,
        k,
        v,
        probabilities,
        mask,
        has_mask: mask_given,
        layers,
        metadata,
    })
}

/// `v` must be there, and either both of `q` and `k` or `probabilities`. One of `q` and `k`
/// without the other is an error even beside `probabilities`: something went wrong in the making.
fn require(file: &str, present: &[&str], has_probabilities: bool) -> Result<()> {
    let has = |name: &str| present.contains(&name);
    let scores_needed = !has_probabilities || has("q") || has("k");
    let needed: &[&str] = if scores_needed {
        &["q", "k", "v"]
    } else {
        &["v"]
    };
    match needed.iter().find(|name| !has(name)) {
        Some(name) => Err(missing(file, name, present)),
        None => Ok(()),
    }
}

pub(crate) fn missing(file: &str, tensor: &str, present: &[&str]) -> Error {
    let found = match present {
        [] => "no tensor of a capture".into(),
        names => format!("`{}`", names.join("`, `")),
    };
    Error::MissingTensor {
        file: file.into(),
        tensor: tensor.into(),
        found,
        legal: MEMBERS,
    }
}

/// Sizes, scales and values of one of q, k, v.
fn stored(file: &str, name: &str, tensor: &Stored) -> Result<()> {
    let shape = tensor.shape();
    not_empty(file, name, &shape)?;
    match tensor {
        Stored::Float(values) => finite(file, name, values),
        Stored::Int8 { scales, .. } => {
            let name = format!("{name}_scale");
            if scales.len() != shape[0] {
                return Err(Error::Shape {
                    file: file.into(),
                    tensor: name,
                    found: vec![scales.len()],
                    legal: vec![shape[0]],
                    reason: "one scale for each head, or one scalar for all",
                });
            }
            match scales
                .iter()
                .position(|s| !(*s > 0.0 && *s <= LARGEST_SCALE))
            {
                Some(index) => Err(Error::Scale {
                    file: file.into(),
                    tensor: name,
                    index,
                    found: scales[index],
                    legal: LARGEST_SCALE,
                }),
                None => Ok(()),
            }
        }
    }
}

/// A dimension of size 0 means that there is nothing to attend to.
pub(crate) fn not_empty(file: &str, tensor: &str, shape: &[usize]) -> Result<()> {
    if shape.contains(&0) {
        return Err(Error::Empty {
            file: file.into(),
            tensor: tensor.into(),
            found: shape.into(),
        });
    }
    Ok(())
}

fn finite(file: &str, tensor: &str, values: &Array3<f32>) -> Result<()> {
    match values.indexed_iter().find(|(_, x)| !x.is_finite()) {
        Some((index, found)) => Err(Error::NotFinite {
            file: file.into(),
            tensor: tensor.into(),
            index: ndarray::IntoDimension::into_dimension(index).slice().into(),
            found: *found,
        }),
        None => Ok(()),
    }
}

fn checked_mask(file: &str, mask: Option<Vec<bool>>, tokens: usize) -> Result<Vec<bool>> {
    let Some(mask) = mask else {
        return Ok(vec![true; tokens]);
    };
    if mask.len() != tokens {
        return Err(Error::Shape {
            file: file.into(),
            tensor: "mask".into(),
            found: vec![mask.len()],
            legal: vec![tokens],
            reason: "one entry for each token of `v`",
        });
    }
    if !mask.contains(&true) {
        return Err(Error::AllMasked {
            file: file.into(),
            found: tokens,
        });
    }
    Ok(mask)
}

fn probability_values(
    file: &str,
    values: &Array3<f32>,
    v_shape: [usize; 3],
    row_sum_slack: f64,
) -> Result<()> {
    let (heads, rows, keys) = values.dim();
    not_empty(file, "probabilities", &[heads, rows, keys])?;
    if [heads, keys] != v_shape[..2] {
        return Err(Error::Shape {
            file: file.into(),
            tensor: "probabilities".into(),
            found: vec![heads, rows, keys],
            legal: vec![v_shape[0], rows, v_shape[1]],
            reason: "heads and tokens of `v`",
        });
    }
    finite(file, "probabilities", values)?;
    let outside = |x: &f32| !(0.0..=1.0).contains(x);
    if let Some(((head, row, key), found)) = values.indexed_iter().find(|(_, x)| outside(x)) {
        return Err(Error::Probability {
            file: file.into(),
            index: [head, row, key],
            found: *found,
        });
    }
    for (lane, row) in values.rows().into_iter().enumerate() {
        let sum: f64 = row.iter().map(|&x| f64::from(x)).sum();
        if sum > 1.0 + row_sum_slack {
            return Err(Error::RowSum {
                file: file.into(),
                head: lane / rows,
                row: lane % rows,
                found: sum,
                legal: 1.0 + row_sum_slack,
            });
        }
    }
    Ok(())
}

/// Number of layers; layers times heads per layer must be the number of heads.
fn layers(file: &str, metadata: &Metadata, heads: usize) -> Result<usize> {
    let wrong = |key, found: usize, legal| Error::Metadata {
        file: file.into(),
        key,
        found: found.to_string(),
        legal,
    };
    let divides = |x: usize| x != 0 && heads.is_multiple_of(x);
    match (metadata.layers, metadata.heads_per_layer) {
        (None, None) => Ok(1),
        (Some(layers), _) if !divides(layers) => Err(wrong(
            "layers",
            layers,
            format!("a divisor of the number of heads, {heads}"),
        )),
        (Some(layers), Some(per_layer)) if per_layer != heads / layers => Err(wrong(
            "heads_per_layer",
            per_layer,
            format!("{} ({heads} heads in {layers} layers)", heads / layers),
        )),
        (Some(layers), _) => Ok(layers),
        (None, Some(per_layer)) if !divides(per_layer) => Err(wrong(
            "heads_per_layer",
            per_layer,
            format!("a divisor of the number of heads, {heads}"),
        )),
        (None, Some(per_layer)) => Ok(heads / per_layer),
    }
}
