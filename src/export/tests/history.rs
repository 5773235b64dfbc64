//! One random history of an account and its lake.

mod accounts;
mod plan;
pub mod silence;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use uuid::Uuid;

use super::account::Account;
use super::process::{Fate, Process};
use crate::error::Kind;
use crate::export::{Moment, Options, TableReport};
use crate::lease::lease_folder;
use crate::store::Lake;
use crate::store::fake::Fake;
use crate::vacuum::{self, vacuum};
use plan::{Plan, compact_all, must_succeed, run};

/// Longer than a lease lives unheard of.
const LONG: Duration = Duration::from_secs(121);

/// An account, a lake, and what was done to them.
pub struct History {
    rng: Rng,
    account: Account,
    fake: Fake,
    pub steps: Vec<String>,
    /// Rows may have been deleted that only a reconcile finds.
    deletes: bool,
    /// A killed run may have left its leases.
    leases_left: bool,
    /// Tokens that were given out.
    tokens: u32,
}

impl History {
    pub async fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let account = Account::new(&mut rng).await;
        let mut steps = vec![format!("start {:?}, rows {:?}", account.start, rows(&account))];
        for connection in &account.connections {
            let tables = connection.tables.iter().map(|(table, config)| {
                let size = connection.source.tables[table].fetch().and_then(|fetch| fetch.pagination.size());
                format!(
                    "{table} (mode {:?}, lookback {:?}, past {:?}, pages of {size:?})",
                    config.mode, config.lookback, config.past
                )
            });
            steps.push(format!(
                "{}, checkpoint {:?}: {}",
                connection.name,
                connection.checkpoint,
                tables.collect::<Vec<_>>().join(", ")
            ));
        }
        Self {
            deletes: rng.u8(..3) > 0,
            leases_left: false,
            tokens: 0,
            fake: Fake::new(),
            account,
            steps,
            rng,
        }
    }

    /// Lives the history to its end, and looks at what it leaves.
    pub async fn live(&mut self) -> Result<(), String> {
        // Before the first change the vendors tell the time of this machine.
        self.change()?;
        for _ in 0..self.rng.usize(2..9) {
            if self.rng.u8(..12) == 0 {
                self.change_accounts().await?;
                continue;
            }
            match self.rng.u8(..100) {
                0..30 => self.change()?,
                30..45 => self.run_alone().await?,
                45..57 => self.run_while_it_changes().await?,
                57..75 => self.run_killed().await?,
                75..82 => self.run_asleep().await?,
                82..89 => self.run_twice().await?,
                89..92 => self.vacuum_at_random().await?,
                92..94 => self.compact_at_random().await?,
                94..97 => self.run_in_silence().await?,
                _ => {
                    let text = self.account.reconfigure(&mut self.rng);
                    self.steps.push(format!("reconfigure {text}"));
                }
            }
        }
        self.end().await
    }

    /// Changes rows.
    fn change(&mut self) -> Result<(), String> {
        let names = self.account.changing();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (seed, changes) = (self.rng.u64(..), self.rng.u64(1..40));
        if names.is_empty() {
            return Ok(());
        }
        if !self.deletes || self.rng.u8(..3) == 0 {
            for _ in 0..self.rng.u8(1..4) {
                let text = self.account.change_one(&mut self.rng);
                self.steps.extend(text);
            }
        } else if self.rng.u8(..4) > 0 {
            let changed = self.account.sandbox.churn(seed, changes, &names).map_err(text)?;
            self.steps.push(format!("churn {changed:?}"));
            return Ok(());
        }
        if self.rng.bool()
            && let Ok(changed) = self.account.sandbox.churn_in_bulk(seed, changes, &names)
        {
            self.steps.push(format!("bulk {changed:?}"));
        }
        Ok(())
    }

    /// A random run.
    fn plan(&mut self) -> (Plan, String) {
        let mut options = Options::default();
        let mut text = String::new();
        match self.rng.u8(..100) {
            0..10 => {
                options.full_refresh = true;
                text.push_str(" --full-refresh");
            }
            10..25 => {
                options.range = self.range();
                text.push_str(&format!(" --from/--until {:?}", options.range));
            }
            _ => {}
        }
        if self.rng.u8(..3) == 0 {
            options.retention = Duration::from_secs(600);
            text.push_str(" retention");
        }
        let small_index = self.rng.u8(..5) == 0;
        let leased = self.rng.u8(..4) > 0;
        let reconciles = self.rng.u8(..8) == 0;
        for (is, word) in [(small_index, " small-index"), (leased, " leased"), (reconciles, " reconcile")] {
            if is {
                text.push_str(word);
            }
        }
        let connections = if reconciles {
            self.account.reconciling()
        } else {
            self.account.connections.clone()
        };
        let plan = Plan {
            connections,
            options,
            small_index,
            leased,
        };
        (plan, text)
    }

    /// A range around the present; never before `start`, because such rows are not in what the lake is compared with.
    fn range(&mut self) -> (Option<Moment>, Option<Moment>) {
        let now: DateTime<Utc> = self.account.sandbox.now().parse().unwrap_or_default();
        let mut at = |hours: std::ops::Range<i64>| now + TimeDelta::hours(self.rng.i64(hours));
        let start = self.account.start.map(|start| Moment::Day(start).at(chrono_tz::America::Sao_Paulo));
        let from = at(-2000..10);
        let from = Moment::Instant(start.map_or(from, |start| start.max(from)));
        let until = Moment::Instant(at(-100..2000));
        match self.rng.u8(..3) {
            0 => (Some(from), None),
            1 if start.is_none() => (None, Some(until)),
            _ => (Some(from), Some(until)),
        }
    }

    async fn run_alone(&mut self) -> Result<(), String> {
        let (plan, text) = self.plan();
        self.steps.push(format!("run{text}"));
        self.expect_free(plan.leased).await?;
        let process = Process::new(&self.fake, Fate::Lives);
        self.run_well(plan, &process.lake()).await
    }

    async fn run_while_it_changes(&mut self) -> Result<(), String> {
        if !self.deletes {
            return Ok(());
        }
        let (plan, text) = self.plan();
        let rate = [0.1, 0.3, 0.7][self.rng.usize(..3)];
        self.steps.push(format!("run while {rate} changes follow each reply{text}"));
        self.expect_free(plan.leased).await?;
        self.unrest(rate)?;
        let process = Process::new(&self.fake, Fate::Lives);
        let report = run(plan, &process.lake()).await;
        self.unrest(0.0)?;
        let report = report?;
        // Few rows that change this often may have no order that can be followed. The table says so, and stays as it was.
        let restless = |table: &TableReport| {
            table
                .error
                .as_ref()
                .is_some_and(|error| error.message.contains("found another each time"))
        };
        if report.tables.iter().any(restless) {
            self.steps.push("  it could not be read".to_owned());
            return Ok(());
        }
        if self.is_asked(&report) {
            return Ok(());
        }
        must_succeed(report)
    }

    async fn run_killed(&mut self) -> Result<(), String> {
        let (plan, text) = self.plan();
        let (at, done) = (self.operation(), self.rng.bool());
        let churn = self.deletes && self.rng.bool();
        self.steps.push(format!(
            "run{text} killed at operation {at}{}{}",
            if done { ", done" } else { "" },
            if churn { " while it changes" } else { "" }
        ));
        self.expect_free(plan.leased).await?;
        if churn {
            self.unrest(1.0)?;
        }
        let leased = plan.leased;
        let process = Process::new(&self.fake, Fate::Killed { at, done });
        // Nobody hears what became of it.
        let _ = run(plan, &process.lake()).await;
        self.unrest(0.0)?;
        let died = process.operations() > at;
        self.steps.push(if died {
            "  it died".to_owned()
        } else {
            "  it ended before".to_owned()
        });
        self.leases_left |= died && leased;
        Ok(())
    }

    /// A run falls asleep; another one does all of its work, or more; the first goes on.
    async fn run_asleep(&mut self) -> Result<(), String> {
        let ((sleeper, of_sleeper), (other, of_other)) = (self.plan(), self.plan());
        let at = self.operation();
        self.steps
            .push(format!("run{of_sleeper} asleep at operation {at}, meanwhile run{of_other}"));
        self.expect_free(sleeper.leased || other.leased).await?;
        let takes_over = sleeper.leased && other.leased;
        let process = Process::new(&self.fake, Fate::Sleeps { at });
        let sleeping = async { run(sleeper, &process.lake()).await.map(drop) };
        tokio::pin!(sleeping);
        tokio::select! {
            ended = &mut sleeping => {
                self.steps.push("  it ended before".to_owned());
                // Without others it has no excuse, but it may have waited for nothing.
                return ended;
            }
            () = process.sleeps() => {}
        }
        if self.rng.bool() {
            self.change()?;
        }
        if takes_over {
            self.fake.advance(LONG);
        }
        let meanwhile = async {
            let lake = Process::new(&self.fake, Fate::Lives).lake();
            let report = run(other, &lake).await;
            process.wake();
            report
        };
        let (_, report) = tokio::join!(&mut sleeping, meanwhile);
        let report = report?;
        if !self.is_asked(&report) {
            must_succeed(report)?;
        }
        self.steps.push("  both ended".to_owned());
        Ok(())
    }

    /// Two runs that nothing keeps apart.
    async fn run_twice(&mut self) -> Result<(), String> {
        let ((mut one, of_one), (mut two, of_two)) = (self.plan(), self.plan());
        (one.leased, two.leased) = (false, false);
        let churn = self.deletes && self.rng.bool();
        self.steps.push(format!(
            "two runs at once{}:{of_one} |{of_two}",
            if churn { " while it changes" } else { "" }
        ));
        if churn {
            self.unrest(0.5)?;
        }
        let lake = || Process::new(&self.fake, Fate::Lives).lake();
        let lakes = (lake(), lake());
        let reports = tokio::join!(run(one, &lakes.0), run(two, &lakes.1));
        self.unrest(0.0)?;
        for report in [reports.0?, reports.1?] {
            if let Some(error) = report.tables.iter().find_map(|table| table.error.as_ref())
                && !error.message.contains("another run committed")
            {
                // What one reads, the other may sweep: it says so, and the next run is right.
                self.steps.push(format!("  one failed: {}", error.message));
            }
        }
        Ok(())
    }

    async fn vacuum_at_random(&mut self) -> Result<(), String> {
        let fate = self.fate();
        self.steps.push(format!("vacuum {fate:?}"));
        let process = Process::new(&self.fake, fate);
        let retention = if self.rng.bool() {
            Duration::ZERO
        } else {
            Duration::from_secs(600)
        };
        let outcome = vacuum(&process.lake(), &Uuid::now_v7().to_string(), &vacuum_options(retention)).await;
        self.leases_left |= fate != Fate::Lives;
        if fate == Fate::Lives {
            let outcome = outcome.map_err(|error| format!("vacuum: {error:?}"))?;
            if !outcome.failed.is_empty() {
                return Err(format!("vacuum: {:?}", outcome.failed));
            }
        }
        Ok(())
    }

    async fn compact_at_random(&mut self) -> Result<(), String> {
        let fate = self.fate();
        self.steps.push(format!("compact {fate:?}"));
        let lake = Process::new(&self.fake, fate).lake();
        match compact_all(&lake).await {
            Err(error) if fate == Fate::Lives && error.kind() != Kind::Conflict => Err(format!("compact: {error:?}")),
            _ => Ok(()),
        }
    }

    /// Makes sure that what a killed run left keeps nobody out, in one of the ways in which that ends.
    async fn expect_free(&mut self, leased: bool) -> Result<(), String> {
        if !leased || !std::mem::take(&mut self.leases_left) {
            return Ok(());
        }
        if self.rng.bool() {
            self.fake.advance(LONG);
            return Ok(());
        }
        // Its process was another one, which is gone: its number is that of this one, which began at another time.
        let lake = Lake::over(Arc::new(self.fake.clone()));
        for connection in &self.account.connections {
            for object in lake.list(&lease_folder(&connection.name)).await.map_err(text)? {
                let Some(bytes) = lake.get(&object.path).await.map_err(text)? else {
                    continue;
                };
                let mut record: serde_json::Value = serde_json::from_slice(&bytes).map_err(text)?;
                record["process"]["started"] = 1.into();
                lake.put(&object.path, serde_json::to_vec(&record).map_err(text)?)
                    .await
                    .map_err(text)?;
            }
        }
        Ok(())
    }

    /// Changes that follow each reply, from now on.
    fn unrest(&mut self, rate: f64) -> Result<(), String> {
        let names = self.account.changing();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // No name would name all tables.
        let rate = if names.is_empty() { 0.0 } else { rate };
        self.account.sandbox.churn_replies(self.rng.u64(..), rate, &names).map_err(text)
    }

    /// A number of an operation: small ones more often.
    fn operation(&mut self) -> usize {
        let most = self.rng.usize(1..=120);
        self.rng.usize(..most)
    }

    fn fate(&mut self) -> Fate {
        if self.rng.bool() {
            return Fate::Lives;
        }
        Fate::Killed {
            at: self.operation(),
            done: self.rng.bool(),
        }
    }
}

fn vacuum_options(retention: Duration) -> vacuum::Options {
    vacuum::Options {
        connections: Vec::new(),
        retention,
        older_than: Duration::from_secs(3600),
        dry_run: false,
    }
}

fn rows(account: &Account) -> Vec<(String, u64)> {
    let mut counts = account.sandbox.row_counts();
    counts.retain(|(table, _)| account.subjects.iter().any(|subject| subject.name() == *table));
    counts
}

fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
