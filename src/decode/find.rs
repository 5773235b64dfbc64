//! The value of a column among those that were found in a record.

use std::borrow::Cow;

use super::cell::Bad;
use super::choose::{Chooser, Chosen};
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

/// What was found in a record or an element.
#[derive(Debug)]
pub(super) struct Finds<'p> {
    /// At the nodes of the trie.
    pub slots: Slots<'p>,
    /// In the elements that were chosen.
    pub chosen: Chosen<'p>,
}

/// A path of a column: names that the trie follows, and for `a[].b` and `a[k=v].b` what is done with the elements.
#[derive(Debug)]
pub(super) struct Path {
    /// The trie's node.
    pub node: usize,
    /// Names below the elements of the array found there.
    elements: Option<Vec<String>>,
    /// Only elements whose member of this name has this value.
    pub choice: Option<(String, String)>,
    /// Where what they hold is among what was chosen.
    chosen: usize,
    /// It is `.`, the element itself.
    itself: bool,
}

impl Path {
    /// The names before `[]`, which the trie is to follow, and the path that starts where they lead.
    pub fn new(path: &ColumnPath) -> (Vec<String>, Self) {
        let mut before = Vec::new();
        let (mut elements, mut choice): (Option<Vec<String>>, _) = (None, None);
        for step in &path.0 {
            match step {
                Step::Elements => elements = Some(Vec::new()),
                Step::Where(member, value) => (elements, choice) = (Some(Vec::new()), Some((member.clone(), value.clone()))),
                Step::Member(name) => elements.as_mut().unwrap_or(&mut before).push(name.clone()),
            }
        }
        let itself = path.0.is_empty();
        let path = Self {
            node: 0,
            elements,
            choice,
            chosen: 0,
            itself,
        };
        (before, path)
    }

    /// Names alone.
    pub fn is_plain(&self) -> bool {
        self.elements.is_none() && !self.itself
    }

    /// The node is known: a choice is made there with all others.
    pub fn choose(&mut self, chooser: &mut Chooser) {
        if let (Some(choice), Some(names)) = (&self.choice, &self.elements) {
            self.chosen = chooser.add(self.node, choice, names);
        }
    }

    fn find<'p>(&self, finds: &Finds<'p>) -> Option<Found<'p>> {
        let value = finds.slots.get(self.node).copied().flatten()?;
        let Some(names) = &self.elements else {
            return Some(Found::Json(value));
        };
        if value.kind != Kind::Array {
            return None;
        }
        let below: Vec<Value<'p>>;
        let values = match &self.choice {
            None => {
                below = below_elements(value.raw, names);
                &below
            }
            Some(_) => match finds.chosen.get(self.chosen)?.as_slice() {
                [value] => return Some(Found::Json(*value)),
                values => values,
            },
        };
        match join(values) {
            Ok(_) if values.is_empty() => None,
            Ok(joined) => Some(Found::Text(joined.into())),
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
pub(super) fn find<'p>(paths: &[Path], finds: &Finds<'p>, around: Option<&Finds<'p>>, text: bool) -> Option<Found<'p>> {
    let mut null = None;
    for (finds, is_around) in std::iter::once((finds, false)).chain(around.map(|around| (around, true))) {
        for path in paths {
            if path.itself && (is_around || null.is_some()) {
                continue;
            }
            match path.find(finds) {
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
pub(super) fn find_one<'p>(node: usize, finds: &Finds<'p>, around: Option<&Finds<'p>>, text: bool) -> Option<Value<'p>> {
    let value = finds.slots.get(node).copied().flatten();
    match around {
        Some(around) if value.is_none_or(|value| is_null(value, text)) => {
            let further = around.slots.get(node).copied().flatten();
            further.filter(|further| value.is_none() || !is_null(*further, text)).or(value)
        }
        _ => value,
    }
}

/// The array or object where one path leads: null and `""` are none.
pub(super) fn find_array<'p>(node: usize, finds: &Finds<'p>, around: Option<&Finds<'p>>) -> Option<Value<'p>> {
    find_one(node, finds, around, false).filter(|value| !is_null(*value, false))
}

/// The values below each element, without nulls.
fn below_elements<'p>(array: &'p str, names: &[String]) -> Vec<Value<'p>> {
    let value = |element| names.iter().try_fold(element, |value, name| member(value, name));
    text::elements(array)
        .filter_map(value)
        .filter(|value| value.kind != Kind::Null)
        .collect()
}

/// Values as text, joined by commas.
fn join(values: &[Value<'_>]) -> Result<String, Bad> {
    let mut joined = String::new();
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            joined.push(',');
        }
        text::append(*value, &mut joined)?;
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
