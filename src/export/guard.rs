//! The guard against tables that shrink: what a read would take from the lake is held against a bound before anything of it is committed. A vendor that is silent, an
//! outage, a permission withdrawn, a member renamed: all of them look like rows that are gone.
//!
//! | what would go | is it let pass? |
//! |---|---|
//! | more than the bound: `max_shrink`, by default half of the rows in the range of the read, and more than a hundred | no |
//! | all rows in the range, where the vendor said so, and they are few | yes |
//! | all rows in the range else | no |
//! | rows exploded from one row of the parent | yes: that row was read, and is evidence |
//! | rows exploded from several rows, all of those that were read | only if a record had the array that they are in |
//!
//! *The vendor said so*: its own count came and is 0; or rows of another range came, so that it is not silent. What a read takes is told in `docs/refresh.md`.

use super::step::{Kind as StepKind, Step};
use super::{Family, Limit, Run};
use crate::commit::{self, Manifest};
use crate::decode::{Counts, Noticed};
use crate::error::{Error, Kind, Result};
use crate::merge::Loss;
use crate::read::{self, ReadOptions, ReadSummary};
use crate::schema::Table;

/// Times that a read which brought nothing is made again where rows would go.
pub(super) const READ_AGAIN: u32 = 2;

/// Rows up to which a vendor is believed that says that there are none. A window of an account may lose its last rows any hour; a whole table of more does not.
const FEW: u64 = 10;

/// What a read brought, beside its rows.
#[derive(Debug)]
pub(super) struct Answer {
    pub summary: ReadSummary,
    pub counts: Vec<Counts>,
    /// For each table: whether a record had what it is made of.
    pub listed: Vec<bool>,
    /// For each table: what the rows show of its columns.
    pub noticed: Vec<Noticed>,
    /// The vendor gave rows of another range than the one that was read.
    pub speaks: bool,
}

impl Answer {
    /// Whether the vendor said that there is nothing in the range, rather than nothing at all.
    fn vouches(&self, step: &Step) -> bool {
        // Rows that came but lie outside the range show that it is not silent. Keys that came and are none of the lake's show only that they are others.
        let came = self.summary.rows > 0 && step.kind != StepKind::Reconcile;
        self.speaks || came || self.summary.counted == Some(0)
    }
}

impl Family {
    /// Whether a read that brought this is made again.
    pub(super) fn is_silence(summary: &ReadSummary, at_stake: u64) -> bool {
        summary.rows == 0 && at_stake > 0 && summary.unavailable.is_none()
    }

    /// Whether the vendor gives rows from before the range of a read that brought nothing.
    pub(super) async fn speaks(&self, step: &Step, options: &ReadOptions, meter: &crate::http::Meter) -> Result<bool> {
        let is_part = match &step.kind {
            StepKind::Refresh | StepKind::Backfill => step.from.is_some() || step.until.is_some(),
            // What was read before the mark is elsewhere.
            StepKind::Load { resume } => resume.is_some(),
            StepKind::Reconcile => false,
        };
        if !is_part || self.table.fetch().is_none_or(|fetch| fetch.for_each.is_some()) {
            return Ok(false);
        }
        let elsewhere = match step.kind {
            StepKind::Load { .. } => ReadOptions {
                resume: None,
                ..options.clone()
            },
            _ => ReadOptions {
                from: if step.from.is_some() { None } else { step.until },
                until: step.from,
                ..options.clone()
            },
        };
        read::gives_rows(&self.client, &self.connection.source, &self.table, &elsewhere, meter).await
    }

    /// The bound for a table: that of the run, of the table, of the table that it is exploded from.
    pub(super) fn max_shrink(&self, run: &Run, table: &str) -> Limit {
        let of = |table: &str| self.connection.tables.get(table).and_then(|config| config.max_shrink);
        let chosen = run.options.max_shrink.or_else(|| of(table)).or_else(|| of(&self.table.id));
        chosen.unwrap_or(Limit::DEFAULT_SHRINK)
    }

    /// Whether the user said that everything may go: rows of another host are to be replaced.
    fn is_to_be_replaced(&self, run: &Run, parent: Option<&Manifest>) -> bool {
        run.options.full_refresh && self.other_host(parent).is_some()
    }

    /// That a table is not there says nothing of the rows that the lake has of it.
    ///
    /// # Errors
    /// `Refused` where it has some.
    pub(super) fn check_available(&self, run: &Run, parent: Option<&Manifest>, summary: &ReadSummary) -> Result<()> {
        let rows = parent.map_or(0, |parent| parent.rows);
        let Some(reason) = summary.unavailable.as_ref().filter(|_| rows > 0) else {
            return Ok(());
        };
        if self.max_shrink(run, &self.table.id).lets_all_pass() || self.is_to_be_replaced(run, parent) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Refused,
            format!("{reason}; the lake holds {rows} rows of `{}`, all of which would go, and stays as it was", self.table.id),
        )
        .hint(format!(
            "a permission may have been withdrawn, or a route renamed: `endpoint` is one line in schemas/{}/{}.toml, or a key of the table in afluente.toml; if the rows are really gone, `--max-shrink 100%` lets this run take them out",
            self.connection.source.id, self.table.id
        )))
    }

    /// The rest of a load that is gone on with may be nothing, but a vendor that gives nothing at all does not say so.
    ///
    /// # Errors
    /// `Data` where it does not.
    pub(super) fn check_resumed(&self, run: &Run, parent: Option<&Manifest>, step: &Step, answer: &Answer) -> Result<()> {
        let rows = parent.map_or(0, |parent| parent.rows);
        let is_resumed = matches!(step.kind, StepKind::Load { resume: Some(_) });
        if !is_resumed
            || rows == 0
            || answer.summary.rows > 0
            || answer.vouches(step)
            || self.max_shrink(run, &self.table.id).lets_all_pass()
        {
            return Ok(());
        }
        Err(Error::new(
            Kind::Data,
            format!(
                "`{}` is not loaded to its end, its {rows} rows in the lake were given before, and now the vendor gives none of the table",
                self.table.id
            ),
        )
        .hint("the vendor may be silent, or the token's user may see less than before; the next run goes on with the load. If that is all there is, `--max-shrink 100%` ends it"))
    }

    /// Holds what a read would take from each table against its bound.
    ///
    /// # Errors
    /// `Shrink` where it is more.
    pub(super) fn check_shrink(
        &self,
        run: &Run,
        tables: &[Table],
        parent: Option<&Manifest>,
        step: &Step,
        answer: &Answer,
        losses: &[Loss],
    ) -> Result<()> {
        if self.derivation.is_some() || self.is_to_be_replaced(run, parent) {
            return Ok(());
        }
        for (at, (table, loss)) in tables.iter().zip(losses).enumerate() {
            let limit = self.max_shrink(run, &table.id);
            let gone = loss.gone.saturating_sub(loss.of_one);
            let is_all = gone > 0 && loss.gone >= loss.held;
            let is_believed = match at {
                0 => answer.vouches(step) && loss.held <= FEW,
                _ => answer.listed.get(at).copied().unwrap_or_default(),
            };
            if !limit.lets_all_pass() && (is_all && !is_believed || limit.is_passed(gone, loss.held)) {
                return Err(self.shrinks(&table.id, at, step, *loss, limit, is_all));
            }
        }
        Ok(())
    }

    /// Notes that a look for rows that are gone was broken off: a version of the same files.
    pub(super) async fn note_try(&self, run: &Run) -> Result<()> {
        if let Some(lease) = run.leases.get(&self.connection.name) {
            lease.check().await?;
        }
        let Some(latest) = commit::latest(&run.lake, &self.connection.name, &self.table.id).await? else {
            return Ok(());
        };
        let mut noted = latest.successor(&run.lake, &run.id, &[], Vec::new());
        noted.reconcile_tried_at = Some(run.started_at);
        match commit::commit(&run.lake, &noted).await? {
            commit::Outcome::Committed => commit::sweep(&run.lake, &noted, run.options.retention).await.map(drop),
            // Another run is at work, and will find out for itself.
            commit::Outcome::Conflict { .. } => Ok(()),
        }
    }

    fn shrinks(&self, table: &str, at: usize, step: &Step, loss: Loss, limit: Limit, is_all: bool) -> Error {
        let place = match at {
            0 if step.from.is_some() || step.until.is_some() => " in the range that was read".to_owned(),
            0 => String::new(),
            _ => format!(" of the rows of `{}` that were read", self.table.id),
        };
        let bound = match is_all {
            true => "all of them".to_owned(),
            false => format!("more than max_shrink ({limit}) lets pass"),
        };
        let again = match step.kind {
            StepKind::Reconcile => " by `reconcile`",
            _ => "",
        };
        Error::new(
            Kind::Shrink,
            format!(
                "`{table}` would shrink{again}: the lake holds {} rows{place}, and {} would go, {bound}; it stays as it was",
                loss.held, loss.gone
            ),
        )
        .hint(format!(
            "the vendor may be silent, or the token's user may see less than before: look at the account first. If the rows are really gone, `--max-shrink 100%` lets this run take them out; `max_shrink` in [connections.{}.tables.{table}] sets the bound for every run; where the host or the account changed, `--full-refresh` replaces the table",
            self.connection.name
        ))
    }
}
