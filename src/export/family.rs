//! A table and those exploded from it: cycles from the first request to the last commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;

use super::cycle::Ended;
use super::gone::Silent;
use super::intake;
use super::progress::State;
use super::publish::Outcome;
use super::report::{Failure, Status, TableReport};
use super::step::{Kind as StepKind, Step};
use super::told::Told;
use super::{Family, Run};
use crate::commit::{self, Manifest};
use crate::decode::Counts;
use crate::error::{Error, Kind, Result};
use crate::schema::{Mode, Table};
use crate::store::rejected_folder;
use crate::write::rejected;

/// Cycles that follow a long one, each for what changed during the one before.
const CATCH_UPS: usize = 3;
/// Times that a cycle is begun again because another run committed first.
const ATTEMPTS: usize = 3;

/// What a run did to a family.
#[derive(Default)]
struct Refreshed {
    mode: Option<Mode>,
    /// Whether a version was committed.
    committed: bool,
    manifests: Vec<Manifest>,
    counts: Vec<Counts>,
    silent: Vec<Silent>,
    rows_read: u64,
    changed: u64,
    repeated: u64,
    /// What was rejected.
    told: Told,
    /// Rows that were not asked for, and all that were sent.
    strays: (u64, u64),
    warnings: Vec<String>,
}

impl Family {
    /// Exports the family and tells the outcome in the progress.
    pub(super) async fn export(self: &Arc<Self>, run: &Arc<Run>) -> Result<(), ()> {
        for place in &self.places {
            run.progress.tables[*place].set(State::Reading);
        }
        let began = Instant::now();
        let mut refreshed = Refreshed::default();
        let outcome = self.refresh(run, &mut refreshed).await;
        refreshed.warn(self.strays(refreshed.strays));
        for (at, place) in self.places.iter().enumerate() {
            let mut report = self.report(run, at);
            report.seconds = began.elapsed().as_secs_f64();
            // What was committed before a failure is there all the same.
            refreshed.tell(at, &mut report);
            if let Err(error) = &outcome {
                report.status = Status::Failed;
                report.error = Some(Failure::from(error));
            }
            run.progress.tables[*place].set(State::Ended(Box::new(report)));
        }
        outcome.map_err(drop)
    }

    /// What to tell where the vendor did not honour its filter.
    fn strays(&self, (rows, of): (u64, u64)) -> Option<String> {
        let cursor = self.table.replication.cursor.as_ref().filter(|_| rows > 0)?;
        Some(format!(
            "{rows} of {of} rows that the vendor sent lie outside the range of `{cursor}` that was asked for, and were left out: it does not honour the filter, so a run reads more than it needs to"
        ))
    }

    /// Tells that the family was not reached.
    pub(super) fn skip(&self, run: &Run, reason: Option<&str>) {
        for (at, place) in self.places.iter().enumerate() {
            let mut report = self.report(run, at);
            report.status = Status::Skipped;
            report.warning = reason.map(str::to_owned);
            run.progress.tables[*place].set(State::Ended(Box::new(report)));
        }
    }

    /// One cycle, and those that it calls for.
    async fn refresh(self: &Arc<Self>, run: &Arc<Run>, refreshed: &mut Refreshed) -> Result<()> {
        let tables = self.tables_with_histories();
        let base = self.base(run, &tables).await?;
        let parent = base.first().and_then(Option::as_ref);
        let family = self.expected(run, parent, &mut refreshed.warnings).await?;
        let outcome = family.refresh_from(run, base, refreshed).await;
        outcome.map_err(|error| match error.kind() {
            Kind::Refused if !family.table.fields.is_empty() => error.hint(format!(
                "the table is read with the custom fields that are its columns: the token's user needs the permission to see them; `afluente fields diff {}` shows them",
                self.connection.name
            )),
            _ => error,
        })
    }

    /// Goes on from these manifests.
    async fn refresh_from(self: &Arc<Self>, run: &Arc<Run>, base: Vec<Option<Manifest>>, refreshed: &mut Refreshed) -> Result<()> {
        let tables = self.tables_with_histories();
        let parent = base.first().and_then(Option::as_ref);
        if let Some(reason) = self.is_other(&base) {
            refreshed.warnings.push(format!("everything was read again: {reason}"));
        }
        let step = self.step(run, &base);
        if run.options.range != (None, None) && step.kind != StepKind::Backfill {
            let what = if step.reads_all() {
                "all of it was read, which brings what --from and --until ask for with the rest"
            } else {
                "its first load was not finished: that was gone on with, which brings what --from and --until ask for with the rest"
            };
            refreshed.warnings.push(what.to_owned());
        }
        let reconciles = self
            .reconcile()
            .filter(|_| step.kind == StepKind::Refresh && step.mode != Mode::Full && self.is_due(run, parent));
        let ended = self.settled(run, &tables, step.clone(), base, refreshed).await?;
        if let Err(error) = self.catch_up(run, &tables, &step, ended, refreshed).await {
            // The table is whole as of when its read began, and its savepoint says so: the next run goes on from there.
            refreshed.warnings.push(format!(
                "committed, but what changed while it was read is left to the next run: {}",
                error.message()
            ));
        }
        if reconciles.is_some() {
            let base = self.base(run, &tables).await?;
            let reconciled = self.settled(run, &tables, self.reconcile_step(step.mode), base, refreshed).await;
            if let Err(error) = reconciled {
                if error.kind() == Kind::Shrink
                    && let Err(unnoted) = self.note_try(run).await
                {
                    refreshed.warnings.push(format!(
                        "that `reconcile` was tried could not be noted, so the next run tries it again: {}",
                        unnoted.message()
                    ));
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Reads what changed while the table was read page by page.
    async fn catch_up(
        self: &Arc<Self>,
        run: &Arc<Run>,
        tables: &Arc<Vec<Table>>,
        step: &Step,
        ended: Ended,
        refreshed: &mut Refreshed,
    ) -> Result<()> {
        if self.table.replication.mode != Mode::Incremental || step.kind == StepKind::Backfill {
            return Ok(());
        }
        // One page is of one moment. Where nothing changed the savepoint stays, and the next run reads what changed meanwhile.
        let since = |ended: &Ended| (ended.summary.pages > 1 && ended.changed > 0).then_some(ended.summary.began);
        let mut next = match &step.kind {
            // What it has passed since it began is of several moments, whatever it read now.
            StepKind::Load { resume: Some(resume) } => Some(resume.began),
            _ => since(&ended),
        };
        for _ in 0..CATCH_UPS {
            let Some(from) = next else { break };
            let base = self.base(run, tables).await?;
            let ended = self.settled(run, tables, Step::catch_up(from), base, refreshed).await?;
            next = since(&ended);
        }
        Ok(())
    }

    /// A cycle, begun again if another run commits first: if that did the same work, it finds nothing new.
    async fn settled(
        self: &Arc<Self>,
        run: &Arc<Run>,
        tables: &Arc<Vec<Table>>,
        mut step: Step,
        mut base: Vec<Option<Manifest>>,
        refreshed: &mut Refreshed,
    ) -> Result<Ended> {
        let mut lost = 0;
        for _ in 0..ATTEMPTS {
            let began_from = versions(&base);
            let mut ended = match Box::pin(self.cycle(run, tables, base, &step, &refreshed.told)).await {
                // What another run commits meanwhile takes the files away that this one reads, or has begun to write.
                Err(error) if matches!(error.kind(), Kind::Store | Kind::Conflict) => {
                    base = self.base(run, tables).await?;
                    if !is_overtaken(&began_from, &base, &run.id) {
                        return Err(error);
                    }
                    if let Some(lease) = run.leases.get(&self.connection.name) {
                        lease.check().await?;
                    }
                    lost = base.first().and_then(|base| Some(base.as_ref()?.version)).unwrap_or_default();
                    step = self.again(run, step, &base);
                    continue;
                }
                ended => ended?,
            };
            refreshed.told.merge(std::mem::take(&mut ended.told));
            refreshed.add(&step, &ended);
            refreshed.warn(ended.summary.warning(&self.table));
            match &ended.outcome {
                Outcome::Committed(manifests) => {
                    if let Err(error) = self.sweep(run, tables, manifests, step.reads_all().then_some(&ended.since)).await {
                        refreshed.warnings.push(format!(
                            "committed, but superseded files could not be deleted, so a plain glob sees rows twice: {}",
                            error.message()
                        ));
                    }
                    return Ok(ended);
                }
                Outcome::Unchanged(_) => {
                    // The same rows may be told of otherwise: a value that is none may have followed another, or null.
                    if ended.supersedes
                        && let Err(error) = self.sweep(run, tables, &[], Some(&ended.since)).await
                    {
                        refreshed.warnings.push(format!(
                            "unchanged, but what older runs rejected could not be deleted: {}",
                            error.message()
                        ));
                    }
                    if lost > 0 {
                        refreshed.warnings.push(format!(
                            "another run committed version {lost} while this one was reading; it did the same work, and its content stands"
                        ));
                    }
                    return Ok(ended);
                }
                Outcome::Lost(version) => lost = *version,
            }
            // From where the other run left off.
            base = self.base(run, tables).await?;
            step = self.again(run, step, &base);
        }
        Err(self.lost(lost))
    }

    /// The step that goes on from where another run left off.
    fn again(&self, run: &Run, step: Step, base: &[Option<Manifest>]) -> Step {
        match step.kind {
            // Also a backfill: the other run may have begun a load, which has to be gone on with first.
            StepKind::Load { .. } | StepKind::Refresh | StepKind::Backfill => self.step(run, base),
            StepKind::Reconcile => step,
        }
    }

    /// The newest manifests.
    async fn base(&self, run: &Run, tables: &[Table]) -> Result<Vec<Option<Manifest>>> {
        // A lake that hangs must not hold a run that was asked to stop.
        let base = intake::base(&run.lake, &self.connection.name, tables);
        self.client.stop().race(base).await
    }

    /// Deletes what the manifests supersede, and after a read of everything what was rejected before it.
    async fn sweep(&self, run: &Run, tables: &[Table], manifests: &[Manifest], read_all: Option<&String>) -> Result<()> {
        for manifest in manifests.iter().filter(|manifest| manifest.run_id == run.id) {
            commit::sweep(&run.lake, manifest, run.options.retention).await?;
        }
        if let Some(since) = read_all {
            let tables: Vec<&str> = tables.iter().map(|table| table.id.as_str()).collect();
            rejected::supersede(&run.lake, &self.connection.name, &tables, since).await?;
        }
        Ok(())
    }

    /// How often rows that are gone are looked for, where a refresh cannot see them.
    pub(super) fn reconcile(&self) -> Option<Duration> {
        let own = self.connection.tables.get(&self.table.id).and_then(|table| table.reconcile);
        own.or(self.connection.reconcile)
            .filter(|_| self.table.replication.mode != Mode::Full)
    }

    fn is_due(&self, run: &Run, parent: Option<&Manifest>) -> bool {
        // A look that was broken off is made again after its own time, unless the user has just said how much may go.
        let tried = parent
            .and_then(|parent| parent.reconcile_tried_at)
            .filter(|_| run.options.max_shrink.is_none());
        let last = parent.and_then(|parent| parent.reconciled_at).max(tried);
        let every = self.reconcile().and_then(|every| chrono::Duration::from_std(every).ok());
        every.is_some_and(|every| last.is_none_or(|last| Utc::now() - last >= every))
    }

    pub(super) fn check_limits(&self, run: &Run, step: &Step, tables: &[Table], counts: &[Counts]) -> Result<()> {
        let hint = format!(
            "see {}: each row names key, column, raw text and reason; a path or a format is one line in schemas/{}/{}.toml",
            run.lake.url(&rejected_folder(&self.connection.name)),
            self.connection.source.id,
            self.table.id
        );
        for (table, counts) in tables.iter().zip(counts) {
            let bound = run.options.max_rejected;
            let is_whole = step.reads_all() || matches!(step.kind, StepKind::Load { .. });
            let is_passed = match is_whole {
                true => bound.is_passed(counts.rejected_records, counts.records),
                false => bound.is_passed_by_part(counts.rejected_records, counts.records),
            };
            if is_passed {
                return Err(Error::new(
                    Kind::Data,
                    format!(
                        "{} of {} records of `{}` have no usable primary key ({}): more than --max-rejected {} lets pass",
                        counts.rejected_records,
                        counts.records,
                        table.id,
                        table.primary_key.join(", "),
                        bound
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

    fn tables_with_histories(&self) -> Arc<Vec<Table>> {
        let histories = self.histories().into_iter().map(|history| history.table);
        Arc::new(self.tables().into_iter().chain(histories).collect())
    }

    /// The table, then its children.
    pub(super) fn tables(&self) -> Vec<Table> {
        let children = self
            .table
            .children
            .iter()
            .filter_map(|child| self.connection.source.tables.get(child).cloned());
        std::iter::once(self.table.clone()).chain(children).collect()
    }

    pub(super) fn report(&self, run: &Run, at: usize) -> TableReport {
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
            savepoint: None,
            rows: 0,
            rows_read: 0,
            rows_changed: 0,
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
            columns_gone: Vec::new(),
            columns_bad: Vec::new(),
            warning: None,
            error: None,
        }
    }
}

impl Refreshed {
    fn add(&mut self, step: &Step, ended: &Ended) {
        self.mode = self.mode.or(Some(step.mode));
        self.rows_read += ended.rows_read;
        self.changed += ended.changed;
        self.repeated += ended.summary.repeated;
        self.strays = (self.strays.0 + ended.strays.rows, self.strays.1 + ended.strays.of);
        if let Some(reason) = &ended.summary.unavailable {
            self.warnings.push(reason.clone());
        }
        self.counts.resize(ended.counts.len(), Counts::default());
        // Records of which only the key was read were told of by the read before.
        if step.kind != StepKind::Reconcile {
            self.counts.iter_mut().zip(&ended.counts).for_each(|(sum, counts)| *sum += *counts);
        }
        self.silent.resize(ended.silent.len(), Silent::default());
        for (silent, later) in self.silent.iter_mut().zip(&ended.silent) {
            silent.add(later.clone());
        }
        match &ended.outcome {
            Outcome::Committed(manifests) => (self.committed, self.manifests) = (true, manifests.clone()),
            Outcome::Unchanged(manifests) => self.manifests = manifests.clone(),
            Outcome::Lost(_) => {}
        }
    }

    /// Adds a warning that another cycle has not given already.
    fn warn(&mut self, warning: Option<String>) {
        self.warnings.extend(warning.filter(|warning| !self.warnings.contains(warning)));
    }

    fn tell(&self, at: usize, report: &mut TableReport) {
        report.mode = self.mode.unwrap_or(Mode::Full).name();
        if let Some(manifest) = self.manifests.get(at) {
            report.status = if self.committed { Status::Committed } else { Status::Unchanged };
            report.version = Some(manifest.version);
            report.rows = manifest.rows;
            report.files = manifest.entries.len() as u64;
            report.bytes = manifest.bytes;
            report.savepoint = manifest.savepoint;
        }
        if let Some(counts) = self.counts.get(at) {
            report.rejected_records = counts.rejected_records;
            report.bad_cells = counts.bad_cells;
        }
        if at == 0 {
            report.repeated_records = self.repeated;
            report.rows_read = self.rows_read;
            report.rows_changed = self.changed;
        }
        let mut warnings = self.warnings.clone();
        let twins = self.counts.get(at).map_or(0, |counts| counts.twins);
        if twins > 0 {
            warnings.push(format!(
                "{twins} records have the primary key of another record and other content: the first of each key is the row, the others are in _rejected"
            ));
        }
        if let Some(silent) = self.silent.get(at) {
            report.columns_gone = silent.gone.keys().cloned().collect();
            report.columns_bad = silent.bad.iter().cloned().collect();
            warnings.extend(silent.warnings(&report.source, &report.table));
        }
        report.warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    }
}

fn versions(base: &[Option<Manifest>]) -> Vec<Option<u64>> {
    base.iter().map(|base| base.as_ref().map(|base| base.version)).collect()
}

/// Whether another run has committed since. This one's own checkpoints are no news.
fn is_overtaken(began_from: &[Option<u64>], now: &[Option<Manifest>], run_id: &str) -> bool {
    let is_other = |(now, before): (&Option<Manifest>, &Option<u64>)| {
        now.as_ref().is_some_and(|now| Some(now.version) > *before && now.run_id != run_id)
    };
    now.iter().zip(began_from).any(is_other)
}
