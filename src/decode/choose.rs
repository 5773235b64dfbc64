//! The elements of arrays that columns choose by the value of a member: `a[k=v].b`. Tables with custom fields have a hundred such columns over one array, so
//! it is passed once for all of them.

use std::collections::HashMap;

use super::trie::{Slots, Trie};
use crate::json::{Kind, Malformed, Scanner, Value, unescape};

/// What was chosen in a record, and room for choosing.
#[derive(Debug)]
pub(super) struct Chosen<'p> {
    /// For each choice the values that were found, without nulls.
    values: Vec<Vec<Value<'p>>>,
    /// For each array, of the element at hand.
    slots: Vec<Slots<'p>>,
}

impl<'p> Chosen<'p> {
    /// The values of the choice at this position.
    pub fn at(&self, choice: usize) -> &[Value<'p>] {
        self.values.get(choice).map_or(&[], Vec::as_slice)
    }
}

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
    wanted: Vec<Wanted>,
    element: Trie,
    /// Node of the member in the element's trie.
    key: usize,
    /// Positions in `wanted`, by the member's value.
    by_value: HashMap<String, Vec<usize>>,
}

/// A choice with its places.
#[derive(Debug)]
struct Wanted {
    choice: Choice,
    /// Position in [`Chosen`].
    at: usize,
    /// Nodes of the element's trie.
    nodes: Vec<usize>,
}

/// The elements whose member has a value, and what is wanted of them.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    member: String,
    value: String,
    /// Names below an element: the first that lead to something other than null count.
    names: Vec<Vec<String>>,
}

impl Choice {
    /// `[member=value]`.
    pub fn new(member: &str, value: &str) -> Self {
        Self {
            member: member.to_owned(),
            value: value.to_owned(),
            names: vec![Vec::new()],
        }
    }

    /// The member that is looked at.
    pub fn member(&self) -> &str {
        &self.member
    }

    /// Whether an element is chosen whose member has this value.
    pub fn is_of(&self, value: Value<'_>) -> bool {
        match value.contents() {
            Some(contents) => unescape(contents).is_ok_and(|text| text == self.value),
            None => !matches!(value.kind, Kind::Null | Kind::Array | Kind::Object) && value.raw == self.value,
        }
    }

    /// `.name`.
    pub fn follow(&mut self, name: &str) {
        if let Some(names) = self.names.last_mut() {
            names.push(name.to_owned());
        }
    }

    /// Takes over what another choice of the same elements wants of them; whether it is one.
    pub fn takes(&mut self, other: &Self) -> bool {
        let is_same = (&self.member, &self.value) == (&other.member, &other.value);
        if is_same {
            self.names.extend(other.names.iter().cloned());
        }
        is_same
    }
}

impl Chooser {
    /// Adds a choice from the array at this node; its position in [`Chosen`].
    pub fn add(&mut self, node: usize, choice: &Choice) -> usize {
        let same = |array: &Array| array.node == node && array.member == choice.member;
        let place = self.arrays.iter().position(same).unwrap_or_else(|| {
            self.arrays.push(Array {
                node,
                member: choice.member.clone(),
                wanted: Vec::new(),
                element: Trie::new(std::iter::empty()).0,
                key: 0,
                by_value: HashMap::new(),
            });
            self.arrays.len() - 1
        });
        let at = self.choices;
        self.choices += 1;
        if let Some(array) = self.arrays.get_mut(place) {
            array.by_value.entry(choice.value.clone()).or_default().push(array.wanted.len());
            array.wanted.push(Wanted {
                choice: choice.clone(),
                at,
                nodes: Vec::new(),
            });
        }
        at
    }

    /// All choices are there.
    pub fn seal(&mut self) {
        for array in &mut self.arrays {
            let member = [array.member.clone()];
            let names = array.wanted.iter().flat_map(|wanted| wanted.choice.names.iter().map(Vec::as_slice));
            let (element, nodes) = Trie::new(std::iter::once(&member[..]).chain(names));
            let mut nodes = nodes.into_iter();
            (array.element, array.key) = (element, nodes.next().unwrap_or_default());
            for wanted in &mut array.wanted {
                wanted.nodes = nodes.by_ref().take(wanted.choice.names.len()).collect();
            }
        }
    }

    /// Room for what is chosen.
    pub fn chosen<'p>(&self) -> Chosen<'p> {
        Chosen {
            values: vec![Vec::new(); self.choices],
            slots: self.arrays.iter().map(|array| array.element.slots()).collect(),
        }
    }

    /// Chooses from the arrays that were found in a record.
    pub fn read<'p>(&mut self, slots: &Slots<'p>, chosen: &mut Chosen<'p>) -> Result<(), Malformed> {
        chosen.values.iter_mut().for_each(Vec::clear);
        for (array, element) in self.arrays.iter_mut().zip(&mut chosen.slots) {
            let found = slots.get(array.node).copied().flatten();
            if let Some(found) = found.filter(|found| found.kind == Kind::Array) {
                array.read(found.raw, element, &mut chosen.values)?;
            }
        }
        Ok(())
    }

    /// Whether a record has each of the arrays, be it null.
    pub fn is_complete(&self, slots: &Slots<'_>) -> bool {
        self.arrays.iter().all(|array| slots.get(array.node).is_some_and(Option::is_some))
    }
}

impl Array {
    fn read<'p>(&mut self, raw: &'p str, slots: &mut Slots<'p>, chosen: &mut [Vec<Value<'p>>]) -> Result<(), Malformed> {
        let mut scanner = Scanner::new(raw);
        scanner.begin_array()?;
        while scanner.next_element()? {
            self.element.read(&mut scanner, slots)?;
            let Some(member) = slots.get(self.key).copied().flatten() else {
                continue;
            };
            let wanted = match member.contents() {
                Some(contents) if member.escaped => unescape(contents).ok().and_then(|text| self.by_value.get(&*text)),
                Some(contents) => self.by_value.get(contents),
                None if matches!(member.kind, Kind::Null | Kind::Array | Kind::Object) => None,
                None => self.by_value.get(member.raw),
            };
            for wanted in wanted.into_iter().flatten().filter_map(|at| self.wanted.get(*at)) {
                let value = wanted
                    .nodes
                    .iter()
                    .filter_map(|node| slots.get(*node).copied().flatten())
                    .find(|value| value.kind != Kind::Null);
                if let (Some(value), Some(values)) = (value, chosen.get_mut(wanted.at)) {
                    values.push(value);
                }
            }
        }
        Ok(())
    }
}
