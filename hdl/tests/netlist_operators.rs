//! Every operator at many widths, evaluated, against arbitrary-precision integers.

use logattn_hdl::netlist::{Builder, Evaluator, Signal, Type, signed, unsigned};
use num_bigint::{BigInt, BigUint};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const WIDTHS: [u32; 15] = [
    1, 2, 7, 8, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 4000,
];

fn power(n: u32) -> BigInt {
    BigInt::from(1) << n
}

/// The value of `width` bits that is congruent to `value`.
fn wrap(value: &BigInt, width: u32) -> BigUint {
    let modulus = power(width);
    let rest = value % &modulus;
    let positive = if rest < BigInt::ZERO {
        rest + modulus
    } else {
        rest
    };
    positive.to_biguint().expect("positive")
}

/// The number that the bits stand for in type `ty`.
fn number(bits: &BigUint, ty: Type) -> BigInt {
    let value = BigInt::from(bits.clone());
    if ty.is_signed() && bits.bit(u64::from(ty.width()) - 1) {
        value - power(ty.width())
    } else {
        value
    }
}

fn words(value: &BigUint) -> Vec<u64> {
    value.to_u64_digits()
}

fn from_words(words: &[u64]) -> BigUint {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    BigUint::from_bytes_le(&bytes)
}

/// Corners of the range, or random bits.
fn sample(rng: &mut ChaCha8Rng, width: u32) -> BigUint {
    let value = match rng.random_range(0..12) {
        0 => BigInt::ZERO,
        1 => BigInt::from(1),
        2 => power(width) - 1,
        3 => power(width - 1),
        4 => power(width - 1) - 1,
        5 => power(rng.random_range(0..width)),
        _ => {
            let bits: Vec<u32> = (0..width.div_ceil(32)).map(|_| rng.random()).collect();
            BigInt::from(BigUint::new(bits))
        }
    };
    wrap(&value, width)
}

/// A module that grows one output at a time, with what each output has to be.
struct Bench {
    builder: Builder,
    expected: Vec<(String, Expected)>,
}

/// From the inputs `a`, `b`, `c` and the shift amount to the numbers' bits, before wrapping, and the
/// output's width.
type Expected = (u32, Box<dyn Fn(&Operands) -> BigInt>);

struct Operands {
    a: BigInt,
    b: BigInt,
    c: BigInt,
    amount: u32,
    select: bool,
}

impl Bench {
    fn check(
        &mut self,
        name: &str,
        signal: Signal,
        expected: impl Fn(&Operands) -> BigInt + 'static,
    ) {
        let name = format!("out_{name}");
        self.builder.output(&name, signal, "");
        self.expected
            .push((name, (signal.width(), Box::new(expected))));
    }
}

fn truth(condition: bool) -> BigInt {
    BigInt::from(u8::from(condition))
}

fn bits(value: &BigInt, low: u32, width: u32) -> BigInt {
    // An arithmetic shift of a `BigInt` rounds down, as two's complement does.
    BigInt::from(wrap(&(value >> low), width))
}

/// The bench for operands of type `ty`; `c` has another width and the same sign.
fn bench(ty: Type, other: Type) -> (Bench, [Signal; 5]) {
    let mut m = Builder::new("operators", "");
    let a = m.input("a", ty, "");
    let b = m.input("b", ty, "");
    let c = m.input("c", other, "");
    let amount = m.input("amount", unsigned(13), "");
    let select = m.input("select", unsigned(1), "");
    (
        Bench {
            builder: m,
            expected: Vec::new(),
        },
        [a, b, c, amount, select],
    )
}

fn arithmetic(t: &mut Bench, [a, b, c, ..]: [Signal; 5]) {
    let ty = a.ty();
    let x = t.builder.add(a, b);
    t.check("add", x, |v| &v.a + &v.b);
    let x = t.builder.sub(a, b);
    t.check("sub", x, |v| &v.a - &v.b);
    let x = t.builder.neg(a);
    t.check("neg", x, |v| -&v.a);
    let x = t.builder.mul(a, c);
    assert_eq!(x.width(), ty.width() + c.width());
    t.check("mul", x, |v| &v.a * &v.c);
    let x = t.builder.mul(c, b);
    t.check("mul_swapped", x, |v| &v.c * &v.b);
}

fn logic(t: &mut Bench, [a, b, ..]: [Signal; 5]) {
    let width = a.width();
    let x = t.builder.and(a, b);
    t.check("and", x, |v| &v.a & &v.b);
    let x = t.builder.or(a, b);
    t.check("or", x, |v| &v.a | &v.b);
    let x = t.builder.xor(a, b);
    t.check("xor", x, |v| &v.a ^ &v.b);
    let x = t.builder.not(a);
    t.check("not", x, |v| -1 - &v.a);
    let (not_a, xor) = (t.builder.not(a), t.builder.xor(a, b));
    let x = t.builder.and_all(&[not_a, b, xor]);
    t.check("and_all", x, |v| (-1 - &v.a) & &v.b);
    let (not_a, not_b) = (t.builder.not(a), t.builder.not(b));
    let both = t.builder.and(not_a, b);
    let x = t.builder.or_all(&[both, a, not_b]);
    t.check("or_all", x, |_| BigInt::from(-1));
    let not_a = t.builder.not(a);
    let x = t.builder.and_all(&[not_a]);
    t.check("and_all_of_one", x, |v| -1 - &v.a);
    let x = t.builder.any(a);
    t.check("any", x, |v| truth(v.a != BigInt::ZERO));
    let x = t.builder.all(a);
    t.check("all", x, move |v| {
        truth(bits(&v.a, 0, width) == power(width) - 1)
    });
    let x = t.builder.parity(a);
    t.check("parity", x, move |v| {
        BigInt::from(wrap(&v.a, width).count_ones() % 2)
    });
}

fn comparisons(t: &mut Bench, [a, b, ..]: [Signal; 5]) {
    let x = t.builder.eq(a, b);
    t.check("eq", x, |v| truth(v.a == v.b));
    let x = t.builder.ne(a, b);
    t.check("ne", x, |v| truth(v.a != v.b));
    let x = t.builder.lt(a, b);
    t.check("lt", x, |v| truth(v.a < v.b));
    let x = t.builder.le(a, b);
    t.check("le", x, |v| truth(v.a <= v.b));
    let x = t.builder.gt(a, b);
    t.check("gt", x, |v| truth(v.a > v.b));
    let x = t.builder.ge(a, b);
    t.check("ge", x, |v| truth(v.a >= v.b));
}

fn shifts(t: &mut Bench, [a, b, _, amount, _]: [Signal; 5]) {
    let width = a.width();
    for n in [0, 1, width / 2, width - 1, width, width + 3] {
        let x = t.builder.shl_by(a, n);
        t.check(&format!("shl_by_{n}_{}", t.expected.len()), x, move |v| {
            &v.a << n
        });
        let x = t.builder.shr_by(a, n);
        t.check(&format!("shr_by_{n}_{}", t.expected.len()), x, move |v| {
            &v.a >> n
        });
    }
    let x = t.builder.shl(a, amount);
    t.check("shl", x, |v| &v.a << v.amount);
    let x = t.builder.shr(a, amount);
    t.check("shr", x, |v| &v.a >> v.amount);
    // An amount as wide as the operand, and of any size.
    let wide = t.builder.as_unsigned(b);
    let signed = a.is_signed();
    let amount_of = move |v: &Operands| {
        u32::try_from(&BigInt::from(wrap(&v.b, width)))
            .unwrap_or(u32::MAX)
            .min(width)
    };
    let x = t.builder.shl(a, wide);
    t.check("shl_wide", x, move |v| &v.a << amount_of(v));
    let x = t.builder.shr(a, wide);
    t.check("shr_wide", x, move |v| &v.a >> amount_of(v));
    assert_eq!(x.is_signed(), signed);
}

fn selection(t: &mut Bench, [a, b, c, _, select]: [Signal; 5]) {
    let (width, c_width) = (a.width(), c.width());
    let x = t.builder.mux(select, a, b);
    t.check(
        "mux",
        x,
        |v| if v.select { v.a.clone() } else { v.b.clone() },
    );
    let x = t.builder.concat(&[a, c, select, b]);
    t.check("concat", x, move |v| {
        let high = (bits(&v.a, 0, width) << c_width) + bits(&v.c, 0, c_width);
        (((high << 1) + truth(v.select)) << width) + bits(&v.b, 0, width)
    });
    for (low, taken) in slices(width) {
        let x = t.builder.slice(a, low, taken);
        t.check(&format!("slice_{low}_{taken}"), x, move |v| {
            bits(&v.a, low, taken)
        });
    }
    let x = t.builder.bit(a, width - 1);
    t.check("bit", x, move |v| bits(&v.a, width - 1, 1));
    for n in [1, 2, 3, 65] {
        let x = t.builder.replicate(a, n);
        t.check(&format!("replicate_{n}"), x, move |v| {
            (0..n).fold(BigInt::ZERO, |all, _| (all << width) + bits(&v.a, 0, width))
        });
    }
    for more in [0, 1, 31, 64, 100] {
        let x = t.builder.extend(a, width + more);
        t.check(&format!("extend_{more}"), x, |v| v.a.clone());
    }
    let other_sign = if a.is_signed() {
        t.builder.as_unsigned(a)
    } else {
        t.builder.as_signed(a)
    };
    let x = t.builder.name(other_sign, "other_sign");
    let x = t.builder.extend(x, width + 70);
    let ty = if a.is_signed() {
        unsigned(width)
    } else {
        signed(width)
    };
    t.check("cast", x, move |v| number(&wrap(&v.a, width), ty));
}

/// Slices at the ends, in the middle and across the words that the evaluator computes in.
fn slices(width: u32) -> Vec<(u32, u32)> {
    let mut all = vec![
        (0, width),
        (0, width.div_ceil(2)),
        (width / 2, width - width / 2),
    ];
    for low in [1, 31, 60, 63, 64, 100, 127] {
        for taken in [1, 2, 8, 63, 64, 65, 130] {
            if low + taken <= width {
                all.push((low, taken));
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn check_type(ty: Type, rng: &mut ChaCha8Rng) {
    let c_width = [1, 5, 64, 70, 129][rng.random_range(0..5)];
    let other = if ty.is_signed() {
        signed(c_width)
    } else {
        unsigned(c_width)
    };
    let (mut t, signals) = bench(ty, other);
    arithmetic(&mut t, signals);
    logic(&mut t, signals);
    comparisons(&mut t, signals);
    shifts(&mut t, signals);
    selection(&mut t, signals);
    let module = t.builder.finish().expect("a legal module");
    let mut evaluator = Evaluator::new(&module).expect("no loop");
    for _ in 0..60 {
        let a = sample(rng, ty.width());
        let b = match rng.random_range(0..4) {
            0 => a.clone(),
            1 => BigUint::from(rng.random_range(0..ty.width() + 2)) % power(ty.width()).magnitude(),
            _ => sample(rng, ty.width()),
        };
        let c = sample(rng, c_width);
        let amount = match rng.random_range(0..3) {
            0 => rng.random_range(0..1 << 13),
            _ => rng.random_range(0..ty.width() + 2),
        };
        let select = rng.random();
        evaluator.set_words("a", &words(&a));
        evaluator.set_words("b", &words(&b));
        evaluator.set_words("c", &words(&c));
        evaluator.set("amount", amount.into());
        evaluator.set("select", u64::from(select));
        evaluator.settle();
        let operands = Operands {
            a: number(&a, ty),
            b: number(&b, ty),
            c: number(&c, other),
            amount,
            select,
        };
        for (name, (width, expected)) in &t.expected {
            let found = from_words(evaluator.get_words(name));
            let expected = wrap(&expected(&operands), *width);
            assert_eq!(
                found, expected,
                "{name} of {ty}, a={a:x} b={b:x} c={c:x} by {amount}"
            );
        }
    }
}

#[test]
fn unsigned_operators_are_exact_at_every_width() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    WIDTHS
        .iter()
        .for_each(|width| check_type(unsigned(*width), &mut rng));
}

#[test]
fn signed_operators_are_exact_at_every_width() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    WIDTHS
        .iter()
        .for_each(|width| check_type(signed(*width), &mut rng));
}

#[test]
fn constants_have_the_bits_of_their_type() {
    let mut m = Builder::new("constants", "");
    let cases = [
        (m.constant(5, unsigned(3)), BigInt::from(5)),
        (m.constant(-3i64 as u64, signed(8)), BigInt::from(-3)),
        (m.constant(0xfd, signed(8)), BigInt::from(-3)),
        (m.constant(-3i64 as u64, signed(64)), BigInt::from(-3)),
        (m.constant(-3i64 as u64, signed(200)), BigInt::from(-3)),
        (m.constant(-128i64 as u64, signed(8)), BigInt::from(-128)),
        (m.constant(-1i64 as u64, signed(1)), BigInt::from(-1)),
        (m.constant(u64::MAX, unsigned(64)), BigInt::from(u64::MAX)),
        (m.constant(u64::MAX, unsigned(90)), BigInt::from(u64::MAX)),
        (
            m.constant_words(&[1, 2, 3], unsigned(130)),
            (BigInt::from(3) << 128) + (BigInt::from(2) << 64) + 1,
        ),
        (m.constant_words(&[7], unsigned(300)), BigInt::from(7)),
        (m.zero(signed(77)), BigInt::ZERO),
    ];
    for (i, (signal, _)) in cases.iter().enumerate() {
        m.output(format!("out_{i}"), *signal, "");
    }
    let module = m.finish().expect("a legal module");
    let evaluator = Evaluator::new(&module).expect("no loop");
    for (i, (signal, expected)) in cases.iter().enumerate() {
        let found = from_words(evaluator.get_words(&format!("out_{i}")));
        assert_eq!(number(&found, signal.ty()), *expected, "constant {i}");
    }
}
