//! What the attention of a layer gets, computed once for any number of attentions.

use crate::{Attention, AttentionInput, Result};
use candle_core::{D, Tensor};

/// Queries, [batch, heads, tokens, D], keys and values, [batch, KV heads, tokens, D], of a layer,
/// contiguous. Cloning copies no values.
#[derive(Clone, Debug)]
pub(crate) struct Projected {
    pub(crate) q: Tensor,
    pub(crate) k: Tensor,
    pub(crate) v: Tensor,
}

impl Projected {
    /// The context of every token: [batch, tokens, heads * D].
    ///
    /// # Errors
    /// What `attention` fails at.
    pub(crate) fn attend(
        &self,
        layer: usize,
        lengths: &[usize],
        causal: bool,
        attention: &mut dyn Attention,
    ) -> Result<Tensor> {
        let context = attention.attend(AttentionInput {
            layer,
            q: &self.q,
            k: &self.k,
            v: &self.v,
            lengths,
            causal,
        })?;
        Ok(context.transpose(1, 2)?.flatten_from(D::Minus2)?)
    }
}

/// The heads of a projection: [batch, tokens, heads * D] to [batch, heads, tokens, D], contiguous.
///
/// # Errors
/// `projected` has another shape.
pub(crate) fn split_heads(projected: &Tensor, heads: usize) -> Result<Tensor> {
    let (texts, tokens, width) = projected.dims3()?;
    let split = projected.reshape((texts, tokens, heads, width / heads))?;
    Ok(split.transpose(1, 2)?.contiguous()?)
}
