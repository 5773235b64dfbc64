//! The command line: names, values and help of every command. What they do stands in the command's own file.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::export::{Limit, Moment};
use crate::schema::parse_duration;

/// Exports the CRM and customer-success platforms of Brazilian companies into a data lake.
#[derive(Debug, Parser)]
#[command(
    name = "afluente",
    version,
    about,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
#[command(
    after_help = "Tokens come from PLOOMES_USER_KEY, NECTARCRM_TOKEN, SENSEDATA_TOKEN, EXACTSALES_TOKEN and CUSTOMERX_TOKEN, or from where afluente.toml says.\n\
    Exit code: 0 all done, 1 at least one table failed (the others are committed), 2 could not start.\n\n\
    `afluente demo` shows everything without an account."
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Tell more (each request)
    #[arg(short, long, global = true, display_order = 901, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Tell only errors
    #[arg(short, long, global = true, display_order = 902)]
    pub quiet: bool,
    /// How talk on stderr is written
    #[arg(long, global = true, display_order = 903, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Colours on stderr
    #[arg(long, global = true, display_order = 904, value_name = "WHEN", default_value = "auto")]
    pub color: When,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Export tables into the lake
    Export(ExportArgs),
    /// Test the configuration, the tokens, every table and the lake
    Check(CheckArgs),
    /// Show the custom fields of an account, and add columns for new ones
    Fields(FieldsArgs),
    /// Show the lake's tables: rows, files, savepoint, age
    Status(StatusArgs),
    /// Read the lake again and hold it against its manifests
    Verify(VerifyArgs),
    /// Write the SQL of a view per table to stdout
    Views(ViewsArgs),
    /// Merge small data files
    Compact(CompactArgs),
    /// Drop from the lake what no manifest needs
    Vacuum(VacuumArgs),
    /// Remove the rows of one key from the lake: of a person who asks to be forgotten
    Forget(ForgetArgs),
    /// Write a commented afluente.toml
    Init(InitArgs),
    /// Show the catalogue, or one table's columns
    Tables(TablesArgs),
    /// Serve the vendors' APIs, simulated, on this machine
    Sandbox(SandboxArgs),
    /// Export every table of a sandbox into ./lake
    Demo(DemoArgs),
    /// Write completions for a shell to stdout
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page to stdout
    Man,
}

/// Where the lake is, and the configuration.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// Lake: a path, file:// or s3://bucket/prefix [default: ./lake]
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// Configuration [default: ./afluente.toml if it is there]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

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
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = parse_bytes)]
    pub memory: usize,
    /// Records without a usable key that are let pass: a number or a share [default: 1%, at least 10]
    #[arg(long, value_name = "N|P%")]
    pub max_rejected: Option<Limit>,
    /// Unreadable values that are let pass: a number or a share [default: no bound]
    #[arg(long, value_name = "N|P%")]
    pub max_bad_cells: Option<Limit>,
}

/// `afluente check`
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Which connections
    #[command(flatten)]
    pub from: ConnectionArgs,
}

/// Which lake, and which of its connections.
#[derive(Debug, Clone, Args)]
pub struct LakeArgs {
    /// Connections of the lake; default: all
    #[arg(value_name = "CONNECTION")]
    pub connections: Vec<String>,
    /// Where it is
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `afluente vacuum`
#[derive(Debug, Clone, Args)]
pub struct VacuumArgs {
    /// Which lake
    #[command(flatten)]
    pub lake: LakeArgs,
    /// How long superseded files stay for readers [default: retention of the configuration, 0s]
    #[arg(long, value_name = "DURATION", value_parser = parse_age)]
    pub retention: Option<Duration>,
    /// What a run at work may be writing goes when it is older
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_age)]
    pub older_than: Duration,
    /// List it and delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How it is written
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: ListFormat,
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

/// `afluente status`
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// Which lake
    #[command(flatten)]
    pub lake: LakeArgs,
    /// How it is written
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: ListFormat,
}

/// `afluente verify`
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// Which lake
    #[command(flatten)]
    pub lake: LakeArgs,
    /// How it is written
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: ListFormat,
}

/// `afluente views`
#[derive(Debug, Clone, Args)]
pub struct ViewsArgs {
    /// Which lake
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Who is to read it
    #[arg(long, value_name = "ENGINE")]
    pub engine: EngineName,
}

/// `afluente compact`
#[derive(Debug, Clone, Args)]
pub struct CompactArgs {
    /// Which lake
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Only these tables (`deals*`, `acme.deals`)
    #[arg(long, value_name = "GLOB,...", value_delimiter = ',')]
    pub tables: Vec<String>,
}

/// `afluente forget`
#[derive(Debug, Clone, Args)]
pub struct ForgetArgs {
    /// Connection of the lake
    #[arg(value_name = "CONNECTION")]
    pub connection: String,
    /// Table whose row it is; what is exploded from it goes too
    #[arg(long, value_name = "TABLE")]
    pub table: String,
    /// Primary key of the row, in clear; values of several columns joined by commas
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub key: String,
    /// Where it is
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Declarations instead of the embedded ones
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
    /// Tell what would go and delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How it is written
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: ListFormat,
}

/// `afluente init`
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// Where
    #[arg(long, value_name = "FILE", default_value = "afluente.toml")]
    pub config: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `afluente tables`
#[derive(Debug, Clone, Args)]
pub struct TablesArgs {
    /// A source, or one of its tables
    #[arg(value_name = "SOURCE[.TABLE]")]
    pub name: Option<String>,
    /// List the columns that can hold personal data
    #[arg(long)]
    pub personal: bool,
    /// With --personal: show what this configuration makes of each
    #[arg(long, value_name = "FILE", requires = "personal")]
    pub config: Option<PathBuf>,
    /// How it is written
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: TablesFormat,
    /// Declarations instead of the embedded ones
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
}

/// How much a sandbox holds.
#[derive(Debug, Clone, Args)]
pub struct WorldArgs {
    /// Rows are made from this number
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Rows of a large table; the others follow in proportion
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub rows: u64,
    /// Rows of one table (`ploomes.contacts=3000000`); may be given several times
    #[arg(long, value_name = "TABLE=N", value_parser = parse_table_rows)]
    pub table_rows: Vec<(String, u64)>,
}

/// `afluente sandbox`
#[derive(Debug, Clone, Args)]
pub struct SandboxArgs {
    /// Where to listen: an address of this machine
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8321")]
    pub listen: std::net::SocketAddr,
    /// How much it holds
    #[command(flatten)]
    pub world: WorldArgs,
    /// Do not answer 429 beyond the vendors' limits
    #[arg(long)]
    pub no_limits: bool,
    /// Faults and their rates (`429=0.1,500=0.05,cut=0.02,slow=0.02,html=0.01`)
    #[arg(long, value_name = "FAULT=RATE,...", default_value = "")]
    pub faults: crate::sandbox::Faults,
    /// Delay before each answer, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub delay_ms: u64,
    /// Changes of the data per answer (0.1 is one in ten answers), so that tables move while they are read
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = parse_rate)]
    pub churn: f64,
    /// Custom fields of each Ploomes entity that has them
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(0..=1000))]
    pub custom_fields: u64,
    /// Ploomes tables whose custom fields are refused, with 403 or another status (`ploomes.deals,ploomes.orders=400`; `ploomes.fields`: their list)
    #[arg(long, value_name = "TABLE[=STATUS],...", value_delimiter = ',', value_parser = parse_refusal)]
    pub refuse_custom_fields: Vec<(String, u16)>,
}

/// `afluente demo`
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Lake
    #[arg(long, value_name = "URL", default_value = "./lake")]
    pub to: String,
    /// How much the sandbox holds
    #[command(flatten)]
    pub world: WorldArgs,
    /// How progress is shown
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub progress: ProgressMode,
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

/// How talk on stderr is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Sentences
    Text,
    /// JSON objects
    Json,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How what a lake holds is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For reading
    Text,
    /// For programs
    Json,
}

/// Engines that views are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// DuckDB
    Duckdb,
    /// Spark SQL
    Spark,
    /// Amazon Athena
    Athena,
}

/// How the catalogue is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TablesFormat {
    /// For reading
    Text,
    /// For programs
    Json,
    /// For documentation
    Markdown,
    /// A diagram of the references
    Mermaid,
}

/// | text | bytes |
/// |---|---|
/// | `1048576` | 1,048,576 |
/// | `64KiB`, `256MiB`, `2GiB` | binary units |
/// | `64K`, `256M`, `2G` | the same |
fn parse_bytes(text: &str) -> Result<usize, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_end_matches("iB") {
        "" if !unit.ends_with("iB") => Some(0),
        "K" => Some(10),
        "M" => Some(20),
        "G" => Some(30),
        _ => None,
    };
    let bytes = number
        .parse::<usize>()
        .ok()
        .zip(shift)
        .and_then(|(number, shift)| number.checked_mul(1 << shift));
    match bytes {
        Some(bytes) if bytes >= 64 << 20 => Ok(bytes),
        Some(_) => Err("expected at least 64MiB".to_owned()),
        None => Err("expected a size such as 256MiB or 2GiB".to_owned()),
    }
}

fn parse_age(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a number and a unit, such as 20s, 5m, 1h or 2d".to_owned())
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| (0.0..=1000.0).contains(rate));
    rate.ok_or_else(|| "expected a number from 0 to 1000".to_owned())
}

fn parse_table_rows(text: &str) -> Result<(String, u64), String> {
    text.split_once('=')
        .and_then(|(table, rows)| Some((table.to_owned(), rows.parse().ok()?)))
        .filter(|(table, _)| table.contains('.'))
        .ok_or_else(|| "expected source.table=rows, such as ploomes.contacts=3000000".to_owned())
}

fn parse_refusal(text: &str) -> Result<(String, u16), String> {
    let (table, status) = text.split_once('=').unwrap_or((text, "403"));
    status
        .parse()
        .ok()
        .filter(|_| table.contains('.'))
        .map(|status| (table.to_owned(), status))
        .ok_or_else(|| "expected source.table[=status], such as ploomes.deals or ploomes.orders=400".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_the_variable_of_every_token() {
        let help = Cli::command().render_help().to_string().replace('\n', " ");
        for source in crate::schema::Catalog::embedded().unwrap().sources() {
            assert!(help.contains(&source.token_env), "{} is not in: {help}", source.token_env);
        }
    }

    #[test]
    fn sizes_follow_their_table() {
        for (text, bytes) in [
            ("134217728", 128 << 20),
            ("65536KiB", 64 << 20),
            ("256MiB", 256 << 20),
            ("2G", 2 << 30),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "1MiB", "256MB", "256 MiB", "-1", "99999999999G", "100iB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rows_of_a_table_need_its_source() {
        assert_eq!(parse_table_rows("ploomes.contacts=3"), Ok(("ploomes.contacts".to_owned(), 3)));
        for text in ["contacts=3", "ploomes.contacts", "ploomes.contacts=x"] {
            assert!(parse_table_rows(text).is_err(), "{text}");
        }
    }
}
