//! Rejected cells and records.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_select::concat::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Bench, START, soon};
use crate::write::rejected::{Rejected, RejectedFile, RejectedWriter, supersede};

const OLD_RUN: &str = "01970000-0000-7000-8000-000000000001";

const THIS_RUN: &str = "01970000-0000-7000-8000-000000000002";

const NEW_RUN: &str = "01970000-0000-7000-8000-000000000003";

fn rejects(bench: &Bench, table: &str, run_id: &str, rows: i64) -> Option<RejectedFile> {
    let handle = bench.runtime.handle().clone();
    let mut writer = RejectedWriter::new(&bench.lake, "acme", table, run_id, run_id, Arc::clone(&bench.budget), handle);
    for n in 0..rows {
        let (key, raw) = (n.to_string(), format!("1{},5", "0".repeat(1_000)));
        writer
            .push(&Rejected {
                key: (n % 2 == 0).then_some(key.as_str()),
                column: Some("amount"),
                raw: Some(raw.as_str()),
                reason: "is not a number",
                exported_at_micros: START + n,
            })
            .unwrap();
    }
    assert_eq!(writer.rows(), rows as u64);
    writer.finish().unwrap()
}

#[test]
fn rejected_rows_are_kept_beside_the_tables() {
    let bench = Bench::new("");
    assert_eq!(rejects(&bench, "deals", THIS_RUN, 0), None);
    assert!(bench.objects().is_empty());
    let file = rejects(&bench, "deals", THIS_RUN, 3_000).unwrap();
    assert_eq!(file.path, format!("acme/_rejected/deals-{THIS_RUN}.parquet"));
    assert_eq!(bench.objects(), std::slice::from_ref(&file.path));
    assert!(bench.budget.peak() < 16 * 1024 * 1024, "peak {}", bench.budget.peak());

    let bytes = bench.runtime.block_on(bench.lake.get(&file.path)).unwrap().unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let rows = concat_batches(&batches[0].schema(), &batches).unwrap();
    assert_eq!((rows.num_rows() as u64, file.rows), (3_000, 3_000));
    let names: Vec<String> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["table", "key", "column", "raw", "reason", "run_id", "_exported_at"]);
    let text = |column: usize, row: usize| rows.column(column).as_string::<i32>().value(row).to_owned();
    assert_eq!(
        (text(0, 2_999), text(1, 2_998), text(5, 0)),
        ("deals".to_owned(), "2998".to_owned(), THIS_RUN.to_owned())
    );
    assert!(rows.column(1).is_null(1));
}

#[test]
fn a_full_read_supersedes_what_older_runs_rejected() {
    let bench = Bench::new("");
    for (table, run) in [
        ("deals", OLD_RUN),
        ("deals", THIS_RUN),
        ("deals", NEW_RUN),
        ("deals_stages", OLD_RUN),
    ] {
        rejects(&bench, table, run, 1);
    }
    bench
        .runtime
        .block_on(bench.lake.put("acme/_rejected/deals-notes.parquet", "x"))
        .unwrap();
    assert_eq!(
        bench
            .runtime
            .block_on(supersede(&bench.lake, "acme", &["deals", "stages"], THIS_RUN))
            .unwrap(),
        1
    );
    let objects = bench.objects();
    assert_eq!(objects.len(), 4);
    assert!(!objects.contains(&format!("acme/_rejected/deals-{OLD_RUN}.parquet")));
}

#[test]
fn rejected_rows_that_cannot_be_written_leave_nothing() {
    let bench = Bench::new("");
    let handle = bench.runtime.handle().clone();
    let mut writer = RejectedWriter::new(&bench.lake, "acme", "deals", THIS_RUN, THIS_RUN, Arc::clone(&bench.budget), handle);
    let rejected = Rejected {
        key: None,
        column: None,
        raw: None,
        reason: "without a key",
        exported_at_micros: START,
    };
    writer.push(&rejected).unwrap();
    bench.fake.room.store(0, Ordering::SeqCst);
    let error = writer.finish().unwrap_err();
    assert!(error.message().contains("acme/_rejected/deals-"), "{error:?}");
    assert!(soon(|| bench.fake.open_uploads.load(Ordering::SeqCst) == 0));
    assert!(bench.objects().is_empty());
}
