//! Many small files become few, and nothing else changes.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};

use super::plan::look;
use super::*;
use crate::bench::Bench;
use crate::commit::Entry;
use crate::store::{S3Options, hex};

/// The ids of a table's rows, in the order of its manifest's files.
async fn ids(lake: &Lake, manifest: &Manifest) -> Vec<f64> {
    let (lake, manifest, handle) = (lake.clone(), manifest.clone(), Handle::current());
    let work = spawn_blocking(move || {
        let mut ids = Vec::new();
        for entry in &manifest.entries {
            let reader = DataFileReader::open(&lake, &manifest.path_of(entry), entry.meta.content_length, handle.clone()).unwrap();
            for batch in reader.batches(None) {
                ids.extend(batch.unwrap().column(0).as_primitive::<Float64Type>().values());
            }
        }
        ids
    });
    work.await.unwrap()
}

async fn all(lake: &Lake, options: &CompactOptions) -> Result<Vec<Compacted>> {
    let families = families(&commit::content(lake).await.unwrap());
    assert_eq!(families.len(), 1, "{families:?}");
    compact(lake, &families[0], options, |_| true).await
}

/// Writes a file anew as earlier versions did: by `parquet` alone.
async fn age(bench: &Bench, table: &str, mut entry: Entry) -> Entry {
    let path = format!("acme/{table}/{}", entry.path);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bench.lake.get(&path).await.unwrap().unwrap()).unwrap();
    let order = reader
        .metadata()
        .row_groups()
        .first()
        .and_then(|group| group.sorting_columns().cloned());
    let properties = WriterProperties::builder().set_sorting_columns(order).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(reader.schema()), Some(properties)).unwrap();
    for batch in reader.build().unwrap() {
        writer.write(&batch.unwrap()).unwrap();
    }
    let bytes = bytes::Bytes::from(writer.into_inner().unwrap());
    entry.meta.content_length = bytes.len() as u64;
    entry.meta.sha256 = hex(&Sha256::digest(&bytes));
    entry.meta.footer = None;
    bench.lake.put(&path, bytes).await.unwrap();
    entry
}

async fn aged(bench: &Bench, table: &str, entries: Vec<Entry>) -> Vec<Entry> {
    let mut old = Vec::new();
    for entry in entries {
        old.push(age(bench, table, entry).await);
    }
    old
}

/// Whether older readers refuse the files of a table, file by file.
async fn refused(lake: &Lake, manifest: &Manifest) -> Vec<bool> {
    let mut refused = Vec::new();
    for entry in &manifest.entries {
        let (_, look) = look(lake.clone(), manifest.path_of(entry), entry.clone()).await.unwrap();
        refused.push(look.refused);
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_older_readers_refuse_are_written_anew() {
    let bench = Bench::new();
    let many: Vec<f64> = (150..300).chain(1..150).filter(|id| id % 10 != 0).map(f64::from).collect();
    let written = bench.orders(1, &[&many, &[10.0, 20.0]]).await;
    let mut history = written.clone();
    for entry in &mut history {
        let bytes = bench.lake.get(&format!("acme/orders/{}", entry.path)).await.unwrap().unwrap();
        bench.lake.put(&format!("acme/orders_history/{}", entry.path), bytes).await.unwrap();
    }
    let count = written.len();
    let orders = aged(&bench, "orders", written).await;
    let history = aged(&bench, "orders_history", history).await;
    let items = bench.items(1, &[&[1.0, 2.0]]).await;
    let items = aged(&bench, "orders__items", items).await;
    let [mut parent, child] = bench.manifests(1, orders, items);
    let mut kept = parent.clone();
    (kept.table, kept.entries, kept.savepoint) = ("orders_history".to_owned(), history, None);
    kept.children.clear();
    parent.histories = BTreeMap::from([("orders_history".to_owned(), 1)]);
    for manifest in [&kept, &child, &parent] {
        assert_eq!(commit::commit(&bench.lake, manifest).await.unwrap(), commit::Outcome::Committed);
    }
    let found = bench.verify().await;
    let told: Vec<_> = found
        .findings
        .iter()
        .map(|finding| (finding.level, finding.file.as_str()))
        .collect();
    let warning = crate::verify::Level::Warning;
    assert_eq!(
        told,
        [
            (warning, "acme/orders"),
            (warning, "acme/orders__items"),
            (warning, "acme/orders_history")
        ]
    );
    assert!(
        found.findings[0].what.contains(&format!("{count} of {count} data files")),
        "{found:?}"
    );
    let content = commit::content(&bench.lake).await.unwrap();
    let before = crate::status::status(&bench.lake, &content).await.unwrap();
    assert_eq!(before.iter().map(|table| table.older_files).sum::<u64>(), 2 * count as u64 + 1);

    // Of a target so small, no file is to be merged.
    let options = CompactOptions {
        target_file_bytes: 1 << 13,
        ..CompactOptions::default()
    };
    let replaced = all(&bench.lake, &options).await.unwrap();
    let told: Vec<_> = replaced
        .iter()
        .map(|table| (table.table.as_str(), table.version, table.files_before, table.files))
        .collect();
    let count = count as u64;
    assert_eq!(
        told,
        [
            ("orders", 2, count, count),
            ("orders__items", 2, 1, 1),
            ("orders_history", 2, count, count)
        ]
    );
    let content = commit::content(&bench.lake).await.unwrap();
    let table = |name: &str| content.iter().find(|manifest| manifest.table == name).unwrap();
    let (next, items, history) = (table("orders"), table("orders__items"), table("orders_history"));
    assert_eq!((next.version, items.version, history.version), (2, 2, 2));
    assert_eq!((next.children["orders__items"], next.histories["orders_history"]), (2, 2));
    assert_eq!((next.rows, next.savepoint, next.mode), (parent.rows, parent.savepoint, parent.mode));
    for (old, new) in [(&parent, next), (&child, items), (&kept, history)] {
        assert_eq!(ids(&bench.lake, new).await, written_ids(&many, old), "{}", old.table);
        let partitions = |manifest: &Manifest| {
            manifest
                .entries
                .iter()
                .map(|entry| entry.meta.partition.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(partitions(new), partitions(old));
        assert!(refused(&bench.lake, new).await.iter().all(|refused| !refused));
    }
    assert_eq!(bench.verify().await.findings, [], "and the old files are gone");
    let after = crate::status::status(&bench.lake, &content).await.unwrap();
    assert!(after.iter().all(|table| table.older_files == 0));

    let listing = bench.lake.list("").await.unwrap();
    assert_eq!(all(&bench.lake, &options).await.unwrap(), []);
    assert_eq!(bench.lake.list("").await.unwrap(), listing, "nothing to do, nothing written");
}

fn written_ids(many: &[f64], table: &Manifest) -> Vec<f64> {
    match table.table.as_str() {
        "orders__items" => vec![1.0, 1.0, 2.0, 2.0],
        _ => many.iter().copied().chain([10.0, 20.0]).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_are_written_anew_in_several_commits() {
    let bench = Bench::new();
    let all_ids: Vec<[f64; 1]> = (1..=GROUPS + 4).map(|id| [10.0 * id as f64]).collect();
    let files: Vec<&[f64]> = all_ids.iter().map(<[f64; 1]>::as_slice).collect();
    let orders = bench.orders(1, &files).await;
    let orders = aged(&bench, "orders", orders).await;
    let items = bench.items(1, &[&[10.0]]).await;
    bench.commit(1, orders, items).await;
    let options = CompactOptions {
        target_file_bytes: 1,
        ..CompactOptions::default()
    };
    let replaced = all(&bench.lake, &options).await.unwrap();
    assert_eq!(replaced.len(), 1, "{replaced:?}");
    assert_eq!((replaced[0].version, replaced[0].files), (3, files.len() as u64));
    let content = commit::content(&bench.lake).await.unwrap();
    assert!(refused(&bench.lake, &content[0]).await.iter().all(|refused| !refused));
    assert_eq!(ids(&bench.lake, &content[0]).await.len(), files.len());
    assert_eq!(bench.verify().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_rows_keeps_a_file_and_one_that_is_not_refused_is_noted() {
    let bench = Bench::new();
    let orders = bench.orders(1, &[&[]]).await;
    assert_eq!(orders.len(), 1);
    let orders = aged(&bench, "orders", orders).await;
    let mut items = bench.items(1, &[&[]]).await;
    items[0].meta.footer = None;
    let [_, child] = bench.commit(1, orders, items).await;
    let replaced = all(&bench.lake, &CompactOptions::default()).await.unwrap();
    assert_eq!(replaced.len(), 1, "{replaced:?}");
    let content = commit::content(&bench.lake).await.unwrap();
    assert_eq!((content[0].version, content[0].entries.len(), content[0].rows), (2, 1, 0));
    assert_eq!(content[1].version, 2);
    assert_eq!(content[1].entries[0].path, child.entries[0].path, "it was not written anew");
    assert_eq!(content[1].entries[0].meta.footer, Some(FOOTER));
    assert_eq!(bench.verify().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_of_a_partition_become_one_in_one_commit() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap();
    for lake in [Lake::memory(), disk] {
        let bench = Bench::over(lake);
        // Out of order, of two months, and of 300 rows, so that the writer would take them for ordered if it were let.
        let many: Vec<f64> = (1..=300).map(f64::from).collect();
        let orders = bench.orders(1, &[&[900.0, 901.0], &many, &[500.0, 1_000.0]]).await;
        let items = bench.items(1, &[&[900.0], &[1.0, 2.0], &[3.0]]).await;
        let [orders, _] = bench.commit(1, orders, items).await;
        assert_eq!(orders.entries.len(), 5, "two months in all but the last");
        let options = CompactOptions::default();
        let merged = all(&bench.lake, &options).await.unwrap();
        let told: Vec<_> = merged
            .iter()
            .map(|table| (table.table.as_str(), table.version, table.files_before, table.files))
            .collect();
        assert_eq!(told, [("orders", 2, 5, 2), ("orders__items", 2, 3, 1)]);

        let content = commit::content(&bench.lake).await.unwrap();
        let [next, items] = content.as_slice() else { panic!("{content:?}") };
        assert_eq!((next.version, items.version, next.children["orders__items"]), (2, 2, 2));
        assert_eq!((next.rows, next.savepoint, next.mode), (orders.rows, orders.savepoint, orders.mode));
        let mut january: Vec<f64> = vec![901.0];
        january.extend(many.iter().filter(|id| **id as i64 % 10 != 0));
        let mut february: Vec<f64> = vec![900.0];
        february.extend(many.iter().filter(|id| **id as i64 % 10 == 0));
        february.extend([500.0, 1_000.0]);
        assert_eq!(
            ids(&bench.lake, next).await,
            [january, february].concat(),
            "by file, in the order of their rows"
        );
        assert_eq!(bench.verify().await.findings, [], "and the old files are gone");

        let listing = bench.lake.list("").await.unwrap();
        assert_eq!(all(&bench.lake, &options).await.unwrap(), []);
        assert_eq!(bench.lake.list("").await.unwrap(), listing, "nothing to do, nothing written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parent_of_a_merged_table_names_its_new_version() {
    let bench = Bench::new();
    let orders = bench.orders(1, &[&[1.0, 2.0]]).await;
    let items = bench.items(1, &[&[1.0], &[2.0]]).await;
    let [before, _] = bench.commit(1, orders, items).await;
    let merged = all(&bench.lake, &CompactOptions::default()).await.unwrap();
    assert_eq!(merged.len(), 1, "{merged:?}");
    let content = commit::content(&bench.lake).await.unwrap();
    assert_eq!(
        (content[0].version, content[0].children["orders__items"], content[1].version),
        (2, 2, 2)
    );
    assert_eq!(content[0].entries, before.entries);
    assert_eq!(bench.verify().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_and_tables_that_are_not_chosen_stay() {
    let bench = Bench::new();
    let orders = bench.orders(1, &[&[1.0], &[2.0]]).await;
    let size = orders[0].meta.content_length.min(orders[1].meta.content_length);
    let items = bench.items(1, &[&[1.0]]).await;
    bench.commit(1, orders, items).await;
    let options = CompactOptions {
        target_file_bytes: size,
        ..CompactOptions::default()
    };
    assert_eq!(all(&bench.lake, &options).await.unwrap(), []);
    let family = commit::content(&bench.lake).await.unwrap();
    let none = compact(&bench.lake, &family, &CompactOptions::default(), |_| false).await.unwrap();
    assert_eq!(none, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn superseded_files_stay_where_readers_are_still_at_them() {
    let bench = Bench::new();
    let orders = bench.orders(1, &[&[1.0], &[2.0]]).await;
    let items = bench.items(1, &[&[1.0]]).await;
    let [before, _] = bench.commit(1, orders, items).await;
    let options = CompactOptions {
        retention: std::time::Duration::from_secs(3600),
        ..CompactOptions::default()
    };
    all(&bench.lake, &options).await.unwrap();
    assert_eq!(ids(&bench.lake, &before).await, [1.0, 2.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_commits_meanwhile_wins() {
    let bench = Bench::new();
    let orders = bench.orders(1, &[&[1.0], &[2.0]]).await;
    let items = bench.items(1, &[&[1.0]]).await;
    bench.commit(1, orders, items).await;
    let family = commit::content(&bench.lake).await.unwrap();
    let orders = bench.orders(2, &[&[5.0]]).await;
    let items = bench.items(2, &[&[5.0]]).await;
    let exported = bench.commit(2, orders, items).await;
    // Before the files are written, and, for the race itself, at the commit.
    let error = compact(&bench.lake, &family, &CompactOptions::default(), |_| true)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict, "{error:?}");
    let lost = bench.orders(2, &[&[1.0, 2.0]]).await;
    let dead = format!("acme/orders/{}", lost[0].path);
    let mut mine = family[0].clone();
    (mine.version, mine.run_id, mine.entries) = (2, "mine".to_owned(), lost);
    mine.rows = 2;
    mine.bytes = mine.entries[0].meta.content_length;
    let error = commit_all(&bench.lake, &[(&family[0], mine)], std::time::Duration::ZERO)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict, "{error:?}");
    assert_eq!(bench.lake.size(&dead).await.unwrap(), None, "what was lost is not left over");
    assert_eq!(commit::content(&bench.lake).await.unwrap(), exported);
}
