//! A mapping held against the columns that there are.

use std::collections::BTreeMap;

use super::choice::CustomerX;
use super::mapping::{Candidate, Hop, Mapping, Place, Value, fields, mappings};
use super::personal::{as_held, changed, changed_in, check_key, policy, treatment};
use crate::error::{Error, Result};
use crate::schema::{Column, ColumnType, Origin, Policy, Table};

/// The rules of `mapping.rs`: with others, what was derived before is to be derived again.
const RULES: u32 = 2;

/// What a derived table is made of, with names that are known to be right.
#[derive(Debug, Clone)]
pub struct Derivation {
    /// With the further columns that the configuration names.
    pub(super) table: Table,
    pub(super) parts: Vec<Part>,
    by: String,
}

/// The rows of one table, as rows of a derived one.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub mapping: Mapping,
    /// The rows themselves first, then those that foreign keys lead to, each after the one that it is reached from.
    pub nodes: Vec<Node>,
    /// For each column of the derived table.
    pub values: Vec<Option<Value>>,
    /// The same, if nothing were made of personal data.
    whole: Vec<Option<Value>>,
}

/// Rows that a chain of foreign keys leads to.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub path: Vec<Hop>,
    pub table: String,
    /// The node it is reached from.
    pub from: usize,
    /// Columns that are read, as far as the table has them.
    pub columns: Vec<String>,
}

/// The tables that a derived one is made of, in the order of their names; none if there is no such derived table.
pub fn inputs(table: &str, set: &CustomerX) -> Vec<String> {
    let mut tables = Vec::new();
    for mapping in mappings(table, set) {
        tables.push(mapping.table.to_owned());
        let places = mapping.values.iter().flat_map(|(_, value)| value.places());
        tables.extend(places.flat_map(|place| place.path).map(|(_, table)| table.to_owned()));
    }
    tables.sort();
    tables.dedup();
    tables
}

/// Of each column of a derived table, the tables and columns that one choice or another makes it of: `("email", "contacts", "email")`.
pub fn made_of(table: &str) -> Vec<(&'static str, &'static str, String)> {
    let mut made = Vec::new();
    for mapping in CustomerX::each().iter().flat_map(|set| mappings(table, set)) {
        for (name, value) in &mapping.values {
            let of = |place: Place| (*name, place.path.last().map_or(mapping.table, |(_, table)| table), place.column);
            made.extend(value.sources().into_iter().map(of));
        }
    }
    made
}

impl Derivation {
    /// How this table is derived from these, by name: as they are in the lake, or as they are declared.
    ///
    /// # Errors
    /// `Config` when the configuration names a column that is not there, or a column that the set cannot do without is not.
    pub fn new(table: &Table, set: &CustomerX, inputs: &BTreeMap<String, Table>) -> Result<Self> {
        let mappings = mappings(&table.id, set);
        let mut table = table.clone();
        let (key, names) = fields(&table.id, set);
        let source = mappings.first().map_or("", |mapping| mapping.table);
        let mut further = Vec::with_capacity(names.len());
        for name in names {
            let of = input(inputs, source)?;
            let column = of.column(name).ok_or_else(|| {
                let columns: Vec<&str> = of.columns.iter().map(|column| column.name.as_str()).collect();
                Error::config(format!("`customerx.{key}` names `{name}`, which `{source}` does not have")).hint(format!(
                    "its columns are {}; `afluente fields list` shows which a custom field has",
                    columns.join(", ")
                ))
            })?;
            if names.iter().filter(|other| *other == name).count() > 1 {
                return Err(Error::config(format!("`customerx.{key}` names `{name}` twice")).hint("name it once"));
            }
            // The set's own columns keep their names.
            let mut free = name.clone();
            let mut number = 2;
            while table.column(&free).is_some() || (number > 2 && names.contains(&free)) {
                free = format!("{name}_{number}");
                number += 1;
            }
            further.push((free.clone(), name.clone()));
            table.columns.push(Column {
                name: free,
                origin: Origin::Derived,
                format: None,
                ..column.clone()
            });
        }
        check_key(set, inputs)?;
        let parts = mappings.into_iter().map(|mapping| part(mapping, &table, &further, inputs));
        let parts = parts.collect::<Result<Vec<Part>>>()?;
        if parts.is_empty() {
            return Err(Error::config(format!("nothing is known of how `{}` is derived", table.id))
                .hint("the derived tables are customerx_clients, customerx_contacts, customerx_contracts and customerx_timeline"));
        }
        let sources: Vec<(usize, &str, String)> = parts.iter().flat_map(Part::sources).collect();
        for (at, column) in table.columns.iter_mut().enumerate() {
            let is_null = parts.iter().all(|part| part.values[at].is_none());
            let sources = sources.iter().filter(|(of, ..)| *of == at);
            column.treatment = treatment(sources.map(|(_, of, name)| (*of, name.as_str())), column.kind, is_null, inputs);
        }
        let changed = changed(sources.iter().map(|(_, of, name)| (*of, name.as_str())), inputs);
        Ok(Self {
            by: format!(
                "rules {RULES}, client {}, contact {}, contract {}, key {}, deals {}, fields {}{changed}",
                set.client.name(),
                set.contact.name(),
                set.contract.name(),
                // So it stands in lakes: with another word every table would be derived anew.
                set.key.name().replace('_', ""),
                set.deals.name(),
                names.join(" ").to_lowercase()
            ),
            table,
            parts,
        })
    }

    /// The derived table, with the further columns that the configuration names.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// By which choices it is derived: with others, the rows are others.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// Whether what was derived so was made of personal data as this is. A column may be made of several, so its own policy does not tell.
    pub fn protects_as(&self, by: &str) -> bool {
        changed_in(by) == changed_in(&self.by)
    }
}

/// `further`: names of columns of the derived table, and of those of the mapping's table that they are.
fn part(mapping: Mapping, table: &Table, further: &[(String, String)], inputs: &BTreeMap<String, Table>) -> Result<Part> {
    let value = |column: &Column| {
        if let Some((_, name)) = further.iter().find(|(name, _)| *name == column.name) {
            return Some(Value::Column(own(name)));
        }
        let mut values = mapping.values.iter();
        values.find(|(name, _)| *name == column.name).map(|(_, value)| value.clone())
    };
    let whole: Vec<Option<Value>> = table.columns.iter().map(value).collect();
    let held = |value: &Option<Value>| as_held(value.clone()?, mapping.table, inputs);
    let values = whole.iter().map(held).collect();
    if let Some((name, _)) = mapping.values.iter().find(|(name, _)| table.column(name).is_none()) {
        return Err(
            Error::config(format!("table `{}` is declared without the column `{name}`", table.id))
                .hint("it is derived: the columns of its declaration are those of docs/customerx.md"),
        );
    }
    let mut part = Part {
        nodes: vec![Node {
            path: Vec::new(),
            table: mapping.table.to_owned(),
            from: 0,
            columns: vec!["id".to_owned()],
        }],
        values,
        whole,
        mapping,
    };
    let values = part.values.iter().flatten().flat_map(Value::places);
    for place in values.chain(part.of_rows()).collect::<Vec<_>>() {
        part.reach(&place);
    }
    part.check(table, inputs)?;
    Ok(part)
}

impl Part {
    /// The place of the node at the end of this path.
    pub fn node(&self, path: &[Hop]) -> Option<usize> {
        self.nodes.iter().position(|node| node.path == path)
    }

    /// Whether everything that is read is there, of its type, and such that rows can be told and found by it.
    fn check(&self, table: &Table, inputs: &BTreeMap<String, Table>) -> Result<()> {
        for (column, value) in table.columns.iter().zip(&self.values) {
            for place in value.iter().flat_map(Value::places) {
                fits(self, column, value.as_ref(), &place, inputs)?;
            }
            for place in value.iter().filter(|_| column.name == "identity").flat_map(Value::sources) {
                needed(self, &place.path, &place.column, inputs).map_err(|error| error.hint("`customerx.key` is read from it"))?;
            }
        }
        for place in self.of_rows() {
            needed(self, &place.path, &place.column, inputs)?;
        }
        let candidates = self.values.iter().flatten().flat_map(Value::candidates);
        let tests = candidates.filter_map(|Candidate { path, when }| Some((path.as_slice(), when.as_ref()?)));
        for (path, (column, _)) in tests.chain(self.mapping.only.iter().map(|only| (&[][..], only))) {
            if needed(self, path, column, inputs)? != Policy::Keep {
                let table = self.table_at(path);
                return Err(Error::config(format!(
                    "the CustomerX set chooses rows by `{table}.{column}`, and `[personal]` has it changed"
                ))
                .hint(format!("[personal.tables] \"{table}.{column}\" = \"keep\"")));
            }
        }
        for node in &self.nodes {
            let of_id = needed(self, &node.path, "id", inputs)?;
            let Some(((column, _), before)) = node.path.split_last() else {
                continue;
            };
            let of_key = needed(self, before, column, inputs)?;
            if of_id != of_key {
                let (from, table) = (self.table_at(before), &node.table);
                return Err(Error::config(format!(
                    "`{from}.{column}` leads to `{table}.id`, and for `[personal]` the one is to be `{}`, the other `{}`: no row would be found",
                    of_key.name(),
                    of_id.name()
                ))
                .hint("let both be kept, or both be hashed"));
            }
        }
        Ok(())
    }

    /// The columns that the mapping takes rows by.
    fn of_rows(&self) -> impl Iterator<Item = Place> {
        let columns = self.mapping.only.map(|(column, _)| column).into_iter().chain(self.mapping.present);
        columns.map(own)
    }

    fn table_at(&self, path: &[Hop]) -> &str {
        path.last().map_or(self.mapping.table, |(_, table)| table)
    }

    /// What each column of the derived table, by its place, is made of: tables and columns of them.
    fn sources(&self) -> impl Iterator<Item = (usize, &str, String)> {
        let values = self.whole.iter().enumerate();
        let places = values.flat_map(|(at, value)| value.iter().flat_map(Value::sources).map(move |place| (at, place)));
        places.map(|(at, place)| (at, self.table_at(&place.path), place.column))
    }

    /// Sees to it that this column is read.
    fn reach(&mut self, place: &Place) {
        let mut at = 0;
        for length in 1..=place.path.len() {
            let path = &place.path[..length];
            let Some((column, table)) = path.last().copied() else { continue };
            self.read(at, column);
            at = match self.node(path) {
                Some(at) => at,
                None => {
                    self.nodes.push(Node {
                        path: path.to_vec(),
                        table: table.to_owned(),
                        from: at,
                        columns: vec!["id".to_owned()],
                    });
                    self.nodes.len() - 1
                }
            };
        }
        self.read(at, &place.column);
    }

    fn read(&mut self, node: usize, column: &str) {
        let columns = &mut self.nodes[node].columns;
        if !columns.iter().any(|known| known == column) {
            columns.push(column.to_owned());
        }
    }
}

/// A column of the mapping's own table.
fn own(column: &str) -> Place {
    Place {
        path: Vec::new(),
        column: column.to_owned(),
    }
}

fn input<'a>(inputs: &'a BTreeMap<String, Table>, table: &str) -> Result<&'a Table> {
    inputs
        .get(table)
        .ok_or_else(|| Error::defect(format!("the derived table was not given `{table}`")))
}

/// Whether a column has the type that is to be made of it. One that is not there, because it was dropped or never declared, is null.
fn fits(part: &Part, column: &Column, value: Option<&Value>, place: &Place, inputs: &BTreeMap<String, Table>) -> Result<()> {
    let node = part.table_at(&place.path);
    let expected = match value {
        Some(Value::Column(_)) => column.kind,
        Some(Value::Cep(_)) => ColumnType::Int,
        _ => ColumnType::Text,
    };
    match input(inputs, node)?.column(&place.column) {
        Some(found) if found.kind != expected => Err(wrong_type(node, found, expected)),
        _ => Ok(()),
    }
}

/// A text column that rows cannot be told or found without; what became of its values.
fn needed(part: &Part, path: &[Hop], column: &str, inputs: &BTreeMap<String, Table>) -> Result<Policy> {
    let table = part.table_at(path);
    match input(inputs, table)?.column(column) {
        Some(found) if found.kind == ColumnType::Text => Ok(policy(inputs, table, column)),
        Some(found) => Err(wrong_type(table, found, ColumnType::Text)),
        None => Err(Error::config(format!(
            "the CustomerX set needs the column `{table}.{column}`, which is not there"
        ))),
    }
}

fn wrong_type(table: &str, found: &Column, expected: ColumnType) -> Error {
    Error::config(format!(
        "column `{table}.{}` is {}, the CustomerX set expects {}",
        found.name,
        found.kind.name(),
        expected.name()
    ))
}
