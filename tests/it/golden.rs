//! Golden pages: one recorded page per fetched table (`tests/fixtures/<source>/<table>.json`) → the rows of the table and of those exploded from it
//! (`<table>.rows.json`). Whatever declares a table without a page, or a column that no page ever fills, fails here.
//!
//! `make golden` records what is missing from the sandbox and accepts the rows; the diff is to be read before it is committed.

use std::sync::Mutex;

use afluente::config::Connection;
use afluente::decode::Decoder;
use afluente::export::client;
use afluente::http::{Meter, Stop};
use afluente::read::{self, Memory, ReadOptions};
use afluente::sandbox::Options;
use afluente::schema::{Catalog, Fetch, Pagination, Source, Table, arrow_schema};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use serde_json::{Map, Value};

use crate::support::{Answer, Scripted, World, assert_recorded};

#[test]
fn every_page_becomes_its_rows() {
    let catalog = Catalog::embedded().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    record_missing(&catalog);
    let mut empty = Vec::new();
    for source in catalog.sources() {
        for table in source.tables.values().filter(|table| table.fetch().is_some()) {
            let rows = runtime.block_on(decode(source, table));
            for (at, batches) in rows.iter().enumerate() {
                let table = if at == 0 { table } else { &source.tables[&table.children[at - 1]] };
                assert!(!batches.is_empty(), "no row of {}.{}", source.id, table.id);
                for column in &table.columns {
                    if batches
                        .iter()
                        .all(|batch| batch.column_by_name(&column.name).unwrap().null_count() == batch.num_rows())
                    {
                        empty.push(format!("{}.{}.{}", source.id, table.id, column.name));
                    }
                }
            }
            let text = serde_json::to_string_pretty(&as_json(table, &rows)).unwrap();
            assert_recorded(&format!("fixtures/{}/{}.rows.json", source.id, table.id), &format!("{text}\n"));
        }
    }
    assert!(
        empty.is_empty(),
        "declared columns that no recorded page fills: {}",
        empty.join(", ")
    );
}

/// Reads the recorded page as the program does, from a vendor that has nothing else, and decodes it.
async fn decode(source: &Source, table: &Table) -> Vec<Vec<RecordBatch>> {
    let fetch = table.fetch().unwrap();
    let mut answers = Vec::new();
    if let Some(for_each) = &fetch.for_each {
        let parent = &source.tables[&for_each.table];
        answers.extend(answer_once(&parent.fetch().unwrap().endpoints[0], fixture(source, parent)));
        // Every parent gets the page; its rows are read once.
        let prefix = fetch.endpoints[0].split("{id}").next().unwrap();
        for id in ids(&fixture(source, parent)) {
            answers.extend(answer_once(&format!("{prefix}{id}"), fixture(source, table)));
        }
    } else {
        answers.extend(answer_once(&fetch.endpoints[0], fixture(source, table)));
    }
    let vendor = Scripted::start(answers, "[]");
    let connection = Connection::to_sandbox(source, vendor.url(), "token").unwrap();
    let client = client(&connection, Stop::never()).unwrap();
    let (pages, mut queue) = tokio::sync::mpsc::channel(1_000);
    let options = ReadOptions::all(Memory::new(1 << 20), 1 << 20);
    read::read(&client, source, table, &options, &Meter::new(), pages)
        .await
        .unwrap_or_else(|error| panic!("{}.{}: {error:?}", source.id, table.id));
    let mut decoder = Decoder::new(source, table, 0).unwrap();
    while let Some(page) = queue.recv().await {
        decoder.decode(&page).unwrap();
    }
    let mut rows = vec![Vec::new(); 1 + table.children.len()];
    for (at, batch) in decoder.take_full().into_iter().chain(decoder.finish().unwrap()) {
        rows[at].push(batch);
    }
    let rejects = decoder.take_rejects();
    assert!(rejects.is_empty(), "{}.{}: {rejects:?}", source.id, table.id);
    rows
}

/// The page, then the end, as this kind of endpoint tells it.
fn answer_once(endpoint: &str, body: String) -> [Answer; 2] {
    let end = match serde_json::from_str(&body).unwrap() {
        Value::Object(mut page) => {
            for (_, member) in page.iter_mut().filter(|(_, member)| member.is_array()) {
                *member = Value::Array(Vec::new());
            }
            Value::Object(page).to_string()
        }
        _ => "[]".to_owned(),
    };
    [body, end].map(|body| Answer {
        path: endpoint.trim_end_matches('/').to_owned(),
        status: 200,
        headers: Vec::new(),
        body,
        cut: 0,
        hex: String::new(),
    })
}

fn fixture(source: &Source, table: &Table) -> String {
    std::fs::read_to_string(path(source, table))
        .unwrap_or_else(|error| panic!("{}.{} has no recorded page: {error}; `make golden` records it", source.id, table.id))
}

fn path(source: &Source, table: &Table) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{}/{}.json", source.id, table.id))
}

/// Records, from a small sandbox, the page of each table that has none; once, whichever test comes first.
fn record_missing(catalog: &Catalog) {
    static RECORDING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = RECORDING.lock();
    if std::env::var_os("AFLUENTE_ACCEPT").is_none() {
        return;
    }
    let world = World::start(Options {
        seed: 7,
        rows: 40,
        limits: false,
        ..Options::default()
    });
    for source in catalog.sources() {
        for table in source.tables.values() {
            let Some(fetch) = table.fetch() else { continue };
            if path(source, table).exists() {
                continue;
            }
            let endpoints = match &fetch.for_each {
                None => vec![fetch.endpoints[0].clone()],
                Some(for_each) => ids(&fixture(source, &source.tables[&for_each.table]))
                    .iter()
                    .map(|id| fetch.endpoints[0].replace("{id}", id))
                    .collect(),
            };
            let slices: Vec<Option<&str>> = match &fetch.slices {
                Some(slices) => slices.values.iter().map(|value| Some(value.as_str())).collect(),
                None => vec![None],
            };
            let bodies = endpoints
                .iter()
                .flat_map(|endpoint| slices.iter().map(move |slice| format!("{endpoint}?{}", query(fetch, *slice))))
                .filter_map(|request| world.get(&source.id, &request));
            let longest = bodies.max_by_key(String::len).unwrap();
            std::fs::create_dir_all(path(source, table).parent().unwrap()).unwrap();
            std::fs::write(path(source, table), longest).unwrap();
        }
    }
}

/// What asks for a few rows, as this vendor is asked.
fn query(fetch: &Fetch, slice: Option<&str>) -> String {
    let mut pairs: Vec<(String, String)> = fetch.params.clone().into_iter().collect();
    match &fetch.pagination {
        Pagination::Keyset { size_param, .. } | Pagination::Offset { size_param, .. } => {
            pairs.push((size_param.replace('$', "%24"), "4".to_owned()))
        }
        Pagination::Page {
            page_param, size_param, ..
        } => {
            pairs.push((page_param.clone(), "1".to_owned()));
            pairs.extend(size_param.clone().map(|param| (param, "12".to_owned())));
        }
        Pagination::Single { params, .. } => pairs.extend(params.clone()),
    }
    pairs.extend(slice.map(|value| (fetch.slices.as_ref().unwrap().param.clone(), value.to_owned())));
    if let Some(from) = table_range(fetch) {
        pairs.push(from);
    }
    pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace(' ', "%20")))
        .collect::<Vec<_>>()
        .join("&")
}

/// `/Boxes` without a filter hides rows.
fn table_range(fetch: &Fetch) -> Option<(String, String)> {
    (fetch.endpoints[0] == "/Boxes").then(|| ("%24filter".to_owned(), "start ge 1900-01-01".to_owned()))
}

fn ids(body: &str) -> Vec<String> {
    let page: Value = serde_json::from_str(body).unwrap();
    let records = page.as_array().cloned().unwrap_or_default();
    records.iter().map(|record| record["id"].to_string()).collect()
}

fn as_json(table: &Table, rows: &[Vec<RecordBatch>]) -> Value {
    let mut object = Map::new();
    for (at, batches) in rows.iter().enumerate() {
        let name = if at == 0 {
            table.id.clone()
        } else {
            table.children[at - 1].clone()
        };
        let rows = batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(move |row| row_as_json(batch, row)))
            .collect();
        object.insert(name, Value::Array(rows));
    }
    Value::Object(object)
}

fn row_as_json(batch: &RecordBatch, row: usize) -> Value {
    let schema = batch.schema();
    let cells = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| (field.name().clone(), cell_as_json(column, row)));
    Value::Object(cells.collect())
}

fn cell_as_json(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Timestamp(..) => chrono::DateTime::from_timestamp_micros(column.as_primitive::<TimestampMicrosecondType>().value(row))
            .unwrap()
            .to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
            .into(),
        DataType::Date32 => (chrono::NaiveDate::default() + chrono::TimeDelta::days(column.as_primitive::<Date32Type>().value(row).into()))
            .to_string()
            .into(),
        other => panic!("no column is {other}"),
    }
}

#[test]
fn the_schema_of_a_batch_is_the_declared_one() {
    let catalog = Catalog::embedded().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    record_missing(&catalog);
    let source = catalog.source("exactsales").unwrap();
    let table = &source.tables["leadssold"];
    for (at, batches) in runtime.block_on(decode(source, table)).iter().enumerate() {
        let table = if at == 0 { table } else { &source.tables[&table.children[at - 1]] };
        assert_eq!(batches[0].schema(), arrow_schema(table));
    }
}
