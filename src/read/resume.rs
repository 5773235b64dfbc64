//! Where a read would go on: a text that a manifest keeps.
//!
//! | pagination | text | next |
//! |---|---|---|
//! | keyset | `above 8831`, `above "ab c"` | rows above this key |
//! | offset, in the order of the primary key, which is one column | `at 1500 above 8831` | rows above this key, looked for from this position on |
//! | any other, or a table in slices or read for each row of another | | a position, or a number of a page, is another row's tomorrow |
//!
//! The key stands as the vendor writes it in JSON: an identity is another number in each process.

use crate::error::{Error, Kind, Result};
use crate::json::{Kind as Json, Scanner, unescape};
use crate::schema::{Fetch, Origin, Pagination, Step, Table};

/// The last row read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resume {
    /// Rows before it and itself, when it was read.
    pub at: Option<u64>,
    pub above: Mark,
}

impl Resume {
    pub fn text(&self) -> String {
        match self.at {
            None => format!("above {}", self.above.raw),
            Some(at) => format!("at {at} above {}", self.above.raw),
        }
    }

    /// # Errors
    /// [`Kind::Data`] where the text is not one that this table gives.
    pub fn parse(text: &str, table: &Table) -> Result<Self> {
        let wrong = |expected: &str| {
            Error::new(
                Kind::Data,
                format!("table `{}` cannot go on from `{text}`: expected {expected}", table.id),
            )
            .hint("the mark was left by another version or by another declaration of the table: it has to be read from its beginning")
        };
        let place = table.fetch().map_or(Place::Nowhere, |fetch| Place::of(table, fetch));
        let (at, above) = match place {
            Place::Nowhere => return Err(wrong("no mark, this table is read from its beginning")),
            Place::Key => (None, text.strip_prefix("above ")),
            Place::Position => {
                let parts = text.strip_prefix("at ").and_then(|rest| rest.split_once(" above "));
                match parts.and_then(|(at, above)| Some((at.parse().ok()?, above))) {
                    Some((at, above)) => (Some(at), Some(above)),
                    None => (None, None),
                }
            }
        };
        let above = above.filter(|above| is_scalar(above)).and_then(Mark::new);
        match above {
            Some(above) => Ok(Self { at, above }),
            None => Err(wrong(match place {
                Place::Position => "`at <rows> above <key>`",
                _ => "`above <key>`",
            })),
        }
    }
}

/// What a table's place can be told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Key,
    Position,
    Nowhere,
}

impl Place {
    pub fn of(table: &Table, fetch: &Fetch) -> Self {
        if fetch.slices.is_some() || fetch.for_each.is_some() {
            return Self::Nowhere;
        }
        match &fetch.pagination {
            Pagination::Keyset { .. } => Self::Key,
            Pagination::Offset { .. } if key_order(table, fetch).is_some() => Self::Position,
            _ => Self::Nowhere,
        }
    }
}

/// The member by which an offset's rows are ordered, if it is the whole primary key: then each row has its place, and keeps it.
pub(super) fn key_order<'a>(table: &Table, fetch: &'a Fetch) -> Option<&'a str> {
    let (Pagination::Offset { order: Some(order), .. }, [key], None) = (&fetch.pagination, &table.primary_key[..], &fetch.unnest) else {
        return None;
    };
    let Origin::Path(paths) = &table.column(key)?.origin else {
        return None;
    };
    let is_key = paths
        .iter()
        .any(|path| matches!(&path.0[..], [Step::Member(member)] if crate::json::key_matches(order, member)));
    is_key.then_some(order)
}

/// A key to page by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    /// As it is written in JSON.
    raw: String,
    pub text: String,
    integer: Option<i128>,
    number: Option<f64>,
}

impl Mark {
    /// From a scalar as it is written in JSON.
    pub fn new(raw: &str) -> Option<Self> {
        let text = match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
            Some(inner) => unescape(inner).ok()?.into_owned(),
            None => raw.to_owned(),
        };
        (!raw.starts_with(['{', '['])).then(|| Self {
            integer: text.parse().ok(),
            number: text.parse().ok().filter(|number: &f64| number.is_finite()),
            text,
            raw: raw.to_owned(),
        })
    }

    /// As it is told: a number as it is, of a text only how long it is, which may be a person's.
    pub fn told(&self) -> String {
        match self.number {
            Some(_) => self.text.clone(),
            None => format!("a text of {} characters", self.text.chars().count()),
        }
    }

    /// Integers by their value, other numbers likewise, else the texts.
    pub fn is_above(&self, other: &Self) -> bool {
        match (self.integer, other.integer, self.number, other.number) {
            (Some(this), Some(other), ..) => this > other,
            (_, _, Some(this), Some(other)) => this > other,
            _ => self.text > other.text,
        }
    }

    /// As OData writes it, without quotes around it: a quote in it is doubled.
    pub fn literal(&self) -> String {
        self.text.replace('\'', "''")
    }
}

/// One number or string of JSON and nothing else.
fn is_scalar(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    let kind = scanner.peek();
    matches!(kind, Ok(Json::Number | Json::String)) && scanner.skip().is_ok() && scanner.end().is_ok() && text.trim() == text
}
