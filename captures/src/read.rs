//! From the bytes of a safetensors file to a capture.

use crate::{Capture, Error, Metadata, Result, Stored, Tensors, check};
use half::{bf16, f16};
use ndarray::{Array1, Array3};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;

const FLOATS: &str = "F32, F16 or BF16";
const FLOATS_OR_INT8: &str = "F32, F16, BF16, or I8 with a scale";
const INTEGERS: &str = "BOOL, U8 or another integer type";
const Q: &str = "[heads, rows, D]";
const KV: &str = "[KV heads, tokens, D]";
const PROBABILITIES: &str = "[heads, rows, tokens]";

impl Capture {
    /// Reads a capture from the bytes of a safetensors file. `name` is what errors call it.
    ///
    /// # Errors
    /// As [`Capture::load`], but for reading.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        let not_safetensors = |error: safetensors::SafeTensorError| Error::NotSafetensors {
            file: name.into(),
            reason: error.to_string(),
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(not_safetensors)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(not_safetensors)?;
        let reader = Reader {
            file: name,
            tensors,
        };
        let (probabilities, row_sum_slack) = reader.probabilities()?;
        let tensors = Tensors {
            q: reader.stored("q", Q)?,
            k: reader.stored("k", KV)?,
            v: reader.stored("v", KV)?,
            probabilities,
            mask: reader.mask()?,
        };
        let metadata = metadata(name, header.metadata().as_ref())?;
        check::capture(name, tensors, metadata, row_sum_slack)
    }
}

struct Reader<'a> {
    file: &'a str,
    tensors: SafeTensors<'a>,
}

impl Reader<'_> {
    /// A tensor, if the file has it.
    fn tensor(&self, name: &str) -> Option<TensorView<'_>> {
        self.tensors.tensor(name).ok()
    }

    fn wrong_type(&self, tensor: &str, found: Dtype, legal: &'static str) -> Error {
        Error::Type {
            file: self.file.into(),
            tensor: tensor.into(),
            found: found.to_string(),
            legal,
        }
    }

    fn wrong_rank(&self, tensor: &str, found: &[usize], legal: &'static str) -> Error {
        Error::Rank {
            file: self.file.into(),
            tensor: tensor.into(),
            found: found.into(),
            legal,
        }
    }

    /// A tensor of three dimensions, none of size 0.
    fn array<T>(
        &self,
        name: &str,
        shape: &[usize],
        legal: &'static str,
        values: Vec<T>,
    ) -> Result<Array3<T>> {
        let &[a, b, c] = shape else {
            return Err(self.wrong_rank(name, shape, legal));
        };
        check::not_empty(self.file, name, shape)?;
        Array3::from_shape_vec((a, b, c), values).map_err(|_| self.wrong_rank(name, shape, legal))
    }

    fn stored(&self, name: &str, dimensions: &'static str) -> Result<Option<Stored>> {
        let Some(view) = self.tensor(name) else {
            return Ok(None);
        };
        let scale_name = format!("{name}_scale");
        let scale = self.tensor(&scale_name);
        if view.dtype() != Dtype::I8 {
            let values =
                floats(&view).ok_or_else(|| self.wrong_type(name, view.dtype(), FLOATS_OR_INT8))?;
            if scale.is_some() {
                return Err(Error::NeedlessScale {
                    file: self.file.into(),
                    tensor: name.into(),
                    found: view.dtype().to_string(),
                });
            }
            let values = self.array(name, view.shape(), dimensions, values)?;
            return Ok(Some(Stored::Float(values)));
        }
        let values = view.data().iter().map(|&b| b as i8).collect();
        let values = self.array(name, view.shape(), dimensions, values)?;
        let scale = scale.ok_or_else(|| Error::MissingTensor {
            file: self.file.into(),
            tensor: scale_name.clone(),
            found: format!("`{name}` of type I8"),
            legal: "a scale beside every tensor of type I8",
        })?;
        let scales = self.scales(&scale_name, &scale, values.dim().0)?;
        Ok(Some(Stored::Int8 { values, scales }))
    }

    /// One scale for each head; a scalar serves all heads.
    fn scales(&self, name: &str, view: &TensorView, heads: usize) -> Result<Array1<f32>> {
        if view.dtype() != Dtype::F32 {
            return Err(self.wrong_type(name, view.dtype(), "F32"));
        }
        if view.shape().len() > 1 {
            return Err(self.wrong_rank(name, view.shape(), "[heads], [1] or a scalar"));
        }
        let values = elements(view, f32::from_le_bytes);
        Ok(match values[..] {
            [scalar] => Array1::from_elem(heads, scalar),
            _ => values.into(),
        })
    }

    /// The probabilities and by how much a row of their type may sum over 1.
    fn probabilities(&self) -> Result<(Option<Array3<f32>>, f64)> {
        const NAME: &str = "probabilities";
        let Some(view) = self.tensor(NAME) else {
            return Ok((None, check::ROW_SUM_SLACK));
        };
        let values = floats(&view).ok_or_else(|| self.wrong_type(NAME, view.dtype(), FLOATS))?;
        let slack = match view.dtype() {
            Dtype::BF16 => check::ROW_SUM_SLACK_BF16,
            _ => check::ROW_SUM_SLACK,
        };
        let values = self.array(NAME, view.shape(), PROBABILITIES, values)?;
        Ok((Some(values), slack))
    }

    fn mask(&self) -> Result<Option<Vec<bool>>> {
        const NAME: &str = "mask";
        let Some(view) = self.tensor(NAME) else {
            return Ok(None);
        };
        let size = match view.dtype() {
            Dtype::BOOL | Dtype::U8 | Dtype::I8 => 1,
            Dtype::U16 | Dtype::I16 => 2,
            Dtype::U32 | Dtype::I32 => 4,
            Dtype::U64 | Dtype::I64 => 8,
            other => return Err(self.wrong_type(NAME, other, INTEGERS)),
        };
        if view.shape().len() != 1 {
            return Err(self.wrong_rank(NAME, view.shape(), "[tokens]"));
        }
        let valid = |bytes: &[u8]| bytes.iter().any(|&b| b != 0);
        Ok(Some(view.data().chunks_exact(size).map(valid).collect()))
    }
}

/// All elements of a tensor whose type is `N` bytes wide.
fn elements<const N: usize, T>(view: &TensorView, decode: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = view.data().as_chunks::<N>();
    chunks.iter().map(|&bytes| decode(bytes)).collect()
}

/// The elements of a floating-point tensor, or `None` if it is of another type.
fn floats(view: &TensorView) -> Option<Vec<f32>> {
    match view.dtype() {
        Dtype::F32 => Some(elements(view, f32::from_le_bytes)),
        Dtype::F16 => Some(elements(view, |b| f16::from_le_bytes(b).to_f32())),
        Dtype::BF16 => Some(elements(view, |b| bf16::from_le_bytes(b).to_f32())),
        _ => None,
    }
}

fn metadata(file: &str, map: Option<&HashMap<String, String>>) -> Result<Metadata> {
    let text = |key: &str| map.and_then(|m| m.get(key)).cloned();
    let number = |key: &'static str| {
        text(key)
            .map(|found| {
                found.parse::<usize>().map_err(|_| Error::Metadata {
                    file: file.into(),
                    key,
                    found: format!("`{found}`"),
                    legal: "a whole number".into(),
                })
            })
            .transpose()
    };
    let causal = match text("causal").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(found) => {
            return Err(Error::Metadata {
                file: file.into(),
                key: "causal",
                found: format!("`{found}`"),
                legal: "`true` or `false`".into(),
            });
        }
    };
    Ok(Metadata {
        layers: number("layers")?,
        heads_per_layer: number("heads_per_layer")?,
        kv_heads_per_layer: number("kv_heads_per_layer")?,
        causal,
        model: text("model"),
        text: text("text"),
        text_source: text("text_source"),
    })
}
