//! Models that do tasks.

use crate::checkpoint::model_type;
use crate::tasks::Task;
use crate::{Adapter, Bert, Decoder, Error, ModelShape, Result, TextEncoder};
use candle_core::Tensor;
use std::path::{Path, PathBuf};

/// An encoder and its tokenizer.
#[derive(Clone, Debug)]
pub struct Encoder {
    /// The checkpoint's folder.
    pub path: PathBuf,
    /// The model.
    pub model: Bert,
    /// Its tokenizer.
    pub text: TextEncoder,
}

/// A model and its tokenizer.
#[derive(Clone, Debug)]
pub enum Model {
    /// Answers questions, classifies, compares.
    Encoder(Box<Encoder>),
    /// Predicts text; with the file or folder it is from.
    Decoder(PathBuf, Box<Decoder>),
}

impl Model {
    /// Reads a GGUF file or a checkpoint folder, and applies an adapter to an encoder.
    ///
    /// # Errors
    /// A file is missing or malformed, the architecture is not supported, an adapter does not fit
    /// or is given for a decoder.
    pub fn load(path: &Path, adapter: Option<&Path>) -> Result<Self> {
        if is_decoder(path)? {
            if let Some(adapter) = adapter {
                return Err(Error::Option {
                    option: "the adapter",
                    found: adapter.display().to_string(),
                    legal: format!(
                        "none: {} is a decoder, adapters are for encoders",
                        path.display()
                    ),
                });
            }
            let decoder = Decoder::load(path)?;
            return Ok(Model::Decoder(path.into(), Box::new(decoder)));
        }
        let mut model = Bert::load(path)?;
        let text = TextEncoder::load(path, model.config())?;
        if let Some(file) = adapter {
            model = model.adapt(Adapter::load(file)?)?;
        }
        Ok(Model::Encoder(Box::new(Encoder {
            path: path.into(),
            model,
            text,
        })))
    }

    /// What the attention depends on.
    pub fn shape(&self) -> ModelShape {
        match self {
            Model::Encoder(encoder) => encoder.model.shape(),
            Model::Decoder(_, decoder) => decoder.model.shape(),
        }
    }

    /// The weight of the linear layer after the attention of each layer, [hidden size, heads * D].
    pub fn attention_outputs(&self) -> Vec<&Tensor> {
        match self {
            Model::Encoder(encoder) => encoder.model.attention_outputs(),
            Model::Decoder(_, decoder) => decoder.model.attention_outputs(),
        }
    }

    /// The encoder, for a task that needs one.
    ///
    /// # Errors
    /// [`Error::Task`].
    pub fn encoder(&self, task: Task) -> Result<&Encoder> {
        match self {
            Model::Encoder(encoder) => Ok(encoder),
            Model::Decoder(path, _) => Err(Error::Task {
                model: path.clone(),
                found: "a decoder".into(),
                task: task.name(),
                legal: "an encoder; the task of a decoder is `perplexity`".into(),
            }),
        }
    }

    /// The decoder, for a task that needs one.
    ///
    /// # Errors
    /// [`Error::Task`].
    pub fn decoder(&self, task: Task) -> Result<&Decoder> {
        match self {
            Model::Decoder(_, decoder) => Ok(decoder),
            Model::Encoder(encoder) => Err(Error::Task {
                model: encoder.path.clone(),
                found: "an encoder".into(),
                task: task.name(),
                legal: "a decoder (llama); the tasks of an encoder are `qa`, `classify` and \
                        `similarity`"
                    .into(),
            }),
        }
    }
}

impl Encoder {
    /// Most tokens that the model can read.
    pub fn longest(&self) -> usize {
        self.model.config().max_tokens()
    }

    /// The error of a model without the head that a task needs.
    pub(super) fn no_head(&self, task: Task, found: &str, needed: &str) -> Error {
        Error::Task {
            model: self.path.clone(),
            found: format!("a model with {found}"),
            task: task.name(),
            legal: format!("{needed}, from the checkpoint or an adapter"),
        }
    }
}

/// Whether the model is a decoder: a file, or a folder that says so. That the folder is of a model
/// which can be run at all is seen when it is loaded.
fn is_decoder(model: &Path) -> Result<bool> {
    if !model.is_dir() {
        return Ok(true);
    }
    Ok(model_type(&model.join("config.json"))? == "llama")
}
