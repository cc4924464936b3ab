//! The eleven published quantizers of attention values, in real numbers.
//!
//! Source of all: Ji et al., "On the Distribution, Sparsity, and Inference-time Quantization of
//! Attention Values in Transformers", Findings of ACL 2021, arXiv 2106.01335, as in the authors'
//! code. They act on probabilities after the softmax, with k bits; N = 2^k - 1, M = 2^k, m = 1e-3,
//! and round(x) = floor(x + 1/2). Each is a staircase ([`Steps`]): a value becomes the level of
//! the highest step that it reaches. The first seven are fixed ([`Uniform`]), the others follow
//! from all attention values of a layer and batch ([`Ranked`]).

mod quantile;
mod steps;
mod uniform;

pub use quantile::Ranked;
pub use steps::Steps;
pub use uniform::Uniform;

/// m: the lower end of the range of the methods that prune.
pub const LOWEST: f64 = 1e-3;

/// Legal k.
pub const BITS: std::ops::RangeInclusive<u32> = 2..=16;

/// One of the published quantizers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantizer {
    /// One whose steps are fixed.
    Uniform(Uniform),
    /// One whose steps follow from the values.
    Ranked(Ranked),
}

impl Quantizer {
    /// All of them, in the order of the paper's table (1 to 11).
    pub const ALL: [Quantizer; 11] = [
        Quantizer::Uniform(Uniform::LinearNearest),
        Quantizer::Uniform(Uniform::LinearMiddle),
        Quantizer::Uniform(Uniform::LinearPrunedNearest),
        Quantizer::Uniform(Uniform::LinearPrunedMiddle),
        Quantizer::Uniform(Uniform::LogNearest),
        Quantizer::Uniform(Uniform::LogMiddle),
        Quantizer::Uniform(Uniform::LogPrunedMiddle),
        Quantizer::Ranked(Ranked::LinearPruned),
        Quantizer::Ranked(Ranked::LogPrunedMean),
        Quantizer::Ranked(Ranked::LogMean),
        Quantizer::Ranked(Ranked::Binarization),
    ];

    /// The name in specifications.
    pub fn name(self) -> &'static str {
        match self {
            Quantizer::Uniform(uniform) => uniform.name(),
            Quantizer::Ranked(ranked) => ranked.name(),
        }
    }

    /// The quantizer of a name; `paper` is that of the paper's 3-bit result.
    pub fn named(name: &str) -> Option<Self> {
        if name == "paper" {
            return Some(Quantizer::Uniform(Uniform::LogPrunedMiddle));
        }
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// Whether it has a number of bits: all but binarization.
    pub fn has_bits(self) -> bool {
        self != Quantizer::Ranked(Ranked::Binarization)
    }

    /// Whether a value of 1 gets a level beyond the last bin, which clamping prevents.
    pub fn overshoots(self) -> bool {
        use Uniform::{LinearMiddle, LinearPrunedMiddle, LogMiddle};
        let overshooting = [LinearMiddle, LinearPrunedMiddle, LogMiddle];
        matches!(self, Quantizer::Uniform(uniform) if overshooting.contains(&uniform))
    }
}
