//! Random tables, random changes, random reads: after each merge the lake holds what the rule of the read says, and no more was rewritten than need be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType as Type;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use fastrand::Rng;
use serde_json::{Value, json};

use super::*;
use crate::commit::Entry;
use crate::decode::Decoder;
use crate::page::Page;
use crate::scan::DataFileReader;
use crate::schema::{Catalog, Source};
use crate::write::{MemoryBudget, TableWriter, WriteOptions, publish_all};

const SOURCE: &str = r#"
title = "Demo"
description = "."
base_url = "https://demo.example"
token_env = "DEMO_TOKEN"
auth = { type = "header", name = "Key" }
records = ["value"]
pagination = { type = "single" }
rate_limit = { requests = 60, per = "1m", in_flight = 1 }
"#;

/// The key of the rows: a number, a text, or two columns.
const KEYS: [(&str, &str); 3] = [(r#"["id"]"#, "int"), (r#"["id"]"#, "text"), (r#"["id", "part"]"#, "float")];

fn catalog(key: usize, partitioned: bool) -> Catalog {
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
    let files = [
        ("demo/source.toml", SOURCE),
        ("demo/deals.toml", &deals),
        ("demo/deals__items.toml", &items),
    ];
    Catalog::from_files(files.map(|(path, text)| (path.to_owned(), text.to_owned()))).unwrap()
}

/// A vendor's row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Deal {
    name: String,
    kind: Option<String>,
    /// Hours since 2026.
    at: Option<i64>,
    items: Vec<String>,
}

type Deals = BTreeMap<u32, Deal>;

fn instant(hours: i64) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-01-01T00:00:00Z").unwrap().to_utc() + chrono::Duration::hours(hours)
}

fn record(key: usize, id: u32, deal: &Deal) -> Value {
    let id_value = match key {
        0 => json!(id),
        1 => json!(format!("deal {id}")),
        _ => json!(id / 2),
    };
    let items: Vec<Value> = deal.items.iter().map(|item| json!({ "item": item })).collect();
    json!({
        "id": id_value, "part": format!("p{}", id % 2), "kind": deal.kind, "name": deal.name, "items": items,
        "at": deal.at.map(|at| instant(at).to_rfc3339()),
    })
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    lake: Lake,
    source: Source,
    tables: Vec<Table>,
    key: usize,
    version: u64,
    base: Vec<Option<Manifest>>,
    target_file_bytes: u64,
    /// Of the table that is read.
    rows_written: u64,
}

impl Bench {
    fn new(key: usize, partitioned: bool) -> Self {
        let source = catalog(key, partitioned).source("demo").unwrap().clone();
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
    fn merge(&mut self, deals: &[(u32, Deal)], options: MergeOptions, rng: &mut Rng) -> Option<(usize, usize)> {
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
    fn content(&self) -> Vec<(Vec<String>, Vec<String>)> {
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

    fn expected(&self, deals: &Deals) -> Vec<(Vec<String>, Vec<String>)> {
        let mut expected: Vec<_> = deals
            .iter()
            .map(|(id, deal)| {
                let at = deal.at.map_or("null".to_owned(), |at| instant(at).timestamp_micros().to_string());
                let id = match self.key {
                    0 => vec![id.to_string()],
                    1 => vec![format!("deal {id}")],
                    _ => vec![(id / 2).to_string(), format!("p{}", id % 2)],
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

fn drawn(rng: &mut Rng, at: Option<i64>) -> Deal {
    Deal {
        name: rng.u8(..).to_string(),
        kind: [None, Some("a"), Some("b")][rng.usize(..3)].map(str::to_owned),
        at,
        items: (0..rng.usize(..4)).map(|_| rng.u8(..).to_string()).collect(),
    }
}

/// `compare: false` makes the same lake as `compare: true`, with more written.
#[test]
fn a_lake_follows_any_history() {
    for seed in 0..400 {
        let mut rng = Rng::with_seed(seed);
        let mut bench = Bench::new(rng.usize(..3), rng.bool());
        let (mut vendor, mut lake) = (Deals::new(), Deals::new());
        let mut now = 0;
        for step in 0..rng.usize(2..7) {
            for _ in 0..rng.usize(..30) {
                now += rng.i64(0..3);
                let id = rng.u32(..60);
                match rng.u8(..10) {
                    0 | 1 => drop(vendor.remove(&id)),
                    // Only the items change; the cursor moves all the same.
                    2 if vendor.contains_key(&id) => {
                        let deal = vendor.get_mut(&id).unwrap();
                        (deal.at, deal.items) = (Some(now), (0..rng.usize(..3)).map(|_| rng.u8(..).to_string()).collect());
                    }
                    3 => drop(vendor.insert(id, drawn(&mut rng, None))),
                    _ => drop(vendor.insert(id, drawn(&mut rng, Some(now)))),
                }
            }
            let micros = |hours: i64| instant(hours).timestamp_micros();
            let (from, until) = (rng.i64(-5..now + 5), rng.i64(-5..now + 10));
            let (range, missing) = match rng.u8(..4) {
                _ if step == 0 => (Range::default(), Missing::Go),
                0 => (Range::default(), Missing::Go),
                1 => (
                    Range {
                        from: Some(micros(from)),
                        until: Some(micros(until)),
                    },
                    Missing::Go,
                ),
                2 => (
                    Range {
                        from: Some(micros(from)),
                        until: Some(micros(until)),
                    },
                    Missing::Stay,
                ),
                _ => (
                    Range {
                        from: Some(micros(from)),
                        until: None,
                    },
                    Missing::Stay,
                ),
            };
            let inside = |deal: &Deal| deal.at.is_none_or(|at| range.contains(micros(at)));
            // The vendor's filter is coarse: some rows outside come along, and rows without a cursor or not, as it likes.
            let sends_nulls = range == Range::default() || rng.bool();
            let read: Vec<(u32, Deal)> = vendor
                .iter()
                .filter(|(_, deal)| inside(deal) && (deal.at.is_some() || sends_nulls) || !inside(deal) && rng.bool())
                .map(|(id, deal)| (*id, deal.clone()))
                .collect();
            if missing == Missing::Go {
                let gone = |deal: &Deal| {
                    if range == Range::default() {
                        true
                    } else {
                        deal.at.is_some_and(|at| range.contains(micros(at)))
                    }
                };
                lake.retain(|_, deal| !gone(deal));
            }
            for (id, deal) in read.iter().filter(|(_, deal)| inside(deal)) {
                lake.insert(*id, deal.clone());
            }
            let options = MergeOptions {
                range,
                missing,
                keys_only: false,
                compare: rng.u8(..4) > 0,
                memory: if rng.u8(..4) > 0 { 1 << 20 } else { 0 },
                target_file_bytes: 1 << 20,
            };
            let before = bench.content();
            let outcome = bench.merge(&read, options, &mut rng);
            assert_eq!(bench.content(), bench.expected(&lake), "seed {seed}, step {step}, {options:?}");
            if outcome.is_none() {
                assert_eq!(before, bench.content());
            }
            if options.compare && options.memory > 0 && before == bench.expected(&lake) && sends_nulls && range == Range::default() {
                assert_eq!(outcome, None, "seed {seed}, step {step}: written although nothing changed");
            }
        }
    }
}

#[test]
fn keys_alone_find_what_is_gone() {
    // In the second case the index does not fit, the keys that were read do.
    for (key, memory) in (0..KEYS.len()).flat_map(|key| [(key, 1 << 20), (key, 20_000)]) {
        let mut rng = Rng::with_seed(7);
        let mut bench = Bench::new(key, true);
        let mut vendor: Deals = (0..100).map(|id| (id, drawn(&mut rng, Some(1)))).collect();
        let all = MergeOptions {
            range: Range::default(),
            missing: Missing::Go,
            keys_only: false,
            compare: false,
            memory,
            target_file_bytes: 1 << 20,
        };
        let rows = |vendor: &Deals| vendor.iter().map(|(id, deal)| (*id, deal.clone())).collect::<Vec<_>>();
        bench.merge(&rows(&vendor), all, &mut rng);
        let ids = MergeOptions { keys_only: true, ..all };
        // The vendor sends nothing but ids, and rows that the lake does not have yet.
        let blank = |vendor: &Deals| {
            let blank = |id: &u32| {
                (
                    *id,
                    Deal {
                        name: "null".to_owned(),
                        kind: None,
                        at: None,
                        items: Vec::new(),
                    },
                )
            };
            vendor.keys().chain([&777]).map(blank).collect::<Vec<_>>()
        };
        let unchanged = bench.merge(&blank(&vendor), ids, &mut rng);
        assert!(matches!(unchanged, None | Some((0, 0))), "{key} {memory}: {unchanged:?}");
        assert_eq!(bench.content(), bench.expected(&vendor), "{key} {memory}");
        vendor.retain(|id, _| id % 10 != 3);
        assert!(bench.merge(&blank(&vendor), ids, &mut rng).is_some());
        assert_eq!(bench.content(), bench.expected(&vendor), "{key} {memory}");
    }
}

#[test]
fn what_a_cut_run_left_of_rows_that_are_gone_goes() {
    for (key, memory) in (0..KEYS.len()).flat_map(|key| [(key, 1 << 20), (key, 0)]) {
        let mut rng = Rng::with_seed(8);
        let mut bench = Bench::new(key, false);
        let deals = |ids: std::ops::Range<u32>| -> Deals {
            let deal = |id: u32| Deal {
                name: "deal".to_owned(),
                kind: None,
                at: Some(i64::from(id)),
                items: vec![id.to_string()],
            };
            ids.map(|id| (id, deal(id))).collect()
        };
        let rows = |deals: &Deals| deals.iter().map(|(id, deal)| (*id, deal.clone())).collect::<Vec<_>>();
        let changes = MergeOptions {
            range: Range {
                from: Some(instant(30).timestamp_micros()),
                until: None,
            },
            missing: Missing::Stay,
            keys_only: false,
            compare: true,
            memory,
            target_file_bytes: 1 << 20,
        };
        let all = MergeOptions {
            range: Range::default(),
            missing: Missing::Go,
            ..changes
        };
        bench.merge(&rows(&deals(0..40)), all, &mut rng);
        let table = bench.base[0].clone();
        bench.merge(&rows(&deals(40..50)), changes, &mut rng);
        // The items were committed, their deals were not, and are gone by the next run, which reads nothing.
        bench.base[0] = table;
        assert!(bench.merge(&[], changes, &mut rng).is_some());
        assert_eq!(bench.content(), bench.expected(&deals(0..40)), "{key} {memory}");
    }
}

/// One row of many files: its file and that of its items are rewritten, and nothing else.
#[test]
fn one_change_rewrites_one_file() {
    one_change(0);
    one_change(1);
}

fn one_change(key: usize) {
    let mut rng = Rng::with_seed(1);
    let mut bench = Bench::new(key, false);
    let mut vendor: Deals = (0..20_000)
        .map(|id| {
            let deal = Deal {
                items: vec!["x".to_owned()],
                ..drawn(&mut rng, Some(i64::from(id)))
            };
            (id, deal)
        })
        .collect();
    let rows = |vendor: &Deals| vendor.iter().map(|(id, deal)| (*id, deal.clone())).collect::<Vec<_>>();
    let all = MergeOptions {
        range: Range::default(),
        missing: Missing::Go,
        keys_only: false,
        compare: true,
        memory: 8 << 20,
        // What is small is left alone here.
        target_file_bytes: 1,
    };
    bench.merge(&rows(&vendor), all, &mut rng).unwrap();
    let files: usize = bench.base.iter().flatten().map(|base| base.entries.len()).sum();
    assert!(files > 100, "{files}");
    vendor.get_mut(&777).unwrap().name = "other".to_owned();
    let (superseded, written) = bench.merge(&rows(&vendor), all, &mut rng).unwrap();
    assert!(superseded <= 2 && written <= 10, "{superseded} superseded, {written} written");
    assert_eq!(bench.content(), bench.expected(&vendor));
    // The same by its cursor: what lies outside the range is not even looked at.
    vendor.get_mut(&888).unwrap().items.clear();
    vendor.get_mut(&888).unwrap().at = Some(30_000);
    let range = Range {
        from: Some(instant(19_990).timestamp_micros()),
        until: None,
    };
    let read: Vec<_> = rows(&vendor).into_iter().filter(|(_, deal)| deal.at >= Some(19_990)).collect();
    let since = MergeOptions {
        range,
        missing: Missing::Stay,
        ..all
    };
    let (superseded, written) = bench.merge(&read, since, &mut rng).unwrap();
    assert!(superseded <= 2 && written <= 10, "{superseded} superseded, {written} written");
    assert_eq!(bench.content(), bench.expected(&vendor));
    assert_eq!(bench.merge(&read, since, &mut rng), None);
}

/// A thousand refreshes of one new row each: the rows stay right, and the files few.
#[test]
fn small_files_do_not_pile_up() {
    let mut rng = Rng::with_seed(3);
    let mut bench = Bench::new(0, false);
    bench.target_file_bytes = 1 << 20;
    let mut vendor = Deals::new();
    let mut most = 0;
    for hour in 0..300 {
        let id = hour as u32;
        vendor.insert(id, drawn(&mut rng, Some(hour)));
        let since = MergeOptions {
            range: Range {
                from: Some(instant(hour).timestamp_micros()),
                until: None,
            },
            missing: Missing::Stay,
            keys_only: false,
            compare: true,
            memory: 1 << 20,
            target_file_bytes: 1 << 20,
        };
        bench.merge(&[(id, vendor[&id].clone())], since, &mut rng).unwrap();
        most = most.max(bench.base[0].as_ref().map_or(0, |base| base.entries.len()));
    }
    assert_eq!(bench.content(), bench.expected(&vendor));
    assert!(most < 60, "{most} files");
    let rewritten: u64 = bench.rows_written;
    assert!(rewritten < 300 * 12, "{rewritten} rows were written for 300 new ones");
}

#[test]
fn an_exploded_table_without_the_key_is_refused() {
    let bench = Bench::new(0, false);
    let mut tables = bench.tables.clone();
    tables[1].columns.remove(0);
    let options = MergeOptions {
        range: Range::default(),
        missing: Missing::Go,
        keys_only: false,
        compare: false,
        memory: 0,
        target_file_bytes: 1 << 20,
    };
    let error = Merge::new(&bench.lake, bench.runtime.handle().clone(), &tables, vec![None; 2], options)
        .err()
        .unwrap();
    assert!(error.message().contains("does not hold the key of `deals` (id)"), "{error:?}");
}
