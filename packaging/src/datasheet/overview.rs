//! What the core is and what this one has.

use super::markdown::grouped;
use logattn_golden::Configuration;
use logattn_golden::config::{Accumulate, Input, Normalize};

/// The first paragraphs.
pub(super) fn what_it_is(c: &Configuration) -> String {
    let takes = match c.input {
        Input::Probabilities => {
            "The core takes the values of a head and rows of softmax probabilities in fixed point"
        }
        Input::Scores => {
            "The core takes the values of a head and rows of scores (base-2 logits); a softmax is never computed"
        }
        Input::Qkv => {
            "The core takes queries, keys and values of a head in int8 and does the whole of its attention; a softmax is never computed"
        }
    };
    let code = match c.accumulate {
        Accumulate::Multiply => {
            "This one is a baseline: it keeps 8-bit linear probabilities, prunes nothing and multiplies.".to_string()
        }
        _ => format!(
            "Each attention value becomes one of {} codes of {} bits: code 0 is pruned and costs nothing further, \
             the others stand for {} levels.",
            c.levels_count() + 1,
            c.code_bits,
            c.levels_count()
        ),
    };
    let sums = match c.accumulate {
        Accumulate::Shift | Accumulate::Sorted => {
            " Levels are powers of two, so that values are shifted and added, not multiplied."
        }
        Accumulate::Bucket => {
            " Levels are any numbers: values are summed code by code, and the sums are multiplied by the levels once a row."
        }
        Accumulate::Multiply => "",
    };
    let out = match c.normalize {
        Normalize::None => "Out come the exact sums with the sum of the weights of each row.",
        Normalize::Reciprocal => {
            "Out come the sums divided by the sum of the row's weights, rounded."
        }
        Normalize::Complement => {
            "The key with the row's largest score takes the weight that the others leave, so that nothing is ever divided."
        }
    };
    format!("{takes}. {code}{sums} {out}\n")
}

/// The feature list.
pub(super) fn features(c: &Configuration) -> String {
    let mut list = vec![
        format!(
            "heads of {} elements (D) and up to {} keys a row (N); length set at run time",
            c.head_dimension,
            grouped(c.max_keys as u64)
        ),
        format!("values of {} bits, signed", c.value_bits),
        input(c),
        format!(
            "{} value elements are accumulated in a cycle{}",
            c.lanes * c.query_block,
            match (c.query_block, c.passes()) {
                (1, 1) => ": a survivor a cycle".to_string(),
                (1, passes) => format!(": a survivor in {passes} cycles"),
                (block, _) => format!(": {block} rows share each read of a value"),
            }
        ),
    ];
    list.push(match c.accumulate {
        Accumulate::Shift => "pruned keys cost no cycle; weights by shifting".to_string(),
        Accumulate::Sorted => {
            "pruned keys cost no cycle; survivors level by level, the sum doubled from one to the next".into()
        }
        Accumulate::Bucket => format!(
            "pruned keys cost no cycle; one sum a code, {} levels of {} bits set at run time",
            c.levels_count(),
            c.level_bits.unwrap_or(0)
        ),
        Accumulate::Multiply => "an 8-bit multiplier a lane; nothing is pruned".into(),
    });
    let registers = match c.accumulate {
        Accumulate::Multiply => None,
        Accumulate::Bucket => Some("thresholds and levels are registers"),
        Accumulate::Shift | Accumulate::Sorted => Some("thresholds and shifts are registers"),
    };
    list.extend(registers.map(str::to_string));
    list.push(match (c.normalize, c.output_bits) {
        (Normalize::None, _) => format!(
            "outputs: exact sums of {} bits and the normalizer of {} bits",
            c.accumulator_bits(),
            c.normalizer_bits()
        ),
        (Normalize::Reciprocal, bits) => format!(
            "outputs of {} bits, exactly rounded quotients, by one reciprocal a row",
            bits.unwrap_or(0)
        ),
        (Normalize::Complement, bits) => {
            format!("outputs of {} bits without any division", bits.unwrap_or(0))
        }
    });
    let memory = match c.input {
        Input::Qkv => "values and keys",
        _ => "values",
    };
    list.push(match c.value_banks {
        1 => format!("one bank for {memory}: the next head loads when this one is finished"),
        _ => format!("two banks for {memory}: the next head loads while this one is in use"),
    });
    list.push(
        "AXI4-Stream in and out, full throughput under back-pressure; AXI4-Lite registers".into(),
    );
    list.push("errors in packets are noticed, told by a bit each and an interrupt, and the next good packet is right".into());
    list.push("counters of cycles, rows, keys, survivors, value reads and stalls by cause".into());
    list.push("plain Verilog-2005, one clock, one file a module, no vendor primitives".into());
    list.iter()
        .map(|feature| format!("- {feature}\n"))
        .collect()
}

fn input(c: &Configuration) -> String {
    let keys = c.keys_per_beat;
    match c.input {
        Input::Probabilities => format!(
            "{keys} probabilities of {} bits of each row in a beat",
            c.probability_bits
        ),
        Input::Scores => format!(
            "{keys} scores of {} bits of each row in a beat, {} of them fraction bits",
            c.attention_bits(),
            c.fraction_bits.unwrap_or(0)
        ),
        Input::Qkv => format!(
            "int8 queries and keys; {keys} keys are multiplied with {} in a cycle ({} products)",
            match c.query_block {
                1 => "a query".to_string(),
                block => format!("{block} queries"),
            },
            keys * c.query_block * c.head_dimension
        ),
    }
}
