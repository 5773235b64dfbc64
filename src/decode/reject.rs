//! What could not be taken, told so that a person can find it at the vendor. Nothing gets in but what the columns ask for:
//! vendors put secrets beside it.

use super::cell::{Cell, Conversion};
use super::find::Found;
use super::text;
use crate::json::{Kind, Value, unescape};
use crate::schema::ColumnType;

/// Longest text of a reject, in bytes.
const MAX_TEXT: usize = 4 << 10;

/// A value, or a record as a whole, that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The table whose row it is.
    pub table: String,
    /// The row's primary key as text, its values joined by `,`; the parent's in a table that has none. None if it is not whole.
    pub key: Option<String>,
    /// The column that is null for it, or the path that could not be exploded; none for a record as a whole.
    pub column: Option<String>,
    /// The value as it is written, or its characters if it is a string; of a record, a JSON object of its columns. At most
    /// 4 KiB and an ellipsis. What an object holds is not shown where the column asks for no object.
    pub raw: String,
    /// Plain English, without a full stop.
    pub reason: String,
}

/// Why a record is told that shares its key with another.
pub(super) const TWIN: &str = "another record has the same primary key, and is the row";

impl Reject {
    /// Whether it is a record that is told for its key alone.
    pub fn is_twin(&self) -> bool {
        self.column.is_none() && self.reason == TWIN
    }
}

/// A bad value as text.
pub(super) fn raw(found: &Found<'_>, conversion: &Conversion) -> String {
    if let Some(protection) = &conversion.protection {
        return protection.note();
    }
    match found {
        Found::Text(text) => cut(text),
        Found::NoText(value) if value.kind == Kind::String => cut(value.raw),
        Found::NoText(_) | Found::NoArray => HIDDEN_ARRAY.to_owned(),
        Found::Json(value) => hidden(*value, conversion).map_or_else(|| raw_value(*value), str::to_owned),
    }
}

/// A value as text, with all it holds.
pub(super) fn raw_value(value: Value<'_>) -> String {
    match value.contents() {
        Some(contents) => unescape(contents).map_or_else(|_| cut(contents), |text| cut(&text)),
        None => cut(value.raw),
    }
}

/// The columns of a record as a JSON object; those that are missing are left out.
pub(super) fn raw_record<'p>(columns: impl Iterator<Item = (&'p str, Option<Found<'p>>, &'p Conversion)>) -> String {
    let mut json = String::from("{");
    for (name, found, conversion) in columns {
        let Some(found) = found else { continue };
        if json.len() > MAX_TEXT {
            break;
        }
        if json.len() > 1 {
            json.push(',');
        }
        text::append_quoted(name, &mut json);
        json.push(':');
        if let Some(protection) = &conversion.protection {
            match conversion.cell(&found, &mut String::new()) {
                Ok(Cell::Text(made)) => text::append_quoted(made, &mut json),
                Ok(_) => json.push_str("null"),
                Err(_) => text::append_quoted(&protection.note(), &mut json),
            }
            continue;
        }
        match found {
            Found::Text(plain) => text::append_quoted(&plain, &mut json),
            Found::NoText(value) if value.kind == Kind::String => json.extend(["\"", value.raw, "\""]),
            Found::NoText(_) | Found::NoArray => text::append_quoted(HIDDEN_ARRAY, &mut json),
            Found::Json(value) => match hidden(value, conversion) {
                Some(hidden) => text::append_quoted(hidden, &mut json),
                None => text::append_json(value.raw, &mut json),
            },
        }
    }
    json.push('}');
    cut(&json)
}

/// What a value is, in words.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::True | Kind::False => "a boolean",
        Kind::Number => "a number",
        Kind::String => "a string",
        Kind::Array => "an array",
        Kind::Object => "an object",
    }
}

/// The text, or as much of it as a reject holds.
pub(super) fn cut(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let kept = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
    format!("{kept}…")
}

const HIDDEN_OBJECT: &str = "{…}";
const HIDDEN_ARRAY: &str = "[…]";

/// What is shown for a value that holds members nobody asked for.
fn hidden(value: Value<'_>, conversion: &Conversion) -> Option<&'static str> {
    match value.kind {
        _ if conversion.kind == ColumnType::Text => None,
        Kind::Object => Some(HIDDEN_OBJECT),
        Kind::Array if !text::is_flat(value.raw) => Some(HIDDEN_ARRAY),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut(&"a".repeat(MAX_TEXT)), "a".repeat(MAX_TEXT));
        assert_eq!(cut(&"a".repeat(MAX_TEXT + 1)), format!("{}…", "a".repeat(MAX_TEXT)));
        assert_eq!(
            cut(&format!("a{}", "é".repeat(MAX_TEXT))),
            format!("a{}…", "é".repeat(MAX_TEXT / 2 - 1))
        );
    }
}
