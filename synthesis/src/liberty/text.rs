//! The text of a Liberty file as nested groups.
//!
//! Crates for it are dead (`liberty-parse`, 2019) or model all of the format in hundreds of types
//! (`liberty-db`); four attributes are read here.

/// `kind (arguments) { attributes and groups }`.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) kind: String,
    pub(super) arguments: Vec<String>,
    /// `name : value;` and `name (values);`.
    pub(super) attributes: Vec<(String, Vec<String>)>,
    pub(super) groups: Vec<Group>,
}

impl Group {
    /// The first value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.values(name)?.first().map(String::as_str)
    }

    /// All values of an attribute.
    pub(super) fn values(&self, name: &str) -> Option<&[String]> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(attribute, _)| attribute == name)?;
        Some(&found.1)
    }

    /// An attribute as a number.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.attribute(name)?.parse().ok()
    }

    /// The groups of one kind.
    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(move |group| group.kind == kind)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Mark(char),
}

/// The outermost group of a text; none if there is none or it does not end.
pub(super) fn parse(text: &str) -> Option<Group> {
    let tokens = tokens(text);
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
    };
    let mut outside = Group::default();
    // A library stands alone; what follows it is of no interest.
    reader.statement(&mut outside)?;
    outside.groups.pop()
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => {
                let end = rest[1..].find('"').map_or(rest.len(), |end| end + 1);
                tokens.push(Token::Word(rest[1..end].replace("\\\n", " ")));
                (end + 1).min(rest.len())
            }
            '(' | ')' | '{' | '}' | ':' | ';' | ',' => {
                tokens.push(Token::Mark(first));
                1
            }
            _ if first.is_whitespace() || first == '\\' => first.len_utf8(),
            _ => {
                let ends = |c: char| c.is_whitespace() || "(){}:;,\"\\".contains(c);
                let end = rest.find(ends).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_string()));
                end
            }
        };
        rest = &rest[length..];
    }
    tokens
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<&Token> {
        self.at += 1;
        self.tokens.get(self.at - 1)
    }

    fn take(&mut self, mark: char) -> bool {
        let there = self.tokens.get(self.at) == Some(&Token::Mark(mark));
        self.at += usize::from(there);
        there
    }

    /// Reads an attribute or a group into `group`.
    fn statement(&mut self, group: &mut Group) -> Option<()> {
        let Token::Word(name) = self.next()?.clone() else {
            // A stray semicolon or the like says nothing.
            return Some(());
        };
        if self.take(':') {
            let value = self.value()?;
            group.attributes.push((name, vec![value]));
            return Some(());
        }
        if !self.take('(') {
            return Some(());
        }
        let arguments = self.arguments()?;
        if !self.take('{') {
            group.attributes.push((name, arguments));
            return Some(());
        }
        let mut inner = Group {
            kind: name,
            arguments,
            ..Group::default()
        };
        while !self.take('}') {
            self.statement(&mut inner)?;
        }
        group.groups.push(inner);
        Some(())
    }

    /// All up to a semicolon, which may be missing at the end of a group.
    fn value(&mut self) -> Option<String> {
        let mut value = String::new();
        loop {
            match self.tokens.get(self.at)? {
                Token::Mark(';') => {
                    self.at += 1;
                    return Some(value);
                }
                Token::Mark('}') => return Some(value),
                Token::Mark(mark) => value.push(*mark),
                Token::Word(word) => {
                    if !value.is_empty() {
                        value.push(' ');
                    }
                    value += word;
                }
            }
            self.at += 1;
        }
    }

    fn arguments(&mut self) -> Option<Vec<String>> {
        let mut arguments = Vec::new();
        loop {
            match self.next()? {
                Token::Mark(')') => return Some(arguments),
                Token::Mark(_) => {}
                Token::Word(word) => arguments.push(word.clone()),
            }
        }
    }
}
