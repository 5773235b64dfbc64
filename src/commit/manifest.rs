//! The manifest: the JSON document that makes a set of data files the content of a table.

use std::collections::{BTreeMap, HashSet};

use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::words;
use crate::error::{Error, Result};
use crate::schema::{Field, Mode, Partition, Policy, Table, arrow_schema};
use crate::store::{DataFile, Lake, data_file_version, hex, table_folder};

/// The version of the document's form that this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// The form of a data file's footer: 1 is one that every reader of docs/readers.md takes. An older program passes over it, and then drops it.
pub const FOOTER: u32 = 1;

/// The content of a table at one version: every live file, not a difference.
///
/// Fields that a later program adds are passed over; a change of meaning raises [`FORMAT_VERSION`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The vendor's API.
    pub source: String,
    /// The account.
    pub connection: String,
    /// The table's id.
    pub table: String,
    /// From 1, without gaps.
    pub version: u64,
    /// The run that committed it.
    pub run_id: String,
    /// When.
    #[serde(with = "words::instant")]
    pub committed_at: DateTime<Utc>,
    /// How the table is refreshed: `full`, `incremental` or `windowed`.
    #[serde(with = "words::mode")]
    pub mode: Mode,
    /// Columns that name a row.
    pub primary_key: Vec<String>,
    /// Those of them that may be null in some file; files written before that was so may require them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nullable_key: Vec<String>,
    /// How the files are laid in folders: `{column, by}`.
    #[serde(with = "words::partition")]
    pub partition: Option<Partition>,
    /// How far the cursor has been read.
    #[serde(with = "words::optional_instant")]
    pub savepoint: Option<DateTime<Utc>>,
    /// Where an unfinished load goes on, in the words of whoever reads the table; a finished one has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// What an unfinished load has rejected so far; a finished one has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// When rows were last looked for that are gone at the vendor: a full read, or a sweep over all keys.
    #[serde(default, with = "words::optional_instant", skip_serializing_if = "Option::is_none")]
    pub reconciled_at: Option<DateTime<Utc>>,
    /// When a look for such rows was last broken off, because it would have taken too many: the next one waits as long as after one that was done.
    #[serde(default, with = "words::optional_instant", skip_serializing_if = "Option::is_none")]
    pub reconcile_tried_at: Option<DateTime<Utc>>,
    /// The host that was asked for the rows, `public-api2.ploomes.com`: those of another are not gone on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The name of the account whose rows these are, see [`account`](crate::account): those of another are not gone on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Of a table that is read for each row of another: the ids of rows for which the vendor gave nothing although there are rows of them here, and since when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absent: BTreeMap<String, String>,
    /// The next run is to read everything: columns were added that rows of older files may have values for at the vendor.
    #[serde(default, skip_serializing_if = "is_false")]
    pub read_again: bool,
    /// Columns without a value in what was read last, because no record had their member any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns_gone: Vec<String>,
    /// The versions of the tables exploded from this one that belong to this version.
    #[serde(default)]
    pub children: BTreeMap<String, u64>,
    /// The versions of the tables that keep every version of this one's rows, and of the exploded ones', which belong to this version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub histories: BTreeMap<String, u64>,
    /// The versions of the tables that this one was derived from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub derived_from: BTreeMap<String, u64>,
    /// The runs that committed these versions: a table that was deleted and exported anew begins with version 1 again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub derived_runs: BTreeMap<String, String>,
    /// By which rules and choices it was: by others, the same tables give other rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived_by: Option<String>,
    /// The columns.
    pub schema: ManifestSchema,
    /// Of all files.
    pub rows: u64,
    /// Of all files.
    pub bytes: u64,
    /// The live files.
    pub entries: Vec<Entry>,
}

/// What an unfinished load has rejected so far: by this it goes on counting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Names of its files in `_rejected/`. Another file of these tables there is of a part that was never committed.
    pub rejected: Vec<String>,
    /// What was met of each table.
    pub counts: BTreeMap<String, LoadCounts>,
}

/// What an unfinished load has met of a table, committed or rejected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadCounts {
    /// Records.
    pub records: u64,
    /// Records rejected whole.
    pub rejected_records: u64,
    /// Values that did not fit their column.
    pub bad_cells: u64,
}

/// The columns of a table, in the order of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestSchema {
    /// SHA-256 of the names and types: `name:type` and a line feed for each column. 64 lower-case hex digits.
    pub fingerprint: String,
    /// `_exported_at` is the last.
    pub columns: Vec<ManifestColumn>,
    /// Documented columns that the configuration left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// The custom fields among them, as they were when they became columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestColumn {
    /// Name in the lake.
    pub name: String,
    /// The documented word: `text`, `int`, `float`, `boolean`, `timestamp` or `date`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its Arrow type: `Utf8`, `Int64`, `Float64`, `Boolean`, `Timestamp(µs, UTC)` or `Date32`.
    pub arrow: String,
    /// pt-BR.
    pub description: String,
    /// `table.column` of the same source.
    pub references: Option<String>,
    /// What it can hold of a person: a word of [`Personal`](crate::schema::Personal).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal: Option<String>,
    /// What became of its values: `null`, `hash` or `mask`; they were kept where it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The id of the key that they were hashed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

/// A live file. `url`, `mandatory`, `meta.content_length` and `meta.record_count` are spelled as in a Redshift COPY manifest, which a manifest also is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Absolute, where the file was written.
    pub url: String,
    /// Relative to the table's folder: what our own readers use, so that a lake can be copied or mounted elsewhere.
    pub path: String,
    /// Always true: a load without this file is not the table.
    pub mandatory: bool,
    /// What is in it.
    pub meta: EntryMeta,
}

/// What is in a live file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntryMeta {
    /// Bytes.
    pub content_length: u64,
    /// Rows.
    pub record_count: u64,
    /// Of the whole file, 64 lower-case hex digits.
    pub sha256: String,
    /// `<column>_<by>` and its value, null for the partition of nulls; null as a whole where the file is in no partition.
    pub partition: Option<BTreeMap<String, Option<String>>>,
    /// Least values of the key's columns and of the cursor, see [`Bounds`](crate::store::Bounds).
    pub min: Map<String, Value>,
    /// Greatest values.
    pub max: Map<String, Value>,
    /// [`FOOTER`], of files that are written in that form; none, where an earlier program wrote it and nobody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<u32>,
}

impl EntryMeta {
    /// Whether older readers may refuse the file: its footer tells.
    pub fn may_be_refused(&self) -> bool {
        self.footer.is_none_or(|form| form < FOOTER)
    }
}

impl Manifest {
    /// The manifest of these files; without savepoint and children, which are set by whoever knows them.
    pub fn new(
        source: &str,
        connection: &str,
        table: &Table,
        version: u64,
        run_id: &str,
        committed_at: DateTime<Utc>,
        entries: Vec<Entry>,
    ) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            source: source.to_owned(),
            connection: connection.to_owned(),
            table: table.id.clone(),
            version,
            run_id: run_id.to_owned(),
            committed_at,
            mode: table.replication.mode,
            primary_key: table.primary_key.clone(),
            nullable_key: table.nullable_key.clone(),
            partition: table.partition.clone(),
            savepoint: None,
            resume: None,
            load: None,
            reconciled_at: None,
            reconcile_tried_at: None,
            host: None,
            account: None,
            absent: BTreeMap::new(),
            read_again: false,
            columns_gone: Vec::new(),
            children: BTreeMap::new(),
            histories: BTreeMap::new(),
            derived_from: BTreeMap::new(),
            derived_runs: BTreeMap::new(),
            derived_by: None,
            schema: ManifestSchema::of(table),
            rows: entries.iter().map(|entry| entry.meta.record_count).sum(),
            bytes: entries.iter().map(|entry| entry.meta.content_length).sum(),
            entries,
        }
    }

    /// The table's folder, relative to the lake.
    pub fn folder(&self) -> String {
        table_folder(&self.connection, &self.table)
    }

    /// Where a file of it is, relative to the lake.
    pub fn path_of(&self, entry: &Entry) -> String {
        format!("{}/{}", self.folder(), entry.path)
    }

    /// The files that were written for this version, relative to the lake: unless it is committed, they can never become live.
    pub fn written(&self) -> impl Iterator<Item = String> {
        let own = |entry: &&Entry| data_file_version(&entry.path) == Some(self.version);
        self.entries.iter().filter(own).map(|entry| self.path_of(entry))
    }

    /// The next version, by this run: these files in the place of those at the paths that are gone, and otherwise what this one says.
    pub fn successor(&self, lake: &Lake, run_id: &str, gone: &[&str], files: Vec<DataFile>) -> Self {
        let stay = self.entries.iter().filter(|entry| !gone.contains(&entry.path.as_str()));
        let new = files.into_iter().map(|file| Entry::new(lake, &self.connection, &self.table, file));
        let entries: Vec<Entry> = stay.cloned().chain(new).collect();
        Self {
            version: self.version + 1,
            run_id: run_id.to_owned(),
            committed_at: Utc::now(),
            rows: entries.iter().map(|entry| entry.meta.record_count).sum(),
            bytes: entries.iter().map(|entry| entry.meta.content_length).sum(),
            entries,
            ..self.clone()
        }
    }

    /// Breaks of the invariants on which readers and the sweep rest. None is possible but by a defect.
    pub(super) fn check(&self) -> Result<()> {
        let broken = |what: String| Err(Error::defect(format!("manifest {} of `{}`: {what}", self.version, self.folder())));
        let mut paths = HashSet::new();
        for Entry { path, .. } in &self.entries {
            match data_file_version(path) {
                Some(version) if version <= self.version => {}
                _ => return broken(format!("`{path}` is not a file of this version or an earlier one")),
            }
            if !paths.insert(path) {
                return broken(format!("`{path}` is listed twice"));
            }
        }
        let rows: u64 = self.entries.iter().map(|entry| entry.meta.record_count).sum();
        let bytes: u64 = self.entries.iter().map(|entry| entry.meta.content_length).sum();
        if (rows, bytes) != (self.rows, self.bytes) {
            return broken(format!(
                "it says {} rows and {} bytes, its files have {rows} and {bytes}",
                self.rows, self.bytes
            ));
        }
        Ok(())
    }
}

impl ManifestSchema {
    /// The columns of this table.
    pub fn of(table: &Table) -> Self {
        let columns: Vec<ManifestColumn> = arrow_schema(table)
            .fields()
            .iter()
            .map(|field| {
                let word = |key: &str| field.metadata().get(key).cloned();
                ManifestColumn {
                    name: field.name().clone(),
                    // `_exported_at` is in no document.
                    kind: word("documented_type").unwrap_or_else(|| "timestamp".to_owned()),
                    arrow: arrow_text(field.data_type()),
                    description: word("description").unwrap_or_default(),
                    references: word("references"),
                    personal: word("personal"),
                    policy: word("policy"),
                    key_id: table
                        .column(field.name())
                        .and_then(|column| Some(column.treatment.as_ref()?.key.as_ref()?.id())),
                }
            })
            .collect();
        let mut hash = Sha256::new();
        for column in &columns {
            hash.update(format!("{}:{}\n", column.name, column.kind));
        }
        Self {
            fingerprint: hex(&hash.finalize()),
            columns,
            dropped: table.dropped.clone(),
            fields: table.fields.clone(),
        }
    }
}

impl ManifestSchema {
    /// What becomes of personal data here and not there: the first column that differs, in words. A column that only one of them knows does not.
    pub fn protects_otherwise(&self, other: &Self) -> Option<String> {
        let names = self.columns.iter().map(|column| &column.name).chain(&self.dropped);
        names.into_iter().find_map(|name| {
            let ((was, was_key), (is, is_key)) = (self.policy(name)?, other.policy(name)?);
            if was != is {
                Some(format!("`{name}` was `{was}` and is to be `{is}`"))
            } else if was_key != is_key {
                Some(format!("`{name}` is to be hashed with another key"))
            } else {
                None
            }
        })
    }

    /// What became of a column, and the id of the key.
    fn policy(&self, name: &str) -> Option<(&str, Option<&str>)> {
        if self.dropped.iter().any(|dropped| dropped == name) {
            return Some((Policy::Drop.name(), None));
        }
        let column = self.columns.iter().find(|column| column.name == *name)?;
        Some((column.policy.as_deref().unwrap_or(Policy::Keep.name()), column.key_id.as_deref()))
    }
}

impl Entry {
    /// A published file of this table.
    pub fn new(lake: &Lake, connection: &str, table: &str, file: DataFile) -> Self {
        Self {
            url: lake.url(&format!("{}/{}", table_folder(connection, table), file.path)),
            path: file.path,
            mandatory: true,
            meta: EntryMeta {
                content_length: file.bytes,
                record_count: file.rows,
                sha256: file.sha256,
                partition: file.partition.map(|partition| BTreeMap::from([(partition.name, partition.value)])),
                min: file.bounds.min,
                max: file.bounds.max,
                footer: Some(FOOTER),
            },
        }
    }
}

// The shape that serde asks for.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn arrow_text(kind: &DataType) -> String {
    match kind {
        // Arrow's own text has quotes around the zone.
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => format!("Timestamp(µs, {zone})"),
        other => other.to_string(),
    }
}
