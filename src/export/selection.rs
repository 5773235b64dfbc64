//! Which tables a run exports: globs over `table`, `source.table` and `connection.table`.

use crate::config::Connection;
use crate::error::{Error, Result};
use crate::glob::{distance, is_pattern, names};
use crate::schema::Table;

/// `--tables` and `--exclude`.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these; empty: what the configuration includes.
    pub tables: Vec<String>,
    /// None of these.
    pub exclude: Vec<String>,
}

impl Selection {
    /// The tables of a connection that are fetched, each with the tables exploded from it that are wanted.
    ///
    /// An experimental table is left out unless it, or one exploded from it, is named without a `*` or `?`.
    ///
    /// A table and those exploded from it are read together: naming one names them all. Excluding a table excludes what is exploded
    /// from it; an exploded table can be excluded on its own.
    pub fn families(&self, connection: &Connection) -> Vec<Table> {
        let excluded = |table: &str| self.excludes(connection, table);
        let included = |table: &str, by_name: bool| self.includes(connection, table, by_name);
        connection
            .source
            .tables
            .values()
            .filter(|table| table.fetch().is_some() && !excluded(&table.id))
            .filter(|table| {
                std::iter::once(&table.id)
                    .chain(&table.children)
                    .any(|id| included(id, table.experimental))
            })
            .map(|table| {
                let mut table = table.clone();
                table.children.retain(|child| !excluded(child));
                table
            })
            .collect()
    }

    /// The tables of a connection that are derived from others, if its configuration asks for them: that it does turns them on, whatever `include` says.
    pub fn derived(&self, connection: &Connection) -> Vec<Table> {
        let derived = connection.source.tables.values().filter(|table| table.is_derived());
        let wanted = |table: &&Table| {
            let chosen = self.tables.is_empty() || self.includes(connection, &table.id, false);
            connection.customerx.is_some() && chosen && !self.excludes(connection, &table.id)
        };
        derived.filter(wanted).cloned().collect()
    }

    /// Whether a glob that is to be exported names the table; `by_name`, only as a whole.
    fn includes(&self, connection: &Connection, table: &str, by_name: bool) -> bool {
        let globs = if self.tables.is_empty() {
            &connection.include
        } else {
            &self.tables
        };
        globs
            .iter()
            .filter(|glob| !by_name || !is_pattern(glob))
            .any(|glob| names(glob, &connection.name, &connection.source.id, table))
    }

    fn excludes(&self, connection: &Connection, table: &str) -> bool {
        let mut globs = self.exclude.iter().chain(&connection.exclude);
        globs.any(|glob| names(glob, &connection.name, &connection.source.id, table))
    }

    /// Every glob must name a table of at least one connection: a typing mistake must not export less than was meant.
    ///
    /// # Errors
    /// When one names none.
    pub fn check(&self, connections: &[Connection]) -> Result<()> {
        let each = connections
            .iter()
            .flat_map(|connection| connection.include.iter().chain(&connection.exclude));
        for glob in self.tables.iter().chain(&self.exclude).chain(each) {
            let found = glob == "*"
                || connections.iter().any(|connection| {
                    connection
                        .source
                        .tables
                        .keys()
                        .any(|table| names(glob, &connection.name, &connection.source.id, table))
                });
            if !found {
                let nearest = connections
                    .iter()
                    .flat_map(|connection| connection.source.tables.keys())
                    .min_by_key(|table| distance(glob.rsplit('.').next().unwrap_or(glob), table));
                let is_pattern = is_pattern(glob);
                let error = Error::config(match is_pattern {
                    true => format!("no table matches `{glob}`"),
                    false => format!("unknown table `{glob}`"),
                });
                return Err(match nearest {
                    Some(table) if !is_pattern => error.hint(format!("did you mean `{table}`? `afluente tables` lists them all")),
                    _ => error.hint("`afluente tables` lists them all"),
                });
            }
        }
        Ok(())
    }
}
