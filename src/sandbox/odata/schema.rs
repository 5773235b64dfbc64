//! The properties of a set as filters and orders know them: taken from the text of its row 0, in which every member has a
//! value, so there is no second list to keep in step.

use super::Refusal;
use super::filter::Scalar;
use super::text::{member, unquoted};
use crate::sandbox::stamp;

/// The type of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Bool,
    /// A time with zone. Without zone it is text, and filters must quote it.
    Date,
    Text,
    /// Objects and lists: they have no order and no literal.
    Other,
}

/// Where a property is in a row, in the row's own spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub names: Vec<String>,
    pub kind: Kind,
}

impl Path {
    /// Whether this is the member of that name at the root.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.names.len() == 1 && self.names[0] == name
    }

    /// The value in the text of a row.
    pub(crate) fn value(&self, row: &[u8]) -> Scalar {
        let mut raw = row;
        for name in &self.names {
            match member(raw, name, false) {
                Some((_, value)) => raw = value,
                None => return Scalar::Null,
            }
        }
        scalar(raw, self.kind)
    }
}

/// A sample row and the dialect's leniencies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema<'a> {
    sample: &'a [u8],
    any_case: bool,
    pub bare_dates: bool,
}

impl<'a> Schema<'a> {
    /// `any_case`: property names in any case. `bare_dates`: `2026-01-01` is a literal of a time.
    pub(crate) fn sampled(sample: &'a [u8], any_case: bool, bare_dates: bool) -> Schema<'a> {
        Schema {
            sample,
            any_case,
            bare_dates,
        }
    }

    /// Finds a property by its name, nested ones with slashes.
    pub(crate) fn path(&self, name: &str) -> Result<Path, Refusal> {
        let mut raw = self.sample;
        let mut names = Vec::new();
        for part in name.split('/') {
            let Some((found, value)) = member(raw, part, self.any_case) else {
                return Err(Refusal(format!("Could not find a property named '{name}'.")));
            };
            names.push(found.to_owned());
            raw = value;
        }
        Ok(Path { names, kind: kind(raw) })
    }
}

fn kind(raw: &[u8]) -> Kind {
    match raw.first() {
        Some(b't' | b'f') => Kind::Bool,
        Some(b'-' | b'0'..=b'9') => Kind::Number,
        Some(b'"') => match unquoted(raw).as_deref().and_then(stamp::read) {
            Some(read) if read.has_zone => Kind::Date,
            _ => Kind::Text,
        },
        _ => Kind::Other,
    }
}

fn scalar(raw: &[u8], kind: Kind) -> Scalar {
    let text = || std::str::from_utf8(raw).ok();
    match raw.first() {
        Some(b't') => Scalar::Bool(true),
        Some(b'f') => Scalar::Bool(false),
        Some(b'-' | b'0'..=b'9') => text().and_then(|t| t.parse().ok()).map_or(Scalar::Null, Scalar::Number),
        Some(b'"') => {
            let text = unquoted(raw).unwrap_or_default();
            match stamp::read(&text) {
                Some(read) if kind == Kind::Date => Scalar::Date(read.ticks),
                _ => Scalar::Text(text),
            }
        }
        _ => Scalar::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_from_the_sample() {
        let row = br#"{"n":1.5,"b":false,"d":"2026-01-01T00:00:00Z","t":"2026-01-01T00:00:00","o":{"x":"y"},"l":[]}"#;
        let schema = Schema::sampled(row, true, false);
        let expected = [
            ("N", Kind::Number),
            ("b", Kind::Bool),
            ("d", Kind::Date),
            ("t", Kind::Text),
            ("o", Kind::Other),
            ("O/X", Kind::Text),
            ("l", Kind::Other),
        ];
        for (name, kind) in expected {
            assert_eq!(schema.path(name).unwrap().kind, kind, "{name}");
        }
        assert!(schema.path("o/z").is_err() && schema.path("n/x").is_err());
        assert_eq!(schema.path("o/x").unwrap().value(br#"{"o":null}"#), Scalar::Null);
        assert_eq!(
            schema.path("o/x").unwrap().value(br#"{"o":{"x":"a"}}"#),
            Scalar::Text("a".to_owned())
        );
        assert_eq!(schema.path("n").unwrap().value(br#"{"n":-2}"#), Scalar::Number(-2.0));
    }
}
