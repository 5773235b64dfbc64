//! The elements of arrays that columns choose by the value of a member: `a[k=v].b`. Tables with custom fields have a hundred such columns over one array, so
//! it is passed once for all of them.

use std::collections::HashMap;

use super::trie::{Slots, Trie};
use crate::json::{Kind, Malformed, Scanner, Value, unescape};

/// For each choice the values that were found, without nulls.
pub(super) type Chosen<'p> = Vec<Vec<Value<'p>>>;

/// The arrays of a table's records that are chosen from.
#[derive(Debug, Default)]
pub(super) struct Chooser {
    arrays: Vec<Array>,
    choices: usize,
}

#[derive(Debug)]
struct Array {
    /// Where it is, in the record's trie.
    node: usize,
    /// The member that is looked at.
    member: String,
    choices: Vec<Choice>,
    element: Trie,
    /// Node of the member in the element's trie.
    key: usize,
    /// Positions in `choices`, by the member's value.
    by_value: HashMap<String, Vec<usize>>,
}

/// What these names lead to, in elements of one value.
#[derive(Debug)]
struct Choice {
    names: Vec<String>,
    /// Position in [`Chosen`].
    at: usize,
    /// Node of the element's trie.
    node: usize,
}

impl Chooser {
    /// Adds a choice; its position in [`Chosen`].
    pub fn add(&mut self, node: usize, (member, value): &(String, String), names: &[String]) -> usize {
        let same = |array: &Array| array.node == node && array.member == *member;
        let place = match self.arrays.iter().position(same) {
            Some(place) => place,
            None => {
                self.arrays.push(Array {
                    node,
                    member: member.clone(),
                    choices: Vec::new(),
                    element: Trie::new(std::iter::empty()).0,
                    key: 0,
                    by_value: HashMap::new(),
                });
                self.arrays.len() - 1
            }
        };
        let at = self.choices;
        self.choices += 1;
        if let Some(array) = self.arrays.get_mut(place) {
            array.by_value.entry(value.clone()).or_default().push(array.choices.len());
            array.choices.push(Choice {
                names: names.to_vec(),
                at,
                node: 0,
            });
        }
        at
    }

    /// All choices are there.
    pub fn seal(&mut self) {
        for array in &mut self.arrays {
            let member = [array.member.clone()];
            let names = array.choices.iter().map(|choice| choice.names.as_slice());
            let (element, nodes) = Trie::new(std::iter::once(&member[..]).chain(names));
            let mut nodes = nodes.into_iter();
            (array.element, array.key) = (element, nodes.next().unwrap_or_default());
            for (choice, node) in array.choices.iter_mut().zip(nodes) {
                choice.node = node;
            }
        }
    }

    /// Room for what is chosen.
    pub fn chosen<'p>(&self) -> Chosen<'p> {
        vec![Vec::new(); self.choices]
    }

    /// Chooses from the arrays that were found in a record.
    pub fn read<'p>(&mut self, slots: &Slots<'p>, chosen: &mut Chosen<'p>) -> Result<(), Malformed> {
        chosen.iter_mut().for_each(Vec::clear);
        for array in &mut self.arrays {
            let found = slots.get(array.node).copied().flatten();
            if let Some(found) = found.filter(|found| found.kind == Kind::Array) {
                array.read(found.raw, chosen)?;
            }
        }
        Ok(())
    }
}

impl Array {
    fn read<'p>(&mut self, raw: &'p str, chosen: &mut Chosen<'p>) -> Result<(), Malformed> {
        let mut slots = self.element.slots();
        let mut scanner = Scanner::new(raw);
        scanner.begin_array()?;
        while scanner.next_element()? {
            self.element.read(&mut scanner, &mut slots)?;
            let Some(member) = slots.get(self.key).copied().flatten() else {
                continue;
            };
            let choices = match member.contents() {
                Some(contents) if member.escaped => unescape(contents).ok().and_then(|text| self.by_value.get(&*text)),
                Some(contents) => self.by_value.get(contents),
                None if matches!(member.kind, Kind::Null | Kind::Array | Kind::Object) => None,
                None => self.by_value.get(member.raw),
            };
            for choice in choices.into_iter().flatten().filter_map(|at| self.choices.get(*at)) {
                let value = slots.get(choice.node).copied().flatten();
                if let (Some(value), Some(values)) = (value.filter(|value| value.kind != Kind::Null), chosen.get_mut(choice.at)) {
                    values.push(value);
                }
            }
        }
        Ok(())
    }
}
