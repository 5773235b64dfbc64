//! What a manifest says, and what is no manifest.

use std::collections::BTreeMap;

use serde_json::{Map, json};

use super::*;
use crate::hash_key::HashKey;
use crate::schema::{ColumnType, Personal, Policy, Treatment, arrow_schema};
use crate::store::PartitionValue;

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
    assert!(!manifest.entries[0].meta.may_be_refused());

    // What a program of before wrote says nothing of footers.
    let before = GOLDEN.replace(",\n        \"footer\": 1", "");
    assert_ne!(before, GOLDEN);
    let before = parse("x", before.as_bytes()).unwrap();
    assert!(before.entries.iter().all(|entry| entry.meta.may_be_refused()));
    assert_eq!(before.rows, manifest.rows);
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
        },
        "footer": 1
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
        "max": {},
        "footer": 1
      }
    }
  ]
}
"#;

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
