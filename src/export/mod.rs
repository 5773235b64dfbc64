//! The export: for each table read → decode → write → commit, many tables at once, none able to stop another.
//!
//! ```text
//! http ── Page ──▶ decode ── RecordBatch ──▶ write ── StagedFile ──▶ publish, commit, sweep
//! (async task)     (blocking thread)         (blocking thread)       (async task)
//! ```
//!
//! Each arrow is a bounded queue. A table and those exploded from it are one unit: one reader, one decoder, and a commit that begins with the
//! exploded tables and ends with the parent.

mod family;
mod limit;
mod progress;
mod report;
mod selection;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use uuid::Uuid;

use crate::config::Connection;
use crate::error::{Error, Result};
use crate::http::{Client, ClientOptions, Stop, Stopper};
use crate::read::Memory;
use crate::schema::Table;
use crate::store::Lake;
use crate::write::{MemoryBudget, WriteOptions};

pub use limit::Limit;
pub use progress::{Progress, State, TableProgress};
pub use report::{Failure, RunReport, Status, TableReport};
pub use selection::Selection;
pub(crate) use selection::{distance, matches};

/// Tables read at once, over all connections: each holds a page, builders and writers.
const TABLES_AT_ONCE: usize = 4;

/// How long a run that was asked to stop waits for the lake to take its report.
const GRACE: Duration = Duration::from_secs(5);

/// What the user chose for a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes for the whole process.
    pub memory: usize,
    /// Bound on records rejected whole.
    pub max_rejected: Limit,
    /// Bound on bad cells.
    pub max_bad_cells: Option<Limit>,
    /// Stop at the first table that fails.
    pub fail_fast: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            max_rejected: Limit::DEFAULT_REJECTED,
            max_bad_cells: None,
            fail_fast: false,
        }
    }
}

/// A planned run: every table known, nothing asked yet.
pub struct Export {
    run: Arc<Run>,
    families: Vec<Family>,
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
    writers: Arc<MemoryBudget>,
    write: Arc<WriteOptions>,
    seen_keys: usize,
}

/// A table and those exploded from it.
struct Family {
    connection: Arc<Connection>,
    client: Arc<Client>,
    table: Table,
    /// Places in the progress: the table, then its children.
    places: Vec<usize>,
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
        let mut progress = Progress::default();
        let mut families = Vec::new();
        for connection in connections {
            let connection = Arc::new(connection);
            let client = Arc::new(client(&connection, stop.clone())?);
            for table in selection.families(&connection) {
                let source = &connection.source;
                let mut places = vec![progress.tables.len()];
                progress
                    .tables
                    .push(TableProgress::new(&connection.name, &source.id, &table.id, None));
                for child in &table.children {
                    places.push(progress.tables.len());
                    progress
                        .tables
                        .push(TableProgress::new(&connection.name, &source.id, child, Some(table.id.clone())));
                }
                families.push(Family {
                    connection: connection.clone(),
                    client: client.clone(),
                    table,
                    places,
                });
            }
        }
        if families.is_empty() {
            return Err(Error::config("no table is left to export")
                .hint("check --tables, --exclude and the include and exclude of the configuration"));
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
            id,
            options,
        };
        Ok(Self {
            run: Arc::new(run),
            families,
            stopper,
            stop,
        })
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

    /// Runs to the end and writes the report into the lake. A table that fails is told in the report.
    pub async fn run(self) -> RunReport {
        let Self {
            run,
            families,
            stopper,
            stop,
        } = self;
        futures::stream::iter(interleaved(families))
            .for_each_concurrent(TABLES_AT_ONCE, |family| {
                let (run, stopper, stop) = (&run, &stopper, &stop);
                async move {
                    if stop.is_requested() {
                        family.skip(run);
                    } else if family.export(run).await.is_err() && run.options.fail_fast {
                        stopper.stop();
                    }
                }
            })
            .await;
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
            unwritten: None,
        };
        let written = if stop.is_requested() {
            let late = || Error::store("the lake did not take the run report in time");
            tokio::time::timeout(GRACE, run.write_report(&report))
                .await
                .unwrap_or_else(|_| Err(late()))
        } else {
            run.write_report(&report).await
        };
        report.unwritten = written.err().as_ref().map(Failure::from);
        report
    }
}

impl Run {
    async fn write_report(&self, report: &RunReport) -> Result<()> {
        let text = serde_json::to_vec_pretty(report).map_err(|error| Error::defect(format!("it cannot be JSON: {error}")))?;
        self.lake.put(&format!("_runs/{}.json", self.id), text).await
    }
}

/// One table of each connection in turn, so that every vendor's limit is used from the start.
fn interleaved(families: Vec<Family>) -> Vec<Family> {
    let mut order: Vec<(usize, usize, Family)> = Vec::with_capacity(families.len());
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
        stop,
    })
    .map_err(|error| error.context(format!("connection `{}`", connection.name)))
}
