//! Heads of a capture as the bench plays them.

use crate::stimulus::Head;
use logattn_captures::{Capture, HeadRows, UnitHeadError, unit_head};
use logattn_golden::Configuration;

/// Head `index` of `capture` for the unit of `c`, at most its first `rows` rows, all keys of each
/// (see [`unit_head`]).
///
/// # Errors
/// As [`unit_head`].
pub fn captured_head(
    capture: &Capture,
    c: &Configuration,
    index: usize,
    rows: usize,
) -> Result<Head, UnitHeadError> {
    let head = unit_head(capture, c, index, rows)?;
    let values = head.values.view();
    Ok(match &head.rows {
        HeadRows::Probabilities(all) => Head::whole(c, all.view(), values),
        HeadRows::Scores(all) => Head::whole_scores(c, all.view(), values),
        HeadRows::Qkv {
            query,
            key,
            score_shift,
        } => Head::whole_qkv(c, query.view(), key.view(), *score_shift, values),
    })
}
