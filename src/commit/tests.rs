//! Commits, races, lost answers, sweeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::DateTime;
use serde_json::{Map, json};

use super::*;
use crate::error::Kind;
use crate::hash_key::HashKey;
use crate::schema::{ColumnType, Personal, Policy, Table, Treatment, arrow_schema, demo};
use crate::store::fake::Fake;
use crate::store::{Bounds, DataFile, PartitionValue, S3Options, data_file_version};

const DEALS: &str = r#"
title = "Negócios"
description = "Uma linha por negócio."
endpoint = "/Deals"
primary_key = ["id"]
partition = { column = "at", by = "month" }
[replication]
mode = "incremental"
cursor = "at"
from = { param = "from", value = "{from}" }
[columns]
id    = { type = "float", path = "Id", description = "Identificador." }
stage = { type = "text", path = "Stage", references = "deals.id", description = "Estágio." }
at    = { type = "timestamp", path = "At", description = "Alteração." }
"#;

fn table() -> Table {
    demo::source(&[("deals", DEALS)]).tables["deals"].clone()
}

fn file(path: &str) -> DataFile {
    DataFile {
        path: path.to_owned(),
        bytes: 1_000,
        rows: 10,
        sha256: "ab".repeat(32),
        partition: None,
        bounds: Bounds::default(),
    }
}

fn manifest(lake: &Lake, version: u64, run_id: &str, paths: &[&str]) -> Manifest {
    let entries = paths.iter().map(|path| Entry::new(lake, "acme", "deals", file(path))).collect();
    let committed_at = DateTime::parse_from_rfc3339("2026-03-01T12:00:00.25-03:00").unwrap().to_utc();
    Manifest::new("demo", "acme", &table(), version, run_id, committed_at, entries)
}

fn name(version: u64, n: u32) -> String {
    format!("part-{version}-{n}-0000000{n}.parquet")
}

#[test]
fn what_is_done_to_personal_data_is_told_and_compared() {
    let lake = Lake::memory();
    let with = |policy: Policy, key: Option<&str>| {
        let mut table = table();
        let stage = table.columns.iter_mut().find(|column| column.name == "stage").unwrap();
        stage.personal = Some(Personal::FreeText);
        match policy {
            Policy::Keep => {}
            Policy::Drop => {
                table.columns.retain(|column| column.name != "stage");
                table.dropped.push("stage".to_owned());
            }
            _ => {
                stage.treatment = Some(Treatment {
                    policy,
                    read_as: ColumnType::Text,
                    key: key.map(|key| HashKey::new(key).unwrap()),
                });
            }
        }
        let at = DateTime::UNIX_EPOCH;
        (Manifest::new("demo", "acme", &table, 1, "run", at, Vec::new()), table)
    };
    let (keep, _) = with(Policy::Keep, None);
    let (hash, table_of_hash) = with(Policy::Hash, Some("a key of sixteen bytes"));
    let (other, _) = with(Policy::Hash, Some("another key of sixteen"));
    let (dropped, _) = with(Policy::Drop, None);
    let stage = |manifest: &Manifest| manifest.schema.columns.iter().find(|column| column.name == "stage").cloned();
    let told = stage(&hash).unwrap();
    assert_eq!(
        (told.personal.as_deref(), told.policy.as_deref()),
        (Some("free_text"), Some("hash"))
    );
    assert_eq!(told.key_id.map(|id| id.len()), Some(16));
    assert_eq!(
        (stage(&keep).unwrap().policy, dropped.schema.dropped.as_slice()),
        (None, &["stage".to_owned()][..])
    );

    // A manifest of before counts as one that keeps.
    let (old, _) = with(Policy::Keep, None);
    let text = serde_json::to_string(&manifest(&lake, 1, "run", &[])).unwrap();
    assert!(
        !text.contains("personal") && !text.contains("policy") && !text.contains("dropped"),
        "{text}"
    );
    let parsed: Manifest = serde_json::from_str(&text).unwrap();
    assert_eq!(parsed.schema.protects_otherwise(&old.schema), None);

    for (was, is, expected) in [
        (&parsed, &hash, "`stage` was `keep` and is to be `hash`"),
        (&hash, &keep, "`stage` was `hash` and is to be `keep`"),
        (&keep, &dropped, "`stage` was `keep` and is to be `drop`"),
        (&dropped, &keep, "`stage` was `drop` and is to be `keep`"),
        (&hash, &other, "`stage` is to be hashed with another key"),
    ] {
        assert_eq!(was.schema.protects_otherwise(&is.schema).as_deref(), Some(expected));
    }
    assert_eq!(hash.schema.protects_otherwise(&hash.schema), None);
    // What is known of the table from its manifest alone is written into the files that it rewrites.
    assert_eq!(arrow_schema(&hash.as_table().unwrap()), arrow_schema(&table_of_hash));
}

#[test]
fn the_document_is_as_it_always_was() {
    let lake = Lake::memory();
    let mut manifest = manifest(&lake, 7, "run-7", &[]);
    let month = DataFile {
        partition: Some(PartitionValue {
            name: "at_month".to_owned(),
            value: Some("2026-03".to_owned()),
        }),
        bounds: Bounds {
            min: Map::from_iter([("id".to_owned(), json!(1.5)), ("at".to_owned(), json!("2026-03-01T00:00:00Z"))]),
            max: Map::from_iter([("id".to_owned(), json!(9.0)), ("at".to_owned(), json!("2026-03-31T00:00:00Z"))]),
        },
        ..file("at_month=2026-03/part-7-0-00000000.parquet")
    };
    let null = DataFile {
        partition: Some(PartitionValue {
            name: "at_month".to_owned(),
            value: None,
        }),
        ..file("at_month=__HIVE_DEFAULT_PARTITION__/part-6-1-00000001.parquet")
    };
    manifest.entries = [month, null].map(|file| Entry::new(&lake, "acme", "deals", file)).to_vec();
    (manifest.rows, manifest.bytes) = (20, 2_000);
    manifest.savepoint = Some(manifest.committed_at);
    manifest.children = BTreeMap::from([("deals__products".to_owned(), 5)]);
    let text = serde_json::to_string_pretty(&manifest).unwrap();
    assert_eq!(text, GOLDEN.trim());
    assert_eq!(parse("x", GOLDEN.as_bytes()).unwrap(), manifest);
    manifest.check().unwrap();
}

const GOLDEN: &str = r#"
{
  "format_version": 1,
  "source": "demo",
  "connection": "acme",
  "table": "deals",
  "version": 7,
  "run_id": "run-7",
  "committed_at": "2026-03-01T15:00:00.250Z",
  "mode": "incremental",
  "primary_key": [
    "id"
  ],
  "partition": {
    "column": "at",
    "by": "month"
  },
  "savepoint": "2026-03-01T15:00:00.250Z",
  "children": {
    "deals__products": 5
  },
  "schema": {
    "fingerprint": "3f1819f9b59ae8a40f3a5b9ba024d21d64899092d6915ca9c3cc7d2c6371a425",
    "columns": [
      {
        "name": "id",
        "type": "float",
        "arrow": "Float64",
        "description": "Identificador.",
        "references": null
      },
      {
        "name": "stage",
        "type": "text",
        "arrow": "Utf8",
        "description": "Estágio.",
        "references": "deals.id"
      },
      {
        "name": "at",
        "type": "timestamp",
        "arrow": "Timestamp(µs, UTC)",
        "description": "Alteração.",
        "references": null
      },
      {
        "name": "_exported_at",
        "type": "timestamp",
        "arrow": "Timestamp(µs, UTC)",
        "description": "Momento em que começou a execução que leu a linha.",
        "references": null
      }
    ]
  },
  "rows": 20,
  "bytes": 2000,
  "entries": [
    {
      "url": "memory:///acme/deals/at_month=2026-03/part-7-0-00000000.parquet",
      "path": "at_month=2026-03/part-7-0-00000000.parquet",
      "mandatory": true,
      "meta": {
        "content_length": 1000,
        "record_count": 10,
        "sha256": "abababababababababababababababababababababababababababababababab",
        "partition": {
          "at_month": "2026-03"
        },
        "min": {
          "id": 1.5,
          "at": "2026-03-01T00:00:00Z"
        },
        "max": {
          "id": 9.0,
          "at": "2026-03-31T00:00:00Z"
        }
      }
    },
    {
      "url": "memory:///acme/deals/at_month=__HIVE_DEFAULT_PARTITION__/part-6-1-00000001.parquet",
      "path": "at_month=__HIVE_DEFAULT_PARTITION__/part-6-1-00000001.parquet",
      "mandatory": true,
      "meta": {
        "content_length": 1000,
        "record_count": 10,
        "sha256": "abababababababababababababababababababababababababababababababab",
        "partition": {
          "at_month": null
        },
        "min": {},
        "max": {}
      }
    }
  ]
}
"#;

#[tokio::test]
async fn the_newest_manifest_is_the_table() {
    let lake = Lake::memory();
    assert_eq!(latest(&lake, "acme", "deals").await.unwrap(), None);
    for version in [1, 2, 9, 10, 11] {
        let manifest = manifest(&lake, version, "r", &[&name(version, 0)]);
        assert_eq!(commit(&lake, &manifest).await.unwrap(), Outcome::Committed);
        assert_eq!(latest(&lake, "acme", "deals").await.unwrap(), Some(manifest));
    }
    // Neither a stranger's file nor another table's manifest is one of its versions.
    lake.put("acme/deals/_manifest/99999999999999999999x.json", "{}").await.unwrap();
    lake.put("acme/deals/_manifest/12.json", "{}").await.unwrap();
    lake.put("acme/deals_stages/_manifest/00000000000000000099.json", "{}")
        .await
        .unwrap();
    assert_eq!(versions(&lake, "acme", "deals").await.unwrap(), [1, 2, 9, 10, 11]);
    assert_eq!(read(&lake, "acme", "deals", 9).await.unwrap().unwrap().version, 9);
    assert_eq!(read(&lake, "acme", "deals", 3).await.unwrap(), None);
    let path = "acme/deals/_manifest/00000000000000000011.json";
    assert!(lake.get(path).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_one_commits_and_the_other_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    for lake in [
        Lake::memory(),
        Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap(),
    ] {
        for version in 1..=20 {
            let race = ["a", "b", "c"].map(|run| {
                let (lake, manifest) = (lake.clone(), manifest(&lake, version, run, &[]));
                tokio::spawn(async move { (run, commit(&lake, &manifest).await.unwrap()) })
            });
            let mut winners = Vec::new();
            for task in race {
                match task.await.unwrap() {
                    (run, Outcome::Committed) => winners.push(run),
                    (_, Outcome::Conflict { version: lost }) => assert_eq!(lost, version),
                }
            }
            assert_eq!(winners.len(), 1);
            assert_eq!(latest(&lake, "acme", "deals").await.unwrap().unwrap().run_id, winners[0]);
        }
    }
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_recognised() {
    let fake = Fake::new();
    let lake = Lake::over(Arc::new(fake.clone()));
    fake.lost_answers.store(1, Ordering::SeqCst);
    assert_eq!(commit(&lake, &manifest(&lake, 1, "a", &[])).await.unwrap(), Outcome::Committed);
    // A client that retries by itself is told that its own object exists.
    assert_eq!(commit(&lake, &manifest(&lake, 1, "a", &[])).await.unwrap(), Outcome::Committed);
    assert_eq!(
        commit(&lake, &manifest(&lake, 1, "b", &[])).await.unwrap(),
        Outcome::Conflict { version: 1 }
    );
    fake.refused_puts.store(1, Ordering::SeqCst);
    assert_eq!(
        commit(&lake, &manifest(&lake, 1, "b", &[])).await.unwrap(),
        Outcome::Conflict { version: 1 }
    );
    fake.refused_puts.store(1, Ordering::SeqCst);
    let error = commit(&lake, &manifest(&lake, 2, "b", &[])).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert!(error.message().contains("_manifest/00000000000000000002.json"), "{error:?}");
    assert_eq!(versions(&lake, "acme", "deals").await.unwrap(), [1]);
}

#[tokio::test]
async fn manifests_that_cannot_be_understood_say_so() {
    let lake = Lake::memory();
    let good = serde_json::to_value(manifest(&lake, 1, "a", &[])).unwrap();
    let with = |key: &str, value: serde_json::Value| {
        let mut document = good.clone();
        document[key] = value;
        document.to_string()
    };
    for (document, word) in [
        (with("format_version", json!(2)), "format_version 2, expected 1"),
        (with("version", json!(3)), "version 3"),
        (with("committed_at", json!("yesterday")), "yesterday"),
        (with("mode", json!("merged")), "merged"),
        (good.to_string()[..200].to_owned(), "corrupt"),
        ("{}".to_owned(), "format_version"),
        (String::new(), "corrupt"),
    ] {
        lake.put("acme/deals/_manifest/00000000000000000001.json", document).await.unwrap();
        let error = latest(&lake, "acme", "deals").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Store);
        assert!(error.message().contains(word), "{error:?}");
        assert!(error.message().contains("_manifest/00000000000000000001.json"), "{error:?}");
        assert!(error.advice().is_some());
    }
    // What a later program adds is passed over.
    let later = with("statistics", json!({"x": 1}));
    lake.put("acme/deals/_manifest/00000000000000000001.json", later).await.unwrap();
    assert!(latest(&lake, "acme", "deals").await.unwrap().is_some());
}

#[tokio::test]
async fn a_manifest_that_contradicts_itself_is_not_committed() {
    let lake = Lake::memory();
    let mut wrong_sum = manifest(&lake, 2, "a", &[&name(2, 0)]);
    wrong_sum.rows += 1;
    for manifest in [
        manifest(&lake, 2, "a", &[&name(3, 0)]),
        manifest(&lake, 2, "a", &["notes.parquet"]),
        manifest(&lake, 2, "a", &[&name(2, 0), &name(2, 0)]),
        wrong_sum,
    ] {
        assert_eq!(commit(&lake, &manifest).await.unwrap_err().kind(), Kind::Defect);
    }
    assert!(lake.list("").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_deletes_what_can_never_be_live_again_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for lake in [
        Lake::memory(),
        Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap(),
    ] {
        let live = [name(6, 0), format!("at_month=2026-03/{}", name(7, 1))];
        let dead = [
            name(1, 2),
            name(7, 3),
            format!("at_month=2026-02/{}", name(6, 4)),
            format!("at_month=São Paulo/{}", name(2, 5)),
        ];
        let others = [
            name(8, 6),
            "notes.parquet".to_owned(),
            "_manifest/00000000000000000007.json".to_owned(),
        ];
        for path in live.iter().chain(&dead).chain(&others) {
            lake.put(&format!("acme/deals/{path}"), "x").await.unwrap();
        }
        lake.put(&format!("acme/deals_stages/{}", name(1, 7)), "x").await.unwrap();
        let manifest = manifest(&lake, 7, "a", &[&live[0], &live[1]]);
        assert_eq!(sweep(&lake, &manifest, Duration::ZERO).await.unwrap(), dead.len());
        let mut left: Vec<String> = lake
            .list("acme/deals")
            .await
            .unwrap()
            .into_iter()
            .map(|object| object.path)
            .collect();
        left.sort();
        let mut expected: Vec<String> = live.iter().chain(&others).map(|path| format!("acme/deals/{path}")).collect();
        expected.sort();
        assert_eq!(left, expected);
        assert_eq!(sweep(&lake, &manifest, Duration::ZERO).await.unwrap(), 0);
        assert_eq!(lake.list("acme/deals_stages").await.unwrap().len(), 1);
    }
    assert!(
        !folder.path().join("acme/deals/at_month=2026-02").exists(),
        "no empty partition stays"
    );
}

#[tokio::test]
async fn a_sweep_that_comes_late_cannot_harm_what_was_committed_since() {
    let lake = Lake::memory();
    for version in 1..=3 {
        lake.put(&format!("acme/deals/{}", name(version, 0)), "x").await.unwrap();
    }
    let older = manifest(&lake, 2, "a", &[&name(2, 0)]);
    let newest = manifest(&lake, 3, "b", &[&name(3, 0)]);
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 2);
    assert_eq!(sweep(&lake, &older, Duration::ZERO).await.unwrap(), 0);
    assert_eq!(lake.list("acme/deals").await.unwrap().len(), 1);
}

const HOUR: Duration = Duration::from_secs(3600);

/// Commits a version of these files, the new ones among them written just before.
async fn commit_version(lake: &Lake, version: u64, paths: &[&str]) -> Manifest {
    for path in paths.iter().filter(|path| data_file_version(path) == Some(version)) {
        lake.put(&format!("acme/deals/{path}"), "x").await.unwrap();
    }
    let manifest = manifest(lake, version, &format!("run-{version}"), paths);
    assert_eq!(commit(lake, &manifest).await.unwrap(), Outcome::Committed);
    manifest
}

async fn left(lake: &Lake) -> Vec<String> {
    let listing = lake.list("acme/deals").await.unwrap();
    let mut names: Vec<String> = listing
        .iter()
        .map(|object| object.path.rsplit('/').next().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn files_superseded_within_the_retention_stay_for_readers() {
    let fake = Fake::new();
    let lake = Lake::over(Arc::new(fake.clone()));
    let (first, second, third, fourth) = (name(1, 0), name(2, 0), name(3, 0), name(4, 0));
    commit_version(&lake, 1, &[&first]).await;
    fake.advance(HOUR);
    commit_version(&lake, 2, &[&first, &second]).await;
    fake.advance(HOUR);
    // What the loser of a race for version 3 left.
    let orphan = name(3, 9);
    lake.put(&format!("acme/deals/{orphan}"), "x").await.unwrap();
    commit_version(&lake, 3, &[&second, &third]).await;
    fake.advance(HOUR);
    let newest = commit_version(&lake, 4, &[&third, &fourth]).await;
    // Manifest 3 was superseded now, 2 an hour ago, 1 two hours ago.
    assert_eq!(sweep(&lake, &newest, 3 * HOUR).await.unwrap(), 0);
    assert_eq!(
        sweep(&lake, &newest, HOUR + HOUR / 2).await.unwrap(),
        0,
        "manifest 2 still offers file 1"
    );
    assert_eq!(
        sweep(&lake, &newest, HOUR / 2).await.unwrap(),
        2,
        "manifest 3 alone is young: file 1 and the orphan go"
    );
    let data: Vec<String> = left(&lake).await.into_iter().filter(|name| name.starts_with("part-")).collect();
    assert_eq!(data, [&second, &third, &fourth].map(Clone::clone));
    fake.advance(HOUR);
    let newest = commit_version(&lake, 5, &[&fourth]).await;
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 2);
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 0);
}

#[tokio::test]
async fn manifests_go_a_week_after_they_were_superseded() {
    let fake = Fake::new();
    let lake = Lake::over(Arc::new(fake.clone()));
    commit_version(&lake, 1, &[]).await;
    fake.advance(24 * HOUR);
    commit_version(&lake, 2, &[]).await;
    fake.advance((7 * 24 - 1) * HOUR);
    let newest = commit_version(&lake, 3, &[]).await;
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 0, "not yet a week");
    fake.advance(2 * HOUR);
    let newest = commit_version(&lake, 4, &[]).await;
    assert_eq!(sweep(&lake, &newest, 30 * 24 * HOUR).await.unwrap(), 0, "readers may still use it");
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 1);
    assert_eq!(versions(&lake, "acme", "deals").await.unwrap(), [2, 3, 4]);
    // However old, the newest stays; one that comes late prunes nothing that is newer than itself.
    fake.advance(365 * 24 * HOUR);
    lake.put(&format!("acme/deals/{}", name(5, 0)), "x").await.unwrap();
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 2);
    assert_eq!(left(&lake).await, ["00000000000000000004.json".to_owned(), name(5, 0)]);
}

#[tokio::test]
async fn a_sweep_is_one_listing_and_with_a_retention_one_manifest() {
    let fake = Fake::new();
    let lake = Lake::over(Arc::new(fake.clone()));
    let mut newest = None;
    for version in 1..=9 {
        newest = Some(commit_version(&lake, version, &[&name(version, 0)]).await);
    }
    let newest = newest.unwrap();
    fake.reads.store(0, Ordering::SeqCst);
    fake.listings.store(0, Ordering::SeqCst);
    assert_eq!(sweep(&lake, &newest, HOUR).await.unwrap(), 0);
    assert_eq!((fake.listings.load(Ordering::SeqCst), fake.reads.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 8);
    assert_eq!((fake.listings.load(Ordering::SeqCst), fake.reads.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn the_newest_reports_of_runs_stay() {
    let lake = Lake::memory();
    let mut ids: Vec<String> = (0..503).map(|_| uuid::Uuid::now_v7().to_string()).collect();
    ids.sort();
    for id in &ids {
        lake.put(&format!("_runs/{id}.json"), "{}").await.unwrap();
    }
    lake.put("_runs/notes.json", "mine").await.unwrap();
    assert_eq!(sweep_reports(&lake).await.unwrap(), 3);
    assert_eq!(sweep_reports(&lake).await.unwrap(), 0);
    let left: Vec<String> = lake.list("_runs").await.unwrap().into_iter().map(|object| object.path).collect();
    assert_eq!(left.len(), 501);
    assert_eq!(left[0], format!("_runs/{}.json", ids[3]));
    assert!(left.contains(&"_runs/notes.json".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_ends_what_a_killed_run_left_staged_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap();
    lake.put(&format!("acme/deals/{}", name(7, 0)), "x").await.unwrap();
    let begun = |version: u64| format!("_manifest/{version:020}.json");
    for (staged, stays) in [
        (name(7, 1), false),
        (name(3, 1), false),
        (name(8, 1), true),
        (begun(7), false),
        (begun(8), true),
    ] {
        let path = folder.path().join(format!("acme/deals/{staged}#1"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "half").unwrap();
        sweep(&lake, &manifest(&lake, 7, "a", &[&name(7, 0)]), Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(path.exists(), stays, "{staged}");
    }
}

#[tokio::test]
async fn the_content_of_a_lake_is_what_belongs_together() {
    let lake = Lake::memory();
    assert!(content(&lake).await.unwrap().is_empty());
    let put = async |connection: &str, table: &str, version: u64, children: &[(&str, u64)]| {
        let mut manifest = manifest(&lake, version, "run", &[]);
        (manifest.connection, manifest.table) = (connection.to_owned(), table.to_owned());
        manifest.children = children.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect();
        assert_eq!(commit(&lake, &manifest).await.unwrap(), Outcome::Committed);
    };
    // The table `a__rows` stands before its parent `orders` by name, and is one version ahead of it: a commit that was cut.
    for version in 1..=3 {
        put("acme", "a__rows", version, &[]).await;
    }
    put("acme", "orders", 9, &[("a__rows", 1)]).await;
    put("acme", "orders", 10, &[("a__rows", 2), ("absent", 1)]).await;
    put("acme", "zones", 1, &[("zones__gone", 7)]).await;
    put("acme", "zones__gone", 4, &[]).await;
    put("beta", "a__rows", 5, &[]).await;
    // What is no manifest of a table is passed over.
    for path in [
        "acme/orders/_manifest/11.json",
        "acme/orders/part-1-0-01234567.parquet",
        "_runs/00000000000000000001.json",
        "_manifest/00000000000000000001.json",
        "acme/orders/x_month=1/_manifest/00000000000000000099.json",
    ] {
        lake.put(path, "{}").await.unwrap();
    }
    let found = content(&lake).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|manifest| (manifest.connection.as_str(), manifest.table.as_str(), manifest.version))
        .collect();
    assert_eq!(
        found,
        [
            ("acme", "orders", 10),
            ("acme", "a__rows", 2),
            ("acme", "zones", 1),
            ("acme", "zones__gone", 4),
            ("beta", "a__rows", 5),
        ]
    );
}
