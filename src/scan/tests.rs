//! Files written by the program's own writer, whole, torn and bent.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::RowSelector;
use tokio::runtime::Runtime;

use super::*;
use crate::error::Kind;
use crate::schema::{Table, arrow_schema, demo};
use crate::store::fake::Fake;
use crate::store::{DataFile, S3Options};
use crate::write::{MemoryBudget, TableWriter, WriteOptions, publish_all};

const DEALS: &str = r#"
title = "Negócios"
description = "Uma linha por negócio."
endpoint = "/Deals"
primary_key = ["id"]
[replication]
mode = "full"
[columns]
id     = { type = "int", path = "Id", description = "Identificador." }
name   = { type = "text", path = "Name", description = "Nome." }
amount = { type = "float", path = "Amount", description = "Valor." }
"#;

fn table() -> Table {
    demo::source(&[("deals", DEALS)]).tables["deals"].clone()
}

/// Rows of these ids; everything else follows from the id.
fn batch(ids: std::ops::Range<i64>) -> RecordBatch {
    let names = ids.clone().map(|id| (id % 7 != 0).then(|| format!("deal {}", id * 7_919 % 10_007)));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids.clone())),
        Arc::new(StringArray::from_iter(names)),
        Arc::new(Float64Array::from_iter_values(ids.clone().map(|id| id as f64 / 4.0))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(ids).with_timezone("UTC")),
    ];
    RecordBatch::try_new(arrow_schema(&table()), columns).unwrap()
}

struct Bench {
    runtime: Runtime,
    lake: Lake,
    file: DataFile,
}

impl Bench {
    /// A file of so many rows, in row groups of `group` rows.
    fn new(lake: Lake, rows: i64, group: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut options = WriteOptions::new("run");
        options.row_group_rows = group;
        let (budget, handle) = (MemoryBudget::new(64 << 20), runtime.handle().clone());
        let mut writer = TableWriter::new(&lake, "acme", &table(), 1, Arc::new(options), budget, handle).unwrap();
        writer.write(&batch(0..rows)).unwrap();
        let mut files = runtime.block_on(publish_all(writer.finish().unwrap())).unwrap();
        assert_eq!(files.len(), 1);
        let file = files.remove(0);
        Self { runtime, lake, file }
    }

    fn path(&self) -> String {
        format!("acme/deals/{}", self.file.path)
    }

    fn open(&self) -> Result<DataFileReader> {
        DataFileReader::open(&self.lake, &self.path(), self.file.bytes, self.runtime.handle().clone())
    }

    fn bytes(&self) -> Vec<u8> {
        self.runtime.block_on(self.lake.get(&self.path())).unwrap().unwrap().to_vec()
    }

    fn replace(&self, bytes: Vec<u8>) {
        self.runtime.block_on(self.lake.put(&self.path(), bytes)).unwrap();
    }
}

fn ids(rows: impl Iterator<Item = Result<RecordBatch>>) -> Vec<i64> {
    rows.flat_map(|batch| batch.unwrap().column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect()
}

/// Every cell of a file, or the first error.
fn read_all(reader: Result<DataFileReader>) -> Result<u64> {
    let reader = reader?;
    let mut rows = 0;
    for batch in reader.batches(None) {
        rows += batch?.num_rows() as u64;
    }
    for group in 0..reader.row_groups() {
        reader.bloom(group, "id")?;
    }
    Ok(rows)
}

#[test]
fn every_row_comes_back_in_its_order_from_memory_and_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap();
    for lake in [Lake::memory(), disk] {
        let bench = Bench::new(lake, 25_000, 10_000);
        let reader = bench.open().unwrap();
        assert_eq!(reader.row_groups(), 3);
        assert_eq!(reader.metadata().file_metadata().num_rows(), 25_000);
        for (group, expected) in [(0, 0..10_000), (1, 10_000..20_000), (2, 20_000..25_000)] {
            let mut from = expected.start;
            for rows in reader.read(group, None, None).unwrap() {
                let rows = rows.unwrap();
                let to = from + rows.num_rows() as i64;
                assert!(rows.num_rows() <= BATCH_ROWS);
                assert_eq!(conform(&rows, &arrow_schema(&table())).unwrap(), batch(from..to));
                from = to;
            }
            assert_eq!(from, expected.end);
        }
    }
}

#[test]
fn row_groups_are_fetched_one_by_one_as_they_are_asked_for() {
    let fake = Fake::new();
    let bench = Bench::new(Lake::over(Arc::new(fake.clone())), 30_000, 10_000);
    let reader = bench.open().unwrap();
    let opened = fake.reads.load(Ordering::SeqCst);
    let (mut found, mut reads) = (Vec::new(), Vec::new());
    for batch in reader.batches(Some(&["id"])) {
        found.extend(ids(std::iter::once(batch)));
        reads.push((found.len(), fake.reads.load(Ordering::SeqCst) - opened));
    }
    assert_eq!(found, (0..30_000).collect::<Vec<_>>());
    assert!(reads.iter().all(|(rows, reads)| *reads == rows.div_ceil(10_000)), "{reads:?}");
    assert_eq!(reads.last(), Some(&(30_000, 3)));
}

#[test]
fn columns_and_rows_are_chosen() {
    let bench = Bench::new(Lake::memory(), 20_000, 10_000);
    let reader = bench.open().unwrap();
    let first = reader
        .read(1, Some(&["amount", "id", "unknown"]), None)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let schema = first.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["id", "amount"], "in the order of the file");
    assert_eq!(first.column(1).as_primitive::<Float64Type>().value(0), 2_500.0);
    let none = reader.read(0, Some(&["unknown"]), None).unwrap();
    assert_eq!(none.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 10_000);
    let selection = RowSelection::from(vec![RowSelector::skip(9_000), RowSelector::select(3), RowSelector::skip(997)]);
    let rows = reader.read(1, Some(&["id"]), Some(selection)).unwrap();
    assert_eq!(ids(rows), [19_000, 19_001, 19_002]);
    assert_eq!(reader.read(2, None, None).err().unwrap().kind(), Kind::Defect);
}

#[test]
fn the_bloom_filter_of_the_key_holds_every_key_of_its_row_group() {
    let bench = Bench::new(Lake::memory(), 20_000, 10_000);
    let reader = bench.open().unwrap();
    let filter = reader.bloom(1, "id").unwrap().unwrap();
    assert!((10_000..20_000).all(|id: i64| filter.check(&id)));
    let passed = (100_000..110_000).filter(|id: &i64| filter.check(id)).count();
    assert!(passed < 1_000, "{passed} of 10,000 keys that are not there");
    assert!(reader.bloom(0, "name").unwrap().is_none());
    assert!(reader.bloom(0, "unknown").unwrap().is_none());
}

#[test]
fn only_the_columns_that_are_read_are_fetched() {
    let bench = Bench::new(Lake::memory(), 10_000, 10_000);
    let reader = bench.open().unwrap();
    let mut bytes = bench.bytes();
    let chunk = reader.metadata().row_group(0).column(1).byte_range();
    bytes[chunk.0 as usize..(chunk.0 + chunk.1) as usize].fill(0xff);
    bench.replace(bytes);
    assert_eq!(ids(reader.read(0, Some(&["id", "amount"]), None).unwrap()).len(), 10_000);
    let spoilt = reader.read(0, Some(&["name"]), None).and_then(|mut rows| rows.next().unwrap());
    assert_eq!(spoilt.unwrap_err().kind(), Kind::Store);
}

#[test]
fn a_file_of_another_size_is_torn() {
    let bench = Bench::new(Lake::memory(), 1_000, 1_000);
    let whole = bench.bytes();
    for length in [0, 1, 7, 8, 11, 12, 100, whole.len() / 2, whole.len() - 1] {
        bench.replace(whole[..length].to_vec());
        // As the manifest gives the size, and as a listing does.
        for size in [whole.len() as u64, length as u64] {
            let error = DataFileReader::open(&bench.lake, &bench.path(), size, bench.runtime.handle().clone())
                .err()
                .unwrap();
            assert_eq!(error.kind(), Kind::Store, "{length}: {error:?}");
        }
    }
    bench.replace([&whole[..whole.len() - 1], b"?"].concat());
    let error = bench.open().err().unwrap();
    assert!(error.message().contains("does not end as a Parquet file"), "{error:?}");
    bench.runtime.block_on(bench.lake.delete(&[bench.path()])).unwrap();
    assert_eq!(bench.open().err().unwrap().kind(), Kind::Store);
}

#[test]
fn a_bent_byte_is_an_error_or_another_value_and_never_a_panic() {
    let bench = Bench::new(Lake::memory(), 300, 100);
    let whole = bench.bytes();
    assert_eq!(read_all(bench.open()).unwrap(), 300);
    let mut random = fastrand::Rng::with_seed(7);
    let mut refused = 0;
    for _ in 0..4_000 {
        let mut bytes = whole.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
        bench.replace(bytes);
        if let Err(error) = read_all(bench.open()) {
            assert_eq!(error.kind(), Kind::Store, "{error:?}");
            refused += 1;
        }
    }
    assert!(refused > 1_000, "{refused}");
}

#[test]
fn ranges_that_nearly_touch_are_one() {
    let mut ranges = vec![10..20, 0..10, 200_000..200_010, 25..30];
    coalesce(&mut ranges);
    assert_eq!(ranges, [0..30, 200_000..200_010]);
}

#[test]
fn a_file_older_than_a_column_has_nulls_there() {
    let old = RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef)]).unwrap();
    let schema = |kind: DataType, nullable: bool| {
        let fields = vec![Field::new("note", kind, nullable), Field::new("id", DataType::Int64, false)];
        Arc::new(Schema::new(fields))
    };
    let rows = conform(&old, &schema(DataType::Utf8, true)).unwrap();
    assert_eq!((rows.num_rows(), rows.column(0).null_count()), (2, 2));
    assert_eq!(rows.column(1).as_primitive::<Int64Type>().values(), &[1, 2]);
    assert!(
        conform(&old, &schema(DataType::Utf8, false)).is_err(),
        "a column that cannot be null"
    );
    let other = Schema::new(vec![Field::new("id", DataType::Float64, false)]);
    assert!(conform(&old, &Arc::new(other)).unwrap_err().message().contains("expected Float64"));
}

#[test]
fn files_of_earlier_versions_are_told_by_their_end() {
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::{EnabledStatistics, WriterProperties};

    let runtime = Runtime::new().unwrap();
    let lake = Lake::memory();
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    for (column, statistics, refused) in [
        (&numbers, EnabledStatistics::Page, true),
        (&numbers, EnabledStatistics::None, true),
        (&texts, EnabledStatistics::Page, true),
        (&texts, EnabledStatistics::Chunk, false),
    ] {
        let batch = RecordBatch::try_from_iter([("column", Arc::clone(column))]).unwrap();
        let properties = WriterProperties::builder().set_statistics_enabled(statistics).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        let bytes = writer.into_inner().unwrap();
        let length = bytes.len() as u64;
        runtime.block_on(lake.put("old.parquet", bytes)).unwrap();
        let reader = DataFileReader::open(&lake, "old.parquet", length, runtime.handle().clone()).unwrap();
        assert_eq!(reader.is_refused().unwrap(), refused, "{column:?} {statistics:?}");
    }
}
