//! One data file: its hash, its columns, its rows.

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use crate::commit::{Entry, Manifest};
use crate::error::Error;
use crate::scan::{DataFileReader, conform};
use crate::schema::{Table, arrow_schema};
use crate::store::{Lake, data_file_version, hex};
use crate::write::{BoundsTracker, Splitter};

/// Bytes that are hashed at a time.
const PIECE_BYTES: u64 = 8 * 1024 * 1024;

/// What is wrong with the file, if something is; else whether older readers refuse it.
pub(super) fn verify(lake: &Lake, handle: &Handle, manifest: &Manifest, table: &Table, entry: &Entry) -> Result<bool, String> {
    let path = manifest.path_of(entry);
    let told = |error: Error| error.message().to_owned();
    let found = sha256(lake, handle, &path, entry.meta.content_length).map_err(told)?;
    if found != entry.meta.sha256 {
        // What it holds need not be looked at: these are not the bytes that were written.
        return Err(format!("has the sha256 {found}, expected {}", entry.meta.sha256));
    }
    let reader = DataFileReader::open(lake, &path, entry.meta.content_length, handle.clone()).map_err(told)?;
    let schema = arrow_schema(table);
    check_columns(reader.schema(), &schema, data_file_version(&entry.path) == Some(manifest.version))?;

    let mut rows = Rows::new(table, &schema, entry);
    for batch in reader.batches(None) {
        rows.take(&conform(&batch.map_err(told)?, &schema).map_err(told)?)?;
    }
    rows.end(&schema)?;
    reader.is_refused().map_err(told)
}

fn sha256(lake: &Lake, handle: &Handle, path: &str, bytes: u64) -> Result<String, Error> {
    let mut hash = Sha256::new();
    let mut from = 0;
    while from < bytes {
        let to = bytes.min(from + PIECE_BYTES);
        hash.update(handle.block_on(lake.get_range(path, from..to))?);
        from = to;
    }
    Ok(hex(&hash.finalize()))
}

/// The columns of a file are those of the table, in its order and of its types; a file of an earlier version may lack some, or have some that are gone.
fn check_columns(found: &Schema, expected: &Schema, of_this_version: bool) -> Result<(), String> {
    let mut last = None;
    for field in found.fields() {
        let Ok(place) = expected.index_of(field.name()) else {
            if of_this_version {
                return Err(format!("has a column `{}`, which its table does not have", field.name()));
            }
            continue;
        };
        let kind = expected.field(place).data_type();
        if field.data_type() != kind {
            return Err(format!(
                "has a column `{}` of type {}, expected {kind}",
                field.name(),
                field.data_type()
            ));
        }
        if last.is_some_and(|last| last >= place) {
            return Err(format!("has its column `{}` in another place than its table", field.name()));
        }
        last = Some(place);
    }
    let lacks = |field: &&std::sync::Arc<arrow_schema::Field>| found.index_of(field.name()).is_err();
    match expected.fields().iter().find(lacks) {
        Some(field) if of_this_version => Err(format!("lacks the column `{}`", field.name())),
        _ => Ok(()),
    }
}

/// What is followed of a file's rows.
struct Rows<'a> {
    entry: &'a Entry,
    count: u64,
    bounds: BoundsTracker,
    splitter: Option<Splitter>,
}

impl<'a> Rows<'a> {
    fn new(table: &Table, schema: &SchemaRef, entry: &'a Entry) -> Self {
        let meta = &entry.meta;
        let bounded: Vec<usize> = meta
            .min
            .keys()
            .chain(meta.max.keys())
            .filter_map(|name| schema.index_of(name).ok())
            .collect();
        let splitter = table.partition.as_ref().and_then(|partition| {
            let column = schema.index_of(&partition.column).ok()?;
            Some(Splitter::new(partition, column))
        });
        Self {
            entry,
            count: 0,
            bounds: BoundsTracker::new(schema, &bounded),
            splitter,
        }
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<(), String> {
        self.count += batch.num_rows() as u64;
        self.bounds.follow(batch);
        let Some(splitter) = &self.splitter else { return Ok(()) };
        let told = self.entry.meta.partition.as_ref().and_then(|partition| partition.iter().next());
        let folder = self.entry.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (found, rows) in splitter.split(batch).map_err(|error| error.message().to_owned())? {
            if found.dir != folder {
                return Err(format!("has {} rows that belong into the folder `{}`", rows.num_rows(), found.dir));
            }
            if told != Some((&found.partition.name, &found.partition.value)) {
                return Err(format!("lies in `{folder}`, but its manifest tells of another partition"));
            }
        }
        Ok(())
    }

    fn end(self, schema: &Schema) -> Result<(), String> {
        let meta = &self.entry.meta;
        if self.count != meta.record_count {
            return Err(format!("has {} rows, expected {}", self.count, meta.record_count));
        }
        let found = self.bounds.bounds(schema);
        same_bound("least", &found.min, &meta.min)?;
        same_bound("greatest", &found.max, &meta.max)
    }
}

fn same_bound(which: &str, found: &Map<String, Value>, expected: &Map<String, Value>) -> Result<(), String> {
    for (column, expected) in expected {
        let found = found.get(column).unwrap_or(&Value::Null);
        if found != expected {
            return Err(format!("has {found} as the {which} `{column}`, expected {expected}"));
        }
    }
    Ok(())
}
