//! One value on its way into a column.

use super::find::Found;
use super::protect::Protection;
use super::time::{Calendar, Day};
use super::{number, text};
use crate::json::{Kind, Value, unescape_into};
use crate::schema::{Column, ColumnType, Format};

/// A value of a column's type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'t> {
    Null,
    Text(&'t str),
    Int(i64),
    Float(f64),
    Boolean(bool),
    /// Microseconds since 1970, UTC.
    Micros(i64),
    /// Days since 1970.
    Days(i32),
}

/// Why a value does not fit its column: what it is, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bad(pub &'static str);

/// How a column reads its values.
#[derive(Debug)]
pub(super) struct Conversion {
    pub kind: ColumnType,
    format: Option<Format>,
    calendar: Calendar,
    /// What is made of the values of a column of personal data that is not kept as it is.
    pub protection: Option<Protection>,
    /// It can hold personal data, kept as it is or not.
    pub is_personal: bool,
}

/// Longest text of a cell in bytes: a batch counts its text in 31 bits.
const MAX_TEXT: usize = 1 << 30;

pub(super) const LONE_SURROGATE: Bad = Bad("holds half of a UTF-16 surrogate pair, which is no character");

impl Conversion {
    pub fn new(column: &Column, no_date: &[Day]) -> Self {
        Self {
            kind: column.treatment.as_ref().map_or(column.kind, |treatment| treatment.read_as),
            format: column.format,
            calendar: Calendar::new(column, no_date),
            protection: Protection::of(column),
            is_personal: column.personal.is_some(),
        }
    }

    /// The value as this column takes it; null and, save for text, `""` are null. `scratch` takes what cannot be borrowed.
    pub fn cell<'t>(&self, found: &'t Found<'_>, scratch: &'t mut String) -> Result<Cell<'t>, Bad> {
        match &self.protection {
            Some(protection) => protection.cell(|clear| self.clear(found, clear).map(|cell| protection.made_of(cell)), scratch),
            None => self.clear(found, scratch),
        }
    }

    /// The same for a value as it is written.
    #[inline(always)]
    pub fn json<'t>(&self, value: Value<'t>, scratch: &'t mut String) -> Result<Cell<'t>, Bad> {
        match &self.protection {
            Some(protection) => protection.cell(|clear| self.clear_json(value, clear).map(|cell| protection.made_of(cell)), scratch),
            None => self.clear_json(value, scratch),
        }
    }

    fn clear<'t>(&self, found: &'t Found<'_>, scratch: &'t mut String) -> Result<Cell<'t>, Bad> {
        match found {
            Found::Json(value) => self.clear_json(*value, scratch),
            Found::Text(text) => self.plain(Kind::String, text),
            Found::NoText(_) => Err(LONE_SURROGATE),
            Found::NoArray => Err(Bad("not an array to choose from")),
        }
    }

    #[inline(always)]
    fn clear_json<'t>(&self, value: Value<'t>, scratch: &'t mut String) -> Result<Cell<'t>, Bad> {
        match (value.kind, value.contents()) {
            (Kind::Null, _) => Ok(Cell::Null),
            (_, Some(contents)) if !value.escaped => self.plain(Kind::String, contents),
            (_, Some(contents)) => {
                scratch.clear();
                unescape_into(contents, scratch).map_err(|_| LONE_SURROGATE)?;
                self.plain(Kind::String, scratch)
            }
            (Kind::Array | Kind::Object, _) if self.kind == ColumnType::Text => {
                scratch.clear();
                text::append(value, scratch)?;
                self.plain(Kind::String, scratch)
            }
            (kind, None) => self.plain(kind, value.raw),
        }
    }

    /// `text` is a string's characters, or another value as it is written.
    #[inline(always)]
    fn plain<'t>(&self, kind: Kind, text: &'t str) -> Result<Cell<'t>, Bad> {
        if self.kind == ColumnType::Text {
            return if text.len() <= MAX_TEXT {
                Ok(Cell::Text(text))
            } else {
                Err(Bad("longer than 1 GiB"))
            };
        }
        if text.is_empty() {
            return Ok(Cell::Null);
        }
        Ok(match self.kind {
            ColumnType::Int => Cell::Int(number::int(kind, text, self.format)?),
            ColumnType::Float => Cell::Float(number::float(kind, text, self.format)?),
            ColumnType::Boolean => Cell::Boolean(number::boolean(kind, text)?),
            ColumnType::Timestamp => self.calendar.timestamp(kind, text)?.map_or(Cell::Null, Cell::Micros),
            ColumnType::Date => self.calendar.date(kind, text)?.map_or(Cell::Null, Cell::Days),
            ColumnType::Text => Cell::Text(text),
        })
    }
}
