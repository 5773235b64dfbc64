//! The value of a column among those that were found in a record.

use std::borrow::Cow;

use super::cell::Bad;
use super::choose::{Choice, Chooser, Chosen};
use super::text;
use super::trie::{Slots, Trie};
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
    /// Something else where an array is to be chosen from. It may hold what other columns are not to show.
    NoArray,
}

/// What was found in a record or an element.
#[derive(Debug)]
pub(super) struct Finds<'p> {
    /// At the nodes of the trie.
    pub slots: Slots<'p>,
    /// In the elements that were chosen.
    pub chosen: Chosen<'p>,
}

/// A path of a column: names that the trie follows, and what is done with what they lead to.
#[derive(Debug)]
pub(super) struct Path {
    /// The trie's node.
    pub node: usize,
    then: Then,
}

#[derive(Debug)]
enum Then {
    /// Names alone: it is the value.
    Value,
    /// `.`: it is the element itself.
    Itself,
    /// `a[].b`: names below the elements of the array.
    Elements(Vec<String>),
    /// `a[k=v].b`: the same, of the elements that are chosen.
    Choice(Choice, usize),
}

impl Path {
    /// The names before `[]`, which the trie is to follow, and the path that starts where they lead.
    pub fn new(path: &ColumnPath) -> (Vec<String>, Self) {
        let mut before = Vec::new();
        let mut then = if path.0.is_empty() { Then::Itself } else { Then::Value };
        for step in &path.0 {
            match (step, &mut then) {
                (Step::Elements, _) => then = Then::Elements(Vec::new()),
                (Step::Where(member, value), _) => then = Then::Choice(Choice::new(member, value), 0),
                (Step::Member(name), Then::Elements(names)) => names.push(name.clone()),
                (Step::Member(name), Then::Choice(choice, _)) => choice.follow(name),
                (Step::Member(name), Then::Value | Then::Itself) => before.push(name.clone()),
            }
        }
        (before, Self { node: 0, then })
    }

    /// Names alone.
    pub fn is_plain(&self) -> bool {
        matches!(self.then, Then::Value)
    }

    fn is_itself(&self) -> bool {
        matches!(self.then, Then::Itself)
    }

    /// Whether this one, which comes before, chooses the same elements: then the other's names stand in where an element has nothing under its own.
    pub fn takes(&mut self, other: &Path) -> bool {
        match (&mut self.then, &other.then) {
            (Then::Choice(choice, _), Then::Choice(other_choice, _)) if self.node == other.node => choice.takes(other_choice),
            _ => false,
        }
    }

    /// The nodes are known: a choice is made there with all others.
    pub fn choose(&mut self, chooser: &mut Chooser) {
        if let Then::Choice(choice, at) = &mut self.then {
            *at = chooser.add(self.node, choice);
        }
    }

    /// Whether the member where it leads was met in what the trie has passed; unknown also of elements that are chosen, which are there only where there is a
    /// value. Of the members of an array's elements, the array.
    pub fn met(&self, trie: &Trie) -> Option<bool> {
        match self.then {
            Then::Choice(..) => None,
            Then::Value | Then::Itself | Then::Elements(_) => trie.met(self.node),
        }
    }

    fn find<'p>(&self, finds: &Finds<'p>) -> Option<Found<'p>> {
        let value = finds.slots.get(self.node).copied().flatten()?;
        let below: Vec<Value<'p>>;
        let values = match &self.then {
            Then::Value | Then::Itself => return Some(Found::Json(value)),
            Then::Elements(_) if value.kind != Kind::Array => return None,
            Then::Elements(names) => {
                below = below_elements(value.raw, names);
                &below
            }
            Then::Choice(..) if value.kind == Kind::Null => return None,
            Then::Choice(..) if value.kind != Kind::Array => return Some(Found::NoArray),
            Then::Choice(_, at) => match finds.chosen.at(*at) {
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
            Self::NoText(_) | Self::NoArray => false,
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
            if path.is_itself() && (is_around || null.is_some()) {
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
    find_one(node, finds, around, false).filter(is_list)
}

/// What stands where one path leads to an array or object, which may be null.
pub(super) fn find_list<'p>(node: usize, finds: &Finds<'p>, around: Option<&Finds<'p>>) -> Option<Value<'p>> {
    find_one(node, finds, around, false)
}

/// Whether this is an array, an object, or anything else but null and `""`.
pub(super) fn is_list(value: &Value<'_>) -> bool {
    !is_null(*value, false)
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
