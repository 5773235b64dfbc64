//! The query options of a request, read and checked against the set.

use super::Refusal;
use super::filter::{Expr, parse};
use super::schema::{Path, Schema};
use super::set::Rows;
use crate::sandbox::ask::Ask;

/// Where the vendors' servers differ.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// Property names in any case.
    pub any_case: bool,
    /// `2026-01-01` is a literal of a time.
    pub bare_dates: bool,
}

/// What a request asks of a set.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub top: Option<u64>,
    pub skip: u64,
    pub count: bool,
    /// Member names as the row spells them; empty for all.
    pub select: Vec<String>,
    pub(super) filter: Option<Expr>,
    pub(super) order: Vec<(By, bool)>,
    /// Names the scan, for its marks.
    pub(super) scan: String,
}

/// One key of an order; the flag beside it says descending.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum By {
    Id,
    Time,
    Property(Path),
}

impl Query {
    /// Reads the options of a request. `filter` stands in when the request has none.
    pub(crate) fn read(rows: &Rows, ask: &Ask, dialect: Dialect, filter: Option<&str>) -> Result<Query, Refusal> {
        let known = ["$top", "$skip", "$filter", "$orderby", "$count", "$select", "$expand", "$format"];
        let unknown = ask
            .query
            .iter()
            .find(|(name, _)| name.starts_with('$') && !known.contains(&name.as_str()));
        if let Some((name, _)) = unknown {
            return Err(Refusal(format!("The query parameter '{name}' is not supported.")));
        }
        let mut sample = Vec::new();
        rows.push(0, &mut sample);
        let schema = Schema::sampled(&sample, dialect.any_case, dialect.bare_dates);
        let filter = ask.param("$filter").or(filter);
        let order = ask.param("$orderby").unwrap_or("");
        Ok(Query {
            top: number(ask, "$top")?,
            skip: number(ask, "$skip")?.unwrap_or(0),
            count: ask.param("$count") == Some("true"),
            select: select(ask.param("$select").unwrap_or(""), &schema)?,
            filter: filter.map(|text| parse(text, &schema)).transpose()?,
            order: keys(rows, order, &schema, dialect)?,
            scan: format!("{}#{}|{}|{order}", rows.set.table, rows.version(), filter.unwrap_or("")),
        })
    }
}

fn number(ask: &Ask, name: &str) -> Result<Option<u64>, Refusal> {
    let Some(text) = ask.param(name) else {
        return Ok(None);
    };
    let wrong = || Refusal(format!("Invalid value '{text}' for {name} query option found."));
    text.trim().parse().map(Some).map_err(|_| wrong())
}

fn select(text: &str, schema: &Schema) -> Result<Vec<String>, Refusal> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "*");
    let root = |name: &str| schema.path(name).map(|path| path.names[0].clone());
    names.map(root).collect()
}

fn keys(rows: &Rows, text: &str, schema: &Schema, dialect: Dialect) -> Result<Vec<(By, bool)>, Refusal> {
    let mut keys = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let mut words = part.split_whitespace();
        let name = words.next().unwrap_or("");
        let descending = match (words.next(), words.next()) {
            (None | Some("asc"), None) => false,
            (Some("desc"), None) => true,
            _ => return Err(Refusal(format!("Syntax error in $orderby: '{part}'."))),
        };
        let is = |property: &str| name == property || dialect.any_case && name.eq_ignore_ascii_case(property);
        // Before the properties: a set may be ordered by an id that its rows do not show.
        let by = if rows.set.id.is_some_and(|id| is(id.property)) {
            By::Id
        } else if rows.set.time.is_some_and(|time| is(time.property)) {
            By::Time
        } else {
            By::Property(schema.path(name)?)
        };
        keys.push((by, descending));
    }
    Ok(keys)
}
