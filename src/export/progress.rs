//! How far each table is: written by the export, sampled by whoever shows it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::report::TableReport;
use crate::http::Meter;

/// Every table of a run, in the order of the report.
#[derive(Debug, Default)]
pub struct Progress {
    /// Fixed when the run is planned.
    pub tables: Vec<TableProgress>,
    /// What is asked for no table alone, by connection: the account's id and the list of its custom fields.
    pub accounts: Vec<(String, Meter)>,
}

impl Progress {
    /// Every meter of the run.
    pub fn meters(&self) -> impl Iterator<Item = &Meter> {
        let accounts = self.accounts.iter().map(|(_, meter)| meter);
        accounts.chain(self.tables.iter().map(|table| &table.meter))
    }
}

/// One table of a run.
#[derive(Debug)]
pub struct TableProgress {
    /// The connection.
    pub connection: String,
    /// The source.
    pub source: String,
    /// The table.
    pub table: String,
    /// The table it is exploded from.
    pub exploded_from: Option<String>,
    /// Requests, pages and waiting; stays at zero for exploded tables.
    pub meter: Meter,
    rows: AtomicU64,
    state: Mutex<State>,
}

/// Where a table is.
#[derive(Debug, Clone)]
pub enum State {
    /// Not begun.
    Waiting,
    /// Being read, decoded and written.
    Reading,
    /// Ended.
    Ended(Box<TableReport>),
}

impl TableProgress {
    pub(super) fn new(connection: &str, source: &str, table: &str, exploded_from: Option<String>) -> Self {
        Self {
            connection: connection.to_owned(),
            source: source.to_owned(),
            table: table.to_owned(),
            exploded_from,
            meter: Meter::default(),
            rows: AtomicU64::new(0),
            state: Mutex::new(State::Waiting),
        }
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Where the table is.
    pub fn state(&self) -> State {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    pub(super) fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(super) fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = state;
    }
}
