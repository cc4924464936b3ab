//! Design studies: what a configuration costs on a whole model's attention, in cycles, bytes and
//! energy, in prefill and in decode.

mod accuracy;
mod available;
mod error;
pub mod input;
pub mod mask;
mod memory;
mod number;
pub mod profile;
mod softmax;
pub mod source;
pub mod study;
pub mod sweep;
pub mod timing;

pub use accuracy::{Accuracy, Difference, as_they_are, renormalized};
pub use error::Error;
pub use input::Input;
pub use mask::StaticMask;
pub use number::{grouped, percent};
pub use softmax::{Precision, differing_codes};
pub use source::{DEMO, Source, load_capture};
pub use study::{Phase, Study, StudyOptions, csv, document, study};
