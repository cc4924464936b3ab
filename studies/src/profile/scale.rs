//! Scales of axes, their ticks, and numbers with units.

/// A range of numbers along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Linear,
    /// Decades, ticks at powers of 10 and at 2 and 5 times them where there is room.
    Decades,
    /// Octaves, ticks at powers of 2.
    Octaves,
}

impl Scale {
    /// From one number to another as they are.
    pub fn linear(low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Scale {
            low,
            high,
            kind: Kind::Linear,
        }
    }

    /// From 0 to a round number that leaves `room` (a share) above the highest one.
    pub fn from_zero(highest: f64, room: f64) -> Self {
        Scale::linear(0.0, (highest * (1.0 + room)).max(f64::MIN_POSITIVE))
    }

    /// Logarithmic, around positive numbers; a decade around 1 without any.
    pub fn decades(numbers: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = span(numbers);
        let down = 10_f64.powf((low.log10() - 0.1).floor());
        let low = if low / down > 4.0 { down * 3.0 } else { down };
        let up = 10_f64.powf((high.log10() + 0.05).ceil());
        let high = if up / high > 4.0 { up / 3.0 } else { up };
        Scale {
            low,
            high,
            kind: Kind::Decades,
        }
    }

    /// Logarithmic with ticks at powers of 2, around positive numbers.
    pub fn octaves(numbers: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = span(numbers);
        Scale {
            low,
            high: if high > low { high } else { low * 2.0 },
            kind: Kind::Octaves,
        }
    }

    /// Where a number stands, 0 at the low end, 1 at the high end.
    pub fn place(&self, number: f64) -> f64 {
        match self.kind {
            Kind::Linear => (number - self.low) / (self.high - self.low),
            _ => (number / self.low).ln() / (self.high / self.low).ln(),
        }
    }

    /// The low end.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The high end.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// At most `most` round numbers on the scale (`most` >= 2).
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        match self.kind {
            Kind::Linear => self.linear_ticks(most),
            Kind::Decades => self.decade_ticks(most),
            Kind::Octaves => self.powers(2.0, most),
        }
    }

    fn linear_ticks(&self, most: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / most.max(2) as f64;
        let decade = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * decade)
            .into_iter()
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(decade * 10.0);
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last).map(|index| index as f64 * step).collect()
    }

    fn decade_ticks(&self, most: usize) -> Vec<f64> {
        let powers = self.powers(10.0, usize::MAX);
        for factors in [&[1.0, 2.0, 5.0][..], &[1.0, 3.0]] {
            let from = (self.low.log10().floor()) as i32;
            let to = (self.high.log10().ceil()) as i32;
            let all: Vec<f64> = (from..=to)
                .flat_map(|power| factors.iter().map(move |f| f * 10_f64.powi(power)))
                .filter(|tick| self.holds(*tick))
                .collect();
            if all.len() <= most {
                return all;
            }
        }
        thinned(powers, most)
    }

    fn powers(&self, base: f64, most: usize) -> Vec<f64> {
        let first = (self.low.log(base) - 1e-9).ceil() as i32;
        let last = (self.high.log(base) + 1e-9).floor() as i32;
        thinned((first..=last).map(|power| base.powi(power)).collect(), most)
    }

    fn holds(&self, number: f64) -> bool {
        (-1e-9..=1.0 + 1e-9).contains(&self.place(number))
    }
}

/// Least and greatest of the positive numbers.
fn span(numbers: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let positive = numbers.into_iter().filter(|x| *x > 0.0 && x.is_finite());
    let (low, high) = positive.fold((f64::INFINITY, 0.0_f64), |(low, high), x| {
        (low.min(x), high.max(x))
    });
    if high > 0.0 { (low, high) } else { (0.5, 5.0) }
}

/// Every so manieth, so that at most `most` stay.
fn thinned(ticks: Vec<f64>, most: usize) -> Vec<f64> {
    let step = ticks.len().div_ceil(most.max(2)).max(1);
    ticks.into_iter().step_by(step).collect()
}

/// Three significant digits with a prefix: 1.23 M, 45.6 k, 789; for units and counts.
pub fn prefixed(number: f64) -> String {
    if number == 0.0 {
        return "0 ".into();
    }
    let prefixes = [
        (1e12, "T"),
        (1e9, "G"),
        (1e6, "M"),
        (1e3, "k"),
        (1.0, ""),
        (1e-3, "m"),
        (1e-6, "µ"),
        (1e-9, "n"),
        (1e-12, "p"),
    ];
    // 999.7 k is 1.00 M at three digits.
    let (scale, prefix) = prefixes
        .into_iter()
        .find(|(scale, _)| number.abs() >= 0.9995 * scale)
        .unwrap_or((1e-15, "f"));
    format!("{} {prefix}", digits(number / scale))
}

/// Three significant digits without zeros at the end that say nothing.
pub fn digits(number: f64) -> String {
    let decimals = match number.abs() {
        x if x >= 99.95 || x == 0.0 => 0,
        x if x >= 9.995 => 1,
        x if x >= 0.9995 => 2,
        x => (2.0 - x.log10().floor()).min(9.0) as usize,
    };
    let text = format!("{number:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').into()
    } else {
        text
    }
}

/// Bytes in decimal units.
pub fn bytes(number: f64) -> String {
    format!("{}B", prefixed(number))
}

/// Joules of a number of picojoules.
pub fn picojoules(number: f64) -> String {
    format!("{}J", prefixed(number * 1e-12))
}

/// A count with a prefix.
pub fn count(number: f64) -> String {
    prefixed(number).trim_end().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_ticks_are_round_and_few() {
        assert_eq!(
            Scale::linear(0.0, 100.0).ticks(6),
            [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
        );
        assert_eq!(
            Scale::linear(-24.0, 0.0).ticks(6),
            [-20.0, -15.0, -10.0, -5.0, 0.0]
        );
        assert_eq!(Scale::linear(3.0, 3.0).high(), 4.0);
    }

    #[test]
    fn logarithmic_ticks_thin_out_with_the_range() {
        let few = Scale::decades([15.0, 120.0]);
        assert_eq!((few.low(), few.high()), (10.0, 1000.0 / 3.0));
        assert_eq!(few.ticks(8), [10.0, 20.0, 50.0, 100.0, 200.0]);
        let many = Scale::decades([1.0, 1e6]);
        assert!(many.ticks(5).len() <= 5);
        assert!(many.place(1.0) > 0.0 && many.place(1e6) < 1.0);
        assert_eq!(Scale::octaves([1.0, 12.0]).ticks(9), [1.0, 2.0, 4.0, 8.0]);
        assert_eq!(
            Scale::octaves([1.0, 256.0]).ticks(5),
            [1.0, 4.0, 16.0, 64.0, 256.0]
        );
        // Without a positive number there is a scale all the same.
        assert!(Scale::decades([0.0]).place(1.0).is_finite());
    }

    #[test]
    fn places_follow_the_kind_of_scale() {
        assert_eq!(Scale::linear(-3.0, 9.0).place(0.0), 0.25);
        let decades = Scale::decades([1.0, 1000.0]);
        let span = (decades.high() / decades.low()).log10();
        assert!((decades.place(100.0) - decades.place(10.0) - 1.0 / span).abs() < 1e-12);
    }

    #[test]
    fn numbers_have_three_digits_and_a_unit() {
        let found = [0.0, 1.0, 999.0, 999.7, 1234.0, 45_600.0, 2_000_000.0].map(bytes);
        let expected = ["0 B", "1 B", "999 B", "1 kB", "1.23 kB", "45.6 kB", "2 MB"];
        assert_eq!(found, expected);
        assert_eq!(
            [1.0, 640.0, 2.5e9].map(picojoules),
            ["1 pJ", "640 pJ", "2.5 mJ"]
        );
        let found = [0.0, 0.769, 0.00408, 1.5, 12.34, 250.4].map(digits);
        assert_eq!(found, ["0", "0.769", "0.00408", "1.5", "12.3", "250"]);
        assert_eq!([0.0, 12.0, 3500.0].map(count), ["0", "12", "3.5 k"]);
    }
}
