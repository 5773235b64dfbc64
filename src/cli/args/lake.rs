//! Commands that ask a lake: `status`, `verify`, `views`, `compact`, `vacuum`, `rename`, `forget`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{ListFormat, PlaceArgs, values};

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

/// `afluente status` and `afluente verify`
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
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

/// `afluente vacuum`
#[derive(Debug, Clone, Args)]
pub struct VacuumArgs {
    /// Which lake
    #[command(flatten)]
    pub lake: LakeArgs,
    /// How long superseded files stay for readers [default: retention of the configuration, 0s]
    #[arg(long, value_name = "DURATION", value_parser = values::age)]
    pub retention: Option<Duration>,
    /// What a run at work may be writing goes when it is older
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = values::age)]
    pub older_than: Duration,
    /// List it and delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How it is written
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: ListFormat,
}

/// `afluente rename`
#[derive(Debug, Clone, Args)]
pub struct RenameArgs {
    /// Connection of the lake
    #[arg(value_name = "OLD")]
    pub old: String,
    /// Its name from now on
    #[arg(value_name = "NEW")]
    pub new: String,
    /// Where it is
    #[command(flatten)]
    pub place: PlaceArgs,
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
