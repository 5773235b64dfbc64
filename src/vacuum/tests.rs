//! What goes, what stays, and when.

use std::sync::Arc;

use super::*;
use crate::commit::{Entry, Manifest};
use crate::schema::Catalog;
use crate::store::fake::Fake;
use crate::store::{Bounds, DataFile, S3Options};

const HOUR: Duration = Duration::from_secs(3600);

fn options() -> Options {
    Options {
        connections: Vec::new(),
        retention: Duration::ZERO,
        older_than: 24 * HOUR,
        dry_run: false,
    }
}

fn part(version: u64, n: u32) -> String {
    format!("part-{version}-{n}-0000000{n}.parquet")
}

async fn commit_version(lake: &Lake, table: &str, version: u64, n: u32) {
    commit_family(lake, "ploomes", table, version, n, &[]).await;
}

async fn commit_family(lake: &Lake, source: &str, table: &str, version: u64, n: u32, children: &[(&str, u64)]) {
    let path = part(version, n);
    lake.put(&format!("acme/{table}/{path}"), "12345").await.unwrap();
    let file = DataFile {
        path,
        bytes: 5,
        rows: 1,
        sha256: String::new(),
        partition: None,
        bounds: Bounds::default(),
    };
    let catalog = Catalog::embedded().unwrap();
    let declared = &catalog.source(source).unwrap().tables[table];
    let entries = vec![Entry::new(lake, "acme", table, file)];
    let mut manifest = Manifest::new(source, "acme", declared, version, "run", Utc::now(), entries);
    manifest.children = children.iter().map(|(child, version)| ((*child).to_owned(), *version)).collect();
    assert_eq!(commit::commit(lake, &manifest).await.unwrap(), commit::Outcome::Committed);
}

/// A lake with one of everything that goes, and of everything that stays.
async fn littered(lake: &Lake) -> Vec<(&'static str, &'static str)> {
    for version in 1..=2 {
        commit_version(lake, "deals", version, 1).await;
    }
    commit_version(lake, "roles", 1, 1).await;
    let litter = [
        ("acme/deals/part-2-7-0000000a.parquet", "superseded"),
        ("acme/deals/part-3-0-0000000a.parquet", "orphaned"),
        ("acme/tasks/id_value=1/part-1-0-0000000a.parquet", "orphaned"),
        ("acme/_lease/00000000000000000001.json", "old leases"),
    ];
    for (path, _) in litter {
        lake.put(path, "abc").await.unwrap();
    }
    for path in [
        "acme/deals/notes.parquet",
        "acme/_rejected/deals-x.parquet",
        "other/folder/part-1-0-0000000a.parquet",
        "_views/duckdb.sql",
        "_probe-mine",
    ] {
        lake.put(path, "stays").await.unwrap();
    }
    let released =
        r#"{"run_id":"r","host":"h","acquired_at":"2026-01-01T00:00:00Z","ttl_seconds":120,"released_at":"2026-01-01T00:00:00Z"}"#;
    lake.put("acme/_lease/00000000000000000002.json", released).await.unwrap();
    let mut all = litter.to_vec();
    all.push(("acme/deals/part-1-1-00000001.parquet", "superseded"));
    all.sort();
    all
}

fn told(outcome: &Outcome) -> Vec<(&str, &'static str)> {
    assert!(outcome.failed.is_empty() && outcome.uploads_unseen.is_none(), "{outcome:?}");
    let dropped = outcome.dropped.iter();
    let mut all: Vec<_> = dropped
        .flat_map(|dropped| dropped.objects.iter().map(|(path, _)| (path.as_str(), dropped.reason.name())))
        .collect();
    all.sort();
    all
}

async fn paths(lake: &Lake) -> Vec<String> {
    let listing = lake.list("").await.unwrap();
    listing
        .into_iter()
        .map(|object| object.path)
        .filter(|path| !path.contains("/_lease/"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_manifest_needs_goes_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for lake in [
        Lake::memory(),
        Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap(),
    ] {
        let litter = littered(&lake).await;
        let before = lake.list("").await.unwrap();
        let dry = Options {
            dry_run: true,
            ..options()
        };
        assert_eq!(told(&vacuum(&lake, "v", &dry).await.unwrap()), litter);
        assert_eq!(lake.list("").await.unwrap(), before, "a dry run changes nothing");

        let outcome = vacuum(&lake, "v", &options()).await.unwrap();
        assert_eq!(told(&outcome), litter);
        let bytes: u64 = outcome.dropped.iter().map(Dropped::bytes).sum();
        assert_eq!(bytes, 4 * 3 + 5);
        let gone: Vec<&str> = litter.iter().map(|(path, _)| *path).collect();
        let expected: Vec<String> = before
            .into_iter()
            .map(|object| object.path)
            .filter(|path| !gone.contains(&path.as_str()) && !path.contains("/_lease/"))
            .collect();
        assert_eq!(paths(&lake).await, expected);
        assert_eq!(Lease::holder(&lake, "acme").await.unwrap(), None, "the lease is given back");
        assert!(told(&vacuum(&lake, "v", &options()).await.unwrap()).is_empty());
    }
    assert!(!folder.path().join("acme/tasks").exists(), "no empty folder stays");
}

/// A run that was killed between the commits of a family: readers go by the parent, until the next run commits it.
#[tokio::test]
async fn the_version_that_a_parent_names_stays() {
    let lake = Lake::memory();
    let (parent, child) = ("tasks", "tasks__contacts");
    commit_family(&lake, "exactsales", child, 1, 1, &[]).await;
    commit_family(&lake, "exactsales", parent, 1, 1, &[(child, 1)]).await;
    commit_family(&lake, "exactsales", child, 2, 2, &[]).await;
    let before = paths(&lake).await;
    assert!(told(&vacuum(&lake, "v", &options()).await.unwrap()).is_empty());
    assert_eq!(paths(&lake).await, before);

    commit_family(&lake, "exactsales", parent, 2, 2, &[(child, 2)]).await;
    let outcome = vacuum(&lake, "v", &options()).await.unwrap();
    let gone = [
        "acme/tasks/part-1-1-00000001.parquet",
        "acme/tasks__contacts/part-1-1-00000001.parquet",
    ];
    assert_eq!(told(&outcome), gone.map(|path| (path, "superseded")));
}

#[tokio::test]
async fn what_a_run_at_work_may_be_writing_stays_for_a_day() {
    let fake = Fake::new();
    let lake = Lake::over(Arc::new(fake.clone()));
    littered(&lake).await;
    let Acquired::Held(lease) = Lease::acquire(&lake, "acme", "run-7").await.unwrap() else {
        panic!("it is free");
    };
    let outcome = vacuum(&lake, "v", &options()).await.unwrap();
    assert_eq!(outcome.busy.len(), 1);
    assert_eq!((outcome.busy[0].0.as_str(), outcome.busy[0].1.run_id.as_str()), ("acme", "run-7"));
    let superseded = ["acme/deals/part-1-1-00000001.parquet", "acme/deals/part-2-7-0000000a.parquet"];
    assert_eq!(told(&outcome), superseded.map(|path| (path, "superseded")));
    assert!(told(&vacuum(&lake, "v", &options()).await.unwrap()).is_empty());

    let impatient = Options {
        older_than: HOUR,
        ..options()
    };
    fake.advance(2 * HOUR);
    // A renewal: the run is still there.
    let record = lake.get("acme/_lease/00000000000000000003.json").await.unwrap().unwrap();
    lake.put("acme/_lease/00000000000000000003.json", record).await.unwrap();
    lake.put("acme/deals/part-3-1-0000000b.parquet", "young").await.unwrap();
    let outcome = vacuum(&lake, "v", &impatient).await.unwrap();
    let old = [
        "acme/deals/part-3-0-0000000a.parquet",
        "acme/tasks/id_value=1/part-1-0-0000000a.parquet",
    ];
    let mut expected = old.map(|path| (path, "orphaned")).to_vec();
    expected.insert(0, ("_probe-mine", "probes"));
    assert_eq!(told(&outcome), expected);
    lease.release().await.unwrap();
    let outcome = vacuum(&lake, "v", &options()).await.unwrap();
    assert_eq!(told(&outcome), [("acme/deals/part-3-1-0000000b.parquet", "orphaned")]);
}

#[tokio::test]
async fn a_retention_keeps_files_for_readers() {
    let fake = Fake::new();
    let lake = Lake::over(Arc::new(fake.clone()));
    for version in 1..=2 {
        commit_version(&lake, "deals", version, 1).await;
    }
    let patient = Options {
        retention: 2 * HOUR,
        ..options()
    };
    assert!(told(&vacuum(&lake, "v", &patient).await.unwrap()).is_empty());
    fake.advance(3 * HOUR);
    let outcome = vacuum(&lake, "v", &patient).await.unwrap();
    assert_eq!(told(&outcome), [("acme/deals/part-1-1-00000001.parquet", "superseded")]);
    fake.advance(8 * 24 * HOUR);
    let outcome = vacuum(&lake, "v", &patient).await.unwrap();
    assert_eq!(
        told(&outcome),
        [("acme/deals/_manifest/00000000000000000001.json", "old manifests")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn beginnings_of_files_on_disk_go() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap();
    commit_version(&lake, "deals", 2, 1).await;
    let begun = [
        ("acme/_lease/00000000000000000001.json#1", true),
        ("acme/_rejected/deals-x.parquet#1", true),
        ("acme/deals/_manifest/00000000000000000003.json#3", true),
        ("acme/deals/part-2-0-0000000a.parquet#1", false),
        ("acme/deals/part-3-0-0000000a.parquet#1", true),
        ("acme/new/m=1/part-1-0-0000000a.parquet#12", true),
    ];
    let write = || {
        for (path, _) in begun.iter().chain(&[("elsewhere/notes#1", true), ("acme/deals/notes#1", true)]) {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "half").unwrap();
        }
    };
    write();
    let Acquired::Held(lease) = Lease::acquire(&lake, "acme", "run-7").await.unwrap() else {
        panic!("it is free");
    };
    // Whatever a run at work may be writing stays; what has lost already does not.
    vacuum(&lake, "v", &options()).await.unwrap();
    for (path, stays) in begun {
        assert_eq!(folder.path().join(path).exists(), stays, "{path}");
    }
    lease.release().await.unwrap();
    write();
    let outcome = vacuum(&lake, "v", &options()).await.unwrap();
    let objects: Vec<&str> = begun.iter().map(|(path, _)| path.rsplit_once('#').unwrap().0).collect();
    assert_eq!(told(&outcome), objects.iter().map(|path| (*path, "unfinished")).collect::<Vec<_>>());
    assert!(!folder.path().join("acme/new").exists());
    assert!(folder.path().join("elsewhere/notes#1").exists() && folder.path().join("acme/deals/notes#1").exists());
}

#[tokio::test]
async fn a_table_that_cannot_be_understood_does_not_keep_the_others() {
    let lake = Lake::memory();
    for version in 1..=2 {
        commit_version(&lake, "deals", version, 1).await;
    }
    lake.put("acme/broken/_manifest/00000000000000000001.json", "{").await.unwrap();
    lake.put("acme/broken/part-1-0-0000000a.parquet", "x").await.unwrap();
    let outcome = vacuum(&lake, "v", &options()).await.unwrap();
    assert_eq!(outcome.failed.len(), 1);
    assert_eq!(outcome.failed[0].0, "acme.broken");
    assert_eq!(outcome.dropped.len(), 1);
    assert!(lake.get("acme/broken/part-1-0-0000000a.parquet").await.unwrap().is_some());

    let unknown = Options {
        connections: vec!["acne".to_owned()],
        ..options()
    };
    let error = vacuum(&lake, "v", &unknown).await.unwrap_err();
    assert!(
        error.message().contains("`acne`") && error.advice().unwrap().contains("acme"),
        "{error:?}"
    );
}
