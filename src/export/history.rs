//! `keep_history`: a table beside another one that keeps every version of its rows that was seen, and loses none.

use arrow_array::RecordBatch;

use super::Family;
use crate::error::{Error, Result};
use crate::schema::{Access, ColumnPath, Explode, Replication, Table, arrow_schema};

/// The history of one table of a family.
#[derive(Debug, Clone)]
pub(super) struct History {
    /// The place of the table in the family.
    pub of: usize,
    /// `<table>_history`: the same columns; no column names a row.
    pub table: Table,
}

impl Family {
    /// The histories that the configuration asks for.
    pub(super) fn histories(&self) -> Vec<History> {
        let wanted = |table: &Table| self.connection.tables.get(&table.id).is_some_and(|config| config.keep_history);
        let tables = self.tables().into_iter().enumerate().filter(|(_, table)| wanted(table));
        tables.map(|(of, table)| History { of, table: history(table) }).collect()
    }
}

impl History {
    /// The rows as the history holds them.
    pub fn rows(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        RecordBatch::try_new(arrow_schema(&self.table), batch.columns().to_vec())
            .map_err(|error| Error::defect(format!("rows of `{}` do not fit it: {error}", self.table.id)))
    }
}

fn history(table: Table) -> Table {
    Table {
        id: format!("{}_history", table.id),
        title: format!("{}: versões", table.title),
        primary_key: Vec::new(),
        replication: Replication::default(),
        // It is asked for by nobody.
        access: Access::Explode(Explode {
            table: table.id.clone(),
            path: ColumnPath(Vec::new()),
        }),
        children: Vec::new(),
        ..table
    }
}
