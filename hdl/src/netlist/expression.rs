//! Verilog expressions of nodes.
//!
//! In Verilog one unsigned operand makes its whole expression unsigned, and a wider neighbor widens
//! it. Here all operands of an operator have one width, so nothing is ever widened, and a text knows
//! whether Verilog reads it as signed; operators that depend on it convert where it is not.

use super::Type;
use super::data::{Arithmetic, Bitwise, Comparison, Id, ModuleData, Op, Reduction, Shift};

/// An expression as printed.
pub(super) struct Text {
    pub(super) text: String,
    /// What Verilog takes it for, whatever its node's type.
    signed: bool,
    /// Whether it needs no parentheses inside another expression.
    atomic: bool,
}

impl Text {
    fn atom(text: String, signed: bool) -> Text {
        Text {
            text,
            signed,
            atomic: true,
        }
    }

    fn compound(text: String, signed: bool) -> Text {
        Text {
            text,
            signed,
            atomic: false,
        }
    }

    /// The text as an operand.
    fn inside(&self) -> String {
        if self.atomic {
            self.text.clone()
        } else {
            format!("({})", self.text)
        }
    }

    /// The text as an operand that Verilog has to take for signed or unsigned.
    fn inside_as(&self, signed: bool) -> String {
        match (self.signed, signed) {
            (false, true) => format!("$signed({})", self.text),
            (true, false) => format!("$unsigned({})", self.text),
            _ => self.inside(),
        }
    }
}

/// The reference to a node: its name if it has one, else its expression.
pub(super) fn reference(data: &ModuleData, id: Id) -> Text {
    let node = data.node(id);
    match &node.name {
        Some(name) => Text::atom(name.clone(), node.ty.signed),
        None => expression(data, id),
    }
}

/// The expression of a node, as in the statement that assigns to it.
pub(super) fn expression(data: &ModuleData, id: Id) -> Text {
    let node = data.node(id);
    let of = |a: &Id| reference(data, *a);
    match &node.op {
        Op::Constant(words) => constant(words, node.ty),
        Op::Not(a) => {
            let a = of(a);
            Text::compound(format!("~{}", a.inside()), a.signed)
        }
        Op::Negate(a) => {
            let a = of(a);
            Text::compound(format!("-{}", a.inside()), a.signed)
        }
        Op::Reduce(reduction, a) => {
            let symbol = match reduction {
                Reduction::Any => '|',
                Reduction::All => '&',
                Reduction::Parity => '^',
            };
            Text::compound(format!("{symbol}{}", of(a).inside()), false)
        }
        Op::Arithmetic(Arithmetic::Multiply, a, b) => multiply(data, [*a, *b], node.ty),
        Op::Arithmetic(operation, a, b) => {
            let symbol = if *operation == Arithmetic::Add {
                '+'
            } else {
                '-'
            };
            let (a, b) = (of(a), of(b));
            let text = format!("{} {symbol} {}", a.inside(), b.inside());
            Text::compound(text, a.signed && b.signed)
        }
        Op::Bitwise(operation, all) => bitwise(data, *operation, all),
        Op::Compare(comparison, a, b) => {
            compare(*comparison, &of(a), &of(b), data.node(*a).ty.signed)
        }
        Op::ShiftBy(direction, a, n) => {
            let width = n.checked_ilog2().unwrap_or(0) + 1;
            shift(*direction, &of(a), &format!("{width}'d{n}"), node.ty)
        }
        Op::Shift(direction, a, n) => shift(*direction, &of(a), &of(n).inside(), node.ty),
        Op::Mux(condition, a, b) => {
            let (a, b) = (of(a), of(b));
            let text = format!(
                "{} ? {} : {}",
                of(condition).inside(),
                a.inside(),
                b.inside()
            );
            Text::compound(text, a.signed && b.signed)
        }
        Op::Concat(parts) => {
            let parts: Vec<String> = parts.iter().map(|part| of(part).text).collect();
            Text::atom(format!("{{{}}}", parts.join(", ")), false)
        }
        Op::Slice(a, low) => slice(&of(a), data.node(*a).ty.width, *low, node.ty.width),
        Op::Replicate(a, n) => Text::atom(format!("{{{n}{{{}}}}}", of(a).text), false),
        Op::Extend(a) => extend(data, *a, node.ty),
        Op::Cast(a) | Op::Alias(a) | Op::Wire(Some(a)) => of(a),
        // These always have a name, and nothing is assigned to them.
        Op::Input
        | Op::Wire(None)
        | Op::Register(_)
        | Op::MemoryRead(_)
        | Op::InstanceOutput(..) => {
            Text::atom(node.name.clone().unwrap_or_default(), node.ty.signed)
        }
    }
}

/// A sized literal: decimal while that is short, else hexadecimal.
pub(super) fn constant(words: &[u64], ty: Type) -> Text {
    let width = ty.width;
    let sign = if ty.signed { "s" } else { "" };
    let is_negative = ty.signed && words[(width - 1) as usize / 64] >> ((width - 1) % 64) & 1 == 1;
    let small = |value: u64| value < 1 << 16;
    if words[1..].iter().all(|word| *word == 0) && small(words[0]) && !is_negative {
        return Text::atom(format!("{width}'{sign}d{}", words[0]), ty.signed);
    }
    // The lowest negative value has no positive counterpart in its width.
    if is_negative && width <= 64 {
        let magnitude = words[0].wrapping_neg() & super::data::top_mask(width);
        if small(magnitude) && magnitude < 1 << (width - 1) {
            return Text::compound(format!("-{width}'sd{magnitude}"), true);
        }
    }
    let mut digits: String = words
        .iter()
        .rev()
        .map(|word| format!("{word:016x}"))
        .collect();
    digits = digits.trim_start_matches('0').into();
    Text::atom(format!("{width}'{sign}h{digits}"), ty.signed)
}

/// The product at its full width: both factors are widened first, so that no tool has to guess.
fn multiply(data: &ModuleData, factors: [Id; 2], ty: Type) -> Text {
    let [a, b] = factors.map(|factor| extend(data, factor, ty).inside_as(ty.signed));
    Text::compound(format!("{a} * {b}"), ty.signed)
}

fn bitwise(data: &ModuleData, operation: Bitwise, all: &[Id]) -> Text {
    let symbol = match operation {
        Bitwise::And => " & ",
        Bitwise::Or => " | ",
        Bitwise::Xor => " ^ ",
    };
    let all: Vec<Text> = all.iter().map(|a| reference(data, *a)).collect();
    let texts: Vec<String> = all.iter().map(Text::inside).collect();
    Text::compound(texts.join(symbol), all.iter().all(|a| a.signed))
}

fn compare(comparison: Comparison, a: &Text, b: &Text, signed: bool) -> Text {
    let symbol = match comparison {
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterEqual => ">=",
    };
    let (a, b) = match comparison {
        // The same whatever the sign, since both have one width.
        Comparison::Equal | Comparison::NotEqual => (a.inside(), b.inside()),
        _ => (a.inside_as(signed), b.inside_as(signed)),
    };
    Text::compound(format!("{a} {symbol} {b}"), false)
}

fn shift(direction: Shift, a: &Text, amount: &str, ty: Type) -> Text {
    match (direction, ty.signed) {
        (Shift::Left, _) => Text::compound(format!("{} << {amount}", a.inside()), a.signed),
        (Shift::Right, false) => Text::compound(format!("{} >> {amount}", a.inside()), a.signed),
        (Shift::Right, true) => Text::compound(format!("{} >>> {amount}", a.inside_as(true)), true),
    }
}

/// `width` bits of the net that `a` names.
fn slice(a: &Text, net_width: u32, low: u32, width: u32) -> Text {
    let high = low + width - 1;
    let text = match width {
        _ if width == net_width => a.text.clone(),
        1 => format!("{}[{low}]", a.text),
        _ => format!("{}[{high}:{low}]", a.text),
    };
    Text::atom(text, a.signed && width == net_width)
}

fn extend(data: &ModuleData, a: Id, to: Type) -> Text {
    let from = data.node(a).ty;
    let a = reference(data, a).text;
    let more = to.width - from.width;
    let text = match (from.signed, from.width) {
        (false, _) => format!("{{{more}'d0, {a}}}"),
        (true, 1) => format!("{{{}{{{a}}}}}", to.width),
        (true, width) => format!("{{{{{more}{{{a}[{}]}}}}, {a}}}", width - 1),
    };
    Text::atom(text, false)
}
