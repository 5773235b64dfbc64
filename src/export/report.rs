//! What a run did: the document in `_runs/<run id>.json`, `--report` and the summary.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::error::Error;

/// One invocation of `export`.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// UUID v7.
    pub run_id: String,
    /// Version of this program.
    pub afluente: &'static str,
    /// Where the tables went.
    pub lake: String,
    /// When the run began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// Every table of the run, exploded ones after their parent.
    pub tables: Vec<TableReport>,
    /// Requests beside those of the tables: for the account's id and the lists of custom fields.
    pub other_requests: u64,
    /// What went wrong beside the tables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why this report is not in the lake.
    #[serde(skip)]
    pub unwritten: Option<Failure>,
}

impl RunReport {
    /// Whether a table failed or was not reached, or the report itself could not be written.
    pub fn failed(&self) -> bool {
        self.unwritten.is_some() || self.tables.iter().any(|table| !table.status.is_done())
    }
}

/// One table of a run.
#[derive(Debug, Clone, Serialize)]
pub struct TableReport {
    /// The connection.
    pub connection: String,
    /// Its source.
    pub source: String,
    /// The table.
    pub table: String,
    /// The table it is exploded from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploded_from: Option<String>,
    /// How it ended.
    pub status: Status,
    /// What was read.
    pub mode: &'static str,
    /// Manifest version that holds the content.
    pub version: Option<u64>,
    /// How far the cursor has been read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<DateTime<Utc>>,
    /// Rows in the lake.
    pub rows: u64,
    /// Rows read inside the range that was asked for.
    pub rows_read: u64,
    /// Rows that were new, changed or gone.
    pub rows_changed: u64,
    /// Data files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records without their key.
    pub rejected_records: u64,
    /// Values that could not be read: null in the table, kept in `_rejected/`.
    pub bad_cells: u64,
    /// Records met a second time and left out.
    pub repeated_records: u64,
    /// Requests sent, retries among them.
    pub requests: u64,
    /// Requests sent again.
    pub retries: u64,
    /// Pages read.
    pub pages: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Seconds spent waiting for the vendor's limit.
    pub waited_seconds: f64,
    /// Seconds from the first request to the commit.
    pub seconds: f64,
    /// Columns whose member no record of the read had, though most rows of the lake had a value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns_gone: Vec<String>,
    /// Columns that had values in the read, all of them unreadable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns_bad: Vec<String>,
    /// What to know although the table is committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// How a table ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its content is that of this run.
    Committed,
    /// The vendor holds what the lake holds already.
    Unchanged,
    /// Its content is what it was before.
    Failed,
    /// Not reached: the run stopped before.
    Skipped,
}

impl Status {
    /// Whether the table is as the vendor's.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Committed | Self::Unchanged)
    }

    /// The word in reports and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// Why a table failed.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// What happened.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            message: error.message().to_owned(),
            hint: error.advice().map(str::to_owned),
        }
    }
}
