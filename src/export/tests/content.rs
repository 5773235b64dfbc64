//! What a lake holds, cell by cell, and how that differs from what another one holds.

use std::collections::BTreeMap;
use std::fmt::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::commit;
use crate::scan::DataFileReader;
use crate::store::Lake;

/// The rows of each table, ordered, by `connection.table`; each row without `_exported_at`.
pub type Content = BTreeMap<String, Vec<String>>;

pub async fn content(lake: &Lake) -> Result<Content, String> {
    let mut content = Content::new();
    for manifest in commit::content(lake).await.map_err(|error| format!("content: {error:?}"))? {
        let (lake, handle) = (lake.clone(), Handle::current());
        let read = spawn_blocking(move || {
            let mut rows = Vec::new();
            for entry in &manifest.entries {
                let reader = DataFileReader::open(&lake, &manifest.path_of(entry), entry.meta.content_length, handle.clone())?;
                for batch in reader.batches(None) {
                    let batch = batch?;
                    rows.extend((0..batch.num_rows()).map(|at| row(&batch, at)));
                }
            }
            rows.sort_unstable();
            Ok::<_, crate::error::Error>((format!("{}.{}", manifest.connection, manifest.table), rows))
        });
        let (table, rows) = read.await.unwrap().map_err(|error| format!("reading the lake: {error:?}"))?;
        content.insert(table, rows);
    }
    Ok(content)
}

fn row(batch: &RecordBatch, at: usize) -> String {
    let mut row = String::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if field.name() == "_exported_at" || column.is_null(at) {
            continue;
        }
        // Writing to a String does not fail.
        let _ = write!(row, "{}=", field.name());
        let _ = match column.data_type() {
            DataType::Utf8 => write!(row, "{:?} ", column.as_string::<i32>().value(at)),
            DataType::Int64 => write!(row, "{} ", column.as_primitive::<Int64Type>().value(at)),
            DataType::Float64 => write!(row, "{} ", column.as_primitive::<Float64Type>().value(at)),
            DataType::Boolean => write!(row, "{} ", column.as_boolean().value(at)),
            DataType::Date32 => write!(row, "day {} ", column.as_primitive::<Date32Type>().value(at)),
            DataType::Timestamp(..) => {
                let micros = column.as_primitive::<TimestampMicrosecondType>().value(at);
                write!(row, "{} ", chrono::DateTime::from_timestamp_micros(micros).unwrap())
            }
            other => panic!("a column of type {other}"),
        };
    }
    row
}

/// Where they differ, in words; nothing where they do not.
pub fn difference(expected: &Content, found: &Content) -> Option<String> {
    let mut text = String::new();
    for table in expected.keys().chain(found.keys().filter(|table| !expected.contains_key(*table))) {
        let (expected, found) = (expected.get(table), found.get(table));
        if expected == found {
            continue;
        }
        let (expected, found) = (expected.map_or(&[][..], Vec::as_slice), found.map_or(&[][..], Vec::as_slice));
        let _ = writeln!(text, "{table}: {} rows, expected {}", found.len(), expected.len());
        for (what, rows, others) in [("lacks", expected, found), ("has", found, expected)] {
            for row in surplus(rows, others).iter().take(3) {
                let _ = writeln!(text, "  {what} {:.400}", row);
            }
        }
    }
    (!text.is_empty()).then_some(text)
}

/// What ordered rows have beyond other ordered rows, each as often as it is there.
fn surplus<'a>(rows: &'a [String], others: &[String]) -> Vec<&'a str> {
    let mut others = others.iter().peekable();
    let mut surplus = Vec::new();
    for row in rows {
        while others.next_if(|other| *other < row).is_some() {}
        if others.next_if_eq(&row).is_none() {
            surplus.push(row.as_str());
        }
    }
    surplus
}

#[test]
fn rows_are_compared_as_often_as_they_are_there() {
    let rows = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>();
    assert_eq!(surplus(&rows(&["a", "a", "b", "d"]), &rows(&["a", "c", "d"])), ["a", "b"]);
    let content = |these: &[&str]| Content::from([("acme.deals".to_owned(), rows(these))]);
    assert_eq!(difference(&content(&["a"]), &content(&["a"])), None);
    assert_eq!(
        difference(&content(&["a"]), &content(&["a", "a"])).unwrap(),
        "acme.deals: 2 rows, expected 1\n  has a\n"
    );
    assert_eq!(
        difference(&content(&["a"]), &Content::new()).unwrap(),
        "acme.deals: 0 rows, expected 1\n  lacks a\n"
    );
}
