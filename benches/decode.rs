//! Pages to record batches: this crate's decoder beside `serde_json::Value` and builders, on the same pages in the same run. Only the ratio means
//! something: machines differ, and this one may be busy.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use afluente::config::Connection;
use afluente::decode::Decoder;
use afluente::export::{self, Export, Selection, client};
use afluente::fields::{Listed, synchronise};
use afluente::http::{Meter, Stop, Stopper};
use afluente::page::Page;
use afluente::read::{self, Memory, ReadOptions};
use afluente::sandbox::{Options, Sandbox};
use afluente::schema::{Access, Catalog, ColumnType, Origin, Source, Step, Table};
use afluente::store::Lake;
use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use serde_json::Value;

const ROUNDS: usize = 7;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let catalog = Catalog::embedded().unwrap();
    println!(
        "{:24} {:>7} {:>8} {:>8} {:>14} {:>14} {:>6}",
        "table", "columns", "rows", "MB", "decoder", "Value", "ratio"
    );
    for (name, custom_fields) in [
        ("ploomes.contacts", 0),
        ("ploomes.contacts", 60),
        ("ploomes.deals", 0),
        ("nectarcrm.oportunidades", 0),
        ("exactsales.leads", 0),
    ] {
        let (source, table) = name.split_once('.').unwrap();
        let source = catalog.source(source).unwrap();
        let (table, pages) = runtime.block_on(recorded(source, &source.tables[table], custom_fields));
        let bytes: usize = pages.iter().map(|page| page.body.len()).sum();
        let rows: usize = pages.iter().map(|page| page.records.len()).sum();
        // In turn, so that what else the machine does falls on both; the best of each.
        let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            ours = ours.min(time(|| decode(source, &table, &pages)));
            theirs = theirs.min(time(|| value_tree(&table, &pages)));
        }
        let speed = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
        println!(
            "{name:24} {:>7} {rows:>8} {:>8.1} {:>9.0} MB/s {:>9.0} MB/s {:>6.1}",
            table.columns.len(),
            bytes as f64 / 1e6,
            speed(ours),
            speed(theirs),
            theirs.as_secs_f64() / ours.as_secs_f64()
        );
    }
}

fn time(work: impl FnOnce() -> usize) -> Duration {
    let began = Instant::now();
    let rows = std::hint::black_box(work());
    assert!(rows > 0);
    began.elapsed()
}

/// The table, with so many custom fields as columns, and its pages.
async fn recorded(source: &Source, table: &Table, custom_fields: u64) -> (Table, Vec<Page>) {
    let sandbox = Sandbox::start(Options {
        rows: 20_000,
        custom_fields,
        ..Options::default()
    })
    .await
    .unwrap();
    let connection = Connection::to_sandbox(source, &sandbox.base_url(&source.id), Sandbox::token(&source.id)).unwrap();
    let table = match custom_fields {
        0 => table.clone(),
        _ => with_fields(&connection, table).await,
    };
    let client = client(&connection, Stop::never()).unwrap();
    let (sender, mut queue) = tokio::sync::mpsc::channel(100_000);
    let options = ReadOptions::all(Memory::new(u32::MAX >> 1), 1 << 30);
    read::read(&client, source, &table, &options, &Meter::new(), sender).await.unwrap();
    let mut pages = Vec::new();
    while let Some(page) = queue.recv().await {
        pages.push(page);
    }
    sandbox.shutdown().await;
    (table, pages)
}

/// The table with the account's custom fields as columns.
async fn with_fields(connection: &Connection, table: &Table) -> Table {
    let selection = Selection {
        tables: vec![table.id.clone()],
        ..Selection::default()
    };
    let stop = Stopper::new();
    let export = Export::plan(
        vec![connection.clone()],
        &selection,
        Lake::memory(),
        export::Options::default(),
        (stop.0.into(), stop.1),
    )
    .unwrap();
    let entity = &table.custom_fields.as_ref().unwrap().entity;
    let listed = export.fields().await.unwrap().into_iter().map(|one| Listed {
        key: one.field.key,
        name: one.field.name,
        entity: entity.clone(),
        kind: one.field.kind,
        multiple: one.field.multiple,
    });
    let custom = connection.source.custom_fields.as_ref().unwrap();
    let mut table = table.clone();
    let fields = synchronise(&[], &listed.collect::<Vec<_>>(), &table, custom);
    table
        .columns
        .extend(fields.iter().flat_map(|field| custom.columns(field, connection.source.timezone)));
    let Access::Fetch(fetch) = &mut table.access else {
        unreachable!("a table with custom fields is fetched")
    };
    fetch.params.extend(custom.expand.clone());
    table
}

fn decode(source: &Source, table: &Table, pages: &[Page]) -> usize {
    let mut decoder = Decoder::new(source, table, 0).unwrap();
    let mut rows = 0;
    for page in pages {
        decoder.decode(page).unwrap();
        rows += decoder.take_full().iter().map(|(_, batch)| batch.num_rows()).sum::<usize>();
    }
    rows + decoder.finish().unwrap().iter().map(|(_, batch)| batch.num_rows()).sum::<usize>()
}

/// What one writes in an afternoon: a tree of values per record, the columns' paths looked up in it, custom fields in a map by their key. It keeps fewer rules
/// (no rejects, no case folding, no exploded tables), so the ratio is a lower bound.
fn value_tree(table: &Table, pages: &[Page]) -> usize {
    let mut columns: Vec<(Vec<&[Step]>, Builder)> = table
        .columns
        .iter()
        .map(|column| {
            let Origin::Path(paths) = &column.origin else {
                unreachable!("a fetched table has paths only")
            };
            (paths.iter().map(|path| &path.0[..]).collect(), Builder::of(column.kind))
        })
        .collect();
    let fields = columns.iter().flat_map(|(paths, _)| paths).find_map(|path| match path {
        [Step::Member(items), Step::Where(key, _), ..] => Some((items.as_str(), key.as_str())),
        _ => None,
    });
    let mut rows = 0;
    for page in pages {
        for text in page.texts() {
            let record: Value = serde_json::from_str(text).unwrap();
            let by_key: HashMap<&str, &Value> = fields
                .and_then(|(items, key)| Some((record.get(items)?.as_array()?, key)))
                .into_iter()
                .flat_map(|(items, key)| items.iter().filter_map(move |item| Some((item.get(key)?.as_str()?, item))))
                .collect();
            for (paths, builder) in &mut columns {
                let found = paths.iter().filter_map(|path| look_up(&record, path, &by_key));
                builder.append(found.into_iter().find(|value| !value.is_null()));
            }
            rows += 1;
        }
    }
    rows
}

fn look_up<'v>(record: &'v Value, path: &[Step], by_key: &HashMap<&str, &'v Value>) -> Option<&'v Value> {
    path.iter().try_fold(record, |value, step| match step {
        // What follows chooses one of its elements.
        Step::Member(name) if value.get(name).is_some_and(Value::is_array) => Some(value),
        Step::Member(name) => value.get(name),
        Step::Elements => Some(value),
        Step::Where(_, key) => by_key.get(key.as_str()).copied(),
    })
}

enum Builder {
    Text(StringBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
}

impl Builder {
    fn of(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Text => Self::Text(StringBuilder::new()),
            ColumnType::Int => Self::Int(Int64Builder::new()),
            ColumnType::Float => Self::Float(Float64Builder::new()),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ColumnType::Timestamp | ColumnType::Date => Self::Time(TimestampMicrosecondBuilder::new()),
        }
    }

    fn append(&mut self, value: Option<&Value>) {
        match self {
            Self::Text(builder) => match value {
                Some(Value::String(text)) => builder.append_value(text),
                Some(value) => builder.append_value(value.to_string()),
                None => builder.append_null(),
            },
            Self::Int(builder) => builder.append_option(value.and_then(Value::as_i64)),
            Self::Float(builder) => builder.append_option(value.and_then(Value::as_f64)),
            Self::Boolean(builder) => builder.append_option(value.and_then(Value::as_bool)),
            Self::Time(builder) => {
                let time = value
                    .and_then(Value::as_str)
                    .and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
                builder.append_option(time.map(|time| time.timestamp_micros()));
            }
        }
    }
}
