//! Where the weights of a Llama model stand in a checkpoint.

use crate::checkpoint::Weights;
use crate::{Error, LlamaConfig, Result};
use candle_core::Tensor;

/// How a checkpoint names the weights, and in which order a head's dimensions are turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// GGUF: dimensions 2 i and 2 i + 1 of a head are turned together, as in the paper.
    Gguf,
    /// Hugging Face: dimensions i and i + D / 2 are.
    HuggingFace,
}

/// A weight of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Query,
    Key,
    Value,
    AttentionOutput,
    Gate,
    Up,
    Down,
    AttentionNorm,
    FeedForwardNorm,
}

impl Layout {
    pub(super) fn embeddings(self) -> &'static str {
        match self {
            Layout::Gguf => "token_embd.weight",
            Layout::HuggingFace => "model.embed_tokens.weight",
        }
    }

    pub(super) fn norm(self) -> &'static str {
        match self {
            Layout::Gguf => "output_norm.weight",
            Layout::HuggingFace => "model.norm.weight",
        }
    }

    pub(super) fn output(self) -> &'static str {
        match self {
            Layout::Gguf => "output.weight",
            Layout::HuggingFace => "lm_head.weight",
        }
    }

    fn part(self, layer: usize, part: Part) -> String {
        let (gguf, hugging_face) = match part {
            Part::Query => ("attn_q", "self_attn.q_proj"),
            Part::Key => ("attn_k", "self_attn.k_proj"),
            Part::Value => ("attn_v", "self_attn.v_proj"),
            Part::AttentionOutput => ("attn_output", "self_attn.o_proj"),
            Part::Gate => ("ffn_gate", "mlp.gate_proj"),
            Part::Up => ("ffn_up", "mlp.up_proj"),
            Part::Down => ("ffn_down", "mlp.down_proj"),
            Part::AttentionNorm => ("attn_norm", "input_layernorm"),
            Part::FeedForwardNorm => ("ffn_norm", "post_attention_layernorm"),
        };
        match self {
            Layout::Gguf => format!("blk.{layer}.{gguf}.weight"),
            Layout::HuggingFace => format!("model.layers.{layer}.{hugging_face}.weight"),
        }
    }

    /// Takes a layer's weight out.
    pub(super) fn take(
        self,
        weights: &mut Weights,
        layer: usize,
        part: Part,
        shape: &[usize],
    ) -> Result<Tensor> {
        weights.take(&self.part(layer, part), shape)
    }

    /// That a checkpoint holds no more than was taken: a bias or a table of frequencies that is
    /// not used would give another model.
    pub(super) fn nothing_left(self, weights: &Weights, config: &LlamaConfig) -> Result<()> {
        // Old checkpoints hold the frequencies that follow from the base.
        let derived = |name: &str| name.ends_with("rotary_emb.inv_freq");
        // Of a tied model some checkpoints hold the embeddings twice.
        let twice = |name: &str| config.tied && name == self.output();
        let mut left = weights
            .names()
            .filter(|name| !derived(name) && !twice(name));
        let Some(tensor) = left.next() else {
            return Ok(());
        };
        let parts = match self {
            Layout::Gguf => {
                "`blk.{i}.{attn_q,attn_k,attn_v,attn_output,ffn_gate,ffn_up,ffn_down,attn_norm,ffn_norm}.weight`"
            }
            Layout::HuggingFace => {
                "`model.layers.{i}.{self_attn.{q,k,v,o}_proj,mlp.{gate,up,down}_proj,input_layernorm,post_attention_layernorm}.weight`"
            }
        };
        Err(Error::UnknownTensor {
            file: weights.file().into(),
            tensor: tensor.into(),
            legal: format!(
                "`{}`, `{}`, `{}`, {parts}, i below {}",
                self.embeddings(),
                self.norm(),
                self.output(),
                config.num_hidden_layers
            ),
        })
    }
}
