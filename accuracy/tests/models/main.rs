//! Models: forward passes, adapters, recording, the `capture` command, and bad input to each.

mod bad_input;
mod capture_command;
mod forward;
mod llama;
mod llama_bad_input;
mod minilm;
mod smollm2;
mod tiny;
