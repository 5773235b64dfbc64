//! What is chosen, and what may not be.

use super::*;
use crate::config::Config;
use crate::schema::Catalog;

fn catalog() -> Catalog {
    Catalog::embedded().unwrap()
}

/// The tables of `ploomes` after these choices.
fn applied(source: &str, text: &str) -> Result<Source> {
    let config = Config::parse("afluente.toml", text).unwrap();
    let catalog = catalog();
    let mut found = catalog.source(source).unwrap().clone();
    let owners = vec![(source.to_owned(), catalog.source(source).unwrap())];
    let mut policies = config.personal.policies(&config.personal.rules(&owners)?, source, source);
    if config.personal.hashes() {
        policies = policies.with_key(HashKey::new("a key of the unit tests").unwrap());
    }
    policies.apply_all(&mut found)?;
    Ok(found)
}

/// `keep`, `drop` or what is done to a column.
fn policy(source: &Source, table: &str, column: &str) -> &'static str {
    let table = &source.tables[table];
    match table.column(column) {
        None if table.dropped.iter().any(|name| name == column) => "drop",
        None => panic!("there is no column `{column}`"),
        Some(column) => column.treatment.as_ref().map_or("keep", |treatment| treatment.policy.name()),
    }
}

#[test]
fn the_most_specific_choice_counts() {
    let source = applied(
        "ploomes",
        r#"
        [personal]
        default = "mask"
        [personal.kinds]
        email = "hash"
        free_text = "drop"
        [personal.tables]
        "users" = "null"
        "users.name" = "keep"
        "*.phone" = "hash"
        "ploomes.contacts.note" = "keep"
        "contacts.typeid" = "null"
        "deals*" = "null"
        "deals" = "keep"
        "#,
    )
    .unwrap();
    for (table, column, expected) in [
        ("contacts", "name", "mask"),
        ("contacts", "email", "hash"),
        ("contacts", "note", "keep"),
        ("contacts", "typeid", "null"),
        ("contacts", "id", "keep"),
        ("tasks", "title", "drop"),
        ("users", "email", "null"),
        ("users", "name", "keep"),
        ("users", "phone", "hash"),
        ("users", "language", "keep"),
        ("deals", "title", "keep"),
        ("deals_stages", "name", "keep"),
    ] {
        assert_eq!(policy(&source, table, column), expected, "{table}.{column}");
    }
    let zipcode = source.tables["contacts"].column("zipcode").unwrap();
    assert_eq!(zipcode.kind, ColumnType::Text);
    assert_eq!(zipcode.treatment.as_ref().unwrap().read_as, ColumnType::Int);
    assert!(!source.tables["contacts_types"].protects());
}

#[test]
fn columns_that_come_later_are_treated_and_the_others_left() {
    let config = Config::parse("afluente.toml", "[personal]\ndefault = \"mask\"\n").unwrap();
    let rules = config.personal.rules(&[]).unwrap();
    let policies = config.personal.policies(&rules, "ploomes", "ploomes");
    let mut source = catalog().source("ploomes").unwrap().clone();
    policies.apply_all(&mut source).unwrap();
    let mut table = source.tables["contacts"].clone();
    let column = Column {
        name: "cpf_do_socio".to_owned(),
        personal: Some(Personal::Custom),
        treatment: None,
        kind: ColumnType::Int,
        ..table.column("id").unwrap().clone()
    };
    table.columns.push(column);
    policies.apply(&mut table).unwrap();
    for name in ["cpf_do_socio", "zipcode"] {
        let treatment = table.column(name).unwrap().treatment.as_ref().unwrap();
        assert_eq!((treatment.policy, treatment.read_as), (Policy::Mask, ColumnType::Int), "{name}");
    }
}

#[test]
fn what_an_exploded_table_copies_is_what_it_copies_from() {
    let source = applied("exactsales", "[personal.tables]\n\"leadspersons.id\" = \"hash\"\n").unwrap();
    for (table, column) in [("leadspersons", "id"), ("leadspersons__persons", "lead_id")] {
        let column = source.tables[table].column(column).unwrap();
        assert_eq!(column.kind, ColumnType::Text);
        assert_eq!(column.treatment.as_ref().unwrap().read_as, ColumnType::Float);
    }
    let error = applied("exactsales", "[personal.tables]\n\"leadspersons__persons.lead_id\" = \"hash\"\n").unwrap_err();
    assert!(error.message().contains("a copy of `leadspersons.id`"), "{error}");
}

#[test]
fn what_is_derived_is_chosen_for_where_it_comes_from() {
    for (key, hint) in [
        ("customerx_clients.email", "choose for `contacts.email`:"),
        ("ploomes.customerx_clients.cnpj_cpf", "choose for `contacts.register`:"),
        ("customerx_*.email", "choose for `contacts.email`:"),
        ("*.cnpj_cpf", "choose for `contacts.register`:"),
        ("customerx_contracts.description", "choose for `deals.title`, `products.name`:"),
        ("customerx_clients.ploomes_entity", "`contacts`, `deals`:"),
        (
            "customerx_timeline",
            "choose for `contacts`, `deals`, `documents`, `interaction_records`, `tasks`:",
        ),
    ] {
        // That it is kept would be as untrue as that it goes.
        for policy in ["hash", "keep"] {
            let error = applied("ploomes", &format!("[personal.tables]\n\"{key}\" = \"{policy}\"\n")).unwrap_err();
            assert!(error.message().contains(&format!("`{key}` chooses for what is derived")), "{error}");
            assert!(error.advice().unwrap().contains(hint), "{error:?}");
        }
    }
    // A glob that meets others too chooses for these.
    let source = applied("ploomes", "[personal.tables]\n\"*.email\" = \"hash\"\n\"c*\" = \"null\"\n").unwrap();
    for (table, column, expected) in [
        ("contacts", "email", "hash"),
        ("contacts", "name", "null"),
        ("customerx_clients", "email", "keep"),
        ("customerx_clients", "trading_name", "keep"),
    ] {
        assert_eq!(policy(&source, table, column), expected, "{table}.{column}");
    }
}

#[test]
fn rows_are_not_told_apart_by_what_is_not_there() {
    for (text, expected) in [
        (
            "\"leads.id\" = \"drop\"",
            "column `leads.id` cannot be `drop`: it is of the primary key",
        ),
        (
            "\"leads.updatedate\" = \"hash\"",
            "column `leads.updatedate` cannot be `hash`: it is the cursor",
        ),
        (
            "\"leads.registerdate\" = \"null\"",
            "column `leads.registerdate` cannot be `null`: it is the partition, by time",
        ),
        (
            "\"qualifications.leadid\" = \"mask\"",
            "cannot be `mask`: it is copied by an exploded table",
        ),
    ] {
        let error = applied("exactsales", &format!("[personal.tables]\n{text}\n")).unwrap_err();
        assert!(error.message().contains(expected), "{error}");
    }
}

#[test]
fn a_key_that_matches_nothing_is_told_with_what_there_is() {
    for (text, message, hint) in [
        ("\"contats\" = \"drop\"", "`contats` matches no table", "contacts, "),
        (
            "\"departments.names\" = \"drop\"",
            "`departments.names` matches no column",
            "id, name",
        ),
        (
            "\"acme.contacts.email\" = \"drop\"",
            "`acme` is neither a connection nor a source",
            "ploomes",
        ),
        ("\"a.b.c.d\" = \"drop\"", "`a.b.c.d` names no table", "expected `table`"),
    ] {
        let error = applied("ploomes", &format!("[personal.tables]\n{text}\n")).unwrap_err();
        assert!(error.message().contains(message), "{error}");
        assert!(error.advice().unwrap().contains(hint), "{error:?}");
    }
    for text in [
        "[personal.kinds]\nmail = \"drop\"",
        "[personal]\ndefault = \"burn\"",
        "[personal]\ntables = 1",
        "[personal]\nkey = \"abc\"",
    ] {
        let error = Config::parse("afluente.toml", text).unwrap_err();
        assert!(error.message().starts_with("afluente.toml:"), "{error}");
    }
}

#[test]
fn a_key_is_needed_where_something_is_hashed_and_read_nowhere_else() {
    let none = Config::parse("afluente.toml", "[personal]\ndefault = \"hash\"\n").unwrap();
    assert!(none.personal.hashes());
    assert!(none.personal.hash_key().unwrap_err().advice().unwrap().contains("openssl"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let text = format!("[personal]\nkey = {{ file = {:?} }}\n", file.display().to_string());
    let config = Config::parse("afluente.toml", &text).unwrap();
    assert!(!config.personal.hashes());
    assert!(
        config
            .personal
            .hash_key()
            .unwrap_err()
            .message()
            .contains("cannot read the key file")
    );
    std::fs::write(&file, "short\n").unwrap();
    assert!(
        config
            .personal
            .hash_key()
            .unwrap_err()
            .message()
            .contains("5 bytes, expected at least 16")
    );
    std::fs::write(&file, "0123456789abcdef0123\n").unwrap();
    assert_eq!(config.personal.hash_key().unwrap().id().len(), 16);
}
