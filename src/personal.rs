//! `[personal]` of the configuration: what becomes of personal data, decided per kind, table or column, and applied to the tables of a source.
//!
//! The most specific choice counts: a column's, its table's, its kind's, the default. Of two of the same rank that both match, the later in the file counts.
//!
//! | key under `[personal.tables]` | chooses for |
//! |---|---|
//! | `contacts`, `contacts*` | the marked columns of these tables, in every connection |
//! | `contacts.note`, `*.email` | these columns; one that is written out counts though it is not marked |
//! | `acme.contacts` | the same, of the connection or source `acme`: where the first name is one, it is meant as one |
//! | `acme.contacts.note` | a column of that connection or source |
//!
//! What becomes of a row must not depend on what its values are changed to: see [`Policies::apply_all`].

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Deserialize;

use crate::config::TokenFrom;
use crate::error::{Error, Result};
use crate::glob::matches;
use crate::hash_key::HashKey;
use crate::schema::{By, Column, ColumnType, Origin, Personal, Policy, Source, Table, Treatment};

/// `[personal]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PersonalConfig {
    /// For every marked column that nothing more specific chooses for.
    pub default: Policy,
    /// Where the key is that hashes are made with.
    pub key: Option<TokenFrom>,
    /// By kind.
    pub kinds: IndexMap<Personal, Policy>,
    /// By table or column.
    pub tables: IndexMap<String, Policy>,
}

/// What the configuration chooses for the tables of one connection.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    default: Policy,
    kinds: IndexMap<Personal, Policy>,
    rules: Vec<Rule>,
    key: Option<HashKey>,
}

/// One key under `[personal.tables]`.
#[derive(Debug, Clone)]
struct Rule {
    /// A connection or a source.
    owner: Option<String>,
    table: String,
    column: Option<String>,
    policy: Policy,
}

impl PersonalConfig {
    /// The choices for this connection, without the key. `owners`: connections with their sources, whose names may stand before a table's.
    ///
    /// # Errors
    /// When a key under `[personal.tables]` is not one.
    pub fn policies(&self, connection: &str, source: &str, owners: &[(String, &Source)]) -> Result<Policies> {
        let mut rules = Vec::new();
        for (text, policy) in &self.tables {
            let rule = rule(text, *policy, owners)?;
            if rule.owner.as_deref().is_none_or(|owner| owner == connection || owner == source) {
                rules.push(rule);
            }
        }
        Ok(Policies {
            default: self.default,
            kinds: self.kinds.clone(),
            rules,
            key: None,
        })
    }

    /// Every key under `[personal.tables]` must match something: a typing mistake must not leave in clear what was meant to go.
    ///
    /// # Errors
    /// When one matches nothing; the hint lists what there is.
    pub fn check(&self, owners: &[(String, &Source)]) -> Result<()> {
        for (text, policy) in &self.tables {
            let rule = rule(text, *policy, owners)?;
            let tables: Vec<&Table> = owners
                .iter()
                .filter(|(name, source)| rule.owner.as_ref().is_none_or(|owner| owner == name || *owner == source.id))
                .flat_map(|(_, source)| source.tables.values())
                .collect();
            let matched: Vec<&&Table> = tables.iter().filter(|table| matches(&rule.table, &table.id)).collect();
            let wrong = |what: String| Error::config(format!("`[personal.tables]`: `{text}` matches no {what}"));
            if matched.is_empty() {
                let mut names: Vec<&str> = tables.iter().map(|table| table.id.as_str()).collect();
                names.sort_unstable();
                names.dedup();
                return Err(wrong("table".to_owned()).hint(format!("the tables are {}", names.join(", "))));
            }
            // Which custom fields a table has is known when it is exported: `unmatched` is asked then.
            let Some(column) = rule
                .column
                .as_ref()
                .filter(|_| !matched.iter().any(|table| table.id == rule.table && table.custom_fields.is_some()))
            else {
                continue;
            };
            if !matched
                .iter()
                .any(|table| table.columns.iter().any(|other| matches(column, &other.name)))
            {
                let mut names: Vec<&str> = matched
                    .iter()
                    .flat_map(|table| table.columns.iter().map(|column| column.name.as_str()))
                    .collect();
                names.sort_unstable();
                names.dedup();
                let custom = if matched.iter().any(|table| table.custom_fields.is_some()) {
                    "; the column of a custom field is chosen for under the whole name of its table"
                } else {
                    ""
                };
                return Err(wrong("column".to_owned()).hint(format!("the columns of `{}` are {}{custom}", rule.table, names.join(", "))));
            }
        }
        Ok(())
    }

    /// Whether anything is chosen that needs a key.
    pub fn hashes(&self) -> bool {
        self.kinds
            .values()
            .chain(self.tables.values())
            .any(|policy| *policy == Policy::Hash)
            || self.default == Policy::Hash
    }

    /// The key, from where the configuration says.
    ///
    /// # Errors
    /// When it says nothing, or there is no key, or a short one.
    pub fn hash_key(&self) -> Result<HashKey> {
        let (text, place) = match &self.key {
            None => {
                return Err(Error::config("`[personal]` hashes, but names no key")
                    .hint("say where the key is: key = { env = \"AFLUENTE_PERSONAL_KEY\" } or { file = \"PATH\" }; `openssl rand -hex 32` makes one"));
            }
            Some(TokenFrom::Env(variable)) => {
                let text = std::env::var(variable).map_err(|_| {
                    Error::config(format!("`[personal]`: no key: the environment variable {variable} is not set"))
                        .hint("the same key is needed for ever: with another one the same person has another hash")
                })?;
                (text, format!("the environment variable {variable}"))
            }
            Some(TokenFrom::File(path)) => (read(path)?, format!("the file `{}`", path.display())),
        };
        HashKey::new(&text).map_err(|error| error.context(format!("`[personal]`: {place}")))
    }
}

fn read(path: &PathBuf) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| Error::config(format!("`[personal]`: cannot read the key file `{}`: {error}", path.display())))
}

fn rule(text: &str, policy: Policy, owners: &[(String, &Source)]) -> Result<Rule> {
    let is_owner = |name: &str| owners.iter().any(|(owner, source)| owner == name || source.id == name);
    let parts: Vec<&str> = text.split('.').collect();
    let rule = |owner: Option<&str>, table: &str, column: Option<&str>| Rule {
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
            let mut names: Vec<&str> = owners
                .iter()
                .flat_map(|(name, source)| [name.as_str(), source.id.as_str()])
                .collect();
            names.sort_unstable();
            names.dedup();
            Err(Error::config(format!(
                "`[personal.tables]`: `{text}`: `{owner}` is neither a connection nor a source"
            ))
            .hint(format!("there are {}", names.join(", "))))
        }
        _ => Err(Error::config(format!("`[personal.tables]`: `{text}` names no table"))
            .hint("expected `table`, `table.column`, `connection.table` or `connection.table.column`; globs may stand in each of them")),
    }
}

impl Policies {
    /// The same choices, with what hashes.
    pub fn with_key(mut self, key: HashKey) -> Self {
        self.key = Some(key);
        self
    }

    /// What hashes, if anything does.
    pub fn key(&self) -> Option<&HashKey> {
        self.key.as_ref()
    }

    /// Whether anything is chosen that does not keep values as they are.
    pub fn protect(&self) -> bool {
        let mut chosen = self.kinds.values().copied().chain(self.rules.iter().map(|rule| rule.policy));
        self.default != Policy::Keep || chosen.any(|policy| policy != Policy::Keep)
    }

    /// Whether every key under `[personal.tables]` that names this table matches a column that it has with its custom fields.
    ///
    /// # Errors
    /// When one matches none: what was meant to go would stay in clear.
    pub fn check_columns(&self, table: &Table) -> Result<()> {
        let has = |glob: &str| {
            let mut names = table.columns.iter().map(|column| &column.name).chain(&table.dropped);
            names.any(|name| matches(glob, name))
        };
        let of_this = self.rules.iter().filter(|rule| rule.table == table.id);
        match of_this.filter_map(|rule| rule.column.as_deref()).find(|column| !has(column)) {
            None => Ok(()),
            Some(column) => Err(Error::config(format!(
                "`[personal.tables]`: `{}.{column}` matches no column of the table, declared or of a custom field",
                table.id
            ))
            .hint("`afluente tables SOURCE.TABLE` and `afluente fields list` show its columns")),
        }
    }

    /// What is chosen for a column of this table.
    pub fn of(&self, table: &str, column: &Column) -> Policy {
        if let Some(policy) = self.of_column(table, column) {
            return policy;
        }
        let Some(kind) = column.personal else { return Policy::Keep };
        let of_table = |rule: &&Rule| rule.column.is_none() && matches(&rule.table, table);
        self.rules
            .iter()
            .rfind(of_table)
            .map(|rule| rule.policy)
            .or_else(|| self.kinds.get(&kind).copied())
            .unwrap_or(self.default)
    }

    /// What is chosen for the column itself.
    fn of_column(&self, table: &str, column: &Column) -> Option<Policy> {
        let chooses = |rule: &&Rule| {
            rule.column.as_ref().is_some_and(|glob| {
                let meant = column.personal.is_some() || !glob.contains(['*', '?']);
                meant && matches(glob, &column.name) && matches(&rule.table, table)
            })
        };
        self.rules.iter().rfind(chooses).map(|rule| rule.policy)
    }

    /// Applies the choices to every table of a source.
    ///
    /// | column | may be |
    /// |---|---|
    /// | any | kept, dropped, null, hashed, masked |
    /// | of a primary key, or copied by an exploded table | kept or hashed: rows are told apart by it |
    /// | a partition's, by value | kept or hashed |
    /// | a cursor, or a partition's by time | kept: a hash is no time |
    /// | `parent`, in an exploded table | what its parent's column is |
    ///
    /// # Errors
    /// When a column may not be what is chosen for it, or something is to be hashed and there is no key.
    pub fn apply_all(&self, source: &mut Source) -> Result<()> {
        let copied: Vec<(String, String)> = source
            .tables
            .values()
            .filter_map(|table| Some((table.exploded_from()?, table)))
            .flat_map(|(parent, table)| {
                let copies = table.columns.iter().filter_map(|column| match &column.origin {
                    Origin::Parent(name) => Some((parent.to_owned(), name.clone())),
                    Origin::Path(_) | Origin::Member | Origin::Derived => None,
                });
                copies.collect::<Vec<_>>()
            })
            .collect();
        for (table, name) in &copied {
            let column = source.tables.get(table).and_then(|table| Some((table, table.column(name)?)));
            if let Some((table, column)) = column {
                self.may_be(table, column, &[Policy::Keep, Policy::Hash], "is copied by an exploded table")?;
            }
        }
        for table in source.tables.values_mut() {
            self.apply(table)?;
        }
        // What is copied is what it is copied from.
        let treated: Vec<(String, String, Option<Treatment>, ColumnType)> = copied
            .into_iter()
            .filter_map(|(table, name)| {
                let column = source.tables.get(&table)?.column(&name)?;
                let (treatment, kind) = (column.treatment.clone(), column.kind);
                Some((table, name, treatment, kind))
            })
            .collect();
        for table in source.tables.values_mut() {
            let Some(parent) = table.exploded_from().map(str::to_owned) else {
                continue;
            };
            let id = table.id.clone();
            for column in &mut table.columns {
                let Origin::Parent(name) = &column.origin else { continue };
                let Some((.., treatment, kind)) = treated.iter().find(|(of, column, ..)| *of == parent && column == name) else {
                    continue;
                };
                let policy = treatment.as_ref().map_or(Policy::Keep, |treatment| treatment.policy);
                if self.of_column(&id, column).is_some_and(|chosen| chosen != policy) {
                    return Err(Error::config(format!(
                        "`[personal.tables]`: `{id}.{}` is a copy of `{parent}.{name}`, which is to be `{}`",
                        column.name,
                        policy.name()
                    ))
                    .hint(format!("choose for `{parent}.{name}`: what is copied is what it is copied from")));
                }
                (column.treatment, column.kind) = (treatment.clone(), *kind);
            }
        }
        Ok(())
    }

    /// Applies the choices to the columns of one table that are not treated yet, but for those copied from a parent: for columns that came after the
    /// configuration was resolved.
    ///
    /// # Errors
    /// As [`Policies::apply_all`].
    pub fn apply(&self, table: &mut Table) -> Result<()> {
        let mut columns = Vec::with_capacity(table.columns.len());
        for mut column in std::mem::take(&mut table.columns) {
            let policy = match &column.origin {
                _ if column.treatment.is_some() => Policy::Keep,
                // What is derived is what it is derived from.
                Origin::Parent(_) | Origin::Derived => Policy::Keep,
                Origin::Path(_) | Origin::Member => self.of(&table.id, &column),
            };
            if policy != Policy::Keep {
                self.check_place(table, &column)?;
            }
            let key = match policy {
                Policy::Keep => {
                    columns.push(column);
                    continue;
                }
                Policy::Drop => {
                    table.dropped.push(column.name);
                    continue;
                }
                Policy::Null | Policy::Mask => None,
                Policy::Hash => Some(self.key.clone().ok_or_else(|| {
                    Error::config(format!("`{}.{}` is to be hashed, and there is no key", table.id, column.name))
                        .hint("[personal] key = { env = \"AFLUENTE_PERSONAL_KEY\" }")
                })?),
            };
            let read_as = column.kind;
            if policy != Policy::Null {
                column.kind = ColumnType::Text;
            }
            column.treatment = Some(Treatment { policy, read_as, key });
            columns.push(column);
        }
        table.columns = columns;
        Ok(())
    }

    fn check_place(&self, table: &Table, column: &Column) -> Result<()> {
        let named = |of: &Option<String>| of.as_ref() == Some(&column.name);
        if named(&table.replication.cursor) {
            return self.may_be(table, column, &[Policy::Keep], "is the cursor");
        }
        if let Some(partition) = table.partition.as_ref().filter(|partition| partition.column == column.name) {
            return match partition.by {
                By::Value => self.may_be(table, column, &[Policy::Keep, Policy::Hash], "is the partition"),
                _ => self.may_be(table, column, &[Policy::Keep], "is the partition, by time"),
            };
        }
        if table.primary_key.contains(&column.name) {
            return self.may_be(table, column, &[Policy::Keep, Policy::Hash], "is of the primary key");
        }
        Ok(())
    }

    fn may_be(&self, table: &Table, column: &Column, allowed: &[Policy], because: &str) -> Result<()> {
        let policy = self.of(&table.id, column);
        if allowed.contains(&policy) {
            return Ok(());
        }
        let words: Vec<String> = allowed.iter().map(|policy| format!("`{}`", policy.name())).collect();
        Err(Error::config(format!(
            "`[personal]`: column `{}.{}` cannot be `{}`: it {because}",
            table.id,
            column.name,
            policy.name()
        ))
        .hint(format!(
            "[personal.tables] \"{}.{}\" may be {}",
            table.id,
            column.name,
            words.join(" or ")
        )))
    }
}

#[cfg(test)]
mod tests;
