//! What was rejected of a key: cells and records in `_rejected/`, told by the key that stands beside them. A record that was rejected because it has no key
//! is nobody's, and stays.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::MEMORY;
use super::key::Wanted;
use crate::error::{Error, Result};
use crate::scan::DataFileReader;
use crate::schema::EXPORTED_AT;
use crate::store::{Lake, Object, rejected_folder};
use crate::write::MemoryBudget;
use crate::write::rejected::{self, Rejected, RejectedWriter};

/// Of which table, and how the key stands in its rejects: `parts` values joined by commas, those that are wanted at these places.
#[derive(Debug, Clone)]
pub(super) struct Of {
    pub table: String,
    pub parts: usize,
    pub places: Vec<usize>,
    pub wanted: Wanted,
    /// As it was typed.
    pub key: String,
}

/// A file, and how many of its rows are of the key.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub of: Of,
    pub object: Object,
    pub rows: u64,
}

impl Of {
    fn is(&self, key: Option<&str>) -> bool {
        let Some(key) = key else { return false };
        if self.parts == 1 {
            return self.wanted.are(&[key]);
        }
        let parts: Vec<&str> = key.split(',').collect();
        if parts.len() != self.parts {
            return key == self.key;
        }
        let texts: Vec<&str> = self.places.iter().filter_map(|place| parts.get(*place).copied()).collect();
        self.wanted.are(&texts)
    }
}

/// The files of these tables.
pub(super) async fn find(lake: &Lake, connection: &str, tables: &[Of]) -> Result<Vec<File>> {
    let (listing, mut files) = (lake.list(&rejected_folder(connection)).await?, Vec::new());
    for of in tables {
        let own = |object: &&Object| rejected::named(&object.path).is_some_and(|(table, _)| table == of.table);
        for object in listing.iter().filter(own).cloned() {
            let (lake, handle, of, listed) = (lake.clone(), Handle::current(), of.clone(), object.clone());
            let (of, rows) = spawn_blocking(move || {
                let mut rows = 0;
                each(&lake, &listed, &handle, |batch| {
                    let keys = texts(batch, "key")?;
                    rows += (0..batch.num_rows()).filter(|row| of.is(keys.get(*row))).count() as u64;
                    Ok(())
                })?;
                Ok::<_, Error>((of, rows))
            })
            .await??;
            files.push(File { of, object, rows });
        }
    }
    Ok(files)
}

/// Writes each file anew without the rows, in its place: an unfinished load knows it by its name. One of which nothing stays is deleted.
pub(super) async fn rewrite(lake: &Lake, connection: &str, files: &[File]) -> Result<()> {
    for file in files {
        let (lake_of, handle, file_of, connection) = (lake.clone(), Handle::current(), file.clone(), connection.to_owned());
        if !spawn_blocking(move || rewrite_one(&lake_of, &handle, &file_of, &connection)).await?? {
            lake.delete(std::slice::from_ref(&file.object.path)).await?;
        }
    }
    Ok(())
}

/// Whether anything stays.
fn rewrite_one(lake: &Lake, handle: &Handle, file: &File, connection: &str) -> Result<bool> {
    let (_, name) = rejected::named(&file.object.path).ok_or_else(|| Error::defect("rejects in a file of another name"))?;
    let mut writer: Option<RejectedWriter> = None;
    let written = each(lake, &file.object, handle, |batch| {
        let [keys, columns, raws, reasons, runs] = ["key", "column", "raw", "reason", "run_id"].map(|name| texts(batch, name));
        let (keys, columns, raws, reasons, runs) = (keys?, columns?, raws?, reasons?, runs?);
        let at = batch
            .column_by_name(EXPORTED_AT)
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
            .ok_or_else(|| not_ours(EXPORTED_AT))?;
        for row in (0..batch.num_rows()).filter(|row| !file.of.is(keys.get(*row))) {
            // A file is of one run.
            let writer = writer.get_or_insert_with(|| {
                let run = runs.get(row).unwrap_or_default();
                RejectedWriter::new(
                    lake,
                    connection,
                    &file.of.table,
                    run,
                    name,
                    MemoryBudget::new(MEMORY),
                    handle.clone(),
                )
            });
            writer.push(&Rejected {
                key: keys.get(row),
                column: columns.get(row),
                raw: raws.get(row),
                reason: reasons.get(row).unwrap_or_default(),
                exported_at_micros: at.value(row),
            })?;
        }
        Ok(())
    });
    match (written, writer) {
        (Ok(()), Some(writer)) => writer.finish().map(|_| true),
        (Ok(()), None) => Ok(false),
        (Err(error), writer) => {
            writer.into_iter().for_each(RejectedWriter::abort);
            Err(error)
        }
    }
}

fn each(lake: &Lake, object: &Object, handle: &Handle, mut told: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
    let reader = DataFileReader::open(lake, &object.path, object.bytes, handle.clone())?;
    reader.batches(None).try_for_each(|batch| told(&batch?))
}

/// A column of texts.
struct Texts<'b>(&'b arrow_array::StringArray);

impl<'b> Texts<'b> {
    fn get(&self, row: usize) -> Option<&'b str> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

fn texts<'b>(batch: &'b RecordBatch, name: &str) -> Result<Texts<'b>> {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    column.map(Texts).ok_or_else(|| not_ours(name))
}

fn not_ours(column: &str) -> Error {
    Error::store(format!("a file in `_rejected` has no column `{column}` of its type")).hint("is something else writing to the lake?")
}
