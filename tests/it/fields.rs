//! Custom fields: frozen when a table is first exported, added by `fields sync`, refused by the vendor. `tests/interop/test_fields.py` holds every value against the vendor's.

use std::collections::BTreeMap;

use afluente::sandbox::{FieldChange, FieldKind, FieldRef, Options};
use arrow_array::Array;
use serde_json::Value;

use crate::support::{Outcome, Setup, lake, pairs, run};

/// The columns of the fields that deals have unless somebody changes them.
const COLUMNS: [&str; 5] = ["apelido", "canais", "data_de_aniversario", "regiao_id", "regiao_val"];

fn setup() -> Setup {
    Setup::new(Options {
        rows: 80,
        ..Options::default()
    })
}

fn fields(setup: &Setup, args: &[&str]) -> Outcome {
    let mut all = vec!["fields"];
    all.extend(args);
    all.extend(["ploomes", "--tables", "deals", "--to", "lake", "--schemas", "schemas"]);
    run(setup.folder(), &pairs(&setup.environment), &all)
}

/// Name and state of each field of deals, as `fields diff` tells it.
fn diff(setup: &Setup) -> Vec<(String, String)> {
    let outcome = fields(setup, &["diff", "-o", "json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    let fields: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    fields.iter().map(|field| (text(&field["name"]), text(&field["state"]))).collect()
}

fn export(setup: &Setup) -> Outcome {
    let outcome = setup.export(&["ploomes", "--tables", "deals"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    outcome
}

/// How many rows of deals have a value in each column of a custom field.
fn filled(setup: &Setup) -> BTreeMap<String, usize> {
    let manifest = &lake::manifests(&setup.lake())["ploomes.deals"];
    let columns = manifest["schema"]["fields"].as_array().into_iter().flatten();
    let mut filled: BTreeMap<String, usize> = columns
        .flat_map(|field| field["columns"].as_array().unwrap())
        .map(|column| (column.as_str().unwrap().to_owned(), 0))
        .collect();
    for entry in manifest["entries"].as_array().unwrap() {
        for batch in lake::batches(&setup.lake().join("ploomes/deals").join(entry["path"].as_str().unwrap())) {
            for (name, count) in &mut filled {
                *count += batch.column_by_name(name).map_or(0, |column| column.len() - column.null_count());
            }
        }
    }
    filled
}

#[test]
fn fields_are_frozen_until_they_are_synchronised() {
    let setup = setup();
    export(&setup);
    let before = filled(&setup);
    assert_eq!(before.keys().collect::<Vec<_>>(), COLUMNS);
    assert!(before.values().all(|filled| *filled > 0), "{before:?}");
    assert_eq!(diff(&setup), []);

    let change = |change| setup.world.sandbox().change_field(&change).unwrap();
    let (entity, field) = (2, FieldRef::Place);
    change(FieldChange::Add {
        entity,
        name: "Renda mensal".to_owned(),
        kind: FieldKind::Money,
    });
    change(FieldChange::Rename {
        entity,
        field: field(0),
        name: "Alcunha".to_owned(),
    });
    change(FieldChange::Retype {
        entity,
        field: field(1),
        kind: FieldKind::Integer,
    });
    change(FieldChange::Remove { entity, field: field(2) });
    let states = [
        ("Apelido", "renamed"),
        ("Data de aniversário", "retyped"),
        ("Região", "gone"),
        ("Renda mensal", "new"),
    ];
    let states: Vec<_> = states.map(|(name, state)| (name.to_owned(), state.to_owned())).into();
    assert_eq!(diff(&setup), states);
    let outcome = export(&setup);
    assert!(
        outcome
            .stderr
            .contains("custom fields without columns: 1 new, 1 of another type than before"),
        "{}",
        outcome.text()
    );
    // Nothing was read again: what the lake has stays as it was read.
    assert_eq!(filled(&setup), before);

    let outcome = fields(&setup, &["sync"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    assert!(
        outcome
            .stderr
            .contains("ploomes.deals: 2 columns added: data_de_aniversario_2, renda_mensal"),
        "{}",
        outcome.text()
    );
    assert_eq!(
        diff(&setup).len(),
        2,
        "the removed field and the columns of the old type are gone for ever"
    );
    let outcome = export(&setup);
    assert!(!outcome.stderr.contains("custom fields"), "{}", outcome.text());
    let after = filled(&setup);
    assert_eq!(
        [after["data_de_aniversario"], after["regiao_id"], after["regiao_val"]],
        [0, 0, 0],
        "{after:?}"
    );
    assert!(after["renda_mensal"] > 0 && after["data_de_aniversario_2"] > 0, "{after:?}");
    assert_eq!((after["apelido"], after["canais"]), (before["apelido"], before["canais"]));
    // The whole read was asked for once.
    assert!(export(&setup).stderr.contains("unchanged"));
}

#[test]
fn a_table_whose_fields_are_refused_is_exported_without_them_and_never_loses_them() {
    let setup = Setup::new(Options {
        rows: 80,
        refuse_custom_fields: vec![("ploomes.deals".to_owned(), 403)],
        ..Options::default()
    });
    let outcome = export(&setup);
    assert!(
        outcome
            .stderr
            .contains("exported without its custom fields, because the vendor refuses"),
        "{}",
        outcome.text()
    );
    assert!(filled(&setup).is_empty());
    // It keeps no other table from its fields.
    let contacts = ["ploomes", "--tables", "contacts,deals"];
    assert_eq!(setup.export(&contacts).code, 0);
    let sandbox = setup.world.sandbox();
    for entity in [1, 2] {
        let (name, kind) = ("Renda mensal".to_owned(), FieldKind::Money);
        sandbox.change_field(&FieldChange::Add { entity, name, kind }).unwrap();
    }
    let refused = run(
        setup.folder(),
        &pairs(&setup.environment),
        &[
            "fields",
            "sync",
            "ploomes",
            "--tables",
            "contacts,deals",
            "--to",
            "lake",
            "--schemas",
            "schemas",
        ],
    );
    assert_eq!(refused.code, 1, "{}", refused.text());
    assert!(
        refused.stderr.contains("ploomes.contacts: 1 column added: renda_mensal")
            && refused
                .stderr
                .contains("ploomes.deals: the vendor refuses the values of its custom fields")
            && refused.stderr.contains("the table stays as it was"),
        "{}",
        refused.text()
    );
    // Whoever reads by the views sees the column before the next export.
    let views = std::fs::read_to_string(setup.lake().join("_views/duckdb.sql")).unwrap();
    assert!(views.contains("renda_mensal"), "{views}");

    let (table, status) = ("ploomes.deals".to_owned(), 403);
    setup
        .world
        .sandbox()
        .change_field(&FieldChange::Allow { table: table.clone() })
        .unwrap();
    assert_eq!(fields(&setup, &["sync"]).code, 0);
    export(&setup);
    let before = filled(&setup);
    assert_eq!(before.keys().collect::<Vec<_>>(), [&COLUMNS[..], &["renda_mensal"]].concat());
    assert!(before.values().all(|filled| *filled > 0), "{before:?}");

    setup.world.sandbox().change_field(&FieldChange::Refuse { table, status }).unwrap();
    let failed = setup.export(&["ploomes", "--tables", "deals"]);
    assert_eq!(failed.code, 1, "{}", failed.text());
    assert!(failed.stderr.contains("the token's user needs the permission"), "{}", failed.text());
    assert_eq!(filled(&setup), before);
}

/// Of what type a field is now only the list tells: a value of another type may stand where its own stood.
#[test]
fn without_the_list_a_table_with_custom_fields_stays_as_it_is() {
    let setup = setup();
    export(&setup);
    let before = filled(&setup);
    let (table, status) = ("ploomes.fields".to_owned(), 403);
    let sandbox = setup.world.sandbox();
    sandbox
        .change_field(&FieldChange::Refuse {
            table: table.clone(),
            status,
        })
        .unwrap();
    sandbox.churn(1, 20, &["ploomes.deals"]).unwrap();
    let failed = setup.export(&["ploomes", "--tables", "deals"]);
    assert_eq!(failed.code, 1, "{}", failed.text());
    assert!(
        failed.stderr.contains("what its custom fields are now is not known")
            && failed
                .stderr
                .contains("hint: the table stays as it was; the token's user needs the permission to see the list"),
        "{}",
        failed.text()
    );
    assert_eq!(filled(&setup), before);
    sandbox.change_field(&FieldChange::Allow { table }).unwrap();
    export(&setup);
}

/// The files stay when columns are added: a manifest that said otherwise of them would be untrue.
#[test]
fn a_table_that_is_declared_otherwise_is_exported_before_its_fields_are_synchronised() {
    let setup = setup();
    export(&setup);
    let entity = 2;
    let (name, kind) = ("Renda mensal".to_owned(), FieldKind::Money);
    setup
        .world
        .sandbox()
        .change_field(&FieldChange::Add { entity, name, kind })
        .unwrap();
    let file = setup.folder().join("schemas/ploomes/deals.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let more = "nova = { type = \"text\", path = \"Nova\", description = \"Nova.\" }\n";
    std::fs::write(&file, text + more).unwrap();
    let refused = fields(&setup, &["sync"]);
    assert_eq!(refused.code, 1, "{}", refused.text());
    assert!(
        refused
            .stderr
            .contains("ploomes.deals: it differs from what was exported: other columns")
            && refused.stderr.contains("hint: export the table first"),
        "{}",
        refused.text()
    );
    assert!(export(&setup).stderr.contains("`deals` differs from version 1: other columns"));
    assert_eq!(fields(&setup, &["sync"]).code, 0);
}

#[test]
fn without_the_list_a_table_has_no_custom_fields_and_says_so() {
    let setup = Setup::new(Options {
        rows: 80,
        refuse_custom_fields: vec![("ploomes.fields".to_owned(), 403)],
        ..Options::default()
    });
    let outcome = export(&setup);
    assert!(
        outcome.stderr.contains("the custom fields of the account are not known"),
        "{}",
        outcome.text()
    );
    assert!(filled(&setup).is_empty());
    let table = "ploomes.fields".to_owned();
    setup.world.sandbox().change_field(&FieldChange::Allow { table }).unwrap();
    assert_eq!(diff(&setup).len(), 4);
}

/// What an export fails for before it reads, `check` tells as well.
#[test]
fn check_finds_what_the_next_export_would() {
    let setup = setup();
    let config = |personal: &str, table: &str| {
        let text = format!(
            "[connections.acme]\nsource = \"ploomes\"\ntoken = {{ env = \"PLOOMES_USER_KEY\" }}\n{table}\n[personal.tables]\n{personal}\n"
        );
        setup.write("afluente.toml", &text);
    };
    let both = |args: &[&str]| {
        ["check", "export"].map(|verb| {
            let mut all = vec![verb, "acme", "--to", "lake", "--schemas", "schemas"];
            all.extend(args);
            run(setup.folder(), &pairs(&setup.environment), &all)
        })
    };
    // A typing mistake that only the account's fields tell from a field.
    config("\"deals.apelid\" = \"drop\"", "");
    for (outcome, code) in both(&["--tables", "deals"]).iter().zip([1, 1]) {
        assert_eq!(outcome.code, code, "{}", outcome.text());
        assert!(
            outcome.stderr.contains("`deals.apelid` matches no column of the table"),
            "{}",
            outcome.text()
        );
    }
    assert!(!setup.lake().join("ploomes").exists() && !setup.lake().join("acme/deals").exists());
    // A mode that the vendor's API does not have for the table.
    config("", "tables.cities.mode = \"incremental\"");
    for outcome in both(&["--tables", "cities"]) {
        assert_eq!(outcome.code, 2, "{}", outcome.text());
        assert!(
            outcome.stderr.contains("cannot be asked for this table by time"),
            "{}",
            outcome.text()
        );
    }
    // Values that the vendor refuses, where the lake has them already.
    config("\"deals.apelido\" = \"drop\"", "");
    for outcome in both(&["--tables", "deals"]) {
        assert_eq!(outcome.code, 0, "{}", outcome.text());
    }
    let (table, status) = ("ploomes.deals".to_owned(), 403);
    setup.world.sandbox().change_field(&FieldChange::Refuse { table, status }).unwrap();
    for outcome in both(&["--tables", "deals"]) {
        assert_eq!(outcome.code, 1, "{}", outcome.text());
    }
}

#[test]
fn rows_of_another_host_are_not_gone_on_with() {
    let mut setup = setup();
    let tables = ["ploomes", "--tables", "deals,cities"];
    assert_eq!(setup.export(&tables).code, 0);
    let before = lake::manifests(&setup.lake());
    assert_eq!(before["ploomes.deals"]["host"], "127.0.0.1");
    let address = setup.environment.iter_mut().find(|(name, _)| name == "PLOOMES_BASE_URL").unwrap();
    address.1 = address.1.replace("127.0.0.1", "localhost");
    let failed = setup.export(&tables);
    assert_eq!(failed.code, 1, "{}", failed.text());
    for words in [
        "ploomes.cities: its rows in the lake were read from `127.0.0.1`, and connection `ploomes` asks `localhost`; the same for ploomes.deals",
        "2 failed; the lake keeps what it had: 0 requests",
        "`--full-refresh` replaces what is there",
    ] {
        assert!(failed.stderr.contains(words), "{}", failed.text());
    }
    assert_eq!(lake::manifests(&setup.lake()), before);
    let checked = run(
        setup.folder(),
        &pairs(&setup.environment),
        &[
            "check",
            "ploomes",
            "--tables",
            "deals,cities",
            "--to",
            "lake",
            "--schemas",
            "schemas",
        ],
    );
    assert_eq!(checked.code, 1, "{}", checked.text());
    assert!(checked.stderr.contains("2 of 4 checks failed"), "{}", checked.text());
    let replaced = setup.export(&["ploomes", "--tables", "deals,cities", "--full-refresh"]);
    assert_eq!(replaced.code, 0, "{}", replaced.text());
    assert_eq!(lake::manifests(&setup.lake())["ploomes.deals"]["host"], "localhost");
    assert_eq!(setup.export(&tables).code, 0);
}
