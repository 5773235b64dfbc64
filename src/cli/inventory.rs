//! `afluente tables --personal`: which columns can hold personal data, and with a configuration what becomes of it. What a data-protection officer asks for.

use super::args::{TablesArgs, TablesFormat};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::personal::Policies;
use crate::schema::{Catalog, Origin, Policy, Source, Table};

/// One column.
struct Line<'a> {
    /// With a configuration, by whose choice.
    connection: Option<&'a str>,
    source: &'a str,
    table: &'a str,
    column: &'a str,
    kind: &'static str,
    policy: Option<Policy>,
    description: &'a str,
}

/// The inventory of these sources, or of one table.
pub(super) fn inventory(args: &TablesArgs, catalog: &Catalog, sources: &[&Source], table: Option<&Table>) -> Result<String> {
    let config = match &args.config {
        None => None,
        Some(file) => Some(Config::load(Some(file))?),
    };
    let mut lines = Vec::new();
    let owners = config.as_ref().map(|config| {
        let unused: Vec<String> = if config.connections.is_empty() {
            catalog.sources().map(|source| source.id.clone()).collect()
        } else {
            Vec::new()
        };
        config.owners(&unused, catalog)
    });
    match (&config, &owners) {
        (Some(config), Some(owners)) => {
            config.personal.check(owners)?;
            for (connection, source) in owners {
                if sources.iter().any(|shown| shown.id == source.id) {
                    let policies = config.personal.policies(connection, &source.id, owners)?;
                    add(&mut lines, source, table, Some((connection, &policies)));
                }
            }
        }
        _ => sources.iter().for_each(|source| add(&mut lines, source, table, None)),
    }
    match args.output {
        TablesFormat::Text => Ok(text(&lines)),
        TablesFormat::Json => Ok(json(&lines)),
        TablesFormat::Markdown => Ok(markdown(&lines)),
        TablesFormat::Mermaid => Err(Error::config("an inventory is no diagram").hint("-o text, json or markdown goes with --personal")),
    }
}

fn add<'a>(lines: &mut Vec<Line<'a>>, source: &'a Source, only: Option<&Table>, chosen: Option<(&'a str, &Policies)>) {
    for table in source.tables.values().filter(|table| only.is_none_or(|only| only.id == table.id)) {
        for column in &table.columns {
            let policy = chosen.map(|(_, policies)| {
                // A copy is what it is copied from.
                let copied = match (&column.origin, table.exploded_from()) {
                    (Origin::Parent(name), Some(parent)) => source
                        .tables
                        .get(parent)
                        .and_then(|parent| Some(policies.of(&parent.id, parent.column(name)?))),
                    _ => None,
                };
                copied.unwrap_or_else(|| policies.of(&table.id, column))
            });
            if column.personal.is_some() || policy.is_some_and(|policy| policy != Policy::Keep) {
                lines.push(Line {
                    connection: chosen.map(|(connection, _)| connection),
                    source: &source.id,
                    table: &table.id,
                    column: &column.name,
                    kind: column.personal.map_or("-", crate::schema::Personal::name),
                    policy,
                    description: &column.description,
                });
            }
        }
    }
}

impl<'a> Line<'a> {
    fn cells(&self) -> Vec<&'a str> {
        let owner = self.connection.into_iter().chain([self.source]);
        let policy = self.policy.map(Policy::name);
        owner
            .chain([self.table, self.column, self.kind])
            .chain(policy)
            .chain([self.description])
            .collect()
    }
}

fn head(lines: &[Line<'_>]) -> Vec<&'static str> {
    match lines.first().and_then(|line| line.policy) {
        Some(_) => vec!["connection", "source", "table", "column", "kind", "policy", "description"],
        None => vec!["source", "table", "column", "kind", "description"],
    }
}

fn text(lines: &[Line<'_>]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<&str>> = std::iter::once(head(lines)).chain(lines.iter().map(Line::cells)).collect();
    let width = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head(lines).len()).map(width).collect();
    let line = |row: &Vec<&str>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn json(lines: &[Line<'_>]) -> String {
    let objects: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| {
            let members = head(lines).into_iter().zip(line.cells());
            members
                .map(|(name, cell)| (name.to_owned(), cell.into()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        })
        .collect();
    format!("{:#}\n", serde_json::Value::Array(objects))
}

fn markdown(lines: &[Line<'_>]) -> String {
    let head = head(lines);
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for line in lines {
        let cells: Vec<String> = line.cells().iter().map(|cell| cell.replace('|', "\\|")).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}
