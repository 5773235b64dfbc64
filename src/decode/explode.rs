//! A table exploded from another: its rows are the elements of an array, or the members of an object, in the other's records.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::find::{Finds, Found, find_list, is_list};
use super::table::{Parent, Row, Target};
use super::{Output, not_json};
use crate::error::Result;
use crate::json::{Kind, LoneSurrogate, Scanner, Value, unescape};

/// An exploded table.
#[derive(Debug)]
pub(super) struct Child {
    /// Where the array or object is, in the parent's trie.
    pub node: usize,
    /// The same, as it is declared.
    pub path: String,
    pub target: Target,
    /// A record had something at the path, be it null or empty.
    pub listed: bool,
}

/// What is found in the element at hand, and what is kept to find it.
#[derive(Debug)]
pub(super) struct Buffers<'p> {
    finds: Finds<'p>,
    members: IndexMap<Cow<'p, str>, Value<'p>>,
}

impl Child {
    pub fn buffers<'p>(&self) -> Buffers<'p> {
        Buffers {
            finds: self.target.finds(),
            members: IndexMap::new(),
        }
    }

    /// Appends the rows of a record that has become a row of the parent.
    ///
    /// | at the path | rows |
    /// |---|---|
    /// | missing, `null`, `""` | none |
    /// | array | one for each element that is not null |
    /// | object | one for each member, null or not; of two with the same name the last counts |
    /// | anything else | none, and a reject of the parent's row |
    ///
    /// The value was passed once with the record; it is read here, when it is sure that the parent's row stands.
    pub fn explode<'p>(
        &mut self,
        position: usize,
        parent: &mut Target,
        row: &Row<'_, 'p>,
        buffers: &mut Buffers<'p>,
        out: &mut Output,
    ) -> Result<()> {
        let Some(value) = find_list(self.node, row.finds, row.around) else {
            return Ok(());
        };
        self.listed = true;
        if !is_list(&value) {
            return Ok(());
        }
        let mut scanner = Scanner::new(value.raw);
        match value.kind {
            Kind::Array => {
                scanner.begin_array().map_err(not_json)?;
                while scanner.next_element().map_err(not_json)? {
                    if scanner.peek().map_err(not_json)? == Kind::Null {
                        scanner.skip().map_err(not_json)?;
                    } else {
                        let parent = Parent { target: parent, row };
                        self.element(position, &mut scanner, parent, None, &mut buffers.finds, out)?;
                    }
                }
            }
            Kind::Object => {
                let Buffers { finds, members } = buffers;
                members.clear();
                scanner.begin_object().map_err(not_json)?;
                let parent = Parent { target: parent, row };
                while let Some(name) = scanner.next_key().map_err(not_json)? {
                    let value = scanner.skip().map_err(not_json)?;
                    match unescape(name) {
                        Ok(name) => drop(members.insert(name, value)),
                        Err(LoneSurrogate) => {
                            let name = Found::NoText(Value {
                                kind: Kind::String,
                                raw: name,
                                escaped: true,
                            });
                            self.element(position, &mut Scanner::new(value.raw), parent, Some(name), finds, out)?;
                        }
                    }
                }
                for (name, value) in members.drain(..) {
                    let name = Found::Text(name);
                    self.element(position, &mut Scanner::new(value.raw), parent, Some(name), finds, out)?;
                }
            }
            _ => parent.reject_explode(row, &self.path, value, self.target.protects, &mut out.rejects),
        }
        Ok(())
    }

    fn element<'p>(
        &mut self,
        position: usize,
        scanner: &mut Scanner<'p>,
        parent: Parent<'_, 'p>,
        member: Option<Found<'p>>,
        finds: &mut Finds<'p>,
        out: &mut Output,
    ) -> Result<()> {
        let kind = self.target.read(scanner, finds).map_err(not_json)?;
        let row = Row {
            finds,
            around: None,
            parent: Some(parent),
            member,
        };
        if self.target.append_element(kind, &row, &mut out.scratch, &mut out.rejects) {
            out.end_row(position, &mut self.target)?;
        }
        Ok(())
    }
}
