//! From a capture to a safetensors file.

use crate::{Capture, Error, Result, Stored};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;

impl Capture {
    /// The bytes of a safetensors file: q, k and v as they are stored (F32, or I8 with scales),
    /// probabilities as F32, the mask as U8 if there is one. The same capture gives the same
    /// bytes; that is why the header is written here, where its order is fixed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = File::default();
        // Wide types first, so that every tensor lies aligned.
        let members = [
            ("q", self.q.as_ref()),
            ("k", self.k.as_ref()),
            ("v", Some(&self.v)),
        ];
        let members = members.map(|(name, tensor)| tensor.map(|t| (name, t)));
        for (name, tensor) in members.iter().flatten() {
            match tensor {
                Stored::Float(values) => file.floats(name, &tensor.shape(), values),
                Stored::Int8 { scales, .. } => {
                    file.floats(&format!("{name}_scale"), &[scales.len()], scales);
                }
            }
        }
        if let Some(values) = &self.probabilities {
            file.floats("probabilities", values.shape(), values);
        }
        for (name, tensor) in members.iter().flatten() {
            if let Stored::Int8 { values, .. } = tensor {
                let bytes = values.iter().map(|&x| x as u8);
                file.tensor(name, "I8", &tensor.shape(), bytes);
            }
        }
        if self.has_mask {
            let bytes = self.mask.iter().map(|&valid| u8::from(valid));
            file.tensor("mask", "U8", &[self.mask.len()], bytes);
        }
        file.finish(self.metadata_map())
    }

    /// Writes the capture as a safetensors file. It is written beside `path` first and renamed,
    /// so that `path` is never half-written.
    ///
    /// # Errors
    /// [`Error::Write`]; `path` is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        write_whole(path, &self.to_bytes()).map_err(|source| Error::Write {
            file: path.to_path_buf(),
            source,
        })
    }

    fn metadata_map(&self) -> Map<String, Value> {
        let number = |n: Option<usize>| n.map(|n| n.to_string());
        let Capture { metadata, .. } = self;
        [
            ("causal", metadata.causal.then(|| "true".into())),
            ("heads_per_layer", number(metadata.heads_per_layer)),
            ("kv_heads_per_layer", number(metadata.kv_heads_per_layer)),
            ("layers", number(metadata.layers)),
            ("model", metadata.model.clone()),
            ("text", metadata.text.clone()),
            ("text_source", metadata.text_source.clone()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?))))
        .collect()
    }
}

/// A safetensors file in the making: its header's entries and its data.
#[derive(Default)]
struct File {
    entries: Map<String, Value>,
    data: Vec<u8>,
}

impl File {
    fn tensor(
        &mut self,
        name: &str,
        dtype: &str,
        shape: &[usize],
        bytes: impl Iterator<Item = u8>,
    ) {
        let begin = self.data.len();
        self.data.extend(bytes);
        let entry = json!({
            "dtype": dtype, "shape": shape, "data_offsets": [begin, self.data.len()],
        });
        self.entries.insert(name.to_owned(), entry);
    }

    fn floats<'a>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: impl IntoIterator<Item = &'a f32>,
    ) {
        let bytes = values.into_iter().flat_map(|x| x.to_le_bytes());
        self.tensor(name, "F32", shape, bytes);
    }

    fn finish(mut self, metadata: Map<String, Value>) -> Vec<u8> {
        if !metadata.is_empty() {
            self.entries
                .insert("__metadata__".into(), Value::Object(metadata));
        }
        let mut header = Value::Object(self.entries).to_string().into_bytes();
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.extend(self.data);
        bytes
    }
}

/// Writes a file under a temporary name in the same folder, then renames it.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; this one ends up as an ordinary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
