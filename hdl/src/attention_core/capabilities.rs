//! Registers that say what was synthesized.

use super::register_map::{Access, Field, Lock, Register};
use logattn_golden::config::{Accumulate, Configuration, Input, Normalize, QUERY_KEY_BITS};
use logattn_golden::scores::Exp2;

/// A read-only register of synthesized parameters: (name, lowest bit, bits, value, meaning).
fn capability(
    name: &str,
    offset: u32,
    doc: &str,
    fields: &[(&str, u32, u32, u32, &str)],
) -> Register {
    let mut register = Register::new(name, offset, Lock::Free, doc);
    for (name, low, width, value, doc) in fields {
        let field = Field::new(name, *low, *width, Access::Constant, *doc).with_reset(*value);
        register = register.with(field);
    }
    register
}

/// Every synthesized parameter.
pub(super) fn capabilities(c: &Configuration) -> Vec<Register> {
    let [keys, lanes, block, outputs] =
        [c.keys_per_beat, c.lanes, c.query_block, c.output_lanes].map(|count| count as u32);
    let attention = match c.input {
        Input::Qkv => QUERY_KEY_BITS,
        _ => c.attention_bits(),
    };
    let output = c.output_bits.unwrap_or(0);
    let mut registers = vec![
        capability(
            "CAPABILITY_SHAPE",
            0x010,
            "sizes of a head",
            &[
                (
                    "head_dimension",
                    0,
                    16,
                    c.head_dimension as u32,
                    "elements D of a value",
                ),
                (
                    "max_keys",
                    16,
                    16,
                    c.max_keys as u32,
                    "most keys N of a row",
                ),
            ],
        ),
        capability(
            "CAPABILITY_PARALLEL",
            0x014,
            "what is done in a cycle",
            &[
                ("keys_per_beat", 0, 8, keys, "keys W of a beat"),
                (
                    "lanes",
                    8,
                    10,
                    lanes,
                    "value elements accumulated in a cycle",
                ),
                (
                    "query_block",
                    18,
                    4,
                    block,
                    "rows B that share a read of a value",
                ),
                (
                    "output_lanes",
                    22,
                    10,
                    outputs,
                    "elements of an output beat",
                ),
            ],
        ),
        capability(
            "CAPABILITY_FORMAT",
            0x018,
            "number formats",
            &[
                (
                    "code_bits",
                    0,
                    4,
                    c.stored_code_bits(),
                    "bits of a stored attention value",
                ),
                ("value_bits", 4, 4, c.value_bits, "bits of a value element"),
                (
                    "attention_bits",
                    8,
                    8,
                    attention,
                    "bits of an element of the attention or query stream",
                ),
                (
                    "output_bits",
                    16,
                    8,
                    output,
                    "bits of an output element; 0: sums and normalizer",
                ),
                (
                    "max_shift",
                    24,
                    4,
                    c.max_shift.unwrap_or(0),
                    "largest shift",
                ),
            ],
        ),
        modes(c),
    ];
    if let Some(format) = c.score_parameters() {
        registers.push(capability(
            "CAPABILITY_SCORES",
            0x020,
            "formats of scores",
            &[
                (
                    "fraction_bits",
                    0,
                    4,
                    format.fraction_bits,
                    "fraction bits F of a score",
                ),
                ("score_bits", 8, 6, format.score_bits, "bits of a score"),
                (
                    "distance_bits",
                    16,
                    4,
                    format.distance_bits,
                    "bits of a distance from the largest score",
                ),
                (
                    "guard_bits",
                    24,
                    5,
                    format.guard_bits,
                    "fraction bits that powers of two have more",
                ),
            ],
        ));
    }
    registers
}

fn modes(c: &Configuration) -> Register {
    let input = match c.input {
        Input::Probabilities => 0,
        Input::Scores => 1,
        Input::Qkv => 2,
    };
    let accumulate = match c.accumulate {
        Accumulate::Shift => 0,
        Accumulate::Sorted => 1,
        Accumulate::Bucket => 2,
        Accumulate::Multiply => 3,
    };
    let normalize = match c.normalize {
        Normalize::None => 0,
        Normalize::Reciprocal => 1,
        Normalize::Complement => 2,
    };
    let table = u32::from(c.exp2 == Some(Exp2::Table));
    capability(
        "CAPABILITY_MODES",
        0x01C,
        "modes",
        &[
            (
                "input",
                0,
                2,
                input,
                "0 probabilities, 1 scores, 2 Q, K and V",
            ),
            (
                "accumulate",
                2,
                2,
                accumulate,
                "0 shift, 1 sorted, 2 bucket, 3 multiply",
            ),
            (
                "normalize",
                4,
                2,
                normalize,
                "0 none, 1 reciprocal, 2 complement",
            ),
            ("exp2_table", 6, 1, table, "powers of two from a table"),
            (
                "value_banks",
                8,
                2,
                c.value_banks as u32,
                "heads whose values are held",
            ),
            (
                "pipeline_depth",
                10,
                2,
                c.pipeline_depth,
                "registers on the paths",
            ),
            (
                "level_bits",
                16,
                5,
                c.level_bits.unwrap_or(0),
                "fraction bits of a level",
            ),
        ],
    )
}
