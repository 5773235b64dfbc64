//! A record in which something could not be read: which of its values cannot be known, and what is told of it.
//!
//! The reader put a marker in the place of what it could not read. A column is in doubt where its value holds a marker, or might have been found behind one. What no
//! column asks for may hold as many as it likes.

use std::fmt::Write;

use super::reject::cut;
use super::trie::{Slots, Trie};
use crate::json::{Kind, Scanner};
use crate::page::{self, Damaged, Flaw};

/// A damaged record of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Damage<'p> {
    page: &'p page::Damage,
    record: &'p Damaged,
}

/// What cannot be known of a record or element.
#[derive(Debug, Default)]
pub(super) struct Doubts<'p> {
    /// For each node of the trie: what is unreadable in its value, or instead of something around it.
    nodes: Vec<Option<&'p Flaw>>,
    /// A name that cannot be read, beside the names that lead to columns: any of them may be meant.
    pub name: Option<&'p Flaw>,
}

/// A hash of less can be guessed: of a document's number, a telephone number or a name.
const HASHED_LENGTH: usize = 64;

impl<'p> Damage<'p> {
    /// Of the record that begins here, if it is damaged.
    pub fn of(page: &'p page::Damage, at: usize) -> Option<Self> {
        page.record(at).map(|record| Self { page, record })
    }

    /// The first thing in a piece of the record that cannot be read.
    pub fn flaw_in(&self, json: &str) -> Option<&'p Flaw> {
        self.page.in_piece(json)
    }

    /// What is in doubt of what was found at the nodes.
    pub fn doubts(&self, trie: &Trie, slots: &Slots<'p>) -> Doubts<'p> {
        let mut doubts = Doubts {
            nodes: vec![None; slots.len()],
            name: None,
        };
        for (at, value) in slots.iter().enumerate() {
            let Some((value, flaw)) = value.and_then(|value| Some((value, self.flaw_in(value.raw)?))) else {
                continue;
            };
            if let Some(node) = doubts.nodes.get_mut(at) {
                *node = Some(flaw);
            }
            let below = trie.below(at);
            if below.is_empty() {
                continue;
            }
            match value.kind {
                Kind::Object => doubts.name = doubts.name.or_else(|| self.name_in(value.raw)),
                // The marker itself, or an array around it: whatever was meant to be in there is not known.
                _ => doubts.nodes.get_mut(below).unwrap_or_default().fill(Some(flaw)),
            }
        }
        doubts
    }

    /// The first of an object's own names that cannot be read.
    pub fn name_in(&self, object: &str) -> Option<&'p Flaw> {
        let mut scanner = Scanner::new(object);
        scanner.begin_object().ok()?;
        while let Some(name) = scanner.next_key().ok()? {
            if let Some(flaw) = self.flaw_in(name) {
                return Some(flaw);
            }
            scanner.skip().ok()?;
        }
        None
    }

    /// What is told of the record as a whole: where it lies, and its columns that can be told; a sum where there are none.
    pub fn raw(&self, columns: &str) -> String {
        let place = &self.record.origin;
        let mut raw = format!("{{\"offset\":{},\"length\":{}", place.start, place.len());
        // Writing to a text does not fail.
        let _ = match columns {
            "{}" if place.len() >= HASHED_LENGTH => write!(raw, ",\"sha256\":\"{}\"}}", self.record.sha256),
            "{}" => write!(raw, "}}"),
            _ => write!(raw, ",\"columns\":{columns}}}"),
        };
        cut(&raw)
    }
}

impl<'p> Doubts<'p> {
    /// What makes the value at this node doubtful.
    pub fn at(&self, node: usize) -> Option<&'p Flaw> {
        self.nodes.get(node).copied().flatten()
    }
}

/// What is told of a value that cannot be read: where it lies, and nothing of what it is.
pub(super) fn raw_flaw(flaw: &Flaw) -> String {
    format!("{{\"offset\":{},\"length\":{}}}", flaw.origin.start, flaw.origin.len())
}
