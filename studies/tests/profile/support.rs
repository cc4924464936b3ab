//! Studies that the tests make pages of.

use logattn_captures::{Capture, Metadata, Stored, Tensors};
use logattn_golden::Configuration;
use logattn_studies::profile::Page;
use logattn_studies::{Phase, Source, Study, StudyOptions, study};
use ndarray::Array3;

/// The command that the pages say they were made by.
pub const COMMAND: &str = "logattn profile --config x --input 'a <b>' --out out";

/// The embedded capture on a configuration of D = 32.
pub fn demo(configuration: &str) -> Study {
    of(
        configuration,
        &Source::load("demo").expect("embedded"),
        Phase::Prefill,
    )
}

/// A decoder as deep as a small language model: 30 layers of 9 query heads over 3 key and value
/// heads, causal, D = 32.
pub fn decoder(configuration: &str, phase: Phase) -> Study {
    let (layers, tokens) = (30, 40);
    let number = |a: usize, b: usize, c: usize| {
        let mixed = (a * 7919 + b * 104_729 + c * 1_299_709 + 17) % 1009;
        mixed as f32 / 1009.0 - 0.5
    };
    let tensor = |heads: usize, salt: usize, scale: f32| {
        let shape = (layers * heads, tokens, 32);
        let element = |(h, t, d): (usize, usize, usize)| number(h + salt, t, d) * scale;
        Some(Stored::Float(Array3::from_shape_fn(shape, element)))
    };
    let tensors = Tensors {
        q: tensor(9, 1, 8.0),
        k: tensor(3, 50, 8.0),
        v: tensor(3, 90, 2.0),
        ..Tensors::default()
    };
    let metadata = Metadata {
        layers: Some(layers),
        causal: true,
        ..Metadata::default()
    };
    let capture = Capture::new("decoder", tensors, metadata).expect("legal");
    of(configuration, &Source::Capture(Box::new(capture)), phase)
}

fn of(configuration: &str, source: &Source, phase: Phase) -> Study {
    let configuration = Configuration::named(configuration).expect("a named one");
    let options = StudyOptions {
        phase,
        ..StudyOptions::new().expect("embedded tables")
    };
    study(&configuration, source, &options, &|_, _| ()).expect("a study")
}

/// Its page.
pub fn page(study: &Study) -> Page {
    Page::of(study, COMMAND).expect("a page")
}
