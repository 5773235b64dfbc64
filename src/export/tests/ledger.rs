//! Random histories of a vendor whose rows are awkward: keys beyond 2^53, keys with nulls, rows that are there twice, cursors that are null or beyond the year
//! 9999, values and records that are rejected. Whatever is killed on the way, the lake holds each row once, and `_rejected/` tells what a first export rejects.

mod vendor;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use fastrand::Rng;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::content::{content, difference};
use super::process::{Fate, Process};
use crate::commit;
use crate::config::Connection;
use crate::export::{Export, IfBusy, Limit, Options, RunReport, Selection};
use crate::http::Stopper;
use crate::scan::DataFileReader;
use crate::store::Lake;
use crate::store::fake::Fake;
use crate::verify::{Level, verify};
use crate::write::rejected;
use vendor::Vendor;

/// Longer than a lease lives unheard of.
const LONG: Duration = Duration::from_secs(121);

pub struct Ledger {
    rng: Rng,
    vendor: Vendor,
    connection: Connection,
    fake: Fake,
    pub steps: Vec<String>,
}

impl Ledger {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let vendor = Vendor::new(seed, &mut rng);
        let mut connection = vendor.connection();
        if rng.u8(..4) > 0 {
            connection.checkpoint = Duration::ZERO;
        }
        Self {
            steps: vec![format!("start {}", vendor.text())],
            fake: Fake::new(),
            rng,
            vendor,
            connection,
        }
    }

    pub async fn live(&mut self) -> Result<(), String> {
        for _ in 0..self.rng.usize(1..6) {
            match self.rng.u8(..10) {
                0..3 => self.steps.push(format!("change {}", self.vendor.change(&mut self.rng))),
                3..5 => self.run(Fate::Lives).await?,
                _ => {
                    let most = self.rng.usize(1..100);
                    let (at, done) = (self.rng.usize(..most), self.rng.bool());
                    self.run(Fate::Killed { at, done }).await?;
                }
            }
        }
        self.steps.push(format!("change {}", self.vendor.change(&mut self.rng)));
        self.end().await
    }

    async fn run(&mut self, fate: Fate) -> Result<(), String> {
        let full_refresh = self.rng.u8(..8) == 0;
        self.steps
            .push(format!("run {fate:?}{}", if full_refresh { " --full-refresh" } else { "" }));
        self.fake.advance(LONG);
        let process = Process::new(&self.fake, fate);
        match run(&self.connection, &process.lake(), full_refresh).await {
            Ok(report) if fate == Fate::Lives => {
                succeeded(&report)?;
                self.tells_once().await
            }
            Err(error) if fate == Fate::Lives => Err(error),
            // Nobody hears what became of it.
            _ => Ok(()),
        }
    }

    async fn end(&mut self) -> Result<(), String> {
        self.steps.push("the end: run".to_owned());
        self.fake.advance(LONG);
        let lake = Process::new(&self.fake, Fate::Lives).lake();
        // What a load that was cut had read before may have gone since: the next run tells.
        for _ in 0..2 {
            succeeded(&run(&self.connection, &lake, false).await?)?;
            self.tells_once().await?;
        }
        let fresh = Lake::memory();
        succeeded(&run(&self.connection, &fresh, false).await?)?;
        if let Some(difference) = difference(&content(&fresh).await?, &content(&lake).await?) {
            return Err(format!("the lake is not what a first export brings:\n{difference}"));
        }
        for (table, rows) in self.vendor.rows() {
            let found = commit::latest(&lake, "demo", table)
                .await
                .map_err(text)?
                .map(|manifest| manifest.rows);
            if found != Some(rows) {
                return Err(format!("{table} has {found:?} rows, the vendor has {rows} that have a key"));
            }
        }
        self.rejects_agree(&fresh, &lake).await?;
        let before = paths(&lake).await?;
        succeeded(&run(&self.connection, &lake, false).await?)?;
        let after = paths(&lake).await?;
        if before != after {
            let new: Vec<&String> = after.iter().filter(|path| !before.contains(path)).collect();
            return Err(format!("nothing changed at the vendor, yet a run wrote {new:?}"));
        }
        let listing = lake.list("").await.map_err(text)?;
        let manifests = commit::content(&lake).await.map_err(text)?;
        let verified = verify(&lake, &listing, &manifests).await.map_err(text)?;
        // A run that was killed leaves files that no manifest lists: what vacuum is for.
        let wrong: Vec<_> = verified.findings.iter().filter(|finding| finding.level == Level::Fault).collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(format!("verify: {wrong:?}"))
        }
    }

    /// What is told of a table that was read whole is what a first export rejects; of one of which only changes are read, that and what was so before.
    async fn rejects_agree(&self, fresh: &Lake, lake: &Lake) -> Result<(), String> {
        let (expected, found) = (rejects(fresh).await?, rejects(lake).await?);
        for table in expected.keys().chain(found.keys()) {
            let none = Vec::new();
            let (expected, found) = (expected.get(table).unwrap_or(&none), found.get(table).unwrap_or(&none));
            let lost: Vec<&String> = expected.iter().filter(|reject| !found.contains(reject)).collect();
            if !lost.is_empty() {
                return Err(format!("`_rejected` of {table} lacks {lost:?}"));
            }
            if !self.vendor.is_incremental(table) && expected != found {
                return Err(format!("`_rejected` of {table} tells {found:#?}, expected {expected:#?}"));
            }
        }
        Ok(())
    }
}

impl Ledger {
    /// A run that ended leaves nothing of a table that is read whole told twice, whatever those that were killed before it had told: also where it only went on with
    /// a load.
    async fn tells_once(&self) -> Result<(), String> {
        let lake = Lake::over(Arc::new(self.fake.clone()));
        let mut rejects = rejects(&lake).await?;
        // Two passages without a key may be alike; of an incremental table only a read of everything clears what a killed one had told.
        rejects.retain(|table, _| table.starts_with("notes"));
        for (table, rejects) in rejects {
            if let Some(pair) = rejects.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(format!("`_rejected` of {table} tells twice: {}", pair[0]));
            }
        }
        Ok(())
    }
}

async fn run(connection: &Connection, lake: &Lake, full_refresh: bool) -> Result<RunReport, String> {
    let (stopper, stop) = Stopper::new();
    let options = Options {
        full_refresh,
        max_rejected: Limit::Percent(100.0),
        // Tables of few rows lose their last ones.
        max_shrink: Some(Limit::Percent(100.0)),
        ..Options::default()
    };
    let selection = Selection::default();
    let mut export = Export::plan(
        vec![connection.clone()],
        &selection,
        lake.clone(),
        options,
        (Arc::new(stopper), stop),
    )
    .map_err(text)?;
    export.lease(IfBusy::Fail, |_, _| {}).await.map_err(text)?;
    Ok(export.run().await)
}

fn succeeded(report: &RunReport) -> Result<(), String> {
    match report.failed() {
        true => Err(format!("a run failed: {report:#?}")),
        false => Ok(()),
    }
}

/// What `_rejected/` tells, by table: key, column, raw text and reason of each, in order, as often as it is told.
async fn rejects(lake: &Lake) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for object in lake.list("demo/_rejected").await.map_err(text)? {
        let Some((table, _)) = rejected::named(&object.path) else {
            return Err(format!("what is {}?", object.path));
        };
        let (lake, handle, path) = (lake.clone(), Handle::current(), object.path.clone());
        let rows = spawn_blocking(move || {
            let mut rows = Vec::new();
            for batch in DataFileReader::open(&lake, &path, object.bytes, handle)?.batches(None) {
                let batch = batch?;
                for row in 0..batch.num_rows() {
                    let cell = |name: &str| {
                        let column = batch.column_by_name(name).unwrap().as_string::<i32>();
                        if column.is_valid(row) { column.value(row) } else { "-" }.to_owned()
                    };
                    rows.push(["key", "column", "raw", "reason"].map(cell).join(" | "));
                }
            }
            Ok::<_, crate::error::Error>(rows)
        });
        told.entry(table.to_owned()).or_default().extend(rows.await.unwrap().map_err(text)?);
    }
    told.values_mut().for_each(|rows| rows.sort());
    Ok(told)
}

/// Data files, manifests and rejects.
async fn paths(lake: &Lake) -> Result<Vec<String>, String> {
    let listing = lake.list("demo").await.map_err(text)?;
    let paths = listing.into_iter().map(|object| object.path);
    Ok(paths.filter(|path| !path.contains("/_lease/")).collect())
}

fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

/// Histories of the suite.
const LEDGERS: u64 = 300;

/// `AFLUENTE_SEED` chooses others, as for the histories of whole accounts.
#[test]
fn ledgers_end_with_each_row_once_and_each_reject_told() {
    let next = AtomicU64::new(0);
    let seeds = super::seeds(LEDGERS);
    let broken = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                loop {
                    let seed = seeds.start + next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || broken.lock().unwrap().len() >= 3 {
                        break;
                    }
                    let mut ledger = Ledger::new(seed);
                    if let Err(what) = runtime.block_on(ledger.live()) {
                        broken
                            .lock()
                            .unwrap()
                            .push(format!("ledger {seed}: {what}\n  {}", ledger.steps.join("\n  ")));
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}
