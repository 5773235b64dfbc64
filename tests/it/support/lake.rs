//! A lake read back by other means than the program's own: manifests as plain JSON, data files by Parquet's reader, values compared as text.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use chrono::DateTime;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::files_below;

/// What stands for null in a folder's name.
const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// The newest manifest of every table, by `connection.table`.
pub fn manifests(lake: &Path) -> BTreeMap<String, Value> {
    let mut newest = BTreeMap::new();
    // In the order of their names, so that the last one stays.
    for path in files_below(lake) {
        let folder = path.parent().unwrap();
        if folder.file_name().is_some_and(|name| name == "_manifest") && path.extension().is_some_and(|end| end == "json") {
            let table = folder.parent().unwrap().strip_prefix(lake).unwrap();
            let name = table.to_str().unwrap().replace('/', ".");
            newest.insert(name, serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap());
        }
    }
    newest
}

/// Every data file that a plain listing of `*.parquet` finds, relative to the lake.
pub fn data_files(lake: &Path) -> BTreeSet<PathBuf> {
    parquet_files(lake).filter(|path| !is_rejected(path)).collect()
}

/// Data files that no newest manifest lists: a plain listing would read their rows, too.
pub fn superseded(lake: &Path) -> Vec<PathBuf> {
    let mut files = data_files(lake);
    for (name, manifest) in manifests(lake) {
        for entry in manifest["entries"].as_array().unwrap() {
            files.remove(&Path::new(&name.replace('.', "/")).join(entry["path"].as_str().unwrap()));
        }
    }
    files.into_iter().collect()
}

/// The files of rejected cells and records, relative to the lake.
pub fn rejected_files(lake: &Path) -> BTreeSet<PathBuf> {
    parquet_files(lake).filter(|path| is_rejected(path)).collect()
}

/// Files of uploads that were not finished.
pub fn staged_files(lake: &Path) -> Vec<PathBuf> {
    files_below(lake)
        .into_iter()
        .filter(|path| path.to_string_lossy().contains(".parquet#"))
        .collect()
}

/// Reads the whole lake and holds it against its manifests; the rows of every table.
///
/// # Panics
/// When a manifest, a file or a row breaks a rule of the lake, with all that were found.
pub fn check(lake: &Path) -> BTreeMap<String, u64> {
    let manifests = manifests(lake);
    let mut broken = Vec::new();
    let mut live = BTreeSet::new();
    for (name, manifest) in &manifests {
        let mut table = Table::new(lake, name, manifest, &mut broken);
        table.check();
        live.extend(table.live);
    }
    for path in data_files(lake).difference(&live) {
        broken.push(format!("{}: in no manifest", path.display()));
    }
    for path in staged_files(lake) {
        broken.push(format!("{}: left by an unfinished upload", path.display()));
    }
    broken.extend(families(&manifests));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    rows(&manifests)
}

/// Holds every committed table against its manifest, and lets pass what no manifest lists: the state after a crash.
pub fn check_committed(lake: &Path) -> BTreeMap<String, u64> {
    let manifests = manifests(lake);
    let mut broken = Vec::new();
    for (name, manifest) in &manifests {
        Table::new(lake, name, manifest, &mut broken).check();
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    rows(&manifests)
}

/// All rows of a Parquet file.
pub fn batches(file: &Path) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

/// A cell as text; nothing where it is null.
pub fn cell(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            DateTime::from_timestamp_micros(micros).unwrap().to_rfc3339()
        }
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>().value(row);
            let instant = DateTime::from_timestamp(i64::from(days) * 86_400, 0).unwrap();
            instant.format("%Y-%m-%d").to_string()
        }
        other => panic!("a column of type {other}"),
    })
}

fn parquet_files(lake: &Path) -> impl Iterator<Item = PathBuf> {
    files_below(lake)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "parquet"))
        .map(move |path| path.strip_prefix(lake).unwrap().to_owned())
}

fn is_rejected(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "_rejected")
}

fn rows(manifests: &BTreeMap<String, Value>) -> BTreeMap<String, u64> {
    let rows = |manifest: &Value| manifest["rows"].as_u64().unwrap();
    manifests.iter().map(|(name, manifest)| (name.clone(), rows(manifest))).collect()
}

/// A parent names the versions of its children, and they are of one run.
fn families(manifests: &BTreeMap<String, Value>) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, manifest) in manifests {
        let connection = name.split('.').next().unwrap();
        for (child, version) in manifest["children"].as_object().unwrap() {
            let found = &manifests[&format!("{connection}.{child}")];
            if found["version"] != *version || found["run_id"] != manifest["run_id"] {
                broken.push(format!(
                    "{name} names version {version} of {child}, found {} of run {}",
                    found["version"], found["run_id"]
                ));
            }
        }
    }
    broken
}

/// A table while it is checked.
struct Table<'a> {
    lake: &'a Path,
    name: &'a str,
    manifest: &'a Value,
    faults: &'a mut Vec<String>,
    keys: HashSet<Vec<String>>,
    /// Relative to the lake.
    live: Vec<PathBuf>,
}

impl<'a> Table<'a> {
    fn new(lake: &'a Path, name: &'a str, manifest: &'a Value, faults: &'a mut Vec<String>) -> Self {
        Self {
            lake,
            name,
            manifest,
            faults,
            keys: HashSet::new(),
            live: Vec::new(),
        }
    }

    fn check(&mut self) {
        let (connection, table) = self.name.split_once('.').unwrap();
        self.expect("connection", &self.manifest["connection"], &connection.into());
        self.expect("table", &self.manifest["table"], &table.into());
        let entries = self.manifest["entries"].as_array().unwrap();
        let sum = |member: &str| entries.iter().map(|entry| entry["meta"][member].as_u64().unwrap()).sum::<u64>();
        self.expect("rows", &self.manifest["rows"], &sum("record_count").into());
        self.expect("bytes", &self.manifest["bytes"], &sum("content_length").into());
        if entries.is_empty() {
            self.broken(&"no file, so that a reader does not even find the columns");
        }
        for entry in entries {
            self.check_file(entry);
        }
    }

    fn check_file(&mut self, entry: &Value) {
        let below = Path::new(&self.name.replace('.', "/")).join(entry["path"].as_str().unwrap());
        let path = self.lake.join(&below);
        self.live.push(below);
        let Ok(bytes) = std::fs::read(&path) else {
            return self.broken(&format!("{} is not there", path.display()));
        };
        let meta = &entry["meta"];
        self.expect("content_length", &meta["content_length"], &bytes.len().into());
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        self.expect("sha256", &meta["sha256"], &sha256.into());
        self.expect("mandatory", &entry["mandatory"], &true.into());
        let url = format!("file://{}", std::fs::canonicalize(&path).unwrap().display());
        self.expect("url", &entry["url"], &url.into());
        let batches = batches(&path);
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        self.expect("record_count", &meta["record_count"], &rows.into());
        self.check_schema(&path);
        for batch in &batches {
            self.check_keys(batch);
            self.check_partition(entry, batch);
        }
        self.check_bounds(meta, &batches);
    }

    /// The file's columns are those of the manifest, described, with `_exported_at` last.
    fn check_schema(&mut self, path: &Path) {
        let schema = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        let schema = schema.schema().clone();
        let found: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let declared = self.manifest["schema"]["columns"].as_array().unwrap();
        let named: Vec<&str> = declared.iter().map(|column| column["name"].as_str().unwrap()).collect();
        if found != named || found.last() != Some(&"_exported_at") {
            self.broken(&format!("columns {found:?}, the manifest says {named:?}"));
            return;
        }
        for (field, column) in schema.fields().iter().zip(declared) {
            let metadata = |key: &str| field.metadata().get(key).map_or(Value::Null, |text| text.as_str().into());
            self.expect("description", &metadata("description"), &column["description"]);
            self.expect("references", &metadata("references"), &column["references"]);
            if field.name() != "_exported_at" {
                self.expect("documented_type", &metadata("documented_type"), &column["type"]);
            }
            if metadata("description").as_str().is_none_or(str::is_empty) {
                self.broken(&format!("{} has no description in its metadata", field.name()));
            }
        }
    }

    /// The key's columns are not null, and no key is met twice.
    fn check_keys(&mut self, batch: &RecordBatch) {
        let columns: Vec<_> = self.manifest["primary_key"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| batch.column_by_name(name.as_str().unwrap()).unwrap())
            .collect();
        if columns.is_empty() {
            return;
        }
        for row in 0..batch.num_rows() {
            let key: Option<Vec<String>> = columns.iter().map(|column| cell(column, row)).collect();
            match key {
                None => self.broken(&"a key is null"),
                Some(key) if !self.keys.insert(key.clone()) => self.broken(&format!("key {key:?} is there twice")),
                Some(_) => {}
            }
        }
    }

    /// Every row of a partition has the value that its folder says.
    fn check_partition(&mut self, entry: &Value, batch: &RecordBatch) {
        let partition = &self.manifest["partition"];
        let folder = entry["path"].as_str().unwrap().rsplit_once('/').map(|(folder, _)| folder);
        let (Some(column), Some(by)) = (partition["column"].as_str(), partition["by"].as_str()) else {
            if folder.is_some() {
                self.broken(&format!("{} of an unpartitioned table", entry["path"]));
            }
            return;
        };
        if batch.num_rows() == 0 {
            return;
        }
        let name = format!("{column}_{by}");
        let stated = entry["meta"]["partition"][&name].as_str();
        let expected = format!("{name}={}", stated.unwrap_or(NULL_FOLDER));
        if folder != Some(expected.as_str()) {
            self.broken(&format!("{} stands in {folder:?}, expected {expected}", entry["path"]));
        }
        let letters = match by {
            "year" => 4,
            "month" => 7,
            _ => 10,
        };
        let values = batch.column_by_name(column).unwrap();
        for row in 0..batch.num_rows() {
            let value = cell(values, row).map(|text| text[..letters].to_owned());
            if value.as_deref() != stated {
                self.broken(&format!("{value:?} stands in {expected}"));
            }
        }
    }

    /// The bounds of a single numeric key are its least and greatest values.
    fn check_bounds(&mut self, meta: &Value, batches: &[RecordBatch]) {
        let [key] = self.manifest["primary_key"].as_array().unwrap().as_slice() else {
            return;
        };
        let key = key.as_str().unwrap();
        let values: Vec<f64> = batches
            .iter()
            .filter_map(|batch| batch.column_by_name(key))
            .filter(|column| column.data_type().is_numeric())
            .flat_map(|column| (0..column.len()).filter_map(|row| cell(column, row)?.parse().ok()))
            .collect();
        let bound = |of: fn(f64, f64) -> f64| values.iter().copied().reduce(of);
        for (member, expected) in [("min", bound(f64::min)), ("max", bound(f64::max))] {
            let found = &meta[member][key];
            if expected.is_some() && found.as_f64() != expected {
                self.broken(&format!("{member} of {key} is {found}, expected {expected:?}"));
            }
        }
    }

    fn expect(&mut self, what: &str, found: &Value, expected: &Value) {
        if found != expected {
            self.broken(&format!("{what} is {found}, expected {expected}"));
        }
    }

    fn broken(&mut self, what: &dyn std::fmt::Display) {
        self.faults.push(format!("{}: {what}", self.name));
    }
}
