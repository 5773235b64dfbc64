//! The keys under `[personal.tables]`.
//!
//! | key under `[personal.tables]` | chooses for |
//! |---|---|
//! | `contacts`, `contacts*` | the marked columns of these tables, in every connection |
//! | `contacts.note`, `*.email` | these columns; one that is written out counts though it is not marked |
//! | `acme.contacts` | the same, of the connection or source `acme`: where the first name is one, it is meant as one |
//! | `acme.contacts.note` | a column of that connection or source |

use std::collections::BTreeSet;

use crate::derive;
use crate::error::{Error, Result};
use crate::glob::matches;
use crate::schema::{Policy, Source, Table};

/// The keys under `[personal.tables]`, each of which matches something.
#[derive(Debug, Clone)]
pub struct Rules(pub(super) Vec<Rule>);

/// One key under `[personal.tables]`.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// A connection or a source.
    owner: Option<String>,
    pub table: String,
    pub column: Option<String>,
    pub policy: Policy,
}

impl Rule {
    /// A key must match something: a typing mistake must not leave in clear what was meant to go.
    pub fn new(text: &str, policy: Policy, owners: &[(String, &Source)]) -> Result<Self> {
        let rule = Self::parse(text, policy, owners)?;
        rule.check(text, owners)?;
        Ok(rule)
    }

    fn parse(text: &str, policy: Policy, owners: &[(String, &Source)]) -> Result<Self> {
        let is_owner = |name: &str| owners.iter().any(|(owner, source)| owner == name || source.id == name);
        let parts: Vec<&str> = text.split('.').collect();
        let rule = |owner: Option<&str>, table: &str, column: Option<&str>| Self {
            owner: owner.map(str::to_owned),
            table: table.to_owned(),
            column: column.map(str::to_owned),
            policy,
        };
        match parts[..] {
            [table] if !table.is_empty() => Ok(rule(None, table, None)),
            [owner, table] if is_owner(owner) => Ok(rule(Some(owner), table, None)),
            [table, column] => Ok(rule(None, table, Some(column))),
            [owner, table, column] if is_owner(owner) => Ok(rule(Some(owner), table, Some(column))),
            [owner, _, _] => {
                let names = owners.iter().flat_map(|(name, source)| [name.as_str(), source.id.as_str()]);
                Err(Error::config(format!(
                    "`[personal.tables]`: `{text}`: `{owner}` is neither a connection nor a source"
                ))
                .hint(format!("there are {}", listed(names))))
            }
            _ => Err(Error::config(format!("`[personal.tables]`: `{text}` names no table")).hint(
                "expected `table`, `table.column`, `connection.table` or `connection.table.column`; globs may stand in each of them",
            )),
        }
    }

    fn check(&self, text: &str, owners: &[(String, &Source)]) -> Result<()> {
        let tables: Vec<&Table> = owners
            .iter()
            .filter(|(name, source)| self.is_of(name, &source.id))
            .flat_map(|(_, source)| source.tables.values())
            .collect();
        let matched = tables.iter().filter(|table| matches(&self.table, &table.id));
        let (derived, matched): (Vec<&Table>, Vec<&Table>) = matched.partition(|table| table.is_derived());
        // Which custom fields a table has is known when it is exported: `check_columns` is asked then.
        let later = matched.iter().any(|table| table.id == self.table && table.custom_fields.is_some());
        if later || self.chooses(&matched) {
            return Ok(());
        }
        let wrong = |what: &str| Error::config(format!("`[personal.tables]`: `{text}` {what}"));
        if self.chooses(&derived) || (matched.is_empty() && !derived.is_empty()) {
            return Err(wrong("chooses for what is derived").hint(format!(
                "choose for {}: what is derived is what it is derived from",
                self.made_of(&derived)
            )));
        }
        if matched.is_empty() {
            let names = tables.iter().map(|table| table.id.as_str());
            return Err(wrong("matches no table").hint(format!("the tables are {}", listed(names))));
        }
        let columns = matched.iter().flat_map(|table| &table.columns);
        let names = listed(columns.map(|column| column.name.as_str()));
        let custom = match matched.iter().any(|table| table.custom_fields.is_some()) {
            true => "; the column of a custom field is chosen for under the whole name of its table",
            false => "",
        };
        Err(wrong("matches no column").hint(format!("the columns of `{}` are {names}{custom}", self.table)))
    }

    /// Whether one of these tables, or a column of one, is what it is for.
    fn chooses(&self, tables: &[&Table]) -> bool {
        let mut columns = tables.iter().flat_map(|table| &table.columns);
        match &self.column {
            Some(glob) => columns.any(|column| matches(glob, &column.name)),
            None => !tables.is_empty(),
        }
    }

    /// The columns that what it is for is made of; the tables, where it is for whole tables or for what is made of no column.
    fn made_of(&self, derived: &[&Table]) -> String {
        let made = || derived.iter().flat_map(|table| derive::made_of(&table.id));
        let is_meant = |name: &str| self.column.as_ref().is_some_and(|glob| matches(glob, name));
        let columns = made().filter(|(name, ..)| is_meant(name));
        let mut names: Vec<String> = columns.map(|(_, table, column)| format!("`{table}.{column}`")).collect();
        if names.is_empty() {
            names = made().map(|(_, table, _)| format!("`{table}`")).collect();
        }
        listed(names.iter().map(String::as_str))
    }

    /// Whether it is for this connection, of this source.
    pub fn is_of(&self, connection: &str, source: &str) -> bool {
        self.owner.as_deref().is_none_or(|owner| owner == connection || owner == source)
    }
}

/// In the order of the alphabet, each once.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}
