//! Checkpoints as one GGUF file (ggml, docs/gguf.md): metadata, and weights dequantized to single
//! precision.

use crate::checkpoint::{Weights, check_finite, read};
use crate::{Error, Result};
use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::{Device, Tensor};
use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::path::{Path, PathBuf};

const WHAT: &str = "GGUF file of a model";

/// Metadata of a GGUF file.
#[derive(Debug)]
pub struct GgufMetadata {
    file: PathBuf,
    values: HashMap<String, Value>,
}

/// Reads a GGUF file whole: its metadata and all its tensors.
///
/// # Errors
/// [`Error::Read`], [`Error::Parse`], [`Error::NotFinite`].
pub fn load(file: &Path) -> Result<(GgufMetadata, Weights)> {
    let bytes = read(file)?;
    let wrong = |reason: String| malformed(file, reason);
    // The parser divides by it.
    if alignment_is_zero(&bytes) {
        return Err(wrong("`general.alignment` is 0".into()));
    }
    let mut reader = Cursor::new(&bytes[..]);
    let content = Content::read(&mut reader).map_err(|e| wrong(first_line(&e)))?;
    let mut tensors = BTreeMap::new();
    for (name, info) in &content.tensor_infos {
        let dims = info.shape.dims();
        let elements = dims.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
        if elements.is_none() {
            return Err(wrong(format!("tensor `{name}` has shape {dims:?}")));
        }
        let read = info.read(&mut reader, content.tensor_data_offset, &Device::Cpu);
        let tensor = read
            .and_then(|quantized| quantized.dequantize(&Device::Cpu))
            .map_err(|e| wrong(format!("tensor `{name}`: {}", first_line(&e))))?;
        tensors.insert(name.clone(), finite(file, name, tensor)?);
    }
    let metadata = GgufMetadata {
        file: file.into(),
        values: content.metadata,
    };
    Ok((metadata, Weights::new(file, tensors)))
}

fn malformed(file: &Path, reason: String) -> Error {
    Error::Parse {
        file: file.into(),
        what: WHAT,
        reason,
    }
}

/// The message without the backtrace that it may carry.
fn first_line(error: &candle_core::Error) -> String {
    let message = error.to_string();
    message.lines().next().unwrap_or_default().to_owned()
}

/// Whether the metadata `general.alignment` is there and 0.
fn alignment_is_zero(bytes: &[u8]) -> bool {
    const KEY: &[u8] = b"general.alignment";
    // The types that the parser takes for it (u8, i8, u16, i16, u32, i32) and their widths.
    const WIDTHS: [usize; 6] = [1, 1, 2, 2, 4, 4];
    let zero_after = |after: &[u8]| {
        let (kind, value) = after.split_first_chunk()?;
        let width = *WIDTHS.get(u32::from_le_bytes(*kind) as usize)?;
        Some(value.get(..width)?.iter().all(|&b| b == 0))
    };
    // Most bytes are weights: one comparison each, then the rest.
    let places = bytes.iter().enumerate().filter(|(_, b)| **b == KEY[0]);
    let mut after = places.filter_map(|(place, _)| bytes[place..].strip_prefix(KEY));
    after.any(|after| zero_after(after) == Some(true))
}

/// The tensor, if all of it is finite.
fn finite(file: &Path, name: &str, tensor: Tensor) -> Result<Tensor> {
    // The sum is finite only if all of it is, and needs no copy.
    if !tensor.sum_all()?.to_scalar::<f32>()?.is_finite() {
        check_finite(file, name, &tensor.flatten_all()?.to_vec1()?)?;
    }
    Ok(tensor)
}

impl GgufMetadata {
    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn missing(&self, key: &str) -> Error {
        malformed(&self.file, format!("metadata `{key}` is missing"))
    }

    fn wrong(&self, key: &'static str, legal: &str) -> Error {
        let found = match self.values.get(key) {
            Some(Value::String(text)) => format!("`{text}`"),
            Some(Value::Array(items)) => format!("an array of {}", items.len()),
            other => format!("{other:?}"),
        };
        Error::Config {
            file: self.file.clone(),
            field: key,
            found,
            legal: legal.into(),
        }
    }

    /// A whole number, if it is there.
    ///
    /// # Errors
    /// [`Error::Config`]: it is no whole number.
    pub fn number(&self, key: &'static str) -> Result<Option<usize>> {
        let Some(value) = self.values.get(key) else {
            return Ok(None);
        };
        let number = match value {
            Value::Bool(_) => None,
            Value::I32(n) => usize::try_from(*n).ok(),
            Value::I64(n) => usize::try_from(*n).ok(),
            other => other.to_u64().ok().and_then(|n| usize::try_from(n).ok()),
        };
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(key, "a whole number")),
        }
    }

    /// A whole number that must be there.
    ///
    /// # Errors
    /// [`Error::Parse`]: it is not. [`Error::Config`]: it is no whole number.
    pub fn needed_number(&self, key: &'static str) -> Result<usize> {
        self.number(key)?.ok_or_else(|| self.missing(key))
    }

    /// A real number, if it is there.
    ///
    /// # Errors
    /// [`Error::Config`]: it is no real number.
    pub fn real(&self, key: &'static str) -> Result<Option<f64>> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::F32(x)) => Ok(Some((*x).into())),
            Some(Value::F64(x)) => Ok(Some(*x)),
            Some(_) => Err(self.wrong(key, "a real number")),
        }
    }

    /// A truth value; false if it is not there.
    ///
    /// # Errors
    /// [`Error::Config`]: it is no truth value.
    pub fn flag(&self, key: &'static str) -> Result<bool> {
        match self.values.get(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.wrong(key, "true or false")),
        }
    }

    /// A text, if it is there.
    ///
    /// # Errors
    /// [`Error::Config`]: it is no text.
    pub fn text(&self, key: &'static str) -> Result<Option<&str>> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a text")),
        }
    }

    /// A list of texts that must be there.
    ///
    /// # Errors
    /// [`Error::Parse`]: it is not. [`Error::Config`]: it is no list of texts.
    pub fn texts(&self, key: &'static str) -> Result<Vec<&str>> {
        let value = self.values.get(key).ok_or_else(|| self.missing(key))?;
        let wrong = || self.wrong(key, "an array of texts");
        let items = value.to_vec().map_err(|_| wrong())?;
        let texts = items.iter().map(|item| match item {
            Value::String(text) => Ok(text.as_str()),
            _ => Err(wrong()),
        });
        texts.collect()
    }

    /// A list of whole numbers; empty if it is not there.
    ///
    /// # Errors
    /// [`Error::Config`]: it is no list of whole numbers.
    pub fn numbers(&self, key: &'static str) -> Result<Vec<i64>> {
        let Some(value) = self.values.get(key) else {
            return Ok(Vec::new());
        };
        let wrong = || self.wrong(key, "an array of whole numbers");
        let items = value.to_vec().map_err(|_| wrong())?;
        let numbers = items.iter().map(|item| match item {
            Value::I32(n) => Ok((*n).into()),
            Value::U32(n) => Ok((*n).into()),
            Value::I64(n) => Ok(*n),
            _ => Err(wrong()),
        });
        numbers.collect()
    }
}
