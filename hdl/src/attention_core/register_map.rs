//! The registers of a configuration: the one description that the AXI4-Lite slave, its SystemRDL,
//! headers, drivers and documentation are made from.

use super::capabilities::capabilities;
use super::progress::row_index_bits;
use crate::unit::{COUNTERS, ExportError};
use logattn_golden::config::{Accumulate, Configuration, Input};
use logattn_golden::microarchitecture::{HEAD_BLOCKS_BITS, SCORE_SHIFT_BITS};

/// Bits of a byte address on the register port.
pub const ADDRESS_BITS: u32 = 9;
/// Value of the register `ID`: "LATN".
pub const ID: u32 = 0x4C41_544E;
/// Bits of `LOAD_TIMEOUT`.
pub const TIMEOUT_BITS: u32 = 20;

/// Byte offset of the register of code 1's threshold; that of code i is `4 (i - 1)` above it.
pub const THRESHOLDS: u32 = 0x080;
/// The same for shifts, or levels.
pub const WEIGHTS: u32 = 0x0C0;
/// Byte offset of the first counter, in the order of [`COUNTERS`].
pub const COUNTERS_OFFSET: u32 = 0x100;

/// Who may do what with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only, always the reset value.
    Constant,
    /// Read only, follows the hardware.
    Status,
    /// Read and write.
    ReadWrite,
    /// Set by the hardware, cleared by writing 1.
    WriteOneToClear,
}

/// When a write to a register is ignored (and told by the error `write_locked`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Never.
    Free,
    /// While rows are in flight (`STATUS.busy`), and within an unfinished causal head.
    Rows,
    /// While a head is open (`STATUS.head_open`), which includes all of [`Lock::Rows`].
    Head,
}

/// Adjacent bits of a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, lower case; `value` where the register is one number.
    pub name: String,
    /// Lowest bit.
    pub low: u32,
    /// Number of bits.
    pub width: u32,
    /// Who may do what.
    pub access: Access,
    /// Value after reset.
    pub reset: u32,
    /// What it means, a phrase.
    pub doc: String,
}

/// A 32-bit register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// Name, upper case.
    pub name: String,
    /// Byte offset, a multiple of 4.
    pub offset: u32,
    /// When it cannot be written.
    pub lock: Lock,
    /// What it is for, a phrase.
    pub doc: String,
    /// Lowest bits first, without overlap.
    pub fields: Vec<Field>,
}

/// All registers of a configuration, lowest offset first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterMap {
    /// The registers.
    pub registers: Vec<Register>,
}

/// The bits of `ERRORS`, with what sets each.
const ERRORS: [(&str, &str); 10] = [
    (
        "row_short",
        "TLAST before the last beat of a row (of a block of queries); its output is worth nothing",
    ),
    (
        "row_long",
        "a packet of rows is longer than its row, and not as long as HEAD_KEYS keys are; beats beyond those are dropped",
    ),
    (
        "value_short",
        "TLAST before the last value; the head's outputs are worth nothing",
    ),
    (
        "value_long",
        "no TLAST with the last value; the beats to TLAST were dropped",
    ),
    (
        "key_short",
        "TLAST before the last key; the head's outputs are worth nothing",
    ),
    (
        "key_long",
        "no TLAST with the last key; the beats to TLAST were dropped",
    ),
    (
        "bad_length",
        "a packet waits, as HEAD_KEYS, HEAD_BLOCKS or ROW_LENGTH is 0 or too large, or causal rows grow beyond HEAD_KEYS",
    ),
    (
        "score_overflow",
        "a product did not fit a score after SCORE_SHIFT and was saturated",
    ),
    ("write_locked", "a write to a locked register was ignored"),
    (
        "load_timeout",
        "rows wait for the head's values or keys, and no beat of them has come for LOAD_TIMEOUT cycles",
    ),
];

impl Field {
    pub(super) fn new(
        name: &str,
        low: u32,
        width: u32,
        access: Access,
        doc: impl Into<String>,
    ) -> Self {
        Field {
            name: name.into(),
            low,
            width,
            access,
            reset: 0,
            doc: doc.into(),
        }
    }

    pub(super) fn with_reset(mut self, value: u32) -> Self {
        self.reset = value;
        self
    }

    /// The field's bits of its register.
    pub fn mask(&self) -> u32 {
        (u32::MAX >> (32 - self.width)) << self.low
    }
}

impl Register {
    pub(super) fn new(
        name: impl Into<String>,
        offset: u32,
        lock: Lock,
        doc: impl Into<String>,
    ) -> Self {
        Register {
            name: name.into(),
            offset,
            lock,
            doc: doc.into(),
            fields: Vec::new(),
        }
    }

    pub(super) fn with(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// A register that is one number.
    fn number(
        name: impl Into<String>,
        offset: u32,
        lock: Lock,
        doc: &str,
        (width, reset): (u32, u32),
    ) -> Self {
        let field = Field::new("value", 0, width, Access::ReadWrite, doc).with_reset(reset);
        Register::new(name, offset, lock, doc).with(field)
    }

    /// Its value after reset.
    pub fn reset(&self) -> u32 {
        let fields = self.fields.iter();
        fields.map(|field| field.reset << field.low).sum()
    }

    /// Whether software can write anything of it.
    pub fn writable(&self) -> bool {
        let by_software = |access| matches!(access, Access::ReadWrite | Access::WriteOneToClear);
        self.fields.iter().any(|field| by_software(field.access))
    }

    /// Name of a field's signals in the Verilog: the register's alone for `value`.
    pub fn signal(&self, field: &Field) -> String {
        let register = self.name.to_ascii_lowercase();
        match field.name.as_str() {
            "value" => register,
            name => format!("{register}_{name}"),
        }
    }
}

impl RegisterMap {
    /// The registers of a valid configuration.
    ///
    /// # Errors
    /// The configuration is not valid.
    pub fn new(c: &Configuration) -> Result<Self, ExportError> {
        let mut registers = identity(c)?;
        registers.extend(capabilities(c));
        registers.extend(control(c));
        registers.extend(lengths(c));
        registers.extend(weights(c));
        registers.extend(counters());
        Ok(RegisterMap { registers })
    }

    /// The register called `name`.
    pub fn register(&self, name: &str) -> Option<&Register> {
        self.registers.iter().find(|register| register.name == name)
    }
}

/// Whether `MASK.causal` is there: rows of probabilities cannot differ in length within a block.
pub fn has_causal(c: &Configuration) -> bool {
    c.query_block == 1 || c.input != Input::Probabilities
}

/// Whether the unit flags scores that do not fit.
pub(super) fn has_score_overflow(c: &Configuration) -> bool {
    c.input == Input::Qkv && c.product_bits() > c.attention_bits()
}

/// Whether bit `name` of `ERRORS` can ever be set.
fn has_error(c: &Configuration, name: &str) -> bool {
    match name {
        "key_short" | "key_long" => c.input == Input::Qkv,
        "row_short" => row_index_bits(c) > 0,
        "score_overflow" => has_score_overflow(c),
        _ => true,
    }
}

/// `major.minor.patch` of this generator, a byte each.
fn version() -> u32 {
    let parts = env!("CARGO_PKG_VERSION").split('.');
    parts
        .map(|part| part.parse::<u32>().unwrap_or(0))
        .fold(0, |all, part| all << 8 | part)
}

fn identity(c: &Configuration) -> Result<Vec<Register>, ExportError> {
    let hash = c.sha256()?;
    let hash = u32::from_str_radix(&hash[..8], 16).unwrap_or(0);
    let constant = |name: &str, offset, doc: &str, value| {
        let field = Field::new("value", 0, 32, Access::Constant, doc).with_reset(value);
        Register::new(name, offset, Lock::Free, doc).with(field)
    };
    let version_doc = "version of the generator: major, minor, patch in bytes 2, 1, 0";
    Ok(vec![
        constant("ID", 0x000, "\"LATN\"", ID),
        constant("VERSION", 0x004, version_doc, version()),
        constant(
            "CONFIGURATION",
            0x008,
            "first 32 bits of the SHA-256 of configuration.toml",
            hash,
        ),
    ])
}

fn control(c: &Configuration) -> Vec<Register> {
    use Access::{ReadWrite, Status, WriteOneToClear};
    let mut errors = Register::new(
        "ERRORS",
        0x048,
        Lock::Free,
        "what went wrong since it was cleared",
    );
    let mut interrupts = Register::new(
        "IRQ_ENABLE",
        0x04C,
        Lock::Free,
        "which errors raise the output irq",
    );
    for (bit, (name, doc)) in ERRORS.into_iter().enumerate() {
        if has_error(c, name) {
            let bit = bit as u32;
            errors = errors.with(Field::new(name, bit, 1, WriteOneToClear, doc));
            let doc = format!("irq while ERRORS.{name} is set");
            interrupts = interrupts.with(Field::new(name, bit, 1, ReadWrite, doc));
        }
    }
    let enable = "packets are taken; takes effect between packets";
    let reset = "the unit is held in reset, counters are 0, beats are taken and dropped";
    let forget = "with reset: packets under way are forgotten, as their senders were reset as well";
    let busy = "rows are in flight";
    let head_open = "values or keys are loaded or held, or rows of a head are missing";
    let dropping = "the end of a packet is awaited, all beats before which are dropped";
    vec![
        Register::new("CONTROL", 0x040, Lock::Free, "what the core does")
            .with(Field::new("enable", 0, 1, ReadWrite, enable))
            .with(Field::new("reset", 1, 1, ReadWrite, reset))
            .with(Field::new("forget", 2, 1, ReadWrite, forget)),
        Register::new("STATUS", 0x044, Lock::Free, "what the core is doing")
            .with(Field::new("busy", 0, 1, Status, busy))
            .with(Field::new("head_open", 1, 1, Status, head_open))
            .with(Field::new("dropping", 2, 1, Status, dropping)),
        errors,
        interrupts,
    ]
}

fn lengths(c: &Configuration) -> Vec<Register> {
    let keys = (c.length_bits(), c.max_keys as u32);
    let mut registers = vec![
        Register::number(
            "HEAD_KEYS",
            0x050,
            Lock::Head,
            "keys of a head, 1 to max_keys",
            keys,
        ),
        Register::number(
            "HEAD_BLOCKS",
            0x054,
            Lock::Head,
            "row packets (query blocks) of a head, at least 1",
            (HEAD_BLOCKS_BITS, 1),
        ),
        Register::number(
            "ROW_LENGTH",
            0x058,
            Lock::Rows,
            "keys of a row, 1 to HEAD_KEYS",
            keys,
        ),
    ];
    if has_causal(c) {
        let doc = "row i of a head has ROW_LENGTH + i keys";
        registers.push(
            Register::new("MASK", 0x05C, Lock::Head, "which keys belong to a row")
                .with(Field::new("causal", 0, 1, Access::ReadWrite, doc)),
        );
    }
    if c.input == Input::Qkv {
        registers.push(Register::number(
            "SCORE_SHIFT",
            0x060,
            Lock::Rows,
            "right shift of products of queries and keys to scores",
            (SCORE_SHIFT_BITS, 0),
        ));
    }
    registers.push(Register::number(
        "LOAD_TIMEOUT",
        0x064,
        Lock::Free,
        "cycles that rows may wait for values or keys; 0: any number",
        (TIMEOUT_BITS, 1 << 16),
    ));
    registers
}

/// Bits of a threshold register.
pub(super) fn threshold_width(c: &Configuration) -> u32 {
    match c.distance_bits {
        Some(distance_bits) => distance_bits + 1,
        None => c.probability_bits,
    }
}

/// Thresholds, and shifts or levels.
fn weights(c: &Configuration) -> Vec<Register> {
    let mut registers = Vec::new();
    if c.accumulate == Accumulate::Multiply {
        return registers;
    }
    let width = threshold_width(c);
    let (thresholds, kind): (Vec<u32>, _) = match c.input {
        Input::Probabilities => (c.thresholds.clone(), "unsigned"),
        _ => (
            c.score_thresholds.iter().map(|t| *t as u32).collect(),
            "signed",
        ),
    };
    for (index, threshold) in thresholds.into_iter().enumerate() {
        let kept = threshold & (u32::MAX >> (32 - width));
        registers.push(Register::number(
            format!("THRESHOLD_{}", index + 1),
            THRESHOLDS + 4 * index as u32,
            Lock::Rows,
            &format!("a key has at least code {} from here on, {kind}", index + 1),
            (width, kept),
        ));
    }
    let (name, values, width, weighs) = match c.accumulate {
        Accumulate::Bucket => (
            "LEVEL",
            &c.levels,
            c.level_bits.unwrap_or(1),
            "level * 2^-level_bits",
        ),
        _ => ("SHIFT", &c.shifts, c.shift_bits(), "2^-shift"),
    };
    for (index, value) in values.iter().enumerate() {
        registers.push(Register::number(
            format!("{name}_{}", index + 1),
            WEIGHTS + 4 * index as u32,
            Lock::Rows,
            &format!("code {} weighs {weighs}", index + 1),
            (width, *value),
        ));
    }
    registers
}

fn counters() -> Vec<Register> {
    let counter = |(index, (name, doc)): (usize, (&str, &str))| {
        let field = Field::new("value", 0, 32, Access::Status, doc);
        let name = format!("COUNT_{}", name.to_ascii_uppercase());
        let offset = COUNTERS_OFFSET + 4 * index as u32;
        Register::new(name, offset, Lock::Free, doc).with(field)
    };
    COUNTERS.into_iter().enumerate().map(counter).collect()
}
