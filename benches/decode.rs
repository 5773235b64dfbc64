//! Pages to record batches: this crate's decoder beside `serde_json::Value` and builders, on the same pages in the same run. Only the ratio means
//! something: machines differ, and this one may be busy.

use std::time::{Duration, Instant};

use afluente::config::Connection;
use afluente::decode::Decoder;
use afluente::export::client;
use afluente::http::{Meter, Stop};
use afluente::page::Page;
use afluente::read::{self, Memory, ReadOptions};
use afluente::sandbox::{Options, Sandbox};
use afluente::schema::{Catalog, ColumnType, Origin, Source, Step, Table};
use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};

const ROUNDS: usize = 7;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let catalog = Catalog::embedded().unwrap();
    println!(
        "{:24} {:>10} {:>8} {:>14} {:>14} {:>6}",
        "table", "rows", "MB", "decoder", "Value", "ratio"
    );
    for name in ["ploomes.contacts", "ploomes.deals", "nectarcrm.oportunidades", "exactsales.leads"] {
        let (source, table) = name.split_once('.').unwrap();
        let source = catalog.source(source).unwrap();
        let table = &source.tables[table];
        let pages = runtime.block_on(pages(source, table));
        let bytes: usize = pages.iter().map(|page| page.body.len()).sum();
        let rows: usize = pages.iter().map(|page| page.records.len()).sum();
        // In turn, so that what else the machine does falls on both; the best of each.
        let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            ours = ours.min(time(|| decode(source, table, &pages)));
            theirs = theirs.min(time(|| value_tree(table, &pages)));
        }
        let speed = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
        println!(
            "{name:24} {rows:>10} {:>8.1} {:>9.0} MB/s {:>9.0} MB/s {:>6.1}",
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

async fn pages(source: &Source, table: &Table) -> Vec<Page> {
    let sandbox = Sandbox::start(Options {
        rows: 20_000,
        limits: false,
        ..Options::default()
    })
    .await
    .unwrap();
    let connection = Connection::to_sandbox(source, &sandbox.base_url(&source.id), Sandbox::token(&source.id)).unwrap();
    let client = client(&connection, Stop::never()).unwrap();
    let (sender, mut queue) = tokio::sync::mpsc::channel(100_000);
    let options = ReadOptions::all(Memory::new(u32::MAX >> 1), 1 << 30);
    read::read(&client, source, table, &options, &Meter::new(), sender).await.unwrap();
    let mut pages = Vec::new();
    while let Some(page) = queue.recv().await {
        pages.push(page);
    }
    sandbox.shutdown().await;
    pages
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

/// What one writes in an afternoon: a tree of values per record, the columns' paths looked up in it. It keeps fewer rules (no rejects, no
/// case folding, no exploded tables), so the ratio is a lower bound.
fn value_tree(table: &Table, pages: &[Page]) -> usize {
    let mut columns: Vec<(Vec<Vec<&str>>, Builder)> = table
        .columns
        .iter()
        .map(|column| {
            let Origin::Path(paths) = &column.origin else {
                unreachable!("a fetched table has paths only")
            };
            let names = paths.iter().map(|path| {
                path.0
                    .iter()
                    .filter_map(|step| match step {
                        Step::Member(name) => Some(name.as_str()),
                        Step::Elements | Step::Where(..) => None,
                    })
                    .collect()
            });
            (names.collect(), Builder::of(column.kind))
        })
        .collect();
    let mut rows = 0;
    for page in pages {
        for text in page.texts() {
            let record: serde_json::Value = serde_json::from_str(text).unwrap();
            for (paths, builder) in &mut columns {
                let value = paths
                    .iter()
                    .map(|path| path.iter().try_fold(&record, |value, name| value.get(name)))
                    .find_map(|value| value.filter(|value| !value.is_null()));
                builder.append(value);
            }
            rows += 1;
        }
    }
    rows
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

    fn append(&mut self, value: Option<&serde_json::Value>) {
        match self {
            Self::Text(builder) => match value {
                Some(serde_json::Value::String(text)) => builder.append_value(text),
                Some(value) => builder.append_value(value.to_string()),
                None => builder.append_null(),
            },
            Self::Int(builder) => builder.append_option(value.and_then(serde_json::Value::as_i64)),
            Self::Float(builder) => builder.append_option(value.and_then(serde_json::Value::as_f64)),
            Self::Boolean(builder) => builder.append_option(value.and_then(serde_json::Value::as_bool)),
            Self::Time(builder) => {
                let time = value
                    .and_then(serde_json::Value::as_str)
                    .and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
                builder.append_option(time.map(|time| time.timestamp_micros()));
            }
        }
    }
}
