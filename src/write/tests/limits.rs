//! Sizes, open files, memory.

use std::sync::Arc;

use arrow_array::RecordBatch;

use super::{Bench, ids, soon};
use crate::error::Kind;
use crate::write::{MAX_STAGED_FILES, MemoryBudget, TableWriter, WriteOptions};

#[test]
fn files_and_row_groups_end_at_their_sizes() {
    let mut bench = Bench::new("");
    bench.options.target_file_bytes = 1024 * 1024;
    bench.options.row_group_rows = 5_000;
    let batches: Vec<RecordBatch> = (0..40).map(|n| bench.batch(n * 2_000..(n + 1) * 2_000)).collect();
    let files = bench.publish(bench.write(&batches));
    assert!(files.len() >= 2, "{} files", files.len());
    let mut seen = Vec::new();
    for (at, file) in files.iter().enumerate() {
        assert!(file.path.starts_with(&format!("part-7-{at}-")), "{}", file.path);
        let last = at + 1 == files.len();
        assert!(file.bytes < 1_400_000 && (last || file.bytes > 700_000), "{} bytes", file.bytes);
        let reader = bench.open(file);
        let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert!(groups[..groups.len() - 1].iter().all(|rows| *rows == 5_000), "{groups:?}");
        seen.extend(ids(&bench.read(file)));
    }
    assert_eq!(seen, (0..80_000).collect::<Vec<_>>());

    bench.options = WriteOptions {
        row_group_bytes: 100_000,
        ..WriteOptions::new("r")
    };
    let files = bench.publish(bench.write(&batches[..5]));
    assert!(bench.open(&files[0]).metadata().num_row_groups() > 3);
}

#[test]
fn the_partition_unused_for_longest_is_closed_for_another() {
    let mut bench = Bench::new("partition = { column = \"due\", by = \"year\" }");
    bench.options.max_open_files = 1;
    let of_year = |year: i64, from: i64| (from..from + 9_000).map(move |n| n * 500 + year * 365).filter(|id| id % 10 != 9);
    let mut writer = bench.writer();
    for (year, from) in [(0, 0), (1, 0), (0, 9_000)] {
        writer
            .write(&bench.batch(of_year(year, from).filter(|id| id % 500 < 365 || year == 1)))
            .unwrap();
        assert!(writer.open.len() <= 1);
    }
    let files = bench.publish(writer.finish().unwrap());
    let folders: Vec<&str> = files.iter().map(|file| file.path.split('/').next().unwrap()).collect();
    assert_eq!(folders, ["due_year=2026", "due_year=2027", "due_year=2026"]);
    assert_eq!(files.iter().map(|file| file.rows).sum::<u64>(), 27_000);
}

#[test]
fn handfuls_of_many_partitions_do_not_end_in_many_files() {
    let mut bench = Bench::new("partition = { column = \"due\", by = \"day\" }");
    bench.options.max_open_files = 4;
    let batches: Vec<RecordBatch> = (0..50).map(|n| bench.batch(n * 500..(n + 1) * 500)).collect();
    let files = bench.publish(bench.write(&batches));
    assert_eq!(files.len(), 451, "450 days and null");
    assert_eq!(files.iter().map(|file| file.rows).sum::<u64>(), 25_000);
}

#[test]
fn memory_stays_within_the_budget() {
    for partition in ["", "partition = { column = \"due\", by = \"month\" }"] {
        let mut bench = Bench::new(partition);
        // What the store itself keeps in memory is not the writer's.
        bench.budget = MemoryBudget::new(6 * 1024 * 1024);
        let batches: Vec<RecordBatch> = (0..60).map(|n| bench.batch(n * 2_000..(n + 1) * 2_000)).collect();
        let files = bench.publish(bench.write(&batches));
        let one_batch = batches[0].get_array_memory_size();
        let parts_under_way = 2 * bench.lake.part_bytes();
        let most = bench.budget.limit() + 4 * one_batch + parts_under_way + super::super::file::OPEN_FILE_BYTES;
        assert!(bench.budget.peak() <= most, "peak {} of {most}", bench.budget.peak());
        assert_eq!(bench.budget.used(), 0);
        assert_eq!(files.iter().map(|file| file.rows).sum::<u64>(), 120_000);
    }
}

#[test]
fn writers_share_a_budget_without_waiting_for_each_other() {
    let mut bench = Bench::new("partition = { column = \"due\", by = \"month\" }");
    bench.budget = MemoryBudget::new(8 * 1024 * 1024);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let batches: Vec<RecordBatch> = (0..30).map(|n| bench.batch(n * 2_000..(n + 1) * 2_000)).collect();
                let files = bench.publish(bench.write(&batches));
                assert_eq!(files.iter().map(|file| file.rows).sum::<u64>(), 60_000);
            });
        }
    });
    assert!(bench.budget.peak() < 3 * bench.budget.limit(), "peak {}", bench.budget.peak());
    assert_eq!(bench.budget.used(), 0);
}

#[test]
fn a_tiny_budget_slows_a_writer_but_does_not_stop_it() {
    let mut bench = Bench::new("partition = { column = \"due\", by = \"month\" }");
    bench.budget = MemoryBudget::new(1);
    let files = bench.publish(bench.write(&[bench.batch(0..3_000), bench.batch(3_000..5_000)]));
    assert_eq!(files.iter().map(|file| file.rows).sum::<u64>(), 5_000);
}

#[test]
fn with_too_many_staged_files_the_earliest_are_published_early() {
    let mut bench = Bench::new("");
    bench.options.target_file_bytes = 1;
    let batches: Vec<RecordBatch> = (0..300).map(|n| bench.batch([n])).collect();
    let staged = bench.write(&batches);
    assert_eq!(bench.objects().len(), 300 - MAX_STAGED_FILES);
    let files = bench.publish(staged);
    assert_eq!(files.len(), 300);
    let order: Vec<i64> = files.iter().flat_map(|file| ids(&bench.read(file))).collect();
    assert_eq!(order, (0..300).collect::<Vec<_>>());

    let before = bench.objects().len();
    drop(bench.write(&batches));
    assert!(soon(|| bench.objects().len() == before), "files published early are removed too");
}

#[test]
fn options_without_sense_are_refused() {
    let mut bench = Bench::new("");
    bench.options.zstd_level = 40;
    let writer = TableWriter::new(
        &bench.lake,
        "acme",
        &bench.table,
        1,
        Arc::new(bench.options.clone()),
        Arc::clone(&bench.budget),
        bench.runtime.handle().clone(),
    );
    assert_eq!(writer.map(drop).unwrap_err().kind(), Kind::Config);
    assert_eq!(
        WriteOptions {
            max_open_files: 0,
            ..WriteOptions::new("r")
        }
        .check()
        .unwrap_err()
        .kind(),
        Kind::Config
    );
}
