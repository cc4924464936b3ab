//! From integer scores to codes and outputs, without a softmax and without a multiplier.
//!
//! Everything is integer arithmetic: the RTL must agree on every bit. Nothing depends on how keys
//! are grouped into beats, because the row's maximum is known before the sum starts and no sum is
//! rounded.
//!
//! # Definition
//! Parameters are those of [`ScoreParameters`]: F = `fraction_bits`, G = `guard_bits`,
//! D_MAX = 2^`distance_bits` - 1. Keys at or beyond a row's length take no part in anything.
//!
//! 1. A key's score is the integer S = q·k. y = S >> `score_shift` (arithmetic: rounded down) is
//!    its base-2 logit with F fraction bits, in `score_bits` signed bits. If one unit of S is
//!    2^-f octaves, `score_shift` = f - F; see [`power_of_two_query`].
//! 2. m = the largest y of the row. d = min(m - y, D_MAX), unsigned: the key's distance.
//! 3. term(d), 2^-d with F + G fraction bits, truncated: with I = ceil(d / 2^F) and
//!    r = I 2^F - d (so -d = -I 2^F + r, 0 <= r < 2^F),
//!    - [`Exp2::Mitchell`]: ((2^F + r) << G) >> I, as 2^x is about 1 + x within an octave;
//!    - [`Exp2::Table`]: T\[r\] >> I with the table T\[r\] = round(2^(F + G) 2^(r / 2^F)).
//! 4. sum = the sum of the terms. As term(0) is 1 and no other term is more, it is 1..=N.
//! 5. offset, log2(sum) with F fraction bits: E 2^F + the F bits below the leading one, where
//!    2^E is what the leading one is worth (Mitchell again). L = m + offset.
//! 6. code = the number of thresholds t, signed with F fraction bits, with y - L >= t, that is
//!    d + offset <= -t. Thresholds are -D_MAX < t <= 0, so that a distance that was cut down to
//!    D_MAX never survives: the code is that of the full distance.
//!
//! A code weighs 2^(max_shift - shift), a pruned key nothing. [`ScoreNormalize`] says what
//! becomes of the row's sum.
//!
//! # Early prune
//! offset >= 0, so L >= m, and m is never below the largest y of any part of the row. Hence a
//! key that is farther than -t_lowest below *any* key of its row has code 0
//! ([`ScoreFormat::never_survives`]); already the maximum of the beats seen so far tells. The
//! terms of such keys still belong to the sum.
//!
//! # How far from a threshold can a code be wrong?
//! Let x_j = S_j 2^-f be the exact logits in octaves, Λ = log2 of the sum of 2^(x_j) over the
//! row's n keys, and p_j = 2^(x_j - Λ) the softmax probability. The unit compares
//! z_j = (y_j - L) 2^-F where the softmax's log2 p_j = x_j - Λ is meant. With h = 2^-F,
//! u = 2^-(F + G) and c = h (1 - 2^-`score_shift`), which is the most that point 1 rounds off:
//!
//! - *Scores.* y_j h = x_j - δ_j with 0 <= δ_j <= c. So Λ', the same as Λ of the rounded scores,
//!   is within Λ - c and Λ.
//! - *Exponential.* Let s = 2^(Λ' - m h), the exact sum of 2^(-distance), >= 1. Mitchell's 1 + x
//!   is 2^x to 2^(x + μ), where μ = 1 - log2(e) + log2(log2 e) = 0.0861; a table entry is right
//!   within a factor of 1 ± u / 2. The largest key's term is exact, every other loses less than u
//!   by truncation and gains at most σ = term(D_MAX) if its distance was cut down. So
//!   s - (n - 1) u <= sum <= 2^μ s + (n - 1) σ, and as sum >= 1 and s >= 1, log2(sum) - log2(s) is
//!   within -log2(1 + (n - 1) u) and log2(2^μ + (n - 1) σ). With the table it is within
//!   -log2(1 + (n - 1) u) + log2(1 - u / 2) and log2(1 + u / 2 + (n - 1) σ).
//! - *Logarithm.* Mitchell's log2 is 0 to μ too low, and cutting it to F bits takes off less than
//!   h: offset h is log2(sum) - λ with 0 <= λ < μ + h.
//!
//! Together z_j - log2 p_j = -δ_j - (Λ' - Λ) - (log2(sum) - log2(s)) + λ, so
//!
//! -c - log2(2^μ + (n - 1) σ) <= z_j - log2 p_j < c + log2(1 + (n - 1) u) + μ + h
//!
//! ([`ScoreFormat::error_bound`]). A key can have a code other than that of its softmax
//! probability only if log2 p_j lies so near to an edge, plus the distance between the edge and
//! its threshold (none for edges on the grid, at most h / 2 for [`score_thresholds`]).
//!
//! For F = 4, N = 512 and the default G it is 0.149 octaves below and 0.255 above. The default
//! G = ceil(log2 N) + 1 keeps the truncation under one step of the thresholds, as
//! log2(1 + (n - 1) u) < (n - 1) u log2 e <= 2^(G - 1) u log2 e < h. With Mitchell's 2^-d,
//! keys within G octaves of the largest lose nothing at all.
//!
//! # Example
//! ```
//! use logattn_golden::scores::{
//!     ScoreFormat, ScoreNormalize, ScoreParameters, ScoreWeights, attend_scores, score_thresholds,
//! };
//! use ndarray::arr2;
//!
//! let shifts = vec![7, 6, 5, 4, 3, 2, 1];
//! let thresholds = score_thresholds(&shifts, 7.5, 4)?;
//! let format = ScoreFormat::new(ScoreParameters::new(512, 4, thresholds))?;
//! let weights = ScoreWeights {
//!     value_bits: 8,
//!     max_shift: 7,
//!     shifts,
//!     normalize: ScoreNormalize::Reciprocal { output_bits: 8 },
//! };
//! // Scores with 4 + 2 fraction bits: logits 3, 1 and -10 octaves.
//! let scores = arr2(&[[192, 64, -640]]);
//! let values = arr2(&[[10, -20], [40, 30], [99, 99]]);
//! let attention = attend_scores(&format, &weights, scores.view(), 2, &[3], values.view())?;
//! // Probabilities 4/5 and 1/5 get the levels 2^-1 and 2^-2; the third key is pruned.
//! assert_eq!(attention.survivors, [2]);
//! assert_eq!(attention.normalizers, [64 + 32]);
//! assert_eq!(attention.outputs, Some(arr2(&[[20, -3]])));
//! # Ok::<(), logattn_golden::AttentionError>(())
//! ```

mod attend;
mod check;
mod format;
mod kernel;
mod model;
mod product;
mod row;
mod scale;
mod weights;

pub use attend::{attend_score_heads, attend_scores, score_codes};
pub use format::{ErrorBound, Exp2, ScoreFormat, ScoreParameters, score_thresholds};
pub(crate) use format::{FRACTION_BITS, GUARD_BITS, distance_bits, score_bits};
pub use product::{causal_lengths, scores};
pub use row::RowStatistics;
pub use scale::{ScaledQuery, power_of_two_query};
pub use weights::{ScoreNormalize, ScoreWeights, complement_output};
