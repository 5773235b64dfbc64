//! What is asked of a lake after an export: `status`, `verify`, `views`, `compact`, and the metrics of the run.

use afluente::sandbox::Options;
use serde_json::Value;

use crate::support::{Outcome, Setup, assert_recorded, files_below, lake, run};

fn exported() -> Setup {
    let setup = Setup::new(Options {
        rows: 60,
        ..Options::default()
    });
    let outcome = setup.export(&["ploomes", "exactsales", "--metrics", "afluente.prom"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    setup
}

fn afluente(setup: &Setup, args: &[&str]) -> Outcome {
    run(setup.folder(), &[], args)
}

#[test]
fn the_metrics_tell_of_every_table() {
    let setup = exported();
    let text = std::fs::read_to_string(setup.folder().join("afluente.prom")).unwrap();
    assert!(text.contains("\nafluente_run_success 1\n"), "{text}");
    for (name, manifest) in lake::manifests(&setup.lake()) {
        let (connection, table) = name.split_once('.').unwrap();
        let labels = format!("{{connection=\"{connection}\",source=\"{connection}\",table=\"{table}\"}}");
        for line in [
            format!("afluente_table_success{labels} 1"),
            format!("afluente_table_rows{labels} {}", manifest["rows"]),
            format!("afluente_table_bytes{labels} {}", manifest["bytes"]),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}");
        }
    }
    let beside: Vec<_> = std::fs::read_dir(setup.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        beside.iter().all(|name| !name.to_string_lossy().starts_with(".afluente.prom")),
        "{beside:?}"
    );
}

#[test]
fn status_tells_what_the_manifests_tell() {
    let setup = exported();
    let manifests = lake::manifests(&setup.lake());
    let outcome = afluente(&setup, &["status", "-o", "json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    let tables: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(tables.len(), manifests.len());
    for table in &tables {
        let name = format!("{}.{}", table["connection"].as_str().unwrap(), table["table"].as_str().unwrap());
        let manifest = &manifests[&name];
        for member in ["rows", "bytes", "version", "savepoint"] {
            assert_eq!(table[member], manifest[member], "{name} {member}");
        }
        assert_eq!(
            table["files"].as_u64().unwrap() as usize,
            manifest["entries"].as_array().unwrap().len(),
            "{name}"
        );
    }
    // A parent is followed by what is exploded from it.
    let place = |name: &str| tables.iter().position(|table| table["table"] == name).unwrap();
    let followed = &tables[place("qualifications") + 1];
    assert_eq!(followed["exploded_from"], "qualifications", "{followed}");
    let text = afluente(&setup, &["status", "exactsales"]);
    assert_eq!(
        (text.code, text.stdout.lines().count()),
        (0, 1 + tables.iter().filter(|table| table["connection"] == "exactsales").count())
    );
    assert!(
        text.stdout
            .lines()
            .skip(1)
            .all(|line| line.starts_with("exactsales.") && line.ends_with(" ago")),
        "{}",
        text.text()
    );
    let unknown = afluente(&setup, &["status", "plomes"]);
    assert_recorded(
        "snapshots/status-unknown.txt",
        &format!("$ afluente status plomes\n{}", unknown.text()),
    );
}

#[test]
fn verify_names_the_file_and_what_to_do() {
    let setup = exported();
    let clean = afluente(&setup, &["verify"]);
    assert_eq!((clean.code, clean.stdout.as_str()), (0, ""), "{}", clean.text());
    assert!(clean.stderr.contains("0 faults, 0 warnings"), "{}", clean.text());

    let deals: Vec<_> = files_below(&setup.lake().join("ploomes/deals"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "parquet"))
        .collect();
    let name = deals[0].strip_prefix(setup.lake()).unwrap().display().to_string();
    std::fs::copy(&deals[0], deals[0].with_file_name("part-1-99-01234567.parquet")).unwrap();
    let left = afluente(&setup, &["verify"]);
    assert_eq!(left.code, 0, "{}", left.text());
    assert!(
        left.stdout.starts_with("warning: ploomes/deals/") && left.stdout.contains("`afluente vacuum`"),
        "{}",
        left.text()
    );

    std::fs::remove_file(&deals[0]).unwrap();
    let gone = afluente(&setup, &["verify"]);
    assert_eq!(gone.code, 1, "{}", gone.text());
    assert!(
        gone.stdout.contains(&format!("fault: {name} is not there; `afluente export")),
        "{}",
        gone.text()
    );
    assert!(gone.stderr.contains("1 fault, 1 warning"), "{}", gone.text());
    assert_eq!(afluente(&setup, &["verify", "exactsales"]).code, 0, "the other connection is whole");
    let json = afluente(&setup, &["verify", "-o", "json"]);
    let found: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((json.code, &found["findings"][0]["level"]), (1, &Value::from("fault")));
}

#[test]
fn views_name_every_live_file_once() {
    let setup = exported();
    for engine in ["duckdb", "spark"] {
        let outcome = afluente(&setup, &["views", "--engine", engine]);
        assert_eq!(outcome.code, 0, "{}", outcome.text());
        for path in lake::data_files(&setup.lake()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(outcome.stdout.matches(name).count(), 1, "{engine}: {name}");
        }
    }
}

#[test]
fn an_exported_lake_has_nothing_to_merge() {
    let setup = exported();
    let before = files_below(&setup.lake());
    let outcome = afluente(&setup, &["compact"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    assert!(outcome.stderr.starts_with("nothing to merge"), "{}", outcome.text());
    assert_eq!(files_below(&setup.lake()), before);
    let unknown = afluente(&setup, &["compact", "--tables", "dels"]);
    assert_recorded(
        "snapshots/compact-unknown.txt",
        &format!("$ afluente compact --tables dels\n{}", unknown.text()),
    );
}

/// A lake of the release before is in a folder of its own.
fn of_the_release_before() -> (tempfile::TempDir, std::path::PathBuf) {
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lakes/total-order");
    let folder = tempfile::tempdir().unwrap();
    for path in files_below(&from) {
        let to = folder.path().join("lake").join(path.strip_prefix(&from).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(path, to).unwrap();
    }
    let lake = folder.path().join("lake");
    (folder, lake)
}

#[test]
fn a_lake_of_the_release_before_is_counted_and_compacted() {
    let (folder, lake) = of_the_release_before();
    let afluente = |args: &[&str]| {
        let outcome = run(folder.path(), &[], args);
        assert_eq!(outcome.code, 0, "{}", outcome.text());
        outcome
    };
    let before = lake::manifests(&lake);
    let files: usize = before.values().map(|manifest| manifest["entries"].as_array().unwrap().len()).sum();
    let status = afluente(&["status"]);
    assert!(
        status.stderr.contains(&format!("{files} data files of an earlier version")),
        "{}",
        status.stderr
    );
    assert!(status.stderr.contains("`afluente compact`"), "{}", status.stderr);
    let verified = afluente(&["verify"]);
    let warnings = verified
        .stdout
        .lines()
        .filter(|line| line.starts_with("warning: ") && line.contains("`afluente compact`"));
    assert_eq!(warnings.count(), before.len(), "{}", verified.stdout);

    // One table, and what belongs to it, at a time.
    afluente(&["compact", "--tables", "years"]);
    let years = lake::manifests(&lake);
    let moved: Vec<&String> = before
        .keys()
        .filter(|name| years[*name]["version"] != before[*name]["version"])
        .collect();
    assert_eq!(moved, ["corners.years"]);
    afluente(&["compact"]);
    let after = lake::manifests(&lake);
    for (name, manifest) in &after {
        for member in ["rows", "savepoint", "mode", "primary_key", "partition", "schema"] {
            assert_eq!(manifest[member], before[name][member], "{name} {member}");
        }
        let folders = |manifest: &Value| {
            let entries = manifest["entries"].as_array().unwrap();
            let mut folders: Vec<_> = entries.iter().map(|entry| entry["meta"]["partition"].to_string()).collect();
            folders.sort();
            folders
        };
        assert_eq!(folders(manifest), folders(&before[name]), "{name}");
        assert_eq!(manifest["version"], 2, "{name}");
    }
    assert_eq!(after["corners.plain"]["histories"]["plain_history"], 2);
    assert_eq!(after["corners.plain"]["children"]["plain__people"], 2);
    lake::check(&lake);
    assert_eq!(afluente(&["verify"]).stdout, "");
    assert!(!afluente(&["status"]).stderr.contains("earlier version"));
    assert!(afluente(&["compact"]).stderr.contains("nothing to merge"));
    assert_eq!(lake::manifests(&lake), after);
}
