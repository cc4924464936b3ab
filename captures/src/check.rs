//! The checks that every capture passes before it exists.

use crate::stored::LARGEST_SCALE;
use crate::{Capture, Error, Metadata, Result, Stored, Tensors};
use ndarray::{Array3, Dimension, s};

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
    stored(file, "v", &v)?;
    if let Some(k) = &k {
        key_shape(file, k.shape(), shape)?;
        stored(file, "k", k)?;
    }
    if let Some(q) = &q {
        query_shape(file, q.shape(), shape, metadata.causal)?;
        stored(file, "q", q)?;
    }
    let mask_given = mask.is_some();
    let mask = checked_mask(file, mask, shape[1], metadata.causal)?;
    if let Some(values) = &probabilities {
        let q_shape = q.as_ref().map(Stored::shape);
        probability_shape(file, values.dim(), shape, q_shape, metadata.causal)?;
        probability_values(file, values, row_sum_slack)?;
        if metadata.causal {
            causal_probabilities(file, values)?;
        }
    }
    let heads = match (&q, &probabilities) {
        (Some(q), _) => q.shape()[0],
        (None, Some(values)) => values.dim().0,
        (None, None) => shape[0],
    };
    let layers = layers(file, &metadata, heads, shape[0])?;
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

fn key_shape(file: &str, found: [usize; 3], v: [usize; 3]) -> Result<()> {
    if found == v {
        return Ok(());
    }
    Err(Error::Shape {
        file: file.into(),
        tensor: "k".into(),
        found: found.into(),
        legal: v.into(),
        reason: "the shape of `v`",
    })
}

/// Whole groups of heads for each KV head, a row for each token; in a causal capture there may be
/// fewer rows.
fn query_shape(file: &str, found: [usize; 3], v: [usize; 3], causal: bool) -> Result<()> {
    let [_, tokens, dimension] = v;
    not_empty(file, "q", &found)?;
    groups(file, "q", &found, v[0])?;
    let (rows, reason) = match causal {
        true => (
            found[1].min(tokens),
            "D of `v` and at most as many rows as its tokens",
        ),
        false => (
            tokens,
            "tokens and D of `v`; fewer rows only in a causal capture",
        ),
    };
    let legal = [found[0], rows, dimension];
    if found == legal {
        return Ok(());
    }
    Err(Error::Shape {
        file: file.into(),
        tensor: "q".into(),
        found: found.into(),
        legal: legal.into(),
        reason,
    })
}

/// That the heads of a tensor are a multiple of the KV heads.
fn groups(file: &str, tensor: &'static str, found: &[usize; 3], kv_heads: usize) -> Result<()> {
    if found[0].is_multiple_of(kv_heads) {
        return Ok(());
    }
    Err(Error::Groups {
        file: file.into(),
        tensor,
        found: (*found).into(),
        kv_heads,
    })
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

fn checked_mask(
    file: &str,
    mask: Option<Vec<bool>>,
    tokens: usize,
    causal: bool,
) -> Result<Vec<bool>> {
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
    match mask.iter().position(|valid| !valid) {
        // Where padding goes before the text, a row's first keys would be no keys at all.
        Some(key) if causal => Err(Error::CausalMask {
            file: file.into(),
            key,
        }),
        _ => Ok(mask),
    }
}

/// The heads of `q` if it is there, else whole groups for each KV head; the tokens of `v`; any
/// number of rows, but in a causal capture at most the tokens, and those of `q` if it is there.
fn probability_shape(
    file: &str,
    (heads, rows, keys): (usize, usize, usize),
    v: [usize; 3],
    q: Option<[usize; 3]>,
    causal: bool,
) -> Result<()> {
    let found = [heads, rows, keys];
    not_empty(file, "probabilities", &found)?;
    let legal_rows = match (causal, q) {
        (true, Some([_, rows, _])) => rows,
        (true, None) => rows.min(v[1]),
        (false, _) => rows,
    };
    let legal_heads = match q {
        Some([heads, ..]) => heads,
        None => {
            groups(file, "probabilities", &found, v[0])?;
            heads
        }
    };
    let legal = [legal_heads, legal_rows, v[1]];
    if found == legal {
        return Ok(());
    }
    Err(Error::Shape {
        file: file.into(),
        tensor: "probabilities".into(),
        found: found.into(),
        legal: legal.into(),
        reason: match (causal, q) {
            (true, Some(_)) => "heads and rows of `q`, tokens of `v`",
            (true, None) => "tokens of `v`, in a causal capture at most as many rows",
            (false, Some(_)) => "heads of `q`, tokens of `v`",
            (false, None) => "tokens of `v`",
        },
    })
}

/// Beyond the length of a row there is nothing.
fn causal_probabilities(file: &str, values: &Array3<f32>) -> Result<()> {
    let (heads, rows, keys) = values.dim();
    for (head, row) in (0..heads).flat_map(|head| (0..rows).map(move |row| (head, row))) {
        let length = keys - rows + row + 1;
        let beyond = values.slice(s![head, row, length..]);
        if let Some(offset) = beyond.iter().position(|&x| x != 0.0) {
            return Err(Error::CausalProbability {
                file: file.into(),
                index: [head, row, length + offset],
                found: beyond[offset],
                length,
            });
        }
    }
    Ok(())
}

fn probability_values(file: &str, values: &Array3<f32>, row_sum_slack: f64) -> Result<()> {
    let rows = values.dim().1;
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

/// Number of layers; layers times heads per layer must be the number of heads, and the same for
/// KV heads.
fn layers(file: &str, metadata: &Metadata, heads: usize, kv_heads: usize) -> Result<usize> {
    let wrong = |key, found: usize, legal| Error::Metadata {
        file: file.into(),
        key,
        found: found.to_string(),
        legal,
    };
    let per_layer = [
        ("heads_per_layer", metadata.heads_per_layer, heads, "heads"),
        (
            "kv_heads_per_layer",
            metadata.kv_heads_per_layer,
            kv_heads,
            "KV heads",
        ),
    ];
    let divides = |x: usize, of: usize| x != 0 && of.is_multiple_of(x);
    let mut layers = metadata.layers;
    // Heads are a multiple of KV heads: what divides these divides both.
    if let Some(found) = layers.filter(|&layers| !divides(layers, kv_heads)) {
        let of = match kv_heads == heads {
            true => format!("heads, {heads}"),
            false => format!("KV heads, {kv_heads}"),
        };
        return Err(wrong(
            "layers",
            found,
            format!("a divisor of the number of {of}"),
        ));
    }
    for (key, found, all, what) in per_layer {
        let Some(found) = found else { continue };
        match layers {
            Some(layers) if found != all / layers => {
                let legal = format!("{} ({all} {what} in {layers} layers)", all / layers);
                return Err(wrong(key, found, legal));
            }
            Some(_) => {}
            None if divides(found, all) && divides(all / found, kv_heads) => {
                layers = Some(all / found);
            }
            None => {
                let mut legal = format!("a divisor of the number of {what}, {all}");
                if divides(found, all) {
                    legal +=
                        &format!(", for layers of which each has its part of {kv_heads} KV heads");
                }
                return Err(wrong(key, found, legal));
            }
        }
    }
    Ok(layers.unwrap_or(1))
}
