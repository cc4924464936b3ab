//! Which identifiers may be printed.

/// Reserved in Verilog-2005, in SystemVerilog (many tools read `.v` as such) or in C++ (simulators
/// that translate to it rename, and warn). Sorted, for the binary search.
const RESERVED: &[&str] = &[
    "accept_on", "alias", "alignas", "alignof", "always", "always_comb", "always_ff",
    "always_latch", "and", "and_eq", "asm", "assert", "assign", "assume", "auto", "automatic",
    "before", "begin", "bind", "bins", "binsof", "bit", "bitand", "bitor", "bool", "break", "buf",
    "bufif0", "bufif1", "byte", "case", "casex", "casez", "catch", "cell", "chandle", "char",
    "checker", "class", "clocking", "cmos", "compl", "config", "const", "const_cast", "constexpr",
    "constraint", "context", "continue", "cover", "covergroup", "coverpoint", "cross", "deassign",
    "decltype", "default", "defparam", "delete", "design", "disable", "dist", "do", "double",
    "dynamic_cast", "edge", "else", "end", "endcase", "endchecker", "endclass", "endclocking",
    "endconfig", "endfunction", "endgenerate", "endgroup", "endinterface", "endmodule",
    "endpackage", "endprimitive", "endprogram", "endproperty", "endsequence", "endspecify",
    "endtable", "endtask", "enum", "event", "eventually", "expect", "explicit", "export",
    "extends", "extern", "false", "final", "first_match", "float", "for", "force", "foreach",
    "forever", "fork", "forkjoin", "friend", "function", "generate", "genvar", "global", "goto",
    "highz0", "highz1", "if", "iff", "ifnone", "ignore_bins", "illegal_bins", "implements",
    "implies", "import", "incdir", "include", "initial", "inline", "inout", "input", "inside",
    "instance", "int", "integer", "interconnect", "interface", "intersect", "join", "join_any",
    "join_none", "large", "let", "liblist", "library", "local", "localparam", "logic", "long",
    "longint", "macromodule", "matches", "medium", "modport", "module", "mutable", "namespace",
    "nand", "negedge", "nettype", "new", "nexttime", "nmos", "noexcept", "nor", "noshowcancelled",
    "not", "not_eq", "notif0", "notif1", "null", "nullptr", "operator", "or", "or_eq", "output",
    "package", "packed", "parameter", "pmos", "posedge", "primitive", "priority", "private",
    "program", "property", "protected", "public", "pull0", "pull1", "pulldown", "pullup",
    "pulsestyle_ondetect", "pulsestyle_onevent", "pure", "rand", "randc", "randcase",
    "randsequence", "rcmos", "real", "realtime", "ref", "reg", "register", "reinterpret_cast",
    "reject_on", "release", "repeat", "restrict", "return", "rnmos", "rpmos", "rtran", "rtranif0",
    "rtranif1", "s_always", "s_eventually", "s_nexttime", "s_until", "s_until_with", "scalared",
    "sequence", "short", "shortint", "shortreal", "showcancelled", "signed", "sizeof", "small",
    "soft", "solve", "specify", "specparam", "static", "static_assert", "static_cast", "string",
    "strong", "strong0", "strong1", "struct", "super", "supply0", "supply1", "switch",
    "sync_accept_on", "sync_reject_on", "table", "tagged", "task", "template", "this",
    "thread_local", "throughout", "throw", "time", "timeprecision", "timeunit", "tran", "tranif0",
    "tranif1", "tri", "tri0", "tri1", "triand", "trior", "trireg", "true", "try", "type",
    "typedef", "typeid", "typename", "union", "unique", "unique0", "unsigned", "until",
    "until_with", "untyped", "use", "using", "uwire", "var", "vectored", "virtual", "void",
    "volatile", "wait", "wait_order", "wand", "wchar_t", "weak", "weak0", "weak1", "while",
    "wildcard", "wire", "with", "within", "wor", "xnor", "xor", "xor_eq",
];

/// Why `name` cannot be printed as an identifier, or `None` if it can.
pub(super) fn objection(name: &str) -> Option<&'static str> {
    let mut characters = name.chars();
    match characters.next() {
        None => return Some("it is empty"),
        Some(c) if !c.is_ascii_alphabetic() => return Some("it does not start with a letter"),
        Some(_) => {}
    }
    if !characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Some("only letters, digits and underscores are allowed");
    }
    if name.contains("__") {
        return Some("simulators use the double underscore for themselves");
    }
    if RESERVED.binary_search(&name).is_ok() {
        return Some("it is a reserved word");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{RESERVED, objection};

    #[test]
    fn reserved_words_are_sorted() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn legal_and_illegal_names() {
        for name in ["a", "threshold_1", "u_quantizer", "s_axis_tdata", "Q7"] {
            assert_eq!(objection(name), None, "{name}");
        }
        for name in ["", "1a", "_a", "a-b", "a b", "a__b", "wire", "bit", "double", "é", "a$b"] {
            assert!(objection(name).is_some(), "{name}");
        }
    }
}
