//! Each mistake in a statement is refused, by the right error, with its place.

#[path = "netlist_support/errors.rs"]
mod errors;

use errors::{child, error_of};
use logattn_hdl::netlist::{Builder, NetlistError, Signal, signed, unsigned};

#[test]
fn types_that_differ() {
    let narrow = |m: &mut Builder, a| m.slice(a, 0, 7);
    type Binary = fn(&mut Builder, Signal, Signal) -> Signal;
    let binary: [(&str, Binary); 11] = [
        ("add", Builder::add),
        ("sub", Builder::sub),
        ("and", Builder::and),
        ("or", Builder::or),
        ("xor", Builder::xor),
        ("eq", Builder::eq),
        ("ne", Builder::ne),
        ("lt", Builder::lt),
        ("le", Builder::le),
        ("gt", Builder::gt),
        ("ge", Builder::ge),
    ];
    for (label, operator) in binary {
        let width = error_of(|m, a, b| {
            let b = narrow(m, b);
            operator(m, a, b);
        });
        expect_error!(
            &width,
            TypeMismatch,
            "mistaken",
            "`a`",
            "unsigned(8)",
            "unsigned(7)"
        );
        assert!(width.to_string().contains(label), "{width}");
        let sign = error_of(|m, a, b| {
            let b = m.as_signed(b);
            operator(m, a, b);
        });
        expect_error!(&sign, TypeMismatch, "`a`", "unsigned(8)", "signed(8)");
    }
    let mixed = error_of(|m, a, b| {
        let b = narrow(m, b);
        m.or_all(&[a, a, b]);
    });
    expect_error!(mixed, TypeMismatch, "or of 3 signals", "unsigned(7)");
}

#[test]
fn operators_with_the_wrong_kind_of_operand() {
    let condition = error_of(|m, a, b| _ = m.mux(a, a, b));
    expect_error!(
        condition,
        TypeMismatch,
        "mux condition",
        "unsigned(1)",
        "`a`"
    );
    let product = error_of(|m, a, b| {
        let b = m.as_signed(b);
        m.mul(a, b);
    });
    expect_error!(product, SignMismatch, "mul", "`a`", "signed(8)");
    let amount = error_of(|m, a, b| {
        let b = m.as_signed(b);
        m.shr(a, b);
    });
    expect_error!(amount, SignMismatch, "shift of `a`", "signed(8)");
    let extend = error_of(|m, a, _| _ = m.extend(a, 7));
    expect_error!(extend, ExtendNarrows, "mistaken", "`a`", "8", "7");
    let constant = error_of(|m, _, _| _ = m.constant(256, unsigned(8)));
    expect_error!(
        constant,
        ConstantTooLarge,
        "mistaken",
        "0x100",
        "unsigned(8)"
    );
    let negative = error_of(|m, _, _| _ = m.constant(-129i64 as u64, signed(8)));
    expect_error!(negative, ConstantTooLarge, "signed(8)");
    let wide = error_of(|m, _, _| _ = m.constant_words(&[0, 0, 4], unsigned(130)));
    expect_error!(wide, ConstantTooLarge, "unsigned(130)");
    let reset = error_of(|m, _, _| _ = m.register_reset("r", unsigned(2), 4));
    expect_error!(reset, ConstantTooLarge, "0x4", "unsigned(2)");
}

#[test]
fn slices_out_of_range_and_values_of_no_bits() {
    let beyond = error_of(|m, a, _| _ = m.slice(a, 4, 5));
    expect_error!(
        beyond,
        SliceOutOfRange,
        "mistaken",
        "bits 4 to 8",
        "`a`",
        "8 bits"
    );
    let bit = error_of(|m, a, _| _ = m.bit(a, 8));
    expect_error!(bit, SliceOutOfRange, "bits 8 to 8");
    let huge = error_of(|m, a, _| _ = m.slice(a, u32::MAX, u32::MAX));
    expect_error!(huge, SliceOutOfRange, "`a`");
    let nothing = error_of(|m, a, _| _ = m.slice(a, 0, 0));
    expect_error!(nothing, SliceOutOfRange, "`a`");
    expect_error!(
        error_of(|m, _, _| _ = m.input("z", unsigned(0), "")),
        ZeroWidth,
        "mistaken"
    );
    expect_error!(
        error_of(|m, _, _| _ = m.register("z", signed(0))),
        ZeroWidth,
        "mistaken"
    );
    expect_error!(
        error_of(|m, _, _| _ = m.constant(0, unsigned(0))),
        ZeroWidth,
        "constant"
    );
    expect_error!(
        error_of(|m, _, _| _ = m.constant_words(&[], unsigned(0))),
        ZeroWidth,
        "constant"
    );
    expect_error!(error_of(|m, _, _| _ = m.concat(&[])), ZeroWidth, "concat");
    expect_error!(
        error_of(|m, a, _| _ = m.replicate(a, 0)),
        ZeroWidth,
        "replicate"
    );
    expect_error!(error_of(|m, _, _| _ = m.and_all(&[])), ZeroWidth, "and_all");
    expect_error!(
        error_of(|m, _, _| _ = m.memory("z", 4, 0)),
        ZeroWidth,
        "`z`"
    );
}

#[test]
fn names() {
    for name in [
        "",
        "9lives",
        "with space",
        "reg",
        "logic",
        "class",
        "a$b",
        "_a",
        "a__b",
    ] {
        let error = error_of(|m, a, _| _ = m.name(a, name));
        expect_error!(error, IllegalName, "mistaken");
    }
    let module = Builder::new("module", "")
        .finish()
        .expect_err("a reserved word");
    expect_error!(module, IllegalName, "`module`", "reserved");
    expect_error!(
        error_of(|m, _, _| _ = m.wire("a", unsigned(1))),
        DuplicateName,
        "`a`"
    );
    expect_error!(
        error_of(|m, a, _| m.output("sum", a, "")),
        DuplicateName,
        "`sum`"
    );
    expect_error!(
        error_of(|m, _, _| _ = m.memory("b", 4, 4)),
        DuplicateName,
        "`b`"
    );
    expect_error!(
        error_of(|m, _, _| _ = m.input("clk", unsigned(1), "")),
        DuplicateName,
        "`clk`"
    );
    expect_error!(
        error_of(|m, _, _| _ = m.register("rst", unsigned(1))),
        DuplicateName,
        "`rst`"
    );
    let instance = error_of(|m, a, _| {
        let value = m.slice(a, 0, 4);
        m.instance("sum", &child(), &[("value", value)]);
    });
    expect_error!(instance, DuplicateName, "`sum`");
    let by_default = error_of(|m, a, _| {
        let value = m.slice(a, 0, 4);
        let high = m.slice(a, 4, 4);
        m.output("one_kept", high, "");
        let instance = m.instance("u_one", &child(), &[("value", value)]);
        m.unused(instance.output("kept"));
    });
    expect_error!(by_default, DuplicateName, "`one_kept`");
    let aliased = error_of(|m, a, _| {
        m.unused(a);
        m.name(a, "unused");
    });
    expect_error!(aliased, DuplicateName, "`unused`");
}

#[test]
fn drivers() {
    expect_error!(
        error_of(|m, _, _| _ = m.wire("w", unsigned(1))),
        Undriven,
        "mistaken",
        "`w`"
    );
    expect_error!(
        error_of(|m, _, _| _ = m.register("r", unsigned(1))),
        Undriven,
        "`r`"
    );
    let twice = error_of(|m, a, b| {
        let wire = m.wire("w", unsigned(8));
        m.drive(wire, a);
        m.drive(wire, b);
    });
    expect_error!(twice, DrivenTwice, "`w`");
    let updated_twice = error_of(|m, a, b| {
        let register = m.register("r", unsigned(8));
        let enable = m.bit(b, 0);
        m.update(register, a);
        m.update_if(register, enable, b);
    });
    expect_error!(updated_twice, DrivenTwice, "`r`");
    expect_error!(
        error_of(|m, a, b| m.drive(a, b)),
        NotDrivable,
        "`a`",
        "wire"
    );
    expect_error!(
        error_of(|m, a, b| m.update(a, b)),
        NotDrivable,
        "`a`",
        "register"
    );
    let mismatch = error_of(|m, a, _| {
        let register = m.register("r", unsigned(9));
        m.update(register, a);
    });
    expect_error!(
        mismatch,
        TypeMismatch,
        "update of `r`",
        "unsigned(9)",
        "`a`"
    );
    let drive = error_of(|m, a, _| {
        let wire = m.wire("w", signed(8));
        m.drive(wire, a);
    });
    expect_error!(drive, TypeMismatch, "drive of `w`", "signed(8)");
    let enable = error_of(|m, a, b| {
        let register = m.register("r", unsigned(8));
        m.update_if(register, a, b);
    });
    expect_error!(enable, TypeMismatch, "enable", "`a`");
}

#[test]
fn memories() {
    expect_error!(
        error_of(|m, _, _| _ = m.memory("ram", 0, 8)),
        MemoryShape,
        "`ram`",
        "0 words"
    );
    let unwritten = error_of(|m, a, b| {
        let memory = m.memory("ram", 16, 8);
        let (enable, address) = (m.bit(a, 0), m.slice(b, 0, 4));
        let word = m.memory_read(memory, "word", enable, address);
        m.output("word", word, "");
    });
    expect_error!(unwritten, Undriven, "write port of `ram`");
    let unread = error_of(|m, a, b| {
        let memory = m.memory("ram", 16, 8);
        let (enable, address) = (m.bit(a, 0), m.slice(b, 0, 4));
        m.memory_write(memory, enable, address, a);
    });
    expect_error!(unread, Undriven, "read port of `ram`");
    let address = error_of(|m, a, b| {
        let memory = m.memory("ram", 17, 8);
        let (enable, address) = (m.bit(a, 0), m.slice(b, 0, 4));
        m.memory_write(memory, enable, address, a);
    });
    expect_error!(
        address,
        TypeMismatch,
        "address of memory `ram`",
        "unsigned(5)",
        "unsigned(4)"
    );
    let data = error_of(|m, a, b| {
        let memory = m.memory("ram", 16, 9);
        let (enable, address) = (m.bit(a, 0), m.slice(b, 0, 4));
        m.memory_write(memory, enable, address, a);
    });
    expect_error!(
        data,
        TypeMismatch,
        "write of memory `ram`",
        "unsigned(9)",
        "`a`"
    );
    let two_writes = error_of(|m, a, b| {
        let memory = m.memory("ram", 16, 8);
        let (enable, address) = (m.bit(a, 0), m.slice(b, 0, 4));
        m.memory_write(memory, enable, address, a);
        m.memory_write(memory, enable, address, b);
    });
    expect_error!(two_writes, DrivenTwice, "write port of `ram`");
    let two_reads = error_of(|m, a, b| {
        let memory = m.memory("ram", 16, 8);
        let (enable, address) = (m.bit(a, 0), m.slice(b, 0, 4));
        m.memory_read(memory, "p", enable, address);
        m.memory_read(memory, "q", enable, address);
    });
    expect_error!(two_reads, DrivenTwice, "read port of `ram`");
}

#[test]
fn instances() {
    let missing = error_of(|m, _, _| _ = m.instance("u_child", &child(), &[]));
    expect_error!(missing, MissingPort, "mistaken", "`u_child`", "`value`");
    let extra = error_of(|m, a, b| {
        let value = m.slice(a, 0, 4);
        m.instance("u_child", &child(), &[("value", value), ("other", b)]);
    });
    expect_error!(extra, UnknownPort, "`u_child`", "input port", "`other`");
    let clock = error_of(|m, a, _| {
        let (value, bit) = (m.slice(a, 0, 4), m.bit(a, 7));
        m.instance("u_child", &child(), &[("value", value), ("clk", bit)]);
    });
    expect_error!(clock, UnknownPort, "`clk`");
    let output = error_of(|m, a, _| {
        let value = m.slice(a, 0, 4);
        m.instance("u_child", &child(), &[("value", value)])
            .output("value");
    });
    expect_error!(output, UnknownPort, "`u_child`", "output port", "`value`");
    let twice = error_of(|m, a, _| {
        let value = m.slice(a, 0, 4);
        m.instance("u_child", &child(), &[("value", value), ("value", value)]);
    });
    expect_error!(twice, DrivenTwice, "`value`", "`u_child`");
    let mistyped = error_of(|m, a, _| _ = m.instance("u_child", &child(), &[("value", a)]));
    expect_error!(
        mistyped,
        TypeMismatch,
        "port `value`",
        "unsigned(4)",
        "`a`",
        "unsigned(8)"
    );
}

#[test]
fn signals_of_another_module() {
    let mut other = Builder::new("other", "");
    let theirs = other.input("theirs", unsigned(8), "");
    expect_error!(
        error_of(|m, a, _| _ = m.add(a, theirs)),
        ForeignSignal,
        "mistaken",
        "add"
    );
    expect_error!(error_of(|m, a, _| _ = m.lt(theirs, a)), ForeignSignal, "lt");
    expect_error!(
        error_of(|m, _, _| m.output("x", theirs, "")),
        ForeignSignal,
        "output"
    );
    expect_error!(error_of(|m, _, _| _ = m.not(theirs)), ForeignSignal, "not");
    expect_error!(
        error_of(|m, a, _| _ = m.concat(&[a, theirs])),
        ForeignSignal,
        "concat"
    );
    expect_error!(
        error_of(|m, _, _| _ = m.slice(theirs, 0, 1)),
        ForeignSignal,
        "slice"
    );
    let memory = other.memory("ram", 4, 8);
    let error = error_of(|m, a, b| {
        let (enable, address) = (m.bit(a, 0), m.slice(b, 0, 2));
        m.memory_write(memory, enable, address, a);
    });
    expect_error!(error, ForeignSignal, "memory");
}
