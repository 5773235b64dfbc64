//! The cells and records that could not be taken as they came, kept where they can be looked at.

use std::sync::Arc;

use arrow_array::builder::{StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tokio::runtime::Handle;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::budget::{MemoryBudget, Share};
use super::file::cannot_encode;
use super::footer;
use super::upload::{Sink, Uploader};
use crate::error::{Error, Result};
use crate::schema::EXPORTED_AT;
use crate::store::{Lake, rejected_folder};

/// Rows that are gathered before they are encoded.
const BATCH_ROWS: usize = 1_024;

/// Text that is gathered before it is encoded, in bytes: a rejected record can be long.
const BATCH_BYTES: usize = 1024 * 1024;

/// Encoded bytes at which a row group is ended.
const ROW_GROUP_BYTES: usize = 4 * 1024 * 1024;

/// A cell or record that was rejected.
#[derive(Debug, Clone, Copy)]
pub struct Rejected<'a> {
    /// The record's primary key as text, if it has one.
    pub key: Option<&'a str>,
    /// The cell's column; nothing for a whole record.
    pub column: Option<&'a str>,
    /// What the vendor sent.
    pub raw: Option<&'a str>,
    /// Why it was rejected.
    pub reason: &'a str,
    /// When it was read, in microseconds since 1970, UTC.
    pub exported_at_micros: i64,
}

/// The file of a run's rejected cells and records of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedFile {
    /// Relative to the lake.
    pub path: String,
    /// How many there are.
    pub rows: u64,
}

/// Writes `<connection>/_rejected/<table>-<run id>.parquet`, with the columns `table`, `key`, `column`, `raw`, `reason`, `run_id` and `_exported_at`.
///
/// There is no file unless there is something to write, and it is invisible until [`RejectedWriter::finish`]. Memory is bounded, whatever is rejected. Like
/// [`TableWriter`](super::TableWriter) it waits for uploads: use it on a blocking thread.
pub struct RejectedWriter {
    table: String,
    run_id: String,
    path: String,
    uploader: Uploader,
    schema: SchemaRef,
    key: StringBuilder,
    column: StringBuilder,
    raw: StringBuilder,
    reason: StringBuilder,
    exported_at: TimestampMicrosecondBuilder,
    gathered_bytes: usize,
    gathered_rows: usize,
    rows: u64,
    writer: Option<ArrowWriter<Sink>>,
    share: Share,
}

impl RejectedWriter {
    /// A writer for one table and run; nothing is sent yet. `file`, a UUID of version 7, names the file: a run may have several.
    pub fn new(lake: &Lake, connection: &str, table: &str, run_id: &str, file: &str, budget: Arc<MemoryBudget>, handle: Handle) -> Self {
        let text = |name: &str, nullable: bool| Field::new(name, DataType::Utf8, nullable);
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Self {
            table: table.to_owned(),
            run_id: run_id.to_owned(),
            path: path(connection, table, file),
            schema: Arc::new(Schema::new(vec![
                text("table", false),
                text("key", true),
                text("column", true),
                text("raw", true),
                text("reason", false),
                text("run_id", false),
                Field::new(EXPORTED_AT, instant, false),
            ])),
            key: StringBuilder::new(),
            column: StringBuilder::new(),
            raw: StringBuilder::new(),
            reason: StringBuilder::new(),
            exported_at: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            gathered_bytes: 0,
            gathered_rows: 0,
            rows: 0,
            writer: None,
            share: Share::of(&budget, 0),
            uploader: Uploader::new(lake, handle, budget),
        }
    }

    /// Adds one.
    ///
    /// # Errors
    /// `Store` when an upload failed.
    pub fn push(&mut self, rejected: &Rejected<'_>) -> Result<()> {
        self.key.append_option(rejected.key);
        self.column.append_option(rejected.column);
        self.raw.append_option(rejected.raw);
        self.reason.append_value(rejected.reason);
        self.exported_at.append_value(rejected.exported_at_micros);
        self.rows += 1;
        self.gathered_rows += 1;
        self.gathered_bytes += [rejected.key, rejected.column, rejected.raw, Some(rejected.reason)]
            .into_iter()
            .flatten()
            .map(str::len)
            .sum::<usize>();
        if self.gathered_rows >= BATCH_ROWS || self.gathered_bytes >= BATCH_BYTES {
            self.encode()?;
        }
        Ok(())
    }

    /// How many there are so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Makes the file visible; nothing if there was nothing to write.
    ///
    /// # Errors
    /// `Store` when it cannot be written; then nothing of it stays.
    pub fn finish(mut self) -> Result<Option<RejectedFile>> {
        if self.rows == 0 {
            return Ok(None);
        }
        if self.gathered_rows > 0 {
            self.encode()?;
        }
        let Some(mut writer) = self.writer.take() else {
            return Err(Error::defect("rejected rows without a writer"));
        };
        let mut sent = footer::finish(&mut writer, &self.path)?;
        self.uploader.handle.block_on(sent.upload.complete())?;
        Ok(Some(RejectedFile {
            path: self.path.clone(),
            rows: self.rows,
        }))
    }

    /// Removes what was sent.
    pub fn abort(mut self) {
        if let Some(mut upload) = self.writer.as_mut().and_then(|writer| writer.inner_mut().abandon()) {
            self.uploader.handle.block_on(upload.abort());
        }
    }

    fn encode(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.gathered_rows);
        self.gathered_bytes = 0;
        let same = |text: &str| -> ArrayRef { Arc::new(arrow_array::StringArray::from_iter_values(std::iter::repeat_n(text, rows))) };
        let columns: Vec<ArrayRef> = vec![
            same(&self.table),
            Arc::new(self.key.finish()),
            Arc::new(self.column.finish()),
            Arc::new(self.raw.finish()),
            Arc::new(self.reason.finish()),
            same(&self.run_id),
            Arc::new(self.exported_at.finish()),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| Error::defect(format!("cannot gather rejected rows: {error}")))?;
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.open()?,
        };
        let mut written = writer.write(&batch);
        if written.is_ok() && writer.memory_size() >= ROW_GROUP_BYTES {
            written = writer.flush();
        }
        self.share.set(writer.memory_size() + writer.inner().buffered());
        let outcome = written.map_err(|error| self.failure(&mut writer, &error));
        self.writer = Some(writer);
        outcome
    }

    fn open(&self) -> Result<ArrowWriter<Sink>> {
        let properties = WriterProperties::builder()
            .set_created_by(format!("afluente version {}", env!("CARGO_PKG_VERSION")))
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        ArrowWriter::try_new(self.uploader.sink(self.path.clone()), Arc::clone(&self.schema), Some(properties))
            .map_err(|error| cannot_encode(&self.path, &error))
    }

    fn failure(&self, writer: &mut ArrowWriter<Sink>, error: &parquet::errors::ParquetError) -> Error {
        let failure = writer.inner_mut().take_failure();
        failure.unwrap_or_else(|| cannot_encode(&self.path, error))
    }
}

impl Drop for RejectedWriter {
    fn drop(&mut self) {
        // As for a data file: the encoder's own buffer must not write on.
        if let Some(writer) = &mut self.writer {
            drop(writer.inner_mut().abandon());
        }
    }
}

/// Deletes the files of these tables that are older than those of the name `since`, after a full read that wrote those is committed: what they told of is superseded
/// with the rows.
/// Returns how many there were.
///
/// # Errors
/// `Store` when the lake cannot be listed or a file not deleted.
pub async fn supersede(lake: &Lake, connection: &str, tables: &[&str], since: &str) -> Result<usize> {
    let listing = lake.list(&rejected_folder(connection)).await?;
    let is_older = |path: &String| named(path).is_some_and(|(table, run)| tables.contains(&table) && run < since);
    let older: Vec<String> = listing.into_iter().map(|object| object.path).filter(is_older).collect();
    lake.delete(&older).await?;
    Ok(older.len())
}

/// Deletes the files of these tables but those of these names: what a load left of a part that it did not commit, which is read, and told, again.
///
/// # Errors
/// `Store` when the lake cannot be listed or a file not deleted.
pub async fn keep_only(lake: &Lake, connection: &str, tables: &[&str], names: &[String]) -> Result<()> {
    let listing = lake.list(&rejected_folder(connection)).await?;
    let is_other = |path: &String| {
        let is_named = path.rsplit('/').next().is_some_and(|name| names.iter().any(|other| other == name));
        named(path).is_some_and(|(table, _)| tables.contains(&table)) && !is_named
    };
    let others: Vec<String> = listing.into_iter().map(|object| object.path).filter(is_other).collect();
    lake.delete(&others).await
}

fn path(connection: &str, table: &str, file: &str) -> String {
    format!("{}/{table}-{file}.parquet", rejected_folder(connection))
}

/// The table and the UUID in the name of a file. Those of version 7, as run ids are, are ordered by time as texts.
pub fn named(path: &str) -> Option<(&str, &str)> {
    let (_, name) = path.rsplit_once("/_rejected/")?;
    let name = name.strip_suffix(".parquet")?;
    let (table, run) = name.split_at_checked(name.len().checked_sub(Hyphenated::LENGTH)?)?;
    Uuid::try_parse(run).ok()?;
    Some((table.strip_suffix('-')?, run))
}
