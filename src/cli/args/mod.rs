//! The command line: names, values and help of every command. What they do stands in the command's own file.

mod export;
mod lake;
mod sandbox;
mod values;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub use export::{BusyMode, ConnectionArgs, ExportArgs, FieldsArgs, FieldsCommand, ProgressMode};
pub use lake::{CompactArgs, EngineName, ForgetArgs, LakeArgs, ListArgs, RenameArgs, VacuumArgs, ViewsArgs};
pub use sandbox::{DemoArgs, SandboxArgs};

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
    Check(ConnectionArgs),
    /// Show the custom fields of an account, and add columns for new ones
    Fields(FieldsArgs),
    /// Show the lake's tables: rows, files, savepoint, age
    Status(ListArgs),
    /// Read the lake again and hold it against its manifests
    Verify(ListArgs),
    /// Write the SQL of a view per table to stdout
    Views(ViewsArgs),
    /// Merge small data files
    Compact(CompactArgs),
    /// Drop from the lake what no manifest needs
    Vacuum(VacuumArgs),
    /// Move a connection to another name inside the lake
    Rename(RenameArgs),
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
    /// Configuration whose declarations are shown [default: ./afluente.toml if it is there]; with --personal, also what it makes of each column
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How it is written
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: TablesFormat,
    /// Declarations instead of the embedded ones
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
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
}
