//! One cycle: from one manifest of a table, and of those exploded from it, to the next. `docs/refresh.md` tells the whole.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::gone::Silent;
use super::guard::{Answer, READ_AGAIN};
use super::identity::emptied;
use super::intake::{Checkpoint, Decoded, Intake, Rejects, Staged, Telling, Writers};
use super::publish::{Facts, Outcome};
use super::step::{Kind, Resume, Step, protects_otherwise};
use super::told::Told;
use super::{Family, Run};
use crate::commit::{self, Entry, Load, LoadCounts, Manifest};
use crate::decode::{Counts, Decoder, Noticed};
use crate::error::{Error, Result};
use crate::http::Meter;
use crate::merge::{Loss, Merge, MergeOptions, Range, Strays};
use crate::page::Page;
use crate::read::{self, ReadOptions, ReadSummary};
use crate::schema::{Mode, Table};
use crate::store::{Lake, data_file_version};
use crate::write::rejected;

/// Pages between reader and decoder; their bytes are bounded by the run's permits.
const PAGES_AHEAD: usize = 2;
/// Sets of batches between decoder and writer.
const SETS_AHEAD: usize = 1;

/// How a cycle ended.
pub(super) struct Ended {
    pub summary: ReadSummary,
    /// What was met and rejected, but for what the cycles before it had told.
    pub counts: Vec<Counts>,
    /// What `_rejected/` told before is superseded, although nothing was committed.
    pub supersedes: bool,
    /// Files in `_rejected/` of an earlier name are not of this cycle.
    pub since: String,
    pub told: Told,
    pub rows_read: u64,
    pub changed: u64,
    /// Of each table.
    pub silent: Vec<Silent>,
    pub outcome: Outcome,
    /// Rows that were not asked for.
    pub strays: Strays,
}

impl Family {
    /// Runs one cycle on top of these manifests.
    pub(super) async fn cycle(
        self: &Arc<Self>,
        run: &Arc<Run>,
        tables: &Arc<Vec<Table>>,
        base: Vec<Option<Manifest>>,
        step: &Step,
        told: &Told,
    ) -> Result<Ended> {
        // Looked at here, because another run may have committed since the last cycle.
        let replaced = self.replaces_others(run, &base, step).await?;
        let (base, step) = match replaced {
            true => (
                emptied(base),
                &Step {
                    compare: false,
                    ..step.clone()
                },
            ),
            false => (base, step),
        };
        let before = self.resumed(run, tables, &base, step).await?;
        let (decoded, decoded_queue) = mpsc::channel::<Decoded>(SETS_AHEAD);
        let decoder = match self.derivation {
            None => {
                let mut table = self.table.clone();
                if step.kind == Kind::Reconcile {
                    // A read of keys alone brings no custom fields, and is not to.
                    table.fields.clear();
                }
                Some(Decoder::new(&self.connection.source, &table, run.started_at.timestamp_micros())?)
            }
            Some(_) => None,
        };

        // The index is made before anything is asked: what is read is compared as it comes.
        let mut intake = self.intake(run, tables, &base, step).await?;
        intake.rejects.before = told.clone();
        let at_stake = match &step.kind {
            // Of a load that is gone on with, what is not read now is lost.
            Kind::Load { .. } => base.first().and_then(Option::as_ref).map_or(0, |base| base.rows),
            _ => intake.merge.at_stake(),
        };
        let writing = {
            let (family, run, tables, step, before) = (self.clone(), run.clone(), tables.clone(), step.clone(), before.clone());
            spawn_blocking(move || family.take(&run, &tables, base, &step, before, intake, decoded_queue))
        };
        let asked = Instant::now();
        let complete = match decoder {
            Some(decoder) => self.fetch(run, step, decoder, decoded, at_stake).await,
            None => self.make(run, decoded).await.map(|(summary, counts)| Answer {
                summary,
                counts,
                listed: Vec::new(),
                noticed: Vec::new(),
                speaks: true,
            }),
        };
        let taken = writing.await?;

        // The writer's failure is the cause where it closed the queues, then the decoder's.
        let (mut intake, base) = taken?;
        let strays = intake.merge.strays();
        let (family, guarded, of, doing) = (self.clone(), run.clone(), tables.clone(), step.clone());
        let parent = base.first().cloned().flatten();
        let finishing = spawn_blocking(move || {
            let parent = parent.as_ref();
            let available = complete.and_then(|answer| {
                family.check_available(&guarded, parent, &answer.summary)?;
                family.check_resumed(&guarded, parent, &doing, &answer)?;
                Ok(answer)
            });
            match available {
                Ok(answer) => {
                    let absent = family.let_stay(&guarded, parent, &doing, &answer.summary, &mut intake.merge)?;
                    let rows_read = intake.merge.rows_read();
                    let cursor = intake.merge.greatest_cursor();
                    let guard = |losses: &[Loss]| family.check_shrink(&guarded, &of, parent, &doing, &answer, losses);
                    let finished = intake.finish(&guarded, &family.connection.name, answer.counts.clone(), guard)?;
                    Ok((answer.summary, answer.counts, answer.noticed, rows_read, cursor, finished, absent))
                }
                Err(error) => {
                    intake.abort();
                    Err(error)
                }
            }
        });
        let (summary, mut counts, noticed, rows_read, cursor, finished, absent) = finishing.await??;
        let staged = finished.staged;
        self.check_limits(run, step, tables, &sum(tables, &before, &counts))?;
        for (counts, repeated) in counts.iter_mut().zip(&finished.repeated) {
            counts.records -= repeated.records;
            counts.rejected_records -= repeated.rejected_records;
            counts.bad_cells -= repeated.bad_cells;
            counts.twins -= repeated.twins;
        }
        let silent = self.silent(run, tables, &base, step, &noticed).await?;
        let facts = Facts {
            columns_gone: silent.iter().map(|silent| silent.gone.keys().cloned().collect()).collect(),
            mode: self.table.replication.mode,
            savepoint: self.savepoint(step, &base, &summary, cursor, asked),
            resume: None,
            load: None,
            reconciled_at: (self.reconcile().is_some() && step.finds_deletions()).then_some(run.started_at),
            absent,
            derived: self.derivation.as_ref().map(|sources| sources.made()),
            read_all: step.reads_all(),
            replaced,
        };
        let changed = staged.as_ref().map_or(0, |staged| staged.changed);
        let outcome = self.publish(run, tables, &base, staged, facts).await?;
        Ok(Ended {
            summary,
            counts,
            supersedes: finished.supersedes,
            since: finished.since,
            told: finished.told,
            rows_read,
            changed,
            silent,
            outcome,
            strays,
        })
    }

    /// Reads and decodes what the vendor sends. A read that brings nothing is made again where rows of the lake would go by it: so many are `at_stake`.
    async fn fetch(&self, run: &Run, step: &Step, decoder: Decoder, decoded: mpsc::Sender<Decoded>, at_stake: u64) -> Result<Answer> {
        let (pages, page_queue) = mpsc::channel::<Page>(PAGES_AHEAD);
        // Who wants a checkpoint at every moment gets one for every page: else they follow the batches.
        let by_page = matches!(step.kind, Kind::Load { .. }) && self.connection.checkpoint.is_zero();
        // A mark tells a key as the vendor writes it: a load of a table whose key is hashed is committed as a whole.
        let is_hashed = |name: &String| self.table.column(name).is_some_and(|column| column.treatment.is_some());
        let marks = !self.table.primary_key.iter().any(is_hashed);
        let decoding = spawn_blocking(move || decode(decoder, page_queue, &decoded, by_page, marks));
        let options = ReadOptions {
            from: step.from,
            until: step.until,
            memory: run.pages.clone(),
            seen_keys_limit: run.seen_keys,
            endpoint: self.endpoint(),
            resume: step.resume_mark(),
            keys_only: step.kind == Kind::Reconcile,
        };
        let meter = &run.progress.tables[self.places[0]].meter;
        let read = self.read(step, &options, meter, pages, at_stake).await;
        let decoded = decoding.await?;
        let ((counts, listed, noticed), (summary, speaks)) = decoded.and_then(|decoded| Ok((decoded, read?)))?;
        Ok(Answer {
            summary,
            counts,
            listed,
            noticed,
            speaks,
        })
    }

    /// Reads; and whether a vendor that gave nothing gives rows from elsewhere.
    async fn read(
        &self,
        step: &Step,
        options: &ReadOptions,
        meter: &Meter,
        pages: mpsc::Sender<Page>,
        at_stake: u64,
    ) -> Result<(ReadSummary, bool)> {
        let read = || read::read(&self.client, &self.connection.source, &self.table, options, meter, pages.clone());
        let mut summary = read().await?;
        for again in 1..=READ_AGAIN {
            if !Self::is_silence(&summary, at_stake) {
                return Ok((summary, false));
            }
            tracing::warn!(
                table = self.table.id,
                again,
                of = READ_AGAIN,
                at_stake,
                "the read brought nothing; reading again"
            );
            let wait = async {
                self.client.breathe_long(again).await;
                Ok::<(), Error>(())
            };
            self.client.stop().race(wait).await?;
            summary = read().await?;
        }
        let speaks = Self::is_silence(&summary, at_stake) && self.speaks(step, options, meter).await?;
        Ok((summary, speaks))
    }

    async fn intake(&self, run: &Arc<Run>, tables: &Arc<Vec<Table>>, base: &[Option<Manifest>], step: &Step) -> Result<Intake> {
        let is_load = matches!(step.kind, Kind::Load { .. });
        let options = MergeOptions {
            range: step.range(),
            missing: step.missing,
            keys_only: step.kind == Kind::Reconcile,
            compare: step.compare,
            // Of each table that is read at a time.
            memory: run.seen_keys / 2,
            target_file_bytes: run.write.target_file_bytes,
        };
        let micros = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp_micros());
        let (from, until) = read::promised(&self.table, step.from, step.until);
        let promised = Range {
            from: micros(from),
            until: micros(until),
        };
        let histories = self.histories();
        let members = tables.len() - histories.len();
        let is_made_otherwise = self.is_made_otherwise(base);
        let mut belonging = belonging(&run.lake, base).await?;
        let mut history_entries = belonging.split_off(members);
        for ((entries, base), history) in history_entries.iter_mut().zip(&base[members..]).zip(&histories) {
            // A history begins anew rather than tell what is not to be told any more.
            if is_made_otherwise || base.as_ref().is_some_and(|base| protects_otherwise(base, &history.table).is_some()) {
                entries.clear();
            }
        }
        let loaded = is_load.then_some(belonging);
        let telling = match step.kind {
            Kind::Load { .. } => Telling::Each,
            Kind::Reconcile => Telling::Nothing,
            _ if step.reads_all() || self.derivation.is_some() => Telling::Instead,
            Kind::Refresh | Kind::Backfill => Telling::New,
        };
        // A load adds to what is there: nothing of it is looked at.
        let merged: Vec<Option<Manifest>> = if is_load { vec![None; members] } else { base[..members].to_vec() };
        let (run, tables, base, connection) = (run.clone(), tables.clone(), base.to_vec(), self.connection.name.clone());
        let may_keep = step.compare && self.column_of_parent().is_some();
        let work = spawn_blocking(move || {
            let mut writers = Writers::new(&run, &connection, &tables, &base)?;
            if options.compare {
                writers.claim_no_order();
            }
            let mut merge = Merge::new(&run.lake, Handle::current(), &tables[..members], merged, options)?.promised(promised);
            if may_keep {
                merge.may_keep();
            }
            Ok(Intake {
                merge,
                exported_at_micros: run.started_at.timestamp_micros(),
                loaded,
                histories,
                history_entries,
                rejects: Rejects {
                    telling,
                    since: writers.file.clone(),
                    ..Rejects::default()
                },
                writers,
                tables: tables[..members].to_vec(),
            })
        });
        let work = async { work.await? };
        self.client.stop().race(work).await
    }

    /// The blocking side, until the decoder has ended. Gives the intake back, and the manifests that the next commit follows.
    fn take(
        self: &Arc<Self>,
        run: &Arc<Run>,
        tables: &Arc<Vec<Table>>,
        mut base: Vec<Option<Manifest>>,
        step: &Step,
        before: Load,
        mut intake: Intake,
        mut queue: mpsc::Receiver<Decoded>,
    ) -> Result<(Intake, Vec<Option<Manifest>>)> {
        let told = |at: usize, rows: u64| run.progress.tables[self.places[at]].add_rows(rows);
        let outcome = {
            let base = &mut base;
            let mut load = before.clone();
            let commit = |staged: Staged, mut resume: Resume| {
                if let Kind::Load { resume: Some(first) } = &step.kind {
                    resume.began = first.began;
                }
                let counts = sum(tables, &before, &staged.counts);
                self.check_limits(run, step, tables, &counts)?;
                load.rejected.extend(staged.rejected.iter().cloned());
                load.counts = tables
                    .iter()
                    .zip(&counts)
                    .map(|(table, counts)| (table.id.clone(), met(*counts)))
                    .collect();
                let facts = Facts {
                    // The read is not over: what was known stands.
                    columns_gone: base
                        .iter()
                        .map(|base| base.as_ref().map(|base| base.columns_gone.clone()).unwrap_or_default())
                        .collect(),
                    mode: self.table.replication.mode,
                    savepoint: self.reached(base, staged.greatest_cursor, resume.began),
                    resume: Some(resume.to_string()),
                    load: Some(load.clone()),
                    reconciled_at: None,
                    absent: BTreeMap::new(),
                    derived: None,
                    read_all: false,
                    replaced: false,
                };
                match Handle::current().block_on(self.publish(run, tables, base, Some(staged), facts))? {
                    Outcome::Committed(manifests) | Outcome::Unchanged(manifests) => *base = manifests.into_iter().map(Some).collect(),
                    Outcome::Lost(version) => return Err(self.lost(version)),
                }
                Ok((Writers::new(run, &self.connection.name, tables, base)?, entries(base)))
            };
            let checkpoint = matches!(step.kind, Kind::Load { .. }).then(|| (Checkpoint::new(self.connection.checkpoint), commit));
            intake.take(run, &self.connection.name, &mut queue, told, checkpoint)
        };
        match outcome {
            Ok(()) => Ok((intake, base)),
            Err(error) => {
                intake.abort();
                Err(error)
            }
        }
    }

    /// What a load that is gone on with has rejected so far. What lies in `_rejected/` beside that is of a part which was not committed, and will be told again.
    async fn resumed(&self, run: &Run, tables: &[Table], base: &[Option<Manifest>], step: &Step) -> Result<Load> {
        let load = match (&step.kind, base.first()) {
            (Kind::Load { resume: Some(_) }, Some(Some(parent))) => parent.load.clone(),
            _ => None,
        };
        // Without a lease another run may be about to commit what it has told.
        if let (Some(load), true) = (&load, run.leases.contains_key(&self.connection.name)) {
            let tables: Vec<&str> = tables.iter().map(|table| table.id.as_str()).collect();
            rejected::keep_only(&run.lake, &self.connection.name, &tables, &load.rejected).await?;
        }
        Ok(load.unwrap_or_default())
    }

    /// The savepoint of what is there: one of another host's rows says nothing of this one's.
    fn savepoint_of(&self, base: &[Option<Manifest>]) -> Option<DateTime<Utc>> {
        let parent = base.first()?.as_ref()?;
        parent.savepoint.filter(|_| self.other_host(Some(parent)).is_none())
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
        let before = self.savepoint_of(base);
        if matches!(step.kind, Kind::Backfill | Kind::Reconcile) {
            return before;
        }
        let began = match &step.kind {
            Kind::Load { resume: Some(resume) } => resume.began,
            _ => summary.began,
        };
        if self.table.replication.mode == Mode::Windowed {
            // A first read that brought nothing proves nothing of the rows before the window: the next one is of all again.
            let is_proven =
                before.is_some() || summary.rows > 0 || base.first().is_some_and(|base| base.as_ref().is_some_and(|base| base.rows > 0));
            return before.max(is_proven.then_some(began));
        }
        // One page is of one moment. A cursor in the future is no position: rows will change before it.
        let is_atomic = summary.pages <= 1 && !matches!(step.kind, Kind::Load { resume: Some(_) });
        self.reached(base, cursor, if is_atomic { began + asked.elapsed() } else { began })
    }

    /// The savepoint of an incremental table whose rows were read up to this cursor, no later than this moment.
    fn reached(&self, base: &[Option<Manifest>], cursor: Option<i64>, latest: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let before = self.savepoint_of(base);
        if self.table.replication.mode != Mode::Incremental {
            return before;
        }
        let cursor = cursor.and_then(DateTime::from_timestamp_micros);
        before.max(cursor.map(|cursor| cursor.min(latest)))
    }
}

/// Decodes pages until there are no more. A writer that has gone away tells itself why.
fn decode(
    mut decoder: Decoder,
    mut pages: mpsc::Receiver<Page>,
    decoded: &mpsc::Sender<Decoded>,
    by_page: bool,
    marks: bool,
) -> Result<(Vec<Counts>, Vec<bool>, Vec<Noticed>)> {
    let (mut resume, tables) = (None, decoder.counts().len());
    while let Some(page) = pages.blocking_recv() {
        decoder.decode(&page)?;
        resume = page.resume.clone().filter(|_| marks).map(|mark| Resume { began: page.began, mark });
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
                return Ok((decoder.counts(), decoder.listed(), decoder.noticed()));
            }
        }
        if (by_page || decoder.is_full()) && !send(&mut decoder, resume.take(), decoded)? {
            return Ok((decoder.counts(), decoder.listed(), decoder.noticed()));
        }
    }
    send(&mut decoder, resume, decoded)?;
    Ok((decoder.counts(), decoder.listed(), decoder.noticed()))
}

/// Hands on what was decoded, whole: every row with what was exploded from it. False if nobody takes it.
fn send(decoder: &mut Decoder, resume: Option<Resume>, decoded: &mpsc::Sender<Decoded>) -> Result<bool> {
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

/// What a load has met in all, of each table.
fn sum(tables: &[Table], before: &Load, counts: &[Counts]) -> Vec<Counts> {
    let sums = tables.iter().zip(counts).map(|(table, counts)| {
        let before = before.counts.get(&table.id).copied().unwrap_or_default();
        let mut sum = Counts {
            records: before.records,
            rejected_records: before.rejected_records,
            bad_cells: before.bad_cells,
            twins: 0,
        };
        sum += *counts;
        sum
    });
    sums.collect()
}

fn met(counts: Counts) -> LoadCounts {
    LoadCounts {
        records: counts.records,
        rejected_records: counts.rejected_records,
        bad_cells: counts.bad_cells,
    }
}

/// What tables that only grow have: those that an unfinished load adds to, and histories. A run that was cut between two commits leaves them with rows that their
/// parent's manifest does not know, and that will be read again. So the files to go on from are those that it knew: what the version that it names lists. Files
/// of that age in the newest version are fewer where a `compact` or a `forget` was cut, which wrote them anew.
async fn belonging(lake: &Lake, base: &[Option<Manifest>]) -> Result<Vec<Vec<Entry>>> {
    let mut belonging = entries(base);
    let parent = base.first().and_then(Option::as_ref);
    for (entries, other) in belonging.iter_mut().zip(base).skip(1) {
        let Some(other) = other else { continue };
        let known = parent.and_then(|parent| parent.children.get(&other.table).or(parent.histories.get(&other.table)));
        let known = known.copied().unwrap_or(0);
        if known == other.version {
            continue;
        }
        match commit::read(lake, &other.connection, &other.table, known).await? {
            Some(named) => *entries = named.entries,
            None => entries.retain(|entry| data_file_version(&entry.path).is_some_and(|version| version <= known)),
        }
    }
    Ok(belonging)
}

fn entries(base: &[Option<Manifest>]) -> Vec<Vec<Entry>> {
    base.iter()
        .map(|base| base.as_ref().map_or_else(Vec::new, |base| base.entries.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Bench;

    /// A `compact` writes the rows of a table anew, with those that only its parent's newest manifest would make part of it.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_rewrite_that_was_cut_before_its_parent_loses_no_row() {
        let bench = Bench::new();
        let orders = bench.orders(1, &[&[1.0]]).await;
        let first = bench.items(1, &[&[1.0], &[2.0]]).await;
        let [parent, child] = bench.commit(1, orders, first.clone()).await;
        let anew = bench.items(2, &[&[1.0, 2.0]]).await;
        let [_, cut] = bench.manifests(2, Vec::new(), anew);
        assert_eq!(commit::commit(&bench.lake, &cut).await.unwrap(), commit::Outcome::Committed);
        let found = belonging(&bench.lake, &[Some(parent.clone()), Some(cut)]).await.unwrap();
        assert_eq!(found[1], first, "what the parent names, whose files are still there");
        let found = belonging(&bench.lake, &[Some(parent.clone()), Some(child)]).await.unwrap();
        assert_eq!(found, [parent.entries, first]);
    }
}
