//! `normalize = "complement"`: visits in, rounded outputs out, through accumulator and normalizer.

use super::*;
use crate::netlist::Evaluator;
use crate::unit::normalizer::normalizer;
use crate::unit::padded;
use logattn_golden::config::Accumulate;
use logattn_golden::scores::{ScoreNormalize, ScoreWeights, complement_output};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One visit of a key, or the token of a row of length 0.
struct Visit {
    values: Vec<i64>,
    code: u64,
    is_largest: bool,
    first: bool,
    last: bool,
}

/// A beat of the output stream.
#[derive(Debug, PartialEq)]
struct Beat {
    outputs: Vec<i64>,
    last: bool,
}

/// Accumulator and normalizer of `c` in one module, whose outputs `sums_*` show what is between.
fn device(c: &Configuration) -> Module {
    let w = Widths::of(c);
    let mut m = Builder::new("accumulated", "");
    let value = m.input("s_value", unsigned(w.value_word), "");
    let codes = m.input("s_codes", unsigned(w.key_codes), "");
    let [largest, first, last, valid, ready] =
        ["s_largest", "s_first", "s_last", "s_valid", "m_ready"].map(|p| m.input(p, bit(), ""));
    let shifts = m.input(
        "shifts",
        unsigned(c.levels_count() as u32 * c.shift_bits()),
        "",
    );
    let taken = m.wire("taken", bit());
    let sums = m.instance(
        "u_accumulator",
        &shift_accumulator(c).expect("builds"),
        &[
            ("s_value", value),
            ("s_codes", codes),
            ("s_largest", largest),
            ("s_first", first),
            ("s_last", last),
            ("s_valid", valid),
            ("shifts", shifts),
            ("m_ready", taken),
        ],
    );
    let outputs = m.instance(
        "u_normalizer",
        &normalizer(c).expect("builds"),
        &[
            ("s_sums", sums.output("m_sums")),
            ("s_valid", sums.output("m_valid")),
            ("m_ready", ready),
        ],
    );
    m.drive(taken, outputs.output("s_ready"));
    m.output("s_ready", sums.output("s_ready"), "");
    m.output("sums", sums.output("m_sums"), "");
    let handed_over = m.and(taken, sums.output("m_valid"));
    m.output("sums_taken", handed_over, "");
    for port in ["m_data", "m_last", "m_valid"] {
        m.output(port, outputs.output(port), "");
    }
    m.finish().expect("builds")
}

/// Signed `bits` from bit `low` on.
fn field(words: &[u64], low: u32, bits: u32) -> i64 {
    let bit = |i: u32| (words[i as usize / 64] >> (i % 64)) & 1;
    let unsigned = (0..bits).fold(0, |all, i| all | (bit(low + i) << i));
    ((unsigned << (64 - bits)) as i64) >> (64 - bits)
}

fn words(values: &[i64], bits: u32) -> Vec<u64> {
    let mut words = vec![0; (values.len() as u32 * bits).div_ceil(64) as usize + 1];
    for (i, value) in values.iter().enumerate() {
        for bit in 0..bits {
            let position = i as u32 * bits + bit;
            words[position as usize / 64] |= ((*value as u64 >> bit) & 1) << (position % 64);
        }
    }
    words
}

/// Visits of `rows` rows, and the sums that they have to give: a vector a row and pass.
fn random_rows(
    c: &Configuration,
    shifts: &[u64],
    rows: usize,
    rng: &mut ChaCha8Rng,
) -> (Vec<Visit>, Vec<Vec<i64>>) {
    let max_shift = c.max_shift.expect("shifts");
    let limit = 1_i64 << (c.value_bits - 1);
    let (mut visits, mut sums) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let others = rng.random_range(0..c.max_keys);
        let is_empty = others == 0 && rng.random();
        let extreme: bool = rng.random();
        let codes: Vec<u64> = (0..=others)
            .map(|key| rng.random_range(u64::from(key > 0)..=c.levels_count() as u64))
            .collect();
        for _ in 0..c.passes() {
            let keys: Vec<Vec<i64>> = (0..=others)
                .map(|_| {
                    let value = |_| match rng.random_range(0..4) {
                        0 if extreme => limit - 1,
                        1.. if extreme => -limit,
                        _ => rng.random_range(-limit..limit),
                    };
                    (0..c.lanes).map(value).collect()
                })
                .collect();
            let sum_of = |lane: usize| -> i64 {
                let largest = keys[0][lane];
                let weighted = |key: usize| {
                    let shift = max_shift - shifts[codes[key] as usize - 1] as u32;
                    (keys[key][lane] - largest) * (1 << shift)
                };
                largest * (1 << max_shift) + (1..=others).map(weighted).sum::<i64>()
            };
            let of_lane = |lane| if is_empty { 0 } else { sum_of(lane) };
            sums.push((0..c.lanes).map(of_lane).collect());
            visits.extend(keys.into_iter().enumerate().map(|(key, values)| Visit {
                values,
                code: if is_empty { 0 } else { codes[key] },
                is_largest: key == 0 && !is_empty,
                first: key == 0,
                last: key == others,
            }));
        }
    }
    (visits, sums)
}

/// Sends `visits` with bubbles, whose inputs are arbitrary, and stalls; gives the sums handed over
/// and the beats that leave.
fn run(
    c: &Configuration,
    shifts: &[u64],
    visits: &[Visit],
    beats: usize,
    rng: &mut ChaCha8Rng,
) -> (Vec<Vec<i64>>, Vec<Beat>) {
    let mut device = Evaluator::new(&device(c)).expect("flattens");
    device.set("rst", 1);
    device.clock();
    device.set("rst", 0);
    let shifts: Vec<i64> = shifts.iter().map(|shift| *shift as i64).collect();
    device.set_words("shifts", &words(&shifts, c.shift_bits()));
    let field_bits = padded(c.output_bits.expect("outputs"));
    let (mut sums, mut outputs) = (Vec::new(), Vec::new());
    let (mut sent, mut offered) = (0, false);
    let mut cycles_left = 20 * (visits.len() + beats) + 100;
    while (outputs.len() < beats || sent < visits.len()) && cycles_left > 0 {
        cycles_left -= 1;
        offered = sent < visits.len() && (offered || rng.random_ratio(2, 3));
        device.set("s_valid", offered.into());
        if offered {
            let visit = &visits[sent];
            device.set_words("s_value", &words(&visit.values, c.value_bits));
            device.set("s_codes", visit.code);
            device.set("s_largest", visit.is_largest.into());
            device.set("s_first", visit.first.into());
            device.set("s_last", visit.last.into());
        } else {
            let garbage: Vec<u64> = (0..8).map(|_| rng.random()).collect();
            device.set_words("s_value", &garbage);
            for port in ["s_codes", "s_largest", "s_first", "s_last"] {
                device.set(port, rng.random());
            }
        }
        device.set("m_ready", rng.random_ratio(2, 3).into());
        device.settle();
        if device.get("sums_taken") == 1 {
            let all = device.get_words("sums");
            let bits = c.accumulator_bits();
            sums.push(
                (0..c.lanes as u32)
                    .map(|i| field(all, i * bits, bits))
                    .collect(),
            );
        }
        if device.get("m_valid") == 1 && device.get("m_ready") == 1 {
            let data = device.get_words("m_data");
            let lanes = 0..c.output_lanes as u32;
            let fields = lanes.map(|i| field(data, i * field_bits, field_bits));
            outputs.push(Beat {
                outputs: fields.collect(),
                last: device.get("m_last") == 1,
            });
        }
        if offered && device.get("s_ready") == 1 {
            sent += 1;
            offered = false;
        }
        device.rise();
    }
    (sums, outputs)
}

fn configurations() -> Vec<Configuration> {
    let base = Configuration {
        accumulate: Accumulate::Shift,
        ..Configuration::named("base").expect("known")
    };
    let with =
        |max_shift, (value_bits, output_bits), lanes, output_lanes, max_keys| Configuration {
            max_shift: Some(max_shift),
            value_bits,
            output_bits: Some(output_bits),
            head_dimension: 4,
            lanes,
            output_lanes,
            max_keys,
            ..base.clone()
        };
    let shapes = [
        with(7, (8, 8), 4, 1, 16),
        with(1, (8, 16), 2, 2, 8),
        with(15, (8, 8), 1, 1, 64),
        with(15, (2, 16), 4, 4, 5),
        with(3, (4, 7), 4, 2, 33),
        with(6, (8, 14), 2, 1, 16),
    ];
    let deep = |c: &Configuration| {
        [1, 2].map(|pipeline_depth| Configuration {
            pipeline_depth,
            ..c.clone()
        })
    };
    shapes.iter().flat_map(deep).collect()
}

#[test]
fn complement_sums_and_outputs_are_as_defined() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for c in configurations() {
        let max_shift = c.max_shift.expect("shifts");
        let output_bits = c.output_bits.expect("outputs");
        let shifts: Vec<u64> = (0..c.levels_count())
            .map(|_| rng.random_range(0..=u64::from(max_shift)))
            .collect();
        let (visits, expected) = random_rows(&c, &shifts, 60, &mut rng);
        let beats_of_pass = c.lanes / c.output_lanes;
        let beats = expected.len() * beats_of_pass;
        let (sums, outputs) = run(&c, &shifts, &visits, beats, &mut rng);
        assert_eq!(sums, expected, "{c:?}");

        let weights = ScoreWeights {
            value_bits: c.value_bits,
            max_shift,
            shifts: c.shifts.clone(),
            normalize: ScoreNormalize::Complement { output_bits },
        };
        let beats_of_row = beats_of_pass * c.passes();
        let values: Vec<i64> = expected.concat();
        let expected: Vec<Beat> = values
            .chunks(c.output_lanes)
            .enumerate()
            .map(|(beat, lanes)| {
                let output = |sum: &i64| complement_output(*sum, &weights).into();
                Beat {
                    outputs: lanes.iter().map(output).collect(),
                    last: (beat + 1) % beats_of_row == 0,
                }
            })
            .collect();
        assert_eq!(outputs, expected, "{c:?}");
    }
}

#[test]
fn complement_neither_multiplies_nor_divides() {
    for c in configurations() {
        for module in device(&c).hierarchy().expect("consistent") {
            let text = module.verilog("");
            let operators = text.lines().filter_map(|line| line.split("//").next());
            assert!(operators.clone().any(|line| line.contains("module")));
            assert!(
                operators
                    .into_iter()
                    .all(|line| !line.contains(['*', '/', '%'])),
                "{text}"
            );
        }
    }
}
