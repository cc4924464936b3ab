//! Attention captured from real transformers: files, checks, the embedded demo capture
//!
//! A *capture* is a safetensors file that holds, for one text, what the attention of every head
//! of a transformer saw. There are two kinds, and a file may be both:
//!
//! | tensor | shape | type |
//! |---|---|---|
//! | `q` | [heads, rows, D] | F32, F16, BF16, or I8 with a scale |
//! | `k`, `v` | [KV heads, tokens, D] | F32, F16, BF16, or I8 with a scale |
//! | `q_scale`, `k_scale`, `v_scale` | `[heads]` or `[KV heads]`, `[1]` or scalar | F32, positive; value = integer * scale |
//! | `probabilities` (with `v`; `q` and `k` may be absent) | [heads, rows, tokens] | F32, F16, BF16 |
//! | `mask` (optional) | `[tokens]` | U8, BOOL or another integer; nonzero = valid key |
//!
//! `q` is stored such that the logits are `q·k / sqrt(D)`. Other tensors in a file are not read.
//! The file's metadata may carry what [`Metadata`] holds.
//!
//! *KV heads*: with grouped queries several heads share the keys and values of one KV head. The
//! number of heads is a multiple of that of KV heads, and heads of one KV head follow one another;
//! where the numbers are equal, each head has its own. Heads and KV heads are ordered by layer.
//!
//! *Causal* captures (metadata `causal` = `true`): a row sees no key after its own token. `q`,
//! and `probabilities`, may then hold fewer rows than there are tokens: the rows of the last
//! tokens, so that row i of R over N tokens sees the keys 0 ..= N - R + i. All other captures have
//! as many rows of `q` as tokens. Probabilities beyond what a row sees must be 0, and a mask, if
//! there is one, must leave all keys: padding in causal captures is not supported.
//!
//! Everything is checked when a capture is made, so a [`Capture`] that exists can be used without
//! further errors:
//!
//! ```
//! use logattn_captures::Capture;
//!
//! let capture = Capture::demo();
//! let head = capture.head(0)?;
//! let row: f32 = head.probabilities().row(0).sum();
//! assert!((row - 1.0).abs() < 1e-5);
//! # Ok::<(), logattn_captures::Error>(())
//! ```

mod capture;
mod check;
mod error;
mod head;
mod read;
mod stored;
mod unit_head;
mod write;

pub use capture::{Capture, Metadata, Tensors};
pub use error::{Error, Result};
pub use head::Head;
pub use stored::{Int8Matrix, Stored};
pub use unit_head::{HeadRows, UnitHead, UnitHeadError, unit_head};
