//! Low-rank adapters (Hu et al., "LoRA", 2021, equation 3) with layer norms and a head.

use crate::bert::{Layer, outputs};
use crate::checkpoint::Weights;
use crate::{Bert, Result};
use candle_nn::{LayerNorm, Linear};
use std::path::Path;

/// By what `b·a` is multiplied before it is added to a weight: alpha / rank of the training.
const SCALE: f64 = 2.0;

/// Names that an adapter has.
const NAMES: &str = "`layers.{i}.{q,k,v,o,f1,f2}.{a,b}`, `layers.{i}.{ln1,ln2}.{weight,bias}`, \
                     `ln.{weight,bias}`, `head.{weight,bias}`";

/// An adapter's file: for each linear layer of shape [outputs, inputs] a pair `a` [rank, inputs]
/// and `b` [outputs, rank], every layer norm anew, and a head [outputs, hidden size].
#[derive(Debug)]
pub struct Adapter {
    weights: Weights,
}

impl Adapter {
    /// Reads an adapter's file. Whether it fits a model is seen by [`Bert::adapt`].
    ///
    /// # Errors
    /// The file cannot be read, is no safetensors file, or holds NaN or infinities.
    pub fn load(file: &Path) -> Result<Self> {
        Ok(Adapter {
            weights: Weights::load(file)?,
        })
    }
}

impl Bert {
    /// Applies an adapter: each weight W becomes W + 2·b·a; layer norms and head are replaced.
    ///
    /// # Errors
    /// A tensor of the adapter is missing, does not fit this model, or is unknown. The model is
    /// then to be dropped.
    pub fn adapt(mut self, adapter: Adapter) -> Result<Self> {
        let Adapter { mut weights } = adapter;
        let eps = self.config().layer_norm_eps;
        for (index, layer) in self.layers.iter_mut().enumerate() {
            adapt_layer(layer, &mut weights, index, eps)?;
        }
        self.embedding_norm = replaced_norm(&self.embedding_norm, &mut weights, "ln", eps)?;
        self.heads.adapter = Some(outputs(&mut weights, "head", self.config().hidden_size)?);
        match weights.names().next() {
            Some(tensor) => Err(crate::Error::UnknownTensor {
                file: weights.file().into(),
                tensor: tensor.into(),
                legal: format!("{NAMES}, i below {}", self.layers.len()),
            }),
            None => Ok(self),
        }
    }
}

fn adapt_layer(layer: &mut Layer, weights: &mut Weights, index: usize, eps: f64) -> Result<()> {
    for (name, linear) in [
        ("q", &mut layer.query),
        ("k", &mut layer.key),
        ("v", &mut layer.value),
        ("o", &mut layer.attention_output),
        ("f1", &mut layer.intermediate),
        ("f2", &mut layer.output),
    ] {
        *linear = adapted(linear, weights, &format!("layers.{index}.{name}"))?;
    }
    for (name, norm) in [
        ("ln1", &mut layer.attention_norm),
        ("ln2", &mut layer.output_norm),
    ] {
        *norm = replaced_norm(norm, weights, &format!("layers.{index}.{name}"), eps)?;
    }
    Ok(())
}

fn adapted(linear: &Linear, weights: &mut Weights, name: &str) -> Result<Linear> {
    let (outputs, inputs) = linear.weight().dims2()?;
    let (a_name, b_name) = (format!("{name}.a"), format!("{name}.b"));
    let a = weights.take_any(&a_name)?;
    let rank = match a.dims() {
        &[rank, width] if rank > 0 && width == inputs => rank,
        _ => return Err(weights.wrong_shape(&a_name, &a, format!("[rank, {inputs}]"))),
    };
    let b = weights.take(&b_name, &[outputs, rank])?;
    let weight = (linear.weight() + (b.matmul(&a)? * SCALE)?)?;
    Ok(Linear::new(weight, linear.bias().cloned()))
}

fn replaced_norm(
    norm: &LayerNorm,
    weights: &mut Weights,
    name: &str,
    eps: f64,
) -> Result<LayerNorm> {
    let shape = norm.weight().dims();
    let weight = weights.take(&format!("{name}.weight"), shape)?;
    let bias = weights.take(&format!("{name}.bias"), shape)?;
    Ok(LayerNorm::new(weight, bias, eps))
}
