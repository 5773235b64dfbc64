//! The value of a column among those that were found in a record.

use std::borrow::Cow;

use super::cell::Bad;
use super::text;
use super::trie::Slots;
use crate::json::{Kind, Scanner, Value, key_matches};
use crate::schema::{ColumnPath, Step};

/// A column's value before its conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<'p> {
    Json(Value<'p>),
    /// What stands in no string of its own: the values behind `a[].b` joined, or a member's name.
    Text(Cow<'p, str>),
    /// The array of such values, or a member's name between its quotes, where that is no text.
    NoText(Value<'p>),
}

/// A path of a column: names that the trie follows, and for `a[].b` what is done with each element.
#[derive(Debug)]
pub(super) struct Path {
    /// The trie's node.
    pub node: usize,
    /// Names below each element of the array found there.
    elements: Option<Vec<String>>,
    /// It is `.`, the element itself.
    itself: bool,
}

impl Path {
    /// The names before `[]`, which the trie is to follow, and the path that starts where they lead.
    pub fn new(path: &ColumnPath) -> (Vec<String>, Self) {
        let mut before = Vec::new();
        let mut elements: Option<Vec<String>> = None;
        for step in &path.0 {
            match step {
                Step::Elements => elements = Some(Vec::new()),
                Step::Member(name) => elements.as_mut().unwrap_or(&mut before).push(name.clone()),
            }
        }
        let itself = path.0.is_empty();
        let node = 0;
        (before, Self { node, elements, itself })
    }

    /// Names alone.
    pub fn is_plain(&self) -> bool {
        self.elements.is_none() && !self.itself
    }

    fn find<'p>(&self, slots: &Slots<'p>) -> Option<Found<'p>> {
        let value = slots.get(self.node).copied().flatten()?;
        let Some(names) = &self.elements else {
            return Some(Found::Json(value));
        };
        if value.kind != Kind::Array {
            return None;
        }
        match join(value.raw, names) {
            Ok(joined) => joined.map(|joined| Found::Text(joined.into())),
            Err(_) => Some(Found::NoText(value)),
        }
    }
}

impl Found<'_> {
    fn is_null(&self, text: bool) -> bool {
        match self {
            Self::Json(value) => is_null(*value, text),
            Self::Text(found) => !text && found.is_empty(),
            Self::NoText(_) => false,
        }
    }
}

/// Null, or what is null in every column that is not text: `""`.
pub(super) fn is_null(value: Value<'_>, text: bool) -> bool {
    value.kind == Kind::Null || (!text && value.raw == "\"\"")
}

/// The first value that is there and not null; else a null, if there is one. `.` stands back where a path before it led to a
/// null: `["value", "."]` finds the null in `{"value":null}`, and `7` in `7`.
///
/// `around` is the record that the element was unnested from: its members count where the element has none of them.
pub(super) fn find<'p>(paths: &[Path], slots: &Slots<'p>, around: Option<&Slots<'p>>, text: bool) -> Option<Found<'p>> {
    let mut null = None;
    for (slots, is_around) in std::iter::once((slots, false)).chain(around.map(|around| (around, true))) {
        for path in paths {
            if path.itself && (is_around || null.is_some()) {
                continue;
            }
            match path.find(slots) {
                Some(found) if found.is_null(text) => null = null.or(Some(found)),
                None => {}
                found => return found,
            }
        }
    }
    null
}

/// The same for one path of names alone.
#[inline]
pub(super) fn find_one<'p>(node: usize, slots: &Slots<'p>, around: Option<&Slots<'p>>, text: bool) -> Option<Value<'p>> {
    let value = slots.get(node).copied().flatten();
    match around {
        Some(around) if value.is_none_or(|value| is_null(value, text)) => {
            let further = around.get(node).copied().flatten();
            further.filter(|further| value.is_none() || !is_null(*further, text)).or(value)
        }
        _ => value,
    }
}

/// The array or object where one path leads: null and `""` are none.
pub(super) fn find_array<'p>(node: usize, slots: &Slots<'p>, around: Option<&Slots<'p>>) -> Option<Value<'p>> {
    find_one(node, slots, around, false).filter(|value| !is_null(*value, false))
}

/// The values below each element, as text, joined by commas; none if there is none but nulls.
fn join(array: &str, names: &[String]) -> Result<Option<String>, Bad> {
    let mut joined: Option<String> = None;
    for element in text::elements(array) {
        let value = names.iter().try_fold(element, |value, name| member(value, name));
        if let Some(value) = value.filter(|value| value.kind != Kind::Null) {
            match &mut joined {
                Some(joined) => joined.push(','),
                None => joined = Some(String::new()),
            }
            if let Some(joined) = &mut joined {
                text::append(value, joined)?;
            }
        }
    }
    Ok(joined)
}

/// The last member of this name in an object that was passed before, and so is well-formed.
fn member<'p>(object: Value<'p>, name: &str) -> Option<Value<'p>> {
    let mut scanner = Scanner::new(object.raw);
    scanner.begin_object().ok()?;
    let mut found = None;
    while let Some(key) = scanner.next_key().ok()? {
        let value = scanner.skip().ok()?;
        if key_matches(key, name) {
            found = Some(value);
        }
    }
    found
}
