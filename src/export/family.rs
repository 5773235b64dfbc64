//! A table and those exploded from it, from the first request to the commit.

use std::time::Instant;

use arrow_array::RecordBatch;
use chrono::{NaiveTime, Utc};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::progress::State;
use super::report::{Failure, Status, TableReport};
use super::{Family, Run};
use crate::commit::{self, Entry, Manifest, Outcome};
use crate::decode::{Counts, Decoder, Reject};
use crate::error::{Error, Kind, Result};
use crate::page::Page;
use crate::read::{self, ReadOptions, ReadSummary};
use crate::schema::{Mode, Table};
use crate::store::rejected_folder;
use crate::write::rejected::{self, Rejected, RejectedWriter};
use crate::write::{StagedFile, TableWriter, publish_all};

/// Pages between reader and decoder; their bytes are bounded by the run's permits.
const PAGES_AHEAD: usize = 2;
/// Batches between decoder and writer.
const BATCHES_AHEAD: usize = 1;

/// What the decoder hands to the writer.
enum Decoded {
    Batch(usize, RecordBatch),
    Rejected(Vec<Reject>),
}

/// What was read and written, before it is committed.
struct Staged {
    summary: ReadSummary,
    counts: Vec<Counts>,
    files: Vec<Vec<StagedFile>>,
}

/// The writers of a family, in the order of its tables.
struct Writers {
    tables: Vec<TableWriter>,
    rejected: Vec<RejectedWriter>,
}

/// What was committed.
struct Committed {
    summary: ReadSummary,
    counts: Vec<Counts>,
    manifests: Vec<Manifest>,
    /// Why superseded files are still there: the tables are committed all the same.
    unswept: Option<Error>,
}

impl Family {
    /// Exports the family and tells the outcome in the progress.
    pub(super) async fn export(&self, run: &Run) -> Result<(), ()> {
        for place in &self.places {
            run.progress.tables[*place].set(State::Reading);
        }
        let began = Instant::now();
        let outcome = self.read_and_commit(run).await;
        for (at, place) in self.places.iter().enumerate() {
            let mut report = self.report(run, at);
            report.seconds = began.elapsed().as_secs_f64();
            match &outcome {
                Ok(committed) => committed.tell(at, &mut report),
                Err(error) => report.error = Some(Failure::from(error)),
            }
            run.progress.tables[*place].set(State::Ended(Box::new(report)));
        }
        outcome.map(drop).map_err(drop)
    }

    /// Tells that the family was not reached.
    pub(super) fn skip(&self, run: &Run) {
        for (at, place) in self.places.iter().enumerate() {
            let mut report = self.report(run, at);
            report.status = Status::Skipped;
            run.progress.tables[*place].set(State::Ended(Box::new(report)));
        }
    }

    async fn read_and_commit(&self, run: &Run) -> Result<Committed> {
        let tables = self.tables();
        let mut versions = Vec::with_capacity(tables.len());
        for table in &tables {
            // A lake that hangs must not hold a run that was asked to stop.
            let latest = commit::latest(&run.lake, &self.connection.name, &table.id);
            let latest = self.client.stop().race(latest).await?;
            versions.push(latest.map_or(1, |manifest| manifest.version + 1));
        }
        let staged = self.stage(run, &tables, &versions).await?;
        self.check_limits(run, &tables, &staged.counts)?;
        self.commit(run, &tables, &versions, staged).await
    }

    /// Reads, decodes and writes; nothing is visible in the lake afterwards.
    async fn stage(&self, run: &Run, tables: &[Table], versions: &[u64]) -> Result<Staged> {
        let source = &self.connection.source;
        let exported_at = run.started_at.timestamp_micros();
        let decoder = Decoder::new(source, &self.table, exported_at)?;
        let handle = tokio::runtime::Handle::current();
        let mut writers = Writers {
            tables: Vec::with_capacity(tables.len()),
            rejected: Vec::with_capacity(tables.len()),
        };
        let (lake, connection) = (&run.lake, &self.connection.name);
        for (table, version) in tables.iter().zip(versions) {
            writers.tables.push(TableWriter::new(
                lake,
                connection,
                table,
                *version,
                run.write.clone(),
                run.writers.clone(),
                handle.clone(),
            )?);
            writers.rejected.push(RejectedWriter::new(
                lake,
                connection,
                &table.id,
                &run.id,
                run.writers.clone(),
                handle.clone(),
            ));
        }

        let (pages, mut page_queue) = mpsc::channel::<Page>(PAGES_AHEAD);
        let (decoded, mut decoded_queue) = mpsc::channel::<Decoded>(BATCHES_AHEAD);
        let decoding = spawn_blocking(move || decode(decoder, &mut page_queue, &decoded));
        let (progress, places) = (run.progress.clone(), self.places.clone());
        let names: Vec<String> = tables.iter().map(|table| table.id.clone()).collect();
        let writing = spawn_blocking(move || {
            match writers.take(&mut decoded_queue, &names, exported_at, |at, rows| {
                progress.tables[places[at]].add_rows(rows)
            }) {
                Ok(()) => Ok(writers),
                Err(error) => {
                    writers.abort();
                    Err(error)
                }
            }
        });

        let options = ReadOptions {
            from: self.start(),
            endpoint: self.connection.tables.get(&self.table.id).and_then(|table| table.endpoint.clone()),
            ..ReadOptions::all(run.pages.clone(), run.seen_keys)
        };
        let meter = &run.progress.tables[self.places[0]].meter;
        let read = read::read(&self.client, source, &self.table, &options, meter, pages).await;
        let decoded = decoding
            .await
            .map_err(|error| Error::defect(format!("the decoder ended unexpectedly: {error}")))?;
        let written = writing
            .await
            .map_err(|error| Error::defect(format!("the writer ended unexpectedly: {error}")))?;

        // The writer's failure is the cause where it closed the queues, then the decoder's.
        let writers: Writers = written?;
        let complete = decoded.and_then(|counts| read.map(|summary| (summary, counts)));
        spawn_blocking(move || match complete {
            Ok((summary, counts)) => Ok(Staged {
                files: writers.finish()?,
                summary,
                counts,
            }),
            Err(error) => {
                writers.abort();
                Err(error)
            }
        })
        .await
        .map_err(|error| Error::defect(format!("the writer ended unexpectedly: {error}")))?
    }

    fn check_limits(&self, run: &Run, tables: &[Table], counts: &[Counts]) -> Result<()> {
        let hint = format!(
            "see {}: each row names key, column, raw text and reason; a path or a format is one line in schemas/{}/{}.toml",
            run.lake.url(&rejected_folder(&self.connection.name)),
            self.connection.source.id,
            self.table.id
        );
        for (table, counts) in tables.iter().zip(counts) {
            if run.options.max_rejected.is_passed(counts.rejected_records, counts.records) {
                return Err(Error::new(
                    Kind::Data,
                    format!(
                        "{} of {} records of `{}` have no usable primary key ({}): more than --max-rejected {} lets pass",
                        counts.rejected_records,
                        counts.records,
                        table.id,
                        table.primary_key.join(", "),
                        run.options.max_rejected
                    ),
                )
                .hint(hint));
            }
            if let Some(limit) = run
                .options
                .max_bad_cells
                .filter(|limit| limit.is_passed(counts.bad_cells, counts.records * table.columns.len() as u64))
            {
                return Err(Error::new(
                    Kind::Data,
                    format!(
                        "`{}` has {} values that cannot be read: more than --max-bad-cells {limit} lets pass",
                        table.id, counts.bad_cells
                    ),
                )
                .hint(hint));
            }
        }
        Ok(())
    }

    /// Publishes the files and commits: exploded tables first, the parent last, naming their versions.
    async fn commit(&self, run: &Run, tables: &[Table], versions: &[u64], staged: Staged) -> Result<Committed> {
        let Staged { summary, counts, files } = staged;
        let sizes: Vec<usize> = files.iter().map(Vec::len).collect();
        let mut published = publish_all(files.into_iter().flatten().collect()).await?.into_iter();
        let published: Vec<Vec<_>> = sizes.into_iter().map(|size| published.by_ref().take(size).collect()).collect();
        let mut manifests: Vec<Manifest> = tables
            .iter()
            .zip(versions)
            .zip(published)
            .map(|((table, version), files)| {
                let (source, connection) = (&self.connection.source.id, &self.connection.name);
                let entries = files
                    .into_iter()
                    .map(|file| Entry::new(&run.lake, connection, &table.id, file))
                    .collect();
                let mut manifest = Manifest::new(source, connection, table, *version, &run.id, Utc::now(), entries);
                manifest.mode = Mode::Full;
                manifest
            })
            .collect();
        manifests[0].children = self.table.children.iter().cloned().zip(versions.iter().skip(1).copied()).collect();
        for at in (0..manifests.len()).rev() {
            match commit::commit(&run.lake, &manifests[at]).await? {
                Outcome::Committed => {}
                Outcome::Conflict { version } => {
                    // What is committed stays: the next run replaces it. The other files can never become live.
                    let dead = manifests.iter().take(at + 1);
                    let dead =
                        dead.flat_map(|manifest| manifest.entries.iter().map(|entry| format!("{}/{}", manifest.folder(), entry.path)));
                    run.lake.delete(&dead.collect::<Vec<_>>()).await?;
                    // Where this run's exploded tables are live, what the other run wrote for them is not.
                    self.sweep(run, &tables[at + 1..], &manifests[at + 1..]).await?;
                    return Err(Error::new(
                        Kind::Conflict,
                        format!(
                            "another run committed version {version} of `{}` while this one was reading; its content stands",
                            manifests[at].table
                        ),
                    )
                    .hint("two exports of one connection ran at once; nothing is lost, and the next run reads everything again"));
                }
            }
        }
        let swept = self.sweep(run, tables, &manifests).await.err();
        Ok(Committed {
            summary,
            counts,
            manifests,
            unswept: swept,
        })
    }

    /// Deletes what the manifests supersede, and what older runs rejected.
    async fn sweep(&self, run: &Run, tables: &[Table], manifests: &[Manifest]) -> Result<()> {
        for manifest in manifests {
            commit::sweep(&run.lake, manifest).await?;
        }
        for table in tables {
            rejected::supersede(&run.lake, &self.connection.name, &table.id, &run.id).await?;
        }
        Ok(())
    }

    /// The table, then its children.
    fn tables(&self) -> Vec<Table> {
        let children = self
            .table
            .children
            .iter()
            .filter_map(|child| self.connection.source.tables.get(child).cloned());
        std::iter::once(self.table.clone()).chain(children).collect()
    }

    /// Where the configuration says that tables with a cursor begin.
    fn start(&self) -> Option<chrono::DateTime<Utc>> {
        self.table.replication.cursor.as_ref()?;
        let day = self.connection.start?;
        day.and_time(NaiveTime::MIN)
            .and_local_timezone(self.connection.source.timezone)
            .earliest()
            .map(|time| time.to_utc())
    }

    fn report(&self, run: &Run, at: usize) -> TableReport {
        let progress = &run.progress.tables[self.places[at]];
        let meter = progress.meter.counts();
        TableReport {
            connection: progress.connection.clone(),
            source: progress.source.clone(),
            table: progress.table.clone(),
            exploded_from: progress.exploded_from.clone(),
            status: Status::Failed,
            mode: Mode::Full.name(),
            version: None,
            rows: 0,
            files: 0,
            bytes: 0,
            rejected_records: 0,
            bad_cells: 0,
            repeated_records: 0,
            requests: meter.requests,
            retries: meter.retries,
            pages: meter.pages,
            received_bytes: meter.bytes,
            waited_seconds: meter.waited_ms as f64 / 1_000.0,
            seconds: 0.0,
            warning: None,
            error: None,
        }
    }
}

impl Committed {
    fn tell(&self, at: usize, report: &mut TableReport) {
        let (manifest, counts) = (&self.manifests[at], &self.counts[at]);
        report.status = Status::Committed;
        report.version = Some(manifest.version);
        report.rows = manifest.rows;
        report.files = manifest.entries.len() as u64;
        report.bytes = manifest.bytes;
        report.rejected_records = counts.rejected_records;
        report.bad_cells = counts.bad_cells;
        if at == 0 {
            report.repeated_records = self.summary.repeated;
        }
        report.warning = self.summary.unavailable.clone();
        if let Some(error) = &self.unswept {
            report.warning = Some(format!(
                "committed, but superseded files could not be deleted, so a plain glob sees rows twice: {}",
                error.message()
            ));
        }
    }
}

impl Writers {
    /// Writes what the decoder sends until it has ended.
    fn take(
        &mut self,
        decoded: &mut mpsc::Receiver<Decoded>,
        names: &[String],
        exported_at_micros: i64,
        told: impl Fn(usize, u64),
    ) -> Result<()> {
        while let Some(item) = decoded.blocking_recv() {
            match item {
                Decoded::Batch(at, batch) => {
                    self.tables[at].write(&batch)?;
                    told(at, batch.num_rows() as u64);
                }
                Decoded::Rejected(rejects) => self.reject(names, &rejects, exported_at_micros)?,
            }
        }
        Ok(())
    }

    fn reject(&mut self, names: &[String], rejects: &[Reject], exported_at_micros: i64) -> Result<()> {
        for reject in rejects {
            let at = names.iter().position(|name| *name == reject.table).unwrap_or(0);
            self.rejected[at].push(&Rejected {
                key: reject.key.as_deref(),
                column: reject.column.as_deref(),
                raw: Some(&reject.raw),
                reason: &reject.reason,
                exported_at_micros,
            })?;
        }
        Ok(())
    }

    /// The staged files of each table; what was rejected is visible afterwards, whether or not the table is committed: it is what the user needs to see.
    fn finish(self) -> Result<Vec<Vec<StagedFile>>> {
        let mut files = Vec::with_capacity(self.tables.len());
        for mut table in self.tables {
            table.ensure_file()?;
            files.push(table.finish()?);
        }
        for rejected in self.rejected {
            rejected.finish()?;
        }
        Ok(files)
    }

    fn abort(self) {
        self.tables.into_iter().for_each(TableWriter::abort);
        self.rejected.into_iter().for_each(RejectedWriter::abort);
    }
}

/// Decodes pages until there are no more. A writer that has gone away tells itself why.
fn decode(mut decoder: Decoder, pages: &mut mpsc::Receiver<Page>, decoded: &mpsc::Sender<Decoded>) -> Result<Vec<Counts>> {
    while let Some(page) = pages.blocking_recv() {
        decoder.decode(&page)?;
        // Its memory is free before the batches wait for the writer.
        drop(page);
        let full = decoder.take_full();
        if !send(&mut decoder, full, decoded) {
            return Ok(decoder.counts());
        }
    }
    let rest = decoder.finish()?;
    send(&mut decoder, rest, decoded);
    Ok(decoder.counts())
}

fn send(decoder: &mut Decoder, batches: Vec<(usize, RecordBatch)>, decoded: &mpsc::Sender<Decoded>) -> bool {
    let rejects = decoder.take_rejects();
    let rejects = (!rejects.is_empty()).then_some(Decoded::Rejected(rejects));
    batches
        .into_iter()
        .map(|(at, batch)| Decoded::Batch(at, batch))
        .chain(rejects)
        .all(|item| decoded.blocking_send(item).is_ok())
}
