//! The file format of captures: good files, bad files, writing and reading back.

mod bad_input;
mod builder;
mod good_files;
