//! Models: forward passes, adapters, recording, the `capture` command, and bad input to each.

mod bad_input;
mod capture_command;
mod forward;
mod minilm;
mod tiny;
