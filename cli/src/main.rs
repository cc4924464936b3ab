//! The `logattn` command.
fn main() {}
