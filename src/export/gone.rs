//! Columns that a vendor has ceased to fill: a member renamed turns a column to nulls, and nothing fails.
//!
//! That no record has a member proves little in a read of ten records, and nothing where the lake never had a value either. So it is told only of a read of
//! everything, or of [`ENOUGH`] records at least, and only where most of the lake's rows have a value. That is looked up in the footers of the data files, and
//! only then: a healthy run reads none. What was found stays in the manifest until a record has the member again: the next run finds a lake of nulls.

use std::collections::{BTreeMap, BTreeSet};

use parquet::file::statistics::Statistics;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::step::{Kind as StepKind, Step};
use super::{Family, Run};
use crate::commit::{Entry, Manifest};
use crate::decode::Noticed;
use crate::error::{Kind, Result};
use crate::scan::DataFileReader;
use crate::schema::{ColumnPath, Origin, Table};
use crate::store::{Lake, table_folder};

/// Records of a read that does not bring everything, from which on what none of them has is taken to be gone.
const ENOUGH: u64 = 100;
/// Columns named in a warning.
const NAMED: usize = 6;

/// The columns of a table that a run has found to be without values, though they should have some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Silent {
    /// No record had the member: by column, the paths that lead to it.
    pub gone: BTreeMap<String, String>,
    /// Every value was bad.
    pub bad: BTreeSet<String>,
}

impl Silent {
    /// What another cycle of the run has found: of what is gone it knows more, for it goes on from what this one left.
    pub fn add(&mut self, later: Self) {
        self.gone = later.gone;
        self.bad.extend(later.bad);
    }

    /// The warnings, for the report of this table.
    pub fn warnings(&self, source: &str, table: &str) -> Vec<String> {
        let declared = format!("schemas/{source}/{table}.toml");
        let mut warnings = Vec::new();
        if !self.gone.is_empty() {
            let named = named(self.gone.iter().map(|(column, paths)| format!("`{column}` ({paths})")));
            warnings.push(format!(
                "no record has the member of {named}, though most rows of the lake had a value: if the vendor renamed it, set `path` in {declared} and run with --full-refresh"
            ));
        }
        if !self.bad.is_empty() {
            let named = named(self.bad.iter().map(|column| format!("`{column}`")));
            warnings.push(format!(
                "every value of {named} was unreadable and is null: `_rejected/` has them; mend `path`, `type` or `format` in {declared}"
            ));
        }
        warnings
    }
}

impl Family {
    /// What a cycle has shown of the columns of each table. To be asked before its commit, after which the files that are looked into are deleted.
    pub(super) async fn silent(
        &self,
        run: &Run,
        tables: &[Table],
        base: &[Option<Manifest>],
        step: &Step,
        noticed: &[Noticed],
    ) -> Result<Vec<Silent>> {
        let mut silent = vec![Silent::default(); tables.len()];
        for (((table, base), silent), at) in tables.iter().zip(base).zip(&mut silent).zip(0..) {
            // A read of keys alone shows nothing, and so does what is not read.
            let noticed = noticed.get(at).filter(|_| step.kind != StepKind::Reconcile);
            let mut gone: BTreeSet<String> = match base {
                // Whoever reads everything again has taken note of what is gone, and begins anew with what there is.
                Some(base) if !(run.options.full_refresh && step.reads_all()) => base.columns_gone.iter().cloned().collect(),
                _ => BTreeSet::new(),
            };
            if let Some(noticed) = noticed.filter(|noticed| noticed.rows > 0) {
                let is_absent = |column: &String| noticed.absent.contains(column);
                gone.retain(is_absent);
                if noticed.rows >= ENOUGH || step.reads_all() {
                    silent.bad = noticed.bad.iter().cloned().collect();
                    let unknown = noticed.absent.iter().filter(|column| !gone.contains(*column)).cloned();
                    let unknown: Vec<String> = unknown.collect();
                    if let Some(base) = base.as_ref().filter(|_| !unknown.is_empty()) {
                        gone.extend(self.mostly_filled(run, table, base, unknown).await?);
                    }
                }
            }
            silent.gone = gone.into_iter().map(|column| (column.clone(), paths(table, &column))).collect();
        }
        Ok(silent)
    }

    async fn mostly_filled(&self, run: &Run, table: &Table, base: &Manifest, columns: Vec<String>) -> Result<BTreeSet<String>> {
        let (lake, folder) = (run.lake.clone(), table_folder(&self.connection.name, &table.id));
        let (entries, handle) = (base.entries.clone(), Handle::current());
        let look = async { spawn_blocking(move || mostly_filled(&lake, &folder, entries, columns, &handle)).await? };
        match self.client.stop().race(look).await {
            Err(error) if error.kind() != Kind::Stopped => {
                // Whoever needs the rows of a file that cannot be read tells of it.
                tracing::debug!(table = table.id, error = error.message(), "values of columns are not known");
                Ok(BTreeSet::new())
            }
            filled => filled,
        }
    }
}

/// Those of the columns that more than half of the rows have a value in, by the statistics of the files. The largest files are looked at first, and no more of
/// them than it takes.
fn mostly_filled(lake: &Lake, folder: &str, mut entries: Vec<Entry>, columns: Vec<String>, handle: &Handle) -> Result<BTreeSet<String>> {
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.meta.record_count));
    let rows: u64 = entries.iter().map(|entry| entry.meta.record_count).sum();
    let mut left = rows;
    // With the rows that have a value.
    let mut open: Vec<(String, u64)> = columns.into_iter().map(|column| (column, 0)).collect();
    let mut filled = BTreeSet::new();
    for entry in entries {
        open.retain(|(column, values)| {
            let is_filled = values * 2 > rows;
            if is_filled {
                filled.insert(column.clone());
            }
            !is_filled && (values + left) * 2 > rows
        });
        if open.is_empty() {
            break;
        }
        let file = DataFileReader::open(lake, &format!("{folder}/{}", entry.path), entry.meta.content_length, handle.clone())?;
        left = left.saturating_sub(entry.meta.record_count);
        for group in file.metadata().row_groups() {
            for chunk in group.columns() {
                let name = chunk.column_path().parts();
                let Some((_, values)) = open.iter_mut().find(|(column, _)| name == [column.as_str()]) else {
                    continue;
                };
                // Without a count nothing is known, and nothing is claimed.
                let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
                *values += nulls.map_or(0, |nulls| (chunk.num_values().max(0) as u64).saturating_sub(nulls));
            }
        }
    }
    filled.extend(open.into_iter().filter(|(_, values)| values * 2 > rows).map(|(column, _)| column));
    Ok(filled)
}

/// The paths of a column, as they are declared.
pub(super) fn paths(table: &Table, column: &str) -> String {
    match table.column(column).map(|column| &column.origin) {
        Some(Origin::Path(paths)) => {
            let paths: Vec<String> = paths.iter().map(ColumnPath::to_string).collect();
            paths.join(" or ")
        }
        _ => column.to_owned(),
    }
}

/// The words, no more than a few of them.
pub(super) fn named(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    let more = words.len().saturating_sub(NAMED);
    words.truncate(NAMED);
    match more {
        0 => words.join(", "),
        more => format!("{} and {more} more", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

    use super::*;
    use crate::schema::{arrow_schema, demo};
    use crate::write::{MemoryBudget, TableWriter, WriteOptions, publish_all};

    const THINGS: &str = r#"
        title = "T"
        description = "."
        endpoint = "/Things"
        primary_key = ["id"]
        [columns]
        id   = { type = "int", path = "id", description = "." }
        name = { type = "text", path = "name", description = "." }
        note = { type = "text", path = "note", description = "." }
    "#;

    /// A file of so many rows, with so many names and notes.
    async fn file(lake: &Lake, rows: usize, names: usize, notes: usize) -> Entry {
        let (lake, handle) = (lake.clone(), Handle::current());
        let table = demo::source(&[("things", THINGS)]).tables["things"].clone();
        let texts = |some: usize| StringArray::from_iter((0..rows).map(|row| (row < some).then_some("x")));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(0..rows as i64)),
            Arc::new(texts(names)),
            Arc::new(texts(notes)),
            Arc::new(TimestampMicrosecondArray::from_value(0, rows).with_timezone("UTC")),
        ];
        let batch = RecordBatch::try_new(arrow_schema(&table), columns).unwrap();
        let of_lake = lake.clone();
        let work = spawn_blocking(move || {
            let (options, budget) = (Arc::new(WriteOptions::new("run")), MemoryBudget::new(64 << 20));
            let mut writer = TableWriter::new(&lake, "acme", &table, 1, options, budget, handle).unwrap();
            writer.write(&batch).unwrap();
            writer.finish().unwrap()
        });
        let mut files = publish_all(work.await.unwrap()).await.unwrap();
        Entry::new(&of_lake, "acme", "things", files.remove(0))
    }

    async fn filled(lake: &Lake, entries: &[&Entry]) -> Result<Vec<String>> {
        let (lake, handle) = (lake.clone(), Handle::current());
        let entries = entries.iter().map(|entry| (*entry).clone()).collect();
        let columns = ["name", "note", "unheard_of"].map(str::to_owned).to_vec();
        let look = spawn_blocking(move || mostly_filled(&lake, "acme/things", entries, columns, &handle));
        Ok(look.await.unwrap()?.into_iter().collect())
    }

    #[tokio::test]
    async fn more_than_half_of_the_rows_of_all_files_count() {
        let lake = Lake::memory();
        let (half, full) = (file(&lake, 10, 5, 10).await, file(&lake, 10, 10, 10).await);
        let (empty, one) = (file(&lake, 10, 0, 0).await, file(&lake, 1, 1, 0).await);
        for (entries, expected) in [
            (&[][..], &[][..]),
            (&[&half], &["note"]),
            (&[&half, &one], &["name", "note"]),
            (&[&one, &half], &["name", "note"]),
            (&[&full, &empty], &[]),
            (&[&full, &empty, &one], &["name"]),
            (&[&full, &half, &empty], &["note"]),
        ] {
            assert_eq!(filled(&lake, entries).await.unwrap(), expected, "{entries:?}");
        }
    }

    #[tokio::test]
    async fn no_file_is_looked_into_that_cannot_change_the_answer() {
        let lake = Lake::memory();
        let (full, empty) = (file(&lake, 10, 10, 10).await, file(&lake, 10, 0, 0).await);
        let small = file(&lake, 9, 0, 0).await;
        lake.delete(&[format!("acme/things/{}", small.path)]).await.unwrap();
        assert_eq!(filled(&lake, &[&small, &full]).await.unwrap(), ["name", "note"]);
        assert!(filled(&lake, &[&small, &empty]).await.unwrap().is_empty());
        assert!(filled(&lake, &[&small, &full, &empty]).await.is_err(), "here it could");
    }
}
