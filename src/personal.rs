//! `[personal]` of the configuration: what becomes of personal data, decided per kind, table or column, and applied to the tables of a source.
//!
//! The most specific choice counts: a column's, its table's, its kind's, the default. Of two of the same rank that both match, the later in the file counts.
//!
//! What becomes of a row must not depend on what its values are changed to: see [`Policies::apply_all`].

mod rule;

use indexmap::IndexMap;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::glob::{is_pattern, matches};
use crate::hash_key::HashKey;
use crate::schema::{By, Column, ColumnType, Origin, Personal, Policy, Source, Table, Treatment};
use crate::secret::SecretFrom;
use rule::Rule;

pub use rule::Rules;

/// `[personal]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PersonalConfig {
    /// For every marked column that nothing more specific chooses for.
    pub default: Policy,
    /// Where the key is that hashes are made with.
    pub key: Option<SecretFrom>,
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

impl PersonalConfig {
    /// The keys under `[personal.tables]`. `owners`: connections with their sources, whose names may stand before a table's.
    ///
    /// # Errors
    /// When one is no key, matches nothing, or is for what is derived; the hint tells what there is.
    pub fn rules(&self, owners: &[(String, &Source)]) -> Result<Rules> {
        let rules = self.tables.iter().map(|(text, policy)| Rule::new(text, *policy, owners));
        rules.collect::<Result<_>>().map(Rules)
    }

    /// The choices for this connection, without the key.
    pub fn policies(&self, rules: &Rules, connection: &str, source: &str) -> Policies {
        Policies {
            default: self.default,
            kinds: self.kinds.clone(),
            rules: rules.0.iter().filter(|rule| rule.is_of(connection, source)).cloned().collect(),
            key: None,
        }
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
        let from = self.key.as_ref().ok_or_else(|| {
            Error::config("`[personal]` hashes, but names no key").hint(
                "say where the key is: key = { env = \"AFLUENTE_PERSONAL_KEY\" } or { file = \"PATH\" }; `openssl rand -hex 32` makes one",
            )
        })?;
        let (text, place) = from.read("key").map_err(|error| {
            error
                .context("`[personal]`")
                .hint("the same key is needed for ever: with another one the same person has another hash")
        })?;
        HashKey::new(&text).map_err(|error| error.context(format!("`[personal]`: {place}")))
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
    fn of(&self, table: &str, column: &Column) -> Policy {
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
                let meant = column.personal.is_some() || !is_pattern(glob);
                meant && matches(glob, &column.name) && matches(&rule.table, table)
            })
        };
        self.rules.iter().rfind(chooses).map(|rule| rule.policy)
    }

    /// What becomes of a column of this source; nothing where the column is derived, for it is what it is derived from.
    pub fn chosen(&self, source: &Source, table: &Table, column: &Column) -> Option<Policy> {
        match (&column.origin, copied(source, table, column)) {
            (Origin::Derived, _) => None,
            // What is copied is what it is copied from.
            (_, Some((parent, from))) => Some(self.of(&parent.id, from)),
            (_, None) => Some(self.of(&table.id, column)),
        }
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
    /// | derived | what it is derived from |
    ///
    /// # Errors
    /// When a column may not be what is chosen for it, or something is to be hashed and there is no key.
    pub fn apply_all(&self, source: &mut Source) -> Result<()> {
        let declared = source.clone();
        for table in declared.tables.values() {
            for column in &table.columns {
                let Some((parent, from)) = copied(&declared, table, column) else {
                    continue;
                };
                let policy = self.of(&parent.id, from);
                may_be(
                    parent,
                    from,
                    policy,
                    &[Policy::Keep, Policy::Hash],
                    "is copied by an exploded table",
                )?;
                if self.of_column(&table.id, column).is_some_and(|chosen| chosen != policy) {
                    let (copy, original) = (format!("{}.{}", table.id, column.name), format!("{}.{}", parent.id, from.name));
                    return Err(Error::config(format!(
                        "`[personal.tables]`: `{copy}` is a copy of `{original}`, which is to be `{}`",
                        policy.name()
                    ))
                    .hint(format!("choose for `{original}`: what is copied is what it is copied from")));
                }
            }
        }
        for table in source.tables.values_mut() {
            self.treat(table, |table, column| self.chosen(&declared, table, column).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Applies the choices to the columns of one table that are not treated yet, but for those copied from a parent: for columns that came after the
    /// configuration was resolved.
    ///
    /// # Errors
    /// As [`Policies::apply_all`].
    pub fn apply(&self, table: &mut Table) -> Result<()> {
        self.treat(table, |table, column| match &column.origin {
            Origin::Parent(_) | Origin::Derived => Policy::Keep,
            Origin::Path(_) | Origin::Member => self.of(&table.id, column),
        })
    }

    fn treat(&self, table: &mut Table, policy_of: impl Fn(&Table, &Column) -> Policy) -> Result<()> {
        let mut columns = Vec::with_capacity(table.columns.len());
        for mut column in std::mem::take(&mut table.columns) {
            let policy = match &column.treatment {
                Some(_) => Policy::Keep,
                None => policy_of(table, &column),
            };
            check_place(table, &column, policy)?;
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
}

fn check_place(table: &Table, column: &Column, policy: Policy) -> Result<()> {
    let named = |of: &Option<String>| of.as_ref() == Some(&column.name);
    if named(&table.replication.cursor) {
        return may_be(table, column, policy, &[Policy::Keep], "is the cursor");
    }
    if let Some(partition) = table.partition.as_ref().filter(|partition| partition.column == column.name) {
        return match partition.by {
            By::Value => may_be(table, column, policy, &[Policy::Keep, Policy::Hash], "is the partition"),
            _ => may_be(table, column, policy, &[Policy::Keep], "is the partition, by time"),
        };
    }
    if table.primary_key.contains(&column.name) {
        return may_be(table, column, policy, &[Policy::Keep, Policy::Hash], "is of the primary key");
    }
    Ok(())
}

fn may_be(table: &Table, column: &Column, policy: Policy, allowed: &[Policy], because: &str) -> Result<()> {
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

/// The column that this one is a copy of, and its table.
fn copied<'s>(source: &'s Source, table: &Table, column: &Column) -> Option<(&'s Table, &'s Column)> {
    let Origin::Parent(name) = &column.origin else { return None };
    let parent = source.tables.get(table.exploded_from()?)?;
    Some((parent, parent.column(name)?))
}

#[cfg(test)]
mod tests;
