//! The blocking side of a cycle: takes what was decoded, sifts it, writes what is new, and rewrites the files that it touches.

use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::Run;
use super::history::History;
use super::step::Resume;
use super::told::Told;
use crate::commit::{self, Entry, Manifest};
use crate::decode::{Counts, Reject};
use crate::error::Result;
use crate::merge::{Loss, Merge};
use crate::schema::Table;
use crate::store::Lake;
use crate::write::rejected::{Rejected, RejectedWriter};
use crate::write::{StagedFile, TableWriter};

/// Rows after which a load commits what it has, if its time has not come before.
const CHECKPOINT_ROWS: u64 = 1_000_000;

/// Something of each table of a family, in their order.
type OfEach<T> = Vec<Vec<T>>;

/// What the decoder hands on: batches of each table, whole with what was exploded from their rows.
pub(super) struct Decoded {
    pub set: Vec<Vec<RecordBatch>>,
    pub rejects: Vec<Reject>,
    /// So far.
    pub counts: Vec<Counts>,
    /// Where a read goes on that has everything up to here.
    pub resume: Option<Resume>,
}

/// The writers of a family, in the order of its tables.
pub(super) struct Writers {
    tables: Vec<TableWriter>,
    rejected: Vec<RejectedWriter>,
    /// The name of their files in `_rejected/`, a UUID of version 7.
    pub file: String,
}

/// What a cycle, or a part of a load, does to the tables: nothing is visible yet.
#[derive(Default)]
pub(super) struct Staged {
    /// For each table.
    pub files: Vec<Vec<StagedFile>>,
    /// Files of the base that stay.
    pub kept: Vec<Vec<Entry>>,
    pub counts: Vec<Counts>,
    /// Names of the files in `_rejected/` that tell what was rejected of it.
    pub rejected: Vec<String>,
    /// Rows changed, new or vanished.
    pub changed: u64,
    pub greatest_cursor: Option<i64>,
}

/// When a load commits.
pub(super) struct Checkpoint {
    every: Duration,
    last: Instant,
    rows: u64,
}

impl Checkpoint {
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            last: Instant::now(),
            rows: 0,
        }
    }

    fn is_due(&mut self, rows: usize) -> bool {
        self.rows += rows as u64;
        let due = self.rows >= CHECKPOINT_ROWS || self.last.elapsed() >= self.every;
        if due {
            (self.rows, self.last) = (0, Instant::now());
        }
        due
    }
}

/// What takes the rows.
pub(super) struct Intake {
    pub tables: Vec<Table>,
    pub merge: Merge,
    pub writers: Writers,
    pub exported_at_micros: i64,
    /// A load adds to these files of each table.
    pub loaded: Option<Vec<Vec<Entry>>>,
    /// Histories, whose writers follow those of the tables, and the files that they add to.
    pub histories: Vec<History>,
    pub history_entries: Vec<Vec<Entry>>,
    pub rejects: Rejects,
}

/// What becomes of rejects.
#[derive(Default)]
pub(super) struct Rejects {
    pub telling: Telling,
    /// Files in `_rejected/` of an earlier name are not of this cycle.
    pub since: String,
    /// Those of this cycle so far, and those of the earlier ones of this run.
    pub told: Told,
    pub before: Told,
    /// Those of `_rejected/`, where they are not to be told twice, once there was one.
    pub by_lake: Option<Told>,
    /// How many of each table the earlier cycles had counted.
    pub repeated: Vec<Counts>,
}

/// Which rejects of a cycle are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Telling {
    /// All, with the rows that they belong to: a load, of which nothing else is told.
    #[default]
    Each,
    /// All, if `_rejected/` tells anything else: everything was read, and what it tells is superseded.
    Instead,
    /// Those that `_rejected/` does not tell yet.
    New,
    /// None: only keys were read, and the records have been told of.
    Nothing,
}

/// What a cycle has staged, and what becomes of what was told.
pub(super) struct Finished {
    /// Nothing where the tables stay as they are.
    pub staged: Option<Staged>,
    /// What `_rejected/` told before this run is superseded, although the tables are as they were.
    pub supersedes: bool,
    pub since: String,
    pub told: Told,
    pub repeated: Vec<Counts>,
}

impl Intake {
    /// Takes what the decoder sends until it has ended. `commit` takes the parts of a load that are committed on the way, and gives the writers of the next.
    pub fn take(
        &mut self,
        run: &Run,
        connection: &str,
        queue: &mut mpsc::Receiver<Decoded>,
        mut told: impl FnMut(usize, u64),
        mut checkpoint: Option<(Checkpoint, impl FnMut(Staged, Resume) -> Result<(Writers, Vec<Vec<Entry>>)>)>,
    ) -> Result<()> {
        while let Some(decoded) = queue.blocking_recv() {
            self.reject(run, connection, &decoded.rejects)?;
            let read: usize = decoded
                .set
                .first()
                .map_or(0, |batches| batches.iter().map(RecordBatch::num_rows).sum());
            for (at, batches) in decoded.set.iter().enumerate() {
                told(at, batches.iter().map(|batch| batch.num_rows() as u64).sum());
            }
            for (at, batches) in self.merge.sift(decoded.set)?.into_iter().enumerate() {
                for batch in batches {
                    self.writers.tables[at].write(&batch)?;
                    for (place, history) in self.histories.iter().enumerate().filter(|(_, history)| history.of == at) {
                        self.writers.tables[self.tables.len() + place].write(&history.rows(&batch)?)?;
                    }
                }
            }
            if let (Some((checkpoint, commit)), Some(mark)) = (&mut checkpoint, decoded.resume)
                && checkpoint.is_due(read)
            {
                let mut kept = self.loaded.take().unwrap_or_default();
                kept.append(&mut self.history_entries);
                let (files, kept) = self.writers.close(kept)?;
                let staged = Staged {
                    files,
                    kept,
                    counts: decoded.counts,
                    rejected: self.writers.finish_rejected()?,
                    ..self.staged()
                };
                let (writers, mut loaded) = commit(staged, mark)?;
                self.history_entries = loaded.split_off(self.tables.len());
                (self.writers, self.loaded) = (writers, Some(loaded));
            }
        }
        Ok(())
    }

    /// The read is over and complete: what it does to the tables, if anything. `guard` is asked before anything is taken from the lake, and again when all that would
    /// go is known: its error leaves the lake as it is.
    pub fn finish(mut self, run: &Run, connection: &str, counts: Vec<Counts>, guard: impl Fn(&[Loss]) -> Result<()>) -> Result<Finished> {
        let rejects = std::mem::take(&mut self.rejects);
        let mut finished = Finished {
            staged: None,
            supersedes: false,
            since: rejects.since,
            told: rejects.told,
            repeated: rejects.repeated,
        };
        if self.merge.is_unchanged() {
            finished.supersedes = rejects.telling == Telling::Instead && !finished.told.is_full() && {
                let by_lake = Told::by_lake(&run.lake, connection, &self.tables, &Handle::current())?;
                by_lake != finished.told
            };
            if finished.supersedes || rejects.telling != Telling::Instead {
                self.writers.finish_rejected()?;
            }
            self.writers.abort();
            return Ok(finished);
        }
        if let Err(error) = guard(self.merge.losses()) {
            // What was rejected may be why rows are missing.
            self.writers.finish_rejected()?;
            self.writers.abort();
            return Err(error);
        }
        let mut staged = self.staged();
        (staged.counts, staged.changed) = (counts, self.merge.changed());
        let Self {
            mut merge,
            mut writers,
            loaded,
            mut history_entries,
            ..
        } = self;
        let kept = match loaded {
            Some(loaded) => Ok(loaded),
            None => {
                let new_rows = writers.tables.iter().map(|table| table.partition_rows().to_vec()).collect();
                let kept = merge.rewrite(new_rows, |at, batch| writers.tables[at].write(batch));
                kept.and_then(|kept| match guard(merge.losses()) {
                    Ok(()) => Ok(kept),
                    Err(error) => writers.finish_rejected().and(Err(error)),
                })
            }
        };
        let closed = kept.and_then(|mut kept| {
            kept.append(&mut history_entries);
            writers.close(kept)
        });
        match closed {
            Ok((files, kept)) => (staged.files, staged.kept) = (files, kept),
            Err(error) => {
                writers.abort();
                return Err(error);
            }
        }
        staged.rejected = writers.finish_rejected()?;
        finished.staged = Some(staged);
        Ok(finished)
    }

    pub fn abort(self) {
        self.writers.abort();
    }

    fn staged(&self) -> Staged {
        Staged {
            greatest_cursor: self.merge.greatest_cursor(),
            ..Staged::default()
        }
    }

    fn reject(&mut self, run: &Run, connection: &str, rejects: &[Reject]) -> Result<()> {
        for reject in rejects {
            let at = self.tables.iter().position(|table| table.id == reject.table).unwrap_or(0);
            let times = self.rejects.told.tell(reject);
            if times.is_some_and(|times| times <= self.rejects.before.times(reject)) {
                self.rejects.repeated.resize(self.tables.len(), Counts::default());
                self.rejects.repeated[at] += match reject.column {
                    None if reject.is_twin() => Counts {
                        twins: 1,
                        ..Counts::default()
                    },
                    None => Counts {
                        records: 1,
                        rejected_records: 1,
                        ..Counts::default()
                    },
                    Some(_) => Counts {
                        bad_cells: 1,
                        ..Counts::default()
                    },
                };
            }
            match self.rejects.telling {
                Telling::Nothing => continue,
                Telling::New => {
                    let by_lake = match &mut self.rejects.by_lake {
                        Some(by_lake) => by_lake,
                        none => none.insert(Told::by_lake(&run.lake, connection, &self.tables, &Handle::current())?),
                    };
                    if times.is_some_and(|times| times <= by_lake.times(reject)) {
                        continue;
                    }
                }
                Telling::Each | Telling::Instead => {}
            }
            self.writers.rejected[at].push(&Rejected {
                key: reject.key.as_deref(),
                column: reject.column.as_deref(),
                raw: Some(&reject.raw),
                reason: &reject.reason,
                exported_at_micros: self.exported_at_micros,
            })?;
        }
        Ok(())
    }
}

impl Writers {
    /// Writers of the versions that follow these manifests.
    pub fn new(run: &Run, connection: &str, tables: &[Table], base: &[Option<Manifest>]) -> Result<Self> {
        let handle = tokio::runtime::Handle::current();
        // Each cycle of a run has its own file.
        let file = uuid::Uuid::now_v7().to_string();
        let rejected = |table: &Table| {
            RejectedWriter::new(
                &run.lake,
                connection,
                &table.id,
                &run.id,
                &file,
                run.writers.clone(),
                handle.clone(),
            )
        };
        Ok(Self {
            tables: table_writers(run, connection, tables, base)?,
            rejected: tables.iter().map(rejected).collect(),
            file,
        })
    }

    /// Rows that stay of older files follow those that were read: they have no order together.
    pub fn claim_no_order(&mut self) {
        self.tables.iter_mut().for_each(TableWriter::claim_no_order);
    }

    /// Ends all data files, which go beside those that are kept. A table has a file without rows, which shows its columns, if and only if it has no rows.
    fn close(&mut self, mut kept: OfEach<Entry>) -> Result<(OfEach<StagedFile>, OfEach<Entry>)> {
        for (kept, writer) in kept.iter_mut().zip(&mut self.tables) {
            let has_rows = writer.rows() > 0 || kept.iter().any(|entry| entry.meta.record_count > 0);
            kept.retain(|entry| !has_rows || entry.meta.record_count > 0);
            if kept.is_empty() {
                writer.ensure_file()?;
            }
        }
        let files = self.tables.drain(..).map(TableWriter::finish).collect::<Result<_>>()?;
        Ok((files, kept))
    }

    /// What was rejected is visible afterwards, whether or not the table is committed: it is what the user needs to see.
    fn finish_rejected(&mut self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for rejected in self.rejected.drain(..) {
            let file = rejected.finish()?;
            names.extend(file.and_then(|file| Some(file.path.rsplit('/').next()?.to_owned())));
        }
        Ok(names)
    }

    fn abort(self) {
        self.tables.into_iter().for_each(TableWriter::abort);
        self.rejected.into_iter().for_each(RejectedWriter::abort);
    }
}

/// Writers of the data files that the manifests after these are to list.
pub(super) fn table_writers(run: &Run, connection: &str, tables: &[Table], base: &[Option<Manifest>]) -> Result<Vec<TableWriter>> {
    let handle = tokio::runtime::Handle::current();
    let writer = |(table, base): (&Table, &Option<Manifest>)| {
        let version = base.as_ref().map_or(1, |manifest| manifest.version + 1);
        TableWriter::new(
            &run.lake,
            connection,
            table,
            version,
            run.write.clone(),
            run.writers.clone(),
            handle.clone(),
        )
    };
    tables.iter().zip(base).map(writer).collect()
}

/// The newest manifests of these tables.
pub(super) async fn base(lake: &Lake, connection: &str, tables: &[Table]) -> Result<Vec<Option<Manifest>>> {
    let latest = tables.iter().map(|table| commit::latest(lake, connection, &table.id));
    futures::future::try_join_all(latest).await
}
