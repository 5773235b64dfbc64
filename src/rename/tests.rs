use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::account;
use crate::config::{Connection, TableConfig};
use crate::export::tests::process::{Fate, Process};
use crate::export::{Export, Options, RunReport, Selection};
use crate::http::Stopper;
use crate::sandbox::{self, Sandbox};
use crate::schema::Catalog;
use crate::store::fake::Fake;
use crate::verify::verify;

/// A table with its version and, by their hashes, its files.
type Held = Vec<(String, u64, Vec<String>)>;

async fn account() -> (Sandbox, Connection) {
    let sandbox = Sandbox::start(sandbox::Options {
        rows: 30,
        ..sandbox::Options::default()
    });
    let sandbox = sandbox.await.unwrap();
    let source = Catalog::embedded().unwrap().source("exactsales").unwrap().clone();
    let mut connection = Connection::to_sandbox(&source, &sandbox.base_url("exactsales"), Sandbox::token("exactsales")).unwrap();
    connection.name = "old".to_owned();
    connection.include = ["sources", "stages"].map(str::to_owned).to_vec();
    let keeps = TableConfig {
        keep_history: true,
        ..TableConfig::default()
    };
    connection.tables.insert("sources".to_owned(), keeps);
    (sandbox, connection)
}

async fn export(connection: &Connection, lake: &Lake) -> RunReport {
    let (stopper, stop) = Stopper::new();
    let listening = (Arc::new(stopper), stop);
    let export = Export::plan(
        vec![connection.clone()],
        &Selection::default(),
        lake.clone(),
        Options::default(),
        listening,
    );
    export.unwrap().run().await
}

async fn moved(lake: &Lake) -> Result<Renamed> {
    rename(lake, "old", "new", "a run").await
}

/// What a connection holds, held against its files.
async fn held_by(lake: &Lake, connection: &str) -> Held {
    let listing = lake.list(connection).await.unwrap();
    let content = commit::content_of(lake, &listing).await.unwrap();
    let verified = verify(lake, &listing, &content).await.unwrap();
    assert_eq!(verified.faults(), 0, "{:?}", verified.findings);
    for manifest in &content {
        assert_eq!(manifest.connection, connection);
        for entry in &manifest.entries {
            assert_eq!(entry.url, lake.url(&manifest.path_of(entry)));
        }
    }
    content.iter().map(told).collect()
}

fn told(manifest: &Manifest) -> (String, u64, Vec<String>) {
    let files = manifest.entries.iter().map(|entry| entry.meta.sha256.clone());
    (manifest.table.clone(), manifest.version, files.collect())
}

/// Whether a connection holds exactly this, with all its files.
async fn holds(lake: &Lake, connection: &str, expected: &Held) -> bool {
    let listing = lake.list(connection).await.unwrap();
    let content = commit::content_of(lake, &listing).await.unwrap();
    let is_there = |path: String| listing.iter().any(|object| object.path == path);
    let is_whole = |one: &&Manifest| one.entries.iter().all(|entry| is_there(one.path_of(entry)));
    content.iter().filter(is_whole).map(told).collect::<Held>() == *expected
}

async fn paths(lake: &Lake, connection: &str) -> Vec<String> {
    lake.list(connection).await.unwrap().into_iter().map(|object| object.path).collect()
}

#[tokio::test]
async fn a_connection_is_the_same_under_its_new_name() {
    let (_sandbox, mut connection) = account().await;
    let lake = Lake::memory();
    assert!(!export(&connection, &lake).await.failed());
    lake.put("old/_rejected/leads-x.parquet", "rejects").await.unwrap();
    let manifest = "old/sources/_manifest/00000000000000000001.json";
    let mut document: Value = serde_json::from_slice(&lake.get(manifest).await.unwrap().unwrap()).unwrap();
    document["of_a_later_program"] = 7.into();
    lake.put(manifest, document.to_string()).await.unwrap();
    let before = held_by(&lake, "old").await;
    let record = account::read(&lake, "old").await.unwrap();

    let renamed = moved(&lake).await.unwrap();
    assert_eq!(renamed.tables, before.len() as u64);
    assert_eq!(held_by(&lake, "new").await, before);
    assert_eq!(account::read(&lake, "new").await.unwrap(), record);
    assert_eq!(
        lake.get("new/_rejected/leads-x.parquet").await.unwrap().unwrap().as_ref(),
        b"rejects"
    );
    let document = lake.get("new/sources/_manifest/00000000000000000001.json").await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&document).unwrap()["of_a_later_program"], 7);
    let left = paths(&lake, "old").await;
    assert!(left.iter().all(|path| path.starts_with("old/_lease/")), "{left:?}");
    let views = lake.get("_views/duckdb.sql").await.unwrap().unwrap();
    let views = String::from_utf8(views.to_vec()).unwrap();
    assert!(views.contains("\"new\".\"sources\"") && !views.contains("\"old\""), "{views}");

    connection.name = "new".to_owned();
    let report = export(&connection, &lake).await;
    assert!(report.tables.iter().all(|table| table.status.name() == "unchanged"), "{report:?}");
    // And back.
    rename(&lake, "new", "old", "a run").await.unwrap();
    assert_eq!(held_by(&lake, "old").await, before);
}

#[tokio::test]
async fn a_lake_on_disk_keeps_its_files() {
    let (_sandbox, connection) = account().await;
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap(), &crate::store::S3Options::default()).unwrap();
    assert!(!export(&connection, &lake).await.failed());
    let before = held_by(&lake, "old").await;
    moved(&lake).await.unwrap();
    assert_eq!(held_by(&lake, "new").await, before);
    let left = std::fs::read_dir(folder.path().join("old")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["_lease"], "no empty folder stays");
}

#[tokio::test]
async fn what_is_there_is_not_overwritten() {
    let (_sandbox, mut connection) = account().await;
    let lake = Lake::memory();
    let error = moved(&lake).await.unwrap_err();
    assert!(error.message().contains("there is no connection `old`"), "{error:?}");
    assert!(!export(&connection, &lake).await.failed());
    connection.name = "new".to_owned();
    assert!(!export(&connection, &lake).await.failed());
    let (old, new) = (held_by(&lake, "old").await, held_by(&lake, "new").await);
    let error = moved(&lake).await.unwrap_err();
    assert!(error.message().contains("there is a connection `new`"), "{error:?}");
    assert_eq!((held_by(&lake, "old").await, held_by(&lake, "new").await), (old, new));
    for name in ["_x", "a/b", "old", ""] {
        assert!(rename(&lake, "old", name, "a run").await.is_err(), "{name:?}");
    }
}

#[tokio::test]
async fn a_run_at_work_keeps_it_where_it_is() {
    let (_sandbox, connection) = account().await;
    let lake = Lake::memory();
    assert!(!export(&connection, &lake).await.failed());
    for name in ["old", "new"] {
        let Acquired::Held(lease) = Lease::acquire(&lake, name, "another run").await.unwrap() else {
            panic!("nobody has it");
        };
        let error = moved(&lake).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict, "{error:?}");
        lease.release().await.unwrap();
    }
    moved(&lake).await.unwrap();
}

/// Killed at each of its operations on the lake: one of the names is whole, no export goes on with half a one, and the same command ends it, also where an export of the old name came
/// between.
#[tokio::test]
async fn a_rename_that_is_killed_is_gone_on_with() {
    let (sandbox, connection) = account().await;
    let mut renamed = connection.clone();
    renamed.name = "new".to_owned();
    for at in 0_usize.. {
        let fake = Fake::new();
        let lake = Process::new(&fake, Fate::Lives).lake();
        assert!(!export(&connection, &lake).await.failed());
        let before = held_by(&lake, "old").await;
        let process = Process::new(&fake, Fate::Killed { at, done: at % 2 == 0 });
        let killed = moved(&process.lake()).await;
        let old = holds(&lake, "old", &before).await;
        assert!(old || holds(&lake, "new", &before).await, "at {at}: {:?}", paths(&lake, "").await);
        if killed.is_ok() {
            assert!(at > 20, "{at} operations");
            return;
        }
        let mut expected = before.clone();
        if lake.get("old/_renaming.json").await.unwrap().is_some() {
            assert!(export(&connection, &lake).await.failed(), "at {at}");
        } else if old {
            sandbox.churn(at as u64, 5, &["exactsales.sources"]).unwrap();
            assert!(!export(&connection, &lake).await.failed(), "at {at}");
            expected = held_by(&lake, "old").await;
        }
        if lake.get("new/_renaming.json").await.unwrap().is_some() {
            assert!(export(&renamed, &lake).await.failed(), "at {at}");
        }
        fake.advance(Duration::from_secs(121));
        if let Err(error) = moved(&lake).await {
            // It was over but for what nobody heard.
            assert!(error.message().contains("there is no connection `old`"), "at {at}: {error:?}");
        }
        assert_eq!(held_by(&lake, "new").await, expected, "at {at}");
        let left = paths(&lake, "old").await;
        assert!(left.iter().all(|path| path.starts_with("old/_lease/")), "at {at}: {left:?}");
        assert!(!export(&renamed, &lake).await.failed(), "at {at}");
    }
}
