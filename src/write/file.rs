//! One data file being written.

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use super::bounds::BoundsTracker;
use super::budget::Share;
use super::footer;
use super::layout::Layout;
use super::order::Ascending;
use super::partition::Folder;
use super::staged::StagedFile;
use super::upload::{Sink, Upload, Uploader};
use crate::error::{Error, Result};
use crate::store::{DataFile, data_file_name};

/// What the files of one writer share.
pub(super) struct Plan {
    /// Relative to the lake.
    pub table_folder: String,
    pub version: u64,
    pub layout: Layout,
    pub uploader: Uploader,
}

/// What an open file takes beside what its encoder tells of: the buffers and tables of some twenty columns, bytes. Measured.
pub(super) const OPEN_FILE_BYTES: usize = 1024 * 1024;

/// A data file that takes more rows. If it is dropped, what was sent of it is aborted.
pub(super) struct OpenFile {
    /// Its folder below the table's; none in tables without partitions.
    pub folder: Option<Folder>,
    /// When it was last written, on the clock of its writer.
    pub used: u64,
    n: u32,
    /// Relative to the table's folder.
    path: String,
    /// Relative to the lake.
    lake_path: String,
    writer: ArrowWriter<Sink>,
    rows: u64,
    /// Bytes of the rows in the row group under way, before they are encoded.
    group_bytes: usize,
    bounds: BoundsTracker,
    /// The order that the file claims; it must not take a row that breaks it.
    order: Option<Ascending>,
    share: Share,
}

impl OpenFile {
    /// The `n`th file of a writer, to begin with these rows.
    pub(super) fn create(plan: &Plan, folder: Option<&Folder>, n: u32, first: &RecordBatch, ordered: bool) -> Result<Self> {
        let Plan { layout, uploader, .. } = plan;
        let name = data_file_name(plan.version, n);
        let path = match folder {
            Some(folder) => format!("{}/{name}", folder.dir),
            None => name,
        };
        let lake_path = format!("{}/{path}", plan.table_folder);
        let sink = uploader.sink(lake_path.clone());
        let writer = ArrowWriter::try_new(sink, layout.schema.clone(), Some(layout.properties(first, ordered)?))
            .map_err(|error| cannot_encode(&lake_path, &error))?;
        Ok(Self {
            folder: folder.cloned(),
            used: 0,
            n,
            path,
            lake_path,
            writer,
            rows: 0,
            group_bytes: 0,
            bounds: BoundsTracker::new(&layout.schema, &layout.bounded),
            order: layout.ordered_by.filter(|_| ordered).map(Ascending::new),
            share: Share::of(&uploader.budget, 0),
        })
    }

    /// Whether the file may take these rows: they go on in the order that it claims, if it claims one.
    pub(super) fn admits(&mut self, batch: &RecordBatch) -> bool {
        self.order.as_mut().is_none_or(|order| order.follow(batch))
    }

    /// Encodes rows that the file admits, and ends the row group when its rows weigh this much. What they weigh before they are encoded is what a
    /// reader needs to hold them, and it bounds the encoder's memory alike in a table of a thousand rows and of a billion.
    pub(super) fn write(&mut self, batch: &RecordBatch, row_group_bytes: usize) -> Result<()> {
        let written = self.writer.write(batch);
        self.settle(written)?;
        let bytes: usize = batch
            .columns()
            .iter()
            .map(|column| column.to_data().get_slice_memory_size().unwrap_or(0))
            .sum();
        self.group_bytes += bytes;
        let begun = self.writer.in_progress_rows();
        if begun < batch.num_rows() {
            // The encoder ended a row group within the batch, by its number of rows.
            self.group_bytes = bytes * begun / batch.num_rows().max(1);
        }
        if self.group_bytes >= row_group_bytes {
            self.flush()?;
        }
        self.bounds.follow(batch);
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Ends the row group under way.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.group_bytes = 0;
        let flushed = self.writer.flush();
        self.settle(flushed)
    }

    /// Whether the file has reached its size: what is written and what the row group under way will come to.
    pub(super) fn is_full(&self, target_bytes: u64) -> bool {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64 >= target_bytes
    }

    /// Memory that ending the row group would free, in bytes.
    pub(super) fn encoder_bytes(&self) -> usize {
        self.writer.memory_size()
    }

    /// All the memory it holds, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.share.bytes()
    }

    /// Writes the footer and stages the file.
    pub(super) fn finish(mut self, plan: &Plan) -> Result<StagedFile> {
        self.flush()?;
        let sent = footer::finish(&mut self.writer, &self.lake_path)?;
        let file = DataFile {
            path: std::mem::take(&mut self.path),
            bytes: sent.bytes,
            rows: self.rows,
            sha256: sent.sha256,
            partition: self.folder.take().map(|folder| folder.partition),
            bounds: self.bounds.bounds(&plan.layout.schema),
        };
        Ok(StagedFile::new(
            file,
            self.n,
            std::mem::take(&mut self.lake_path),
            &plan.uploader,
            sent.upload,
        ))
    }

    /// Gives the file up; what was sent of it is for the caller to abort.
    pub(super) fn abandon(mut self) -> Option<Upload> {
        self.writer.inner_mut().abandon()
    }

    /// Accounts the memory and turns an encoder's error into the one that the sink met.
    fn settle(&mut self, outcome: Result<(), ParquetError>) -> Result<()> {
        let held = self.writer.memory_size() + self.writer.inner().buffered() + OPEN_FILE_BYTES;
        self.share.set(held);
        outcome.map_err(|error| {
            let failure = self.writer.inner_mut().take_failure();
            failure.unwrap_or_else(|| cannot_encode(&self.lake_path, &error))
        })
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        // The encoder's own buffer writes on when it is dropped: it must find no upload, or it would wait for one on a thread that must not wait.
        drop(self.writer.inner_mut().abandon());
    }
}

pub(super) fn cannot_encode(path: &str, error: &ParquetError) -> Error {
    Error::defect(format!("cannot encode `{path}`: {error}"))
}
