//! Batches in, Parquet out, read back by parquet's own reader.

mod content;
mod failures;
mod footer;
mod limits;
mod rejects;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio::runtime::Runtime;

use super::*;
use crate::schema::{arrow_schema, demo};
use crate::store::fake::Fake;
use crate::store::{DataFile, S3Options};

const COLUMNS: &str = r#"
title = "Negócios"
description = "Uma linha por negócio."
endpoint = "/Deals"
primary_key = ["id"]
[replication]
mode = "incremental"
cursor = "updated_at"
from = { param = "from", value = "{from}" }
[columns]
id         = { type = "int", path = "Id", description = "Identificador." }
name       = { type = "text", path = "Name", description = "Nome." }
stage      = { type = "text", path = "Stage", references = "deals.id", description = "Estágio." }
amount     = { type = "float", path = "Amount", description = "Valor." }
won        = { type = "boolean", path = "Won", description = "Ganho." }
due        = { type = "date", path = "Due", description = "Prazo." }
updated_at = { type = "timestamp", path = "UpdatedAt", description = "Alteração." }
"#;

const DAY: i64 = 86_400_000_000;

/// 2026-01-01T00:00:00Z.
const START: i64 = 20_454 * DAY;

struct Bench {
    runtime: Runtime,
    lake: Lake,
    fake: Fake,
    table: Table,
    options: WriteOptions,
    budget: Arc<MemoryBudget>,
    _folder: Option<tempfile::TempDir>,
}

impl Bench {
    fn new(partition: &str) -> Self {
        let deals = COLUMNS.replace("[replication]", &format!("{partition}\n[replication]"));
        let fake = Fake::new();
        Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap(),
            lake: Lake::over(Arc::new(fake.clone())),
            fake,
            table: demo::source(&[("deals", &deals)]).tables["deals"].clone(),
            options: WriteOptions::new("0197-run"),
            budget: MemoryBudget::new(256 * 1024 * 1024),
            _folder: None,
        }
    }

    fn on_disk(partition: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            lake: Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap(),
            _folder: Some(folder),
            ..Self::new(partition)
        }
    }

    fn writer(&self) -> TableWriter {
        let (options, budget) = (Arc::new(self.options.clone()), Arc::clone(&self.budget));
        TableWriter::new(&self.lake, "acme", &self.table, 7, options, budget, self.runtime.handle().clone()).unwrap()
    }

    fn write(&self, batches: &[RecordBatch]) -> Vec<StagedFile> {
        let mut writer = self.writer();
        for batch in batches {
            writer.write(batch).unwrap();
        }
        writer.finish().unwrap()
    }

    fn publish(&self, staged: Vec<StagedFile>) -> Vec<DataFile> {
        self.runtime.block_on(publish_all(staged)).unwrap()
    }

    fn objects(&self) -> Vec<String> {
        let objects = self.runtime.block_on(self.lake.list("")).unwrap();
        objects.into_iter().map(|object| object.path).collect()
    }

    fn bytes(&self, file: &DataFile) -> Bytes {
        self.runtime
            .block_on(self.lake.get(&format!("acme/deals/{}", file.path)))
            .unwrap()
            .unwrap()
    }

    fn open(&self, file: &DataFile) -> ParquetRecordBatchReaderBuilder<Bytes> {
        ParquetRecordBatchReaderBuilder::try_new(self.bytes(file)).unwrap()
    }

    fn read(&self, file: &DataFile) -> RecordBatch {
        let reader = self.open(file).build().unwrap();
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        let rows = concat_batches(&arrow_schema(&self.table), &batches).unwrap();
        assert_eq!(rows.num_rows() as u64, file.rows);
        rows
    }

    /// Rows of these ids; everything else follows from the id.
    fn batch(&self, ids: impl IntoIterator<Item = i64>) -> RecordBatch {
        let ids: Vec<i64> = ids.into_iter().collect();
        let mut random = fastrand::Rng::with_seed(ids.first().copied().unwrap_or(0) as u64);
        let some = |id: &i64| id % 10 != 9;
        let instants = ids.iter().map(|id| START + id % 500 * DAY);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(ids.clone())),
            Arc::new(StringArray::from_iter_values(
                ids.iter().map(|id| format!("{id}-{:032x}", random.u128(..))),
            )),
            Arc::new(StringArray::from_iter(
                ids.iter().map(|id| some(id).then(|| format!("stage {}", id % 5))),
            )),
            Arc::new(Float64Array::from_iter(ids.iter().map(|id| some(id).then_some(*id as f64 / 4.0)))),
            Arc::new(BooleanArray::from_iter(ids.iter().map(|id| Some(id % 2 == 0)))),
            Arc::new(Date32Array::from_iter(
                ids.iter().map(|id| some(id).then_some(20_454 + (id % 500) as i32)),
            )),
            Arc::new(TimestampMicrosecondArray::from_iter_values(instants).with_timezone("UTC")),
            Arc::new(TimestampMicrosecondArray::from_iter_values(ids.iter().map(|_| START)).with_timezone("UTC")),
        ];
        RecordBatch::try_new(arrow_schema(&self.table), columns).unwrap()
    }
}

fn ids(batch: &RecordBatch) -> Vec<i64> {
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

/// Whether something becomes true soon: what is dropped is cleaned up in the background.
fn soon(mut check: impl FnMut() -> bool) -> bool {
    for _ in 0..500 {
        if check() {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    false
}

/// With the usual AWS_* variables.
#[test]
#[ignore = "writes to a bucket: AFLUENTE_TEST_S3=s3://bucket/prefix"]
fn a_bucket_takes_files_of_many_parts() {
    let url = std::env::var("AFLUENTE_TEST_S3").unwrap();
    let mut bench = Bench::new("");
    bench.lake = Lake::open(&format!("{url}/{}", crate::store::random_id()), &S3Options::default()).unwrap();
    let batches: Vec<RecordBatch> = (0..90).map(|n| bench.batch(n * 10_000..(n + 1) * 10_000)).collect();
    let staged = bench.write(&batches);
    assert!(bench.objects().is_empty(), "staged files are invisible");
    let files = bench.publish(staged);
    assert!(files[0].bytes as usize > 2 * bench.lake.part_bytes(), "{} bytes", files[0].bytes);
    assert_eq!(ids(&bench.read(&files[0])), (0..900_000).collect::<Vec<_>>());
    drop(bench.write(&batches[..10]));
    bench.runtime.block_on(async {
        let paths: Vec<String> = bench.lake.list("").await.unwrap().into_iter().map(|object| object.path).collect();
        bench.lake.delete(&paths).await.unwrap();
    });
}

#[test]
fn staged_files_can_be_published_by_a_task() {
    let bench = Bench::new("");
    let (lake, handle) = (bench.lake.clone(), bench.runtime.handle().clone());
    let (table, options, budget) = (bench.table.clone(), Arc::new(bench.options.clone()), Arc::clone(&bench.budget));
    let batch = bench.batch(0..10);
    let task = bench.runtime.spawn(async move {
        let work = tokio::task::spawn_blocking(move || {
            let mut writer = TableWriter::new(&lake, "acme", &table, 1, options, budget, handle)?;
            writer.write(&batch)?;
            writer.finish()
        });
        publish_all(work.await.unwrap()?).await
    });
    assert_eq!(bench.runtime.block_on(task).unwrap().unwrap()[0].rows, 10);
}
