use super::Type;

/// What is wrong with a netlist. Every variant names the module and, where there is one, the signal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetlistError {
    /// Two types that have to be the same are not.
    #[error("module {module}: {operation} needs {expected}, but {signal} is {found}")]
    TypeMismatch {
        /// The module under construction.
        module: String,
        /// The operation that was asked for, with its other operand.
        operation: String,
        /// The type that the operation needs.
        expected: Type,
        /// The operand that has another type.
        signal: String,
        /// The type that the operand has.
        found: Type,
    },
    /// Operands of a multiplication, or a shift amount, of the wrong signedness.
    #[error("module {module}: {operation}: {signal} is {found}, which has the wrong sign for it")]
    SignMismatch {
        /// The module under construction.
        module: String,
        /// The operation that was asked for.
        operation: String,
        /// The operand with the wrong sign.
        signal: String,
        /// The operand's type.
        found: Type,
    },
    /// A value of no bits, or an operation on no operands.
    #[error("module {module}: {signal} has no bits")]
    ZeroWidth {
        /// The module under construction.
        module: String,
        /// The signal or operation.
        signal: String,
    },
    /// A slice reaches beyond its operand.
    #[error("module {module}: bits {low} to {high} of {signal}, which has {width} bits")]
    SliceOutOfRange {
        /// The module under construction.
        module: String,
        /// The operand.
        signal: String,
        /// Lowest bit asked for.
        low: u64,
        /// Highest bit asked for.
        high: u64,
        /// Bits that the operand has.
        width: u32,
    },
    /// An extension to fewer bits than the operand has.
    #[error("module {module}: {signal} of {from} bits cannot be extended to {to}")]
    ExtendNarrows {
        /// The module under construction.
        module: String,
        /// The operand.
        signal: String,
        /// The operand's width.
        from: u32,
        /// The width asked for.
        to: u32,
    },
    /// A constant does not fit its type.
    #[error("module {module}: the constant {value:#x} does not fit {ty}")]
    ConstantTooLarge {
        /// The module under construction.
        module: String,
        /// The lowest 64 bits of the constant.
        value: u64,
        /// The type it has to fit.
        ty: Type,
    },
    /// A name that Verilog, or the C++ that simulators make of it, does not allow.
    #[error("module {module}: `{name}` is no legal name: {reason}")]
    IllegalName {
        /// The module under construction.
        module: String,
        /// The name.
        name: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// One name for two things in a module.
    #[error("module {module}: the name `{name}` is used twice")]
    DuplicateName {
        /// The module under construction.
        module: String,
        /// The name.
        name: String,
    },
    /// A wire, register or memory port that nothing drives.
    #[error("module {module}: nothing drives {signal}")]
    Undriven {
        /// The module.
        module: String,
        /// The wire, register or memory port.
        signal: String,
    },
    /// A wire, register or memory port that is driven more than once.
    #[error("module {module}: {signal} is driven twice")]
    DrivenTwice {
        /// The module under construction.
        module: String,
        /// The wire, register or memory port.
        signal: String,
    },
    /// A signal of another kind was driven or updated.
    #[error("module {module}: {signal} is no {expected}")]
    NotDrivable {
        /// The module under construction.
        module: String,
        /// The signal that was to be driven.
        signal: String,
        /// What it would have to be: a wire or a register.
        expected: &'static str,
    },
    /// A signal or memory that belongs to another builder.
    #[error("module {module}: {operation} was given a signal of another module")]
    ForeignSignal {
        /// The module under construction.
        module: String,
        /// The operation that was asked for.
        operation: String,
    },
    /// A path from a signal to itself without a register.
    #[error("module {module}: combinational loop through {signals}")]
    CombinationalLoop {
        /// The module.
        module: String,
        /// The named signals on the loop, in order.
        signals: String,
    },
    /// Bits that nobody reads.
    #[error("module {module}: bits {bits} of {signal} are never used")]
    Unused {
        /// The module.
        module: String,
        /// The signal.
        signal: String,
        /// The unused bits, as `high:low`, highest first.
        bits: String,
    },
    /// A node without a name where the Verilog needs one to be readable, or right.
    #[error("module {module}: name {signal}: {reason}")]
    NameIt {
        /// The module.
        module: String,
        /// The expression without a name.
        signal: String,
        /// Why it needs a name.
        reason: &'static str,
    },
    /// An unsigned comparison with a constant that has the same answer for every value.
    #[error("module {module}: {signal} has the same answer for every value")]
    ConstantComparison {
        /// The module under construction.
        module: String,
        /// The comparison.
        signal: String,
    },
    /// A port of an instance that is not connected.
    #[error("module {module}: port `{port}` of {instance} is not connected")]
    MissingPort {
        /// The module under construction.
        module: String,
        /// The instance.
        instance: String,
        /// The port.
        port: String,
    },
    /// A port that the module does not have, or that has the other direction.
    #[error("module {module}: {instance} has no such {direction} `{port}`")]
    UnknownPort {
        /// The module under construction, or under evaluation.
        module: String,
        /// The instance, or the module itself.
        instance: String,
        /// `input port` or `output port`.
        direction: &'static str,
        /// The name that was asked for.
        port: String,
    },
    /// A memory of an impossible shape.
    #[error("module {module}: memory `{memory}`: {reason}")]
    MemoryShape {
        /// The module under construction.
        module: String,
        /// The memory.
        memory: String,
        /// What is wrong.
        reason: String,
    },
    /// Two different modules under one name in one hierarchy.
    #[error("two different modules are called {module}")]
    ModuleConflict {
        /// The name.
        module: String,
    },
    /// A mutation that found no signal of that name in a module of that name.
    #[error("no signal `{signal}` in a module {module}")]
    NoSuchSignal {
        /// The module's name.
        module: String,
        /// The signal's name.
        signal: String,
    },
    /// A mutation that makes no sense for the signal.
    #[error("module {module}: {mutation} does not apply to {signal}: {reason}")]
    MutationDoesNotApply {
        /// The module.
        module: String,
        /// The signal.
        signal: String,
        /// The mutation.
        mutation: String,
        /// Why it does not apply.
        reason: &'static str,
    },
}
