//! One cycle: from one manifest of a table, and of those exploded from it, to the next. `docs/refresh.md` tells the whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::intake::{Checkpoint, Decoded, Intake, Staged, Writers, table_writers};
use super::publish::{Facts, Outcome};
use super::step::{Kind, Resume, Step};
use super::{Family, Run};
use crate::commit::{self, Entry, Manifest};
use crate::decode::{Counts, Decoder};
use crate::error::{Error, Result};
use crate::merge::{Merge, MergeOptions};
use crate::page::Page;
use crate::read::{self, ReadOptions, ReadSummary};
use crate::schema::{Mode, Table};

/// Pages between reader and decoder; their bytes are bounded by the run's permits.
const PAGES_AHEAD: usize = 2;
/// Sets of batches between decoder and writer.
const SETS_AHEAD: usize = 1;
/// How far the vendor's clock may be behind ours.
const CLOCKS_APART: Duration = Duration::from_secs(300);

/// How a cycle ended.
pub(super) struct Ended {
    pub summary: ReadSummary,
    pub counts: Vec<Counts>,
    pub rows_read: u64,
    pub changed: u64,
    pub outcome: Outcome,
}

impl Family {
    /// Runs one cycle on top of these manifests.
    pub(super) async fn cycle(
        self: &Arc<Self>,
        run: &Arc<Run>,
        tables: &Arc<Vec<Table>>,
        base: Vec<Option<Manifest>>,
        step: &Step,
    ) -> Result<Ended> {
        let (pages, page_queue) = mpsc::channel::<Page>(PAGES_AHEAD);
        let (decoded, decoded_queue) = mpsc::channel::<Decoded>(SETS_AHEAD);
        let exported_at_micros = run.started_at.timestamp_micros();
        let decoder = Decoder::new(&self.connection.source, &self.table, exported_at_micros)?;

        // The index is made before anything is asked: what is read is compared as it comes.
        let intake = self.intake(run, tables, &base, step).await?;
        let keys_only = intake.merge.takes_keys_only();
        let decoding = spawn_blocking(move || decode(decoder, page_queue, &decoded));
        let writing = {
            let (family, run, tables, step) = (self.clone(), run.clone(), tables.clone(), step.clone());
            spawn_blocking(move || family.take(&run, &tables, base, &step, intake, decoded_queue))
        };
        let options = ReadOptions {
            from: step.from,
            until: step.until,
            memory: run.pages.clone(),
            seen_keys_limit: run.seen_keys,
            endpoint: self.connection.tables.get(&self.table.id).and_then(|table| table.endpoint.clone()),
            resume: match &step.kind {
                Kind::Load { resume } => resume.as_ref().map(|resume| resume.mark.clone()),
                _ => None,
            },
            keys_only,
        };
        let meter = &run.progress.tables[self.places[0]].meter;
        let asked = Instant::now();
        let read = read::read(&self.client, &self.connection.source, &self.table, &options, meter, pages).await;
        let decoded = decoding.await.map_err(|error| gone("decoder", &error))?;
        let taken = writing.await.map_err(|error| gone("writer", &error))?;

        // The writer's failure is the cause where it closed the queues, then the decoder's.
        let (intake, base) = taken?;
        let complete = decoded.and_then(|counts| read.map(|summary| (summary, counts)));
        let finishing = spawn_blocking(move || match complete {
            Ok((summary, counts)) => {
                let rows_read = intake.merge.rows_read();
                let cursor = intake.merge.greatest_cursor();
                intake
                    .finish(counts.clone())
                    .map(|staged| (summary, counts, rows_read, cursor, staged))
            }
            Err(error) => {
                intake.abort();
                Err(error)
            }
        });
        let (summary, counts, rows_read, cursor, staged) = finishing.await.map_err(|error| gone("writer", &error))??;
        self.check_limits(run, tables, &counts)?;
        let facts = Facts {
            mode: self.table.replication.mode,
            savepoint: self.savepoint(step, &base, &summary, cursor, asked),
            resume: None,
            reconciled_at: (self.reconcile().is_some() && step.finds_deletions()).then_some(run.started_at),
        };
        let changed = staged.as_ref().map_or(0, |staged| staged.changed);
        let outcome = self.publish(run, tables, &base, staged, facts).await?;
        Ok(Ended {
            summary,
            counts,
            rows_read,
            changed,
            outcome,
        })
    }

    async fn intake(&self, run: &Arc<Run>, tables: &Arc<Vec<Table>>, base: &[Option<Manifest>], step: &Step) -> Result<Intake> {
        let is_load = matches!(step.kind, Kind::Load { .. });
        let options = MergeOptions {
            range: step.range(),
            missing: step.missing,
            keys_only: step.kind == Kind::Reconcile,
            compare: step.compare,
            memory: run.seen_keys,
        };
        let loaded = if is_load {
            Some(self.loaded(run, tables, base).await?)
        } else {
            None
        };
        // A load adds to what is there: nothing of it is looked at.
        let merged: Vec<Option<Manifest>> = if is_load { vec![None; base.len()] } else { base.to_vec() };
        let (run, tables, base, connection) = (run.clone(), tables.clone(), base.to_vec(), self.connection.name.clone());
        let work = spawn_blocking(move || {
            Ok(Intake {
                merge: Merge::new(&run.lake, Handle::current(), &tables, merged, options)?,
                writers: Writers::new(&run, &connection, &tables, &base)?,
                exported_at_micros: run.started_at.timestamp_micros(),
                loaded,
                tables: tables.to_vec(),
            })
        });
        let work = async { work.await.map_err(|error| gone("index", &error))? };
        self.client.stop().race(work).await
    }

    /// The files that a load adds to. Of exploded tables those of the versions that the parent names: a run that died between their commit and the parent's
    /// left rows there that are read again.
    async fn loaded(&self, run: &Run, tables: &[Table], base: &[Option<Manifest>]) -> Result<Vec<Vec<Entry>>> {
        let mut loaded = entries(base);
        let parent = base.first().and_then(Option::as_ref);
        for ((table, base), loaded) in tables.iter().zip(base).zip(&mut loaded).skip(1) {
            let named = parent.and_then(|parent| parent.children.get(&table.id)).copied();
            if named == base.as_ref().map(|base| base.version) {
                continue;
            }
            *loaded = match named {
                None => Vec::new(),
                Some(named) => {
                    let manifest = commit::read(&run.lake, &self.connection.name, &table.id, named).await?;
                    let gone = || {
                        Error::store(format!(
                            "version {named} of `{}`, which an unfinished load goes on from, is gone",
                            table.id
                        ))
                        .hint("`afluente export --full-refresh` of its table reads everything again")
                    };
                    manifest.ok_or_else(gone)?.entries
                }
            };
        }
        Ok(loaded)
    }

    /// The blocking side, until the decoder has ended. Gives the intake back, and the manifests that the next commit follows.
    fn take(
        self: &Arc<Self>,
        run: &Arc<Run>,
        tables: &Arc<Vec<Table>>,
        mut base: Vec<Option<Manifest>>,
        step: &Step,
        mut intake: Intake,
        mut queue: mpsc::Receiver<Decoded>,
    ) -> Result<(Intake, Vec<Option<Manifest>>)> {
        let told = |at: usize, rows: u64| run.progress.tables[self.places[at]].add_rows(rows);
        let first_began = match &step.kind {
            Kind::Load { resume: Some(resume) } => resume.began,
            // The vendor's clock is not known here.
            _ => run.started_at - CLOCKS_APART,
        };
        let outcome = {
            let base = &mut base;
            let commit = |staged: Staged, mark: String| {
                self.check_limits(run, tables, &staged.counts)?;
                let facts = Facts {
                    mode: self.table.replication.mode,
                    savepoint: base[0].as_ref().and_then(|base| base.savepoint).max(
                        staged
                            .greatest_cursor
                            .and_then(DateTime::from_timestamp_micros)
                            .map(|cursor| cursor.min(first_began)),
                    ),
                    resume: Some(Resume { began: first_began, mark }.to_string()),
                    reconciled_at: None,
                };
                match Handle::current().block_on(self.publish(run, tables, base, Some(staged), facts))? {
                    Outcome::Committed(manifests) | Outcome::Unchanged(manifests) => *base = manifests.into_iter().map(Some).collect(),
                    Outcome::Lost(version) => return Err(self.lost(version)),
                }
                Ok((table_writers(run, &self.connection.name, tables, base)?, entries(base)))
            };
            let checkpoint = matches!(step.kind, Kind::Load { .. }).then(|| (Checkpoint::new(self.connection.checkpoint), commit));
            intake.take(&mut queue, told, checkpoint)
        };
        match outcome {
            Ok(()) => Ok((intake, base)),
            Err(error) => {
                intake.abort();
                Err(error)
            }
        }
    }

    /// How far the cursor has been read: never less than before, and never so far that a row which changed behind a long read is passed over.
    fn savepoint(
        &self,
        step: &Step,
        base: &[Option<Manifest>],
        summary: &ReadSummary,
        cursor: Option<i64>,
        asked: Instant,
    ) -> Option<DateTime<Utc>> {
        let before = base.first().and_then(|base| base.as_ref()?.savepoint);
        if matches!(step.kind, Kind::Backfill | Kind::Reconcile) {
            return before;
        }
        let began = match &step.kind {
            Kind::Load { resume: Some(resume) } => resume.began,
            _ => summary.began,
        };
        let reached = match self.table.replication.mode {
            Mode::Full => None,
            Mode::Windowed => Some(began),
            Mode::Incremental => {
                // One page is of one moment. A cursor in the future is no position: rows will change before it.
                let latest = if summary.pages > 1 || matches!(step.kind, Kind::Load { resume: Some(_) }) {
                    began
                } else {
                    began + asked.elapsed()
                };
                cursor.and_then(DateTime::from_timestamp_micros).map(|cursor| cursor.min(latest))
            }
        };
        before.max(reached)
    }
}

impl Step {
    fn finds_deletions(&self) -> bool {
        self.missing == crate::merge::Missing::Go && self.from.is_none() && self.until.is_none()
    }
}

/// Decodes pages until there are no more. A writer that has gone away tells itself why.
fn decode(mut decoder: Decoder, mut pages: mpsc::Receiver<Page>, decoded: &mpsc::Sender<Decoded>) -> Result<Vec<Counts>> {
    let (mut resume, tables) = (None, decoder.counts().len());
    while let Some(page) = pages.blocking_recv() {
        decoder.decode(&page)?;
        resume = page.resume.clone();
        // Its memory is free before the batches wait for the writer.
        drop(page);
        let rejects = decoder.take_rejects();
        if !rejects.is_empty() {
            let item = Decoded {
                set: vec![Vec::new(); tables],
                rejects,
                counts: decoder.counts(),
                resume: None,
            };
            if decoded.blocking_send(item).is_err() {
                return Ok(decoder.counts());
            }
        }
        if decoder.is_full() && !send(&mut decoder, resume.take(), decoded)? {
            return Ok(decoder.counts());
        }
    }
    send(&mut decoder, resume, decoded)?;
    Ok(decoder.counts())
}

/// Hands on what was decoded, whole: every row with what was exploded from it. False if nobody takes it.
fn send(decoder: &mut Decoder, resume: Option<String>, decoded: &mpsc::Sender<Decoded>) -> Result<bool> {
    let mut set = vec![Vec::new(); decoder.counts().len()];
    for (at, batch) in decoder.finish()? {
        set[at].push(batch);
    }
    let item = Decoded {
        set,
        rejects: Vec::new(),
        counts: decoder.counts(),
        resume,
    };
    Ok(decoded.blocking_send(item).is_ok())
}

fn entries(base: &[Option<Manifest>]) -> Vec<Vec<Entry>> {
    base.iter()
        .map(|base| base.as_ref().map_or_else(Vec::new, |base| base.entries.clone()))
        .collect()
}

fn gone(who: &str, error: &tokio::task::JoinError) -> Error {
    Error::defect(format!("the {who} ended unexpectedly: {error}"))
}
