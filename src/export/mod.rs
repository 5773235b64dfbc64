//! The export: for each table read → decode → write → commit, many tables at once, none able to stop another.
//!
//! ```text
//! http ── Page ──▶ decode ── RecordBatch ──▶ write ── StagedFile ──▶ publish, commit, sweep
//! (async task)     (blocking thread)         (blocking thread)       (async task)
//! ```
//!
//! Each arrow is a bounded queue. A table and those exploded from it are one unit: one reader, one decoder, and a commit that begins with the
//! exploded tables and ends with the parent.

mod absent;
mod check;
mod cycle;
mod derived;
mod family;
mod fields;
mod forecast;
mod gone;
mod guard;
mod history;
mod identity;
mod intake;
mod moment;
mod progress;
mod publish;
mod report;
mod selection;
mod step;
#[cfg(test)]
pub(crate) mod tests;
mod told;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use uuid::Uuid;

use crate::commit;
use crate::config::Connection;
use crate::error::{Error, Kind, Result};
use crate::http::{Client, ClientOptions, Meter, Stop, Stopper};
use crate::lease::{Acquired, Holder, Lease};
use crate::read::Memory;
use crate::schema::Table;
use crate::store::Lake;
use crate::write::{MemoryBudget, WriteOptions};
use crate::{views, visible};
use derived::Sources;

pub use crate::limit::Limit;
pub use check::Checked;
pub use derived::Surveyed;
pub use fields::{Synchronised, TableField};
pub use forecast::Forecast;
pub use moment::Moment;
pub use progress::{Progress, State, TableProgress};
pub use report::{Failure, RunReport, Status, TableReport};
pub use selection::Selection;

/// Tables read at once, over all connections: each holds a page, builders and writers.
const TABLES_AT_ONCE: usize = 4;

/// How long a run waits before it looks again whether a busy connection is free.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// How long a run that was asked to stop waits for the lake to take its report.
const GRACE: Duration = Duration::from_secs(5);

/// What becomes of a connection that another run is at work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfBusy {
    /// Nothing is run.
    Fail,
    /// It is left out.
    Skip,
    /// The other run is waited for.
    Wait,
}

/// What the user chose for a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes for the whole process.
    pub memory: usize,
    /// Bound on records rejected whole.
    pub max_rejected: Limit,
    /// Bound on bad cells.
    pub max_bad_cells: Option<Limit>,
    /// Bound on rows that a read takes from the lake, instead of those of the configuration.
    pub max_shrink: Option<Limit>,
    /// Stop at the first table that fails.
    pub fail_fast: bool,
    /// How long superseded files stay for readers that are still at them.
    pub retention: Duration,
    /// Read everything again, whatever the savepoints say.
    pub full_refresh: bool,
    /// The account is that of the lake's rows although its token is another one.
    pub same_account: bool,
    /// Only rows whose cursor is from the first time on and before the second: a backfill, which leaves the savepoints alone.
    pub range: (Option<Moment>, Option<Moment>),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            max_rejected: Limit::DEFAULT_REJECTED,
            max_bad_cells: None,
            max_shrink: None,
            fail_fast: false,
            retention: Duration::ZERO,
            full_refresh: false,
            same_account: false,
            range: (None, None),
        }
    }
}

/// A planned run: every table known, nothing asked yet.
pub struct Export {
    run: Run,
    families: Vec<Arc<Family>>,
    /// Tables that are made of what the families are then.
    derived: Vec<Arc<Family>>,
    stopper: Arc<Stopper>,
    stop: Stop,
}

/// What all tables of a run share.
struct Run {
    id: String,
    started_at: DateTime<Utc>,
    lake: Lake,
    options: Options,
    progress: Arc<Progress>,
    /// Pages between reader and decoder.
    pages: Memory,
    /// By connection.
    leases: HashMap<String, Lease>,
    /// What went wrong beside the tables.
    warnings: Mutex<Vec<String>>,
    writers: Arc<MemoryBudget>,
    write: Arc<WriteOptions>,
    seen_keys: usize,
}

/// A table and those exploded from it.
#[derive(Clone)]
struct Family {
    connection: Arc<Connection>,
    client: Arc<Client>,
    /// The custom fields of the connection's account.
    account: Arc<fields::Account>,
    /// Whose rows the connection's tables hold.
    identity: Arc<identity::Identity>,
    table: Table,
    /// Places in the progress: the table, then its children.
    places: Vec<usize>,
    /// What the table is made of, where nothing is asked of the vendor for it.
    derivation: Option<Arc<Sources>>,
}

impl Export {
    /// Plans a run that ends early when the stopper is used, by a signal or by `fail_fast`.
    ///
    /// # Errors
    /// When a glob names no table, no table is left, or a client cannot be built.
    pub fn plan(
        connections: Vec<Connection>,
        selection: &Selection,
        lake: Lake,
        options: Options,
        (stopper, stop): (Arc<Stopper>, Stop),
    ) -> Result<Self> {
        selection.check(&connections)?;
        if let (Some(from), Some(until)) = options.range
            && connections
                .iter()
                .any(|connection| from.at(connection.source.timezone) >= until.at(connection.source.timezone))
        {
            return Err(Error::config("--from is not before --until")
                .hint("a backfill reads rows whose cursor is from the first on and before the second"));
        }
        let mut progress = Progress::default();
        let (mut families, mut derived) = (Vec::new(), Vec::new());
        for connection in connections {
            let connection = Arc::new(connection);
            let client = Arc::new(client(&connection, stop.clone())?);
            let (account, identity) = (Arc::default(), Arc::default());
            if connection.source.custom_fields.is_some() || connection.source.account.is_some() {
                progress.accounts.push((connection.name.clone(), Meter::new()));
            }
            let mut planned = |table: Table| {
                let first = progress.tables.len();
                let own = |id: &str, of| TableProgress::new(&connection.name, &connection.source.id, id, of);
                progress.tables.push(own(&table.id, None));
                let children = table.children.iter().map(|child| own(child, Some(table.id.clone())));
                progress.tables.extend(children);
                Arc::new(Family {
                    connection: connection.clone(),
                    client: client.clone(),
                    account: Arc::clone(&account),
                    identity: Arc::clone(&identity),
                    table,
                    places: (first..progress.tables.len()).collect(),
                    derivation: None,
                })
            };
            for table in selection.families(&connection) {
                let table = step::configured(table, &connection)?;
                // A backfill bounds the cursor: where there is none, there is nothing to bound.
                if options.range == (None, None) || table.replication.cursor.is_some() {
                    families.push(planned(table));
                }
            }
            // A backfill leaves them to the next run: it brings rows of a range, and they are made of whole tables.
            let wanted = selection.derived(&connection).into_iter().filter(|_| options.range == (None, None));
            for table in wanted {
                derived.push(planned(step::configured(table, &connection)?));
            }
        }
        if families.is_empty() && derived.is_empty() {
            return Err(match options.range {
                (None, None) => Error::config("no table is left to export").hint(
                    "check --tables, --exclude and the include and exclude of the configuration; derived tables need their block in it",
                ),
                _ => Error::config("none of the chosen tables has a cursor, which --from and --until bound")
                    .hint("`afluente tables SOURCE.TABLE` shows a table's cursor; without --from and --until tables are read whole"),
            });
        }
        let id = Uuid::now_v7().to_string();
        // Measured with four large tables at once: the encoders, the rows that wait for them and the open files come to twice what they account for; pages,
        // batches, the keys seen and the program itself take the rest.
        let share = options.memory / 8;
        let mut write = WriteOptions::new(&id);
        write.max_open_files = (options.memory >> 24).clamp(4, write.max_open_files);
        let run = Run {
            started_at: Utc::now(),
            lake,
            progress: Arc::new(progress),
            pages: Memory::new(u32::try_from(share >> 10).unwrap_or(u32::MAX)),
            writers: MemoryBudget::new(share * 3 / 4),
            write: Arc::new(write),
            seen_keys: share,
            leases: HashMap::new(),
            warnings: Mutex::default(),
            id,
            options,
        };
        Ok(Self {
            run,
            families,
            derived,
            stopper,
            stop,
        })
    }

    /// The same run into this lake.
    pub fn with_lake(mut self, lake: Lake) -> Self {
        self.run.lake = lake;
        self
    }

    /// How far each table is.
    pub fn progress(&self) -> Arc<Progress> {
        self.run.progress.clone()
    }

    /// Proves that the lake can be written, before anything is asked of a vendor.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn probe_lake(&self) -> Result<()> {
        self.run.lake.probe().await
    }

    /// Takes the lease of every connection, so that no other run spends its requests. The connections that are left out because another run has theirs, with
    /// who that is. Whom it waits for goes to `waits`.
    ///
    /// # Errors
    /// `Conflict` when a connection is busy and that is not to be waited for, or the run was asked to stop; `Store` when the lake cannot be read or written.
    pub async fn lease(&mut self, if_busy: IfBusy, mut waits: impl FnMut(&str, &Holder)) -> Result<Vec<(String, Holder)>> {
        let all = self.families.iter().chain(&self.derived);
        let mut names: Vec<String> = all.map(|family| family.connection.name.clone()).collect();
        names.sort();
        names.dedup();
        let mut skipped = Vec::new();
        for name in names {
            match self.lease_of(&name, if_busy, &mut waits).await {
                Ok(Acquired::Held(lease)) => drop(self.run.leases.insert(name, lease)),
                Ok(Acquired::Busy(holder)) if if_busy == IfBusy::Skip => {
                    for families in [&mut self.families, &mut self.derived] {
                        for family in families.iter().filter(|family| family.connection.name == name) {
                            family.skip(&self.run, None);
                        }
                        families.retain(|family| family.connection.name != name);
                    }
                    skipped.push((name, holder));
                }
                outcome => {
                    self.run.release().await;
                    return Err(match outcome {
                        Ok(Acquired::Busy(holder)) => Error::new(Kind::Conflict, format!("connection `{name}` is busy: {holder}"))
                            .hint("wait until it is done, or say `--if-busy skip` to leave the connection out or `--if-busy wait`; a run that died gives its lease up within two minutes"),
                        Ok(Acquired::Held(_)) => Error::defect("a lease was taken and not"),
                        Err(error) => error,
                    });
                }
            }
        }
        Ok(skipped)
    }

    async fn lease_of(&self, name: &str, if_busy: IfBusy, waits: &mut impl FnMut(&str, &Holder)) -> Result<Acquired> {
        let mut told = None;
        loop {
            let acquired = self.stop.race(Lease::acquire(&self.run.lake, name, &self.run.id)).await?;
            if let (Acquired::Busy(holder), IfBusy::Wait) = (&acquired, if_busy) {
                if told.as_ref() != Some(&holder.run_id) {
                    waits(name, holder);
                    told = Some(holder.run_id.clone());
                }
                self.stop
                    .race(async {
                        tokio::time::sleep(BETWEEN_LOOKS).await;
                        Ok::<(), Error>(())
                    })
                    .await?;
            } else {
                return Ok(acquired);
            }
        }
    }

    /// Whether nothing is left to do, because every connection was left out.
    pub fn is_empty(&self) -> bool {
        self.families.is_empty() && self.derived.is_empty()
    }

    /// Runs to the end and writes the report into the lake. A table that fails is told in the report.
    pub async fn run(self) -> RunReport {
        let Self {
            run,
            families,
            derived,
            stopper,
            stop,
        } = self;
        let run = Arc::new(run);
        let work = futures::stream::iter(interleaved(families)).for_each_concurrent(TABLES_AT_ONCE, |family| {
            let (run, stopper, stop) = (&run, &stopper, &stop);
            async move {
                if stop.is_requested() {
                    family.skip(run, None);
                } else if family.export(run).await.is_err() && run.options.fail_fast {
                    stopper.stop();
                }
            }
        });
        let work = async {
            work.await;
            // One at a time: each takes the memory that reading does not need any more.
            for family in &derived {
                if stop.is_requested() {
                    family.skip(&run, None);
                } else if family.derive(&run).await.is_err() && run.options.fail_fast {
                    stopper.stop();
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = run.keep_leases() => {}
        }
        let tables = run
            .progress
            .tables
            .iter()
            .filter_map(|table| match table.state() {
                State::Ended(report) => Some(*report),
                State::Waiting | State::Reading => None,
            })
            .collect();
        let mut report = RunReport {
            run_id: run.id.clone(),
            afluente: env!("CARGO_PKG_VERSION"),
            lake: run.lake.url(""),
            started_at: run.started_at,
            finished_at: Utc::now(),
            tables,
            other_requests: run.progress.accounts.iter().map(|(_, meter)| meter.counts().requests).sum(),
            warnings: run.take_warnings(),
            unwritten: None,
        };
        let written = if stop.is_requested() {
            let late = || Error::store("the lake did not take the run report in time");
            tokio::time::timeout(GRACE, run.close(&report))
                .await
                .unwrap_or_else(|_| Err(late()))
        } else {
            run.close(&report).await
        };
        report.unwritten = written.err().as_ref().map(Failure::from);
        report
    }
}

impl Run {
    /// Renews the leases until it is dropped. One that is lost ends nothing here: the next commit of its connection finds out.
    async fn keep_leases(&self) {
        let keep = self.leases.iter().map(|(name, lease)| async move {
            let error = lease.lost().await;
            self.warn(format!("connection `{name}`: {}", error.message()));
        });
        futures::future::join_all(keep).await;
        futures::future::pending().await
    }

    fn warn(&self, warning: String) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
    }

    fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives the leases up; one that cannot be ends with its time.
    async fn release(&self) {
        for lease in self.leases.values() {
            if let Err(error) = lease.release().await {
                tracing::warn!("a lease could not be given up and ends by itself: {}", error.message());
            }
        }
    }

    /// What comes after the last table: the report, the views over what is live now, the leases given up.
    async fn close(&self, report: &RunReport) -> Result<()> {
        let written = async {
            self.write_report(report).await?;
            commit::sweep_reports(&self.lake).await?;
            if report.tables.iter().any(|table| table.version.is_some()) {
                views::write(&self.lake, &commit::content(&self.lake).await?).await?;
            }
            Ok(())
        };
        let written = written.await;
        self.release().await;
        written
    }

    async fn write_report(&self, report: &RunReport) -> Result<()> {
        let text = visible::report(report, true).map_err(|error| Error::defect(format!("it cannot be JSON: {error}")))?;
        self.lake.put(&format!("_runs/{}.json", self.id), text).await
    }
}

/// One table of each connection in turn, so that every vendor's limit is used from the start.
fn interleaved(families: Vec<Arc<Family>>) -> Vec<Arc<Family>> {
    let mut order: Vec<(usize, usize, Arc<Family>)> = Vec::with_capacity(families.len());
    let mut connection: Option<(Arc<Connection>, usize, usize)> = None;
    for family in families {
        let (number, turn) = match &connection {
            Some((current, number, turn)) if Arc::ptr_eq(current, &family.connection) => (*number, turn + 1),
            Some((_, number, _)) => (number + 1, 0),
            None => (0, 0),
        };
        connection = Some((family.connection.clone(), number, turn));
        order.push((turn, number, family));
    }
    order.sort_by_key(|(turn, number, _)| (*turn, *number));
    order.into_iter().map(|(_, _, family)| family).collect()
}

/// The HTTP client of a connection.
///
/// # Errors
/// When the address is not one that a token may be sent to.
pub fn client(connection: &Connection, stop: Stop) -> Result<Client> {
    let source = &connection.source;
    Client::new(ClientOptions {
        source: source.id.clone(),
        base_url: connection.base_url.clone(),
        token: connection.token.clone(),
        token_origin: connection.token_origin.clone(),
        auth: source.auth.clone(),
        rate_limit: connection.rate_limit.clone(),
        retry: source.retry.clone(),
        timeout: source.timeout,
        max_body: source.max_body << 20,
        hides_bodies: connection.policies.protect(),
        stop,
    })
    .map_err(|error| error.context(format!("connection `{}`", connection.name)))
}
