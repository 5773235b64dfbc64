//! What `[personal]` did to the columns that a derived table is made of, and so to the table: what can be made of them, and what is told of it.

use std::collections::{BTreeMap, BTreeSet};

use super::choice::{CustomerX, Key};
use super::mapping::Value;
use crate::error::{Error, Result};
use crate::schema::{ColumnType, Policy, Table, Treatment};

/// In the words for what a table is derived by, before the columns that are not kept.
const PERSONAL: &str = ", personal ";

/// A whole table without identities, or with the same one for many, is no mistake that one should find out later.
pub(super) fn check_key(set: &CustomerX, inputs: &BTreeMap<String, Table>) -> Result<()> {
    let (allowed, words): (&[Policy], _) = match set.key {
        Key::Document => (&[Policy::Keep], "in clear"),
        Key::ExternalCode | Key::Email => (&[Policy::Keep, Policy::Hash], "in clear or hashed"),
    };
    let found = policy(inputs, "contacts", set.key.column());
    if allowed.contains(&found) {
        return Ok(());
    }
    Err(Error::config(format!(
        "`customerx.key = \"{}\"` needs `contacts.{}` {words}, and for `[personal]` it is to be `{}`",
        set.key.name(),
        set.key.column(),
        found.name()
    ))
    .hint("keep that column, or choose another key: a hashed `email` or `external_code` is one as well"))
}

/// What is made of columns whose values a policy has changed: they are taken as they are, for a hash has no check digits, and null is null.
pub(super) fn as_held(value: Value, of: &str, inputs: &BTreeMap<String, Table>) -> Option<Value> {
    let sources = value.sources();
    let policies = sources
        .iter()
        .map(|place| policy(inputs, place.path.last().map_or(of, |(_, table)| table), &place.column));
    let policies: Vec<Policy> = policies.collect();
    let is_null = |policy: &Policy| matches!(policy, Policy::Null | Policy::Drop);
    if !policies.is_empty() && policies.iter().all(is_null) {
        return None;
    }
    let is_kept = policies.iter().all(|policy| *policy == Policy::Keep);
    match value {
        Value::Document(_) | Value::Cep(_) if !is_kept => sources.into_iter().next().map(Value::Column),
        Value::DocumentType(_) if !is_kept => None,
        value => Some(value),
    }
}

/// What became of the values of an input's column.
pub(super) fn policy(inputs: &BTreeMap<String, Table>, table: &str, column: &str) -> Policy {
    match inputs.get(table) {
        Some(table) if table.dropped.iter().any(|dropped| dropped == column) => Policy::Drop,
        _ => treated(inputs, table, column).map_or(Policy::Keep, |treatment| treatment.policy),
    }
}

fn treated<'a>(inputs: &'a BTreeMap<String, Table>, table: &str, column: &str) -> Option<&'a Treatment> {
    inputs.get(table)?.column(column)?.treatment.as_ref()
}

/// What became of the values that a derived column holds, in the words of a policy; of several policies the one that changes least, for what is in clear is to be told.
pub(super) fn treatment<'s>(
    sources: impl Iterator<Item = (&'s str, &'s str)>,
    kind: ColumnType,
    is_null: bool,
    inputs: &BTreeMap<String, Table>,
) -> Option<Treatment> {
    let rank = |policy: Policy| match policy {
        Policy::Keep => 0,
        Policy::Mask => 1,
        Policy::Hash => 2,
        Policy::Null | Policy::Drop => 3,
    };
    let sources: Vec<_> = sources
        .map(|(table, column)| (policy(inputs, table, column), treated(inputs, table, column)))
        .collect();
    let was_changed = sources.iter().any(|(policy, _)| *policy != Policy::Keep);
    let (policy, least) = sources.into_iter().min_by_key(|(policy, _)| rank(*policy))?;
    let policy = if (is_null && was_changed) || policy == Policy::Drop {
        Policy::Null
    } else {
        policy
    };
    (policy != Policy::Keep).then(|| Treatment {
        policy,
        read_as: kind,
        key: least.and_then(|treatment| treatment.key.clone()).filter(|_| policy == Policy::Hash),
    })
}

/// Of these columns those that are not kept, in words; nothing if all are.
pub(super) fn changed<'s>(sources: impl Iterator<Item = (&'s str, &'s str)>, inputs: &BTreeMap<String, Table>) -> String {
    let changed = sources.filter_map(|(table, column)| {
        let policy = policy(inputs, table, column);
        let key = treated(inputs, table, column).and_then(|treatment| treatment.key.as_ref());
        let key = key.map_or_else(String::new, |key| format!(":{}", key.id()));
        (policy != Policy::Keep).then(|| format!("{table}.{column} {}{key}", policy.name()))
    });
    let changed: Vec<String> = changed.collect::<BTreeSet<_>>().into_iter().collect();
    match changed.is_empty() {
        true => String::new(),
        false => format!("{PERSONAL}{}", changed.join(" ")),
    }
}

/// The same, from the words for what a table is derived by.
pub(super) fn changed_in(by: &str) -> Option<&str> {
    by.split_once(PERSONAL).map(|(_, changed)| changed)
}
