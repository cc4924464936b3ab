//! Attentions by specification: against formulas in double precision (tests/data/attention.json,
//! made by make_attention_expectations.py), against the golden model, and bad input to each.

mod expected;
mod golden;
mod histograms;
mod quantizers;
mod registers;
mod specification;
mod weights;
