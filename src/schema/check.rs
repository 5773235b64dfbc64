//! What one file cannot say about itself: every reference, cursor, key and parent exists, and every combination makes sense.

use std::collections::{BTreeMap, HashSet};

use super::column::{Column, ColumnPath, ColumnType, Format, Origin};
use super::field::CustomFields;
use super::personal::Personal;
use super::source::{Pagination, Source};
use super::table::{Access, By, Fetch, Mode, Table};
use crate::error::{Error, Result};

/// Checks a source as a whole; `texts` are its table files, for the line of a mistake.
pub(super) fn source(source: &Source, texts: &BTreeMap<String, String>) -> Result<()> {
    if !source.base_url.starts_with("https://") || source.base_url.ends_with('/') {
        return Err(Error::config(format!(
            "{}/source.toml: base_url `{}`: expected https:// and no slash at the end",
            source.id, source.base_url
        )));
    }
    if source.rate_limit.requests == 0 || source.rate_limit.per.is_zero() || source.rate_limit.in_flight == 0 || source.retry.attempts == 0
    {
        return Err(Error::config(format!(
            "{}/source.toml: rate_limit and retry.attempts: expected numbers above zero",
            source.id
        )));
    }
    if let Some(message) = source.custom_fields.as_ref().and_then(|fields| wrong_fields(fields, source)) {
        return Err(Error::config(format!("{}/source.toml: custom_fields: {message}", source.id)));
    }
    if let Some(route) = source
        .account
        .as_ref()
        .filter(|route| !route.endpoint.starts_with('/') || route.endpoint.contains(['?', '#']))
    {
        return Err(Error::config(format!(
            "{}/source.toml: account: endpoint `{}`: expected a path that starts with a slash, without a query (that is `params`)",
            source.id, route.endpoint
        )));
    }
    for table in source.tables.values() {
        let check = Check {
            source,
            table,
            text: texts.get(&table.id).map_or("", String::as_str),
        };
        check.access()?;
        check.columns()?;
        check.keys()?;
        check.replication()?;
        if table.custom_fields.is_some() && (source.custom_fields.is_none() || table.fetch().is_none()) {
            return Err(check.wrong(
                "custom_fields",
                "a table with an endpoint has custom fields where source.toml says how the vendor tells of them: `[custom_fields]`",
            ));
        }
    }
    Ok(())
}

/// What is wrong with a declaration of custom fields.
fn wrong_fields(fields: &CustomFields, source: &Source) -> Option<String> {
    if !fields.endpoint.starts_with('/') {
        return Some(format!("endpoint `{}`: expected a path that starts with a slash", fields.endpoint));
    }
    let mut names = HashSet::new();
    for kind in &fields.types {
        if !names.insert(&kind.name) || kind.columns.is_empty() || kind.joined.is_empty() {
            return Some(format!("type `{}`: expected a name of its own, `columns` and `joined`", kind.name));
        }
        if let Some(Err(message)) = kind.member.as_ref().map(|member| member.parse::<ColumnPath>()) {
            return Some(format!("type `{}`: {message}", kind.name));
        }
        let mut references = kind.columns.iter().filter_map(|column| column.references.as_ref());
        if let Some(unknown) = references.find(|references| !is_column(references, source)) {
            return Some(format!(
                "type `{}`: references `{unknown}`, which is not a `table.column` of this source",
                kind.name
            ));
        }
    }
    None
}

/// `table.column`
fn is_column(name: &str, source: &Source) -> bool {
    let found = name
        .split_once('.')
        .and_then(|(table, column)| source.tables.get(table)?.column(column));
    found.is_some()
}

/// The line on which a key or column is set: the columns stand on one line each.
pub(super) fn line(text: &str, key: &str) -> usize {
    let sets = |line: &str| {
        let rest = line.trim_start().trim_start_matches('"');
        rest.strip_prefix(key)
            .is_some_and(|rest| rest.trim_start_matches('"').trim_start().starts_with(['=', ']', '.']))
            || line.trim() == format!("[{key}]")
    };
    text.lines().position(sets).map_or(1, |at| at + 1)
}

struct Check<'a> {
    source: &'a Source,
    table: &'a Table,
    text: &'a str,
}

impl Check<'_> {
    fn wrong(&self, key: &str, message: impl std::fmt::Display) -> Error {
        Error::config(format!(
            "{}/{}.toml:{}: {message}",
            self.source.id,
            self.table.id,
            line(self.text, key)
        ))
    }

    fn names(&self, tables: bool) -> String {
        let names: Vec<&str> = if tables {
            self.source.tables.keys().map(String::as_str).collect()
        } else {
            self.table.columns.iter().map(|column| column.name.as_str()).collect()
        };
        names.join(", ")
    }

    fn column_exists(&self, key: &str, column: &str) -> Result<()> {
        match self.table.column(column) {
            Some(_) => Ok(()),
            None => Err(self.wrong(
                key,
                format_args!("`{key}` names the unknown column `{column}`, expected one of {}", self.names(false)),
            )),
        }
    }

    fn table_exists(&self, key: &str, table: &str) -> Result<&Table> {
        self.source
            .tables
            .get(table)
            .ok_or_else(|| self.wrong(key, format_args!("unknown table `{table}`, expected one of {}", self.names(true))))
    }

    fn access(&self) -> Result<()> {
        match &self.table.access {
            Access::Fetch(fetch) => self.fetch(fetch),
            Access::Explode(explode) => {
                let parent = self.table_exists("explode", &explode.table)?;
                if parent.fetch().is_none() {
                    return Err(self.wrong(
                        "explode",
                        format_args!("`{}` is itself exploded, expected a table with an endpoint", explode.table),
                    ));
                }
                if self.table.experimental {
                    return Err(self.wrong(
                        "experimental",
                        format_args!("an exploded table comes with `{}`, expected the key there", explode.table),
                    ));
                }
                if !explode.path.is_plain() {
                    return Err(self.wrong("explode", "expected the dotted names of an array or an object"));
                }
                Ok(())
            }
            Access::Derived => Ok(()),
        }
    }

    fn fetch(&self, fetch: &Fetch) -> Result<()> {
        for endpoint in &fetch.endpoints {
            if !endpoint.starts_with('/') || endpoint.contains(['?', '#']) {
                return Err(self.wrong(
                    "endpoint",
                    format_args!("`{endpoint}`: expected a path that starts with a slash, without a query"),
                ));
            }
            if endpoint.contains("{id}") != fetch.for_each.is_some() {
                return Err(self.wrong(
                    "endpoint",
                    "expected `{id}` in the endpoint where there is `for_each`, and only there",
                ));
            }
        }
        if let Some(for_each) = &fetch.for_each {
            let parent = self.table_exists("for_each", &for_each.table)?;
            if parent.fetch().is_none_or(|parent| parent.for_each.is_some()) {
                return Err(self.wrong("for_each", format_args!("`{}` has no plain endpoint of its own", for_each.table)));
            }
            if parent.primary_key != [for_each.column.clone()] {
                return Err(self.wrong(
                    "for_each",
                    format_args!("`{}` is not the primary key of `{}`", for_each.column, for_each.table),
                ));
            }
        }
        if fetch.slices.as_ref().is_some_and(|slices| slices.values.is_empty()) {
            return Err(self.wrong("slices", "expected at least one value"));
        }
        let count = fetch.pagination.count();
        if count.is_some_and(|count| count.member.is_some() == count.header.is_some()) {
            return Err(self.wrong("pagination", "count: expected exactly one of `member` and `header`"));
        }
        match &fetch.pagination {
            Pagination::Keyset { filter, size, .. } if !filter.contains("{key}") || *size == 0 => {
                Err(self.wrong("pagination", "keyset: expected `{key}` in `filter` and a `size` above zero"))
            }
            Pagination::Offset {
                order_param, order, size, ..
            } if order_param.is_some() != order.is_some() || *size == 0 => Err(self.wrong(
                "pagination",
                "offset: expected `order_param` and `order` together and a `size` above zero",
            )),
            Pagination::Page { size_param, size, .. } if size_param.is_some() != size.is_some() => {
                Err(self.wrong("pagination", "page: expected `size_param` and `size` together"))
            }
            Pagination::Page {
                size_header: Some(_),
                size: None,
                ..
            } => Err(self.wrong("pagination", "page: expected a `size`, which `size_header` is held against")),
            _ => Ok(()),
        }
    }

    fn columns(&self) -> Result<()> {
        let mut seen = HashSet::new();
        for column in &self.table.columns {
            let wrong = |message: String| self.wrong(&column.name, format_args!("column `{}`: {message}", column.name));
            if !seen.insert(column.name.to_lowercase()) || column.name == super::EXPORTED_AT {
                return Err(wrong("the name is taken".to_owned()));
            }
            if column.description.trim().is_empty() {
                return Err(wrong("the description is empty".to_owned()));
            }
            match (&column.origin, &self.table.access) {
                (Origin::Path(_), _) | (Origin::Derived, Access::Derived) => {}
                (Origin::Parent(parent), Access::Explode(explode)) => match self.source.tables[&explode.table].column(parent) {
                    Some(parent) if parent.kind == column.kind && parent.personal == column.personal => {}
                    Some(parent) if parent.kind == column.kind => {
                        let name = |of: &Column| of.personal.map_or("none", Personal::name);
                        return Err(wrong(format!(
                            "is personal = \"{}\", its parent's column is \"{}\"",
                            name(column),
                            name(parent)
                        )));
                    }
                    Some(parent) => {
                        return Err(wrong(format!(
                            "is {}, its parent's column is {}",
                            column.kind.name(),
                            parent.kind.name()
                        )));
                    }
                    None => return Err(wrong(format!("`{}` has no column `{parent}`", explode.table))),
                },
                (Origin::Member, Access::Explode(_)) if column.kind == ColumnType::Text => {}
                _ => {
                    return Err(wrong(
                        "`parent` and `member` are for exploded tables, and a member's name is text".to_owned(),
                    ));
                }
            }
            let fits = match column.format {
                None => true,
                Some(Format::Dmy) => matches!(column.kind, ColumnType::Timestamp | ColumnType::Date),
                Some(Format::Comma) => column.kind == ColumnType::Float,
                Some(Format::Digits | Format::Flag) => matches!(column.kind, ColumnType::Int | ColumnType::Float),
            };
            if !fits || (column.wall_clock && column.kind != ColumnType::Timestamp) {
                return Err(wrong(format!(
                    "`format` or `wall_clock` does not fit the type {}",
                    column.kind.name()
                )));
            }
            if let Some(references) = &column.references
                && !is_column(references, self.source)
            {
                return Err(wrong(format!(
                    "references `{references}`, which is not a `table.column` of this source"
                )));
            }
        }
        Ok(())
    }

    fn keys(&self) -> Result<()> {
        for column in &self.table.primary_key {
            self.column_exists("primary_key", column)?;
        }
        for column in &self.table.nullable_key {
            if !self.table.primary_key.contains(column) {
                return Err(self.wrong(
                    "nullable_key",
                    format_args!(
                        "`{column}` is not a column of the primary key, expected some of {}",
                        self.table.primary_key.join(", ")
                    ),
                ));
            }
        }
        if self.table.primary_key.len() == 1 && !self.table.nullable_key.is_empty() {
            return Err(self.wrong(
                "nullable_key",
                "a key of one column cannot be null, for it would name no row: expected a key of several",
            ));
        }
        if self.table.primary_key.is_empty() && !matches!(self.table.access, Access::Explode(_)) {
            return Err(self.wrong("primary_key", "a table that is not exploded needs a `primary_key`"));
        }
        if let Some(partition) = &self.table.partition {
            self.column_exists("partition", &partition.column)?;
            let timed = self
                .table
                .column(&partition.column)
                .is_some_and(|column| matches!(column.kind, ColumnType::Timestamp | ColumnType::Date));
            if !timed && partition.by != By::Value {
                return Err(self.wrong(
                    "partition",
                    format_args!("`{}` is neither timestamp nor date, expected by = \"value\"", partition.column),
                ));
            }
        }
        Ok(())
    }

    fn replication(&self) -> Result<()> {
        let replication = &self.table.replication;
        if let Some(cursor) = &replication.cursor {
            self.column_exists("cursor", cursor)?;
            let timed = self
                .table
                .column(cursor)
                .is_some_and(|column| matches!(column.kind, ColumnType::Timestamp | ColumnType::Date));
            if !timed {
                return Err(self.wrong("cursor", format_args!("cursor `{cursor}` is neither timestamp nor date")));
            }
        }
        if replication.mode != Mode::Full && (replication.cursor.is_none() || replication.from.is_none()) {
            return Err(self.wrong("mode", format_args!("mode {} needs `cursor` and `from`", replication.mode.name())));
        }
        if replication.on_trust && (replication.mode != Mode::Full || replication.always) {
            return Err(self.wrong(
                "on_trust",
                "expected mode full without `always`: the filter is not to be trusted unasked",
            ));
        }
        for (key, parameter, mark) in [("from", &replication.from, "{from}"), ("until", &replication.until, "{until}")] {
            if parameter.as_ref().is_some_and(|parameter| !parameter.value.contains(mark)) {
                return Err(self.wrong(key, format_args!("expected `{mark}` in the value of `{key}`")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn lines_are_found_by_the_key_they_set() {
        let text = "title = \"x\"\nprimary_key=[\"id\"]\n[replication]\ncursor = \"a\"\n[columns]\nid   = {}\n\"end\" = {}\nidx = {}\n";
        for (key, expected) in [
            ("title", 1),
            ("primary_key", 2),
            ("replication", 3),
            ("cursor", 4),
            ("id", 6),
            ("end", 7),
            ("idx", 8),
            ("absent", 1),
        ] {
            assert_eq!(line(text, key), expected, "{key}");
        }
    }
}
