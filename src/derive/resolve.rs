//! A mapping held against the columns that there are.

use std::collections::BTreeMap;

use super::choice::CustomerX;
use super::mapping::{Hop, Mapping, Place, Value, fields, mappings};
use crate::error::{Error, Result};
use crate::schema::{Column, ColumnType, Origin, Table};

/// The rules of `mapping.rs`: with others, what was derived before is to be derived again.
const RULES: u32 = 1;

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
            made.extend(value.places().into_iter().map(of));
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
        for name in names {
            let of = input(inputs, source)?;
            let column = of.column(name).ok_or_else(|| {
                let columns: Vec<&str> = of.columns.iter().map(|column| column.name.as_str()).collect();
                Error::config(format!("`customerx.{key}` names `{name}`, which `{source}` does not have")).hint(format!(
                    "its columns are {}; custom fields are among them once the table was exported",
                    columns.join(", ")
                ))
            })?;
            if table.column(name).is_some() {
                return Err(
                    Error::config(format!("`customerx.{key}` names `{name}`, which `{}` has already", table.id))
                        .hint("leave it out: columns of the set itself are in docs/customerx.md"),
                );
            }
            table.columns.push(Column {
                origin: Origin::Derived,
                format: None,
                ..column.clone()
            });
        }
        let parts = mappings.into_iter().map(|mapping| part(mapping, &table, names, inputs));
        let parts = parts.collect::<Result<Vec<Part>>>()?;
        if parts.is_empty() {
            return Err(Error::config(format!("nothing is known of how `{}` is derived", table.id))
                .hint("the derived tables are customerx_clients, customerx_contacts, customerx_contracts and customerx_timeline"));
        }
        for part in &parts {
            // A whole table without identities is no mistake that one should find out later.
            let identity = table.columns.iter().position(|column| column.name == "identity");
            let value = identity.and_then(|at| part.values[at].as_ref());
            if let (super::Key::Document, Some(Value::Column(place))) = (set.key, value) {
                return Err(Error::config(format!(
                    "`customerx.key = \"document\"` needs `contacts.{}` in clear, and `[personal]` has it changed",
                    place.column
                ))
                .hint("keep that column, or choose another key: a hashed `email` or `external_code` is one as well"));
            }
            for place in value.map(Value::places).unwrap_or_default() {
                needed(part, &place.path, &place.column, inputs)
                    .map_err(|error| error.hint(format!("`customerx.key = \"{}\"` is read from it", set.key.name())))?;
            }
        }
        Ok(Self {
            by: format!(
                "rules {RULES}, client {}, contact {}, contract {}, key {}, deals {}, fields {}",
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
}

fn part(mapping: Mapping, table: &Table, names: &[String], inputs: &BTreeMap<String, Table>) -> Result<Part> {
    let own = |name: &str| Place {
        path: Vec::new(),
        column: name.to_owned(),
    };
    let value = |column: &Column| {
        if names.contains(&column.name) {
            return Some(Value::Column(own(&column.name)));
        }
        let mut values = mapping.values.iter();
        let value = values.find(|(name, _)| *name == column.name).map(|(_, value)| value.clone())?;
        as_held(value, mapping.table, inputs)
    };
    let values: Vec<Option<Value>> = table.columns.iter().map(value).collect();
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
        mapping,
    };
    let of_rows = part.mapping.only.map(|(column, _)| column).into_iter().chain(part.mapping.present);
    let of_rows: Vec<Place> = of_rows.map(own).collect();
    let places: Vec<Place> = part
        .values
        .iter()
        .flatten()
        .flat_map(Value::places)
        .chain(of_rows.clone())
        .collect();
    for place in places {
        part.reach(&place);
    }
    for (column, value) in table.columns.iter().zip(&part.values) {
        for place in value.iter().flat_map(Value::places) {
            fits(&part, column, value.as_ref(), &place, inputs)?;
        }
    }
    for place in of_rows {
        needed(&part, &place.path, &place.column, inputs)?;
    }
    for node in &part.nodes {
        needed(&part, &node.path, "id", inputs)?;
        if let Some(((column, _), before)) = node.path.split_last() {
            needed(&part, before, column, inputs)?;
        }
    }
    Ok(part)
}

impl Part {
    /// The place of the node at the end of this path.
    pub fn node(&self, path: &[Hop]) -> Option<usize> {
        self.nodes.iter().position(|node| node.path == path)
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

/// What is made of a column whose values a policy has changed: they are taken as they are, for a hash has no check digits.
fn as_held(value: Value, of: &str, inputs: &BTreeMap<String, Table>) -> Option<Value> {
    let is_treated = |place: &Place| {
        let table = place.path.last().map_or(of, |(_, table)| table);
        let column = inputs.get(table).and_then(|table| table.column(&place.column));
        column.is_some_and(|column| column.treatment.is_some())
    };
    match value {
        Value::Document(place) | Value::Cep(place) if is_treated(&place) => Some(Value::Column(place)),
        Value::DocumentType(place) if is_treated(&place) => None,
        value => Some(value),
    }
}

fn input<'a>(inputs: &'a BTreeMap<String, Table>, table: &str) -> Result<&'a Table> {
    inputs
        .get(table)
        .ok_or_else(|| Error::defect(format!("the derived table was not given `{table}`")))
}

/// Whether a column has the type that is to be made of it. One that is not there, because it was dropped or never declared, is null.
fn fits(part: &Part, column: &Column, value: Option<&Value>, place: &Place, inputs: &BTreeMap<String, Table>) -> Result<()> {
    let node = part.node(&place.path).map_or("", |node| part.nodes[node].table.as_str());
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

/// A text column that rows cannot be told or found without.
fn needed(part: &Part, path: &[Hop], column: &str, inputs: &BTreeMap<String, Table>) -> Result<()> {
    let table = part.node(path).map_or("", |node| part.nodes[node].table.as_str());
    match input(inputs, table)?.column(column) {
        Some(found) if found.kind == ColumnType::Text => Ok(()),
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
