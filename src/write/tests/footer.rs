//! The footer of what is written is one that older readers take.

use arrow_array::Float64Array;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::basic::ColumnOrder;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use super::*;
use crate::error::Kind;
use crate::write::footer::for_every_reader;
use crate::write::rejected::{Rejected, RejectedWriter};

/// A table of a number as its key and `count` numbers beside it.
fn numbers(count: usize) -> Table {
    let mut deals = r#"
title = "Negócios"
description = "Uma linha por negócio."
endpoint = "/Deals"
primary_key = ["id"]
[columns]
id = { type = "float", path = "Id", description = "Identificador." }
"#
    .to_owned();
    for n in 0..count {
        deals += &format!("n{n} = {{ type = \"float\", path = \"N{n}\", description = \"Número.\" }}\n");
    }
    demo::source(&[("deals", &deals)]).tables["deals"].clone()
}

fn bench(count: usize) -> Bench {
    Bench {
        table: numbers(count),
        ..Bench::new("")
    }
}

/// Rows of these keys; every other number of a row is `other`.
fn rows(table: &Table, keys: &[f64], other: Option<f64>) -> RecordBatch {
    let schema = arrow_schema(table);
    let columns = schema.fields().iter().enumerate().map(|(at, _)| -> ArrayRef {
        if at == 0 {
            Arc::new(Float64Array::from(keys.to_vec()))
        } else if at + 1 < schema.fields().len() {
            Arc::new(Float64Array::from(vec![other; keys.len()]))
        } else {
            Arc::new(TimestampMicrosecondArray::from_value(START, keys.len()).with_timezone("UTC"))
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

fn with_indexes(bytes: &Bytes) -> Arc<ParquetMetaData> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes.clone(), options).unwrap();
    Arc::clone(reader.metadata())
}

fn assert_old_orders(metadata: &ParquetMetaData) {
    let orders = metadata.file_metadata().column_orders().unwrap();
    assert_eq!(orders.len(), metadata.file_metadata().schema_descr().num_columns());
    let new = orders.iter().filter(|order| !matches!(order, ColumnOrder::TYPE_DEFINED_ORDER(_)));
    assert_eq!(new.count(), 0, "{orders:?}");
}

/// The bits of the least and the greatest value of a column of numbers in a row group.
fn bounds(metadata: &ParquetMetaData, group: usize, column: usize) -> Option<(u64, u64)> {
    match metadata.row_group(group).column(column).statistics() {
        Some(Statistics::Double(found)) => Some((found.min_opt()?.to_bits(), found.max_opt()?.to_bits())),
        other => panic!("{other:?}"),
    }
}

const NEGATIVE: u64 = (-0.0_f64).to_bits();
const POSITIVE: u64 = 0.0_f64.to_bits();

#[test]
fn columns_of_numbers_have_the_order_that_older_readers_know() {
    // From 15 columns on, a list has its length in other bytes.
    for count in [0, 1, 12, 13, 14, 15, 200] {
        let bench = bench(count);
        let written = bench.write(&[rows(&bench.table, &[1.0, 2.0], Some(0.5))]);
        let mut empty = bench.writer();
        empty.ensure_file().unwrap();
        for file in bench.publish(written).iter().chain(&bench.publish(empty.finish().unwrap())) {
            assert_old_orders(bench.open(file).metadata());
            bench.read(file);
        }
    }
}

#[test]
fn rejects_and_files_of_every_type_have_it_too() {
    let bench = Bench::new("");
    for file in bench.publish(bench.write(&[bench.batch(0..100)])) {
        assert_old_orders(bench.open(&file).metadata());
    }
    let budget = Arc::clone(&bench.budget);
    let mut writer = RejectedWriter::new(&bench.lake, "acme", "deals", "run", "file", budget, bench.runtime.handle().clone());
    let rejected = Rejected {
        key: Some("1"),
        column: Some("amount"),
        raw: Some("x"),
        reason: "no number",
        exported_at_micros: START,
    };
    writer.push(&rejected).unwrap();
    let file = writer.finish().unwrap().unwrap();
    let bytes = bench.runtime.block_on(bench.lake.get(&file.path)).unwrap().unwrap();
    assert_old_orders(ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().metadata());
}

#[test]
fn bounds_of_zero_span_both_zeros_in_chunks_and_pages() {
    let mut bench = bench(1);
    bench.options.row_group_rows = 2;
    let keys = [0.0, 0.0, -0.0, -0.0, -1.0, -0.0, 0.0, 1.0, -1.0, 1.0];
    let files = bench.publish(bench.write(&[rows(&bench.table, &keys[..8], Some(0.0)), rows(&bench.table, &keys[8..], None)]));
    assert_eq!(files.len(), 1);
    let metadata = with_indexes(&bench.bytes(&files[0]));
    let one = 1.0_f64.to_bits();
    let minus = (-1.0_f64).to_bits();
    let expected = [
        (NEGATIVE, POSITIVE),
        (NEGATIVE, POSITIVE),
        (minus, POSITIVE),
        (NEGATIVE, one),
        (minus, one),
    ];
    let found: Vec<_> = (0..5).map(|group| bounds(&metadata, group, 0).unwrap()).collect();
    assert_eq!(found, expected);
    assert_eq!(bounds(&metadata, 0, 1), Some((NEGATIVE, POSITIVE)));
    assert_eq!(bounds(&metadata, 4, 1), None, "nulls alone have no bounds");
    let found: Vec<_> = (0..5)
        .map(|group| match metadata.page_index().unwrap().column_index(group, 0).unwrap() {
            ColumnIndexMetaData::DOUBLE(index) => (index.min_value(0).unwrap().to_bits(), index.max_value(0).unwrap().to_bits()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, expected, "of the pages");
    let read = bench.read(&files[0]);
    let values: Vec<u64> = read
        .column(0)
        .as_primitive::<arrow_array::types::Float64Type>()
        .values()
        .iter()
        .map(|value| value.to_bits())
        .collect();
    assert_eq!(values, keys.map(f64::to_bits), "the values themselves stay");
}

#[test]
fn nothing_moves_and_nothing_else_changes() {
    let bench = bench(3);
    let keys: Vec<f64> = (0..60_000).map(|n| f64::from(n) + 0.5).collect();
    let batch = rows(&bench.table, &keys, Some(2.5));
    let file = bench.publish(bench.write(std::slice::from_ref(&batch))).remove(0);
    let bytes = bench.bytes(&file);

    let layout = layout::Layout::new("acme", &bench.table, 7, &bench.options).unwrap();
    let first = batch.slice(0, CHUNK_ROWS);
    let mut plain = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(layout.properties(&first, true).unwrap())).unwrap();
    for start in (0..keys.len()).step_by(CHUNK_ROWS) {
        plain.write(&batch.slice(start, CHUNK_ROWS.min(keys.len() - start))).unwrap();
    }
    let plain = plain.into_inner().unwrap();
    assert_eq!(bytes.len(), plain.len());
    let changed: Vec<usize> = (0..plain.len()).filter(|at| bytes[*at] != plain[*at]).collect();
    assert_eq!(
        changed.len(),
        5,
        "an order for each column of numbers, and the type of a list in the key's page index: {changed:?}"
    );

    let metadata = with_indexes(&bytes);
    assert_eq!(metadata.row_groups(), with_indexes(&plain.into()).row_groups());
    assert!(metadata.row_group(0).column(0).bloom_filter_offset().is_some());
    assert!(metadata.page_index().unwrap().column_index(0, 0).unwrap().num_pages() > 1);
}

#[test]
fn page_indexes_of_every_type_are_written_as_older_readers_read_them() {
    let bench = Bench::new("partition = { column = \"due\", by = \"year\" }");
    for file in bench.publish(bench.write(&[bench.batch(0..100)])) {
        let bytes = bench.bytes(&file);
        let metadata = with_indexes(&bytes);
        let columns = metadata.row_group(0).columns().iter();
        let ranges: Vec<_> = columns.filter_map(|column| column.column_index_range()).collect();
        assert_eq!(ranges.len(), 3, "of the key, the cursor and the partition's column");
        for range in ranges {
            let start = range.start as usize;
            assert_eq!(bytes[start..start + 2], [0x19, 0x11], "a list of one boolean");
        }
    }
}

#[test]
fn what_is_no_number_is_refused_and_leaves_nothing() {
    let bench = bench(1);
    let mut writer = bench.writer();
    writer.write(&rows(&bench.table, &[1.0], Some(f64::NAN))).unwrap();
    let error = writer.finish().map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::Defect);
    assert!(error.to_string().contains("`n0` has 1 values that are not a number"), "{error}");
    assert!(bench.objects().is_empty());
}

#[test]
fn bytes_that_are_no_footer_are_refused_and_never_a_panic() {
    let bench = bench(16);
    let keys: Vec<f64> = (0..100).map(f64::from).collect();
    let file = bench.publish(bench.write(&[rows(&bench.table, &keys, Some(0.0))])).remove(0);
    let bytes = bench.bytes(&file).to_vec();
    assert!(
        for_every_reader(0, &mut bytes.clone()).is_ok(),
        "once changed, it has nothing to change"
    );
    let mut random = fastrand::Rng::with_seed(1);
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut torn = bytes.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..torn.len());
            torn[at] = random.u8(..);
        }
        torn.truncate(torn.len() - random.usize(0..2) * random.usize(..torn.len()));
        refused += u64::from(for_every_reader(random.u64(0..9), &mut torn).is_err());
    }
    assert!(refused > 5_000, "{refused}");
}
