//! A token, and what a vendor keeps secret beside its rows, are in no output and no file.

use afluente::sandbox::{Options, Sandbox};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;

use crate::support::{Setup, copy_schemas, files_below, lake, quickened};

/// Texts that must not be found anywhere: the tokens, and a part of what the sandbox puts into a member of Ploomes' users.
fn secrets() -> Vec<String> {
    let mut secrets: Vec<String> = ["ploomes", "nectarcrm", "sensedata", "exactsales", "customerx"]
        .iter()
        .map(|source| Sandbox::token(source).to_owned())
        .collect();
    assert!(secrets.iter().all(|secret| secret.len() > 20));
    secrets.push("SANDBOX-SECRET".to_owned());
    secrets
}

fn assert_none(place: &str, bytes: &[u8]) {
    for secret in secrets() {
        let found = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
        assert!(
            found.is_none(),
            "{place}: {secret} in {}",
            String::from_utf8_lossy(&bytes[found.unwrap_or(0).saturating_sub(200)..bytes.len().min(found.unwrap_or(0) + 200)])
        );
    }
}

/// Looks at every byte of the lake, and at every text in it: compressed, a secret would not be seen.
fn assert_none_in_lake(setup: &Setup) {
    let files = files_below(&setup.lake());
    assert!(!files.is_empty());
    for path in files {
        assert_none(&path.display().to_string(), &std::fs::read(&path).unwrap());
    }
    let data = lake::data_files(&setup.lake());
    for path in data.iter().chain(&lake::rejected_files(&setup.lake())) {
        for batch in lake::batches(&setup.lake().join(path)) {
            for column in batch.columns().iter().filter(|column| *column.data_type() == DataType::Utf8) {
                for text in column.as_string::<i32>().iter().flatten() {
                    assert_none(&path.display().to_string(), text.as_bytes());
                }
            }
        }
    }
}

#[test]
fn no_secret_in_any_output_or_file() {
    let setup = Setup::new(Options {
        rows: 30,
        faults: "500=0.1,html=0.1,cut=0.1".parse().unwrap(),
        ..Options::default()
    });
    // The vendor does hold it: the test would see it.
    assert!(setup.world.get("ploomes", "/Users").unwrap().contains("SANDBOX-SECRET"));
    for args in [
        ["-vvv", "--progress", "plain"].as_slice(),
        &["-vvv", "--log-format", "json", "--report", "report.json"],
        &["--progress", "json"],
    ] {
        let outcome = setup.export(args);
        assert_eq!(outcome.code, 0, "{}", outcome.text());
        assert_none("output", outcome.text().as_bytes());
    }
    assert_none("report.json", &std::fs::read(setup.folder().join("report.json")).unwrap());
    assert_none_in_lake(&setup);
}

#[test]
fn no_secret_among_what_was_rejected() {
    let setup = Setup::new(Options {
        rows: 30,
        ..Options::default()
    });
    // Names are no numbers, and the key is nowhere: every cell and every record of the users is rejected.
    let wrong = |bad: fn(&str) -> String| {
        copy_schemas(setup.folder(), |path, text| match path {
            "ploomes/users.toml" => bad(text),
            _ if path.ends_with("source.toml") => quickened(text),
            _ => text.to_owned(),
        });
    };
    for (what, bad, rejected) in [
        (
            "cells",
            (|text: &str| text.replace("name                     = { type = \"text\",    ", "name = { type = \"int\", "))
                as fn(&str) -> String,
            "name",
        ),
        (
            "records",
            |text: &str| text.replace("path = \"Id\",", "path = \"NoSuchMember\","),
            "",
        ),
    ] {
        wrong(bad);
        let outcome = setup.export(&["ploomes", "--tables", "users", "--max-rejected", "100%", "-vv"]);
        assert_eq!(outcome.code, 0, "{what}: {}", outcome.text());
        assert_none(what, outcome.text().as_bytes());
        assert_none_in_lake(&setup);
        let kept = lake::rejected_files(&setup.lake());
        let batch = &lake::batches(&setup.lake().join(kept.first().unwrap()))[0];
        let column = batch.column_by_name("column").unwrap().as_string::<i32>();
        let raw = batch.column_by_name("raw").unwrap().as_string::<i32>();
        assert!(batch.num_rows() >= 5, "{what}");
        for row in 0..batch.num_rows() {
            let found = if column.is_null(row) { "" } else { column.value(row) };
            assert_eq!((found, raw.value(row).is_empty()), (rejected, false), "{what}");
        }
    }
    // The same table fails when so many are too many, and tells where they are.
    let outcome = setup.export(&["ploomes", "--tables", "users", "--max-rejected", "0"]);
    assert_eq!(outcome.code, 1, "{}", outcome.text());
    assert!(outcome.stderr.contains("_rejected"), "{}", outcome.text());
    assert_none("output", outcome.text().as_bytes());
    assert_none_in_lake(&setup);
}
