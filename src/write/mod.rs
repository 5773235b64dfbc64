//! Record batches to Parquet data files.
//!
//! A [`TableWriter`] takes the batches of one table and sends data files to the lake while it takes them. What [`TableWriter::finish`] gives back is
//! staged: sent, but invisible, until [`publish_all`] makes it visible just before the manifest is committed. So a reader that globs the folder sees no
//! half-written refresh.
//!
//! ```text
//! batch ─ partition ─ waiting ─ file (Parquet) ─ upload (parts) ┄ staged ┄ publish
//! ```

mod bounds;
mod budget;
mod calendar;
mod file;
mod footer;
mod layout;
mod order;
mod partition;
pub mod rejected;
mod staged;
#[cfg(test)]
mod tests;
mod thrift;
mod upload;
mod waiting;

use std::sync::Arc;

use arrow_array::RecordBatch;
use tokio::runtime::Handle;

pub(crate) use bounds::BoundsTracker;
pub use budget::MemoryBudget;
pub(crate) use partition::Splitter;
pub use staged::{StagedFile, publish_all};

use crate::error::{Error, Result};
use crate::schema::Table;
use crate::store::{Lake, PartitionValue, table_folder};
use budget::{Count, Share};
use file::{OpenFile, Plan};
use layout::Layout;
use order::Ascending;
use partition::Folder;
use upload::Uploader;
use waiting::Waiting;

/// Rows that are encoded at a time: a file's size and the memory are looked at in between.
const CHUNK_ROWS: usize = 8_192;

/// Staged files of one table beyond which the earliest is published before its time. On local disk each is an open file, and file descriptors are
/// finite; of two evils, files that are visible a little early are the lesser.
const MAX_STAGED_FILES: usize = 256;

/// How files are written.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// A file is ended when it reaches this size.
    pub target_file_bytes: u64,
    /// A row group has at most so many rows.
    pub row_group_rows: usize,
    /// A row group is ended when its rows weigh this much, before they are encoded.
    pub row_group_bytes: usize,
    /// Partitions of one table whose files are open at a time; the one unused for longest is ended for another.
    pub max_open_files: usize,
    /// From 1, fast, to 22, small.
    pub zstd_level: i32,
    /// Goes into every file's metadata.
    pub run_id: String,
}

impl WriteOptions {
    /// 128 MiB a file, 122,880 rows or 64 MiB a row group, 32 open files, zstd level 1. So many rows are what DuckDB reads as one unit of work; twice as many
    /// would make the peak memory of a long table a fifth higher than that of a short one, because a row group is held until it is whole.
    pub fn new(run_id: impl Into<String>) -> Self {
        Self {
            target_file_bytes: 128 * 1024 * 1024,
            row_group_rows: 122_880,
            row_group_bytes: 64 * 1024 * 1024,
            max_open_files: 32,
            zstd_level: 1,
            run_id: run_id.into(),
        }
    }

    fn check(&self) -> Result<()> {
        if self.target_file_bytes == 0 || self.row_group_rows == 0 || self.row_group_bytes == 0 || self.max_open_files == 0 {
            return Err(Error::config(
                "sizes of files and row groups and the number of open files: expected numbers above zero",
            ));
        }
        Ok(())
    }
}

/// Writes the data files of one table at one version. Rows keep their order within each file, and the files of a partition are numbered in the order
/// of their rows.
///
/// Its methods wait for uploads: call them on a blocking thread (`tokio::task::spawn_blocking`), never on one that drives the runtime. After an error
/// nothing can be saved of it: drop it, or call [`TableWriter::abort`], and every file it staged is removed.
pub struct TableWriter {
    plan: Plan,
    options: Arc<WriteOptions>,
    waiting: Waiting,
    open: Vec<OpenFile>,
    staged: Vec<StagedFile>,
    /// How many of `staged`, from the first, were published before their time.
    published_early: usize,
    /// Whether new files claim the key's order: unknown before the first batch, never again once it was broken.
    ordered: Option<bool>,
    next_file: u32,
    clock: u64,
    rows: u64,
    /// Of each partition; of the whole table where it has none.
    partition_rows: Vec<(Option<PartitionValue>, u64)>,
    _count: Count,
}

impl TableWriter {
    /// A writer of the files of `table` that manifest `version` is to list.
    ///
    /// # Errors
    /// `Config` when an option makes no sense. Nothing is sent yet.
    pub fn new(
        lake: &Lake,
        connection: &str,
        table: &Table,
        version: u64,
        options: Arc<WriteOptions>,
        budget: Arc<MemoryBudget>,
        handle: Handle,
    ) -> Result<Self> {
        options.check()?;
        Ok(Self {
            plan: Plan {
                table_folder: table_folder(connection, &table.id),
                version,
                layout: Layout::new(connection, table, version, &options)?,
                uploader: Uploader::new(lake, handle, Arc::clone(&budget)),
            },
            options,
            waiting: Waiting::new(Share::of(&budget, 0)),
            open: Vec::new(),
            staged: Vec::new(),
            published_early: 0,
            ordered: None,
            next_file: 0,
            clock: 0,
            rows: 0,
            partition_rows: Vec::new(),
            _count: budget.writer(),
        })
    }

    /// Writes a batch of [`arrow_schema`](crate::schema::arrow_schema)'s form. Waits while uploads are behind.
    ///
    /// # Errors
    /// `Store` when an upload failed, `Data` when a value cannot name its partition's folder, `Defect` when the batch has another form.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.schema_ref().fields() != self.plan.layout.schema.fields() {
            return Err(Error::defect(format!(
                "a batch for `{}` has other columns than the table",
                self.plan.table_folder
            )));
        }
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.ordered.is_none() {
            self.ordered = Some(
                self.plan
                    .layout
                    .ordered_by
                    .is_some_and(|column| Ascending::is_likely(column, batch)),
            );
        }
        self.rows += batch.num_rows() as u64;
        match &self.plan.layout.splitter {
            None => {
                count(&mut self.partition_rows, None, batch.num_rows());
                self.append(None, batch)?;
            }
            Some(splitter) => {
                for (folder, rows) in splitter.split(batch)? {
                    count(&mut self.partition_rows, Some(&folder.partition), rows.num_rows());
                    if let Some((folder, rows)) = self.waiting.push(folder, rows)? {
                        self.append(Some(&folder), &rows)?;
                    }
                }
            }
        }
        self.relieve()
    }

    /// Lets the files say nothing of the order of their rows: for rows of which it is known that they break it. To be called before the first.
    pub fn claim_no_order(&mut self) {
        self.ordered = Some(false);
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The same by partition.
    pub fn partition_rows(&self) -> &[(Option<PartitionValue>, u64)] {
        &self.partition_rows
    }

    /// If nothing was written, makes one file without rows, so that readers find the table's columns. It lies in no partition's folder.
    ///
    /// # Errors
    /// `Defect` when the columns cannot be Parquet.
    pub fn ensure_file(&mut self) -> Result<()> {
        if self.rows == 0 && self.open.is_empty() {
            self.open_file(None, &RecordBatch::new_empty(self.plan.layout.schema.clone()))?;
        }
        Ok(())
    }

    /// Ends all files. They are sent but invisible; none if nothing was written.
    ///
    /// # Errors
    /// `Store` when an upload failed.
    pub fn finish(mut self) -> Result<Vec<StagedFile>> {
        while let Some((folder, rows)) = self.waiting.take_largest()? {
            self.append(Some(&folder), &rows)?;
        }
        while !self.open.is_empty() {
            self.close(0)?;
        }
        let mut staged = std::mem::take(&mut self.staged);
        staged.sort_by_key(|file| file.n);
        Ok(staged)
    }

    /// Removes everything that was sent.
    pub fn abort(mut self) {
        let uploads: Vec<_> = self.open.drain(..).filter_map(OpenFile::abandon).collect();
        let staged = std::mem::take(&mut self.staged);
        self.plan.uploader.handle.block_on(async {
            for mut upload in uploads {
                upload.abort().await;
            }
            for file in staged {
                file.abort().await;
            }
        });
    }

    fn append(&mut self, folder: Option<&Folder>, batch: &RecordBatch) -> Result<()> {
        let mut from = 0;
        while from < batch.num_rows() {
            let rows = CHUNK_ROWS.min(batch.num_rows() - from);
            self.append_chunk(folder, &batch.slice(from, rows))?;
            self.relieve_encoders()?;
            from += rows;
        }
        Ok(())
    }

    fn append_chunk(&mut self, folder: Option<&Folder>, chunk: &RecordBatch) -> Result<()> {
        let mut at = match self.open.iter().position(|file| file.folder.as_ref() == folder) {
            Some(at) => at,
            None => self.open_file(folder, chunk)?,
        };
        if !self.open[at].admits(chunk) {
            // What the file claims is true of the rows it has. They go on in a file that claims nothing.
            self.ordered = Some(false);
            self.close(at)?;
            at = self.open_file(folder, chunk)?;
        }
        self.clock += 1;
        let file = &mut self.open[at];
        file.used = self.clock;
        file.write(chunk, self.options.row_group_bytes)?;
        if file.is_full(self.options.target_file_bytes) {
            self.close(at)?;
        }
        Ok(())
    }

    /// Opens a file; its place among the open ones.
    fn open_file(&mut self, folder: Option<&Folder>, first: &RecordBatch) -> Result<usize> {
        while self.open.len() >= self.options.max_open_files
            && let Some(at) = self.unused_for_longest()
        {
            self.close(at)?;
        }
        let ordered = match self.plan.layout.ordered_by {
            Some(column) => self.ordered == Some(true) && Ascending::new(column).follow(first),
            None => false,
        };
        let n = self.next_file;
        self.next_file += 1;
        self.open.push(OpenFile::create(&self.plan, folder, n, first, ordered)?);
        Ok(self.open.len() - 1)
    }

    fn unused_for_longest(&self) -> Option<usize> {
        let open = self.open.iter().enumerate();
        open.min_by_key(|(_, file)| file.used).map(|(at, _)| at)
    }

    /// Ends an open file and stages it.
    fn close(&mut self, at: usize) -> Result<()> {
        let file = self.open.remove(at);
        self.staged.push(file.finish(&self.plan)?);
        while self.published_early < self.staged.len()
            && (self.staged.len() - self.published_early > MAX_STAGED_FILES || self.plan.uploader.budget.has_too_many_staged())
        {
            self.plan
                .uploader
                .handle
                .block_on(self.staged[self.published_early].publish_early())?;
            self.published_early += 1;
        }
        Ok(())
    }

    /// Gives memory back while the process uses too much and this writer more than its share: first its largest row group or the largest partition
    /// that waits, and when they are small, the file unused for longest.
    fn relieve(&mut self) -> Result<()> {
        while self.must_relieve() {
            let encoder = self.open.iter().map(OpenFile::encoder_bytes).max().unwrap_or(0);
            if self.waiting.largest_bytes() > encoder {
                if let Some((folder, rows)) = self.waiting.take_largest()? {
                    self.append(Some(&folder), &rows)?;
                }
            } else if !self.relieve_file()? {
                break;
            }
        }
        Ok(())
    }

    /// The same without the rows that wait, for which [`Self::append`] is the way out.
    fn relieve_encoders(&mut self) -> Result<()> {
        while self.must_relieve() && self.relieve_file()? {}
        Ok(())
    }

    fn must_relieve(&self) -> bool {
        let held = self.waiting.bytes() + self.open.iter().map(OpenFile::held_bytes).sum::<usize>();
        self.plan.uploader.budget.is_exceeded() && held > self.plan.uploader.budget.fair_share()
    }

    /// Ends the largest row group, or else the file unused for longest; false if there is nothing to give.
    fn relieve_file(&mut self) -> Result<bool> {
        let largest = self
            .open
            .iter()
            .map(OpenFile::encoder_bytes)
            .enumerate()
            .max_by_key(|(_, bytes)| *bytes);
        if let Some((at, _)) = largest.filter(|(_, bytes)| *bytes > file::OPEN_FILE_BYTES) {
            self.open[at].flush()?;
            return Ok(true);
        }
        // The row groups are small: it is the open files that are too many.
        if let Some(at) = self.unused_for_longest() {
            self.close(at)?;
            return Ok(true);
        }
        Ok(false)
    }
}

fn count(partitions: &mut Vec<(Option<PartitionValue>, u64)>, partition: Option<&PartitionValue>, rows: usize) {
    match partitions.iter_mut().find(|(known, _)| known.as_ref() == partition) {
        Some((_, sum)) => *sum += rows as u64,
        None => partitions.push((partition.cloned(), rows as u64)),
    }
}
