//! Building modules that contain one mistake.

use logattn_hdl::netlist::{Builder, Module, NetlistError, Signal, unsigned};

/// What `describe` does wrong in a module with two 8-bit inputs that are read.
pub fn error_of(describe: impl FnOnce(&mut Builder, Signal, Signal)) -> NetlistError {
    let mut m = Builder::new("mistaken", "");
    let a = m.input("a", unsigned(8), "");
    let b = m.input("b", unsigned(8), "");
    let sum = m.add(a, b);
    m.output("sum", sum, "");
    describe(&mut m, a, b);
    m.finish().expect_err("a mistake")
}

/// The error is of the variant, and its text has all of these words.
#[macro_export]
macro_rules! expect_error {
    ($error:expr, $variant:ident, $($word:literal),+) => {{
        let error = $error;
        assert!(matches!(error, NetlistError::$variant { .. }), "{error:?}");
        let text = error.to_string();
        $(assert!(text.contains($word), "`{text}` has no `{}`", $word);)+
    }};
}

/// A module with one input and one register.
pub fn child() -> Module {
    let mut m = Builder::new("child", "");
    let value = m.input("value", unsigned(4), "");
    let kept = m.register("kept", unsigned(4));
    m.update(kept, value);
    m.output("kept", kept, "");
    m.finish().expect("a legal module")
}
