//! A lake of deals and their items, beside what the vendor has of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType as Type;
use bytes::Bytes;
use chrono::{DateTime, FixedOffset, Utc};
use fastrand::Rng;
use serde_json::{Value, json};

use super::super::*;
use crate::commit::Entry;
use crate::decode::Decoder;
use crate::page::Page;
use crate::scan::DataFileReader;
use crate::schema::{Source, demo};
use crate::write::{MemoryBudget, TableWriter, WriteOptions, publish_all};

/// The key of the rows: a number, a text, two columns, an integer beyond those that a float holds, a float that is nearly too large for its digits, an integer
/// around zero.
pub(super) const KEYS: [(&str, &str); 6] = [
    (r#"["id"]"#, "int"),
    (r#"["id"]"#, "text"),
    (r#"["id", "part"]"#, "float"),
    (r#"["id"]"#, "int"),
    (r#"["id"]"#, "float"),
    (r#"["id"]"#, "int"),
];

/// Hours from 2026 to the year 10000 in UTC, which the vendor writes as 9999 in a zone to the west.
pub(super) const FAR: i64 = 69_898_632;

fn source(key: usize, partitioned: bool) -> Source {
    let (primary_key, kind) = KEYS[key];
    let partition = if partitioned {
        "partition = { column = \"kind\", by = \"value\" }"
    } else {
        ""
    };
    let deals = format!(
        r#"
title = "Negócios"
description = "Uma linha por negócio."
endpoint = "/Deals"
primary_key = {primary_key}
{partition}
[replication]
mode = "incremental"
cursor = "at"
from = {{ param = "from", value = "{{from}}" }}
[columns]
id   = {{ type = "{kind}", path = "id", description = "Identificador." }}
part = {{ type = "text", path = "part", description = "Parte." }}
kind = {{ type = "text", path = "kind", description = "Tipo." }}
name = {{ type = "text", path = "name", description = "Nome." }}
at   = {{ type = "timestamp", path = "at", description = "Alteração." }}
"#
    );
    let parts = if primary_key.contains("part") {
        "deal_part = { type = \"text\", parent = \"part\", description = \"Parte.\" }"
    } else {
        ""
    };
    let items = format!(
        r#"
title = "Produtos"
description = "Uma linha por item."
explode = {{ table = "deals", path = "items" }}
[columns]
deal_id = {{ type = "{kind}", parent = "id", description = "Negócio." }}
{parts}
item    = {{ type = "text", path = "item", description = "Item." }}
"#
    );
    demo::source(&[("deals", &deals), ("deals__items", &items)])
}

/// A vendor's row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deal {
    pub(super) name: String,
    pub(super) kind: Option<String>,
    /// Hours since 2026.
    pub(super) at: Option<i64>,
    pub(super) items: Vec<String>,
}

pub(super) type Deals = BTreeMap<u32, Deal>;

pub(super) fn rows(deals: &Deals) -> Vec<(u32, Deal)> {
    deals.iter().map(|(id, deal)| (*id, deal.clone())).collect()
}

/// The read of all there is.
pub(super) fn whole(compare: bool, memory: usize) -> MergeOptions {
    MergeOptions {
        range: Range::default(),
        missing: Missing::Go,
        keys_only: false,
        compare,
        memory,
        target_file_bytes: 1 << 20,
    }
}

/// The read of what changed since an hour of 2026.
pub(super) fn since(hour: i64, whole: MergeOptions) -> MergeOptions {
    MergeOptions {
        range: Range {
            from: Some(instant(hour).timestamp_micros()),
            until: None,
        },
        missing: Missing::Stay,
        ..whole
    }
}

pub(super) fn instant(hours: i64) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-01-01T00:00:00Z").unwrap().to_utc() + chrono::Duration::hours(hours)
}

fn record(key: usize, id: u32, deal: &Deal) -> Value {
    let id_value: Value = match key {
        1 => json!(format!("deal {id}")),
        _ => serde_json::from_str(&id_text(key, id)).unwrap(),
    };
    let items: Vec<Value> = deal.items.iter().map(|item| json!({ "item": item })).collect();
    json!({
        "id": id_value, "part": format!("p{}", id % 2), "kind": deal.kind, "name": deal.name, "items": items,
        "at": deal.at.map(|at| instant(at).with_timezone(&FixedOffset::west_opt(23 * 3_600).unwrap()).to_rfc3339()),
    })
}

/// The first column of a row's key, as the lake shows it.
fn id_text(key: usize, id: u32) -> String {
    match key {
        1 => format!("deal {id}"),
        2 => (id / 2).to_string(),
        3 => (9_007_199_254_740_990 + u64::from(id)).to_string(),
        4 => (9_007_199_254_740_991 - u64::from(id)).to_string(),
        5 => (i64::from(id) - 10).to_string(),
        _ => id.to_string(),
    }
}

pub(super) struct Bench {
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) lake: Lake,
    source: Source,
    pub(super) tables: Vec<Table>,
    key: usize,
    version: u64,
    pub(super) base: Vec<Option<Manifest>>,
    pub(super) target_file_bytes: u64,
    /// Of the table that is read.
    pub(super) rows_written: u64,
}

impl Bench {
    pub(super) fn new(key: usize, partitioned: bool) -> Self {
        let source = source(key, partitioned);
        let tables = ["deals", "deals__items"].map(|id| source.tables[id].clone()).to_vec();
        Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
            lake: Lake::memory(),
            base: vec![None; 2],
            source,
            tables,
            key,
            version: 0,
            // So that there are many.
            target_file_bytes: 1,
            rows_written: 0,
        }
    }

    /// Batches of these rows, in sets of a few.
    fn sets(&self, deals: &[(u32, Deal)], rng: &mut Rng) -> Vec<Vec<Vec<RecordBatch>>> {
        let mut decoder = Decoder::new(&self.source, &self.tables[0], self.version as i64).unwrap();
        let mut sets = Vec::new();
        for some in deals.chunks(rng.usize(1..40)) {
            let mut body = String::new();
            let mut records = Vec::new();
            for (id, deal) in some {
                let text = record(self.key, *id, deal).to_string();
                records.push(body.len()..body.len() + text.len());
                body.push_str(&text);
            }
            decoder
                .decode(&Page {
                    body: Bytes::from(body),
                    records,
                    twins: Vec::new(),
                    resume: None,
                    began: chrono::DateTime::UNIX_EPOCH,
                    memory: None,
                })
                .unwrap();
            let mut set = vec![Vec::new(), Vec::new()];
            for (at, batch) in decoder.finish().unwrap() {
                set[at].push(batch);
            }
            sets.push(set);
        }
        sets
    }

    /// Merges these rows; how many files were superseded and written, or nothing if nothing changed.
    pub(super) fn merge(&mut self, deals: &[(u32, Deal)], options: MergeOptions, rng: &mut Rng) -> Option<(usize, usize)> {
        let sets = self.sets(deals, rng);
        self.version += 1;
        let mut write = WriteOptions::new("run");
        (write.target_file_bytes, write.row_group_rows) = (self.target_file_bytes, 16);
        let (write, budget) = (Arc::new(write), MemoryBudget::new(64 << 20));
        let handle = self.runtime.handle().clone();
        let mut merge = Merge::new(&self.lake, handle.clone(), &self.tables, self.base.clone(), options).unwrap();
        let writer = |table: &Table| {
            TableWriter::new(
                &self.lake,
                "acme",
                table,
                self.version,
                write.clone(),
                budget.clone(),
                handle.clone(),
            )
            .unwrap()
        };
        let mut writers: Vec<TableWriter> = self.tables.iter().map(writer).collect();
        for set in sets {
            for (at, batches) in merge.sift(set).unwrap().iter().enumerate() {
                batches.iter().for_each(|batch| writers[at].write(batch).unwrap());
            }
        }
        if merge.is_unchanged() {
            return None;
        }
        let new_rows = writers.iter().map(|writer| writer.partition_rows().to_vec()).collect();
        let kept = merge.rewrite(new_rows, |at, batch| writers[at].write(batch)).unwrap();
        self.rows_written += writers[0].rows();
        let (mut superseded, mut written) = (0, 0);
        for (at, (writer, kept)) in writers.into_iter().zip(kept).enumerate() {
            let files = self.runtime.block_on(publish_all(writer.finish().unwrap())).unwrap();
            superseded += self.base[at].as_ref().map_or(0, |base| base.entries.len()) - kept.len();
            written += files.len();
            let added = files
                .into_iter()
                .map(|file| Entry::new(&self.lake, "acme", &self.tables[at].id, file));
            let entries = kept.into_iter().chain(added).collect();
            self.base[at] = Some(Manifest::new(
                "demo",
                "acme",
                &self.tables[at],
                self.version,
                "run",
                Utc::now(),
                entries,
            ));
        }
        let items = self.base[1].as_ref().unwrap().version;
        self.base[0].as_mut().unwrap().children.insert(self.tables[1].id.clone(), items);
        Some((superseded, written))
    }

    /// Every row of the lake, with its items in any order; a key or an item twice is a failure.
    pub(super) fn content(&self) -> Vec<(Vec<String>, Vec<String>)> {
        let rows = |at: usize, columns: &[&str]| {
            let mut rows = Vec::new();
            for entry in self.base[at].iter().flat_map(|base| &base.entries) {
                let path = format!("acme/{}/{}", self.tables[at].id, entry.path);
                let handle = self.runtime.handle().clone();
                let reader = DataFileReader::open(&self.lake, &path, entry.meta.content_length, handle).unwrap();
                for batch in reader.batches(None) {
                    let batch = batch.unwrap();
                    for row in 0..batch.num_rows() {
                        let cell = |name: &&str| text(batch.column_by_name(name).unwrap(), row);
                        rows.push(columns.iter().map(cell).collect::<Vec<_>>());
                    }
                }
            }
            rows
        };
        let key: &[&str] = if self.key == 2 { &["deal_id", "deal_part"] } else { &["deal_id"] };
        let own: &[&str] = if self.key == 2 { &["id", "part"] } else { &["id"] };
        let deals = rows(0, &[own, &["name", "kind", "at"]].concat());
        let keys: BTreeSet<&[String]> = deals.iter().map(|deal| &deal[..key.len()]).collect();
        assert_eq!(keys.len(), deals.len(), "a key is there twice");
        let mut items: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
        for mut item in rows(1, &[key, &["item"]].concat()) {
            let text = item.pop().unwrap();
            items.entry(item).or_default().push(text);
        }
        let mut content: Vec<_> = deals
            .into_iter()
            .map(|deal| {
                let mut items = items.remove(&deal[..key.len()]).unwrap_or_default();
                items.sort();
                (deal, items)
            })
            .collect();
        assert!(items.is_empty(), "items of no deal: {items:?}");
        content.sort();
        content
    }

    pub(super) fn expected(&self, deals: &Deals) -> Vec<(Vec<String>, Vec<String>)> {
        let mut expected: Vec<_> = deals
            .iter()
            .map(|(id, deal)| {
                let at = deal.at.map_or("null".to_owned(), |at| instant(at).timestamp_micros().to_string());
                let own = id_text(self.key, *id);
                let id = match self.key {
                    2 => vec![own, format!("p{}", id % 2)],
                    _ => vec![own],
                };
                let rest = vec![deal.name.clone(), deal.kind.clone().unwrap_or("null".to_owned()), at];
                let mut items = deal.items.clone();
                items.sort();
                ([id, rest].concat(), items)
            })
            .collect();
        expected.sort();
        expected
    }
}

fn text(array: &ArrayRef, row: usize) -> String {
    use arrow_array::types::{Float64Type, Int64Type};
    if array.is_null(row) {
        return "null".to_owned();
    }
    match array.data_type() {
        Type::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        Type::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        Type::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        _ => array.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
    }
}

pub(super) fn drawn(rng: &mut Rng, at: Option<i64>) -> Deal {
    Deal {
        name: rng.u8(..).to_string(),
        kind: [None, Some("a"), Some("b")][rng.usize(..3)].map(str::to_owned),
        at,
        items: (0..rng.usize(..4)).map(|_| rng.u8(..).to_string()).collect(),
    }
}
