//! The file format of captures: good files, bad files, writing and reading back.

mod bad_input;
mod builder;
mod causal;
mod good_files;
