//! One table: where its records come from, its key, its partitions, how it is refreshed, its columns.

use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;

use super::column::{Column, ColumnDecl, ColumnPath, Origin, one_or_many};
use super::field::{Field, FieldsOf};
use super::source::{End, LookUp, Pagination, Parameter, Records, duration};

/// How a reject, and who asks for a row by its key, writes a value of the key that is null.
pub const NULL_KEY: &str = "null";

/// One documented table.
#[derive(Debug, Clone)]
pub struct Table {
    /// File name under `schemas/<source>/`.
    pub id: String,
    /// pt-BR.
    pub title: String,
    /// One sentence, pt-BR.
    pub description: String,
    /// What the vendor answers is not known well enough: left out of a run unless it is named.
    pub experimental: bool,
    /// Where the records come from.
    pub access: Access,
    /// Columns that name a row; empty only where the table is exploded and its elements have no identity.
    pub primary_key: Vec<String>,
    /// Those of them that may be null: then null is a value of the key as any other. One at least is not null in each row.
    pub nullable_key: Vec<String>,
    /// How the data files are laid in folders.
    pub partition: Option<Partition>,
    /// How the table is refreshed.
    pub replication: Replication,
    /// In the order of the Parquet file, without `_exported_at`.
    pub columns: Vec<Column>,
    /// Whether a declared column reads the element itself (`.`), be it left out or not: an element need not be an object then.
    pub reads_elements: bool,
    /// Names of documented columns that the configuration leaves out.
    pub dropped: Vec<String>,
    /// Tables exploded from this one.
    pub children: Vec<String>,
    /// Which of the source's custom fields are this table's.
    pub custom_fields: Option<FieldsOf>,
    /// The custom fields whose columns follow those that are declared; none where the declaration is not yet held against an account.
    pub fields: Vec<Field>,
}

impl Table {
    /// A table of which nothing else is known: read as a whole, without a key, laid in one folder.
    pub fn of(id: &str, access: Access, columns: Vec<Column>) -> Self {
        let is_itself = |column: &Column| matches!(&column.origin, Origin::Path(paths) if paths.iter().any(|path| path.0.is_empty()));
        Self {
            id: id.to_owned(),
            title: String::new(),
            description: String::new(),
            experimental: false,
            access,
            primary_key: Vec::new(),
            nullable_key: Vec::new(),
            partition: None,
            replication: Replication::default(),
            reads_elements: columns.iter().any(is_itself),
            columns,
            dropped: Vec::new(),
            children: Vec::new(),
            custom_fields: None,
            fields: Vec::new(),
        }
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether this column has a value in every row: one of the primary key that may not be null.
    pub fn requires(&self, name: &str) -> bool {
        let is_in = |names: &[String]| names.iter().any(|other| other == name);
        is_in(&self.primary_key) && !is_in(&self.nullable_key)
    }

    /// Whether its rows are made of other tables of the lake.
    pub fn is_derived(&self) -> bool {
        matches!(self.access, Access::Derived)
    }

    /// Whether something is done to the values of any column, so that what the vendor sends of them is not to be shown.
    pub fn protects(&self) -> bool {
        !self.dropped.is_empty() || self.columns.iter().any(|column| column.treatment.is_some())
    }

    /// The table that this one is exploded from.
    pub fn exploded_from(&self) -> Option<&str> {
        match &self.access {
            Access::Explode(explode) => Some(&explode.table),
            Access::Fetch(_) | Access::Derived => None,
        }
    }

    /// The columns that hold the key of the table it is exploded from; of that table itself, its key. Nothing if it lacks one, or there is no key.
    pub fn key_in(&self, parent: &Self) -> Option<Vec<usize>> {
        let place = |name: &String| {
            self.columns.iter().position(|column| match &column.origin {
                _ if self.id == parent.id => column.name == *name,
                Origin::Parent(of) => of == name,
                _ => false,
            })
        };
        let columns: Option<Vec<usize>> = parent.primary_key.iter().map(place).collect();
        columns.filter(|columns| !columns.is_empty())
    }

    /// How the table is asked for, unless it is exploded or derived.
    pub fn fetch(&self) -> Option<&Fetch> {
        match &self.access {
            Access::Fetch(fetch) => Some(fetch),
            Access::Explode(_) | Access::Derived => None,
        }
    }
}

/// Where a table's records come from.
#[derive(Debug, Clone)]
pub enum Access {
    /// Requests of its own.
    Fetch(Box<Fetch>),
    /// The records of another table.
    Explode(Explode),
    /// Tables of the lake, once they are committed ([`crate::derive`]): only where the configuration asks for it.
    Derived,
}

/// How a table is asked for.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// Paths below the source's address, tried in order while the answer is 404.
    pub endpoints: Vec<String>,
    /// Fixed query parameters.
    pub params: IndexMap<String, String>,
    /// The table is read once for each value.
    pub slices: Option<Slices>,
    /// One request for each row of another table.
    pub for_each: Option<ForEach>,
    /// The rows are the elements of this array of the records; a record without it is itself the row.
    pub unnest: Option<ColumnPath>,
    /// 400, 403 and 404 mean that the account has no such table.
    pub optional: bool,
    /// Where a page may hold its array of records.
    pub records: Vec<Records>,
    /// Replies that end it although they are no page.
    pub ends: Vec<End>,
    /// With `for_each`: what a request may be answered instead of a page.
    pub look_up: LookUp,
    /// How it is read page by page.
    pub pagination: Pagination,
}

/// A table read once for each value of a parameter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slices {
    /// The parameter.
    pub param: String,
    /// Its values.
    pub values: Vec<String>,
}

/// One request for each row of another table; the endpoint holds `{id}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForEach {
    /// The other table.
    pub table: String,
    /// Its column that stands for `{id}`.
    pub column: String,
}

/// Rows that are the elements of an array, or the members of an object, in the records of another table.
#[derive(Debug, Clone)]
pub struct Explode {
    /// The other table.
    pub table: String,
    /// Where the array or object is.
    pub path: ColumnPath,
}

/// How the data files of a table are laid in folders.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// The column whose value chooses the folder.
    pub column: String,
    /// How.
    pub by: By,
}

/// What of a value chooses the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The UTC day of a timestamp, or a date.
    Day,
    /// Its month.
    Month,
    /// Its year.
    Year,
    /// The value itself.
    Value,
}

impl By {
    /// The word after the column's name in a folder's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
            Self::Value => "value",
        }
    }
}

impl Partition {
    /// `<column>_<by>`: the name in `<name>=<value>/`.
    pub fn name(&self) -> String {
        format!("{}_{}", self.column, self.by.name())
    }
}

/// How a table is refreshed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replication {
    /// What a refresh reads and replaces.
    pub mode: Mode,
    /// The time column an incremental table is read by.
    #[serde(default)]
    pub cursor: Option<String>,
    /// How the vendor is asked for rows from a time on.
    #[serde(default)]
    pub from: Option<Parameter>,
    /// How the vendor is asked for rows up to a time.
    #[serde(default)]
    pub until: Option<Parameter>,
    /// How the vendor is asked for the cursor's order.
    #[serde(default)]
    pub order: Option<Parameter>,
    /// How times are written in `from` and `until`.
    #[serde(default)]
    pub format: CursorFormat,
    /// The range is sent even when everything is read.
    #[serde(default)]
    pub always: bool,
    /// What the vendor makes of `from` is not known: it is sent only where a configuration sets the mode to another than full.
    #[serde(default)]
    pub on_trust: bool,
    /// Incremental: how far before the savepoint to read again.
    #[serde(default, deserialize_with = "duration")]
    pub lookback: Duration,
    /// Windowed: how far before the savepoint.
    #[serde(default = "thirty_days", deserialize_with = "duration")]
    pub past: Duration,
    /// Windowed: how far after the savepoint.
    #[serde(default = "a_year", deserialize_with = "duration")]
    pub ahead: Duration,
}

impl Default for Replication {
    fn default() -> Self {
        Self {
            mode: Mode::Full,
            cursor: None,
            from: None,
            until: None,
            order: None,
            format: CursorFormat::default(),
            always: false,
            on_trust: false,
            lookback: Duration::ZERO,
            past: thirty_days(),
            ahead: a_year(),
        }
    }
}

/// What a refresh reads and replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything.
    Full,
    /// Rows from the savepoint on, merged by key.
    Incremental,
    /// A range around the savepoint.
    Windowed,
}

impl Mode {
    /// The documented word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Incremental => "incremental",
            Self::Windowed => "windowed",
        }
    }
}

/// How a time is written in a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CursorFormat {
    /// `2026-01-02T03:04:05Z`
    #[default]
    Rfc3339,
    /// `2026-01-02`, in the cursor column's zone.
    Date,
    /// `02/01/2026`, in the cursor column's zone.
    Dmy,
}

/// The keys of `<table>.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableDecl {
    pub title: String,
    pub description: String,
    #[serde(default)]
    pub experimental: bool,
    #[serde(default, deserialize_with = "one_or_many")]
    pub endpoint: Vec<String>,
    #[serde(default)]
    pub params: IndexMap<String, String>,
    #[serde(default)]
    pub slices: Option<Slices>,
    #[serde(default)]
    pub for_each: Option<ForEach>,
    #[serde(default)]
    pub explode: Option<ExplodeDecl>,
    #[serde(default)]
    pub derived: bool,
    #[serde(default)]
    pub unnest: Option<String>,
    #[serde(default)]
    pub optional: bool,
    #[serde(default)]
    pub records: Option<Vec<Records>>,
    #[serde(default)]
    pub ends: Option<Vec<End>>,
    #[serde(default)]
    pub look_up: Option<LookUp>,
    #[serde(default)]
    pub pagination: Option<Pagination>,
    #[serde(default)]
    pub primary_key: Vec<String>,
    #[serde(default)]
    pub nullable_key: Vec<String>,
    #[serde(default)]
    pub partition: Option<Partition>,
    #[serde(default)]
    pub replication: Replication,
    #[serde(default)]
    pub custom_fields: Option<FieldsOf>,
    pub columns: IndexMap<String, ColumnDecl>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplodeDecl {
    pub table: String,
    pub path: String,
}

fn thirty_days() -> Duration {
    Duration::from_secs(30 * 86_400)
}

fn a_year() -> Duration {
    Duration::from_secs(365 * 86_400)
}
