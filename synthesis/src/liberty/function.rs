//! What a cell computes, from the text of its function.

/// The truth table of `function` over `inputs`, the first of them the lowest bit of the index;
/// none if it reads anything else.
pub(super) fn truth_table(function: &str, inputs: &[&str]) -> Option<Vec<bool>> {
    (0..1_usize << inputs.len())
        .map(|values| {
            let mut reader = Reader {
                rest: function.trim(),
                inputs,
                values,
            };
            let result = reader.or()?;
            reader.rest.is_empty().then_some(result)
        })
        .collect()
}

struct Reader<'a> {
    rest: &'a str,
    inputs: &'a [&'a str],
    values: usize,
}

impl Reader<'_> {
    fn take(&mut self, marks: &[char]) -> bool {
        let taken = self.rest.strip_prefix(marks);
        if let Some(rest) = taken {
            self.rest = rest.trim_start();
        }
        taken.is_some()
    }

    fn or(&mut self) -> Option<bool> {
        let mut result = self.and()?;
        while self.take(&['+', '|']) {
            result |= self.and()?;
        }
        Some(result)
    }

    fn and(&mut self) -> Option<bool> {
        let mut result = self.xor()?;
        // Two operands side by side are a conjunction, too.
        while self.take(&['*', '&'])
            || !(self.rest.is_empty() || self.rest.starts_with([')', '+', '|']))
        {
            result &= self.xor()?;
        }
        Some(result)
    }

    fn xor(&mut self) -> Option<bool> {
        let mut result = self.operand()?;
        while self.take(&['^']) {
            result ^= self.operand()?;
        }
        Some(result)
    }

    fn operand(&mut self) -> Option<bool> {
        let mut result = if self.take(&['!']) {
            !self.operand()?
        } else if self.take(&['(']) {
            let inner = self.or()?;
            if !self.take(&[')']) {
                return None;
            }
            inner
        } else {
            self.input()?
        };
        while self.take(&['\'']) {
            result = !result;
        }
        Some(result)
    }

    fn input(&mut self) -> Option<bool> {
        let named = |c: char| c.is_alphanumeric() || "_[]".contains(c);
        let end = self.rest.find(|c| !named(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        let index = self.inputs.iter().position(|input| *input == name)?;
        Some(self.values >> index & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_nand_is_one() {
        let nand = vec![true, true, true, false];
        for text in [
            "(!(A B))", "!(A*B)", "(A & B)'", "!A + !B", "A' | B'", "1", "A C",
        ] {
            let table = truth_table(text, &["A", "B"]);
            let expected = (!["1", "A C"].contains(&text)).then(|| nand.clone());
            assert_eq!(table, expected, "{text}");
        }
        assert_eq!(
            truth_table("A ^ B", &["A", "B"]).unwrap(),
            [false, true, true, false]
        );
    }
}
