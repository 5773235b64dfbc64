//! Every table, every row, and the sizes at which paging goes wrong.

use std::collections::BTreeMap;

use afluente::sandbox::Options;
use serde_json::Value;

use crate::support::{Setup, files_below, lake};

#[test]
fn all_tables_twice() {
    let setup = Setup::new(Options {
        rows: 60,
        ..Options::default()
    });
    let expected = setup.world.rows();
    // The 84 of the documents, NectarCRM's custom fields and CustomerX.
    assert_eq!(expected.len(), 84 + 3 + 15);
    let outcome = setup.export(&["--report", "report.json"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.text());
    assert_eq!(lake::check(&setup.lake()), expected);
    documented(&setup);
    reported(&setup, &expected);
    let first = lake::data_files(&setup.lake());

    let again = setup.export(&[]);
    assert_eq!(again.code, 0, "{}", again.text());
    assert_eq!(lake::check(&setup.lake()), expected);
    assert!(again.stderr.contains("102 tables unchanged"), "{}", again.text());
    assert_eq!(lake::data_files(&setup.lake()), first, "nothing changed, so nothing is written");

    let whole = setup.export(&["--full-refresh"]);
    assert_eq!(whole.code, 0, "{}", whole.text());
    assert_eq!(lake::check(&setup.lake()), expected);
    let third = lake::data_files(&setup.lake());
    assert!(third.is_disjoint(&first), "files of version 1 are still there");
    for (table, manifest) in lake::manifests(&setup.lake()) {
        assert_eq!(manifest["version"], 2, "{table}");
    }
    assert_eq!(files_below(&setup.lake().join("_runs")).len(), 3);
}

/// The columns in the files are those of the documents, in their order.
fn documented(setup: &Setup) {
    let catalog: Value = serde_json::from_str(include_str!("../../catalog.json")).unwrap();
    let manifests = lake::manifests(&setup.lake());
    for (source, tables) in catalog.as_object().unwrap() {
        for table in tables.as_array().unwrap() {
            let name = format!("{source}.{}", table["id"].as_str().unwrap());
            let described = |columns: &Value, of: &[Value]| -> Vec<(Value, Value)> {
                assert!(columns.is_array(), "{name}");
                of.iter().map(|column| (column["name"].clone(), column["type"].clone())).collect()
            };
            let found = manifests[&name]["schema"]["columns"].as_array().unwrap();
            let (exported_at, found) = found.split_last().unwrap();
            assert_eq!(exported_at["name"], "_exported_at");
            let columns = &table["columns"];
            // The columns of custom fields, which the manifest names, follow those of the documents.
            let fields = manifests[&name]["schema"]["fields"].as_array().into_iter().flatten();
            let own = fields.map(|field| field["columns"].as_array().unwrap().len()).sum::<usize>();
            let (found, _) = found.split_at(found.len() - own);
            assert_eq!(described(columns, found), described(columns, columns.as_array().unwrap()), "{name}");
        }
    }
}

/// The report is the same in the lake and in the file, and tells what is there and what was asked.
fn reported(setup: &Setup, rows: &BTreeMap<String, u64>) {
    let runs = files_below(&setup.lake().join("_runs"));
    let in_lake = std::fs::read_to_string(&runs[0]).unwrap();
    assert_eq!(in_lake, std::fs::read_to_string(setup.folder().join("report.json")).unwrap());
    let report: Value = serde_json::from_str(&in_lake).unwrap();
    assert_eq!(runs[0].file_stem().unwrap(), report["run_id"].as_str().unwrap());
    // The account's id, and the list of custom fields, its page and the empty one after it, are read for all tables and counted with none.
    let mut requests = BTreeMap::from([("ploomes", report["other_requests"].as_u64().unwrap())]);
    assert_eq!(requests["ploomes"], 3);
    for table in report["tables"].as_array().unwrap() {
        let source = table["source"].as_str().unwrap();
        let name = format!("{source}.{}", table["table"].as_str().unwrap());
        assert_eq!(table["status"], "committed", "{name}");
        assert_eq!(table["rows"], rows[&name], "{name}");
        assert_eq!(table["rejected_records"], 0, "{name}");
        assert_eq!(table["bad_cells"], 0, "{name}");
        *requests.entry(source).or_default() += table["requests"].as_u64().unwrap();
    }
    for (source, requests) in requests {
        assert_eq!(requests, setup.world.counted(source, "requests"), "requests of {source}");
        assert_eq!(setup.world.counted(source, "answered_429"), 0, "{source}");
    }
}

/// None, one, a full page and one row more, for a table of each way of paging.
#[test]
fn pages_empty_full_and_one_row_over() {
    let tables = [
        ("ploomes.deals", 300),
        ("exactsales.leads", 500),
        ("nectarcrm.contatos", 50),
        ("sensedata.customers", 1_000),
        ("customerx.clients", 20),
    ];
    let rows_of = |page: u64| [0, 1, page, page + 1];
    for at in 0..4 {
        let table_rows: Vec<(String, u64)> = tables
            .iter()
            .map(|(table, page)| ((*table).to_owned(), rows_of(*page)[at]))
            .collect();
        let setup = Setup::new(Options {
            rows: 1,
            table_rows: table_rows.clone(),
            ..Options::default()
        });
        let names: Vec<&str> = tables.iter().map(|(table, _)| *table).collect();
        let outcome = setup.export(&["--tables", &names.join(",")]);
        assert_eq!(outcome.code, 0, "{}", outcome.text());
        let found = lake::check(&setup.lake());
        let expected = setup.world.rows();
        for (table, rows) in &table_rows {
            assert_eq!(found[table], *rows, "{table}");
        }
        for (table, rows) in found {
            assert_eq!(rows, expected[&table], "{table}");
        }
    }
}
