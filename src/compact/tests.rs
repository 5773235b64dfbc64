//! Many small files become few, and nothing else changes.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;

use super::*;
use crate::bench::Bench;
use crate::store::S3Options;

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
    let family = commit::content(lake).await.unwrap();
    compact(lake, &family, options, |_| true).await
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
