//! The numeric specification with this configuration's values.

use super::markdown::Table;
use logattn_golden::Configuration;
use logattn_golden::config::{Accumulate, Input, Normalize};
use logattn_golden::scores::{Exp2, ScoreParameters};

/// All of it.
pub(super) fn numbers(c: &Configuration) -> String {
    let codes = match c.score_parameters() {
        Some(score) => scores(c, &score),
        None => probabilities(c),
    };
    format!(
        "Everything is integer arithmetic; what leaves the core is defined bit for bit. Keys at or beyond a row's length take \
         no part in anything.\n\n{}\n{codes}\n{}\n{}\n{}",
        formats(c),
        weights(c),
        sums(c),
        outputs(c)
    )
}

/// Number formats of everything that goes in, is kept and comes out.
fn formats(c: &Configuration) -> String {
    let mut table = Table::new(&["number", ">bits", "sign", ">fraction bits", "range"]);
    let mut row = |name: &str, bits: u32, signed: bool, fraction: String| {
        let (least, most) = range(bits, signed);
        let sign = if signed { "signed" } else { "unsigned" };
        let range = format!("{least} to {most}");
        table.row([
            name.to_string(),
            bits.to_string(),
            sign.into(),
            fraction,
            range,
        ]);
    };
    match c.input {
        Input::Probabilities => row(
            "probability",
            c.probability_bits,
            false,
            c.probability_bits.to_string(),
        ),
        Input::Scores => {}
        Input::Qkv => {
            row("element of a query or a key", 8, true, "any".into());
            row(
                "product of a query and a key",
                c.product_bits(),
                true,
                "`SCORE_SHIFT` more than a score".into(),
            );
        }
    }
    if let Some(score) = c.score_parameters() {
        let (f, g) = (score.fraction_bits, score.guard_bits);
        row(
            "score, a base-2 logit (y)",
            score.score_bits,
            true,
            f.to_string(),
        );
        row(
            "distance from the largest score (d)",
            score.distance_bits,
            false,
            f.to_string(),
        );
        row("threshold", score.distance_bits + 1, true, f.to_string());
        let sum_bits = f + g + (usize::BITS - c.max_keys.leading_zeros());
        row(
            "sum of the powers of two",
            sum_bits,
            false,
            (f + g).to_string(),
        );
    } else if c.accumulate != Accumulate::Multiply {
        row(
            "threshold",
            c.probability_bits,
            false,
            c.probability_bits.to_string(),
        );
    }
    row("element of a value", c.value_bits, true, "any (v)".into());
    let weight = match c.accumulate {
        Accumulate::Shift | Accumulate::Sorted => c.max_shift.unwrap_or(0),
        Accumulate::Bucket => c.level_bits.unwrap_or(0),
        Accumulate::Multiply => 8,
    };
    row(
        "sum of weighted values (acc)",
        c.accumulator_bits(),
        true,
        format!("v + {weight}"),
    );
    if c.normalize != Normalize::Complement {
        row(
            "sum of weights (normalizer)",
            c.normalizer_bits(),
            false,
            weight.to_string(),
        );
    }
    if let Some(bits) = c.output_bits {
        let more = match bits - c.value_bits {
            0 => "v".to_string(),
            more => format!("v + {more}"),
        };
        row("output", bits, true, more);
    }
    format!("### Formats\n\n{table}")
}

fn range(bits: u32, signed: bool) -> (i64, i64) {
    match signed {
        true => (-(1_i64 << (bits - 1)), (1_i64 << (bits - 1)) - 1),
        false => (0, (1_i64 << bits) - 1),
    }
}

fn probabilities(c: &Configuration) -> String {
    let p = c.probability_bits;
    if c.accumulate == Accumulate::Multiply {
        return format!(
            "### Codes\n\nA probability P (an integer, worth P / 2^{p}; 1.0 is sent as {most}) becomes the 8-bit integer \
             min(floor((P + {half}) / {step}), 255). Nothing is pruned.\n",
            most = range(p, false).1,
            half = 1_u32 << (p - 9),
            step = 1_u32 << (p - 8)
        );
    }
    let mut table = Table::new(&[
        ">code",
        ">threshold",
        ">probability from",
        ">weight",
        ">weight as an integer",
    ]);
    for (index, threshold) in c.thresholds.iter().enumerate() {
        let real = f64::from(*threshold) / f64::from(1_u32 << p);
        table.row([
            (index + 1).to_string(),
            threshold.to_string(),
            format!("{real:.6}"),
            weight(c, index),
            integer_weight(c, index),
        ]);
    }
    format!(
        "### Codes\n\nA probability P (an integer, worth P / 2^{p}; 1.0 is sent as {}) gets the number of thresholds that are \
         at or below it as its code: code i if P >= threshold i and P < threshold i + 1; a tie counts as reached. Code 0 is \
         pruned. Thresholds are unsigned and must not fall from one code to the next; the least is 1 or more.\n\n{table}",
        range(p, false).1
    )
}

fn scores(c: &Configuration, score: &ScoreParameters) -> String {
    let (f, g, d) = (score.fraction_bits, score.guard_bits, score.distance_bits);
    let farthest = range(d, false).1;
    let origin = match c.input {
        Input::Qkv => format!(
            "1. y = (q . k) >> `SCORE_SHIFT` (arithmetic, rounded down), the base-2 logit with {f} fraction bits, saturated to \
             {} bits; a saturation sets `ERRORS.score_overflow` where it can happen. If one unit of q . k is 2^-s octaves, \
             `SCORE_SHIFT` = s - {f}.\n",
            score.score_bits
        ),
        _ => format!(
            "1. y is the score as it is sent: the base-2 logit (the logit times log2 e) with {f} fraction bits.\n"
        ),
    };
    let term = match score.exp2 {
        Exp2::Mitchell => format!(
            "(({} + r) << {g}) >> I (Mitchell: 2^x is about 1 + x)",
            1 << f
        ),
        Exp2::Table => format!("T[r] >> I, T[r] = round(2^{} 2^(r / {}))", f + g, 1 << f),
    };
    let mut table = Table::new(&[
        ">code",
        ">threshold",
        ">octaves",
        ">probability from, about",
        ">weight",
        ">weight as an integer",
    ]);
    for (index, threshold) in c.score_thresholds.iter().enumerate() {
        let octaves = f64::from(*threshold) / f64::from(1_u32 << f);
        table.row([
            (index + 1).to_string(),
            threshold.to_string(),
            format!("{octaves}"),
            format!("{:.6}", octaves.exp2()),
            weight(c, index),
            integer_weight(c, index),
        ]);
    }
    let bound = c
        .score_format()
        .map(|format| format.error_bound(c.max_keys, 31));
    let bound = bound.map_or(String::new(), |bound| {
        format!(
            "A code can differ from that of an exact softmax only for a probability within {:.3} octaves below and {:.3} above \
             a threshold (rows of {} keys, any `SCORE_SHIFT`).\n",
            bound.above, bound.below, c.max_keys
        )
    });
    format!(
        "### Codes\n\n{origin}\
         2. m is the largest y of the row; d = min(m - y, {farthest}).\n\
         3. 2^-d in fixed point with {} fraction bits, truncated: with I = ceil(d / {}) and r = {} I - d it is {term}.\n\
         4. sum is the sum of these over the row; with 2^E the worth of its leading one, offset = {} E + the {f} bits below the \
         leading one.\n\
         5. The code is the number of thresholds t with d + offset <= -t. A tie counts as reached. Code 0 is pruned.\n\n\
         Thresholds are signed, at most 0, above -{farthest}, and must not fall from one code to the next.\n\n{table}\n{bound}",
        f + g,
        1 << f,
        1 << f,
        1 << f
    )
}

fn weight(c: &Configuration, index: usize) -> String {
    match c.accumulate {
        Accumulate::Bucket => {
            let bits = c.level_bits.unwrap_or(0);
            let level = c.levels.get(index).copied().unwrap_or(0);
            format!("{:.6}", f64::from(level) / f64::from(1_u32 << bits))
        }
        _ => format!("2^-{}", c.shifts.get(index).copied().unwrap_or(0)),
    }
}

fn integer_weight(c: &Configuration, index: usize) -> String {
    match c.accumulate {
        Accumulate::Bucket => c.levels.get(index).copied().unwrap_or(0).to_string(),
        _ => {
            let shift = c.shifts.get(index).copied().unwrap_or(0);
            (1_u32 << (c.max_shift.unwrap_or(0) - shift)).to_string()
        }
    }
}

fn weights(c: &Configuration) -> String {
    let text = match c.accumulate {
        Accumulate::Shift | Accumulate::Sorted => format!(
            "Code i weighs 2^-`SHIFT_i`, as an integer 2^({most} - `SHIFT_i`). Shifts are 0 to {most} and must not rise from one \
             code to the next.",
            most = c.max_shift.unwrap_or(0)
        ),
        Accumulate::Bucket => format!(
            "Code i weighs `LEVEL_i` / 2^{}, as an integer `LEVEL_i`. Levels must not fall from one code to the next.",
            c.level_bits.unwrap_or(0)
        ),
        Accumulate::Multiply => "The code is the weight, worth code / 2^8.".into(),
    };
    format!("### Weights\n\n{text}\n")
}

fn sums(c: &Configuration) -> String {
    let exact = format!(
        "Sums are exact: {} bits hold the sum of {} keys of the largest weight and any values, so nothing overflows, is rounded \
         or saturates, and the order of keys does not matter.",
        c.accumulator_bits(),
        c.max_keys
    );
    let text = match c.normalize {
        Normalize::Complement => format!(
            "V* is the value of the key with the row's largest y (of the lowest such key), pruned or not. For each element, \
             acc = V* 2^{most} + the sum over the other survivors of (V - V*) times the weight as an integer. The weights add up \
             to 2^{most} by construction. {exact}",
            most = c.max_shift.unwrap_or(0)
        ),
        _ => format!(
            "For each element, acc = the sum over the row's survivors of V times the weight as an integer; normalizer = the sum \
             of these weights. {exact}"
        ),
    };
    format!("### Sums\n\n{text}\n")
}

fn outputs(c: &Configuration) -> String {
    let more = c.output_bits.unwrap_or(c.value_bits) - c.value_bits;
    let scale = match more {
        0 => "acc".to_string(),
        more => format!("acc 2^{more}"),
    };
    let text = match c.normalize {
        Normalize::None => {
            "acc and normalizer leave as they are; the caller divides. A row without survivors gives 0 and 0.".to_string()
        }
        Normalize::Reciprocal => format!(
            "{scale} / normalizer, rounded to the nearest integer, halves away from zero; exactly, although the core multiplies \
             by a reciprocal. It always fits {} bits. A row without survivors gives 0.",
            c.output_bits.unwrap_or(0)
        ),
        Normalize::Complement => format!(
            "{scale} / 2^{}, rounded to the nearest integer, halves away from zero, saturated to {} bits (the other weights may \
             add up to more than 1, and the mean leave the range of the values).",
            c.max_shift.unwrap_or(0),
            c.output_bits.unwrap_or(0)
        ),
    };
    format!("### Outputs\n\n{text}\n")
}
