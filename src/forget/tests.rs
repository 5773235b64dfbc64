//! Orders forgotten in memory and on disk. Histories and rejects, as an export leaves them: `tests/interop/test_personal.py`.

use super::*;
use crate::bench::{Bench, source};
use crate::commit::{Outcome, content};

fn options(table: &str, key: &str) -> Options {
    Options {
        connection: "acme".to_owned(),
        table: table.to_owned(),
        key: key.to_owned(),
        hash_key: None,
        dry_run: false,
    }
}

async fn forgotten(lake: &Lake, options: &Options) -> Result<Forgotten> {
    forget(lake, &source(), &content(lake).await?, "run-forget", options).await
}

fn rows(forgotten: &Forgotten) -> Vec<(&str, u64)> {
    forgotten.rows.iter().map(|(table, rows)| (table.as_str(), *rows)).collect()
}

/// 100 orders in two files, of which every tenth is in another partition, with two items each.
async fn filled(lake: Lake) -> Bench {
    let bench = Bench::over(lake);
    let ids: Vec<f64> = (1..=100).map(f64::from).collect();
    let orders = bench.orders(1, &[&ids[..50], &ids[50..]]).await;
    let items = bench.items(1, &[&ids]).await;
    bench.commit(1, orders, items).await;
    bench
}

async fn a_row_goes_with_what_is_exploded_from_it(lake: Lake) {
    let bench = filled(lake).await;
    let before = content(&bench.lake).await.unwrap();
    let dry = Options {
        dry_run: true,
        ..options("orders", "7")
    };
    let told = forgotten(&bench.lake, &dry).await.unwrap();
    assert_eq!(content(&bench.lake).await.unwrap(), before, "a dry run changes nothing");
    let done = forgotten(&bench.lake, &options("orders", "7")).await.unwrap();
    assert_eq!(told, done);
    assert_eq!(rows(&done), [("orders", 1), ("orders__items", 2)]);
    let after = content(&bench.lake).await.unwrap();
    assert_eq!(
        after.iter().map(|manifest| (manifest.rows, manifest.version)).collect::<Vec<_>>(),
        [(99, 2), (198, 2)]
    );
    assert_eq!(after[0].children["orders__items"], 2);
    assert_eq!(
        (&after[0].savepoint, &after[0].partition),
        (&before[0].savepoint, &before[0].partition)
    );
    let verified = bench.verify().await;
    assert_eq!(verified.findings, []);
    assert_eq!(verified.rows, 297);
    // The file that held it is gone, and only files of manifests are there.
    let listed = bench.lake.list("acme").await.unwrap();
    let files = listed.iter().filter(|object| data_file_version(&object.path).is_some()).count();
    assert_eq!(files, after.iter().map(|manifest| manifest.entries.len()).sum::<usize>());
    let again = forgotten(&bench.lake, &options("orders", "7")).await.unwrap_err();
    assert!(again.message().contains("no row of `acme.orders` has that key"), "{again}");
    assert!(again.advice().unwrap().contains("the key is id"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory() {
    a_row_goes_with_what_is_exploded_from_it(Lake::memory()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap(), &crate::store::S3Options::default()).unwrap();
    a_row_goes_with_what_is_exploded_from_it(lake).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_an_exploded_table_goes_alone() {
    let bench = filled(Lake::memory()).await;
    let done = forgotten(&bench.lake, &options("orders__items", "20,sku 1")).await.unwrap();
    assert_eq!(rows(&done), [("orders__items", 1)]);
    let after = content(&bench.lake).await.unwrap();
    assert_eq!((after[0].rows, after[1].rows), (100, 199));
    assert_eq!((after[0].version, after[0].children["orders__items"]), (2, 2));
    assert_eq!(bench.verify().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_loses_its_last_row_shows_its_columns() {
    let bench = Bench::new();
    let orders = bench.orders(1, &[&[5.0]]).await;
    let items = bench.items(1, &[&[5.0]]).await;
    bench.commit(1, orders, items).await;
    let done = forgotten(&bench.lake, &options("orders", "5.0")).await.unwrap();
    assert_eq!(rows(&done), [("orders", 1), ("orders__items", 2)]);
    for manifest in content(&bench.lake).await.unwrap() {
        assert_eq!((manifest.rows, manifest.entries.len()), (0, 1), "{}", manifest.table);
    }
    assert_eq!(bench.verify().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_forgotten_is_told() {
    let bench = filled(Lake::memory()).await;
    for (table, key, message) in [
        ("order", "7", "the lake has no table `acme.order`"),
        ("orders", "seven", "expected a float for `id`"),
        ("orders__items", "7", "expected 2 values joined by commas, found 1"),
        ("orders", "101", "no row of `acme.orders`"),
    ] {
        let error = forgotten(&bench.lake, &options(table, key)).await.unwrap_err();
        assert!(error.message().contains(message), "{error}");
    }
    let Acquired::Held(lease) = Lease::acquire(&bench.lake, "acme", "another run").await.unwrap() else {
        panic!("nobody else has it");
    };
    let busy = forgotten(&bench.lake, &options("orders", "7")).await.unwrap_err();
    assert_eq!(busy.kind(), Kind::Conflict);
    lease.release().await.unwrap();
    // A run that was cut between the commits of the family.
    let items = bench.items(2, &[&[7.0]]).await;
    let mut cut = content(&bench.lake).await.unwrap().remove(1);
    (cut.version, cut.entries) = (2, items);
    (cut.rows, cut.bytes) = (2, cut.entries[0].meta.content_length);
    assert_eq!(commit::commit(&bench.lake, &cut).await.unwrap(), Outcome::Committed);
    let error = forgotten(&bench.lake, &options("orders", "7")).await.unwrap_err();
    assert!(error.message().contains("is at version 2, expected 1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_race_that_is_lost_are_not_left_over() {
    // Who is first at the exploded table, which is committed before its parent; who is first at the parent.
    for (first_at, left_over) in [(1, &[][..]), (0, &["acme/orders__items"])] {
        let bench = filled(Lake::memory()).await;
        let before = content(&bench.lake).await.unwrap();
        let (source, options) = (source(), options("orders", "7"));
        let work = Work {
            lake: &bench.lake,
            source: &source,
            run_id: "run-forget",
            options: &options,
        };
        let (parent, mut members) = work.members(&before).unwrap();
        for member in &mut members {
            let (lake, handle, of) = (bench.lake.clone(), Handle::current(), member.clone());
            member.hit = spawn_blocking(move || files::find(&lake, &of, &handle)).await.unwrap().unwrap();
        }
        let mut others = before[first_at].clone();
        (others.version, others.run_id) = (2, "another run".to_owned());
        assert_eq!(commit::commit(&bench.lake, &others).await.unwrap(), Outcome::Committed);
        let Acquired::Held(lease) = Lease::acquire(&bench.lake, "acme", "run-forget").await.unwrap() else {
            panic!("nobody else has it");
        };
        let error = work.replace(&parent, &members, &before, &lease).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.message().contains(&format!("version 2 of `{}`", others.folder())), "{error}");
        let listed = bench.lake.list("acme").await.unwrap();
        let written = listed.iter().filter(|object| data_file_version(&object.path) == Some(2));
        let folders: Vec<&str> = written
            .filter_map(|object| object.path.rsplit_once('/'))
            .map(|(folder, _)| folder)
            .collect();
        assert_eq!(folders, left_over, "what became live, and nothing else");
    }
}
