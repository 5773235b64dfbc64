//! Commands that ask the vendors: `export`, `check`, `fields`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ListFormat, PlaceArgs, values};
use crate::export::{Limit, Moment};

/// Which connections, and how they are reached.
#[derive(Debug, Clone, Args)]
pub struct ConnectionArgs {
    /// Connections of the configuration, or sources by name; default: all that are configured
    #[arg(value_name = "CONNECTION")]
    pub connections: Vec<String>,
    /// Where the lake is
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Declarations instead of the embedded ones
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
    /// Only these tables (`deals*`, `ploomes.deals`)
    #[arg(long, value_name = "GLOB,...", value_delimiter = ',')]
    pub tables: Vec<String>,
    /// None of these tables
    #[arg(long, value_name = "GLOB,...", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Address instead of the vendor's (one connection only)
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
}

/// `afluente export`
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// Which connections
    #[command(flatten)]
    pub from: ConnectionArgs,
    /// Read everything again, whatever the savepoints say
    #[arg(long, conflicts_with_all = ["from", "until"])]
    pub full_refresh: bool,
    /// The token is a new one of the same account: go on with its tables
    #[arg(long, conflicts_with = "full_refresh")]
    pub same_account: bool,
    /// A backfill: only rows whose cursor is from this time on (`2026-01-31`, or RFC 3339); savepoints stay
    #[arg(long = "from", id = "from", value_name = "TS")]
    pub since: Option<Moment>,
    /// A backfill: only rows whose cursor is before this time
    #[arg(long, value_name = "TS")]
    pub until: Option<Moment>,
    /// Show what a run would read, by the APIs' own counts, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// When another run is at work on a connection
    #[arg(long, value_name = "WHAT", default_value = "fail")]
    pub if_busy: BusyMode,
    /// Stop at the first table that fails (default: the others go on)
    #[arg(long)]
    pub fail_fast: bool,
    /// How progress is shown: auto is bars on a terminal, plain lines elsewhere
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub progress: ProgressMode,
    /// Also write the run report here
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Also write what a monitor is to see here, as Prometheus text (textfile collector)
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// Memory of the whole process
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = values::bytes)]
    pub memory: usize,
    /// Records without a usable key that are let pass: a number or a share [default: 1%, at least 10]
    #[arg(long, value_name = "N|P%")]
    pub max_rejected: Option<Limit>,
    /// Unreadable values that are let pass: a number or a share [default: no bound]
    #[arg(long, value_name = "N|P%")]
    pub max_bad_cells: Option<Limit>,
    /// Rows that a table may lose in this run, of those in the range that is read: a number or a share; 100% also lets it become empty [default: 50%, at least 100]
    #[arg(long, value_name = "N|P%")]
    pub max_shrink: Option<Limit>,
}

/// `afluente fields`
#[derive(Debug, Clone, Args)]
pub struct FieldsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: FieldsCommand,
}

/// What to do with custom fields.
#[derive(Debug, Clone, Subcommand)]
pub enum FieldsCommand {
    /// Show every custom field, its columns in the lake, and whether the vendor still has it so
    List(FieldsListArgs),
    /// Show only those that are new, renamed, of another type or gone
    Diff(FieldsListArgs),
    /// Add columns for fields that are new or of another type; the next export fills them
    Sync(ConnectionArgs),
}

/// `afluente fields list` and `afluente fields diff`
#[derive(Debug, Clone, Args)]
pub struct FieldsListArgs {
    /// Which connections
    #[command(flatten)]
    pub from: ConnectionArgs,
    /// How it is written
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: ListFormat,
}

/// When another run is at work on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BusyMode {
    /// Run nothing, exit 2
    Fail,
    /// Leave the connection out
    Skip,
    /// Wait for the other run
    Wait,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// Bars on a terminal, plain lines elsewhere
    Auto,
    /// A bar per table
    Bar,
    /// A line per table
    Plain,
    /// A JSON object per table
    Json,
    /// Nothing
    None,
}
