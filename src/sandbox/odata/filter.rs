//! Reads `$filter` text into an expression: comparisons `eq ne gt ge lt le` of a property with a number, a bare date, a
//! quoted string, `null` or a boolean; `and`, `or`, `not`, parentheses; `contains`, `startswith`, `endswith`, and `year`,
//! `month`, `day` of a date. Anything else is refused. Types are checked here, so that a wrong literal is an error and not
//! an empty page.

use super::Refusal;
use super::schema::{Kind, Path, Schema};
use crate::sandbox::stamp;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Compare { path: Path, op: Op, value: Scalar },
    Part { path: Path, part: Part, op: Op, value: i64 },
    Match { path: Path, how: Match, text: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Year,
    Month,
    Day,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    Contains,
    StartsWith,
    EndsWith,
}

/// A literal, or the value of a property.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Number(f64),
    /// Ticks; see [`stamp`].
    Date(i64),
    Text(String),
}

/// Parses a filter against the properties of a set.
pub(crate) fn parse(text: &str, schema: &Schema) -> Result<Expr, Refusal> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        schema,
    };
    let expr = parser.or()?;
    match parser.tokens.get(parser.at) {
        None => Ok(expr),
        Some(token) => Err(refuse(format!("Syntax error: unexpected {token:?} in '{text}'."))),
    }
}

/// Deeper nesting than this is refused rather than followed down the stack.
const DEEPEST: usize = 50;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    /// A name, a keyword, a number or a bare date: what they are depends on the place.
    Word(String),
    Quoted(String),
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    schema: &'a Schema<'a>,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Expr, Refusal> {
        let mut left = self.and()?;
        while self.keyword("or") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, Refusal> {
        let mut left = self.unary()?;
        while self.keyword("and") {
            left = Expr::And(Box::new(left), Box::new(self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Refusal> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(refuse("The node count limit of the filter has been exceeded."));
        }
        let expr = if self.keyword("not") {
            Expr::Not(Box::new(self.unary()?))
        } else if self.take(&Token::Open) {
            let inner = self.or()?;
            self.expect(&Token::Close)?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn comparison(&mut self) -> Result<Expr, Refusal> {
        let name = self.word()?;
        if !self.take(&Token::Open) {
            let path = self.schema.path(&name)?;
            let op = self.op()?;
            let value = self.literal(&path)?;
            return Ok(Expr::Compare { path, op, value });
        }
        let property = self.word()?;
        let path = self.schema.path(&property)?;
        let how = match name.as_str() {
            "contains" => Match::Contains,
            "startswith" => Match::StartsWith,
            "endswith" => Match::EndsWith,
            "year" => return self.part(path, Part::Year),
            "month" => return self.part(path, Part::Month),
            "day" => return self.part(path, Part::Day),
            _ => return Err(refuse(format!("An unknown function with name '{name}' was found."))),
        };
        self.expect(&Token::Comma)?;
        let Some(Token::Quoted(text)) = self.next() else {
            return Err(refuse(format!("{name} expects a string in single quotes.")));
        };
        self.expect(&Token::Close)?;
        if path.kind != Kind::Text {
            return Err(mismatch(&path, "Edm.String"));
        }
        Ok(Expr::Match { path, how, text })
    }

    fn part(&mut self, path: Path, part: Part) -> Result<Expr, Refusal> {
        self.expect(&Token::Close)?;
        if path.kind != Kind::Date {
            return Err(mismatch(&path, "Edm.DateTimeOffset"));
        }
        let op = self.op()?;
        let value = self.word()?;
        let value = value.parse().map_err(|_| refuse(format!("'{value}' is not a number.")))?;
        Ok(Expr::Part { path, part, op, value })
    }

    fn literal(&mut self, path: &Path) -> Result<Scalar, Refusal> {
        let value = match self.next() {
            Some(Token::Quoted(text)) => Scalar::Text(text),
            Some(Token::Word(word)) => bare(&word, self.schema)?,
            found => return Err(refuse(format!("Expected a literal, found {found:?}."))),
        };
        match (&value, path.kind) {
            (Scalar::Null, _)
            | (Scalar::Bool(_), Kind::Bool)
            | (Scalar::Number(_), Kind::Number)
            | (Scalar::Date(_), Kind::Date)
            | (Scalar::Text(_), Kind::Text) => Ok(value),
            (Scalar::Bool(_), _) => Err(mismatch(path, "Edm.Boolean")),
            (Scalar::Number(_), _) => Err(mismatch(path, "Edm.Int32")),
            (Scalar::Date(_), _) => Err(mismatch(path, "Edm.DateTimeOffset")),
            (Scalar::Text(_), _) => Err(mismatch(path, "Edm.String")),
        }
    }

    fn op(&mut self) -> Result<Op, Refusal> {
        let word = self.word()?;
        Ok(match word.as_str() {
            "eq" => Op::Eq,
            "ne" => Op::Ne,
            "gt" => Op::Gt,
            "ge" => Op::Ge,
            "lt" => Op::Lt,
            "le" => Op::Le,
            _ => return Err(refuse(format!("Syntax error: '{word}' is not a comparison."))),
        })
    }

    fn word(&mut self) -> Result<String, Refusal> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word),
            found => Err(refuse(format!("Syntax error: expected a name, found {found:?}."))),
        }
    }

    fn keyword(&mut self, word: &str) -> bool {
        let here = matches!(self.tokens.get(self.at), Some(Token::Word(found)) if found == word);
        self.at += usize::from(here);
        here
    }

    fn take(&mut self, token: &Token) -> bool {
        let here = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(here);
        here
    }

    fn expect(&mut self, token: &Token) -> Result<(), Refusal> {
        if self.take(token) {
            return Ok(());
        }
        let found = self.tokens.get(self.at);
        Err(refuse(format!("Syntax error: expected {token:?}, found {found:?}.")))
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }
}

fn bare(word: &str, schema: &Schema) -> Result<Scalar, Refusal> {
    match word {
        "null" => return Ok(Scalar::Null),
        "true" => return Ok(Scalar::Bool(true)),
        "false" => return Ok(Scalar::Bool(false)),
        _ => {}
    }
    if let Some(date) = stamp::read(word) {
        // A time without zone is no DateTimeOffset; a date alone is taken by some vendors.
        let good = date.has_zone || !date.has_time && schema.bare_dates;
        return if good {
            Ok(Scalar::Date(date.ticks))
        } else {
            Err(refuse(format!("'{word}' is not an Edm.DateTimeOffset literal.")))
        };
    }
    let number = word.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    match word.parse::<f64>() {
        Ok(value) if number => Ok(Scalar::Number(value)),
        _ => Err(refuse(format!("Syntax error: '{word}' is not a literal."))),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '(' => {
                tokens.push(Token::Open);
                1
            }
            ')' => {
                tokens.push(Token::Close);
                1
            }
            ',' => {
                tokens.push(Token::Comma);
                1
            }
            '\'' => {
                let (string, taken) = quoted(rest)?;
                tokens.push(Token::Quoted(string));
                taken
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "(),'".contains(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                end
            }
        };
        rest = rest[taken..].trim_start();
    }
    Ok(tokens)
}

/// The string that opens `rest` and how many bytes it takes there; a doubled quote is a quote.
fn quoted(rest: &str) -> Result<(String, usize), Refusal> {
    let mut string = String::new();
    let mut at = 1;
    loop {
        let Some(end) = rest[at..].find('\'') else {
            return Err(refuse("There is an unterminated string literal in the filter."));
        };
        string.push_str(&rest[at..at + end]);
        at += end + 1;
        if !rest[at..].starts_with('\'') {
            return Ok((string, at));
        }
        string.push('\'');
        at += 1;
    }
}

fn refuse(message: impl Into<String>) -> Refusal {
    Refusal(message.into())
}

fn mismatch(path: &Path, literal: &str) -> Refusal {
    let (name, kind) = (path.names.join("/"), path.kind);
    refuse(format!(
        "A binary operator with incompatible types was detected: '{name}' is {kind:?}, the literal is {literal}."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &[u8] = br#"{"Id":1,"Name":"a","When":"2026-01-02T03:04:05-03:00","Wall":"2026-01-02T03:04","Ok":true,"lead":{"id":2}}"#;

    fn schema() -> Schema<'static> {
        Schema::sampled(ROW, false, false)
    }

    #[test]
    fn what_is_taken() {
        for good in [
            "Id gt 5",
            "Id gt 5 and Name eq 'O''Hara' or not (Ok eq true)",
            "When ge 2026-01-01T00:00:00-03:00 and When lt 2026-01-01T00:00:00.123Z",
            "Wall ge '2026-01-01'",
            "lead/id eq 7",
            "Name ne null",
            "contains(Name,'x') and year(When) eq 2026",
            "((((Id eq -1))))",
        ] {
            assert!(parse(good, &schema()).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_is_refused() {
        for wrong in [
            "",
            "Nope eq 1",
            "id eq 1",
            "Id",
            "Id gt",
            "Id gt 5 and",
            "Id like 5",
            "Id eq '5'",
            "Name eq 5",
            "Name eq 'open",
            "When ge '2026-01-01'",
            "When ge 2026-01-01",
            "When ge 2026-01-01T00:00:00",
            "When ge 2026-01-01T00:00:00 03:00",
            "Wall ge 2026-01-01T00:00:00Z",
            "lead eq 1",
            "Id eq 1 Id eq 2",
            "(Id eq 1",
            "nope(Name,'x')",
        ] {
            assert!(parse(wrong, &schema()).is_err(), "{wrong}");
        }
        let deep = format!("{}Id eq 1{}", "(".repeat(5000), ")".repeat(5000));
        assert!(parse(&deep, &schema()).is_err());
    }

    #[test]
    fn and_binds_tighter_than_or() {
        let expr = parse("Id eq 1 or Id eq 2 and Id eq 3", &schema()).unwrap();
        assert!(matches!(expr, Expr::Or(_, right) if matches!(*right, Expr::And(..))));
    }

    #[test]
    fn a_dialect_may_take_dates_and_any_case() {
        let lenient = Schema::sampled(ROW, true, true);
        assert!(parse("when ge 2026-01-01 and ID eq 1", &lenient).is_ok());
    }
}
