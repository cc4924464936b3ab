//! Models: forward passes, adapters, recording, the `capture` command, and bad input to each.

mod adapters;
mod bad_checkpoints;
mod bad_input;
mod capture_command;
mod forward;
mod llama;
mod llama_bad_input;
mod minilm;
mod several_attentions;
mod smollm2;
mod tiny;
mod transformers;
mod windows;
