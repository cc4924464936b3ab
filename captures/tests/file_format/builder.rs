//! Makes safetensors files for the tests with the safetensors crate.

use half::{bf16, f16};
use logattn_captures::{Capture, Result};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::collections::HashMap;

struct Entry {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// A safetensors file in the making.
#[derive(Default)]
pub struct FileBuilder {
    entries: Vec<Entry>,
    metadata: HashMap<String, String>,
}

macro_rules! typed {
    ($($method:ident: $type:ty as $dtype:ident),* $(,)?) => {
        $(
            /// Adds a tensor, replacing one of the same name.
            pub fn $method(self, name: &str, shape: &[usize], values: &[$type]) -> Self {
                let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
                self.tensor(name, Dtype::$dtype, shape, bytes)
            }
        )*
    };
}

impl FileBuilder {
    pub fn new() -> Self {
        Self::default()
    }

    typed!(f32: f32 as F32, f16: f16 as F16, bf16: bf16 as BF16, i8: i8 as I8, u8: u8 as U8,
        i64: i64 as I64, f64: f64 as F64);

    pub fn bool(self, name: &str, shape: &[usize], values: &[bool]) -> Self {
        let bytes = values.iter().map(|&x| u8::from(x)).collect();
        self.tensor(name, Dtype::BOOL, shape, bytes)
    }

    pub fn tensor(mut self, name: &str, dtype: Dtype, shape: &[usize], bytes: Vec<u8>) -> Self {
        self = self.without(name);
        self.entries.push(Entry {
            name: name.into(),
            dtype,
            shape: shape.into(),
            bytes,
        });
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.entries.retain(|entry| entry.name != name);
        self
    }

    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let views = self.entries.iter().map(|entry| {
            let view = TensorView::new(entry.dtype, entry.shape.clone(), &entry.bytes);
            (
                entry.name.as_str(),
                view.expect("a test's tensor has its shape"),
            )
        });
        safetensors::serialize(views, Some(self.metadata.clone())).expect("a test's file is legal")
    }

    pub fn capture(&self) -> Result<Capture> {
        Capture::from_bytes("test.safetensors", &self.bytes())
    }
}
