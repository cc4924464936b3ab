//! The `logattn` command as a user runs it: every command, and every kind of bad input.

mod accuracy;
mod analyze;
mod bad_input;
mod calibrate;
mod cosim;
mod demo;
mod estimate;
mod files;
mod good_input;
mod profile;
mod studies;
mod support;
mod sweep;
mod synth;
