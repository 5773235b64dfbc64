//! A table as its manifest tells of it: for those who read and write its files without asking its vendor, and without its declaration.

use super::Manifest;
use crate::error::{Error, Result};
use crate::schema::{
    Access, Column, ColumnPath, ColumnType, EXPORTED_AT, Explode, Origin, Personal, Policy, Replication, Table, Treatment,
};

impl Manifest {
    /// The table whose files these are: its columns, key, partitions and cursor. Where its records come from is not known.
    ///
    /// # Errors
    /// `Store` when a column has a type that this program does not know.
    pub fn as_table(&self) -> Result<Table> {
        let mut columns = Vec::with_capacity(self.schema.columns.len());
        for column in self.schema.columns.iter().filter(|column| column.name != EXPORTED_AT) {
            // As which type the vendor's values were read is not told: nothing reads them by this table.
            let read_as = ColumnType::from_name(&column.kind).ok_or_else(|| {
                Error::store(format!(
                    "manifest {} of `{}`: column `{}` has the unknown type `{}`",
                    self.version,
                    self.folder(),
                    column.name,
                    column.kind
                ))
                .hint("a newer afluente wrote it: use that version or a later one")
            })?;
            columns.push(Column {
                description: column.description.clone(),
                references: column.references.clone(),
                personal: column.personal.as_deref().and_then(Personal::from_name),
                treatment: column.policy.as_deref().and_then(Policy::from_name).map(|policy| Treatment {
                    policy,
                    read_as,
                    key: None,
                }),
                ..Column::of(&column.name, read_as, Origin::Member)
            });
        }
        // Bounds are kept of the key and of the cursor, and of nothing else.
        let bounded = self.entries.iter().flat_map(|entry| entry.meta.min.keys());
        let cursor = bounded.into_iter().find(|name| !self.primary_key.contains(name)).cloned();
        let access = Access::Explode(Explode {
            table: String::new(),
            path: ColumnPath(Vec::new()),
        });
        Ok(Table {
            primary_key: self.primary_key.clone(),
            nullable_key: self.nullable_key.clone(),
            partition: self.partition.clone(),
            replication: Replication {
                mode: self.mode,
                cursor,
                ..Replication::default()
            },
            dropped: self.schema.dropped.clone(),
            children: self.children.keys().cloned().collect(),
            fields: self.schema.fields.clone(),
            ..Table::of(&self.table, access, columns)
        })
    }
}
