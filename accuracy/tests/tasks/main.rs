//! Tasks: their data, their scores, and models that do them.

mod bad_data;
mod metrics;
mod outcomes;
mod real_models;
mod support;
