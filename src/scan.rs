//! Rows of a data file read back from a lake, in bounded memory.
//!
//! `parquet` reads files that lie in memory or on disk; a lake may be a bucket. So the bytes of a row group's columns are fetched before they are decoded,
//! and nothing else of the file is: its footer, then the columns that were asked for, one row group at a time. Which rows are wanted, and what they mean,
//! is for the caller.

mod refused;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::SchemaRef;
use bytes::{Buf, Bytes};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, FooterTail, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};
use tokio::runtime::Handle;

use crate::error::{Error, Result};
use crate::store::Lake;

/// Rows of a batch, at most.
const BATCH_ROWS: usize = 8_192;

/// The end of a file that is fetched first: the footer of a file of a few dozen row groups fits.
const TAIL_BYTES: u64 = 64 * 1024;

/// Length of the footer's length and the magic number, which end every Parquet file.
const END_BYTES: u64 = 8;

/// Bytes between two columns up to which they are fetched as one: a request costs more than they do.
const GAP_BYTES: u64 = 64 * 1024;

/// A data file whose footer was read. Its methods wait for the lake: call them on a blocking thread (`tokio::task::spawn_blocking`), never on one that
/// drives the runtime.
pub struct DataFileReader {
    lake: Lake,
    path: String,
    bytes: u64,
    handle: Handle,
    footer: ArrowReaderMetadata,
}

impl DataFileReader {
    /// Reads the footer of the file at this path, relative to the lake, which has this size in bytes: one request, or two where the footer is long. Bytes
    /// that were added behind it are not noticed: they belong to no row.
    ///
    /// # Errors
    /// `Store` when it cannot be read, is shorter, or is not a whole Parquet file.
    pub fn open(lake: &Lake, path: &str, bytes: u64, handle: Handle) -> Result<Self> {
        let torn = |what: String| torn(&lake.url(path), what);
        let fetch = |range: Range<u64>| fetch(lake, path, &handle, range);
        if bytes < END_BYTES + 4 {
            return Err(torn(format!("{bytes} bytes are too few for a Parquet file")));
        }
        let mut tail = fetch(bytes.saturating_sub(TAIL_BYTES)..bytes)?;
        let length = match tail.last_chunk::<8>().map(FooterTail::try_new) {
            Some(Ok(end)) if !end.is_encrypted_footer() => end.metadata_length() as u64,
            _ => return Err(torn(format!("it does not end as a Parquet file does at byte {bytes}"))),
        };
        let from = (bytes - END_BYTES)
            .checked_sub(length)
            .ok_or_else(|| torn(format!("its footer claims {length} of its {bytes} bytes")))?;
        if length + END_BYTES > tail.len() as u64 {
            tail = fetch(from..bytes)?;
        }
        let end = tail.len() - END_BYTES as usize;
        let footer = tail.slice(end - length as usize..end);
        let metadata = ParquetMetaDataReader::decode_metadata(&footer).map_err(|error| torn(format!("its footer: {error}")))?;
        check_chunks(&metadata, from).map_err(|what| torn(format!("its footer: {what}")))?;
        let footer = ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())
            .map_err(|error| torn(format!("its footer: {error}")))?;
        Ok(Self {
            lake: lake.clone(),
            path: path.to_owned(),
            bytes,
            handle,
            footer,
        })
    }

    /// The footer.
    pub fn metadata(&self) -> &ParquetMetaData {
        self.footer.metadata()
    }

    /// The columns of the file, which may be fewer than its table has by now.
    pub fn schema(&self) -> &SchemaRef {
        self.footer.schema()
    }

    /// How many row groups it has, from 0.
    pub fn row_groups(&self) -> usize {
        self.metadata().num_row_groups()
    }

    /// The rows of a row group, in batches of 8,192 at most: these columns, in the order of the file, without those that it lacks; all for `None`. The
    /// compressed bytes of these columns are held until the iterator is dropped, and nothing is fetched any more.
    ///
    /// # Errors
    /// `Store` when the lake cannot be read, or the bytes are not what the footer says; `Defect` when there is no such row group.
    pub fn read(&self, row_group: usize, columns: Option<&[&str]>, selection: Option<RowSelection>) -> Result<Rows> {
        let parquet = self.footer.parquet_schema();
        let mask = match columns {
            None => ProjectionMask::all(),
            Some(columns) => ProjectionMask::columns(parquet, columns.iter().copied()),
        };
        let group = self.metadata().row_groups().get(row_group).ok_or_else(|| {
            Error::defect(format!(
                "row group {row_group} of `{}`, which has {}",
                self.lake.url(&self.path),
                self.row_groups()
            ))
        })?;
        let mut wanted: Vec<Range<u64>> = group
            .columns()
            .iter()
            .enumerate()
            .filter(|(leaf, _)| mask.leaf_included(*leaf))
            .map(|(_, chunk)| {
                let (start, length) = chunk.byte_range();
                start..start + length
            })
            .collect();
        coalesce(&mut wanted);
        let mut fetched = Fetched {
            bytes: self.bytes,
            parts: Vec::with_capacity(wanted.len()),
        };
        for range in wanted {
            fetched.parts.push((range.start, self.fetch(range)?));
        }
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(fetched, self.footer.clone())
            .with_batch_size(BATCH_ROWS)
            .with_row_groups(vec![row_group])
            .with_projection(mask);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        let url = self.lake.url(&self.path);
        match builder.build() {
            Ok(reader) => Ok(Rows { reader: Some(reader), url }),
            Err(error) => Err(torn(&url, error)),
        }
    }

    /// The rows of the whole file, as [`DataFileReader::read`] gives those of a row group. Groups are fetched in turn, and one at a time is held. Stop at an
    /// error: what follows it are the rows of the next group.
    pub fn batches(&self, columns: Option<&[&str]>) -> impl Iterator<Item = Result<RecordBatch>> {
        (0..self.row_groups()).flat_map(move |group| {
            let (rows, error) = match self.read(group, columns, None) {
                Ok(rows) => (Some(rows), None),
                Err(error) => (None, Some(Err(error))),
            };
            rows.into_iter().flatten().chain(error)
        })
    }

    /// The bloom filter of a column in a row group, if it has one: a key that it does not let through is not there.
    ///
    /// # Errors
    /// `Store` when the lake cannot be read, or the filter is not what the footer says.
    pub fn bloom(&self, row_group: usize, column: &str) -> Result<Option<Sbbf>> {
        let chunk = self.metadata().row_groups().get(row_group).and_then(|group| {
            let mut chunks = group.columns().iter();
            chunks.find(|chunk| chunk.column_path().parts() == [column])
        });
        let place = chunk.and_then(|chunk| Some((chunk.bloom_filter_offset()?, chunk.bloom_filter_length()?)));
        let Some((Ok(start), Ok(length))) = place.map(|(start, length)| (u64::try_from(start), u64::try_from(length))) else {
            return Ok(None);
        };
        let torn = |what: String| torn(&self.lake.url(&self.path), what);
        let end = start.checked_add(length).filter(|end| length > 0 && *end <= self.bytes);
        let end = end.ok_or_else(|| torn(format!("the bloom filter of `{column}` would lie beyond its end")))?;
        match Sbbf::from_bytes(&self.fetch(start..end)?) {
            // A filter without blocks would be asked for its first one.
            Ok(filter) if filter.num_blocks() > 0 => Ok(Some(filter)),
            Ok(_) => Err(torn(format!("the bloom filter of `{column}` is empty"))),
            Err(error) => Err(torn(format!("the bloom filter of `{column}`: {error}"))),
        }
    }

    fn fetch(&self, range: Range<u64>) -> Result<Bytes> {
        fetch(&self.lake, &self.path, &self.handle, range)
    }
}

/// The rows of a row group, in batches. After an error there is nothing more.
pub struct Rows {
    /// Until the first error.
    reader: Option<ParquetRecordBatchReader>,
    url: String,
}

impl Iterator for Rows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader.take()?;
        // Bytes that contradict each other make `parquet` panic here and there; a lake is outside data. The reader is dropped then, so that nothing half
        // changed is seen again.
        let decoded = std::panic::catch_unwind(AssertUnwindSafe(|| (reader.next(), reader)));
        match decoded {
            Ok((Some(Ok(batch)), reader)) => {
                self.reader = Some(reader);
                Some(Ok(batch))
            }
            Ok((Some(Err(error)), _)) => Some(Err(torn(&self.url, error))),
            Ok((None, _)) => None,
            Err(_) => Some(Err(torn(&self.url, "its pages contradict each other"))),
        }
    }
}

/// A batch of a file as one of the table: its columns by name and in the table's order, null where the file is older than the column.
///
/// # Errors
/// `Store` when a column has another type than the table's, or one is lacking that cannot be null. The message does not say in which file.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        columns.push(match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Arc::clone(column),
            Some(column) => {
                return Err(Error::store(format!(
                    "column `{}` is {}, expected {}",
                    field.name(),
                    column.data_type(),
                    field.data_type()
                )));
            }
            None if field.is_nullable() => new_null_array(field.data_type(), rows),
            None => {
                return Err(Error::store(format!(
                    "column `{}`, which cannot be null, is not there",
                    field.name()
                )));
            }
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| Error::store(format!("the rows are not those of the table: {error}")))
}

/// The parts of a file that were fetched, as a file to `parquet`.
struct Fetched {
    /// Size of the file.
    bytes: u64,
    /// By their first byte, ascending.
    parts: Vec<(u64, Bytes)>,
}

impl Fetched {
    /// From this byte to the end of what was fetched with it.
    fn from(&self, start: u64) -> Result<Bytes, ParquetError> {
        let after = self.parts.partition_point(|(first, _)| *first <= start);
        let part = after.checked_sub(1).map(|at| &self.parts[at]);
        part.filter(|(first, bytes)| start - first <= bytes.len() as u64)
            .map(|(first, bytes)| bytes.slice((start - first) as usize..))
            .ok_or_else(|| ParquetError::EOF(format!("byte {start} is in none of the columns that are read")))
    }
}

impl Length for Fetched {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Fetched {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.from(start)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!(
                "{length} bytes from byte {start} go beyond their column"
            )));
        }
        Ok(bytes.slice(..length))
    }
}

/// Exactly these bytes of a file.
fn fetch(lake: &Lake, path: &str, handle: &Handle, range: Range<u64>) -> Result<Bytes> {
    let expected = range.end - range.start;
    let bytes = match handle.block_on(lake.get_range(path, range.clone())) {
        Ok(bytes) => bytes,
        // What a manifest lists and nobody of ours deleted.
        Err(error) if matches!(handle.block_on(lake.size(path)), Ok(None)) => return Err(error.hint(WRITE_ANEW)),
        Err(error) => return Err(error),
    };
    if bytes.len() as u64 == expected {
        return Ok(bytes);
    }
    let found = range.start + bytes.len() as u64;
    Err(torn(
        &lake.url(path),
        format!("it ends at byte {found}, expected {} at least", range.end),
    ))
}

/// Ranges in order, those that nearly touch as one.
fn coalesce(ranges: &mut Vec<Range<u64>>) {
    ranges.sort_by_key(|range| range.start);
    ranges.dedup_by(|next, kept| {
        let near = next.start <= kept.end + GAP_BYTES;
        if near {
            kept.end = kept.end.max(next.end);
        }
        near
    });
}

/// Whether every column lies before the footer: `parquet` takes that for granted.
fn check_chunks(metadata: &ParquetMetaData, footer: u64) -> Result<(), String> {
    let mut rows: i64 = 0;
    for (at, group) in metadata.row_groups().iter().enumerate() {
        rows = rows
            .checked_add(group.num_rows())
            .filter(|_| group.num_rows() >= 0)
            .ok_or_else(|| format!("row group {at} has {} rows", group.num_rows()))?;
        if let Some(chunk) = group.columns().iter().find(|chunk| !lies_before(chunk, footer)) {
            return Err(format!(
                "column `{}` of row group {at} would lie beyond its end",
                chunk.column_path()
            ));
        }
    }
    let told = metadata.file_metadata().num_rows();
    if rows != told {
        return Err(format!("its row groups have {rows} rows, expected {told}"));
    }
    Ok(())
}

fn lies_before(chunk: &ColumnChunkMetaData, footer: u64) -> bool {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let end = start.checked_add(chunk.compressed_size());
    let ordered = start >= 0 && chunk.compressed_size() >= 0 && chunk.data_page_offset() >= start;
    ordered && end.is_some_and(|end| end as u64 <= footer && chunk.data_page_offset() <= end)
}

const WRITE_ANEW: &str = "`afluente export --full-refresh` of its table writes its rows anew; or restore it from a copy of the lake";

fn torn(url: &str, what: impl std::fmt::Display) -> Error {
    Error::store(format!("data file `{url}` is torn or corrupt: {what}")).hint(WRITE_ANEW)
}
