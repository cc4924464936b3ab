//! Bits that it takes to store the attention matrix.

use super::Plot;
use crate::Error;
use crate::profile::canvas::{Anchor, Canvas, Lettering};
use crate::profile::frame::Frame;
use crate::profile::scale::{Scale, bytes, digits};
use crate::profile::theme::{TWIN, UNIT, size};
use crate::study::Study;

const TOP: i32 = 52;
const BAR: i32 = 40;

/// An encoding: its name, all bits, and whether it has codes.
pub type Encoding = (String, u64, bool);

/// The encodings, largest first by custom.
pub fn encodings(study: &Study) -> Vec<Encoding> {
    let bits = &study.encodings;
    vec![
        ("fp16".into(), bits.fp16, false),
        ("int8".into(), bits.int8, false),
        (
            format!("{}-bit codes, dense", study.shape.code_bits),
            bits.dense,
            true,
        ),
        (
            "bitmap, survivors' codes".into(),
            bits.survivor_bitmap,
            true,
        ),
        (
            "run lengths, survivors' codes".into(),
            bits.run_length,
            true,
        ),
    ]
}

/// Draws it.
pub fn plot(study: &Study) -> Result<Plot, Error> {
    let caption = format!(
        "Bits for an attention value within the rows' lengths, and the bytes of everything studied. \
         The unit itself keeps no attention matrix: codes are used as they come. This is what a design \
         that writes it to memory would move. Bitmap: a bit a key and {} bits a survivor; run \
         lengths: before each survivor's code the number of pruned keys, in the field width that is \
         best here.",
        study.shape.code_bits
    );
    let all = encodings(study);
    let height = TOP + all.len() as i32 * BAR + 62;
    let title = "Storing the attention values, bits a value".into();
    Plot::draw("encodings", title, caption, height, |canvas| {
        draw(canvas, study, &all);
    })
}

fn draw(canvas: &Canvas, study: &Study, all: &[Encoding]) {
    let elements = study.encodings.elements.max(1) as f64;
    let each = |bits: u64| bits as f64 / elements;
    let highest = all
        .iter()
        .map(|(_, bits, _)| each(*bits))
        .fold(0.0, f64::max);
    let frame = Frame {
        canvas,
        from: (270, TOP),
        to: (740, TOP + all.len() as i32 * BAR),
        x: Scale::linear(0.0, highest),
        y: Scale::linear(0.0, 1.0),
    };
    frame.x_axis("bits an attention value", 9, digits);
    for (index, (name, bits, codes)) in all.iter().enumerate() {
        let y = TOP + index as i32 * BAR;
        let right = frame.x(each(*bits));
        let color = if *codes { UNIT } else { TWIN };
        canvas.rectangle((frame.from.0, y + 7), (right, y + BAR - 7), color);
        let style = Lettering::new(size::LABEL, Anchor::Right);
        canvas.text(name, (frame.from.0 - 10, y + BAR / 2), style);
        let text = format!(
            "{} bits, {}",
            digits(each(*bits)),
            bytes(*bits as f64 / 8.0)
        );
        let style = Lettering::new(size::TICK, Anchor::Left);
        canvas.text(&text, (right + 8, y + BAR / 2), style);
    }
}
