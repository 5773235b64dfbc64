//! Writers that are aborted, dropped, or meet a store that fails.

use std::sync::atomic::Ordering;

use arrow_array::RecordBatch;

use super::{Bench, soon};
use crate::error::Kind;
use crate::store::data_file_version;
use crate::write::publish_all;

fn files_below(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

#[test]
fn on_local_disk_staged_files_match_no_glob_and_vanish_when_aborted() {
    let bench = Bench::on_disk("");
    let root = bench._folder.as_ref().unwrap().path().to_owned();
    let batches: Vec<RecordBatch> = (0..30).map(|n| bench.batch(n * 2_000..(n + 1) * 2_000)).collect();

    let staged = bench.write(&batches);
    let names = files_below(&root);
    assert!(
        !names.is_empty() && names.iter().all(|name| name.contains(".parquet#")),
        "{names:?}"
    );
    let files = bench.publish(staged);
    assert_eq!(bench.read(&files[0]).num_rows(), 60_000);
    assert_eq!(files_below(&root), [files[0].path.clone()]);

    let mut writer = bench.writer();
    for batch in &batches {
        writer.write(batch).unwrap();
    }
    writer.abort();
    assert_eq!(files_below(&root), [files[0].path.clone()], "aborted while writing");

    for file in bench.write(&batches) {
        bench.runtime.block_on(file.abort());
    }
    assert_eq!(files_below(&root), [files[0].path.clone()], "aborted when staged");

    drop(bench.write(&batches));
    assert!(soon(|| files_below(&root).len() == 1), "dropped: {:?}", files_below(&root));
}

#[test]
fn a_staged_file_that_was_swept_is_a_conflict() {
    let bench = Bench::on_disk("");
    let mut staged = bench.write(&[bench.batch(0..10)]);
    let begun = bench.runtime.block_on(bench.lake.staged("acme/deals")).unwrap();
    assert_eq!(begun.len(), 1);
    assert_eq!(data_file_version(&begun[0].path), Some(7));
    bench.runtime.block_on(bench.lake.abort(&begun)).unwrap();
    let error = bench.runtime.block_on(staged.remove(0).publish()).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict, "{error:?}");
}

#[test]
fn what_is_aborted_or_dropped_leaves_no_upload_open() {
    let bench = Bench::new("");
    let batches: Vec<RecordBatch> = (0..30).map(|n| bench.batch(n * 2_000..(n + 1) * 2_000)).collect();
    let open = || bench.fake.open_uploads.load(Ordering::SeqCst);
    let begin = || {
        let mut writer = bench.writer();
        for batch in &batches {
            writer.write(batch).unwrap();
        }
        writer.open[0].flush().unwrap();
        assert!(open() > 0, "the test needs parts under way");
        writer
    };
    begin().abort();
    assert_eq!(open(), 0);
    drop(begin());
    assert!(soon(|| open() == 0), "dropped while writing");
    drop(bench.write(&batches));
    assert!(soon(|| open() == 0), "dropped when staged");
    assert!(bench.objects().is_empty());
    assert!(soon(|| bench.budget.used() == 0));
}

#[test]
fn a_full_store_fails_the_writer_and_leaves_nothing() {
    let batches = |bench: &Bench| -> Vec<RecordBatch> { (0..60).map(|n| bench.batch(n * 2_000..(n + 1) * 2_000)).collect() };
    for room in [0, 500_000, 1_500_000, 2_500_000] {
        let mut bench = Bench::new("");
        bench.options.target_file_bytes = 2 * 1024 * 1024;
        bench.fake.room.store(room, Ordering::SeqCst);
        let mut writer = bench.writer();
        let written = batches(&bench).iter().try_for_each(|batch| writer.write(batch));
        let outcome = written
            .and_then(|()| writer.finish())
            .and_then(|staged| bench.runtime.block_on(publish_all(staged)));
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), Kind::Store);
        assert!(error.message().contains("memory:///acme/deals/part-7-"), "{error:?}");
        assert!(error.advice().unwrap().contains("free some space"), "{error:?}");
        assert!(soon(|| bench.fake.open_uploads.load(Ordering::SeqCst) == 0), "room for {room}");
        assert!(soon(|| bench.objects().is_empty()), "room for {room}: {:?}", bench.objects());
        assert!(soon(|| bench.budget.used() == 0));
    }
}

#[test]
fn all_files_are_published_or_none() {
    let mut bench = Bench::new("");
    bench.options.target_file_bytes = 1;
    let staged = bench.write(&(0..20).map(|n| bench.batch(n * 10..n * 10 + 10)).collect::<Vec<_>>());
    assert_eq!(staged.len(), 20);
    let fake = bench.fake.clone();
    let stop = std::thread::spawn(move || {
        while fake.completed.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        fake.room.store(-1, Ordering::SeqCst);
    });
    let outcome = bench.runtime.block_on(publish_all(staged));
    stop.join().unwrap();
    // The other thread may come too late: then all of them are there.
    match outcome {
        Ok(files) => assert_eq!(files.len(), 20),
        Err(_) => assert!(soon(|| bench.objects().is_empty()), "{:?}", bench.objects()),
    }
}
