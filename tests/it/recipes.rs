//! The recipes of `schemas/README.md` as a test: a table is one file, a vendor is a folder, a mistake shows file, line and the allowed names.

use afluente::schema::Catalog;

const SOURCE: &str = r#"
title       = "Acme"
description = "CRM de exemplo."
base_url    = "https://api.acme.example/v1"
token_env   = "ACME_TOKEN"
auth        = { type = "header", name = "X-Token" }
records     = ["items", "@only"]
pagination  = { type = "page", page_param = "page" }
rate_limit  = { requests = 60, per = "60s" }
"#;

const TABLE: &str = r#"
title       = "Visitas"
description = "Uma linha por visita a um cliente."
endpoint    = "/visits"
primary_key = ["id"]
[columns]
id   = { type = "int",  path = "id",   description = "Identificador da visita." }
note = { type = "text", path = "note", description = "O que se anotou na visita." }
"#;

fn load(files: &[(&str, &str)]) -> afluente::error::Result<Catalog> {
    Catalog::from_files(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
}

/// The message that a table file gives when `line` replaces the line that starts as it does, or is added where none does.
fn mistake(line: &str) -> String {
    let key = line.split(['=', ' ']).next().unwrap();
    let mut found = false;
    let mut text: Vec<String> = TABLE
        .lines()
        .map(|old| {
            if old.starts_with(key) {
                found = true;
                line.to_owned()
            } else {
                old.to_owned()
            }
        })
        .collect();
    if !found {
        text.insert(5, line.to_owned());
    }
    load(&[("acme/source.toml", SOURCE), ("acme/visits.toml", &text.join("\n"))])
        .unwrap_err()
        .message()
        .to_owned()
}

#[test]
fn a_vendor_is_a_folder_and_a_table_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let acme = folder.path().join("acme");
    std::fs::create_dir(&acme).unwrap();
    std::fs::write(acme.join("source.toml"), SOURCE).unwrap();
    std::fs::write(acme.join("visits.toml"), TABLE).unwrap();
    let catalog = Catalog::from_folder(folder.path()).unwrap();
    let table = &catalog.source("acme").unwrap().tables["visits"];
    assert_eq!(
        table.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(),
        ["id", "note"]
    );
}

#[test]
fn an_exploded_table_is_as_experimental_as_its_parent() {
    let notes = r#"
title        = "Notas"
description  = "Uma linha por nota de uma visita."
experimental = true
explode      = { table = "visits", path = "notes" }
[columns]
text = { type = "text", path = ".", description = "O que se anotou." }
"#;
    let files = [
        ("acme/source.toml", SOURCE),
        ("acme/visits.toml", TABLE),
        ("acme/notes.toml", notes),
    ];
    let error = load(&files).unwrap_err();
    let message = "acme/notes.toml:4: an exploded table comes with `visits`, expected the key there";
    assert_eq!(error.message(), message);
}

#[test]
fn a_mistake_shows_file_line_and_the_allowed_names() {
    for (line, expected) in [
        ("endpont = \"/x\"", ["acme/visits.toml:6", "unknown field `endpont`", "`endpoint`"]),
        (
            "primary_key = [\"code\"]",
            ["acme/visits.toml:5", "unknown column `code`", "id, note"],
        ),
        (
            "note = { type = \"texto\", path = \"note\", description = \"x\" }",
            ["acme/visits.toml:8", "unknown variant `texto`", "`text`, `int`"],
        ),
        (
            "note = { type = \"text\", path = \"a[].b[].c\", description = \"x\" }",
            ["acme/visits.toml:8", "two arrays", "`note`"],
        ),
        (
            "note = { type = \"text\", description = \"x\" }",
            ["acme/visits.toml:8", "exactly one of `path`, `parent`", "`note`"],
        ),
        (
            "note = { type = \"text\", path = \"n\", references = \"x.y\", description = \"x\" }",
            ["acme/visits.toml:8", "`x.y`", "`table.column`"],
        ),
        (
            "note = { type = \"text\", path = \"n\", format = \"comma\", description = \"x\" }",
            ["acme/visits.toml:8", "does not fit", "text"],
        ),
        (
            "partition = { column = \"note\", by = \"month\" }",
            ["acme/visits.toml:6", "neither timestamp nor date", "`note`"],
        ),
        (
            "pagination = { type = \"pages\" }",
            ["acme/visits.toml:6", "unknown variant `pages`", "`keyset`"],
        ),
        (
            "pagination = { type = \"page\", page_param = \"p\", count = { member = \"n\", header = \"X-Total\" } }",
            ["acme/visits.toml:6", "exactly one of `member` and `header`", "count"],
        ),
        (
            "pagination = { type = \"page\", page_param = \"p\", size_header = \"X-Per-Page\" }",
            ["acme/visits.toml:6", "expected a `size`", "`size_header`"],
        ),
        (
            "replication = { mode = \"full\", on_trust = true, always = true }",
            ["acme/visits.toml", "without `always`", ""],
        ),
        (
            "explode = { table = \"visit\", path = \"x\" }",
            ["acme/visits.toml", "exactly one of `endpoint` and `explode`", ""],
        ),
        (
            "for_each = { table = \"visits\", column = \"id\" }",
            ["acme/visits.toml:4", "`{id}`", ""],
        ),
    ] {
        let message = mistake(line);
        for part in expected {
            assert!(message.contains(part), "`{line}`: expected `{part}` in: {message}");
        }
    }
}

#[test]
fn a_folder_without_declarations_says_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let error = Catalog::from_folder(folder.path()).unwrap_err();
    assert!(error.advice().unwrap().contains("<source>/<table>.toml"), "{error:?}");
    let error = load(&[("acme/visits.toml", TABLE)]).unwrap_err();
    assert!(error.message().contains("acme/source.toml is missing"), "{error:?}");
}
