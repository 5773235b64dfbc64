//! A run while the vendors are silent: what the lake has stays, and the run says that it failed.

use std::sync::atomic::{AtomicU64, Ordering};

use super::plan::{Plan, must_succeed, run};
use super::{Fate, History, Process, text};
use crate::commit;
use crate::export::tests::content::{Content, content};
use crate::export::{Limit, Options, RunReport, Status, TableReport};
use crate::sandbox::Silence;
use crate::schema::Mode;
use crate::store::Lake;

/// Runs of all histories that asked whether a table is empty that is.
pub static EMPTIED: AtomicU64 = AtomicU64::new(0);

impl History {
    /// Nothing changes at the vendors, but they give nothing, or answer 404 for each row of another table.
    pub(super) async fn run_in_silence(&mut self) -> Result<(), String> {
        let silence = if self.rng.bool() { Silence::Empty } else { Silence::Missing };
        if silence == Silence::Missing {
            // What vanished before would go by this run rightly.
            let plain = Plan {
                connections: self.account.connections.clone(),
                options: Options::default(),
                small_index: false,
                leased: true,
            };
            self.steps.push("run, before the silence".to_owned());
            self.expect_free(true).await?;
            let lake = Process::new(&self.fake, Fate::Lives).lake();
            self.run_well(plain, &lake).await?;
        }
        let (plan, of_plan) = self.plan();
        self.steps.push(format!("run{of_plan} in silence: {silence:?}"));
        self.expect_free(plan.leased).await?;
        let lake = Process::new(&self.fake, Fate::Lives).lake();
        let before = content(&lake).await?;
        let unfinished = commit::content(&lake).await.map_err(text)?;
        let unfinished = unfinished.into_iter().filter(|manifest| manifest.resume.is_some());
        let unfinished: Vec<String> = unfinished.map(|manifest| manifest.table).collect();
        let is_plain = plan.options.range == (None, None);
        self.account.sandbox.fall_silent(Some(silence));
        let report = run(plan, &lake).await;
        self.account.sandbox.fall_silent(None);
        let report = report?;
        let after = content(&lake).await?;
        // By 404 nothing is withheld but the rows of other tables' rows: the rest of the account is told as it is.
        let withheld = |table: &&String| silence == Silence::Empty || self.is_asked_row_by_row(table);
        for (table, rows) in before.iter().filter(|(table, _)| withheld(table)) {
            let lost = rows.iter().filter(|row| !after.get(table).is_some_and(|after| after.contains(row)));
            if let Some(row) = lost.into_iter().next() {
                return Err(format!("{table} lost rows to the silence of the vendor: {row:.300}"));
            }
        }
        let told = |table: &&TableReport| {
            table.exploded_from.is_none() && is_plain && !unfinished.contains(&table.table) && self.is_read_whole(table, silence, &before)
        };
        match report.tables.iter().filter(told).find(|table| table.status != Status::Failed) {
            None => Ok(()),
            Some(table) => Err(format!(
                "{}.{} has rows, its vendor gave none, and it was {:?}",
                table.connection, table.table, table.status
            )),
        }
    }

    fn is_asked_row_by_row(&self, name: &str) -> bool {
        let fetches = self.account.connections.iter().flat_map(|connection| {
            let tables = connection.source.tables.values();
            tables.filter_map(|table| Some((format!("{}.{}", connection.name, table.id), table.fetch()?)))
        });
        fetches.into_iter().any(|(table, fetch)| table == name && fetch.for_each.is_some())
    }

    /// A run that no vendor keeps silent from. Where a table has lost its last row, and nothing tells that from silence, it says so and is made again as its hint says.
    pub(super) async fn run_well(&self, plan: Plan, lake: &Lake) -> Result<(), String> {
        let said_yes = Plan {
            connections: plan.connections.clone(),
            options: Options {
                max_shrink: Some(Limit::Percent(100.0)),
                ..plan.options.clone()
            },
            ..plan
        };
        let report = run(plan, lake).await?;
        if self.is_asked(&report) {
            return must_succeed(run(said_yes, lake).await?);
        }
        must_succeed(report)
    }

    /// Whether all that failed asks whether a table is empty, and it is.
    pub(super) fn is_asked(&self, report: &RunReport) -> bool {
        let rows = self.account.sandbox.row_counts();
        let is_emptied = |report: &TableReport| {
            let name = report.exploded_from.as_ref().unwrap_or(&report.table);
            let told = report
                .error
                .as_ref()
                .is_some_and(|error| error.message.contains("would shrink") && error.message.contains("all of them"));
            told && rows.contains(&(format!("{}.{name}", report.source), 0))
        };
        let mut failed = report.tables.iter().filter(|table| !table.status.is_done()).peekable();
        let is_asked = failed.peek().is_some() && failed.all(is_emptied);
        EMPTIED.fetch_add(u64::from(is_asked), Ordering::Relaxed);
        is_asked
    }

    /// Whether a run reads all of the table, which has rows.
    fn is_read_whole(&self, table: &TableReport, silence: Silence, before: &Content) -> bool {
        let connection = self.account.connections.iter().find(|one| one.name == table.connection);
        let Some(connection) = connection else { return false };
        let mode = connection.tables.get(&table.table).and_then(|config| config.mode);
        let declared = &connection.source.tables[&table.table];
        let name = format!("{}.{}", table.connection, table.table);
        let (by_row, rows) = (self.is_asked_row_by_row(&name), before.get(&name).map_or(0, Vec::len));
        rows > 0 && mode.unwrap_or(declared.replication.mode) == Mode::Full && (silence == Silence::Empty || by_row)
    }
}
